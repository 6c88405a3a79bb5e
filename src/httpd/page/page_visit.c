#include "httpd/page_visit.h"

#include <apr_strings.h>
#include <string.h>

#include "bank/query.h"
#include "crypto/digest.h"
#include "flow/step.h"
#include "httpd/intake.h"
#include "httpd/limits.h"
#include "httpd/observe.h"
#include "httpd/page_handoff.h"
#include "page/part.h"

/* ---- looking ---- */

/* What a bank's return added to the address; a token counts only where it is of this page's session. */
typedef struct {
    const char *language, *temp_token, *error, *status;
} arrival;

static void arrival_read(arrival *came, const finq_page_visit *visit, const finq_entry_facts *facts)
{
    const finq_query_parameter parameters[] = {{"language", &came->language},
                                               {"temp_token", &came->temp_token},
                                               {"error", &came->error},
                                               {"status", &came->status},
                                               {NULL, NULL}};
    finq_token token = {.kind = FINQ_TOKEN_TEMP};
    const finq_secret *secret = NULL;
    *came = (arrival){NULL, NULL, NULL, NULL};
    if (finq_query_read(parameters, visit->request->returned, visit->pool) != NULL)
        *came = (arrival){NULL, NULL, NULL, NULL};
    finq_error *error =
        came->temp_token ? finq_service_open(&token, &secret, came->temp_token, &visit->request->service, visit->pool) : NULL;
    if (error || !secret || !facts->session_id || !finq_id_equal(&token.session_id, facts->session_id))
        came->temp_token = NULL;
}

finq_error *finq_page_visit_look(finq_page_visit *visit, const finq_entry_facts *facts)
{
    arrival came;
    arrival_read(&came, visit, facts);
    finq_page_show_begin(visit, facts, came.language);
    finq_observe_recognised(visit->request, &visit->entry.client_id, facts->published, NULL);
    visit->is_blank = !facts->has_begun || facts->status == FINQ_STATUS_PENDING || facts->status == FINQ_STATUS_IN_PROGRESS;
    if (!facts->has_begun)
        visit->html = finq_screen_start(&visit->screen, facts->expires_at);
    else if (facts->status == FINQ_STATUS_PENDING)
        visit->html = finq_screen_waiting(&visit->screen, NULL);
    else if (facts->status == FINQ_STATUS_IN_PROGRESS)
        visit->html = finq_screen_resume(&visit->screen, came.error ? "resume.refused" : came.status ? "resume.returned" : NULL);
    else {
        visit->reference = finq_id_text(facts->session_id, visit->pool);
        return finq_page_show_end(
            visit,
            &(finq_waiting_answer){.status = facts->status, .temp_token = came.temp_token, .updated_at = facts->updated_at});
    }
    return NULL;
}

/* ---- beginning, and going on ---- */

/* The page's session, with a nonce that makes all others old. `of` is the step of the form that came, whose answers are shown again where
 * the session is still there; NULL for none. */
static finq_error *begin(finq_page_visit *visit, const char *language, const char *of)
{
    finq_session_started started;
    finq_waiting_answer answer;
    finq_entry_facts facts;
    const finq_state came = visit->state;
    FINQ_TRY(finq_entry_begin(&facts, &started, &visit->request->service, &visit->entry, visit->pool));
    finq_page_show_begin(visit, &facts, language);
    finq_observe_recognised(visit->request, &visit->entry.client_id, facts.published, NULL);
    visit->reference = finq_id_text(facts.session_id, visit->pool);
    if (came.typed) {
        visit->state.typed = came.typed;
        visit->state.numbers = came.numbers;
    }
    if (!facts.has_begun) {
        if (facts.prefill && !came.typed)
            visit->state.typed = (json_t *)facts.prefill;
        finq_observe_session(visit->request, facts.published, FINQ_PROGRESS_CREATED);
        answer = (finq_waiting_answer){.status = FINQ_STATUS_IN_PROGRESS, .nonce = started.nonce, .next_step = started.next_step};
    } else {
        finq_waiting_page page = {visit->entry.client_id, visit->entry.page_id, visit->entry.generation, *facts.session_id};
        FINQ_TRY(finq_waiting_resume_page(&answer, &visit->request->service, &page, visit->pool));
    }
    if (of && answer.nonce && answer.next_step && strcmp(of, answer.next_step) == 0) {
        visit->state.parts = came.parts;
        return finq_page_show_form(visit, answer.nonce, visit->form.typed, NULL,
                                   finq_words_say(visit->screen.words, "form.aged"));
    }
    return finq_page_show_standing(visit, &answer, answer.nonce);
}

static finq_error *act_start(finq_page_visit *visit)
{
    return begin(visit, finq_typed_get(visit->form.typed, "language"), NULL);
}

/* ---- a step ---- */

/* By which a request that comes again is known: the same as the API's for the same step. */
static const unsigned char *meaning_hash(const json_t *body, const finq_page_visit *visit)
{
    unsigned char *hash = apr_palloc(visit->pool, FINQ_DIGEST_SHA256);
    const char *meaning = finq_json_meaning(body, visit->state.numbers, visit->pool);
    finq_digest_sha256(hash, meaning, strlen(meaning));
    return hash;
}

/* The body that a program would have sent. */
static finq_error *body_make(json_t **body, const finq_page_visit *visit, const finq_session_pass *pass, const char *nonce)
{
    const finq_field *fields = finq_page_show_fields(visit, pass->step);
    const finq_typed_own own = {finq_page_show_link(visit, visit->address), visit->state.moment};
    finq_json_writer *to = finq_json_write(visit->pool);
    char id[FINQ_ID_TEXT + 1];
    finq_json_open(to, NULL, '{');
    finq_json_put(to, "client_id", finq_id_write(id, &visit->entry.client_id));
    finq_json_put(to, "nonce", nonce);
    finq_json_put(to, "skill", pass->published->skill->name);
    finq_json_put(to, "step", pass->step->name);
    finq_json_put_text(to, "data", finq_typed_data(visit->form.typed, fields, &own));
    finq_json_close(to, '}');
    const char *text = finq_json_written(to);
    return finq_json_parse(body, visit->state.numbers, text, strlen(text), visit->pool);
}

static finq_error *typed_keep(finq_page_visit *visit, const finq_session_pass *pass, const char *nonce)
{
    json_t *body;
    FINQ_TRY(body_make(&body, visit, pass, nonce));
    json_object_set(visit->state.typed, pass->step->name, json_object_get(body, "data"));
    return NULL;
}

static finq_error *submitted_show(finq_page_visit *visit, const finq_step_answer *answer, const finq_session_pass *pass,
                                  const char *nonce)
{
    finq_waiting_answer standing = {.status = answer->status,
                                    .updated_at = answer->submitted_at,
                                    .waits = answer->status != FINQ_STATUS_FAILED && !answer->nonce && !answer->temp_token,
                                    .published = pass->published,
                                    .nonce = answer->nonce,
                                    .temp_token = answer->temp_token,
                                    .next_step = answer->next_step,
                                    .data = answer->data,
                                    .reasons = answer->reasons};
    finq_screen_carried carried = {.nonce = answer->nonce ? answer->nonce : nonce, .held = answer->nonce ? nonce : NULL};
    int is_at_bank = standing.waits && answer->status != FINQ_STATUS_PENDING;
    if (pass->step->upload_count > 0 && !is_at_bank && answer->status != FINQ_STATUS_FAILED)
        return finq_page_show_documents(visit, &carried, pass->step, &answer->step_id, NULL);
    return finq_page_show_standing(visit, &standing, nonce);
}

static finq_progress progress_of(finq_status status)
{
    return status == FINQ_STATUS_PENDING     ? FINQ_PROGRESS_PENDING
           : status == FINQ_STATUS_COMPLETED ? FINQ_PROGRESS_COMPLETED
           : status == FINQ_STATUS_FAILED    ? FINQ_PROGRESS_FAILED
                                             : FINQ_PROGRESS_IN_PROGRESS;
}

/* The part that the first of these is of. */
static int part_of(const finq_page_visit *visit, const finq_session_pass *pass, const apr_array_header_t *problems)
{
    const finq_field *fields = finq_page_show_fields(visit, pass->step);
    for (int i = 0; i < problems->nelts; i++) {
        const char *pointer = APR_ARRAY_IDX(problems, i, finq_problem).pointer;
        if (pointer && finq_part_find(fields, pointer) >= 0)
            return finq_part_find(fields, pointer);
    }
    return visit->part;
}

/* What is wrong with what was typed, at its place; or that it did not work, with all that was typed. */
static finq_error *submit_failed(finq_page_visit *visit, const finq_session_pass *pass, const char *nonce, finq_error *error)
{
    const char *type = finq_code_type(error->code), *notice = NULL;
    apr_array_header_t *problems = NULL;
    if (error->code == FINQ_E_MISSING_UPLOADS) {
        FINQ_TRY(typed_keep(visit, pass, nonce));
        return begin(visit, visit->state.language, NULL);
    }
    if (error->code == FINQ_E_INVALID_INPUT)
        problems = finq_problems_of(error, finq_page_show_fields(visit, pass->step), visit->form.typed);
    else if (finq_code_http(error->code) >= 500 || strcmp(type, "external_api_error") == 0)
        notice = finq_words_say(visit->screen.words, "form.failed");
    else
        return error;
    visit->error = error;
    visit->part = problems ? part_of(visit, pass, problems) : visit->part;
    return finq_page_show_form(visit, nonce, visit->form.typed, problems, notice);
}

/* The part that is asked next in a direction; behind the last the answers are looked through; -1 before the first. */
static int part_beside(const finq_page_visit *visit, const finq_field *fields, int direction)
{
    int place = visit->part + direction;
    while (place >= 0 && place < finq_part_count(fields) && !finq_part_asks(finq_part_of(fields, place), visit->form.typed))
        place += direction;
    return place;
}

/* The next part, where this one is as the step's schema wants it: the whole is checked, and what is wrong here is told. */
static finq_error *part_next(finq_page_visit *visit, const finq_session_pass *pass, const char *nonce, const finq_field *fields)
{
    apr_array_header_t *problems;
    json_t *body;
    FINQ_TRY(body_make(&body, visit, pass, nonce));
    finq_part_answers answers = {pass->step->form, json_object_get(body, "data"), visit->state.numbers, visit->form.typed};
    visit->error = finq_part_check(&problems, &answers, finq_part_of(fields, visit->part));
    if (!visit->error)
        visit->part = part_beside(visit, fields, 1);
    return finq_page_show_form(visit, nonce, visit->form.typed, problems, NULL);
}

static finq_error *act_next(finq_page_visit *visit, const finq_session_pass *pass, const char *nonce)
{
    finq_step_answer answer;
    json_t *body;
    const finq_field *fields = finq_page_show_fields(visit, pass->step);
    int count = finq_part_count(fields), is_part = count > 1 && visit->part < count;
    if (finq_typed_lacks(visit->form.typed, is_part ? finq_part_of(fields, visit->part) : fields))
        return finq_page_show_form(visit, nonce, visit->form.typed, NULL, finq_words_say(visit->screen.words, "form.more"));
    if (is_part)
        return part_next(visit, pass, nonce, fields);
    FINQ_TRY(body_make(&body, visit, pass, nonce));
    finq_step_submission submission = {
        .pass = pass,
        .skill = pass->published->skill->name,
        .step = pass->step->name,
        .data = json_object_get(body, "data"),
        .numbers = visit->state.numbers,
        .body_hash = meaning_hash(body, visit),
        .comes_home = 1,
    };
    finq_error *error = finq_step_submit(&answer, &visit->request->service, &submission, visit->pool);
    if (error)
        return submit_failed(visit, pass, nonce, error);
    finq_observe_session(visit->request, pass->published, progress_of(answer.status));
    json_object_set(visit->state.typed, pass->step->name, (json_t *)submission.data);
    visit->state.parts = NULL;
    visit->part = 0;
    return submitted_show(visit, &answer, pass, nonce);
}

static finq_error *act_back(finq_page_visit *visit, const finq_session_pass *pass, const char *nonce)
{
    finq_waiting_answer answer;
    int before = part_beside(visit, finq_page_show_fields(visit, pass->step), -1);
    if (visit->part > 0 && before >= 0) {
        visit->part = before;
        return finq_page_show_form(visit, nonce, visit->form.typed, NULL, NULL);
    }
    visit->part = 0;
    visit->state.parts = NULL;
    FINQ_TRY(typed_keep(visit, pass, nonce));
    FINQ_TRY(finq_waiting_back(&answer, &visit->request->service, pass, visit->pool));
    return finq_page_show_form(visit, answer.nonce, NULL, NULL, NULL);
}

/* ---- rows ---- */

/* The rows with this pointer, below a field; NULL where there are none. */
static const finq_field *rows_find(const finq_page_visit *visit, const finq_field *field, const char *pointer)
{
    const finq_field *found = NULL;
    if (field->kind == FINQ_FIELD_ROWS && strcmp(field->pointer, pointer) == 0)
        return field;
    for (int i = 0; !found && field->fields && i < field->fields->nelts; i++)
        found = rows_find(visit, APR_ARRAY_IDX(field->fields, i, const finq_field *), pointer);
    for (int i = 0; !found && field->kind == FINQ_FIELD_ROWS && i < finq_typed_rows(visit->form.typed, field); i++) {
        const finq_field *item = finq_field_item(field, i);
        found = item ? rows_find(visit, item, pointer) : NULL;
    }
    return found;
}

/* "add:/pointer", "cut:/pointer:2": the form again, with a row more or less. */
static finq_error *act_rows(finq_page_visit *visit, const finq_session_pass *pass, const char *nonce, const char *act)
{
    char *pointer = apr_pstrdup(visit->pool, act + 4), *place = strrchr(pointer, ':');
    int is_cut = strncmp(act, "cut:", 4) == 0;
    if (is_cut && place)
        *place = '\0';
    const finq_field *rows = rows_find(visit, finq_page_show_fields(visit, pass->step), pointer);
    if (rows && is_cut && place)
        finq_typed_row_cut(visit->form.typed, rows, (int)apr_atoi64(place + 1));
    else if (rows && !is_cut)
        finq_typed_row_add(visit->form.typed, rows);
    return finq_page_show_form(visit, nonce, visit->form.typed, NULL, NULL);
}

/* "part:1": a part again, to change what stands there. */
static finq_error *act_part(finq_page_visit *visit, const finq_session_pass *pass, const char *nonce, const char *act)
{
    int place = (int)apr_atoi64(act + 5);
    visit->part = place >= 0 && place < finq_part_count(finq_page_show_fields(visit, pass->step)) ? place : 0;
    return finq_page_show_form(visit, nonce, visit->form.typed, NULL, NULL);
}

/* ---- how much ---- */

/* So far beyond the limit the way back is open, to where something can be shortened: pages that are left empty say what they ask for. */
#define BACK_MORE 4096

/* What was typed here is what the next form has to carry; of other steps, which nobody can shorten here, as much as there is room for. */
static finq_error *length_check(finq_page_visit *visit, int is_back)
{
    apr_size_t most = (apr_size_t)visit->request->config->max_body * 2 + (is_back ? BACK_MORE : 0);
    apr_size_t length = strlen(finq_json_text(finq_part_keep(visit->form.typed, NULL, visit->pool), visit->pool));
    if (length > most)
        return finq_error_too_large("What was typed", (apr_int64_t)most, visit->pool);
    finq_state_fit(&visit->state, visit->screen.skill, most - length, visit->pool);
    return NULL;
}

static finq_error *length_show(finq_page_visit *visit, const char *nonce, const finq_error *error)
{
    apr_array_header_t *problems = apr_array_make(visit->pool, 1, sizeof(finq_problem));
    APR_ARRAY_PUSH(problems, finq_problem) = (finq_problem){.words = finq_words_say(visit->screen.words, "problem.length")};
    visit->error = error;
    return finq_page_show_form(visit, nonce, visit->form.typed, problems, NULL);
}

/* ---- which button ---- */

/* "documents": after a script has sent one, to show them. */
static int is_of_documents(const char *act)
{
    return strcmp(act, "upload") == 0 || strcmp(act, "documents") == 0;
}

static finq_error *act_look(finq_page_visit *visit, const finq_session_pass *pass, const char *nonce)
{
    finq_waiting_answer answer;
    const char *act = finq_typed_get(visit->form.typed, "act"), *held = finq_typed_get(visit->form.typed, "held");
    FINQ_TRY(finq_waiting_status(&answer, &visit->request->service, pass, visit->pool));
    finq_screen_carried carried = {.nonce = answer.nonce ? answer.nonce : nonce, .held = answer.nonce ? NULL : held};
    int is_upload = act && is_of_documents(act), is_at_bank = answer.waits && answer.status != FINQ_STATUS_PENDING;
    if (is_upload && answer.step && !is_at_bank && answer.status != FINQ_STATUS_FAILED && answer.status != FINQ_STATUS_EXPIRED)
        return finq_page_show_documents(visit, &carried, answer.step, &answer.step_id, answer.uploaded);
    return finq_page_show_standing(visit, &answer, nonce);
}

/* A nonce that looks, or that uploads, may be older than one that submits. */
static int is_looking(const char *act)
{
    return strcmp(act, "look") == 0 || is_of_documents(act);
}

static finq_error *act_run(finq_page_visit *visit, const char *act, const char *nonce)
{
    finq_session_pass pass;
    int grace = is_looking(act) || finq_page_handoff_is(act) ? FINQ_SESSION_ANY_AGE : 0;
    FINQ_TRY(finq_intake_nonce(&pass, visit->request, &visit->entry.client_id, nonce, grace));
    visit->reference = finq_id_text(&pass.token.session_id, visit->pool);
    finq_page_show_carried(visit, pass.published);
    if (finq_page_handoff_is(act))
        return finq_page_handoff_act(visit, &pass, nonce, act);
    FINQ_TRY(finq_entry_check(&visit->entry, &pass.token.session_id, visit->pool));
    if (is_looking(act))
        return act_look(visit, &pass, nonce);
    finq_page_show_gather(visit, finq_page_show_fields(visit, pass.step));
    int is_back = strcmp(act, "back") == 0, is_part = strncmp(act, "part:", 5) == 0;
    if (strncmp(act, "add:", 4) == 0 || strncmp(act, "cut:", 4) == 0)
        return act_rows(visit, &pass, nonce, act);
    finq_error *error = length_check(visit, is_back);
    if (error)
        return length_show(visit, nonce, error);
    return is_part ? act_part(visit, &pass, nonce, act) : (is_back ? act_back : act_next)(visit, &pass, nonce);
}

finq_error *finq_page_visit_act(finq_page_visit *visit)
{
    const finq_typed *typed = visit->form.typed;
    const char *act = finq_typed_get(typed, "act"), *nonce = finq_typed_get(typed, "nonce");
    finq_session_pass pass;
    int is_ours;
    FINQ_TRY(finq_state_open(&visit->state, &is_ours, finq_typed_get(typed, "state"), &visit->entry.page_id,
                             visit->request->config->secrets, visit->pool));
    if (!act)
        act = "next"; /* Enter, in browsers that press no button */
    if (strcmp(act, "start") == 0 || !is_ours || !nonce)
        return act_start(visit);
    if (!visit->state.typed)
        visit->state.typed = finq_json_own(json_object(), visit->pool);
    finq_error *error = act_run(visit, act, nonce);
    int has_answers = !is_looking(act) && !finq_page_handoff_is(act);
    if (!error || error->code != FINQ_E_EXPIRED_NONCE)
        return error; /* else nothing that was typed is lost */
    FINQ_TRY(finq_session_pass_open(&pass, &visit->request->service, &visit->entry.client_id, nonce, FINQ_SESSION_ANY_AGE,
                                    visit->pool));
    return begin(visit, visit->state.language, has_answers ? pass.step->name : NULL);
}
