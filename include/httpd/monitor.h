/* Pages for operators: metrics, health, mod_status. */
#ifndef FINQ_MONITOR_H
#define FINQ_MONITOR_H

#include <httpd.h>

/** The content handlers of SetHandler finq-metrics and SetHandler finq-health. */
int finq_monitor_metrics(request_rec *r);
int finq_monitor_health(request_rec *r);
/** Adds the section to mod_status's page; for the register_hooks function. */
void finq_monitor_register(void);

#endif
