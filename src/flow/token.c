#include "flow/token.h"

#include <apr_strings.h>
#include <string.h>

#include "crypto/data_key.h"
#include "ground/codec.h"

/* The layout: kind 1, place 1, previous 1, late 1, ordinal 4, generation 4, skill 4, expiry 8, app key 8, client 16, session 16,
 * the consent that is renewed 16, zeros for none, length of the data key 1, the data key, tenant_user_id the rest. */
#define TOKEN_FIXED 81
#define TOKEN_MAX (TOKEN_FIXED + FINQ_DATA_KEY_WRAPPED + 1024 + FINQ_SEAL_OVERHEAD) /* 256 characters are at most 1024 bytes */
#define TEXT_MAX ((TOKEN_MAX + (apr_size_t)2) / 3 * 4) /* rounded up: the longest text is a few characters shorter */

static const finq_id none; /* no consent */

static apr_size_t token_write(unsigned char *to, const finq_token *token)
{
    apr_size_t user = token->tenant_user_id ? strlen(token->tenant_user_id) : 0;
    to[0] = (unsigned char)token->kind;
    to[1] = (unsigned char)token->place;
    to[2] = (unsigned char)token->previous;
    to[3] = (unsigned char)token->late;
    finq_codec_number_put(to + 4, (apr_uint32_t)token->ordinal, 4);
    finq_codec_number_put(to + 8, (apr_uint32_t)token->generation, 4);
    finq_codec_number_put(to + 12, (apr_uint32_t)token->skill_id, 4);
    finq_codec_number_put(to + 16, (apr_uint64_t)token->expires_at, 8);
    finq_codec_number_put(to + 24, (apr_uint64_t)token->app_key_id, 8);
    memcpy(to + 32, token->client_id.bytes, 16);
    memcpy(to + 48, token->session_id.bytes, 16);
    memcpy(to + 64, token->renews ? token->renews->bytes : none.bytes, 16);
    to[80] = (unsigned char)token->data_key.length;
    memcpy(to + TOKEN_FIXED, token->data_key.data ? token->data_key.data : none.bytes, token->data_key.length);
    memcpy(to + TOKEN_FIXED + token->data_key.length, token->tenant_user_id ? token->tenant_user_id : "", user);
    return TOKEN_FIXED + token->data_key.length + user;
}

static void token_read(finq_token *token, const unsigned char *from, apr_size_t length, apr_pool_t *pool)
{
    token->kind = (finq_token_kind)from[0];
    token->place = from[1];
    token->previous = from[2];
    token->late = from[3];
    token->ordinal = (int)finq_codec_number(from + 4, 4);
    token->generation = (int)finq_codec_number(from + 8, 4);
    token->skill_id = (apr_int32_t)finq_codec_number(from + 12, 4);
    token->expires_at = (apr_int64_t)finq_codec_number(from + 16, 8);
    token->app_key_id = (apr_int64_t)finq_codec_number(from + 24, 8);
    memcpy(token->client_id.bytes, from + 32, 16);
    memcpy(token->session_id.bytes, from + 48, 16);
    token->renews = memcmp(from + 64, none.bytes, 16) == 0 ? NULL : apr_pmemdup(pool, from + 64, 16);
    apr_size_t key = from[80], before = TOKEN_FIXED + key;
    token->data_key = (finq_bytes){key > 0 ? apr_pmemdup(pool, from + TOKEN_FIXED, key) : NULL, key};
    token->tenant_user_id = length > before ? apr_pstrmemdup(pool, (const char *)from + before, length - before) : NULL;
}

finq_error *finq_token_seal(const char **text, const finq_token *token, const finq_secret *secret, apr_pool_t *pool)
{
    unsigned char plain[TOKEN_MAX], sealed[TOKEN_MAX];
    apr_size_t length = token_write(plain, token);
    FINQ_TRY(finq_secret_seal(secret, sealed, plain, length, pool));
    *text = finq_codec_encode(FINQ_BASE64URL, sealed, length + FINQ_SEAL_OVERHEAD, pool);
    return NULL;
}

finq_error *finq_token_explain(finq_token *token, finq_seal *seal, const char *text, const finq_secrets *secrets,
                               apr_pool_t *pool)
{
    unsigned char plain[TEXT_MAX];
    apr_size_t digits = text ? strnlen(text, TEXT_MAX + 1) : 0;
    finq_bytes sealed; /* one text for one token, so that "the same nonce" is a question of bytes */
    *seal = (finq_seal){FINQ_SEAL_MALFORMED, NULL};
    if (digits > TEXT_MAX || !finq_codec_decode(&sealed, FINQ_BASE64URL, text ? text : "", digits, pool))
        return NULL;
    if (sealed.length < FINQ_SEAL_OVERHEAD + TOKEN_FIXED)
        return NULL;
    FINQ_TRY(finq_secrets_open(seal, secrets, plain, sealed, pool));
    if (seal->secret)
        token_read(token, plain, sealed.length - FINQ_SEAL_OVERHEAD, pool);
    return NULL;
}

finq_error *finq_token_open(finq_token *token, const finq_secret **secret, const char *text, const finq_secrets *secrets,
                            apr_pool_t *pool)
{
    finq_token found = *token;
    finq_seal seal;
    FINQ_TRY(finq_token_explain(&found, &seal, text, secrets, pool));
    *secret = found.kind == token->kind ? seal.secret : NULL;
    if (*secret)
        *token = found;
    return NULL;
}
