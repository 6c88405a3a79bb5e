#include "skills/ui.h"

#include <apr_strings.h>
#include <string.h>

#define MEMBERS_MAX 64
#define TOKEN_MAX 64
#define TOKEN "abcdefghijklmnopqrstuvwxyz0123456789- "

int finq_ui_title_check(finq_faults *faults, const json_t *title, const finq_path *path)
{
    int is_one = json_string_length(title) > 0 && json_string_length(title) <= FINQ_UI_TITLE;
    if (!is_one)
        finq_fault_note(faults, path, "must be a string of 1 to %d bytes", FINQ_UI_TITLE);
    return is_one;
}

/* Whether any object of a schema describes a member. */
static int is_described(const json_t *schema, const char *name)
{
    const char *keyword;
    json_t *value;
    size_t i;
    if (json_object_get(json_object_get(schema, "properties"), name))
        return 1;
    json_object_foreach((json_t *)schema, keyword, value)
    {
        if (is_described(value, name))
            return 1;
    }
    json_array_foreach((json_t *)schema, i, value)
    {
        if (is_described(value, name))
            return 1;
    }
    return 0;
}

/* The same of a JSON Pointer, such as /rows/0/name. */
static int is_pointed_at(const json_t *schema, const char *pointer, apr_pool_t *pool)
{
    char *rest = apr_pstrdup(pool, pointer), *last;
    for (const char *name = apr_strtok(rest, "/", &last); name && schema; name = apr_strtok(NULL, "/", &last))
        schema = name[strspn(name, "0123456789")] ? json_object_get(json_object_get(schema, "properties"), name)
                                                  : json_object_get(schema, "items");
    return schema != NULL;
}

static int member_check(finq_faults *faults, int is_known, const finq_path *path)
{
    if (!is_known)
        finq_fault_note(faults, path, "must be a member that the step's schema describes");
    return is_known;
}

/* ---- pages ---- */

typedef struct {
    finq_faults *faults;
    const json_t *schema;
    json_t *named; /* the members that a page has, as names of an object */
} layout;

static void members_place(layout *of, const json_t *page, const finq_path *path)
{
    const json_t *name;
    size_t i;
    if (!json_is_array(page) || json_array_size(page) == 0 || json_array_size(page) > MEMBERS_MAX)
        finq_fault_note(of->faults, path, "must be an array of 1 to %d items", MEMBERS_MAX);
    json_array_foreach((json_t *)page, i, name)
    {
        finq_path item = {path, NULL, i};
        if (!member_check(of->faults, json_is_string(name) && is_described(of->schema, json_string_value(name)), &item))
            continue;
        if (json_object_get(of->named, json_string_value(name)))
            finq_fault_note(of->faults, &item, "stands on a page already");
        json_object_set_new(of->named, json_string_value(name), json_true());
    }
}

/* A list of members, or one with a title. */
static void page_check(layout *of, const json_t *page, const finq_path *path)
{
    finq_path members = {path, "members", 0}, titled = {path, "title", 0};
    if (!json_is_object(page)) {
        members_place(of, page, path);
        return;
    }
    finq_ui_title_check(of->faults, json_object_get(page, "title"), &titled);
    if (json_object_size(page) != 2 || !json_object_get(page, "members"))
        finq_fault_note(of->faults, path, "must have title and members, and nothing else");
    else
        members_place(of, json_object_get(page, "members"), &members);
}

static void pages_check(finq_faults *faults, const json_t *pages, const json_t *schema, const finq_path *path)
{
    layout of = {faults, schema, finq_json_own(json_object(), faults->pool)};
    const json_t *page;
    size_t i;
    if (!json_is_array(pages) || json_array_size(pages) == 0 || json_array_size(pages) > FINQ_UI_MAX_PAGES)
        finq_fault_note(faults, path, "must be an array of 1 to %d items", FINQ_UI_MAX_PAGES);
    json_array_foreach((json_t *)pages, i, page)
    {
        finq_path item = {path, NULL, i};
        page_check(&of, page, &item);
    }
}

/* ---- what is known of members ---- */

static int is_token(const json_t *value)
{
    const char *text = json_string_value(value);
    return text && *text && strlen(text) <= TOKEN_MAX && strspn(text, TOKEN) == strlen(text);
}

/* Whether a text is "step/member" of a step before this one. */
static int is_earlier(const json_t *value, const json_t *steps, size_t before, apr_pool_t *pool)
{
    char *step = apr_pstrdup(pool, json_is_string(value) ? json_string_value(value) : ""), *slash = strchr(step, '/');
    if (!slash)
        return 0;
    *slash = '\0';
    for (size_t i = 0; i < before; i++) {
        const json_t *one = json_array_get(steps, i);
        const char *name = finq_json_string(one, "name");
        if (name && strcmp(name, step) == 0)
            return is_described(json_object_get(one, "schema"), slash + 1);
    }
    return 0;
}

static void members_check(finq_faults *faults, const json_t *members, const json_t *steps, size_t place, const finq_path *path)
{
    const json_t *schema = json_object_get(json_array_get(steps, place), "schema");
    int is_same = strcmp(path->name, "same_as") == 0;
    const char *name;
    json_t *value;
    if (!json_is_object(members))
        finq_fault_note(faults, path, "must be an object");
    json_object_foreach((json_t *)members, name, value)
    {
        finq_path item = {path, name, 0};
        int is_pointer = is_same && *name == '/';
        if (!member_check(faults, is_pointer ? is_pointed_at(schema, name, faults->pool) : is_described(schema, name), &item))
            continue;
        if (is_same && !is_earlier(value, steps, place, faults->pool))
            finq_fault_note(faults, &item, "must be step/member, of an earlier step");
        if (!is_same && !is_token(value))
            finq_fault_note(faults, &item, "must be a token of HTML's autocomplete, such as given-name");
    }
}

/* ---- all ---- */

static void ui_check(finq_faults *faults, const json_t *steps, size_t place, const finq_path *path)
{
    const json_t *step = json_array_get(steps, place), *ui = json_object_get(step, "ui");
    finq_path at = {path, "ui", 0};
    const char *name;
    json_t *value;
    if (ui && !json_is_object(ui))
        finq_fault_note(faults, &at, "must be an object");
    json_object_foreach((json_t *)ui, name, value)
    {
        finq_path item = {&at, name, 0};
        if (strcmp(name, "pages") == 0)
            pages_check(faults, value, json_object_get(step, "schema"), &item);
        else if (strcmp(name, "autocomplete") == 0 || strcmp(name, "same_as") == 0)
            members_check(faults, value, steps, place, &item);
        else if (strncmp(name, "x-", 2) != 0)
            finq_fault_note(faults, &item, "is not a member that ui has");
    }
}

void finq_ui_check(finq_faults *faults, const json_t *definition)
{
    const json_t *steps = json_object_get(definition, "steps");
    finq_path path = {NULL, "steps", 0};
    for (size_t i = 0; i < json_array_size(steps); i++) {
        finq_path item = {&path, NULL, i};
        ui_check(faults, steps, i, &item);
    }
}
