/* Calls: the SQL functions of the server, by name. Made by `make calls` from the database's own words; edit sql/functions.
 *
 * Ids, texts and bytes of an answer lie in its rows, which live as long as the pool. SQL's NULL is NULL, 0 or no bytes, both
 * ways; an id or a text that is NULL is sent as SQL's NULL. Errors: those of a call. */
#ifndef FINQ_CALLS_H
#define FINQ_CALLS_H

#include <apr_tables.h>

#include "db/pg.h"
#include "ground/codec.h"

typedef struct finq_transaction_answer_row {
    const char *outcome;
    finq_bytes data_key;
    int is_due;
    apr_int64_t at;
    int is_reset;
    const char *as_of;
    const char *access;
    apr_int64_t number;
    const char *change;
    const char *reason;
    const finq_id *replaced_by;
    const finq_id *transaction_id;
    const finq_id *account_id;
    finq_bytes mac;
    apr_int32_t ordinal;
    int is_derived;
    int is_booked;
    apr_int64_t booked_at;
    const char *amount;
    int is_credit;
    const char *currency;
    const char *balance;
    finq_bytes info;
    apr_int64_t stored_at;
} finq_transaction_answer_row;

typedef struct finq_step_answer_row {
    const char *outcome;
    const finq_id *step_id;
    apr_int32_t secret_id;
    apr_int64_t expires_at;
    const char *missing;
    const char *status; /**< finq.session_status */
    apr_int32_t next_place;
    const char *waits_for; /**< finq.waiting */
    finq_bytes reply;
    finq_bytes reasons;
} finq_step_answer_row;

typedef struct finq_published_skill_row {
    apr_int32_t skill_id;
    const char *definition;
} finq_published_skill_row;

typedef struct finq_session_standing_row {
    const char *outcome;
    int held;
    const char *status; /**< finq.session_status */
    const finq_id *step_id;
    apr_int64_t expires_at;
    apr_int32_t secret_id;
    apr_int32_t ordinal;
    apr_int32_t place;
    apr_int32_t previous;
    apr_int32_t generation;
    int waits;
    finq_bytes told;
    finq_bytes reasons;
    const char *own_reasons;
    apr_int32_t skill_id;
    apr_int32_t step_place;
    const char *uploaded;
    finq_bytes tenant_user_id;
    finq_bytes data_key;
    apr_int64_t updated_at;
} finq_session_standing_row;

typedef struct finq_sandbox_order_answer_row {
    const char *outcome;
    const char *decision;
    apr_int64_t authorised_at;
    apr_int64_t now;
    const char *transfers;
    finq_bytes sealed;
    int is_open;
    int is_first;
} finq_sandbox_order_answer_row;

typedef struct finq_return_answer_row {
    const char *outcome;
    finq_bytes return_link;
    const finq_id *step_id;
    finq_bytes tenant_user_id;
    finq_bytes data;
    const char *status;
    apr_int64_t expires_at;
    apr_int32_t secret_id;
    finq_bytes error;
    finq_bytes description;
    finq_bytes data_key;
} finq_return_answer_row;

typedef struct finq_page_facts_row {
    const char *outcome;
    apr_int32_t skill_id;
    apr_int64_t key_id;
    finq_bytes tenant_user_id;
    const char *language;
    finq_bytes prefill;
    finq_bytes return_link;
    finq_bytes data_key;
    apr_int64_t expires_at;
    const finq_id *session_id;
    const char *tenant;
    const char *colours;
    const char *logo;
    const char *status; /**< finq.session_status */
    apr_int64_t updated_at;
    finq_bytes session_key;
} finq_page_facts_row;

typedef struct finq_exchange_answer_row {
    const char *outcome;
    const finq_id *credentials_id;
    finq_bytes salt;
    apr_int32_t secret_id;
    apr_int64_t consent_exp;
    apr_int64_t max_data_retention;
    const char *missing;
    finq_bytes tenant_user_id;
    finq_bytes data_key;
} finq_exchange_answer_row;

typedef struct finq_consent_answer_row {
    const char *outcome;
    const finq_id *credentials_id;
    const char *status; /**< finq.credential_status */
    apr_int64_t consent_exp;
    apr_int64_t max_data_retention;
    apr_int64_t created_at;
    apr_int64_t updated_at;
    const char *country;
    const char *servicer;
    const char *skill;
    const char *tenant;
    finq_bytes tenant_user_id;
    apr_int64_t left_ms;
    finq_bytes data_key;
    const char *access;
} finq_consent_answer_row;

typedef struct finq_catalog_answer_row {
    const char *outcome;
    const char *catalog;
} finq_catalog_answer_row;

typedef struct finq_balance_answer_row {
    const char *outcome;
    int is_due;
    const char *balance;
} finq_balance_answer_row;

typedef struct finq_account_answer_row {
    const char *outcome;
    finq_bytes data_key;
    int is_due;
    const finq_id *account_id;
    finq_bytes mac;
    const finq_id *servicer_id;
    const char *servicer_name;
    const char *read_at;
    const char *currency;
    const char *account_type;
    const char *account_sub_type;
    finq_bytes details;
    const char *balances;
} finq_account_answer_row;

typedef struct finq_account_key_keep_in {
    const finq_id *client_id;
    finq_bytes data_key;
} finq_account_key_keep_in;
typedef struct finq_account_key_keep_out {
    finq_bytes data_key;
} finq_account_key_keep_out;
/** sql/functions/feed.sql. It may be repeated. */
finq_error *finq_call_account_key_keep(finq_account_key_keep_out *out, finq_db *db, const finq_account_key_keep_in *in,
                                       apr_pool_t *pool);

typedef struct finq_accounts_get_in {
    const finq_id *client_id;
    finq_bytes secret_hash;
    const finq_id *credentials_id;
    finq_bytes access_token_hash;
} finq_accounts_get_in;
typedef finq_account_answer_row finq_accounts_get_out;
/** sql/functions/data.sql. `*rows` are of finq_accounts_get_out. It may be repeated. */
finq_error *finq_call_accounts_get(apr_array_header_t **rows, finq_db *db, const finq_accounts_get_in *in, apr_pool_t *pool);

typedef struct finq_balances_get_in {
    const finq_id *client_id;
    finq_bytes secret_hash;
    const finq_id *credentials_id;
    finq_bytes access_token_hash;
    const finq_id *account_id;
    const char *type;
    const char *currency;
} finq_balances_get_in;
typedef finq_balance_answer_row finq_balances_get_out;
/** sql/functions/data.sql. `*rows` are of finq_balances_get_out. It may be repeated. */
finq_error *finq_call_balances_get(apr_array_header_t **rows, finq_db *db, const finq_balances_get_in *in, apr_pool_t *pool);

typedef struct finq_catalog_servicers_in {
    const finq_id *client_id;
    finq_bytes app_key_hash;
    const char *only; /**< text[] */
} finq_catalog_servicers_in;
typedef finq_catalog_answer_row finq_catalog_servicers_out;
/** sql/functions/skill.sql. It may be repeated. */
finq_error *finq_call_catalog_servicers(finq_catalog_servicers_out *out, finq_db *db, const finq_catalog_servicers_in *in,
                                        apr_pool_t *pool);

typedef struct finq_catalog_skills_in {
    const finq_id *client_id;
    finq_bytes app_key_hash;
    const char *only; /**< text[] */
    const char *skill;
    const char *language;
} finq_catalog_skills_in;
typedef finq_catalog_answer_row finq_catalog_skills_out;
/** sql/functions/skill.sql. It may be repeated. */
finq_error *finq_call_catalog_skills(finq_catalog_skills_out *out, finq_db *db, const finq_catalog_skills_in *in,
                                     apr_pool_t *pool);

typedef struct finq_clock_out {
    apr_int64_t clock;
} finq_clock_out;
/** sql/functions/tenant.sql. It may be repeated. */
finq_error *finq_call_clock(finq_clock_out *out, finq_db *db, apr_pool_t *pool);

typedef struct finq_consent_delete_in {
    const finq_id *client_id;
    finq_bytes secret_hash;
    const finq_id *credentials_id;
    finq_bytes access_token_hash;
    const char *user_macs; /**< bytea[] */
    apr_int32_t retention;
} finq_consent_delete_in;
typedef finq_consent_answer_row finq_consent_delete_out;
/** sql/functions/consent.sql. It may be repeated. */
finq_error *finq_call_consent_delete(finq_consent_delete_out *out, finq_db *db, const finq_consent_delete_in *in,
                                     apr_pool_t *pool);

typedef struct finq_consent_get_in {
    const finq_id *client_id;
    finq_bytes secret_hash;
    const finq_id *credentials_id;
    finq_bytes access_token_hash;
    const char *user_macs; /**< bytea[] */
} finq_consent_get_in;
typedef finq_consent_answer_row finq_consent_get_out;
/** sql/functions/consent.sql. It may be repeated. */
finq_error *finq_call_consent_get(finq_consent_get_out *out, finq_db *db, const finq_consent_get_in *in, apr_pool_t *pool);

typedef struct finq_consent_of_signer_in {
    const finq_id *client_id;
    const finq_id *credentials_id;
    finq_bytes access_token_hash;
} finq_consent_of_signer_in;
typedef finq_consent_answer_row finq_consent_of_signer_out;
/** sql/functions/consent.sql. It may be repeated. */
finq_error *finq_call_consent_of_signer(finq_consent_of_signer_out *out, finq_db *db, const finq_consent_of_signer_in *in,
                                        apr_pool_t *pool);

typedef struct finq_consent_page_in {
    const finq_id *client_id;
    finq_bytes secret_hash;
    const char *user_macs; /**< bytea[] */
    const char *status;
    const finq_id *before;
    apr_int32_t count;
} finq_consent_page_in;
typedef finq_consent_answer_row finq_consent_page_out;
/** sql/functions/consent.sql. `*rows` are of finq_consent_page_out. It may be repeated. */
finq_error *finq_call_consent_page(apr_array_header_t **rows, finq_db *db, const finq_consent_page_in *in, apr_pool_t *pool);

typedef struct finq_consent_renew_in {
    const finq_id *client_id;
    finq_bytes secret_hash;
    const finq_id *credentials_id;
    finq_bytes access_token_hash;
    const char *user_macs; /**< bytea[] */
    const char *skill;
} finq_consent_renew_in;
typedef struct finq_consent_renew_out {
    const char *outcome;
    apr_int32_t skill_id;
    apr_int64_t key_id;
    finq_bytes tenant_user_id;
    finq_bytes data_key;
} finq_consent_renew_out;
/** sql/functions/consent.sql. It may be repeated. */
finq_error *finq_call_consent_renew(finq_consent_renew_out *out, finq_db *db, const finq_consent_renew_in *in, apr_pool_t *pool);

typedef struct finq_directory_version_out {
    apr_int64_t directory_version;
} finq_directory_version_out;
/** sql/functions/tenant.sql. It may be repeated. */
finq_error *finq_call_directory_version(finq_directory_version_out *out, finq_db *db, apr_pool_t *pool);

typedef struct finq_exchange_token_in {
    const finq_id *client_id;
    finq_bytes secret_hash;
    const finq_id *session_id;
    apr_int64_t token_expires_at;
    const char *required; /**< text[] */
    const finq_id *credentials_id;
    finq_bytes access_token_hash;
    finq_bytes salt;
    apr_int32_t secret_id;
    apr_int32_t repeat_within;
} finq_exchange_token_in;
typedef finq_exchange_answer_row finq_exchange_token_out;
/** sql/functions/credential.sql. It locks no more than its session, and may share a transaction. It may be repeated. */
finq_error *finq_call_exchange_token(finq_exchange_token_out *out, finq_db *db, const finq_exchange_token_in *in,
                                     apr_pool_t *pool);

typedef struct finq_feed_claim_in {
    const finq_id *credentials_id;
    const finq_id *session_id;
    const finq_id *refresh_id;
    int if_due;
    int is_attended;
    apr_int32_t seconds;
    apr_int64_t ended_at;
} finq_feed_claim_in;
typedef struct finq_feed_claim_out {
    const char *outcome;
    int is_first;
    apr_int64_t ended_at;
    const char *error;
    const finq_id *credentials_id;
    const finq_id *client_id;
    const finq_id *session_id;
    apr_int32_t skill_id;
    const finq_id *servicer_id;
    const char *connector;
    finq_bytes reference;
    finq_bytes reference_key;
    finq_bytes data_key;
    finq_bytes account_key;
    apr_int64_t since;
    finq_bytes told;
    apr_int64_t visited_at;
} finq_feed_claim_out;
/** sql/functions/feed.sql. It may be repeated. */
finq_error *finq_call_feed_claim(finq_feed_claim_out *out, finq_db *db, const finq_feed_claim_in *in, apr_pool_t *pool);

typedef struct finq_feed_due_in {
    const char *connectors;
    apr_int32_t seconds;
} finq_feed_due_in;
typedef struct finq_feed_due_out {
    const finq_id *credentials_id;
    apr_int64_t behind;
    apr_int64_t oldest;
} finq_feed_due_out;
/** sql/functions/feed.sql. It may be repeated. */
finq_error *finq_call_feed_due(finq_feed_due_out *out, finq_db *db, const finq_feed_due_in *in, apr_pool_t *pool);

typedef struct finq_feed_fail_in {
    const finq_id *credentials_id;
    const finq_id *refresh_id;
    const char *error;
    int is_withdrawn;
    int gives_back;
} finq_feed_fail_in;
typedef struct finq_feed_fail_out {
    int was_held;
} finq_feed_fail_out;
/** sql/functions/feed.sql. It may be repeated. */
finq_error *finq_call_feed_fail(finq_feed_fail_out *out, finq_db *db, const finq_feed_fail_in *in, apr_pool_t *pool);

typedef struct finq_feed_keep_in {
    const finq_id *session_id;
    const finq_id *client_id;
    const finq_id *credentials_id;
    apr_int32_t skill_id;
    const char *connector;
    finq_bytes reference;
    finq_bytes reference_key;
} finq_feed_keep_in;
typedef struct finq_feed_keep_out {
    const finq_id *credentials_id;
} finq_feed_keep_out;
/** sql/functions/feed.sql. It may be repeated. */
finq_error *finq_call_feed_keep(finq_feed_keep_out *out, finq_db *db, const finq_feed_keep_in *in, apr_pool_t *pool);

typedef struct finq_feed_store_in {
    const finq_id *credentials_id;
    const finq_id *refresh_id;
    apr_int32_t place;
    const char *accounts; /**< json */
    const char *balances; /**< json */
    const char *rows; /**< json */
    finq_bytes told;
    int adds;
    apr_int64_t since;
    apr_int32_t frequency;
} finq_feed_store_in;
typedef struct finq_feed_store_out {
    const char *outcome;
    const char *fault;
    apr_int64_t seq;
} finq_feed_store_out;
/** sql/functions/feed.sql. It may be repeated. */
finq_error *finq_call_feed_store(finq_feed_store_out *out, finq_db *db, const finq_feed_store_in *in, apr_pool_t *pool);

typedef struct finq_feed_tell_in {
    const finq_id *credentials_id;
    const finq_id *refresh_id;
    apr_int32_t place;
    const char *rows; /**< json */
    apr_int32_t seconds;
} finq_feed_tell_in;
typedef struct finq_feed_tell_out {
    int is_held;
} finq_feed_tell_out;
/** sql/functions/feed.sql. It may be repeated. */
finq_error *finq_call_feed_tell(finq_feed_tell_out *out, finq_db *db, const finq_feed_tell_in *in, apr_pool_t *pool);

typedef struct finq_handoff_choose_in {
    const finq_id *client_id;
    const finq_id *page_id;
    apr_int32_t generation;
    const finq_id *handoff_id;
    const finq_id *session_id;
    apr_int32_t nonce_generation;
    const char *choice;
    apr_int32_t ttl;
    apr_int32_t nonce_ttl;
    apr_int32_t temp_token_ttl;
    apr_int32_t secret_id;
} finq_handoff_choose_in;
typedef finq_session_standing_row finq_handoff_choose_out;
/** sql/functions/handoff.sql. It may be repeated. */
finq_error *finq_call_handoff_choose(finq_handoff_choose_out *out, finq_db *db, const finq_handoff_choose_in *in,
                                     apr_pool_t *pool);

typedef struct finq_handoff_finish_in {
    const finq_id *client_id;
    const finq_id *page_id;
    apr_int32_t generation;
    const finq_id *handoff_id;
    const finq_id *session_id;
    apr_int32_t ordinal;
    apr_int32_t nonce_generation;
    apr_int64_t nonce_expires_at;
    apr_int32_t nonce_ttl;
    apr_int32_t temp_token_ttl;
    apr_int32_t secret_id;
} finq_handoff_finish_in;
typedef finq_session_standing_row finq_handoff_finish_out;
/** sql/functions/handoff.sql. It may be repeated. */
finq_error *finq_call_handoff_finish(finq_handoff_finish_out *out, finq_db *db, const finq_handoff_finish_in *in,
                                     apr_pool_t *pool);

typedef struct finq_handoff_look_in {
    const finq_id *client_id;
    const finq_id *page_id;
    apr_int32_t generation;
    const finq_id *handoff_id;
} finq_handoff_look_in;
typedef finq_page_facts_row finq_handoff_look_out;
/** sql/functions/handoff.sql. It may be repeated. */
finq_error *finq_call_handoff_look(finq_handoff_look_out *out, finq_db *db, const finq_handoff_look_in *in, apr_pool_t *pool);

typedef struct finq_handoff_offer_in {
    const finq_id *client_id;
    const finq_id *page_id;
    apr_int32_t generation;
    const finq_id *session_id;
    apr_int32_t ordinal;
    apr_int32_t nonce_generation;
    apr_int64_t nonce_expires_at;
    const finq_id *handoff_id;
    const char *numbers;
    apr_int32_t ttl;
} finq_handoff_offer_in;
typedef struct finq_handoff_offer_out {
    const char *outcome;
    const finq_id *handoff_id;
    const char *numbers;
    apr_int64_t expires_at;
} finq_handoff_offer_out;
/** sql/functions/handoff.sql. It may be repeated. */
finq_error *finq_call_handoff_offer(finq_handoff_offer_out *out, finq_db *db, const finq_handoff_offer_in *in, apr_pool_t *pool);

typedef struct finq_handoff_open_in {
    const finq_id *client_id;
    const finq_id *page_id;
    apr_int32_t generation;
    const finq_id *handoff_id;
    const finq_id *session_id;
    finq_bytes opened_by;
    apr_int32_t ttl;
    apr_int32_t nonce_ttl;
    apr_int32_t temp_token_ttl;
    apr_int32_t secret_id;
} finq_handoff_open_in;
typedef finq_session_standing_row finq_handoff_open_out;
/** sql/functions/handoff.sql. It may be repeated. */
finq_error *finq_call_handoff_open(finq_handoff_open_out *out, finq_db *db, const finq_handoff_open_in *in, apr_pool_t *pool);

typedef struct finq_is_read_only_out {
    int is_read_only;
} finq_is_read_only_out;
/** sql/functions/tenant.sql. It may be repeated. */
finq_error *finq_call_is_read_only(finq_is_read_only_out *out, finq_db *db, apr_pool_t *pool);

typedef struct finq_janitor_batch_in {
    apr_int64_t epoch;
    const char *job;
    apr_int32_t session_retention;
    apr_int32_t event_retention;
    apr_int32_t audit_retention;
} finq_janitor_batch_in;
typedef struct finq_janitor_batch_out {
    const char *outcome;
    const char *job;
    apr_int32_t done;
    const char *next_job;
    const char *problem;
} finq_janitor_batch_out;
/** sql/functions/janitor.sql. */
finq_error *finq_call_janitor_batch(finq_janitor_batch_out *out, finq_db *db, const finq_janitor_batch_in *in, apr_pool_t *pool);

typedef struct finq_janitor_begin_in {
    const char *holder;
    apr_int32_t every;
    apr_int32_t session_retention;
    apr_int32_t event_retention;
    apr_int32_t audit_retention;
} finq_janitor_begin_in;
typedef struct finq_janitor_begin_out {
    apr_int64_t epoch;
    apr_int64_t lag;
    apr_int64_t last_run;
    const char *holder;
    apr_int32_t weeks_ahead;
    apr_int32_t weeks_missing;
    apr_int32_t weeks_pinned;
    apr_int32_t weeks_contended;
} finq_janitor_begin_out;
/** sql/functions/janitor.sql. */
finq_error *finq_call_janitor_begin(finq_janitor_begin_out *out, finq_db *db, const finq_janitor_begin_in *in, apr_pool_t *pool);

typedef struct finq_janitor_end_in {
    apr_int64_t epoch;
} finq_janitor_end_in;
typedef struct finq_janitor_end_out {
    int was_held;
    apr_int64_t place;
    finq_bytes hash;
} finq_janitor_end_out;
/** sql/functions/janitor.sql. */
finq_error *finq_call_janitor_end(finq_janitor_end_out *out, finq_db *db, const finq_janitor_end_in *in, apr_pool_t *pool);

typedef struct finq_janitor_sign_in {
    apr_int64_t place;
    finq_bytes hash;
    apr_int32_t secret_id;
    finq_bytes signature;
} finq_janitor_sign_in;
typedef struct finq_janitor_sign_out {
    int is_kept;
} finq_janitor_sign_out;
/** sql/functions/janitor.sql. It may be repeated. */
finq_error *finq_call_janitor_sign(finq_janitor_sign_out *out, finq_db *db, const finq_janitor_sign_in *in, apr_pool_t *pool);

typedef struct finq_page_begin_in {
    const finq_id *client_id;
    const finq_id *page_id;
    apr_int32_t generation;
    const finq_id *session_id;
    finq_bytes session_key;
    apr_int32_t session_ttl;
} finq_page_begin_in;
typedef finq_page_facts_row finq_page_begin_out;
/** sql/functions/page.sql. It may be repeated. */
finq_error *finq_call_page_begin(finq_page_begin_out *out, finq_db *db, const finq_page_begin_in *in, apr_pool_t *pool);

typedef struct finq_page_logo_in {
    const char *logo_id;
} finq_page_logo_in;
typedef struct finq_page_logo_out {
    finq_bytes logo;
    const char *logo_type;
} finq_page_logo_out;
/** sql/functions/page.sql. It may be repeated. */
finq_error *finq_call_page_logo(finq_page_logo_out *out, finq_db *db, const finq_page_logo_in *in, apr_pool_t *pool);

typedef struct finq_page_look_in {
    const finq_id *client_id;
    const finq_id *page_id;
    apr_int32_t generation;
} finq_page_look_in;
typedef finq_page_facts_row finq_page_look_out;
/** sql/functions/page.sql. It locks no more than its page, and may share a transaction. It may be repeated. */
finq_error *finq_call_page_look(finq_page_look_out *out, finq_db *db, const finq_page_look_in *in, apr_pool_t *pool);

typedef struct finq_page_make_in {
    const finq_id *client_id;
    finq_bytes secret_hash;
    const finq_id *page_id;
    const char *skill;
    int is_served;
    const char *language;
    finq_bytes data_key;
    finq_bytes tenant_user_id;
    finq_bytes user_mac;
    finq_bytes prefill;
    finq_bytes return_link;
    const char *steps; /**< text[] */
    const char *return_folded;
    apr_int32_t ttl;
} finq_page_make_in;
typedef struct finq_page_make_out {
    const char *outcome;
    apr_int32_t skill_id;
    apr_int64_t expires_at;
} finq_page_make_out;
/** sql/functions/page.sql. It may be repeated. */
finq_error *finq_call_page_make(finq_page_make_out *out, finq_db *db, const finq_page_make_in *in, apr_pool_t *pool);

typedef struct finq_page_renew_in {
    const finq_id *client_id;
    finq_bytes secret_hash;
    const finq_id *page_id;
    const finq_id *request_id;
    apr_int32_t ttl;
} finq_page_renew_in;
typedef struct finq_page_renew_out {
    const char *outcome;
    apr_int32_t skill_id;
    apr_int32_t generation;
    apr_int64_t expires_at;
} finq_page_renew_out;
/** sql/functions/page.sql. It may be repeated. */
finq_error *finq_call_page_renew(finq_page_renew_out *out, finq_db *db, const finq_page_renew_in *in, apr_pool_t *pool);

typedef struct finq_page_resume_in {
    const finq_id *client_id;
    const finq_id *page_id;
    apr_int32_t generation;
    apr_int32_t nonce_ttl;
    apr_int32_t temp_token_ttl;
    apr_int32_t secret_id;
} finq_page_resume_in;
typedef finq_session_standing_row finq_page_resume_out;
/** sql/functions/page.sql. It may be repeated. */
finq_error *finq_call_page_resume(finq_page_resume_out *out, finq_db *db, const finq_page_resume_in *in, apr_pool_t *pool);

typedef struct finq_partial_begin_in {
    const finq_id *client_id;
    const finq_id *session_id;
    apr_int32_t ordinal;
    const finq_id *step_id;
    const char *document;
    apr_int32_t nonce_ttl;
    apr_int32_t generation;
    apr_int64_t step_quota;
    apr_int64_t session_quota;
    apr_int64_t tenant_quota;
    const finq_id *upload_id;
    apr_int64_t least;
    apr_int64_t most;
    apr_int32_t upload_ttl;
} finq_partial_begin_in;
typedef struct finq_partial_begin_out {
    const char *outcome;
    const char *quota;
    apr_int64_t room;
    apr_int64_t expires_at;
    int has_others;
} finq_partial_begin_out;
/** sql/functions/partial.sql. It may be repeated. */
finq_error *finq_call_partial_begin(finq_partial_begin_out *out, finq_db *db, const finq_partial_begin_in *in, apr_pool_t *pool);

typedef struct finq_partial_end_in {
    const finq_id *upload_id;
} finq_partial_end_in;
typedef struct finq_partial_end_out {
    const char *outcome;
} finq_partial_end_out;
/** sql/functions/partial.sql. It may be repeated. */
finq_error *finq_call_partial_end(finq_partial_end_out *out, finq_db *db, const finq_partial_end_in *in, apr_pool_t *pool);

typedef struct finq_partial_promise_in {
    const finq_id *session_id;
    const finq_id *upload_id;
    apr_int64_t step_quota;
    apr_int64_t session_quota;
    apr_int64_t tenant_quota;
    apr_int64_t least;
    apr_int64_t most;
} finq_partial_promise_in;
typedef struct finq_partial_promise_out {
    const char *outcome;
    const char *quota;
    apr_int64_t room;
} finq_partial_promise_out;
/** sql/functions/partial.sql. It may be repeated. */
finq_error *finq_call_partial_promise(finq_partial_promise_out *out, finq_db *db, const finq_partial_promise_in *in,
                                      apr_pool_t *pool);

typedef struct finq_partial_stand_in {
    const finq_id *session_id;
    const finq_id *upload_id;
} finq_partial_stand_in;
typedef struct finq_partial_stand_out {
    const char *outcome;
    const finq_id *replaced;
} finq_partial_stand_out;
/** sql/functions/partial.sql. It may be repeated. */
finq_error *finq_call_partial_stand(finq_partial_stand_out *out, finq_db *db, const finq_partial_stand_in *in, apr_pool_t *pool);

typedef struct finq_partial_stored_in {
    const finq_id *upload_id;
} finq_partial_stored_in;
typedef struct finq_partial_stored_out {
    const finq_id *upload_id;
    const char *document;
    apr_int64_t size;
    finq_bytes sha256;
    const char *media_type;
    apr_int32_t width;
    apr_int32_t height;
    apr_int32_t orientation;
} finq_partial_stored_out;
/** sql/functions/partial.sql. It may be repeated. */
finq_error *finq_call_partial_stored(finq_partial_stored_out *out, finq_db *db, const finq_partial_stored_in *in,
                                     apr_pool_t *pool);

typedef struct finq_payment_begin_in {
    const finq_id *client_id;
    const finq_id *session_id;
    apr_int32_t skill_id;
    const finq_id *step_id;
    const char *connector;
    const finq_id *payment_id;
    const finq_id *attempt;
    finq_bytes order_mac;
    const char *references; /**< bytea[] */
    finq_bytes data_key;
    finq_bytes tenant_user_id;
    finq_bytes user_mac;
    apr_int64_t started_at;
    finq_bytes book;
    const char *execution_date;
} finq_payment_begin_in;
typedef struct finq_payment_begin_out {
    const char *outcome;
    apr_int32_t place;
    const finq_id *payment_id;
    const finq_id *attempt;
    finq_bytes book;
    apr_int32_t version;
} finq_payment_begin_out;
/** sql/functions/payment.sql. It may be repeated. */
finq_error *finq_call_payment_begin(finq_payment_begin_out *out, finq_db *db, const finq_payment_begin_in *in, apr_pool_t *pool);

typedef struct finq_payment_claim_in {
    const finq_id *session_id;
    const finq_id *tenant;
    const char *connectors;
} finq_payment_claim_in;
typedef struct finq_payment_claim_out {
    const finq_id *payment_id;
    const finq_id *client_id;
    const finq_id *session_id;
    const finq_id *step_id;
    apr_int32_t skill_id;
    const char *connector;
    const finq_id *attempt;
    finq_bytes reference;
    finq_bytes data_key;
    finq_bytes book;
    apr_int32_t version;
} finq_payment_claim_out;
/** sql/functions/payment.sql. */
finq_error *finq_call_payment_claim(finq_payment_claim_out *out, finq_db *db, const finq_payment_claim_in *in, apr_pool_t *pool);

typedef struct finq_payment_get_in {
    const finq_id *client_id;
    finq_bytes secret_hash;
    const finq_id *credentials_id;
    finq_bytes access_token_hash;
} finq_payment_get_in;
typedef struct finq_payment_get_out {
    const char *outcome;
    const finq_id *payment_id;
    const finq_id *session_id;
    finq_bytes data_key;
    finq_bytes book;
    const char *phase;
    int is_final;
    int is_due;
    const char *told_at;
} finq_payment_get_out;
/** sql/functions/payment.sql. It may be repeated. */
finq_error *finq_call_payment_get(finq_payment_get_out *out, finq_db *db, const finq_payment_get_in *in, apr_pool_t *pool);

typedef struct finq_payment_of_session_in {
    const finq_id *session_id;
} finq_payment_of_session_in;
typedef struct finq_payment_of_session_out {
    const finq_id *payment_id;
    const finq_id *attempt;
    finq_bytes book;
    apr_int32_t version;
} finq_payment_of_session_out;
/** sql/functions/payment.sql. It may be repeated. */
finq_error *finq_call_payment_of_session(finq_payment_of_session_out *out, finq_db *db, const finq_payment_of_session_in *in,
                                         apr_pool_t *pool);

typedef struct finq_payment_of_step_in {
    const finq_id *step_id;
    const finq_id *attempt;
    const finq_id *tenant;
    const char *connector;
} finq_payment_of_step_in;
typedef struct finq_payment_of_step_out {
    const finq_id *payment_id;
    const finq_id *session_id;
    finq_bytes data_key;
    finq_bytes book;
    apr_int32_t version;
    apr_int32_t orders;
} finq_payment_of_step_out;
/** sql/functions/payment.sql. It may be repeated. */
finq_error *finq_call_payment_of_step(finq_payment_of_step_out *out, finq_db *db, const finq_payment_of_step_in *in,
                                      apr_pool_t *pool);

typedef struct finq_payment_release_in {
    const finq_id *payment_id;
} finq_payment_release_in;
typedef struct finq_payment_release_out {
    int was_held;
} finq_payment_release_out;
/** sql/functions/payment.sql. It may be repeated. */
finq_error *finq_call_payment_release(finq_payment_release_out *out, finq_db *db, const finq_payment_release_in *in,
                                      apr_pool_t *pool);

typedef struct finq_payment_tell_in {
    const finq_id *payment_id;
    apr_int32_t version;
    finq_bytes book;
    const char *phase;
    const char *status;
    int is_final;
    int is_released;
    finq_bytes reference;
} finq_payment_tell_in;
typedef struct finq_payment_tell_out {
    const char *outcome;
    finq_bytes book;
    apr_int32_t version;
} finq_payment_tell_out;
/** sql/functions/payment.sql. It may be repeated. */
finq_error *finq_call_payment_tell(finq_payment_tell_out *out, finq_db *db, const finq_payment_tell_in *in, apr_pool_t *pool);

typedef struct finq_redirect_conclude_in {
    const finq_id *client_id;
    const finq_id *session_id;
    apr_int32_t ordinal;
    finq_bytes return_hash;
    const char *decision;
    finq_bytes told;
    finq_bytes reasons;
    apr_int32_t answer_ttl;
    apr_int32_t secret_id;
    finq_bytes error;
    finq_bytes description;
} finq_redirect_conclude_in;
typedef finq_return_answer_row finq_redirect_conclude_out;
/** sql/functions/session.sql. It may be repeated. */
finq_error *finq_call_redirect_conclude(finq_redirect_conclude_out *out, finq_db *db, const finq_redirect_conclude_in *in,
                                        apr_pool_t *pool);

typedef struct finq_redirect_take_in {
    const finq_id *client_id;
    const finq_id *session_id;
    apr_int32_t ordinal;
    finq_bytes return_hash;
    const finq_id *request_id;
} finq_redirect_take_in;
typedef finq_return_answer_row finq_redirect_take_out;
/** sql/functions/session.sql. It may be repeated. */
finq_error *finq_call_redirect_take(finq_redirect_take_out *out, finq_db *db, const finq_redirect_take_in *in, apr_pool_t *pool);

typedef struct finq_revocation_done_in {
    const finq_id *revocation_id;
} finq_revocation_done_in;
typedef struct finq_revocation_done_out {
    int was_there;
} finq_revocation_done_out;
/** sql/functions/feed.sql. It may be repeated. */
finq_error *finq_call_revocation_done(finq_revocation_done_out *out, finq_db *db, const finq_revocation_done_in *in,
                                      apr_pool_t *pool);

typedef struct finq_revocation_due_in {
    const char *connectors;
    apr_int32_t seconds;
} finq_revocation_due_in;
typedef struct finq_revocation_due_out {
    const finq_id *revocation_id;
    const finq_id *client_id;
    apr_int32_t skill_id;
    const char *connector;
    finq_bytes reference;
    finq_bytes reference_key;
} finq_revocation_due_out;
/** sql/functions/feed.sql. It may be repeated. */
finq_error *finq_call_revocation_due(finq_revocation_due_out *out, finq_db *db, const finq_revocation_due_in *in,
                                     apr_pool_t *pool);

typedef struct finq_sandbox_asker_in {
    const finq_id *client_id;
} finq_sandbox_asker_in;
typedef struct finq_sandbox_asker_out {
    const char *asker;
} finq_sandbox_asker_out;
/** sql/functions/sandbox.sql. It may be repeated. */
finq_error *finq_call_sandbox_asker(finq_sandbox_asker_out *out, finq_db *db, const finq_sandbox_asker_in *in, apr_pool_t *pool);

typedef struct finq_sandbox_look_in {
    const char *customer;
    const finq_id *attempt;
    int counts;
    int is_attended;
} finq_sandbox_look_in;
typedef struct finq_sandbox_look_out {
    finq_bytes seed;
    apr_int32_t today;
    apr_int32_t days;
    apr_int32_t reads;
    apr_int32_t unattended;
} finq_sandbox_look_out;
/** sql/functions/sandbox.sql. It may be repeated. */
finq_error *finq_call_sandbox_look(finq_sandbox_look_out *out, finq_db *db, const finq_sandbox_look_in *in, apr_pool_t *pool);

typedef struct finq_sandbox_order_decide_in {
    const finq_id *attempt;
    const char *decision;
    apr_int32_t seconds;
    const char *account;
} finq_sandbox_order_decide_in;
typedef finq_sandbox_order_answer_row finq_sandbox_order_decide_out;
/** sql/functions/sandbox_order.sql. It may be repeated. */
finq_error *finq_call_sandbox_order_decide(finq_sandbox_order_decide_out *out, finq_db *db, const finq_sandbox_order_decide_in *in,
                                           apr_pool_t *pool);

typedef struct finq_sandbox_order_look_in {
    const finq_id *attempt;
    const char *event;
    const finq_id *request_id;
} finq_sandbox_order_look_in;
typedef finq_sandbox_order_answer_row finq_sandbox_order_look_out;
/** sql/functions/sandbox_order.sql. It may be repeated. */
finq_error *finq_call_sandbox_order_look(finq_sandbox_order_look_out *out, finq_db *db, const finq_sandbox_order_look_in *in,
                                         apr_pool_t *pool);

typedef struct finq_sandbox_order_take_in {
    const finq_id *attempt;
    const finq_id *session_id;
    const char *message_id;
    finq_bytes body_hash;
    const char *transfers;
    finq_bytes sealed;
    apr_int32_t seconds;
    const finq_id *request_id;
} finq_sandbox_order_take_in;
typedef finq_sandbox_order_answer_row finq_sandbox_order_take_out;
/** sql/functions/sandbox_order.sql. It may be repeated. */
finq_error *finq_call_sandbox_order_take(finq_sandbox_order_take_out *out, finq_db *db, const finq_sandbox_order_take_in *in,
                                         apr_pool_t *pool);

typedef struct finq_schema_version_out {
    apr_int32_t schema_version;
} finq_schema_version_out;
/** sql/functions/tenant.sql. It may be repeated. */
finq_error *finq_call_schema_version(finq_schema_version_out *out, finq_db *db, apr_pool_t *pool);

typedef struct finq_session_back_in {
    const finq_id *client_id;
    const finq_id *session_id;
    apr_int32_t ordinal;
    apr_int32_t generation;
    apr_int64_t nonce_expires_at;
    apr_int32_t nonce_ttl;
    apr_int32_t temp_token_ttl;
    apr_int32_t secret_id;
} finq_session_back_in;
typedef finq_session_standing_row finq_session_back_out;
/** sql/functions/session.sql. It may be repeated. */
finq_error *finq_call_session_back(finq_session_back_out *out, finq_db *db, const finq_session_back_in *in, apr_pool_t *pool);

typedef struct finq_session_cancel_in {
    const finq_id *client_id;
    finq_bytes secret_hash;
    const finq_id *session_id;
    apr_int32_t ordinal;
    apr_int32_t generation;
    apr_int64_t nonce_expires_at;
    apr_int32_t nonce_ttl;
    apr_int32_t temp_token_ttl;
    apr_int32_t secret_id;
} finq_session_cancel_in;
typedef finq_session_standing_row finq_session_cancel_out;
/** sql/functions/session.sql. It may be repeated. */
finq_error *finq_call_session_cancel(finq_session_cancel_out *out, finq_db *db, const finq_session_cancel_in *in,
                                     apr_pool_t *pool);

typedef struct finq_session_documents_in {
    const finq_id *session_id;
    const finq_id *client_id;
    const char *reader;
} finq_session_documents_in;
typedef struct finq_session_documents_out {
    const char *session_documents;
} finq_session_documents_out;
/** sql/functions/upload.sql. It may be repeated. */
finq_error *finq_call_session_documents(finq_session_documents_out *out, finq_db *db, const finq_session_documents_in *in,
                                        apr_pool_t *pool);

typedef struct finq_session_exists_in {
    const finq_id *client_id;
    const finq_id *session_id;
} finq_session_exists_in;
typedef struct finq_session_exists_out {
    int session_exists;
} finq_session_exists_out;
/** sql/functions/session.sql. It may be repeated. */
finq_error *finq_call_session_exists(finq_session_exists_out *out, finq_db *db, const finq_session_exists_in *in,
                                     apr_pool_t *pool);

typedef struct finq_session_resume_in {
    const finq_id *client_id;
    finq_bytes secret_hash;
    const finq_id *session_id;
    apr_int32_t nonce_ttl;
    apr_int32_t temp_token_ttl;
    apr_int32_t secret_id;
} finq_session_resume_in;
typedef finq_session_standing_row finq_session_resume_out;
/** sql/functions/session.sql. It may be repeated. */
finq_error *finq_call_session_resume(finq_session_resume_out *out, finq_db *db, const finq_session_resume_in *in,
                                     apr_pool_t *pool);

typedef struct finq_session_status_in {
    const finq_id *client_id;
    const finq_id *session_id;
    apr_int32_t ordinal;
    apr_int32_t generation;
    apr_int64_t nonce_expires_at;
    apr_int32_t nonce_ttl;
    apr_int32_t temp_token_ttl;
    apr_int32_t secret_id;
    apr_int64_t started_at;
    finq_bytes user_mac;
} finq_session_status_in;
typedef finq_session_standing_row finq_session_status_out;
/** sql/functions/session.sql. It locks no more than its session, and may share a transaction. It may be repeated. */
finq_error *finq_call_session_status(finq_session_status_out *out, finq_db *db, const finq_session_status_in *in,
                                     apr_pool_t *pool);

typedef struct finq_sessions_settled_in {
    const char *session_ids; /**< uuid[] */
    const char *generations; /**< integer[] */
} finq_sessions_settled_in;
typedef struct finq_sessions_settled_out {
    apr_int32_t place;
} finq_sessions_settled_out;
/** sql/functions/session.sql. `*rows` are of finq_sessions_settled_out. It may be repeated. */
finq_error *finq_call_sessions_settled(apr_array_header_t **rows, finq_db *db, const finq_sessions_settled_in *in,
                                       apr_pool_t *pool);

typedef struct finq_signature_use_in {
    const finq_id *client_id;
    const char *kid;
    finq_bytes token_hash;
    apr_int64_t expires_at;
    const finq_id *request_id;
} finq_signature_use_in;
typedef struct finq_signature_use_out {
    int is_first;
} finq_signature_use_out;
/** sql/functions/signature.sql. It may be repeated. */
finq_error *finq_call_signature_use(finq_signature_use_out *out, finq_db *db, const finq_signature_use_in *in, apr_pool_t *pool);

typedef struct finq_signing_keys_in {
    const char *issuer;
    const finq_id *client_id;
} finq_signing_keys_in;
typedef struct finq_signing_keys_out {
    const char *signing_keys;
} finq_signing_keys_out;
/** sql/functions/signature.sql. It may be repeated. */
finq_error *finq_call_signing_keys(finq_signing_keys_out *out, finq_db *db, const finq_signing_keys_in *in, apr_pool_t *pool);

typedef struct finq_skill_get_in {
    apr_int32_t skill_id;
} finq_skill_get_in;
typedef finq_published_skill_row finq_skill_get_out;
/** sql/functions/skill.sql. It may be repeated. */
finq_error *finq_call_skill_get(finq_skill_get_out *out, finq_db *db, const finq_skill_get_in *in, apr_pool_t *pool);

typedef struct finq_skill_named_in {
    const char *name;
} finq_skill_named_in;
typedef finq_published_skill_row finq_skill_named_out;
/** sql/functions/skill.sql. It may be repeated. */
finq_error *finq_call_skill_named(finq_skill_named_out *out, finq_db *db, const finq_skill_named_in *in, apr_pool_t *pool);

typedef struct finq_step_context_in {
    const finq_id *client_id;
    const finq_id *session_id;
    apr_int32_t skill_id;
    apr_int32_t ordinal;
    apr_int64_t app_key_id;
    apr_int32_t generation;
    finq_bytes body_hash;
    const char *required; /**< text[] */
    apr_int64_t started_at;
    apr_int32_t session_ttl;
    const char *return_link;
    const finq_id *attempt;
    const finq_id *renews;
    const finq_id *request_id;
    apr_int32_t claim;
    finq_bytes user_mac;
} finq_step_context_in;
typedef struct finq_step_context_out {
    const char *outcome;
    const char *missing;
    finq_bytes tenant_user_id;
    const char *steps;
    const char *documents;
} finq_step_context_out;
/** sql/functions/step.sql. It may be repeated. */
finq_error *finq_call_step_context(finq_step_context_out *out, finq_db *db, const finq_step_context_in *in, apr_pool_t *pool);

typedef struct finq_step_decide_in {
    const finq_id *step_id;
    const finq_id *tenant;
    const char *connector;
    const char *decision;
    finq_bytes reasons;
    const finq_id *request_id;
} finq_step_decide_in;
typedef struct finq_step_decide_out {
    const char *outcome;
    const char *status;
} finq_step_decide_out;
/** sql/functions/step.sql. It may be repeated. */
finq_error *finq_call_step_decide(finq_step_decide_out *out, finq_db *db, const finq_step_decide_in *in, apr_pool_t *pool);

typedef struct finq_step_key_in {
    const finq_id *step_id;
} finq_step_key_in;
typedef struct finq_step_key_out {
    const finq_id *session_id;
    finq_bytes data_key;
} finq_step_key_out;
/** sql/functions/step.sql. It may be repeated. */
finq_error *finq_call_step_key(finq_step_key_out *out, finq_db *db, const finq_step_key_in *in, apr_pool_t *pool);

typedef struct finq_step_release_in {
    const finq_id *session_id;
    apr_int32_t ordinal;
    const finq_id *attempt;
} finq_step_release_in;
typedef struct finq_step_release_out {
    int was_held;
} finq_step_release_out;
/** sql/functions/step.sql. It may be repeated. */
finq_error *finq_call_step_release(finq_step_release_out *out, finq_db *db, const finq_step_release_in *in, apr_pool_t *pool);

typedef struct finq_submit_step_in {
    const finq_id *client_id;
    const finq_id *session_id;
    apr_int32_t skill_id;
    apr_int32_t ordinal;
    apr_int64_t app_key_id;
    finq_bytes tenant_user_id;
    apr_int64_t started_at;
    apr_int64_t nonce_expires_at;
    const finq_id *step_id;
    const char *step_name;
    finq_bytes body_hash;
    finq_bytes data;
    const char *required; /**< text[] */
    const char *status; /**< finq.session_status */
    apr_int32_t secret_id;
    apr_int32_t answer_ttl;
    apr_int32_t session_ttl;
    apr_int32_t generation;
    apr_int32_t place;
    apr_int32_t next_place;
    const char *waits_for; /**< finq.waiting */
    finq_bytes reply;
    finq_bytes return_link;
    apr_int64_t return_until;
    finq_bytes reasons;
    const finq_id *attempt;
    const finq_id *renews;
    finq_bytes user_mac;
    finq_bytes data_key;
} finq_submit_step_in;
typedef finq_step_answer_row finq_submit_step_out;
/** sql/functions/step.sql. It locks no more than its session, and may share a transaction. It may be repeated. */
finq_error *finq_call_submit_step(finq_submit_step_out *out, finq_db *db, const finq_submit_step_in *in, apr_pool_t *pool);

typedef struct finq_tenant_seen_in {
    const finq_id *client_id;
    finq_bytes app_key_hash;
} finq_tenant_seen_in;
typedef struct finq_tenant_seen_out {
    const char *tenant_seen;
} finq_tenant_seen_out;
/** sql/functions/tenant.sql. It may be repeated. */
finq_error *finq_call_tenant_seen(finq_tenant_seen_out *out, finq_db *db, const finq_tenant_seen_in *in, apr_pool_t *pool);

typedef struct finq_transactions_page_in {
    const finq_id *client_id;
    finq_bytes secret_hash;
    const finq_id *credentials_id;
    finq_bytes access_token_hash;
    const char *filter;
    apr_int64_t at;
    apr_int64_t after_booked;
    const finq_id *after_id;
    apr_int32_t count;
} finq_transactions_page_in;
typedef finq_transaction_answer_row finq_transactions_page_out;
/** sql/functions/data.sql. `*rows` are of finq_transactions_page_out. It may be repeated. */
finq_error *finq_call_transactions_page(apr_array_header_t **rows, finq_db *db, const finq_transactions_page_in *in,
                                        apr_pool_t *pool);

typedef struct finq_transactions_sync_in {
    const finq_id *client_id;
    finq_bytes secret_hash;
    const finq_id *credentials_id;
    finq_bytes access_token_hash;
    apr_int64_t from;
    apr_int64_t after;
    apr_int64_t upto;
    apr_int32_t count;
} finq_transactions_sync_in;
typedef finq_transaction_answer_row finq_transactions_sync_out;
/** sql/functions/data.sql. `*rows` are of finq_transactions_sync_out. It may be repeated. */
finq_error *finq_call_transactions_sync(apr_array_header_t **rows, finq_db *db, const finq_transactions_sync_in *in,
                                        apr_pool_t *pool);

typedef struct finq_upload_admit_in {
    const finq_id *client_id;
    const finq_id *session_id;
    apr_int32_t ordinal;
    const finq_id *step_id;
    const char *document;
    apr_int32_t nonce_ttl;
    apr_int32_t generation;
    apr_int64_t step_quota;
    apr_int64_t session_quota;
    apr_int64_t tenant_quota;
    const finq_id *partial;
} finq_upload_admit_in;
typedef struct finq_upload_admit_out {
    const char *outcome;
    const char *quota;
    apr_int64_t room;
} finq_upload_admit_out;
/** sql/functions/upload.sql. It may be repeated. */
finq_error *finq_call_upload_admit(finq_upload_admit_out *out, finq_db *db, const finq_upload_admit_in *in, apr_pool_t *pool);

typedef struct finq_upload_largest_out {
    const char *skill;
    const char *document;
    apr_int64_t max_bytes;
} finq_upload_largest_out;
/** sql/functions/upload.sql. It may be repeated. */
finq_error *finq_call_upload_largest(finq_upload_largest_out *out, finq_db *db, apr_pool_t *pool);

typedef struct finq_upload_open_in {
    const finq_id *upload_id;
    const finq_id *client_id;
    const char *reader;
} finq_upload_open_in;
typedef struct finq_upload_open_out {
    const char *document;
    const char *media_type;
    apr_int64_t uploaded_at;
    finq_bytes data_key;
} finq_upload_open_out;
/** sql/functions/upload.sql. It may be repeated. */
finq_error *finq_call_upload_open(finq_upload_open_out *out, finq_db *db, const finq_upload_open_in *in, apr_pool_t *pool);

typedef struct finq_upload_record_in {
    const finq_id *client_id;
    const finq_id *session_id;
    apr_int32_t ordinal;
    const finq_id *step_id;
    const char *document;
    const finq_id *upload_id;
    apr_int64_t size;
    finq_bytes sha256;
    const char *media_type;
    apr_int32_t nonce_ttl;
    apr_int32_t generation;
    apr_int32_t width;
    apr_int32_t height;
    apr_int32_t orientation;
    apr_int64_t step_quota;
    apr_int64_t session_quota;
    apr_int64_t tenant_quota;
    const finq_id *partial;
} finq_upload_record_in;
typedef struct finq_upload_record_out {
    const char *outcome;
    const finq_id *upload_id;
    const finq_id *replaced;
    const char *quota;
    const finq_id *ended;
} finq_upload_record_out;
/** sql/functions/upload.sql. It may be repeated. */
finq_error *finq_call_upload_record(finq_upload_record_out *out, finq_db *db, const finq_upload_record_in *in, apr_pool_t *pool);

typedef struct finq_upload_sweep_in {
    finq_bytes mark;
    const char *undecided; /**< uuid[] */
    const char *gone; /**< uuid[] */
    const finq_id *behind;
} finq_upload_sweep_in;
typedef struct finq_upload_sweep_out {
    const finq_id *upload_id;
    int recorded;
} finq_upload_sweep_out;
/** sql/functions/upload.sql. `*rows` are of finq_upload_sweep_out. It may be repeated. */
finq_error *finq_call_upload_sweep(apr_array_header_t **rows, finq_db *db, const finq_upload_sweep_in *in, apr_pool_t *pool);

typedef struct finq_user_erase_in {
    const finq_id *client_id;
    finq_bytes secret_hash;
    const char *user_macs; /**< bytea[] */
    const finq_id *credentials_id;
    finq_bytes access_token_hash;
} finq_user_erase_in;
typedef struct finq_user_erase_out {
    const char *outcome;
    const char *claims;
} finq_user_erase_out;
/** sql/functions/person.sql. It may be repeated. */
finq_error *finq_call_user_erase(finq_user_erase_out *out, finq_db *db, const finq_user_erase_in *in, apr_pool_t *pool);

typedef struct finq_user_export_in {
    const finq_id *client_id;
    finq_bytes secret_hash;
    const char *user_macs; /**< bytea[] */
    const finq_id *credentials_id;
    finq_bytes access_token_hash;
    const char *part;
    const char *after;
} finq_user_export_in;
typedef struct finq_user_export_out {
    const char *outcome;
    const char *page;
} finq_user_export_out;
/** sql/functions/person.sql. It may be repeated. */
finq_error *finq_call_user_export(finq_user_export_out *out, finq_db *db, const finq_user_export_in *in, apr_pool_t *pool);

#endif
