/* tus 1.0.0 (tus.io/protocols/resumable-upload): the core, creation, creation-with-upload, termination, expiration, checksum. */
#include <apr_strings.h>
#include <string.h>

#include "ground/text.h"
#include "resumption.h"

#define VERSION "1.0.0"

static int is_asked(const finq_request *request)
{
    return apr_table_get(request->r->headers_in, "Tus-Resumable") != NULL;
}

static finq_error *enter(finq_transfer *transfer)
{
    const char *version = apr_table_get(transfer->request->r->headers_in, "Tus-Resumable");
    finq_resumption_set(transfer, "Tus-Resumable", VERSION);
    if (strcmp(version, VERSION) == 0)
        return NULL;
    finq_resumption_set(transfer, "Tus-Version", VERSION);
    return finq_error_make(transfer->pool, FINQ_E_UNSUPPORTED_VERSION, "Tus-Resumable is %s; it can be " VERSION ".",
                           finq_text_show(version, transfer->pool));
}

/* ---- creation ---- */

static const char *const piece_types[] = {"application/offset+octet-stream", NULL};

static int is_piece(const char *type)
{
    return type && strcmp(type, *piece_types) == 0;
}

/* The value of a key in Upload-Metadata, pairs of a name and a base64 text; NULL where it is not among them. */
static finq_error *metadata_find(const char **value, const finq_transfer *transfer, const char *key)
{
    const char *text = apr_table_get(transfer->request->r->headers_in, "Upload-Metadata");
    char *rest, *pair = text ? apr_strtok(apr_pstrdup(transfer->pool, text), ",", &rest) : NULL;
    for (; pair; pair = apr_strtok(NULL, ",", &rest)) {
        char *word, *name = apr_strtok(pair, " ", &word), *coded = name ? apr_strtok(NULL, " ", &word) : NULL;
        finq_bytes bytes = {NULL, 0};
        if (!name || strcmp(name, key) != 0)
            continue;
        if (coded && (!finq_codec_decode(&bytes, FINQ_BASE64, coded, strlen(coded), transfer->pool) ||
                      memchr(bytes.data, '\0', bytes.length)))
            return finq_resumption_wrong(transfer, "Upload-Metadata", "holds what is not base64");
        *value = apr_pstrmemdup(transfer->pool, bytes.data ? (const char *)bytes.data : "", bytes.length);
    }
    return NULL;
}

static finq_error *create(finq_transfer *transfer)
{
    const apr_table_t *headers = transfer->request->r->headers_in;
    if (apr_table_get(headers, "Upload-Concat"))
        return finq_resumption_wrong(transfer, "Upload-Concat", "is of an extension that is not offered");
    FINQ_TRY(finq_resumption_number(&transfer->length, transfer, "Upload-Length"));
    if (transfer->length < 0)
        return finq_resumption_wrong(transfer, "Upload-Length", "is missing, and must be known at the creation");
    return metadata_find(&transfer->content_type, transfer, "filetype");
}

/* ---- going on ---- */

static const struct {
    const char *name;
    finq_digest *(*begin)(apr_pool_t *pool);
    apr_size_t length;
} algorithms[] = {{"sha1", finq_digest_new_sha1, FINQ_DIGEST_SHA1}, {"sha256", finq_digest_new, FINQ_DIGEST_SHA256}};

static finq_error *checksum_read(finq_transfer *transfer)
{
    const char *text = apr_table_get(transfer->request->r->headers_in, "Upload-Checksum");
    if (!text)
        return NULL;
    for (size_t i = 0; i < sizeof algorithms / sizeof *algorithms; i++) {
        size_t length = strlen(algorithms[i].name);
        finq_bytes bytes;
        if (strncmp(text, algorithms[i].name, length) != 0 || text[length] != ' ')
            continue;
        text += length + 1;
        if (!finq_codec_decode(&bytes, FINQ_BASE64, text, strlen(text), transfer->pool) || bytes.length != algorithms[i].length)
            break;
        memcpy(transfer->expected, bytes.data, bytes.length);
        transfer->digest_length = bytes.length;
        transfer->digest = algorithms[i].begin(transfer->pool);
        return NULL;
    }
    return finq_resumption_wrong(transfer, "Upload-Checksum", "must be sha1 or sha256, a blank and the digest in base64");
}

static finq_error *append(finq_transfer *transfer)
{
    FINQ_TRY(finq_resumption_number(&transfer->at, transfer, "Upload-Offset"));
    if (transfer->at < 0)
        return finq_resumption_wrong(transfer, "Upload-Offset", "is missing");
    return checksum_read(transfer);
}

static finq_error *create_or_append(finq_transfer *transfer)
{
    FINQ_TRY(create(transfer));
    return checksum_read(transfer);
}

/* ---- answers ---- */

static void tell(finq_transfer *transfer)
{
    char date[APR_RFC822_DATE_LEN];
    apr_rfc822_date(date, apr_time_from_sec(transfer->upload.pass.token.expires_at));
    finq_resumption_set_number(transfer, "Upload-Offset", transfer->offset);
    if (transfer->upload.length >= 0)
        finq_resumption_set_number(transfer, "Upload-Length", transfer->upload.length);
    else
        finq_resumption_set(transfer, "Upload-Defer-Length", "1");
    finq_resumption_set(transfer, "Upload-Expires", date);
    if (transfer->is_stored)
        finq_resumption_set(transfer, "X-Finq-Upload-Id", finq_id_text(&transfer->stored.upload_id, transfer->pool));
}

static void answer(finq_transfer *transfer, finq_json_writer *reply, int status)
{
    (void)reply;
    transfer->request->empty_status = status;
}

const finq_resumption finq_resumption_tus = {
    .first = {is_piece, piece_types},
    .next = {is_piece, piece_types},
    .is_asked = is_asked,
    .ends_at_length = 1,
    .enter = enter,
    .create = create_or_append,
    .append = append,
    .tell = tell,
    .answer = answer,
};
