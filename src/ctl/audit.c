/* finqctl audit: the trail, and whether it is what was once written. */
#include "ctl.h"

#include <apr_encode.h>
#include <apr_strings.h>
#include <string.h>

#include "json/json.h"

static int bytes_read(unsigned char bytes[FINQ_HEAD_BYTES], const json_t *head, const char *name)
{
    const char *hex = finq_json_string(head, name);
    return strlen(hex) == 2 * FINQ_HEAD_BYTES &&
           apr_decode_base16_binary(bytes, hex, APR_ENCODE_STRING, APR_ENCODE_NONE, NULL) == APR_SUCCESS;
}

static const finq_secret *secret_of(const json_t *head, const finq_secrets *secrets)
{
    return finq_secrets_find(secrets, (apr_int32_t)json_integer_value(json_object_get(head, "secret_id")));
}

static int is_signed(const json_t *head, const finq_secret *secret, apr_pool_t *pool)
{
    unsigned char hash[FINQ_HEAD_BYTES], signature[FINQ_HEAD_BYTES];
    return bytes_read(hash, head, "hash") && bytes_read(signature, head, "signature") &&
           finq_secret_has_signed(secret, hash, signature, pool);
}

/* Why heads are not to be believed; NULL where they are. A secret may have left the file: the last head covers those before. */
static const char *heads_problem(const json_t *heads, const finq_secrets *secrets, apr_pool_t *pool)
{
    const json_t *head, *last = json_array_get(heads, json_array_size(heads) - 1);
    size_t i;
    if (last && !secret_of(last, secrets))
        return "its last head was signed with a secret that is not in the secret file";
    json_array_foreach(heads, i, head)
    {
        const finq_secret *secret = secret_of(head, secrets);
        if (secret && !is_signed(head, secret, pool))
            return apr_psprintf(pool, "no server has signed the head at place %" APR_INT64_T_FMT,
                                (apr_int64_t)json_integer_value(json_object_get(head, "place")));
    }
    return NULL;
}

/* The place of the head that the operator noted elsewhere goes into what is shown. Of a chain that was made and signed anew, no line has
 * its hash: each covers all before it. */
static ctl_exit noted_find(json_t *verified, ctl_command *command)
{
    const char *head = ctl_value(command, "--head"), *json;
    json_t *found;
    if (!head)
        return CTL_OK;
    ctl_exit code = ctl_db_call(&json, command, "SELECT finq.audit_place(p_hash => $1)", &head, 1);
    if (code != CTL_OK)
        return code;
    finq_error *error = finq_json_parse(&found, NULL, json, strlen(json), command->pool);
    if (error)
        return ctl_fail_with(error);
    json_t *place = json_object_get(found, "place");
    if (!json_is_integer(place))
        return ctl_fail(CTL_FAILED, "the audit trail is not what was written: the head %s, which was noted, is not in it", head);
    json_object_set(verified, "noted", place);
    return CTL_OK;
}

/* Heads are many; what an operator may note down elsewhere is the last. */
static const char *shown(json_t *verified, apr_pool_t *pool)
{
    json_t *heads = json_object_get(verified, "heads");
    json_t *last = json_array_get(heads, json_array_size(heads) - 1);
    json_object_set_new(verified, "signed", json_integer((json_int_t)json_array_size(heads)));
    json_object_set_new(verified, "head", last ? json_copy(json_object_get(last, "hash")) : json_null());
    json_object_set_new(verified, "signed_at", last ? json_copy(json_object_get(last, "signed_at")) : json_null());
    json_object_del(verified, "heads");
    json_object_del(verified, "problem");
    return finq_json_text(verified, pool);
}

ctl_exit ctl_audit_list(ctl_command *command)
{
    return ctl_db_print(command, "SELECT finq.audit_list(p_client_id => $1, p_since => $2, p_limit => $3)", command->values, 3);
}

ctl_exit ctl_audit_verify(ctl_command *command)
{
    finq_secrets *secrets;
    const char *json;
    json_t *verified;
    ctl_exit code = ctl_secrets_load(&secrets, command);
    if (code == CTL_OK)
        code = ctl_db_call(&json, command, "SELECT finq.audit_verify()", NULL, 0);
    if (code != CTL_OK)
        return code;
    finq_error *error = finq_json_parse(&verified, NULL, json, strlen(json), command->pool);
    if (error)
        return ctl_fail_with(error);
    const char *problem = finq_json_string(verified, "problem");
    if (!problem)
        problem = heads_problem(json_object_get(verified, "heads"), secrets, command->pool);
    if (problem)
        return ctl_fail(CTL_FAILED, "the audit trail is not what was written: %s", problem);
    code = noted_find(verified, command);
    if (code == CTL_OK)
        ctl_print(command, shown(verified, command->pool));
    return code;
}
