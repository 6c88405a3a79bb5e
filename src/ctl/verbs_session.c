/* Verbs of sessions. */
#include "ctl.h"

ctl_exit ctl_session_show(ctl_command *command)
{
    int with_data = ctl_value(command, "--data") != NULL;
    return ctl_sealed_print(command, with_data, "SELECT finq.session_show(p_session_id => $1)", command->values, 1);
}

/* Persons are found by an HMAC that each tenant has of its own. */
ctl_exit ctl_session_list(ctl_command *command)
{
    const char *user = ctl_value(command, "--tenant-user-id"), *macs = NULL, **values = command->values;
    finq_data_keys *keys;
    if (user && !ctl_value(command, "--tenant"))
        return ctl_fail(CTL_USAGE, "whose user is it? Give --tenant CLIENT_ID with --tenant-user-id");
    ctl_exit code = user ? ctl_data_keys_load(&keys, command) : CTL_OK;
    if (code == CTL_OK && user)
        code = ctl_user_macs(&macs, keys, ctl_value(command, "--tenant"), user, command->pool);
    if (code != CTL_OK)
        return code;
    const char *given[] = {values[0], values[1], values[2], macs, values[4], values[5], values[6]};
    return ctl_sealed_print(command, 0,
                            "SELECT finq.session_list(p_client_id => $1, p_status => $2, p_skill => $3, p_user_macs => $4, "
                            "p_since => $5, p_before => $6, p_limit => $7)",
                            given, 7);
}
