/* finqctl user, receipt: what is held of a person, and its end. */
#include "ctl.h"

#include <apr_strings.h>
#include <string.h>

#include "consent/person.h"
#include "json/json.h"
#include "sign/receipt.h"
#include "signing.h"

#define NAMED "finq.person_named(p_client_id => $1, p_user_macs => $2, p_credentials_id => $3)"

/* Who is asked about, as the rows know them: by the tenant's id of them, or by a consent. Forms of ids have been checked. */
static ctl_exit person_read(finq_person *person, const char **macs, finq_data_keys **keys, const ctl_command *command)
{
    const char *consent = ctl_value(command, "--consent");
    *person = (finq_person){.tenant_user_id = ctl_value(command, "TENANT_USER_ID")};
    if (!person->tenant_user_id == !consent)
        return ctl_fail(CTL_USAGE, "a person is named by TENANT_USER_ID, or by --consent where the tenant has no id of them");
    ctl_exit code = ctl_data_keys_load(keys, command);
    if (code != CTL_OK)
        return code;
    finq_id_parse(&person->client_id, ctl_value(command, "CLIENT_ID"));
    if (consent) {
        finq_id *credentials_id = apr_palloc(command->pool, sizeof *credentials_id);
        finq_id_parse(credentials_id, consent);
        person->credentials_id = credentials_id;
    }
    finq_error *error = finq_person_macs(macs, person, *keys, command->pool);
    return error ? ctl_fail_with(error) : CTL_OK;
}

/* ---- export ---- */

typedef struct {
    finq_person_pages pages; /* first: it is handed back as one of these */
    ctl_command *command;
    const char *macs;
    ctl_exit code; /* of the call that failed, which has told why */
    apr_array_header_t *pieces;
} export;

static finq_error *page_ask(finq_person_pages *pages, const char **page, const char *part, const char *after, apr_pool_t *pool)
{
    export *self = (export *)pages;
    const char *values[] = {ctl_value(self->command, "CLIENT_ID"), self->macs, ctl_value(self->command, "--consent"), part,
                            after};
    self->code = ctl_db_call(page, self->command,
                             "SELECT finq.person_page(p_client_id => $1, p_user_macs => $2,"
                             " p_credentials_id => " NAMED ", p_part => $4, p_after => $5)",
                             values, 5);
    return self->code == CTL_OK ? NULL : finq_error_internal(pool, FINQ_E_INTERNAL_SERVER_ERROR, "the call failed");
}

static int piece_take(void *baton, const char *text, apr_size_t length)
{
    export *self = baton;
    APR_ARRAY_PUSH(self->pieces, const char *) = apr_pstrmemdup(self->command->pool, text, length);
    return 1;
}

ctl_exit ctl_user_export(ctl_command *command)
{
    export self = {{page_ask}, command, NULL, CTL_OK, apr_array_make(command->pool, 32, sizeof(const char *))};
    finq_data_keys *keys;
    finq_person person;
    ctl_exit code = person_read(&person, &self.macs, &keys, command);
    if (code != CTL_OK)
        return code;
    finq_error *error = finq_person_export(&self.pages, &person, keys, piece_take, &self, command->pool);
    if (self.code != CTL_OK)
        return self.code;
    if (error)
        return ctl_fail_with(error);
    ctl_print(command, apr_array_pstrcat(command->pool, self.pieces, 0));
    return CTL_OK;
}

/* ---- erase ---- */

/* All that may be wrong is looked at before anything is erased. */
ctl_exit ctl_user_erase(ctl_command *command)
{
    finq_signer *signer;
    finq_data_keys *keys;
    finq_person person;
    const char *receipt, *claims, *values[] = {ctl_value(command, "CLIENT_ID"), NULL, ctl_value(command, "--consent")};
    ctl_exit code = person_read(&person, &values[1], &keys, command);
    if (code == CTL_OK)
        code = ctl_signer_read(&signer, command, "--receipt-key", FINQ_ALGORITHM_ED25519);
    if (code == CTL_OK)
        code = ctl_db_call(&claims, command,
                           "SELECT finq.person_erase(p_client_id => $1, p_user_macs => $2,"
                           " p_credentials_id => " NAMED ", p_access_token_hash => NULL)",
                           values, 3);
    if (code != CTL_OK)
        return code;
    finq_error *error = finq_receipt_sign(&receipt, signer, claims, command->pool);
    if (error)
        return ctl_fail_with(error);
    ctl_print(command, apr_psprintf(command->pool, "{\"receipt\":\"%s\",\"erased\":%s}", receipt, claims));
    return CTL_OK;
}

/* The receipt of a file: all of it, or what stands as such in what user erase printed. */
static const char *receipt_in(char *text, apr_size_t length, apr_pool_t *pool)
{
    json_t *printed;
    finq_error *error = *text == '{' ? finq_json_parse(&printed, NULL, text, length, pool) : NULL;
    const char *receipt = *text == '{' && !error ? finq_json_string(printed, "receipt") : NULL;
    text[strcspn(text, "\r\n")] = '\0';
    return receipt ? receipt : text;
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
    code = ctl_file_read(&receipt, &length, ctl_value(command, "FILE"), 2 * FINQ_RECEIPT_MAX, command->pool);
    if (code != CTL_OK)
        return code;
    error = finq_receipt_verify(&claims, receipt_in(receipt, length, command->pool), keys, command->pool);
    if (error)
        return ctl_fail_with(error);
    ctl_print(command, claims);
    return CTL_OK;
}
