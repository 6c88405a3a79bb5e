#include "rows.h"

#include <apr_encode.h>
#include <apr_lib.h>
#include <apr_strings.h>
#include <string.h>

#include "bank/connector.h"
#include "crypto/digest.h"
#include "ground/clock.h"
#include "ground/codec.h"

/* ---- MACs ---- */

/* Text that is a MAC's, field by field: none can run into the next. */
typedef struct {
    char *bytes;
    apr_size_t length, room;
} fields;

static void field_add(fields *to, const void *bytes, apr_size_t length)
{
    if (length > to->room - to->length - 4) /* rows are bounded: see rows_put */
        length = to->room - to->length - 4;
    for (int i = 3; i >= 0; i--)
        to->bytes[to->length++] = (char)(length >> 8 * i);
    memcpy(to->bytes + to->length, bytes, length);
    to->length += length;
}

static void text_add(fields *to, const char *text)
{
    field_add(to, text, strlen(text));
}

static finq_error *mac_make(unsigned char *mac, const rows_maker *maker, const fields *of, apr_pool_t *pool)
{
    return finq_mac_key_sign(mac, maker->mac, (finq_mac_piece){of->bytes, of->length}, pool);
}

/* Banks write one IBAN with blanks and another without, in either case. */
static const char *iban_folded(const char *iban, apr_pool_t *pool)
{
    char *folded = apr_pstrdup(pool, iban), *to = folded;
    for (; *iban; iban++) {
        if (*iban != ' ')
            *to++ = (char)apr_toupper(*iban);
    }
    *to = '\0';
    return folded;
}

/* An account is the same as long as its number and its currency are. */
static finq_error *account_mac(unsigned char *mac, const rows_maker *maker, const finq_bank_account *account, apr_pool_t *pool)
{
    char bytes[4096];
    fields of = {bytes, 0, sizeof bytes};
    text_add(&of, "account");
    field_add(&of, maker->servicer_id.bytes, sizeof maker->servicer_id.bytes);
    if (account->iban)
        text_add(&of, iban_folded(account->iban, pool));
    else {
        field_add(&of, account->first, account->first_length);
        text_add(&of, account->product);
    }
    text_add(&of, account->currency);
    return mac_make(mac, maker, &of, pool);
}

/* Letters alone: numbers in a bank's words change from night to night. */
static const char *folded(const char *text, apr_pool_t *pool)
{
    char *to = apr_palloc(pool, strlen(text) + 1), *end = to;
    for (; *text; text++) {
        if (apr_isalpha(*text) || (unsigned char)*text >= 0x80)
            *end++ = (char)apr_tolower(*text);
    }
    *end = '\0';
    return to;
}

/* 5.0 and 5.00 are one amount. */
static const char *amount_folded(const char *amount, apr_pool_t *pool)
{
    apr_size_t length = strlen(amount);
    if (!strchr(amount, '.'))
        return amount;
    while (amount[length - 1] == '0')
        length--;
    return apr_pstrmemdup(pool, amount, length - (amount[length - 1] == '.'));
}

/* By its reference, where that is its own for ever; else by all that a bank does not change of it. */
static finq_error *transaction_mac(unsigned char *mac, int *is_derived, const rows_maker *maker, const unsigned char *account,
                                   const finq_bank_transaction *transaction, apr_pool_t *pool)
{
    char bytes[8192];
    fields of = {bytes, 0, sizeof bytes};
    *is_derived = !maker->declared.reference_is_stable || !*transaction->reference;
    text_add(&of, "transaction");
    field_add(&of, account, FINQ_MAC_BYTES);
    text_add(&of, *is_derived ? "derived" : "reference");
    if (!*is_derived)
        text_add(&of, transaction->reference);
    else {
        text_add(&of, transaction->booked_at ? apr_pstrndup(pool, finq_clock_text(transaction->booked_at, pool), 10) : "pending");
        text_add(&of, amount_folded(transaction->amount, pool));
        text_add(&of, transaction->currency);
        text_add(&of, transaction->is_credit ? "credit" : "debit");
        text_add(&of, transaction->counterparty);
        text_add(&of, folded(transaction->info, pool));
    }
    return mac_make(mac, maker, &of, pool);
}

/* ---- rows ---- */

/* As PostgreSQL reads bytes. */
static void put_bytes(finq_json_writer *to, const char *name, const void *bytes, apr_size_t length, apr_pool_t *pool)
{
    finq_json_put(
        to, name,
        apr_pstrcat(pool, "\\x", apr_pencode_base16_binary(pool, bytes, (apr_ssize_t)length, APR_ENCODE_LOWER, NULL), NULL));
}

static finq_error *put_sealed(finq_json_writer *to, const char *name, const rows_maker *maker, const char *kind,
                              const unsigned char *mac, const char *text, apr_pool_t *pool)
{
    finq_bytes sealed;
    FINQ_TRY(finq_data_key_seal(&sealed, maker->key, (finq_data_place){kind, &maker->credentials_id, {mac, FINQ_MAC_BYTES}}, text,
                                pool));
    put_bytes(to, name, sealed.data, sealed.length, pool);
    return NULL;
}

static const char *details_of(const finq_bank_account *account, apr_pool_t *pool)
{
    finq_json_writer *to = finq_json_write(pool);
    finq_json_open(to, NULL, '{');
    finq_json_put_value(to, "account_schemes", account->schemes);
    finq_json_put(to, "name", account->name);
    finq_json_put(to, "nickname", account->nickname);
    finq_json_close(to, '}');
    return finq_json_written(to);
}

static finq_error *put_account(finq_json_writer *to, rows_maker *maker, const void *row, apr_pool_t *pool)
{
    const finq_bank_account *account = row;
    unsigned char *mac = apr_palloc(maker->pool, FINQ_MAC_BYTES);
    if (apr_hash_get(maker->accounts, account->reference, APR_HASH_KEY_STRING))
        return finq_connector_unusable(pool, "it tells of an account twice");
    FINQ_TRY(account_mac(mac, maker, account, pool));
    apr_hash_set(maker->accounts, apr_pstrdup(maker->pool, account->reference), APR_HASH_KEY_STRING, mac);
    put_bytes(to, "mac", mac, FINQ_MAC_BYTES, pool);
    finq_json_put(to, "currency", account->currency);
    finq_json_put(to, "account_type", account->type);
    finq_json_put(to, "account_sub_type", account->sub_type);
    return put_sealed(to, "details", maker, FINQ_SEALED_ACCOUNT, mac, details_of(account, pool), pool);
}

static finq_error *account_find(const unsigned char **mac, const rows_maker *maker, const char *account, apr_pool_t *pool)
{
    *mac = apr_hash_get(maker->accounts, account, APR_HASH_KEY_STRING);
    return *mac ? NULL : finq_connector_unusable(pool, "it names an account that it does not tell of");
}

static finq_error *put_balance(finq_json_writer *to, rows_maker *maker, const void *row, apr_pool_t *pool)
{
    const finq_bank_balance *balance = row;
    const unsigned char *account;
    FINQ_TRY(account_find(&account, maker, balance->account, pool));
    put_bytes(to, "account", account, FINQ_MAC_BYTES, pool);
    finq_json_put(to, "type", balance->type);
    finq_json_put(to, "amount", balance->amount);
    finq_json_put(to, "currency", balance->currency);
    finq_json_put_bool(to, "is_credit", balance->is_credit);
    finq_json_put_bool(to, "credit_limit_included", balance->credit_limit_included);
    finq_json_put(to, "credit_line", balance->credit_line);
    finq_json_put(to, "native_date", balance->native_date);
    if (balance->native_timestamp)
        finq_json_put_integer(to, "native_timestamp", balance->native_timestamp);
    return NULL;
}

/* A lasting reference is told once on a page; on another it may come again, where the bank's list has moved on. */
static finq_error *once_on_page(rows_maker *maker, const unsigned char *mac, apr_pool_t *pool)
{
    if (apr_hash_get(maker->on_page, mac, FINQ_MAC_BYTES))
        return finq_connector_unusable(pool, "it tells of a transaction twice on a page");
    apr_hash_set(maker->on_page, apr_pmemdup(pool, mac, FINQ_MAC_BYTES), FINQ_MAC_BYTES, "");
    return NULL;
}

static finq_error *put_transaction(finq_json_writer *to, rows_maker *maker, const void *row, apr_pool_t *pool)
{
    const finq_bank_transaction *transaction = row;
    const unsigned char *account;
    unsigned char *mac = maker->put;
    int is_derived;
    FINQ_TRY(account_find(&account, maker, transaction->account, pool));
    FINQ_TRY(transaction_mac(mac, &is_derived, maker, account, transaction, pool));
    if (!is_derived)
        FINQ_TRY(once_on_page(maker, mac, pool));
    put_bytes(to, "mac", mac, FINQ_MAC_BYTES, pool);
    put_bytes(to, "account", account, FINQ_MAC_BYTES, pool);
    finq_json_put_bool(to, "is_derived", is_derived);
    if (transaction->booked_at)
        finq_json_put_integer(to, "booked_at", transaction->booked_at);
    finq_json_put(to, "amount", transaction->amount);
    finq_json_put_bool(to, "is_credit", transaction->is_credit);
    finq_json_put(to, "currency", transaction->currency);
    finq_json_put(to, "balance", transaction->balance);
    finq_json_put(to, "category", transaction->category);
    return put_sealed(to, "info", maker, FINQ_SEALED_TRANSACTION, mac, transaction->info, pool);
}

finq_error *rows_put(finq_json_writer *to, rows_maker *maker, const finq_bank_page *page, finq_bank_kind kind, int place,
                     apr_pool_t *pool)
{
    static finq_error *(*const put[FINQ_BANK_KINDS])(finq_json_writer *, rows_maker *, const void *,
                                                     apr_pool_t *) = {put_account, put_balance, put_transaction};
    finq_json_open(to, NULL, '{');
    FINQ_TRY(put[kind](to, maker, page->rows->elts + (apr_size_t)place * (apr_size_t)page->rows->elt_size, pool));
    finq_json_close(to, '}');
    return NULL;
}

/* ---- the way back ---- */

/* As finq.utx_id makes it, which would take the database several times as long. */
static void utx_id_make(unsigned char *utx_id, const finq_transaction_answer_row *row)
{
    unsigned char text[FINQ_MAC_BYTES + 4];
    memcpy(text, row->mac.data, FINQ_MAC_BYTES);
    finq_codec_number_put(text + FINQ_MAC_BYTES, (apr_uint64_t)row->ordinal, 4);
    finq_digest_sha256(utx_id, text, sizeof text);
}

finq_error *rows_open(apr_array_header_t **transactions, const apr_array_header_t *rows, const finq_data_keys *keys,
                      const finq_data_claim *claim, apr_pool_t *pool)
{
    finq_data_key *key;
    *transactions = apr_array_make(pool, rows->nelts, sizeof(finq_transaction));
    if (rows->nelts < 2)
        return NULL;
    FINQ_TRY(finq_data_key_unwrap(&key, keys, APR_ARRAY_IDX(rows, 0, finq_transaction_answer_row).data_key, pool));
    for (int i = 1; i < rows->nelts; i++) {
        finq_transaction *one = apr_array_push(*transactions);
        one->row = &APR_ARRAY_IDX(rows, i, finq_transaction_answer_row);
        const finq_data_place place = {FINQ_SEALED_TRANSACTION, &claim->credentials_id, one->row->mac};
        FINQ_TRY(finq_data_key_open(&one->info, key, place, one->row->info, pool));
        utx_id_make(one->utx_id, one->row);
    }
    return NULL;
}
