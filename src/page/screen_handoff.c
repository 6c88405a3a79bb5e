/* The pages of a hand-off, on the device that offers it and on the one that takes over. */
#include <apr_strings.h>

#include "page/handoff.h"
#include "page/qr.h"
#include "screen_frame.h"

/* How often these pages look whether the other device has gone on, with script; in seconds. */
#define LOOK_EVERY 2

/* The beginning that all have: handoff.NAME.title, as what the page is called and as its heading. */
static screen_page begin(const finq_screen *screen, const char *name)
{
    screen_page page =
        screen_begin(screen, finq_words_say(screen->words, apr_pstrcat(screen->pool, "handoff.", name, ".title", NULL)));
    screen_heading(&page);
    return page;
}

/* The same, and what has come about: handoff.NAME.text. */
static screen_page begin_told(const finq_screen *screen, const char *name)
{
    screen_page page = begin(screen, name);
    screen_paragraph(&page, "lead", screen_say(&page, apr_pstrcat(screen->pool, "handoff.", name, ".text", NULL)));
    return page;
}

/* ---- the device that offers it ---- */

static void how_list(const screen_page *page)
{
    finq_html_open(page->to, "ol");
    finq_html_put(page->to, "class", "steps");
    finq_html_element(page->to, "li", NULL, screen_say(page, "handoff.offer.scan"));
    finq_html_element(page->to, "li", NULL, screen_say(page, "handoff.offer.open"));
    finq_html_element(page->to, "li", NULL, screen_say(page, "handoff.offer.press"));
    finq_html_close(page->to);
}

/* Too long to be read: it is copied, from a box that shows its beginning; with script by a button. */
static void link_html(const screen_page *page, const char *link)
{
    finq_html_open(page->to, "div");
    finq_html_put(page->to, "class", "field");
    finq_html_open(page->to, "label");
    finq_html_put(page->to, "for", "link");
    finq_html_text(page->to, screen_say(page, "handoff.offer.link"));
    finq_html_close(page->to);
    finq_html_open(page->to, "div");
    finq_html_put(page->to, "class", "with-unit");
    finq_html_open(page->to, "input");
    finq_html_put(page->to, "id", "link");
    finq_html_put(page->to, "value", link);
    finq_html_put(page->to, "dir", "ltr");
    finq_html_put_flag(page->to, "readonly", 1);
    finq_html_close(page->to);
    finq_html_open(page->to, "button");
    finq_html_put(page->to, "class", "small");
    finq_html_put(page->to, "data-copied", screen_say(page, "handoff.offer.copied"));
    finq_html_put_flag(page->to, "hidden", 1);
    finq_html_text(page->to, screen_say(page, "handoff.offer.copy"));
    finq_html_close(page->to);
    finq_html_close(page->to);
    finq_html_close(page->to);
}

static finq_error *code_html(const screen_page *page, const char *link)
{
    finq_html_open(page->to, "div");
    finq_html_put(page->to, "class", "code");
    FINQ_TRY(finq_qr_html(page->to, link, screen_say(page, "handoff.offer.code"), page->screen->pool));
    finq_html_close(page->to);
    link_html(page, link);
    return NULL;
}

finq_error *finq_screen_offer(const char **html, const finq_screen *screen, const finq_screen_carried *carried, const char *link)
{
    screen_page page = begin(screen, "offer");
    how_list(&page);
    FINQ_TRY(code_html(&page, link));
    screen_form_open(&page, carried, NULL);
    finq_html_open(page.to, "div");
    finq_html_put(page.to, "class", "buttons");
    screen_again(&page, "again", "handoff", "offered", LOOK_EVERY, screen_say(&page, "handoff.offer.button"));
    screen_button(&page, "plain", "look", screen_say(&page, "handoff.leave"));
    finq_html_close(page.to);
    finq_html_close(page.to);
    *html = screen_end(&page);
    return NULL;
}

const char *finq_screen_numbers(const finq_screen *screen, const finq_screen_carried *carried, const char *numbers)
{
    screen_page page = begin_told(screen, "numbers");
    screen_form_open(&page, carried, NULL);
    finq_html_open(page.to, "div");
    finq_html_put(page.to, "class", "numbers");
    for (int i = 0; i < FINQ_HANDOFF_NUMBERS; i++) {
        const char *number = finq_handoff_number(numbers, i, screen->pool);
        screen_button(&page, "number", apr_pstrcat(screen->pool, "number:", number, NULL), number);
    }
    finq_html_close(page.to);
    screen_paragraph(&page, "hint", screen_say(&page, "handoff.numbers.other"));
    screen_button(&page, "plain", "number:none", screen_say(&page, "handoff.numbers.none"));
    finq_html_close(page.to);
    return screen_end(&page);
}

const char *finq_screen_taken(const finq_screen *screen, const finq_screen_carried *carried)
{
    screen_page page = begin_told(screen, "taken");
    screen_form_open(&page, carried, NULL);
    finq_html_open(page.to, "div");
    finq_html_put(page.to, "class", "buttons");
    screen_again(&page, "again", "handoff", "taken", LOOK_EVERY, screen_say(&page, "handoff.taken.button"));
    screen_button(&page, "plain", "handoff:back", screen_say(&page, "handoff.taken.back"));
    finq_html_close(page.to);
    finq_html_close(page.to);
    return screen_end(&page);
}

const char *finq_screen_dead(const finq_screen *screen, const finq_screen_carried *carried, const char *name)
{
    screen_page page = begin_told(screen, name);
    screen_form_open(&page, carried, NULL);
    screen_button(&page, NULL, "look", screen_say(&page, "handoff.leave"));
    finq_html_close(page.to);
    return screen_end(&page);
}

/* ---- the other one ---- */

const char *finq_screen_here(const finq_screen *screen, const finq_screen_carried *carried)
{
    screen_page page = begin(screen, "here");
    screen_paragraph(&page, "lead", screen_say_of(&page, "handoff.here.text"));
    finq_html_element(page.to, "p", "what", screen_skill_title(screen));
    screen_paragraph(&page, "notice", screen_say(&page, "handoff.here.warning"));
    screen_form_open(&page, carried, NULL);
    screen_button(&page, NULL, "open", screen_say(&page, "handoff.here.button"));
    finq_html_close(page.to);
    return screen_end(&page);
}

const char *finq_screen_number(const finq_screen *screen, const finq_screen_carried *carried, const char *number)
{
    screen_page page = begin(screen, "number");
    finq_html_element(page.to, "p", "big", number);
    screen_paragraph(&page, NULL, screen_say(&page, "handoff.number.text"));
    screen_paragraph(&page, "notice", screen_say(&page, "handoff.here.warning"));
    screen_form_open(&page, carried, NULL);
    screen_again(&page, "again", "open", "opened", LOOK_EVERY, screen_say(&page, "handoff.number.button"));
    finq_html_close(page.to);
    return screen_end(&page);
}
