/* What the configuration makes of each host, told to finqctl doctor. */
#ifndef FINQ_DUMP_H
#define FINQ_DUMP_H

#include <httpd.h>

/** With `-t -D DUMP_FINQ` on httpd's command line, writes a line of JSON to standard output: {user, group, children, hosts}, each host
 * that asks the database with its name, bases, files, connectors and DBDParams, the password in them. */
void finq_dump(apr_pool_t *pconf, server_rec *main_server);

#endif
