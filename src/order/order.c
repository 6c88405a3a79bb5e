#include "order/order.h"

#include <apr_hash.h>
#include <apr_strings.h>
#include <string.h>

#include "bank/data.h"
#include "ground/clock.h"
#include "ground/fault.h"
#include "json/json.h"

#define DAY 86400
/* How far ahead an order may be dated. */
#define DATED_MOST (366 * DAY)
/* Most minor units of a currency, one behind: 18 digits (ISO 20022, ActiveOrHistoricCurrencyAndAmount). */
#define SUM_BOUND 1000000000000000000

/* ---- the forms ---- */

#define FORM(symbol, file)                                                                                           \
    __asm__(".section .rodata\nfinq_order_form_" #symbol ":\n.incbin \"src/order/" file "\"\n.byte 0\n.previous\n"); \
    extern const char finq_order_form_##symbol[] __attribute__((visibility("hidden")));
FORM(order, "order.json")
FORM(payee, "payee.json")

finq_error *finq_order_form(const finq_form **form, const char *step, apr_pool_t *pool)
{
    int is_order = strcmp(step, FINQ_ORDER_STEP) == 0;
    json_t *schema;
    finq_form *made;
    *form = NULL;
    if (!is_order && strcmp(step, FINQ_ORDER_PAYEE_STEP) != 0)
        return NULL;
    FINQ_TRY(finq_json_stored(&schema, NULL, is_order ? finq_order_form_order : finq_order_form_payee, pool));
    FINQ_TRY(finq_form_compile(&made, schema, pool));
    *form = made;
    return NULL;
}

/* ---- reading ---- */

typedef struct {
    finq_order *order;
    finq_faults faults;
    apr_hash_t *references;           /* end_to_end_ids that were met */
    apr_hash_t *sums;                 /* currency -> apr_int64_t, of minor units */
    const finq_path *group, *payment; /* where the reader is */
    apr_int64_t now;
    int place; /* of the payment */
    apr_pool_t *pool;
} reading;

static json_t *below(const json_t *object, const char *name)
{
    return json_object_get(object, name);
}

__attribute__((format(printf, 4, 5))) static void note(reading *r, const finq_path *path, const char *keyword, const char *format,
                                                       ...)
{
    va_list args;
    va_start(args, format);
    finq_detail *noted = finq_fault_vnote(&r->faults, path, format, args);
    va_end(args);
    if (noted)
        noted->keyword = keyword;
}

/* Which of the texts have been met: notes one that comes again. */
static void reference_unique(reading *r, apr_hash_t *met, const finq_path *path, const char *text)
{
    if (apr_hash_get(met, text, APR_HASH_KEY_STRING))
        note(r, path, "unique", "stands in this order more than once");
    apr_hash_set(met, text, APR_HASH_KEY_STRING, text);
}

/* The amount in minor units, of at most 18 digits: it has 14 before the point and 4 behind. */
static apr_int64_t minor_units(const char *amount, int digits)
{
    const char *point = strchr(amount, '.');
    apr_int64_t units = apr_atoi64(amount);
    for (int i = 0; i < digits; i++) {
        int digit = point && point[1] ? *++point - '0' : 0;
        units = units * 10 + digit;
    }
    return units;
}

static void sum_add(reading *r, const finq_path *path, const char *currency, apr_int64_t units)
{
    apr_int64_t *sum = apr_hash_get(r->sums, currency, APR_HASH_KEY_STRING);
    if (!sum) {
        sum = apr_pcalloc(r->pool, sizeof *sum);
        apr_hash_set(r->sums, currency, APR_HASH_KEY_STRING, sum);
    }
    if (units >= SUM_BOUND - *sum)
        note(r, path, "maximum", "makes the sum in %s longer than 18 digits", currency);
    else
        *sum += units;
}

static void read_amount(reading *r, const json_t *transfer, const finq_path *up)
{
    const json_t *given = below(transfer, "instructed_amount");
    const finq_path path = {up, "instructed_amount", 0}, amount = {&path, "amount", 0}, currency = {&path, "currency", 0};
    const char *code = finq_json_string(given, "currency"), *text = finq_json_string(given, "amount");
    int digits = finq_bank_minor_digits(code);
    const char *point = strchr(text, '.');
    if (digits < 0)
        note(r, &currency, "currency", "must be a currency of ISO 4217");
    else if (point && (int)strlen(point + 1) > digits)
        note(r, &amount, "currency", "has more digits behind the point than %s has, which are %d", code, digits);
    else if (strspn(text, "0.") == strlen(text))
        note(r, &amount, "minimum", "must be more than nothing");
    else
        sum_add(r, &amount, code, minor_units(text, digits));
}

/* ISO 11649: letters count 10 to 35, and the first four characters come last. */
static int is_creditor_reference(const char *text)
{
    size_t length = strlen(text);
    unsigned remainder = 0;
    if (length < 5 || length > 25 || strspn(text, "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789") != length)
        return 0;
    for (size_t i = 0; i < length; i++) {
        char c = text[(i + 4) % length];
        remainder = c <= '9' ? (remainder * 10 + (unsigned)(c - '0')) % 97 : (remainder * 100 + (unsigned)(c - 'A') + 10) % 97;
    }
    return remainder == 1;
}

static void read_remittance(reading *r, const json_t *transfer, const finq_path *up)
{
    const finq_path path = {up, "remittance_information", 0}, at = {&path, "creditor_reference", 0};
    const char *reference = finq_json_string(below(transfer, "remittance_information"), "creditor_reference");
    if (reference && strncmp(reference, "RF", 2) == 0 && !is_creditor_reference(reference))
        note(r, &at, "format", "begins with RF, and is no reference of ISO 11649: its check digits do not fit");
}

static void read_transfer(reading *r, const json_t *transfer, const finq_path *path, int place)
{
    const finq_path reference = {path, "end_to_end_id", 0};
    finq_order_transfer *read = apr_array_push(r->order->transfers);
    *read = (finq_order_transfer){
        .payment = r->place,
        .place = place,
        .end_to_end_id = finq_json_string(transfer, "end_to_end_id"),
        .creditor_name = finq_json_string(below(transfer, "creditor"), "name"),
        .creditor_iban = finq_json_string(below(transfer, "creditor_account"), "iban"),
    };
    reference_unique(r, r->references, &reference, read->end_to_end_id);
    read_amount(r, transfer, path);
    read_remittance(r, transfer, path);
}

/* The form has seen to it that it is a date. */
static void read_date(reading *r, const json_t *payment, const finq_path *up)
{
    const finq_path path = {up, "requested_execution_date", 0};
    const char *date = finq_json_string(payment, "requested_execution_date");
    apr_int64_t at;
    if (!date)
        return;
    if (!finq_clock_read(&at, apr_pstrcat(r->pool, date, "T00:00:00Z", NULL)) || at + DAY < r->now - r->now % DAY)
        note(r, &path, "minimum", "lies in the past");
    else if (at > r->now + DATED_MOST)
        note(r, &path, "maximum", "is more than a year away");
    if (!r->order->execution_date || strcmp(date, r->order->execution_date) > 0)
        r->order->execution_date = date;
}

static void read_payment(reading *r, const json_t *payment, const finq_path *path, apr_hash_t *met)
{
    const finq_path reference = {path, "payment_information_id", 0}, transfers = {path, "credit_transfers", 0};
    const json_t *transfer;
    size_t i;
    const char *id = finq_json_string(payment, "payment_information_id");
    APR_ARRAY_PUSH(r->order->payments, const char *) = id;
    reference_unique(r, met, &reference, id);
    read_date(r, payment, path);
    json_array_foreach(below(payment, "credit_transfers"), i, transfer)
    {
        const finq_path item = {&transfers, NULL, i};
        read_transfer(r, transfer, &item, (int)i);
    }
}

static void read_count(reading *r, const json_t *header)
{
    static const finq_path group = {NULL, "group_header", 0}, path = {&group, "txs_no", 0};
    const json_t *count = below(header, "txs_no");
    if (count && json_number_value(count) != (double)r->order->transfers->nelts)
        note(r, &path, "const", "must be the number of credit_transfers, which is %d", r->order->transfers->nelts);
}

finq_error *finq_order_read(finq_order *order, const json_t *data, apr_int64_t now, apr_pool_t *pool)
{
    static const finq_path payments = {NULL, "payment_info", 0};
    reading r = {.order = order, .faults = {pool, NULL}, .now = now, .pool = pool};
    apr_hash_t *met = apr_hash_make(pool);
    const json_t *payment, *header = below(data, "group_header");
    size_t i;
    r.references = apr_hash_make(pool);
    r.sums = apr_hash_make(pool);
    *order = (finq_order){.message_id = finq_json_string(header, "message_id"),
                          .payments = apr_array_make(pool, 1, sizeof(const char *)),
                          .transfers = apr_array_make(pool, 1, sizeof(finq_order_transfer))};
    json_array_foreach(below(data, "payment_info"), i, payment)
    {
        const finq_path item = {&payments, NULL, i};
        r.place = (int)i;
        read_payment(&r, payment, &item, met);
    }
    read_count(&r, header);
    return finq_fault_error(&r.faults, "The order is wrong");
}

/* ---- payees ---- */

static int is_payee(const finq_order_transfer *transfer, const json_t *payee)
{
    const char *name = finq_json_string(below(payee, "creditor"), "name");
    const char *iban = finq_json_string(below(payee, "creditor_account"), "iban");
    return name && iban && strcmp(name, transfer->creditor_name) == 0 && strcmp(iban, transfer->creditor_iban) == 0;
}

finq_error *finq_order_payees_check(const finq_order *order, const json_t *payee, apr_pool_t *pool)
{
    static const finq_path payments = {NULL, "payment_info", 0};
    finq_faults faults = {pool, NULL};
    for (int i = 0; i < order->transfers->nelts; i++) {
        const finq_order_transfer *transfer = &APR_ARRAY_IDX(order->transfers, i, finq_order_transfer);
        const finq_path payment = {&payments, NULL, (apr_size_t)transfer->payment}, list = {&payment, "credit_transfers", 0},
                        item = {&list, NULL, (apr_size_t)transfer->place}, creditor = {&item, "creditor", 0};
        if (!is_payee(transfer, payee))
            finq_fault_note(&faults, &creditor, "is not the payee, name and account, that " FINQ_ORDER_PAYEE_STEP " accepted");
    }
    return finq_fault_error(&faults, "The order is wrong");
}
