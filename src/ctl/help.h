/* What finqctl says of itself: for the command line alone. */
#ifndef FINQ_CTL_HELP_H
#define FINQ_CTL_HELP_H

#include <stdio.h>

#include "ctl.h"

/** A line that shows how a verb is used. */
typedef struct ctl_example {
    const char *noun, *verb; /**< as a ctl_verb has them */
    const char *line;
} ctl_example;

/** All examples, those of a verb in order; ends with a NULL noun. */
extern const ctl_example ctl_examples[];

/** One line: a verb with its words and options. */
void ctl_help_usage(FILE *out, const ctl_verb *verb);
/** All verbs, and what holds for each. */
void ctl_help_all(FILE *out, const ctl_verb *verbs);
/** The verbs of a noun, each with its first sentence. Returns 0, and writes nothing, where there is no such noun. */
int ctl_help_noun(FILE *out, const ctl_verb *verbs, const char *noun);
/** What a verb does, in one sentence. */
void ctl_help_sentence(FILE *out, const ctl_verb *verb);
/** All about a verb, to standard output. */
void ctl_help_verb(const ctl_verb *verb);
/** Says to standard error that there is no argv[1], or argv[1] argv[2]: with the nearest verb, or the verbs of the noun. */
ctl_exit ctl_help_unknown(const ctl_verb *verbs, int argc, const char *const *argv);
/** The option of a verb that is written nearly so; NULL where none is. What follows an = in `option` counts for nothing. */
const char *ctl_help_nearest_option(const ctl_verb *verb, const char *option);

#endif
