/* Token buckets: how often something may happen for each key, in a block of memory that processes share. No locks: a
 * process that dies in the middle of a call leaves nothing behind that another would wait for. */
#ifndef FINQ_BUCKET_H
#define FINQ_BUCKET_H

#include <apr.h>
#include <apr_time.h>

/** Length of the secret that spreads keys over the table, so that nobody can choose whom a key displaces. */
#define FINQ_BUCKET_SECRET 16

/** How often something may happen. interval × burst is at most FINQ_BUCKET_SPAN. */
typedef struct finq_bucket_rate {
    apr_uint32_t interval; /**< microseconds in which one token comes back; 0 for no limit */
    apr_uint32_t burst;    /**< tokens in a full bucket */
} finq_bucket_rate;

#define FINQ_BUCKET_SPAN ((apr_uint64_t)86400 * 1000000)

/** What a look into a bucket tells. */
typedef struct finq_bucket_answer {
    int allowed;
    apr_uint32_t remaining; /**< whole tokens left */
    apr_time_t wait;        /**< microseconds until there is a token; 0 where one is left */
} finq_bucket_answer;

/** A table of buckets over a block of memory. Where it is full, a new key takes the place of the one among its
 * neighbours whose bucket is full again, or will be soonest: nobody is refused for want of room. */
typedef struct finq_bucket_table finq_bucket_table;

/** Bytes of a table for about `keys` keys (rounded up). */
apr_size_t finq_bucket_size(apr_uint32_t keys);

/** Makes a table of finq_bucket_size(keys) zeroed bytes, aligned to a cache line. `now` is any clock of microseconds
 * that does not go back; the calls below are to be given the same one. */
finq_bucket_table *finq_bucket_init(void *block, apr_uint32_t keys, const unsigned char secret[FINQ_BUCKET_SECRET],
                                    apr_time_t now);

/** The key of some bytes. Never 0. */
apr_uint64_t finq_bucket_key(const finq_bucket_table *table, const void *bytes, apr_size_t length);

/** Takes a token, if one is left. */
finq_bucket_answer finq_bucket_take(finq_bucket_table *table, apr_uint64_t key, const finq_bucket_rate *rate, apr_time_t now);

/** The same without taking it. */
finq_bucket_answer finq_bucket_look(finq_bucket_table *table, apr_uint64_t key, const finq_bucket_rate *rate, apr_time_t now);

/** Gives a token back that was taken; what the table has forgotten needs none. */
void finq_bucket_give(finq_bucket_table *table, apr_uint64_t key, const finq_bucket_rate *rate, apr_time_t now);

#endif
