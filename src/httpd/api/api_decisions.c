#include "httpd/api.h"

#include "httpd/connectors.h"
#include "httpd/observe.h"
#include "flow/payment.h"
#include "flow/waiting.h"

static finq_error *decide(finq_request *request, finq_json_writer *reply, const finq_connector_decision *decision,
                          const char *connector)
{
    finq_status status;
    FINQ_TRY(finq_waiting_decide(&status, &request->service, decision, connector, request->r->pool));
    finq_api_put_id(reply, request, "step_id", &decision->step_id);
    finq_json_put(reply, "status", finq_status_name(status));
    return NULL;
}

static finq_error *notice(finq_request *request, finq_json_writer *reply, const finq_connector_decision *decision,
                          const char *connector)
{
    const char *phase;
    FINQ_TRY(finq_payment_notice(&phase, &request->service, decision, connector, request->r->pool));
    finq_api_put_id(reply, request, "step_id", &decision->step_id);
    finq_json_put(reply, "phase", phase);
    return NULL;
}

/* A connector's later word on a step that waits, or on a payment; it proves itself by the signature of its message. */
finq_error *finq_api_decision(finq_request *request, finq_json_writer *reply)
{
    finq_connector_decision decision;
    const char *connector;
    FINQ_TRY(finq_connector_receive(&decision, &connector, request));
    finq_observe_tell(request, "connector", connector);
    return decision.payment ? notice(request, reply, &decision, connector) : decide(request, reply, &decision, connector);
}
