/* finqctl consent: each verb is one call. */
#include "ctl.h"

ctl_exit ctl_consent_list(ctl_command *command)
{
    return ctl_db_print(command, "SELECT finq.consent_list(p_client_id => $1, p_status => $2, p_limit => $3)", command->values,
                        3);
}

ctl_exit ctl_consent_show(ctl_command *command)
{
    return ctl_db_print(command, "SELECT finq.consent_show(p_credentials_id => $1)", command->values, 1);
}

ctl_exit ctl_consent_delete(ctl_command *command)
{
    return ctl_db_print(command, "SELECT finq.consent_deleted(p_credentials_id => $1)", command->values, 1);
}
