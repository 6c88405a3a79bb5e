#include "ground/error.h"

#include <apr_strings.h>
#include <string.h>

#include "ground/text.h"

typedef struct {
    const char *type;
    int http;
    const char *name;
} code_row;

static const code_row codes[FINQ_E_COUNT] = {
#define X(enumerator, type, http, name) {type, http, name},
    FINQ_CODES(X)
#undef X
};

static finq_error *error_new(apr_pool_t *pool, finq_code code, const char *message, const char *cause)
{
    finq_error *error = apr_pcalloc(pool, sizeof *error);
    error->code = code;
    error->message = message;
    error->cause = cause;
    return error;
}

finq_error *finq_error_make(apr_pool_t *pool, finq_code code, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    const char *message = apr_pvsprintf(pool, format, args);
    va_end(args);
    return error_new(pool, code, message, NULL);
}

finq_error *finq_error_internal(apr_pool_t *pool, finq_code code, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    const char *cause = apr_pvsprintf(pool, format, args);
    va_end(args);
    const char *message = code == FINQ_E_SERVICE_UNAVAILABLE
                              ? "The service is unavailable for the moment; send the same request again."
                              : "The server could not finish the request; its log says why, under this id.";
    return error_new(pool, code, message, cause);
}

static finq_error *fact_add(finq_error *error, finq_fact fact, apr_pool_t *pool)
{
    fact.next = error->facts;
    error->facts = apr_pmemdup(pool, &fact, sizeof fact);
    return error;
}

finq_error *finq_error_tell(finq_error *error, const char *name, const char *text, apr_pool_t *pool)
{
    return fact_add(error, (finq_fact){.name = name, .kind = FINQ_FACT_TEXT, .text = text}, pool);
}

finq_error *finq_error_tell_number(finq_error *error, const char *name, apr_int64_t number, apr_pool_t *pool)
{
    return fact_add(error, (finq_fact){.name = name, .kind = FINQ_FACT_NUMBER, .number = number}, pool);
}

finq_error *finq_error_tell_texts(finq_error *error, const char *name, const apr_array_header_t *texts, apr_pool_t *pool)
{
    return fact_add(error, (finq_fact){.name = name, .kind = FINQ_FACT_TEXTS, .texts = texts}, pool);
}

finq_error *finq_error_missing(const apr_array_header_t *names, apr_pool_t *pool)
{
    finq_error *error = finq_error_make(pool, FINQ_E_MISSING_FIELDS, "Missing: %s.", finq_text_join(names, pool));
    return finq_error_tell_texts(error, "fields", names, pool);
}

finq_error *finq_error_too_large(const char *what, apr_int64_t most, apr_pool_t *pool)
{
    finq_error *error =
        finq_error_make(pool, FINQ_E_PAYLOAD_TOO_LARGE, "%s is larger than %" APR_INT64_T_FMT " bytes.", what, most);
    return finq_error_tell_number(error, "max_bytes", most, pool);
}

const char *finq_error_why(const finq_error *error)
{
    return error->cause ? error->cause : error->message;
}

const char *finq_code_type(finq_code code)
{
    return codes[code].type;
}

int finq_code_http(finq_code code)
{
    return codes[code].http;
}

const char *finq_code_name(finq_code code)
{
    return codes[code].name;
}

finq_code finq_code_by_name(const char *name)
{
    for (int i = FINQ_E_COUNT - 1; i >= 0; i--) { /* backwards: the 401 of a name stands behind its 400 */
        if (strcmp(codes[i].name, name) == 0)
            return (finq_code)i;
    }
    return FINQ_E_INTERNAL_SERVER_ERROR;
}
