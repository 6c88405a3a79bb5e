/* What signing and its explanation have in common, whatever the scheme. */
#include "signing.h"

#include <apr_strings.h>

#include "sign/check.h"

#define LIFETIME 300

ctl_exit ctl_lifetime_read(apr_int64_t *seconds, const ctl_command *command)
{
    const char *text = ctl_value(command, "--lifetime");
    char *end;
    *seconds = text ? apr_strtoi64(text, &end, 10) : LIFETIME;
    if (*seconds < 1 || *seconds > FINQ_CHECK_LIFETIME_MOST || (text && *end))
        return ctl_fail(CTL_USAGE, "--lifetime is 1 to %d seconds", FINQ_CHECK_LIFETIME_MOST);
    return CTL_OK;
}

ctl_exit ctl_signer_read(finq_signer **signer, const ctl_command *command, const char *option, finq_algorithm algorithm)
{
    apr_size_t length;
    char *pem;
    ctl_exit code = ctl_file_read(&pem, &length, ctl_value(command, option), CTL_KEY_MAX, command->pool);
    if (code != CTL_OK)
        return code;
    finq_error *error = finq_signer_read(signer, algorithm, pem, length, command->pool);
    finq_wipe(pem, length);
    return error ? ctl_fail_with(error) : CTL_OK;
}

finq_error *ctl_once_make(const char **text, const ctl_command *command)
{
    unsigned char bytes[16];
    *text = NULL;
    if (!ctl_value(command, "--jti"))
        return NULL;
    FINQ_TRY(finq_random(bytes, sizeof bytes, command->pool));
    *text = finq_codec_encode(FINQ_BASE64URL, bytes, sizeof bytes, command->pool);
    return NULL;
}

ctl_exit ctl_checks_print(ctl_command *command, json_t *passed, const finq_error *error, const char *digest,
                          const char *digest_of)
{
    json_t *shown = finq_json_own(json_pack("{s:b, s:s, s:s, s:o, s:s*}", "good", error == NULL, "digest", digest, "digest_of",
                                            digest_of, "passed", passed, "failed", error ? error->message : NULL),
                                  command->pool);
    ctl_print(command, finq_json_text(shown, command->pool));
    return error ? CTL_FAILED : CTL_OK;
}
