#include "sign/check.h"
#include "httpsig_field.h"

#include <apr_strings.h>
#include <string.h>

#include "ground/text.h"

/* Longest @target-uri that a message shows. */
enum { TARGET_MOST = 512 };

/* A kid, behind the name of whose it is where the signer says that: OWNER/KID. */
static int is_keyid(const char *text)
{
    const char *slash = strchr(text, '/');
    return finq_key_is_kid(slash ? slash + 1 : text);
}

const apr_array_header_t *finq_httpsig_kids(const finq_httpsig *signatures, apr_pool_t *pool)
{
    apr_array_header_t *kids = apr_array_make(pool, FINQ_HTTPSIG_SIGNATURES_MAX, sizeof(const char *));
    for (int i = 0; i < signatures->entries->nelts; i++) {
        const char *kid = APR_ARRAY_IDX(signatures->entries, i, finq_httpsig_entry).kid;
        if (kid && is_keyid(kid))
            APR_ARRAY_PUSH(kids, const char *) = kid;
    }
    return kids;
}

/* A line break in a value would let it write lines of its own into the base. */
static int is_line(const char *value)
{
    for (; *value; value++) {
        if (((unsigned char)*value < ' ' && *value != '\t') || (unsigned char)*value > '~')
            return 0;
    }
    return 1;
}

static const char *trimmed(const char *value, apr_pool_t *pool)
{
    while (*value == ' ' || *value == '\t')
        value++;
    apr_size_t length = strlen(value);
    while (length && (value[length - 1] == ' ' || value[length - 1] == '\t'))
        length--;
    return apr_pstrmemdup(pool, value, length);
}

static const char *quoted(const char *text, apr_pool_t *pool)
{
    char *copy = apr_palloc(pool, 2 * strlen(text) + 3), *to = copy;
    for (*to++ = '"'; *text; text++) {
        if (*text == '"' || *text == '\\')
            *to++ = '\\';
        *to++ = *text;
    }
    *to++ = '"';
    *to = '\0';
    return copy;
}

static finq_error *line_make(const char **line, const finq_httpsig_component *component, const finq_httpsig_message *message,
                             apr_pool_t *pool)
{
    const char *value = message->component(message->baton, component, pool);
    if (!value)
        return finq_check_failed(pool, FINQ_CHECK_COVERAGE, "the signature covers \"%s\", which the request has not.",
                                 component->name);
    if (!is_line(value))
        return finq_check_failed(pool, FINQ_CHECK_COVERAGE, "the value of \"%s\" is not one line of ASCII.", component->name);
    *line = apr_pstrcat(pool, "\"", component->name, "\"", component->query_name ? ";name=" : "",
                        component->query_name ? quoted(component->query_name, pool) : "", ": ", trimmed(value, pool), "\n", NULL);
    return NULL;
}

finq_error *finq_httpsig_base(const char **base, const finq_httpsig_entry *entry, const finq_httpsig_message *message,
                              apr_pool_t *pool)
{
    apr_array_header_t *lines = apr_array_make(pool, entry->components->nelts + 1, sizeof(const char *));
    for (int i = 0; i < entry->components->nelts; i++) {
        const char *line;
        FINQ_TRY(line_make(&line, &APR_ARRAY_IDX(entry->components, i, finq_httpsig_component), message, pool));
        APR_ARRAY_PUSH(lines, const char *) = line;
    }
    APR_ARRAY_PUSH(lines, const char *) = apr_pstrcat(pool, "\"@signature-params\": ", entry->params, NULL);
    *base = apr_array_pstrcat(pool, lines, 0);
    return NULL;
}

static finq_error *choose(const finq_httpsig_entry **entry, const finq_key **key, const finq_httpsig *signatures,
                          const apr_array_header_t *keys, apr_pool_t *pool)
{
    for (int i = 0; i < signatures->entries->nelts; i++) {
        const finq_httpsig_entry *at = &APR_ARRAY_IDX(signatures->entries, i, finq_httpsig_entry);
        *key = at->kid ? finq_key_find(keys, at->kid) : NULL;
        *entry = at;
        if (*key)
            return NULL;
    }
    return finq_check_failed(pool, FINQ_CHECK_KID, "no keyid in Signature-Input names a key of the tenant.");
}

static finq_error *key_check(const finq_httpsig_entry *entry, const finq_key *key, apr_pool_t *pool)
{
    const char *name = finq_algorithm_name(key->algorithm);
    if (key->revoked)
        return finq_check_failed(pool, FINQ_CHECK_REVOKED, "the key %s has been revoked.", key->kid);
    if (key->algorithm == FINQ_ALGORITHM_RS256)
        return finq_check_failed(pool, FINQ_CHECK_ALGORITHM,
                                 "the key %s is registered for RS256 (JWS), not for message signatures.", key->kid);
    if (entry->alg && strcmp(entry->alg, name) != 0)
        return finq_check_failed(pool, FINQ_CHECK_ALGORITHM, "Signature-Input says %s; the key %s is registered for %s.",
                                 finq_text_show(entry->alg, pool), key->kid, name);
    return NULL;
}

static const char *signed_digest(const finq_httpsig_entry *entry, const finq_httpsig_message *message, apr_pool_t *pool)
{
    for (int i = 0; i < entry->components->nelts; i++) {
        const finq_httpsig_component *component = &APR_ARRAY_IDX(entry->components, i, finq_httpsig_component);
        if (strcmp(component->name, "content-digest") == 0)
            return message->component(message->baton, component, pool);
    }
    return NULL;
}

/* Most often a proxy or a client has another address in mind than the one that was asked for. */
static finq_error *signature_refused(const finq_httpsig_entry *entry, const finq_key *key, const finq_httpsig_message *message,
                                     apr_pool_t *pool)
{
    const char *target = message->component(message->baton, &(finq_httpsig_component){"@target-uri", NULL}, pool);
    return finq_check_failed(pool, FINQ_CHECK_SIGNATURE,
                             "%s is not the key %s's over this request, whose @target-uri is %s here.", entry->label, key->kid,
                             target ? finq_text_plain(target, TARGET_MOST, pool) : "unknown");
}

finq_error *finq_httpsig_verify(const finq_httpsig_proof **proof, const finq_httpsig *signatures,
                                const finq_httpsig_message *message, const apr_array_header_t *keys, apr_pool_t *pool)
{
    const finq_httpsig_entry *entry;
    const finq_key *key;
    const char *base;
    FINQ_TRY(choose(&entry, &key, signatures, keys, pool));
    FINQ_TRY(key_check(entry, key, pool));
    FINQ_TRY(finq_httpsig_base(&base, entry, message, pool));
    if (!finq_key_verify(key, (finq_bytes){(const unsigned char *)base, strlen(base)}, entry->signature))
        return signature_refused(entry, key, message, pool);
    finq_httpsig_proof *made = apr_palloc(pool, sizeof *made);
    *made = (finq_httpsig_proof){entry->label,   key->kid,     entry->components, entry->created,
                                 entry->expires, entry->nonce, entry->tag,        signed_digest(entry, message, pool)};
    *proof = made;
    return NULL;
}

static int covers(const finq_httpsig_proof *proof, const char *name)
{
    for (int i = 0; i < proof->components->nelts; i++) {
        if (strcmp(APR_ARRAY_IDX(proof->components, i, finq_httpsig_component).name, name) == 0)
            return 1;
    }
    return 0;
}

static finq_error *check_times(const finq_httpsig_proof *proof, const finq_httpsig_policy *policy, apr_int64_t now,
                               apr_pool_t *pool)
{
    apr_int64_t end = proof->expires >= 0 ? proof->expires : proof->created + policy->max_lifetime;
    if (proof->created < 0)
        return finq_check_failed(pool, FINQ_CHECK_CLOCK, "Signature-Input must have the parameter created.");
    if (end <= proof->created || end - proof->created > policy->max_lifetime)
        return finq_check_failed(pool, FINQ_CHECK_LIFETIME,
                                 "expires must be later than created, by %" APR_INT64_T_FMT " s at most.", policy->max_lifetime);
    if (proof->created > now + policy->skew_ahead)
        return finq_check_failed(pool, FINQ_CHECK_CLOCK,
                                 "created lies in the future of the server's clock (%" APR_INT64_T_FMT "); set yours.", now);
    if (now > end + policy->skew_behind)
        return finq_check_failed(pool, FINQ_CHECK_EXP,
                                 "the signature ended at %" APR_INT64_T_FMT ", and it is %" APR_INT64_T_FMT
                                 " by the server's clock; sign again.",
                                 end, now);
    return NULL;
}

finq_error *finq_httpsig_check(const finq_httpsig_proof *proof, const finq_httpsig_policy *policy, apr_int64_t now,
                               apr_pool_t *pool)
{
    static const char *const required[] = {"@method", "@target-uri", "content-digest"};
    for (size_t i = 0; i < sizeof required / sizeof *required; i++) {
        if (!covers(proof, required[i]))
            return finq_check_failed(pool, FINQ_CHECK_COVERAGE, "the signature must cover \"%s\".", required[i]);
    }
    FINQ_TRY(check_times(proof, policy, now, pool));
    if (policy->require_nonce && !proof->nonce)
        return finq_check_failed(pool, FINQ_CHECK_JTI, "this server requires the parameter nonce, used once.");
    return NULL;
}
