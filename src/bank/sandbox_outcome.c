#include "bank/sandbox_order.h"

#include <apr_lib.h>
#include <apr_strings.h>
#include <string.h>

static const finq_sandbox_outcome outcomes[] = {
    {1, "settled at once (ACSC)", {"ACSC"}, NULL, FINQ_SANDBOX_HONEST},
    {2, "accepted (ACSP), settled (ACSC) on the next day", {"ACSP", "ACSC"}, NULL, FINQ_SANDBOX_HONEST},
    {3, "rejected (RJCT, AM04): there is not enough money", {"RJCT"}, "AM04", FINQ_SANDBOX_HONEST},
    {4, "the payee's name is a close match; settled at once (ACSC)", {"ACSC"}, NULL, FINQ_SANDBOX_HONEST},
    {5, "blocked (BLCK)", {"BLCK"}, NULL, FINQ_SANDBOX_HONEST},
    {6,
     "rejected (RJCT, AC01); of several transfers this one alone, so that the order is PART",
     {"RJCT"},
     "AC01",
     FINQ_SANDBOX_HONEST},
    {7, "settled (ACSC), credited (ACCC) on the next day", {"ACSC", "ACCC"}, NULL, FINQ_SANDBOX_HONEST},
    {8, "accepted (ACSP), and never final", {"ACSP"}, NULL, FINQ_SANDBOX_HONEST},
    {9, "accepted (ACSP), rejected (RJCT, AC04) on the next day", {"ACSP", "RJCT"}, "AC04", FINQ_SANDBOX_HONEST},
    {10, "settled at once (ACSC), and the answer that would say so is lost once", {"ACSC"}, NULL, FINQ_SANDBOX_LOSES},
    {11, "told out of order: ACSC, on the next day ACSP, later ACCC", {"ACSC", "ACSP", "ACCC"}, NULL, FINQ_SANDBOX_HONEST},
    {12, "a status that there is not (`WXYZ`), settled (ACSC) on the next day", {"WXYZ", "ACSC"}, NULL, FINQ_SANDBOX_HONEST},
    {13, "settled at once (ACSC), each answer 3 seconds late", {"ACSC"}, NULL, FINQ_SANDBOX_SLOW},
    {14, "settled at once (ACSC), and the bank never answers again", {"ACSC"}, NULL, FINQ_SANDBOX_SILENT},
    {15, "settled (ACSC), said to be rejected (RJCT, AC04) on the next day", {"ACSC", "RJCT"}, "AC04", FINQ_SANDBOX_HONEST},
    {16, "`settled`, which is no code, settled (ACSC) on the next day", {"settled", "ACSC"}, NULL, FINQ_SANDBOX_HONEST},
    {-1, "settled at once (ACSC)", {"ACSC"}, NULL, FINQ_SANDBOX_HONEST},
};

const finq_sandbox_outcome *finq_sandbox_outcomes(void)
{
    return outcomes;
}

/* Of "12.3" they are 30, of "12" and of "12.345" none. */
static int cents_of(const char *amount)
{
    const char *point = strchr(amount, '.');
    apr_size_t digits = point ? strspn(point + 1, "0123456789") : 0;
    if (digits == 0 || digits > 2)
        return -1;
    return (point[1] - '0') * 10 + (digits == 2 ? point[2] - '0' : 0);
}

const finq_sandbox_outcome *finq_sandbox_outcome_of(const char *amount)
{
    const finq_sandbox_outcome *outcome = outcomes;
    int cents = cents_of(amount);
    while (outcome->cents >= 0 && outcome->cents != cents)
        outcome++;
    return outcome;
}

/* ---- payees ---- */

/* Who has this name has no account anywhere. */
#define NOBODY "Nobody"
#define CLOSE_CENTS 4
/* What a close match lacks. */
#define LACKING " SRL"

static int ends_in(const char *text, const char *end)
{
    apr_size_t length = strlen(text), most = strlen(end);
    return length >= most && strcmp(text + length - most, end) == 0;
}

finq_sandbox_vop finq_sandbox_payee(const char **holder, const char *name, const char *amount, apr_pool_t *pool)
{
    *holder = NULL;
    if (apr_strnatcasecmp(name, NOBODY) == 0)
        return FINQ_SANDBOX_NO_MATCH;
    if (!amount || finq_sandbox_outcome_of(amount)->cents != CLOSE_CENTS || ends_in(name, LACKING))
        return FINQ_SANDBOX_MATCH;
    *holder = apr_pstrcat(pool, name, LACKING, NULL);
    return FINQ_SANDBOX_CLOSE_MATCH;
}

static const char *checked(const char *vop, apr_pool_t *pool)
{
    return apr_pstrcat(pool, "{\"verdict\":\"accepted\",\"data\":{\"vop\":\"", vop, "\"}}", NULL);
}

static const char *not_matched(const char *message, apr_pool_t *pool)
{
    finq_json_writer *to = finq_json_write(pool);
    finq_json_open(to, NULL, '{');
    finq_json_put(to, "verdict", "rejected");
    finq_json_open(to, "details", '[');
    finq_json_open(to, NULL, '{');
    finq_json_put(to, "field", "/creditor/name");
    finq_json_put(to, "message", message);
    finq_json_close(to, '}');
    finq_json_close(to, ']');
    finq_json_close(to, '}');
    return finq_json_written(to);
}

const char *finq_sandbox_payee_answer(const finq_connector_question *question, apr_pool_t *pool)
{
    const char *holder, *name = finq_json_string(json_object_get(question->data, "creditor"), "name");
    const char *amount = finq_json_string(json_object_get(question->data, "instructed_amount"), "amount");
    finq_sandbox_vop vop = finq_sandbox_payee(&holder, name ? name : "", amount, pool);
    if (vop == FINQ_SANDBOX_MATCH)
        return checked("match", pool);
    if (vop == FINQ_SANDBOX_NO_MATCH)
        return not_matched("The account belongs to somebody with another name.", pool);
    if (json_is_true(json_object_get(question->data, "confirmed")))
        return checked("close_match", pool);
    return not_matched(apr_pstrcat(pool, "The account belongs to ", holder, ".", NULL), pool);
}
