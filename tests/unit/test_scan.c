/* A document before clamd: what is said and what is believed. The other end is a thread that says what no clamd of the tests says when
 * it is asked to; the real one is asked in tests/integration/test_scan.py. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <apr_general.h>
#include <apr_strings.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "documents/scan.h"

#define COMMAND "zINSTREAM"
#define DOCUMENT 2000000 /* more than the socket holds: an end that reads no more is noticed */

static apr_pool_t *pool;
static char path[64];

/* What the other end does. */
typedef struct {
    const char *answer; /* NULL for none */
    apr_size_t length;  /* of it */
    apr_size_t after;   /* bytes of the stream; 0 for its end */
    int stays;          /* it says nothing more, and does not end the connection either */
    int listener, done[2];
    char *seen; /* all that it was sent */
    apr_size_t n;
} other;

static int ends(const other *it)
{
    return it->n >= sizeof COMMAND + 4 && memcmp(it->seen + it->n - 4, "\0\0\0\0", 4) == 0;
}

static void *other_run(void *data)
{
    other *it = data;
    char byte;
    ssize_t got = 1;
    int client = accept(it->listener, NULL, NULL);
    while (got > 0 && (it->after ? it->n < it->after : !ends(it))) {
        got = read(client, it->seen + it->n, 4096);
        it->n += got > 0 ? (apr_size_t)got : 0;
    }
    if (it->answer && send(client, it->answer, it->length, MSG_NOSIGNAL) < 0)
        abort();
    while (it->stays && read(it->done[0], &byte, 1) < 0)
        continue;
    close(client);
    return NULL;
}

static void other_listen(other *it)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    strcpy(address.sun_path, path);
    unlink(path);
    it->listener = socket(AF_UNIX, SOCK_STREAM, 0);
    assert_int_equal(bind(it->listener, (struct sockaddr *)&address, sizeof address), 0);
    assert_int_equal(listen(it->listener, 1), 0);
    assert_int_equal(pipe(it->done), 0);
    it->seen = apr_pcalloc(pool, 2 * DOCUMENT);
}

static finq_error *scanned(apr_interval_time_t timeout)
{
    static char bytes[DOCUMENT];
    const finq_scanner scanner = {path, timeout};
    finq_scan *scan;
    for (int i = 0; i < DOCUMENT; i++)
        bytes[i] = (char)(1 + i % 251);
    FINQ_TRY(finq_scan_begin(&scan, &scanner, "photo", pool));
    for (apr_size_t at = 0, n = 1; at < DOCUMENT; at += n, n = n * 2 + 1) {
        n = n < DOCUMENT - at ? n : DOCUMENT - at;
        FINQ_TRY(finq_scan_feed(scan, bytes + at, n));
    }
    return finq_scan_end(scan);
}

/* Shows a document to such an other end. */
static finq_error *scan_of(other *it, apr_interval_time_t timeout)
{
    pthread_t thread;
    other_listen(it);
    assert_int_equal(pthread_create(&thread, NULL, other_run, it), 0);
    finq_error *error = scanned(timeout);
    assert_int_equal(write(it->done[1], "", 1), 1);
    shutdown(it->listener, SHUT_RDWR); /* where nobody has connected */
    pthread_join(thread, NULL);
    close(it->listener), close(it->done[0]), close(it->done[1]);
    return error;
}

#define SAYS(text) .answer = text, .length = sizeof text /* its NUL is the end of the answer */
#define LONG_TIME (20 * APR_USEC_PER_SEC)

static void expect(finq_error *error, finq_code code, const char *cause)
{
    assert_non_null(error);
    assert_int_equal(error->code, code);
    assert_non_null(strstr(finq_error_why(error), cause));
    assert_null(strstr(error->message, "clamd"));
}

/* Red: another command, a length in another order, frames above 64 KiB, or no end. */
static void all_is_shown_in_frames(void **state)
{
    other it = {SAYS("stream: OK")};
    apr_size_t at = sizeof COMMAND, shown = 0;
    (void)state;
    assert_null(scan_of(&it, LONG_TIME));
    assert_string_equal(it.seen, COMMAND);
    for (;;) {
        const unsigned char *length = (const unsigned char *)it.seen + at;
        apr_size_t n = (apr_size_t)length[0] << 24 | (apr_size_t)length[1] << 16 | (apr_size_t)length[2] << 8 | length[3];
        at += 4;
        if (n == 0)
            break;
        assert_true(n <= 65536);
        for (apr_size_t i = 0; i < n; i++, shown++)
            assert_int_equal((unsigned char)it.seen[at + i], 1 + shown % 251);
        at += n;
    }
    assert_int_equal(shown, DOCUMENT);
    assert_int_equal(at, it.n);
}

/* Red: each line of `verdict`; a comparison with the beginning of "stream: OK". */
static void only_what_is_clean_is_clean(void **state)
{
    static const struct {
        const char *answer;
        finq_code code;
        const char *cause;
    } rows[] = {
        {"stream: Eicar-Test-Signature FOUND", FINQ_E_UNSAFE_DOCUMENT, "Eicar-Test-Signature"},
        {"stream: Heuristics.Limits.Exceeded.MaxFileSize FOUND", FINQ_E_UNSAFE_DOCUMENT, "could not be scanned whole"},
        {"INSTREAM size limit exceeded. ERROR", FINQ_E_PAYLOAD_TOO_LARGE, "larger than the scanner takes"},
        {"stream: OK FOUND", FINQ_E_UNSAFE_DOCUMENT, "harmful"},
        {"stream: OK ", FINQ_E_SERVICE_UNAVAILABLE, "it answers \"stream: OK \""},
        {"stream: ok", FINQ_E_SERVICE_UNAVAILABLE, "it answers"},
        {"stream: OK\n", FINQ_E_SERVICE_UNAVAILABLE, "it answers"},
        {"OK", FINQ_E_SERVICE_UNAVAILABLE, "it answers"},
        {"", FINQ_E_SERVICE_UNAVAILABLE, "it answers \"\""},
        {"stream: Can't allocate memory ERROR", FINQ_E_SERVICE_UNAVAILABLE, "Can't allocate"},
        {"UNKNOWN COMMAND", FINQ_E_SERVICE_UNAVAILABLE, "UNKNOWN COMMAND"},
        {"HTTP/1.1 400 Bad Request\r\n\r\n", FINQ_E_SERVICE_UNAVAILABLE, "it answers"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        other it = {.answer = rows[i].answer, .length = strlen(rows[i].answer) + 1};
        expect(scan_of(&it, LONG_TIME), rows[i].code, rows[i].cause);
    }
}

/* Wherever in the stream it answers and closes. Red: answer_early taken for the verdict (a clean one is believed); send_all
 * reporting what it could not write. */
static void an_answer_may_come_early(void **state)
{
    static const apr_size_t places[] = {1, 10, 11, 100, 65546, 70000, 150000};
    (void)state;
    for (size_t i = 0; i < sizeof places / sizeof *places; i++) {
        other full = {SAYS("INSTREAM size limit exceeded. ERROR"), .after = places[i]};
        other found = {SAYS("stream: Eicar-Test-Signature FOUND"), .after = places[i]};
        other clean = {SAYS("stream: OK"), .after = places[i]};
        expect(scan_of(&full, LONG_TIME), FINQ_E_PAYLOAD_TOO_LARGE, "larger");
        expect(scan_of(&found, LONG_TIME), FINQ_E_UNSAFE_DOCUMENT, "Eicar");
        expect(scan_of(&clean, LONG_TIME), FINQ_E_SERVICE_UNAVAILABLE, "clamd at ");
    }
}

/* Red: answer_read that takes an end for an answer; an answer without NUL believed. */
static void no_answer_is_no_verdict(void **state)
{
    static char endless[3000];
    (void)state;
    memset(endless, 'x', sizeof endless);
    other ended[] = {{.answer = NULL}, {.answer = NULL, .after = 1}, {.answer = NULL, .after = 100000}};
    other open = {.answer = "stream: OK", .length = 10}, long_one = {.answer = endless, .length = sizeof endless};
    for (int i = 0; i < 3; i++)
        expect(scan_of(&ended[i], LONG_TIME), FINQ_E_SERVICE_UNAVAILABLE, "clamd at ");
    expect(scan_of(&open, LONG_TIME), FINQ_E_SERVICE_UNAVAILABLE, "without an answer");
    expect(scan_of(&long_one, LONG_TIME), FINQ_E_SERVICE_UNAVAILABLE, "does not end");
}

/* Whether it reads nothing, or says nothing. Red: wait_for without `left`. */
static void it_is_waited_for_no_longer_than_is_said(void **state)
{
    other silent = {.stays = 1}, deaf = {.after = 1, .stays = 1};
    (void)state;
    expect(scan_of(&silent, APR_USEC_PER_SEC / 10), FINQ_E_SERVICE_UNAVAILABLE, "FinqScanTimeout");
    expect(scan_of(&deaf, APR_USEC_PER_SEC / 10), FINQ_E_SERVICE_UNAVAILABLE, "FinqScanTimeout");
}

static void nobody_there(void **state)
{
    (void)state;
    unlink(path);
    expect(scanned(LONG_TIME), FINQ_E_SERVICE_UNAVAILABLE, "No such file");
}

static int setup(void **state)
{
    (void)state;
    apr_pool_create(&pool, NULL);
    signal(SIGPIPE, SIG_IGN); /* as httpd does */
    snprintf(path, sizeof path, "/tmp/finq-scan-%d", (int)getpid());
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    unlink(path);
    apr_pool_destroy(pool);
    return 0;
}

int main(void)
{
    apr_initialize();
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(all_is_shown_in_frames),
        cmocka_unit_test(only_what_is_clean_is_clean),
        cmocka_unit_test(an_answer_may_come_early),
        cmocka_unit_test(no_answer_is_no_verdict),
        cmocka_unit_test(it_is_waited_for_no_longer_than_is_said),
        cmocka_unit_test(nobody_there),
    };
    int failed = cmocka_run_group_tests(tests, setup, teardown);
    apr_terminate();
    return failed;
}
