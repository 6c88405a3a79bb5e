/* How the sandbox bank's pages are made: between the files of the bank. */
#ifndef SANDBOX_PAGE_H
#define SANDBOX_PAGE_H

#include "bank/sandbox.h"

/* How a user may answer. */
typedef struct sandbox_choice {
    const char *name, *label, *hint;
    const char *payment_hint;        /* where a payment is asked for */
    const char *error, *description; /* that the browser goes back with; NULL where it goes with a code */
    int is_test;                     /* no answer of a customer's: for who tries out what goes wrong */
} sandbox_choice;

/* Ends with a NULL name. */
extern const sandbox_choice sandbox_choices[];
/* What is asked for, in words for people, behind who asks. */
const char *sandbox_purpose_words(const char *name, int *is_known);
/* Whether a field is filled in. */
int sandbox_is_typed(const char *text);
/* Whether accounts are chosen, where they have to be. */
int sandbox_are_accounts_chosen(const finq_sandbox_visit *visit);

/* What is said in English, in a language of the bank's; English where it has no words for it. */
const char *sandbox_say(const char *language, const char *english);
/* How the language is written: "ltr" or "rtl". */
const char *sandbox_direction(const char *language);

/* What the visit's order orders; "" where it has none. */
const char *sandbox_order_section(const finq_sandbox_visit *visit, apr_pool_t *pool);

#endif
