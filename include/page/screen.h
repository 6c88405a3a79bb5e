/* The pages that a person sees, each as whole HTML. */
#ifndef FINQ_SCREEN_H
#define FINQ_SCREEN_H

#include "flow/waiting.h"
#include "page/problem.h"
#include "skills/skill.h"

/** What all pages of one visitor have in common. */
typedef struct finq_screen {
    const finq_pages *pages;
    const finq_words *words;
    const char *tenant; /**< its name; NULL where nobody knows whose page it is, and so below */
    const char *style;  /**< file name of the stylesheet, in the tenant's colours; NULL for that of `pages` */
    const char *logo;   /**< file name of its logo; NULL for none */
    const finq_skill *skill;
    apr_pool_t *pool;
} finq_screen;

/** What a page's form carries for the next request; a member that is NULL is not carried. */
typedef struct finq_screen_carried {
    const char *nonce;
    const char *held;    /**< the nonce of the step whose documents are wanted, where that is not it */
    const char *of;      /**< that step's id */
    const char *state;   /**< sealed */
    const char *handoff; /**< the address of what is offered to another device */
    const char *device;  /**< on that one: what it is known by */
} finq_screen_carried;

/** The first page: what it is, what it takes, how long its address is good for (seconds since 1970). */
const char *finq_screen_start(const finq_screen *screen, apr_int64_t until);

/** For whoever comes (back) to a session that is under way. `notice` names the sentence that says what happened; NULL for none. */
const char *finq_screen_resume(const finq_screen *screen, const char *notice);

/** A step's form. */
typedef struct finq_screen_form {
    int step; /**< from 0 */
    const finq_field *fields;
    const finq_typed *typed;
    const apr_array_header_t *problems; /**< of finq_problem; NULL for none */
    const char *notice;                 /**< words above the form; NULL for none */
    int can_go_back;
    int part; /**< which part `fields` is, from 0; where they are whole and it is their count, all are to be looked through */
} finq_screen_form;
const char *finq_screen_form_of(const finq_screen *screen, const finq_screen_carried *carried, const finq_screen_form *form);

/** What was typed into all parts, before it is sent: each can be changed. */
const char *finq_screen_check_of(const finq_screen *screen, const finq_screen_carried *carried, const finq_screen_form *form);

/** The documents of a step. */
typedef struct finq_screen_documents {
    int step;
    const apr_array_header_t *uploaded; /**< of finq_waiting_upload: those that are there; NULL for none */
    const json_t *files;                /**< {document: "size name"} of files that were sent from here, as finq_state has them */
    const char *wrong;                  /**< the one that something is wrong with, and what; NULL for none */
    const char *words;
    const char *upload;    /**< where a script sends files in pieces (contract section 13) */
    const char *client_id; /**< as that asks for it */
    int can_hand_off;      /**< whether another device is offered */
    int is_handed;         /**< whether this is the other device */
} finq_screen_documents;
const char *finq_screen_documents_of(const finq_screen *screen, const finq_screen_carried *carried,
                                     const finq_screen_documents *documents);

/** The title of a step's document, both by their places from 0. */
const char *finq_screen_document(const finq_screen *screen, int step, int document);
/** What a file may be, in short: "JPEG, PNG". */
const char *finq_screen_types(const finq_skill_upload *upload, apr_pool_t *pool);

/* ---- a hand-off to another device (screen_handoff.c) ---- */

/** Its code, for `link`. Error: as finq_qr_html. */
finq_error *finq_screen_offer(const char **html, const finq_screen *screen, const finq_screen_carried *carried, const char *link);
/** Which of these does the other device show? `numbers` as page/handoff.h has them. */
const char *finq_screen_numbers(const finq_screen *screen, const finq_screen_carried *carried, const char *numbers);
/** While the other device has the session. */
const char *finq_screen_taken(const finq_screen *screen, const finq_screen_carried *carried);
/** Nothing comes of it: `name` is "wrong", "over" or "refused". */
const char *finq_screen_dead(const finq_screen *screen, const finq_screen_carried *carried, const char *name);
/** On the other device: whose page this is, and what it is about, before anything is opened. */
const char *finq_screen_here(const finq_screen *screen, const finq_screen_carried *carried);
/** The number to be pressed on the first one. */
const char *finq_screen_number(const finq_screen *screen, const finq_screen_carried *carried, const char *number);

/** The way to a bank. */
const char *finq_screen_bank(const finq_screen *screen, const finq_screen_carried *carried, const char *url);

/** While somebody decides: it looks again by itself. `carried` is NULL where no nonce is held. */
const char *finq_screen_waiting(const finq_screen *screen, const finq_screen_carried *carried);

/** How it ended. */
typedef struct finq_screen_ending {
    const char *name;      /**< "done", "failed", "expired", or "sent" of another device that has done what it was for */
    const json_t *reasons; /**< an array of texts, or NULL */
    const char *link;      /**< leads back to the tenant; NULL for nowhere */
    const char *reference; /**< by which tenant and person speak of it; NULL where there is nothing to speak of */
    apr_int64_t at;        /**< when, in seconds since 1970 */
} finq_screen_ending;

/** The last page: what somebody may want to keep. */
const char *finq_screen_end(const finq_screen *screen, const finq_screen_ending *ending);

/** When something stands in the way. `name` names its words (trouble.NAME.title, trouble.NAME.text); with `can_continue` a button
 * leads on. */
const char *finq_screen_trouble(const finq_screen *screen, const char *name, int can_continue, const char *request_id);

/** A size as people read it: "10 MB". */
const char *finq_screen_size(const finq_words *words, apr_int64_t bytes, apr_pool_t *pool);

#endif
