#include "sign/check.h"

#include <apr_strings.h>

typedef struct {
    const char *name;
    finq_code code;
} check_row;

static const check_row checks[FINQ_CHECK_COUNT] = {
#define X(enumerator, name, code) {name, FINQ_E_##code},
    FINQ_CHECKS(X)
#undef X
};

finq_error *finq_check_failed(apr_pool_t *pool, finq_check check, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    const char *text = apr_pvsprintf(pool, format, args);
    va_end(args);
    return finq_error_make(pool, checks[check].code, "Signature check failed (%s): %s", checks[check].name, text);
}
