#include "httpd/api.h"

#include "skills/catalog.h"
#include "httpd/intake.h"
#include "httpd/observe.h"

static finq_error *catalog_answer(finq_request *request, finq_catalog catalog, const finq_json_member *members)
{
    apr_pool_t *pool = request->r->pool;
    finq_catalog_claim claim;
    json_t *body;
    FINQ_TRY(finq_intake_read(&body, &claim.client_id, request, members));
    claim.skills = request->service.skills;
    claim.app_key = finq_json_string(body, "client_app_key");
    claim.skill = finq_json_string(body, "skill");
    claim.language = finq_json_string(body, "language");
    FINQ_TRY(finq_intake_key(request, finq_catalog_read(&request->answer_text, catalog, request->service.db, &claim, pool)));
    finq_observe_recognised(request, &claim.client_id, NULL, NULL);
    return NULL;
}

finq_error *finq_api_catalog_skills(finq_request *request, finq_json_writer *reply)
{
    static const finq_json_member members[] = {
        {"client_id", FINQ_JSON_STRING, 1},
        {"client_app_key", FINQ_JSON_STRING, 1},
        {"skill", FINQ_JSON_STRING, 0},
        {"language", FINQ_JSON_STRING, 0},
        {NULL, 0, 0},
    };
    (void)reply;
    return catalog_answer(request, FINQ_CATALOG_SKILLS, members);
}

finq_error *finq_api_catalog_servicers(finq_request *request, finq_json_writer *reply)
{
    static const finq_json_member members[] = {
        {"client_id", FINQ_JSON_STRING, 1},
        {"client_app_key", FINQ_JSON_STRING, 1},
        {NULL, 0, 0},
    };
    (void)reply;
    return catalog_answer(request, FINQ_CATALOG_SERVICERS, members);
}
