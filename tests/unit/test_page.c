#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <apr_general.h>
#include <apr_strings.h>
#include <string.h>

#include "form/form.h"
#include "page/handoff.h"
#include "page/problem.h"
#include "page/screen.h"
#include "../../src/page/field_html.h"

#define COUNT(of) (sizeof(of) / sizeof *(of))
#define XSS "<script>alert(1)</script>\"'&amp;"

static apr_pool_t *pool;
static finq_pages *built_in;

/* ---- HTML ---- */

static const char *escaped(const char *text)
{
    finq_html *to = finq_html_write(pool);
    finq_html_text(to, text);
    return finq_html_written(to);
}

/* Red: a row of escape_of left out; plain_length to 0x7f included. */
static void nothing_becomes_markup(void **state)
{
    static const char *const rows[][2] = {
        {"a < b & c", "a &lt; b &amp; c"},
        {"<!--", "&lt;!--"},
        {"\"x' >", "&quot;x&#39; &gt;"},
        {"\xc8\x9b", "\xc8\x9b"},
        {"a\x01\x7f\xc2\x85z", "a\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbdz"},
        {"\xff\xc3(", "\xef\xbf\xbd\xef\xbf\xbd("},
        {"\xed\xa0\x80", "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd"},
    };
    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++)
        assert_string_equal(escaped(rows[i][0]), rows[i][1]);
}

static const char *link_to(const char *address)
{
    finq_html *to = finq_html_write(pool);
    finq_html_open(to, "a");
    finq_html_put(to, "href", address);
    finq_html_put(to, "onclick", "x");
    finq_html_put(to, "style", "x");
    finq_html_text(to, "y");
    finq_html_close(to);
    return finq_html_written(to);
}

/* Red: `runs` without its passing over of blanks; is_never_put not asked. */
static void no_attribute_runs(void **state)
{
    static const char *const bad[] = {"javascript:alert(1)", " \tJaVa\nScript:x", "data:text/html,x", "\x01vbscript:x"};
    (void)state;
    for (size_t i = 0; i < COUNT(bad); i++)
        assert_string_equal(link_to(bad[i]), "<a>y</a>");
    assert_string_equal(link_to("https://x.example/?a=1&b=2"), "<a href=\"https://x.example/?a=1&amp;b=2\">y</a>");
    assert_string_equal(link_to("myapp://done"), "<a href=\"myapp://done\">y</a>");
}

static void elements_nest(void **state)
{
    finq_html *to = finq_html_write(pool), *piece = finq_html_write(pool);
    (void)state;
    finq_html_element(piece, "b", "c", XSS);
    finq_html_open(to, "p");
    finq_html_put(to, "class", NULL);
    finq_html_put_integer(to, "data-n", -3);
    finq_html_put_flag(to, "hidden", 1);
    finq_html_open(to, "input");
    finq_html_put_flag(to, "checked", 0);
    finq_html_close(to);
    finq_html_piece(to, piece);
    finq_html_put(to, "late", "is nothing");
    finq_html_close(to);
    assert_string_equal(finq_html_written(to), "<p data-n=\"-3\" hidden><input><b class=\"c\">"
                                               "&lt;script&gt;alert(1)&lt;/script&gt;&quot;&#39;&amp;amp;</b></p>");
}

/* ---- words ---- */

/* Whether a text has exactly the slots of another. */
static int has_slots_of(const char *text, const char *other)
{
    const char *open, *close;
    for (open = strchr(other, '{'); open && (close = strchr(open, '}')); open = strchr(close, '{')) {
        if (!strstr(text, apr_pstrmemdup(pool, open, (apr_size_t)(close - open) + 1)))
            return 0;
    }
    return 1;
}

/* Every language says everything, and fills the same slots. Red: a word, or a slot, taken out of one. */
static void languages_are_whole(void **state)
{
    json_t *english = finq_json_own(json_load_file("conf/pages/en.json", 0, NULL), pool);
    const char *name;
    json_t *text;
    (void)state;
    assert_int_equal(finq_pages_count(built_in), 5);
    for (int i = 0; i < finq_pages_count(built_in); i++) {
        const char *language = finq_words_language(finq_pages_at(built_in, i));
        json_t *words = finq_json_own(json_load_file(apr_pstrcat(pool, "conf/pages/", language, ".json", NULL), 0, NULL), pool);
        assert_int_equal(json_object_size(words), json_object_size(english));
        json_object_foreach(english, name, text)
        {
            const char *said = json_string_value(json_object_get(words, name));
            if (!said || !has_slots_of(said, json_string_value(text)) || !has_slots_of(json_string_value(text), said))
                fail_msg("%s: %s", language, name);
        }
    }
}

static void the_nearest_language_is_found(void **state)
{
    static const char *const rows[][2] = {{"ro-MD, de", "ro"}, {"xx, de;q=0.3", "de"}, {NULL, "en"},
                                          {"", "en"},          {"AR", "ar"},           {"zh", "en"}};
    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++)
        assert_string_equal(finq_words_language(finq_pages_words(built_in, rows[i][0], pool)), rows[i][1]);
}

/* ---- forms ---- */

typedef struct {
    finq_field_source source;
    const finq_field *form;
    finq_typed *typed;
} sheet;

static json_t *parsed(const char *text)
{
    json_error_t error;
    json_t *value = json_loads(text, 0, &error);
    if (!value)
        fail_msg("%s: %s", error.text, text);
    return finq_json_own(value, pool);
}

/* A skill of one step, whose form has these properties. */
static sheet sheet_of(const char *language, const char *schema)
{
    sheet *made = apr_palloc(pool, sizeof *made);
    const char *skill = apr_pstrcat(pool, "{\"steps\":[{\"name\":\"one\",\"schema\":", schema,
                                    "}],\"translations\":{\"ro\":{\"/steps/0/schema/properties/a/title\":\"Un titlu\"}}}", NULL);
    made->source = (finq_field_source){parsed(skill), 0, finq_pages_language(built_in, language), pool};
    made->form = finq_field_form(&made->source);
    made->typed = finq_typed_make(pool);
    return *made;
}

static const finq_field *member(const sheet *of, int place)
{
    return APR_ARRAY_IDX(of->form->fields, place, const finq_field *);
}

static const char *data_of(const sheet *of)
{
    static const finq_typed_own own = {"https://page.example/x", "2030-01-02T03:04:05Z"};
    return finq_typed_data(of->typed, of->form, &own);
}

#define PROPERTIES(text) "{\"type\":\"object\",\"required\":[\"r\"],\"properties\":{" text "}}"

static void schemas_become_fields(void **state)
{
    static const struct {
        const char *schema;
        finq_field_kind kind;
    } rows[] = {
        {"{\"type\":\"string\"}", FINQ_FIELD_TEXT},
        {"{\"pattern\":\"x\"}", FINQ_FIELD_TEXT},
        {"{\"type\":\"string\",\"maxLength\":256}", FINQ_FIELD_AREA},
        {"{\"type\":[\"null\",\"number\"]}", FINQ_FIELD_NUMBER},
        {"{\"minimum\":1}", FINQ_FIELD_NUMBER},
        {"{\"format\":\"date\",\"type\":\"string\"}", FINQ_FIELD_DATE},
        {"{\"format\":\"date-time\",\"type\":\"string\"}", FINQ_FIELD_MOMENT},
        {"{\"const\":true}", FINQ_FIELD_TICK},
        {"{\"const\":\"x\"}", FINQ_FIELD_FIXED},
        {"{\"type\":\"boolean\"}", FINQ_FIELD_TICK},
        {"{\"enum\":[1,2]}", FINQ_FIELD_RADIOS},
        {"{\"enum\":[1,2,3,4,5,6,7]}", FINQ_FIELD_SELECT},
        {"{\"anyOf\":[{\"const\":1,\"title\":\"One\"},{\"const\":2}]}", FINQ_FIELD_RADIOS},
        {"{\"allOf\":[{\"$ref\":\"#/$defs/n\"}]}", FINQ_FIELD_NUMBER},
        {"{\"type\":\"object\",\"properties\":{}}", FINQ_FIELD_GROUP},
        {"{\"type\":\"array\",\"items\":{\"enum\":[1]},\"uniqueItems\":true}", FINQ_FIELD_BOXES},
        {"{\"type\":\"array\",\"items\":{\"type\":\"string\"}}", FINQ_FIELD_ROWS},
        {"{\"prefixItems\":[{\"type\":\"string\"}]}", FINQ_FIELD_ROWS},
        {"{\"type\":\"string\",\"x-hidden\":true}", FINQ_FIELD_HIDDEN},
        {"{\"$ref\":\"#/$defs/self\"}", FINQ_FIELD_TEXT},
    };
    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        sheet of = sheet_of(
            "en",
            apr_pstrcat(pool,
                        "{\"$defs\":{\"n\":{\"type\":\"integer\"},\"self\":{\"$ref\":\"#/$defs/self\"}},\"properties\":{\"a\":",
                        rows[i].schema, "}}", NULL));
        if (member(&of, 0)->kind != rows[i].kind)
            fail_msg("%s is %d", rows[i].schema, member(&of, 0)->kind);
    }
    sheet yes_no = sheet_of("en", "{\"required\":[\"a\"],\"properties\":{\"a\":{\"type\":\"boolean\"}}}");
    assert_int_equal(member(&yes_no, 0)->kind, FINQ_FIELD_YES_NO);
    assert_int_equal(member(&yes_no, 0)->required, 1);
}

static void titles_are_translated(void **state)
{
    sheet of = sheet_of("ro", PROPERTIES("\"a\":{\"title\":\"A title\"},\"b_c\":{},\"d\":{\"title\":\"Only so\"}"));
    (void)state;
    assert_string_equal(member(&of, 0)->title, "Un titlu");
    assert_string_equal(member(&of, 1)->title, "B c");
    assert_string_equal(member(&of, 2)->title, "Only so");
}

/* Members of conditions are asked too, each once; "~" and "/" of names are escaped, and case counts. */
static void members_are_gathered(void **state)
{
    sheet of = sheet_of("en", "{\"properties\":{\"a\":{},\"A\":{},\"~/\":{}},\"if\":{\"properties\":{\"a\":{\"const\":1}}},"
                              "\"then\":{\"properties\":{\"t\":{}}},\"else\":{\"properties\":{\"e\":{}}},"
                              "\"allOf\":[{\"properties\":{\"o\":{}},\"required\":[\"o\"]}]}");
    (void)state;
    assert_int_equal(of.form->fields->nelts, 6);
    assert_string_equal(member(&of, 2)->pointer, "/~0~1");
    finq_typed_add(of.typed, "/a", "small");
    finq_typed_add(of.typed, "/A", "large");
    finq_typed_add(of.typed, "/~0~1", "odd");
    assert_string_equal(data_of(&of), "{\"a\":\"small\",\"A\":\"large\",\"~/\":\"odd\"}");
    for (int i = 0; i < 6; i++) {
        if (strcmp(member(&of, i)->name, "o") == 0)
            assert_int_equal(member(&of, i)->required, 1);
    }
}

#define BRANCHES                                                                                                                         \
    "{\"required\":[\"k\"],\"properties\":{\"k\":{\"enum\":[\"x\",\"y\",\"z\"]},\"p\":{},\"n\":{\"maxLength\":9}},\"allOf\":["           \
    "{\"if\":{\"properties\":{\"k\":{\"const\":\"x\"}},\"required\":[\"k\"]},\"then\":{\"required\":[\"p\"],\"properties\":{\"n\":{}}}," \
    "\"else\":{\"properties\":{\"e\":{\"const\":true}}}},"                                                                               \
    "{\"if\":{\"required\":[\"e\"],\"properties\":{\"e\":{\"const\":true}}},\"then\":{\"properties\":{\"d\":{\"$ref\":\"#/$defs/t\"}},"  \
    "\"required\":[\"d\"]}},{\"if\":{\"$ref\":\"#/$defs/z\"},\"then\":{\"properties\":{\"r\":{}}}}],"                                    \
    "\"$defs\":{\"t\":{\"type\":\"string\"},\"z\":{\"properties\":{\"k\":{\"const\":\"z\"}},\"required\":[\"k\"]}}}"

static const char *when_of(const sheet *of, const char *name)
{
    for (int i = 0; i < of->form->fields->nelts; i++) {
        const finq_field *field = member(of, i);
        if (strcmp(field->name, name) == 0)
            return field->when ? finq_field_when(field, of->form) : "always";
    }
    return "no member";
}

/* A member that a branch requires, or alone describes, is asked for where it does. Red: an `else` that holds where its `if` does; the
 * answers of members that are not asked for. */
static void branches_decide_what_is_asked_for(void **state)
{
    static const struct {
        const char *typed[8], *data;
        int lacks;
    } rows[] = {
        {{NULL}, "{}", 1},
        {{"/k", "x"}, "{\"k\":\"x\"}", 1},
        {{"/k", "x", "/p", "P", "/e", "true", "/d", "D"}, "{\"k\":\"x\",\"p\":\"P\"}", 0},
        {{"/k", "y", "/p", "P", "/e", "true", "/d", "D"}, "{\"k\":\"y\",\"e\":true,\"d\":\"D\"}", 0},
        {{"/k", "y", "shown", "/e"}, "{\"k\":\"y\"}", 0},
        {{"/k", "y", "/e", "true"}, "{\"k\":\"y\",\"e\":true}", 1},
        {{"/k", "z", "shown", "/e", "/r", "R"}, "{\"k\":\"z\",\"r\":\"R\"}", 0},
    };
    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        sheet of = sheet_of("en", BRANCHES);
        for (int j = 0; j < 8 && rows[i].typed[j]; j += 2)
            finq_typed_add(of.typed, rows[i].typed[j], rows[i].typed[j + 1]);
        assert_string_equal(data_of(&of), rows[i].data);
        assert_int_equal(finq_typed_lacks(of.typed, of.form), rows[i].lacks);
    }
}

/* Red: "" left out of what an `if` without `required` has. */
static void browsers_are_told_the_conditions(void **state)
{
    sheet of = sheet_of("en", BRANCHES);
    (void)state;
    assert_string_equal(when_of(&of, "k"), "always");
    assert_string_equal(when_of(&of, "n"), "always");
    assert_string_equal(when_of(&of, "p"), "[[[true,{\"/k\":[\"x\"]}]]]");
    assert_string_equal(when_of(&of, "e"), "[[[false,{\"/k\":[\"x\"]}]]]");
    assert_string_equal(when_of(&of, "d"), "[[[true,{\"/e\":[\"true\"]}]]]");
    assert_null(when_of(&of, "r"));
    of = sheet_of(
        "en",
        "{\"properties\":{\"b\":{\"type\":\"boolean\"},\"s\":{\"enum\":[1,2]}},\"if\":{\"properties\":{\"b\":{\"const\":false},"
        "\"s\":{\"enum\":[1]}}},\"then\":{\"properties\":{\"t\":{}}}}");
    assert_string_equal(when_of(&of, "t"), "[[[true,{\"/b\":[\"\"],\"/s\":[\"1\",\"\"]}]]]");
}

/* Red: English's decimal mark for all languages. */
static void numbers_are_read_as_people_write_them(void **state)
{
    static const struct {
        const char *language, *typed, *data;
    } rows[] = {
        {"en", "1,234.50", "1234.50"},
        {"de", "1.234,50", "1234.50"},
        {"de", "1 234", "1234"},
        {"fr",
         "1\xe2\x80\xaf"
         "234,5",
         "1234.5"},
        {"de", "5.000", "5000"},
        {"en", "5.000", "5.000"},
        {"de", "12.5", "12.5"},
        {"en", "12,5", "12.5"},
        {"en", " 007 ", "7"},
        {"en", "-0.5", "-0.5"},
        {"en", "ten", "\"ten\""},
        {"en", "1e3", "\"1e3\""},
        {"en", "1.", "\"1.\""},
        {"en", "123456789012345678901234567890", "123456789012345678901234567890"},
        {"de", "1.2.3", "\"1.2.3\""},
        {"en", "0", "0"},
        {"ar", "\xd9\xa1\xd9\xac\xd9\xa2\xd9\xa3\xd9\xa4\xd9\xab\xd9\xa5\xd9\xa0", "1234.50"}, /* ١٬٢٣٤٫٥٠ */
        {"ar", "\xdb\xb7\xdb\xb8", "78"},
    };
    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        sheet of = sheet_of(rows[i].language, PROPERTIES("\"a\":{\"type\":\"number\"}"));
        finq_typed_add(of.typed, "/a", rows[i].typed);
        assert_string_equal(data_of(&of), apr_pstrcat(pool, "{\"a\":", rows[i].data, "}", NULL));
    }
}

/* Each digit is kept, also where the data has a text; and what is no number stays as it was typed. Red without the case of texts in
 * is_number of field.c. */
static void amounts_are_texts_with_a_unit(void **state)
{
    static const struct {
        const char *language, *typed, *data, *shown, *answered;
    } rows[] = {
        {"en", "1,250.00", "1250.00", "1250.00", "1,250.00"},
        {"de", "1.250,00", "1250.00", "1250,00", "1.250,00"},
        {"ro", "1234567,5", "1234567.5", "1234567,5", "1.234.567,5"},
        {"fr", "1 250,10", "1250.10", "1250,10",
         "1\xe2\x80\xaf"
         "250,10"},
        {"de", "-12345", "-12345", "-12345", "-12.345"},
        {"de", "12 000", "12000", "12000", "12.000"},
        {"de", "999", "999", "999", "999"},
        {"de", "1,2,3", "1,2,3", "1,2,3", NULL},
        {"en", "many", "many", "many", NULL},
    };
    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        sheet of = sheet_of(rows[i].language, PROPERTIES("\"a\":{\"type\":\"string\",\"x-unit\":\"c\"},\"c\":{}"));
        finq_typed_add(of.typed, "/a", rows[i].typed);
        assert_string_equal(data_of(&of), apr_pstrcat(pool, "{\"a\":\"", rows[i].data, "\"}", NULL));
        if (rows[i].answered)
            assert_string_equal(finq_typed_amount(of.typed, member(&of, 0)), rows[i].answered);
        else
            assert_null(finq_typed_amount(of.typed, member(&of, 0)));
        finq_typed_set(of.typed, "/a", rows[i].data);
        finq_typed_write(of.typed, of.form);
        assert_string_equal(finq_typed_get(of.typed, "/a"), rows[i].shown);
    }
    sheet of = sheet_of(
        "de", PROPERTIES("\"a\":{\"x-unit\":\"years\",\"type\":\"string\",\"format\":\"date\"},\"b\":{\"type\":\"integer\"}"));
    finq_typed_add(of.typed, "/b", "2024");
    assert_false(member(&of, 0)->is_number);
    assert_null(finq_typed_amount(of.typed, member(&of, 1))); /* a year has no groups */
}

/* Nothing that the server might take. Red for each with its condition in field_rules.c away. */
static void a_script_checks_what_always_holds(void **state)
{
    static const struct {
        const char *schema, *rules;
    } rows[] = {
        {PROPERTIES("\"r\":{\"pattern\":\"^x\",\"minLength\":2}"),
         "{\"required\":[null,\"Fill in “R”.\"],\"pattern\":[\"^x\",\"“R” is not in the form that is asked for.\"],"
         "\"minLength\":[2,\"“R” must have at least 2 characters.\"]}"},
        {PROPERTIES("\"a\":{\"type\":\"number\",\"minimum\":0.5,\"x-unit\":\"c\"}"),
         "{\"minimum\":[0.5,\"“A” must be at least 0.5.\"]}"},
        {PROPERTIES("\"a\":{\"type\":\"string\",\"pattern\":\"^[0-9]+$\",\"x-unit\":\"c\"}"), NULL},
        {PROPERTIES("\"phone\":{\"type\":\"string\",\"pattern\":\"^[+]\"}"), NULL},
        {PROPERTIES("\"a\":{\"type\":\"string\",\"format\":\"email\",\"pattern\":\"^ana@\"}"),
         "{\"format\":[\"email\",\"“A” must be an e-mail address, such as name@example.com.\"]}"},
        {PROPERTIES("\"r\":{\"type\":\"array\",\"items\":{\"pattern\":\"x\"}}"), NULL},
        {"{\"required\":[\"a\"],\"properties\":{\"a\":{\"type\":\"boolean\",\"default\":true}}}", NULL},
        {"{\"oneOf\":[{\"properties\":{\"a\":{\"pattern\":\"x\"}}},{\"properties\":{\"a\":{\"pattern\":\"y\"}}}]}", NULL},
        {"{\"if\":{\"properties\":{\"a\":{\"pattern\":\"x\"}}},\"then\":{\"required\":[\"b\"]}}", NULL},
        {"{\"properties\":{\"c\":{}},\"if\":{\"required\":[\"c\"]},\"then\":{\"properties\":{\"a\":{\"pattern\":\"x\"}}},"
         "\"else\":{\"properties\":{\"a\":{\"pattern\":\"y\"}}}}",
         NULL},
    };
    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        sheet of = sheet_of("en", rows[i].schema);
        const char *rules = field_rules(member(&of, of.form->fields->nelts - 1), pool);
        if (rows[i].rules)
            assert_string_equal(rules ? rules : "none", rows[i].rules);
        else if (rules)
            fail_msg("%s: %s", rows[i].schema, rules);
    }
    sheet of = sheet_of(
        "en", PROPERTIES("\"a\":{\"type\":\"object\",\"required\":[\"b\"],\"properties\":{\"b\":{\"type\":\"string\"}}}"));
    assert_null(field_rules(APR_ARRAY_IDX(member(&of, 0)->fields, 0, const finq_field *),
                            pool)); /* who leaves all of it empty sends none of it */
}

static void what_is_typed_becomes_data(void **state)
{
    static const struct {
        const char *schema, *typed[6], *data;
    } rows[] = {
        {"{}", {"/a", "  O'Neill  "}, "\"O'Neill\""},
        {"{}", {"/a", "   "}, NULL},
        {"{\"format\":\"iban\"}", {"/a", "ro49 aaaa"}, "\"RO49AAAA\""},
        {"{\"type\":\"string\",\"format\":\"date\"}", {"/a~d", "7", "/a~m", "4", "/a~y", "1990"}, "\"1990-04-07\""},
        {"{\"type\":\"string\",\"format\":\"date\"}", {"/a~d", "7"}, "\"--07\""},
        {"{\"type\":\"string\",\"format\":\"date\"}", {"/a~d", ""}, NULL},
        {"{\"type\":\"string\",\"format\":\"date-time\"}", {"/a", "2030-01-02T03:04"}, "\"2030-01-02T03:04:00Z\""},
        {"{\"const\":true}", {"/a", "true"}, "true"},
        {"{\"const\":true}", {NULL}, NULL},
        {"{\"type\":\"boolean\"}", {NULL}, "false"},
        {"{\"enum\":[1,\"1\",null]}", {"/a", "1"}, "1"},
        {"{\"enum\":[1,2]}", {"/a", "3"}, "\"3\""},
        {"{\"type\":\"array\",\"uniqueItems\":true,\"items\":{\"enum\":[\"x\",\"y\"]}}", {"/a", "y", "/a", "x"}, "[\"x\",\"y\"]"},
        {"{\"type\":\"array\",\"items\":{}}", {"/a~n", "3", "/a/0", "x", "/a/2", "z"}, "[\"x\",\"z\"]"},
        {"{\"type\":\"object\",\"properties\":{\"b\":{},\"c\":{\"type\":\"boolean\"}}}", {NULL}, NULL},
        {"{\"type\":\"object\",\"properties\":{\"b\":{}}}", {"/a/b", "x"}, "{\"b\":\"x\"}"},
        {"{\"x-hidden\":true,\"format\":\"date-time\"}", {NULL}, "\"2030-01-02T03:04:05Z\""},
        {"{\"x-hidden\":true}", {"/a", "forced in"}, NULL},
        {"{\"x-hidden\":true,\"default\":\"1\"}", {"/a", "forced in"}, "\"1\""},
        {"{\"type\":\"string\",\"maxLength\":999}", {"/a", "two\r\nlines"}, "\"two\\nlines\""},
    };
    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        sheet of = sheet_of("en", apr_pstrcat(pool, "{\"properties\":{\"a\":", rows[i].schema, "}}", NULL));
        for (int j = 0; j < 6 && rows[i].typed[j]; j += 2)
            finq_typed_add(of.typed, rows[i].typed[j], rows[i].typed[j + 1]);
        assert_string_equal(data_of(&of), rows[i].data ? apr_pstrcat(pool, "{\"a\":", rows[i].data, "}", NULL) : "{}");
    }
}

/* What data says is typed again as the same data: so a page shows it, and nothing is asked twice. */
static void data_comes_back(void **state)
{
    static const char schema[] =
        "{\"properties\":{\"t\":{},\"n\":{\"type\":\"number\"},\"d\":{\"type\":\"string\",\"format\":\"date\"},\"b\":{\"type\":\"boolean\"},"
        "\"l\":{\"type\":\"array\",\"items\":{\"type\":\"object\",\"properties\":{\"x\":{}}}},"
        "\"m\":{\"type\":\"array\",\"items\":{\"type\":\"object\",\"properties\":{\"n\":{\"type\":\"number\"}}}},"
        "\"s\":{\"type\":\"array\",\"uniqueItems\":true,\"items\":{\"enum\":[1,2,3]}},\"g\":{\"type\":\"object\",\"properties\":{\"y/z\":{}}}}}";
    static const char data[] =
        "{\"t\":\"T\",\"n\":1.50,\"d\":\"1990-04-07\",\"b\":true,\"l\":[{\"x\":\"1\"},{\"x\":\"2\"}],\"m\":[{\"n\":0.125}],\"s\":[1,3],\"g\":{\"y/z\":\"Y\"}}";
    sheet of = sheet_of("de", schema);
    finq_numbers *numbers = finq_numbers_make(pool);
    json_t *value;
    (void)state;
    assert_null(finq_json_parse(&value, numbers, data, strlen(data), pool));
    finq_typed_fill(of.typed, "", value, numbers);
    finq_typed_write(of.typed, of.form);
    assert_string_equal(finq_typed_get(of.typed, "/n"), "1,50");
    assert_string_equal(finq_typed_get(of.typed, "/m/0/n"), "0,125");
    assert_string_equal(data_of(&of), data);
}

static void rows_come_and_go(void **state)
{
    sheet of = sheet_of("en", "{\"properties\":{\"l\":{\"type\":\"array\",\"maxItems\":4,\"items\":{}}}}");
    const finq_field *rows = member(&of, 0);
    (void)state;
    assert_int_equal(finq_typed_rows(of.typed, rows), 1);
    finq_typed_add(of.typed, "/l/0", "a");
    for (int i = 0; i < 9; i++)
        finq_typed_row_add(of.typed, rows);
    assert_int_equal(finq_typed_rows(of.typed, rows), 4);
    finq_typed_add(of.typed, "/l/1", "b");
    finq_typed_add(of.typed, "/l/3", "d");
    finq_typed_row_cut(of.typed, rows, 0);
    finq_typed_row_cut(of.typed, rows, 17);
    assert_int_equal(finq_typed_rows(of.typed, rows), 3);
    assert_string_equal(data_of(&of), "{\"l\":[\"b\",\"d\"]}");
}

/* ---- problems ---- */

static apr_array_header_t *problems_of(const sheet *of, const char *schema)
{
    finq_form *form;
    finq_numbers *numbers = finq_numbers_make(pool);
    const char *data = data_of(of);
    json_t *value;
    assert_null(finq_form_compile(&form, parsed(schema), pool));
    assert_null(finq_json_parse(&value, numbers, data, strlen(data), pool));
    finq_error *error = finq_form_check(form, value, numbers, pool);
    assert_non_null(error);
    return finq_problems_of(error, of->form, of->typed);
}

static const char *words_at(const sheet *of, int place, const char *keyword, const char *limit)
{
    const finq_detail detail = {.keyword = keyword, .limit = limit};
    return finq_problem_words(member(of, place), &detail);
}

/* A group of one member is shown as that member, called as both are. Red: only_of asks for no `when`; a member without a title of its
 * own; a box to tick that is called so too. */
static void a_group_of_one_is_that_one(void **state)
{
    static const struct {
        const char *group, *title;
        int is_optional;
    } rows[] = {
        {"{\"title\":\"G\",\"type\":\"object\",\"properties\":{\"m\":{\"title\":\"M\"}}}", "G: M", 1},
        {"{\"title\":\"G\",\"type\":\"object\",\"properties\":{\"m\":{}}}", "G", 1},
        {"{\"type\":\"object\",\"required\":[\"m\"],\"properties\":{\"m\":{\"title\":\"M\"},\"h\":{\"x-hidden\":true},\"c\":{\"const\":1}}}",
         "R: M", 0},
        {"{\"title\":\"M\",\"type\":\"object\",\"required\":[\"m\"],\"properties\":{\"m\":{\"title\":\"M\"}}}", "M", 0},
        {"{\"title\":\"G\",\"type\":\"object\",\"required\":[\"m\"],\"properties\":{\"m\":{\"title\":\"M\",\"const\":true}}}",
         "M", 0},
        {"{\"title\":\"G\",\"type\":\"object\",\"properties\":{\"h\":{\"title\":\"H\",\"type\":\"object\",\"properties\":{\"m\":{\"title\":\"M\"}}}}}",
         "G: H: M", 1},
        {"{\"title\":\"G\",\"type\":\"object\",\"properties\":{\"m\":{},\"n\":{}}}", NULL, 0},
        {"{\"title\":\"G\",\"type\":\"object\",\"properties\":{\"h\":{\"x-hidden\":true}}}", NULL, 0},
        {"{\"title\":\"G\",\"type\":\"object\",\"if\":{\"required\":[\"z\"]},\"then\":{\"properties\":{\"m\":{}}}}", NULL, 0},
    };
    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        sheet of = sheet_of("en", apr_pstrcat(pool, "{\"required\":[\"r\"],\"properties\":{\"r\":", rows[i].group, "}}", NULL));
        const finq_field *group = member(&of, 0), *shown = finq_field_shown(group);
        if ((shown != group) != (rows[i].title != NULL))
            fail_msg("%s", rows[i].group);
        if (rows[i].title) {
            assert_string_equal(shown->title, rows[i].title);
            assert_int_equal(shown->is_optional, rows[i].is_optional);
        }
    }
}

/* An example stands behind what is said of a field, and behind what is wrong with it; once. Red: strstr left out of hint_of. */
static void examples_are_told(void **state)
{
    static const struct {
        const char *schema, *hint;
    } rows[] = {
        {"{\"pattern\":\"x\",\"examples\":[\"RENT\"]}", "Zum Beispiel RENT."},
        {"{\"pattern\":\"x\",\"description\":\"In capitals.\",\"examples\":[\"RENT\"]}", "In capitals. Zum Beispiel RENT."},
        {"{\"pattern\":\"x\",\"description\":\"As RENT.\",\"examples\":[\"RENT\"]}", "As RENT."},
        {"{\"type\":\"number\",\"examples\":[1234.5]}", "Zum Beispiel 1234,5."},
        {"{\"type\":\"string\",\"x-unit\":\"c\",\"examples\":[\"1250.00\"]}", "Zum Beispiel 1.250,00."},
        {"{\"enum\":[\"a\",\"b\"],\"examples\":[\"a\"]}", NULL},
        {"{\"type\":\"array\",\"items\":{},\"examples\":[[]]}", NULL},
        {"{\"pattern\":\"x\",\"examples\":[7]}", NULL},
    };
    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        sheet of = sheet_of("de", apr_pstrcat(pool, "{\"properties\":{\"a\":", rows[i].schema, "}}", NULL));
        const char *said = words_at(&of, 0, "pattern", NULL);
        if (!rows[i].hint) {
            assert_null(member(&of, 0)->description);
            continue;
        }
        assert_string_equal(member(&of, 0)->description, rows[i].hint);
        assert_string_equal(said + strlen(said) - strlen(rows[i].hint), rows[i].hint);
    }
}

/* In the form's order, each at its field. Red: `told` not kept. */
static void problems_are_told_at_their_fields(void **state)
{
    static const char schema[] =
        "{\"type\":\"object\",\"required\":[\"z\",\"a\"],\"properties\":{\"z\":{\"title\":\"Zed\"},"
        "\"a\":{\"type\":\"integer\",\"title\":\"Age\",\"minimum\":18},"
        "\"l\":{\"type\":\"array\",\"items\":{\"type\":\"object\",\"required\":[\"x\"],\"properties\":{\"x\":{},\"y\":{}}}}}}";
    sheet of = sheet_of("en", schema);
    (void)state;
    finq_typed_add(of.typed, "/a", "17");
    finq_typed_add(of.typed, "/l/0/y", "1");
    apr_array_header_t *problems = problems_of(&of, schema);
    static const char *const words[] = {"Fill in \xe2\x80\x9cZed\xe2\x80\x9d.",
                                        "\xe2\x80\x9c"
                                        "Age\xe2\x80\x9d must be at least 18.",
                                        "Fill in \xe2\x80\x9cX\xe2\x80\x9d."};
    static const char *const ids[] = {"f-1", "f-2", "f-3-1-1"}, *const groups[] = {NULL, NULL, "L 1"};
    assert_int_equal(problems->nelts, 3);
    for (int i = 0; i < 3; i++) {
        assert_string_equal(APR_ARRAY_IDX(problems, i, finq_problem).words, words[i]);
        assert_string_equal(APR_ARRAY_IDX(problems, i, finq_problem).id, ids[i]);
        const char *group = APR_ARRAY_IDX(problems, i, finq_problem).group;
        assert_string_equal(group ? group : "none", groups[i] ? groups[i] : "none");
    }
    assert_non_null(finq_problem_at(problems, member(&of, 1)));
}

/* An order's own rules say that a value is too little or too much, and not what the limit is. Red without `.date`, `.sum`. */
static void a_limit_that_is_not_told_leaves_no_hole(void **state)
{
    static const char *const languages[] = {"en", "ro", "de", "fr", "ar"};
    static const char schema[] = PROPERTIES("\"d\":{\"title\":\"Day\",\"type\":\"string\",\"format\":\"date\"},"
                                            "\"n\":{\"title\":\"Sum\",\"type\":\"string\",\"x-unit\":\"c\"}");
    (void)state;
    for (size_t i = 0; i < sizeof languages / sizeof *languages; i++) {
        sheet of = sheet_of(languages[i], schema);
        for (int place = 0; place < 2; place++) {
            assert_string_not_equal(words_at(&of, place, "minimum", NULL), words_at(&of, place, "minimum", ""));
            assert_string_not_equal(words_at(&of, place, "maximum", NULL), words_at(&of, place, "maximum", ""));
        }
    }
    sheet of = sheet_of("en", schema);
    assert_string_equal(words_at(&of, 0, "minimum", NULL), "\xe2\x80\x9c"
                                                           "Day\xe2\x80\x9d must be today or later.");
    assert_string_equal(words_at(&of, 0, "maximum", NULL), "\xe2\x80\x9c"
                                                           "Day\xe2\x80\x9d may be a year from now at most.");
    assert_string_equal(words_at(&of, 1, "minimum", NULL), "\xe2\x80\x9cSum\xe2\x80\x9d must be more than 0.");
    assert_string_equal(words_at(&of, 1, "maximum", NULL), "Look at \xe2\x80\x9cSum\xe2\x80\x9d again.");
}

/* ---- pages ---- */

/* A bracket behind a Latin name would be drawn before it, and a number's sign behind the number. Red without `isolated`, and without bdi. */
static void names_and_answers_keep_their_direction(void **state)
{
    static const char schema[] = PROPERTIES("\"p\":{\"type\":\"string\"}");
    finq_skill_step step = {.name = "one"};
    finq_skill skill = {.name = "n", .environment = "sandbox", .servicer_name = "Bank (RO)", .steps = &step, .step_count = 1};
    skill.definition = parsed("{\"steps\":[{\"name\":\"one\"}]}");
    sheet of = sheet_of("ar", schema);
    finq_screen screen = {
        .pages = built_in, .words = finq_pages_language(built_in, "ar"), .tenant = "Aurora (RO)", .skill = &skill, .pool = pool};
    finq_screen_carried carried = {.nonce = "n"};
    finq_screen_form form = {.fields = of.form, .typed = of.typed, .part = 1};
    (void)state;
    finq_typed_add(of.typed, "/p", "+40721234567");
    const char *check = finq_screen_check_of(&screen, &carried, &form);
    assert_non_null(strstr(check, "<dd><bdi>+40721234567</bdi></dd>"));
    assert_non_null(strstr(check, "\xe2\x81\xa8"
                                  "Aurora (RO)\xe2\x81\xa9"));
    assert_non_null(strstr(check, "\xe2\x81\xa8"
                                  "Bank (RO)\xe2\x81\xa9"));
    screen.words = finq_pages_language(built_in, "en");
    assert_null(strstr(finq_screen_check_of(&screen, &carried, &form), "\xe2\x81\xa8"));
}

/* Nothing of what others wrote is markup, wherever it stands. */
static void pages_hold_no_markup_of_others(void **state)
{
    finq_skill_upload upload = {
        .document = "d", .required = 1, .media_types = (const char *const[]){"image/png", NULL}, .max_bytes = 5};
    finq_skill_step step = {.name = "one", .uploads = &upload, .upload_count = 1};
    finq_skill skill = {.name = "n", .environment = "sandbox", .servicer_name = XSS, .steps = &step, .step_count = 1};
    skill.definition = parsed(
        "{\"title\":\"<script>x\",\"description\":\"<script>x\",\"steps\":[{\"name\":\"one\",\"title\":\"<script>x\",\"description\":\"<script>x\","
        "\"uploads\":[{\"document\":\"d\",\"title\":\"<script>x\",\"description\":\"<script>x\"}],\"schema\":{\"properties\":{"
        "\"<script>\":{\"title\":\"<script>x\",\"description\":\"<script>x\",\"x-unit\":\"<script>\"},"
        "\"c\":{\"enum\":[\"<script>\"]},\"e\":{\"enum\":[\"<script>\",1,2,3,4,5,6]},\"t\":{\"const\":true,\"title\":\"<script>\"},"
        "\"l\":{\"title\":\"<script>\",\"type\":\"array\",\"minItems\":2,\"items\":{\"type\":\"string\",\"maxLength\":999}}}}}]}");
    finq_screen screen = {
        .pages = built_in, .words = finq_pages_language(built_in, "ar"), .tenant = XSS, .skill = &skill, .pool = pool};
    finq_field_source source = {skill.definition, 0, screen.words, pool};
    finq_screen_carried carried = {XSS, XSS, XSS, XSS, XSS, XSS};
    finq_typed *typed = finq_typed_make(pool);
    finq_screen_form form = {.fields = finq_field_form(&source), .typed = typed, .notice = XSS, .can_go_back = 1};
    finq_screen_form looked_through = {.fields = form.fields, .typed = typed, .notice = XSS, .part = 1};
    finq_screen_documents documents = {.wrong = "d", .words = XSS, .can_hand_off = 1};
    const char *offer = NULL;
    assert_null(finq_screen_offer(&offer, &screen, &carried, XSS));
    finq_typed_add(typed, "/<script>", XSS);
    finq_typed_add(typed, "/l/0", XSS);
    const char *const shown[] = {
        finq_screen_start(&screen, 0),
        finq_screen_resume(&screen, "resume.returned"),
        finq_screen_form_of(&screen, &carried, &form),
        finq_screen_check_of(&screen, &carried, &looked_through),
        finq_screen_documents_of(&screen, &carried, &documents),
        finq_screen_bank(&screen, &carried, XSS),
        finq_screen_waiting(&screen, &carried),
        offer,
        finq_screen_here(&screen, &carried),
        finq_screen_number(&screen, &carried, XSS),
        finq_screen_end(&screen, &(finq_screen_ending){"done", parsed("[\"<script>\"]"), XSS, XSS, 0}),
        finq_screen_trouble(&screen, "taken", 1, XSS),
    };
    (void)state;
    for (size_t i = 0; i < COUNT(shown); i++) {
        const char *first = strstr(shown[i], "<script");
        assert_non_null(first); /* the page's own */
        assert_null(strstr(first + 1, "<script"));
        assert_non_null(strstr(shown[i], "dir=\"rtl\""));
        assert_null(strstr(shown[i], "-hint \"")); /* a list of ids ends with one */
    }
}

static int set_up(void **state)
{
    (void)state;
    apr_initialize();
    apr_pool_create(&pool, NULL);
    return finq_pages_load(&built_in, NULL, pool) != NULL;
}

static int tear_down(void **state)
{
    (void)state;
    apr_pool_destroy(pool);
    apr_terminate();
    return 0;
}

/* ---- hand-offs ---- */

/* Red: without is_among; with one_of over 91, or over two places. */
static void numbers_are_three_and_one_is_right(void **state)
{
    int times[FINQ_HANDOFF_NUMBERS] = {0}, seen[100] = {0};
    const char *numbers, *shown[FINQ_HANDOFF_NUMBERS];
    (void)state;
    for (int i = 0; i < 3000; i++) {
        assert_null(finq_handoff_numbers(&numbers, pool));
        assert_int_equal(strlen(numbers), 7);
        for (int j = 0; j < FINQ_HANDOFF_NUMBERS; j++) {
            shown[j] = finq_handoff_number(numbers, j, pool);
            seen[atoi(shown[j])]++;
            times[j] += strcmp(shown[j], finq_handoff_right(numbers, pool)) == 0;
        }
        assert_string_not_equal(shown[0], shown[1]);
        assert_string_not_equal(shown[0], shown[2]);
        assert_string_not_equal(shown[1], shown[2]);
    }
    for (int i = 0; i < 100; i++)
        assert_true(i < 10 ? seen[i] == 0 : seen[i] > 25); /* 100 are awaited */
    for (int j = 0; j < FINQ_HANDOFF_NUMBERS; j++)
        assert_in_range(times[j], 800, 1200);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nothing_becomes_markup),
        cmocka_unit_test(no_attribute_runs),
        cmocka_unit_test(elements_nest),
        cmocka_unit_test(languages_are_whole),
        cmocka_unit_test(the_nearest_language_is_found),
        cmocka_unit_test(schemas_become_fields),
        cmocka_unit_test(titles_are_translated),
        cmocka_unit_test(members_are_gathered),
        cmocka_unit_test(branches_decide_what_is_asked_for),
        cmocka_unit_test(browsers_are_told_the_conditions),
        cmocka_unit_test(numbers_are_read_as_people_write_them),
        cmocka_unit_test(amounts_are_texts_with_a_unit),
        cmocka_unit_test(a_script_checks_what_always_holds),
        cmocka_unit_test(what_is_typed_becomes_data),
        cmocka_unit_test(data_comes_back),
        cmocka_unit_test(rows_come_and_go),
        cmocka_unit_test(a_group_of_one_is_that_one),
        cmocka_unit_test(examples_are_told),
        cmocka_unit_test(problems_are_told_at_their_fields),
        cmocka_unit_test(a_limit_that_is_not_told_leaves_no_hole),
        cmocka_unit_test(names_and_answers_keep_their_direction),
        cmocka_unit_test(pages_hold_no_markup_of_others),
        cmocka_unit_test(numbers_are_three_and_one_is_right),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
