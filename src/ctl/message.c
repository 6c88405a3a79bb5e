/* finqctl sign and verify for RFC 9421: the headers of a signed message. */
#include "signing.h"

#include <apr_strings.h>
#include <apr_tables.h>
#include <stdio.h>
#include <string.h>

#include "crypto/digest.h"
#include "ground/clock.h"
#include "ground/id.h"
#include "sign/check.h"
#include "sign/httpsig.h"

/* A request: its line, and its headers by their names. */
typedef struct {
    finq_httpsig_request line;
    apr_table_t *headers;
} request;

static const char *component(void *baton, const finq_httpsig_component *wanted, apr_pool_t *pool)
{
    const request *r = baton;
    return *wanted->name == '@' ? finq_httpsig_derive(&r->line, wanted->name, pool) : apr_table_get(r->headers, wanted->name);
}

/* The parts of an address. As curl sends it, one without a path asks for /. */
static ctl_exit request_read(request *r, const ctl_command *command)
{
    const char *url = ctl_value(command, "--url"), *method = ctl_value(command, "--method"), *scheme_end = strstr(url, "://");
    const char *authority = scheme_end ? scheme_end + 3 : url, *target = authority + strcspn(authority, "/?#");
    apr_pool_t *pool = command->pool;
    r->headers = apr_table_make(pool, 4);
    if (!scheme_end || target == authority || strchr(url, '#'))
        return ctl_fail(CTL_USAGE, "--url is a whole address without a fragment, such as https://api.example.com/v1s/sessions");
    r->line.method = method ? method : "POST";
    r->line.scheme = apr_pstrmemdup(pool, url, (apr_size_t)(scheme_end - url));
    r->line.authority = apr_pstrmemdup(pool, authority, (apr_size_t)(target - authority));
    r->line.target = *target == '/' ? target : apr_pstrcat(pool, "/", target, NULL);
    return CTL_OK;
}

/* The digests of a body as it is. */
static ctl_exit digest_read(finq_content_digest *digest, const ctl_command *command)
{
    unsigned char *sums = apr_palloc(command->pool, FINQ_DIGEST_SHA256 + FINQ_DIGEST_SHA512);
    finq_digest *longer = finq_digest_new_sha512(command->pool);
    apr_size_t length;
    char *body;
    ctl_exit code = ctl_file_read(&body, &length, ctl_value(command, "FILE"), CTL_BODY_MAX, command->pool);
    if (code != CTL_OK)
        return code;
    finq_digest_sha256(sums, body, length);
    finq_digest_update(longer, body, length);
    finq_digest_final(sums + FINQ_DIGEST_SHA256, longer);
    digest->sha256 = (finq_bytes){sums, FINQ_DIGEST_SHA256};
    digest->sha512 = (finq_bytes){sums + FINQ_DIGEST_SHA256, FINQ_DIGEST_SHA512};
    return CTL_OK;
}

static const char *digest_text(const finq_content_digest *digest, apr_pool_t *pool)
{
    return apr_pstrcat(pool, "sha-256=:", finq_codec_encode(FINQ_BASE64, digest->sha256.data, digest->sha256.length, pool), ":",
                       NULL);
}

/* ---- signing ---- */

/* CLIENT_ID/KID: a bare kid would not say whose it is. */
static ctl_exit keyid_make(const char **keyid, const finq_signer *signer, const ctl_command *command)
{
    const char *tenant = ctl_value(command, "--tenant"), *kid = ctl_value(command, "--kid");
    finq_id owner;
    if (!tenant)
        return ctl_fail(CTL_USAGE, "a message signature says whose key it is: give --tenant CLIENT_ID");
    finq_id_parse(&owner, tenant); /* its form has been checked */
    *keyid = apr_pstrcat(command->pool, finq_id_text(&owner, command->pool), "/", kid ? kid : finq_signer_key(signer)->kid, NULL);
    return CTL_OK;
}

ctl_exit ctl_message_sign(ctl_command *command, finq_algorithm algorithm)
{
    finq_httpsig_draft draft = {.created = finq_clock_seconds()};
    const char *input, *signature;
    finq_content_digest digest;
    finq_signer *signer;
    request r;
    ctl_exit code = request_read(&r, command);
    if (code == CTL_OK)
        code = ctl_lifetime_read(&draft.expires, command);
    if (code == CTL_OK)
        code = ctl_signer_read(&signer, command, "--key", algorithm);
    if (code == CTL_OK)
        code = keyid_make(&draft.kid, signer, command);
    if (code == CTL_OK)
        code = digest_read(&digest, command);
    if (code != CTL_OK)
        return code;
    draft.expires += draft.created;
    apr_table_setn(r.headers, "content-digest", digest_text(&digest, command->pool));
    finq_error *error = ctl_once_make(&draft.nonce, command);
    if (!error)
        error = finq_httpsig_sign(&input, &signature, signer, &draft, &(finq_httpsig_message){component, &r}, command->pool);
    if (error)
        return ctl_fail_with(error);
    printf("Content-Digest: %s\nSignature-Input: %s\nSignature: %s\n", apr_table_get(r.headers, "content-digest"), input,
           signature);
    return CTL_OK;
}

/* ---- explaining ---- */

/* Headers as lines: what is no header, such as a request line that was copied with them, is passed over. */
static void headers_read(apr_table_t *headers, const char *text, apr_pool_t *pool)
{
    char *left, *copy = apr_pstrdup(pool, text);
    for (char *line = apr_strtok(copy, "\r\n", &left); line; line = apr_strtok(NULL, "\r\n", &left)) {
        char *colon = strchr(line, ':');
        if (!colon)
            continue;
        *colon = '\0';
        apr_table_mergen(headers, line, colon + 1 + strspn(colon + 1, " \t"));
    }
}

/* The keys that the signatures name, by the names that they have there: CLIENT_ID/KID. */
static apr_array_header_t *keys_named(const finq_httpsig *signatures, const apr_array_header_t *keys, apr_pool_t *pool)
{
    const apr_array_header_t *names = finq_httpsig_kids(signatures, pool);
    apr_array_header_t *named = apr_array_make(pool, names->nelts, sizeof(const finq_key *));
    for (int i = 0; i < names->nelts; i++) {
        const char *name = APR_ARRAY_IDX(names, i, const char *), *slash = strchr(name, '/');
        const finq_key *key = slash ? finq_key_find(keys, slash + 1) : NULL;
        if (!key)
            continue;
        finq_key *copy = apr_pmemdup(pool, key, sizeof *key);
        copy->kid = name;
        APR_ARRAY_PUSH(named, const finq_key *) = copy;
    }
    return named;
}

/* The checks that a message passes, in the server's order, up to the first that it does not. */
static finq_error *explain(json_t *passed, request *r, const apr_array_header_t *keys, const finq_content_digest *computed,
                           apr_pool_t *pool)
{
    const finq_httpsig_policy policy = {
        .max_lifetime = FINQ_CHECK_LIFETIME_MOST, .skew_behind = FINQ_CHECK_SKEW_BEHIND, .skew_ahead = FINQ_CHECK_SKEW_AHEAD};
    const finq_httpsig_message message = {component, r};
    const finq_httpsig_proof *proof;
    finq_content_digest digest;
    finq_httpsig *parsed;
    FINQ_TRY(
        finq_httpsig_parse(&parsed, apr_table_get(r->headers, "signature-input"), apr_table_get(r->headers, "signature"), pool));
    json_array_append_new(passed, json_string("header"));
    json_array_append_new(passed, json_string("form"));
    FINQ_TRY(finq_httpsig_verify(&proof, parsed, &message, keys_named(parsed, keys, pool), pool));
    json_array_append_new(passed, json_string("signature"));
    FINQ_TRY(finq_httpsig_check(proof, &policy, finq_clock_seconds(), pool));
    json_array_append_new(passed, json_string("coverage"));
    json_array_append_new(passed, json_string("times"));
    FINQ_TRY(finq_content_digest_parse(&digest, proof->content_digest, pool));
    FINQ_TRY(finq_content_digest_check(&digest, computed, pool));
    json_array_append_new(passed, json_string("digest"));
    return NULL;
}

ctl_exit ctl_message_verify(ctl_command *command, finq_algorithm algorithm)
{
    finq_content_digest computed;
    apr_array_header_t *keys;
    request r;
    ctl_exit code = request_read(&r, command);
    if (code == CTL_OK)
        code = ctl_keys_read(&keys, command, ctl_value(command, "--key"), algorithm);
    if (code == CTL_OK)
        code = digest_read(&computed, command);
    if (code != CTL_OK)
        return code;
    headers_read(r.headers, ctl_value(command, "HEADER"), command->pool);
    json_t *passed = json_array();
    finq_error *error = explain(passed, &r, keys, &computed, command->pool);
    return ctl_checks_print(command, passed, error, digest_text(&computed, command->pool), "the bytes as they are");
}
