/* What a child process holds for each virtual host while it runs. */
#ifndef FINQ_CHILD_H
#define FINQ_CHILD_H

#include <apr_atomic.h>
#include <httpd.h>

#include "documents/blob.h"
#include "httpd/dbd.h"
#include "skills/directory.h"
#include "meter/metrics.h"
#include "sign/keyring.h"

typedef struct finq_runtime {
    finq_gate *gate;
    finq_directory *directory;
    finq_keyring *keyring;
    finq_blob_store *store;         /**< NULL where the upload directory could not be opened; the log says why */
    finq_meter meter;               /**< where this child counts; its gauges hold the uploads under way and who waits */
    apr_uint32_t tidied;            /**< when this child last tidied the upload directory, in seconds; atomic */
} finq_runtime;

/** The child_init hook. */
void finq_child_init(apr_pool_t *pchild, server_rec *main_server);

#endif
