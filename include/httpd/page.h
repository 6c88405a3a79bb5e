/* The page in the place of an error, for a person's browser that comes back from a bank (contract section 1). */
#ifndef FINQ_PAGE_H
#define FINQ_PAGE_H

#include "httpd/request.h"

/** Whether whoever asked is a person's browser on its way back from a bank: the path is that of returns, and Accept names text/html
 * rather than JSON. */
int finq_page_suits(const finq_request *request);

/** The page of an error, as HTML, and its headers set. It says what a person can do, and the request's id; of the error no more than
 * that is told. */
const char *finq_page_of(finq_request *request, const finq_error *error);

#endif
