#include "flow/status.h"

#include <string.h>

#define TO(status) (1u << FINQ_STATUS_##status)

static const struct {
    const char *name;
    finq_onward onward;
    unsigned followers;
} statuses[FINQ_STATUS_COUNT] = {
#define X(enumerator, name, onward, followers) {name, FINQ_ONWARD_##onward, followers},
    FINQ_STATUSES(X)
#undef X
};

static const struct {
    const char *name, *word;
} decisions[FINQ_DECISION_COUNT] = {
#define X(enumerator, name, word) {name, word},
    FINQ_DECISIONS(X)
#undef X
};

const char *finq_status_name(finq_status status)
{
    return statuses[status].name;
}

finq_error *finq_status_read(finq_status *status, const char *name, apr_pool_t *pool)
{
    for (int i = 0; i < FINQ_STATUS_COUNT; i++) {
        if (strcmp(statuses[i].name, name) == 0) {
            *status = (finq_status)i;
            return NULL;
        }
    }
    return finq_error_internal(pool, FINQ_E_INTERNAL_SERVER_ERROR, "database: unknown status \"%s\"", name);
}

int finq_status_is_final(finq_status status)
{
    return statuses[status].followers == 0;
}

const char *finq_waits_name(finq_waits waits)
{
    static const char *const names[] = {NULL, "BANK", "DECISION"};
    return names[waits];
}

finq_status finq_status_after(finq_waits waits, int next)
{
    if (waits == FINQ_WAITS_FOR_DECISION)
        return FINQ_STATUS_PENDING;
    return waits == FINQ_WAITS_FOR_BANK || next > 0 ? FINQ_STATUS_IN_PROGRESS : FINQ_STATUS_COMPLETED;
}

finq_onward finq_status_onward(finq_status status, int waits)
{
    return waits ? FINQ_ONWARD_NOTHING : statuses[status].onward;
}

const char *finq_decision_name(finq_decision decision)
{
    return decisions[decision].name;
}

finq_decision finq_decision_of(const char *word)
{
    int i = 0;
    while (!decisions[i].word || strcmp(decisions[i].word, word) != 0)
        i++;
    return (finq_decision)i;
}
