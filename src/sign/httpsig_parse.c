/* Signature-Input and Signature: from fields to entries. */
#include "sign/check.h"
#include "httpsig_field.h"

#include <apr_strings.h>
#include <string.h>

#include "ground/text.h"

/* The components that the RFC derives from a message. Which of them a message has, its caller says. */
static const char *const derived[] = {"@method", "@target-uri", "@authority",   "@scheme",        "@path",
                                      "@query",  "@status",     "@query-param", "@request-target"};

/* The canonical @signature-params: never longer than what was sent. */
typedef struct {
    char *text, *to;
} writer;

static void write_text(writer *out, const char *text)
{
    apr_size_t length = strlen(text);
    memcpy(out->to, text, length + 1);
    out->to += length;
}

static void write_string(writer *out, const char *text)
{
    *out->to++ = '"';
    for (; *text; text++) {
        if (*text == '"' || *text == '\\')
            *out->to++ = '\\';
        *out->to++ = *text;
    }
    *out->to++ = '"';
    *out->to = '\0';
}

static finq_error *malformed(const finq_field *field, const char *text)
{
    return finq_check_failed(field->pool, FINQ_CHECK_FORM, "%s", text);
}

static int is_derived(const char *name)
{
    for (size_t i = 0; i < sizeof derived / sizeof *derived; i++) {
        if (strcmp(derived[i], name) == 0)
            return 1;
    }
    return 0;
}

static int is_field_name(const char *name)
{
    static const char allowed[] = "abcdefghijklmnopqrstuvwxyz0123456789!#$%&'*+-.^_`|~";
    return *name && strspn(name, allowed) == strlen(name);
}

static finq_error *component_params(finq_field *field, writer *out, finq_httpsig_component *component)
{
    int is_query = strcmp(component->name, "@query-param") == 0;
    while (finq_field_char(field, ';')) {
        finq_field_spaces(field);
        const char *name = finq_field_key(field);
        if (!name || !is_query || component->query_name || strcmp(name, "name") != 0 || !finq_field_char(field, '='))
            return finq_check_failed(field->pool, FINQ_CHECK_FORM,
                                     "Signature-Input: the component \"%s\" has a parameter that is not accepted.",
                                     finq_text_show(component->name, field->pool));
        component->query_name = finq_field_string(field);
        if (!component->query_name)
            return malformed(field, "Signature-Input: the name of \"@query-param\" is no string.");
        write_text(out, ";name=");
        write_string(out, component->query_name);
    }
    if (is_query && !component->query_name)
        return malformed(field, "Signature-Input: \"@query-param\" needs a name.");
    return NULL;
}

static int is_same(const finq_httpsig_component *a, const finq_httpsig_component *b)
{
    return strcmp(a->name, b->name) == 0 &&
           (a->query_name && b->query_name ? strcmp(a->query_name, b->query_name) == 0 : a->query_name == b->query_name);
}

static finq_error *component_add(finq_httpsig_entry *entry, finq_field *field, writer *out)
{
    finq_httpsig_component component = {finq_field_string(field), NULL};
    if (!component.name)
        return malformed(field, "Signature-Input: a covered component is no string.");
    if (!is_derived(component.name) && !is_field_name(component.name))
        return finq_check_failed(field->pool, FINQ_CHECK_FORM,
                                 "Signature-Input: \"%s\" is no component (field names are in lower case).",
                                 finq_text_show(component.name, field->pool));
    if (entry->components->nelts == FINQ_HTTPSIG_COMPONENTS_MAX)
        return malformed(field, "Signature-Input: a signature covers more than 32 components.");
    write_string(out, component.name);
    FINQ_TRY(component_params(field, out, &component));
    for (int i = 0; i < entry->components->nelts; i++) {
        if (is_same(&APR_ARRAY_IDX(entry->components, i, finq_httpsig_component), &component))
            return malformed(field, "Signature-Input: a component is covered twice.");
    }
    APR_ARRAY_PUSH(entry->components, finq_httpsig_component) = component;
    return NULL;
}

static finq_error *components_read(finq_httpsig_entry *entry, finq_field *field, writer *out)
{
    int spaces = 1;
    if (!finq_field_char(field, '('))
        return malformed(field, "Signature-Input: a label's value is no list in parentheses.");
    write_text(out, "(");
    for (finq_field_spaces(field); !finq_field_char(field, ')'); spaces = finq_field_spaces(field)) {
        if (!spaces)
            return malformed(field, "Signature-Input: components are separated by a space.");
        if (entry->components->nelts)
            write_text(out, " ");
        FINQ_TRY(component_add(entry, field, out));
    }
    write_text(out, ")");
    return NULL;
}

static finq_error *param_read(finq_httpsig_entry *entry, finq_field *field, writer *out, const char *name)
{
    const struct {
        const char *name;
        apr_int64_t *seconds;
        const char **text;
    } known[] = {{"created", &entry->created, NULL}, {"expires", &entry->expires, NULL}, {"nonce", NULL, &entry->nonce},
                 {"alg", NULL, &entry->alg},         {"keyid", NULL, &entry->kid},       {"tag", NULL, &entry->tag}};
    size_t i = 0;
    while (i < sizeof known / sizeof *known && strcmp(known[i].name, name) != 0)
        i++;
    if (i == sizeof known / sizeof *known)
        return finq_check_failed(field->pool, FINQ_CHECK_FORM, "Signature-Input: the parameter %s is not accepted.",
                                 finq_text_show(name, field->pool));
    if (known[i].seconds ? *known[i].seconds != -1 : *known[i].text != NULL)
        return finq_check_failed(field->pool, FINQ_CHECK_FORM, "Signature-Input: %s is sent twice.", name);
    if (known[i].seconds && !finq_field_integer(field, known[i].seconds))
        return finq_check_failed(field->pool, FINQ_CHECK_FORM,
                                 "Signature-Input: %s must be an integer number of seconds since 1970.", name);
    if (known[i].text && !(*known[i].text = finq_field_string(field)))
        return finq_check_failed(field->pool, FINQ_CHECK_FORM, "Signature-Input: %s must be a string.", name);
    write_text(out, apr_pstrcat(field->pool, ";", name, "=", NULL));
    if (known[i].seconds)
        write_text(out, apr_psprintf(field->pool, "%" APR_INT64_T_FMT, *known[i].seconds));
    else
        write_string(out, *known[i].text);
    return NULL;
}

static finq_error *entry_read(finq_httpsig_entry *entry, finq_field *field)
{
    char *text = apr_palloc(field->pool, (apr_size_t)(field->end - field->at) + 1);
    writer out = {text, text};
    entry->components = apr_array_make(field->pool, 8, sizeof(finq_httpsig_component));
    entry->created = entry->expires = -1;
    FINQ_TRY(components_read(entry, field, &out));
    while (finq_field_char(field, ';')) {
        finq_field_spaces(field);
        const char *name = finq_field_key(field);
        if (!name || !finq_field_char(field, '='))
            return malformed(field, "Signature-Input: a parameter has no value.");
        FINQ_TRY(param_read(entry, field, &out, name));
    }
    entry->params = text;
    return NULL;
}

static finq_httpsig_entry *entry_find(const finq_httpsig *signatures, const char *label)
{
    for (int i = 0; i < signatures->entries->nelts; i++) {
        finq_httpsig_entry *entry = &APR_ARRAY_IDX(signatures->entries, i, finq_httpsig_entry);
        if (strcmp(entry->label, label) == 0)
            return entry;
    }
    return NULL;
}

static finq_error *input_read(finq_httpsig *into, finq_field *field)
{
    int more = 1;
    while (more > 0) {
        const char *label = finq_field_key(field);
        if (!label || !finq_field_char(field, '='))
            return malformed(field, "Signature-Input is no dictionary of signatures.");
        if (entry_find(into, label))
            return malformed(field, "Signature-Input: a label stands twice.");
        if (into->entries->nelts == FINQ_HTTPSIG_SIGNATURES_MAX)
            return malformed(field, "Signature-Input: more than 4 signatures.");
        finq_httpsig_entry *entry = apr_array_push(into->entries);
        entry->label = label;
        FINQ_TRY(entry_read(entry, field));
        more = finq_field_next(field);
    }
    return more ? malformed(field, "Signature-Input: something stands behind a signature.") : NULL;
}

static finq_error *signature_read(finq_httpsig *into, finq_field *field)
{
    int more = 1, count = 0;
    for (; more > 0; count++) {
        const char *label = finq_field_key(field);
        finq_httpsig_entry *entry = label ? entry_find(into, label) : NULL;
        if (!label || !finq_field_char(field, '='))
            return malformed(field, "Signature is no dictionary of signatures.");
        if (!entry)
            return malformed(field, "Signature has a label that Signature-Input has not.");
        if (entry->signature.data)
            return malformed(field, "Signature: a label stands twice.");
        if (!finq_field_bytes(field, &entry->signature))
            return malformed(field, "Signature: a value is no canonical base64 between colons.");
        more = finq_field_next(field);
    }
    if (more)
        return malformed(field, "Signature: something stands behind a value.");
    return count == into->entries->nelts ? NULL : malformed(field, "Signature-Input has a label that Signature has not.");
}

finq_error *finq_httpsig_parse(finq_httpsig **signatures, const char *input, const char *signature, apr_pool_t *pool)
{
    finq_httpsig *made = apr_palloc(pool, sizeof *made);
    if (!input || !signature)
        return finq_check_failed(pool, FINQ_CHECK_HEADER, "send both Signature-Input and Signature.");
    if (strlen(input) > FINQ_HTTPSIG_FIELD_MAX || strlen(signature) > FINQ_HTTPSIG_FIELD_MAX)
        return finq_check_failed(pool, FINQ_CHECK_FORM, "Signature-Input or Signature is longer than %d bytes.",
                                 FINQ_HTTPSIG_FIELD_MAX);
    made->entries = apr_array_make(pool, FINQ_HTTPSIG_SIGNATURES_MAX, sizeof(finq_httpsig_entry));
    finq_field inputs = finq_field_open(input, pool), values = finq_field_open(signature, pool);
    FINQ_TRY(input_read(made, &inputs));
    FINQ_TRY(signature_read(made, &values));
    *signatures = made;
    return NULL;
}
