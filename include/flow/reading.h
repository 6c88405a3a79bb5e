/* Documents read back by those who may (contract section 14). Each look leaves a line in the audit trail. */
#ifndef FINQ_READING_H
#define FINQ_READING_H

#include "documents/blob.h"
#include "flow/service.h"

/** A document that is open. */
typedef struct finq_reading {
    const char *document, *media_type;
    apr_int64_t uploaded_at;
    finq_source source; /**< its bytes, as they were sent */
} finq_reading;

/** Opens a document for `reader`, whose name the trail keeps. Errors: not_found for one that is not there, ended or erased, and on a
 * host of one tenant another's; those of finq_data_key_unwrap, of finq_blob_open and of a call. */
finq_error *finq_reading_open(finq_reading *reading, const finq_service *service, const finq_blob_store *store,
                              const char *upload_id, const char *reader, apr_pool_t *pool);

/** What documents a session has, as a JSON array. Errors: as above. */
finq_error *finq_reading_list(const char **documents, const finq_service *service, const char *session_id, const char *reader,
                              apr_pool_t *pool);

#endif
