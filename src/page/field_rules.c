/* What a browser can see of a field's schema before anything is sent: each keyword with its limit, and the sentence that the server
 * would say. Nothing that the schema might accept is among it; the server has the last word. */
#include <string.h>

#include "field_html.h"

static void rule_put(json_t *rules, const finq_field *field, const char *keyword, const json_t *limit, apr_pool_t *pool)
{
    const finq_detail detail = {.keyword = keyword, .limit = limit ? finq_json_text(limit, pool) : NULL};
    json_t *pair = json_array();
    json_array_append(pair, limit ? (json_t *)limit : json_null());
    json_array_append_new(pair, json_string(finq_problem_words(field, &detail)));
    json_object_set_new(rules, keyword, pair);
}

static void limits_put(json_t *rules, const finq_field *field, const char *const *keywords, apr_pool_t *pool)
{
    for (; *keywords; keywords++) {
        const json_t *limit = finq_field_fact(field, *keywords);
        if (limit)
            rule_put(rules, field, *keywords, limit, pool);
    }
}

/* Whether a schema holds for its field wherever that is asked for: not one of several, nor only an `if`. */
static int always_holds(const finq_field *field)
{
    static const char *const places[] = {"/anyOf/", "/oneOf/", "/if/"};
    for (size_t i = 0; i < sizeof places / sizeof *places; i++) {
        if (strstr(finq_field_place(field), places[i]))
            return 0;
    }
    return !field->when || field->when->nelts == 1;
}

/* Whether a text is sent as it is typed. */
static int is_verbatim(const finq_field *field)
{
    static const char *const rewritten[] = {"tel", "country"};
    for (size_t i = 0; field->complete && i < sizeof rewritten / sizeof *rewritten; i++) {
        if (strcmp(field->complete, rewritten[i]) == 0)
            return 0;
    }
    return (field->kind == FINQ_FIELD_TEXT || field->kind == FINQ_FIELD_AREA) && !field->is_number &&
           !finq_field_fact(field, "format");
}

static int is_answered_once(const finq_field *field)
{
    return field->kind < FINQ_FIELD_BOXES && (field->kind != FINQ_FIELD_TICK || field->choices);
}

const char *field_rules(const finq_field *field, apr_pool_t *pool)
{
    static const char *const text_limits[] = {"pattern", "minLength", "maxLength", NULL}, *const number_limits[] = {
                                                                                              "minimum", "maximum",
                                                                                              "exclusiveMinimum",
                                                                                              "exclusiveMaximum", NULL};
    const json_t *format = finq_field_fact(field, "format");
    json_t *rules = finq_json_own(json_object(), pool);
    if (field->is_needed && is_answered_once(field))
        rule_put(rules, field, "required", NULL, pool);
    if (always_holds(field)) {
        if (format && field->kind == FINQ_FIELD_TEXT)
            rule_put(rules, field, "format", format, pool);
        if (is_verbatim(field))
            limits_put(rules, field, text_limits, pool);
        if (field->kind == FINQ_FIELD_NUMBER)
            limits_put(rules, field, number_limits, pool);
    }
    return json_object_size(rules) ? finq_json_text(rules, pool) : NULL;
}
