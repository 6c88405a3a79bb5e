#include "screen_frame.h"

#include <apr_strings.h>
#include <apr_time.h>
#include <string.h>

/* ---- words ---- */

const char *screen_say(const screen_page *page, const char *name)
{
    return finq_words_say(page->screen->words, name);
}

const char *screen_say_of(const screen_page *page, const char *name)
{
    const finq_screen *screen = page->screen;
    return finq_words_with(screen->words, name, screen->pool, "tenant", screen->tenant, "servicer",
                           screen->skill ? screen->skill->servicer_name : NULL, NULL);
}

const char *screen_text(const finq_screen *screen, const char *pointer)
{
    finq_field_source source = {screen->skill->definition, 0, screen->words, screen->pool};
    return finq_field_text(&source, pointer);
}

const char *screen_step_title(const finq_screen *screen, int step)
{
    const char *title = screen_text(screen, apr_psprintf(screen->pool, "/steps/%d/title", step));
    return title ? title : finq_field_spoken(screen->skill->steps[step].name, screen->pool);
}

const char *screen_skill_title(const finq_screen *screen)
{
    const char *title = screen_text(screen, "/title");
    return title ? title : screen->skill->name;
}

const char *screen_date(const screen_page *page, apr_int64_t seconds)
{
    apr_time_exp_t at;
    apr_time_exp_gmt(&at, apr_time_from_sec(seconds));
    return finq_words_date(page->screen->words, at.tm_mday, at.tm_mon + 1, at.tm_year + 1900, page->screen->pool);
}

const char *screen_moment(const screen_page *page, apr_int64_t seconds)
{
    apr_time_exp_t at;
    apr_time_exp_gmt(&at, apr_time_from_sec(seconds));
    return finq_words_with(page->screen->words, "moment.form", page->screen->pool, "date", screen_date(page, seconds), "time",
                           apr_psprintf(page->screen->pool, "%02d:%02d", at.tm_hour, at.tm_min), NULL);
}

/* ---- the frame ---- */

screen_page screen_begin(const finq_screen *screen, const char *title)
{
    return (screen_page){screen, finq_html_write(screen->pool), title, 0, 0};
}

static finq_html *head_of(const screen_page *page)
{
    const finq_screen *screen = page->screen;
    finq_html *to = finq_html_write(screen->pool);
    finq_html_open(to, "link");
    finq_html_put(to, "rel", "stylesheet");
    finq_html_put(to, "href", screen->style ? screen->style : finq_pages_style(screen->pages)->name);
    finq_html_close(to);
    finq_html_open(to, "script");
    finq_html_put(to, "type", "module");
    finq_html_put(to, "src", finq_pages_script(screen->pages)->name);
    finq_html_close(to);
    if (page->refresh) { /* by an address alone; a script presses the button, with the nonce */
        finq_html_open(to, "noscript");
        finq_html_open(to, "meta");
        finq_html_put(to, "http-equiv", "refresh");
        finq_html_put_integer(to, "content", page->refresh);
        finq_html_close(to);
        finq_html_close(to);
    }
    return to;
}

static finq_html *brand_of(const finq_screen *screen)
{
    finq_html *to = finq_html_write(screen->pool);
    if (screen->logo) {
        finq_html_open(to, "img");
        finq_html_put(to, "src", screen->logo);
        finq_html_put(to, "alt", screen->tenant);
        finq_html_close(to);
    } else
        finq_html_text(to, screen->tenant);
    return to;
}

const char *screen_end(const screen_page *page)
{
    const finq_screen *screen = page->screen;
    const char *mark = page->is_wrong ? apr_pstrcat(screen->pool, screen_say(page, "problem.mark"), " ", NULL) : "";
    const char *owner = screen->tenant ? apr_pstrcat(screen->pool, " – ", screen->tenant, NULL) : "";
    const finq_page_slot slots[] = {
        {"language", finq_words_language(screen->words), NULL},
        {"direction", screen_say(page, "language.direction"), NULL},
        {"title", apr_pstrcat(screen->pool, mark, page->title, owner, NULL), NULL},
        {"head", NULL, head_of(page)},
        {"skip", screen_say(page, "page.skip"), NULL},
        {"brand", NULL, brand_of(screen)},
        {"main", NULL, page->to},
        {"sandbox", screen->skill && strcmp(screen->skill->environment, "sandbox") == 0 ? screen_say(page, "page.sandbox") : "",
         NULL},
        {"foot", screen->tenant ? screen_say_of(page, "page.foot") : "", NULL},
        {NULL, NULL, NULL},
    };
    return finq_pages_fill(screen->pages, slots, screen->pool);
}

/* ---- parts ---- */

void screen_heading(const screen_page *page)
{
    finq_html_element(page->to, "h1", NULL, page->title);
}

void screen_paragraph(const screen_page *page, const char *class_name, const char *text)
{
    if (text)
        finq_html_element(page->to, "p", class_name, text);
}

void screen_progress(const screen_page *page, int step)
{
    const finq_screen *screen = page->screen;
    int count = screen->skill->step_count;
    if (count < 2)
        return;
    const char *at = finq_words_with(screen->words, "page.step", screen->pool, "step", apr_itoa(screen->pool, step + 1), "count",
                                     apr_itoa(screen->pool, count), NULL),
               *title = screen_step_title(screen, step);
    finq_html_open(page->to, "div");
    finq_html_put(page->to, "class", "progress");
    finq_html_element(page->to, "p", NULL,
                      strcmp(title, page->title) == 0 ? at : apr_pstrcat(screen->pool, at, " \xe2\x80\x93 ", title, NULL));
    finq_html_open(page->to, "div");
    finq_html_put(page->to, "class", "line");
    finq_html_put(page->to, "aria-hidden", "true");
    for (int i = 0; i < count; i++)
        finq_html_element(page->to, "span", i < step ? "done" : i == step ? "now" : NULL, NULL);
    finq_html_close(page->to);
    finq_html_close(page->to);
}

void screen_summary(screen_page *page, const apr_array_header_t *problems)
{
    if (!problems || problems->nelts == 0)
        return;
    page->is_wrong = 1;
    finq_html_open(page->to, "div");
    finq_html_put(page->to, "class", "summary");
    finq_html_put(page->to, "id", "problems");
    finq_html_put(page->to, "role", "alert");
    finq_html_put(page->to, "tabindex", "-1");
    finq_html_put_flag(page->to, "autofocus", 1);
    finq_html_element(page->to, "h2", NULL, screen_say(page, "problem.title"));
    finq_html_open(page->to, "ul");
    for (int i = 0; i < problems->nelts; i++) {
        const finq_problem *problem = &APR_ARRAY_IDX(problems, i, finq_problem);
        finq_html_open(page->to, "li");
        finq_html_open(page->to, problem->id ? "a" : "span");
        finq_html_put(page->to, "href", problem->id ? apr_pstrcat(page->screen->pool, "#", problem->id, NULL) : NULL);
        finq_html_text(page->to, problem->group ? finq_words_with(page->screen->words, "problem.in", page->screen->pool, "group",
                                                                  problem->group, "problem", problem->words, NULL)
                                                : problem->words);
        finq_html_close(page->to);
        finq_html_close(page->to);
    }
    finq_html_close(page->to);
    finq_html_close(page->to);
}

void screen_hidden(const screen_page *page, const char *name, const char *value)
{
    if (!value)
        return;
    finq_html_open(page->to, "input");
    finq_html_put(page->to, "type", "hidden");
    finq_html_put(page->to, "name", name);
    finq_html_put(page->to, "value", value);
    finq_html_close(page->to);
}

/* Answers are not held in the browser's memory of forms; its helpers still fill in what it knows of a person. */
void screen_form_open(const screen_page *page, const finq_screen_carried *carried, const char *kind)
{
    finq_html_open(page->to, "form");
    finq_html_put(page->to, "method", "post");
    finq_html_put(page->to, "enctype", kind);
    finq_html_put_flag(page->to, "novalidate", 1);
    finq_html_put(page->to, "data-mark", screen_say(page, "problem.mark"));
    if (!carried)
        return;
    screen_hidden(page, "nonce", carried->nonce);
    screen_hidden(page, "held", carried->held);
    screen_hidden(page, "of", carried->of);
    screen_hidden(page, "state", carried->state);
    screen_hidden(page, "handoff", carried->handoff);
    screen_hidden(page, "device", carried->device);
}

void screen_button(const screen_page *page, const char *class_name, const char *act, const char *words)
{
    finq_html_open(page->to, "button");
    finq_html_put(page->to, "class", class_name);
    finq_html_put(page->to, "name", act ? "act" : NULL);
    finq_html_put(page->to, "value", act);
    finq_html_text(page->to, words);
    finq_html_close(page->to);
}

void screen_again(const screen_page *page, const char *class_name, const char *act, const char *at, int every, const char *words)
{
    finq_html_open(page->to, "button");
    finq_html_put(page->to, "class", class_name);
    finq_html_put(page->to, "name", "act");
    finq_html_put(page->to, "value", act);
    finq_html_put(page->to, "data-at", at);
    finq_html_put_integer(page->to, "data-every", every);
    finq_html_text(page->to, words);
    finq_html_close(page->to);
}

void screen_link(const screen_page *page, const char *url, const char *words)
{
    finq_html_open(page->to, "p");
    finq_html_open(page->to, "a");
    finq_html_put(page->to, "class", "button");
    finq_html_put(page->to, "href", url);
    finq_html_put(page->to, "rel", "noreferrer");
    finq_html_text(page->to, words);
    finq_html_close(page->to);
    finq_html_close(page->to);
}

void screen_form_buttons(const screen_page *page, const char *words, int can_go_back)
{
    finq_html_open(page->to, "div");
    finq_html_put(page->to, "class", "buttons");
    screen_button(page, NULL, "next", screen_say(page, words)); /* first: Enter presses it */
    if (can_go_back)
        screen_button(page, "plain", "back", screen_say(page, "form.back"));
    finq_html_close(page->to);
}
