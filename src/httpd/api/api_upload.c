#include "httpd/api.h"

#include <apr_strings.h>
#include <http_log.h>
#include <string.h>

#include "ground/text.h"
#include "httpd/access.h"
#include "httpd/body.h"
#include "httpd/intake.h"
#include "db/outcome.h"
#include "documents/media.h"
#include "documents/multipart.h"
#include "flow/step.h"
#include "flow/upload.h"

APLOG_USE_MODULE(finq);

/* Bytes of a form beside its file: delimiters, headers, the text parts. */
#define FORM_OVERHEAD 65536
#define TEXT_MAX 4096
#define NAME_MAX_SHOWN 256
/* Of a file that comes before the parts that say whose it is, so much is kept in memory. */
#define EARLY_MAX 65536
#define PIECE 65536

/* The two forms differ in where these come from. */
typedef enum { CLIENT_ID, NONCE, DOCUMENT, FILE_PART, PARTS } part;

static const char *const part_names[PARTS] = {"client_id", "nonce", "document", "file"};
static const char *const header_names[FILE_PART] = {"X-Finq-Client-Id", FINQ_REQUEST_NONCE, "X-Finq-Document"};

typedef struct {
    finq_request *request;
    apr_pool_t *pool;
    char *texts[FILE_PART]; /* as they came, NULL before */
    apr_size_t lengths[FILE_PART];
    part current;
    apr_int64_t surround; /* bytes of a form that are not its file's */
    finq_session_pass pass;
    finq_upload_offer offer;
    finq_upload_way way;
    finq_upload *upload; /* NULL before the file may begin */
    char *early;         /* of a file that came before the text parts: what has come of it; else NULL */
    apr_size_t early_length;
    const char *early_type;
    finq_admission admission;
} upload_receipt;

/* ---- who may upload what ---- */

static apr_array_header_t *names_missing(upload_receipt *receipt, const char *const *names, int count)
{
    apr_array_header_t *missing = apr_array_make(receipt->pool, PARTS, sizeof(const char *));
    for (int i = 0; i < count; i++) {
        int have = i == FILE_PART ? receipt->upload != NULL : receipt->texts[i] != NULL;
        if (!have)
            APR_ARRAY_PUSH(missing, const char *) = names[i];
    }
    return missing;
}

static finq_error *names_check(upload_receipt *receipt, const char *const *names, int count)
{
    const apr_array_header_t *missing = names_missing(receipt, names, count);
    return missing->nelts > 0 ? finq_error_missing(missing, receipt->pool) : NULL;
}

/* Of a file that is the body, or stands in a form with so much around it at most: told before it is read, where the length is. */
static apr_int64_t least_of(const upload_receipt *receipt, apr_int64_t overhead)
{
    const char *declared = apr_table_get(receipt->request->r->headers_in, "Content-Length");
    return declared ? apr_atoi64(declared) - overhead : 0;
}

/* What the database has against the file, finq_upload_begin asks before the bytes come. */
static finq_error *file_begin(upload_receipt *receipt, const char *content_type, apr_int64_t overhead)
{
    FINQ_TRY(finq_api_upload_pass(&receipt->pass, receipt->request, receipt->texts[CLIENT_ID], receipt->texts[NONCE]));
    receipt->offer.pass = &receipt->pass;
    receipt->offer.document = receipt->texts[DOCUMENT];
    receipt->offer.content_type = content_type;
    receipt->offer.least = least_of(receipt, overhead);
    receipt->way = finq_api_upload_way(receipt->request);
    FINQ_TRY(finq_api_admit_upload(&receipt->admission, receipt->request));
    return finq_upload_begin(&receipt->upload, &receipt->way, &receipt->offer, receipt->pool);
}

/* ---- form 1: multipart ---- */

static finq_error *part_unknown(upload_receipt *receipt, const char *name)
{
    apr_array_header_t *fields = apr_array_make(receipt->pool, 1, sizeof(const char *));
    APR_ARRAY_PUSH(fields, const char *) = finq_text_plain(name, NAME_MAX_SHOWN, receipt->pool);
    finq_error *error = finq_error_make(receipt->pool, FINQ_E_UNKNOWN_FIELDS,
                                        "Unknown: part %s. A form has the parts client_id, nonce, document and, last, file.",
                                        finq_text_show(name, receipt->pool));
    return finq_error_tell_texts(error, "fields", fields, receipt->pool);
}

static finq_error *part_begin(void *baton, const char *name, const char *filename, const char *content_type)
{
    upload_receipt *receipt = baton;
    int i = 0;
    (void)filename; /* names of files are the server's own */
    while (i < PARTS && strcmp(part_names[i], name) != 0)
        i++;
    if (i == PARTS)
        return part_unknown(receipt, name);
    if (receipt->upload || (i == FILE_PART && receipt->early))
        return finq_error_make(receipt->pool, FINQ_E_INVALID_BODY, "Part file must come once, and last.");
    receipt->current = (part)i;
    if (i == FILE_PART && names_missing(receipt, part_names, FILE_PART)->nelts == 0)
        return file_begin(receipt, content_type, FORM_OVERHEAD);
    if (i == FILE_PART) {
        receipt->early = apr_palloc(receipt->pool, EARLY_MAX);
        receipt->early_type = content_type;
        return NULL;
    }
    if (receipt->texts[i])
        return finq_error_make(receipt->pool, FINQ_E_INVALID_BODY, "Part %s comes twice.", part_names[i]);
    receipt->texts[i] = apr_pcalloc(receipt->pool, TEXT_MAX + 1);
    return NULL;
}

static finq_error *early_refused(upload_receipt *receipt)
{
    const apr_array_header_t *missing = names_missing(receipt, part_names, FILE_PART);
    finq_error *error =
        finq_error_make(receipt->pool, FINQ_E_MISSING_FIELDS, "Before a file of more than %d bytes must stand: %s.", EARLY_MAX,
                        finq_text_join(missing, receipt->pool));
    return finq_error_tell_texts(error, "fields", missing, receipt->pool);
}

/* Nothing is stored for a caller who has not shown that it may store it; a small file can wait for that in memory. */
static finq_error *early_keep(upload_receipt *receipt, const char *bytes, apr_size_t n)
{
    if (n > EARLY_MAX - receipt->early_length)
        return early_refused(receipt);
    memcpy(receipt->early + receipt->early_length, bytes, n);
    receipt->early_length += n;
    return NULL;
}

static finq_error *early_store(upload_receipt *receipt)
{
    FINQ_TRY(names_check(receipt, part_names, FILE_PART));
    FINQ_TRY(file_begin(receipt, receipt->early_type, FORM_OVERHEAD));
    return finq_upload_write(receipt->upload, receipt->early, receipt->early_length);
}

static finq_error *part_data(void *baton, const char *bytes, apr_size_t n)
{
    upload_receipt *receipt = baton;
    if (receipt->current == FILE_PART) {
        receipt->surround -= (apr_int64_t)n;
        return receipt->early ? early_keep(receipt, bytes, n) : finq_upload_write(receipt->upload, bytes, n);
    }
    apr_size_t *length = &receipt->lengths[receipt->current];
    if (*length + n > TEXT_MAX || memchr(bytes, '\0', n))
        return finq_error_make(receipt->pool, FINQ_E_INVALID_FIELD, "Part %s is not what it should be.",
                               part_names[receipt->current]);
    memcpy(receipt->texts[receipt->current] + *length, bytes, n);
    *length += n;
    return NULL;
}

static finq_error *part_end(void *baton)
{
    (void)baton;
    return NULL;
}

/* Headers, text parts and the file are bounded each; what follows the closing delimiter is not. */
static finq_error *surround_add(upload_receipt *receipt, apr_size_t n)
{
    receipt->surround += (apr_int64_t)n;
    return receipt->surround <= FORM_OVERHEAD + PIECE
               ? NULL
               : finq_error_too_large("What the form holds beside its file", FORM_OVERHEAD, receipt->pool);
}

static finq_error *receive_form(upload_receipt *receipt, const char *content_type)
{
    static const finq_multipart_sink sink = {part_begin, part_data, part_end};
    finq_multipart *parser;
    char *piece = apr_palloc(receipt->pool, PIECE);
    apr_size_t n;
    FINQ_TRY(finq_multipart_create(&parser, content_type, &sink, receipt, receipt->pool));
    FINQ_TRY(finq_api_admit_stranger(&receipt->admission, receipt->request));
    do {
        FINQ_TRY(finq_body_read(receipt->request, piece, PIECE, &n));
        FINQ_TRY(finq_multipart_push(parser, piece, n));
        FINQ_TRY(surround_add(receipt, n));
    } while (n > 0);
    FINQ_TRY(finq_multipart_end(parser));
    return receipt->early ? early_store(receipt) : names_check(receipt, part_names, PARTS);
}

/* ---- form 2: the file is the body ---- */

static finq_error *receive_raw(upload_receipt *receipt, const char *content_type)
{
    char *piece = apr_palloc(receipt->pool, PIECE);
    apr_size_t n;
    for (int i = 0; i < FILE_PART; i++)
        receipt->texts[i] = (char *)apr_table_get(receipt->request->r->headers_in, header_names[i]);
    receipt->texts[NONCE] = (char *)receipt->request->nonce;
    FINQ_TRY(names_check(receipt, header_names, FILE_PART));
    FINQ_TRY(file_begin(receipt, content_type, 0));
    for (;;) {
        FINQ_TRY(finq_body_read(receipt->request, piece, PIECE, &n));
        if (n == 0)
            return NULL;
        FINQ_TRY(finq_upload_write(receipt->upload, piece, n));
    }
}

/* ---- the endpoint ---- */

/* A form, or whatever a document may be. */
static int is_upload_type(const char *type)
{
    return !type || strncmp(type, "multipart/", 10) != 0 || strcmp(type, "multipart/form-data") == 0;
}

static finq_error *receive(upload_receipt *receipt)
{
    static const char *const accepted[] = {"multipart/form-data", NULL};
    finq_request *request = receipt->request;
    const char *content_type = apr_table_get(request->r->headers_in, "Content-Type");
    const char *type = finq_media_base(content_type, receipt->pool);
    FINQ_TRY(finq_body_precheck(request, FINQ_SKILL_MAX_BYTES + FORM_OVERHEAD, &(finq_body_types){is_upload_type, accepted}));
    finq_access_body_begin(request, 0);
    finq_error *error = type && strcmp(type, "multipart/form-data") == 0 ? receive_form(receipt, content_type)
                                                                         : receive_raw(receipt, content_type);
    if (error && !request->body_ended)
        request->r->connection->keepalive = AP_CONN_CLOSE;
    return error;
}

static finq_error *receive_and_record(finq_request *request, finq_upload_answer *answer, upload_receipt *receipt)
{
    receipt->request = request;
    receipt->pool = request->r->pool;
    finq_error *error = receive(receipt);
    if (!error)
        error = finq_access_body_end(request);
    if (!error)
        error = finq_access_use(request);
    if (error && receipt->upload) /* before the answer: its request's pool lives until the client has read that */
        finq_upload_abandon(receipt->upload);
    FINQ_TRY(error);
    FINQ_TRY(finq_upload_finish(answer, receipt->upload, &request->service));
    return NULL;
}

finq_error *finq_api_upload(finq_request *request, finq_json_writer *reply)
{
    finq_upload_answer answer;
    upload_receipt receipt = {0};
    if (request->r->method_number == M_OPTIONS)
        return finq_api_resumable_options(request);
    if (finq_api_resumable_is(request))
        return finq_api_resumable_create(request, reply);
    if (!request->config->runtime->store)
        return finq_error_internal(request->r->pool, FINQ_E_SERVICE_UNAVAILABLE, "the upload directory could not be opened");
    finq_error *error = receive_and_record(request, &answer, &receipt);
    finq_api_admit_end(&receipt.admission, request);
    FINQ_TRY(error);
    finq_api_put_upload(reply, request, &answer, &receipt.pass.step_id);
    return NULL;
}
