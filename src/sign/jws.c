#include "sign/check.h"
#include "jws_claims.h"
#include "jws_members.h"

#include <apr_strings.h>
#include <string.h>

#include "ground/text.h"

struct finq_jws {
    const char *kid;
    finq_bytes signed_text; /* header "." payload, as sent */
    finq_bytes payload, signature;
    const finq_claims *unproven; /* what finq_jws_unproven_issuer has read; NULL before */
};

/* What is known of a header; from FORBIDDEN on, members of RFC 7515 and 7797 that would change what is verified, or bring the
 * key along. */
enum { ALG, TYP, KID, FORBIDDEN };
static const finq_member known[] = {
    [ALG] = {.name = "alg"}, [TYP] = {.name = "typ"}, [KID] = {.name = "kid"}, [FORBIDDEN] = {.name = "crit"},
    {.name = "b64"},         {.name = "zip"},         {.name = "enc"},         {.name = "jwk"},
    {.name = "jku"},         {.name = "x5u"},         {.name = "x5c"}};
#define MEMBERS (sizeof known / sizeof *known)

static finq_error *refuse(apr_pool_t *pool, const char *text)
{
    return finq_check_failed(pool, FINQ_CHECK_FORM, "%s", text);
}

static int is_blank(char c)
{
    return c == ' ' || c == '\t';
}

finq_error *finq_jws_bearer(const char **token, const char *header, apr_pool_t *pool)
{
    if (!header)
        return finq_check_failed(pool, FINQ_CHECK_HEADER, "send Authorization: Bearer <JWS>.");
    if (strncasecmp(header, "Bearer", 6) != 0 || !is_blank(header[6]))
        return finq_check_failed(pool, FINQ_CHECK_HEADER, "Authorization must be of the scheme Bearer.");
    if (strchr(header, ','))
        return finq_check_failed(pool, FINQ_CHECK_HEADER, "more than one Authorization header was sent.");
    for (header += 6; is_blank(*header);)
        header++;
    *token = header;
    return NULL;
}

static finq_error *check_alg(const char *alg, apr_pool_t *pool)
{
    if (!alg)
        return finq_check_failed(pool, FINQ_CHECK_ALGORITHM, "the JWS header has no \"alg\" string; it must be RS256.");
    if (strcmp(alg, "RS256") != 0)
        return finq_check_failed(pool, FINQ_CHECK_ALGORITHM, "the JWS header says %s; it must be RS256.",
                                 finq_text_show(alg, pool));
    return NULL;
}

static finq_error *check_header(const char **kid, const finq_member members[], apr_pool_t *pool)
{
    const finq_member *typ = &members[TYP], *named = &members[KID];
    FINQ_TRY(check_alg(members[ALG].text, pool));
    for (apr_size_t i = FORBIDDEN; i < MEMBERS; i++) {
        if (members[i].kind != FINQ_MEMBER_ABSENT)
            return finq_check_failed(pool, FINQ_CHECK_FORM, "the JWS header has \"%s\", which is not accepted.", members[i].name);
    }
    if (typ->kind != FINQ_MEMBER_ABSENT && (!typ->text || strcasecmp(typ->text, "JWT") != 0))
        return refuse(pool, "\"typ\" in the JWS header must be JWT, or absent.");
    if (named->kind != FINQ_MEMBER_ABSENT && (!named->text || !finq_key_is_kid(named->text)))
        return refuse(pool, "\"kid\" in the JWS header must be 1 to 128 of the characters A-Z a-z 0-9 . _ -.");
    *kid = named->text;
    return NULL;
}

/* The two dots; a third is refused with the base64url of the last part. */
static int split(finq_bytes parts[3], const char *text, apr_size_t length)
{
    const char *first = memchr(text, '.', length);
    const char *second = first ? memchr(first + 1, '.', length - (apr_size_t)(first + 1 - text)) : NULL;
    if (!second || first == text || second == first + 1 || second + 1 == text + length)
        return 0;
    parts[0] = (finq_bytes){(const unsigned char *)text, (apr_size_t)(first - text)};
    parts[1] = (finq_bytes){(const unsigned char *)first + 1, (apr_size_t)(second - first - 1)};
    parts[2] = (finq_bytes){(const unsigned char *)second + 1, (apr_size_t)(text + length - second - 1)};
    return 1;
}

static int is_padded(finq_bytes part)
{
    return part.data[part.length - 1] == '=';
}

/* JOSE has no padding, but google-auth before 1.6 (Debian 12 has 1.5) pads each part. So a token is of one kind or the
 * other, as its signed parts show: nobody else can pad or strip its signature. Where neither needs padding the signature
 * may have it or not; that makes no second use of a jti. */
static finq_alphabet alphabet_of(const finq_bytes parts[3])
{
    int even = parts[0].length % 4 == 0 && parts[1].length % 4 == 0;
    int padded = is_padded(parts[0]) || is_padded(parts[1]) || (even && is_padded(parts[2]));
    return padded ? FINQ_BASE64URL_PADDED : FINQ_BASE64URL;
}

static finq_error *part_decode(finq_bytes *bytes, const char *what, finq_bytes part, finq_alphabet alphabet, apr_pool_t *pool)
{
    if (!finq_codec_decode(bytes, alphabet, (const char *)part.data, part.length, pool))
        return finq_check_failed(pool, FINQ_CHECK_FORM,
                                 "the %s of the JWS is not canonical base64url (no whitespace; padding in every part "
                                 "or in none).",
                                 what);
    return NULL;
}

static finq_error *header_read(const char **kid, finq_bytes part, finq_alphabet alphabet, apr_pool_t *pool)
{
    finq_member members[MEMBERS];
    finq_bytes text;
    memcpy(members, known, sizeof known);
    FINQ_TRY(part_decode(&text, "header", part, alphabet, pool));
    FINQ_TRY(finq_members_read(members, MEMBERS, "The JWS header", text, pool));
    return check_header(kid, members, pool);
}

finq_error *finq_jws_parse(finq_jws **jws, const char *text, apr_size_t length, apr_pool_t *pool)
{
    finq_bytes parts[3];
    finq_jws *made = apr_pcalloc(pool, sizeof *made);
    if (length > FINQ_JWS_MAX)
        return finq_check_failed(pool, FINQ_CHECK_FORM, "the JWS is longer than %d bytes.", FINQ_JWS_MAX);
    if (!split(parts, text, length))
        return refuse(pool, "this is no compact JWS: three parts, joined by dots, are expected.");
    finq_alphabet alphabet = alphabet_of(parts);
    FINQ_TRY(header_read(&made->kid, parts[0], alphabet, pool));
    FINQ_TRY(part_decode(&made->payload, "payload", parts[1], alphabet, pool));
    FINQ_TRY(part_decode(&made->signature, "signature", parts[2], alphabet, pool));
    made->signed_text = (finq_bytes){parts[0].data, parts[0].length + 1 + parts[1].length};
    *jws = made;
    return NULL;
}

const char *finq_jws_kid(const finq_jws *jws)
{
    return jws->kid;
}

finq_error *finq_jws_unproven_issuer(const char **issuer, finq_jws *jws, apr_pool_t *pool)
{
    FINQ_TRY(finq_claims_read(&jws->unproven, jws->payload, NULL, pool));
    *issuer = jws->unproven->issuer;
    return NULL;
}

static finq_error *verify_named(const finq_jws *jws, const apr_array_header_t *keys, apr_pool_t *pool)
{
    const finq_key *key = finq_key_find(keys, jws->kid);
    if (!key)
        return finq_check_failed(pool, FINQ_CHECK_KID, "no key of the tenant is called %s.", jws->kid);
    if (key->revoked)
        return finq_check_failed(pool, FINQ_CHECK_REVOKED, "the key %s has been revoked.", key->kid);
    if (key->algorithm != FINQ_ALGORITHM_RS256)
        return finq_check_failed(pool, FINQ_CHECK_ALGORITHM, "the key %s is registered for %s, not for RS256.", key->kid,
                                 finq_algorithm_name(key->algorithm));
    if (!finq_key_verify(key, jws->signed_text, jws->signature))
        return finq_check_failed(pool, FINQ_CHECK_SIGNATURE, "it is not the key %s's over this JWS.", key->kid);
    return NULL;
}

static finq_error *verify_any(const char **kid, const finq_jws *jws, const apr_array_header_t *keys, apr_pool_t *pool)
{
    int tried = 0;
    for (int i = 0; i < keys->nelts && tried < FINQ_KEY_MAX; i++) {
        const finq_key *key = APR_ARRAY_IDX(keys, i, const finq_key *);
        if (key->revoked || key->algorithm != FINQ_ALGORITHM_RS256)
            continue;
        tried++;
        if (finq_key_verify(key, jws->signed_text, jws->signature)) {
            *kid = key->kid;
            return NULL;
        }
    }
    if (!tried)
        return finq_check_failed(pool, FINQ_CHECK_KID, "the tenant has no live RS256 key.");
    return finq_check_failed(pool, FINQ_CHECK_SIGNATURE,
                             "the JWS names no kid, and none of the tenant's %d keys made its signature.", tried);
}

finq_error *finq_jws_verify(const finq_claims **claims, const finq_jws *jws, const apr_array_header_t *keys, apr_pool_t *pool)
{
    const char *kid = jws->kid;
    FINQ_TRY(kid ? verify_named(jws, keys, pool) : verify_any(&kid, jws, keys, pool));
    if (!jws->unproven)
        return finq_claims_read(claims, jws->payload, kid, pool);
    finq_claims *proven = apr_pmemdup(pool, jws->unproven, sizeof *proven);
    proven->kid = kid;
    *claims = proven;
    return NULL;
}
