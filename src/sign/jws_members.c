/* The members of a JWS header or payload. Signers write both in the plainest spelling, which costs a tenth of what jansson's
 * tree does; whatever is not so plain, good or bad, is left to jansson, so that there is one judge of it. */
#include "jws_members.h"
#include "sign/check.h"

#include <apr_strings.h>
#include <string.h>

#define DIGITS_MAX 18 /* whichever they are, the number fits */

/* ---- the plain spelling: each function returns what follows, and NULL where it is not plain ---- */

static char *blank_skip(char *at)
{
    while (*at == ' ' || *at == '\n' || *at == '\r' || *at == '\t')
        at++;
    return at;
}

static char *string_take(const char **string, char *at)
{
    if (*at != '"')
        return NULL;
    for (*string = ++at; *at != '"'; at++) {
        if ((signed char)*at < ' ' || *at == '\\') /* all but ASCII is below zero */
            return NULL;
    }
    *at = '\0';
    return at + 1;
}

/* What it stops at is not looked at here: only a comma or the object's end will do for the caller. */
static char *integer_take(apr_int64_t *integer, char *at)
{
    const char *first = at;
    for (*integer = 0; *at >= '0' && *at <= '9'; at++) {
        if (at - first == DIGITS_MAX)
            return NULL;
        *integer = *integer * 10 + (*at - '0');
    }
    return at == first || (*first == '0' && at > first + 1) ? NULL : at;
}

static char *value_take(finq_member *member, char *at)
{
    member->kind = *at == '"' ? FINQ_MEMBER_TEXT : FINQ_MEMBER_INTEGER;
    return *at == '"' ? string_take(&member->text, at) : integer_take(&member->integer, at);
}

static finq_member *member_find(finq_member *members, apr_size_t count, const char *name)
{
    for (apr_size_t i = 0; i < count; i++) {
        if (*members[i].name == *name && strcmp(members[i].name, name) == 0)
            return &members[i];
    }
    return NULL;
}

static char *member_take(finq_member *members, apr_size_t count, char *at)
{
    const char *name;
    at = string_take(&name, blank_skip(at));
    if (!at || *(at = blank_skip(at)) != ':')
        return NULL;
    finq_member *member = member_find(members, count, name);
    if (!member || member->kind != FINQ_MEMBER_ABSENT)
        return NULL;
    at = value_take(member, blank_skip(at + 1));
    return at ? blank_skip(at) : NULL;
}

int finq_members_plain(finq_member *members, apr_size_t count, char *text, const char *end)
{
    char *at = blank_skip(text);
    if (*at != '{')
        return 0;
    do
        at = member_take(members, count, at + 1);
    while (at && *at == ',');
    return at && *at == '}' && blank_skip(at + 1) == end;
}

/* ---- any spelling ---- */

static void member_set(finq_member *member, const json_t *value)
{
    const char *name = member->name;
    if (!value)
        *member = (finq_member){name, FINQ_MEMBER_ABSENT, NULL, 0, NULL};
    else if (json_is_string(value))
        *member = (finq_member){name, FINQ_MEMBER_TEXT, json_string_value(value), 0, NULL};
    else if (json_is_integer(value))
        *member = (finq_member){name, FINQ_MEMBER_INTEGER, NULL, json_integer_value(value), NULL};
    else
        *member = (finq_member){name, FINQ_MEMBER_OTHER, NULL, 0, value};
}

finq_error *finq_members_parse(finq_member *members, apr_size_t count, const char *what, finq_bytes text, apr_pool_t *pool)
{
    json_t *object;
    finq_error *error = finq_json_read(&object, what, text, pool);
    if (error && error->code == FINQ_E_INVALID_BODY)
        return finq_check_failed(pool, FINQ_CHECK_FORM, "%s", error->message);
    FINQ_TRY(error);
    for (apr_size_t i = 0; i < count; i++)
        member_set(&members[i], json_object_get(object, members[i].name));
    return NULL;
}

finq_error *finq_members_read(finq_member *members, apr_size_t count, const char *what, finq_bytes text, apr_pool_t *pool)
{
    char *copy = apr_pstrmemdup(pool, (const char *)text.data, text.length);
    if (finq_members_plain(members, count, copy, copy + text.length))
        return NULL;
    return finq_members_parse(members, count, what, text, pool);
}
