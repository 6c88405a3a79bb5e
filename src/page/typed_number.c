#include "typed_number.h"

#include <apr_lib.h>
#include <apr_strings.h>
#include <string.h>

char *typed_without(const char *text, const char *characters, apr_pool_t *pool)
{
    char *left = apr_pstrdup(pool, text), *to = left;
    for (; *text; text++) {
        if (!strchr(characters, *text))
            *to++ = *text;
    }
    *to = '\0';
    return left;
}

/* U+0660 and U+06F0 are zeros; U+066B and U+066C the marks that stand among them. */
const char *typed_digits(const char *text, apr_pool_t *pool)
{
    char *plain = apr_palloc(pool, strlen(text) + 1), *to = plain;
    while (*text) {
        unsigned char first = (unsigned char)text[0], second = (unsigned char)text[1];
        if ((first == 0xd9 && second >= 0xa0 && second <= 0xa9) || (first == 0xdb && second >= 0xb0 && second <= 0xb9))
            *to++ = (char)('0' + second % 16);
        else if (first == 0xd9 && (second == 0xab || second == 0xac))
            *to++ = second == 0xab ? '.' : ',';
        else {
            *to++ = *text++;
            continue;
        }
        text += 2;
    }
    *to = '\0';
    return plain;
}

/* RFC 8259's grammar, but for exponents, which no person writes. */
static int is_number(const char *text)
{
    text += *text == '-';
    if (!apr_isdigit(*text) || (text[0] == '0' && apr_isdigit(text[1])))
        return 0;
    text += strspn(text, "0123456789");
    if (*text == '.') {
        if (!apr_isdigit(text[1]))
            return 0;
        text += 1 + strspn(text + 1, "0123456789");
    }
    return *text == '\0';
}

/* Without what groups digits: blanks, those that never break among them, and apostrophes. */
static char *ungrouped(const char *text, apr_pool_t *pool)
{
    static const char *const blanks[] = {" ", "'", "\xc2\xa0", "\xe2\x80\xaf", "\xe2\x80\x99"};
    char *left = apr_palloc(pool, strlen(text) + 1), *to = left;
    while (*text) {
        size_t i = 0;
        while (i < sizeof blanks / sizeof *blanks && strncmp(text, blanks[i], strlen(blanks[i])) != 0)
            i++;
        if (i < sizeof blanks / sizeof *blanks)
            text += strlen(blanks[i]);
        else
            *to++ = *text++;
    }
    *to = '\0';
    return left;
}

/* Whether a mark, of which there may be several, only groups digits: three stand behind each. */
static int groups(const char *text, char mark)
{
    const char *at = strchr(text, mark);
    for (; at; at = strchr(at + 1, mark)) {
        apr_size_t digits = strspn(at + 1, "0123456789");
        if (digits != 3)
            return 0;
    }
    return 1;
}

/* A number as the language writes it, with a point and nothing else: 1.234,50 in German. Where one mark alone could mean either,
 * the language says which. */
static const char *number_meant(const char *text, char decimal, apr_pool_t *pool)
{
    char other = decimal == ',' ? '.' : ',';
    char *plain = ungrouped(text, pool), *mark;
    if (strchr(plain, other) && groups(plain, other))
        plain = typed_without(plain, other == ',' ? "," : ".", pool);
    else if (strchr(plain, other) && !strchr(plain, decimal)) /* 12.5, where one writes 12,5 */
        decimal = other;
    mark = strchr(plain, decimal);
    if (mark)
        *mark = '.';
    while (plain[0] == '0' && apr_isdigit(plain[1]))
        plain++;
    return plain;
}

const char *typed_number(const char *text, const finq_words *words, apr_pool_t *pool)
{
    const char *meant = number_meant(typed_digits(text, pool), *finq_words_say(words, "language.decimal"), pool);
    return is_number(meant) ? meant : NULL;
}

/* Groups of three, from the right. */
static const char *grouped(const char *digits, apr_size_t count, const char *mark, apr_pool_t *pool)
{
    const char *text = apr_pstrmemdup(pool, digits, count % 3);
    for (apr_size_t i = count % 3; i < count; i += 3)
        text = apr_pstrcat(pool, text, *text ? mark : "", apr_pstrmemdup(pool, digits + i, 3), NULL);
    return text;
}

const char *typed_number_written(const char *number, const finq_words *words, int is_grouped, apr_pool_t *pool)
{
    if (!is_number(number))
        return number;
    const char *digits = number + (*number == '-'), *mark = finq_words_say(words, "language.group");
    apr_size_t count = strspn(digits, "0123456789");
    const char *whole = is_grouped ? grouped(digits, count, mark, pool) : apr_pstrmemdup(pool, digits, count);
    return apr_pstrcat(pool, *number == '-' ? "-" : "", whole, digits[count] ? finq_words_say(words, "language.decimal") : "",
                       digits[count] ? digits + count + 1 : "", NULL);
}
