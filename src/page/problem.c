#include "page/problem.h"

#include <apr_strings.h>
#include <string.h>

#include "typed_number.h"

/* ---- words ---- */

/* A schema's limit as people read it: a text without its quotes; a number as the language writes it. */
static const char *limit_shown(const finq_field *field, const finq_detail *detail, apr_pool_t *pool)
{
    apr_size_t length = detail->limit ? strlen(detail->limit) : 0;
    if (length > 1 && detail->limit[0] == '"')
        return apr_pstrmemdup(pool, detail->limit + 1, length - 2);
    return length ? typed_number_written(detail->limit, field->source->words, finq_field_fact(field, "x-unit") != NULL, pool)
                  : "";
}

static int is_choice(const finq_field *field)
{
    return field->kind == FINQ_FIELD_RADIOS || field->kind == FINQ_FIELD_SELECT || field->kind == FINQ_FIELD_YES_NO ||
           field->kind == FINQ_FIELD_BOXES;
}

/* The name of the sentence: of the keyword, but for what a person is asked otherwise. */
static const char *sentence_of(const finq_field *field, const finq_detail *detail, apr_pool_t *pool)
{
    const char *format = json_string_value(finq_field_fact(field, "format"));
    if (field->kind == FINQ_FIELD_TICK)
        return "problem.tick";
    if (is_choice(field))
        return "problem.choose";
    if (strcmp(detail->keyword, "required") == 0)
        return "problem.required";
    if (field->kind == FINQ_FIELD_NUMBER && strcmp(detail->keyword, "type") == 0)
        return json_string_value(finq_field_fact(field, "type")) &&
                       strcmp(json_string_value(finq_field_fact(field, "type")), "integer") == 0
                   ? "problem.integer"
                   : "problem.number";
    if (strcmp(detail->keyword, "format") == 0 && format)
        return apr_pstrcat(pool, "problem.format.", format, NULL);
    if (strcmp(detail->keyword, "minLength") == 0 && detail->limit && strcmp(detail->limit, "1") == 0)
        return "problem.required";
    return apr_pstrcat(pool, "problem.", detail->keyword, NULL);
}

const char *finq_problem_words(const finq_field *field, const finq_detail *detail)
{
    apr_pool_t *pool = field->source->pool;
    const finq_words *words = field->source->words;
    if (!detail->keyword) /* a connector's own words */
        return detail->message;
    const char *name = sentence_of(field, detail, pool), *text = finq_words_find(words, name);
    if (text && !detail->limit && strstr(text, "{limit}")) { /* of an order, whose own rules say what is too little or too much */
        name = apr_pstrcat(pool, name, field->kind == FINQ_FIELD_DATE ? ".date" : ".sum", NULL);
        text = finq_words_find(words, name);
    }
    text = finq_words_with(words, text ? name : "problem.other", pool, "field", field->title, "limit",
                           limit_shown(field, detail, pool), NULL);
    int is_form = strcmp(detail->keyword, "pattern") == 0 && !is_choice(field) && field->description;
    return is_form ? apr_pstrcat(pool, text, " ", field->description, NULL) : text;
}

/* ---- where ---- */

typedef struct {
    apr_array_header_t *found, *details;
    const finq_typed *typed;
    int *noted; /* of a detail: whether it has its problem */
} gathering;

/* Whether a pointer is a field's, or of what lies in it. */
static int is_of(const char *pointer, const finq_field *field)
{
    apr_size_t length = strlen(field->pointer);
    return strncmp(pointer, field->pointer, length) == 0 && (pointer[length] == '\0' || pointer[length] == '/');
}

static int is_exactly(const char *pointer, const finq_field *field)
{
    return strcmp(pointer, field->pointer) == 0;
}

/* What a fault of a field is told at: its first part, where it has several. */
static const char *id_of(const finq_field *field)
{
    apr_pool_t *pool = field->source->pool;
    if (field->kind == FINQ_FIELD_DATE)
        return apr_pstrcat(pool, field->id, "-d", NULL);
    if (field->kind == FINQ_FIELD_RADIOS || field->kind == FINQ_FIELD_YES_NO || field->kind == FINQ_FIELD_BOXES)
        return apr_pstrcat(pool, field->id, "-1", NULL);
    return field->id;
}

/* What holds a field, from the outside in: "Payment 1, Transfer 2". */
static const char *group_of(const finq_field *field)
{
    const char *group = NULL;
    apr_pool_t *pool = field->source->pool;
    for (const finq_field *above = field->above; above && *above->pointer; above = above->above) {
        int is_single = above->above && above->above->kind == FINQ_FIELD_ROWS && finq_field_is_single(above->above);
        if (above->kind == FINQ_FIELD_GROUP && !above->only && !is_single && *above->title)
            group = group ? apr_pstrcat(pool, above->title, ", ", group, NULL) : above->title;
    }
    return group;
}

/* Told at what is shown in the field's place. */
static void note(gathering *g, const finq_field *field, int (*fits)(const char *, const finq_field *))
{
    const finq_field *shown = finq_field_shown(field);
    int is_noted = 0;
    for (int i = 0; i < g->details->nelts; i++) {
        const finq_detail *detail = &APR_ARRAY_IDX(g->details, i, finq_detail);
        if (g->noted[i] || !fits(detail->field, field))
            continue;
        g->noted[i] = 1;
        if (!is_noted)
            APR_ARRAY_PUSH(g->found, finq_problem) =
                (finq_problem){shown->pointer, id_of(shown), finq_problem_words(shown, detail), group_of(shown)};
        is_noted = 1;
    }
}

static void gather(gathering *g, const finq_field *field)
{
    int rows = field->kind == FINQ_FIELD_ROWS ? finq_typed_rows(g->typed, field) : 0;
    int is_group = field->kind == FINQ_FIELD_GROUP || rows;
    if (!is_group)
        note(g, field, is_of);
    else if (*field->pointer)
        note(g, field, is_exactly);
    for (int i = 0; field->fields && i < field->fields->nelts; i++)
        gather(g, APR_ARRAY_IDX(field->fields, i, const finq_field *));
    for (int i = 0; i < rows; i++) {
        const finq_field *item = finq_field_item(field, i);
        if (item)
            gather(g, item);
    }
}

/* What is about several fields, or about none that is shown. */
static void gather_rest(gathering *g, const finq_field *form)
{
    int is_noted = 0;
    for (int i = 0; i < g->details->nelts; i++) {
        const finq_detail *detail = &APR_ARRAY_IDX(g->details, i, finq_detail);
        if (g->noted[i])
            continue;
        if (!detail->keyword)
            APR_ARRAY_PUSH(g->found, finq_problem) = (finq_problem){.words = detail->message};
        else if (!is_noted)
            APR_ARRAY_PUSH(g->found, finq_problem) =
                (finq_problem){.words = finq_words_say(form->source->words, "problem.together")};
        is_noted = is_noted || detail->keyword;
    }
}

apr_array_header_t *finq_problems_of(const finq_error *error, const finq_field *form, const finq_typed *typed)
{
    apr_pool_t *pool = form->source->pool;
    gathering g = {.found = apr_array_make(pool, 4, sizeof(finq_problem)), .details = error->details, .typed = typed};
    if (!g.details)
        return g.found;
    g.noted = apr_pcalloc(pool, sizeof *g.noted * (apr_size_t)(g.details->nelts + 1));
    gather(&g, form);
    gather_rest(&g, form);
    return g.found;
}

const finq_problem *finq_problem_at(const apr_array_header_t *problems, const finq_field *field)
{
    for (int i = 0; problems && i < problems->nelts; i++) {
        const finq_problem *problem = &APR_ARRAY_IDX(problems, i, finq_problem);
        if (problem->pointer && strcmp(problem->pointer, field->pointer) == 0)
            return problem;
    }
    return NULL;
}
