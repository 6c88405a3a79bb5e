/* Skills: the demonstration's compile to what they say; each bad definition is refused at its own place and
 * no other.
 *
 * Seen red: check_unique seeing nothing; `required` ignored; unknown members ignored; any media type, and one
 * twice; no limit for max_bytes; the schema's faults not adopted; branches to the step itself, backwards, to no step;
 * 17 branches, 15 at most, none; any text as a connector or a review; `when` ignored; the last branch that fits
 * taken; no end behind the last step; each fault of ui.c not noted. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <apr_file_info.h>
#include <apr_general.h>
#include <apr_strings.h>
#include <string.h>

#include "skills/skill.h"

#define DEMO "conf/skills/"
#define BAD "tests/unit/data/skill/bad"
#define BRANCHES "tests/unit/data/skill/branches.json"

static apr_pool_t *pool;

static json_t *load(const char *path)
{
    json_error_t error;
    json_t *json = json_load_file(path, JSON_REJECT_DUPLICATES, &error);
    if (!json)
        fail_msg("%s: %s", path, error.text);
    return json;
}

/* The definition is released before the skill is used: the skill must hold nothing of it. */
static const finq_skill *compile(const char *file)
{
    finq_skill *skill;
    json_t *definition = load(file);
    finq_error *error = finq_skill_compile(&skill, definition, pool);
    if (error)
        fail_msg("%s: %s %s", file, APR_ARRAY_IDX(error->details, 0, finq_detail).field,
                 APR_ARRAY_IDX(error->details, 0, finq_detail).message);
    json_decref(definition);
    return skill;
}

static json_t *parse(const char *text)
{
    json_t *data;
    assert_null(finq_json_parse(&data, NULL, text, strlen(text), pool));
    return data;
}

static finq_error *check(const finq_skill *skill, int step, const char *text)
{
    return finq_form_check(skill->steps[step].form, parse(text), NULL, pool);
}

static void the_deposit_is_what_it_says(void **state)
{
    const finq_skill *skill = compile(DEMO "xyz_sbx_3.0.json");
    const finq_skill_upload *back = finq_skill_upload_find(&skill->steps[0], "id_back");
    (void)state;
    assert_string_equal(skill->name, "xyz_sbx_#3.0");
    assert_string_equal(skill->title, "Bank deposit");
    assert_string_equal(skill->type, "marketplace");
    assert_string_equal(skill->environment, "sandbox");
    assert_string_equal(skill->servicer_name, "XYZ Bank");
    assert_string_equal(skill->servicer_country, "Romania");
    assert_int_equal(skill->step_count, 3);
    assert_int_equal(finq_skill_step_find(skill, "consent_form"), 2);
    assert_int_equal(finq_skill_step_find(skill, "consent"), -1);
    assert_true(skill->steps[2].last && !skill->steps[1].last && !skill->steps[0].last);
    assert_int_equal(skill->steps[0].upload_count, 2);
    assert_int_equal(skill->steps[1].upload_count, 1);
    assert_int_equal(skill->steps[2].upload_count, 0);
    assert_false(back->required);
    assert_true(finq_skill_upload_find(&skill->steps[0], "id_front")->required);
    assert_null(finq_skill_upload_find(&skill->steps[2], "id_front"));
    assert_int_equal(back->max_bytes, 10485760);
    assert_string_equal(back->media_types[2], "application/pdf");
    assert_null(back->media_types[3]);
    assert_null(check(skill, 0, "{\"value\":\"1000\",\"currency\":\"EUR\",\"period\":\"12\"}"));
    finq_error *error = check(skill, 0, "{\"value\":1000,\"currency\":\"USD\",\"x\":1}");
    assert_int_equal(error->details->nelts, 4);
    assert_null(check(skill, 1,
                      "{\"first_name\":\"Ana\",\"last_name\":\"Pop\",\"birth_date\":\"1990-02-28\","
                      "\"email\":\"ana@example.com\",\"iban\":\"RO49AAAA1B31007593840000\"}"));
    assert_null(check(skill, 2, "{\"terms\":true}"));
    assert_non_null(check(skill, 2, "{\"terms\":false}"));
}

static void the_account_skill_takes_empty_data(void **state)
{
    const finq_skill *skill = compile(DEMO "xyz_aisp_sbx_1.0.json");
    (void)state;
    assert_string_equal(skill->name, "xyz_aisp_sbx_#1.0");
    assert_string_equal(skill->type, "account_information");
    assert_int_equal(skill->step_count, 1);
    assert_string_equal(skill->steps[0].name, "sca_implicit");
    assert_true(skill->steps[0].last);
    assert_null(check(skill, 0, "{}"));
    assert_non_null(check(skill, 0, "{\"a\":1}"));
}

static void the_bank_skill_asks_a_connector(void **state)
{
    const finq_skill *skill = compile(DEMO "xyz_aisp_sbx_2.0.json");
    (void)state;
    assert_string_equal(skill->name, "xyz_aisp_sbx_#2.0");
    assert_int_equal(skill->step_count, 1);
    assert_string_equal(skill->steps[0].name, "sca");
    assert_string_equal(skill->steps[0].connector, "bank");
    assert_null(skill->steps[0].review);
    assert_null(check(skill, 0, "{\"psu_redirect_link\":\"myapp://back\",\"scenario\":\"pend\"}"));
    assert_non_null(check(skill, 0, "{\"scenario\":\"pend\"}"));
    assert_non_null(check(skill, 0, "{\"psu_redirect_link\":\"myapp://back\",\"scenario\":\"other\"}"));
}

static void the_card_skill_asks_for_three_documents(void **state)
{
    const finq_skill *skill = compile(DEMO "xyz_card_sbx_1.0.json");
    (void)state;
    assert_string_equal(skill->name, "xyz_card_sbx_#1.0");
    assert_int_equal(finq_skill_step_find(skill, "personal_data"), 0);
    assert_int_equal(finq_skill_step_find(skill, "product_form"), 1);
    assert_true(finq_skill_upload_find(&skill->steps[0], "id_front")->required);
    assert_true(finq_skill_upload_find(&skill->steps[0], "selfie")->required);
    assert_true(finq_skill_upload_find(&skill->steps[1], "income_proof")->required);
    assert_null(check(skill, 0,
                      "{\"first_name\":\"Ana\",\"last_name\":\"Pop\",\"birth_date\":\"1990-02-28\","
                      "\"email\":\"ana@example.com\",\"phone\":\"+40712345678\"}"));
    assert_null(check(skill, 1,
                      "{\"card\":\"gold\",\"limit\":1500,\"currency\":\"EUR\",\"monthly_income\":\"2100.50\","
                      "\"employment\":\"retired\",\"iban\":\"RO49AAAA1B31007593840000\"}"));
    finq_error *error = check(skill, 1,
                              "{\"card\":\"gold\",\"limit\":1500,\"currency\":\"EUR\",\"monthly_income\":\"2100.50\","
                              "\"employment\":\"employed\",\"iban\":\"RO49AAAA1B31007593840000\"}");
    assert_string_equal(APR_ARRAY_IDX(error->details, 0, finq_detail).field, "/employer");
}

/* What a definition shows as an example is what a developer sends first. */
static void every_example_fits_its_form(void **state)
{
    static const char *const files[] = {"xyz_sbx_3.0.json",      "xyz_aisp_sbx_1.0.json",    "xyz_aisp_sbx_2.0.json",
                                        "xyz_card_sbx_1.0.json", "xyz_deposit_sbx_1.0.json", "xyz_kyc_sbx_1.0.json"};
    (void)state;
    for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
        json_t *steps = json_object_get(finq_json_own(load(apr_pstrcat(pool, DEMO, files[i], NULL)), pool), "steps");
        const finq_skill *skill = compile(apr_pstrcat(pool, DEMO, files[i], NULL));
        for (size_t step = 0; step < json_array_size(steps); step++) {
            json_t *schema = json_object_get(json_array_get(steps, step), "schema");
            json_t *example = json_array_get(json_object_get(schema, "examples"), 0);
            assert_non_null(example);
            assert_null(finq_form_check(skill->steps[step].form, example, NULL, pool));
        }
    }
}

static void steps_say_who_decides_and_where_they_lead(void **state)
{
    const finq_skill *skill = compile(BRANCHES);
    (void)state;
    assert_string_equal(skill->steps[0].review, "offline");
    assert_null(skill->steps[0].connector);
    assert_string_equal(skill->steps[1].connector, "bank-1_b");
    assert_null(skill->steps[1].review);
    assert_int_equal(skill->steps[0].branch_count, 3);
    assert_string_equal(skill->steps[0].branches[0].step, "company");
    assert_int_equal(skill->steps[0].branches[0].place, 3);
    assert_null(skill->steps[0].branches[1].step);
    assert_int_equal(skill->steps[0].branches[1].place, 0);
    assert_null(skill->steps[1].branches[0].when);
    assert_int_equal(skill->steps[3].branch_count, FINQ_SKILL_MAX_BRANCHES);
    assert_int_equal(skill->steps[4].branch_count, 0);
}

/* The fourth of the third step's is a text that its condition's pattern could try for ever. */
static void the_first_branch_that_fits_is_taken(void **state)
{
    static const struct {
        int place, next;
        const char *data;
    } cases[] = {
        {1, 3, "{\"form\":{\"kind\":\"company\"}}"},
        {1, 3, "{\"form\":{\"kind\":\"company\",\"stop\":1}}"},
        {1, 0, "{\"form\":{\"kind\":\"person\",\"stop\":1}}"},
        {1, 4, "{\"form\":{\"kind\":\"person\"}}"},
        {1, 2, "{\"form\":{\"kind\":\"other\"}}"},
        {2, 5, "{\"form\":{\"kind\":\"company\"},\"plain\":{}}"},
        {3, 0, "{\"form\":{\"text\":\"b\"},\"company\":{}}"},
        {3, 4, "{\"form\":{\"text\":\"a\"},\"company\":{}}"},
        {3, 4, "{\"form\":{},\"company\":{\"text\":\"b\"}}"},
        {3, 4, "{\"form\":{\"text\":\"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaab\"},\"company\":{}}"},
        {4, 0, "{\"form\":{\"kind\":\"company\"},\"person\":{}}"},
        {4, 5, "{\"form\":{\"kind\":\"person\"},\"person\":{\"kind\":\"company\"}}"},
        {5, 0, "{\"form\":{\"kind\":\"company\"},\"consent\":{}}"},
    };
    const finq_skill *skill = compile(BRANCHES);
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        int next = finq_skill_next(skill, cases[i].place, parse(cases[i].data), NULL, pool);
        if (next != cases[i].next)
            fail_msg("step %d leads to %d, not to %d, with %s", cases[i].place, next, cases[i].next, cases[i].data);
    }
}

static void a_step_without_branches_needs_no_data(void **state)
{
    const finq_skill *skill = compile(DEMO "xyz_sbx_3.0.json");
    (void)state;
    assert_int_equal(finq_skill_next(skill, 1, NULL, NULL, pool), 2);
    assert_int_equal(finq_skill_next(skill, 2, NULL, NULL, pool), 3);
    assert_int_equal(finq_skill_next(skill, 3, NULL, NULL, pool), 0);
}

static void expect_refused(const char *file)
{
    finq_skill *skill;
    json_t *bad = finq_json_own(load(apr_pstrcat(pool, BAD "/", file, NULL)), pool);
    const char *pointer = json_string_value(json_object_get(bad, "pointer"));
    finq_error *error = finq_skill_compile(&skill, json_object_get(bad, "definition"), pool);
    if (!error)
        fail_msg("%s was compiled", file);
    assert_int_equal(error->code, FINQ_E_INVALID_INPUT);
    const char *field = APR_ARRAY_IDX(error->details, 0, finq_detail).field;
    if (error->details->nelts != 1 || strcmp(field, pointer) != 0)
        fail_msg("%s: %d faults, the first at \"%s\" %s", file, error->details->nelts, field,
                 APR_ARRAY_IDX(error->details, 0, finq_detail).message);
}

static void bad_definitions_are_refused_at_their_place(void **state)
{
    apr_dir_t *dir;
    apr_finfo_t info;
    int count = 0;
    (void)state;
    assert_int_equal(apr_dir_open(&dir, BAD, pool), APR_SUCCESS);
    while (apr_dir_read(&info, APR_FINFO_NAME, dir) == APR_SUCCESS) {
        if (info.name[0] != '.') {
            expect_refused(info.name);
            count++;
        }
    }
    apr_dir_close(dir);
    assert_true(count >= 93);
}

int main(void)
{
    apr_initialize();
    apr_pool_create(&pool, NULL);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_deposit_is_what_it_says),
        cmocka_unit_test(the_account_skill_takes_empty_data),
        cmocka_unit_test(the_bank_skill_asks_a_connector),
        cmocka_unit_test(the_card_skill_asks_for_three_documents),
        cmocka_unit_test(every_example_fits_its_form),
        cmocka_unit_test(steps_say_who_decides_and_where_they_lead),
        cmocka_unit_test(the_first_branch_that_fits_is_taken),
        cmocka_unit_test(a_step_without_branches_needs_no_data),
        cmocka_unit_test(bad_definitions_are_refused_at_their_place),
    };
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    apr_terminate();
    return failed;
}
