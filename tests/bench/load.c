/* load --port N [--tls] --connections N MODE …: see usage. Prints lines of JSON. */
#include "load.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static const char usage[] =
    "load fixed    one request (--path, --body, --status; a GET without --body) again and again for --seconds\n"
    "load phases   --count sessions go through start, first step, status, second step, exchange and /consents/get, all through\n"
    "              one before the next\n"
    "load onboard  each connection goes through whole onboardings for --seconds\n"
    "All: --port N --tls --connections N --base /v1 --client-id … --client-secret … --app-key … --skill …\n"
    "     --step1 NAME --data1 JSON --step2 NAME --data2 JSON\n";

void load_die(const char *format, ...)
{
    va_list args;
    va_start(args, format);
    fputs("load: ", stderr);
    vfprintf(stderr, format, args);
    fputc('\n', stderr);
    va_end(args);
    exit(1);
}

uint64_t load_now(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000;
}

void load_times_add(load_times *times, uint64_t microseconds)
{
    if (times->count == times->room) {
        times->room = times->room ? times->room * 2 : 1 << 16;
        times->times = realloc(times->times, times->room * sizeof *times->times);
        if (!times->times)
            load_die("out of memory");
    }
    times->times[times->count++] = (uint32_t)microseconds;
}

static int by_size(const void *a, const void *b)
{
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
    return (x > y) - (x < y);
}

void load_times_print(load_times *times, const char *name)
{
    size_t n = times->count;
    qsort(times->times, n, sizeof *times->times, by_size);
    printf("\"%s_p50_us\": %u, \"%s_p99_us\": %u", name, n ? times->times[n / 2] : 0, name, n ? times->times[n * 99 / 100] : 0);
}

/* Options that are text, by their place in the structure. */
static const struct {
    const char *name;
    size_t offset;
} texts[] = {
    {"base", offsetof(load_options, base)},
    {"client-id", offsetof(load_options, client_id)},
    {"client-secret", offsetof(load_options, client_secret)},
    {"app-key", offsetof(load_options, app_key)},
    {"skill", offsetof(load_options, skill)},
    {"step1", offsetof(load_options, step[0])},
    {"step2", offsetof(load_options, step[1])},
    {"data1", offsetof(load_options, data[0])},
    {"data2", offsetof(load_options, data[1])},
    {"path", offsetof(load_options, path)},
    {"body", offsetof(load_options, body)},
};
#define TEXTS (sizeof texts / sizeof *texts)

static const struct {
    const char *name;
    size_t offset;
} numbers[] = {
    {"port", offsetof(load_options, port)},
    {"connections", offsetof(load_options, connections)},
    {"count", offsetof(load_options, count)},
    {"status", offsetof(load_options, status)},
};
#define NUMBERS (sizeof numbers / sizeof *numbers)

static void option_set(load_options *options, const char *name, const char *value)
{
    for (size_t i = 0; i < TEXTS; i++) {
        if (strcmp(texts[i].name, name) == 0)
            *(const char **)((char *)options + texts[i].offset) = value;
    }
    for (size_t i = 0; i < NUMBERS; i++) {
        if (strcmp(numbers[i].name, name) == 0)
            *(int *)((char *)options + numbers[i].offset) = atoi(value);
    }
    if (strcmp(name, "seconds") == 0)
        options->seconds = atof(value);
}

/* Every option takes a value but --tls. */
static const char *options_read(load_options *options, int argc, char **argv)
{
    const char *mode = NULL;
    for (int i = 1; i < argc; i++) {
        if (strncmp(argv[i], "--", 2) != 0)
            mode = argv[i];
        else if (strcmp(argv[i], "--tls") == 0)
            options->tls = 1;
        else if (i + 1 < argc) {
            option_set(options, argv[i] + 2, argv[i + 1]);
            i++;
        }
    }
    return mode;
}

int main(int argc, char **argv)
{
    static const struct {
        const char *name;
        void (*run)(const load_options *options);
    } modes[] = {{"fixed", load_fixed}, {"phases", load_phases}, {"onboard", load_onboard}};
    load_options options = {.connections = 16, .status = 200, .base = "/v1"};
    const char *mode = options_read(&options, argc, argv);
    for (size_t i = 0; mode && i < sizeof modes / sizeof *modes; i++) {
        if (strcmp(modes[i].name, mode) == 0) {
            modes[i].run(&options);
            return 0;
        }
    }
    fputs(usage, stderr);
    return 2;
}
