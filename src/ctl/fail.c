/* What is told when something fails. */
#include "ctl.h"

#include <apr_strings.h>
#include <stdarg.h>
#include <stdio.h>

/* Where a verb goes on after a failure, and tells of it in its own way. */
static struct {
    apr_pool_t *pool; /* NULL: what fails is written at once */
    const char *text;
} held;

void ctl_fail_hold(apr_pool_t *pool)
{
    held.pool = pool;
    held.text = "";
}

const char *ctl_fail_held(void)
{
    held.pool = NULL;
    return held.text;
}

ctl_exit ctl_fail(ctl_exit code, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    if (held.pool) {
        const char *text = apr_pvsprintf(held.pool, format, args);
        held.text = *held.text ? held.text : text;
    } else {
        fputs("finqctl: ", stderr);
        vfprintf(stderr, format, args);
        fputc('\n', stderr);
    }
    va_end(args);
    return code;
}

ctl_exit ctl_fail_with(const finq_error *error)
{
    ctl_fail(CTL_FAILED, "%s", finq_error_why(error));
    for (int i = 0; error->details && i < error->details->nelts; i++) {
        const finq_detail *detail = &APR_ARRAY_IDX(error->details, i, finq_detail);
        fprintf(stderr, "  %s: %s\n", *detail->field ? detail->field : "(the whole document)", detail->message);
    }
    return CTL_FAILED;
}
