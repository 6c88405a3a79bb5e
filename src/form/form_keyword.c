#include "form_tree.h"

#include <apr_strings.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#define DIALECT "https://json-schema.org/draft/2020-12/schema"
#define DEFS "#/$defs/"

/* Most schemas within one. */
enum { SCHEMA_NODES_MAX = 4096 };

/* A reader compiles a keyword's value into its slot of the node, or notes a fault. */
typedef void reader(form_build *build, const json_t *value, const finq_path *path, void *slot);

static int type_bit(const json_t *name)
{
    static const struct {
        const char *name;
        int bit;
    } rows[] = {
        {"null", FORM_NULL},
        {"boolean", FORM_BOOLEAN},
        {"integer", FORM_INTEGER},
        {"string", FORM_STRING},
        {"number", FORM_NUMBER | FORM_INTEGER},
        {"array", FORM_ARRAY},
        {"object", FORM_OBJECT},
    };
    for (size_t i = 0; json_is_string(name) && i < sizeof rows / sizeof *rows; i++) {
        if (strcmp(rows[i].name, json_string_value(name)) == 0)
            return rows[i].bit;
    }
    return 0;
}

static const char *type_noun(const json_t *name)
{
    const char *text = json_string_value(name);
    if (strcmp(text, "null") == 0)
        return "null";
    return strchr("aeio", *text) ? "an " : "a ";
}

static void read_type(form_build *build, const json_t *value, const finq_path *path, void *slot)
{
    form_node *node = slot;
    const char *message = "must be ";
    apr_size_t count = json_is_array(value) ? json_array_size(value) : 1;
    for (apr_size_t i = 0; i < count; i++) {
        const json_t *name = json_is_array(value) ? json_array_get(value, i) : value;
        int bit = type_bit(name);
        if (!bit) {
            finq_fault_note(&build->faults, path, "must name types: null, boolean, integer, number, string, array, object");
            return;
        }
        node->types |= bit;
        message = apr_pstrcat(build->pool, message, i ? " or " : "", type_noun(name),
                              bit == FORM_NULL ? "" : json_string_value(name), NULL);
    }
    if (!count)
        finq_fault_note(&build->faults, path, "must name at least one type");
    node->types_message = message;
}

static void read_schema(form_build *build, const json_t *value, const finq_path *path, void *slot)
{
    form_node *node = form_build_node(build, value, path);
    node->never_by = path->name;
    *(form_node **)slot = node;
}

/* A person's choices are a list of consts with titles: who picks another value is told which there are. */
static const json_t *choices_of(const form_nodes *list, apr_pool_t *pool)
{
    json_t *choices = finq_json_own(json_array(), pool);
    for (int i = 0; i < list->count; i++) {
        const json_t *constant = list->nodes[i]->constant.values;
        if (!constant)
            return NULL;
        json_array_append(choices, json_array_get(constant, 0));
    }
    return choices;
}

static void read_schemas(form_build *build, const json_t *value, const finq_path *path, void *slot)
{
    form_nodes *list = slot;
    if (!json_is_array(value) || json_array_size(value) == 0) {
        finq_fault_note(&build->faults, path, "must be an array of at least one schema");
        return;
    }
    list->count = (int)json_array_size(value);
    list->nodes = apr_pcalloc(build->pool, sizeof *list->nodes * (apr_size_t)list->count);
    for (int i = 0; i < list->count; i++) {
        finq_path below = {path, NULL, (apr_size_t)i};
        list->nodes[i] = form_build_node(build, json_array_get(value, (apr_size_t)i), &below);
    }
    list->choices = choices_of(list, build->pool);
    list->message = list->choices ? form_values_message(list->choices, build->pool) : NULL;
}

static int property_order(const void *a, const void *b)
{
    return strcmp(((const form_property *)a)->name, ((const form_property *)b)->name);
}

static void read_properties(form_build *build, const json_t *value, const finq_path *path, void *slot)
{
    form_properties *properties = slot;
    const char *name;
    json_t *schema;
    if (!json_is_object(value)) {
        finq_fault_note(&build->faults, path, "must be an object of schemas");
        return;
    }
    properties->rows = apr_pcalloc(build->pool, sizeof *properties->rows * (json_object_size(value) + 1));
    json_object_foreach((json_t *)value, name, schema)
    {
        finq_path below = {path, name, 0};
        form_property row = {apr_pstrdup(build->pool, name), form_build_node(build, schema, &below)};
        properties->rows[properties->count++] = row;
    }
    qsort(properties->rows, (size_t)properties->count, sizeof *properties->rows, property_order);
}

/* The definitions themselves were named before anything was read. */
static void read_defs(form_build *build, const json_t *value, const finq_path *path, void *slot)
{
    const char *name;
    json_t *schema;
    (void)slot;
    if (path->up || !json_is_object(value)) {
        finq_fault_note(&build->faults, path, "must be an object of schemas, at the top of the schema");
        return;
    }
    json_object_foreach((json_t *)value, name, schema)
    {
        finq_path below = {path, name, 0};
        form_build_into(build, apr_hash_get(build->defs, name, APR_HASH_KEY_STRING), schema, &below);
    }
}

static void read_ref(form_build *build, const json_t *value, const finq_path *path, void *slot)
{
    form_node **node = slot;
    const char *text = json_string_value(value), *name = NULL;
    if (text && strncmp(text, DEFS, strlen(DEFS)) == 0)
        name = form_ref_name(text + strlen(DEFS), build->pool);
    if (!name)
        finq_fault_note(&build->faults, path, "must be " DEFS "NAME");
    else if (!(*node = apr_hash_get(build->defs, name, APR_HASH_KEY_STRING)))
        finq_fault_note(&build->faults, path, "must name a member of $defs");
}

static void read_enum(form_build *build, const json_t *value, const finq_path *path, void *slot)
{
    if (!json_is_array(value) || json_array_size(value) == 0)
        finq_fault_note(&build->faults, path, "must be an array of at least one value");
    else
        *(form_values *)slot = (form_values){value, form_values_message(value, build->pool)};
}

static void read_const(form_build *build, const json_t *value, const finq_path *path, void *slot)
{
    const json_t *values = finq_json_own(json_pack("[O]", value), build->pool);
    if (values)
        *(form_values *)slot = (form_values){values, form_values_message(values, build->pool)};
    else
        finq_fault_note(&build->faults, path, "could not be kept: out of memory");
}

static void read_names(form_build *build, const json_t *value, const finq_path *path, void *slot)
{
    form_names *names = slot;
    const json_t *name;
    apr_size_t i;
    if (!json_is_array(value)) {
        finq_fault_note(&build->faults, path, "must be an array of names");
        return;
    }
    names->names = apr_pcalloc(build->pool, sizeof *names->names * (json_array_size(value) + 1));
    json_array_foreach((json_t *)value, i, name)
    {
        finq_path below = {path, NULL, i};
        if (json_is_string(name))
            names->names[names->count++] = apr_pstrdup(build->pool, json_string_value(name));
        else
            finq_fault_note(&build->faults, &below, "must be a string");
    }
}

static void read_count(form_build *build, const json_t *value, const finq_path *path, void *slot)
{
    form_count *count = slot;
    double real = json_number_value(value);
    count->set = 1;
    count->value = json_is_real(value) ? (apr_int64_t)(real < 9e18 ? real : 0) : json_integer_value(value);
    if (!json_is_number(value) || count->value < 0 || (json_is_real(value) && (double)count->value != real))
        finq_fault_note(&build->faults, path, "must be a whole number that is not negative");
}

static void read_bound(form_build *build, const json_t *value, const finq_path *path, void *slot)
{
    form_bound *bound = slot;
    if (!json_is_number(value)) {
        finq_fault_note(&build->faults, path, "must be a number");
        return;
    }
    *bound = (form_bound){1, finq_number_read(value, NULL), finq_json_text(value, build->pool)};
}

static void read_multiple(form_build *build, const json_t *value, const finq_path *path, void *slot)
{
    const form_bound *bound = slot;
    read_bound(build, value, path, slot);
    if (bound->set && (bound->value.negative || bound->value.count == 0))
        finq_fault_note(&build->faults, path, "must be greater than 0");
}

static void read_pattern(form_build *build, const json_t *value, const finq_path *path, void *slot)
{
    form_pattern *pattern = slot;
    finq_pattern *compiled;
    finq_error *error;
    if (!json_is_string(value)) {
        finq_fault_note(&build->faults, path, "must be a string");
        return;
    }
    error = finq_pattern_compile(&compiled, json_string_value(value), json_string_length(value), build->pool);
    if (error)
        finq_fault_note(&build->faults, path, "%s", error->message);
    else
        *pattern = (form_pattern){compiled, apr_pstrdup(build->pool, json_string_value(value))};
}

static void read_format(form_build *build, const json_t *value, const finq_path *path, void *slot)
{
    const form_format **format = slot;
    *format = json_is_string(value) ? form_format_find(json_string_value(value)) : NULL;
    if (!*format)
        finq_fault_note(&build->faults, path, "must be one of date, date-time, email, uuid, uri, iban");
}

static void read_flag(form_build *build, const json_t *value, const finq_path *path, void *slot)
{
    if (json_is_boolean(value))
        *(int *)slot = json_is_true(value);
    else
        finq_fault_note(&build->faults, path, "must be true or false");
}

static void note_text(form_build *build, const json_t *value, const finq_path *path, void *slot)
{
    (void)slot;
    if (!json_is_string(value))
        finq_fault_note(&build->faults, path, "must be a string");
}

static void note_flag(form_build *build, const json_t *value, const finq_path *path, void *slot)
{
    (void)slot;
    if (!json_is_boolean(value))
        finq_fault_note(&build->faults, path, "must be true or false");
}

static void note_array(form_build *build, const json_t *value, const finq_path *path, void *slot)
{
    (void)slot;
    if (!json_is_array(value))
        finq_fault_note(&build->faults, path, "must be an array");
}

static void note_any(form_build *build, const json_t *value, const finq_path *path, void *slot)
{
    (void)build, (void)value, (void)path, (void)slot;
}

static void note_dialect(form_build *build, const json_t *value, const finq_path *path, void *slot)
{
    const char *text = json_string_value(value);
    (void)slot;
    if (!text || (strcmp(text, DIALECT) != 0 && strcmp(text, DIALECT "#") != 0))
        finq_fault_note(&build->faults, path, "must be " DIALECT);
}

static const struct {
    const char *name;
    reader *read;
    apr_size_t slot;
} keywords[] = {
#define SLOT(member) offsetof(form_node, member)
    {"type", read_type, 0},
    {"properties", read_properties, SLOT(properties)},
    {"required", read_names, SLOT(required)},
    {"additionalProperties", read_schema, SLOT(additional)},
    {"items", read_schema, SLOT(items)},
    {"prefixItems", read_schemas, SLOT(prefix)},
    {"enum", read_enum, SLOT(enumeration)},
    {"const", read_const, SLOT(constant)},
    {"pattern", read_pattern, SLOT(pattern)},
    {"format", read_format, SLOT(format)},
    {"minLength", read_count, SLOT(length.least)},
    {"maxLength", read_count, SLOT(length.most)},
    {"minimum", read_bound, SLOT(minimum)},
    {"maximum", read_bound, SLOT(maximum)},
    {"exclusiveMinimum", read_bound, SLOT(above)},
    {"exclusiveMaximum", read_bound, SLOT(below)},
    {"multipleOf", read_multiple, SLOT(multiple)},
    {"minItems", read_count, SLOT(size.least)},
    {"maxItems", read_count, SLOT(size.most)},
    {"uniqueItems", read_flag, SLOT(unique)},
    {"minProperties", read_count, SLOT(members.least)},
    {"maxProperties", read_count, SLOT(members.most)},
    {"allOf", read_schemas, SLOT(all)},
    {"anyOf", read_schemas, SLOT(any)},
    {"oneOf", read_schemas, SLOT(one)},
    {"not", read_schema, SLOT(not )},
    {"if", read_schema, SLOT(condition)},
    {"then", read_schema, SLOT(then)},
    {"else", read_schema, SLOT(otherwise)},
    {"$ref", read_ref, SLOT(ref)},
    {"$defs", read_defs, 0},
    {"$schema", note_dialect, 0},
    {"title", note_text, 0},
    {"description", note_text, 0},
    {"$comment", note_text, 0},
    {"default", note_any, 0},
    {"examples", note_array, 0},
    {"deprecated", note_flag, 0},
    {"readOnly", note_flag, 0},
    {"writeOnly", note_flag, 0},
#undef SLOT
};

static void keyword_read(form_build *build, form_node *node, const json_t *value, const finq_path *path)
{
    for (size_t i = 0; i < sizeof keywords / sizeof *keywords; i++) {
        if (strcmp(keywords[i].name, path->name) == 0) {
            keywords[i].read(build, value, path, (char *)node + keywords[i].slot);
            return;
        }
    }
    if (strncmp(path->name, "x-", 2) == 0)
        return; /* a note of whoever wrote the skill */
    finq_fault_note(&build->faults, path, "is not a keyword of the documented subset of JSON Schema 2020-12");
}

form_node *form_build_empty(form_build *build)
{
    form_node *node = apr_pcalloc(build->pool, sizeof *node);
    APR_ARRAY_PUSH(build->nodes, form_node *) = node;
    return node;
}

void form_build_into(form_build *build, form_node *node, const json_t *schema, const finq_path *path)
{
    const char *name;
    json_t *value;
    if (build->nodes->nelts > SCHEMA_NODES_MAX) {
        finq_fault_note(&build->faults, NULL, "must have at most %d schemas", SCHEMA_NODES_MAX);
        return;
    }
    node->schema = schema;
    if (json_is_boolean(schema)) {
        node->never = json_is_false(schema);
        return;
    }
    if (!json_is_object(schema)) {
        finq_fault_note(&build->faults, path, "must be a schema: an object or a boolean");
        return;
    }
    json_object_foreach((json_t *)schema, name, value)
    {
        finq_path below = {path, name, 0};
        keyword_read(build, node, value, &below);
    }
}

form_node *form_build_node(form_build *build, const json_t *schema, const finq_path *path)
{
    form_node *node = form_build_empty(build);
    form_build_into(build, node, schema, path);
    return node;
}
