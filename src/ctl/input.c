/* What verbs read. */
#include "ctl.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

ctl_exit ctl_file_read(char **text, apr_size_t *length, const char *path, apr_size_t most, apr_pool_t *pool)
{
    FILE *file = strcmp(path, "-") == 0 ? stdin : fopen(path, "rb");
    if (!file)
        return ctl_fail(CTL_FAILED, "%s: %s", path, strerror(errno));
    *text = apr_palloc(pool, most + 1);
    *length = fread(*text, 1, most + 1, file);
    int failed = ferror(file);
    if (file != stdin)
        fclose(file);
    if (failed)
        return ctl_fail(CTL_FAILED, "%s cannot be read", path);
    if (*length > most)
        return ctl_fail(CTL_FAILED, "%s is larger than %" APR_SIZE_T_FMT " bytes", path, most);
    (*text)[*length] = '\0';
    return CTL_OK;
}
