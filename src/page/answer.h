/* Answers as HTML, for whoever looks through them. Inside the room `page`. */
#ifndef ANSWER_H
#define ANSWER_H

#include "page/typed.h"

typedef struct {
    finq_html *to;
    const finq_words *words;
    const finq_typed *typed;
    apr_pool_t *pool;
} answer_showing;

/* Writes what a group's members were answered with, each a pair of <dt> and <dd>. */
void answer_html(const answer_showing *show, const finq_field *group);

#endif
