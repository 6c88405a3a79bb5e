#include "flow/reading.h"

#include "db/calls.h"

/* What is not there, and what is another tenant's, answer alike. */
static finq_error *not_found(apr_pool_t *pool)
{
    return finq_error_make(pool, FINQ_E_NOT_FOUND, "There is no document at this path.");
}

finq_error *finq_reading_open(finq_reading *reading, const finq_service *service, const finq_blob_store *store,
                              const char *upload_id, const char *reader, apr_pool_t *pool)
{
    finq_id id;
    finq_data_key *key;
    finq_upload_open_in in = {.upload_id = &id, .client_id = service->tenant, .reader = reader};
    finq_upload_open_out row;
    if (!finq_id_parse(&id, upload_id))
        return not_found(pool);
    FINQ_TRY(finq_call_upload_open(&row, service->db, &in, pool));
    if (!row.document)
        return not_found(pool);
    reading->document = row.document;
    reading->media_type = row.media_type;
    reading->uploaded_at = row.uploaded_at;
    FINQ_TRY(finq_data_key_unwrap(&key, service->data_keys, row.data_key, pool));
    return finq_blob_open(&reading->source, store, &id, key, pool);
}

finq_error *finq_reading_list(const char **documents, const finq_service *service, const char *session_id, const char *reader,
                              apr_pool_t *pool)
{
    finq_id id;
    finq_session_documents_in in = {.session_id = &id, .client_id = service->tenant, .reader = reader};
    finq_session_documents_out row;
    if (!finq_id_parse(&id, session_id))
        return not_found(pool);
    FINQ_TRY(finq_call_session_documents(&row, service->db, &in, pool));
    *documents = row.session_documents;
    return *documents ? NULL : not_found(pool);
}
