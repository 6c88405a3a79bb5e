/* What finqctl knows, and the verbs that are one call. */
#include "ctl.h"

static ctl_exit session_show(ctl_command *command)
{
    return ctl_db_print(command, "SELECT finq.session_show($1)", command->values, 1);
}

static ctl_exit audit(ctl_command *command)
{
    return ctl_db_print(command, "SELECT finq.audit_list($1, $2, $3)", command->values, 3);
}

const ctl_verb ctl_verbs[] = {
    {"db", "migrate", "Brings the schema to this version, from an empty database or any earlier version.",
     {{NULL, NULL, 0, NULL}}, ctl_db_migrate},
    {"tenant", "create", "Makes a tenant and prints its client_id, client_secret and client_app_key, which are shown this once.",
     {{"--name", "NAME", 1, "A name for people, unlike every other tenant's."},
      {"--servicer", "NAME", 0, "The institution that the tenant belongs to."},
      {NULL, NULL, 0, NULL}}, ctl_tenant_create},
    {"tenant", "allow", "Lets a tenant use a skill; repeated, it changes the durations that are given.",
     {{"CLIENT_ID", NULL, 1, "The tenant."},
      {"SKILL", NULL, 1, "The skill's name, such as xyz_sbx_#3.0."},
      {"--consent-duration", "MINUTES", 0, "How long a consent lasts (default 129600, 90 days)."},
      {"--cache-max-data-retention", "MINUTES", 0, "How long its data may be kept (default 172800, 120 days)."},
      {NULL, NULL, 0, NULL}}, ctl_tenant_allow},
    {"tenant", "list", "Lists the tenants and the skills that each may use.", {{NULL, NULL, 0, NULL}}, ctl_tenant_list},
    {"tenant", "show", "Shows a tenant: its keys with their age, end and last use (true to the minute), and its skills.",
     {{"CLIENT_ID", NULL, 1, "The tenant."}, {NULL, NULL, 0, NULL}}, ctl_tenant_show},
    {"tenant", "rotate", "Makes a new key and prints it, this once. The older ones of its kind work on until the overlap ends.",
     {{"CLIENT_ID", NULL, 1, "The tenant."},
      {"--secret", NULL, 0, "Rotates client_secret."},
      {"--app-key", NULL, 0, "Rotates client_app_key."},
      {"--overlap", "MINUTES", 0, "How long the older ones still work (default 60); 0 ends them at once."},
      {NULL, NULL, 0, NULL}}, ctl_tenant_rotate},
    {"tenant", "revoke", "Ends a key at once.",
     {{"CLIENT_ID", NULL, 1, "The tenant."},
      {"KEY_ID", NULL, 1, "The key's number, as tenant show lists it."},
      {NULL, NULL, 0, NULL}}, ctl_tenant_revoke},
    {"tenant", "disable", "Refuses a tenant everything, its running sessions included, until it is enabled again.",
     {{"CLIENT_ID", NULL, 1, "The tenant."}, {NULL, NULL, 0, NULL}}, ctl_tenant_disable},
    {"tenant", "enable", "Serves a disabled tenant again.",
     {{"CLIENT_ID", NULL, 1, "The tenant."}, {NULL, NULL, 0, NULL}}, ctl_tenant_enable},
    {"skill", "publish", "Checks a skill's definition and publishes it. Publishing the same again changes nothing.",
     {{"FILE.json", NULL, 1, "The definition; - reads standard input."}, {NULL, NULL, 0, NULL}}, ctl_skill_publish},
    {"skill", "list", "Lists the published skills.", {{NULL, NULL, 0, NULL}}, ctl_skill_list},
    {"skill", "show", "Shows a skill: its definition as it was published, and the tenants that may use it.",
     {{"NAME", NULL, 1, "The skill."}, {NULL, NULL, 0, NULL}}, ctl_skill_show},
    {"skill", "retire", "Lets no new session start with a skill; who has started goes on to the end.",
     {{"NAME", NULL, 1, "The skill."},
      {"--undo", NULL, 0, "Takes the retirement back."},
      {NULL, NULL, 0, NULL}}, ctl_skill_retire},
    {"servicer", "create", "Makes a servicer, an institution behind skills and tenants. The same again changes nothing.",
     {{"--name", "NAME", 1, "Its name, unlike every other servicer's."},
      {"--country", "COUNTRY", 1, "Its country, as skills write it."},
      {NULL, NULL, 0, NULL}}, ctl_servicer_create},
    {"servicer", "list", "Lists the servicers and the skills of each.", {{NULL, NULL, 0, NULL}}, ctl_servicer_list},
    {"session", "show", "Shows a session with its steps, their data and their uploads.",
     {{"SESSION_ID", NULL, 1, "The session."}, {NULL, NULL, 0, NULL}}, session_show},
    {"audit", NULL, "Lists who changed what, newest first: tenants, keys, skills, grants, servicers, migrations.",
     {{"--tenant", "CLIENT_ID", 0, "Only what is about this tenant."},
      {"--since", "TIME", 0, "Only from this time on, such as 2026-01-31, 2026-01-31T12:00:00Z or yesterday."},
      {"--limit", "N", 0, "Most lines (default 100)."},
      {NULL, NULL, 0, NULL}}, audit},
    {NULL, NULL, NULL, {{NULL, NULL, 0, NULL}}, NULL},
};
