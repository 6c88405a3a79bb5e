/* Making a JWS: for the operator's command. */
#include "sign/jws.h"
#include "json/json.h"

#include <apr_strings.h>
#include <string.h>

static const char *part(const json_t *value, apr_pool_t *pool)
{
    const char *text = value ? finq_json_text(value, pool) : NULL;
    return text ? finq_codec_encode(FINQ_BASE64URL, (const unsigned char *)text, strlen(text), pool) : NULL;
}

static const char *signing_input(const finq_signer *signer, const finq_jws_draft *draft, apr_pool_t *pool)
{
    const char *kid = draft->kid ? draft->kid : finq_signer_key(signer)->kid;
    json_t *header = finq_json_own(json_pack("{s:s, s:s, s:s}", "alg", "RS256", "typ", "JWT", "kid", kid), pool);
    json_t *claims = finq_json_own(json_pack("{s:I, s:I, s:s, s:s, s:s, s:s, s:s, s:s*}", "iat", (json_int_t)draft->issued, "exp",
                                             (json_int_t)draft->expires, "iss", draft->issuer, "sub", draft->issuer, "email",
                                             draft->issuer, "aud", draft->audience, "digest", draft->digest, "jti", draft->jti),
                                   pool);
    const char *first = part(header, pool), *second = part(claims, pool);
    return first && second ? apr_pstrcat(pool, first, ".", second, NULL) : NULL;
}

finq_error *finq_jws_sign(const char **jws, const finq_signer *signer, const finq_jws_draft *draft, apr_pool_t *pool)
{
    finq_bytes signature;
    if (finq_signer_key(signer)->algorithm != FINQ_ALGORITHM_RS256)
        return finq_error_make(pool, FINQ_E_INVALID_INPUT, "A JWS is signed with an RS256 key.");
    if (draft->kid && !finq_key_is_kid(draft->kid))
        return finq_error_make(pool, FINQ_E_INVALID_INPUT, "A kid is 1 to 128 of the characters A-Z a-z 0-9 . _ -.");
    const char *input = signing_input(signer, draft, pool);
    if (!input)
        return finq_error_make(pool, FINQ_E_INVALID_INPUT, "The issuer, audience and jti must be UTF-8.");
    FINQ_TRY(finq_signer_sign(&signature, signer, (finq_bytes){(const unsigned char *)input, strlen(input)}, pool));
    *jws = apr_pstrcat(pool, input, ".", finq_codec_encode(FINQ_BASE64URL, signature.data, signature.length, pool), NULL);
    return NULL;
}
