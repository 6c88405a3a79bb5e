/* Verbs of sessions that wait, and of the links that their users come back by. */
#include "ctl.h"

#include <apr_encode.h>
#include <apr_strings.h>

#include "bank/link.h"
#include "flow/sealed.h"
#include "flow/status.h"
#include "flow/sealed_tree.h"
#include "json/json.h"

ctl_exit ctl_step_list(ctl_command *command)
{
    if (!ctl_value(command, "--pending"))
        return ctl_fail(CTL_USAGE, "step list shows the steps that wait for a decision: say --pending");
    return ctl_sealed_print(command, ctl_value(command, "--data") != NULL, "SELECT finq.step_list_pending()", NULL, 0);
}

/* The reason as the session's row holds it: sealed under the session's key, as a bytea of SQL's. NULL without one. */
static ctl_exit reason_seal(const char **sealed, ctl_command *command)
{
    const char *reason = ctl_value(command, "--reason"), *json;
    finq_data_keys *keys;
    finq_data_key *key;
    finq_bytes bytes;
    finq_id session_id, step_id;
    json_t *found;
    *sealed = NULL;
    ctl_exit code = reason ? ctl_data_keys_load(&keys, command) : CTL_OK;
    if (code == CTL_OK && reason)
        code = ctl_db_call(&json, command,
                           "SELECT json_build_object('session_id', k.session_id, 'data_key', encode(k.data_key, 'hex'))"
                           " FROM finq.step_key(p_step_id => $1) k",
                           command->values, 1);
    if (code != CTL_OK || !reason)
        return code;
    finq_error *error = finq_json_stored(&found, NULL, json, command->pool);
    if (!error && !finq_json_string(found, "data_key")) /* there is no such step, which the decision tells */
        return CTL_OK;
    if (!error)
        error = finq_data_key_unwrap(&key, keys, finq_sealed_bytes(finq_json_string(found, "data_key"), command->pool),
                                     command->pool);
    if (!error) {
        json_t *reasons = finq_json_own(json_pack("[s]", reason), command->pool);
        finq_id_parse(&session_id, finq_json_string(found, "session_id"));
        finq_id_parse(&step_id, ctl_value(command, "STEP_ID")); /* its form has been checked */
        error = finq_data_key_seal(&bytes, key, FINQ_DATA_PLACE(FINQ_SEALED_REASONS, &session_id, &step_id),
                                   finq_json_text(reasons, command->pool), command->pool);
    }
    if (error)
        return ctl_fail(CTL_FAILED, "%s", finq_error_why(error));
    *sealed = apr_pstrcat(command->pool, "\\x",
                          apr_pencode_base16_binary(command->pool, bytes.data, (apr_ssize_t)bytes.length, APR_ENCODE_LOWER, NULL),
                          NULL);
    return CTL_OK;
}

static ctl_exit step_decide(ctl_command *command, finq_decision decision)
{
    const char *values[] = {ctl_value(command, "STEP_ID"), finq_decision_name(decision), NULL};
    ctl_exit code = reason_seal(&values[2], command);
    if (code != CTL_OK)
        return code;
    return ctl_db_print(command, "SELECT finq.step_decided(p_step_id => $1, p_decision => $2, p_reasons => $3)", values, 3);
}

ctl_exit ctl_step_approve(ctl_command *command)
{
    return step_decide(command, FINQ_DECISION_APPROVE);
}

ctl_exit ctl_step_reject(ctl_command *command)
{
    return step_decide(command, FINQ_DECISION_REJECT);
}

ctl_exit ctl_step_resubmit(ctl_command *command)
{
    return step_decide(command, FINQ_DECISION_RESUBMIT);
}

ctl_exit ctl_tenant_redirect_allow(ctl_command *command)
{
    const char *prefix = ctl_value(command, "PREFIX");
    const char *values[] = {ctl_value(command, "CLIENT_ID"), finq_link_folded(prefix, command->pool)};
    if (finq_link_check(prefix, command->pool))
        return ctl_fail(CTL_FAILED,
                        "%s is no beginning of a link: it must be https://..., http on localhost, or an app's own "
                        "scheme such as myapp:// or com.example.app:/",
                        prefix);
    return ctl_db_print(command, "SELECT finq.tenant_redirect_allow(p_client_id => $1, p_prefix => $2)", values, 2);
}

ctl_exit ctl_tenant_redirect_disallow(ctl_command *command)
{
    return ctl_db_print(command, "SELECT finq.tenant_redirect_disallow(p_client_id => $1, p_prefix => $2)", command->values, 2);
}
