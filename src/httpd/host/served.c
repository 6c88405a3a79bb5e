#include "httpd/served.h"

#include <apr_strings.h>
#include <http_core.h>
#include <http_log.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "httpd/settings.h"

APLOG_USE_MODULE(finq);

/* ---- the directives ---- */

const char *finq_served_see(cmd_parms *cmd, void *dummy, const char *first, const char *second)
{
    const char *path = second ? second : first; /* in a Location the path alone stands */
    (void)dummy;
    if (!ap_find_linked_module("mod_alias.c"))
        return apr_pstrcat(cmd->pool, "mod_alias is not loaded, whose directive ", cmd->cmd->name, " is: a2enmod alias", NULL);
    finq_served *served = apr_array_push(finq_config_of(cmd->server)->served);
    served->directive = cmd->cmd->name;
    served->path = ap_server_root_relative(cmd->pool, apr_pstrmemdup(cmd->pool, path, strcspn(path, "$%")));
    return NULL;
}

/* ---- the check ---- */

/* Whether one of two directories, as the system knows them, is the other or lies below it. */
static int is_within(const char *inner, const char *outer)
{
    size_t length = strlen(outer);
    while (length > 0 && outer[length - 1] == '/')
        length--;
    return strncmp(inner, outer, length) == 0 && (inner[length] == '/' || inner[length] == '\0');
}

static int collides(const char *upload_dir, const server_rec *serving, const char *directive, const char *path)
{
    char uploads[PATH_MAX], served[PATH_MAX];
    if (!path || !realpath(upload_dir, uploads) || !realpath(path, served))
        return 0; /* what is not there serves nothing; what comes to be there meets finq_served_fixup */
    if (!is_within(uploads, served) && !is_within(served, uploads))
        return 0;
    ap_log_error(APLOG_MARK, APLOG_EMERG, 0, serving,
                 "finq: FinqUploadDir %s and %s %s: one lies within the other. Nothing that"
                 " httpd serves may lie where documents do; give them a directory of their own, such as /var/lib/finq",
                 upload_dir, directive, path);
    return 1;
}

static int host_check(const char *upload_dir, const server_rec *serving)
{
    const core_server_config *core = ap_get_core_module_config(serving->module_config);
    const apr_array_header_t *served = finq_config_of(serving)->served;
    int sound = !collides(upload_dir, serving, "DocumentRoot", core->ap_document_root);
    for (int i = 0; i < served->nelts; i++) {
        const finq_served *one = &APR_ARRAY_IDX(served, i, finq_served);
        sound = !collides(upload_dir, serving, one->directive, one->path) && sound;
    }
    return sound;
}

static int is_listed(const apr_array_header_t *list, const char *text)
{
    for (int i = 0; i < list->nelts; i++) {
        if (strcmp(APR_ARRAY_IDX(list, i, const char *), text) == 0)
            return 1;
    }
    return 0;
}

int finq_served_check(server_rec *main_server, apr_pool_t *pconf)
{
    apr_array_header_t *dirs = apr_array_make(pconf, 1, sizeof(const char *));
    int sound = 1;
    for (server_rec *server = main_server; server; server = server->next) {
        finq_config *config = finq_config_of(server);
        config->upload_dirs = dirs; /* one list: links of any host may lead to any host's documents */
        if (config->upload_dir && !is_listed(dirs, config->upload_dir))
            APR_ARRAY_PUSH(dirs, const char *) = config->upload_dir;
    }
    for (int i = 0; i < dirs->nelts; i++) {
        for (server_rec *server = main_server; server; server = server->next)
            sound = host_check(APR_ARRAY_IDX(dirs, i, const char *), server) && sound;
    }
    return sound;
}

/* ---- the guard ---- */

/* Cuts the last segment of a path off; 0 where only the root is left. */
static int climb(char *path)
{
    char *slash = strrchr(path, '/');
    if (!slash || slash[1] == '\0')
        return 0;
    slash[slash == path] = '\0';
    return 1;
}

/* Where a file is, or would be made: links resolved, as far as there is anything. */
static int real_find(char real[PATH_MAX], const char *filename, apr_pool_t *pool)
{
    char *path = apr_pstrdup(pool, filename);
    while (!realpath(path, real)) {
        if (!climb(path))
            return 0;
    }
    return 1;
}

/* By device and inode, so that a mount elsewhere of the same directory counts. */
static int lies_below(const char *real, const char *dir, apr_pool_t *pool)
{
    struct stat wanted, found;
    char *path = apr_pstrdup(pool, real);
    if (stat(dir, &wanted) != 0)
        return 0;
    do {
        if (stat(path, &found) == 0 && found.st_ino == wanted.st_ino && found.st_dev == wanted.st_dev)
            return 1;
    } while (climb(path));
    return 0;
}

int finq_served_fixup(request_rec *r)
{
    const apr_array_header_t *dirs = finq_config_of(r->server)->upload_dirs;
    char real[PATH_MAX];
    if (dirs->nelts == 0 || !r->filename || r->filename[0] != '/' || !real_find(real, r->filename, r->pool))
        return DECLINED;
    for (int i = 0; i < dirs->nelts; i++) {
        if (!lies_below(real, APR_ARRAY_IDX(dirs, i, const char *), r->pool))
            continue;
        ap_log_rerror(APLOG_MARK, APLOG_ERR, 0, r, "FINQ09: %s leads to %s, below FinqUploadDir, and is not served", r->uri,
                      real);
        return HTTP_NOT_FOUND;
    }
    return DECLINED;
}
