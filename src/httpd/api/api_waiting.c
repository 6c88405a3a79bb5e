#include "httpd/api.h"

#include "httpd/intake.h"
#include "httpd/longpoll.h"
#include "httpd/mpm.h"
#include "httpd/permits.h"
#include "httpd/observe.h"
#include "flow/waiting.h"
#include "ground/clock.h"
#include "ground/text.h"

/* Longest wait for a change that a client may ask for. No connection to the database is held meanwhile. */
#define WAIT_MAX 25
/* How often a thread that waits looks. */
#define LOOK_EVERY (APR_USEC_PER_SEC / 2)

static void answer_put(finq_json_writer *reply, finq_request *request, const finq_waiting_answer *answer)
{
    finq_observe_tell(request, "status", finq_status_name(answer->status));
    finq_json_put(reply, "status", finq_status_name(answer->status));
    finq_api_put_id(reply, request, "session_id", &answer->session_id);
    finq_json_put(reply, "skill", answer->published->skill->name);
    finq_json_put(reply, "tenant_user_id", answer->tenant_user_id);
    if (answer->step) {
        finq_json_put(reply, "step", answer->step->name);
        finq_api_put_id(reply, request, "step_id", &answer->step_id);
        finq_api_put_uploads(reply, answer->step, answer->uploaded);
    }
    if (answer->expires_at)
        finq_api_put_time(reply, "expires_at", answer->expires_at, request->r->pool);
    finq_json_put(reply, "nonce", answer->nonce);
    finq_json_put(reply, "next_step", answer->next_step);
    finq_json_put(reply, "temp_token", answer->temp_token);
    finq_json_put_text(reply, "data", answer->data);
    finq_json_put_value(reply, "reasons", answer->reasons);
}

static finq_error *status_look(finq_waiting_answer *answer, finq_request *request, apr_pool_t *pool)
{
    finq_request_database(request, request->r->pool);
    return finq_waiting_status(answer, &request->service, request->pass, pool);
}

/* ---- waiting in the request's own thread, where httpd cannot do without (HTTP/2, other MPMs than event) ---- */

/* So many of a child's threads, whichever the host, and the others are answered at once. */
static apr_uint32_t threads_waiting;

static finq_error *status_await(finq_waiting_answer *answer, finq_request *request, apr_interval_time_t wait)
{
    apr_time_t until = finq_clock_steady() + wait;
    finq_error *error = NULL;
    apr_pool_t *look;
    apr_uint32_t *gauge = &request->config->runtime->meter.gauges->waiting;
    if (!finq_permits_take(&threads_waiting, finq_mpm_half_of_threads(), gauge))
        return NULL;
    apr_pool_create(&look, request->r->pool);
    while (!error && answer->waits && finq_clock_steady() + LOOK_EVERY < until && !finq_mpm_is_stopping()) {
        apr_sleep(LOOK_EVERY);
        apr_pool_clear(look); /* an answer of the loop goes with `look`: the one that is given is read again below */
        error = status_look(answer, request, look);
    }
    finq_permits_release(&threads_waiting, gauge);
    return error ? error : status_look(answer, request, request->r->pool);
}

/* ---- status ---- */

/* Answers a request whose answer was held back. */
static finq_error *status_continue(finq_request *request, finq_json_writer *reply)
{
    finq_waiting_answer answer;
    FINQ_TRY(status_look(&answer, request, request->r->pool));
    answer_put(reply, request, &answer);
    return NULL;
}

static finq_error *status_tell(finq_request *request, apr_interval_time_t wait, finq_json_writer *reply)
{
    finq_waiting_answer answer;
    FINQ_TRY(status_look(&answer, request, request->r->pool));
    if (wait > 0 && answer.waits && finq_longpoll_suits(request)) {
        request->continuation = finq_longpoll_hold(request, wait) ? status_continue : NULL;
        if (request->continuation)
            return NULL;
    } else if (wait > 0 && answer.waits)
        FINQ_TRY(status_await(&answer, request, wait));
    answer_put(reply, request, &answer);
    return NULL;
}

static finq_error *wait_read(apr_interval_time_t *wait, const json_t *body, apr_pool_t *pool)
{
    const json_t *seconds = json_object_get(body, "wait");
    json_int_t number = seconds ? json_integer_value(seconds) : 0;
    if (number < 0 || number > WAIT_MAX)
        return finq_error_make(pool, FINQ_E_INVALID_FIELD, "wait must be from 0 to %d seconds.", WAIT_MAX);
    *wait = apr_time_from_sec(number);
    return NULL;
}

finq_error *finq_api_session_status(finq_request *request, finq_json_writer *reply)
{
    static const finq_json_member members[] = {
        {"client_id", FINQ_JSON_STRING, 1}, {"nonce", FINQ_JSON_STRING, 1}, {"wait", FINQ_JSON_INTEGER, 0}, {NULL, 0, 0}};
    apr_pool_t *pool = request->r->pool;
    apr_interval_time_t wait;
    finq_session_pass *pass = apr_pcalloc(pool, sizeof *pass);
    finq_id client_id;
    json_t *body;
    FINQ_TRY(finq_intake_read(&body, &client_id, request, members));
    FINQ_TRY(finq_intake_nonce(pass, request, &client_id, finq_json_string(body, "nonce"), FINQ_SESSION_ANY_AGE));
    FINQ_TRY(wait_read(&wait, body, pool));
    FINQ_TRY(finq_session_pass_check(pass, &request->service, request->path_id, pool));
    request->pass = pass;
    return status_tell(request, wait, reply);
}

finq_error *finq_api_session_resume(finq_request *request, finq_json_writer *reply)
{
    static const finq_json_member members[] = {
        {"client_id", FINQ_JSON_STRING, 1}, {"client_secret", FINQ_JSON_STRING, 1}, {NULL, 0, 0}};
    apr_pool_t *pool = request->r->pool;
    finq_waiting_resumption resumption;
    finq_waiting_answer answer;
    json_t *body;
    FINQ_TRY(finq_intake_read(&body, &resumption.client_id, request, members));
    resumption.client_secret = finq_json_string(body, "client_secret");
    resumption.session_id = request->path_id;
    FINQ_TRY(finq_intake_key(request, finq_waiting_resume(&answer, &request->service, &resumption, pool)));
    answer_put(reply, request, &answer);
    return NULL;
}

/* ---- back and away ---- */

static finq_error *nonce_read(finq_session_pass *pass, finq_request *request, const finq_id *client_id, const json_t *body,
                              int grace)
{
    FINQ_TRY(finq_intake_nonce(pass, request, client_id, finq_json_string(body, "nonce"), grace));
    return finq_session_pass_check(pass, &request->service, request->path_id, request->r->pool);
}

finq_error *finq_api_session_back(finq_request *request, finq_json_writer *reply)
{
    static const finq_json_member members[] = {{"client_id", FINQ_JSON_STRING, 1}, {"nonce", FINQ_JSON_STRING, 1}, {NULL, 0, 0}};
    finq_waiting_answer answer;
    finq_session_pass pass;
    finq_id client_id;
    json_t *body;
    FINQ_TRY(finq_intake_read(&body, &client_id, request, members));
    FINQ_TRY(nonce_read(&pass, request, &client_id, body, 0));
    FINQ_TRY(finq_waiting_back(&answer, &request->service, &pass, request->r->pool));
    answer_put(reply, request, &answer);
    return NULL;
}

/* One of the two shows who asks. */
static finq_error *canceller_read(finq_waiting_cancellation *cancellation, finq_session_pass *pass, finq_request *request,
                                  const json_t *body)
{
    apr_pool_t *pool = request->r->pool;
    const char *nonce = finq_json_string(body, "nonce");
    *cancellation = (finq_waiting_cancellation){.client_id = cancellation->client_id,
                                                .session_id = request->path_id,
                                                .client_secret = finq_json_string(body, "client_secret"),
                                                .pass = pass};
    if (!nonce && !cancellation->client_secret)
        return finq_error_missing(finq_text_array((const char *const[]){"nonce", "client_secret", NULL}, pool), pool);
    if (nonce && cancellation->client_secret)
        return finq_error_make(pool, FINQ_E_INVALID_FIELD, "Either nonce or client_secret is to be sent, not both.");
    return nonce ? nonce_read(pass, request, &cancellation->client_id, body, FINQ_SESSION_ANY_AGE) : NULL;
}

finq_error *finq_api_session_cancel(finq_request *request, finq_json_writer *reply)
{
    static const finq_json_member members[] = {
        {"client_id", FINQ_JSON_STRING, 1}, {"nonce", FINQ_JSON_STRING, 0}, {"client_secret", FINQ_JSON_STRING, 0}, {NULL, 0, 0}};
    finq_waiting_cancellation cancellation;
    finq_waiting_answer answer;
    finq_session_pass pass;
    json_t *body;
    FINQ_TRY(finq_intake_read(&body, &cancellation.client_id, request, members));
    FINQ_TRY(canceller_read(&cancellation, &pass, request, body));
    finq_error *error = finq_waiting_cancel(&answer, &request->service, &cancellation, request->r->pool);
    FINQ_TRY(cancellation.client_secret ? finq_intake_key(request, error) : error);
    answer_put(reply, request, &answer);
    return NULL;
}
