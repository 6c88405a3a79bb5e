/* Signing keys. */
#include "ctl.h"

#include <apr_encode.h>

#include "json/json.h"
#include "signing.h"

ctl_exit ctl_algorithm_read(finq_algorithm *algorithm, const ctl_command *command)
{
    const char *name = ctl_value(command, "--algorithm");
    *algorithm = FINQ_ALGORITHM_RS256;
    if (!name || finq_algorithm_find(algorithm, name))
        return CTL_OK;
    return ctl_fail(CTL_USAGE,
                    "--algorithm is RS256 (JWS), rsa-v1_5-sha256, rsa-pss-sha512, ecdsa-p256-sha256 or ed25519, "
                    "not \"%s\"",
                    name);
}

ctl_exit ctl_keys_read(apr_array_header_t **keys, ctl_command *command, const char *path, finq_algorithm algorithm)
{
    char *text;
    apr_size_t length;
    ctl_exit code = ctl_file_read(&text, &length, path, CTL_KEY_MAX, command->pool);
    if (code != CTL_OK)
        return code;
    finq_error *error = finq_key_read(keys, algorithm, text, length, command->pool);
    return error ? ctl_fail_with(error) : CTL_OK;
}

static json_t *key_json(const finq_key *key, apr_pool_t *pool)
{
    const char *spki = apr_pencode_base16_binary(pool, key->spki.data, (apr_ssize_t)key->spki.length, APR_ENCODE_LOWER, NULL);
    return json_pack("{s:s, s:s, s:s, s:s}", "kid", key->kid, "algorithm", finq_algorithm_name(key->algorithm), "spki", spki,
                     "found", key->found);
}

ctl_exit ctl_key_add(ctl_command *command)
{
    finq_algorithm algorithm;
    apr_array_header_t *keys;
    ctl_exit code = ctl_algorithm_read(&algorithm, command);
    if (code == CTL_OK)
        code = ctl_keys_read(&keys, command, ctl_value(command, "FILE"), algorithm);
    if (code != CTL_OK)
        return code;
    json_t *list = finq_json_own(json_array(), command->pool);
    for (int i = 0; i < keys->nelts; i++)
        json_array_append_new(list, key_json(APR_ARRAY_IDX(keys, i, const finq_key *), command->pool));
    const char *values[] = {ctl_value(command, "CLIENT_ID"), ctl_value(command, "--issuer"), finq_json_text(list, command->pool)};
    return ctl_db_print(command, "SELECT finq.key_add(p_client_id => $1, p_issuer => $2, p_keys => $3)", values, 3);
}

ctl_exit ctl_key_list(ctl_command *command)
{
    return ctl_db_print(command, "SELECT finq.key_list(p_client_id => $1)", command->values, 1);
}

ctl_exit ctl_key_revoke(ctl_command *command)
{
    return ctl_db_print(command, "SELECT finq.key_revoke(p_client_id => $1, p_kid => $2)", command->values, 2);
}
