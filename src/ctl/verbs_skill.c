/* The verbs about skills and servicers. */
#include "ctl.h"

#include <stdio.h>
#include <string.h>

#include "json/json.h"
#include "ground/text.h"
#include "skills/skill.h"
#include "skills/translation.h"

#define DEFINITION_MAX ((apr_size_t)1024 * 1024)

/* What a language still lacks is shown to people in the skill's own. */
static void translations_tell(const json_t *definition, apr_pool_t *pool)
{
    const char *language;
    json_t *texts;
    json_object_foreach(json_object_get(definition, "translations"), language, texts)
    {
        const apr_array_header_t *missing = finq_translation_missing(definition, texts, pool);
        if (missing->nelts > 0)
            fprintf(stderr, "translations: %s lacks %s\n", language, finq_text_join(missing, pool));
    }
}

/* Reads the definition that FILE.json names, and refuses what is none. Its text is made compact. */
static ctl_exit definition_read(char **text, json_t **definition, ctl_command *command)
{
    apr_size_t length = 0;
    finq_skill *skill;
    ctl_exit code = ctl_file_read(text, &length, ctl_value(command, "FILE.json"), DEFINITION_MAX, command->pool);
    if (code != CTL_OK)
        return code;
    finq_error *error = finq_json_parse(definition, NULL, *text, length, command->pool);
    if (!error)
        error = finq_skill_compile(&skill, *definition, command->pool);
    if (error)
        return ctl_fail_with(error);
    translations_tell(*definition, command->pool);
    (*text)[finq_json_compact(*text, *text, length)] = '\0';
    return CTL_OK;
}

ctl_exit ctl_skill_publish(ctl_command *command)
{
    char *text = NULL;
    json_t *definition;
    ctl_exit code = definition_read(&text, &definition, command);
    if (code != CTL_OK)
        return code;
    return ctl_db_print(command, "SELECT finq.skill_publish(p_definition => $1)", (const char *const[]){text}, 1);
}

ctl_exit ctl_skill_check(ctl_command *command)
{
    char *text = NULL;
    json_t *definition;
    ctl_exit code = definition_read(&text, &definition, command);
    if (code != CTL_OK)
        return code;
    json_t *shown = finq_json_own(json_pack("{s:O, s:b, s:i}", "name", json_object_get(definition, "name"), "good", 1, "steps",
                                            (int)json_array_size(json_object_get(definition, "steps"))),
                                  command->pool);
    ctl_print(command, finq_json_text(shown, command->pool));
    return CTL_OK;
}

ctl_exit ctl_skill_list(ctl_command *command)
{
    return ctl_db_print(command, "SELECT finq.skill_list()", NULL, 0);
}

ctl_exit ctl_skill_show(ctl_command *command)
{
    return ctl_db_print(command, "SELECT finq.skill_show(p_name => $1)", command->values, 1);
}

ctl_exit ctl_skill_retire(ctl_command *command)
{
    const char *values[] = {ctl_value(command, "NAME"), ctl_value(command, "--undo") ? "true" : "false"};
    return ctl_db_print(command, "SELECT finq.skill_retire(p_name => $1, p_undo => $2)", values, 2);
}

ctl_exit ctl_servicer_create(ctl_command *command)
{
    return ctl_db_print(command, "SELECT finq.servicer_create(p_name => $1, p_country => $2)", command->values, 2);
}

ctl_exit ctl_servicer_list(ctl_command *command)
{
    return ctl_db_print(command, "SELECT finq.servicer_list()", NULL, 0);
}
