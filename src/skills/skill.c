#include "skills/skill.h"

#include <apr_strings.h>
#include <stddef.h>
#include <string.h>

#include "bank/connector.h"
#include "ground/fault.h"
#include "documents/media.h"
#include "form/pattern.h"
#include "ground/text.h"
#include "order/order.h"
#include "skills/translation.h"
#include "skills/ui.h"

/* Longest title, description and name, in bytes, and most media types of a document. */
enum { DESCRIPTION_MAX = 2000, MEDIA_TYPES_MAX = 16, NAME_LENGTH_MAX = 64 };

#define SKILL_NAME "^[a-z][a-z0-9]*(?:_[a-z0-9]+)*_#(?:0|[1-9][0-9]{0,3})\\.(?:0|[1-9][0-9]{0,3})$"
#define NAME "^[a-z][a-z0-9_]{0,63}$"

typedef struct {
    apr_pool_t *pool;
    finq_faults faults;
    finq_pattern *skill_name, *name;
} reading;

/* A reader turns a member's value into its slot of the struct, or notes a fault. */
typedef void reader(reading *r, const json_t *value, const finq_path *path, void *slot);

typedef struct {
    const char *name;
    reader *read;
    apr_size_t slot;
    int required;
} member;

/* Reads an object by a table that ends with a NULL name: unknown members and missing ones are faults. */
static void read_object(reading *r, const json_t *object, const finq_path *path, const member *members, void *to)
{
    const char *name;
    json_t *value;
    if (!json_is_object(object)) {
        finq_fault_note(&r->faults, path, "must be an object");
        return;
    }
    json_object_foreach((json_t *)object, name, value)
    {
        finq_path below = {path, name, 0};
        const member *m = members;
        while (m->name && strcmp(m->name, name) != 0)
            m++;
        if (m->name)
            m->read(r, value, &below, (char *)to + m->slot);
        else if (strncmp(name, "x-", 2) != 0) /* a note of whoever wrote the skill */
            finq_fault_note(&r->faults, &below, "is not a member that a skill has");
    }
    for (const member *m = members; m->name; m++) {
        finq_path below = {path, m->name, 0};
        if (m->required && !json_object_get(object, m->name))
            finq_fault_note(&r->faults, &below, "is required");
    }
}

static void read_title(reading *r, const json_t *value, const finq_path *path, void *slot)
{
    if (finq_ui_title_check(&r->faults, value, path))
        *(const char **)slot = apr_pstrdup(r->pool, json_string_value(value));
}

static void read_description(reading *r, const json_t *value, const finq_path *path, void *slot)
{
    apr_size_t length = json_string_length(value);
    if (!json_is_string(value) || length == 0 || length > DESCRIPTION_MAX)
        finq_fault_note(&r->faults, path, "must be a string of 1 to %d bytes", DESCRIPTION_MAX);
    else if (slot)
        *(const char **)slot = apr_pstrdup(r->pool, json_string_value(value));
}

/* What others read: editors the address of a schema, the catalog what people are shown. */
static void read_shown(reading *r, const json_t *value, const finq_path *path, void *slot)
{
    (void)slot;
    read_description(r, value, path, NULL);
}

/* Looked at when all else is known. */
static void read_later(reading *r, const json_t *value, const finq_path *path, void *slot)
{
    (void)r;
    (void)value;
    (void)path;
    (void)slot;
}

static int text_matches(const finq_pattern *pattern, const char *text, apr_size_t length, apr_pool_t *pool)
{
    apr_int64_t work = FINQ_PATTERN_WORK;
    return length <= NAME_LENGTH_MAX && finq_pattern_match(pattern, text, length, &work, pool) == FINQ_PATTERN_FOUND;
}

/* A string that matches a pattern of this file, or NULL. */
static const char *matching(reading *r, const json_t *value, const finq_pattern *pattern)
{
    if (!json_is_string(value) || !text_matches(pattern, json_string_value(value), json_string_length(value), r->pool))
        return NULL;
    return apr_pstrdup(r->pool, json_string_value(value));
}

static void read_skill_name(reading *r, const json_t *value, const finq_path *path, void *slot)
{
    const char *name = matching(r, value, r->skill_name);
    if (!name)
        finq_fault_note(
            &r->faults, path,
            "must look like xyz_sbx_#3.0, its two numbers of at most 4 digits and without leading zeros, and have at most 64 characters");
    *(const char **)slot = name;
}

static void read_name(reading *r, const json_t *value, const finq_path *path, void *slot)
{
    *(const char **)slot = matching(r, value, r->name);
    if (!*(const char **)slot)
        finq_fault_note(&r->faults, path, "must match " NAME);
}

static void read_choice(reading *r, const json_t *value, const finq_path *path, const char *const *choices, const char **slot)
{
    for (const char *const *choice = choices; *choice; choice++) {
        if (json_is_string(value) && strcmp(*choice, json_string_value(value)) == 0) {
            *slot = *choice;
            return;
        }
    }
    finq_fault_note(&r->faults, path, "must be one of %s", finq_text_join(finq_text_array(choices, r->pool), r->pool));
}

static void read_type(reading *r, const json_t *value, const finq_path *path, void *slot)
{
    static const char *const types[] = {"account_information", "payment_initiation", "marketplace", NULL};
    read_choice(r, value, path, types, slot);
}

static void read_environment(reading *r, const json_t *value, const finq_path *path, void *slot)
{
    static const char *const environments[] = {"sandbox", "production", NULL};
    read_choice(r, value, path, environments, slot);
}

static void read_servicer(reading *r, const json_t *value, const finq_path *path, void *slot)
{
    static const member members[] = {{"name", read_title, offsetof(finq_skill, servicer_name), 1},
                                     {"country", read_title, offsetof(finq_skill, servicer_country), 1},
                                     {NULL, NULL, 0, 0}};
    read_object(r, value, path, members, slot);
}

static void read_flag(reading *r, const json_t *value, const finq_path *path, void *slot)
{
    if (!json_is_boolean(value))
        finq_fault_note(&r->faults, path, "must be true or false");
    *(int *)slot = json_is_true(value);
}

static void read_bytes(reading *r, const json_t *value, const finq_path *path, void *slot)
{
    json_int_t bytes = json_integer_value(value);
    if (!json_is_integer(value) || bytes < 1 || bytes > FINQ_SKILL_MAX_BYTES)
        finq_fault_note(&r->faults, path, "must be an integer from 1 to %d", FINQ_SKILL_MAX_BYTES);
    *(apr_int64_t *)slot = bytes;
}

/* Whether an array has from `least` to `most` items. */
static int array_fits(reading *r, const json_t *value, const finq_path *path, int least, int most)
{
    if (json_is_array(value) && json_array_size(value) >= (size_t)least && json_array_size(value) <= (size_t)most)
        return 1;
    finq_fault_note(&r->faults, path, "must be an array of %d to %d items", least, most);
    return 0;
}

static int listed(const char *const *list, const char *text)
{
    while (*list && strcmp(*list, text) != 0)
        list++;
    return *list != NULL;
}

static void read_media_types(reading *r, const json_t *value, const finq_path *path, void *slot)
{
    const char **types = apr_pcalloc(r->pool, (MEDIA_TYPES_MAX + 1) * sizeof *types);
    const json_t *item;
    apr_size_t i;
    *(const char *const **)slot = types;
    if (!array_fits(r, value, path, 1, MEDIA_TYPES_MAX))
        return;
    json_array_foreach((json_t *)value, i, item)
    {
        finq_path below = {path, NULL, i};
        const char *type = json_string_value(item);
        if (!type || !finq_media_known(type))
            finq_fault_note(&r->faults, &below, "must be a media type that the server knows by its bytes");
        else if (listed(types, type))
            finq_fault_note(&r->faults, &below, "is listed twice");
        types[i] = type ? apr_pstrdup(r->pool, type) : "";
    }
}

static void read_schema(reading *r, const json_t *value, const finq_path *path, void *slot)
{
    finq_form *form = NULL;
    finq_error *error = finq_form_compile(&form, value, r->pool);
    if (error)
        finq_fault_adopt(&r->faults, path, error->details);
    *(const finq_form **)slot = form;
}

/* Notes a name that an earlier item of its array has. `names` points at the first item's name. */
static void check_unique(reading *r, const finq_path *path, const void *names, apr_size_t size, int index)
{
    const char *name = *(const char *const *)((const char *)names + size * (apr_size_t)index);
    for (int i = 0; name && i < index; i++) {
        const char *other = *(const char *const *)((const char *)names + size * (apr_size_t)i);
        if (other && strcmp(other, name) == 0)
            finq_fault_note(&r->faults, path, "is the name of another one too");
    }
}

static void read_uploads(reading *r, const json_t *value, const finq_path *path, void *slot)
{
    static const member members[] = {{"document", read_name, offsetof(finq_skill_upload, document), 1},
                                     {"title", read_title, offsetof(finq_skill_upload, title), 0},
                                     {"description", read_description, offsetof(finq_skill_upload, description), 0},
                                     {"required", read_flag, offsetof(finq_skill_upload, required), 1},
                                     {"media_types", read_media_types, offsetof(finq_skill_upload, media_types), 1},
                                     {"max_bytes", read_bytes, offsetof(finq_skill_upload, max_bytes), 1},
                                     {NULL, NULL, 0, 0}};
    finq_skill_step *step = slot;
    if (!array_fits(r, value, path, 0, FINQ_SKILL_MAX_UPLOADS))
        return;
    step->upload_count = (int)json_array_size(value);
    finq_skill_upload *uploads = apr_pcalloc(r->pool, sizeof *uploads * (apr_size_t)(step->upload_count + 1));
    step->uploads = uploads;
    for (int i = 0; i < step->upload_count; i++) {
        finq_path item = {path, NULL, (apr_size_t)i}, name = {&item, "document", 0};
        read_object(r, json_array_get(value, (size_t)i), &item, members, &uploads[i]);
        check_unique(r, &name, &uploads->document, sizeof *uploads, i);
    }
}

static void read_connector(reading *r, const json_t *value, const finq_path *path, void *slot)
{
    const char *name = json_string_value(value);
    if (name && finq_connector_name_check(name))
        *(const char **)slot = apr_pstrdup(r->pool, name);
    else
        finq_fault_note(&r->faults, path, "must be the name of a connector: a lower-case letter, then up to 63 of a-z 0-9 _ -");
}

static void read_review(reading *r, const json_t *value, const finq_path *path, void *slot)
{
    static const char *const reviews[] = {"offline", NULL};
    read_choice(r, value, path, reviews, slot);
}

static void read_target(reading *r, const json_t *value, const finq_path *path, void *slot)
{
    if (!json_is_null(value)) /* null: the session ends there */
        read_name(r, value, path, slot);
}

static void read_branches(reading *r, const json_t *value, const finq_path *path, void *slot)
{
    static const member members[] = {{"when", read_schema, offsetof(finq_skill_branch, when), 0},
                                     {"step", read_target, offsetof(finq_skill_branch, step), 1},
                                     {NULL, NULL, 0, 0}};
    finq_skill_step *step = slot;
    if (!array_fits(r, value, path, 1, FINQ_SKILL_MAX_BRANCHES))
        return;
    step->branch_count = (int)json_array_size(value);
    finq_skill_branch *branches = apr_pcalloc(r->pool, sizeof *branches * (apr_size_t)step->branch_count);
    step->branches = branches;
    for (int i = 0; i < step->branch_count; i++) {
        finq_path item = {path, NULL, (apr_size_t)i};
        read_object(r, json_array_get(value, (size_t)i), &item, members, &branches[i]);
    }
}

/* A branch leads forward only, so that no session can go in circles. */
static void resolve_branches(reading *r, const finq_skill *skill, int step)
{
    finq_path steps = {NULL, "steps", 0}, path = {&steps, NULL, (apr_size_t)step}, next = {&path, "next", 0};
    for (int i = 0; i < skill->steps[step].branch_count; i++) {
        finq_skill_branch *branch = (finq_skill_branch *)&skill->steps[step].branches[i];
        finq_path item = {&next, NULL, (apr_size_t)i}, target = {&item, "step", 0};
        branch->place = branch->step ? finq_skill_step_find(skill, branch->step) + 1 : 0;
        if (branch->step && branch->place <= step + 1)
            finq_fault_note(&r->faults, &target, "must name a later step of the skill");
    }
}

static void read_steps(reading *r, const json_t *value, const finq_path *path, void *slot)
{
    static const member members[] = {{"name", read_name, offsetof(finq_skill_step, name), 1},
                                     {"title", read_title, offsetof(finq_skill_step, title), 0},
                                     {"description", read_shown, 0, 0},
                                     {"schema", read_schema, offsetof(finq_skill_step, form), 1},
                                     {"uploads", read_uploads, 0, 0},
                                     {"connector", read_connector, offsetof(finq_skill_step, connector), 0},
                                     {"review", read_review, offsetof(finq_skill_step, review), 0},
                                     {"next", read_branches, 0, 0},
                                     {"ui", read_later, 0, 0},
                                     {NULL, NULL, 0, 0}};
    finq_skill *skill = slot;
    if (!array_fits(r, value, path, 1, FINQ_SKILL_MAX_STEPS))
        return;
    skill->step_count = (int)json_array_size(value);
    finq_skill_step *steps = apr_pcalloc(r->pool, sizeof *steps * (apr_size_t)skill->step_count);
    skill->steps = steps;
    for (int i = 0; i < skill->step_count; i++) {
        finq_path item = {path, NULL, (apr_size_t)i}, name = {&item, "name", 0};
        read_object(r, json_array_get(value, (size_t)i), &item, members, &steps[i]);
        check_unique(r, &name, &steps->name, sizeof *steps, i);
        steps[i].last = i + 1 == skill->step_count;
    }
}

/* The steps of a payment have forms of their own, and a bank behind them: an order that nobody carries out is none. */
static finq_error *resolve_orders(reading *r, finq_skill *skill)
{
    finq_path steps = {NULL, "steps", 0};
    for (int i = 0; i < skill->step_count && strcmp(skill->type, "payment_initiation") == 0; i++) {
        finq_skill_step *step = (finq_skill_step *)&skill->steps[i];
        finq_path path = {&steps, NULL, (apr_size_t)i};
        FINQ_TRY(finq_order_form(&step->order, step->name, r->pool));
        step->is_payment = strcmp(step->name, FINQ_ORDER_STEP) == 0;
        if (step->order && !step->connector)
            finq_fault_note(&r->faults, &path, "must have a connector: %s is for a bank", step->name);
    }
    return NULL;
}

finq_error *finq_skill_compile(finq_skill **skill, const json_t *definition, apr_pool_t *pool)
{
    static const member members[] = {{"name", read_skill_name, offsetof(finq_skill, name), 1},
                                     {"title", read_title, offsetof(finq_skill, title), 1},
                                     {"$schema", read_shown, 0, 0},
                                     {"description", read_shown, 0, 0},
                                     {"translations", read_later, 0, 0},
                                     {"type", read_type, offsetof(finq_skill, type), 1},
                                     {"environment", read_environment, offsetof(finq_skill, environment), 1},
                                     {"servicer", read_servicer, 0, 1},
                                     {"steps", read_steps, 0, 1},
                                     {NULL, NULL, 0, 0}};
    reading r = {.pool = pool, .faults = {pool, NULL}};
    finq_skill *made = apr_pcalloc(pool, sizeof *made);
    FINQ_TRY(finq_pattern_compile(&r.skill_name, SKILL_NAME, strlen(SKILL_NAME), pool));
    FINQ_TRY(finq_pattern_compile(&r.name, NAME, strlen(NAME), pool));
    read_object(&r, definition, NULL, members, made);
    finq_translation_check(&r.faults, definition);
    finq_ui_check(&r.faults, definition);
    FINQ_TRY(finq_fault_error(&r.faults, "The skill's definition is wrong"));
    for (int i = 0; i < made->step_count; i++)
        resolve_branches(&r, made, i);
    FINQ_TRY(resolve_orders(&r, made));
    FINQ_TRY(finq_fault_error(&r.faults, "The skill's definition is wrong"));
    made->definition = finq_json_own(json_deep_copy(definition), pool);
    *skill = made;
    return NULL;
}

int finq_skill_is_name(const char *text, apr_pool_t *pool)
{
    finq_pattern *pattern;
    return finq_pattern_compile(&pattern, SKILL_NAME, strlen(SKILL_NAME), pool) == NULL &&
           text_matches(pattern, text, strlen(text), pool);
}
