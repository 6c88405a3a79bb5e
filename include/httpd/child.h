/* A child process, as it starts. */
#ifndef FINQ_CHILD_H
#define FINQ_CHILD_H

#include <httpd.h>

/** The child_init hook: makes what each virtual host needs (httpd/runtime.h), or logs why it could not. */
void finq_child_init(apr_pool_t *pchild, server_rec *main_server);

#endif
