#include "httpd/api.h"

/* conf/openapi.yaml as JSON, put into the module when it was built. */
extern const char finq_openapi_json[];

finq_error *finq_api_describe(finq_request *request, finq_json_writer *reply)
{
    (void)reply;
    request->answer_text = finq_openapi_json;
    request->cache_control = "public, max-age=300"; /* an upgrade of the module shows soon */
    return NULL;
}
