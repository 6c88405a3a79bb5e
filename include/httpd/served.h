/* What httpd serves from the file system, and what it must never serve: the documents of uploads. */
#ifndef FINQ_SERVED_H
#define FINQ_SERVED_H

#include <httpd.h>
#include <http_config.h>

/** Sees Alias, AliasMatch, ScriptAlias and ScriptAliasMatch beside mod_alias: notes what directories they serve. */
const char *finq_served_see(cmd_parms *cmd, void *dummy, const char *first, const char *second);

/** Whether no host's FinqUploadDir lies in what any host serves (DocumentRoot, Alias), or holds it; says where one does.
 * Fills `upload_dirs` of every host. */
int finq_served_check(server_rec *main_server, apr_pool_t *pconf);

/** The fixups hook: a file that is, or would be, below a FinqUploadDir does not exist for anybody, whatever led there:
 * links, mounts, Alias, includes, WebDAV, directory listings. */
int finq_served_fixup(request_rec *r);

#endif
