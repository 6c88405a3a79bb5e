#include "form_tree.h"

#include <stdlib.h>
#include <string.h>

/* Prices, in steps of one to three nanoseconds. */
enum { NODE_PRICE = 40, MEMBER_PRICE = 60, REAL_PRICE = 800 };

/* Longest JSON of what a schema says that is told with a fault. */
enum { LIMIT_MOST = 1024 };

/* One check. */
typedef struct {
    apr_pool_t *pool;
    finq_faults faults;
    const finq_numbers *numbers; /* how the value's were spelt; NULL where nobody knows */
    apr_int64_t work;            /* what may still be spent */
    int quiet;                   /* inside anyOf, oneOf, not, if: the answer counts, the places do not */
    int depth;
    int stop; /* nothing more to find out: too many faults, or given up */
} form_check;

/* What the schema says, as JSON; NULL where there is nothing, or too much to be told with each fault. */
static const char *limit_text(const json_t *limit, apr_pool_t *pool)
{
    const char *text = finq_json_text(limit, pool);
    return text && strlen(text) <= LIMIT_MOST ? text : NULL;
}

/* `limit` is what the schema says of the keyword. */
__attribute__((format(printf, 5, 6))) static int fail(form_check *check, const finq_path *path, const char *keyword,
                                                      const json_t *limit, const char *format, ...)
{
    va_list args;
    if (check->quiet || check->stop)
        return 0;
    va_start(args, format);
    finq_detail *noted = finq_fault_vnote(&check->faults, path, format, args);
    va_end(args);
    if (noted) {
        noted->keyword = keyword;
        noted->limit = limit_text(limit, check->pool);
    }
    check->stop = finq_fault_full(&check->faults);
    return 0;
}

static const json_t *said(const form_node *node, const char *keyword)
{
    return json_object_get(node->schema, keyword);
}

/* The keywords that bound how many of something there are. */
typedef struct {
    const char *least, *most, *noun;
} count_words;

static int check_count(form_check *check, const form_node *node, const form_range *range, apr_int64_t count,
                       const count_words *words, const finq_path *path)
{
    int few = range->least.set && count < range->least.value;
    if (!few && !(range->most.set && count > range->most.value))
        return 1;
    const char *keyword = few ? words->least : words->most;
    apr_int64_t limit = few ? range->least.value : range->most.value;
    return fail(check, path, keyword, said(node, keyword), "must have at %s %" APR_INT64_T_FMT " %s%s", few ? "least" : "most",
                limit, words->noun, limit == 1 ? "" : "s");
}

/* What cannot be decided is refused wherever it stands, under `not` too. */
static int give_up(form_check *check, const finq_path *path, const char *message)
{
    if (!check->stop)
        finq_fault_note(&check->faults, path, "%s", message);
    check->stop = 1;
    return 0;
}

static int spend(form_check *check, const finq_path *path, apr_int64_t price)
{
    check->work -= price;
    if (check->work < 0)
        return give_up(check, path, "cannot be decided: checking it costs more work than one request may");
    return !check->stop;
}

static int check_node(form_check *check, const form_node *node, const json_t *value, const finq_path *path);

static int kind_of(const json_t *value)
{
    switch (json_typeof(value)) {
    case JSON_OBJECT:
        return FORM_OBJECT;
    case JSON_ARRAY:
        return FORM_ARRAY;
    case JSON_STRING:
        return FORM_STRING;
    case JSON_INTEGER:
        return FORM_INTEGER;
    case JSON_REAL:
        return FORM_NUMBER;
    case JSON_TRUE:
    case JSON_FALSE:
        return FORM_BOOLEAN;
    case JSON_NULL:
        break;
    }
    return FORM_NULL;
}

static int check_type(form_check *check, const form_node *node, const json_t *value, const finq_path *path)
{
    int kind = kind_of(value);
    if (!node->types || (node->types & kind))
        return 1;
    if (kind == FORM_NUMBER && (node->types & FORM_INTEGER)) {
        finq_number number = finq_number_read(value, check->numbers);
        if (finq_number_whole(&number))
            return 1;
    }
    return fail(check, path, "type", said(node, "type"), "%s", node->types_message);
}

static int check_values(form_check *check, const form_node *node, const char *keyword, const form_values *values,
                        const json_t *value, const finq_path *path)
{
    if (!values->values)
        return 1;
    for (apr_size_t i = 0; i < json_array_size(values->values); i++) {
        if (form_value_equal(json_array_get(values->values, i), value, check->numbers, &check->work))
            return 1;
    }
    return spend(check, path, 0) ? fail(check, path, keyword, said(node, keyword), "%s", values->message) : 0;
}

static int check_bounds(form_check *check, const form_node *node, const finq_number *number, const finq_path *path)
{
    if (node->minimum.set && finq_number_compare(number, &node->minimum.value) < 0)
        return fail(check, path, "minimum", said(node, "minimum"), "must be at least %s", node->minimum.text);
    if (node->maximum.set && finq_number_compare(number, &node->maximum.value) > 0)
        return fail(check, path, "maximum", said(node, "maximum"), "must be at most %s", node->maximum.text);
    if (node->above.set && finq_number_compare(number, &node->above.value) <= 0)
        return fail(check, path, "exclusiveMinimum", said(node, "exclusiveMinimum"), "must be greater than %s", node->above.text);
    if (node->below.set && finq_number_compare(number, &node->below.value) >= 0)
        return fail(check, path, "exclusiveMaximum", said(node, "exclusiveMaximum"), "must be less than %s", node->below.text);
    if (node->multiple.set && !finq_number_multiple(number, &node->multiple.value))
        return fail(check, path, "multipleOf", said(node, "multipleOf"), "must be a multiple of %s", node->multiple.text);
    return 1;
}

static int check_number(form_check *check, const form_node *node, const json_t *value, const finq_path *path)
{
    if (json_is_real(value) && !spend(check, path, REAL_PRICE))
        return 0;
    finq_number number = finq_number_read(value, check->numbers);
    if (!spend(check, path, number.count))
        return 0;
    return check_bounds(check, node, &number, path);
}

static int check_length(form_check *check, const form_node *node, const json_t *value, const finq_path *path)
{
    static const count_words words = {"minLength", "maxLength", "character"};
    if (!node->length.least.set && !node->length.most.set)
        return 1;
    return check_count(check, node, &node->length, form_value_length(value), &words, path);
}

static int check_pattern(form_check *check, const form_node *node, const json_t *value, const finq_path *path)
{
    const form_pattern *pattern = &node->pattern;
    if (!pattern->pattern)
        return 1;
    switch (
        finq_pattern_match(pattern->pattern, json_string_value(value), json_string_length(value), &check->work, check->pool)) {
    case FINQ_PATTERN_FOUND:
        return 1;
    case FINQ_PATTERN_ABSENT:
        return fail(check, path, "pattern", said(node, "pattern"), "must match %s", pattern->text);
    case FINQ_PATTERN_UNDECIDED:
        break;
    }
    return give_up(check, path, "cannot be decided: matching it with its pattern costs more work than it may");
}

static int check_format(form_check *check, const form_node *node, const json_t *value, const finq_path *path)
{
    const form_format *format = node->format;
    const char *text = json_string_value(value);
    apr_size_t length = json_string_length(value);
    if (!format || format->fits(text, length))
        return 1;
    return fail(check, path, "format", said(node, "format"), "%s",
                format->explain ? format->explain(text, length) : format->message);
}

static int check_string(form_check *check, const form_node *node, const json_t *value, const finq_path *path)
{
    if (!spend(check, path, (apr_int64_t)json_string_length(value)))
        return 0;
    if (!check_length(check, node, value, path) || !check_pattern(check, node, value, path))
        return 0;
    return check_format(check, node, value, path);
}

static int check_array_size(form_check *check, const form_node *node, const json_t *value, const finq_path *path)
{
    static const count_words words = {"minItems", "maxItems", "item"};
    if (!check_count(check, node, &node->size, (apr_int64_t)json_array_size(value), &words, path))
        return 0;
    if (node->unique && !form_value_unique(value, check->numbers, &check->work, check->pool))
        return spend(check, path, 0)
                   ? fail(check, path, "uniqueItems", said(node, "uniqueItems"), "must not have two equal items")
                   : 0;
    return spend(check, path, 0);
}

static int check_array(form_check *check, const form_node *node, const json_t *value, const finq_path *path)
{
    int fits = check_array_size(check, node, value, path);
    apr_size_t count = json_array_size(value), prefix = (apr_size_t)node->prefix.count;
    if (!node->items && count > prefix)
        count = prefix;
    for (apr_size_t i = 0; i < count && !check->stop && (fits || !check->quiet); i++) {
        finq_path below = {path, NULL, i};
        const form_node *item = i < prefix ? node->prefix.nodes[i] : node->items;
        fits &= check_node(check, item, json_array_get(value, i), &below);
    }
    return fits;
}

static int property_order(const void *name, const void *property)
{
    return strcmp(name, ((const form_property *)property)->name);
}

static const form_node *member_node(const form_node *node, const char *name)
{
    const form_property *property = NULL;
    if (node->properties.count)
        property =
            bsearch(name, node->properties.rows, (size_t)node->properties.count, sizeof *node->properties.rows, property_order);
    return property ? property->node : node->additional;
}

static int check_required(form_check *check, const form_node *node, const json_t *value, const finq_path *path)
{
    int fits = 1;
    for (int i = 0; i < node->required.count && (fits || !check->quiet); i++) {
        finq_path below = {path, node->required.names[i], 0};
        if (!spend(check, &below, MEMBER_PRICE))
            return 0;
        if (!json_object_get(value, node->required.names[i]))
            fits = fail(check, &below, "required", NULL, "is required");
    }
    return fits;
}

static int check_members(form_check *check, const form_node *node, const json_t *value, const finq_path *path)
{
    const char *name;
    json_t *member;
    int fits = 1;
    json_object_foreach((json_t *)value, name, member)
    {
        finq_path below = {path, name, 0};
        const form_node *found = member_node(node, name);
        if (!spend(check, &below, MEMBER_PRICE + (apr_int64_t)strlen(name)) || (check->quiet && !fits))
            return 0;
        if (found)
            fits &= check_node(check, found, member, &below);
    }
    return fits;
}

static int check_object(form_check *check, const form_node *node, const json_t *value, const finq_path *path)
{
    static const count_words words = {"minProperties", "maxProperties", "member"};
    int fits = check_count(check, node, &node->members, (apr_int64_t)json_object_size(value), &words, path);
    fits &= (fits || !check->quiet) && check_required(check, node, value, path);
    if ((!node->properties.count && !node->additional) || (!fits && check->quiet))
        return fits;
    return check_members(check, node, value, path) && fits;
}

static int check_kind(form_check *check, const form_node *node, const json_t *value, const finq_path *path)
{
    if (json_is_object(value))
        return check_object(check, node, value, path);
    if (json_is_array(value))
        return check_array(check, node, value, path);
    if (json_is_string(value))
        return check_string(check, node, value, path);
    return json_is_number(value) ? check_number(check, node, value, path) : 1;
}

/* Whether the value fits, with no word about why not. */
static int probe(form_check *check, const form_node *node, const json_t *value, const finq_path *path)
{
    check->quiet++;
    int fits = check_node(check, node, value, path);
    check->quiet--;
    return fits;
}

/* How many of a list's schemas the value fits; counts no further than `enough`. */
static int probe_list(form_check *check, const form_nodes *list, int enough, const json_t *value, const finq_path *path)
{
    int count = 0;
    for (int i = 0; i < list->count && count < enough && !check->stop; i++)
        count += probe(check, list->nodes[i], value, path);
    return count;
}

static int check_any(form_check *check, const form_nodes *list, const json_t *value, const finq_path *path)
{
    if (!list->count || probe_list(check, list, 1, value, path))
        return 1;
    return list->choices ? fail(check, path, "anyOf", list->choices, "%s", list->message)
                         : fail(check, path, "anyOf", NULL, "must fit one of the %d forms that anyOf allows", list->count);
}

static int check_one(form_check *check, const form_nodes *list, const json_t *value, const finq_path *path)
{
    int fits = list->count ? probe_list(check, list, 2, value, path) : 1;
    if (fits == 1)
        return 1;
    if (fits == 0 && list->choices)
        return fail(check, path, "oneOf", list->choices, "%s", list->message);
    return fail(check, path, "oneOf", NULL, "must fit exactly one of the %d forms that oneOf allows, and fits %s", list->count,
                fits ? "several" : "none");
}

static int check_choices(form_check *check, const form_node *node, const json_t *value, const finq_path *path)
{
    if (!check_any(check, &node->any, value, path) || !check_one(check, &node->one, value, path))
        return 0;
    if (node->not &&probe(check, node->not, value, path))
        return fail(check, path, "not", NULL, "must not fit the form that stands under not");
    return !check->stop;
}

static int check_condition(form_check *check, const form_node *node, const json_t *value, const finq_path *path)
{
    if (!node->condition || (!node->then && !node->otherwise))
        return 1;
    const form_node *chosen = probe(check, node->condition, value, path) ? node->then : node->otherwise;
    return chosen ? check_node(check, chosen, value, path) : 1;
}

/* Schemas that look at the same value. */
static int check_same(form_check *check, const form_node *node, const json_t *value, const finq_path *path)
{
    int fits = !node->ref || check_node(check, node->ref, value, path);
    for (int i = 0; i < node->all.count && !check->stop && (fits || !check->quiet); i++)
        fits &= check_node(check, node->all.nodes[i], value, path);
    if (fits || !check->quiet)
        fits &= check_choices(check, node, value, path) && check_condition(check, node, value, path);
    return fits;
}

static int check_here(form_check *check, const form_node *node, const json_t *value, const finq_path *path)
{
    if (node->never)
        return fail(check, path, node->never_by, node->never_by ? node->schema : NULL, "is not allowed");
    int fits = check_type(check, node, value, path) && check_values(check, node, "const", &node->constant, value, path) &&
               check_values(check, node, "enum", &node->enumeration, value, path);
    if (fits)
        fits = check_kind(check, node, value, path);
    if (fits || !check->quiet)
        fits &= check_same(check, node, value, path);
    return fits;
}

static int check_node(form_check *check, const form_node *node, const json_t *value, const finq_path *path)
{
    if (!spend(check, path, NODE_PRICE))
        return 0;
    if (check->depth >= FORM_DEPTH_MAX)
        return give_up(check, path, "is nested too deep");
    check->depth++;
    int fits = check_here(check, node, value, path);
    check->depth--;
    return fits;
}

finq_error *finq_form_check(const finq_form *form, const json_t *value, const finq_numbers *numbers, apr_pool_t *pool)
{
    form_check check = {.pool = pool, .faults = {pool, NULL}, .numbers = numbers, .work = FORM_WORK};
    check_node(&check, form->root, value, NULL);
    return finq_fault_error(&check.faults, "The data does not fit its form");
}
