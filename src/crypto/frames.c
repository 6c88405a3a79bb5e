#include "crypto/frames.h"

#include <openssl/err.h>
#include <openssl/evp.h>
#include <string.h>

#include "crypto/secrets.h"

#define KEY_BYTES 32
#define NONCE_BYTES 12
#define PLACE_BYTES (16 + 4 + 8 + 1)
#define PURPOSE "mod_finq segment"

struct finq_frames {
    finq_segment_id segment;
    EVP_CIPHER_CTX *sealing, *opening; /* keyed once: each frame sets its nonce alone */
    apr_pool_t *pool;
};

static finq_error *failed(const finq_frames *frames)
{
    return finq_error_internal(frames->pool, FINQ_E_INTERNAL_SERVER_ERROR, "OpenSSL: AES-256-GCM failed");
}

static apr_status_t frames_release(void *value)
{
    finq_frames *frames = value;
    EVP_CIPHER_CTX_free(frames->sealing); /* wipes the key */
    EVP_CIPHER_CTX_free(frames->opening);
    return APR_SUCCESS;
}

static finq_error *frames_key(finq_frames *frames, const unsigned char *key)
{
    int keyed = frames->sealing && frames->opening &&
                EVP_EncryptInit_ex(frames->sealing, EVP_aes_256_gcm(), NULL, key, NULL) == 1 &&
                EVP_DecryptInit_ex(frames->opening, EVP_aes_256_gcm(), NULL, key, NULL) == 1;
    return keyed ? NULL : failed(frames);
}

finq_error *finq_frames_make(finq_frames **out, const finq_data_key *key, const unsigned char salt[FINQ_FRAMES_SALT],
                             const finq_segment_id *segment, apr_pool_t *pool)
{
    unsigned char derived[KEY_BYTES];
    finq_frames *frames = apr_pcalloc(pool, sizeof *frames);
    frames->segment = *segment;
    frames->pool = pool;
    frames->sealing = EVP_CIPHER_CTX_new();
    frames->opening = EVP_CIPHER_CTX_new();
    apr_pool_cleanup_register(pool, frames, frames_release, apr_pool_cleanup_null);
    FINQ_TRY(key ? finq_data_key_derive(derived, sizeof derived, key, (finq_bytes){salt, FINQ_FRAMES_SALT}, PURPOSE, pool)
                 : finq_random(derived, sizeof derived, pool));
    finq_error *error = frames_key(frames, derived);
    OPENSSL_cleanse(derived, sizeof derived);
    *out = frames;
    return error;
}

/* Sets the nonce of a frame, and what is authenticated with it. */
static int frame_begin(EVP_CIPHER_CTX *context, const finq_frames *frames, apr_uint64_t number, int is_last, int is_sealing)
{
    unsigned char nonce[NONCE_BYTES] = {0}, place[PLACE_BYTES];
    int n;
    finq_codec_number_put(nonce + 4, number, 8);
    memcpy(place, frames->segment.upload_id.bytes, 16);
    finq_codec_number_put(place + 16, (apr_uint32_t)frames->segment.number, 4);
    finq_codec_number_put(place + 20, number, 8);
    place[28] = is_last ? 1 : 0;
    return EVP_CipherInit_ex(context, NULL, NULL, NULL, nonce, is_sealing) == 1 &&
           EVP_CipherUpdate(context, NULL, &n, place, sizeof place) == 1;
}

finq_error *finq_frames_seal(finq_frames *frames, unsigned char *sealed, apr_uint64_t number, int is_last, finq_bytes bytes)
{
    int n;
    EVP_CIPHER_CTX *context = frames->sealing;
    int good = frame_begin(context, frames, number, is_last, 1) &&
               EVP_EncryptUpdate(context, sealed, &n, bytes.data, (int)bytes.length) == 1 &&
               EVP_EncryptFinal_ex(context, sealed + bytes.length, &n) == 1 &&
               EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_AEAD_GET_TAG, FINQ_FRAME_OVERHEAD, sealed + bytes.length) == 1;
    return good ? NULL : failed(frames);
}

finq_error *finq_frames_open(int *intact, finq_frames *frames, unsigned char *bytes, apr_uint64_t number, int is_last,
                             finq_bytes sealed)
{
    int n, length = (int)sealed.length - FINQ_FRAME_OVERHEAD;
    EVP_CIPHER_CTX *context = frames->opening;
    *intact = 0;
    if (length < 0)
        return NULL;
    int ready = frame_begin(context, frames, number, is_last, 0) &&
                EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_AEAD_SET_TAG, FINQ_FRAME_OVERHEAD, (void *)(sealed.data + length)) == 1 &&
                EVP_DecryptUpdate(context, bytes, &n, sealed.data, length) == 1;
    if (ready) {
        ERR_set_mark(); /* a forgery leaves nothing in the thread's error queue, which is mod_ssl's too */
        *intact = EVP_DecryptFinal_ex(context, bytes + length, &n) == 1;
        ERR_pop_to_mark();
    }
    return ready ? NULL : failed(frames);
}
