#include "httpd/bearing.h"

#include <apr_lib.h>
#include <apr_strings.h>
#include <http_core.h>
#include <string.h>

#include "httpd/request.h"

#define AUTHORIZATION "Authorization"
#define SECRET "X-Finq-Client-Secret"

/* Some back ends take _ for -, so that to them X_Finq_Consent_User is the same header. */
static int is_told_by_us(const char *name)
{
    static const char ours[] = "x-finq-consent-";
    for (const char *c = ours; *c; c++, name++) {
        if ((*name == '_' ? '-' : apr_tolower(*name)) != *c)
            return 0;
    }
    return 1;
}

static void pretence_remove(request_rec *r)
{
    const apr_array_header_t *headers = apr_table_elts(r->headers_in);
    for (int i = headers->nelts - 1; i >= 0; i--) {
        const char *name = APR_ARRAY_IDX(headers, i, apr_table_entry_t).key;
        if (is_told_by_us(name)) {
            apr_table_unset(r->headers_in, name);
            i = headers->nelts; /* it may have gone several times over */
        }
    }
}

/* mod_proxy takes away whatever headers a client's Connection names, and so what we tell. */
static void connection_clean(request_rec *r)
{
    const char *names = apr_table_get(r->headers_in, "Connection"), *kept = NULL;
    char *rest;
    if (!names)
        return;
    for (char *name = apr_strtok(apr_pstrdup(r->pool, names), ", \t\v\f\r\n", &rest); name;
         name = apr_strtok(NULL, ", \t\v\f\r\n", &rest)) {
        if (!is_told_by_us(name))
            kept = kept ? apr_pstrcat(r->pool, kept, ", ", name, NULL) : name;
    }
    if (kept)
        apr_table_setn(r->headers_in, "Connection", kept);
    else
        apr_table_unset(r->headers_in, "Connection");
}

static const char *take(request_rec *r, const char *name)
{
    const char *value = apr_table_get(r->headers_in, name);
    apr_table_unset(r->headers_in, name);
    return value;
}

int finq_bearing_take(request_rec *r)
{
    if (!finq_config_of(r->server)->requires)
        return DECLINED;
    finq_bearing *bearing = apr_pcalloc(r->pool, sizeof *bearing);
    pretence_remove(r);
    connection_clean(r);
    bearing->client_id = apr_table_get(r->headers_in, "X-Finq-Client-Id");
    bearing->client_secret = take(r, SECRET);
    bearing->credentials_id = apr_table_get(r->headers_in, "X-Finq-Credentials-Id");
    if (bearing->credentials_id)
        bearing->authorization = take(r, AUTHORIZATION);
    finq_request_of(r)->bearing = bearing;
    return DECLINED;
}

const finq_bearing *finq_bearing_of(request_rec *r)
{
    static const finq_bearing nothing;
    while (r->prev || r->main)
        r = r->prev ? r->prev : r->main;
    const finq_bearing *bearing = finq_request_of(r)->bearing;
    return bearing ? bearing : &nothing;
}

static int is_for_consents(const request_rec *r)
{
    const char *type = ap_auth_type((request_rec *)r);
    return type && strcasecmp(type, FINQ_BEARING_AUTH_TYPE) == 0;
}

int finq_bearing_settle(request_rec *r)
{
    const finq_bearing *bearing = finq_request_of(r)->bearing;
    if (bearing && bearing->authorization && !is_for_consents(r))
        apr_table_setn(r->headers_in, AUTHORIZATION, bearing->authorization);
    return DECLINED;
}

int finq_bearing_fixup(request_rec *r)
{
    if (is_for_consents(r))
        apr_table_unset(r->headers_in, AUTHORIZATION);
    return DECLINED;
}
