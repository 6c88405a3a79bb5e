#include "httpd/placed.h"

#include <apr_fnmatch.h>
#include <apr_strings.h>
#include <string.h>

#include "httpd/settings.h"

/* A base is a path as it stands: no pattern, which would match paths that no base says. */
static int is_plain_location(const cmd_parms *cmd)
{
    const ap_directive_t *section = cmd->directive->parent;
    return section && strcasecmp(section->directive, "<Location") == 0 && section->args[0] != '~' && cmd->path &&
           cmd->path[0] == '/' && !apr_fnmatch_test(cmd->path);
}

/* Those that are served at a path of their own, and those that stand anywhere. */
static int is_placed(const char *value)
{
    return strcmp(value, "finq") == 0 || strcmp(value, "finq-page") == 0 || strcmp(value, "finq-documents") == 0 ||
           strcmp(value, "finq-sandbox") == 0;
}

static int is_handler(const char *value)
{
    return is_placed(value) || strcmp(value, "finq-metrics") == 0 || strcmp(value, "finq-health") == 0;
}

int finq_placed_has(const ap_directive_t *section, const char *name)
{
    const ap_directive_t *directive = section->first_child;
    while (directive && strcasecmp(directive->directive, name) != 0)
        directive = directive->next;
    return directive != NULL;
}

static int has_authentication(const ap_directive_t *section)
{
    return finq_placed_has(section, "AuthType") || finq_placed_has(section, "SSLUserName");
}

/* Where the paths are kept of the Locations that have this handler. */
static apr_array_header_t *paths_with(finq_config *config, const char *handler)
{
    if (strcmp(handler, "finq-sandbox") == 0)
        return config->sandboxes;
    if (strcmp(handler, "finq-page") == 0)
        return config->pages;
    return strcmp(handler, "finq-documents") == 0 ? config->readings : config->bases;
}

/* httpd hands a directive to every module that knows it: so we see, beside core, where SetHandler finq stands. */
const char *finq_placed_see(cmd_parms *cmd, void *dummy, const char *value)
{
    finq_config *config = finq_config_of(cmd->server);
    (void)dummy;
    if (strncasecmp(value, "finq-", 5) == 0 && !is_handler(value))
        return apr_psprintf(
            cmd->pool, "SetHandler takes finq, finq-page, finq-documents, finq-metrics, finq-health or finq-sandbox, not \"%s\"",
            value);
    if (strcasecmp(value, "finq") != 0 && !is_placed(value))
        return NULL;
    if (!is_placed(value) || !is_plain_location(cmd))
        return apr_psprintf(cmd->pool,
                            "SetHandler %s stands in a plain <Location \"/path\"> of a server or virtual host, and"
                            " nowhere else",
                            is_placed(value) ? value : "finq");
    apr_size_t length = strlen(cmd->path);
    apr_array_header_t *paths = paths_with(config, value);
    APR_ARRAY_PUSH(paths, const char *) = apr_pstrndup(cmd->pool, cmd->path, length - (cmd->path[length - 1] == '/'));
    if (paths == config->readings && !has_authentication(cmd->directive->parent))
        config->open_documents = cmd->path;
    return NULL;
}
