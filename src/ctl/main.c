/* finqctl: the operator's command. */
#include "ctl.h"

#include <apr_general.h>
#include <stdio.h>

int main(int argc, const char *const *argv)
{
    ctl_command command = {0};
    ctl_exit code;
    apr_initialize();
    apr_pool_create(&command.pool, NULL);
    if (ctl_line_read(&command, &code, ctl_verbs, argc, argv))
        code = ctl_ask(&command) == CTL_OK ? command.verb->run(&command) : CTL_FAILED;
    ctl_db_close(&command);
    apr_pool_destroy(command.pool);
    apr_terminate();
    if (fflush(stdout) != 0 || ferror(stdout)) /* what did not fit the buffer failed when it was written */
        code = ctl_fail(CTL_FAILED, "standard output could not be written");
    return code;
}
