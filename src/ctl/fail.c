/* What is told when something fails. */
#include "ctl.h"

#include <stdarg.h>
#include <stdio.h>

ctl_exit ctl_fail(ctl_exit code, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    fputs("finqctl: ", stderr);
    vfprintf(stderr, format, args);
    fputc('\n', stderr);
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
