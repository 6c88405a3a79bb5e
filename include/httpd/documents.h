/* SetHandler finq-documents: documents read back (contract section 14). */
#ifndef FINQ_DOCUMENTS_H
#define FINQ_DOCUMENTS_H

#include <httpd.h>

/** The handler. Who may read is Apache's to say: without an authenticated user nobody may. */
int finq_documents_handler(request_rec *r);

#endif
