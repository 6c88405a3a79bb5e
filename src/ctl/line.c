#include "ctl.h"

#include <apr_strings.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "help.h"
#include "ground/version.h"

static const ctl_verb *verb_find(const ctl_verb *verbs, int argc, const char *const *argv)
{
    for (const ctl_verb *v = verbs; v->noun; v++) {
        if (argc > (v->verb ? 2 : 1) && strcmp(v->noun, argv[1]) == 0 && (!v->verb || strcmp(v->verb, argv[2]) == 0))
            return v;
    }
    return NULL;
}

static int usage_wrong(const ctl_verb *verb, ctl_exit *exit, const char *what, const char *which)
{
    *exit = ctl_fail(CTL_USAGE, "%s%s", what, which);
    fputs("Usage:\n", stderr);
    ctl_help_usage(stderr, verb);
    return 0;
}

/* The words of a line that are still to be read. */
typedef struct {
    const char *const *next, *const *end;
    int are_values; /* after --: none of them is an option, whatever it begins with */
} words;

static int is_option(const words *left, const char *word)
{
    return !left->are_values && word[0] == '-' && word[1];
}

/* Whether a word is the option of that name, with =VALUE behind it or not. */
static int is_named(const char *word, const char *name)
{
    size_t length = strcspn(word, "=");
    return strlen(name) == length && strncmp(word, name, length) == 0;
}

/* What stands behind an option's =, or as the next word; NULL where nothing does. */
static const char *option_value(words *left, const char *option)
{
    const char *equals = strchr(option, '=');
    if (equals)
        return equals + 1;
    return left->next < left->end ? *left->next++ : NULL;
}

static int value_put(ctl_command *command, ctl_exit *exit, int place, const char *value)
{
    if (command->values[place])
        return usage_wrong(command->verb, exit, "given twice: ", command->verb->parameters[place].name);
    command->values[place] = value;
    return 1;
}

/* What every verb takes. */
static const ctl_parameter anywhere[] = {{"--db", "CONNINFO", 0, NULL}, {"--json", NULL, 0, NULL}, {NULL, NULL, 0, NULL}};

static void anywhere_put(ctl_command *command, const ctl_parameter *parameter, const char *value)
{
    if (parameter == &anywhere[0])
        command->conninfo = value;
    else
        command->as_json = 1;
}

static const ctl_parameter *parameter_find(const ctl_parameter *parameters, const char *option)
{
    for (; parameters->name; parameters++) {
        if (is_named(option, parameters->name))
            return parameters;
    }
    return NULL;
}

static int option_unknown(const ctl_command *command, ctl_exit *exit, const char *option)
{
    const char *near = ctl_help_nearest_option(command->verb, option);
    const char *which = near ? apr_psprintf(command->pool, "%s; did you mean %s?", option, near) : option;
    return usage_wrong(command->verb, exit, "unknown option (a value that begins with - follows a --): ", which);
}

static int option_read(ctl_command *command, ctl_exit *exit, words *left, const char *option)
{
    const ctl_parameter *own = parameter_find(command->verb->parameters, option);
    const ctl_parameter *parameter = own ? own : parameter_find(anywhere, option);
    if (!parameter)
        return option_unknown(command, exit, option);
    if (!parameter->value && strchr(option, '='))
        return usage_wrong(command->verb, exit, "takes no value: ", parameter->name);
    const char *value = parameter->value ? option_value(left, option) : option;
    if (!value)
        return usage_wrong(command->verb, exit, "value missing after ", parameter->name);
    if (own)
        return value_put(command, exit, (int)(own - command->verb->parameters), value);
    anywhere_put(command, parameter, value);
    return 1;
}

/* The next word that has not been given. */
static int word_read(ctl_command *command, ctl_exit *exit, const char *word)
{
    int place = 0;
    while (command->verb->parameters[place].name && (command->verb->parameters[place].name[0] == '-' || command->values[place]))
        place++;
    if (!command->verb->parameters[place].name)
        return usage_wrong(command->verb, exit, "too many words: ", word);
    return value_put(command, exit, place, word);
}

static int is_help(const char *word)
{
    return strcmp(word, "--help") == 0 || strcmp(word, "-h") == 0;
}

/* Whether all that is needed was given, and whether each is what it may be. */
static int values_check(const ctl_command *command, ctl_exit *exit)
{
    const ctl_parameter *parameters = command->verb->parameters;
    for (int i = 0; parameters[i].name; i++) {
        if (parameters[i].required && !command->values[i])
            return usage_wrong(command->verb, exit, "missing: ", parameters[i].name);
    }
    for (int i = 0; parameters[i].name && *exit == CTL_OK; i++) {
        if (command->values[i])
            *exit = ctl_value_check(&parameters[i], command->values[i], command->pool);
    }
    return *exit == CTL_OK;
}

static int values_read(ctl_command *command, ctl_exit *exit, words *left)
{
    while (left->next < left->end) {
        const char *word = *left->next++;
        if (!is_option(left, word)) {
            if (!word_read(command, exit, word))
                return 0;
        } else if (is_help(word)) {
            ctl_help_verb(command->verb);
            return 0;
        } else if (strcmp(word, "--") == 0)
            left->are_values = 1;
        else if (!option_read(command, exit, left, word))
            return 0;
    }
    return values_check(command, exit);
}

/* These options before the verb as well. Gives the place of the noun's word. */
static int front_read(ctl_command *command, int argc, const char *const *argv)
{
    words left = {argv + 1, argv + argc, 0};
    const ctl_parameter *parameter;
    command->conninfo = getenv("FINQ_DB");
    while (left.next < left.end && (parameter = parameter_find(anywhere, *left.next))) {
        const char *option = *left.next++, *value = parameter->value ? option_value(&left, option) : option;
        if (value)
            anywhere_put(command, parameter, value);
    }
    return (int)(left.next - argv);
}

/* `help`, `help NOUN`, `help NOUN VERB`, and --help in their place. */
static int help_answer(ctl_exit *exit, const ctl_verb *verbs, int argc, const char *const *argv)
{
    const ctl_verb *verb = verb_find(verbs, argc, argv);
    if (verb)
        ctl_help_verb(verb);
    else if (argc < 2)
        ctl_help_all(stdout, verbs);
    else if (argc > 2 || !ctl_help_noun(stdout, verbs, argv[1]))
        *exit = ctl_help_unknown(verbs, argc, argv);
    return 0;
}

/* There is no such verb. A noun without one, or with one that resembles none of its own, shows what it has. */
static int verb_missing(ctl_exit *exit, const ctl_verb *verbs, int argc, const char *const *argv)
{
    *exit = CTL_USAGE;
    if (argc < 2)
        ctl_help_all(stderr, verbs);
    else if (argc > 2 || !ctl_help_noun(stderr, verbs, argv[1]))
        *exit = ctl_help_unknown(verbs, argc, argv);
    return 0;
}

int ctl_line_read(ctl_command *command, ctl_exit *exit, const ctl_verb *verbs, int argc, const char *const *argv)
{
    int read = front_read(command, argc, argv) - 1;
    argv += read;
    argc -= read;
    command->verbs = verbs;
    command->verb = verb_find(verbs, argc, argv);
    *exit = CTL_OK;
    if (argc == 2 && strcmp(argv[1], "--version") == 0) {
        puts("finqctl " FINQ_VERSION);
        return 0;
    }
    if (argc > 1 && (strcmp(argv[1], "help") == 0 || is_help(argv[1])))
        return help_answer(exit, verbs, argc - 1, argv + 1);
    if (argc > 2 && !command->verb && is_help(argv[2]))
        return help_answer(exit, verbs, 2, argv);
    if (!command->verb)
        return verb_missing(exit, verbs, argc, argv);
    words left = {argv + (command->verb->verb ? 3 : 2), argv + argc, 0};
    return values_read(command, exit, &left);
}

const char *ctl_value(const ctl_command *command, const char *name)
{
    for (int i = 0; command->verb->parameters[i].name; i++) {
        if (strcmp(command->verb->parameters[i].name, name) == 0)
            return command->values[i];
    }
    return NULL;
}
