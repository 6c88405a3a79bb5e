#include "httpd/page_handoff.h"

#include <apr_strings.h>
#include <string.h>

#include "httpd/intake.h"
#include "httpd/observe.h"
#include "page/handoff.h"

#define DEVICE_BYTES 32

static finq_error *nothing_here(apr_pool_t *pool)
{
    return finq_error_make(pool, FINQ_E_NOT_FOUND, "Nothing is handed over here, or not any more.");
}

/* ---- the device that hands over ---- */

#define NUMBER "number:"

int finq_page_handoff_is(const char *act)
{
    return act && (strcmp(act, "handoff") == 0 || strcmp(act, "handoff:back") == 0 || strncmp(act, NUMBER, strlen(NUMBER)) == 0);
}

static finq_handoff_choice choice_of(const char *act, const char *numbers, apr_pool_t *pool)
{
    if (strcmp(act, "handoff") == 0)
        return FINQ_HANDOFF_LOOK;
    if (strcmp(act, "handoff:back") == 0)
        return FINQ_HANDOFF_BACK;
    if (strcmp(act, NUMBER "none") == 0)
        return FINQ_HANDOFF_NONE;
    return strcmp(act + strlen(NUMBER), finq_handoff_right(numbers, pool)) == 0 ? FINQ_HANDOFF_RIGHT : FINQ_HANDOFF_ANOTHER;
}

static finq_error *phase_show(finq_page_visit *visit, const finq_handoff *handoff, const char *nonce)
{
    const char *name = handoff->phase == FINQ_HANDOFF_WRONG     ? "wrong"
                       : handoff->phase == FINQ_HANDOFF_REFUSED ? "refused"
                                                                : "over";
    finq_screen_carried carried = {.nonce = nonce,
                                   .held = finq_typed_get(visit->form.typed, "held"),
                                   .of = finq_typed_get(visit->form.typed, "of"),
                                   .handoff = handoff->address};
    FINQ_TRY(finq_page_show_carry(&carried, visit));
    if (handoff->phase == FINQ_HANDOFF_OFFERED)
        return finq_screen_offer(
            &visit->html, &visit->screen, &carried,
            apr_pstrcat(visit->pool, finq_page_show_link(visit, handoff->address), "?language=", visit->state.language, NULL));
    if (handoff->phase == FINQ_HANDOFF_OPENED)
        visit->html = finq_screen_numbers(&visit->screen, &carried, handoff->numbers);
    else if (handoff->phase == FINQ_HANDOFF_TAKEN)
        visit->html = finq_screen_taken(&visit->screen, &carried);
    else {
        carried.handoff = NULL;
        visit->html = finq_screen_dead(&visit->screen, &carried, name);
    }
    return NULL;
}

finq_error *finq_page_handoff_act(finq_page_visit *visit, const finq_session_pass *pass, const char *nonce, const char *act)
{
    const finq_service *service = &visit->request->service;
    finq_handoff handoff = {.address = finq_typed_get(visit->form.typed, "handoff")};
    finq_waiting_answer answer;
    finq_entry offered;
    if (!visit->request->config->page_handoff)
        return nothing_here(visit->pool);
    if (!handoff.address) {
        FINQ_TRY(finq_handoff_offer(&handoff, service, &visit->entry, pass, visit->pool));
        return phase_show(visit, &handoff, nonce);
    }
    FINQ_TRY(finq_handoff_read(&offered, service, &visit->entry, handoff.address, visit->pool));
    handoff.numbers = offered.numbers;
    FINQ_TRY(finq_handoff_choose(&handoff.phase, &answer, service, &offered, pass, choice_of(act, handoff.numbers, visit->pool),
                                 visit->pool));
    return handoff.phase == FINQ_HANDOFF_STANDING ? finq_page_show_standing(visit, &answer, answer.nonce)
                                                  : phase_show(visit, &handoff, nonce);
}

/* ---- the other one: it does what it was handed over for, and no more ---- */

/* A text by which the database knows this device, and nobody else. */
static finq_error *device_make(const char **device, apr_pool_t *pool)
{
    unsigned char bytes[DEVICE_BYTES];
    FINQ_TRY(finq_random(bytes, sizeof bytes, pool));
    *device = finq_codec_encode(FINQ_BASE64URL, bytes, sizeof bytes, pool);
    return NULL;
}

finq_error *finq_page_handoff_look(finq_page_visit *visit)
{
    finq_screen_carried carried = {0};
    finq_entry_facts facts;
    FINQ_TRY(finq_entry_look(&facts, &visit->request->service, &visit->entry, visit->pool));
    if (!facts.session_id)
        return nothing_here(visit->pool);
    finq_page_show_begin(visit, &facts, finq_page_show_language(visit));
    finq_observe_recognised(visit->request, &visit->entry.client_id, facts.published, NULL);
    visit->state.session = finq_id_text(facts.session_id, visit->pool);
    visit->state.skill = apr_itoa(visit->pool, facts.published->skill_id);
    visit->state.return_link = NULL;
    FINQ_TRY(device_make(&carried.device, visit->pool));
    FINQ_TRY(finq_page_show_carry(&carried, visit));
    visit->html = finq_screen_here(&visit->screen, &carried);
    return NULL;
}

static finq_error *documents_show(finq_page_visit *visit, const finq_waiting_answer *answer, const char *nonce)
{
    finq_screen_carried carried = {.nonce = answer->nonce ? answer->nonce : nonce};
    if (!answer->step || !carried.nonce)
        return nothing_here(visit->pool);
    return finq_page_show_documents(visit, &carried, answer->step, &answer->step_id, answer->uploaded);
}

static finq_error *phase_follow(finq_page_visit *visit, finq_handoff_phase phase, const finq_waiting_answer *answer,
                                const char *nonce)
{
    if (phase == FINQ_HANDOFF_STANDING)
        return documents_show(visit, answer, nonce);
    if (phase != FINQ_HANDOFF_DONE)
        return nothing_here(visit->pool);
    visit->html = finq_screen_end(&visit->screen, &(finq_screen_ending){.name = "sent"});
    return NULL;
}

static finq_error *run_open(finq_page_visit *visit)
{
    const finq_service *service = &visit->request->service;
    finq_screen_carried carried = {.device = finq_typed_get(visit->form.typed, "device")};
    const finq_published *published;
    finq_waiting_answer answer;
    finq_handoff_phase phase;
    if (!carried.device || !visit->state.skill || !visit->entry.session_id)
        return nothing_here(visit->pool);
    FINQ_TRY(finq_directory_skill(&published, service->directory, service->db, (apr_int32_t)apr_atoi64(visit->state.skill),
                                  visit->pool));
    finq_page_show_carried(visit, published);
    FINQ_TRY(finq_handoff_open(&phase, &answer, service, &visit->entry, visit->entry.session_id, carried.device, visit->pool));
    if (phase != FINQ_HANDOFF_OPENED)
        return phase_follow(visit, phase, &answer, NULL);
    FINQ_TRY(finq_page_show_carry(&carried, visit));
    visit->html = finq_screen_number(&visit->screen, &carried, finq_handoff_right(visit->entry.numbers, visit->pool));
    return NULL;
}

/* "look" is the last button: what was sent is all. The others show what has been sent so far. */
static finq_error *run_documents(finq_page_visit *visit, const char *act, const char *nonce)
{
    const finq_service *service = &visit->request->service;
    finq_waiting_answer answer;
    finq_session_pass pass;
    finq_handoff_phase phase = FINQ_HANDOFF_STANDING;
    FINQ_TRY(finq_intake_nonce(&pass, visit->request, &visit->entry.client_id, nonce, FINQ_SESSION_ANY_AGE));
    FINQ_TRY(finq_entry_check(&visit->entry, &pass.token.session_id, visit->pool));
    finq_page_show_carried(visit, pass.published);
    if (strcmp(act, "look") == 0)
        FINQ_TRY(finq_handoff_finish(&phase, &answer, service, &visit->entry, &pass, visit->pool));
    else
        FINQ_TRY(finq_waiting_status(&answer, service, &pass, visit->pool));
    return phase_follow(visit, phase, &answer, nonce);
}

finq_error *finq_page_handoff_run(finq_page_visit *visit)
{
    const finq_typed *typed = visit->form.typed;
    const char *act = finq_typed_get(typed, "act"), *nonce = finq_typed_get(typed, "nonce");
    finq_id *session_id = apr_palloc(visit->pool, sizeof *session_id);
    int is_ours;
    FINQ_TRY(finq_state_open(&visit->state, &is_ours, finq_typed_get(typed, "state"), &visit->entry.page_id,
                             visit->request->config->secrets, visit->pool));
    if (is_ours && finq_id_parse(session_id, visit->state.session))
        visit->entry.session_id = session_id;
    if (is_ours && act && strcmp(act, "open") == 0)
        return run_open(visit);
    if (is_ours && act && nonce)
        return run_documents(visit, act, nonce);
    return nothing_here(visit->pool);
}
