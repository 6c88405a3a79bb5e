#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <apr_general.h>
#include <apr_strings.h>
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "documents/multipart.h"
#include "multipart_bodies.h"

static apr_pool_t *pool;

/* What the sink saw, as text; runs of data are one event, since pieces are the pusher's affair. */
typedef struct {
    char text[65536];
    size_t used;
    int in_data;
    int refuse; /* the callback to refuse in: 1 begin, 2 data, 3 end */
} events;

static finq_error *refusal(const events *seen, int callback)
{
    return seen->refuse == callback ? finq_error_make(pool, FINQ_E_NOT_FOUND, "no") : NULL;
}

static void event(events *seen, const char *bytes, size_t n)
{
    assert_true(seen->used + n < sizeof seen->text);
    memcpy(seen->text + seen->used, bytes, n);
    seen->used += n;
    seen->text[seen->used] = '\0';
}

static finq_error *on_begin(void *baton, const char *name, const char *filename, const char *type)
{
    static char line[16384];
    int n = snprintf(line, sizeof line, "[%s|%s|%s:", name, filename ? filename : "-", type ? type : "-");
    event(baton, line, (size_t)n);
    return refusal(baton, 1);
}

static finq_error *on_data(void *baton, const char *bytes, apr_size_t n)
{
    assert_true(n > 0);
    event(baton, bytes, n);
    return refusal(baton, 2);
}

static finq_error *on_end(void *baton)
{
    event(baton, "]", 1);
    return refusal(baton, 3);
}

static const finq_multipart_sink sink = {on_begin, on_data, on_end};

#define TYPE "multipart/form-data; boundary=XyZ"

/* Each piece is pushed from a block of its own size, so that AddressSanitizer sees a read behind it. */
static finq_error *push(finq_multipart *parser, const char *bytes, size_t n)
{
    char *piece = malloc(n ? n : 1);
    memcpy(piece, bytes, n);
    finq_error *error = finq_multipart_push(parser, piece, n);
    free(piece);
    return error;
}

/* Pushes `n` bytes in pieces of `step`, the first of them `first` long. */
static finq_error *run(events *seen, const char *body, size_t n, size_t first, size_t step)
{
    finq_multipart *parser;
    seen->used = 0;
    seen->text[0] = '\0';
    assert_null(finq_multipart_create(&parser, TYPE, &sink, seen, pool));
    finq_error *error = push(parser, body, first);
    for (size_t at = first; at < n; at += step)
        error = push(parser, body + at, n - at < step ? n - at : step);
    finq_error *end = finq_multipart_end(parser);
    if (error)
        assert_ptr_equal(error, end);
    return end;
}

/* Red: any constant of match_length, scan or scan_on off by one. */
static void any_split_gives_the_same_events(void **state)
{
    static events seen;
    (void)state;
    seen.refuse = 0;
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        size_t n = strlen(good[i].body);
        for (size_t first = 0; first <= n; first++) {
            assert_null(run(&seen, good[i].body, n, first, n + 1));
            assert_string_equal(seen.text, good[i].expected);
            assert_null(run(&seen, good[i].body, n, first, 3));
            assert_string_equal(seen.text, good[i].expected);
        }
        assert_null(run(&seen, good[i].body, n, 0, 1));
        assert_string_equal(seen.text, good[i].expected);
    }
}

static void cut_short_at_any_byte_is_told(void **state)
{
    static const char body[] = "--XyZ\r\n" H("a") "1" D "\r\n" H("b") "two" D "--";
    static events seen;
    (void)state;
    for (size_t n = 0; n < sizeof body - 1; n++) {
        finq_error *error = run(&seen, body, n, 0, 7);
        assert_non_null(error);
        assert_int_equal(error->code, FINQ_E_INVALID_BODY);
        assert_non_null(strstr(error->message, n < 5 ? "holds no delimiter" : "cut short"));
    }
    assert_null(run(&seen, body, sizeof body - 1, 0, 7));
}

static void bad_bodies_are_refused_with_a_reason(void **state)
{
    static events seen;
    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        for (size_t step = 1; step < 200; step += 99) {
            finq_error *error = run(&seen, bad[i].body, strlen(bad[i].body), 0, step);
            if (!error)
                print_error("accepted: %s\n", bad[i].body);
            assert_non_null(error);
            assert_int_equal(error->code, FINQ_E_INVALID_BODY);
            if (!strstr(error->message, bad[i].message))
                print_error("%s: %s\n", bad[i].body, error->message);
            assert_non_null(strstr(error->message, bad[i].message));
        }
    }
    static const char nul[] = "--XyZ\r\nX: a\0b\r\n";
    finq_error *error = run(&seen, nul, sizeof nul - 1, 0, 100);
    assert_non_null(strstr(error->message, "NUL"));
}

/* How many bytes of a run of `filler` behind `start` the parser takes before it refuses, `*error` telling
 * why. */
static size_t refused_after(finq_error **error, const char *start, const char *filler, size_t most)
{
    static events seen;
    finq_multipart *parser;
    size_t n = 0;
    seen.used = 0;
    assert_null(finq_multipart_create(&parser, TYPE, &sink, &seen, pool));
    *error = push(parser, start, strlen(start));
    for (; !*error && n < most; n += strlen(filler))
        *error = push(parser, filler, strlen(filler));
    return n;
}

/* Red: each limit times two. */
static void limits_hold_early(void **state)
{
    finq_error *error;
    (void)state;
    assert_in_range(refused_after(&error, "--XyZ\r\nX-Long: ", "aaaaaaaa", 100000), 8000, FINQ_MULTIPART_MAX_BLOCK);
    assert_non_null(strstr(error->message, "more than 8192 bytes"));
    assert_in_range(refused_after(&error, "--XyZ\r\n", "X-Many: a\r\n", 100000), 17 * 11, 17 * 11);
    assert_non_null(strstr(error->message, "more than 16 headers"));
    assert_in_range(refused_after(&error, "", "no delimiter here", 100000), 1024, 1024 + 17);
    assert_non_null(strstr(error->message, "does not begin with the boundary"));
    assert_in_range(refused_after(&error, "--XyZ", "\r\n" H("a") "1" D, 100000), 9 * 54, 9 * 54);
    assert_non_null(strstr(error->message, "more than 8 parts"));
}

/* Red: parser->error not kept. */
static void the_sinks_refusal_comes_back_and_stays(void **state)
{
    static events seen;
    (void)state;
    for (seen.refuse = 1; seen.refuse <= 3; seen.refuse++) {
        finq_error *error = run(&seen, good[0].body, strlen(good[0].body), 0, 1);
        assert_int_equal(error->code, FINQ_E_NOT_FOUND);
        static const char *const until[] = {"[a|-|-:", "[a|-|-:1", "[a|-|-:1]"};
        assert_string_equal(seen.text, until[seen.refuse - 1]);
    }
    seen.refuse = 0;
}

#define FIFTY "0123456789012345678901234567890123456789012345678."

static void boundaries(void **state)
{
    static const struct {
        const char *type, *boundary; /* NULL: refused */
    } rows[] = {
        {"multipart/form-data; boundary=a", "a"},
        {"Multipart/Form-Data;charset=utf-8 ; Boundary=\"a b'()+_,-./:=?c\" ; x=y", "a b'()+_,-./:=?c"},
        {"multipart/form-data; boundary=----=_Part_1/2:3", "----=_Part_1/2:3"},
        {"multipart/form-data; boundary=" FIFTY "01234567890123456789", FIFTY "01234567890123456789"},
        {"multipart/form-data; boundary=" FIFTY "012345678901234567890", NULL},
        {"multipart/form-data", NULL},
        {"multipart/form-data; boundary=", NULL},
        {"multipart/form-data; boundary=\"\"", NULL},
        {"multipart/form-data; boundary=\"a \"", NULL},
        {"multipart/form-data; boundary=\"a\rb\"", NULL},
        {"multipart/form-data; boundary=\"a\xc3\xa9\"", NULL},
        {"multipart/form-data; boundary=a*b", NULL},
        {"multipart/form-data; boundary=\"a", NULL},
        {"multipart/form-data; boundary=a; boundary=a", NULL},
        {"multipart/form-data, boundary=a", NULL},
        {"", NULL},
    };
    static events seen;
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        finq_multipart *parser;
        finq_error *error = finq_multipart_create(&parser, rows[i].type, &sink, &seen, pool);
        if (!rows[i].boundary) {
            assert_non_null(error);
            assert_int_equal(error->code, FINQ_E_INVALID_BODY);
            continue;
        }
        assert_null(error);
        const char *body = apr_pstrcat(pool, "--", rows[i].boundary, "--", NULL);
        assert_null(push(parser, body, strlen(body)));
        assert_null(finq_multipart_end(parser));
    }
}

static unsigned next_random(unsigned *seed)
{
    return (*seed = *seed * 1103515245u + 12345u) >> 16;
}

static size_t mutate(char *body, size_t n, unsigned *seed)
{
    static const char spice[] = "\r\n-XyZ:;=\"\\ \0\xff";
    for (unsigned changes = 1 + next_random(seed) % 3; changes > 0; changes--) {
        size_t at = next_random(seed) % n;
        switch (next_random(seed) % 3) {
        case 0:
            body[at] = spice[next_random(seed) % sizeof spice];
            break;
        case 1:
            memmove(body + at, body + at + 1, --n - at);
            break;
        default:
            memmove(body + at + 1, body + at, n++ - at);
        }
        if (n == 0)
            return 0;
    }
    return n;
}

/* Whatever the bytes: the same answer and the same events whole, in bytes and in pieces, and no bad access.
 */
static void mutations_give_one_answer_at_any_split(void **state)
{
    static events whole, pieces;
    apr_pool_t *all = pool;
    unsigned seed = 1, accepted = 0;
    (void)state;
    apr_pool_create(&pool, all);
    for (int i = 0; i < 20000; i++) {
        char body[1024];
        const char *from = good[next_random(&seed) % (sizeof good / sizeof *good)].body;
        size_t n = strlen(from);
        memcpy(body, from, n);
        n = mutate(body, n, &seed);
        finq_error *one = run(&whole, body, n, 0, n + 1);
        finq_error *other = run(&pieces, body, n, 0, 1 + next_random(&seed) % 9);
        assert_int_equal(one != NULL, other != NULL);
        if (one)
            assert_string_equal(one->message, other->message);
        assert_int_equal(whole.used, pieces.used);
        assert_memory_equal(whole.text, pieces.text, whole.used);
        accepted += !one;
        apr_pool_clear(pool);
    }
    apr_pool_destroy(pool);
    pool = all;
    assert_in_range(accepted, 1000, 19000); /* the mutations reach both sides */
}

static finq_error *nothing(void *baton, const char *bytes, apr_size_t n)
{
    (void)bytes;
    *(size_t *)baton += n;
    return NULL;
}

static finq_error *nothing_begins(void *baton, const char *name, const char *filename, const char *type)
{
    (void)baton, (void)name, (void)filename, (void)type;
    return NULL;
}

static finq_error *nothing_ends(void *baton)
{
    (void)baton;
    return NULL;
}

/* Red: any allocation in scan. */
static void a_million_pushes_take_no_memory(void **state)
{
    static const finq_multipart_sink counting = {nothing_begins, nothing, nothing_ends};
    static const char bytes[] = "ab\r\n--XyQ\r";
    finq_multipart *parser;
    size_t counted = 0;
    (void)state;
    assert_null(finq_multipart_create(&parser, TYPE, &counting, &counted, pool));
    assert_null(finq_multipart_push(parser, good[0].body, 7 + strlen(H("a"))));
    char *top = apr_palloc(pool, 1);
    size_t before = mallinfo2().uordblks;
    for (int i = 0; i < 1000000; i++)
        assert_null(finq_multipart_push(parser, bytes + i % 10, 1));
    assert_int_equal(mallinfo2().uordblks, before);
    assert_in_range((char *)apr_palloc(pool, 1) - top, 1, 64); /* nor from the pool */
    assert_in_range(counted, 999990, 1000000);
}

int main(void)
{
    apr_initialize();
    apr_pool_create(&pool, NULL);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(any_split_gives_the_same_events),        cmocka_unit_test(cut_short_at_any_byte_is_told),
        cmocka_unit_test(bad_bodies_are_refused_with_a_reason),   cmocka_unit_test(limits_hold_early),
        cmocka_unit_test(the_sinks_refusal_comes_back_and_stays), cmocka_unit_test(boundaries),
        cmocka_unit_test(mutations_give_one_answer_at_any_split), cmocka_unit_test(a_million_pushes_take_no_memory),
    };
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    apr_terminate();
    return failed;
}
