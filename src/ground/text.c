#include "ground/text.h"

#include <apr_strings.h>
#include <string.h>
#include <strings.h>

/* The lengths of UTF-8 by the first byte, and what the second byte may be (RFC 3629, 4). */
static const struct {
    unsigned char first, last, length, second_first, second_last;
} leads[] = {
    {0xc2, 0xdf, 2, 0x80, 0xbf}, {0xe0, 0xe0, 3, 0xa0, 0xbf}, {0xe1, 0xec, 3, 0x80, 0xbf}, {0xed, 0xed, 3, 0x80, 0x9f},
    {0xee, 0xef, 3, 0x80, 0xbf}, {0xf0, 0xf0, 4, 0x90, 0xbf}, {0xf1, 0xf3, 4, 0x80, 0xbf}, {0xf4, 0xf4, 4, 0x80, 0x8f},
};

static int is_tail(const unsigned char *at, apr_size_t count)
{
    for (apr_size_t i = 0; i < count; i++) {
        if ((at[i] & 0xc0) != 0x80)
            return 0;
    }
    return 1;
}

apr_size_t finq_text_character(const char *text, apr_size_t left)
{
    const unsigned char *at = (const unsigned char *)text;
    if (*at < 0x80)
        return 1;
    for (size_t i = 0; i < sizeof leads / sizeof *leads; i++) {
        if (*at < leads[i].first || *at > leads[i].last || left < leads[i].length)
            continue;
        if (at[1] < leads[i].second_first || at[1] > leads[i].second_last || !is_tail(at + 2, leads[i].length - 2u))
            return 0;
        return leads[i].length;
    }
    return 0;
}

int finq_text_is_control(const char *text)
{
    const unsigned char *at = (const unsigned char *)text;
    return *at < ' ' || *at == 0x7f || (*at == 0xc2 && at[1] < 0xa0);
}

const char *finq_text_plain(const char *text, apr_size_t most, apr_pool_t *pool)
{
    apr_size_t given = strlen(text);
    const char *at = text, *end = at + given;
    char *plain = apr_palloc(pool, (given < most ? given : most) + 1), *to = plain; /* it never grows */
    while (at < end) {
        apr_size_t length = finq_text_is_control(at) ? 0 : finq_text_character(at, (apr_size_t)(end - at));
        if ((apr_size_t)(to - plain) + (length ? length : 1) > most)
            break;
        if (length)
            memcpy(to, at, length);
        else
            *to = '?';
        to += length ? length : 1;
        at += length ? length : 1;
    }
    *to = '\0';
    return plain;
}

const char *finq_text_show(const char *text, apr_pool_t *pool)
{
    char *shown = apr_pstrndup(pool, text, 64);
    for (char *c = shown; *c; c++) {
        if ((unsigned char)*c < ' ' || (unsigned char)*c > '~')
            *c = '?';
    }
    return shown;
}

const char *finq_text_join(const apr_array_header_t *texts, apr_pool_t *pool)
{
    const char *list = "";
    for (int i = 0; i < texts->nelts; i++)
        list = apr_pstrcat(pool, list, i ? ", " : "", APR_ARRAY_IDX(texts, i, const char *), NULL);
    return list;
}

apr_array_header_t *finq_text_array(const char *const *list, apr_pool_t *pool)
{
    apr_array_header_t *texts = apr_array_make(pool, 4, sizeof(const char *));
    for (; *list; list++)
        APR_ARRAY_PUSH(texts, const char *) = *list;
    return texts;
}

static const char *language_known(const char *language, const apr_array_header_t *known)
{
    for (int i = 0; i < known->nelts; i++) {
        if (strcasecmp(APR_ARRAY_IDX(known, i, const char *), language) == 0)
            return APR_ARRAY_IDX(known, i, const char *);
    }
    return NULL;
}

const char *finq_text_language(const char *list, const apr_array_header_t *known, apr_pool_t *pool)
{
    const char *found = NULL;
    char *last, *text = apr_pstrdup(pool, list ? list : "");
    for (char *one = apr_strtok(text, ", \t", &last); one && !found; one = apr_strtok(NULL, ", \t", &last)) {
        one[strcspn(one, ";")] = '\0';
        while (!(found = language_known(one, known)) && strrchr(one, '-'))
            *strrchr(one, '-') = '\0';
    }
    return found;
}
