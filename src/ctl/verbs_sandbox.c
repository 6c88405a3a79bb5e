/* Verbs of the sandbox bank. */
#include "ctl.h"

#include <apr_strings.h>

#include "bank/sandbox_order.h"
#include "ground/clock.h"
#include "json/json.h"

ctl_exit ctl_sandbox_date(ctl_command *command)
{
    return ctl_db_print(command, "SELECT finq.sandbox_date(p_days => $1)", command->values, 1);
}

static finq_sandbox_order order_of(const json_t *row)
{
    return (finq_sandbox_order){.decision = finq_json_string(row, "decision"),
                                .authorised_at = json_integer_value(json_object_get(row, "authorised_at")),
                                .now = json_integer_value(json_object_get(row, "now")),
                                .transfers = json_object_get(row, "transfers")};
}

/* An order with what becomes of it, as of now. */
static void order_put(finq_json_writer *to, const json_t *row, apr_pool_t *pool)
{
    static const char *const told[] = {"attempt", "session_id", "message_id", "ordered_at", "account", NULL};
    finq_sandbox_order order = order_of(row);
    finq_json_open(to, NULL, '{');
    for (int i = 0; told[i]; i++)
        finq_json_put_value(to, told[i], json_object_get(row, told[i]));
    finq_json_put(to, "authorised_at", order.authorised_at ? finq_clock_text(order.authorised_at, pool) : NULL);
    finq_sandbox_order_put(to, &order, 1);
    finq_json_close(to, '}');
}

ctl_exit ctl_sandbox_ledger(ctl_command *command)
{
    finq_json_writer *to = finq_json_write(command->pool);
    const char *rows;
    json_t *wrapped, *row;
    size_t i;
    ctl_exit code =
        ctl_db_call(&rows, command, "SELECT finq.sandbox_ledger(p_message_id => $1, p_limit => $2)", command->values, 2);
    if (code != CTL_OK)
        return code;
    finq_error *error =
        finq_json_stored(&wrapped, NULL, apr_pstrcat(command->pool, "{\"orders\":", rows, "}", NULL), command->pool);
    if (error)
        return ctl_fail_with(error);
    finq_json_open(to, NULL, '[');
    json_array_foreach(json_object_get(wrapped, "orders"), i, row) order_put(to, row, command->pool);
    finq_json_close(to, ']');
    ctl_print(command, finq_json_written(to));
    return CTL_OK;
}
