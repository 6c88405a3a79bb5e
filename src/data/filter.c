#include "data/transaction.h"

#include <apr_strings.h>
#include <string.h>

#include "bank/data.h"
#include "ground/clock.h"

/* Of an amount that is a text; of one that is a number, its digits, and how far from the point they may be. */
#define AMOUNT_MOST 40
#define EXPONENT_MOST 60
#define TEXT_MOST 140
/* "2026-02-28T12:00:00" */
#define TIME_LENGTH 19

typedef int (*check)(const json_t *value, const finq_numbers *numbers, apr_pool_t *pool);

static int is_text(const json_t *value, const finq_numbers *numbers, apr_pool_t *pool)
{
    (void)numbers;
    (void)pool;
    return json_string_length(value) > 0 && json_string_length(value) <= TEXT_MOST;
}

static int is_id(const json_t *value, const finq_numbers *numbers, apr_pool_t *pool)
{
    finq_id id;
    (void)numbers;
    (void)pool;
    return json_is_string(value) && finq_id_parse(&id, json_string_value(value));
}

static int is_one_of(const json_t *value, const char *one, const char *other)
{
    const char *text = json_string_value(value);
    return text && (strcmp(text, one) == 0 || strcmp(text, other) == 0);
}

static int is_status(const json_t *value, const finq_numbers *numbers, apr_pool_t *pool)
{
    (void)numbers;
    (void)pool;
    return is_one_of(value, "booked", "pending");
}

static int is_direction(const json_t *value, const finq_numbers *numbers, apr_pool_t *pool)
{
    (void)numbers;
    (void)pool;
    return is_one_of(value, "credit", "debit");
}

static int is_amount(const json_t *value, const finq_numbers *numbers, apr_pool_t *pool)
{
    const char *text = json_string_value(value);
    (void)pool;
    if (text)
        return finq_bank_is_decimal(text + (*text == '-'), AMOUNT_MOST, AMOUNT_MOST);
    if (!json_is_number(value))
        return 0;
    finq_number number = finq_number_read(value, numbers);
    return number.count <= AMOUNT_MOST && number.exponent >= -EXPONENT_MOST && number.exponent <= EXPONENT_MOST;
}

/* With a fraction of a second or without. */
static int is_time(const json_t *value, const finq_numbers *numbers, apr_pool_t *pool)
{
    const char *text = json_string_value(value);
    apr_int64_t seconds;
    (void)numbers;
    if (!text || strlen(text) <= TIME_LENGTH || strncmp(text, "0000", 4) == 0) /* PostgreSQL's years begin with 1 */
        return 0;
    const char *behind = text + TIME_LENGTH;
    apr_size_t digits = *behind == '.' ? strspn(behind + 1, "0123456789") : 0;
    const char *end = behind + (digits ? digits + 1 : 0);
    return digits <= 6 && strcmp(end, "Z") == 0 &&
           finq_clock_read(&seconds, apr_pstrcat(pool, apr_pstrmemdup(pool, text, TIME_LENGTH), "Z", NULL));
}

static const struct {
    const char *name;
    check fits;
    const char *what;
} known[] = {
    {"account_id", is_id, "a UUID"},
    {"currency", is_text, "a text"},
    {"status", is_status, "booked or pending"},
    {"credit_debit_indicator", is_direction, "credit or debit"},
    {"category", is_text, "a text"},
#define AMOUNT \
    "a decimal of at most " APR_STRINGIFY(AMOUNT_MOST) " digits before its point and behind: a text such as \"4.27\", or a number"
    {"eq", is_amount, AMOUNT},
    {"gt", is_amount, AMOUNT},
    {"gte", is_amount, AMOUNT},
    {"lt", is_amount, AMOUNT},
    {"lte", is_amount, AMOUNT},
#define TIME "a time such as 2026-02-28T12:00:00Z"
    {"booking_date_eq", is_time, TIME},
    {"booking_date_gt", is_time, TIME},
    {"booking_date_gte", is_time, TIME},
    {"booking_date_lt", is_time, TIME},
    {"booking_date_lte", is_time, TIME},
    {"timestamp_eq", is_time, TIME},
    {"timestamp_gt", is_time, TIME},
    {"timestamp_gte", is_time, TIME},
    {"timestamp_lt", is_time, TIME},
    {"timestamp_lte", is_time, TIME},
};
#define KNOWN (sizeof known / sizeof *known)

finq_error *finq_transaction_filter(const char **filter, json_t *object, const finq_numbers *numbers, apr_pool_t *pool)
{
    finq_json_member members[KNOWN + 1] = {{NULL, FINQ_JSON_ANY, 0}};
    for (size_t i = 0; i < KNOWN; i++)
        members[i] = (finq_json_member){known[i].name, FINQ_JSON_ANY, 0};
    FINQ_TRY(finq_json_members(object, members, pool));
    for (size_t i = 0; i < KNOWN; i++) {
        const json_t *value = json_object_get(object, known[i].name);
        if (value && !known[i].fits(value, numbers, pool))
            return finq_error_make(pool, FINQ_E_INVALID_FIELD, "filter.%s must be %s.", known[i].name, known[i].what);
    }
    *filter = finq_json_meaning(object, numbers, pool);
    return NULL;
}
