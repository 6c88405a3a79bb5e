/* Posting events to tenants' servers: the only room that knows libcurl. */
#ifndef FINQ_POST_H
#define FINQ_POST_H

#include <apr_pools.h>
#include <apr_time.h>
#include <stddef.h>

/** Most bytes of an answer that are kept. */
#define CTL_POST_ANSWER_KEPT 300

/** A message (Standard Webhooks): the first members are the caller's, the others ctl_post_next's. */
typedef struct post_message {
    const char *url, *body;
    const char *id, *timestamp, *signatures; /**< webhook-id, webhook-timestamp, webhook-signature */
    void *baton;
    const char *error;  /**< NULL once it has arrived, else one line without quotes that says why not */
    const char *mend;   /**< where it has not: what to do about it */
    const char *answer; /**< its first bytes; NULL where there was none */
    long status;        /**< of the answer; 0 where there was none */
} post_message;

/** Why a URL will not do for events; NULL where it will: https, without user or fragment, and no host of which is known that
 * none of its addresses is public; or http and https to what `allowed` names, as for ctl_post_all. Asks for the host's addresses. */
const char *ctl_post_url_problem(const char *url, const char *allowed, apr_pool_t *pool);

/** Why a list of networks cannot be read; NULL where it can. */
const char *ctl_post_networks_problem(const char *list, apr_pool_t *pool);

/** Messages under way, side by side. It ends with its pool. */
typedef struct ctl_post ctl_post;

/** Addresses that are not public are refused, but for those in `allowed`: networks as ADDRESS/BITS, separated by commas, or
 * NULL. To an allowed address http will do as well. */
ctl_post *ctl_post_open(const char *allowed, apr_pool_t *pool);

/** Begins to send a message. An answer of 2xx within 15 s is an arrival; redirects are not followed. The message lives in
 * `pool`, which is below that of `post`; where that ends before the answer has come, the connection is closed. */
void ctl_post_begin(ctl_post *post, post_message *message, apr_pool_t *pool);

/** A message that has arrived, or failed to; each once. Waits for one at most so long, and returns NULL then. */
post_message *ctl_post_next(ctl_post *post, apr_interval_time_t most);

#endif
