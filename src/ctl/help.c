/* What finqctl says of itself, all of it from the table of verbs. */
#include "help.h"

#include <stdlib.h>
#include <string.h>

#define HELP_WIDTH 78
#define WORD_MAX 64

void ctl_help_usage(FILE *out, const ctl_verb *verb)
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

void ctl_help_all(FILE *out, const ctl_verb *verbs)
{
    fputs("finqctl, the operator's command of mod_finq\n\nUsage:\n", out);
    for (const ctl_verb *verb = verbs; verb->noun; verb++)
        ctl_help_usage(out, verb);
    fputs("\nfinqctl help NOUN shows a noun's verbs, finqctl help NOUN VERB tells all of one; NOUN VERB --help does too.\n"
          "finqctl --version says which version this is.\n\n"
          "Options may stand anywhere, as --name VALUE or --name=VALUE. After -- there are none: what follows\n"
          "are values, such as a key id that begins with \"-\".\n\n"
          "  --db CONNINFO   the database, as libpq names it, e.g. \"host=db dbname=finq user=finq_owner\";\n"
          "                  default: the environment variable FINQ_DB\n"
          "  --json          JSON to a terminal too\n\n"
          "Results go to standard output, as tables to a terminal and else as a line of JSON; times are in UTC.\n"
          "Errors go to standard error. Exit codes: 0 done, 1 refused,\n"
          "2 wrong usage, 3 not found, 4 exists already and differs, 5 the database cannot be used.\n",
          out);
}

/* So many bytes in lines, each behind so many blanks. */
static void text_print(FILE *out, const char *text, int length, int indent)
{
    const char *end = text + length;
    for (int column = 0; text < end; text += strspn(text, " ")) {
        int word = (int)strcspn(text, " ");
        if (column && column + 1 + word > HELP_WIDTH) {
            fputc('\n', out);
            column = 0;
        }
        column += fprintf(out, "%*s%.*s", column ? 1 : indent, "", word, text);
        text += word;
    }
    fputc('\n', out);
}

/* Up to its first full stop. */
static int sentence_length(const char *text)
{
    const char *end = strstr(text, ". ");
    return end ? (int)(end - text) + 1 : (int)strlen(text);
}

void ctl_help_sentence(FILE *out, const ctl_verb *verb)
{
    text_print(out, verb->help, sentence_length(verb->help), 6);
}

int ctl_help_noun(FILE *out, const ctl_verb *verbs, const char *noun)
{
    int found = 0;
    for (const ctl_verb *verb = verbs; verb->noun; verb++) {
        if (strcmp(verb->noun, noun) != 0)
            continue;
        if (!found++)
            fputs("Usage:\n", out);
        ctl_help_usage(out, verb);
        ctl_help_sentence(out, verb);
    }
    if (found)
        fprintf(out, "\nfinqctl help %s VERB tells more of one.\n", noun);
    return found;
}

static int is_of(const ctl_example *example, const ctl_verb *verb)
{
    return strcmp(example->noun, verb->noun) == 0 &&
           (example->verb && verb->verb ? strcmp(example->verb, verb->verb) == 0 : example->verb == verb->verb);
}

static void examples_print(const ctl_verb *verb)
{
    int count = 0;
    for (const ctl_example *example = ctl_examples; example->noun; example++) {
        if (is_of(example, verb))
            printf("%s  %s\n", count++ ? "" : "\nExamples:\n", example->line);
    }
}

void ctl_help_verb(const ctl_verb *verb)
{
    text_print(stdout, verb->help, (int)strlen(verb->help), 0);
    printf("\nUsage:\n");
    ctl_help_usage(stdout, verb);
    for (const ctl_parameter *p = verb->parameters; p->name; p++) {
        const char *label = p->value && p->name[0] == '-' ? p->value : "";
        printf("\n  %s%s%s\n", p->name, *label ? " " : "", label);
        text_print(stdout, p->help, (int)strlen(p->help), 6);
    }
    examples_print(verb);
}

/* ---- what was meant ---- */

static int least(int a, int b)
{
    return a < b ? a : b;
}

/* How many letters are to be put in, taken out, replaced or swapped with the next to make one word of the other. Words longer
 * than WORD_MAX are compared as far as that. */
static int distance(const char *a, size_t a_length, const char *b)
{
    int rows[WORD_MAX + 1][WORD_MAX + 1];
    int m = least((int)a_length, WORD_MAX), n = least((int)strlen(b), WORD_MAX);
    for (int i = 0; i <= m; i++)
        rows[i][0] = i;
    for (int j = 0; j <= n; j++)
        rows[0][j] = j;
    for (int i = 1; i <= m; i++) {
        for (int j = 1; j <= n; j++) {
            int best = rows[i - 1][j - 1] + (a[i - 1] != b[j - 1]);
            best = least(best, 1 + least(rows[i - 1][j], rows[i][j - 1]));
            if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
                best = least(best, 1 + rows[i - 2][j - 2]);
            rows[i][j] = best;
        }
    }
    return rows[m][n];
}

/* Whether so many mistakes still leave the word what it was: one in three letters. */
static int is_near(int mistakes, size_t letters)
{
    return mistakes <= least(3, (int)letters / 3);
}

static const ctl_verb *nearest(const ctl_verb *verbs, const char *noun, const char *verb)
{
    const ctl_verb *best = NULL;
    int fewest = WORD_MAX;
    for (const ctl_verb *v = verbs; v->noun; v++) {
        int of_noun = distance(noun, strlen(noun), v->noun),
            of_verb = v->verb && verb ? distance(verb, strlen(verb), v->verb) : 0;
        if (v->verb && verb && !is_near(of_verb, strlen(v->verb)))
            continue;
        if (!is_near(of_noun, strlen(v->noun)) || of_noun + of_verb >= fewest)
            continue;
        best = v;
        fewest = of_noun + of_verb;
    }
    return best;
}

static int is_noun(const ctl_verb *verbs, const char *noun)
{
    while (verbs->noun && strcmp(verbs->noun, noun) != 0)
        verbs++;
    return verbs->noun != NULL;
}

ctl_exit ctl_help_unknown(const ctl_verb *verbs, int argc, const char *const *argv)
{
    const char *noun = argv[1], *verb = argc > 2 ? argv[2] : NULL;
    const ctl_verb *near = nearest(verbs, noun, verb);
    if (!near && !is_noun(verbs, noun))
        near = nearest(verbs, noun, verb = NULL);
    fprintf(stderr, "finqctl: there is no \"%s%s%s\"", noun, verb ? " " : "", verb ? verb : "");
    if (near && verb && near->verb)
        fprintf(stderr, "; did you mean \"%s %s\"?\n", near->noun, near->verb);
    else if (near)
        fprintf(stderr, "; did you mean \"%s\"?\n", near->noun);
    else {
        fputc('\n', stderr);
        if (!ctl_help_noun(stderr, verbs, noun))
            fputs("finqctl help lists what there is.\n", stderr);
    }
    return CTL_USAGE;
}

const char *ctl_help_nearest_option(const ctl_verb *verb, const char *option)
{
    size_t length = strcspn(option, "=");
    const char *best = NULL;
    int fewest = WORD_MAX;
    for (const ctl_parameter *p = verb->parameters; p->name; p++) {
        int mistakes = distance(option, length, p->name);
        if (p->name[0] != '-' || !is_near(mistakes, strlen(p->name)) || mistakes >= fewest)
            continue;
        best = p->name;
        fewest = mistakes;
    }
    return best;
}
