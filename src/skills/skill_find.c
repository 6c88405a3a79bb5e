#include <string.h>

#include "skills/skill.h"

int finq_skill_next(const finq_skill *skill, int place, const json_t *data, const finq_numbers *numbers, apr_pool_t *pool)
{
    const finq_skill_step *step = &skill->steps[place - 1];
    for (int i = 0; i < step->branch_count; i++) {
        const finq_skill_branch *branch = &step->branches[i];
        if (!branch->when || finq_form_check(branch->when, data, numbers, pool) == NULL)
            return branch->place;
    }
    return step->last ? 0 : place + 1;
}

int finq_skill_step_find(const finq_skill *skill, const char *name)
{
    for (int i = 0; i < skill->step_count; i++) {
        if (strcmp(skill->steps[i].name, name) == 0)
            return i;
    }
    return -1;
}

const finq_skill_upload *finq_skill_upload_find(const finq_skill_step *step, const char *document)
{
    for (int i = 0; i < step->upload_count; i++) {
        if (strcmp(step->uploads[i].document, document) == 0)
            return &step->uploads[i];
    }
    return NULL;
}
