/* finqctl sign and verify: headers of signed requests, made and explained. JWS here, RFC 9421 in message.c. */
#include "signing.h"

#include <stdio.h>
#include <string.h>

#include "crypto/digest.h"
#include "ground/clock.h"
#include "sign/check.h"
#include "sign/jws.h"

#define AUDIENCE "api.finqware.com"

/* Which scheme the line is about. A message has an address; the issuer is what a token says of itself. */
static ctl_exit scheme_read(finq_algorithm *algorithm, const ctl_command *command)
{
    ctl_exit code = ctl_algorithm_read(algorithm, command);
    int is_message = code == CTL_OK && *algorithm != FINQ_ALGORITHM_RS256, has_url = ctl_value(command, "--url") != NULL;
    if (is_message && !has_url)
        return ctl_fail(CTL_USAGE, "a message signature (%s) covers the address: give --url", finq_algorithm_name(*algorithm));
    if (code == CTL_OK && !is_message && has_url)
        return ctl_fail(CTL_USAGE, "--url is for message signatures: give their --algorithm as well");
    return code;
}

/* ---- bodies ---- */

/* As a server computes it: over the compact form of a JSON object, over anything else as it is. */
static ctl_exit digest_read(unsigned char digest[FINQ_DIGEST_SHA256], int *is_json, ctl_command *command)
{
    char *text;
    apr_size_t length;
    json_t *object;
    ctl_exit code = ctl_file_read(&text, &length, ctl_value(command, "FILE"), CTL_BODY_MAX, command->pool);
    if (code != CTL_OK)
        return code;
    *is_json = finq_json_parse(&object, NULL, text, length, command->pool) == NULL;
    if (*is_json)
        length = finq_json_compact(text, text, length);
    finq_digest_sha256(digest, text, length);
    return CTL_OK;
}

/* ---- signing ---- */

static ctl_exit token_sign(ctl_command *command)
{
    unsigned char digest[FINQ_DIGEST_SHA256];
    const char *audience = ctl_value(command, "--aud"), *jws;
    apr_int64_t lifetime;
    finq_signer *signer;
    int is_json;
    finq_jws_draft draft = {.kid = ctl_value(command, "--kid"),
                            .issuer = ctl_value(command, "--issuer"),
                            .audience = audience ? audience : AUDIENCE,
                            .issued = finq_clock_seconds()};
    if (!draft.issuer)
        return ctl_fail(CTL_USAGE, "a token (RS256) names its issuer: give --issuer");
    ctl_exit code = ctl_lifetime_read(&lifetime, command);
    if (code == CTL_OK)
        code = ctl_signer_read(&signer, command, "--key", FINQ_ALGORITHM_RS256);
    if (code == CTL_OK)
        code = digest_read(digest, &is_json, command);
    if (code != CTL_OK)
        return code;
    draft.expires = draft.issued + lifetime;
    draft.digest = finq_codec_encode(FINQ_BASE64, digest, sizeof digest, command->pool);
    finq_error *error = ctl_once_make(&draft.jti, command);
    if (!error)
        error = finq_jws_sign(&jws, signer, &draft, command->pool);
    if (error)
        return ctl_fail_with(error);
    printf("Authorization: Bearer %s\n", jws);
    return CTL_OK;
}

ctl_exit ctl_sign(ctl_command *command)
{
    finq_algorithm algorithm;
    ctl_exit code = scheme_read(&algorithm, command);
    if (code != CTL_OK)
        return code;
    return algorithm == FINQ_ALGORITHM_RS256 ? token_sign(command) : ctl_message_sign(command, algorithm);
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

static ctl_exit token_verify(ctl_command *command)
{
    unsigned char digest[FINQ_DIGEST_SHA256];
    apr_array_header_t *keys;
    int is_json;
    ctl_exit code = ctl_keys_read(&keys, command, ctl_value(command, "--key"), FINQ_ALGORITHM_RS256);
    if (code == CTL_OK)
        code = digest_read(digest, &is_json, command);
    if (code != CTL_OK)
        return code;
    json_t *passed = json_array();
    finq_error *error = explain(passed, command, keys, digest);
    return ctl_checks_print(command, passed, error, finq_codec_encode(FINQ_BASE64, digest, sizeof digest, command->pool),
                            is_json ? "the compact form" : "the bytes as they are");
}

ctl_exit ctl_verify(ctl_command *command)
{
    finq_algorithm algorithm;
    ctl_exit code = scheme_read(&algorithm, command);
    if (code != CTL_OK)
        return code;
    return algorithm == FINQ_ALGORITHM_RS256 ? token_verify(command) : ctl_message_verify(command, algorithm);
}
