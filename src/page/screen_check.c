/* The answers of a form that has parts, to be looked through before they are sent. */
#include <apr_strings.h>

#include "answer.h"
#include "page/part.h"
#include "screen_frame.h"

static void part_html(const screen_page *page, const finq_screen_form *form, int place)
{
    const finq_screen *screen = page->screen;
    const finq_field *part = finq_part_of(form->fields, place);
    const answer_showing show = {page->to, screen->words, form->typed, screen->pool};
    if (!finq_part_asks(part, form->typed))
        return;
    const char *title = finq_part_title(form->fields, place);
    const finq_field *first = APR_ARRAY_IDX(part->fields, 0, const finq_field *);
    finq_html_open(page->to, "section");
    finq_html_put(page->to, "class", "answers");
    finq_html_open(page->to, "div");
    if (title)
        finq_html_element(page->to, "h2", NULL, title);
    finq_html_open(page->to, "dl");
    answer_html(&show, part);
    finq_html_close(page->to);
    finq_html_close(page->to);
    finq_html_open(page->to, "button");
    finq_html_put(page->to, "class", "small");
    finq_html_put(page->to, "name", "act");
    finq_html_put(page->to, "value", apr_psprintf(screen->pool, "part:%d", place));
    finq_html_text(page->to, screen_say(page, "check.change"));
    finq_html_element(page->to, "span", "aside",
                      apr_pstrcat(screen->pool, ": ", title ? title : finq_field_shown(first)->title, NULL));
    finq_html_close(page->to);
    finq_html_close(page->to);
}

const char *finq_screen_check_of(const finq_screen *screen, const finq_screen_carried *carried, const finq_screen_form *form)
{
    screen_page page = screen_begin(screen, finq_words_say(screen->words, "check.title"));
    screen_progress(&page, form->step);
    screen_summary(&page, form->problems);
    screen_heading(&page);
    if (screen->skill->step_count < 2) /* else the line above has it */
        screen_paragraph(&page, "lead", screen_step_title(screen, form->step));
    screen_paragraph(&page, "notice", form->notice);
    screen_form_open(&page, carried, NULL);
    screen_hidden(&page, "part", apr_itoa(screen->pool, form->part));
    for (int i = 0; i < form->part; i++)
        part_html(&page, form, i);
    screen_form_buttons(&page, "check.send", 0);
    finq_html_close(page.to);
    return screen_end(&page);
}
