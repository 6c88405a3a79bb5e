/* Making a message signature: for the operator's command. */
#include "httpsig_field.h"

#include <apr_strings.h>
#include <string.h>

#define LABEL "sig"

static const char *const covered[] = {"@method", "@target-uri", "content-digest", NULL};

/* KID or OWNER/KID: so that it needs no escape in a quoted string. */
static int is_keyid(const char *text, apr_pool_t *pool)
{
    const char *slash = strchr(text, '/');
    if (slash && !finq_key_is_kid(apr_pstrmemdup(pool, text, (apr_size_t)(slash - text))))
        return 0;
    return finq_key_is_kid(slash ? slash + 1 : text);
}

/* The components and parameters, as Signature-Input and the base both have them. */
static const char *params_make(const finq_httpsig_draft *draft, const finq_key *key, apr_pool_t *pool)
{
    const char *text = "(";
    for (const char *const *name = covered; *name; name++)
        text = apr_pstrcat(pool, text, name == covered ? "" : " ", "\"", *name, "\"", NULL);
    text = apr_psprintf(pool, "%s);created=%" APR_INT64_T_FMT ";expires=%" APR_INT64_T_FMT, text, draft->created, draft->expires);
    if (draft->nonce)
        text = apr_pstrcat(pool, text, ";nonce=\"", draft->nonce, "\"", NULL);
    return apr_pstrcat(pool, text, ";keyid=\"", draft->kid ? draft->kid : key->kid, "\";alg=\"",
                       finq_algorithm_name(key->algorithm), "\"", NULL);
}

finq_error *finq_httpsig_sign(const char **input, const char **signature, const finq_signer *signer,
                              const finq_httpsig_draft *draft, const finq_httpsig_message *message, apr_pool_t *pool)
{
    const finq_key *key = finq_signer_key(signer);
    finq_httpsig_entry entry = {.label = LABEL, .components = apr_array_make(pool, 4, sizeof(finq_httpsig_component))};
    finq_bytes made;
    const char *base;
    if (key->algorithm == FINQ_ALGORITHM_RS256)
        return finq_error_make(pool, FINQ_E_INVALID_INPUT, "RS256 signs a JWS, not a message.");
    if (draft->kid && !is_keyid(draft->kid, pool))
        return finq_error_make(pool, FINQ_E_INVALID_INPUT,
                               "A keyid is KID or OWNER/KID, each 1 to 128 of the characters A-Z a-z 0-9 . _ -.");
    for (const char *const *name = covered; *name; name++)
        *(finq_httpsig_component *)apr_array_push(entry.components) = (finq_httpsig_component){*name, NULL};
    entry.params = params_make(draft, key, pool);
    FINQ_TRY(finq_httpsig_base(&base, &entry, message, pool));
    FINQ_TRY(finq_signer_sign(&made, signer, (finq_bytes){(const unsigned char *)base, strlen(base)}, pool));
    *input = apr_pstrcat(pool, LABEL "=", entry.params, NULL);
    *signature = apr_pstrcat(pool, LABEL "=:", finq_codec_encode(FINQ_BASE64, made.data, made.length, pool), ":", NULL);
    return NULL;
}
