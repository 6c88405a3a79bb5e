/* FinqUploadQuota: how much of documents may be stored. */
#ifndef FINQ_QUOTA_H
#define FINQ_QUOTA_H

#include <httpd.h>
#include <http_config.h>

/** The directive. */
const char *finq_quota_configure(cmd_parms *cmd, void *dummy, int count, char *const words[]);

#endif
