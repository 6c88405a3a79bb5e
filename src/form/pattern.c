#include "form/pattern.h"

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

#include <apr_strings.h>
#include <string.h>

#include "pattern_ecma.h"

/* PCRE2 counts the frames it makes (its match limit) and not the bytes it reads while a frame lasts, which
 * may be all of the text, each held against a class of the pattern's size. So a frame is priced at FRAME_COST
 * plus the text's length times the pattern's weight, and a search is given as many frames as its price
 * allows. PCRE2 does not tell how many frames it used: a search starts with few and is given FRAMES_STEP
 * times as many until it is decided, so that what is charged is near what was spent. The heap limit bounds
 * the depth as well. No JIT: it counts otherwise. */
enum {
    FRAMES_FIRST = 8,
    FRAMES_STEP = 16,
    FRAME_COST = 40,
    WEIGHT_BYTES = 512,
    SIZE_MAX_COMPILED = 16384,
    HEAP_KIB = 1024,
    NEST_MAX = 32,
};

#define OPTIONS                                                                                                         \
    (PCRE2_UTF | PCRE2_DOLLAR_ENDONLY | PCRE2_ALLOW_EMPTY_CLASS | PCRE2_MATCH_UNSET_BACKREF | PCRE2_NEVER_BACKSLASH_C | \
     PCRE2_NEVER_UCP)

struct finq_pattern {
    pcre2_code *code;
    apr_int64_t weight;
};

static void *pool_malloc(PCRE2_SIZE size, void *pool)
{
    return apr_palloc(pool, size);
}

static void pool_free(void *memory, void *pool)
{
    (void)memory; /* goes with the pool */
    (void)pool;
}

static finq_error *compile_error(int code, apr_pool_t *pool)
{
    PCRE2_UCHAR text[128];
    pcre2_get_error_message(code, text, sizeof text);
    return finq_error_make(pool, FINQ_E_INVALID_INPUT, "is not a regular expression of ECMA-262: %s", (const char *)text);
}

static finq_error *code_compile(pcre2_code **code, const char *text, apr_uint32_t options, apr_pool_t *pool)
{
    int fault;
    PCRE2_SIZE offset, size;
    pcre2_general_context *memory = pcre2_general_context_create(pool_malloc, pool_free, pool);
    pcre2_compile_context *context = pcre2_compile_context_create(memory);
    pcre2_set_parens_nest_limit(context, NEST_MAX);
    *code = pcre2_compile((PCRE2_SPTR)text, PCRE2_ZERO_TERMINATED, OPTIONS | options, &fault, &offset, context);
    if (!*code)
        return compile_error(fault, pool);
    pcre2_pattern_info(*code, PCRE2_INFO_SIZE, &size);
    if (size > SIZE_MAX_COMPILED)
        return finq_error_make(pool, FINQ_E_INVALID_INPUT, "is too large a regular expression");
    return NULL;
}

/* PCRE2 begins its count anew at each place where a match may start. So that the count is the whole search's,
 * the search for a start is made part of the pattern, unless the pattern can start at one place only. */
static finq_error *search_compile(pcre2_code **code, const char *text, apr_pool_t *pool)
{
    apr_uint32_t options;
    FINQ_TRY(code_compile(code, text, 0, pool));
    pcre2_pattern_info(*code, PCRE2_INFO_ALLOPTIONS, &options);
    if (options & PCRE2_ANCHORED)
        return NULL;
    return code_compile(code, apr_pstrcat(pool, "(?s:.*?)(?:", text, ")", NULL), PCRE2_ANCHORED, pool);
}

finq_error *finq_pattern_compile(finq_pattern **pattern, const char *text, apr_size_t length, apr_pool_t *pool)
{
    const char *fault, *translated;
    pcre2_code *code;
    PCRE2_SIZE size;
    if (length > FINQ_PATTERN_MAX)
        return finq_error_make(pool, FINQ_E_INVALID_INPUT, "must be at most %d bytes long", FINQ_PATTERN_MAX);
    translated = pattern_ecma_translate(&fault, text, length, pool);
    if (!translated)
        return finq_error_make(pool, FINQ_E_INVALID_INPUT, "is not a regular expression of ECMA-262: it %s", fault);
    FINQ_TRY(search_compile(&code, translated, pool));
    pcre2_pattern_info(code, PCRE2_INFO_SIZE, &size);
    *pattern = apr_palloc(pool, sizeof **pattern);
    (*pattern)->code = code;
    (*pattern)->weight = 1 + (apr_int64_t)(size / WEIGHT_BYTES);
    return NULL;
}

typedef struct {
    const finq_pattern *pattern;
    PCRE2_SPTR text;
    PCRE2_SIZE length;
    pcre2_match_data *data;
    pcre2_match_context *context;
} search;

static search search_begin(const finq_pattern *pattern, const char *text, apr_size_t length, apr_pool_t *pool)
{
    pcre2_general_context *memory = pcre2_general_context_create(pool_malloc, pool_free, pool);
    search s = {pattern, (PCRE2_SPTR)text, length, pcre2_match_data_create(1, memory), pcre2_match_context_create(memory)};
    pcre2_set_heap_limit(s.context, HEAP_KIB);
    return s;
}

static finq_pattern_answer search_answer(int result)
{
    if (result >= 0)
        return FINQ_PATTERN_FOUND;
    return result == PCRE2_ERROR_NOMATCH ? FINQ_PATTERN_ABSENT : FINQ_PATTERN_UNDECIDED;
}

static finq_pattern_answer search_run(search *s, apr_int64_t *work)
{
    apr_int64_t price = FRAME_COST + (apr_int64_t)s->length * s->pattern->weight;
    apr_int64_t left = *work < FINQ_PATTERN_WORK ? *work : FINQ_PATTERN_WORK;
    int result = PCRE2_ERROR_MATCHLIMIT;
    for (apr_int64_t frames = FRAMES_FIRST; result == PCRE2_ERROR_MATCHLIMIT && left >= price; frames *= FRAMES_STEP) {
        apr_int64_t granted = frames < left / price ? frames : left / price;
        pcre2_set_match_limit(s->context, (apr_uint32_t)granted);
        result = pcre2_match(s->pattern->code, s->text, s->length, 0, 0, s->data, s->context);
        left -= granted * price;
        *work -= granted * price;
    }
    return search_answer(result);
}

finq_pattern_answer finq_pattern_match(const finq_pattern *pattern, const char *text, apr_size_t length, apr_int64_t *work,
                                       apr_pool_t *pool)
{
    apr_pool_t *scratch;
    apr_pool_create(&scratch, pool);
    search s = search_begin(pattern, text, length, scratch);
    finq_pattern_answer answer = search_run(&s, work);
    apr_pool_destroy(scratch);
    return answer;
}
