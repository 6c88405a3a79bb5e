#include "sandbox_page.h"

#include <apr_encode.h>
#include <apr_strings.h>
#include <string.h>

#include "bank/query.h"
#include "bank/sandbox_order.h"
#include "crypto/secrets.h"

#define STATE_MOST 2048
#define KIND_MOST 64
#define TYPED_MOST 64
#define ASKER_MOST 128
#define LETTERS "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"

/* ---- reading ---- */

const sandbox_choice sandbox_choices[] = {
    {"approve", "Approve", "You share what was asked for.", "You order the payment.", NULL, NULL, 0},
    {"deny", "Refuse", "You share nothing.", "Nothing is paid, now or later.", "access_denied", "The+user+refused.", 0},
    {"later", "Approve later", "The bank asks you again afterwards, on your phone.",
     "The bank asks you again afterwards, on your phone.", NULL, NULL, 0},
    {"fail", "Let the bank fail", "The bank reports a fault.", "The bank reports a fault; the payment can still be approved.",
     "server_error", "The+bank+failed.", 1},
    {"slow", "Approve slowly", "You share what was asked for; the bank takes its time.",
     "You order the payment; the bank takes its time.", NULL, NULL, 1},
    {NULL, NULL, NULL, NULL, NULL, NULL, 0},
};

/* The row without a name where there is none. */
static const sandbox_choice *choice_find(const char *name)
{
    const sandbox_choice *choice = sandbox_choices;
    while (choice->name && strcmp(choice->name, name) != 0)
        choice++;
    return choice;
}

/* What is asked for, by the link's word. */
static const struct {
    const char *name, *words;
} purposes[] = {
    {"accounts", "asks to see accounts of yours, with their balances and transactions."},
    {"payment", "asks you to order a payment."},
    {NULL, "asks for your consent at this bank."},
};

const char *sandbox_purpose_words(const char *name, int *is_known)
{
    int i = 0;
    while (purposes[i].name && strcmp(purposes[i].name, name) != 0)
        i++;
    *is_known = purposes[i].name != NULL;
    return purposes[i].words;
}

static finq_error *unreadable(apr_pool_t *pool, const char *what)
{
    return finq_error_make(pool, FINQ_E_INVALID_FIELD, "%s", what);
}

static int is_made_of(const char *text, const char *characters, apr_size_t most)
{
    apr_size_t length = strspn(text, characters);
    return length > 0 && length <= most && text[length] == '\0';
}

/* Nothing is parsed here, so nothing can be parsed in two ways: an address of ours and one plain segment. */
static int is_home(const char *uri, const apr_array_header_t *homes)
{
    for (int i = 0; i < homes->nelts; i++) {
        const char *home = APR_ARRAY_IDX(homes, i, const char *);
        apr_size_t length = strlen(home);
        if (strncmp(uri, home, length) == 0 && is_made_of(uri + length, LETTERS "_-", KIND_MOST))
            return 1;
    }
    return 0;
}

static int is_account(const char *name)
{
    return strcmp(name, "current") == 0 || strcmp(name, "savings") == 0;
}

static finq_error *visit_check(const finq_sandbox_visit *visit, const apr_array_header_t *homes, apr_pool_t *pool)
{
    int is_purpose;
    finq_id order;
    sandbox_purpose_words(visit->purpose, &is_purpose);
    if (!is_made_of(visit->state, LETTERS "-._~", STATE_MOST))
        return unreadable(pool, "The link to this page lacks its state.");
    if (!is_home(visit->redirect_uri, homes))
        return unreadable(pool, "The link to this page would lead back to an address that this bank does not know.");
    if (*visit->purpose && !is_purpose)
        return unreadable(pool, "The link to this page asks for something that this bank does not do.");
    if (strlen(visit->asker) > ASKER_MOST)
        return unreadable(pool, "The link to this page names somebody by too many words.");
    if ((*visit->choice && !choice_find(visit->choice)->name) || (*visit->account && !is_account(visit->account)))
        return unreadable(pool, "The link to this page makes a choice that there is not.");
    if (*visit->order && !finq_id_parse(&order, visit->order))
        return unreadable(pool, "The link to this page is about a payment that this bank does not know.");
    return NULL;
}

finq_error *finq_sandbox_read(finq_sandbox_visit *visit, const char *form, const apr_array_header_t *homes, apr_pool_t *pool)
{
    *visit = (finq_sandbox_visit){"", "", "", "", "", "", NULL, "", "", "", "", "", "", NULL, "en"};
    /* `scenario` in the link chooses beforehand; the form's `choice` is what the user left chosen. */
    const finq_query_parameter parameters[] = {
        {"state", &visit->state},       {"redirect_uri", &visit->redirect_uri},
        {"scenario", &visit->choice},   {"choice", &visit->choice},
        {"customer", &visit->customer}, {"pin", &visit->pin},
        {"asker", &visit->asker},       {"purpose", &visit->purpose},
        {"current", &visit->current},   {"savings", &visit->savings},
        {"cancel", &visit->cancel},     {"order", &visit->order},
        {"account", &visit->account},   {NULL, NULL},
    };
    const char *fault = finq_query_read(parameters, form, pool);
    if (fault)
        return unreadable(pool, apr_pstrcat(pool, "The link to this page ", fault, ".", NULL));
    return visit_check(visit, homes, pool);
}

int sandbox_is_typed(const char *text)
{
    return *text && strlen(text) <= TYPED_MOST;
}

/* Whether the visit ends in what was asked for. */
static int is_agreed(const finq_sandbox_visit *visit)
{
    return !*visit->cancel && *visit->choice && !choice_find(visit->choice)->error;
}

int finq_sandbox_is_agreed(const finq_sandbox_visit *visit)
{
    return is_agreed(visit);
}

/* Whoever shares accounts says which, and whoever pays says from which, where the order does not. */
int sandbox_are_accounts_chosen(const finq_sandbox_visit *visit)
{
    if (!is_agreed(visit))
        return 1;
    if (finq_sandbox_order_lacks_account(visit->ordered))
        return *visit->account != '\0';
    return strcmp(visit->purpose, "accounts") != 0 || *visit->current || *visit->savings;
}

int finq_sandbox_is_complete(const finq_sandbox_visit *visit)
{
    if (*visit->cancel)
        return 1;
    return sandbox_are_accounts_chosen(visit) && sandbox_is_typed(visit->customer) && sandbox_is_typed(visit->pin) &&
           *visit->choice;
}

/* ---- leaving ---- */

/* What makes a code unlike all others; that of a payment is the same each time, for its order is decided on once. */
static finq_error *mark_of(finq_id *mark, const finq_sandbox_visit *visit, apr_pool_t *pool)
{
    return finq_id_parse(mark, visit->order) ? NULL : finq_random(mark->bytes, sizeof mark->bytes, pool);
}

finq_error *finq_sandbox_location(const char **location, const finq_sandbox_visit *visit, apr_pool_t *pool)
{
    const sandbox_choice *choice = choice_find(*visit->cancel ? "deny" : visit->choice);
    const char *back = apr_pstrcat(pool, visit->redirect_uri, "?state=", visit->state, NULL);
    const char *customer = *visit->order ? "" : visit->customer;
    finq_id mark;
    if (choice->error) {
        *location = apr_pstrcat(pool, back, "&error=", choice->error, "&error_description=", choice->description, NULL);
        return NULL;
    }
    FINQ_TRY(mark_of(&mark, visit, pool));
    *location = apr_pstrcat(pool, back, "&code=", choice->name, "-",
                            apr_pencode_base16(pool, customer, APR_ENCODE_STRING, APR_ENCODE_LOWER, NULL), ".",
                            apr_pencode_base16_binary(pool, mark.bytes, sizeof mark.bytes, APR_ENCODE_LOWER, NULL),
                            *visit->current ? "-current" : "", *visit->savings ? "-savings" : "", NULL);
    return NULL;
}
