#include "told.h"

#include <apr_tables.h>
#include <string.h>

#include "crypto/digest.h"
#include "json/json.h"

#define DAY 86400
#define HASHED 8
/* The day of what is pending, which is told whenever the bank is asked, and the last that is told apart. */
#define PENDING 0xffff
#define LAST_DAY (PENDING - 1)

/* Bytes alone, as they are stored. That a row is the same is seen at its own place in the list, so that eight bytes of a hash tell; two
 * of a MAC may be another's, which costs a look at all rows. */
typedef struct {
    unsigned char hash[HASHED], mac[2], day[2];
} entry;

typedef struct {
    unsigned char since[8], accounts[HASHED];
} head;

struct told {
    head head;
    apr_array_header_t *rows; /* of entry */
    apr_int64_t since;
    const entry *before;
    int count, next;         /* of `before`: how many, and the first that is not told again yet */
    int holds;               /* whether what was told so far is `before`, and what is new */
    finq_json_writer *added; /* that */
};

static void hash(unsigned char *to, const char *text)
{
    unsigned char whole[FINQ_DIGEST_SHA256];
    finq_digest_sha256(whole, text, strlen(text));
    memcpy(to, whole, HASHED);
}

/* As far back as now, the one before has been told of all that the bank has. */
static int reaches(const finq_bytes *before, const head *now)
{
    const head *then = (const head *)before->data;
    return before->length >= sizeof *then && (before->length - sizeof *then) % sizeof(entry) == 0 &&
           memcmp(then->since, now->since, sizeof now->since) <= 0 && memcmp(then->accounts, now->accounts, HASHED) == 0;
}

told *told_begin(finq_bytes before, const char *accounts, apr_int64_t since, apr_pool_t *pool)
{
    told *to = apr_pcalloc(pool, sizeof *to);
    finq_codec_number_put(to->head.since, (apr_uint64_t)since, sizeof to->head.since);
    hash(to->head.accounts, accounts);
    to->rows = apr_array_make(pool, 64, sizeof(entry));
    to->since = since;
    to->holds = reaches(&before, &to->head);
    if (to->holds) {
        to->before = (const entry *)(before.data + sizeof(head));
        to->count = (int)((before.length - sizeof(head)) / sizeof(entry));
    }
    to->added = finq_json_write(pool);
    finq_json_open(to->added, NULL, '[');
    return to;
}

static apr_uint64_t day_of(apr_int64_t booked_at)
{
    apr_int64_t day = booked_at / DAY;
    return booked_at == 0 ? PENDING : day < 0 ? 0 : day > LAST_DAY ? LAST_DAY : (apr_uint64_t)day;
}

/* What was booked before the bank is asked from need not be told again. */
static int may_be_missing(const told *of, const entry *one)
{
    return (apr_int64_t)finq_codec_number(one->day, sizeof one->day) * DAY < of->since;
}

static int same(const entry *one, const entry *other)
{
    return memcmp(one, other, sizeof *one) == 0;
}

/* The place in `before` of what stands there next, but for what may be missing; where it is not, that of what comes next. */
static int place_of(const told *of, const entry *one)
{
    int place = of->next;
    while (place < of->count && !same(of->before + place, one) && may_be_missing(of, of->before + place))
        place++;
    return place;
}

/* Whether it may be a version of one before, or be counted among those that nothing tells apart from it. */
static int is_like_one(const told *of, const entry *one)
{
    int place = 0;
    while (place < of->count && !finq_digest_equal(of->before[place].mac, one->mac, sizeof one->mac))
        place++;
    return place < of->count;
}

void told_note(told *to, const unsigned char *mac, apr_int64_t booked_at, const char *row)
{
    entry *one = apr_array_push(to->rows);
    hash(one->hash, row);
    memcpy(one->mac, mac, sizeof one->mac);
    finq_codec_number_put(one->day, day_of(booked_at), sizeof one->day);
    int place = to->holds ? place_of(to, one) : to->count;
    if (place < to->count && same(to->before + place, one))
        to->next = place + 1;
    else if (to->holds) {
        to->holds = !is_like_one(to, one);
        finq_json_put_text(to->added, NULL, row);
    }
}

const char *told_added(told *of)
{
    for (; of->holds && of->next < of->count; of->next++)
        of->holds = may_be_missing(of, of->before + of->next);
    finq_json_close(of->added, ']');
    return of->holds ? finq_json_written(of->added) : NULL;
}

finq_bytes told_notes(const told *of, apr_pool_t *pool)
{
    apr_size_t length = sizeof of->head + (apr_size_t)of->rows->nelts * sizeof(entry);
    unsigned char *notes = apr_palloc(pool, length);
    memcpy(notes, &of->head, sizeof of->head);
    memcpy(notes + sizeof of->head, of->rows->elts, length - sizeof of->head);
    return (finq_bytes){notes, length};
}
