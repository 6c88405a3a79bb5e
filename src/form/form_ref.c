#include "form_tree.h"

#include <string.h>

static int hex_digit(char c)
{
    const char *digits = "0123456789abcdef", *found = c ? strchr(digits, c | 0x20) : NULL;
    return found ? (int)(found - digits) : -1;
}

const char *form_ref_name(const char *text, apr_pool_t *pool)
{
    char *name = apr_palloc(pool, strlen(text) + 1), *to = name;
    for (const char *c = text; *c; c++) {
        int high = *c == '%' ? hex_digit(c[1]) : -1, low = high >= 0 ? hex_digit(c[2]) : -1;
        if (*c == '/' || (*c == '%' && (low < 0 || high + low == 0)))
            return NULL;
        *to++ = *c == '%' ? (char)(high << 4 | low) : *c;
        c += *c == '%' ? 2 : 0;
    }
    *to = '\0';
    to = name;
    for (const char *c = name; *c; c++) {
        if (*c == '~' && c[1] != '0' && c[1] != '1')
            return NULL;
        *to++ = *c != '~' ? *c : *++c == '0' ? '~' : '/';
    }
    *to = '\0';
    return name;
}
