/* How numbers were spelt. jansson reads the document; beside it the numbers are found in the text, in the order in which they
 * stand in jansson's tree, too. */
#include "json/numbers.h"

#include <apr_hash.h>
#include <apr_lib.h>
#include <apr_strings.h>
#include <string.h>

#include "ground/codec.h"

/* Whole numbers of so many digits may be too large for jansson; exponents of so many may be, and fractions of so long a
 * spelling. */
enum { INTEGER_DIGITS = 19, EXPONENT_DIGITS = 3, LONG_SPELLING = 300 };

typedef struct {
    const char *text;
    finq_number value;
} spelling;

struct finq_numbers {
    apr_pool_t *pool;
    apr_hash_t *spellings; /* json_t * -> spelling */
};

finq_numbers *finq_numbers_make(apr_pool_t *pool)
{
    finq_numbers *numbers = apr_palloc(pool, sizeof *numbers);
    *numbers = (finq_numbers){pool, apr_hash_make(pool)};
    return numbers;
}

static const spelling *spelling_of(const finq_numbers *numbers, const json_t *value)
{
    return numbers ? apr_hash_get(numbers->spellings, &value, sizeof value) : NULL;
}

const char *finq_numbers_spelling(const finq_numbers *numbers, const json_t *value)
{
    const spelling *spelt = spelling_of(numbers, value);
    return spelt ? spelt->text : NULL;
}

finq_number finq_number_read(const json_t *value, const finq_numbers *numbers)
{
    const spelling *spelt = spelling_of(numbers, value);
    return spelt ? spelt->value : finq_number_plain(value);
}

/* ---- in the text ---- */

typedef struct {
    const char *start;
    apr_size_t length, digits, exponent; /* digits before the point, and of the exponent */
    int is_integer, is_number;
} token;

static const char *digits_skip(const char *at, const char *end)
{
    while (at < end && apr_isdigit(*at))
        at++;
    return at;
}

/* RFC 8259, section 6. What is no number is left to jansson, which says so. */
static token token_read(const char *start, const char *end)
{
    token found = {.start = start, .is_integer = 1, .is_number = 1};
    const char *at = start + (*start == '-'), *next = digits_skip(at, end);
    found.digits = (apr_size_t)(next - at);
    found.is_number = found.digits == 1 || (found.digits > 1 && *at != '0');
    if (next < end && *next == '.') {
        at = next + 1;
        next = digits_skip(at, end);
        found.is_integer = 0;
        found.is_number = found.is_number && next > at;
    }
    if (next < end && (*next == 'e' || *next == 'E')) {
        at = next + 1;
        at += at < end && (*at == '+' || *at == '-');
        next = digits_skip(at, end);
        found.is_integer = 0;
        found.exponent = (apr_size_t)(next - at);
        found.is_number = found.is_number && found.exponent > 0;
    }
    found.length = (apr_size_t)(next - start);
    return found;
}

static int is_plain(const token *found)
{
    return found->is_integer && found->digits < INTEGER_DIGITS && !(found->start[0] == '-' && found->start[1] == '0');
}

static int is_too_large(const token *found)
{
    return (found->is_integer && found->digits >= INTEGER_DIGITS) || found->exponent >= EXPONENT_DIGITS ||
           found->length > LONG_SPELLING;
}

/* A number that jansson reads, of the same length; those that it may not read have four characters or more. */
static void token_replace(char *at, apr_size_t length)
{
    memset(at, '0', length);
    at[1] = '.';
}

static const char *string_skip(const char *at, const char *end)
{
    for (at++; at < end && *at != '"'; at++)
        at += *at == '\\';
    return at < end ? at + 1 : end;
}

static void token_take(finq_numbers_text *prepared, const token *found, const char *text, apr_size_t length, apr_pool_t *pool)
{
    APR_ARRAY_PUSH(prepared->tokens, finq_bytes) = (finq_bytes){(const unsigned char *)found->start, found->length};
    if (!is_too_large(found))
        return;
    if (prepared->text == text)
        prepared->text = apr_pstrmemdup(pool, text, length);
    token_replace((char *)prepared->text + (found->start - text), found->length);
}

finq_numbers_text finq_numbers_prepare(const char *text, apr_size_t length, apr_pool_t *pool)
{
    finq_numbers_text prepared = {text, apr_array_make(pool, 8, sizeof(finq_bytes))};
    const char *end = text + length;
    int all_plain = 1;
    for (const char *at = text; at < end;) {
        if (*at == '"')
            at = string_skip(at, end);
        else if (*at != '-' && !apr_isdigit(*at))
            at++;
        else {
            token found = token_read(at, end);
            all_plain = all_plain && found.is_number && is_plain(&found);
            if (found.is_number)
                token_take(&prepared, &found, text, length, pool);
            at += found.length;
        }
    }
    if (all_plain)
        prepared.tokens = NULL;
    return prepared;
}

/* ---- in the tree ---- */

static void spelling_note(finq_numbers *numbers, const json_t *value, const finq_bytes *text)
{
    spelling *spelt;
    const json_t **key;
    token found = token_read((const char *)text->data, (const char *)text->data + text->length);
    if (is_plain(&found))
        return;
    spelt = apr_palloc(numbers->pool, sizeof *spelt);
    spelt->text = apr_pstrmemdup(numbers->pool, found.start, found.length);
    spelt->value = finq_number_spelt(spelt->text, numbers->pool);
    key = apr_pmemdup(numbers->pool, &value, sizeof value);
    apr_hash_set(numbers->spellings, key, sizeof *key, spelt);
}

/* Goes through the tree in the text's order, and through the tokens beside it. */
static void value_note(finq_numbers *numbers, const json_t *value, const finq_bytes **token_at)
{
    const char *name;
    json_t *member;
    apr_size_t index;
    if (json_is_number(value))
        spelling_note(numbers, value, (*token_at)++);
    json_array_foreach((json_t *)value, index, member) value_note(numbers, member, token_at);
    json_object_foreach((json_t *)value, name, member) value_note(numbers, member, token_at);
}

void finq_numbers_note(finq_numbers *numbers, const finq_numbers_text *prepared, const json_t *value)
{
    if (!prepared->tokens)
        return;
    const finq_bytes *first = (const finq_bytes *)(const void *)prepared->tokens->elts;
    value_note(numbers, value, &first);
}
