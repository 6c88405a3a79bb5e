#include "httpd/limits.h"

#include "httpd/observe.h"
#include <apr_strings.h>
#include <arpa/inet.h>
#include <http_config.h>
#include <http_log.h>
#include <string.h>

#include "ground/clock.h"

APLOG_USE_MODULE(finq);

/* One table a limit, so that a flood of made-up client_ids displaces no address, and one for the lines of the log. They go
 * by the steady clock: a wall clock that is set back would refuse everybody until it catches up. NULL before the server has
 * started. */
#define LINES FINQ_LIMITS
#define TABLES (LINES + 1)
static finq_bucket_table *tables[TABLES];

/* How often the log tells that a client is refused: a flood of refusals is not to fill the disk. */
static const finq_bucket_rate line_rate = {APR_USEC_PER_SEC, 1};

/* What stands before the bytes of an address or client_id: each virtual host counts for itself. */
typedef struct {
    apr_uint32_t host;
    unsigned char bytes[16];
} subject;

/* ---- the tables ---- */

static apr_size_t table_size(server_rec *main_server)
{
    return APR_ALIGN(finq_bucket_size((apr_uint32_t)finq_config_of(main_server)->limit_clients), 64);
}

apr_size_t finq_limits_size(server_rec *main_server)
{
    return TABLES * table_size(main_server);
}

static apr_status_t tables_forget(void *unused)
{
    (void)unused;
    memset(tables, 0, sizeof tables);
    return APR_SUCCESS;
}

finq_error *finq_limits_make(void *block, server_rec *main_server, apr_pool_t *pconf)
{
    unsigned char secret[FINQ_BUCKET_SECRET];
    apr_uint32_t clients = (apr_uint32_t)finq_config_of(main_server)->limit_clients;
    FINQ_TRY(finq_random(secret, sizeof secret, pconf));
    for (int i = 0; i < TABLES; i++)
        tables[i] =
            finq_bucket_init((char *)block + (apr_size_t)i * table_size(main_server), clients, secret, finq_clock_steady());
    apr_pool_cleanup_register(pconf, NULL, tables_forget, apr_pool_cleanup_null);
    return NULL;
}

/* ---- subjects ---- */

static apr_uint64_t key_of(const finq_request *request, finq_limit limit, const void *bytes, apr_size_t length)
{
    subject who = {(apr_uint32_t)request->config->host_number, {0}};
    memcpy(who.bytes, bytes, length);
    return finq_bucket_key(tables[limit], &who, sizeof who);
}

/* The client's address, as mod_remoteip may have found it. Who has one address of IPv6 has its whole /64. */
apr_uint64_t finq_limits_address(const finq_request *request)
{
    const apr_sockaddr_t *address = request->r->useragent_addr;
    const unsigned char *bytes = address->ipaddr_ptr;
    if (address->ipaddr_len != 16)
        return key_of(request, FINQ_LIMIT_ADDRESS, bytes, (apr_size_t)address->ipaddr_len);
    if (IN6_IS_ADDR_V4MAPPED((const struct in6_addr *)address->ipaddr_ptr))
        return key_of(request, FINQ_LIMIT_ADDRESS, bytes + 12, 4);
    return key_of(request, FINQ_LIMIT_ADDRESS, bytes, 8);
}

/* ---- refusing ---- */

static const struct {
    finq_event event;
    const char *message;
} limits[FINQ_LIMITS] = {
    [FINQ_LIMIT_ADDRESS] = {FINQ_EVENT_LIMIT_ADDRESS, "Too many requests from this address"},
    [FINQ_LIMIT_TENANT] = {FINQ_EVENT_LIMIT_TENANT, "Too many requests of this tenant"},
    [FINQ_LIMIT_FAILURE] = {FINQ_EVENT_LIMIT_FAILURE, "Too many failed authentications from this address"},
};

void finq_limits_tell_once(finq_request *request)
{
    request->is_told =
        tables[LINES] && !finq_bucket_take(tables[LINES], finq_limits_address(request), &line_rate, finq_clock_steady()).allowed;
}

/* The headers of draft-ietf-httpapi-ratelimit-headers-03, where RateLimit-Reset means the same moment as Retry-After. An
 * answer that is no refusal does without them: most clients never come near a limit. */
static finq_error *judge(finq_request *request, finq_limit limit, finq_bucket_answer answer)
{
    apr_table_t *headers = request->r->err_headers_out;
    apr_pool_t *pool = request->r->pool;
    if (answer.allowed)
        return NULL;
    apr_time_t wait = (answer.wait + APR_USEC_PER_SEC - 1) / APR_USEC_PER_SEC;
    const char *seconds = apr_psprintf(pool, "%" APR_TIME_T_FMT, wait);
    apr_table_setn(headers, "Retry-After", seconds);
    apr_table_setn(headers, "RateLimit-Limit", apr_psprintf(pool, "%u", request->config->limits[limit].burst));
    apr_table_setn(headers, "RateLimit-Remaining", "0");
    apr_table_setn(headers, "RateLimit-Reset", seconds);
    finq_observe_event(request, limits[limit].event);
    finq_limits_tell_once(request);
    return finq_error_make(pool, FINQ_E_TOO_MANY_REQUESTS, "%s; try again in %s s.", limits[limit].message, seconds);
}

finq_error *finq_limits_admit(finq_request *request)
{
    const finq_bucket_rate *rates = request->config->limits;
    apr_time_t now;
    if (request->address_key) /* the checker has asked already */
        return NULL;
    if (!tables[0] || (!rates[FINQ_LIMIT_ADDRESS].interval && !rates[FINQ_LIMIT_FAILURE].interval))
        return NULL;
    now = finq_clock_steady();
    request->address_key = finq_limits_address(request);
    FINQ_TRY(judge(request, FINQ_LIMIT_FAILURE,
                   finq_bucket_look(tables[FINQ_LIMIT_FAILURE], request->address_key, &rates[FINQ_LIMIT_FAILURE], now)));
    return judge(request, FINQ_LIMIT_ADDRESS,
                 finq_bucket_take(tables[FINQ_LIMIT_ADDRESS], request->address_key, &rates[FINQ_LIMIT_ADDRESS], now));
}

finq_error *finq_limits_tenant(finq_request *request, const finq_id *client_id)
{
    const finq_bucket_rate *rate = &request->config->limits[FINQ_LIMIT_TENANT];
    if (!tables[0] || !rate->interval)
        return NULL;
    apr_uint64_t key = key_of(request, FINQ_LIMIT_TENANT, client_id->bytes, sizeof client_id->bytes);
    finq_bucket_answer answer = finq_bucket_take(tables[FINQ_LIMIT_TENANT], key, rate, finq_clock_steady());
    if (answer.allowed)
        request->tenant_key = key;
    return judge(request, FINQ_LIMIT_TENANT, answer);
}

/* A key that does not fit is a guess; one that fitted, and has had its time, is not. */
static int is_guess(finq_code code)
{
    static const finq_code genuine[] = {FINQ_E_EXPIRED_NONCE, FINQ_E_EXPIRED_SESSION};
    for (apr_size_t i = 0; i < sizeof genuine / sizeof *genuine; i++) {
        if (genuine[i] == code)
            return 0;
    }
    return finq_code_http(code) == HTTP_UNAUTHORIZED;
}

/* A client_id is no secret: who knows it and no key must not be able to use the tenant's tokens up. And who has shown a key
 * guesses at none: a tenant's server only passes on what its users hand it. */
void finq_limits_settle(finq_request *request, const finq_error *error)
{
    const finq_bucket_rate *rates = request->config->limits;
    if (!error || request->is_proven)
        return;
    apr_time_t now = finq_clock_steady();
    if (request->tenant_key)
        finq_bucket_give(tables[FINQ_LIMIT_TENANT], request->tenant_key, &rates[FINQ_LIMIT_TENANT], now);
    if (request->address_key && is_guess(error->code))
        finq_bucket_take(tables[FINQ_LIMIT_FAILURE], request->address_key, &rates[FINQ_LIMIT_FAILURE], now);
}

/* ---- directives ---- */

#define RATE_MAX 100000
#define BURST_MAX 1000000

/* "100/s", "600/min", "1000/h": the interval of one token, and how many a period has. */
static int rate_parse(finq_bucket_rate *rate, const char *text)
{
    static const struct {
        const char *name;
        apr_int64_t seconds;
    } periods[] = {{"/s", 1}, {"/min", 60}, {"/h", 3600}};
    char *end;
    apr_int64_t number = apr_strtoi64(text, &end, 10);
    if (end == text || number < 1 || number > RATE_MAX)
        return 0;
    for (apr_size_t i = 0; i < sizeof periods / sizeof *periods; i++) {
        if (strcmp(end, periods[i].name) != 0)
            continue;
        rate->interval = (apr_uint32_t)(periods[i].seconds * APR_USEC_PER_SEC / number);
        rate->burst = (apr_uint32_t)number;
        return 1;
    }
    return 0;
}

static int burst_parse(finq_bucket_rate *rate, const char *text)
{
    char *end;
    apr_int64_t number = apr_strtoi64(text, &end, 10);
    if (end == text || *end || number < 1 || number > BURST_MAX)
        return 0;
    rate->burst = (apr_uint32_t)number;
    return 1;
}

/* off | RATE | RATE burst N. NULL, or what is wrong. */
static const char *limit_parse(finq_bucket_rate *rate, int count, char *const words[], apr_pool_t *pool)
{
    if (count == 1 && strcasecmp(words[0], "off") == 0) {
        *rate = FINQ_LIMIT_OFF;
        return NULL;
    }
    if (count < 1 || !rate_parse(rate, words[0]))
        return apr_psprintf(pool, "takes off, or a rate from 1 to %d such as 100/s, 600/min or 1000/h, not \"%s\"", RATE_MAX,
                            count < 1 ? "" : words[0]);
    if (count == 3 && strcasecmp(words[1], "burst") == 0 && !burst_parse(rate, words[2]))
        return apr_psprintf(pool, "takes a burst from 1 to %d, not \"%s\"", BURST_MAX, words[2]);
    if (count != 1 && (count != 3 || strcasecmp(words[1], "burst") != 0))
        return "takes after the rate nothing, or: burst N";
    if ((apr_uint64_t)rate->interval * rate->burst > FINQ_BUCKET_SPAN)
        return "takes bursts that come back within a day: a smaller burst, or a higher rate";
    return NULL;
}

static const char *limit_set(cmd_parms *cmd, finq_limit limit, int count, char *const words[])
{
    finq_bucket_rate rate;
    const char *wrong = limit_parse(&rate, count, words, cmd->pool);
    if (wrong)
        return apr_psprintf(cmd->pool, "%s %s", cmd->cmd->name, wrong);
    finq_config_of(cmd->server)->limits[limit] = rate;
    return NULL;
}

const char *finq_limits_set_rate(cmd_parms *cmd, void *dummy, int count, char *const words[])
{
    finq_bucket_rate *rates = finq_config_of(cmd->server)->limits;
    (void)dummy;
    if (count == 1 && strcasecmp(words[0], "off") == 0) {
        rates[FINQ_LIMIT_ADDRESS] = rates[FINQ_LIMIT_TENANT] = FINQ_LIMIT_OFF;
        return NULL;
    }
    if (count > 0 && strcasecmp(words[0], "address") == 0)
        return limit_set(cmd, FINQ_LIMIT_ADDRESS, count - 1, words + 1);
    if (count > 0 && strcasecmp(words[0], "tenant") == 0)
        return limit_set(cmd, FINQ_LIMIT_TENANT, count - 1, words + 1);
    return "FinqRateLimit begins with address or tenant, such as: FinqRateLimit address 100/s burst 200; or says off";
}

const char *finq_limits_set_failures(cmd_parms *cmd, void *dummy, int count, char *const words[])
{
    (void)dummy;
    return limit_set(cmd, FINQ_LIMIT_FAILURE, count, words);
}
