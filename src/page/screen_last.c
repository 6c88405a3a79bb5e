/* The pages that nothing follows: how an onboarding ended, and what stands in its way. */
#include <apr_strings.h>

#include "screen_frame.h"

/* ---- the end ---- */

static const char *worded(const finq_screen *screen, const char *front, const char *name, const char *end)
{
    return apr_pstrcat(screen->pool, front, name, end, NULL);
}

static void reasons_list(const screen_page *page, const json_t *reasons)
{
    const json_t *reason;
    size_t i;
    if (json_array_size(reasons) == 0)
        return;
    finq_html_open(page->to, "ul");
    json_array_foreach((json_t *)reasons, i, reason) finq_html_element(page->to, "li", NULL, json_string_value(reason));
    finq_html_close(page->to);
}

static void fact_put(const screen_page *page, const char *name, const char *value)
{
    if (!value)
        return;
    finq_html_open(page->to, "div");
    finq_html_element(page->to, "dt", NULL, screen_say(page, name));
    finq_html_open(page->to, "dd");
    finq_html_element(page->to, "bdi", NULL, value);
    finq_html_close(page->to);
    finq_html_close(page->to);
}

/* What somebody may want to keep, or to print; and what comes after it. */
static void facts_list(const screen_page *page, const finq_screen_ending *ending)
{
    const finq_screen *screen = page->screen;
    const char *next = worded(screen, "end.", ending->name, ".next");
    if (!screen->skill || !ending->reference)
        return;
    finq_html_open(page->to, "dl");
    finq_html_put(page->to, "class", "facts");
    fact_put(page, "end.request", screen_skill_title(screen));
    fact_put(page, "end.tenant", screen->tenant);
    fact_put(page, "end.at", screen_moment(page, ending->at));
    fact_put(page, "end.reference", ending->reference);
    finq_html_close(page->to);
    if (!finq_words_find(screen->words, next))
        return;
    finq_html_element(page->to, "h2", NULL, screen_say(page, "end.next"));
    screen_paragraph(page, NULL, screen_say_of(page, next));
}

const char *finq_screen_end(const finq_screen *screen, const finq_screen_ending *ending)
{
    const char *name = ending->name;
    screen_page page = screen_begin(screen, finq_words_say(screen->words, worded(screen, "end.", name, ".title")));
    finq_html_open(page.to, "div");
    finq_html_put(page.to, "class", worded(screen, "end ", name, ""));
    screen_heading(&page);
    screen_paragraph(&page, "lead", screen_say_of(&page, worded(screen, "end.", name, ".text")));
    reasons_list(&page, ending->reasons);
    finq_html_close(page.to);
    facts_list(&page, ending);
    if (ending->link)
        screen_link(&page, ending->link, screen_say_of(&page, "end.link"));
    else
        screen_paragraph(&page, NULL, screen_say(&page, "end.close"));
    return screen_end(&page);
}

const char *finq_screen_trouble(const finq_screen *screen, const char *name, int can_continue, const char *request_id)
{
    screen_page page = screen_begin(screen, finq_words_say(screen->words, worded(screen, "trouble.", name, ".title")));
    screen_heading(&page);
    screen_paragraph(&page, "lead", screen_say_of(&page, worded(screen, "trouble.", name, ".text")));
    if (can_continue)
        screen_onward(&page, screen_say(&page, "resume.button"));
    if (request_id)
        screen_paragraph(&page, "hint", finq_words_with(screen->words, "trouble.id", screen->pool, "id", request_id, NULL));
    return screen_end(&page);
}
