#include "httpd/api.h"

#include <apr_encode.h>

#include <string.h>

#include "flow/waiting.h"
#include "ground/clock.h"
#include "httpd/observe.h"

void finq_api_put_id(finq_json_writer *reply, finq_request *request, const char *name, const finq_id *id)
{
    char text[FINQ_ID_TEXT + 1];
    finq_json_put(reply, name, finq_id_write(text, id));
    finq_observe_tell(request, name, text);
}

void finq_api_put_time(finq_json_writer *reply, const char *name, apr_int64_t seconds, apr_pool_t *pool)
{
    finq_json_put(reply, name, finq_clock_text(seconds, pool));
}

static void put_upload(finq_json_writer *reply, const finq_skill_upload *upload, const apr_array_header_t *uploaded)
{
    finq_json_open(reply, NULL, '{');
    finq_json_put(reply, "document", upload->document);
    finq_json_put(reply, "title", upload->title);
    finq_json_put(reply, "description", upload->description);
    finq_json_put_bool(reply, "required", upload->required);
    finq_json_open(reply, "media_types", '[');
    for (const char *const *type = upload->media_types; *type; type++)
        finq_json_put(reply, NULL, *type);
    finq_json_close(reply, ']');
    finq_json_put_integer(reply, "max_bytes", upload->max_bytes);
    if (uploaded)
        finq_json_put_bool(reply, "uploaded", finq_waiting_upload_find(uploaded, upload->document) != NULL);
    finq_json_close(reply, '}');
}

void finq_api_put_uploads(finq_json_writer *reply, const finq_skill_step *step, const apr_array_header_t *uploaded)
{
    finq_json_open(reply, "uploads", '[');
    for (int i = 0; i < step->upload_count; i++)
        put_upload(reply, &step->uploads[i], uploaded);
    finq_json_close(reply, ']');
}

static void put_picture(finq_json_writer *reply, const finq_picture *picture)
{
    if (picture->width) {
        finq_json_put_integer(reply, "width", picture->width);
        finq_json_put_integer(reply, "height", picture->height);
    }
    if (picture->orientation)
        finq_json_put_integer(reply, "orientation", picture->orientation);
}

void finq_api_put_upload(finq_json_writer *reply, finq_request *request, const finq_upload_answer *answer, const finq_id *step_id)
{
    char hex[2 * FINQ_DIGEST_SHA256 + 1];
    apr_encode_base16_binary(hex, answer->sha256, sizeof answer->sha256, APR_ENCODE_LOWER, NULL);
    finq_api_put_id(reply, request, "upload_id", &answer->upload_id);
    finq_api_put_id(reply, request, "step_id", step_id);
    finq_json_put(reply, "document", answer->document);
    finq_json_put_integer(reply, "size", answer->size);
    finq_json_put(reply, "sha256", hex);
    finq_json_put(reply, "media_type", answer->media_type);
    put_picture(reply, &answer->picture);
    finq_json_put(reply, "status", "UPLOADED");
}
