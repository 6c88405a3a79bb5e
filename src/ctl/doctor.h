/* finqctl doctor: what it finds, and where it looks. */
#ifndef FINQ_CTL_DOCTOR_H
#define FINQ_CTL_DOCTOR_H

#include "ctl.h"
#include "json/json.h"

/** What is looked at, and what has been found so far. */
typedef struct ctl_doctor {
    ctl_command *command;
    apr_pool_t *pool;
    json_t *findings;
    int errors; /**< of these: what keeps something from working */
} ctl_doctor;

typedef enum { CTL_GOOD, CTL_WARNING, CTL_ERROR } ctl_state;

/* ---- doctor_finding.c ---- */

/** Adds a finding about something by name, with its mend (NULL where it is good). Texts are UTF-8 after this, whatever they were. */
void ctl_doctor_found(ctl_doctor *doctor, ctl_state state, const char *check, const char *of, const char *finding,
                      const char *mend);

/** Whether the host at a place is the first that has this member's text; 0 where it has none. */
int ctl_doctor_is_first(const json_t *hosts, size_t place, const char *member);

/** Whether a URL names a host and port: not mod_proxy's balancers and sockets. */
int ctl_doctor_names_host(const char *url, apr_pool_t *pool);
/** Why nothing can be reached at a URL's host and port within three seconds; NULL where something can, or where it names none. */
const char *ctl_doctor_unreachable(const char *url, apr_pool_t *pool);

/* ---- doctor_httpd.c ---- */

/** Has httpd test its configuration and tell it: {user, user_id, group_id, children, hosts}. NULL, and a finding, where it cannot. */
json_t *ctl_doctor_httpd(ctl_doctor *doctor);

/* ---- doctor_files.c ---- */

/** The secret file, the data keys and the upload directory of each host. */
void ctl_doctor_files(ctl_doctor *doctor, const json_t *httpd);

/* ---- doctor_database.c ---- */

/** The database of each host as its server sees it, by the role of DBDParams; how many connections all may come to. */
void ctl_doctor_servers(ctl_doctor *doctor, const json_t *httpd);
/** The database of --db, as the operator sees it: schema, clock, webhooks, the outbox, the janitor. */
void ctl_doctor_operator(ctl_doctor *doctor);

#endif
