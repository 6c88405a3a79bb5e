/* finqctl user, receipt: what is held of a person, and its end. */
#include "ctl.h"

#include <apr_encode.h>
#include <apr_strings.h>
#include <string.h>

#include "json/json.h"
#include "sign/receipt.h"

#define KEY_MAX 65536

ctl_exit ctl_user_export(ctl_command *command)
{
    return ctl_db_print(command, "SELECT finq.person_export(p_client_id => $1, p_tenant_user_id => $2)", command->values, 2);
}

/* The person under each secret of the file, as an array of SQL's. */
static finq_error *macs_list(const char **list, const finq_secrets *secrets, const ctl_command *command)
{
    unsigned char mac[FINQ_USER_MAC_BYTES];
    apr_pool_t *pool = command->pool;
    finq_id client_id;
    finq_id_parse(&client_id, ctl_value(command, "CLIENT_ID")); /* its form has been checked */
    *list = "{";
    for (int i = 0; i < finq_secrets_count(secrets); i++) {
        FINQ_TRY(finq_secret_user_mac(mac, finq_secrets_at(secrets, i), &client_id, ctl_value(command, "TENANT_USER_ID"), pool));
        *list = apr_pstrcat(pool, *list, i > 0 ? "," : "", "\"\\\\x",
                            apr_pencode_base16_binary(pool, mac, sizeof mac, APR_ENCODE_LOWER, NULL), "\"", NULL);
    }
    *list = apr_pstrcat(pool, *list, "}", NULL);
    return NULL;
}

static ctl_exit signer_load(finq_signer **signer, const ctl_command *command)
{
    apr_size_t length;
    char *pem;
    ctl_exit code = ctl_file_read(&pem, &length, ctl_value(command, "--receipt-key"), KEY_MAX, command->pool);
    if (code != CTL_OK)
        return code;
    finq_error *error = finq_signer_read(signer, FINQ_ALGORITHM_ED25519, pem, length, command->pool);
    finq_wipe(pem, length);
    return error ? ctl_fail_with(error) : CTL_OK;
}

/* All that may be wrong is looked at before anything is erased. */
ctl_exit ctl_user_erase(ctl_command *command)
{
    finq_secrets *secrets;
    finq_signer *signer;
    const char *receipt, *claims, *values[3] = {ctl_value(command, "CLIENT_ID"), ctl_value(command, "TENANT_USER_ID"), NULL};
    ctl_exit code = ctl_secrets_load(&secrets, command);
    if (code == CTL_OK)
        code = signer_load(&signer, command);
    if (code != CTL_OK)
        return code;
    finq_error *error = macs_list(&values[2], secrets, command);
    if (error)
        return ctl_fail_with(error);
    code = ctl_db_call(&claims, command, "SELECT finq.person_erase(p_client_id => $1, p_tenant_user_id => $2, p_macs => $3)",
                       values, 3);
    if (code != CTL_OK)
        return code;
    error = finq_receipt_sign(&receipt, signer, claims, command->pool);
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
    ctl_exit code = ctl_file_read(&text, &length, ctl_value(command, "--key"), KEY_MAX, command->pool);
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
