/* Where mod_proxy sends the paths of a host, as its directives say. */
#ifndef FINQ_PROXIED_H
#define FINQ_PROXIED_H

#include <httpd.h>
#include <http_config.h>
#include <http_core.h>
#include <mod_proxy.h>

/** Where a path of a host is sent to, as a ProxyPass says it; NULL for nowhere. */
const char *finq_proxied_to(const server_rec *server, const char *path);

/** Who speaks to an address that finq_proxied_to gave, as mod_proxy finds it: the longest name that the address begins with; NULL for
 * nobody. */
const proxy_worker_shared *finq_proxied_worker(const server_rec *server, const char *real);

/** Where a path is sent to, in ProxyPass' own words, with the socket where that is a file; NULL for nowhere. */
const char *finq_proxied_address(const server_rec *server, const char *path, apr_pool_t *pool);

/** Whether a path is a prefix, or lies below it. */
int finq_proxied_is_under(const char *path, const char *prefix);

/** Whether a Location's section holds for a path. */
int finq_proxied_section_holds(const core_dir_config *section, const char *path);

#endif
