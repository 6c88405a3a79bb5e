/* What clamd takes: it does not say, so its configuration is read. */
#include <apr_file_io.h>
#include <apr_lib.h>
#include <apr_portable.h>
#include <apr_strings.h>
#include <string.h>
#include <sys/socket.h>

#include "documents/scan.h"
#include "scan_connection.h"

#define DEBIANS "/etc/clamav/clamd.conf"
#define LINE_MOST 4096

apr_status_t finq_scan_connect(apr_socket_t **socket, const char *path, apr_pool_t *pool)
{
    apr_sockaddr_t *address;
    apr_status_t status = apr_sockaddr_info_get(&address, path, APR_UNIX, 0, 0, pool);
    if (status == APR_SUCCESS)
        status = apr_socket_create(socket, APR_UNIX, SOCK_STREAM, 0, pool);
    if (status == APR_SUCCESS)
        status = apr_socket_timeout_set(*socket, 0);
    return status == APR_SUCCESS ? apr_socket_connect(*socket, address) : status;
}

/* ---- which file ---- */

/* The process that made the socket: clamd, or who started it with the socket open; 0 where it is in another namespace. */
static pid_t peer_of(apr_socket_t *socket)
{
    apr_os_sock_t descriptor;
    struct ucred peer = {0};
    socklen_t length = sizeof peer;
    apr_os_sock_get(&descriptor, socket);
    return getsockopt(descriptor, SOL_SOCKET, SO_PEERCRED, &peer, &length) == 0 ? peer.pid : 0;
}

/* An option's value: in the same word, or in the one behind. */
static const char *option_value(const char *word, const char *next, const char *name)
{
    apr_size_t length = strlen(name);
    if (strncmp(word, name, length) != 0)
        return NULL;
    if (!word[length])
        return next;
    return word[length] == '=' ? word + length + 1 : word[1] != '-' ? word + length : NULL;
}

/* The configuration that a process's command line names; Debian's where it names none. */
static const char *file_of(pid_t pid, apr_pool_t *pool)
{
    char line[LINE_MOST + 2] = "";
    apr_file_t *file;
    apr_size_t n = LINE_MOST;
    const char *found = NULL, *path = apr_psprintf(pool, "/proc/%ld/cmdline", (long)pid);
    if (pid <= 0 || apr_file_open(&file, path, APR_FOPEN_READ, APR_FPROT_OS_DEFAULT, pool) != APR_SUCCESS)
        return DEBIANS;
    if (apr_file_read_full(file, line, LINE_MOST, &n) != APR_SUCCESS && n == 0)
        line[0] = '\0';
    apr_file_close(file);
    for (const char *word = line; *word && !found; word += strlen(word) + 1) {
        const char *next = word + strlen(word) + 1;
        found = option_value(word, next, "--config-file");
        if (!found)
            found = option_value(word, next, "-c");
    }
    return found ? apr_pstrdup(pool, found) : DEBIANS;
}

/* ---- what it says ---- */

/* What clamd 1.0 takes where its configuration does not say. */
static const struct {
    const char *name;
    apr_int64_t preset;
} sizes[] = {{"StreamMaxLength", 104857600}, {"MaxFileSize", 104857600}, {"MaxScanSize", 419430400}};
#define SIZES (sizeof sizes / sizeof *sizes)

typedef struct {
    apr_int64_t sizes[SIZES];
    int tells_exceeded, names_socket;
} reading;

/* A size in bytes, with K or M; 0 for no limit. */
static apr_int64_t size_of(const char *text)
{
    char *end;
    apr_int64_t size = apr_strtoi64(text, &end, 10);
    int unit = apr_tolower(*end);
    return size < 0 || size > APR_INT32_MAX ? 0 : unit == 'k' ? size * 1024 : unit == 'm' ? size * 1048576 : size;
}

static void line_take(reading *into, char *line, const char *path)
{
    char *rest, *name = apr_strtok(line, " \t\r\n", &rest), *value = name ? apr_strtok(NULL, "\r\n", &rest) : NULL;
    if (!value || *name == '#')
        return;
    while (*value == ' ' || *value == '\t')
        value++;
    for (apr_size_t i = 0; i < SIZES; i++) {
        if (strcasecmp(name, sizes[i].name) == 0)
            into->sizes[i] = size_of(value);
    }
    if (strcasecmp(name, "AlertExceedsMax") == 0)
        into->tells_exceeded = apr_tolower(*value) == 'y' || apr_tolower(*value) == 't' || *value == '1';
    if (strcasecmp(name, "LocalSocket") == 0)
        into->names_socket = strncmp(value, path, strlen(path)) == 0;
}

static apr_status_t file_read(reading *into, const char *name, const char *path, apr_pool_t *pool)
{
    char line[LINE_MOST];
    apr_file_t *file;
    apr_status_t status = apr_file_open(&file, name, APR_FOPEN_READ | APR_FOPEN_BUFFERED, APR_FPROT_OS_DEFAULT, pool);
    for (apr_size_t i = 0; i < SIZES; i++)
        into->sizes[i] = sizes[i].preset;
    if (status != APR_SUCCESS)
        return status;
    while (apr_file_gets(line, sizeof line, file) == APR_SUCCESS)
        line_take(into, line, path);
    return apr_file_close(file);
}

void finq_scan_limits_of(finq_scan_limits *limits, apr_socket_t *socket, const char *path, apr_pool_t *pool)
{
    char text[128];
    reading read = {.names_socket = 0};
    const char *file = file_of(peer_of(socket), pool);
    apr_status_t status = file_read(&read, file, path, pool);
    *limits = (finq_scan_limits){.why = apr_psprintf(pool, "%s names another LocalSocket", file)};
    if (status != APR_SUCCESS)
        limits->why = apr_psprintf(pool, "%s: %s", file, apr_strerror(status, text, sizeof text));
    if (status != APR_SUCCESS || !read.names_socket)
        return;
    *limits = (finq_scan_limits){.file = file, .tells_exceeded = read.tells_exceeded};
    for (apr_size_t i = 0; i < SIZES; i++) {
        if (read.sizes[i] > 0 && (limits->most == 0 || read.sizes[i] < limits->most))
            limits->most = read.sizes[i];
    }
}

void finq_scan_learn(finq_scan_limits *limits, const char *path, apr_pool_t *pool)
{
    apr_socket_t *socket;
    char text[128];
    apr_status_t status = finq_scan_connect(&socket, path, pool);
    *limits = (finq_scan_limits){0};
    if (status != APR_SUCCESS) {
        limits->why = apr_psprintf(pool, "%s: %s", path, apr_strerror(status, text, sizeof text));
        return;
    }
    finq_scan_limits_of(limits, socket, path, pool);
    apr_socket_close(socket);
}
