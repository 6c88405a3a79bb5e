#include "flow/upload.h"

#include <apr_strings.h>
#include <string.h>

#include "db/calls.h"
#include "db/outcome.h"
#include "documents/archive.h"
#include "documents/media.h"
#include "documents/paper.h"
#include "flow/step.h"
#include "ground/clock.h"
#include "ground/text.h"

/* So that calls to the database before and after are made within its time. */
#define TIDY_TIME (APR_USEC_PER_SEC / 2)

struct finq_upload {
    const finq_upload_offer *offer;
    const finq_skill_upload *document;
    const finq_upload_way *way;
    finq_data_key *key;
    finq_blob *blob;
    finq_scan *scan; /* NULL where nobody scans */
    finq_id upload_id;
    const char *claimed; /* NULL where the bytes decide */
    const char *type;    /* that the bytes show; NULL before they do */
    finq_paper paper;
    unsigned char head[FINQ_MEDIA_HEAD];
    apr_size_t head_length;
    apr_int64_t size, most;
    apr_int64_t room;  /* that the quotas leave; -1 for any number */
    const char *quota; /* the one that leaves so little */
    apr_pool_t *pool;
};

/* ---- types ---- */

/* Whether a document may be of a type. Of one that is claimed only, the bytes may show a type of its kind. */
static int type_allowed(const finq_skill_upload *document, const char *type, int is_claim)
{
    for (const char *const *allowed = document->media_types; *allowed; allowed++) {
        if (finq_media_is(type, *allowed) || (is_claim && finq_media_is(*allowed, type)))
            return 1;
    }
    return 0;
}

static finq_error *type_refused(const finq_upload *upload, const char *why)
{
    const apr_array_header_t *accepted = finq_text_array(upload->document->media_types, upload->pool);
    finq_error *error = finq_error_make(upload->pool, FINQ_E_UNSUPPORTED_MEDIA_TYPE, "%s %s; it may be: %s.",
                                        upload->document->document, why, finq_text_join(accepted, upload->pool));
    return finq_error_tell_texts(error, "accepted", accepted, upload->pool);
}

static finq_error *bytes_refused(const finq_upload *upload, const char *type)
{
    if (upload->head_length == 0)
        return type_refused(upload, "is empty: no byte of it has come");
    if (!upload->claimed)
        return type_refused(upload, "holds the bytes of no type that the server knows");
    return type_refused(upload, apr_psprintf(upload->pool, "is said to be %s, and its bytes are %s", upload->claimed,
                                             type ? type : "of no type that the server knows"));
}

static finq_error *type_unasked(const finq_upload *upload, const char *type)
{
    return type_refused(upload, apr_psprintf(upload->pool, "is %s, which is not asked for", finq_text_show(type, upload->pool)));
}

static finq_error *head_check(finq_upload *upload)
{
    const char *type = finq_media_sniff(upload->head, upload->head_length);
    if (!type || (upload->claimed && !finq_media_is(type, upload->claimed)))
        return bytes_refused(upload, type);
    upload->type = type;
    return type_allowed(upload->document, type, 0) ? NULL : type_unasked(upload, type);
}

/* ---- begin, write ---- */

/* Error: invalid_field where the step does not ask for it. */
static finq_error *document_find(const finq_skill_upload **document, const finq_upload_offer *offer, apr_pool_t *pool)
{
    *document = finq_skill_upload_find(offer->pass->step, offer->document);
    return *document ? NULL
                     : finq_error_make(pool, FINQ_E_INVALID_FIELD, "document is not one that step %s asks for.",
                                       offer->pass->step->name);
}

finq_error *finq_upload_id_new(finq_id *id, const finq_id *session_id, const finq_blob_store *store, apr_pool_t *pool)
{
    unsigned char random[10];
    FINQ_TRY(finq_random(random, sizeof random, pool));
    *id = finq_id_v7(finq_id_time(session_id), random);
    finq_blob_mark(id, store);
    return NULL;
}

finq_error *finq_upload_over_quota(const char *document, const char *quota, apr_pool_t *pool)
{
    return finq_error_make(pool, FINQ_E_QUOTA_EXCEEDED, "%s is more than may be stored for this %s, which has a quota.", document,
                           quota);
}

static finq_error *quota_refused(const finq_upload *upload, const char *quota)
{
    return finq_upload_over_quota(upload->document->document, quota, upload->pool);
}

static finq_error *size_check(const finq_upload *upload, apr_int64_t size)
{
    if (size > upload->most)
        return finq_error_too_large(upload->document->document, upload->most, upload->pool);
    return upload->room < 0 || size <= upload->room ? NULL : quota_refused(upload, upload->quota);
}

/* What the database has against it, and how much the quotas leave. */
static finq_error *admit(finq_upload *upload)
{
    const finq_session_pass *pass = upload->offer->pass;
    finq_upload_admit_in in = {
        .client_id = &pass->token.client_id,
        .session_id = &pass->token.session_id,
        .ordinal = pass->token.ordinal,
        .step_id = &pass->step_id,
        .document = upload->document->document,
        .nonce_ttl = upload->way->service->nonce_ttl,
        .generation = pass->token.generation,
        .step_quota = upload->way->quota[0],
        .session_quota = upload->way->quota[1],
        .tenant_quota = upload->way->quota[2],
        .partial = upload->offer->partial,
    };
    finq_upload_admit_out row;
    FINQ_TRY(finq_call_upload_admit(&row, upload->way->service->db, &in, upload->pool));
    if (strcmp(row.outcome, "ok") != 0)
        return finq_outcome_error(row.outcome, NULL, NULL, upload->pool);
    upload->room = row.room;
    upload->quota = row.quota;
    return NULL;
}

/* What the scanner does not look at is not taken, whatever a skill says. */
static finq_error *scan_begin(finq_upload *upload)
{
    FINQ_TRY(finq_scan_begin(&upload->scan, &upload->way->scanner, upload->document->document, upload->pool));
    apr_int64_t most = finq_scan_most(upload->scan);
    if (most > 0 && most < upload->most)
        upload->most = most;
    return size_check(upload, upload->offer->least);
}

/* What is wrong with it by what its client says. */
static finq_error *offer_read(finq_upload *upload, const finq_upload_way *way, const finq_upload_offer *offer, apr_pool_t *pool)
{
    upload->offer = offer;
    upload->way = way;
    upload->pool = pool;
    FINQ_TRY(document_find(&upload->document, offer, pool));
    upload->most = upload->document->max_bytes;
    upload->claimed = finq_media_claimed(offer->content_type, pool);
    if (upload->claimed && !type_allowed(upload->document, upload->claimed, 1))
        return type_unasked(upload, upload->claimed);
    upload->room = -1;
    return size_check(upload, offer->least);
}

finq_error *finq_upload_expect(apr_int64_t *most, const finq_upload_way *way, const finq_upload_offer *offer, apr_pool_t *pool)
{
    finq_upload *upload = apr_pcalloc(pool, sizeof *upload);
    FINQ_TRY(offer_read(upload, way, offer, pool));
    finq_error *error = *way->scanner.path ? scan_begin(upload) : NULL;
    finq_upload_abandon(upload);
    *most = upload->most;
    return error;
}

finq_error *finq_upload_begin(finq_upload **out, const finq_upload_way *way, const finq_upload_offer *offer, apr_pool_t *pool)
{
    finq_upload *upload = apr_pcalloc(pool, sizeof *upload);
    FINQ_TRY(offer_read(upload, way, offer, pool));
    FINQ_TRY(admit(upload));
    FINQ_TRY(size_check(upload, offer->least));
    FINQ_TRY(finq_upload_id_new(&upload->upload_id, &offer->pass->token.session_id, way->store, pool));
    *out = upload;
    FINQ_TRY(finq_session_data_key(&upload->key, offer->pass, way->service, pool));
    /* it goes with its pool, whatever comes */
    FINQ_TRY(finq_blob_begin(&upload->blob, way->store, &upload->upload_id, upload->key, pool));
    return *way->scanner.path ? scan_begin(upload) : NULL;
}

static finq_error *head_take(finq_upload *upload, const char *bytes, apr_size_t length)
{
    apr_size_t n = sizeof upload->head - upload->head_length;
    if (n == 0)
        return NULL;
    if (n > length)
        n = length;
    memcpy(upload->head + upload->head_length, bytes, n);
    upload->head_length += n;
    return upload->head_length == sizeof upload->head ? head_check(upload) : NULL;
}

finq_error *finq_upload_write(finq_upload *upload, const char *bytes, apr_size_t length)
{
    upload->size += (apr_int64_t)length;
    FINQ_TRY(size_check(upload, upload->size));
    FINQ_TRY(head_take(upload, bytes, length));
    if (!upload->type || strcmp(upload->type, "application/pdf") == 0)
        finq_paper_look(&upload->paper, bytes, length);
    if (upload->scan)
        FINQ_TRY(finq_scan_feed(upload->scan, bytes, length));
    return finq_blob_write(upload->blob, bytes, length);
}

void finq_upload_abandon(finq_upload *upload)
{
    if (upload->scan)
        finq_scan_abandon(upload->scan);
    if (upload->blob)
        finq_blob_discard(upload->blob);
}

/* ---- finish ---- */

static finq_error *record_call(finq_upload_record_out *row, const finq_upload *upload, const finq_upload_answer *file,
                               const finq_service *service)
{
    const finq_session_pass *pass = upload->offer->pass;
    finq_upload_record_in in = {
        .client_id = &pass->token.client_id,
        .session_id = &pass->token.session_id,
        .ordinal = pass->token.ordinal,
        .step_id = &pass->step_id,
        .document = file->document,
        .upload_id = &upload->upload_id,
        .size = file->size,
        .sha256 = {file->sha256, sizeof file->sha256},
        .media_type = file->media_type,
        .width = (apr_int32_t)file->picture.width,
        .height = (apr_int32_t)file->picture.height,
        .orientation = file->picture.orientation,
        .nonce_ttl = service->nonce_ttl,
        .generation = pass->token.generation,
        .step_quota = upload->way->quota[0],
        .session_quota = upload->way->quota[1],
        .tenant_quota = upload->way->quota[2],
        .partial = upload->offer->partial,
    };
    return finq_call_upload_record(row, service->db, &in, upload->pool);
}

/* The database knows of such files until they are gone: what fails or is cut off here, or lies elsewhere, finq_upload_tidy does. */
void finq_upload_files_remove(const finq_upload_way *way, const finq_id *const ids[], int count, apr_pool_t *pool)
{
    const char *gone[FINQ_UPLOAD_FILES] = {NULL};
    int removed = 0;
    apr_array_header_t *none;
    for (int i = 0; i < count && i < FINQ_UPLOAD_FILES; i++) {
        if (ids[i] && finq_blob_is_here(way->store, ids[i]) && !finq_blob_remove(way->store, ids[i], pool))
            gone[removed++] = finq_id_text(ids[i], pool);
    }
    finq_upload_sweep_in in = {.undecided = NULL, .gone = finq_pg_array(gone, removed, pool)};
    if (removed > 0)
        finq_call_upload_sweep(&none, way->service->db, &in, pool);
}

/* What the database said decides over the file. */
static finq_error *recorded(finq_upload_answer *answer, finq_upload *upload, const finq_upload_record_out *row)
{
    if (strcmp(row->outcome, "ok") != 0) {
        finq_blob_discard(upload->blob);
        if (strcmp(row->outcome, "quota_exceeded") == 0)
            return quota_refused(upload, row->quota);
        return finq_outcome_error(row->outcome, NULL, NULL, upload->pool);
    }
    answer->upload_id = *row->upload_id;
    if (finq_id_equal(&answer->upload_id, &upload->upload_id))
        finq_blob_keep(upload->blob);
    else
        finq_blob_discard(upload->blob); /* the same bytes are there already */
    const finq_id *gone[FINQ_UPLOAD_FILES] = {row->replaced, row->ended, upload->offer->partial};
    finq_upload_files_remove(upload->way, gone, FINQ_UPLOAD_FILES, upload->pool);
    return NULL;
}

/* What few bytes say takes four for each of its pixels where it is looked at. */
static finq_error *pixels_check(const finq_upload *upload, const finq_picture *picture)
{
    if (picture->is_unread)
        return finq_error_make(upload->pool, FINQ_E_UNSAFE_DOCUMENT,
                               "%s is a picture of too many parts, or of unusual ones: its size cannot be told.",
                               upload->document->document);
    int are_stored = picture->width <= APR_INT32_MAX && picture->height <= APR_INT32_MAX; /* in the columns that they have */
    if (are_stored && finq_picture_pixels(picture) <= (apr_uint64_t)upload->way->megapixels * 1000000)
        return NULL;
    return finq_error_make(upload->pool, FINQ_E_UNSAFE_DOCUMENT, "%s has %u x %u pixels; it may have %d million.",
                           upload->document->document, picture->most_width, picture->most_height, upload->way->megapixels);
}

static finq_error *content_check(finq_upload *upload, const finq_source *source)
{
    FINQ_TRY(head_check(upload));
    if (finq_archive_hides(source, upload->type))
        return type_refused(upload, "is an archive as well");
    if (finq_paper_needs_password(&upload->paper, source))
        return finq_error_make(upload->pool, FINQ_E_PASSWORD_PROTECTED,
                               "%s opens with a password only; save it without one and send that.", upload->document->document);
    return upload->scan ? finq_scan_end(upload->scan) : NULL;
}

static finq_error *upload_place(finq_upload_answer *answer, finq_upload *upload)
{
    apr_off_t size;
    FINQ_TRY(finq_blob_finish(answer->sha256, &size, upload->blob));
    finq_source source = finq_blob_source(upload->blob);
    FINQ_TRY(content_check(upload, &source));
    finq_picture_measure(&answer->picture, &source, upload->type);
    FINQ_TRY(pixels_check(upload, &answer->picture));
    answer->size = size;
    answer->document = upload->document->document;
    answer->media_type = upload->type;
    return finq_blob_place(upload->blob);
}

finq_error *finq_upload_finish(finq_upload_answer *answer, finq_upload *upload, const finq_service *service)
{
    finq_upload_record_out row;
    finq_error *error = upload_place(answer, upload);
    if (!error)
        error = record_call(&row, upload, answer, service);
    if (!error)
        return recorded(answer, upload, &row);
    if (error->uncertain)
        finq_blob_leave(upload->blob);
    else
        finq_upload_abandon(upload);
    return error;
}

/* ---- tidying ---- */

static const char *id_array(const apr_array_header_t *ids, apr_pool_t *pool)
{
    const char **texts = apr_palloc(pool, sizeof *texts * (apr_size_t)(ids->nelts + 1));
    for (int i = 0; i < ids->nelts; i++)
        texts[i] = finq_id_text(&APR_ARRAY_IDX(ids, i, finq_id), pool);
    return finq_pg_array(texts, ids->nelts, pool);
}

static finq_error *row_follow(const finq_blob_store *store, const finq_upload_sweep_out *row, apr_pool_t *pool)
{
    FINQ_TRY(finq_blob_settle(store, row->upload_id, row->recorded, pool));
    return row->recorded ? NULL : finq_blob_remove(store, row->upload_id, pool);
}

/* Does what a sweep has said, for as long as there is time; returns how many rows have been tried. What failed is found again in the
 * next run. */
static int rows_follow(finq_upload_tidied *tidied, apr_array_header_t *gone, const finq_blob_store *store,
                       const apr_array_header_t *rows, apr_pool_t *pool)
{
    apr_time_t until = finq_clock_steady() + TIDY_TIME;
    int tried = 0;
    while (tried < rows->nelts && finq_clock_steady() < until) {
        const finq_upload_sweep_out *row = &APR_ARRAY_IDX(rows, tried++, finq_upload_sweep_out);
        finq_error *error = row_follow(store, row, pool);
        if (error)
            tidied->refused++;
        else if (!row->recorded)
            APR_ARRAY_PUSH(gone, finq_id) = *row->upload_id;
        tidied->refusal = tidied->refusal ? tidied->refusal : error;
    }
    return tried;
}

finq_error *finq_upload_tidy(finq_upload_tidied *tidied, const finq_blob_store *store, finq_db *db, apr_pool_t *pool)
{
    apr_array_header_t *rows, *gone = apr_array_make(pool, 8, sizeof(finq_id));
    finq_blob_swept swept = {.undecided = gone}; /* none as yet */
    finq_upload_sweep_in in = {.mark = finq_blob_mark_of(store), .gone = id_array(gone, pool), .behind = &tidied->behind};
    tidied->removed = 0;
    tidied->refusal = NULL;
    if (!tidied->is_begun)
        FINQ_TRY(finq_blob_sweep(&swept, store, pool));
    tidied->is_begun = 1;
    in.undecided = id_array(swept.undecided, pool);
    FINQ_TRY(finq_call_upload_sweep(&rows, db, &in, pool));
    int undecided = swept.undecided->nelts, tried = rows_follow(tidied, gone, store, rows, pool);
    if (tried > undecided)
        tidied->behind = *APR_ARRAY_IDX(rows, tried - 1, finq_upload_sweep_out).upload_id;
    in.undecided = "{}";
    in.gone = id_array(gone, pool);
    FINQ_TRY(finq_call_upload_sweep(&rows, db, &in, pool));
    tidied->removed = gone->nelts;
    tidied->is_done = rows->nelts == 0;
    return NULL;
}
