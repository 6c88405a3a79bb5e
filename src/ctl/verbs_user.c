/* finqctl user, receipt: what is held of a person, and its end. */
#include "ctl.h"

#include <apr_strings.h>
#include <string.h>

#include "json/json.h"
#include "sign/receipt.h"
#include "signing.h"

/* Who is asked about, as the rows know them. */
static ctl_exit macs_make(const char **macs, const ctl_command *command)
{
    finq_data_keys *keys;
    ctl_exit code = ctl_data_keys_load(&keys, command);
    if (code != CTL_OK)
        return code;
    return ctl_user_macs(macs, keys, ctl_value(command, "CLIENT_ID"), ctl_value(command, "TENANT_USER_ID"), command->pool);
}

ctl_exit ctl_user_export(ctl_command *command)
{
    const char *values[] = {ctl_value(command, "CLIENT_ID"), ctl_value(command, "TENANT_USER_ID"), NULL};
    ctl_exit code = macs_make(&values[2], command);
    if (code != CTL_OK)
        return code;
    return ctl_sealed_print(command, 1, "SELECT finq.person_export(p_client_id => $1, p_tenant_user_id => $2, p_user_macs => $3)",
                            values, 3);
}

/* All that may be wrong is looked at before anything is erased. */
ctl_exit ctl_user_erase(ctl_command *command)
{
    finq_signer *signer;
    const char *receipt, *claims, *values[] = {ctl_value(command, "CLIENT_ID"), NULL};
    ctl_exit code = macs_make(&values[1], command);
    if (code == CTL_OK)
        code = ctl_signer_read(&signer, command, "--receipt-key", FINQ_ALGORITHM_ED25519);
    if (code == CTL_OK)
        code = ctl_db_call(&claims, command, "SELECT finq.person_erase(p_client_id => $1, p_user_macs => $2)", values, 2);
    if (code != CTL_OK)
        return code;
    finq_error *error = finq_receipt_sign(&receipt, signer, claims, command->pool);
    if (error)
        return ctl_fail_with(error);
    ctl_print(command, apr_psprintf(command->pool, "{\"receipt\":\"%s\",\"erased\":%s}", receipt, claims));
    return CTL_OK;
}

ctl_exit ctl_receipt_verify(ctl_command *command)
{
    apr_array_header_t *keys;
    apr_size_t length;
    const char *claims;
    char *text, *receipt;
    ctl_exit code = ctl_file_read(&text, &length, ctl_value(command, "--key"), CTL_KEY_MAX, command->pool);
    if (code != CTL_OK)
        return code;
    finq_error *error = finq_key_read(&keys, FINQ_ALGORITHM_ED25519, text, length, command->pool);
    if (error)
        return ctl_fail_with(error);
    code = ctl_file_read(&receipt, &length, ctl_value(command, "FILE"), FINQ_RECEIPT_MAX, command->pool);
    if (code != CTL_OK)
        return code;
    receipt[strcspn(receipt, "\r\n")] = '\0';
    error = finq_receipt_verify(&claims, receipt, keys, command->pool);
    if (error)
        return ctl_fail_with(error);
    ctl_print(command, claims);
    return CTL_OK;
}
