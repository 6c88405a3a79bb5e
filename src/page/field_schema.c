#include "field_schema.h"

#include <apr_lib.h>
#include <apr_strings.h>
#include <string.h>

#define DEFS "#/$defs/"
/* A schema may refer to itself, and two of a list each to two more. */
#define DEEPEST 8

const char *field_escaped(const char *name, apr_pool_t *pool)
{
    char *escaped = apr_palloc(pool, 2 * strlen(name) + 1), *to = escaped;
    for (; *name; name++) {
        if (*name == '~' || *name == '/') {
            *to++ = '~';
            *to++ = *name == '~' ? '0' : '1';
        } else
            *to++ = *name;
    }
    *to = '\0';
    return escaped;
}

static const char *step_pointer(const finq_field_source *source)
{
    return apr_psprintf(source->pool, "/steps/%d/schema", source->step);
}

field_spot field_root(const finq_field_source *source)
{
    const json_t *step = json_array_get(json_object_get(source->skill, "steps"), (size_t)source->step);
    return (field_spot){json_object_get(step, "schema"), step_pointer(source)};
}

/* What a schema refers to; no schema where it refers to nothing. */
static field_spot referred(const finq_field_source *source, const field_spot *spot)
{
    const char *ref = json_string_value(json_object_get(spot->schema, "$ref"));
    if (!ref || strncmp(ref, DEFS, strlen(DEFS)) != 0)
        return (field_spot){NULL, ""};
    field_spot root = field_root(source);
    const char *name = ref + strlen(DEFS);
    return (field_spot){json_object_get(json_object_get(root.schema, "$defs"), name),
                        apr_pstrcat(source->pool, root.pointer, "/$defs/", field_escaped(name, source->pool), NULL)};
}

static field_spot below(const finq_field_source *source, const field_spot *spot, const char *keyword)
{
    return (field_spot){json_object_get(spot->schema, keyword),
                        apr_pstrcat(source->pool, spot->pointer, "/", field_escaped(keyword, source->pool), NULL)};
}

static field_spot item(const finq_field_source *source, const field_spot *list, size_t i)
{
    return (field_spot){json_array_get(list->schema, i), apr_psprintf(source->pool, "%s/%" APR_SIZE_T_FMT, list->pointer, i)};
}

static int find(field_spot *found, const finq_field_source *source, const field_spot *spot, const char *keyword, int depth)
{
    if (!json_is_object(spot->schema) || depth > DEEPEST)
        return 0;
    if (json_object_get(spot->schema, keyword)) {
        *found = below(source, spot, keyword);
        return 1;
    }
    field_spot other = referred(source, spot), all = below(source, spot, "allOf");
    if (find(found, source, &other, keyword, depth + 1))
        return 1;
    for (size_t i = 0; i < json_array_size(all.schema); i++) {
        other = item(source, &all, i);
        if (find(found, source, &other, keyword, depth + 1))
            return 1;
    }
    return 0;
}

int field_find(field_spot *found, const finq_field_source *source, const field_spot *spot, const char *keyword)
{
    return find(found, source, spot, keyword, 0);
}

const json_t *finq_field_fact(const finq_field *field, const char *keyword)
{
    field_spot found;
    return field_find(&found, field->source, field->spot, keyword) ? found.schema : NULL;
}

/* ---- members ---- */

typedef struct walking {
    const finq_field_source *source;
    apr_array_header_t *members;
    void (*visit)(struct walking *w, const field_spot *spot, const apr_array_header_t *branch);
} walking;

static field_member *member_find(const apr_array_header_t *members, const char *name)
{
    for (int i = 0; i < members->nelts; i++) {
        field_member *member = &APR_ARRAY_IDX(members, i, field_member);
        if (strcmp(member->name, name) == 0)
            return member;
    }
    return NULL;
}

static field_member *member_add(const walking *w, const char *name, const field_spot *spot)
{
    field_member *member = apr_array_push(w->members);
    apr_pool_t *pool = w->source->pool;
    *member = (field_member){name, *spot, 0, apr_array_make(pool, 1, sizeof(const apr_array_header_t *)),
                             apr_array_make(pool, 1, sizeof(const apr_array_header_t *))};
    return member;
}

static void properties_take(walking *w, const field_spot *spot, const apr_array_header_t *branch)
{
    field_spot properties = below(w->source, spot, "properties");
    const char *name;
    json_t *schema;
    json_object_foreach((json_t *)properties.schema, name, schema)
    {
        field_member *member = member_find(w->members, name);
        field_spot at = below(w->source, &properties, name);
        if (!member)
            member = member_add(w, name, &at);
        if (branch)
            APR_ARRAY_PUSH(member->described, const apr_array_header_t *) = branch;
        else
            member->is_plain = 1;
    }
}

/* What a condition alone describes. */
static void others_take(walking *w, const field_spot *spot, const apr_array_header_t *branch)
{
    field_spot properties = below(w->source, spot, "properties");
    const char *name;
    json_t *schema;
    (void)branch;
    json_object_foreach((json_t *)properties.schema, name, schema)
    {
        field_spot at = below(w->source, &properties, name);
        if (!member_find(w->members, name))
            member_add(w, name, &at);
    }
}

static void requirements_take(walking *w, const field_spot *spot, const apr_array_header_t *branch)
{
    const json_t *names = json_object_get(spot->schema, "required");
    for (size_t i = 0; branch && i < json_array_size(names); i++) {
        field_member *member = member_find(w->members, json_string_value(json_array_get(names, i)));
        if (member)
            APR_ARRAY_PUSH(member->required, const apr_array_header_t *) = branch;
    }
}

static const apr_array_header_t *branch_below(const walking *w, const apr_array_header_t *branch, const json_t *schema, int holds)
{
    apr_pool_t *pool = w->source->pool;
    apr_array_header_t *longer = branch ? apr_array_copy(pool, branch) : apr_array_make(pool, 1, sizeof(finq_condition));
    APR_ARRAY_PUSH(longer, finq_condition) = (finq_condition){schema, holds};
    return longer;
}

static void walk(walking *w, const field_spot *spot, const apr_array_header_t *branch, int depth)
{
    static const char *const lists[] = {"allOf", "anyOf", "oneOf"}, *const ends[] = {"else", "then"};
    if (!json_is_object(spot->schema) || depth > DEEPEST)
        return;
    field_spot other = referred(w->source, spot), condition = below(w->source, spot, "if");
    w->visit(w, spot, branch);
    walk(w, &other, branch, depth + 1);
    for (size_t i = 0; i < sizeof lists / sizeof *lists; i++) {
        field_spot list = below(w->source, spot, lists[i]);
        for (size_t j = 0; j < json_array_size(list.schema); j++) {
            other = item(w->source, &list, j);
            walk(w, &other, branch, depth + 1);
        }
    }
    if (w->visit == others_take)
        walk(w, &condition, branch, depth + 1);
    for (int holds = 1; condition.schema && holds >= 0; holds--) {
        other = below(w->source, spot, ends[holds]);
        walk(w, &other, branch_below(w, branch, condition.schema, holds), depth + 1);
    }
}

apr_array_header_t *field_members(const finq_field_source *source, const field_spot *spot)
{
    walking w = {source, apr_array_make(source->pool, 16, sizeof(field_member)), properties_take};
    walk(&w, spot, NULL, 0);
    w.visit = others_take;
    walk(&w, spot, NULL, 0);
    w.visit = requirements_take;
    walk(&w, spot, NULL, 0);
    return w.members;
}

static int requires(const finq_field_source *source, const field_spot *spot, const char *name, int depth)
{
    const json_t *names = json_object_get(spot->schema, "required");
    if (!json_is_object(spot->schema) || depth > DEEPEST)
        return 0;
    for (size_t i = 0; i < json_array_size(names); i++) {
        if (strcmp(json_string_value(json_array_get(names, i)), name) == 0)
            return 1;
    }
    field_spot other = referred(source, spot), all = below(source, spot, "allOf");
    if (requires(source, &other, name, depth + 1))
        return 1;
    for (size_t i = 0; i < json_array_size(all.schema); i++) {
        other = item(source, &all, i);
        if (requires(source, &other, name, depth + 1))
            return 1;
    }
    return 0;
}

int field_requires(const finq_field_source *source, const field_spot *spot, const char *name)
{
    return requires(source, spot, name, 0);
}

/* ---- words ---- */

static const json_t *step_down(const json_t *value, const char *token)
{
    if (json_is_array(value))
        return apr_isdigit(*token) ? json_array_get(value, (size_t)apr_atoi64(token)) : NULL;
    return json_object_get(value, token);
}

/* The skill's own text at a pointer; its names hold no escapes but those of field_escaped. */
static const char *own_text(const json_t *skill, const char *pointer, apr_pool_t *pool)
{
    const json_t *value = skill;
    char *last, *copy = apr_pstrdup(pool, pointer);
    for (char *token = apr_strtok(copy, "/", &last); token && value; token = apr_strtok(NULL, "/", &last)) {
        char *to = token;
        for (const char *from = token; *from; from++) {
            if (*from == '~')
                *to++ = *++from == '1' ? '/' : '~';
            else
                *to++ = *from;
        }
        *to = '\0';
        value = step_down(value, token);
    }
    return json_string_value(value);
}

const char *finq_field_text(const finq_field_source *source, const char *pointer)
{
    const json_t *translations = json_object_get(source->skill, "translations");
    const json_t *texts = json_object_get(translations, finq_words_language(source->words));
    const char *text = json_string_value(json_object_get(texts, pointer));
    return text ? text : own_text(source->skill, pointer, source->pool);
}
