/* The public JSON Schema test suite (draft 7's files, told in 2020-12's words) and this project's own cases.
 *
 * Seen red: `minimum` compared with <=; 1.0 refused as integer; give_up silent where the check is quiet;
 * bytes counted as characters; the work never ending, in form_check.c and in form_value.c; `false` allowing;
 * chain_of not looking below; FORM_CHAIN_MAX and SCHEMA_DEPTH_MAX raised; equality by json_equal; an order
 * among members in hashes; unknown keywords ignored; $defs anywhere; $ref deeper than $defs; days, leap
 * seconds, the IBAN's remainder and length unseen; an entry of the skip list removed, or one added. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <apr_file_info.h>
#include <apr_general.h>
#include <apr_strings.h>
#include <apr_time.h>
#include <stdlib.h>
#include <string.h>

#include "cpu_clock.h"
#include "form/form.h"

#ifndef SCHEMA_SUITE
#define SCHEMA_SUITE "/usr/share/json-schema-test-suite/tests/draft7"
#endif
#define OWN "tests/unit/data/form"

/* Groups whose schema the subset refuses, and no others. */
static const char *const skips[][2] = {
    {"additionalProperties.json", "additionalProperties being false does not allow other properties"},
    {"additionalProperties.json", "non-ASCII pattern with additionalProperties"},
    {"contains.json", "contains keyword validation"},
    {"contains.json", "contains keyword with boolean schema false"},
    {"contains.json", "contains keyword with boolean schema true"},
    {"contains.json", "contains keyword with const keyword"},
    {"content.json", "validation of binary string-encoding"},
    {"content.json", "validation of binary-encoded media type documents"},
    {"content.json", "validation of string-encoded content based on media type"},
    {"definitions.json", "invalid definition"},
    {"definitions.json", "valid definition"},
    {"dependencies.json", "dependencies with boolean subschemas"},
    {"dependencies.json", "dependencies with empty array"},
    {"dependencies.json", "dependencies"},
    {"dependencies.json", "multiple dependencies subschema"},
    {"dependencies.json", "multiple dependencies"},
    {"ecmascript-regex.json", "ECMA 262 regex non-compliance"},
    {"hostname.json", "validation of host names"},
    {"idn-email.json", "validation of an internationalized e-mail addresses"},
    {"idn-hostname.json", "validation of internationalized host names"},
    {"ipv4.json", "validation of IP addresses"},
    {"ipv6.json", "validation of IPv6 addresses"},
    {"iri-reference.json", "validation of IRI References"},
    {"iri.json", "validation of IRIs"},
    {"json-pointer.json", "validation of JSON-pointers (JSON String Representation)"},
    {"patternProperties.json", "multiple simultaneous patternProperties are validated"},
    {"patternProperties.json", "patternProperties validates properties matching a regex"},
    {"patternProperties.json", "patternProperties with boolean schemas"},
    {"patternProperties.json", "regexes are not anchored by default and are case sensitive"},
    {"properties.json", "properties, patternProperties, additionalProperties interaction"},
    {"propertyNames.json", "propertyNames validation"},
    {"propertyNames.json", "propertyNames with boolean schema false"},
    {"propertyNames.json", "propertyNames with boolean schema true"},
    {"ref.json", "Recursive references between schemas"},
    {"ref.json", "escaped pointer ref"},
    {"ref.json", "relative pointer ref to array"},
    {"ref.json", "relative pointer ref to object"},
    {"ref.json", "remote ref, containing refs itself"},
    {"ref.json", "root pointer ref"},
    {"refRemote.json", "base URI change - change folder in subschema"},
    {"refRemote.json", "base URI change - change folder"},
    {"refRemote.json", "base URI change"},
    {"refRemote.json", "fragment within remote ref"},
    {"refRemote.json", "ref within remote ref"},
    {"refRemote.json", "remote ref"},
    {"refRemote.json", "root ref in remote ref"},
    {"regex.json", "validation of regular expressions"},
    {"relative-json-pointer.json", "validation of Relative JSON Pointers (RJP)"},
    {"time.json", "validation of time strings"},
    {"uri-reference.json", "validation of URI References"},
    {"uri-template.json", "format: uri-template"},
};

static apr_pool_t *pool;

static json_t *load(const char *path)
{
    json_error_t error;
    json_t *json = json_load_file(path, JSON_DECODE_ANY, &error);
    if (!json)
        fail_msg("%s: %s (line %d)", path, error.text, error.line);
    return finq_json_own(json, pool);
}

/* What draft 7 says otherwise than 2020-12. */
static json_t *translate(const json_t *schema);

static json_t *translate_list(const json_t *list)
{
    json_t *to = json_array(), *item;
    size_t i;
    json_array_foreach((json_t *)list, i, item) json_array_append_new(to, translate(item));
    return to;
}

static json_t *translate_map(const json_t *map)
{
    json_t *to = json_object(), *item;
    const char *name;
    json_object_foreach((json_t *)map, name, item) json_object_set_new(to, name, translate(item));
    return to;
}

static json_t *translate_ref(const json_t *ref)
{
    const char *text = json_string_value(ref), *old = "#/definitions/";
    if (strncmp(text, old, strlen(old)) != 0)
        return json_deep_copy(ref);
    return json_string(apr_pstrcat(pool, "#/$defs/", text + strlen(old), NULL));
}

static void translate_items(json_t *to, const json_t *schema)
{
    const json_t *items = json_object_get(schema, "items"), *additional = json_object_get(schema, "additionalItems");
    if (json_is_array(items)) {
        json_object_set_new(to, "prefixItems", translate_list(items));
        if (additional)
            json_object_set_new(to, "items", translate(additional));
    } else if (items) {
        json_object_set_new(to, "items", translate(items));
    }
}

static int is_one_of(const char *name, const char *const *names)
{
    while (*names && strcmp(*names, name) != 0)
        names++;
    return *names != NULL;
}

static void translate_member(json_t *to, const char *name, const json_t *value)
{
    static const char *const maps[] = {"properties", NULL}, *const lists[] = {"allOf", "anyOf", "oneOf", NULL},
                             *const singles[] = {"not", "if", "then", "else", "additionalProperties", NULL},
                             *const items[] = {"items", "additionalItems", NULL};
    if (strcmp(name, "definitions") == 0)
        json_object_set_new(to, "$defs", translate_map(value));
    else if (strcmp(name, "$ref") == 0)
        json_object_set_new(to, name, translate_ref(value));
    else if (is_one_of(name, maps))
        json_object_set_new(to, name, translate_map(value));
    else if (is_one_of(name, lists))
        json_object_set_new(to, name, translate_list(value));
    else if (is_one_of(name, singles))
        json_object_set_new(to, name, translate(value));
    else if (!is_one_of(name, items))
        json_object_set_new(to, name, json_deep_copy(value));
}

static json_t *translate(const json_t *schema)
{
    const json_t *ref = json_object_get(schema, "$ref");
    json_t *to, *value;
    const char *name;
    if (!json_is_object(schema))
        return json_deep_copy(schema);
    to = json_object();
    json_object_foreach((json_t *)schema, name, value)
    {
        if (!json_is_string(ref) || name[0] == '$' || strcmp(name, "definitions") == 0) /* others stood ignored */
            translate_member(to, name, value);
    }
    if (!ref)
        translate_items(to, schema);
    return to;
}

static const char *text_of(const json_t *object, const char *name)
{
    return json_string_value(json_object_get(object, name));
}

static const finq_detail *detail_of(const finq_error *error, const char *field)
{
    for (int i = 0; field && i < error->details->nelts; i++) {
        if (strcmp(APR_ARRAY_IDX(error->details, i, finq_detail).field, field) == 0)
            return &APR_ARRAY_IDX(error->details, i, finq_detail);
    }
    return NULL;
}

static void expect_limit(const json_t *test, const finq_detail *detail)
{
    const json_t *keyword = json_object_get(test, "keyword");
    const char *limit = finq_json_text(json_object_get(test, "limit"), pool);
    if (!keyword)
        return;
    if (strcmp(finq_json_text(keyword, pool), detail->keyword ? apr_psprintf(pool, "\"%s\"", detail->keyword) : "null") != 0)
        fail_msg("%s: keyword %s", text_of(test, "description"), detail->keyword);
    if (strcmp(limit, detail->limit ? detail->limit : "null") != 0)
        fail_msg("%s: limit %s", text_of(test, "description"), detail->limit);
}

/* Own cases may name the place (`field`), the message that the refusal must have, and the keyword with its limit. */
static void expect_detail(const json_t *test, const finq_error *error)
{
    const char *field = text_of(test, "field"), *message = text_of(test, "message");
    const finq_detail *detail = detail_of(error, field);
    assert_int_equal(error->code, FINQ_E_INVALID_INPUT);
    assert_in_range(error->details->nelts, 1, 32);
    if (field && !detail)
        fail_msg("%s: no detail for \"%s\", the first is \"%s\" %s", text_of(test, "description"), field,
                 APR_ARRAY_IDX(error->details, 0, finq_detail).field, APR_ARRAY_IDX(error->details, 0, finq_detail).message);
    if (message && strcmp(detail->message, message) != 0)
        fail_msg("%s: said \"%s\"", text_of(test, "description"), detail->message);
    if (detail)
        expect_limit(test, detail);
}

/* "sequence": the data is the array 0, 1, 2 ... of that many items, and then "last". */
static const json_t *sequence_of(const json_t *test, json_int_t count)
{
    json_t *array = finq_json_own(json_array(), pool), *last = json_object_get(test, "last");
    for (json_int_t i = 0; i < count; i++)
        json_array_append_new(array, json_integer(i));
    if (last)
        json_array_append(array, last);
    return array;
}

/* Own cases may spell large data shortly. "repeat": it is that string, so many "times", and then "after". */
static const json_t *data_of(const json_t *test)
{
    const json_t *repeat = json_object_get(test, "repeat"), *sequence = json_object_get(test, "sequence");
    json_int_t times = json_integer_value(json_object_get(test, "times"));
    if (sequence)
        return sequence_of(test, json_integer_value(sequence));
    if (!repeat)
        return json_object_get(test, "data");
    size_t length = json_string_length(repeat);
    const char *after = text_of(test, "after") ? text_of(test, "after") : "";
    char *text = apr_palloc(pool, length * (size_t)times + strlen(after) + 1);
    for (json_int_t i = 0; i < times; i++)
        memcpy(text + (size_t)i * length, json_string_value(repeat), length);
    strcpy(text + length * (size_t)times, after);
    return finq_json_own(json_string(text), pool);
}

static void run_case(const finq_form *form, const json_t *test, const char *where)
{
    apr_time_t start = cpu_time();
    finq_error *error = finq_form_check(form, data_of(test), NULL, pool);
    if (cpu_time() - start > apr_time_from_msec(500))
        fail_msg("%s: %s: took %d ms", where, text_of(test, "description"), (int)apr_time_as_msec(cpu_time() - start));
    if (!error != json_is_true(json_object_get(test, "valid")))
        fail_msg("%s: %s: %s", where, text_of(test, "description"),
                 error ? APR_ARRAY_IDX(error->details, 0, finq_detail).message : "accepted");
    if (error)
        expect_detail(test, error);
}

static int is_skipped(const char *file, const char *group)
{
    for (size_t i = 0; i < sizeof skips / sizeof *skips; i++) {
        if (strcmp(skips[i][0], file) == 0 && strcmp(skips[i][1], group) == 0)
            return 1;
    }
    return 0;
}

static int run_suite_group(const char *file, const json_t *group)
{
    const char *name = text_of(group, "description");
    json_t *schema = finq_json_own(translate(json_object_get(group, "schema")), pool), *test;
    finq_form *form;
    size_t i;
    finq_error *error = finq_form_compile(&form, schema, pool);
    if (error && getenv("SHOW_SKIPS"))
        printf("    {\"%s\", \"%s\"},\n", file, name);
    else if (!error != !is_skipped(file, name))
        fail_msg("%s: %s: %s", file, name, error ? "refused, and not on the skip list" : "on the skip list, but compiles");
    if (error)
        return 0;
    json_array_foreach(json_object_get(group, "tests"), i, test) run_case(form, test, apr_psprintf(pool, "%s: %s", file, name));
    return (int)json_array_size(json_object_get(group, "tests"));
}

static int run_suite_file(const char *folder, const char *file)
{
    int count = 0;
    size_t i;
    json_t *group, *groups = load(apr_psprintf(pool, "%s/%s", folder, file));
    json_array_foreach(groups, i, group) count += run_suite_group(file, group);
    return count;
}

static apr_array_header_t *files_in(const char *folder)
{
    apr_array_header_t *files = apr_array_make(pool, 64, sizeof(char *));
    apr_dir_t *dir;
    apr_finfo_t info;
    if (apr_dir_open(&dir, folder, pool) != APR_SUCCESS)
        fail_msg("%s is missing (Debian package json-schema-test-suite)", folder);
    while (apr_dir_read(&info, APR_FINFO_NAME | APR_FINFO_TYPE, dir) == APR_SUCCESS) {
        const char *end = strrchr(info.name, '.');
        if (end && strcmp(end, ".json") == 0)
            APR_ARRAY_PUSH(files, const char *) = apr_pstrdup(pool, info.name);
    }
    apr_dir_close(dir);
    return files;
}

static int run_suite_folder(const char *folder, const char *but)
{
    apr_array_header_t *files = files_in(folder);
    int count = 0;
    for (int i = 0; i < files->nelts; i++) {
        const char *file = APR_ARRAY_IDX(files, i, const char *);
        if (!but || strcmp(file, but) != 0)
            count += run_suite_file(folder, file);
    }
    return count;
}

/* optional/bignum.json is left out: it holds numbers that no request may hold either (invalid_body). */
static void the_public_suite_passes(void **state)
{
    const char *suite = getenv("FINQ_SCHEMA_SUITE") ? getenv("FINQ_SCHEMA_SUITE") : SCHEMA_SUITE;
    int count = run_suite_folder(suite, NULL);
    (void)state;
    count += run_suite_folder(apr_pstrcat(pool, suite, "/optional", NULL), "bignum.json");
    count += run_suite_folder(apr_pstrcat(pool, suite, "/optional/format", NULL), NULL);
    print_message("%d cases of the public suite\n", count);
    assert_true(count >= 338);
}

static void run_own_group(const char *file, const json_t *group)
{
    const char *refused = text_of(group, "refused"), *name = text_of(group, "description");
    const char *where = apr_psprintf(pool, "%s: %s", file, name);
    finq_form *form;
    json_t *test;
    size_t i;
    finq_error *error = finq_form_compile(&form, json_object_get(group, "schema"), pool);
    if (!error != !refused)
        fail_msg("%s: %s", where, error ? APR_ARRAY_IDX(error->details, 0, finq_detail).message : "accepted");
    if (error && !detail_of(error, refused))
        fail_msg("%s: refused at \"%s\"", where, APR_ARRAY_IDX(error->details, 0, finq_detail).field);
    json_array_foreach(json_object_get(group, "tests"), i, test) run_case(form, test, where);
}

static void the_own_cases_pass(void **state)
{
    apr_array_header_t *files = files_in(OWN);
    (void)state;
    assert_true(files->nelts >= 5);
    for (int i = 0; i < files->nelts; i++) {
        size_t j;
        const char *file = APR_ARRAY_IDX(files, i, const char *);
        json_t *group, *groups = load(apr_psprintf(pool, "%s/%s", OWN, file));
        json_array_foreach(groups, j, group) run_own_group(file, group);
    }
}

int main(void)
{
    apr_initialize();
    apr_pool_create(&pool, NULL);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_public_suite_passes),
        cmocka_unit_test(the_own_cases_pass),
    };
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    apr_terminate();
    return failed;
}
