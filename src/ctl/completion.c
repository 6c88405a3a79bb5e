/* What a shell completes, written from the table of verbs. */
#include "ctl.h"

#include <stdio.h>
#include <string.h>

/* A shell's function: a case over how many words there are, and the first two; what is offered for each. */
typedef struct {
    const char *name, *head, *open, *close, *tail;
} shell;

static const shell shells[] = {
    {"bash", "_finqctl()\n{\n    local words=\n    case \"$COMP_CWORD ${COMP_WORDS[1]} ${COMP_WORDS[2]}\" in\n", "words='", "'",
     "    esac\n    COMPREPLY=($(compgen -W \"$words\" -- \"${COMP_WORDS[COMP_CWORD]}\"))\n}\n"
     "complete -o default -F _finqctl finqctl\n"},
    {"zsh", "#compdef finqctl\n_finqctl()\n{\n    case \"$((CURRENT - 1)) ${words[2]} ${words[3]}\" in\n", "compadd --",
     " && return",
     "    esac\n    (( CURRENT < 4 )) || _files\n}\n"
     "if [[ $funcstack[1] == _finqctl ]]; then _finqctl \"$@\"; else compdef _finqctl finqctl; fi\n"},
    {NULL, NULL, NULL, NULL, NULL},
};

/* Each noun once: where its first verb stands. */
static int is_first(const ctl_verb *verbs, const ctl_verb *verb)
{
    while (strcmp(verbs->noun, verb->noun) != 0)
        verbs++;
    return verbs == verb;
}

static void nouns_print(const ctl_verb *verbs)
{
    for (const ctl_verb *v = verbs; v->noun; v++) {
        if (is_first(verbs, v))
            printf(" %s", v->noun);
    }
}

static void options_print(const ctl_verb *verb)
{
    for (const ctl_parameter *p = verb->parameters; p->name; p++) {
        if (p->name[0] == '-')
            printf(" %s", p->name);
    }
    fputs(" --db --json --help", stdout);
}

/* A noun's verbs, and the options of the noun alone, where it does something. */
static void verbs_print(const ctl_verb *verbs, const char *noun)
{
    for (; verbs->noun; verbs++) {
        if (strcmp(verbs->noun, noun) != 0)
            continue;
        if (verbs->verb)
            printf(" %s", verbs->verb);
        else
            options_print(verbs);
    }
}

/* The first words, and those that help explains. */
static void nouns_case(const shell *to, const ctl_verb *verbs)
{
    printf("    '1 '*) %s", to->open);
    nouns_print(verbs);
    printf(" help --version%s ;;\n    '2 help '*) %s", to->close, to->open);
    nouns_print(verbs);
    printf("%s ;;\n", to->close);
}

/* The second words. */
static void verbs_case(const shell *to, const ctl_verb *verbs, const ctl_verb *verb)
{
    printf("    '2 %s '*|'3 help %s') %s", verb->noun, verb->noun, to->open);
    verbs_print(verbs, verb->noun);
    printf("%s ;;\n", to->close);
}

static void options_case(const shell *to, const ctl_verb *verb)
{
    if (verb->verb)
        printf("    *' %s %s') %s", verb->noun, verb->verb, to->open);
    else
        printf("    *' %s '*) %s", verb->noun, to->open);
    options_print(verb);
    printf("%s ;;\n", to->close);
}

ctl_exit ctl_completion(ctl_command *command)
{
    const char *name = ctl_value(command, "SHELL");
    const shell *to = shells;
    while (to->name && strcmp(to->name, name) != 0)
        to++;
    if (!to->name)
        return ctl_fail(CTL_USAGE, "SHELL is bash or zsh, not \"%s\"", name);
    fputs(to->head, stdout);
    nouns_case(to, command->verbs);
    for (const ctl_verb *v = command->verbs; v->noun; v++) {
        if (is_first(command->verbs, v))
            verbs_case(to, command->verbs, v);
    }
    for (const ctl_verb *v = command->verbs; v->noun; v++)
        options_case(to, v);
    fputs(to->tail, stdout);
    return CTL_OK;
}
