/* Key material as people have it: JWK, JWKS, PEM, and the map of certificates. */
#include "json/json.h"
#include "key_material.h"

#include <apr_strings.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <string.h>

#include "ground/text.h"

#define MATERIAL_MAX ((apr_size_t)256 * 1024)

typedef struct {
    apr_array_header_t *keys;
    finq_algorithm algorithm;
    apr_pool_t *pool;
} reading;

static finq_error *refuse(const reading *into, const char *found, const char *remedy)
{
    return finq_error_make(into->pool, FINQ_E_INVALID_INPUT, "Found %s: %s", found, remedy);
}

static finq_error *key_add(reading *into, const char *kid, const finq_key_material *material)
{
    finq_key *key;
    if (kid && !finq_key_is_kid(kid))
        return refuse(into, apr_psprintf(into->pool, "the kid \"%s\"", finq_text_show(kid, into->pool)),
                      "a kid is 1 to 128 of the characters A-Z a-z 0-9 . _ -; rename it.");
    if (into->keys->nelts == FINQ_KEY_MAX)
        return refuse(into, "more than 10 keys", "a tenant has at most 10; send those in use.");
    FINQ_TRY(finq_key_build(&key, kid, into->algorithm, material, into->pool));
    if (finq_key_find(into->keys, key->kid))
        return refuse(into, apr_psprintf(into->pool, "the kid %s twice", key->kid), "give each key its own.");
    APR_ARRAY_PUSH(into->keys, const finq_key *) = key;
    return NULL;
}

/* PEM */

typedef struct {
    char *name, *header;
    unsigned char *der;
    long length;
} pem_block;

static void block_free(pem_block *block)
{
    OPENSSL_free(block->name);
    OPENSSL_free(block->header);
    OPENSSL_clear_free(block->der, block->length > 0 ? (size_t)block->length : 0);
}

static EVP_PKEY *certificate_key(const pem_block *block, apr_pool_t *pool)
{
    const unsigned char *der = block->der;
    X509 *certificate = d2i_X509(NULL, &der, block->length);
    EVP_PKEY *evp = certificate ? X509_get_pubkey(certificate) : NULL;
    X509_free(certificate);
    return finq_key_own(evp, pool);
}

static finq_error *block_read(reading *into, const char *kid, const pem_block *block)
{
    const unsigned char *der = block->der;
    finq_key_material material;
    EVP_PKEY *evp = NULL;
    if (strstr(block->name, "PRIVATE KEY"))
        return refuse(into, "a private key", "keep it, and send the public half (openssl pkey -in KEY -pubout).");
    if (strcmp(block->name, "RSA PUBLIC KEY") == 0)
        return refuse(into, "a PEM \"RSA PUBLIC KEY\"",
                      "convert it to a \"PUBLIC KEY\" (openssl rsa -RSAPublicKey_in -in KEY -pubout).");
    if (strcmp(block->name, "PUBLIC KEY") == 0)
        evp = finq_key_own(d2i_PUBKEY(NULL, &der, block->length), into->pool);
    else if (strcmp(block->name, "CERTIFICATE") == 0)
        evp = certificate_key(block, into->pool);
    else
        return refuse(into, apr_psprintf(into->pool, "a PEM \"%s\"", finq_text_show(block->name, into->pool)),
                      "send a \"PUBLIC KEY\" or a \"CERTIFICATE\".");
    if (!evp)
        return refuse(into, apr_psprintf(into->pool, "a PEM \"%s\" that cannot be decoded", block->name), "export it again.");
    FINQ_TRY(finq_key_take(&material, evp, into->pool));
    return key_add(into, kid, &material);
}

/* No passphrase is ever asked for: PEM_read_bio gives the block as it is. */
static finq_error *pem_read(reading *into, const char *kid, const char *text, apr_size_t length)
{
    BIO *bio = BIO_new_mem_buf(text, (int)length);
    pem_block block = {NULL, NULL, NULL, 0}, further = {NULL, NULL, NULL, 0};
    finq_error *error;
    if (!bio || !PEM_read_bio(bio, &block.name, &block.header, &block.der, &block.length))
        error = refuse(into, "neither JSON nor PEM",
                       "send a JWK, a JWKS, a PEM public key, a PEM certificate, or a map of kid to PEM certificate.");
    else if (PEM_read_bio(bio, &further.name, &further.header, &further.der, &further.length))
        error = refuse(into, "several PEM blocks", "send the one of the signing key.");
    else
        error = block_read(into, kid, &block);
    block_free(&further);
    block_free(&block);
    BIO_free(bio);
    return error;
}

/* JWK (RFC 7517) */

static finq_error *jwk_private(reading *into, const json_t *jwk)
{
    static const char *const members[] = {"d", "p", "q", "dp", "dq", "qi", "oth", "k"};
    for (size_t i = 0; i < sizeof members / sizeof *members; i++) {
        if (json_object_get(jwk, members[i]))
            return refuse(into, apr_psprintf(into->pool, "a JWK with the private member \"%s\"", members[i]),
                          "keep it, and send the public half.");
    }
    return NULL;
}

static int list_has(const json_t *list, const char *text)
{
    for (size_t i = 0; i < json_array_size(list); i++) {
        const char *item = json_string_value(json_array_get(list, i));
        if (item && strcmp(item, text) == 0)
            return 1;
    }
    return 0;
}

/* What the key's owner says that it is for. */
static finq_error *jwk_purpose(reading *into, const json_t *jwk)
{
    const finq_algorithm_row *row = &finq_algorithm_rows[into->algorithm];
    json_t *use = json_object_get(jwk, "use"), *alg = json_object_get(jwk, "alg");
    json_t *ops = json_object_get(jwk, "key_ops");
    const char *name = json_string_value(alg);
    if (use && (!json_is_string(use) || strcmp(json_string_value(use), "sig") != 0))
        return refuse(into, "a JWK whose \"use\" is not \"sig\"", "send the key that signs.");
    if (ops && !list_has(ops, "verify"))
        return refuse(into, "a JWK whose \"key_ops\" lack \"verify\"", "send the public key that verifies.");
    if (alg && (!name || (strcmp(name, row->jwk_algs[0]) != 0 && (!row->jwk_algs[1] || strcmp(name, row->jwk_algs[1]) != 0))))
        return refuse(
            into, apr_psprintf(into->pool, "a JWK whose \"alg\" is %s", name ? finq_text_show(name, into->pool) : "no string"),
            apr_psprintf(into->pool, "for %s it must be %s, or absent.", row->name, row->jwk_algs[0]));
    return NULL;
}

static finq_error *jwk_number(finq_bytes *bytes, reading *into, const json_t *jwk, const char *name)
{
    const char *text = json_string_value(json_object_get(jwk, name));
    if (!text || !finq_codec_decode(bytes, FINQ_BASE64URL, text, strlen(text), into->pool))
        return refuse(into, apr_psprintf(into->pool, "a JWK whose \"%s\" is missing or no base64url", name),
                      "export it again (base64url, no padding, no whitespace).");
    return NULL;
}

static int curve_is(const json_t *jwk, const char *curve)
{
    const char *crv = json_string_value(json_object_get(jwk, "crv"));
    return crv && strcmp(crv, curve) == 0;
}

static finq_error *jwk_material(finq_key_material *material, reading *into, const json_t *jwk)
{
    const char *kty = json_string_value(json_object_get(jwk, "kty"));
    *material = (finq_key_material){FINQ_KEY_RSA, {NULL, 0}, {NULL, 0}};
    if (kty && strcmp(kty, "RSA") == 0) {
        FINQ_TRY(jwk_number(&material->first, into, jwk, "n"));
        return jwk_number(&material->second, into, jwk, "e");
    }
    if (kty && strcmp(kty, "EC") == 0 && curve_is(jwk, "P-256")) {
        material->kind = FINQ_KEY_EC;
        FINQ_TRY(jwk_number(&material->first, into, jwk, "x"));
        return jwk_number(&material->second, into, jwk, "y");
    }
    if (kty && strcmp(kty, "OKP") == 0 && curve_is(jwk, "Ed25519")) {
        material->kind = FINQ_KEY_OKP;
        return jwk_number(&material->first, into, jwk, "x");
    }
    return refuse(into, apr_psprintf(into->pool, "a JWK with \"kty\" %s", kty ? finq_text_show(kty, into->pool) : "missing"),
                  "send an RSA, an EC P-256 or an OKP Ed25519 public key; shared secrets (oct) are not accepted.");
}

static finq_error *jwk_read(reading *into, const json_t *jwk)
{
    finq_key_material material;
    json_t *kid = json_object_get(jwk, "kid");
    if (!json_is_object(jwk))
        return refuse(into, "a key set with something in it that is no object", "each of \"keys\" is a JWK.");
    FINQ_TRY(jwk_private(into, jwk));
    if (kid && !json_is_string(kid))
        return refuse(into, "a JWK whose \"kid\" is no string", "make it one, or leave it out.");
    FINQ_TRY(jwk_purpose(into, jwk));
    FINQ_TRY(jwk_material(&material, into, jwk));
    return key_add(into, json_string_value(kid), &material);
}

static finq_error *jwks_read(reading *into, const json_t *list)
{
    for (size_t i = 0; i < json_array_size(list); i++)
        FINQ_TRY(jwk_read(into, json_array_get(list, i)));
    return NULL;
}

static finq_error *map_read(reading *into, const json_t *map)
{
    const char *kid;
    json_t *value;
    json_object_foreach((json_t *)map, kid, value)
    {
        const char *text = json_string_value(value);
        if (!text || !strstr(text, "-----BEGIN CERTIFICATE-----"))
            return refuse(
                into, apr_psprintf(into->pool, "JSON whose member \"%s\" is no PEM certificate", finq_text_show(kid, into->pool)),
                "send a JWK (it has \"kty\"), a JWKS (it has \"keys\"), or a map of kid to PEM certificate.");
        FINQ_TRY(pem_read(into, kid, text, strlen(text)));
    }
    return NULL;
}

static finq_error *json_read(reading *into, const char *text, apr_size_t length)
{
    json_t *object;
    finq_error *error =
        finq_json_read(&object, "The key material", (finq_bytes){(const unsigned char *)text, length}, into->pool);
    if (error && error->code == FINQ_E_INVALID_BODY)
        return finq_error_make(into->pool, FINQ_E_INVALID_INPUT, "%s", error->message);
    FINQ_TRY(error);
    if (json_object_get(object, "kty"))
        return jwk_read(into, object);
    if (json_is_array(json_object_get(object, "keys")))
        return jwks_read(into, json_object_get(object, "keys"));
    return map_read(into, object);
}

static finq_error *material_read(reading *into, const char *text, apr_size_t length)
{
    apr_size_t at = 0;
    if (length > MATERIAL_MAX)
        return refuse(into, "more than 256 KiB", "that is no set of at most 10 keys.");
    while (at < length && strchr(" \t\r\n", text[at]) && text[at])
        at++;
    FINQ_TRY(at < length && (text[at] == '{' || text[at] == '[') ? json_read(into, text, length)
                                                                 : pem_read(into, NULL, text, length));
    return into->keys->nelts ? NULL : refuse(into, "no key", "the set is empty.");
}

finq_error *finq_key_read(apr_array_header_t **keys, finq_algorithm algorithm, const char *text, apr_size_t length,
                          apr_pool_t *pool)
{
    reading into = {apr_array_make(pool, 1, sizeof(const finq_key *)), algorithm, pool};
    ERR_set_mark();
    finq_error *error = material_read(&into, text, length);
    ERR_pop_to_mark();
    FINQ_TRY(error);
    *keys = into.keys;
    return NULL;
}
