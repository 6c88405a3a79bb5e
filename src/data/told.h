/* Which transactions a refresh was told: the next one tells the database only of what is new beside them. Between the files of this
 * room. */
#ifndef DATA_TOLD_H
#define DATA_TOLD_H

#include "ground/codec.h"

/* A refresh's notes, beside those of the one before. */
typedef struct told told;

/* Begins with what the one before has noted, no bytes where nobody knows; the rows of accounts, as the database takes them; and from
 * when on transactions are asked for. */
told *told_begin(finq_bytes before, const char *accounts, apr_int64_t since, apr_pool_t *pool);

/* Notes the next transaction, its row as the database takes it. */
void told_note(told *to, const unsigned char *mac, apr_int64_t booked_at, const char *row);

/* The rows that are new, as an array, where accounts are the same and the others are all that the refresh before was told of this time, as
 * they were and in their order: nothing has gone, and what is stored of them holds. Else NULL. It ends the notes. */
const char *told_added(told *of);

/* The notes, for the refresh that comes next. */
finq_bytes told_notes(const told *of, apr_pool_t *pool);

#endif
