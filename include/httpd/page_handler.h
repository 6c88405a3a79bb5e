/* SetHandler finq-page: complete onboardings, for people's browsers (contract section 16). */
#ifndef FINQ_PAGE_HANDLER_H
#define FINQ_PAGE_HANDLER_H

#include <httpd.h>

/** The content handler of SetHandler finq-page. */
int finq_page_handler(request_rec *r);

#endif
