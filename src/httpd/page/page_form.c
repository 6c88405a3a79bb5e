#include "httpd/page_form.h"

#include <apr_escape.h>
#include <apr_strings.h>
#include <string.h>

#include "documents/media.h"
#include "documents/multipart.h"
#include "ground/clock.h"
#include "httpd/api.h"
#include "httpd/body.h"
#include "httpd/intake.h"
#include "page/state.h"

#define URLENCODED "application/x-www-form-urlencoded"
#define MULTIPART "multipart/form-data"
/* A form has answers of twice that (length_check), three characters a byte; carries as much of other steps, in base64; and some more of its own. */
#define ROOM(request) ((apr_size_t)(request)->config->max_body * 9 + 65536)
#define PIECE 65536
/* So long, and FinqMaxBody bytes at most, what stands behind a refused file is read. */
#define REST_TIME (5 * APR_USEC_PER_SEC)

static int is_form_type(const char *type)
{
    return type && (strcmp(type, URLENCODED) == 0 || strcmp(type, MULTIPART) == 0);
}

static finq_error *broken(apr_pool_t *pool)
{
    return finq_error_make(pool, FINQ_E_INVALID_BODY, "The form is damaged.");
}

static int is_text(const char *bytes, apr_size_t length)
{
    json_t *text = json_stringn(bytes, length); /* NULL where it is no UTF-8 */
    int is = text && !memchr(bytes, '\0', length);
    json_decref(text);
    return is;
}

/* ---- application/x-www-form-urlencoded ---- */

static finq_error *pair_take(finq_typed *typed, const char *pair, apr_pool_t *pool)
{
    const char *equals = strchr(pair, '=');
    const char *raw = equals ? apr_pstrmemdup(pool, pair, (apr_size_t)(equals - pair)) : pair;
    const char *name = *raw ? apr_punescape_url(pool, raw, NULL, NULL, 1) : "";
    const char *value = equals && equals[1] ? apr_punescape_url(pool, equals + 1, NULL, NULL, 1) : "";
    if (!name || !value || !is_text(name, strlen(name)) || !is_text(value, strlen(value)))
        return broken(pool);
    finq_typed_add(typed, name, value);
    return NULL;
}

/* Of one that is too long the beginning says in whose language and looks that is told. */
static finq_error *pairs_read(finq_page_form *form, finq_request *request)
{
    apr_pool_t *pool = request->r->pool;
    char *text = apr_palloc(pool, ROOM(request) + 2), *last;
    apr_size_t length = 0, n;
    do {
        FINQ_TRY(finq_body_read(request, text + length, ROOM(request) + 1 - length, &n));
        length += n;
    } while (n > 0 && length <= ROOM(request));
    text[length] = '\0';
    if (memchr(text, '\0', length)) /* what stands behind it would be lost without a word */
        return broken(pool);
    if (length > ROOM(request) && (last = strrchr(text, '&')) != NULL)
        *last = '\0';
    for (char *pair = apr_strtok(text, "&", &last); pair; pair = apr_strtok(NULL, "&", &last))
        FINQ_TRY(pair_take(form->typed, pair, pool));
    return length > ROOM(request) ? finq_error_too_large("The form", (apr_int64_t)ROOM(request), pool) : NULL;
}

/* ---- multipart/form-data ---- */

typedef struct {
    finq_page_form *form;
    finq_request *request;
    const finq_entry *entry;
    apr_pool_t *pool;
    finq_session_pass pass;
    finq_upload_offer offer;
    finq_upload_way way;
    finq_upload *upload; /* of the file; NULL before, and after one that was refused */
    int is_whole;        /* whether that file's bytes are all there */
    const char *name;    /* of the part that is coming; NULL for a file's */
    const char *type;    /* of a file whose first bytes have not come */
    const char *file_name;
    char *text; /* of a part's value */
    apr_size_t length, room;
    apr_off_t read, files; /* bytes of the form, and those of them that are files' */
    apr_off_t rest;        /* how far it is read when a file was refused */
    finq_admission admission;
} receipt;

/* Of a hand-off the state, which stands before the file too, says whose it is; of a page the database has. */
static finq_error *session_check(const receipt *of)
{
    finq_entry entry = *of->entry;
    finq_state state;
    finq_id session_id;
    int is_ours;
    if (entry.handoff_id) {
        FINQ_TRY(finq_state_open(&state, &is_ours, finq_typed_get(of->form->typed, "state"), &entry.page_id,
                                 of->request->config->secrets, of->pool));
        entry.session_id = is_ours && finq_id_parse(&session_id, state.session) ? &session_id : NULL;
    }
    return finq_entry_check(&entry, &of->pass.token.session_id, of->pool);
}

/* What stands before the file says whose it is: the nonce of its step, or one that came later and authorises it too. */
static finq_error *file_begin(receipt *of)
{
    const finq_typed *typed = of->form->typed;
    const char *held = finq_typed_get(typed, "held"), *nonce = held ? held : finq_typed_get(typed, "nonce");
    int known;
    FINQ_TRY(finq_intake_nonce(&of->pass, of->request, &of->entry->client_id, nonce, of->request->config->nonce_ttl));
    FINQ_TRY(session_check(of));
    FINQ_TRY(finq_session_pass_back(&known, &of->pass, &of->request->service, finq_typed_get(typed, "of"), of->pool));
    of->offer = (finq_upload_offer){.pass = &of->pass, .document = finq_typed_get(typed, "document"), .content_type = of->type};
    if (!known || !of->offer.document)
        return broken(of->pool);
    FINQ_TRY(finq_api_admit_upload(&of->admission, of->request));
    of->way = finq_api_upload_way(of->request);
    return finq_upload_begin(&of->upload, &of->way, &of->offer, of->pool);
}

/* A browser that has little more to send reads the answer only behind that. It keeps its place meanwhile; who has none ends here. */
static void refuse(receipt *of, const finq_error *error)
{
    int has_place = of->admission.stranger || of->admission.is_upload;
    if (of->upload)
        finq_upload_abandon(of->upload);
    of->upload = NULL;
    of->form->refused = error;
    of->rest = has_place ? of->read + of->request->config->max_body : 0;
    of->request->read_until = finq_clock_steady() + REST_TIME;
}

static finq_error *part_begin(void *baton, const char *name, const char *filename, const char *content_type)
{
    receipt *of = baton;
    if (!is_text(name, strlen(name)))
        return broken(of->pool);
    of->name = filename ? NULL : apr_pstrdup(of->pool, name);
    of->file_name = filename && is_text(filename, strlen(filename)) ? apr_pstrdup(of->pool, filename) : NULL;
    of->type = filename && content_type ? apr_pstrdup(of->pool, content_type) : NULL;
    of->text = apr_palloc(of->pool, 0);
    of->length = of->room = 0;
    return NULL;
}

/* Of the two boxes of a document one is empty; of two files the first counts. */
static void file_data(receipt *of, const char *bytes, apr_size_t n)
{
    const finq_error *error = NULL;
    of->files += (apr_off_t)n;
    if (of->form->refused || of->is_whole)
        return;
    if (!of->form->has_file) {
        of->form->file_name = of->file_name;
        error = file_begin(of);
    }
    of->form->has_file = 1;
    if (!error && of->upload)
        error = finq_upload_write(of->upload, bytes, n);
    if (error)
        refuse(of, error);
}

static void text_data(receipt *of, const char *bytes, apr_size_t n)
{
    if (of->length + n > of->room) {
        of->room = 2 * (of->length + n);
        char *larger = apr_palloc(of->pool, of->room);
        of->text = memcpy(larger, of->text, of->length);
    }
    memcpy(of->text + of->length, bytes, n);
    of->length += n;
}

static finq_error *part_data(void *baton, const char *bytes, apr_size_t n)
{
    receipt *of = baton;
    if (of->name)
        text_data(of, bytes, n);
    else
        file_data(of, bytes, n);
    return NULL;
}

static finq_error *part_end(void *baton)
{
    receipt *of = baton;
    if (!of->name) {
        of->is_whole = of->upload != NULL;
        return NULL;
    }
    if (!is_text(of->text, of->length))
        return broken(of->pool);
    finq_typed_add(of->form->typed, of->name, apr_pstrmemdup(of->pool, of->text, of->length));
    return NULL;
}

/* A chunked form has no length that was checked before; and what no file holds is bounded as a form without files is. */
static finq_error *size_check(const receipt *of)
{
    if (of->files > FINQ_SKILL_MAX_BYTES)
        return finq_error_too_large("The form", FINQ_SKILL_MAX_BYTES, of->pool);
    if (of->read - of->files > (apr_off_t)ROOM(of->request))
        return finq_error_too_large("The form", (apr_int64_t)ROOM(of->request), of->pool);
    return NULL;
}

static finq_error *parts_push(receipt *of, const char *content_type)
{
    static const finq_multipart_sink sink = {part_begin, part_data, part_end};
    char *piece = apr_palloc(of->pool, PIECE);
    finq_multipart *parser;
    apr_size_t n;
    FINQ_TRY(finq_multipart_create(&parser, content_type, &sink, of, of->pool));
    FINQ_TRY(finq_api_admit_stranger(&of->admission, of->request));
    do {
        FINQ_TRY(finq_body_read(of->request, piece, PIECE, &n));
        FINQ_TRY(finq_multipart_push(parser, piece, n));
        of->read += (apr_off_t)n;
        FINQ_TRY(size_check(of));
    } while (n > 0 && !(of->form->refused && of->read > of->rest));
    return finq_multipart_end(parser);
}

/* A file counts only with its whole form. After an error nothing is kept of it. */
static void file_settle(receipt *of, const finq_error *error)
{
    finq_upload_answer answer;
    if (of->upload && error)
        finq_upload_abandon(of->upload);
    else if (of->upload)
        of->form->refused = finq_upload_finish(&answer, of->upload, &of->request->service);
}

static finq_error *parts_read(finq_page_form *form, finq_request *request, const finq_entry *entry, const char *content_type)
{
    receipt of = {.form = form, .request = request, .entry = entry, .pool = request->r->pool};
    finq_error *error = parts_push(&of, content_type);
    if (error && form->refused) /* which says more than what was wrong behind it, or that it came slowly */
        error = NULL;
    if (!request->body_ended)
        request->r->connection->keepalive = AP_CONN_CLOSE; /* else httpd reads what is left of the form, however long */
    file_settle(&of, error);
    finq_api_admit_end(&of.admission, request);
    return error;
}

int finq_page_form_may_have_file(const finq_request *request)
{
    const char *type = finq_media_base(apr_table_get(request->r->headers_in, "Content-Type"), request->r->pool);
    return type && strcmp(type, URLENCODED) != 0;
}

finq_error *finq_page_form_read(finq_page_form *form, finq_request *request, const finq_entry *entry)
{
    static const char *const accepted[] = {URLENCODED, MULTIPART, NULL};
    const char *content_type = apr_table_get(request->r->headers_in, "Content-Type");
    const char *type = finq_media_base(content_type, request->r->pool);
    *form = (finq_page_form){.typed = finq_typed_make(request->r->pool)};
    FINQ_TRY(
        finq_body_precheck(request, FINQ_SKILL_MAX_BYTES + (apr_off_t)ROOM(request), &(finq_body_types){is_form_type, accepted}));
    if (strcmp(type, URLENCODED) == 0)
        return pairs_read(form, request);
    if (!request->config->runtime->store)
        return finq_error_internal(request->r->pool, FINQ_E_SERVICE_UNAVAILABLE, "the upload directory could not be opened");
    return parts_read(form, request, entry, content_type);
}
