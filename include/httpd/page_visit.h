/* One request of a person's browser to a page: what it asks for, and the page that it gets. */
#ifndef FINQ_PAGE_VISIT_H
#define FINQ_PAGE_VISIT_H

#include "flow/waiting.h"
#include "httpd/page_form.h"
#include "page/screen.h"
#include "page/state.h"

/** What is known of it, as it becomes known. */
typedef struct finq_page_visit {
    finq_request *request;
    apr_pool_t *pool;
    const char *address; /**< as in the path */
    finq_entry entry;    /**< that address, opened */
    finq_page_form form;
    finq_state state;
    finq_screen screen;
    int part;                /**< of a form that has parts: which one, from 0; their count for the answers to look through */
    int is_gathered;         /**< whether `form` has what was typed into the others too */
    const char *reference;   /**< by which people speak of its session: the id; NULL before that is known */
    const char *html;        /**< the page */
    int is_blank;            /**< whether it shows nothing of the person, so that the browser may keep it for its Back */
    const finq_error *error; /**< what it tells of; NULL for nothing */
} finq_page_visit;

/** Shows how the page of these facts stands: changes nothing, whoever asks. */
finq_error *finq_page_visit_look(finq_page_visit *visit, const finq_entry_facts *facts);
/** Does what a button says. */
finq_error *finq_page_visit_act(finq_page_visit *visit);
/** The page in the place of one that could not be made. */
void finq_page_visit_fail(finq_page_visit *visit, const finq_error *error);

/* ---- which page shows how a session stands (page_show.c) ---- */

/** What is the same on all pages of this visitor, from what is known of the page. */
void finq_page_show_begin(finq_page_visit *visit, const finq_entry_facts *facts, const char *language);
/** The same from what the form carried. */
void finq_page_show_carried(finq_page_visit *visit, const finq_published *published);

/** The language that the address asks for (?language=ro); NULL for none. */
const char *finq_page_show_language(const finq_page_visit *visit);

/** What the next request brings along, sealed. */
finq_error *finq_page_show_carry(finq_screen_carried *carried, finq_page_visit *visit);
/** The whole address of the page with this one, or of a hand-off. */
const char *finq_page_show_link(const finq_page_visit *visit, const char *address);

/** The form of the step that a nonce authorises: `typed` fills it, or what was typed before where that is NULL. `notice` is NULL for
 * nothing to say. */
finq_error *finq_page_show_form(finq_page_visit *visit, const char *nonce, finq_typed *typed, const apr_array_header_t *problems,
                                const char *notice);
/** How a session stands. `nonce` is the one that is held. */
finq_error *finq_page_show_standing(finq_page_visit *visit, const finq_waiting_answer *answer, const char *nonce);
/** Documents of a step that was just submitted, or of one that they are missing of. */
finq_error *finq_page_show_documents(finq_page_visit *visit, const finq_screen_carried *carried, const finq_skill_step *step,
                                     const finq_id *step_id, const apr_array_header_t *uploaded);
/** The last page, of a session that stands so. */
finq_error *finq_page_show_end(finq_page_visit *visit, const finq_waiting_answer *answer);

/** Adds to the form that came what was typed into the other parts of the step, once, and bounds its rows. */
void finq_page_show_gather(finq_page_visit *visit, const finq_field *fields);

/** The fields of a step, and what their data is made of. */
const finq_field *finq_page_show_fields(const finq_page_visit *visit, const finq_skill_step *step);

#endif
