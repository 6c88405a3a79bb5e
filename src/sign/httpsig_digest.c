/* Content-Digest: RFC 9530. */
#include "sign/check.h"
#include "httpsig_field.h"

#include <string.h>

static finq_error *malformed(apr_pool_t *pool, const char *text)
{
    return finq_check_failed(pool, FINQ_CHECK_DIGEST, "%s", text);
}

static finq_error *member_read(finq_content_digest *digest, finq_field *field)
{
    finq_bytes value, *known = NULL;
    apr_size_t length = 0;
    const char *name = finq_field_key(field);
    if (!name || !finq_field_char(field, '=') || !finq_field_bytes(field, &value))
        return malformed(field->pool, "Content-Digest is no dictionary of base64 values between colons.");
    if (strcmp(name, "sha-256") == 0)
        known = &digest->sha256, length = 32;
    else if (strcmp(name, "sha-512") == 0)
        known = &digest->sha512, length = 64;
    if (known && known->data)
        return malformed(field->pool, "Content-Digest names an algorithm twice.");
    if (known && value.length != length)
        return malformed(field->pool, "Content-Digest has a value of the wrong length.");
    if (known)
        *known = value;
    return NULL;
}

finq_error *finq_content_digest_parse(finq_content_digest *digest, const char *text, apr_pool_t *pool)
{
    finq_content_digest made = {{NULL, 0}, {NULL, 0}};
    int more = 1;
    if (!text)
        return malformed(pool, "send Content-Digest.");
    if (strlen(text) > FINQ_HTTPSIG_FIELD_MAX)
        return malformed(pool, "Content-Digest is too long.");
    finq_field field = finq_field_open(text, pool);
    while (more > 0) {
        FINQ_TRY(member_read(&made, &field));
        more = finq_field_next(&field);
    }
    if (more)
        return malformed(pool, "Content-Digest: something stands behind a value.");
    if (!made.sha256.data && !made.sha512.data)
        return malformed(pool, "Content-Digest has neither sha-256 nor sha-512.");
    *digest = made;
    return NULL;
}

static finq_error *compare(const char *name, finq_bytes sent, finq_bytes computed, apr_pool_t *pool)
{
    if (sent.data && (sent.length != computed.length || memcmp(sent.data, computed.data, sent.length) != 0))
        return finq_check_failed(pool, FINQ_CHECK_DIGEST, "the body that arrived has %s=:%s:.", name,
                                 finq_codec_encode(FINQ_BASE64, computed.data, computed.length, pool));
    return NULL;
}

finq_error *finq_content_digest_check(const finq_content_digest *digest, const finq_content_digest *computed, apr_pool_t *pool)
{
    FINQ_TRY(compare("sha-256", digest->sha256, computed->sha256, pool));
    return compare("sha-512", digest->sha512, computed->sha512, pool);
}
