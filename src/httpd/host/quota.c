#include "httpd/quota.h"

#include <apr_strings.h>
#include <string.h>

#include "httpd/settings.h"

#define MOST ((apr_int64_t)1 << 50)

static const char *const names[FINQ_QUOTAS] = {"step", "session", "tenant"};

/* Bytes, or those of K, M or G; -1 where it is none of that. */
static apr_int64_t bytes_of(const char *value)
{
    static const char units[] = "KMG";
    char *end;
    apr_int64_t number = apr_strtoi64(value, &end, 10);
    const char *unit = *end ? strchr(units, *end) : NULL;
    if (end == value || number < 1 || number > MOST || (*end && (!unit || end[1])))
        return -1;
    for (int i = 0; unit && i <= unit - units && number <= MOST; i++)
        number *= 1024;
    return number <= MOST ? number : -1;
}

static const char *quota_set(cmd_parms *cmd, const char *name, const char *value)
{
    apr_int64_t bytes = strcasecmp(value, "off") == 0 ? 0 : bytes_of(value);
    for (int i = 0; i < FINQ_QUOTAS && bytes >= 0; i++) {
        if (strcasecmp(name, names[i]) == 0) {
            finq_config_of(cmd->server)->upload_quota[i] = bytes;
            return NULL;
        }
    }
    return apr_psprintf(cmd->pool,
                        "FinqUploadQuota: %s %s is neither step, session or tenant with a size (1 to 1048576G) nor with off",
                        name, value);
}

const char *finq_quota_configure(cmd_parms *cmd, void *dummy, int count, char *const words[])
{
    (void)dummy;
    const char *wrong = count < 2 || count % 2 ? "FinqUploadQuota takes pairs such as: step 100M session 500M tenant off" : NULL;
    for (int i = 0; i < count && !wrong; i += 2)
        wrong = quota_set(cmd, words[i], words[i + 1]);
    return wrong;
}
