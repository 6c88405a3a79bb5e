#include "documents/scan.h"

#include <apr_network_io.h>
#include <apr_poll.h>
#include <apr_strings.h>
#include <stddef.h>
#include <string.h>

#include "ground/clock.h"
#include "ground/codec.h"
#include "scan_connection.h"

/* Frames of INSTREAM: a length of four bytes, then so many of the document's. */
#define LENGTH 4
#define FRAME 65536
#define ANSWER_MOST 1024

#define COMMAND "zINSTREAM" /* z: all that is said ends with NUL */
#define CLEAN "stream: OK"
#define STREAM "stream: "
#define FOUND " FOUND"
#define UNSEEN "stream: Heuristics.Limits.Exceeded"
#define TOO_LARGE "INSTREAM size limit exceeded"

struct finq_scan {
    const finq_scanner *scanner;
    const char *name;
    apr_pool_t *pool;
    apr_socket_t *socket;     /* NULL once the scan has ended */
    apr_interval_time_t left; /* of the time that clamd is waited for */
    apr_int64_t most;
    apr_size_t used; /* of the frame under way */
    apr_size_t answer_length;
    char answer[ANSWER_MOST + 1];
    unsigned char frame[LENGTH + FRAME];
};

void finq_scan_abandon(finq_scan *scan)
{
    if (scan->socket)
        apr_socket_close(scan->socket);
    scan->socket = NULL;
}

static finq_error *unavailable(finq_scan *scan, const char *why)
{
    finq_scan_abandon(scan);
    return finq_error_internal(scan->pool, FINQ_E_SERVICE_UNAVAILABLE, "clamd at %s: %s", scan->scanner->path, why);
}

static finq_error *unavailable_status(finq_scan *scan, apr_status_t status)
{
    char text[128];
    return unavailable(scan, apr_strerror(status, text, sizeof text));
}

/* ---- verdicts ---- */

/* What was found is for the operator: it tells nobody else anything. */
static finq_error *unsafe(finq_scan *scan, const char *what)
{
    finq_error *error = finq_error_make(scan->pool, FINQ_E_UNSAFE_DOCUMENT, "%s %s; it was not stored.", scan->name, what);
    error->cause = apr_pstrcat(scan->pool, error->message, " clamd: ", scan->answer, NULL);
    return error;
}

static int ends_with(const char *text, const char *end)
{
    apr_size_t length = strlen(text), tail = strlen(end);
    return length >= tail && strcmp(text + length - tail, end) == 0;
}

static finq_error *verdict(finq_scan *scan)
{
    const char *answer = scan->answer;
    finq_scan_abandon(scan);
    if (strcmp(answer, CLEAN) == 0)
        return NULL;
    if (strncmp(answer, UNSEEN, sizeof UNSEEN - 1) == 0)
        return unsafe(scan, "could not be scanned whole");
    if (strncmp(answer, STREAM, sizeof STREAM - 1) == 0 && ends_with(answer, FOUND))
        return unsafe(scan, "holds something harmful");
    if (strncmp(answer, TOO_LARGE, sizeof TOO_LARGE - 1) == 0)
        return finq_error_make(scan->pool, FINQ_E_PAYLOAD_TOO_LARGE, "%s is larger than the scanner takes.", scan->name);
    return unavailable(scan, apr_psprintf(scan->pool, "it answers \"%s\"", answer));
}

/* ---- the wire ---- */

/* Waits until something can be read, or, where that is asked for, written. */
static finq_error *wait_for(finq_scan *scan, apr_int16_t events)
{
    apr_pollfd_t look = {.p = scan->pool, .desc_type = APR_POLL_SOCKET, .reqevents = events, .desc.s = scan->socket};
    apr_int32_t ready;
    apr_time_t began = finq_clock_steady();
    apr_status_t status = scan->left > 0 ? apr_poll(&look, 1, &ready, scan->left) : APR_TIMEUP;
    scan->left -= finq_clock_steady() - began;
    if (APR_STATUS_IS_TIMEUP(status))
        return unavailable(scan, "it does not answer in time (FinqScanTimeout)");
    return status == APR_SUCCESS || APR_STATUS_IS_EINTR(status) ? NULL : unavailable_status(scan, status);
}

static int answer_is_whole(const finq_scan *scan)
{
    return memchr(scan->answer, '\0', scan->answer_length) != NULL;
}

/* Reads what is there of the answer. */
static finq_error *answer_read(finq_scan *scan)
{
    apr_size_t n = ANSWER_MOST - scan->answer_length;
    apr_status_t status = apr_socket_recv(scan->socket, scan->answer + scan->answer_length, &n);
    if (APR_STATUS_IS_EAGAIN(status) || APR_STATUS_IS_EINTR(status))
        return NULL;
    if (status != APR_SUCCESS || n == 0)
        return unavailable(scan, "it ended the connection without an answer");
    scan->answer_length += n;
    if (scan->answer_length == ANSWER_MOST && !answer_is_whole(scan))
        return unavailable(scan, "its answer does not end");
    return NULL;
}

static finq_error *answer_wait(finq_scan *scan)
{
    while (!answer_is_whole(scan)) {
        FINQ_TRY(wait_for(scan, APR_POLLIN));
        FINQ_TRY(answer_read(scan));
    }
    return verdict(scan);
}

/* An answer before the end: none of those says that the document is clean. */
static finq_error *answer_early(finq_scan *scan)
{
    FINQ_TRY(answer_wait(scan));
    return unavailable(scan, "it calls clean what it has not seen whole");
}

/* Beyond its limit clamd answers while it is still written to, and closes: so its answer is looked for before each piece, and
 * where a piece can't be written. Behind the last one it may come at once. */
static finq_error *send_all(finq_scan *scan, const void *bytes, apr_size_t length)
{
    for (const char *at = bytes; length > 0;) {
        FINQ_TRY(answer_read(scan));
        if (scan->answer_length > 0)
            return answer_early(scan);
        apr_size_t n = length;
        apr_status_t status = apr_socket_send(scan->socket, at, &n);
        int is_full = APR_STATUS_IS_EAGAIN(status) || APR_STATUS_IS_EINTR(status);
        if (status != APR_SUCCESS && !is_full)
            return answer_early(scan);
        at += is_full ? 0 : n;
        length -= is_full ? 0 : n;
        if (length > 0)
            FINQ_TRY(wait_for(scan, APR_POLLIN | APR_POLLOUT));
    }
    return NULL;
}

static finq_error *frame_send(finq_scan *scan)
{
    apr_size_t n = scan->used;
    finq_codec_number_put(scan->frame, n, LENGTH);
    scan->used = 0;
    return n == 0 ? NULL : send_all(scan, scan->frame, LENGTH + n);
}

/* ---- what is done with it ---- */

finq_error *finq_scan_begin(finq_scan **out, const finq_scanner *scanner, const char *name, apr_pool_t *pool)
{
    finq_scan *scan = apr_palloc(pool, sizeof *scan);
    memset(scan, 0, offsetof(finq_scan, frame));
    scan->scanner = scanner;
    scan->name = name;
    scan->pool = pool;
    scan->left = scanner->timeout;
    apr_status_t status = finq_scan_connect(&scan->socket, scanner->path, pool);
    if (status != APR_SUCCESS)
        return unavailable_status(scan, status);
    finq_scan_limits limits;
    finq_scan_limits_of(&limits, scan->socket, scanner->path, pool);
    scan->most = limits.most;
    *out = scan;
    return send_all(scan, COMMAND, sizeof COMMAND);
}

apr_int64_t finq_scan_most(const finq_scan *scan)
{
    return scan->most;
}

finq_error *finq_scan_feed(finq_scan *scan, const char *bytes, apr_size_t n)
{
    while (n > 0) {
        apr_size_t room = FRAME - scan->used, taken = n < room ? n : room;
        memcpy(scan->frame + LENGTH + scan->used, bytes, taken);
        scan->used += taken;
        bytes += taken;
        n -= taken;
        if (scan->used == FRAME)
            FINQ_TRY(frame_send(scan));
    }
    return NULL;
}

finq_error *finq_scan_end(finq_scan *scan)
{
    static const unsigned char end[LENGTH];
    FINQ_TRY(frame_send(scan));
    FINQ_TRY(send_all(scan, end, LENGTH));
    return answer_wait(scan);
}
