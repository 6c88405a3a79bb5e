#include "bank/data.h"

#include <apr_strings.h>
#include <string.h>

#include "bank/connector.h"
#include "ground/clock.h"

/* Of amounts: before the point, and behind it. */
#define WHOLE_MOST 18
#define FRACTION_MOST 5
#define REFERENCE_MOST 128
#define TEXT_MOST 1024
#define NAME_MOST 140
#define SCHEMES_MOST 8
#define FREQUENCY_MOST 1000
#define DAYS_MOST 36500

const finq_bank_declared finq_bank_undeclared = {.reference_is_stable = 0, .frequency = 4};

/* One row on its way: the first fault is the one that is told. */
typedef struct {
    const json_t *row;
    const char *fault;
    apr_pool_t *pool;
} reading;

static void refuse(reading *of, const char *name, const char *what)
{
    if (!of->fault)
        of->fault = apr_pstrcat(of->pool, name, " ", what, NULL);
}

/* ---- members ---- */

static int has_control(const char *text)
{
    for (; *text; text++) {
        if ((unsigned char)*text < ' ' || *text == 0x7f)
            return 1;
    }
    return 0;
}

/* A text of that many bytes; `instead` where it is absent or null, unless that is NULL and it must be there. */
static const char *text_of(reading *of, const char *name, apr_size_t least, apr_size_t most, const char *instead)
{
    const json_t *value = json_object_get(of->row, name);
    if ((!value || json_is_null(value)) && instead)
        return instead;
    const char *text = json_string_value(value);
    if (!text || strlen(text) < least || strlen(text) > most || has_control(text)) {
        refuse(of, name, "is not a text of the right length without control characters");
        return "";
    }
    return text;
}

static const char *optional(reading *of, const char *name, apr_size_t most)
{
    const char *text = text_of(of, name, 1, most, "");
    return *text ? text : NULL;
}

static const char *decimal_of(reading *of, const char *name, int is_optional, int may_be_negative)
{
    const char *text = is_optional ? optional(of, name, TEXT_MOST) : text_of(of, name, 1, TEXT_MOST, NULL);
    if (text && *text && !finq_bank_is_decimal(text + (may_be_negative && *text == '-'), WHOLE_MOST, FRACTION_MOST))
        refuse(of, name, "is not a decimal such as 12.50");
    return text;
}

static const char *currency_of(reading *of)
{
    const char *text = text_of(of, "currency", 1, 3, NULL);
    if (!finq_bank_is_currency(text))
        refuse(of, "currency", "is none of ISO 4217");
    return text;
}

static int is_credit_of(reading *of)
{
    const char *text = text_of(of, "credit_debit_indicator", 1, 6, NULL);
    if (strcmp(text, "credit") != 0 && strcmp(text, "debit") != 0)
        refuse(of, "credit_debit_indicator", "is neither credit nor debit");
    return strcmp(text, "credit") == 0;
}

/* 0 where it is absent or null. */
static apr_int64_t time_of(reading *of, const char *name)
{
    apr_int64_t seconds = 0;
    const char *text = optional(of, name, TEXT_MOST);
    if (text && !finq_clock_read(&seconds, text))
        refuse(of, name, "is not a time such as 2026-02-28T12:00:00Z");
    return seconds;
}

static const char *date_of(reading *of, const char *name)
{
    apr_int64_t seconds;
    const char *text = optional(of, name, TEXT_MOST);
    if (text && !finq_clock_read(&seconds, apr_pstrcat(of->pool, text, "T00:00:00Z", NULL)))
        refuse(of, name, "is not a date such as 2026-02-28");
    return text;
}

static int flag_of(reading *of, const char *name)
{
    const json_t *value = json_object_get(of->row, name);
    if (value && !json_is_boolean(value))
        refuse(of, name, "is not true or false");
    return json_is_true(value);
}

static int number_of(reading *of, const char *name, int least, int most, int instead)
{
    const json_t *value = json_object_get(of->row, name);
    json_int_t number = json_integer_value(value);
    if (!value)
        return instead;
    if (!json_is_integer(value) || number < least || number > most) {
        refuse(of, name, "is not a number that can be");
        return instead;
    }
    return (int)number;
}

/* `members` ends with NULL. */
static void known_only(reading *of, const char *const *members)
{
    const char *name;
    const json_t *value;
    json_object_foreach((json_t *)of->row, name, value)
    {
        const char *const *known = members;
        while (*known && strcmp(*known, name) != 0)
            known++;
        if (!*known)
            refuse(of, "a member", "that is unknown is there");
    }
}

/* ---- rows ---- */

static void scheme_read(reading *of, finq_bank_account *account, const json_t *scheme)
{
    static const char *const members[] = {"identification", "scheme_name", NULL};
    reading one = {scheme, NULL, of->pool};
    known_only(&one, members);
    const char *name = text_of(&one, "scheme_name", 1, NAME_MOST, NULL);
    const char *identification = text_of(&one, "identification", 1, NAME_MOST, NULL);
    if (one.fault)
        refuse(of, "account_schemes:", one.fault);
    if (strcmp(name, "IBAN") == 0)
        account->iban = identification;
    if (account->first)
        return;
    account->first_length = strlen(name) + 1 + strlen(identification);
    char *first = apr_palloc(of->pool, account->first_length + 1);
    memcpy(first, name, strlen(name) + 1);
    memcpy(first + strlen(name) + 1, identification, strlen(identification) + 1);
    account->first = first;
}

static void account_read(reading *of, void *row)
{
    static const char *const members[] = {
        "account", "account_schemes", "account_type", "account_sub_type", "currency", "name", "nickname", "product", NULL};
    finq_bank_account *account = row;
    const json_t *scheme;
    size_t i;
    known_only(of, members);
    account->reference = text_of(of, "account", 1, REFERENCE_MOST, NULL);
    account->type = text_of(of, "account_type", 0, NAME_MOST, "");
    account->sub_type = text_of(of, "account_sub_type", 0, NAME_MOST, "");
    account->currency = currency_of(of);
    account->name = text_of(of, "name", 0, NAME_MOST, "");
    account->nickname = text_of(of, "nickname", 0, NAME_MOST, "");
    account->product = text_of(of, "product", 0, NAME_MOST, "");
    account->schemes = json_object_get(of->row, "account_schemes");
    if (json_array_size(account->schemes) == 0 || json_array_size(account->schemes) > SCHEMES_MOST)
        refuse(of, "account_schemes", "is not an array of 1 to 8 objects");
    json_array_foreach((json_t *)account->schemes, i, scheme) scheme_read(of, account, scheme);
}

static void balance_read(reading *of, void *row)
{
    static const char *const members[] = {
        "account",     "type",        "amount",           "currency", "credit_debit_indicator", "credit_limit_included",
        "credit_line", "native_date", "native_timestamp", NULL};
    finq_bank_balance *balance = row;
    known_only(of, members);
    balance->account = text_of(of, "account", 1, REFERENCE_MOST, NULL);
    balance->type = text_of(of, "type", 1, NAME_MOST, NULL);
    if (!finq_bank_is_balance_type(balance->type))
        refuse(of, "type", "is no type of balance");
    balance->amount = decimal_of(of, "amount", 0, 0);
    balance->currency = currency_of(of);
    balance->is_credit = is_credit_of(of);
    balance->credit_limit_included = flag_of(of, "credit_limit_included");
    balance->credit_line = decimal_of(of, "credit_line", 1, 0);
    balance->native_date = date_of(of, "native_date");
    balance->native_timestamp = time_of(of, "native_timestamp");
}

static void transaction_read(reading *of, void *row)
{
    static const char *const members[] = {
        "account", "reference", "status",       "booking_date_time", "amount", "currency", "credit_debit_indicator",
        "balance", "info",      "counterparty", "category",          NULL};
    finq_bank_transaction *transaction = row;
    known_only(of, members);
    const char *status = text_of(of, "status", 1, NAME_MOST, NULL);
    transaction->account = text_of(of, "account", 1, REFERENCE_MOST, NULL);
    transaction->reference = text_of(of, "reference", 0, REFERENCE_MOST, "");
    transaction->booked_at = time_of(of, "booking_date_time");
    transaction->amount = decimal_of(of, "amount", 0, 0);
    transaction->currency = currency_of(of);
    transaction->is_credit = is_credit_of(of);
    transaction->balance = decimal_of(of, "balance", 1, 1);
    transaction->info = text_of(of, "info", 0, TEXT_MOST, "");
    transaction->counterparty = text_of(of, "counterparty", 0, NAME_MOST, "");
    transaction->category = optional(of, "category", NAME_MOST);
    if (strcmp(status, "booked") != 0 && strcmp(status, "pending") != 0)
        refuse(of, "status", "is neither booked nor pending");
    if ((strcmp(status, "booked") == 0) != (transaction->booked_at > 0))
        refuse(of, "booking_date_time", "is of what is booked, and of nothing else");
}

/* ---- pages ---- */

static const struct {
    apr_size_t size;
    void (*read)(reading *of, void *row);
} rows[FINQ_BANK_KINDS] = {
    {sizeof(finq_bank_account), account_read},
    {sizeof(finq_bank_balance), balance_read},
    {sizeof(finq_bank_transaction), transaction_read},
};

static finq_error *rows_read(finq_bank_page *page, finq_bank_kind kind, const json_t *list, apr_pool_t *pool)
{
    size_t i;
    const json_t *row;
    if (!json_is_array(list) || json_array_size(list) > FINQ_BANK_DATA_ROWS)
        return finq_connector_unusable(
            pool, apr_psprintf(pool, "%s is not an array of at most %d objects", finq_bank_kind_name(kind), FINQ_BANK_DATA_ROWS));
    page->rows = apr_array_make(pool, (int)json_array_size(list), (int)rows[kind].size);
    json_array_foreach((json_t *)list, i, row)
    {
        reading of = {row, json_is_object(row) ? NULL : "it is no object", pool};
        rows[kind].read(&of, memset(apr_array_push(page->rows), 0, rows[kind].size));
        if (of.fault)
            return finq_connector_unusable(
                pool, apr_psprintf(pool, "%s, number %" APR_SIZE_T_FMT ": %s", finq_bank_kind_name(kind), i + 1, of.fault));
    }
    return NULL;
}

static void declared_read(reading *of, finq_bank_declared *declared)
{
    static const char *const members[] = {"reference_is_stable", "frequency", "max_history_days", "history_after_sca_seconds",
                                          NULL};
    known_only(of, members);
    declared->reference_is_stable = flag_of(of, "reference_is_stable");
    declared->frequency = number_of(of, "frequency", 0, FREQUENCY_MOST, finq_bank_undeclared.frequency);
    declared->max_history_days = number_of(of, "max_history_days", 1, DAYS_MOST, 0);
    declared->history_after_sca_seconds = number_of(of, "history_after_sca_seconds", 0, DAYS_MOST, 0);
}

/* Beside the rows: `next`, and what is declared. */
static finq_error *page_read(finq_bank_page *page, finq_bank_kind kind, const json_t *json, apr_pool_t *pool)
{
    const char *const members[] = {finq_bank_kind_name(kind), "next", kind == FINQ_BANK_ACCOUNTS ? "declares" : NULL, NULL};
    reading of = {json, NULL, pool};
    known_only(&of, members);
    page->next = optional(&of, "next", FINQ_BANK_NEXT_MOST);
    const json_t *declares = kind == FINQ_BANK_ACCOUNTS ? json_object_get(json, "declares") : NULL;
    if (declares) {
        of.row = declares;
        declared_read(&of, &page->declared);
    }
    if (of.fault || (declares && !json_is_object(declares)))
        return finq_connector_unusable(pool, of.fault ? of.fault : "declares is not an object");
    return rows_read(page, kind, json_object_get(json, finq_bank_kind_name(kind)), pool);
}

finq_error *finq_bank_page_read(finq_bank_page *page, finq_bank_kind kind, const char *text, apr_size_t length, apr_pool_t *pool)
{
    json_t *json;
    *page = (finq_bank_page){.declared = finq_bank_undeclared};
    if (length > FINQ_BANK_DATA_MOST)
        return finq_connector_unusable(pool, "it is larger than 1 MiB");
    finq_error *error = finq_json_parse(&json, NULL, text, length, pool);
    if (error)
        return finq_connector_unusable(pool, finq_error_why(error));
    const char *withdrawn = finq_json_string(json, "error");
    page->is_withdrawn = withdrawn && json_object_size(json) == 1 && strcmp(withdrawn, "consent_withdrawn") == 0;
    if (kind == FINQ_BANK_REVOCATION && !page->is_withdrawn)
        return json_object_size(json) == 1 && json_is_true(json_object_get(json, "revoked"))
                   ? NULL
                   : finq_connector_unusable(pool, "it is not {\"revoked\": true}");
    page->rows = apr_array_make(pool, 0, sizeof(void *));
    return page->is_withdrawn ? NULL : page_read(page, kind, json, pool);
}
