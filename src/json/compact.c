#include "json/compact.h"

static int is_space(char c)
{
    return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

apr_size_t finq_compact_push(finq_compact *state, const char *in, apr_size_t length, char *out)
{
    finq_compact at = *state;
    char *to = out;
    for (apr_size_t i = 0; i < length; i++) {
        char c = in[i];
        if (!at.in_string && is_space(c))
            continue;
        *to++ = c;
        if (at.escaped)
            at.escaped = 0;
        else if (c == '"')
            at.in_string = !at.in_string;
        else
            at.escaped = at.in_string && c == '\\';
    }
    *state = at;
    return (apr_size_t)(to - out);
}
