#include "httpd/page_visit.h"

#include <apr_strings.h>
#include <string.h>

#include "bank/link.h"
#include "bank/query.h"
#include "ground/clock.h"
#include "ground/text.h"
#include "page/part.h"

/* Longer than this no name of a file is shown. */
#define NAME_MOST 255

/* ---- what all pages have in common ---- */

void finq_page_show_begin(finq_page_visit *visit, const finq_entry_facts *facts, const char *language)
{
    const finq_pages *pages = visit->request->config->page_set;
    const char *wanted = language ? language : facts->language;
    if (!wanted)
        wanted = apr_table_get(visit->request->r->headers_in, "Accept-Language");
    const finq_words *words = finq_pages_words(pages, wanted, visit->pool);
    visit->screen = (finq_screen){.pages = pages,
                                  .words = words,
                                  .tenant = facts->tenant,
                                  .style = finq_pages_style_name(pages, facts->colours, visit->pool),
                                  .logo = facts->logo,
                                  .skill = facts->published->skill,
                                  .pool = visit->pool};
    visit->state = (finq_state){.page_id = visit->entry.page_id,
                                .language = finq_words_language(words),
                                .tenant = facts->tenant,
                                .style = visit->screen.style,
                                .logo = facts->logo,
                                .return_link = facts->return_link,
                                .typed = finq_json_own(json_object(), visit->pool),
                                .numbers = facts->numbers};
}

void finq_page_show_carried(finq_page_visit *visit, const finq_published *published)
{
    const finq_state *state = &visit->state;
    const finq_pages *pages = visit->request->config->page_set;
    visit->screen = (finq_screen){.pages = pages,
                                  .words = finq_pages_words(pages, state->language, visit->pool),
                                  .tenant = state->tenant,
                                  .style = state->style,
                                  .logo = state->logo,
                                  .skill = published->skill,
                                  .pool = visit->pool};
}

const char *finq_page_show_language(const finq_page_visit *visit)
{
    const finq_request *request = visit->request;
    const char *language = NULL, *query = request->returned ? request->returned : request->r->args;
    const finq_query_parameter parameters[] = {{"language", &language}, {NULL, NULL}};
    return finq_query_read(parameters, query, visit->pool) == NULL ? language : NULL;
}

/* What the next request brings along. */
finq_error *finq_page_show_carry(finq_screen_carried *carried, finq_page_visit *visit)
{
    return finq_state_seal(&carried->state, &visit->state, visit->request->config->secrets, visit->pool);
}

const char *finq_page_show_link(const finq_page_visit *visit, const char *address)
{
    const request_rec *r = visit->request->r;
    const char *home = finq_paths_page(visit->request->config, r->uri);
    return apr_pstrcat(visit->pool, finq_request_address(visit->request->r, visit->pool), home ? home : "", "/", address, NULL);
}

/* ---- a step ---- */

static int place_of(const finq_page_visit *visit, const finq_skill_step *step)
{
    return (int)(step - visit->screen.skill->steps);
}

const finq_field *finq_page_show_fields(const finq_page_visit *visit, const finq_skill_step *step)
{
    finq_field_source *source = apr_palloc(visit->pool, sizeof *source);
    *source = (finq_field_source){visit->screen.skill->definition, place_of(visit, step), visit->screen.words, visit->pool};
    return finq_field_form(source);
}

/* Nothing that was answered in an earlier step is asked twice: `ui.same_as`. */
static void fill_same(const finq_page_visit *visit, const finq_skill_step *step, finq_typed *typed)
{
    const json_t *definition =
        json_array_get(json_object_get(visit->screen.skill->definition, "steps"), (size_t)place_of(visit, step));
    const json_t *same = json_object_get(json_object_get(definition, "ui"), "same_as");
    const char *name;
    json_t *value;
    json_object_foreach((json_t *)same, name, value)
    {
        char *other = apr_pstrdup(visit->pool, json_string_value(value)), *slash = strchr(other, '/');
        *slash = '\0';
        finq_typed_fill(typed, *name == '/' ? name : finq_field_pointer("", name, visit->pool),
                        json_object_get(json_object_get(visit->state.typed, other), slash + 1), visit->state.numbers);
    }
}

static void parts_gather(finq_page_visit *visit, const finq_field *fields)
{
    const char *part = finq_typed_get(visit->form.typed, "part");
    int count = finq_part_count(fields);
    if (visit->is_gathered || count < 2)
        return;
    visit->is_gathered = 1;
    visit->part = part ? (int)apr_atoi64(part) : 0;
    if (visit->part < 0 || visit->part > count)
        visit->part = 0;
    finq_part_gather(visit->form.typed, visit->state.parts, visit->part < count ? finq_part_of(fields, visit->part) : NULL);
}

void finq_page_show_gather(finq_page_visit *visit, const finq_field *fields)
{
    parts_gather(visit, fields);
    finq_typed_rows_bound(visit->form.typed, fields);
}

/* What was typed for this step before, or is filled in for it. */
static finq_typed *typed_before(const finq_page_visit *visit, const finq_skill_step *step, const finq_field *fields)
{
    finq_typed *typed = finq_typed_make(visit->pool);
    finq_typed_fill_presets(typed, fields);
    fill_same(visit, step, typed);
    finq_typed_fill(typed, "", json_object_get(visit->state.typed, step->name), visit->state.numbers);
    finq_typed_rows_bound(typed, fields);
    finq_typed_write(typed, fields);
    return typed;
}

/* Over what a connector, a bank or a person decided no way leads back; the session says so where this guesses wrong. */
static int can_go_back(const finq_page_visit *visit, const finq_session_pass *pass)
{
    int previous = pass->token.previous;
    const finq_skill_step *step = previous > 0 ? &visit->screen.skill->steps[previous - 1] : NULL;
    return step && !step->connector && !step->review;
}

finq_error *finq_page_show_form(finq_page_visit *visit, const char *nonce, finq_typed *typed, const apr_array_header_t *problems,
                                const char *notice)
{
    finq_session_pass pass;
    finq_screen_carried carried = {.nonce = nonce};
    FINQ_TRY(finq_session_pass_open(&pass, &visit->request->service, &visit->entry.client_id, nonce, 0, visit->pool));
    const finq_field *fields = finq_page_show_fields(visit, pass.step);
    if (typed)
        finq_page_show_gather(visit, fields);
    else
        typed = typed_before(visit, pass.step, fields);
    int count = finq_part_count(fields), is_check = count > 1 && visit->part == count;
    const finq_field *shown = count > 1 && !is_check ? finq_part_of(fields, visit->part) : fields;
    visit->is_blank = !is_check && !notice && finq_part_is_blank(shown, typed);
    visit->state.moment = finq_clock_text(finq_clock_seconds(), visit->pool);
    visit->state.parts = count > 1 ? finq_part_keep(typed, is_check ? NULL : shown, visit->pool) : NULL;
    visit->state.files = NULL;                            /* of documents that are behind */
    json_object_del(visit->state.typed, pass.step->name); /* the form has it, and its other parts */
    FINQ_TRY(finq_page_show_carry(&carried, visit));
    finq_screen_form form = {
        .step = place_of(visit, pass.step),
        .fields = shown,
        .typed = typed,
        .problems = problems,
        .notice = notice,
        .can_go_back = (count > 1 && visit->part > 0) || can_go_back(visit, &pass),
        .part = visit->part,
    };
    visit->html = (is_check ? finq_screen_check_of : finq_screen_form_of)(&visit->screen, &carried, &form);
    return NULL;
}

/* ---- documents ---- */

/* The titles of those that are still wanted; NULL where none is. */
static const char *missing_of(const finq_page_visit *visit, const finq_skill_step *step, const apr_array_header_t *uploaded)
{
    apr_array_header_t *missing = apr_array_make(visit->pool, 4, sizeof(const char *));
    for (int i = 0; i < step->upload_count; i++) {
        if (step->uploads[i].required && !finq_waiting_upload_find(uploaded, step->uploads[i].document))
            APR_ARRAY_PUSH(missing, const char *) = finq_screen_document(&visit->screen, place_of(visit, step), i);
    }
    return missing->nelts ? finq_text_join(missing, visit->pool) : NULL;
}

/* Why a file was not taken, in words for people. */
static const char *refusal_words(const finq_page_visit *visit, const finq_skill_upload *upload, const finq_error *error)
{
    const finq_words *words = visit->screen.words;
    if (upload && error->code == FINQ_E_UNSUPPORTED_MEDIA_TYPE)
        return finq_words_with(words, "documents.type", visit->pool, "types", finq_screen_types(upload, visit->pool), NULL);
    if (upload && error->code == FINQ_E_PAYLOAD_TOO_LARGE)
        return finq_words_with(words, "documents.large", visit->pool, "size",
                               finq_screen_size(words, upload->max_bytes, visit->pool), NULL);
    return finq_words_say(words, "documents.failed");
}

static void documents_fault(finq_page_visit *visit, finq_screen_documents *documents, const finq_skill_step *step)
{
    const finq_words *words = visit->screen.words;
    const char *act = finq_typed_get(visit->form.typed, "act"), *document = finq_typed_get(visit->form.typed, "document");
    const finq_skill_upload *upload = document ? finq_skill_upload_find(step, document) : NULL;
    const char *missing = missing_of(visit, step, documents->uploaded);
    int is_empty = act && strcmp(act, "upload") == 0 && !visit->form.has_file;
    if (upload && (visit->form.refused || is_empty)) /* one that is none of the step's is told above all of them */
        documents->wrong = upload->document;
    if (visit->form.refused) {
        documents->words = refusal_words(visit, upload, visit->form.refused);
        visit->error = visit->form.refused;
    } else if (is_empty)
        documents->words = finq_words_say(words, "documents.none");
    else if (act && strcmp(act, "look") == 0 && missing)
        documents->words = finq_words_with(words, "documents.missing", visit->pool, "documents", missing, NULL);
}

/* The API's own path for a step's documents, as a bank's return goes to the API's first base too. */
static const char *upload_path(const finq_page_visit *visit, const char *step_id)
{
    const apr_array_header_t *bases = visit->request->config->bases;
    const char *base = bases->nelts > 0 ? APR_ARRAY_IDX(bases, 0, const char *) : "";
    return apr_pstrcat(visit->pool, base, "/steps/", step_id, "/upload", NULL);
}

/* What the file that has just come is called, to be shown again: a script says so beside it. */
static void file_note(finq_page_visit *visit, const apr_array_header_t *uploaded)
{
    const finq_typed *typed = visit->form.typed;
    const char *document = typed ? finq_typed_get(typed, "document") : NULL;
    const char *name = visit->form.has_file ? visit->form.file_name : typed ? finq_typed_get(typed, "name") : NULL;
    const finq_waiting_upload *there = document && !visit->form.refused ? finq_waiting_upload_find(uploaded, document) : NULL;
    if (!there || !name || !*name || strlen(name) > NAME_MOST)
        return;
    if (!visit->state.files)
        visit->state.files = finq_json_own(json_object(), visit->pool);
    json_object_set_new(visit->state.files, document,
                        json_string(apr_psprintf(visit->pool, "%" APR_INT64_T_FMT " %s", there->size, name)));
}

/* Whether this browser is offered another device: it is none that has taken over, and none that says it is a phone's. */
static int suits_handoff(const finq_page_visit *visit)
{
    const apr_table_t *headers = visit->request->r->headers_in;
    const char *hint = apr_table_get(headers, "Sec-CH-UA-Mobile"), *agent = apr_table_get(headers, "User-Agent");
    int is_phone =
        hint ? strcmp(hint, "?1") == 0 : agent && strstr(agent, "Mobi"); /* as HTML's guides for those without hints say */
    return visit->request->config->page_handoff && !visit->entry.handoff_id && !is_phone;
}

finq_error *finq_page_show_documents(finq_page_visit *visit, const finq_screen_carried *carried, const finq_skill_step *step,
                                     const finq_id *step_id, const apr_array_header_t *uploaded)
{
    int is_handed = visit->entry.handoff_id != NULL;
    finq_screen_documents documents = {
        .step = place_of(visit, step), .uploaded = uploaded, .can_hand_off = suits_handoff(visit), .is_handed = is_handed};
    finq_screen_carried with = *carried;
    file_note(visit, uploaded);
    documents.files = visit->state.files;
    with.of = finq_id_text(step_id, visit->pool);
    documents.upload = upload_path(visit, with.of);
    documents.client_id = finq_id_text(&visit->entry.client_id, visit->pool);
    FINQ_TRY(finq_page_show_carry(&with, visit));
    documents_fault(visit, &documents, step);
    visit->is_blank = !is_handed;
    visit->html = finq_screen_documents_of(&visit->screen, &with, &documents);
    return NULL;
}

/* ---- the end ---- */

static const char *end_name(finq_status status)
{
    return status == FINQ_STATUS_COMPLETED ? "done" : status == FINQ_STATUS_FAILED ? "failed" : "expired";
}

finq_error *finq_page_show_end(finq_page_visit *visit, const finq_waiting_answer *answer)
{
    const char *link = visit->state.return_link;
    if (link)
        link = answer->temp_token ? finq_link_add(link, "temp_token", answer->temp_token, visit->pool)
                                  : finq_link_add(link, "status", finq_status_name(answer->status), visit->pool);
    const finq_screen_ending ending = {
        .name = end_name(answer->status),
        .reasons = answer->status == FINQ_STATUS_COMPLETED ? NULL : answer->reasons,
        .link = link,
        .reference = visit->reference,
        .at = answer->updated_at,
    };
    visit->html = finq_screen_end(&visit->screen, &ending);
    return NULL;
}

/* ---- how a session stands ---- */

/* The address of the bank's page, while the user is to go there. */
static const char *bank_url(const char *data, apr_pool_t *pool)
{
    json_t *said;
    if (!data || finq_json_stored(&said, NULL, data, pool) != NULL)
        return NULL;
    return json_string_value(json_object_get(said, "url"));
}

static finq_error *show_waiting(finq_page_visit *visit, const finq_waiting_answer *answer, const char *nonce)
{
    finq_screen_carried carried = {.nonce = nonce};
    const char *url = answer->status == FINQ_STATUS_IN_PROGRESS ? bank_url(answer->data, visit->pool) : NULL;
    FINQ_TRY(finq_page_show_carry(&carried, visit));
    visit->is_blank = !url;
    visit->html = url ? finq_screen_bank(&visit->screen, &carried, url) : finq_screen_waiting(&visit->screen, &carried);
    return NULL;
}

static const char *reasons_shown(const json_t *reasons, apr_pool_t *pool)
{
    const char *shown = NULL;
    const json_t *reason;
    size_t i;
    json_array_foreach((json_t *)reasons, i, reason)
    {
        if (json_is_string(reason))
            shown = apr_pstrcat(pool, shown ? shown : "", shown ? " " : "", json_string_value(reason), NULL);
    }
    return shown;
}

static int is_asked_again(const finq_waiting_answer *answer)
{
    return answer->step && answer->next_step && strcmp(answer->step->name, answer->next_step) == 0;
}

/* Why a step is to be sent once more; NULL for one that is not. */
static const char *asked_again(const finq_page_visit *visit, const finq_waiting_answer *answer)
{
    const char *reasons = is_asked_again(answer) ? reasons_shown(answer->reasons, visit->pool) : NULL;
    return reasons || !is_asked_again(answer) ? reasons : finq_words_say(visit->screen.words, "form.again");
}

/* Whether the last step, where it is known, still has to be sent documents; of one that is asked for again it has not. */
static int wants_documents(const finq_page_visit *visit, const finq_waiting_answer *answer)
{
    return answer->step && !is_asked_again(answer) && missing_of(visit, answer->step, answer->uploaded);
}

finq_error *finq_page_show_standing(finq_page_visit *visit, const finq_waiting_answer *answer, const char *nonce)
{
    finq_screen_carried carried = {.nonce = answer->nonce ? answer->nonce : nonce};
    carried.held = answer->nonce ? NULL : finq_typed_get(visit->form.typed, "held"); /* a new one authorises the documents too */
    int is_over = answer->status == FINQ_STATUS_FAILED || answer->status == FINQ_STATUS_EXPIRED;
    int is_at_bank = answer->waits && answer->status != FINQ_STATUS_PENDING;
    if (is_over)
        return finq_page_show_end(visit, answer);
    if (!is_at_bank && carried.nonce && wants_documents(visit, answer))
        return finq_page_show_documents(visit, &carried, answer->step, &answer->step_id, answer->uploaded);
    if (answer->waits)
        return show_waiting(visit, answer, carried.nonce);
    if (answer->status == FINQ_STATUS_COMPLETED)
        return finq_page_show_end(visit, answer);
    return finq_page_show_form(visit, carried.nonce, NULL, NULL, asked_again(visit, answer));
}
