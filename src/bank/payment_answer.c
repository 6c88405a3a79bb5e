#include <string.h>

#include "bank/connector.h"
#include "ground/codec.h"

finq_error *finq_payment_answer_read(finq_payment_answer *answer, const char *text, apr_size_t length, apr_pool_t *pool)
{
    json_t *json;
    memset(answer, 0, sizeof *answer);
    finq_error *error = finq_json_read(&json, "It", (finq_bytes){(const unsigned char *)text, length}, pool);
    if (error)
        return finq_connector_unusable(pool, finq_error_why(error));
    const json_t *payment = json_object_get(json, "payment");
    if (!payment || json_object_size(json) != 1)
        return finq_connector_unusable(pool, "it is not {payment}");
    answer->is_never = json_is_null(payment);
    const char *fault = answer->is_never ? NULL : finq_payment_state_read(&answer->state, payment, pool);
    return fault ? finq_connector_unusable(pool, fault) : NULL;
}
