/* Headers of section 13. */
#include "resumption.h"

#include <apr_strings.h>
#include <http_core.h>

void finq_resumption_set(finq_transfer *transfer, const char *name, const char *value)
{
    apr_table_set(transfer->request->r->err_headers_out, name, value);
}

void finq_resumption_set_number(finq_transfer *transfer, const char *name, apr_int64_t number)
{
    finq_resumption_set(transfer, name, apr_psprintf(transfer->pool, "%" APR_INT64_T_FMT, number));
}

finq_error *finq_resumption_wrong(const finq_transfer *transfer, const char *name, const char *what)
{
    return finq_error_make(transfer->pool, FINQ_E_INVALID_HEADERS, "%s %s.", name, what);
}

finq_error *finq_resumption_number(apr_int64_t *number, const finq_transfer *transfer, const char *name)
{
    const char *text = apr_table_get(transfer->request->r->headers_in, name);
    apr_off_t value;
    if (!text)
        return NULL;
    if (!ap_parse_strict_length(&value, text))
        return finq_resumption_wrong(transfer, name, "is no number of bytes");
    *number = value;
    return NULL;
}
