/* Require finq-consent [skill …]: a Location that only a consent in force opens, whatever answers there. */
#ifndef FINQ_REQUIRE_H
#define FINQ_REQUIRE_H

#include <httpd.h>

/** Registers the provider of `Require finq-consent`. It is asked before anybody is: what it refuses another Require may grant. */
void finq_require_register(apr_pool_t *pconf);

/** The check_user_id hook: answers for AuthType finq what the provider refused, once nothing else has granted the request. */
int finq_require_refuse(request_rec *r);

#endif
