#include "bank/sandbox.h"

#include <apr_encode.h>
#include <apr_escape.h>
#include <apr_strings.h>
#include <apr_uri.h>
#include <string.h>

#include "bank/sandbox_order.h"
#include "ground/clock.h"
#include "json/json.h"

/* What a step's data may ask for by its member `scenario`, without a visit between. */
static const struct {
    const char *scenario, *answer;
} answers[] = {
    {"accept", "{\"verdict\":\"accepted\",\"data\":{\"reference\":\"XYZ-1\"}}"},
    {"reject", "{\"verdict\":\"rejected\",\"details\":[{\"field\":\"/scenario\","
               "\"message\":\"The bank does not know this user.\"}]}"},
    {"pend", "{\"verdict\":\"pending\",\"reasons\":[\"A clerk looks at it.\"]}"},
    {"fail", "{\"verdict\":\"failed\",\"reasons\":[\"The bank declined.\"]}"},
};

/* ---- codes ---- */

/* "<choice>-<customer, in hexadecimal>.<random>", and then "-current", "-savings"; of a reference also "-at" and the seconds since
 * 1970. */
finq_sandbox_code finq_sandbox_code_read(const char *code, apr_pool_t *pool)
{
    finq_sandbox_code read = {.choice = "", .customer = ""};
    char *last, *copy = apr_pstrdup(pool, code ? code : "");
    char *choice = apr_strtok(copy, "-", &last), *customer = choice ? apr_strtok(NULL, "-", &last) : NULL;
    if (!customer)
        return read;
    read.choice = choice;
    char *dot = strchr(customer, '.');
    if (dot) {
        *dot = '\0';
        const char *typed = apr_pdecode_base16(pool, customer, APR_ENCODE_STRING, 0, NULL);
        read.customer = typed ? typed : "";
    }
    for (const char *account = apr_strtok(NULL, "-", &last); account; account = apr_strtok(NULL, "-", &last)) {
        read.current = read.current || strcmp(account, "current") == 0;
        read.savings = read.savings || strcmp(account, "savings") == 0;
        read.visited_at = strncmp(account, "at", 2) == 0 ? apr_atoi64(account + 2) : read.visited_at;
    }
    return read;
}

/* ---- answers ---- */

static finq_json_writer *verdict_open(const char *verdict, apr_pool_t *pool)
{
    finq_json_writer *to = finq_json_write(pool);
    finq_json_open(to, NULL, '{');
    finq_json_put(to, "verdict", verdict);
    return to;
}

static const char *verdict_close(finq_json_writer *to)
{
    finq_json_close(to, '}');
    return finq_json_written(to);
}

static const char *parameter(const char *name, const char *value, apr_pool_t *pool)
{
    return value ? apr_pstrcat(pool, "&", name, "=", apr_pescape_urlencoded(pool, value), NULL) : "";
}

/* Who asks is known by where its user goes afterwards: a host, or an app's scheme. */
static const char *asker_of(const finq_connector_question *question, apr_pool_t *pool)
{
    const char *link = finq_json_string(question->data, "psu_redirect_link");
    apr_uri_t uri;
    if (!link || apr_uri_parse(pool, link, &uri) != APR_SUCCESS)
        return NULL;
    return uri.hostname && *uri.hostname ? uri.hostname : uri.scheme;
}

const char *finq_sandbox_address(const finq_connector_question *question, const char *page, apr_pool_t *pool)
{
    const char *asker = asker_of(question, pool);
    int is_payment = strcmp(question->step, "payment_intent") == 0;
    const char *order = finq_sandbox_is_order(question) ? finq_id_text(&question->attempt, pool) : NULL;
    return apr_pstrcat(pool, page, "?state=", question->state, parameter("redirect_uri", question->redirect_uri, pool),
                       parameter("asker", asker, pool),
                       parameter("purpose", asker ? is_payment ? "payment" : "accounts" : NULL, pool),
                       parameter("order", order, pool), NULL);
}

static const char *redirect(const finq_connector_question *question, const char *page, apr_pool_t *pool)
{
    finq_json_writer *to = verdict_open("redirect", pool);
    finq_json_put(to, "method", "GET");
    finq_json_put(to, "url", finq_sandbox_address(question, page, pool));
    finq_json_put(to, "expires_at", finq_clock_text(finq_clock_seconds() + FINQ_SANDBOX_PAGE_SECONDS, pool));
    return verdict_close(to);
}

/* Accounts are shared: the client is told which, and the reference is for who asks for their data. */
static void put_shared(finq_json_writer *to, const char *text, const finq_sandbox_code *code, apr_pool_t *pool)
{
    if (strcmp(code->choice, "later") != 0) {
        finq_json_open(to, "data", '{');
        finq_json_open(to, "accounts", '[');
        finq_json_put(to, NULL, code->current ? "current" : NULL);
        finq_json_put(to, NULL, code->savings ? "savings" : NULL);
        finq_json_close(to, ']');
        finq_json_close(to, '}');
    }
    finq_json_put(to, "reference", apr_psprintf(pool, "%s-at%" APR_INT64_T_FMT, text, finq_clock_seconds()));
}

static const char *agreed(const char *text, const finq_sandbox_code *code, apr_pool_t *pool)
{
    int is_later = strcmp(code->choice, "later") == 0;
    finq_json_writer *to = verdict_open(is_later ? "pending" : "accepted", pool);
    if (is_later) {
        finq_json_open(to, "reasons", '[');
        finq_json_put(to, NULL, "The account's holder approves later.");
        finq_json_close(to, ']');
    }
    if (code->current || code->savings)
        put_shared(to, text, code, pool);
    return verdict_close(to);
}

static const char *returned(const finq_connector_question *question, apr_pool_t *pool)
{
    finq_sandbox_code code = finq_sandbox_code_read(question->code, pool);
    if (strcmp(code.choice, "approve") == 0 || strcmp(code.choice, "slow") == 0 || strcmp(code.choice, "later") == 0)
        return agreed(question->code, &code, pool);
    return "{\"verdict\":\"failed\",\"reasons\":[\"The bank did not confirm.\"]}";
}

const char *finq_sandbox_answer(const finq_connector_question *question, const char *page, apr_pool_t *pool)
{
    const char *scenario = finq_json_string(question->data, "scenario");
    if (strcmp(question->step, "payee_check") == 0)
        return finq_sandbox_payee_answer(question, pool);
    if (question->event == FINQ_CONNECTOR_RETURN)
        return returned(question, pool);
    for (size_t i = 0; scenario && i < sizeof answers / sizeof *answers; i++) {
        if (strcmp(answers[i].scenario, scenario) == 0)
            return answers[i].answer;
    }
    return question->state ? redirect(question, page, pool) : answers[0].answer;
}
