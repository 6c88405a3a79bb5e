/* Verbs of sessions that wait, and of the links that their users come back by. */
#include "ctl.h"

#include "bank/link.h"
#include "flow/status.h"

ctl_exit ctl_step_list(ctl_command *command)
{
    if (!ctl_value(command, "--pending"))
        return ctl_fail(CTL_USAGE, "step list shows the steps that wait for a decision: say --pending");
    return ctl_db_print(command, "SELECT finq.step_list_pending()", NULL, 0);
}

static ctl_exit step_decide(ctl_command *command, finq_decision decision)
{
    const char *values[] = {ctl_value(command, "STEP_ID"), finq_decision_name(decision), ctl_value(command, "--reason")};
    return ctl_db_print(command, "SELECT finq.step_decided(p_step_id => $1, p_decision => $2, p_reason => $3)", values, 3);
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
