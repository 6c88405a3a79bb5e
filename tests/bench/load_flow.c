/* The modes: what is sent next, and what an answer changes. */
#include "load.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TOKEN_MAX 1024
/* What an onboarding consists of, and what else is asked. */
enum { START, STEP_1, STEP_2, EXCHANGE, STAGES, STATUS = STAGES, CONSENT };

/* What the next request of a session needs; behind the exchange, what it gave. */
typedef struct {
    char id[37], token[TOKEN_MAX];
} session;

static void result_print(const char *name, load_times *times, uint64_t took)
{
    double seconds = (double)took / 1e6;
    printf("{\"name\": \"%s\", \"requests\": %zu, \"seconds\": %.3f, \"rate\": %.1f, ", name, times->count, seconds,
           (double)times->count / seconds);
    load_times_print(times, "request");
}

/* ---- one request again and again ---- */

typedef struct {
    load_source source;
    char request[LOAD_REQUEST_MAX];
    size_t length;
} fixed_source;

static size_t fixed_next(load_source *source, int connection, char *request)
{
    fixed_source *self = (fixed_source *)source;
    (void)connection;
    memcpy(request, self->request, self->length);
    return self->length;
}

static void fixed_take(load_source *source, int connection, const char *body)
{
    (void)source;
    (void)connection;
    (void)body;
}

void load_fixed(const load_options *options)
{
    static fixed_source fixed = {.source = {fixed_next, fixed_take}};
    load_times times = {0};
    fixed.length =
        options->body ? load_post(fixed.request, options->path, options->body) : load_get(fixed.request, options->path);
    uint64_t took = load_run(&times, options, &fixed.source);
    result_print("fixed", &times, took);
    puts("}");
}

/* ---- the requests of an onboarding ---- */

static size_t stage_request(char *request, const load_options *o, int stage, const session *s)
{
    char path[256], body[LOAD_REQUEST_MAX / 2];
    snprintf(path, sizeof path, "%s%s", o->base, stage == START ? "/sessions" : stage == CONSENT ? "/consents/get" : "/token");
    if (stage == START)
        snprintf(body, sizeof body, "{\"client_id\":\"%s\",\"client_app_key\":\"%s\",\"skill\":\"%s\"}", o->client_id, o->app_key,
                 o->skill);
    else if (stage == EXCHANGE)
        snprintf(body, sizeof body, "{\"client_id\":\"%s\",\"client_secret\":\"%s\",\"temp_token\":\"%s\"}", o->client_id,
                 o->client_secret, s->token);
    else if (stage == STATUS) {
        snprintf(path, sizeof path, "%s/sessions/%s/status", o->base, s->id);
        snprintf(body, sizeof body, "{\"client_id\":\"%s\",\"nonce\":\"%s\"}", o->client_id, s->token);
    } else if (stage == CONSENT)
        snprintf(body, sizeof body,
                 "{\"client_id\":\"%s\",\"client_secret\":\"%s\",\"credentials_id\":\"%s\",\"access_token\":\"%s\"}",
                 o->client_id, o->client_secret, s->id, s->token);
    else {
        snprintf(path, sizeof path, "%s/sessions/%s/steps", o->base, s->id);
        snprintf(body, sizeof body, "{\"client_id\":\"%s\",\"nonce\":\"%s\",\"skill\":\"%s\",\"step\":\"%s\",\"data\":%s}",
                 o->client_id, s->token, o->skill, o->step[stage - STEP_1], o->data[stage - STEP_1]);
    }
    return load_post(request, path, body);
}

/* The value of a member that is a plain string, by looking for its name. */
static void member_copy(char *to, size_t room, const char *body, const char *name)
{
    const char *from = strstr(body, name);
    const char *end = from ? strchr(from + strlen(name), '"') : NULL;
    size_t length = end ? (size_t)(end - from) - strlen(name) : room;
    if (length >= room)
        load_die("no %s in the answer: %s", name, body);
    memcpy(to, from + strlen(name), length);
    to[length] = '\0';
}

static void stage_take(session *s, int stage, const char *body)
{
    if (stage == STATUS || stage == CONSENT)
        return;
    if (stage == START || stage == EXCHANGE)
        member_copy(s->id, sizeof s->id, body, stage == START ? "\"session_id\":\"" : "\"credentials_id\":\"");
    member_copy(s->token, sizeof s->token, body,
                stage == STEP_2     ? "\"temp_token\":\""
                : stage == EXCHANGE ? "\"access_token\":\""
                                    : "\"nonce\":\"");
}

/* ---- all sessions through one stage, then the next ---- */

typedef struct {
    load_source source;
    const load_options *options;
    session *sessions;
    int stage, next;
    int *of_connection;
} phases_source;

static size_t phases_next(load_source *source, int connection, char *request)
{
    phases_source *self = (phases_source *)source;
    if (self->next == self->options->count)
        return 0;
    self->of_connection[connection] = self->next;
    return stage_request(request, self->options, self->stage, &self->sessions[self->next++]);
}

static void phases_take(load_source *source, int connection, const char *body)
{
    phases_source *self = (phases_source *)source;
    stage_take(&self->sessions[self->of_connection[connection]], self->stage, body);
}

void load_phases(const load_options *options)
{
    static const struct {
        const char *name;
        int stage;
    } phase[] = {{"sessions", START}, {"step1", STEP_1},   {"status", STATUS},
                 {"step2", STEP_2},   {"token", EXCHANGE}, {"consent", CONSENT}};
    phases_source phases = {.source = {phases_next, phases_take}, .options = options};
    phases.sessions = calloc((size_t)options->count, sizeof *phases.sessions);
    phases.of_connection = calloc((size_t)options->connections, sizeof *phases.of_connection);
    if (!phases.sessions || !phases.of_connection)
        load_die("out of memory");
    for (size_t i = 0; i < sizeof phase / sizeof *phase; i++) {
        load_times times = {0};
        phases.stage = phase[i].stage;
        phases.next = 0;
        uint64_t took = load_run(&times, options, &phases.source);
        result_print(phase[i].name, &times, took);
        puts("}");
        fflush(stdout); /* who reads it looks at the clocks between phases */
        free(times.times);
    }
}

/* ---- whole onboardings ---- */

typedef struct {
    session session;
    int stage;
    uint64_t began;
} user;

typedef struct {
    load_source source;
    const load_options *options;
    user *users;
    load_times onboardings;
} onboard_source;

static size_t onboard_next(load_source *source, int connection, char *request)
{
    onboard_source *self = (onboard_source *)source;
    user *u = &self->users[connection];
    if (u->stage == START)
        u->began = load_now();
    return stage_request(request, self->options, u->stage, &u->session);
}

static void onboard_take(load_source *source, int connection, const char *body)
{
    onboard_source *self = (onboard_source *)source;
    user *u = &self->users[connection];
    stage_take(&u->session, u->stage, body);
    if (u->stage == EXCHANGE)
        load_times_add(&self->onboardings, load_now() - u->began);
    u->stage = (u->stage + 1) % STAGES;
}

void load_onboard(const load_options *options)
{
    onboard_source onboard = {.source = {onboard_next, onboard_take}, .options = options};
    load_times times = {0};
    onboard.users = calloc((size_t)options->connections, sizeof *onboard.users);
    if (!onboard.users)
        load_die("out of memory");
    uint64_t took = load_run(&times, options, &onboard.source);
    result_print("onboard", &times, took);
    printf(", \"onboardings\": %zu, \"onboardings_rate\": %.1f, ", onboard.onboardings.count,
           (double)times.count / STAGES / ((double)took / 1e6));
    load_times_print(&onboard.onboardings, "onboarding");
    puts("}");
}
