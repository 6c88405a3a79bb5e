/* Verbs of payments. */
#include "ctl.h"

ctl_exit ctl_payment_list(ctl_command *command)
{
    return ctl_sealed_print(command, 0,
                            "SELECT finq.payment_list(p_client_id => $1, p_phase => $2, p_session_id => $3, p_since => $4, "
                            "p_before => $5, p_limit => $6)",
                            command->values, 6);
}

ctl_exit ctl_payment_show(ctl_command *command)
{
    int with_data = ctl_value(command, "--data") != NULL;
    return ctl_sealed_print(command, with_data, "SELECT finq.payment_show(p_payment_id => $1)", command->values, 1);
}
