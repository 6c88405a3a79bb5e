/* HTML, written so that nothing that is put into it can become markup: tags and names are the program's, all else is escaped. */
#ifndef FINQ_HTML_H
#define FINQ_HTML_H

#include <apr_pools.h>

/** A piece of HTML that is written element by element, in its pool. Texts are UTF-8; a byte that belongs to no character, and a
 * control, is written as U+FFFD. */
typedef struct finq_html finq_html;

/** An empty piece. */
finq_html *finq_html_write(apr_pool_t *pool);

/** Opens an element. Its attributes are put next, before anything else. `element` is the program's own, and lives as long as the piece. */
void finq_html_open(finq_html *to, const char *element);

/** Puts an attribute of the element that was opened last; a value that is NULL leaves it out. `name` is the program's own; of one
 * that would hold a script or a style (on…, style) nothing is written. An address (href, src, action, formaction) whose scheme a
 * browser would run instead of open is left out. */
void finq_html_put(finq_html *to, const char *name, const char *value);
void finq_html_put_integer(finq_html *to, const char *name, apr_int64_t value);
/** Puts an attribute that has no value, where `truth` says so. */
void finq_html_put_flag(finq_html *to, const char *name, int truth);

/** Writes text within the element that is open; NULL is none. */
void finq_html_text(finq_html *to, const char *text);
/** Writes markup that is the program's own, as it is. */
void finq_html_markup(finq_html *to, const char *markup, apr_size_t length);
/** Writes another piece, as it is. */
void finq_html_piece(finq_html *to, const finq_html *piece);

/** Closes the element that was opened last; one that is always empty (input, img, br …) has no end of its own. */
void finq_html_close(finq_html *to);

/** An element with a class (NULL is none) and a text: opened, written, closed. */
void finq_html_element(finq_html *to, const char *element, const char *class_name, const char *text);

/** What was written, when all that was opened is closed. Lives as long as the pool. */
const char *finq_html_written(const finq_html *to);

#endif
