#include "httpd/api.h"

/* conf/openapi.yaml as JSON: OPENAPI_JSON is the file that the build made of it. */
__asm__(".section .rodata\nfinq_openapi_json:\n.incbin \"" OPENAPI_JSON "\"\n.byte 0\n.previous\n");
extern const char finq_openapi_json[];

finq_error *finq_api_describe(finq_request *request, finq_json_writer *reply)
{
    (void)reply;
    request->answer_text = finq_openapi_json;
    request->cache_control = "public, max-age=300"; /* an upgrade of the module shows soon */
    return NULL;
}
