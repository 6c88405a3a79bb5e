/* Faults. Seen red: escaping dropped; the pointer's bound moved; FINQ_FAULT_MAX + 1; the cut at any byte. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <apr_general.h>
#include <string.h>

#include "ground/fault.h"
#include "json/json.h"

static apr_pool_t *pool;

static void places_are_json_pointers(void **state)
{
    finq_path steps = {NULL, "steps", 0}, second = {&steps, NULL, 12}, name = {&second, "a/b~c", 0};
    (void)state;
    assert_string_equal(finq_fault_pointer(NULL, pool), "");
    assert_string_equal(finq_fault_pointer(&name, pool), "/steps/12/a~1b~0c");
    finq_path empty = {NULL, "", 0};
    assert_string_equal(finq_fault_pointer(&empty, pool), "/");
}

static void long_pointers_are_cut_between_characters(void **state)
{
    char name[2001];
    finq_path place = {NULL, name, 0};
    (void)state;
    for (size_t shift = 0; shift < 4; shift++) {
        memset(name, 'x', 4);
        for (size_t i = shift; i + 4 < sizeof name; i += 4)
            memcpy(name + i, "\xf0\x9f\x90\xb2", 4);
        name[1996] = '\0';
        const char *text = finq_fault_pointer(&place, pool);
        json_t *json = json_string(text); /* NULL unless it is UTF-8 */
        assert_non_null(json);
        json_decref(json);
        assert_in_range(strlen(text), FINQ_FAULT_POINTER - 8, FINQ_FAULT_POINTER);
        assert_string_equal(text + strlen(text) - 3, "...");
    }
    memset(name, 'x', sizeof name - 1);
    assert_int_equal(strlen(finq_fault_pointer(&place, pool)), FINQ_FAULT_POINTER);
}

static void faults_are_gathered_once_a_place_up_to_a_limit(void **state)
{
    finq_faults faults = {pool, NULL};
    (void)state;
    assert_null(finq_fault_error(&faults, "x"));
    for (apr_size_t i = 0; i < 100; i++) {
        finq_path place = {NULL, NULL, i / 2};
        finq_fault_note(&faults, &place, "is wrong in way %d", (int)i);
    }
    assert_true(finq_fault_full(&faults));
    finq_error *error = finq_fault_error(&faults, "The thing is wrong");
    assert_int_equal(error->code, FINQ_E_INVALID_INPUT);
    assert_string_equal(error->message, "The thing is wrong at 32 places: see details.");
    assert_int_equal(error->details->nelts, FINQ_FAULT_MAX);
    assert_string_equal(APR_ARRAY_IDX(error->details, 1, finq_detail).message, "is wrong in way 2");
}

static void another_readings_faults_are_adopted(void **state)
{
    finq_faults inner = {pool, NULL}, outer = {pool, NULL};
    finq_path here = {NULL, "schema", 0}, there = {NULL, "type", 0};
    (void)state;
    finq_fault_note(&inner, &there, "is odd");
    finq_fault_adopt(&outer, &here, inner.list);
    assert_string_equal(APR_ARRAY_IDX(outer.list, 0, finq_detail).field, "/schema/type");
    assert_string_equal(finq_fault_error(&outer, "It is wrong")->message, "It is wrong at 1 place: see details.");
}

int main(void)
{
    apr_initialize();
    apr_pool_create(&pool, NULL);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(places_are_json_pointers),
        cmocka_unit_test(long_pointers_are_cut_between_characters),
        cmocka_unit_test(faults_are_gathered_once_a_place_up_to_a_limit),
        cmocka_unit_test(another_readings_faults_are_adopted),
    };
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    apr_terminate();
    return failed;
}
