#include "sandbox_data.h"

#include <apr_strings.h>
#include <string.h>

#include "ground/clock.h"

static finq_error *put_account(finq_json_writer *to, const sandbox_view *view, const sandbox_account *account, apr_pool_t *pool)
{
    const char *number;
    FINQ_TRY(sandbox_number_of(&number, view, account, pool));
    finq_json_open(to, NULL, '{');
    finq_json_put(to, "account", account->key);
    finq_json_open(to, "account_schemes", '[');
    finq_json_open(to, NULL, '{');
    finq_json_put(to, "identification", number);
    finq_json_put(to, "scheme_name", account->letters ? "IBAN" : "MASKEDPAN");
    finq_json_close(to, '}');
    finq_json_close(to, ']');
    finq_json_put(to, "account_type", "Personal");
    finq_json_put(to, "account_sub_type", account->type);
    finq_json_put(to, "currency", account->currency);
    finq_json_put(to, "name", account->name);
    finq_json_close(to, '}');
    return NULL;
}

static void put_declared(finq_json_writer *to, int persona)
{
    finq_json_open(to, "declares", '{');
    finq_json_put_bool(to, "reference_is_stable", persona == 1000 || persona >= 1005);
    if (persona == 1008) {
        finq_json_put_integer(to, "max_history_days", SANDBOX_HISTORY_DAYS);
        finq_json_put_integer(to, "history_after_sca_seconds", SANDBOX_HISTORY_SECONDS);
    }
    finq_json_close(to, '}');
}

static finq_error *accounts_answer(finq_json_writer *to, const sandbox_view *view, apr_pool_t *pool)
{
    put_declared(to, view->persona);
    finq_json_open(to, "accounts", '[');
    for (const sandbox_account *account = sandbox_accounts_of(view->persona); account->key; account++) {
        if (sandbox_account_is_shared(account, view))
            FINQ_TRY(put_account(to, view, account, pool));
    }
    finq_json_close(to, ']');
    return NULL;
}

/* ---- how the bank fails ---- */

/* In the place of an amount: what no JSON, no decimal or no text may be. */
static const char *hostile(int number, apr_pool_t *pool)
{
    static const char *const amounts[] = {"NaN", "1e3", "\"-0\"", "\"1\\u0000\"", "\"\\ud800\""};
    const char *amount = number < 5 ? amounts[number] : "\"1\"";
    char *filler = apr_palloc(pool, number < 5 ? 1 : SANDBOX_FLOOD);
    memset(filler, ' ', number < 5 ? 1 : SANDBOX_FLOOD);
    filler[number < 5 ? 0 : SANDBOX_FLOOD - 1] = '\0';
    return apr_pstrcat(pool, "{\"transactions\":[{\"account\":\"current\",\"status\":\"pending\",\"amount\":", amount,
                       ",\"currency\":\"RON\",\"credit_debit_indicator\":\"debit\"}]", filler, "}", NULL);
}

/* Too old a question, where the visit is too long ago. */
static int is_too_old(const finq_bank_question *question, const sandbox_view *view)
{
    apr_int64_t oldest = ((apr_int64_t)view->world->today - SANDBOX_HISTORY_DAYS) * 86400;
    return question->ask == FINQ_BANK_TRANSACTIONS && question->since < oldest &&
           finq_clock_seconds() > view->code.visited_at + SANDBOX_HISTORY_SECONDS;
}

static finq_error *failure(const finq_bank_question *question, const sandbox_view *view, apr_pool_t *pool)
{
    int reads = view->world->reads;
    if (view->persona == 1008 && is_too_old(question, view))
        return finq_error_make(pool, FINQ_E_EXTERNAL_API_FORBIDDEN, "it gives %d days of history", SANDBOX_HISTORY_DAYS);
    if (view->persona == 1009 && !question->is_attended && view->world->unattended > 4)
        return finq_error_make(pool, FINQ_E_EXTERNAL_API_TOO_MANY_REQUESTS, "read number %d of its day", view->world->unattended);
    if (view->persona == 1011 && reads % 4 == 3)
        return finq_error_make(pool, FINQ_E_EXTERNAL_API_CONNECTION_ERROR, "nobody is there");
    if (view->persona == 1011 && reads % 4 == 0 && question->ask == FINQ_BANK_TRANSACTIONS)
        return finq_error_make(pool, FINQ_E_EXTERNAL_API_CONNECTION_ERROR, "it hung up in the midst of its answers");
    return NULL;
}

int finq_sandbox_pause(const finq_bank_question *question, const finq_sandbox_world *world, apr_pool_t *pool)
{
    int persona = sandbox_persona_of(finq_sandbox_code_read(question->reference, pool).customer);
    return persona == 1011 && world->reads % 4 == 2 && question->ask == FINQ_BANK_ACCOUNTS ? SANDBOX_SLOW : 0;
}

/* ---- answers ---- */

finq_error *finq_sandbox_data(const char **text, const finq_bank_question *question, const finq_sandbox_world *world,
                              apr_pool_t *pool)
{
    sandbox_view view = {.world = world, .code = finq_sandbox_code_read(question->reference, pool)};
    finq_json_writer *to = finq_json_write(pool);
    view.persona = sandbox_persona_of(view.code.customer);
    FINQ_TRY(failure(question, &view, pool));
    *text = NULL;
    if (view.persona == 1010 && world->reads > 1)
        *text = "{\"error\":\"consent_withdrawn\"}";
    else if (view.persona == 1012 && question->ask == FINQ_BANK_TRANSACTIONS)
        *text = hostile((world->reads + 5) % 6, pool);
    if (*text)
        return NULL;
    FINQ_TRY(finq_mac_key_make(&view.seed, (finq_mac_piece){world->seed.data, world->seed.length}, pool));
    finq_json_open(to, NULL, '{');
    if (question->ask == FINQ_BANK_ACCOUNTS)
        FINQ_TRY(accounts_answer(to, &view, pool));
    else
        FINQ_TRY(sandbox_movements_answer(to, question, &view, pool));
    finq_json_close(to, '}');
    *text = finq_json_written(to);
    return NULL;
}
