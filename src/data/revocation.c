#include "data/revocation.h"

#include "db/calls.h"
#include "flow/feed.h"

/* How long after the first question the second comes. */
#define GAP_SECONDS 60

static finq_error *ask(const finq_service *service, const finq_revocation_due_out *due, apr_pool_t *pool)
{
    finq_connectors *connectors = service->connectors;
    const finq_published *published;
    finq_bank_page page;
    finq_bank_question question = {.ask = FINQ_BANK_REVOCATION, .attempt = *due->revocation_id};
    FINQ_TRY(finq_directory_skill(&published, service->directory, service->db, due->skill_id, pool));
    question.skill = published->skill->name;
    question.environment = published->skill->environment;
    FINQ_TRY(finq_feed_reference(&question.reference, service, due->reference, due->reference_key, due->client_id, pool));
    FINQ_TRY(connectors->enter(connectors, due->connector));
    finq_error *error = connectors->ask_data(connectors, &page, due->connector, &question, pool);
    connectors->leave(connectors, due->connector);
    return error;
}

finq_error *finq_revocation_next(int *was_due, const finq_service *service, const char *connectors, apr_pool_t *pool)
{
    finq_revocation_due_out due;
    finq_revocation_done_out done;
    finq_revocation_due_in in = {.connectors = connectors, .seconds = GAP_SECONDS};
    *was_due = 0;
    FINQ_TRY(finq_call_revocation_due(&due, service->db, &in, pool));
    if (!due.revocation_id)
        return NULL;
    *was_due = 1;
    FINQ_TRY(ask(service, &due, pool));
    finq_revocation_done_in done_in = {.revocation_id = due.revocation_id};
    return finq_call_revocation_done(&done, service->db, &done_in, pool);
}
