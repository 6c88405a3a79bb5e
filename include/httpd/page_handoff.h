/* A page that goes over to another device, and back: what the buttons of both do (page/handoff.h). */
#ifndef FINQ_PAGE_HANDOFF_H
#define FINQ_PAGE_HANDOFF_H

#include "httpd/page_visit.h"

/** Whether a button of the first device is of a hand-off. */
int finq_page_handoff_is(const char *act);
/** Does what it says; `nonce` is that of `pass`. */
finq_error *finq_page_handoff_act(finq_page_visit *visit, const finq_session_pass *pass, const char *nonce, const char *act);

/** Shows the other device what it may take over: changes nothing, whoever asks. */
finq_error *finq_page_handoff_look(finq_page_visit *visit);
/** Does what a button of the other device says. */
finq_error *finq_page_handoff_run(finq_page_visit *visit);

#endif
