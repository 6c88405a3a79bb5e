/* The least that a JSON handler in httpd must do: read the body, parse it, answer. The benchmark's H.
 * It skips the walk through the file system as mod_finq does, reads into one flat buffer and answers a constant.
 * At /floor/step it calls, between the two, what a first step calls, over mod_dbd and with a prepared statement: no nonce is
 * checked, none made, nothing waited for with a deadline. What httpd, mod_dbd and libpq alone leave of the bound B.
 * At /floor/seal it hashes, seals and writes to memory whatever comes: the least of an upload. */
#include <httpd.h>

#include <apr_dbd.h>
#include <apr_optional.h>
#include <apr_strings.h>
#include <apr_time.h>
#include <http_config.h>
#include <http_protocol.h>
#include <http_request.h>
#include <jansson.h>
#include <libpq-fe.h>
#include <mod_dbd.h>
#include <openssl/evp.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>
#include <util_filter.h>

#define BODY_MAX 65536

static const char answer[] = "{\"nonce\":\"AbCdEfGhIjKlMnOpQrStUvWxYz0123456789AbCdEfGhIjKlMnOpQrStUvWxYz0123456789"
                             "AbCdEfGhIjKlMnOpQrStUvWxYz0123456789AbCdEfGh\",\"session_id\":\"01890000-0000-7000-8000-"
                             "000000000000\",\"status\":\"SESSION_CREATED\",\"expires_at\":\"2026-01-01T00:00:00Z\","
                             "\"next_step\":\"personal_data\"}";

static int is_floor(const request_rec *r)
{
    return r->uri && strncmp(r->uri, "/floor", 6) == 0;
}

static int floor_translate(request_rec *r)
{
    if (!is_floor(r))
        return DECLINED;
    r->filename = r->uri;
    return OK;
}

static int floor_map(request_rec *r)
{
    return is_floor(r) ? OK : DECLINED;
}

/* The body's length, or -1 if it could not be read. */
static apr_off_t body_read(request_rec *r, char *bytes, apr_size_t room)
{
    apr_bucket_brigade *brigade = apr_brigade_create(r->pool, r->connection->bucket_alloc);
    apr_size_t length = 0;
    for (int ended = 0; !ended && length < room;) {
        apr_size_t n = room - length;
        if (ap_get_brigade(r->input_filters, brigade, AP_MODE_READBYTES, APR_BLOCK_READ, (apr_off_t)n) != APR_SUCCESS)
            return -1;
        ended = !APR_BRIGADE_EMPTY(brigade) && APR_BUCKET_IS_EOS(APR_BRIGADE_LAST(brigade));
        apr_brigade_flatten(brigade, bytes + length, &n);
        apr_brigade_cleanup(brigade);
        length += n;
    }
    return (apr_off_t)length;
}

#define ARGUMENTS 25
#define PREPARED "bench_submit_step"
static const char call[] =
    "SELECT outcome, step_id, secret_id, expires_at, missing, status, next_place, waits_for, reply, reasons FROM finq.submit_step("
    "$1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21, $22, $23, $24, $25, NULL, NULL, NULL, decode(repeat('00', 69), 'hex'))";

static const char *id_new(request_rec *r, apr_int64_t milliseconds)
{
    unsigned char tail[9];
    apr_generate_random_bytes(tail, sizeof tail);
    return apr_psprintf(r->pool, "%08x-%04x-7%02x0-80%02x-%02x%02x%02x%02x%02x%02x", (unsigned)(milliseconds >> 16),
                        (unsigned)(milliseconds & 0xffff), tail[0], tail[1], tail[2], tail[3], tail[4], tail[5], tail[6],
                        tail[7]);
}

static PGresult *step_call(PGconn *connection, const char *const *values)
{
    PGresult *rows = PQexecPrepared(connection, PREPARED, ARGUMENTS, values, NULL, NULL, 1);
    if (PQresultStatus(rows) == PGRES_TUPLES_OK)
        return rows;
    PQclear(rows); /* a new connection */
    PQclear(PQprepare(connection, PREPARED, call, 0, NULL));
    return PQexecPrepared(connection, PREPARED, ARGUMENTS, values, NULL, NULL, 1);
}

/* A first step of a session of its own; the request's body says whose and what. */
static int step_submit(request_rec *r, const json_t *body)
{
    APR_OPTIONAL_FN_TYPE(ap_dbd_open) *dbd_open = APR_RETRIEVE_OPTIONAL_FN(ap_dbd_open);
    APR_OPTIONAL_FN_TYPE(ap_dbd_close) *dbd_close = APR_RETRIEVE_OPTIONAL_FN(ap_dbd_close);
    apr_time_t now = apr_time_now();
    char *data = json_dumps(json_object_get(body, "data"), JSON_COMPACT);
    const char *started = apr_psprintf(r->pool, "%" APR_TIME_T_FMT, apr_time_sec(now));
    const char *values[ARGUMENTS] = {json_string_value(json_object_get(body, "client_id")),
                                     id_new(r, apr_time_as_msec(now)),
                                     json_string_value(json_object_get(body, "skill_id")),
                                     "1",
                                     json_string_value(json_object_get(body, "app_key_id")),
                                     NULL,
                                     started,
                                     apr_psprintf(r->pool, "%" APR_TIME_T_FMT, apr_time_sec(now) + 1800),
                                     id_new(r, apr_time_as_msec(now)),
                                     json_string_value(json_object_get(body, "step")),
                                     "\\x00",
                                     data,
                                     "{}",
                                     "SESSION_IN_PROGRESS",
                                     "1",
                                     "1800",
                                     "86400",
                                     "0",
                                     "1",
                                     "2",
                                     NULL,
                                     NULL,
                                     NULL,
                                     "0",
                                     NULL};
    ap_dbd_t *dbd = dbd_open(r->pool, r->server);
    PGresult *rows = dbd ? step_call(apr_dbd_native_handle(dbd->driver, dbd->handle), values) : NULL;
    int done = PQntuples(rows) == 1 && strcmp(PQgetvalue(rows, 0, 0), "ok") == 0;
    PQclear(rows);
    if (dbd)
        dbd_close(r->server, dbd);
    free(data);
    return done;
}

#define PIECE 65536
#define TAG 16

static int piece_seal(EVP_CIPHER_CTX *cipher, unsigned char *sealed, const char *plain, int n, apr_uint64_t number)
{
    static const unsigned char key[32];
    unsigned char nonce[12] = {0};
    int length;
    memcpy(nonce, &number, sizeof number);
    return EVP_EncryptInit_ex(cipher, EVP_aes_256_gcm(), NULL, key, nonce) &&
           EVP_EncryptUpdate(cipher, sealed, &length, (const unsigned char *)plain, n) &&
           EVP_EncryptFinal_ex(cipher, sealed + n, &length) && EVP_CIPHER_CTX_ctrl(cipher, EVP_CTRL_GCM_GET_TAG, TAG, sealed + n);
}

static int body_seal(request_rec *r, int file)
{
    EVP_MD_CTX *digest = EVP_MD_CTX_new();
    EVP_CIPHER_CTX *cipher = EVP_CIPHER_CTX_new();
    unsigned char hash[EVP_MAX_MD_SIZE], *sealed = apr_palloc(r->pool, PIECE + TAG);
    char *plain = apr_palloc(r->pool, PIECE);
    apr_off_t n = PIECE;
    int done = EVP_DigestInit_ex(digest, EVP_sha256(), NULL);
    for (apr_uint64_t number = 0; done && n == PIECE; number++) {
        n = body_read(r, plain, PIECE);
        done = n >= 0 && EVP_DigestUpdate(digest, plain, (size_t)n) && piece_seal(cipher, sealed, plain, (int)n, number) &&
               write(file, sealed, (size_t)n + TAG) == n + TAG;
    }
    done = done && EVP_DigestFinal_ex(digest, hash, NULL);
    EVP_MD_CTX_free(digest);
    EVP_CIPHER_CTX_free(cipher);
    return done;
}

static int seal_handler(request_rec *r)
{
    int file = memfd_create("floor", MFD_CLOEXEC), done = file >= 0 && body_seal(r, file);
    close(file);
    return done ? HTTP_NO_CONTENT : HTTP_INTERNAL_SERVER_ERROR;
}

static int floor_handler(request_rec *r)
{
    if (!r->handler || strcmp(r->handler, "bench-floor") != 0)
        return DECLINED;
    if (strcmp(r->uri, "/floor/seal") == 0)
        return seal_handler(r);
    const char *declared = apr_table_get(r->headers_in, "Content-Length");
    apr_int64_t room = declared ? apr_atoi64(declared) : 0;
    if (room <= 0 || room > BODY_MAX)
        return HTTP_BAD_REQUEST;
    char *bytes = apr_palloc(r->pool, (apr_size_t)room + 1); /* one more, so that the end is read too */
    apr_off_t length = body_read(r, bytes, (apr_size_t)room + 1);
    json_t *object = length > 0 ? json_loadb(bytes, (size_t)length, JSON_REJECT_DUPLICATES, NULL) : NULL;
    int good = json_is_string(json_object_get(object, "client_id"));
    if (good && strcmp(r->uri, "/floor/step") == 0)
        good = step_submit(r, object);
    json_decref(object);
    if (!good)
        return HTTP_BAD_REQUEST;
    ap_set_content_type(r, "application/json");
    ap_set_content_length(r, (apr_off_t)(sizeof answer - 1));
    ap_rwrite(answer, (int)(sizeof answer - 1), r);
    return OK;
}

static void register_hooks(apr_pool_t *pool)
{
    (void)pool;
    ap_hook_translate_name(floor_translate, NULL, NULL, APR_HOOK_FIRST);
    ap_hook_map_to_storage(floor_map, NULL, NULL, APR_HOOK_FIRST);
    ap_hook_handler(floor_handler, NULL, NULL, APR_HOOK_MIDDLE);
}

extern module AP_MODULE_DECLARE_DATA finq_floor_module __attribute__((visibility("default")));

AP_DECLARE_MODULE(finq_floor) = {
    STANDARD20_MODULE_STUFF, NULL, NULL, NULL, NULL, NULL, register_hooks, AP_MODULE_FLAG_NONE,
};
