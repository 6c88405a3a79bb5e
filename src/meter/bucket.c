#include "meter/bucket.h"

#include <apr_atomic.h>
#include <apr_siphash.h>
#include <string.h>

/* A set is two cache lines. */
#define WAYS 8
/* After so many lost races a request is let through: in doubt nobody is refused. */
#define TRIES 4096

/* A bucket is the time at which it will be full again (the generic cell rate algorithm): one number, so that a token is
 * taken in one compare-and-swap. Beside it stand 16 bits of the key: a bucket that has changed hands between the look at
 * its key and the swap differs in them, and the swap fails. */
typedef struct {
    apr_uint64_t key;   /* 0: never used */
    apr_uint64_t state; /* 16 bits of the key, 48 bits of microseconds since the table was made: nine years */
} bucket;

struct finq_bucket_table {
    unsigned char secret[FINQ_BUCKET_SECRET];
    apr_uint64_t sets;
    apr_time_t birth;
    apr_uint64_t unused[4]; /* to the end of the cache line */
    bucket buckets[];
};

#define TIME_BITS 48
#define TIME_MASK (((apr_uint64_t)1 << TIME_BITS) - 1)

static apr_uint64_t sets_for(apr_uint32_t keys)
{
    apr_uint64_t sets = 1;
    while (sets * WAYS < keys)
        sets *= 2;
    return sets;
}

apr_size_t finq_bucket_size(apr_uint32_t keys)
{
    return sizeof(finq_bucket_table) + sets_for(keys) * WAYS * sizeof(bucket);
}

finq_bucket_table *finq_bucket_init(void *block, apr_uint32_t keys, const unsigned char secret[FINQ_BUCKET_SECRET],
                                    apr_time_t now)
{
    finq_bucket_table *table = block;
    memcpy(table->secret, secret, sizeof table->secret);
    table->sets = sets_for(keys);
    table->birth = now;
    return table;
}

apr_uint64_t finq_bucket_key(const finq_bucket_table *table, const void *bytes, apr_size_t length)
{
    apr_uint64_t key = apr_siphash24(bytes, length, table->secret);
    return key ? key : 1;
}

static apr_uint64_t state_make(apr_uint64_t key, apr_uint64_t full_at)
{
    return (key & ~TIME_MASK) | full_at;
}

static int state_is_of(apr_uint64_t state, apr_uint64_t key)
{
    return (state & ~TIME_MASK) == (key & ~TIME_MASK);
}

static bucket *set_of(finq_bucket_table *table, apr_uint64_t key)
{
    return &table->buckets[(key & (table->sets - 1)) * WAYS];
}

/* The bucket of a key, and its state; NULL where the table has none. */
static bucket *bucket_find(finq_bucket_table *table, apr_uint64_t key, apr_uint64_t *state)
{
    bucket *set = set_of(table, key);
    for (int i = 0; i < WAYS; i++) {
        if (apr_atomic_read64(&set[i].key) != key)
            continue;
        *state = apr_atomic_read64(&set[i].state);
        if (state_is_of(*state, key))
            return &set[i];
    }
    return NULL;
}

/* Gives a key the bucket of its set that is soonest full: what that one had taken is the least to forget. Two threads
 * that bring the same key at once may give it two buckets, of which the first is used from then on. */
static void bucket_claim(finq_bucket_table *table, apr_uint64_t key, apr_uint64_t now)
{
    bucket *set = set_of(table, key), *oldest = set;
    apr_uint64_t least = apr_atomic_read64(&set->state);
    for (int i = 1; i < WAYS; i++) {
        apr_uint64_t state = apr_atomic_read64(&set[i].state);
        if ((state & TIME_MASK) < (least & TIME_MASK)) {
            oldest = &set[i];
            least = state;
        }
    }
    if (apr_atomic_cas64(&oldest->state, state_make(key, now), least) == least)
        apr_atomic_set64(&oldest->key, key);
}

/* What a bucket that will be full at `full_at` holds now. */
static finq_bucket_answer answer_of(apr_uint64_t full_at, apr_uint64_t now, const finq_bucket_rate *rate)
{
    apr_uint64_t span = (apr_uint64_t)rate->interval * rate->burst, missing = full_at > now ? full_at - now : 0;
    finq_bucket_answer answer = {1, 0, 0};
    answer.allowed = missing + rate->interval <= span;
    if (answer.allowed)
        answer.remaining = (apr_uint32_t)((span - missing) / rate->interval);
    else
        answer.wait = (apr_time_t)(missing + rate->interval - span);
    return answer;
}

static finq_bucket_answer no_limit(const finq_bucket_rate *rate)
{
    finq_bucket_answer answer = {1, rate->burst, 0};
    return answer;
}

finq_bucket_answer finq_bucket_take(finq_bucket_table *table, apr_uint64_t key, const finq_bucket_rate *rate, apr_time_t clock)
{
    apr_uint64_t state = 0, now = (apr_uint64_t)(clock - table->birth) & TIME_MASK;
    for (int i = 0; rate->interval && i < TRIES; i++) {
        bucket *found = bucket_find(table, key, &state);
        if (!found) {
            bucket_claim(table, key, now);
            continue;
        }
        apr_uint64_t full_at = state & TIME_MASK;
        finq_bucket_answer answer = answer_of(full_at, now, rate);
        if (!answer.allowed)
            return answer;
        apr_uint64_t taken = state_make(key, (full_at > now ? full_at : now) + rate->interval);
        answer.remaining--;
        if (apr_atomic_cas64(&found->state, taken, state) == state)
            return answer;
    }
    return no_limit(rate);
}

finq_bucket_answer finq_bucket_look(finq_bucket_table *table, apr_uint64_t key, const finq_bucket_rate *rate, apr_time_t clock)
{
    apr_uint64_t state, now = (apr_uint64_t)(clock - table->birth) & TIME_MASK;
    if (!rate->interval || !bucket_find(table, key, &state))
        return no_limit(rate);
    return answer_of(state & TIME_MASK, now, rate);
}

void finq_bucket_give(finq_bucket_table *table, apr_uint64_t key, const finq_bucket_rate *rate, apr_time_t clock)
{
    apr_uint64_t state, now = (apr_uint64_t)(clock - table->birth) & TIME_MASK;
    for (int i = 0; rate->interval && i < TRIES; i++) {
        bucket *found = bucket_find(table, key, &state);
        apr_uint64_t full_at = state & TIME_MASK;
        if (!found || full_at <= now)
            return;
        apr_uint64_t given = full_at - now > rate->interval ? full_at - rate->interval : now;
        if (apr_atomic_cas64(&found->state, state_make(key, given), state) == state)
            return;
    }
}
