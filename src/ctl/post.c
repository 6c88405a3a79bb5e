#include "post.h"

#include <apr_network_io.h>
#include <apr_strings.h>
#include <arpa/inet.h>
#include <curl/curl.h>
#include <limits.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#define TOTAL_SECONDS 15L
#define CONNECT_SECONDS 5L
#define ANSWER_MAX 65536

/* ---- addresses ---- */

typedef struct {
    unsigned char bytes[16]; /* IPv4 as mapped */
    int bits;
} network;

/* Up to three digits; -1 for anything else. */
static int number_read(const char *text)
{
    size_t digits = strspn(text, "0123456789");
    return digits > 0 && digits <= 3 && text[digits] == '\0' ? (int)strtol(text, NULL, 10) : -1;
}

static int network_read(network *to, const char *text)
{
    char address[64];
    const char *slash = strchr(text, '/');
    size_t length = slash ? (size_t)(slash - text) : strlen(text);
    int bits = slash ? number_read(slash + 1) : -1;
    if (length >= sizeof address || (slash && bits < 0))
        return 0;
    memcpy(address, text, length);
    address[length] = '\0';
    memset(to->bytes, 0, 10);
    memset(to->bytes + 10, 0xff, 2);
    if (inet_pton(AF_INET, address, to->bytes + 12) == 1)
        to->bits = bits < 0 ? 128 : 96 + bits;
    else if (inet_pton(AF_INET6, address, to->bytes) == 1)
        to->bits = bits < 0 ? 128 : bits;
    else
        return 0;
    return to->bits >= 0 && to->bits <= 128;
}

static int network_has(const network *net, const unsigned char *address)
{
    int whole = net->bits / 8, rest = net->bits % 8;
    if (memcmp(net->bytes, address, (size_t)whole) != 0)
        return 0;
    return rest == 0 || ((net->bytes[whole] ^ address[whole]) >> (8 - rest)) == 0;
}

static int listed(const char *list, const unsigned char *address, apr_pool_t *pool)
{
    char *rest, *copy = apr_pstrdup(pool, list);
    for (char *item = apr_strtok(copy, ", ", &rest); item; item = apr_strtok(NULL, ", ", &rest)) {
        network net;
        if (network_read(&net, item) && network_has(&net, address))
            return 1;
    }
    return 0;
}

const char *ctl_post_networks_problem(const char *list, apr_pool_t *pool)
{
    char *rest, *copy = apr_pstrdup(pool, list);
    for (char *item = apr_strtok(copy, ", ", &rest); item; item = apr_strtok(NULL, ", ", &rest)) {
        network net;
        if (!network_read(&net, item))
            return apr_pstrcat(pool, item, " is no network such as 10.1.2.0/24, 192.168.7.9 or fd00::/8", NULL);
    }
    return NULL;
}

/* What is not the public Internet: the special-purpose registries of RFC 6890, with what has left them but lives on. */
#define NOT_PUBLIC                                                                                                  \
    "0.0.0.0/8,10.0.0.0/8,100.64.0.0/10,127.0.0.0/8,169.254.0.0/16,172.16.0.0/12,192.0.0.0/24,192.0.2.0/24,"        \
    "192.88.99.0/24,192.168.0.0/16,198.18.0.0/15,198.51.100.0/24,203.0.113.0/24,224.0.0.0/3,::/96,::ffff:0:0:0/96," \
    "64:ff9b::/96,64:ff9b:1::/48,100::/64,100:0:0:1::/64,2001::/23,2001:db8::/32,2002::/16,3fff::/20,5f00::/16,"    \
    "fc00::/7,fe80::/10,fec0::/10,ff00::/8"

typedef struct {
    const char *allowed;
    apr_pool_t *pool;
    int is_plain; /* http, which is for allowed addresses alone */
    const char *refused;
} guard;

/* Why nothing is sent to an address; NULL where it may be. */
static const char *address_refusal(const guard *g, const struct sockaddr *to)
{
    unsigned char address[16] = {0};
    if (to->sa_family == AF_INET) {
        memset(address + 10, 0xff, 2);
        memcpy(address + 12, &((const struct sockaddr_in *)to)->sin_addr, 4);
    } else if (to->sa_family == AF_INET6)
        memcpy(address, &((const struct sockaddr_in6 *)to)->sin6_addr, 16);
    if (g->allowed && listed(g->allowed, address, g->pool))
        return NULL;
    if (listed(NOT_PUBLIC, address, g->pool))
        return "its address is not public, and --allow-address does not name it";
    return g->is_plain ? "http is for allowed addresses alone" : NULL;
}

/* Asked with the address that is really connected to, whatever the name said a moment before. */
static curl_socket_t socket_open(void *baton, curlsocktype purpose, struct curl_sockaddr *to)
{
    guard *g = baton;
    (void)purpose;
    g->refused = address_refusal(g, &to->addr);
    return g->refused ? CURL_SOCKET_BAD : socket(to->family, to->socktype | SOCK_CLOEXEC, to->protocol);
}

/* Why no address of a host will do. A name that is not known here and now may be known where events are delivered. */
static const char *host_problem(const guard *g, const char *host)
{
    struct addrinfo *found = NULL, hints = {.ai_socktype = SOCK_STREAM};
    const char *problem = g->is_plain ? "http is for allowed addresses alone" : NULL;
    if (host[0] == '[')
        host = apr_pstrmemdup(g->pool, host + 1, strcspn(host + 1, "%]"));
    if (getaddrinfo(host, NULL, &hints, &found) != 0)
        return problem;
    for (const struct addrinfo *one = found; one; one = one->ai_next) {
        problem = address_refusal(g, one->ai_addr);
        if (!problem)
            break;
    }
    freeaddrinfo(found);
    return problem;
}

static const char *url_problem(CURLU *parsed, const char *url, guard *g)
{
    char *scheme = NULL, *user = NULL, *fragment = NULL, *host = NULL;
    const char *problem = NULL;
    if (curl_url_set(parsed, CURLUPART_URL, url, 0) != CURLUE_OK ||
        curl_url_get(parsed, CURLUPART_SCHEME, &scheme, 0) != CURLUE_OK ||
        curl_url_get(parsed, CURLUPART_HOST, &host, 0) != CURLUE_OK)
        problem = "the URL cannot be read";
    else if (strcmp(scheme, "https") != 0 && strcmp(scheme, "http") != 0)
        problem = "the URL must be https (http reaches only addresses that are allowed)";
    else if (curl_url_get(parsed, CURLUPART_USER, &user, 0) == CURLUE_OK ||
             curl_url_get(parsed, CURLUPART_FRAGMENT, &fragment, 0) == CURLUE_OK)
        problem = "the URL must have no user and no fragment";
    else {
        g->is_plain = strcmp(scheme, "http") == 0;
        problem = host_problem(g, host);
    }
    curl_free(scheme);
    curl_free(host);
    curl_free(user);
    curl_free(fragment);
    return problem;
}

const char *ctl_post_url_problem(const char *url, const char *allowed, apr_pool_t *pool)
{
    guard g = {.allowed = allowed, .pool = pool};
    CURLU *parsed = curl_url();
    const char *problem = url_problem(parsed, url, &g);
    curl_url_cleanup(parsed);
    return problem;
}

/* ---- sending ---- */

struct ctl_post {
    CURLM *multi;
    const char *allowed;
};

typedef struct {
    ctl_post *post;
    post_message *message;
    CURL *easy;
    struct curl_slist *headers;
    guard guard;
    size_t received;
    char answer[CTL_POST_ANSWER_KEPT + 1];
} transfer;

static apr_status_t post_close(void *post)
{
    curl_multi_cleanup(((ctl_post *)post)->multi);
    return APR_SUCCESS;
}

ctl_post *ctl_post_open(const char *allowed, apr_pool_t *pool)
{
    ctl_post *post = apr_pcalloc(pool, sizeof *post);
    post->multi = curl_multi_init();
    apr_pool_cleanup_register(pool, post, post_close, apr_pool_cleanup_null);
    post->allowed = allowed;
    return post;
}

static apr_status_t transfer_end(void *baton)
{
    transfer *t = baton;
    curl_multi_remove_handle(t->post->multi, t->easy);
    curl_easy_cleanup(t->easy);
    curl_slist_free_all(t->headers);
    return APR_SUCCESS;
}

/* The first bytes are kept, and no more than ANSWER_MAX read. */
static size_t answer_take(char *bytes, size_t size, size_t count, void *baton)
{
    transfer *t = baton;
    size_t kept = strlen(t->answer), room = sizeof t->answer - 1 - kept;
    memcpy(t->answer + kept, bytes, size * count < room ? size * count : room);
    t->received += size * count;
    return t->received > ANSWER_MAX ? 0 : size * count;
}

static void header_add(transfer *t, const char *name, const char *value, apr_pool_t *pool)
{
    t->headers = curl_slist_append(t->headers, apr_pstrcat(pool, name, ": ", value, NULL));
}

static void message_set(transfer *t, const post_message *message, apr_pool_t *pool)
{
    header_add(t, "Content-Type", "application/json", pool);
    header_add(t, "webhook-id", message->id, pool);
    header_add(t, "webhook-timestamp", message->timestamp, pool);
    header_add(t, "webhook-signature", message->signatures, pool);
    curl_easy_setopt(t->easy, CURLOPT_URL, message->url);
    curl_easy_setopt(t->easy, CURLOPT_HTTPHEADER, t->headers);
    curl_easy_setopt(t->easy, CURLOPT_POSTFIELDS, message->body);
}

static void limits_set(transfer *t)
{
    curl_easy_setopt(t->easy, CURLOPT_PROTOCOLS_STR, "https,http");
    curl_easy_setopt(t->easy, CURLOPT_PROXY, "");
    curl_easy_setopt(t->easy, CURLOPT_USERAGENT, "mod_finq-outbox");
    curl_easy_setopt(t->easy, CURLOPT_FOLLOWLOCATION, 0L);
    curl_easy_setopt(t->easy, CURLOPT_TIMEOUT, TOTAL_SECONDS);
    curl_easy_setopt(t->easy, CURLOPT_CONNECTTIMEOUT, CONNECT_SECONDS);
    curl_easy_setopt(t->easy, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(t->easy, CURLOPT_QUICK_EXIT, 1L); /* a name server that is silent is waited for by its thread alone */
    curl_easy_setopt(t->easy, CURLOPT_FORBID_REUSE, 1L);
    curl_easy_setopt(t->easy, CURLOPT_WRITEFUNCTION, answer_take);
    curl_easy_setopt(t->easy, CURLOPT_WRITEDATA, t);
    curl_easy_setopt(t->easy, CURLOPT_OPENSOCKETFUNCTION, socket_open);
    curl_easy_setopt(t->easy, CURLOPT_OPENSOCKETDATA, &t->guard);
    curl_easy_setopt(t->easy, CURLOPT_PRIVATE, t);
}

void ctl_post_begin(ctl_post *post, post_message *message, apr_pool_t *pool)
{
    transfer *t = apr_pcalloc(pool, sizeof *t);
    t->post = post;
    t->message = message;
    t->easy = curl_easy_init();
    apr_pool_cleanup_register(pool, t, transfer_end, apr_pool_cleanup_null);
    t->guard.allowed = post->allowed;
    t->guard.pool = pool;
    t->guard.is_plain = strncasecmp(message->url, "https:", 6) != 0;
    message_set(t, message, pool);
    limits_set(t);
    curl_multi_add_handle(post->multi, t->easy);
}

/* ---- what came of it ---- */

/* By how it failed: libcurl's codes, then statuses, of which the last one of a hundred stands for those above it. */
typedef struct {
    long from, to;
    const char *mend;
} mending;

static const mending by_code[] = {
    {CURLE_COULDNT_RESOLVE_HOST, CURLE_COULDNT_RESOLVE_HOST,
     "no name server knows the host: mend its name (webhook set), or its DNS"},
    {CURLE_COULDNT_CONNECT, CURLE_COULDNT_CONNECT,
     "nothing listens there, or a firewall is between: start the receiver, open the port"},
    {CURLE_OPERATION_TIMEDOUT, CURLE_OPERATION_TIMEDOUT,
     "an event is to be answered within 15 seconds: have the receiver take it in, answer, and only then work"},
    {CURLE_PEER_FAILED_VERIFICATION, CURLE_PEER_FAILED_VERIFICATION,
     "its certificate is not trusted here: have one issued for this name, whole chain, or add its authority to this machine's"},
    {CURLE_SSL_CONNECT_ERROR, CURLE_SSL_CONNECT_ERROR, "TLS does not come about: is it https that is spoken at this port?"},
    {CURLE_GOT_NOTHING, CURLE_GOT_NOTHING,
     "it hung up without an answer: is it https that is spoken at this port? See the receiver's log"},
    {0, LONG_MAX, "see the receiver's log"},
};
static const mending by_status[] = {
    {300, 399, "redirects are not followed: give the address that they lead to (webhook set)"},
    {401, 403,
     "the receiver turns it away: does it check the signature under the secret that webhook set printed last, over the body as "
     "it came? And does a proxy before it ask for a password?"},
    {404, 405, "the receiver takes no POST at this path: mend the path (webhook set)"},
    {500, 599, "the receiver failed: its log says why"},
    {0, LONG_MAX, "answer 2xx to an event that was taken: the receiver's log may say why it was not"},
};

static const char *mend_of(const mending *rows, long value)
{
    while (value < rows->from || value > rows->to)
        rows++;
    return rows->mend;
}

static void outcome_read(post_message *message, const transfer *t, CURLcode code)
{
    apr_pool_t *pool = t->guard.pool;
    long status = 0;
    curl_easy_getinfo(t->easy, CURLINFO_RESPONSE_CODE, &status);
    message->status = status;
    message->answer = status ? apr_pstrdup(pool, t->answer) : NULL;
    message->error = message->mend = NULL;
    if (t->guard.refused) {
        message->error = t->guard.refused;
        message->mend =
            "give a public https address (webhook set), or name its network with --allow-address, here and to outbox run";
    } else if (code != CURLE_OK && !(code == CURLE_WRITE_ERROR && status >= 200)) {
        message->error = curl_easy_strerror(code);
        message->mend = mend_of(by_code, (long)code);
    } else if (status < 200 || status >= 300) {
        message->error = apr_psprintf(pool, "it answered %ld", status);
        message->mend = mend_of(by_status, status);
    }
}

static post_message *ended(ctl_post *post)
{
    transfer *t;
    int left;
    const CURLMsg *told = curl_multi_info_read(post->multi, &left);
    if (!told)
        return NULL;
    curl_easy_getinfo(told->easy_handle, CURLINFO_PRIVATE, (char **)&t);
    outcome_read(t->message, t, told->data.result);
    return t->message;
}

post_message *ctl_post_next(ctl_post *post, apr_interval_time_t most)
{
    apr_time_t until = apr_time_now() + most;
    for (;;) {
        int running;
        curl_multi_perform(post->multi, &running);
        post_message *message = ended(post);
        apr_interval_time_t left = until - apr_time_now();
        if (message || left <= 0)
            return message;
        curl_multi_poll(post->multi, NULL, 0, (int)apr_time_as_msec(left) + 1, NULL);
    }
}
