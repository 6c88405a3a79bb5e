#include "skills/translation.h"

#include <apr_lib.h>
#include <apr_strings.h>
#include <string.h>

enum { TEXT_MAX = 2000, LANGUAGE_MAX = 35 };

/* ---- pointers (RFC 6901) ---- */

/* Undoes ~1 and ~0 in place. */
static char *unescape(char *token)
{
    char *to = token;
    for (const char *from = token; *from; from++) {
        if (from[0] == '~' && (from[1] == '0' || from[1] == '1'))
            *to++ = *++from == '1' ? '/' : '~';
        else
            *to++ = *from;
    }
    *to = '\0';
    return token;
}

static json_t *below(const json_t *value, const char *token)
{
    if (json_is_array(value))
        return apr_isdigit(*token) ? json_array_get(value, (size_t)apr_atoi64(token)) : NULL;
    return json_object_get(value, token);
}

static int is_text_member(const char *name)
{
    return strcmp(name, "title") == 0 || strcmp(name, "description") == 0;
}

/* The object whose member a pointer names, and that member's name; NULL where it leads to no title and no description. */
static json_t *holder_find(const char **name, const json_t *skill, const char *pointer, apr_pool_t *pool)
{
    json_t *holder = (json_t *)skill;
    char *rest = apr_pstrdup(pool, pointer), *slash;
    if (*rest++ != '/')
        return NULL;
    while ((slash = strchr(rest, '/')) != NULL) {
        *slash = '\0';
        holder = below(holder, unescape(rest));
        rest = slash + 1;
    }
    *name = unescape(rest);
    return is_text_member(*name) && json_is_string(json_object_get(holder, *name)) ? holder : NULL;
}

/* ---- checking ---- */

/* As BCP 47 writes them: ro, pt-BR. */
static int is_language(const char *text)
{
    apr_size_t length = strspn(text, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-");
    return text[length] == '\0' && length <= LANGUAGE_MAX && apr_islower(text[0]) && apr_islower(text[1]);
}

static void texts_check(finq_faults *faults, const json_t *definition, const json_t *texts, const finq_path *path)
{
    const char *pointer, *name;
    json_t *text;
    json_object_foreach((json_t *)texts, pointer, text)
    {
        finq_path item = {path, pointer, 0};
        if (!json_is_string(text) || json_string_length(text) == 0 || json_string_length(text) > TEXT_MAX)
            finq_fault_note(faults, &item, "must be a string of 1 to %d bytes", TEXT_MAX);
        else if (strncmp(pointer, "/translations/", 14) == 0 || !holder_find(&name, definition, pointer, faults->pool))
            finq_fault_note(faults, &item, "must be a JSON Pointer to a title or a description of the skill");
    }
}

void finq_translation_check(finq_faults *faults, const json_t *definition)
{
    const json_t *translations = json_object_get(definition, "translations");
    finq_path path = {NULL, "translations", 0};
    const char *language;
    json_t *texts;
    if (translations && !json_is_object(translations))
        finq_fault_note(faults, &path, "must be an object");
    json_object_foreach((json_t *)translations, language, texts)
    {
        finq_path item = {&path, language, 0};
        if (!is_language(language))
            finq_fault_note(faults, &item, "must be a language, such as ro or pt-BR");
        else if (!json_is_object(texts))
            finq_fault_note(faults, &item, "must be an object");
        else
            texts_check(faults, definition, texts, &item);
    }
}

/* ---- what is missing ---- */

typedef struct {
    const json_t *texts;
    apr_array_header_t *missing;
    apr_pool_t *pool;
} search;

static void value_search(search *s, const json_t *value, const finq_path *path);

static void member_search(search *s, const json_t *value, const finq_path *path)
{
    const char *pointer = finq_fault_pointer(path, s->pool);
    if (is_text_member(path->name) && json_is_string(value)) {
        if (!json_object_get(s->texts, pointer))
            APR_ARRAY_PUSH(s->missing, const char *) = pointer;
    } else
        value_search(s, value, path);
}

static int is_data(const char *name)
{
    static const char *const names[] = {"translations", "examples", "default", "const", "enum", "required"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        if (strcmp(names[i], name) == 0)
            return 1;
    }
    return 0;
}

static void value_search(search *s, const json_t *value, const finq_path *path)
{
    int are_names = path && path->name && (strcmp(path->name, "properties") == 0 || strcmp(path->name, "$defs") == 0);
    const char *name;
    json_t *item;
    size_t i;
    json_object_foreach((json_t *)value, name, item)
    {
        finq_path under = {path, name, 0};
        if (are_names)
            value_search(s, item, &under);
        else if (!is_data(name))
            member_search(s, item, &under);
    }
    json_array_foreach((json_t *)value, i, item)
    {
        finq_path under = {path, NULL, i};
        value_search(s, item, &under);
    }
}

apr_array_header_t *finq_translation_missing(const json_t *definition, const json_t *texts, apr_pool_t *pool)
{
    search s = {texts, apr_array_make(pool, 8, sizeof(const char *)), pool};
    value_search(&s, definition, NULL);
    return s.missing;
}

/* ---- in use ---- */

void finq_translation_apply(json_t *skill, const json_t *texts, apr_pool_t *pool)
{
    const char *pointer, *name;
    json_t *text;
    json_object_foreach((json_t *)texts, pointer, text)
    {
        json_t *holder = holder_find(&name, skill, pointer, pool);
        if (holder)
            json_object_set(holder, name, text);
    }
}
