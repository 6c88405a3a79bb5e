#include "sandbox_data.h"

#include <apr_strings.h>
#include <string.h>

/* Customers whose bank behaves in a way of its own; the first row is every other customer's too. */
static const finq_sandbox_persona personas[] = {
    {"1000", "two accounts, in RON and EUR, with salary, rent and some 60 movements a month"},
    {"1001", "the bank gives its transactions no references"},
    {"1002", "every reference is `9998`"},
    {"1003", "references, and numbers in the texts, are made anew every night"},
    {"1004", "what is pending is booked with another date, amount and text, and some of it vanishes"},
    {"1005", "booked transactions are corrected three days later, or reversed"},
    {"1006", "a card account without IBAN, a joint account, one that is closed on day 10 and one that is opened on day 5"},
    {"1007", "some 20,000 movements; what a page ends with has changed when the next begins with it"},
    {"1008", "full history for 3 minutes after the visit, then 90 days; 91 are refused"},
    {"1009", "the fifth read of a day that nobody attends is one too many"},
    {"1010", "the consent is withdrawn at the bank after the first read"},
    {"1011", "every second read is slow, every third finds nobody, every fourth is cut off"},
    {"1012", "NaN, 1e3, -0, a NUL, a lone surrogate, 10 MB, one after the other"},
    {NULL, NULL},
};

const finq_sandbox_persona *finq_sandbox_personas(void)
{
    return personas;
}

int sandbox_persona_of(const char *customer)
{
    int i = 0;
    while (personas[i].customer && strcmp(personas[i].customer, customer) != 0)
        i++;
    return personas[i].customer ? 1000 + i : 1000;
}

/* ---- accounts ---- */

static const sandbox_account usual[SANDBOX_ACCOUNTS + 1] = {
    {"current", "CurrentAccount", "Current account", "RON", "ROSAND", 1, 1000000, 0, 0},
    {"savings", "Savings", "Savings account", "EUR", "ROSAND", 0, 250000, 0, 0},
    {NULL, NULL, NULL, NULL, NULL, 0, 0, 0, 0},
};
static const sandbox_account strange[SANDBOX_ACCOUNTS + 1] = {
    {"card", "CreditCard", "Card", "RON", NULL, 1, 0, 0, 0},
    {"joint", "CurrentAccount", "Joint account", "RON", "ROSAND", 1, 500000, 0, 0},
    {"closing", "Savings", "Old savings", "EUR", "ROSAND", 0, 100000, 0, 10},
    {"opening", "Savings", "New savings", "EUR", "ROSAND", 0, 0, 5, 0},
    {NULL, NULL, NULL, NULL, NULL, 0, 0, 0, 0},
};

const sandbox_account *sandbox_accounts_of(int persona)
{
    return persona == 1006 ? strange : usual;
}

int sandbox_account_is_shared(const sandbox_account *account, const sandbox_view *view)
{
    int is_open = view->world->days >= account->opens && (!account->closes || view->world->days < account->closes);
    return is_open && (account->is_busy ? view->code.current : view->code.savings);
}

finq_error *sandbox_draw(unsigned char drawn[FINQ_MAC_BYTES], const sandbox_view *view, const char *what, apr_pool_t *pool)
{
    const char *text = apr_pstrcat(pool, view->code.customer, "/", what, NULL);
    return finq_mac_key_sign(drawn, view->seed, (finq_mac_piece){text, strlen(text)}, pool);
}

/* ISO 13616: letters count from 10, country and check digits go last, and the whole leaves 1 by 97. */
static const char *iban_of(const char *letters, const char *digits, apr_pool_t *pool)
{
    const char *text = apr_pstrcat(pool, letters + 2, digits, apr_pstrmemdup(pool, letters, 2), "00", NULL);
    int left = 0;
    for (const char *c = text; *c; c++) {
        int value = *c >= 'A' ? *c - 'A' + 10 : *c - '0';
        left = (left * (value > 9 ? 100 : 10) + value) % 97;
    }
    return apr_psprintf(pool, "%.2s%02d%s%s", letters, 98 - left, letters + 2, digits);
}

finq_error *sandbox_number_of(const char **number, const sandbox_view *view, const sandbox_account *account, apr_pool_t *pool)
{
    unsigned char drawn[FINQ_MAC_BYTES];
    char digits[17];
    FINQ_TRY(sandbox_draw(drawn, view, account->key, pool));
    for (int i = 0; i < 16; i++)
        digits[i] = (char)('0' + drawn[i] % 10);
    digits[16] = '\0';
    *number = account->letters ? iban_of(account->letters, digits, pool) : apr_psprintf(pool, "5*** **** **** %.4s", digits);
    return NULL;
}
