#include "bank/connector.h"

#include <apr_encode.h>
#include <apr_strings.h>
#include <string.h>

#include "ground/clock.h"
#include "json/json.h"

#define NAME_MOST 64
#define SIGNATURE_PREFIX "v1="
#define TIMESTAMP_DIGITS 15

/* ---- what is asked ---- */

static json_t *text_or_null(const char *text)
{
    return text ? json_string(text) : json_null();
}

static json_t *id_json(const finq_id *id)
{
    char text[FINQ_ID_TEXT + 1];
    return json_string(finq_id_write(text, id));
}

finq_error *finq_connector_question_text(const char **text, const finq_connector_question *question, apr_pool_t *pool)
{
    json_t *json = json_pack(
        "{s:s, s:o, s:o, s:o, s:o*, s:O*, s:s, s:s, s:s, s:o, s:O, s:o, s:o, s:o, s:o}", "event",
        question->event == FINQ_CONNECTOR_SUBMIT ? "submit" : "return", "session_id", id_json(&question->session_id), "step_id",
        id_json(&question->step_id), "attempt", id_json(&question->attempt), "payment_id",
        question->payment_id ? id_json(question->payment_id) : NULL, "payee_check", question->payee_check, "skill",
        question->skill, "step", question->step, "environment", question->environment, "tenant_user_id",
        text_or_null(question->tenant_user_id), "data", question->data, "documents",
        question->documents ? json_incref((json_t *)question->documents) : json_array(), "state", text_or_null(question->state),
        "redirect_uri", text_or_null(question->redirect_uri), "code", text_or_null(question->code));
    *text = json ? finq_json_text_spelt(finq_json_own(json, pool), question->numbers, pool) : NULL;
    return *text ? NULL : finq_error_internal(pool, FINQ_E_INTERNAL_SERVER_ERROR, "jansson: out of memory");
}

/* ---- who says it ---- */

int finq_connector_name_check(const char *name)
{
    apr_size_t length = strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789_-");
    return name[length] == '\0' && length <= NAME_MOST && name[0] >= 'a' && name[0] <= 'z';
}

/* kind.connector.id.timestamp.body: none of the parts before the body can hold a dot. */
static finq_mac_text signed_text(finq_mac_piece pieces[2], const finq_connector_message *message, apr_pool_t *pool)
{
    static const char *const kinds[] = {"question", "answer", "decision"};
    const char *head =
        apr_pstrcat(pool, kinds[message->kind], ".", message->connector, ".", message->id, ".", message->timestamp, ".", NULL);
    pieces[0] = (finq_mac_piece){head, strlen(head)};
    pieces[1] = (finq_mac_piece){message->body, message->length};
    return (finq_mac_text){pieces, 2};
}

finq_error *finq_connector_sign(finq_connector_message *message, const finq_mac_keys *keys, apr_pool_t *pool)
{
    unsigned char tag[FINQ_MAC_BYTES];
    finq_mac_piece pieces[2];
    message->timestamp = apr_psprintf(pool, "%" APR_TIME_T_FMT, finq_clock_seconds());
    finq_mac_text text = signed_text(pieces, message, pool);
    FINQ_TRY(finq_mac_sign(tag, keys, &text, pool));
    message->signature =
        apr_pstrcat(pool, SIGNATURE_PREFIX, apr_pencode_base16_binary(pool, tag, sizeof tag, APR_ENCODE_LOWER, NULL), NULL);
    return NULL;
}

static finq_error *refuse(apr_pool_t *pool, const char *what)
{
    return finq_error_make(pool, FINQ_E_INVALID_SIGNATURE, "%s", what);
}

static int tag_read(unsigned char tag[FINQ_MAC_BYTES], const char *signature)
{
    apr_size_t prefix = strlen(SIGNATURE_PREFIX), digits = (apr_size_t)2 * FINQ_MAC_BYTES, length;
    if (!signature || strncmp(signature, SIGNATURE_PREFIX, prefix) != 0)
        return 0;
    signature += prefix;
    if (strlen(signature) != digits || strspn(signature, "0123456789abcdef") != digits)
        return 0;
    return apr_decode_base16_binary(tag, signature, (apr_ssize_t)digits, 0, &length) == APR_SUCCESS;
}

static int timestamp_form(const char *timestamp)
{
    apr_size_t digits = timestamp ? strspn(timestamp, "0123456789") : 0;
    return digits > 0 && digits <= TIMESTAMP_DIGITS && timestamp[digits] == '\0';
}

static finq_error *form_check(const finq_connector_message *message, apr_pool_t *pool)
{
    finq_id id;
    if (!message->connector || !finq_connector_name_check(message->connector))
        return refuse(pool, "X-Finq-Connector is missing, or no connector's name.");
    if (!finq_id_parse(&id, message->id))
        return refuse(pool, "X-Finq-Id is missing, or no UUID.");
    if (!timestamp_form(message->timestamp))
        return refuse(pool, "X-Finq-Timestamp is missing, or no number of seconds since 1970.");
    return NULL;
}

finq_error *finq_connector_verify(const finq_connector_message *message, const finq_mac_keys *keys, apr_pool_t *pool)
{
    unsigned char tag[FINQ_MAC_BYTES];
    finq_mac_piece pieces[2];
    int valid;
    FINQ_TRY(form_check(message, pool));
    if (!tag_read(tag, message->signature))
        return refuse(pool, "X-Finq-Signature is missing, or not v1= and 64 hexadecimal digits.");
    finq_mac_text text = signed_text(pieces, message, pool);
    FINQ_TRY(finq_mac_verify(&valid, tag, keys, &text, pool));
    if (!valid)
        return refuse(pool, "X-Finq-Signature is not that of this message under the connector's secret.");
    apr_int64_t apart = apr_atoi64(message->timestamp) - finq_clock_seconds();
    if (apart > FINQ_CONNECTOR_WINDOW || apart < -FINQ_CONNECTOR_WINDOW)
        return finq_error_make(pool, FINQ_E_EXPIRED_SIGNATURE,
                               "X-Finq-Timestamp is more than %d seconds away from the server's time.", FINQ_CONNECTOR_WINDOW);
    return NULL;
}
