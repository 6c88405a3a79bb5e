#include "ctl.h"

#include <apr_encode.h>
#include <apr_strings.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "finq_digest.h"
#include "finq_json.h"
#include "finq_secrets.h"
#include "finq_skill.h"

#define DEFINITION_MAX (1024 * 1024)
#define KEY_BYTES 32

static ctl_exit fail_with(const finq_error *error)
{
    ctl_fail(CTL_FAILED, "%s", error->cause ? error->cause : error->message);
    for (int i = 0; error->details && i < error->details->nelts; i++) {
        const finq_detail *detail = &APR_ARRAY_IDX(error->details, i, finq_detail);
        fprintf(stderr, "  %s: %s\n", *detail->field ? detail->field : "(the whole document)", detail->message);
    }
    return CTL_FAILED;
}

/* ---- tenants ---- */

/* A new key and its hash, the latter as SQL writes bytea. */
static finq_error *key_make(const char **key, const char **hash, apr_pool_t *pool)
{
    unsigned char bytes[KEY_BYTES], digest[FINQ_DIGEST_SHA256];
    FINQ_TRY(finq_random(bytes, sizeof bytes, pool));
    *key = apr_pencode_base64_binary(pool, bytes, sizeof bytes, APR_ENCODE_BASE64URL, NULL);
    finq_digest_sha256(digest, *key, strlen(*key));
    *hash = apr_pstrcat(pool, "\\x", apr_pencode_base16_binary(pool, digest, sizeof digest, APR_ENCODE_LOWER, NULL), NULL);
    finq_wipe(bytes, sizeof bytes);
    return NULL;
}

static ctl_exit tenant_create(ctl_command *command)
{
    const char *secret, *app_key, *json, *values[4] = {ctl_value(command, "--name"), ctl_value(command, "--servicer")};
    json_t *made;
    finq_error *error = key_make(&secret, &values[2], command->pool);
    if (!error)
        error = key_make(&app_key, &values[3], command->pool);
    if (error)
        return fail_with(error);
    ctl_exit code = ctl_db_call(&json, command, "SELECT finq.tenant_create($1, $2, $3, $4)", values, 4);
    if (code != CTL_OK)
        return code;
    error = finq_json_parse(&made, json, strlen(json), command->pool);
    if (error)
        return fail_with(error);
    json_object_set_new(made, "client_secret", json_string(secret));
    json_object_set_new(made, "client_app_key", json_string(app_key));
    puts(finq_json_text(made, command->pool));
    return CTL_OK;
}

static ctl_exit tenant_allow(ctl_command *command)
{
    return ctl_db_print(command, "SELECT finq.tenant_allow($1, $2, $3, $4)", command->values, 4);
}

static ctl_exit tenant_list(ctl_command *command)
{
    return ctl_db_print(command, "SELECT finq.tenant_list()", NULL, 0);
}

/* ---- skills ---- */

static ctl_exit file_read(char **text, apr_size_t *length, const char *path, apr_pool_t *pool)
{
    FILE *file = strcmp(path, "-") == 0 ? stdin : fopen(path, "rb");
    if (!file)
        return ctl_fail(CTL_FAILED, "%s: %s", path, strerror(errno));
    *text = apr_palloc(pool, DEFINITION_MAX + 1);
    *length = fread(*text, 1, DEFINITION_MAX + 1, file);
    int failed = ferror(file);
    if (file != stdin)
        fclose(file);
    if (failed)
        return ctl_fail(CTL_FAILED, "%s cannot be read", path);
    return *length > DEFINITION_MAX ? ctl_fail(CTL_FAILED, "%s is larger than 1 MiB", path) : CTL_OK;
}

static ctl_exit skill_publish(ctl_command *command)
{
    char *text = NULL;
    apr_size_t length = 0;
    json_t *definition;
    finq_skill *skill;
    ctl_exit code = file_read(&text, &length, ctl_value(command, "FILE.json"), command->pool);
    if (code != CTL_OK)
        return code;
    finq_error *error = finq_json_parse(&definition, text, length, command->pool);
    if (!error)
        error = finq_skill_compile(&skill, definition, command->pool);
    if (error)
        return fail_with(error);
    text[finq_json_compact(text, text, length)] = '\0';
    return ctl_db_print(command, "SELECT finq.skill_publish($1)", (const char *const[]){text}, 1);
}

static ctl_exit skill_list(ctl_command *command)
{
    return ctl_db_print(command, "SELECT finq.skill_list()", NULL, 0);
}

/* ---- sessions ---- */

static ctl_exit session_show(ctl_command *command)
{
    return ctl_db_print(command, "SELECT finq.session_show($1)", command->values, 1);
}

const ctl_verb ctl_verbs[] = {
    {"db", "migrate", "Brings the schema to this version, from an empty database or any earlier version.",
     {{NULL, NULL, 0, NULL}}, ctl_db_migrate},
    {"tenant", "create", "Makes a tenant and prints its client_id, client_secret and client_app_key, which are shown this once.",
     {{"--name", "NAME", 1, "A name for people, unlike every other tenant's."},
      {"--servicer", "NAME", 0, "The institution that the tenant belongs to."},
      {NULL, NULL, 0, NULL}}, tenant_create},
    {"tenant", "allow", "Lets a tenant use a skill; repeated, it changes the durations that are given.",
     {{"CLIENT_ID", NULL, 1, "The tenant."},
      {"SKILL", NULL, 1, "The skill's name, such as xyz_sbx_#3.0."},
      {"--consent-duration", "MINUTES", 0, "How long a consent lasts (default 129600, 90 days)."},
      {"--cache-max-data-retention", "MINUTES", 0, "How long its data may be kept (default 172800, 120 days)."},
      {NULL, NULL, 0, NULL}}, tenant_allow},
    {"tenant", "list", "Lists the tenants and the skills that each may use.", {{NULL, NULL, 0, NULL}}, tenant_list},
    {"skill", "publish", "Checks a skill's definition and publishes it. Publishing the same again changes nothing.",
     {{"FILE.json", NULL, 1, "The definition; - reads standard input."}, {NULL, NULL, 0, NULL}}, skill_publish},
    {"skill", "list", "Lists the published skills.", {{NULL, NULL, 0, NULL}}, skill_list},
    {"session", "show", "Shows a session with its steps, their data and their uploads.",
     {{"SESSION_ID", NULL, 1, "The session."}, {NULL, NULL, 0, NULL}}, session_show},
    {NULL, NULL, NULL, {{NULL, NULL, 0, NULL}}, NULL},
};
