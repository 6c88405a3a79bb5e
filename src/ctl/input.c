/* What verbs read. */
#include "ctl.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
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

ctl_exit ctl_secrets_load(finq_secrets **secrets, const ctl_command *command)
{
    const char *path = ctl_value(command, "--secret-file") ? ctl_value(command, "--secret-file") : getenv("FINQ_SECRET_FILE");
    if (!path)
        return ctl_fail(CTL_USAGE, "which secret file? Give --secret-file PATH (FinqSecretFile's) or set FINQ_SECRET_FILE");
    finq_error *error = finq_secrets_load(secrets, path, command->pool);
    return error ? ctl_fail(CTL_FAILED, "%s", finq_error_why(error)) : CTL_OK;
}
