/* Events as messages: what the outbox delivers, and what a trial sends. */
#ifndef FINQ_CTL_EVENT_H
#define FINQ_CTL_EVENT_H

#include "ctl.h"
#include "json/json.h"
#include "post.h"

/** Makes a message, signed now, of an event as finq.outbox_due tells of one. Its `signatures` are empty where its secret is not in
 * the file. It lives in `pool`. */
void ctl_event_message(post_message *message, const json_t *event, const finq_secrets *secrets, apr_pool_t *pool);

/** The networks of --allow-address, checked; NULL where it is not given. */
ctl_exit ctl_event_allowed(const char **allowed, const ctl_command *command);

#endif
