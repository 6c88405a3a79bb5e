#include "screen_frame.h"

#include <apr_lib.h>
#include <apr_strings.h>
#include <string.h>

#include "field_html.h"
#include "ground/text.h"
#include "page/part.h"
#include "typed_number.h"

/* How often a page that waits looks again. */
#define LOOK_EVERY 15

/* ---- the first page, and the way back to one's session ---- */

static void steps_list(const screen_page *page)
{
    const finq_screen *screen = page->screen;
    if (screen->skill->step_count < 2)
        return;
    finq_html_element(page->to, "h2", NULL, screen_say(page, "start.steps"));
    finq_html_open(page->to, "ol");
    finq_html_put(page->to, "class", "steps");
    for (int i = 0; i < screen->skill->step_count; i++)
        finq_html_element(page->to, "li", NULL, screen_step_title(screen, i));
    finq_html_close(page->to);
}

const char *finq_screen_document(const finq_screen *screen, int step, int document)
{
    const char *title = screen_text(screen, apr_psprintf(screen->pool, "/steps/%d/uploads/%d/title", step, document));
    return title ? title : finq_field_spoken(screen->skill->steps[step].uploads[document].document, screen->pool);
}

static void documents_list(const screen_page *page)
{
    const finq_screen *screen = page->screen;
    int is_open = 0;
    for (int i = 0; i < screen->skill->step_count; i++) {
        for (int j = 0; j < screen->skill->steps[i].upload_count; j++) {
            if (!is_open) {
                finq_html_element(page->to, "h2", NULL, screen_say(page, "start.documents"));
                finq_html_open(page->to, "ul");
            }
            is_open = 1;
            finq_html_element(page->to, "li", NULL, finq_screen_document(screen, i, j));
        }
    }
    if (is_open)
        finq_html_close(page->to);
}

static void languages_list(const screen_page *page)
{
    const finq_screen *screen = page->screen;
    finq_html_open(page->to, "ul");
    finq_html_put(page->to, "class", "languages");
    for (int i = 0; i < finq_pages_count(screen->pages); i++) {
        const finq_words *words = finq_pages_at(screen->pages, i);
        finq_html_open(page->to, "li");
        finq_html_open(page->to, words == screen->words ? "strong" : "a");
        finq_html_put(page->to, "lang", finq_words_language(words));
        if (words != screen->words) {
            finq_html_put(page->to, "hreflang", finq_words_language(words));
            finq_html_put(page->to, "href", apr_pstrcat(screen->pool, "?language=", finq_words_language(words), NULL));
        }
        finq_html_text(page->to, finq_words_say(words, "language.name"));
        finq_html_close(page->to);
        finq_html_close(page->to);
    }
    finq_html_close(page->to);
}

void screen_onward(const screen_page *page, const char *words)
{
    screen_form_open(page, NULL, NULL);
    screen_hidden(page, "language", finq_words_language(page->screen->words));
    screen_button(page, NULL, "start", words);
    finq_html_close(page->to);
}

const char *finq_screen_start(const finq_screen *screen, apr_int64_t until)
{
    screen_page page = screen_begin(screen, screen_skill_title(screen));
    languages_list(&page);
    screen_heading(&page);
    screen_paragraph(&page, "lead", screen_text(screen, "/description"));
    steps_list(&page);
    documents_list(&page);
    screen_paragraph(&page, "hint",
                     finq_words_with(screen->words, "start.until", screen->pool, "date", screen_date(&page, until), NULL));
    screen_onward(&page, screen_say(&page, "start.button"));
    return screen_end(&page);
}

const char *finq_screen_resume(const finq_screen *screen, const char *notice)
{
    screen_page page = screen_begin(screen, finq_words_say(screen->words, "resume.title"));
    screen_heading(&page);
    screen_paragraph(&page, "lead", notice ? screen_say_of(&page, notice) : NULL);
    screen_paragraph(&page, NULL, screen_say_of(&page, "resume.text"));
    screen_onward(&page, screen_say(&page, "resume.button"));
    return screen_end(&page);
}

/* ---- a step ---- */

/* Of a part its own, so that no two have the same. */
static const char *form_title(const finq_screen *screen, const finq_screen_form *form)
{
    const char *step = screen_step_title(screen, form->step), *part;
    const finq_field *whole = form->fields->whole;
    if (!whole || (part = finq_part_title(whole, form->part)) != NULL)
        return whole ? part : step;
    return finq_words_with(screen->words, "page.part", screen->pool, "title", step, "part",
                           apr_itoa(screen->pool, form->part + 1), "count", apr_itoa(screen->pool, finq_part_count(whole)), NULL);
}

const char *finq_screen_form_of(const finq_screen *screen, const finq_screen_carried *carried, const finq_screen_form *form)
{
    screen_page page = screen_begin(screen, form_title(screen, form));
    int country_lists = 0;
    const field_showing show = {page.to, screen->words, form->typed, form->problems, &country_lists, screen->pool};
    screen_progress(&page, form->step);
    screen_summary(&page, form->problems);
    screen_heading(&page);
    screen_paragraph(&page, "lead", screen_text(screen, apr_psprintf(screen->pool, "/steps/%d/description", form->step)));
    screen_paragraph(&page, "notice", form->notice);
    screen_form_open(&page, carried, NULL);
    if (form->fields->whole)
        screen_hidden(&page, "part", apr_itoa(screen->pool, form->part));
    field_html_members(&show, form->fields);
    screen_form_buttons(&page, "form.next", form->can_go_back);
    finq_html_close(page.to);
    return screen_end(&page);
}

/* ---- documents ---- */

const char *finq_screen_size(const finq_words *words, apr_int64_t bytes, apr_pool_t *pool)
{
    int is_mega = bytes >= 1000000;
    apr_int64_t tenths = bytes * 10 / (is_mega ? 1048576 : 1024), whole = tenths / 10 > 0 ? tenths / 10 : 1;
    const char *number = apr_psprintf(pool, "%" APR_INT64_T_FMT, whole);
    if (is_mega && whole < 10 && tenths > 10 && tenths % 10 > 0)
        number = apr_psprintf(pool, "%s.%d", number, (int)(tenths % 10));
    return finq_words_with(words, is_mega ? "size.mb" : "size.kb", pool, "number", typed_number_written(number, words, 0, pool),
                           NULL);
}

const char *finq_screen_types(const finq_skill_upload *upload, apr_pool_t *pool)
{
    const char *list = "";
    for (const char *const *type = upload->media_types; *type; type++) {
        char *word = apr_pstrdup(pool, strrchr(*type, '/') + 1);
        for (char *c = word; *c; c++)
            *c = (char)apr_toupper(*c);
        list = apr_pstrcat(pool, list, *list ? ", " : "", word, NULL);
    }
    return list;
}

static const char *accept_of(const finq_skill_upload *upload, apr_pool_t *pool)
{
    return finq_text_join(finq_text_array(upload->media_types, pool), pool);
}

/* "Received: front.png, 84 kB". The name is known where the file was sent from here, and no other has come since. */
static const char *received_words(const finq_screen *screen, const finq_screen_documents *documents,
                                  const finq_waiting_upload *there)
{
    apr_pool_t *pool = screen->pool;
    const char *size = finq_screen_size(screen->words, there->size, pool), *name = NULL;
    const char *file = finq_json_string(documents->files, there->document);
    if (file && apr_atoi64(file) == there->size && (name = strchr(file, ' ')) != NULL)
        size = finq_words_with(screen->words, "documents.file", pool, "name", name + 1, "size", size, NULL);
    return finq_words_with(screen->words, "documents.there", pool, "file", size, NULL);
}

static int is_image(const finq_skill_upload *upload)
{
    for (const char *const *type = upload->media_types; *type; type++) {
        if (strncmp(*type, "image/", 6) == 0)
            return 1;
    }
    return 0;
}

/* A box for a file. One with `camera` opens the camera of a phone: with images alone in `accept` some pickers offer none. */
static void file_box(const screen_page *page, const finq_skill_upload *upload, const char *id, const char *name,
                     const char *words, int camera)
{
    finq_html_open(page->to, "div");
    finq_html_put(page->to, "class", camera ? "file camera" : "file");
    finq_html_open(page->to, "label");
    finq_html_put(page->to, "for", id);
    finq_html_text(page->to, words);
    finq_html_close(page->to);
    finq_html_open(page->to, "input");
    finq_html_put(page->to, "type", "file");
    finq_html_put(page->to, "id", id);
    finq_html_put(page->to, "name", name);
    finq_html_put(page->to, "accept", camera ? "image/*" : accept_of(upload, page->screen->pool));
    finq_html_put(page->to, "capture", camera ? "environment" : NULL);
    finq_html_close(page->to);
    finq_html_close(page->to);
}

static void document_head(const screen_page *page, const finq_screen_documents *documents, int place, const char *title,
                          const finq_waiting_upload *there)
{
    const finq_screen *screen = page->screen;
    const finq_skill_upload *upload = &screen->skill->steps[documents->step].uploads[place];
    finq_html_open(page->to, "h2");
    finq_html_text(page->to, title);
    if (!upload->required) {
        finq_html_text(page->to, " ");
        finq_html_element(page->to, "span", "optional", screen_say(page, "field.optional"));
    }
    finq_html_close(page->to);
    screen_paragraph(page, NULL,
                     screen_text(screen, apr_psprintf(screen->pool, "/steps/%d/uploads/%d/description", documents->step, place)));
    screen_paragraph(page, there ? "there" : "hint",
                     there ? received_words(screen, documents, there)
                           : finq_words_with(screen->words, "documents.kind", screen->pool, "types",
                                             finq_screen_types(upload, screen->pool), "size",
                                             finq_screen_size(screen->words, upload->max_bytes, screen->pool), NULL));
}

static void document_html(const screen_page *page, const finq_screen_carried *carried, const finq_screen_documents *documents,
                          int place)
{
    const finq_screen *screen = page->screen;
    const finq_skill_upload *upload = &screen->skill->steps[documents->step].uploads[place];
    const char *title = finq_screen_document(screen, documents->step, place), *id = apr_psprintf(screen->pool, "d-%d", place + 1);
    int is_wrong = documents->wrong && strcmp(documents->wrong, upload->document) == 0;
    const finq_waiting_upload *there = finq_waiting_upload_find(documents->uploaded, upload->document);
    finq_html_open(page->to, "section");
    finq_html_put(page->to, "class", is_wrong ? "document wrong" : there ? "document done" : "document");
    finq_html_put(page->to, "data-upload", documents->upload);
    finq_html_put(page->to, "data-client", documents->client_id);
    finq_html_put(page->to, "data-paused", screen_say(page, "documents.paused"));
    document_head(page, documents, place, title, there);
    if (is_wrong)
        screen_paragraph(page, "fault", documents->words);
    screen_form_open(page, carried, "multipart/form-data");
    screen_hidden(page, "act", "upload"); /* what is told of a file stands before it */
    screen_hidden(page, "document", upload->document);
    file_box(page, upload, id, "file", screen_say(page, there ? "documents.other" : "documents.choose"), 0);
    if (is_image(upload))
        file_box(page, upload, apr_pstrcat(screen->pool, id, "-c", NULL), "file", screen_say(page, "documents.camera"), 1);
    finq_html_open(page->to, "button");
    finq_html_put(page->to, "class", "small");
    finq_html_text(page->to, screen_say(page, "documents.send"));
    finq_html_element(page->to, "span", "aside", apr_pstrcat(screen->pool, ": ", title, NULL));
    finq_html_close(page->to);
    finq_html_close(page->to);
    finq_html_close(page->to);
}

/* The one thing that is wrong, as a list of one. */
static const apr_array_header_t *documents_problems(const finq_screen *screen, const finq_screen_documents *documents)
{
    apr_array_header_t *problems = apr_array_make(screen->pool, 1, sizeof(finq_problem));
    const finq_skill_step *step = &screen->skill->steps[documents->step];
    const char *id = NULL;
    for (int i = 0; documents->wrong && i < step->upload_count; i++) {
        if (strcmp(step->uploads[i].document, documents->wrong) == 0)
            id = apr_psprintf(screen->pool, "d-%d", i + 1);
    }
    if (documents->words)
        APR_ARRAY_PUSH(problems, finq_problem) = (finq_problem){.id = id, .words = documents->words};
    return problems;
}

/* The way to a phone; not shown on one. */
static void handoff_html(const screen_page *page, const finq_screen_carried *carried)
{
    finq_html_open(page->to, "section");
    finq_html_put(page->to, "class", "phone");
    finq_html_element(page->to, "h2", NULL, screen_say(page, "handoff.title"));
    screen_paragraph(page, NULL, screen_say(page, "handoff.text"));
    screen_form_open(page, carried, NULL);
    screen_button(page, "small", "handoff", screen_say(page, "handoff.button"));
    finq_html_close(page->to);
    finq_html_close(page->to);
}

const char *finq_screen_documents_of(const finq_screen *screen, const finq_screen_carried *carried,
                                     const finq_screen_documents *documents)
{
    screen_page page = screen_begin(screen, finq_words_say(screen->words, "documents.title"));
    screen_progress(&page, documents->step);
    screen_summary(&page, documents_problems(screen, documents));
    screen_heading(&page);
    screen_paragraph(&page, "lead", screen_say(&page, "documents.text"));
    if (documents->can_hand_off)
        handoff_html(&page, carried);
    for (int i = 0; i < screen->skill->steps[documents->step].upload_count; i++)
        document_html(&page, carried, documents, i);
    screen_form_open(&page, carried, NULL);
    screen_button(&page, NULL, "look", screen_say(&page, documents->is_handed ? "handoff.finish" : "form.next"));
    finq_html_close(page.to);
    return screen_end(&page);
}

/* ---- who waits ---- */

const char *finq_screen_bank(const finq_screen *screen, const finq_screen_carried *carried, const char *url)
{
    screen_page page = screen_begin(
        screen, finq_words_with(screen->words, "bank.title", screen->pool, "servicer", screen->skill->servicer_name, NULL));
    screen_heading(&page);
    screen_paragraph(&page, "lead", screen_say_of(&page, "bank.text"));
    screen_link(&page, url, screen_say_of(&page, "bank.button"));
    screen_form_open(&page, carried, NULL);
    screen_paragraph(&page, "hint", screen_say(&page, "bank.back"));
    screen_button(&page, "plain", "look", screen_say(&page, "waiting.button"));
    finq_html_close(page.to);
    return screen_end(&page);
}

const char *finq_screen_waiting(const finq_screen *screen, const finq_screen_carried *carried)
{
    screen_page page = screen_begin(screen, finq_words_say(screen->words, "waiting.title"));
    page.refresh = LOOK_EVERY;
    screen_heading(&page);
    screen_paragraph(&page, "lead", screen_say_of(&page, "waiting.text"));
    screen_paragraph(&page, NULL, screen_say_of(&page, "waiting.leave"));
    screen_form_open(&page, carried, NULL);
    if (carried)
        screen_again(&page, "plain again", "look", "waiting", 10, screen_say(&page, "waiting.button"));
    else
        screen_button(&page, "plain", "start", screen_say(&page, "waiting.button"));
    finq_html_close(page.to);
    return screen_end(&page);
}
