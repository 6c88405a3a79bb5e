/* What the words of a line may be: so that what is wrong is told in the command's own terms, before a database is asked. */
#include "ctl.h"

#include <apr_lib.h>
#include <apr_strings.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "ground/id.h"
#include "ground/text.h"
#include "order/phase.h"

#define ID "a UUID, such as 01890a5d-ac96-774b-bcce-b302099a8057"

typedef enum { FORM_ID, FORM_NUMBER, FORM_TEXT, FORM_WORD } form_kind;

/* `name` is a parameter's, or what --help calls the value of an option. */
typedef struct {
    const char *name;
    form_kind kind;
    apr_int64_t least, most;  /* of a number; of a text's bytes */
    const char *const *words; /* of a choice; ends with NULL */
} form;

static const char *const consent_statuses[] = {"active", "deleted", "expired", NULL};
static const char *const session_statuses[] = {"in_progress", "pending", "completed", "failed", "expired", NULL};
static const char *const event_types[] = {"session.pending", "session.resubmission_asked", "session.completed", "session.failed",
                                          "session.expired", "consent.expiring",           "consent.expired",   "consent.renewed",
                                          "consent.deleted", "transactions.updated",       "payment.updated",   NULL};
static const char *const phases[] = {
#define X(enumerator, name, rank, final) name,
    FINQ_PHASES(X)
#undef X
        "unknown",
    NULL};
static const char *const delivery_states[] = {"waiting", "delivered", "given_up", NULL};

/* The limits are the tables' and functions' own. */
static const form forms[] = {
    {"CLIENT_ID", FORM_ID, 0, 0, NULL},
    {"PAYMENT_ID", FORM_ID, 0, 0, NULL},
    {"SESSION_ID", FORM_ID, 0, 0, NULL},
    {"STEP_ID", FORM_ID, 0, 0, NULL},
    {"ID", FORM_ID, 0, 0, NULL},
    {"UPLOAD_ID", FORM_ID, 0, 0, NULL},
    {"CREDENTIALS_ID", FORM_ID, 0, 0, NULL},
    {"KEY_ID", FORM_NUMBER, 1, APR_INT64_MAX, NULL},
    {"EVENT_ID", FORM_NUMBER, 1, APR_INT64_MAX, NULL},
    {"--consent-duration", FORM_NUMBER, 1, 52560000, NULL},
    {"--cache-max-data-retention", FORM_NUMBER, 0, 52560000, NULL},
    {"--overlap", FORM_NUMBER, 0, 525600, NULL},
    {"--limit", FORM_NUMBER, 1, 100000, NULL},
    {"--session-retention", FORM_NUMBER, 0, APR_INT32_MAX, NULL},
    {"--event-retention", FORM_NUMBER, 0, APR_INT32_MAX, NULL},
    {"--audit-retention", FORM_NUMBER, 0, APR_INT32_MAX, NULL},
    {"--issuer", FORM_TEXT, 1, 320, NULL},
    {"--message-id", FORM_TEXT, 1, 35, NULL},
    {"PREFIX", FORM_TEXT, 4, 2000, NULL},
    {"TENANT_USER_ID", FORM_TEXT, 1, 256, NULL},
    {"NAME", FORM_TEXT, 1, 200, NULL},
    {"STATUS", FORM_WORD, 0, 0, consent_statuses},
    {"SESSION_STATUS", FORM_WORD, 0, 0, session_statuses},
    {"PHASE", FORM_WORD, 0, 0, phases},
    {"STATE", FORM_WORD, 0, 0, delivery_states},
    {"EVENT_TYPE", FORM_WORD, 0, 0, event_types},
    {NULL, FORM_TEXT, 0, 0, NULL},
};

static const form *form_find(const ctl_parameter *parameter)
{
    const form *f = forms;
    while (f->name && strcmp(f->name, parameter->name) != 0)
        f++;
    if (f->name || !parameter->value)
        return f->name ? f : NULL;
    for (f = forms; f->name && strcmp(f->name, parameter->value) != 0;)
        f++;
    return f->name ? f : NULL;
}

/* Letters of UTF-8. */
static apr_int64_t letters_of(const char *text)
{
    apr_int64_t count = 0;
    for (; *text; text++)
        count += (*text & 0xC0) != 0x80;
    return count;
}

static int is_number(const form *f, const char *text)
{
    char *end;
    errno = 0;
    apr_int64_t number = apr_strtoi64(text, &end, 10);
    return !apr_isspace(*text) && end != text && !*end && errno == 0 && number >= f->least && number <= f->most;
}

static int is_word(const form *f, const char *text)
{
    for (const char *const *word = f->words; *word; word++) {
        if (strcasecmp(*word, text) == 0)
            return 1;
    }
    return 0;
}

static int is_of(const form *f, const char *text)
{
    finq_id id;
    switch (f->kind) {
    case FORM_ID:
        return finq_id_parse(&id, text);
    case FORM_NUMBER:
        return is_number(f, text);
    case FORM_TEXT:
        return letters_of(text) >= f->least && letters_of(text) <= f->most;
    case FORM_WORD:
        return is_word(f, text);
    }
    return 1;
}

/* "active, deleted or expired" */
static const char *words_list(const char *const *words, apr_pool_t *pool)
{
    apr_array_header_t *list = finq_text_array(words, pool);
    const char *last = *(const char **)apr_array_pop(list);
    return apr_pstrcat(pool, finq_text_join(list, pool), " or ", last, NULL);
}

static const char *form_text(const form *f, apr_pool_t *pool)
{
    switch (f->kind) {
    case FORM_ID:
        return ID;
    case FORM_NUMBER:
        if (f->most == APR_INT64_MAX)
            return "a number";
        return apr_psprintf(pool, "a number, %" APR_INT64_T_FMT " to %" APR_INT64_T_FMT, f->least, f->most);
    case FORM_TEXT:
        return apr_psprintf(pool, "%" APR_INT64_T_FMT " to %" APR_INT64_T_FMT " characters", f->least, f->most);
    case FORM_WORD:
        return words_list(f->words, pool);
    }
    return "";
}

ctl_exit ctl_value_check(const ctl_parameter *parameter, const char *value, apr_pool_t *pool)
{
    const form *f = form_find(parameter);
    if (!f || is_of(f, value))
        return CTL_OK;
    return ctl_fail(CTL_FAILED, "%s is %s, not \"%s\"", parameter->name, form_text(f, pool), finq_text_show(value, pool));
}
