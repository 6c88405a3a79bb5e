/* What pages are built from. Inside the room `page`. */
#ifndef SCREEN_FRAME_H
#define SCREEN_FRAME_H

#include "page/screen.h"

/* A page under construction. */
typedef struct {
    const finq_screen *screen;
    finq_html *to;
    const char *title;
    int is_wrong; /* its title begins with "Error" */
    int refresh;  /* seconds after which it looks again; 0 for never */
} screen_page;

screen_page screen_begin(const finq_screen *screen, const char *title);
/* The whole of it. */
const char *screen_end(const screen_page *page);

const char *screen_say(const screen_page *page, const char *name);
/* With what most sentences name: {tenant} and {servicer}. */
const char *screen_say_of(const screen_page *page, const char *name);
/* A skill's own text at a pointer, translated; NULL where there is none. */
const char *screen_text(const finq_screen *screen, const char *pointer);
const char *screen_step_title(const finq_screen *screen, int step);
const char *screen_skill_title(const finq_screen *screen);

void screen_heading(const screen_page *page);
void screen_paragraph(const screen_page *page, const char *class_name, const char *text);
/* Where in the skill this is. */
void screen_progress(const screen_page *page, int step);
/* The list of what is wrong, which has the focus. */
void screen_summary(screen_page *page, const apr_array_header_t *problems);

/* A form to the page's own address, with what is carried; closed by finq_html_close. `kind` is NULL or "multipart/form-data". */
void screen_form_open(const screen_page *page, const finq_screen_carried *carried, const char *kind);
void screen_hidden(const screen_page *page, const char *name, const char *value);
void screen_button(const screen_page *page, const char *class_name, const char *act, const char *words);
/* One that looks again; a script does so by itself every so many seconds, and goes on where the answer is no page `at` the same. */
void screen_again(const screen_page *page, const char *class_name, const char *act, const char *at, int every, const char *words);
/* A link that looks like a button. */
void screen_link(const screen_page *page, const char *url, const char *words);
/* The one button of a page without fields: it begins, or goes on. */
void screen_onward(const screen_page *page, const char *words);
/* The buttons below a step's form, the one that leads on with these words. */
void screen_form_buttons(const screen_page *page, const char *words, int can_go_back);
/* A date as the language writes it; and with the time, in UTC. */
const char *screen_date(const screen_page *page, apr_int64_t seconds);
const char *screen_moment(const screen_page *page, apr_int64_t seconds);

#endif
