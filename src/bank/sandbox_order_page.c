/* What a payment's page shows of the order. */
#include "sandbox_page.h"

#include <apr_escape.h>
#include <apr_strings.h>
#include <string.h>

#include "bank/sandbox_order.h"

/* More of them are counted, not shown. */
#define SHOWN_MOST 10
/* What the bank takes, in cents of euros, for a transfer to another bank; and how its own accounts are known, behind the check digits. */
#define FEE 50
#define OWN_BANK "SAND"

static const char *text_in(const json_t *object, const char *member, const char *name)
{
    const char *text = finq_json_string(json_object_get(object, member), name);
    return text ? text : "";
}

/* ---- pieces ---- */

/* A row of the list; none where there is nothing to tell. `class_name` may be "". */
static const char *row(const char *language, const char *term, const char *class_name, const char *value, apr_pool_t *pool)
{
    if (!value || !*value)
        return "";
    const char *class_attribute = *class_name ? apr_pstrcat(pool, " class=\"", class_name, "\"", NULL) : "";
    return apr_pstrcat(pool, "<dt>", sandbox_say(language, term), "</dt><dd", class_attribute, ">",
                       apr_pescape_entity(pool, value, 0), "</dd>\n", NULL);
}

/* An IBAN in groups of four, as ISO 13616 prints it. */
static const char *in_groups(const char *iban, apr_pool_t *pool)
{
    char *grouped = apr_palloc(pool, strlen(iban) + strlen(iban) / 4 + 1), *to = grouped;
    for (int i = 0; iban[i]; i++) {
        if (i > 0 && i % 4 == 0)
            *to++ = ' ';
        *to++ = iban[i];
    }
    *to = '\0';
    return grouped;
}

static const char *amount_of(const json_t *transfer, apr_pool_t *pool)
{
    return apr_pstrcat(pool, text_in(transfer, "instructed_amount", "amount"), " ",
                       text_in(transfer, "instructed_amount", "currency"), NULL);
}

/* ---- a transfer ---- */

static const char *payee_check(const char *language, const json_t *transfer, apr_pool_t *pool)
{
    const char *holder, *amount = text_in(transfer, "instructed_amount", "amount");
    switch (finq_sandbox_payee(&holder, text_in(transfer, "creditor", "name"), amount, pool)) {
    case FINQ_SANDBOX_MATCH:
        return row(language, "Checked", "", sandbox_say(language, "The account is this payee's."), pool);
    case FINQ_SANDBOX_CLOSE_MATCH:
        return row(language, "Checked", "doubt",
                   apr_pstrcat(pool, sandbox_say(language, "Close match: the account belongs to"), " ", holder, ".", NULL), pool);
    default:
        return row(language, "Checked", "doubt",
                   sandbox_say(language, "No match: the account belongs to somebody with another name."), pool);
    }
}

static const char *reference_of(const json_t *transfer)
{
    const char *free_text = text_in(transfer, "remittance_information", "unstructured");
    return *free_text ? free_text : text_in(transfer, "remittance_information", "creditor_reference");
}

static const char *transfer_list(const char *language, const json_t *payment, const json_t *transfer, apr_pool_t *pool)
{
    const char *on = finq_json_string(payment, "requested_execution_date");
    return apr_pstrcat(pool, "<dl>\n", row(language, "To", "", text_in(transfer, "creditor", "name"), pool),
                       payee_check(language, transfer, pool),
                       row(language, "Account", "number", in_groups(text_in(transfer, "creditor_account", "iban"), pool), pool),
                       row(language, "Bank", "", text_in(transfer, "creditor_agent", "bic"), pool),
                       row(language, "Amount", "amount", amount_of(transfer, pool), pool),
                       row(language, "Reference", "", reference_of(transfer), pool), row(language, "On", "", on, pool), "</dl>\n",
                       NULL);
}

/* ---- all of them ---- */

static int is_own(const json_t *transfer)
{
    const char *iban = text_in(transfer, "creditor_account", "iban");
    return strlen(iban) > 8 && strncmp(iban + 4, OWN_BANK, 4) == 0;
}

/* What the transfers come to. */
typedef struct {
    int count, fee;       /* in cents */
    const char *currency; /* of them all; NULL where they differ */
    int digits;           /* behind the point, of the one that has most */
    apr_int64_t units;    /* of UNIT_DIGITS digits behind the point */
    int is_beyond;        /* whether they are more than that holds */
} total;

#define UNIT_DIGITS 4

static apr_int64_t units_of(const char *amount, int *digits)
{
    apr_size_t whole = strcspn(amount, "."), behind = amount[whole] ? strlen(amount + whole + 1) : 0;
    *digits = (int)behind;
    if (whole + UNIT_DIGITS > 18 || behind > UNIT_DIGITS)
        return -1;
    apr_int64_t units = apr_atoi64(amount);
    for (apr_size_t i = 0; i < UNIT_DIGITS; i++)
        units = units * 10 + (i < behind ? amount[whole + 1 + i] - '0' : 0);
    return units;
}

static void transfer_add(total *sum, const json_t *transfer)
{
    const char *currency = text_in(transfer, "instructed_amount", "currency");
    int digits;
    apr_int64_t units = units_of(text_in(transfer, "instructed_amount", "amount"), &digits);
    sum->currency = sum->count == 0 || (sum->currency && strcmp(sum->currency, currency) == 0) ? currency : NULL;
    sum->is_beyond = sum->is_beyond || units < 0 || __builtin_add_overflow(sum->units, units, &sum->units);
    sum->digits = digits > sum->digits ? digits : sum->digits;
    sum->fee += is_own(transfer) ? 0 : FEE;
    sum->count++;
}

static total total_of(const finq_sandbox_visit *visit)
{
    const json_t *payment, *transfer;
    size_t i, k;
    total sum = {.currency = NULL};
    json_array_foreach(json_object_get(visit->ordered, "payment_info"), i, payment)
    {
        json_array_foreach(json_object_get(payment, "credit_transfers"), k, transfer) transfer_add(&sum, transfer);
    }
    return sum;
}

/* Of several transfers in one currency; else "". */
static const char *sum_of(const total *sum, apr_pool_t *pool)
{
    if (sum->count < 2 || !sum->currency || sum->is_beyond)
        return "";
    const char *behind = apr_psprintf(pool, "%04d", (int)(sum->units % 10000));
    return apr_psprintf(pool, "%" APR_INT64_T_FMT "%s%.*s %s", sum->units / 10000, sum->digits ? "." : "", sum->digits, behind,
                        sum->currency);
}

static const char *total_list(const char *language, const total *sum, apr_pool_t *pool)
{
    const char *fee =
        sum->fee ? apr_psprintf(pool, "%d.%02d EUR", sum->fee / 100, sum->fee % 100) : sandbox_say(language, "none");
    return apr_pstrcat(pool, "<dl>\n", row(language, "Total", "amount", sum_of(sum, pool), pool),
                       row(language, "Fee", "", fee, pool), "</dl>\n", NULL);
}

/* The transfers of a payment, `*count` of them up to and with the ones before. */
static const char *payment_list(const char *language, const json_t *payment, int *count, apr_pool_t *pool)
{
    const char *list = "", *iban = text_in(payment, "debtor_account", "iban");
    const json_t *transfer;
    size_t i;
    if (*iban && *count < SHOWN_MOST)
        list = apr_pstrcat(pool, "<dl>\n", row(language, "From", "number", in_groups(iban, pool), pool),
                           row(language, "Of", "", text_in(payment, "debtor", "name"), pool), "</dl>\n", NULL);
    json_array_foreach(json_object_get(payment, "credit_transfers"), i, transfer)
    {
        if ((*count)++ < SHOWN_MOST)
            list = apr_pstrcat(pool, list, transfer_list(language, payment, transfer, pool), NULL);
    }
    return list;
}

static const char *heading_of(const finq_sandbox_visit *visit, int count, apr_pool_t *pool)
{
    return count == 1 ? sandbox_say(visit->language, "Your payment")
                      : apr_psprintf(pool, "%s: %d", sandbox_say(visit->language, "Your payments"), count);
}

const char *sandbox_order_section(const finq_sandbox_visit *visit, apr_pool_t *pool)
{
    const char *list = "", *more = "";
    const json_t *payment;
    int count = 0;
    size_t i;
    if (!visit->ordered)
        return "";
    const total sum = total_of(visit);
    json_array_foreach(json_object_get(visit->ordered, "payment_info"), i, payment) list =
        apr_pstrcat(pool, list, payment_list(visit->language, payment, &count, pool), NULL);
    if (count > SHOWN_MOST)
        more = apr_psprintf(pool, "<p>%s: %d</p>\n", sandbox_say(visit->language, "More transfers"), count - SHOWN_MOST);
    return apr_pstrcat(pool, "<section class=\"order\" aria-labelledby=\"order\">\n<h2 id=\"order\">",
                       heading_of(visit, count, pool), "</h2>\n", list, more, total_list(visit->language, &sum, pool),
                       "</section>\n", NULL);
}
