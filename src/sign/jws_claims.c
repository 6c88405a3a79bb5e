/* Claims: what a verified payload says, and whether it may say so now. */
#include "jws_claims.h"
#include "sign/check.h"
#include "jws_members.h"

#include <string.h>

#include "ground/text.h"

#define TIME_MAX APR_INT64_C(253402300799)          /* the last second of the year 9999: sums cannot overflow */
#define MILLISECONDS_MIN APR_INT64_C(1000000000000) /* of 2001; as seconds it would be the year 33658 */
#define ISSUER_MAX 320
#define JTI_MAX 256

enum { IAT, EXP, NBF, ISS, SUB, EMAIL, AUD, DIGEST, JTI, MEMBERS };

/* A NumericDate (RFC 7519, 2) may have a fraction, or an exponent; a whole second is fine enough. */
static apr_int64_t whole_seconds(const finq_member *member)
{
    double real = json_real_value(member->other);
    if (member->kind == FINQ_MEMBER_INTEGER)
        return member->integer;
    return real < 0 || real > TIME_MAX * 1000.0 ? -1 : (apr_int64_t)real;
}

static finq_error *read_time(apr_int64_t *seconds, const finq_member *member, apr_pool_t *pool)
{
    if (member->kind == FINQ_MEMBER_ABSENT)
        return finq_check_failed(pool, FINQ_CHECK_CLAIM, "\"%s\" is missing.", member->name);
    if (member->kind != FINQ_MEMBER_INTEGER && !json_is_real(member->other))
        return finq_check_failed(pool, FINQ_CHECK_CLAIM, "\"%s\" must be a number of seconds since 1970.", member->name);
    *seconds = whole_seconds(member);
    if (*seconds >= MILLISECONDS_MIN && *seconds / 1000 <= TIME_MAX)
        return finq_check_failed(pool, FINQ_CHECK_CLAIM,
                                 "\"%s\" is in milliseconds, as it seems; it must be a number of seconds since 1970.",
                                 member->name);
    if (*seconds < 0 || *seconds > TIME_MAX)
        return finq_check_failed(pool, FINQ_CHECK_CLAIM, "\"%s\" must lie between 1970 and 9999.", member->name);
    return NULL;
}

static finq_error *read_text(const char **text, const finq_member *member, apr_pool_t *pool)
{
    if (member->kind == FINQ_MEMBER_ABSENT)
        return finq_check_failed(pool, FINQ_CHECK_CLAIM, "\"%s\" is missing.", member->name);
    *text = member->text;
    if (!*text || !**text)
        return finq_check_failed(pool, FINQ_CHECK_CLAIM, "\"%s\" must be a string that is not empty.", member->name);
    return NULL;
}

/* iss = sub = email, all three sent. */
static finq_error *read_issuer(const char **issuer, const finq_member members[], apr_pool_t *pool)
{
    const char *subject, *email;
    FINQ_TRY(read_text(issuer, &members[ISS], pool));
    FINQ_TRY(read_text(&subject, &members[SUB], pool));
    FINQ_TRY(read_text(&email, &members[EMAIL], pool));
    if (strlen(*issuer) > ISSUER_MAX)
        return finq_check_failed(pool, FINQ_CHECK_ISS, "it is longer than %d bytes.", ISSUER_MAX);
    if (strcmp(*issuer, subject) != 0 || strcmp(*issuer, email) != 0)
        return finq_check_failed(pool, FINQ_CHECK_ISS, "\"iss\", \"sub\" and \"email\" must be the same.");
    return NULL;
}

/* RFC 7519, 4.1.3: a string, or an array of them. */
static finq_error *read_audiences(const apr_array_header_t **audiences, const finq_member *member, apr_pool_t *pool)
{
    apr_array_header_t *list = apr_array_make(pool, 1, sizeof(const char *));
    size_t count = json_is_array(member->other) ? json_array_size(member->other) : 1;
    for (size_t i = 0; i < count; i++) {
        const char *text = json_is_array(member->other) ? json_string_value(json_array_get(member->other, i)) : member->text;
        if (!text)
            return finq_check_failed(pool, FINQ_CHECK_AUD, "\"aud\" must be a string, or an array of strings.");
        APR_ARRAY_PUSH(list, const char *) = text;
    }
    *audiences = list;
    return NULL;
}

static finq_error *read_jti(const char **jti, const finq_member *member, apr_pool_t *pool)
{
    *jti = member->text;
    if (member->kind != FINQ_MEMBER_ABSENT && (!*jti || !**jti || strlen(*jti) > JTI_MAX))
        return finq_check_failed(pool, FINQ_CHECK_JTI, "\"jti\" must be a string of 1 to %d bytes.", JTI_MAX);
    return NULL;
}

/* The texts stay where they were read: in the pool. */
finq_error *finq_claims_read(const finq_claims **claims, finq_bytes payload, const char *kid, apr_pool_t *pool)
{
    finq_member members[MEMBERS] = {[IAT] = {.name = "iat"}, [EXP] = {.name = "exp"},       [NBF] = {.name = "nbf"},
                                    [ISS] = {.name = "iss"}, [SUB] = {.name = "sub"},       [EMAIL] = {.name = "email"},
                                    [AUD] = {.name = "aud"}, [DIGEST] = {.name = "digest"}, [JTI] = {.name = "jti"}};
    finq_claims *made = apr_pcalloc(pool, sizeof *made);
    made->kid = kid;
    FINQ_TRY(finq_members_read(members, MEMBERS, "The payload of the JWS", payload, pool));
    FINQ_TRY(read_time(&made->issued, &members[IAT], pool));
    FINQ_TRY(read_time(&made->expires, &members[EXP], pool));
    if (members[NBF].kind != FINQ_MEMBER_ABSENT)
        FINQ_TRY(read_time(&made->not_before, &members[NBF], pool));
    FINQ_TRY(read_issuer(&made->issuer, members, pool));
    FINQ_TRY(read_audiences(&made->audiences, &members[AUD], pool));
    FINQ_TRY(read_text(&made->digest, &members[DIGEST], pool));
    FINQ_TRY(read_jti(&made->jti, &members[JTI], pool));
    *claims = made;
    return NULL;
}

static int is_for(const finq_claims *claims, const char *audience)
{
    for (int i = 0; i < claims->audiences->nelts; i++) {
        if (strcmp(APR_ARRAY_IDX(claims->audiences, i, const char *), audience) == 0)
            return 1;
    }
    return 0;
}

static finq_error *check_times(const finq_claims *claims, const finq_claims_policy *policy, apr_int64_t now, apr_pool_t *pool)
{
    apr_int64_t lifetime = claims->expires - claims->issued;
    if (lifetime <= 0)
        return finq_check_failed(pool, FINQ_CHECK_LIFETIME, "\"exp\" is not later than \"iat\".");
    if (lifetime > policy->max_lifetime)
        return finq_check_failed(pool, FINQ_CHECK_LIFETIME,
                                 "\"exp\" is %" APR_INT64_T_FMT " s after \"iat\"; %" APR_INT64_T_FMT " s are the most.",
                                 lifetime, policy->max_lifetime);
    if (claims->issued > now + policy->skew_ahead || claims->not_before > now + policy->skew_ahead)
        return finq_check_failed(pool, FINQ_CHECK_CLOCK,
                                 "\"iat\" or \"nbf\" lies in the future of the server's clock (%" APR_INT64_T_FMT "); set yours.",
                                 now);
    if (now > claims->expires + policy->skew_behind)
        return finq_check_failed(pool, FINQ_CHECK_EXP,
                                 "the JWS ended at %" APR_INT64_T_FMT ", and it is %" APR_INT64_T_FMT
                                 " by the server's clock; sign again.",
                                 claims->expires, now);
    return NULL;
}

finq_error *finq_claims_check(const finq_claims *claims, const finq_claims_policy *policy, apr_int64_t now, apr_pool_t *pool)
{
    if (!is_for(claims, policy->audience))
        return finq_check_failed(pool, FINQ_CHECK_AUD, "the JWS is not for %s.", policy->audience);
    if (policy->issuer)
        FINQ_TRY(finq_claims_check_issuer(claims, policy->issuer, pool));
    FINQ_TRY(check_times(claims, policy, now, pool));
    if (policy->require_jti && !claims->jti)
        return finq_check_failed(pool, FINQ_CHECK_JTI, "this server requires a \"jti\", used once.");
    return NULL;
}

finq_error *finq_claims_check_issuer(const finq_claims *claims, const char *issuer, apr_pool_t *pool)
{
    if (strcmp(claims->issuer, issuer) != 0)
        return finq_check_failed(pool, FINQ_CHECK_ISS, "\"iss\" is not the signing identity of this client_id.");
    return NULL;
}

finq_error *finq_claims_check_digest(const finq_claims *claims, const unsigned char computed[32], apr_pool_t *pool)
{
    const char *expected = finq_codec_encode(FINQ_BASE64, computed, 32, pool);
    if (strcmp(claims->digest, expected) != 0)
        return finq_check_failed(pool, FINQ_CHECK_DIGEST,
                                 "the JWS says %s; the body that arrived has %s (Base64 of SHA-256 over its compact "
                                 "form).",
                                 finq_text_show(claims->digest, pool), expected);
    return NULL;
}

finq_error *finq_claims_replayed(const finq_claims *claims, apr_pool_t *pool)
{
    return finq_check_failed(pool, FINQ_CHECK_JTI, "\"jti\" %s has been used before; sign each request anew.",
                             finq_text_show(claims->jti, pool));
}
