/* Mistakes of other modules' directives that would break the API, or open it, and that those modules let pass. */
#ifndef FINQ_CONFIGTEST_H
#define FINQ_CONFIGTEST_H

#include <httpd.h>
#include <http_config.h>

#include "httpd/settings.h"

/** Sees DBDriver, DBDParams, DBDMin, DBDKeep and DBDMax beside mod_dbd. */
const char *finq_configtest_see_dbd(cmd_parms *cmd, void *dummy, const char *value);

/** Sees RewriteRule beside mod_rewrite: notes those that lead to other servers. */
const char *finq_configtest_see_rewrite(cmd_parms *cmd, void *dummy, const char *words);

/** Whether every host's API has a pool that can work, keeps its requests for itself, and asks for signatures wherever a
 * Location says so. Says what is wrong, and warns of what may be. */
int finq_configtest_check(server_rec *main_server, apr_pool_t *pconf);

#endif
