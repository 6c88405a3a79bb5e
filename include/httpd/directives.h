/* The directives: their table, and the check of what they said. */
#ifndef FINQ_DIRECTIVES_H
#define FINQ_DIRECTIVES_H

#include <httpd.h>
#include <http_config.h>

/** For the module record; ends with a NULL name. */
extern const command_rec finq_directives[];

/** The check_config hook: finds the bases and says what is missing, so that configtest does. */
int finq_directives_check(apr_pool_t *pconf, apr_pool_t *plog, apr_pool_t *ptemp, server_rec *main_server);

#endif
