/* Signing keys, and what is signed with them. */
#include "ctl.h"

#include <apr_encode.h>
#include <apr_strings.h>
#include <apr_time.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "crypto/digest.h"
#include "ground/clock.h"
#include "json/json.h"
#include "sign/check.h"
#include "sign/jws.h"
#include "crypto/secrets.h"

#define MATERIAL_MAX ((apr_size_t)256 * 1024)
#define BODY_MAX ((apr_size_t)32 * 1024 * 1024)
#define LIFETIME 300
#define AUDIENCE "api.finqware.com"

/* ---- keys ---- */

static ctl_exit algorithm_read(finq_algorithm *algorithm, const char *name)
{
    *algorithm = FINQ_ALGORITHM_RS256;
    if (!name || finq_algorithm_find(algorithm, name))
        return CTL_OK;
    return ctl_fail(CTL_USAGE,
                    "--algorithm is RS256 (JWS), rsa-v1_5-sha256, rsa-pss-sha512, ecdsa-p256-sha256 or ed25519, "
                    "not \"%s\"",
                    name);
}

static ctl_exit keys_read(apr_array_header_t **keys, ctl_command *command, const char *path, finq_algorithm algorithm)
{
    char *text;
    apr_size_t length;
    ctl_exit code = ctl_file_read(&text, &length, path, MATERIAL_MAX, command->pool);
    if (code != CTL_OK)
        return code;
    finq_error *error = finq_key_read(keys, algorithm, text, length, command->pool);
    return error ? ctl_fail_with(error) : CTL_OK;
}

static json_t *key_json(const finq_key *key, apr_pool_t *pool)
{
    const char *spki = apr_pencode_base16_binary(pool, key->spki.data, (apr_ssize_t)key->spki.length, APR_ENCODE_LOWER, NULL);
    return json_pack("{s:s, s:s, s:s, s:s}", "kid", key->kid, "algorithm", finq_algorithm_name(key->algorithm), "spki", spki,
                     "found", key->found);
}

ctl_exit ctl_key_add(ctl_command *command)
{
    finq_algorithm algorithm;
    apr_array_header_t *keys;
    ctl_exit code = algorithm_read(&algorithm, ctl_value(command, "--algorithm"));
    if (code == CTL_OK)
        code = keys_read(&keys, command, ctl_value(command, "FILE"), algorithm);
    if (code != CTL_OK)
        return code;
    json_t *list = finq_json_own(json_array(), command->pool);
    for (int i = 0; i < keys->nelts; i++)
        json_array_append_new(list, key_json(APR_ARRAY_IDX(keys, i, const finq_key *), command->pool));
    const char *values[] = {ctl_value(command, "CLIENT_ID"), ctl_value(command, "--issuer"), finq_json_text(list, command->pool)};
    return ctl_db_print(command, "SELECT finq.key_add(p_client_id => $1, p_issuer => $2, p_keys => $3)", values, 3);
}

ctl_exit ctl_key_list(ctl_command *command)
{
    return ctl_db_print(command, "SELECT finq.key_list(p_client_id => $1)", command->values, 1);
}

ctl_exit ctl_key_revoke(ctl_command *command)
{
    return ctl_db_print(command, "SELECT finq.key_revoke(p_client_id => $1, p_kid => $2)", command->values, 2);
}

/* ---- bodies ---- */

/* As a server computes it: over the compact form of a JSON object, over anything else as it is. */
static ctl_exit digest_read(unsigned char digest[FINQ_DIGEST_SHA256], int *is_json, ctl_command *command)
{
    char *text;
    apr_size_t length;
    json_t *object;
    ctl_exit code = ctl_file_read(&text, &length, ctl_value(command, "FILE"), BODY_MAX, command->pool);
    if (code != CTL_OK)
        return code;
    *is_json = finq_json_parse(&object, NULL, text, length, command->pool) == NULL;
    if (*is_json)
        length = finq_json_compact(text, text, length);
    finq_digest_sha256(digest, text, length);
    return CTL_OK;
}

/* ---- signing ---- */

static ctl_exit lifetime_read(apr_int64_t *lifetime, const char *text)
{
    char *end;
    *lifetime = text ? apr_strtoi64(text, &end, 10) : LIFETIME;
    if (*lifetime < 1 || *lifetime > FINQ_CHECK_LIFETIME_MOST || (text && *end))
        return ctl_fail(CTL_USAGE, "--lifetime is 1 to %d seconds", FINQ_CHECK_LIFETIME_MOST);
    return CTL_OK;
}

static finq_error *jti_make(const char **jti, apr_pool_t *pool)
{
    unsigned char bytes[16];
    FINQ_TRY(finq_random(bytes, sizeof bytes, pool));
    *jti = finq_codec_encode(FINQ_BASE64URL, bytes, sizeof bytes, pool);
    return NULL;
}

static finq_error *header_make(const char **jws, ctl_command *command, const char *pem, finq_jws_draft *draft)
{
    finq_signer *signer;
    FINQ_TRY(finq_signer_read(&signer, FINQ_ALGORITHM_RS256, pem, strlen(pem), command->pool));
    if (ctl_value(command, "--jti"))
        FINQ_TRY(jti_make(&draft->jti, command->pool));
    return finq_jws_sign(jws, signer, draft, command->pool);
}

ctl_exit ctl_sign(ctl_command *command)
{
    unsigned char digest[FINQ_DIGEST_SHA256];
    const char *audience = ctl_value(command, "--aud"), *jws;
    apr_int64_t lifetime;
    apr_size_t length;
    int is_json;
    char *pem;
    finq_jws_draft draft = {.kid = ctl_value(command, "--kid"),
                            .issuer = ctl_value(command, "--issuer"),
                            .audience = audience ? audience : AUDIENCE,
                            .issued = finq_clock_seconds()};
    ctl_exit code = lifetime_read(&lifetime, ctl_value(command, "--lifetime"));
    if (code == CTL_OK)
        code = ctl_file_read(&pem, &length, ctl_value(command, "--key"), MATERIAL_MAX, command->pool);
    if (code == CTL_OK)
        code = digest_read(digest, &is_json, command);
    if (code != CTL_OK)
        return code;
    draft.expires = draft.issued + lifetime;
    draft.digest = finq_codec_encode(FINQ_BASE64, digest, sizeof digest, command->pool);
    finq_error *error = header_make(&jws, command, pem, &draft);
    if (error)
        return ctl_fail_with(error);
    printf("Authorization: Bearer %s\n", jws);
    return CTL_OK;
}

/* ---- explaining ---- */

/* The checks that a header passes, in the server's order, up to the first that it does not. */
static finq_error *explain(json_t *passed, ctl_command *command, const apr_array_header_t *keys, const unsigned char *digest)
{
    const char *audience = ctl_value(command, "--aud"), *header = ctl_value(command, "HEADER"), *token;
    const finq_claims_policy policy = {.audience = audience ? audience : AUDIENCE,
                                       .issuer = ctl_value(command, "--issuer"),
                                       .max_lifetime = FINQ_CHECK_LIFETIME_MOST,
                                       .skew_behind = FINQ_CHECK_SKEW_BEHIND,
                                       .skew_ahead = FINQ_CHECK_SKEW_AHEAD};
    const finq_claims *claims;
    finq_jws *jws;
    if (strncasecmp(header, "Authorization:", 14) == 0)
        header += 14 + strspn(header + 14, " ");
    FINQ_TRY(finq_jws_bearer(&token, header, command->pool));
    json_array_append_new(passed, json_string("header"));
    FINQ_TRY(finq_jws_parse(&jws, token, strlen(token), command->pool));
    json_array_append_new(passed, json_string("form"));
    json_array_append_new(passed, json_string("algorithm"));
    FINQ_TRY(finq_jws_verify(&claims, jws, keys, command->pool));
    json_array_append_new(passed, json_string("signature"));
    FINQ_TRY(finq_claims_check(claims, &policy, finq_clock_seconds(), command->pool));
    json_array_append_new(passed, json_string("claims"));
    FINQ_TRY(finq_claims_check_digest(claims, digest, command->pool));
    json_array_append_new(passed, json_string("digest"));
    return NULL;
}

ctl_exit ctl_verify(ctl_command *command)
{
    unsigned char digest[FINQ_DIGEST_SHA256];
    apr_array_header_t *keys;
    int is_json;
    ctl_exit code = keys_read(&keys, command, ctl_value(command, "--key"), FINQ_ALGORITHM_RS256);
    if (code == CTL_OK)
        code = digest_read(digest, &is_json, command);
    if (code != CTL_OK)
        return code;
    json_t *passed = json_array();
    finq_error *error = explain(passed, command, keys, digest);
    json_t *shown = finq_json_own(json_pack("{s:b, s:s, s:s, s:o, s:s*}", "good", error == NULL, "digest",
                                            finq_codec_encode(FINQ_BASE64, digest, sizeof digest, command->pool), "digest_of",
                                            is_json ? "the compact form" : "the bytes as they are", "passed", passed, "failed",
                                            error ? error->message : NULL),
                                  command->pool);
    ctl_print(command, finq_json_text(shown, command->pool));
    return error ? CTL_FAILED : CTL_OK;
}
