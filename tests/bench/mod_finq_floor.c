/* The least that a JSON handler in httpd must do: read the body, parse it, answer. The benchmark's H.
 * It skips the walk through the file system as mod_finq does, reads into one flat buffer and answers a constant. */
#include <httpd.h>

#include <apr_strings.h>
#include <http_config.h>
#include <http_protocol.h>
#include <http_request.h>
#include <jansson.h>
#include <string.h>
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

static int floor_handler(request_rec *r)
{
    if (!r->handler || strcmp(r->handler, "bench-floor") != 0)
        return DECLINED;
    const char *declared = apr_table_get(r->headers_in, "Content-Length");
    apr_int64_t room = declared ? apr_atoi64(declared) : 0;
    if (room <= 0 || room > BODY_MAX)
        return HTTP_BAD_REQUEST;
    char *bytes = apr_palloc(r->pool, (apr_size_t)room + 1); /* one more, so that the end is read too */
    apr_off_t length = body_read(r, bytes, (apr_size_t)room + 1);
    json_t *object = length > 0 ? json_loadb(bytes, (size_t)length, JSON_REJECT_DUPLICATES, NULL) : NULL;
    int good = json_is_string(json_object_get(object, "client_id"));
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
