/* Revocations: a consent has ended, and its connector is asked to take back what the bank gave for it. */
#ifndef FINQ_DATA_REVOCATION_H
#define FINQ_DATA_REVOCATION_H

#include "flow/service.h"

/** Asks about the one that is due first, of those with one of these connectors (names, with blanks between). `*was_due`: there was one.
 * At least once each: until its connector says that it is done it is due again, after gaps that grow, for 30 days. Errors:
 * external_api_*; service_unavailable; those of a call. */
finq_error *finq_revocation_next(int *was_due, const finq_service *service, const char *connectors, apr_pool_t *pool);

#endif
