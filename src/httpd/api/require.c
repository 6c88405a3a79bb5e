#include "httpd/require.h"

#include <ap_provider.h>
#include <apr_strings.h>
#include <http_config.h>
#include <http_core.h>
#include <http_request.h>
#include <mod_auth.h>
#include <string.h>

#include "consent/bearer.h"
#include "ground/clock.h"
#include "httpd/bearing.h"
#include "httpd/intake.h"
#include "httpd/limits.h"
#include "httpd/observe.h"
#include "httpd/placed.h"
#include "httpd/reply.h"
#include "httpd/require_signed.h"
#include "httpd/service.h"

/* Longest access_token that is looked at. */
#define TOKEN_MAX 512

/* What was found for a request, however many Require lines ask. */
typedef struct finq_required {
    finq_error *error;   /* why it bears no consent in force; else NULL */
    finq_error *refusal; /* why none has granted it yet */
    finq_consent_claim claim;
    finq_bearer bearer;
} finq_required;

/* ---- what the request bears ---- */

static const char *token_of(const char *authorization, apr_pool_t *pool)
{
    if (!authorization || strncasecmp(authorization, "Bearer ", 7) != 0)
        return NULL;
    const char *token = authorization + 7;
    token += strspn(token, " ");
    apr_size_t length = strcspn(token, " \t");
    return length > 0 && length <= TOKEN_MAX && token[length] == '\0' ? apr_pstrdup(pool, token) : NULL;
}

static finq_error *lacks(finq_code code, const char *what, apr_pool_t *pool)
{
    return finq_error_make(pool, code, "%s.", what);
}

/* In the order of the contract's section 1. What has no form is wrong all the same: there is nothing to mend in a body. */
static finq_error *claim_read(finq_consent_claim *claim, finq_request *request, const finq_bearing *bearing)
{
    apr_pool_t *pool = request->r->pool;
    if (!bearing->client_id || !finq_id_parse(&claim->client_id, bearing->client_id))
        return lacks(FINQ_E_INVALID_CLIENT_ID, "X-Finq-Client-Id must be a client_id", pool);
    FINQ_TRY(finq_intake_client_id(&claim->client_id, bearing->client_id, request));
    claim->client_secret = bearing->client_secret;
    claim->is_signed = !claim->client_secret && finq_require_is_signed(request->r);
    if (claim->is_signed)
        FINQ_TRY(finq_require_signed(request, bearing->client_id));
    else if (!claim->client_secret)
        return lacks(FINQ_E_INVALID_CLIENT_SECRET, "X-Finq-Client-Secret must be one of this client's", pool);
    if (!bearing->credentials_id || !finq_id_parse(&claim->credentials_id, bearing->credentials_id))
        return lacks(FINQ_E_INVALID_CREDENTIALS_ID, "X-Finq-Credentials-Id must be a credentials_id", pool);
    claim->access_token = token_of(bearing->authorization, pool);
    if (!claim->access_token)
        return lacks(FINQ_E_INVALID_ACCESS_TOKEN, "Authorization must be Bearer and an access_token", pool);
    claim->tenant_user_id = NULL;
    return NULL;
}

static finq_error *consent_find(finq_required *required, finq_request *request)
{
    finq_runtime *runtime = request->config->runtime;
    FINQ_TRY(finq_limits_admit(request));
    FINQ_TRY(claim_read(&required->claim, request, finq_bearing_of(request->r)));
    FINQ_TRY(finq_intake_key(
        request, finq_bearers_find(&required->bearer, runtime->bearers, &request->service, &required->claim, request->r->pool)));
    finq_observe_recognised(request, &required->claim.client_id, NULL, NULL);
    finq_observe_tell_id(request, "credentials_id", &required->claim.credentials_id);
    return NULL;
}

static finq_required *required_of(request_rec *r)
{
    finq_request *request = finq_request_of(r);
    if (request->required)
        return request->required;
    request->required = apr_pcalloc(r->pool, sizeof *request->required);
    r->no_cache = 1; /* nor does mod_cache keep for others what this one may have */
    request->required->error = finq_service_begin(r)
                                   ? consent_find(request->required, request)
                                   : finq_error_internal(r->pool, FINQ_E_SERVICE_UNAVAILABLE, "this child could not be set up");
    return request->required;
}

/* ---- what is behind is told ---- */

/* A user's id is the tenant's own text; in a header all that is no visible ASCII is percent-encoded. */
static const char *visible(const char *text, apr_pool_t *pool)
{
    static const char digits[] = "0123456789ABCDEF";
    char *to = apr_palloc(pool, 3 * strlen(text) + 1), *out = to;
    for (const unsigned char *c = (const unsigned char *)text; *c; c++) {
        if (*c > ' ' && *c < 0x7f && *c != '%')
            *to++ = (char)*c;
        else {
            *to++ = '%';
            *to++ = digits[*c >> 4];
            *to++ = digits[*c & 15];
        }
    }
    *to = '\0';
    return out;
}

static void tell(request_rec *r, const char *name, const char *value)
{
    if (value)
        apr_table_setn(r->headers_in, name, value);
    else
        apr_table_unset(r->headers_in, name);
}

static void headers_tell(request_rec *r, const finq_required *required)
{
    const finq_bearer *bearer = &required->bearer;
    tell(r, "X-Finq-Consent-Tenant", finq_id_text(&required->claim.client_id, r->pool));
    tell(r, "X-Finq-Consent-User", bearer->tenant_user_id ? visible(bearer->tenant_user_id, r->pool) : NULL);
    tell(r, "X-Finq-Consent-Skill", bearer->skill);
    tell(r, "X-Finq-Consent-Expires", finq_clock_text(bearer->consent_exp, r->pool));
    tell(r, "Authorization", NULL); /* the consent's access_token, whatever the AuthType is */
}

/* ---- the provider ---- */

static int skill_fits(const apr_array_header_t *skills, const char *skill)
{
    for (int i = 0; i < skills->nelts; i++) {
        if (strcmp(APR_ARRAY_IDX(skills, i, const char *), skill) == 0)
            return 1;
    }
    return skills->nelts == 0;
}

/* Without any AuthType nobody would answer for what nobody grants; so httpd denies it then, with a line in its log. */
static authz_status check_authorization(request_rec *r, const char *line, const void *skills)
{
    finq_required *required = required_of(r);
    (void)line;
    required->refusal = required->error;
    if (!required->error && !skill_fits(skills, required->bearer.skill))
        required->refusal = finq_error_make(r->pool, FINQ_E_FORBIDDEN, "The consent's skill is not one that is let in here.");
    if (required->refusal)
        return ap_auth_type(r) ? AUTHZ_DENIED_NO_USER : AUTHZ_DENIED;
    headers_tell(r, required);
    return AUTHZ_GRANTED;
}

/* httpd makes a host's settings at the first directive of ours, and Require is none. */
static finq_config *config_of(const cmd_parms *cmd)
{
    if (!finq_config_of(cmd->server))
        ap_set_module_config(cmd->server->module_config, &finq_module, finq_config_create(cmd->pool, cmd->server));
    return finq_config_of(cmd->server);
}

static int says_finq(const ap_directive_t *directive)
{
    for (; directive; directive = directive->next) {
        if (strcasecmp(directive->directive, "AuthType") == 0 && strcasecmp(directive->args, FINQ_BEARING_AUTH_TYPE) == 0)
            return 1;
        if (says_finq(directive->first_child))
            return 1;
    }
    return 0;
}

/* Whether somebody answers whom the line does not let in: an AuthType of a section around it, or one that says finq anywhere, since
 * sections add to each other by what a request asks for. */
static int is_answered(const cmd_parms *cmd)
{
    for (const ap_directive_t *section = cmd->directive->parent; section; section = section->parent) {
        if (finq_placed_has(section, "AuthType"))
            return 1;
    }
    return says_finq(ap_conftree);
}

static const char *parse_require_line(cmd_parms *cmd, const char *line, const void **parsed)
{
    apr_array_header_t *skills = apr_array_make(cmd->pool, 2, sizeof(const char *));
    const char *misplaced = ap_check_cmd_context(cmd, NOT_IN_HTACCESS);
    if (misplaced)
        return misplaced;
    while (*line) {
        const char *skill = ap_getword_conf(cmd->pool, &line);
        if (!finq_skill_is_name(skill, cmd->temp_pool))
            return apr_psprintf(cmd->pool, "Require finq-consent takes names of skills such as xyz_sbx_#3.0, not \"%s\"", skill);
        APR_ARRAY_PUSH(skills, const char *) = skill;
    }
    config_of(cmd)->requires = 1;
    if (!is_answered(cmd))
        config_of(cmd)->open_require = cmd->path ? cmd->path : cmd->directive->parent->args;
    *parsed = skills;
    return NULL;
}

void finq_require_register(apr_pool_t *pconf)
{
    static const authz_provider provider = {check_authorization, parse_require_line};
    finq_require_signed_register();
    ap_register_auth_provider(pconf, AUTHZ_PROVIDER_GROUP, "finq-consent", AUTHZ_PROVIDER_VERSION, &provider,
                              AP_AUTH_INTERNAL_PER_URI);
}

/* ---- the refusal ---- */

int finq_require_refuse(request_rec *r)
{
    finq_request *request = finq_request_of(r);
    const char *type = ap_auth_type(r);
    if (!type || strcasecmp(type, FINQ_BEARING_AUTH_TYPE) != 0)
        return DECLINED;
    finq_error *error = request->required ? request->required->refusal : NULL;
    if (!error)
        error =
            finq_error_internal(r->pool, FINQ_E_INTERNAL_SERVER_ERROR, "AuthType finq answers for Require finq-consent alone");
    if (r->main) {
        request->refusal = error;
        return finq_code_http(error->code);
    }
    finq_limits_settle(request, error);
    if (finq_code_http(error->code) == HTTP_UNAUTHORIZED)
        apr_table_setn(r->err_headers_out, "WWW-Authenticate", "Bearer");
    finq_request_claim(r);
    return finq_reply_refuse(request, error);
}
