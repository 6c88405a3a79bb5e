/* The page in the place of one that could not be made. */
#include <string.h>

#include "httpd/page_visit.h"

static const struct {
    finq_code code;
    const char *name;
    int can_continue;
} troubles[] = {
    {FINQ_E_STEP_ALREADY_SUBMITTED, "taken", 1}, {FINQ_E_INVALID_STEP, "taken", 1},        {FINQ_E_INVALID_NONCE, "elsewhere", 1},
    {FINQ_E_INVALID_SESSION_ID, "elsewhere", 1}, {FINQ_E_INVALID_STEP_ID, "elsewhere", 1}, {FINQ_E_NOT_FOUND, "link", 0},
    {FINQ_E_TOO_MANY_REQUESTS, "busy", 0},       {FINQ_E_PAYLOAD_TOO_LARGE, "large", 1},
};

/* In the language and the looks that the form carried, also where it was refused before anybody looked at them. */
static void screen_bare(finq_page_visit *visit)
{
    const finq_state *state = &visit->state;
    const finq_pages *pages = visit->request->config->page_set;
    const finq_typed *typed = visit->form.typed;
    int is_ours;
    if (!state->language && typed) /* what cannot be opened leaves it as it is */
        (void)finq_state_open(&visit->state, &is_ours, finq_typed_get(typed, "state"), &visit->entry.page_id,
                              visit->request->config->secrets, visit->pool);
    const char *language = state->language;
    if (!language && typed)
        language = finq_typed_get(typed, "language");
    if (!language)
        language = finq_page_show_language(visit);
    if (!language)
        language = apr_table_get(visit->request->r->headers_in, "Accept-Language");
    visit->screen = (finq_screen){.pages = pages,
                                  .words = finq_pages_words(pages, language, visit->pool),
                                  .tenant = state->tenant,
                                  .style = state->style,
                                  .logo = state->logo,
                                  .pool = visit->pool};
}

void finq_page_visit_fail(finq_page_visit *visit, const finq_error *error)
{
    const char *name = finq_code_http(error->code) >= 500 ? "fault" : "refused";
    int can_continue = 0;
    for (size_t i = 0; i < sizeof troubles / sizeof *troubles; i++) {
        if (troubles[i].code == error->code) {
            name = troubles[i].name;
            can_continue = troubles[i].can_continue;
        }
    }
    if (visit->entry.handoff_id) {
        int is_told = strcmp(name, "fault") == 0 || strcmp(name, "busy") == 0 || strcmp(name, "large") == 0;
        name = is_told ? name : "handoff";
        can_continue = 0;
    }
    visit->error = error;
    if (!visit->screen.pages)
        screen_bare(visit);
    if (error->code == FINQ_E_EXPIRED_SESSION)
        visit->html = finq_screen_end(&visit->screen, &(finq_screen_ending){.name = "expired"});
    else
        visit->html = finq_screen_trouble(&visit->screen, name, can_continue, visit->request->id);
}
