#include "sign/receipt.h"

#include <apr_strings.h>
#include <string.h>

#include "crypto/secret_file.h"
#include "json/json.h"

static const char *encoded(const char *text, apr_pool_t *pool)
{
    return finq_codec_encode(FINQ_BASE64URL, (const unsigned char *)text, strlen(text), pool);
}

finq_error *finq_receipt_sign(const char **receipt, const finq_signer *signer, const char *claims, apr_pool_t *pool)
{
    finq_bytes signature;
    const char *header =
        apr_pstrcat(pool, "{\"alg\":\"EdDSA\",\"kid\":\"", finq_signer_key(signer)->kid, "\",\"typ\":\"JWT\"}", NULL);
    const char *input = apr_pstrcat(pool, encoded(header, pool), ".", encoded(claims, pool), NULL);
    FINQ_TRY(finq_signer_sign(&signature, signer, (finq_bytes){(const unsigned char *)input, strlen(input)}, pool));
    *receipt = apr_pstrcat(pool, input, ".", finq_codec_encode(FINQ_BASE64URL, signature.data, signature.length, pool), NULL);
    return NULL;
}

static finq_error *refused(apr_pool_t *pool, const char *why)
{
    return finq_error_make(pool, FINQ_E_INVALID_INPUT, "This is no receipt: %s.", why);
}

/* One part of the three, decoded; NULL where it is not canonical base64url. */
static const char *part_text(const char *from, const char *to, apr_pool_t *pool)
{
    finq_bytes bytes;
    if (!finq_codec_decode(&bytes, FINQ_BASE64URL, from, (apr_size_t)(to - from), pool))
        return NULL;
    return apr_pstrmemdup(pool, (const char *)bytes.data, bytes.length);
}

static finq_error *key_of(const finq_key **key, const char *header, const apr_array_header_t *keys, apr_pool_t *pool)
{
    json_t *object;
    FINQ_TRY(finq_json_read(&object, "The receipt's header", (finq_bytes){(const unsigned char *)header, strlen(header)}, pool));
    const char *alg = finq_json_string(object, "alg"), *kid = finq_json_string(object, "kid");
    if (!alg || strcmp(alg, "EdDSA") != 0)
        return refused(pool, "its header does not say EdDSA");
    *key = kid ? finq_key_find(keys, kid) : NULL;
    return *key ? NULL : refused(pool, "none of the keys is the one that its header names");
}

finq_error *finq_receipt_verify(const char **claims, const char *receipt, const apr_array_header_t *keys, apr_pool_t *pool)
{
    const char *first = strchr(receipt, '.'), *second = first ? strchr(first + 1, '.') : NULL, *end = receipt + strlen(receipt);
    const char *header = second ? part_text(receipt, first, pool) : NULL;
    const finq_key *key;
    finq_bytes signature;
    *claims = second ? part_text(first + 1, second, pool) : NULL;
    if (!header || !*claims || !finq_codec_decode(&signature, FINQ_BASE64URL, second + 1, (apr_size_t)(end - second - 1), pool))
        return refused(pool, "it does not have three parts of base64url");
    FINQ_TRY(key_of(&key, header, keys, pool));
    if (!finq_key_verify(key, (finq_bytes){(const unsigned char *)receipt, (apr_size_t)(second - receipt)}, signature))
        return refused(pool, "its signature is not that of the key");
    return NULL;
}

/* ---- keys ---- */

/* The coordinate is what ends an Ed25519 key's SubjectPublicKeyInfo (RFC 8410). */
#define COORDINATE 32

static void put_key(finq_json_writer *to, const finq_key *key, apr_pool_t *pool)
{
    finq_json_open(to, NULL, '{');
    finq_json_put(to, "kty", "OKP");
    finq_json_put(to, "crv", "Ed25519");
    finq_json_put(to, "alg", "EdDSA");
    finq_json_put(to, "use", "sig");
    finq_json_put(to, "kid", key->kid);
    finq_json_put(to, "x", finq_codec_encode(FINQ_BASE64URL, key->spki.data + key->spki.length - COORDINATE, COORDINATE, pool));
    finq_json_close(to, '}');
}

static const char *set_write(const finq_receipt_keys *keys, apr_pool_t *pool)
{
    finq_json_writer *to = finq_json_write(pool);
    finq_json_open(to, NULL, '{');
    finq_json_open(to, "keys", '[');
    for (int i = 0; i < keys->keys->nelts; i++)
        put_key(to, APR_ARRAY_IDX(keys->keys, i, const finq_key *), pool);
    finq_json_close(to, ']');
    finq_json_close(to, '}');
    return finq_json_written(to);
}

static finq_error *unusable(const char *path, const char *why, apr_pool_t *pool)
{
    return finq_error_internal(pool, FINQ_E_INTERNAL_SERVER_ERROR, "%s: %s", path, why);
}

finq_error *finq_receipt_keys_add(finq_receipt_keys **keys, const char *path, apr_pool_t *pool)
{
    finq_receipt_keys *to = *keys ? *keys : apr_pcalloc(pool, sizeof *to);
    finq_signer *signer;
    const char *pem;
    FINQ_TRY(finq_secret_file_text(&pem, path, "openssl genpkey -algorithm ed25519 -out", pool));
    finq_error *error = finq_signer_read(&signer, FINQ_ALGORITHM_ED25519, pem, strlen(pem), pool);
    if (error)
        return unusable(path, error->message, pool);
    if (!to->keys)
        to->keys = apr_array_make(pool, 2, sizeof(const finq_key *));
    if (finq_key_find(to->keys, finq_signer_key(signer)->kid))
        return unusable(path, "its key was named before", pool);
    if (to->keys->nelts == FINQ_KEY_MAX)
        return unusable(path, "more than " APR_STRINGIFY(FINQ_KEY_MAX) " keys: leave the oldest out", pool);
    if (!to->signer)
        to->signer = signer;
    APR_ARRAY_PUSH(to->keys, const finq_key *) = finq_signer_key(signer);
    to->set = set_write(to, pool);
    *keys = to;
    return NULL;
}
