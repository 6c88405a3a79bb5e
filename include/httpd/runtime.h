/* What a child process holds for each virtual host while it runs. */
#ifndef FINQ_RUNTIME_H
#define FINQ_RUNTIME_H

#include "consent/bearer.h"
#include "documents/blob.h"
#include "httpd/gate.h"
#include "meter/metrics.h"
#include "sign/keyring.h"
#include "skills/directory.h"

typedef struct finq_runtime {
    finq_gate *gate;
    finq_directory *directory;
    finq_keyring *keyring;
    finq_bearers *bearers;
    finq_blob_store *store; /**< NULL where the upload directory could not be opened; the log says why */
    unsigned int turns;     /**< of its refresher: one thread at a time has it */
    finq_meter meter;       /**< where this child counts; its gauges hold the uploads under way and who waits */
} finq_runtime;

#endif
