/* The benchmark's load generator: kept-alive connections, each with one request under way, in one thread. */
#ifndef LOAD_H
#define LOAD_H

#include <stddef.h>
#include <stdint.h>

#define LOAD_REQUEST_MAX 16384

/** What main() was told. */
typedef struct {
    int port, tls, connections;
    double seconds;   /**< how long; 0 until the source has no more */
    int count;        /**< of sessions, in mode phases */
    int status;       /**< the one that answers must have */
    const char *base; /**< such as /v1 */
    const char *client_id, *client_secret, *app_key, *skill;
    const char *step[2], *data[2];
    const char *path, *body; /**< of mode fixed; without a body it gets a page */
} load_options;

/** Times of requests, in microseconds. */
typedef struct {
    uint32_t *times;
    size_t count, room;
} load_times;

void load_times_add(load_times *times, uint64_t microseconds);
/** Prints `"NAME_p50_us": …, "NAME_p99_us": …`. */
void load_times_print(load_times *times, const char *name);
uint64_t load_now(void);
void load_die(const char *format, ...) __attribute__((format(printf, 1, 2), noreturn));

/** Where requests come from and answers go. */
typedef struct load_source {
    /** Writes a connection's next request; 0 where there is none. */
    size_t (*next)(struct load_source *source, int connection, char *request);
    /** Takes its answer, which is NUL-terminated. */
    void (*take)(struct load_source *source, int connection, const char *body);
} load_source;

/** Runs the source's requests to their end. Returns the microseconds that it took. */
uint64_t load_run(load_times *times, const load_options *options, load_source *source);

/** A POST with a JSON body. */
size_t load_post(char *request, const char *path, const char *body);

/** A GET of a page. */
size_t load_get(char *request, const char *path);

/* The modes. Each prints one line of JSON a measurement. */
void load_fixed(const load_options *options);
void load_phases(const load_options *options);
void load_onboard(const load_options *options);

#endif
