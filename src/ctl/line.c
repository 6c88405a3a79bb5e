#include "ctl.h"

#include <apr_strings.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

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
    ctl_fail(CTL_FAILED, "%s", error->cause ? error->cause : error->message);
    for (int i = 0; error->details && i < error->details->nelts; i++) {
        const finq_detail *detail = &APR_ARRAY_IDX(error->details, i, finq_detail);
        fprintf(stderr, "  %s: %s\n", *detail->field ? detail->field : "(the whole document)", detail->message);
    }
    return CTL_FAILED;
}

static void usage_print(FILE *out, const ctl_verb *verb)
{
    fprintf(out, "  finqctl %s%s%s", verb->noun, verb->verb ? " " : "", verb->verb ? verb->verb : "");
    for (const ctl_parameter *p = verb->parameters; p->name; p++) {
        const char *open = p->required ? "" : "[", *close = p->required ? "" : "]";
        if (p->name[0] != '-')
            fprintf(out, " %s%s%s", open, p->name, close);
        else if (p->value)
            fprintf(out, " %s%s %s%s", open, p->name, p->value, close);
        else
            fprintf(out, " %s%s%s", open, p->name, close);
    }
    fputc('\n', out);
}

static void help_all(FILE *out)
{
    fputs("finqctl, the operator's command of mod_finq\n\nUsage:\n", out);
    for (const ctl_verb *verb = ctl_verbs; verb->noun; verb++)
        usage_print(out, verb);
    fputs("\nfinqctl NOUN VERB --help tells more of a verb.\n\n"
          "  --db CONNINFO   the database, as libpq names it, e.g. \"host=db dbname=finq user=finq_owner\";\n"
          "                  default: the environment variable FINQ_DB\n\n"
          "Results are JSON on standard output, errors go to standard error. Exit codes: 0 done, 1 refused,\n"
          "2 wrong usage, 3 not found, 4 exists already and differs, 5 the database cannot be used.\n",
          out);
}

static void help_verb(const ctl_verb *verb)
{
    printf("%s\n\nUsage:\n", verb->help);
    usage_print(stdout, verb);
    for (const ctl_parameter *p = verb->parameters; p->name; p++) {
        const char *label = p->value && p->name[0] == '-' ? p->value : "";
        printf("\n  %s %s\n      %s\n", p->name, label, p->help);
    }
}

static const ctl_verb *verb_find(int argc, const char *const *argv)
{
    for (const ctl_verb *v = ctl_verbs; v->noun; v++) {
        if (argc > (v->verb ? 2 : 1) && strcmp(v->noun, argv[1]) == 0 && (!v->verb || strcmp(v->verb, argv[2]) == 0))
            return v;
    }
    return NULL;
}

static int usage_wrong(const ctl_verb *verb, ctl_exit *exit, const char *what, const char *which)
{
    *exit = ctl_fail(CTL_USAGE, "%s%s", what, which);
    fputs("Usage:\n", stderr);
    usage_print(stderr, verb);
    return 0;
}

/* The place of the option `name`, or of the next word that has not been given. */
static int parameter_place(const ctl_command *command, const char *name)
{
    for (int i = 0; command->verb->parameters[i].name; i++) {
        const char *known = command->verb->parameters[i].name;
        if (name[0] == '-' && name[1] ? strcmp(known, name) == 0 : known[0] != '-' && !command->values[i])
            return i;
    }
    return -1;
}

static int values_read(ctl_command *command, ctl_exit *exit, int argc, const char *const *argv)
{
    for (int i = 0; i < argc; i++) {
        int place = parameter_place(command, argv[i]);
        if (strcmp(argv[i], "--db") == 0 && i + 1 < argc) {
            command->conninfo = argv[++i];
            continue;
        }
        if (place < 0)
            return usage_wrong(command->verb, exit, argv[i][0] == '-' ? "unknown option " : "too many words: ", argv[i]);
        const ctl_parameter *parameter = &command->verb->parameters[place];
        if (command->values[place])
            return usage_wrong(command->verb, exit, "given twice: ", parameter->name);
        if (parameter->name[0] == '-' && parameter->value && ++i == argc)
            return usage_wrong(command->verb, exit, "value missing after ", parameter->name);
        command->values[place] = argv[i];
    }
    for (int i = 0; command->verb->parameters[i].name; i++) {
        if (command->verb->parameters[i].required && !command->values[i])
            return usage_wrong(command->verb, exit, "missing: ", command->verb->parameters[i].name);
    }
    return 1;
}

static int asks_for_help(int argc, const char *const *argv)
{
    for (int i = 0; i < argc; i++) {
        if (strcmp(argv[i], "--help") == 0 || strcmp(argv[i], "-h") == 0)
            return 1;
    }
    return 0;
}

int ctl_line_read(ctl_command *command, ctl_exit *exit, int argc, const char *const *argv)
{
    command->conninfo = getenv("FINQ_DB");
    if (argc > 2 && strcmp(argv[1], "--db") == 0) { /* before the verb as well */
        command->conninfo = argv[2];
        argv += 2;
        argc -= 2;
    }
    command->verb = verb_find(argc, argv);
    *exit = CTL_OK;
    if (!command->verb) {
        int asked = asks_for_help(argc, argv);
        help_all(asked ? stdout : stderr);
        if (!asked)
            *exit = argc > 2 ? ctl_fail(CTL_USAGE, "there is no \"%s %s\"", argv[1], argv[2]) : CTL_USAGE;
        return 0;
    }
    if (asks_for_help(argc, argv)) {
        help_verb(command->verb);
        return 0;
    }
    int words = command->verb->verb ? 3 : 2;
    return values_read(command, exit, argc - words, argv + words);
}

const char *ctl_value(const ctl_command *command, const char *name)
{
    for (int i = 0; command->verb->parameters[i].name; i++) {
        if (strcmp(command->verb->parameters[i].name, name) == 0)
            return command->values[i];
    }
    return NULL;
}
