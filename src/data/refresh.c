#include "data/refresh.h"

#include <apr_strings.h>
#include <string.h>

#include "bank/connector.h"
#include "crypto/secret_file.h"
#include "crypto/secrets.h"
#include "db/calls.h"
#include "flow/feed.h"
#include "flow/tenant_mac.h"
#include "ground/clock.h"
#include "rows.h"
#include "told.h"

/* So long a claim lasts, and so long it has lasted when it is held anew before a page: what is left is longer than a connector may take. */
#define CLAIM_SECONDS 120
#define HOLD_AFTER apr_time_from_sec(20)
/* In the place of a time, before anybody was waited for. */
#define NOBODY (-1)
/* Transactions of a piece. */
#define PIECE_ROWS 2000
/* Bytes of accounts and balances, which are stored at once. */
#define SMALL_MOST (2 * FINQ_BANK_DATA_MOST)
/* More pages than these no bank has for one consent. */
#define PAGES_MOST 1000
/* And so long all of them may take together. */
#define REFRESH_MOST apr_time_from_sec(300)
/* The limit of a bank's history is met with so much to spare, in seconds. */
#define MARGIN 60
#define DAY 86400

typedef struct {
    const finq_service *service;
    finq_feed_claim_out claim; /* what the database knows of the feed */
    finq_id refresh_id;
    const finq_published *published;
    const char *reference;
    const finq_refresh_wish *wish;
    int pages, was_asked; /* the bank, be it in vain */
    int is_overtaken;     /* by another refresh, or by the consent's end: what is there goes */
    apr_time_t until;     /* of the steady clock: no page is asked for from then on */
    apr_time_t held;      /* by the same: when the claim was held last */
    apr_int64_t since;    /* what transactions are asked from */
    rows_maker maker;
    finq_json_writer *rows[FINQ_BANK_KINDS]; /* that have been told; of transactions, those of this piece */
    int piece, piece_rows;                   /* its number, and how many they are */
    told *told;                              /* which transactions; NULL before the first, and from the second piece on */
    apr_pool_t *pool, *piece_pool, *page_pool;
} refresh;

/* ---- the claim ---- */

/* `ended_at` is that of the answer that said 'claimed', NOBODY before there is one. */
static finq_error *claim_take(refresh *r, apr_int64_t ended_at)
{
    const finq_refresh_wish *wish = r->wish;
    finq_feed_claim_in in = {
        .credentials_id = wish->credentials_id,
        .session_id = wish->session_id,
        .refresh_id = &r->refresh_id,
        .if_due = wish->if_due,
        .is_attended = wish->is_attended,
        .seconds = CLAIM_SECONDS,
        .ended_at = ended_at,
    };
    return finq_call_feed_claim(&r->claim, r->service->db, &in, r->pool);
}

static int claim_is(const refresh *r, const char *outcome)
{
    return strcmp(r->claim.outcome, outcome) == 0;
}

/* What became of the refresh that was waited for: who waits asks for none of their own. A consent that was withdrawn is seen to have ended. */
static finq_error *other_ended(const refresh *r)
{
    finq_code code = r->claim.error ? finq_code_by_name(r->claim.error) : FINQ_E_COUNT;
    if (!r->claim.error || strcmp(r->claim.error, "consent_withdrawn") == 0)
        return NULL;
    return finq_code_http(code) < 500
               ? finq_error_make(r->pool, code, "Another request was asking the bank, and it came to nothing.")
               : finq_error_internal(r->pool, code, "the refresh that was waited for came to nothing");
}

/* A look at a time, while another refreshes; between them no connection is held. */
static finq_error *claim_await(refresh *r)
{
    finq_connectors *connectors = r->service->connectors;
    FINQ_TRY(claim_take(r, NOBODY));
    apr_int64_t ended_at = r->claim.ended_at;
    while (claim_is(r, "claimed") && finq_clock_steady() < r->wish->until && connectors->pause(connectors))
        FINQ_TRY(claim_take(r, ended_at));
    return claim_is(r, "ended") ? other_ended(r) : NULL;
}

static finq_error *keys_open(refresh *r)
{
    finq_data_key *key;
    unsigned char mac[FINQ_MAC_BYTES];
    FINQ_TRY(finq_tenant_mac(mac, r->service, r->claim.client_id, r->claim.account_key, "account data ids", r->pool));
    finq_error *error = finq_mac_key_make(&r->maker.mac, (finq_mac_piece){mac, sizeof mac}, r->pool);
    finq_wipe(mac, sizeof mac);
    FINQ_TRY(error);
    FINQ_TRY(finq_data_key_unwrap(&key, r->service->data_keys, r->claim.data_key, r->pool));
    r->maker.key = key;
    return finq_feed_reference(&r->reference, r->service, r->claim.reference, r->claim.reference_key, r->claim.client_id,
                               r->pool);
}

/* ---- pages ---- */

/* From when on the bank still tells: all of it for a while after the visit, and then so many days, the first of which is told whole. */
static void since_clamp(refresh *r)
{
    const finq_bank_declared *declared = &r->maker.declared;
    apr_int64_t now = finq_clock_seconds(), oldest = now - (apr_int64_t)declared->max_history_days * DAY + MARGIN;
    if (declared->max_history_days == 0 || now + MARGIN < r->claim.visited_at + declared->history_after_sca_seconds)
        return;
    oldest += (DAY - oldest % DAY) % DAY;
    r->since = r->since > oldest ? r->since : oldest;
}

static finq_json_writer *rows_begin(apr_pool_t *pool)
{
    finq_json_writer *rows = finq_json_write(pool);
    finq_json_open(rows, NULL, '[');
    return rows;
}

static const char *rows_end(finq_json_writer *rows)
{
    finq_json_close(rows, ']');
    return finq_json_written(rows);
}

static void piece_begin(refresh *r)
{
    apr_pool_clear(r->piece_pool);
    r->rows[FINQ_BANK_TRANSACTIONS] = rows_begin(r->piece_pool);
    r->piece_rows = 0;
    r->piece++;
}

/* Stores a piece that is not the last. The claim is held by it. */
static finq_error *piece_tell(refresh *r)
{
    finq_feed_tell_out row;
    finq_feed_tell_in in = {.credentials_id = r->claim.credentials_id,
                            .refresh_id = &r->refresh_id,
                            .place = r->piece,
                            .rows = rows_end(r->rows[FINQ_BANK_TRANSACTIONS]),
                            .seconds = CLAIM_SECONDS};
    FINQ_TRY(finq_call_feed_tell(&row, r->service->db, &in, r->piece_pool));
    r->held = finq_clock_steady();
    r->is_overtaken = !row.is_held;
    r->told = NULL;
    piece_begin(r);
    return NULL;
}

/* The transaction that was put last, behind so many bytes. */
static void row_note(refresh *r, apr_int64_t booked_at, apr_size_t before)
{
    const char *row = finq_json_written(r->rows[FINQ_BANK_TRANSACTIONS]) + before;
    told_note(r->told, r->maker.put, booked_at, row + (*row == ','));
}

static finq_error *row_keep(refresh *r, finq_bank_kind kind, const finq_bank_page *page, int place)
{
    if (kind == FINQ_BANK_TRANSACTIONS && r->piece_rows++ == PIECE_ROWS)
        FINQ_TRY(piece_tell(r));
    if (r->is_overtaken)
        return NULL;
    apr_size_t before = finq_json_length(r->rows[kind]);
    FINQ_TRY(rows_put(r->rows[kind], &r->maker, page, kind, place, r->page_pool));
    if (kind == FINQ_BANK_TRANSACTIONS && r->told)
        row_note(r, APR_ARRAY_IDX(page->rows, place, finq_bank_transaction).booked_at, before);
    return NULL;
}

static finq_error *page_keep(refresh *r, finq_bank_kind kind, const finq_bank_page *page)
{
    r->pages++;
    r->maker.on_page = apr_hash_make(r->page_pool);
    for (int i = 0; i < page->rows->nelts && !r->is_overtaken; i++)
        FINQ_TRY(row_keep(r, kind, page, i));
    return finq_json_length(r->rows[FINQ_BANK_ACCOUNTS]) + finq_json_length(r->rows[FINQ_BANK_BALANCES]) > SMALL_MOST
               ? finq_connector_unusable(r->pool, "its accounts and balances are larger than 2 MiB")
               : NULL;
}

static finq_error *page_ask(finq_bank_page *page, refresh *r, finq_bank_kind kind, const char *next)
{
    finq_connectors *connectors = r->service->connectors;
    finq_bank_question question = {
        .ask = kind,
        .attempt = r->refresh_id,
        .skill = r->published->skill->name,
        .environment = r->published->skill->environment,
        .reference = r->reference,
        .since = kind == FINQ_BANK_TRANSACTIONS ? r->since : 0,
        .next = next,
        .is_attended = r->wish->is_attended,
    };
    r->was_asked = 1;
    return connectors->ask_data(connectors, page, r->claim.connector, &question, r->page_pool);
}

/* A bank that always has one more page, or a slow one with many, holds a thread no longer than that. */
static finq_error *end_check(const refresh *r)
{
    if (r->wish->is_over && r->wish->is_over())
        return finq_error_internal(r->pool, FINQ_E_SERVICE_UNAVAILABLE, "this child of the server ends");
    if (r->pages >= PAGES_MOST)
        return finq_connector_unusable(r->pool, "it has more pages than 1000");
    return finq_clock_steady() < r->until
               ? NULL
               : finq_error_make(r->pool, FINQ_E_EXTERNAL_API_TIMEOUT, "The bank's data did not come to an end in time.");
}

/* All pages of a kind; the memory of one is given back before the next. */
static finq_error *kind_ask(refresh *r, finq_bank_kind kind, int *is_withdrawn)
{
    finq_bank_page page;
    const char *next = NULL;
    do {
        next = apr_pstrdup(r->pool, next);
        apr_pool_clear(r->page_pool);
        FINQ_TRY(end_check(r));
        if (finq_clock_steady() > r->held + HOLD_AFTER)
            FINQ_TRY(piece_tell(r));
        FINQ_TRY(page_ask(&page, r, kind, next));
        *is_withdrawn = page.is_withdrawn;
        if (kind == FINQ_BANK_ACCOUNTS && !next)
            r->maker.declared = page.declared;
        if (!page.is_withdrawn)
            FINQ_TRY(page_keep(r, kind, &page));
        next = page.next;
    } while (next && !page.is_withdrawn && !r->is_overtaken);
    return NULL;
}

/* ---- the end ---- */

/* One for which the bank was not asked is none of those that it allows. */
static finq_error *fail(refresh *r, const char *why, int is_withdrawn)
{
    finq_feed_fail_out row;
    finq_feed_fail_in in = {.credentials_id = r->claim.credentials_id,
                            .refresh_id = &r->refresh_id,
                            .error = why,
                            .is_withdrawn = is_withdrawn,
                            .gives_back = !r->was_asked && !r->wish->is_attended};
    return finq_call_feed_fail(&row, r->service->db, &in, r->pool);
}

/* A call at a time, until all that was stored before has been looked at. */
static finq_error *store(refresh *r)
{
    finq_feed_store_out row;
    const char *rows = rows_end(r->rows[FINQ_BANK_TRANSACTIONS]), *added = r->told ? told_added(r->told) : NULL;
    finq_feed_store_in in = {.credentials_id = r->claim.credentials_id,
                             .refresh_id = &r->refresh_id,
                             .place = r->piece,
                             .accounts = rows_end(r->rows[FINQ_BANK_ACCOUNTS]),
                             .balances = rows_end(r->rows[FINQ_BANK_BALANCES]),
                             .rows = added ? added : rows,
                             .told = r->told ? told_notes(r->told, r->pool) : (finq_bytes){NULL, 0},
                             .adds = added != NULL,
                             .since = r->since,
                             .frequency = r->maker.declared.frequency};
    do
        FINQ_TRY(finq_call_feed_store(&row, r->service->db, &in, r->pool));
    while (strcmp(row.outcome, "more") == 0);
    if (strcmp(row.outcome, "refused") == 0)
        return finq_connector_unusable(r->pool, apr_psprintf(r->pool, "connector %s: %s", r->claim.connector, row.fault));
    r->is_overtaken |= strcmp(row.outcome, "overtaken") == 0;
    return NULL; /* who was overtaken finds what the other has stored, or that the consent has ended */
}

static finq_error *run(refresh *r, int *is_withdrawn)
{
    *is_withdrawn = 0;
    FINQ_TRY(finq_directory_skill(&r->published, r->service->directory, r->service->db, r->claim.skill_id, r->pool));
    FINQ_TRY(keys_open(r));
    r->since = r->claim.since;
    r->held = finq_clock_steady();
    r->until = r->held + REFRESH_MOST;
    for (int kind = 0; kind < FINQ_BANK_KINDS && !*is_withdrawn && !r->is_overtaken; kind++) {
        if (kind == FINQ_BANK_TRANSACTIONS) {
            since_clamp(r);
            r->told = told_begin(r->claim.told, finq_json_written(r->rows[FINQ_BANK_ACCOUNTS]), r->since, r->pool);
        }
        FINQ_TRY(kind_ask(r, (finq_bank_kind)kind, is_withdrawn));
    }
    return *is_withdrawn || r->is_overtaken ? NULL : store(r);
}

/* What goes wrong is noted in the feed; where not even that can be done the claim ends by itself. */
static finq_error *finish(finq_refresh_end *end, refresh *r)
{
    int is_withdrawn;
    finq_error *error = run(r, &is_withdrawn);
    *end = error             ? FINQ_REFRESH_FAILED
           : r->is_overtaken ? FINQ_REFRESH_NONE
           : is_withdrawn    ? FINQ_REFRESH_WITHDRAWN
                             : FINQ_REFRESH_STORED;
    if (is_withdrawn && !error)
        return fail(r, "consent_withdrawn", 1);
    if (error)
        fail(r, finq_code_name(error->code), 0);
    return error;
}

finq_error *finq_refresh(finq_refresh_end *end, const finq_service *service, const finq_refresh_wish *wish, apr_pool_t *pool)
{
    finq_connectors *connectors = service->connectors;
    refresh r = {.service = service, .wish = wish, .pool = pool};
    *end = FINQ_REFRESH_NONE;
    FINQ_TRY(finq_id_new(&r.refresh_id, pool));
    FINQ_TRY(claim_await(&r));
    if (claim_is(&r, "claimed") && r.claim.is_first)
        *end = FINQ_REFRESH_BEGUN;
    if (!claim_is(&r, "ok"))
        return NULL;
    r.maker.accounts = apr_hash_make(pool);
    r.maker.pool = pool;
    r.maker.credentials_id = *r.claim.credentials_id;
    r.maker.servicer_id = *r.claim.servicer_id;
    apr_pool_create(&r.page_pool, pool);
    apr_pool_create(&r.piece_pool, pool);
    r.rows[FINQ_BANK_ACCOUNTS] = rows_begin(pool);
    r.rows[FINQ_BANK_BALANCES] = rows_begin(pool);
    piece_begin(&r);
    finq_error *error = connectors->enter(connectors, r.claim.connector);
    if (error) {
        fail(&r, finq_code_name(error->code), 0);
        return error;
    }
    error = finish(end, &r);
    connectors->leave(connectors, r.claim.connector);
    return error;
}
