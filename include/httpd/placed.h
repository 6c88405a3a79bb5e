/* At which Locations our handlers stand. */
#ifndef FINQ_PLACED_H
#define FINQ_PLACED_H

#include <httpd.h>
#include <http_config.h>

/** Sees SetHandler beside core: notes the Locations of the host that are served by us. */
const char *finq_placed_see(cmd_parms *cmd, void *dummy, const char *value);

/** Whether a directive of this name stands in a section, and not in one within it. */
int finq_placed_has(const ap_directive_t *section, const char *name);

#endif
