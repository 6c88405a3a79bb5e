/* The version of mod_finq. It stands here alone: the command, the metrics, the OpenAPI document and the man pages take it
 * from here. */
#ifndef FINQ_GROUND_VERSION_H
#define FINQ_GROUND_VERSION_H

#define FINQ_VERSION "0.2.0"

#endif
