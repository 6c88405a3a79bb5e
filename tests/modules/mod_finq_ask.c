/* For tests alone: lets a request ask a connector, and sends decisions back as they were read. Linked with
 * the module's own objects into build/modules/mod_finq.so, which stands in the place of mod_finq.so. */
#include <httpd.h>
#include <http_config.h>
#include <string.h>

#include "httpd/api.h"
#include "httpd/ask.h"
#include "httpd/body.h"
#include "httpd/connectors.h"
#include "httpd/reply.h"

extern module AP_MODULE_DECLARE_DATA finq_ask_module __attribute__((visibility("default")));

static json_t *texts(const apr_array_header_t *list)
{
    json_t *array = json_array();
    for (int i = 0; i < list->nelts; i++)
        json_array_append_new(array, json_string(APR_ARRAY_IDX(list, i, const char *)));
    return array;
}

static json_t *details(const apr_array_header_t *list)
{
    json_t *array = json_array();
    for (int i = 0; list && i < list->nelts; i++) {
        const finq_detail *detail = &APR_ARRAY_IDX(list, i, finq_detail);
        json_array_append_new(array, json_pack("{s:s, s:s}", "field", detail->field, "message", detail->message));
    }
    return array;
}

static void question_read(finq_connector_question *question, const json_t *body)
{
    *question = (finq_connector_question){
        .event = finq_json_string(body, "code") ? FINQ_CONNECTOR_RETURN : FINQ_CONNECTOR_SUBMIT,
        .skill = "xyz_aisp_sbx_#2.0",
        .step = "sca",
        .environment = "sandbox",
        .data = json_object_get(body, "data"),
        .documents = json_object_get(body, "documents"),
        .state = finq_json_string(body, "state"),
        .redirect_uri = finq_json_string(body, "redirect_uri"),
        .code = finq_json_string(body, "code"),
    };
    finq_id_parse(&question->attempt, finq_json_string(body, "attempt"));
}

static finq_error *ask(finq_request *request, finq_json_writer *reply)
{
    finq_connector_question question;
    finq_connector_answer answer;
    json_t *body;
    apr_size_t length;
    char *text;
    FINQ_TRY(finq_body_text(request, &text, &length));
    FINQ_TRY(finq_json_parse(&body, NULL, text, length, request->r->pool));
    question_read(&question, body);
    FINQ_TRY(finq_ask(&answer, request, finq_json_string(body, "connector"), &question));
    finq_json_put_integer(reply, "verdict", answer.verdict);
    finq_json_put_text(reply, "data", answer.data ? answer.data : "{}");
    finq_json_put_value(reply, "headers", answer.headers);
    finq_json_put(reply, "url", answer.url);
    finq_json_put_value(reply, "details", finq_json_own(details(answer.details), request->r->pool));
    finq_json_put_value(reply, "reasons", finq_json_own(texts(answer.reasons), request->r->pool));
    return NULL;
}

static finq_error *decide(finq_request *request, finq_json_writer *reply)
{
    finq_connector_decision decision;
    const char *name;
    FINQ_TRY(finq_connector_receive(&decision, &name, request));
    finq_json_put(reply, "connector", name);
    finq_api_put_id(reply, request, "step_id", &decision.step_id);
    finq_json_put(reply, "decision", decision.decision);
    finq_json_put_value(reply, "reasons", finq_json_own(texts(decision.reasons), request->r->pool));
    return NULL;
}

static int handler(request_rec *r)
{
    finq_endpoint endpoint = !r->handler                              ? NULL
                             : strcmp(r->handler, "test-ask") == 0    ? ask
                             : strcmp(r->handler, "test-decide") == 0 ? decide
                                                                      : NULL;
    if (!endpoint)
        return DECLINED;
    finq_request *request = finq_request_of(r);
    finq_json_writer *reply = finq_json_write(r->pool);
    finq_json_open(reply, NULL, '{');
    finq_error *error = endpoint(request, reply);
    finq_json_close(reply, '}');
    return error ? finq_reply_error(request, error) : finq_reply_json(request, finq_json_written(reply));
}

static void register_hooks(apr_pool_t *pool)
{
    (void)pool;
    ap_hook_handler(handler, NULL, NULL, APR_HOOK_MIDDLE);
}

AP_DECLARE_MODULE(finq_ask) = {STANDARD20_MODULE_STUFF, NULL, NULL, NULL, NULL, NULL, register_hooks, AP_MODULE_FLAG_NONE};
