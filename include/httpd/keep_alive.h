/* Connections that outlive a 400. */
#ifndef FINQ_KEEP_ALIVE_H
#define FINQ_KEEP_ALIVE_H

#include <httpd.h>

/** Lets the next request come on the same connection though this one is answered 400, as far as httpd would after a 200. Its body was
 * read to its end and understood, and nothing of the answer has been written. Over HTTP/2 streams end, and connections stay by themselves. */
void finq_keep_alive(request_rec *r);

/** Registers the filters. */
void finq_keep_alive_register(void);

#endif
