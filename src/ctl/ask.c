/* Whether a person at a terminal means it. */
#include "ctl.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "help.h"

/* A script has nobody to answer: it is asked nothing. */
static int is_asked(const ctl_command *command)
{
    for (const ctl_parameter *p = command->verb->parameters; p->name; p++) {
        if (strcmp(p->name, "--yes") == 0)
            return !ctl_value(command, "--yes") && isatty(STDIN_FILENO) && isatty(STDERR_FILENO);
    }
    return 0;
}

/* A line that begins with y. */
static int is_yes(void)
{
    int first = getchar();
    for (int rest = first; rest != '\n' && rest != EOF;)
        rest = getchar();
    return first == 'y' || first == 'Y';
}

ctl_exit ctl_ask(const ctl_command *command)
{
    if (!is_asked(command))
        return CTL_OK;
    ctl_help_sentence(stderr, command->verb);
    fprintf(stderr, "finqctl %s %s", command->verb->noun, command->verb->verb);
    for (int i = 0; command->verb->parameters[i].name; i++) {
        if (command->values[i])
            fprintf(stderr, " %s", command->values[i]);
    }
    fputs(": go on? (y/n) ", stderr);
    return is_yes() ? CTL_OK : ctl_fail(CTL_FAILED, "nothing was changed");
}
