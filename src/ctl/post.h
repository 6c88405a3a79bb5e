/* Posting events to tenants' servers: the only room that knows libcurl. */
#ifndef FINQ_POST_H
#define FINQ_POST_H

#include <apr_pools.h>
#include <stddef.h>

/** A message (Standard Webhooks): filled by the caller, but for `error`, which ctl_post_all fills: NULL once it has arrived, else
 * one line without quotes that says why not. One that has an error beforehand is not sent. */
typedef struct post_message {
    const char *url, *body;
    const char *id, *timestamp, *signatures; /**< webhook-id, webhook-timestamp, webhook-signature */
    const char *error;
    const void *baton;
} post_message;

/** Why a URL will not do for events; NULL where it will: https, without user or fragment, and no host of which is known that
 * none of its addresses is public; or http and https to what `allowed` names, as for ctl_post_all. Asks for the host's addresses. */
const char *ctl_post_url_problem(const char *url, const char *allowed, apr_pool_t *pool);

/** Why a list of networks cannot be read; NULL where it can. */
const char *ctl_post_networks_problem(const char *list, apr_pool_t *pool);

/** Sends messages at once and waits for all. An answer of 2xx within 15 s is an arrival; redirects are not followed.
 * Addresses that are not public are refused, but for those in `allowed`: networks as ADDRESS/BITS, separated by commas, or
 * NULL. To an allowed address http will do as well. */
void ctl_post_all(post_message *const *messages, int count, const char *allowed, apr_pool_t *pool);

#endif
