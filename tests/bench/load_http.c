/* Connections: HTTP/1.1, kept alive, plain or TLS. The bench's own servers on this machine, so nothing is verified. */
#include "load.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <openssl/ssl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#define ANSWER_MAX 131072

typedef struct {
    int number, fd;
    SSL *ssl;
    uint64_t sent_at;
    size_t length;
    char answer[ANSWER_MAX + 1];
} connection;

/* A run: the connections, and how many of them wait for an answer. */
typedef struct {
    const load_options *options;
    load_source *source;
    load_times *times;
    SSL_CTX *tls;
    int epoll, waiting;
    uint64_t ends_at;
    char request[LOAD_REQUEST_MAX];
} load;

static void connection_open(connection *c, load *run)
{
    struct sockaddr_in address = {
        .sin_family = AF_INET, .sin_port = htons((uint16_t)run->options->port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int one = 1;
    c->fd = socket(AF_INET, SOCK_STREAM, 0);
    if (c->fd < 0 || connect(c->fd, (struct sockaddr *)&address, sizeof address) != 0)
        load_die("connecting to port %d: %s", run->options->port, strerror(errno));
    setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    if (run->tls) {
        c->ssl = SSL_new(run->tls);
        SSL_set_fd(c->ssl, c->fd);
        SSL_set_tlsext_host_name(c->ssl, "localhost");
        if (SSL_connect(c->ssl) != 1)
            load_die("the TLS handshake failed");
    }
    fcntl(c->fd, F_SETFL, O_NONBLOCK);
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = c};
    epoll_ctl(run->epoll, EPOLL_CTL_ADD, c->fd, &event);
}

static void connection_send(connection *c, load *run)
{
    uint64_t now = load_now();
    size_t length = run->ends_at && now >= run->ends_at ? 0 : run->source->next(run->source, c->number, run->request);
    if (length == 0)
        return;
    ssize_t n = c->ssl ? SSL_write(c->ssl, run->request, (int)length) : send(c->fd, run->request, length, MSG_NOSIGNAL);
    if (n != (ssize_t)length)
        load_die("a request could not be sent at once");
    c->sent_at = now;
    c->length = 0;
    run->waiting++;
}

/* How many bytes arrived; 0 if that was all for now. */
static size_t connection_receive(connection *c)
{
    size_t room = ANSWER_MAX - c->length;
    ssize_t n;
    if (c->ssl) {
        n = SSL_read(c->ssl, c->answer + c->length, (int)room);
        if (n <= 0 && SSL_get_error(c->ssl, (int)n) == SSL_ERROR_WANT_READ)
            return 0;
    } else {
        n = recv(c->fd, c->answer + c->length, room, 0);
        if (n < 0 && (errno == EAGAIN || errno == EINTR))
            return 0;
    }
    if (n <= 0)
        load_die("the server closed a connection, or its answer is too long");
    c->length += (size_t)n;
    c->answer[c->length] = '\0';
    return (size_t)n;
}

/* The body of a complete answer; NULL while it is not. */
static const char *answer_body(const connection *c)
{
    const char *end = strstr(c->answer, "\r\n\r\n");
    const char *length = strcasestr(c->answer, "\r\nContent-Length:");
    if (!end)
        return NULL;
    if (!length || length > end)
        load_die("an answer without Content-Length: %.200s", c->answer);
    size_t want = (size_t)(end + 4 - c->answer) + (size_t)atol(length + 17);
    return c->length >= want ? end + 4 : NULL;
}

static void connection_ready(connection *c, load *run)
{
    const char *body = NULL;
    while (!body && connection_receive(c) > 0)
        body = answer_body(c);
    if (!body)
        return;
    if (c->length < 12 || atoi(c->answer + 9) != run->options->status)
        load_die("not the answer that was expected: %.800s", c->answer);
    load_times_add(run->times, load_now() - c->sent_at);
    run->waiting--;
    run->source->take(run->source, c->number, body);
    connection_send(c, run);
}

static void connections_open(connection *all, load *run)
{
    for (int i = 0; i < run->options->connections; i++) {
        all[i].number = i;
        connection_open(&all[i], run);
    }
}

static void connections_close(connection *all, load *run)
{
    for (int i = 0; i < run->options->connections; i++) {
        SSL_free(all[i].ssl);
        close(all[i].fd);
    }
    SSL_CTX_free(run->tls);
    close(run->epoll);
    free(all);
}

uint64_t load_run(load_times *times, const load_options *options, load_source *source)
{
    load run = {.options = options, .source = source, .times = times, .epoll = epoll_create1(0)};
    connection *all = calloc((size_t)options->connections, sizeof *all);
    struct epoll_event events[64];
    run.tls = options->tls ? SSL_CTX_new(TLS_client_method()) : NULL;
    if (!all)
        load_die("out of memory");
    connections_open(all, &run);
    uint64_t began = load_now();
    run.ends_at = options->seconds > 0 ? began + (uint64_t)(options->seconds * 1e6) : 0;
    for (int i = 0; i < options->connections; i++)
        connection_send(&all[i], &run);
    while (run.waiting > 0) {
        int n = epoll_wait(run.epoll, events, 64, 30000);
        if (n == 0)
            load_die("no answer for 30 seconds");
        for (int i = 0; i < n; i++)
            connection_ready(events[i].data.ptr, &run);
    }
    uint64_t took = load_now() - began;
    connections_close(all, &run);
    return took;
}

size_t load_post(char *request, const char *path, const char *body)
{
    int n = snprintf(request, LOAD_REQUEST_MAX,
                     "POST %s HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: %zu\r\n\r\n%s",
                     path, strlen(body), body);
    if (n >= LOAD_REQUEST_MAX)
        load_die("a request is too long");
    return (size_t)n;
}

size_t load_get(char *request, const char *path)
{
    int n = snprintf(request, LOAD_REQUEST_MAX, "GET %s HTTP/1.1\r\nHost: localhost\r\nAccept: text/html\r\n\r\n", path);
    if (n >= LOAD_REQUEST_MAX)
        load_die("a request is too long");
    return (size_t)n;
}
