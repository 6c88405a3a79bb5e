#include "httpd/location.h"

#include <apr_strings.h>

#include "httpd/settings.h"
#include "sign/proof.h"

#define UNSET (-1)

void *finq_location_create(apr_pool_t *pool, char *path)
{
    finq_location *location = apr_pcalloc(pool, sizeof *location);
    (void)path;
    location->signature = UNSET;
    return location;
}

void *finq_location_merge(apr_pool_t *pool, void *base_location, void *add_location)
{
    const finq_location *base = base_location, *add = add_location;
    finq_location *merged = apr_palloc(pool, sizeof *merged);
    merged->signature = add->signature != UNSET ? add->signature : base->signature;
    merged->schemes = add->schemes ? add->schemes : base->schemes;
    return merged;
}

finq_location finq_location_of(const request_rec *r)
{
    finq_location location = *(const finq_location *)ap_get_module_config(r->per_dir_config, &finq_module);
    if (location.signature == UNSET)
        location.signature = 0;
    if (!location.schemes)
        location.schemes = FINQ_SCHEME_JWS | FINQ_SCHEME_MESSAGE;
    return location;
}

/* Whether a request must be signed depends on its path alone: what an <If> looks at is often the client's to choose. */
static int is_conditional(const cmd_parms *cmd)
{
    for (const ap_directive_t *section = cmd->directive->parent; section; section = section->parent) {
        if (strncasecmp(section->directive, "<If", 3) == 0 || strncasecmp(section->directive, "<Else", 5) == 0)
            return 1;
    }
    return 0;
}

const char *finq_location_set_signature(cmd_parms *cmd, void *location, const char *value)
{
    int required = strcasecmp(value, "required") == 0;
    if (is_conditional(cmd))
        return "FinqSignature cannot stand in <If>, <ElseIf> or <Else>: a Location is signed, or it is not";
    if (!required && strcasecmp(value, "off") != 0)
        return apr_psprintf(cmd->pool, "FinqSignature is required or off, not \"%s\"", value);
    ((finq_location *)location)->signature = required;
    return NULL;
}

const char *finq_location_set_scheme(cmd_parms *cmd, void *location, const char *value)
{
    finq_location *into = location;
    if (strcasecmp(value, "jws") == 0)
        into->schemes |= FINQ_SCHEME_JWS;
    else if (strcasecmp(value, "message") == 0)
        into->schemes |= FINQ_SCHEME_MESSAGE;
    else
        return apr_psprintf(cmd->pool, "FinqSignatureSchemes takes jws, message, or both, not \"%s\"", value);
    return NULL;
}
