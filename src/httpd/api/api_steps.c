#include "httpd/api.h"

#include <string.h>

#include "httpd/intake.h"
#include "crypto/digest.h"
#include "httpd/observe.h"
#include "flow/step.h"

/* By which a request that comes again is known: clients of some languages write members in another order each time. */
static const unsigned char *meaning_hash(const json_t *body, finq_request *request)
{
    unsigned char *hash = apr_palloc(request->r->pool, FINQ_DIGEST_SHA256);
    const char *meaning = finq_json_meaning(body, request->numbers, request->r->pool);
    finq_digest_sha256(hash, meaning, strlen(meaning));
    return hash;
}

static finq_error *submission_read(finq_step_submission *submission, finq_session_pass *pass, finq_request *request)
{
    static const finq_json_member members[] = {
        {"client_id", FINQ_JSON_STRING, 1},
        {"nonce", FINQ_JSON_STRING, 1},
        {"skill", FINQ_JSON_STRING, 1},
        {"step", FINQ_JSON_STRING, 1},
        {"data", FINQ_JSON_OBJECT, 1},
        {"client_app_key", FINQ_JSON_STRING, 0},
        {NULL, 0, 0},
    };
    apr_pool_t *pool = request->r->pool;
    finq_id client_id;
    json_t *body;
    FINQ_TRY(finq_intake_read(&body, &client_id, request, members));
    FINQ_TRY(finq_intake_nonce(pass, request, &client_id, finq_json_string(body, "nonce"), 0));
    FINQ_TRY(finq_session_pass_check(pass, &request->service, request->path_id, pool));
    const char *app_key = finq_json_string(body, "client_app_key"); /* older pages send it along */
    if (app_key)
        FINQ_TRY(finq_directory_know_key(request->service.directory, request->service.db, &client_id, app_key, pool));
    *submission = (finq_step_submission){
        .pass = pass,
        .skill = finq_json_string(body, "skill"),
        .step = finq_json_string(body, "step"),
        .data = json_object_get(body, "data"),
        .numbers = request->numbers,
        .body_hash = meaning_hash(body, request),
    };
    return NULL;
}

static finq_progress progress_of(finq_status status)
{
    static const finq_progress progress[FINQ_STATUS_COUNT] = {
        [FINQ_STATUS_IN_PROGRESS] = FINQ_PROGRESS_IN_PROGRESS,
        [FINQ_STATUS_PENDING] = FINQ_PROGRESS_PENDING,
        [FINQ_STATUS_COMPLETED] = FINQ_PROGRESS_COMPLETED,
        [FINQ_STATUS_FAILED] = FINQ_PROGRESS_FAILED,
    };
    return progress[status];
}

finq_error *finq_api_step_submit(finq_request *request, finq_json_writer *reply)
{
    apr_pool_t *pool = request->r->pool;
    finq_step_submission submission;
    finq_session_pass pass;
    finq_step_answer answer;
    FINQ_TRY(submission_read(&submission, &pass, request));
    FINQ_TRY(finq_step_submit(&answer, &request->service, &submission, pool));
    finq_observe_session(request, pass.published, progress_of(answer.status));
    finq_api_put_id(reply, request, "step_id", &answer.step_id);
    finq_json_put(reply, "nonce", answer.nonce);
    finq_json_put(reply, "temp_token", answer.temp_token);
    finq_json_put(reply, "status", finq_status_name(answer.status));
    finq_json_put_text(reply, "data", answer.data ? answer.data : "{}");
    finq_api_put_time(reply, "expires_at", answer.expires_at, pool);
    finq_json_put(reply, "next_step", answer.next_step);
    finq_json_put_value(reply, "reasons", answer.reasons);
    finq_api_put_uploads(reply, pass.step, NULL);
    return NULL;
}
