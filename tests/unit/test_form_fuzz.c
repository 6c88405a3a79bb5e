/* Schemas and values mutated at random (the same way in every run): whatever comes, an answer comes, and in
 * time. Worth most in a build with -fsanitize=address,undefined. Seen red there: half a percent-encoding
 * in $ref read on; a type that is no name given a noun. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <apr_general.h>
#include <apr_time.h>
#include <string.h>

#include "cpu_clock.h"
#include "form/form.h"
#include "skills/skill.h"

enum { ROUNDS = 15000 };

#define COUNT(array) (sizeof(array) / sizeof *(array))

static apr_pool_t *root;
static uint64_t seed;

static unsigned roll(unsigned sides)
{
    seed = seed * 6364136223846793005ULL + 1442695040888963407ULL;
    return (unsigned)(seed >> 33) % sides;
}

static const char *const schemas[] = {
    "{\"type\":\"object\",\"required\":[\"value\"],\"additionalProperties\":false,\"properties\":{\"value\":"
    "{\"type\":\"string\",\"pattern\":\"^[0-9]{1,12}$\"},\"list\":{\"items\":{\"$ref\":\"#/$defs/n\"},"
    "\"uniqueItems\":true,\"maxItems\":5}}, \"$defs\":{\"n\":{\"multipleOf\":0.01,\"minimum\":-5}}}",
    "{\"oneOf\":[{\"const\":{\"value\":\"12\"}},{\"enum\":[1,2.5,null]},{\"not\":{\"type\":[\"object\","
    "\"array\"]}}],"
    "\"if\":{\"format\":\"email\"},\"then\":{\"minLength\":3},\"else\":{\"$ref\":\"#/$defs/x\"},"
    "\"$defs\":{\"x\":{\"properties\":{\"list\":{\"$ref\":\"#/$defs/x\"}}}}}",
    "{\"prefixItems\":[{\"format\":\"date-time\"},{\"format\":\"iban\"},{\"format\":\"uri\"},{\"format\":"
    "\"date\"}],"
    "\"items\":{\"anyOf\":[{\"pattern\":\"(\\\\w+\\\\s?)*[^\\\\s\\\\u00e9]$\"},{\"format\":\"uuid\"}]}}",
    "{\"name\":\"xyz_sbx_#3.0\",\"title\":\"t\",\"type\":\"marketplace\",\"environment\":\"sandbox\","
    "\"servicer\":"
    "{\"name\":\"n\",\"country\":\"c\"},\"steps\":[{\"name\":\"a\",\"schema\":{\"type\":\"object\"},"
    "\"uploads\":"
    "[{\"document\":\"d\",\"required\":true,\"media_types\":[\"image/png\"],\"max_bytes\":10}]}]}",
};

static const char *const values[] = {
    "{\"value\":\"12\",\"list\":[1,1.0,0.02,{\"list\":[]}]}",
    "[\"1998-12-31T23:59:60Z\",\"RO49AAAA1B31007593840000\",\"http://[::1]:80/a?b#c\",\"2024-02-29\",\"aaaa "
    "aaaa aa!\"]",
    "\"joe@[IPv6:::1]\"",
    "-1.5e300",
    "{\"$ref\":\"#/$defs/x\",\"list\":[null,true,\"#/$defs/%4\",\"number\",\"\",0,-1,{\"$ref\":\"#/$defs/"
    "n\"}]}",
};

/* Splices of syntax and keywords find more than single bytes do. */
static const char *const pieces[] = {
    "{",
    "}",
    "[",
    "]",
    "\"",
    "\\\\",
    "\\u00e9",
    "(",
    ")",
    "*",
    "+",
    "?",
    "|",
    "{2,3}",
    ".",
    "-",
    "1e308",
    "0",
    "null",
    "true",
    "{}",
    "[]",
    "\"$ref\":\"#/$defs/n\",",
    "\"not\":",
    "\"items\":",
    "(?=",
    "(?<n>",
    "\\\\k<n>",
    "\\\\s",
    "[^",
    "\\\\u{1f600}",
    "%41",
    "@",
    ":",
    "//",
    "\xc3\xa9",
};

static size_t mutate(char *text, size_t length, size_t room)
{
    for (unsigned count = 1 + roll(4); count > 0; count--) {
        size_t at = roll((unsigned)length + 1), cut = roll(4) == 0 ? roll(8) : 0;
        const char *piece = pieces[roll(COUNT(pieces))];
        cut = cut > length - at ? length - at : cut;
        if (length + strlen(piece) >= room)
            return length;
        memmove(text + at + strlen(piece), text + at + cut, length - at - cut);
        memcpy(text + at, piece, strlen(piece));
        length += strlen(piece) - cut;
    }
    return length;
}

static json_t *child_at(json_t *container, unsigned index, const char **name)
{
    void *iterator = json_object_iter(container);
    *name = NULL;
    if (json_is_array(container))
        return json_array_get(container, index);
    for (; index > 0; index--)
        iterator = json_object_iter_next(container, iterator);
    *name = json_object_iter_key(iterator);
    return json_object_iter_value(iterator);
}

static unsigned size_of(const json_t *value)
{
    return (unsigned)(json_is_array(value) ? json_array_size(value) : json_object_size(value));
}

/* Some value inside `from`, or all of it. */
static json_t *scion(json_t *from)
{
    const char *name;
    while (size_of(from) && roll(4))
        from = child_at(from, roll(size_of(from)), &name);
    return json_deep_copy(from);
}

/* Puts a value of another document in the place of one of `into`'s, under the same name or index. */
static void graft(json_t *into, json_t *from)
{
    const char *name;
    unsigned count = size_of(into), index = count ? roll(count) : 0;
    if (!count)
        return;
    json_t *child = child_at(into, index, &name);
    if (size_of(child) && roll(3))
        graft(child, from);
    else if (name)
        json_object_set_new(into, name, scion(from));
    else
        json_array_set_new(into, index, scion(from));
}

static json_t *load(const char *text, size_t length, apr_pool_t *pool)
{
    return finq_json_own(json_loadb(text, length, JSON_REJECT_DUPLICATES | JSON_DECODE_ANY, NULL), pool);
}

/* A mutant that is still JSON, or NULL: its bytes changed, or its values, or nothing. */
static json_t *mutant(const char *text, apr_pool_t *pool)
{
    char buffer[2048];
    size_t length = strlen(text);
    unsigned way = roll(5);
    memcpy(buffer, text, length);
    if (way < 2)
        length = mutate(buffer, length, sizeof buffer);
    json_t *json = load(buffer, length, pool);
    for (unsigned grafts = way < 4 ? roll(4) : 0; json && grafts > 0; grafts--) {
        const char *other = roll(2) ? schemas[roll(COUNT(schemas))] : values[roll(COUNT(values))];
        graft(json, load(other, strlen(other), pool));
    }
    return json;
}

static int try_once(apr_pool_t *pool)
{
    const json_t *schema = mutant(schemas[roll(COUNT(schemas))], pool);
    const json_t *value = mutant(values[roll(COUNT(values))], pool);
    finq_form *form;
    finq_skill *skill;
    if (!schema)
        return 0;
    finq_error *error = finq_skill_compile(&skill, schema, pool);
    assert_true(!error || (error->code == FINQ_E_INVALID_INPUT && error->details->nelts > 0));
    error = finq_form_compile(&form, schema, pool);
    assert_true(!error || (error->code == FINQ_E_INVALID_INPUT && error->details->nelts > 0));
    if (error || !value)
        return 0;
    error = finq_form_check(form, value, NULL, pool);
    assert_true(!error || (error->code == FINQ_E_INVALID_INPUT && error->details->nelts > 0));
    return 1;
}

static void random_schemas_and_values_get_an_answer(void **state)
{
    int checked = 0;
    (void)state;
    for (int i = 0; i < ROUNDS; i++) {
        apr_pool_t *pool;
        apr_time_t start = cpu_time();
        seed = (uint64_t)i * 7919 + 1;
        apr_pool_create(&pool, root);
        checked += try_once(pool);
        apr_pool_destroy(pool);
        if (cpu_time() - start > apr_time_from_sec(1))
            fail_msg("round %d took over a second", i);
    }
    print_message("%d values checked\n", checked);
    assert_true(checked > ROUNDS / 20);
}

/* Patterns alone: most mutants are refused, none may do harm. */
static void random_patterns_get_an_answer(void **state)
{
    static const char start[] = "^(a+|[\\s\\-b]{2,}?)(?<n>\\u0041|.)*\\k<n>\\1$";
    (void)state;
    for (int i = 0; i < ROUNDS; i++) {
        apr_pool_t *pool;
        char text[512];
        size_t length = sizeof start - 1;
        seed = (uint64_t)i * 104729 + 3;
        memcpy(text, start, length);
        length = mutate(text, length, sizeof text);
        apr_pool_create(&pool, root);
        json_t *schema = finq_json_own(json_pack("{s:s%}", "pattern", text, length), pool);
        json_t *value = finq_json_own(json_string("aaab -b -bAAAzA"), pool);
        finq_form *form;
        if (schema && !finq_form_compile(&form, schema, pool))
            finq_form_check(form, value, NULL, pool);
        apr_pool_destroy(pool);
    }
}

int main(void)
{
    apr_initialize();
    apr_pool_create(&root, NULL);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(random_schemas_and_values_get_an_answer),
        cmocka_unit_test(random_patterns_get_an_answer),
    };
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    apr_terminate();
    return failed;
}
