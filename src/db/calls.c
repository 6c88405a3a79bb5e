/* Made by `make calls`. */
#include "db/calls.h"

static finq_user_export_out user_export_read(const PGresult *rows, int row)
{
    return (finq_user_export_out){
        .outcome = finq_pg_text(rows, row, 0),
        .page = finq_pg_text(rows, row, 1),
    };
}

static finq_user_erase_out user_erase_read(const PGresult *rows, int row)
{
    return (finq_user_erase_out){
        .outcome = finq_pg_text(rows, row, 0),
        .claims = finq_pg_text(rows, row, 1),
    };
}

static finq_upload_sweep_out upload_sweep_read(const PGresult *rows, int row)
{
    return (finq_upload_sweep_out){
        .upload_id = finq_pg_id(rows, row, 0),
        .recorded = finq_pg_bool(rows, row, 1),
    };
}

static finq_upload_record_out upload_record_read(const PGresult *rows, int row)
{
    return (finq_upload_record_out){
        .outcome = finq_pg_text(rows, row, 0),
        .upload_id = finq_pg_id(rows, row, 1),
        .replaced = finq_pg_id(rows, row, 2),
        .quota = finq_pg_text(rows, row, 3),
        .ended = finq_pg_id(rows, row, 4),
    };
}

static finq_upload_open_out upload_open_read(const PGresult *rows, int row)
{
    return (finq_upload_open_out){
        .document = finq_pg_text(rows, row, 0),
        .media_type = finq_pg_text(rows, row, 1),
        .uploaded_at = finq_pg_number(rows, row, 2),
        .data_key = finq_pg_bytes(rows, row, 3),
    };
}

static finq_upload_largest_out upload_largest_read(const PGresult *rows, int row)
{
    return (finq_upload_largest_out){
        .skill = finq_pg_text(rows, row, 0),
        .document = finq_pg_text(rows, row, 1),
        .max_bytes = finq_pg_number(rows, row, 2),
    };
}

static finq_upload_admit_out upload_admit_read(const PGresult *rows, int row)
{
    return (finq_upload_admit_out){
        .outcome = finq_pg_text(rows, row, 0),
        .quota = finq_pg_text(rows, row, 1),
        .room = finq_pg_number(rows, row, 2),
    };
}

static finq_transaction_answer_row transaction_answer_read(const PGresult *rows, int row)
{
    return (finq_transaction_answer_row){
        .outcome = finq_pg_text(rows, row, 0),
        .data_key = finq_pg_bytes(rows, row, 1),
        .is_due = finq_pg_bool(rows, row, 2),
        .at = finq_pg_number(rows, row, 3),
        .is_reset = finq_pg_bool(rows, row, 4),
        .as_of = finq_pg_text(rows, row, 5),
        .access = finq_pg_text(rows, row, 6),
        .number = finq_pg_number(rows, row, 7),
        .change = finq_pg_text(rows, row, 8),
        .reason = finq_pg_text(rows, row, 9),
        .replaced_by = finq_pg_id(rows, row, 10),
        .transaction_id = finq_pg_id(rows, row, 11),
        .account_id = finq_pg_id(rows, row, 12),
        .mac = finq_pg_bytes(rows, row, 13),
        .ordinal = (apr_int32_t)finq_pg_number(rows, row, 14),
        .is_derived = finq_pg_bool(rows, row, 15),
        .is_booked = finq_pg_bool(rows, row, 16),
        .booked_at = finq_pg_number(rows, row, 17),
        .amount = finq_pg_text(rows, row, 18),
        .is_credit = finq_pg_bool(rows, row, 19),
        .currency = finq_pg_text(rows, row, 20),
        .balance = finq_pg_text(rows, row, 21),
        .info = finq_pg_bytes(rows, row, 22),
        .stored_at = finq_pg_number(rows, row, 23),
    };
}

static finq_tenant_seen_out tenant_seen_read(const PGresult *rows, int row)
{
    return (finq_tenant_seen_out){
        .tenant_seen = finq_pg_text(rows, row, 0),
    };
}

static finq_step_answer_row step_answer_read(const PGresult *rows, int row)
{
    return (finq_step_answer_row){
        .outcome = finq_pg_text(rows, row, 0),
        .step_id = finq_pg_id(rows, row, 1),
        .secret_id = (apr_int32_t)finq_pg_number(rows, row, 2),
        .expires_at = finq_pg_number(rows, row, 3),
        .missing = finq_pg_text(rows, row, 4),
        .status = finq_pg_text(rows, row, 5),
        .next_place = (apr_int32_t)finq_pg_number(rows, row, 6),
        .waits_for = finq_pg_text(rows, row, 7),
        .reply = finq_pg_bytes(rows, row, 8),
        .reasons = finq_pg_bytes(rows, row, 9),
    };
}

static finq_step_release_out step_release_read(const PGresult *rows, int row)
{
    return (finq_step_release_out){
        .was_held = finq_pg_bool(rows, row, 0),
    };
}

static finq_step_key_out step_key_read(const PGresult *rows, int row)
{
    return (finq_step_key_out){
        .session_id = finq_pg_id(rows, row, 0),
        .data_key = finq_pg_bytes(rows, row, 1),
    };
}

static finq_step_decide_out step_decide_read(const PGresult *rows, int row)
{
    return (finq_step_decide_out){
        .outcome = finq_pg_text(rows, row, 0),
        .status = finq_pg_text(rows, row, 1),
    };
}

static finq_step_context_out step_context_read(const PGresult *rows, int row)
{
    return (finq_step_context_out){
        .outcome = finq_pg_text(rows, row, 0),
        .missing = finq_pg_text(rows, row, 1),
        .tenant_user_id = finq_pg_bytes(rows, row, 2),
        .steps = finq_pg_text(rows, row, 3),
        .documents = finq_pg_text(rows, row, 4),
    };
}

static finq_published_skill_row published_skill_read(const PGresult *rows, int row)
{
    return (finq_published_skill_row){
        .skill_id = (apr_int32_t)finq_pg_number(rows, row, 0),
        .definition = finq_pg_text(rows, row, 1),
    };
}

static finq_signing_keys_out signing_keys_read(const PGresult *rows, int row)
{
    return (finq_signing_keys_out){
        .signing_keys = finq_pg_text(rows, row, 0),
    };
}

static finq_signature_use_out signature_use_read(const PGresult *rows, int row)
{
    return (finq_signature_use_out){
        .is_first = finq_pg_bool(rows, row, 0),
    };
}

static finq_sessions_settled_out sessions_settled_read(const PGresult *rows, int row)
{
    return (finq_sessions_settled_out){
        .place = (apr_int32_t)finq_pg_number(rows, row, 0),
    };
}

static finq_session_standing_row session_standing_read(const PGresult *rows, int row)
{
    return (finq_session_standing_row){
        .outcome = finq_pg_text(rows, row, 0),
        .held = finq_pg_bool(rows, row, 1),
        .status = finq_pg_text(rows, row, 2),
        .step_id = finq_pg_id(rows, row, 3),
        .expires_at = finq_pg_number(rows, row, 4),
        .secret_id = (apr_int32_t)finq_pg_number(rows, row, 5),
        .ordinal = (apr_int32_t)finq_pg_number(rows, row, 6),
        .place = (apr_int32_t)finq_pg_number(rows, row, 7),
        .previous = (apr_int32_t)finq_pg_number(rows, row, 8),
        .generation = (apr_int32_t)finq_pg_number(rows, row, 9),
        .waits = finq_pg_bool(rows, row, 10),
        .told = finq_pg_bytes(rows, row, 11),
        .reasons = finq_pg_bytes(rows, row, 12),
        .own_reasons = finq_pg_text(rows, row, 13),
        .skill_id = (apr_int32_t)finq_pg_number(rows, row, 14),
        .step_place = (apr_int32_t)finq_pg_number(rows, row, 15),
        .uploaded = finq_pg_text(rows, row, 16),
        .tenant_user_id = finq_pg_bytes(rows, row, 17),
        .data_key = finq_pg_bytes(rows, row, 18),
        .updated_at = finq_pg_number(rows, row, 19),
    };
}

static finq_session_exists_out session_exists_read(const PGresult *rows, int row)
{
    return (finq_session_exists_out){
        .session_exists = finq_pg_bool(rows, row, 0),
    };
}

static finq_session_documents_out session_documents_read(const PGresult *rows, int row)
{
    return (finq_session_documents_out){
        .session_documents = finq_pg_text(rows, row, 0),
    };
}

static finq_schema_version_out schema_version_read(const PGresult *rows, int row)
{
    return (finq_schema_version_out){
        .schema_version = (apr_int32_t)finq_pg_number(rows, row, 0),
    };
}

static finq_sandbox_order_answer_row sandbox_order_answer_read(const PGresult *rows, int row)
{
    return (finq_sandbox_order_answer_row){
        .outcome = finq_pg_text(rows, row, 0),
        .decision = finq_pg_text(rows, row, 1),
        .authorised_at = finq_pg_number(rows, row, 2),
        .now = finq_pg_number(rows, row, 3),
        .transfers = finq_pg_text(rows, row, 4),
        .sealed = finq_pg_bytes(rows, row, 5),
        .is_open = finq_pg_bool(rows, row, 6),
        .is_first = finq_pg_bool(rows, row, 7),
    };
}

static finq_sandbox_look_out sandbox_look_read(const PGresult *rows, int row)
{
    return (finq_sandbox_look_out){
        .seed = finq_pg_bytes(rows, row, 0),
        .today = (apr_int32_t)finq_pg_number(rows, row, 1),
        .days = (apr_int32_t)finq_pg_number(rows, row, 2),
        .reads = (apr_int32_t)finq_pg_number(rows, row, 3),
        .unattended = (apr_int32_t)finq_pg_number(rows, row, 4),
    };
}

static finq_sandbox_asker_out sandbox_asker_read(const PGresult *rows, int row)
{
    return (finq_sandbox_asker_out){
        .asker = finq_pg_text(rows, row, 0),
    };
}

static finq_revocation_due_out revocation_due_read(const PGresult *rows, int row)
{
    return (finq_revocation_due_out){
        .revocation_id = finq_pg_id(rows, row, 0),
        .client_id = finq_pg_id(rows, row, 1),
        .skill_id = (apr_int32_t)finq_pg_number(rows, row, 2),
        .connector = finq_pg_text(rows, row, 3),
        .reference = finq_pg_bytes(rows, row, 4),
        .reference_key = finq_pg_bytes(rows, row, 5),
    };
}

static finq_revocation_done_out revocation_done_read(const PGresult *rows, int row)
{
    return (finq_revocation_done_out){
        .was_there = finq_pg_bool(rows, row, 0),
    };
}

static finq_return_answer_row return_answer_read(const PGresult *rows, int row)
{
    return (finq_return_answer_row){
        .outcome = finq_pg_text(rows, row, 0),
        .return_link = finq_pg_bytes(rows, row, 1),
        .step_id = finq_pg_id(rows, row, 2),
        .tenant_user_id = finq_pg_bytes(rows, row, 3),
        .data = finq_pg_bytes(rows, row, 4),
        .status = finq_pg_text(rows, row, 5),
        .expires_at = finq_pg_number(rows, row, 6),
        .secret_id = (apr_int32_t)finq_pg_number(rows, row, 7),
        .error = finq_pg_bytes(rows, row, 8),
        .description = finq_pg_bytes(rows, row, 9),
        .data_key = finq_pg_bytes(rows, row, 10),
    };
}

static finq_payment_tell_out payment_tell_read(const PGresult *rows, int row)
{
    return (finq_payment_tell_out){
        .outcome = finq_pg_text(rows, row, 0),
        .book = finq_pg_bytes(rows, row, 1),
        .version = (apr_int32_t)finq_pg_number(rows, row, 2),
    };
}

static finq_payment_release_out payment_release_read(const PGresult *rows, int row)
{
    return (finq_payment_release_out){
        .was_held = finq_pg_bool(rows, row, 0),
    };
}

static finq_payment_of_step_out payment_of_step_read(const PGresult *rows, int row)
{
    return (finq_payment_of_step_out){
        .payment_id = finq_pg_id(rows, row, 0),
        .session_id = finq_pg_id(rows, row, 1),
        .data_key = finq_pg_bytes(rows, row, 2),
        .book = finq_pg_bytes(rows, row, 3),
        .version = (apr_int32_t)finq_pg_number(rows, row, 4),
        .orders = (apr_int32_t)finq_pg_number(rows, row, 5),
    };
}

static finq_payment_of_session_out payment_of_session_read(const PGresult *rows, int row)
{
    return (finq_payment_of_session_out){
        .payment_id = finq_pg_id(rows, row, 0),
        .attempt = finq_pg_id(rows, row, 1),
        .book = finq_pg_bytes(rows, row, 2),
        .version = (apr_int32_t)finq_pg_number(rows, row, 3),
    };
}

static finq_payment_get_out payment_get_read(const PGresult *rows, int row)
{
    return (finq_payment_get_out){
        .outcome = finq_pg_text(rows, row, 0),
        .payment_id = finq_pg_id(rows, row, 1),
        .session_id = finq_pg_id(rows, row, 2),
        .data_key = finq_pg_bytes(rows, row, 3),
        .book = finq_pg_bytes(rows, row, 4),
        .phase = finq_pg_text(rows, row, 5),
        .is_final = finq_pg_bool(rows, row, 6),
        .is_due = finq_pg_bool(rows, row, 7),
        .told_at = finq_pg_text(rows, row, 8),
    };
}

static finq_payment_claim_out payment_claim_read(const PGresult *rows, int row)
{
    return (finq_payment_claim_out){
        .payment_id = finq_pg_id(rows, row, 0),
        .client_id = finq_pg_id(rows, row, 1),
        .session_id = finq_pg_id(rows, row, 2),
        .step_id = finq_pg_id(rows, row, 3),
        .skill_id = (apr_int32_t)finq_pg_number(rows, row, 4),
        .connector = finq_pg_text(rows, row, 5),
        .attempt = finq_pg_id(rows, row, 6),
        .reference = finq_pg_bytes(rows, row, 7),
        .data_key = finq_pg_bytes(rows, row, 8),
        .book = finq_pg_bytes(rows, row, 9),
        .version = (apr_int32_t)finq_pg_number(rows, row, 10),
    };
}

static finq_payment_begin_out payment_begin_read(const PGresult *rows, int row)
{
    return (finq_payment_begin_out){
        .outcome = finq_pg_text(rows, row, 0),
        .place = (apr_int32_t)finq_pg_number(rows, row, 1),
        .payment_id = finq_pg_id(rows, row, 2),
        .attempt = finq_pg_id(rows, row, 3),
        .book = finq_pg_bytes(rows, row, 4),
        .version = (apr_int32_t)finq_pg_number(rows, row, 5),
    };
}

static finq_partial_stored_out partial_stored_read(const PGresult *rows, int row)
{
    return (finq_partial_stored_out){
        .upload_id = finq_pg_id(rows, row, 0),
        .document = finq_pg_text(rows, row, 1),
        .size = finq_pg_number(rows, row, 2),
        .sha256 = finq_pg_bytes(rows, row, 3),
        .media_type = finq_pg_text(rows, row, 4),
        .width = (apr_int32_t)finq_pg_number(rows, row, 5),
        .height = (apr_int32_t)finq_pg_number(rows, row, 6),
        .orientation = (apr_int32_t)finq_pg_number(rows, row, 7),
    };
}

static finq_partial_stand_out partial_stand_read(const PGresult *rows, int row)
{
    return (finq_partial_stand_out){
        .outcome = finq_pg_text(rows, row, 0),
        .replaced = finq_pg_id(rows, row, 1),
    };
}

static finq_partial_promise_out partial_promise_read(const PGresult *rows, int row)
{
    return (finq_partial_promise_out){
        .outcome = finq_pg_text(rows, row, 0),
        .quota = finq_pg_text(rows, row, 1),
        .room = finq_pg_number(rows, row, 2),
    };
}

static finq_partial_end_out partial_end_read(const PGresult *rows, int row)
{
    return (finq_partial_end_out){
        .outcome = finq_pg_text(rows, row, 0),
    };
}

static finq_partial_begin_out partial_begin_read(const PGresult *rows, int row)
{
    return (finq_partial_begin_out){
        .outcome = finq_pg_text(rows, row, 0),
        .quota = finq_pg_text(rows, row, 1),
        .room = finq_pg_number(rows, row, 2),
        .expires_at = finq_pg_number(rows, row, 3),
        .has_others = finq_pg_bool(rows, row, 4),
    };
}

static finq_page_renew_out page_renew_read(const PGresult *rows, int row)
{
    return (finq_page_renew_out){
        .outcome = finq_pg_text(rows, row, 0),
        .skill_id = (apr_int32_t)finq_pg_number(rows, row, 1),
        .generation = (apr_int32_t)finq_pg_number(rows, row, 2),
        .expires_at = finq_pg_number(rows, row, 3),
    };
}

static finq_page_make_out page_make_read(const PGresult *rows, int row)
{
    return (finq_page_make_out){
        .outcome = finq_pg_text(rows, row, 0),
        .skill_id = (apr_int32_t)finq_pg_number(rows, row, 1),
        .expires_at = finq_pg_number(rows, row, 2),
    };
}

static finq_page_facts_row page_facts_read(const PGresult *rows, int row)
{
    return (finq_page_facts_row){
        .outcome = finq_pg_text(rows, row, 0),
        .skill_id = (apr_int32_t)finq_pg_number(rows, row, 1),
        .key_id = finq_pg_number(rows, row, 2),
        .tenant_user_id = finq_pg_bytes(rows, row, 3),
        .language = finq_pg_text(rows, row, 4),
        .prefill = finq_pg_bytes(rows, row, 5),
        .return_link = finq_pg_bytes(rows, row, 6),
        .data_key = finq_pg_bytes(rows, row, 7),
        .expires_at = finq_pg_number(rows, row, 8),
        .session_id = finq_pg_id(rows, row, 9),
        .tenant = finq_pg_text(rows, row, 10),
        .colours = finq_pg_text(rows, row, 11),
        .logo = finq_pg_text(rows, row, 12),
        .status = finq_pg_text(rows, row, 13),
        .updated_at = finq_pg_number(rows, row, 14),
        .session_key = finq_pg_bytes(rows, row, 15),
    };
}

static finq_page_logo_out page_logo_read(const PGresult *rows, int row)
{
    return (finq_page_logo_out){
        .logo = finq_pg_bytes(rows, row, 0),
        .logo_type = finq_pg_text(rows, row, 1),
    };
}

static finq_janitor_sign_out janitor_sign_read(const PGresult *rows, int row)
{
    return (finq_janitor_sign_out){
        .is_kept = finq_pg_bool(rows, row, 0),
    };
}

static finq_janitor_end_out janitor_end_read(const PGresult *rows, int row)
{
    return (finq_janitor_end_out){
        .was_held = finq_pg_bool(rows, row, 0),
        .place = finq_pg_number(rows, row, 1),
        .hash = finq_pg_bytes(rows, row, 2),
    };
}

static finq_janitor_begin_out janitor_begin_read(const PGresult *rows, int row)
{
    return (finq_janitor_begin_out){
        .epoch = finq_pg_number(rows, row, 0),
        .lag = finq_pg_number(rows, row, 1),
        .last_run = finq_pg_number(rows, row, 2),
        .holder = finq_pg_text(rows, row, 3),
        .weeks_ahead = (apr_int32_t)finq_pg_number(rows, row, 4),
        .weeks_missing = (apr_int32_t)finq_pg_number(rows, row, 5),
        .weeks_pinned = (apr_int32_t)finq_pg_number(rows, row, 6),
        .weeks_contended = (apr_int32_t)finq_pg_number(rows, row, 7),
    };
}

static finq_janitor_batch_out janitor_batch_read(const PGresult *rows, int row)
{
    return (finq_janitor_batch_out){
        .outcome = finq_pg_text(rows, row, 0),
        .job = finq_pg_text(rows, row, 1),
        .done = (apr_int32_t)finq_pg_number(rows, row, 2),
        .next_job = finq_pg_text(rows, row, 3),
        .problem = finq_pg_text(rows, row, 4),
    };
}

static finq_is_read_only_out is_read_only_read(const PGresult *rows, int row)
{
    return (finq_is_read_only_out){
        .is_read_only = finq_pg_bool(rows, row, 0),
    };
}

static finq_handoff_offer_out handoff_offer_read(const PGresult *rows, int row)
{
    return (finq_handoff_offer_out){
        .outcome = finq_pg_text(rows, row, 0),
        .handoff_id = finq_pg_id(rows, row, 1),
        .numbers = finq_pg_text(rows, row, 2),
        .expires_at = finq_pg_number(rows, row, 3),
    };
}

static finq_feed_tell_out feed_tell_read(const PGresult *rows, int row)
{
    return (finq_feed_tell_out){
        .is_held = finq_pg_bool(rows, row, 0),
    };
}

static finq_feed_store_out feed_store_read(const PGresult *rows, int row)
{
    return (finq_feed_store_out){
        .outcome = finq_pg_text(rows, row, 0),
        .fault = finq_pg_text(rows, row, 1),
        .seq = finq_pg_number(rows, row, 2),
    };
}

static finq_feed_keep_out feed_keep_read(const PGresult *rows, int row)
{
    return (finq_feed_keep_out){
        .credentials_id = finq_pg_id(rows, row, 0),
    };
}

static finq_feed_fail_out feed_fail_read(const PGresult *rows, int row)
{
    return (finq_feed_fail_out){
        .was_held = finq_pg_bool(rows, row, 0),
    };
}

static finq_feed_due_out feed_due_read(const PGresult *rows, int row)
{
    return (finq_feed_due_out){
        .credentials_id = finq_pg_id(rows, row, 0),
        .behind = finq_pg_number(rows, row, 1),
        .oldest = finq_pg_number(rows, row, 2),
    };
}

static finq_feed_claim_out feed_claim_read(const PGresult *rows, int row)
{
    return (finq_feed_claim_out){
        .outcome = finq_pg_text(rows, row, 0),
        .is_first = finq_pg_bool(rows, row, 1),
        .ended_at = finq_pg_number(rows, row, 2),
        .error = finq_pg_text(rows, row, 3),
        .credentials_id = finq_pg_id(rows, row, 4),
        .client_id = finq_pg_id(rows, row, 5),
        .session_id = finq_pg_id(rows, row, 6),
        .skill_id = (apr_int32_t)finq_pg_number(rows, row, 7),
        .servicer_id = finq_pg_id(rows, row, 8),
        .connector = finq_pg_text(rows, row, 9),
        .reference = finq_pg_bytes(rows, row, 10),
        .reference_key = finq_pg_bytes(rows, row, 11),
        .data_key = finq_pg_bytes(rows, row, 12),
        .account_key = finq_pg_bytes(rows, row, 13),
        .since = finq_pg_number(rows, row, 14),
        .told = finq_pg_bytes(rows, row, 15),
        .visited_at = finq_pg_number(rows, row, 16),
    };
}

static finq_exchange_answer_row exchange_answer_read(const PGresult *rows, int row)
{
    return (finq_exchange_answer_row){
        .outcome = finq_pg_text(rows, row, 0),
        .credentials_id = finq_pg_id(rows, row, 1),
        .salt = finq_pg_bytes(rows, row, 2),
        .secret_id = (apr_int32_t)finq_pg_number(rows, row, 3),
        .consent_exp = finq_pg_number(rows, row, 4),
        .max_data_retention = finq_pg_number(rows, row, 5),
        .missing = finq_pg_text(rows, row, 6),
        .tenant_user_id = finq_pg_bytes(rows, row, 7),
        .data_key = finq_pg_bytes(rows, row, 8),
    };
}

static finq_directory_version_out directory_version_read(const PGresult *rows, int row)
{
    return (finq_directory_version_out){
        .directory_version = finq_pg_number(rows, row, 0),
    };
}

static finq_consent_renew_out consent_renew_read(const PGresult *rows, int row)
{
    return (finq_consent_renew_out){
        .outcome = finq_pg_text(rows, row, 0),
        .skill_id = (apr_int32_t)finq_pg_number(rows, row, 1),
        .key_id = finq_pg_number(rows, row, 2),
        .tenant_user_id = finq_pg_bytes(rows, row, 3),
        .data_key = finq_pg_bytes(rows, row, 4),
    };
}

static finq_consent_answer_row consent_answer_read(const PGresult *rows, int row)
{
    return (finq_consent_answer_row){
        .outcome = finq_pg_text(rows, row, 0),
        .credentials_id = finq_pg_id(rows, row, 1),
        .status = finq_pg_text(rows, row, 2),
        .consent_exp = finq_pg_number(rows, row, 3),
        .max_data_retention = finq_pg_number(rows, row, 4),
        .created_at = finq_pg_number(rows, row, 5),
        .updated_at = finq_pg_number(rows, row, 6),
        .country = finq_pg_text(rows, row, 7),
        .servicer = finq_pg_text(rows, row, 8),
        .skill = finq_pg_text(rows, row, 9),
        .tenant = finq_pg_text(rows, row, 10),
        .tenant_user_id = finq_pg_bytes(rows, row, 11),
        .left_ms = finq_pg_number(rows, row, 12),
        .data_key = finq_pg_bytes(rows, row, 13),
        .access = finq_pg_text(rows, row, 14),
    };
}

static finq_clock_out clock_read(const PGresult *rows, int row)
{
    return (finq_clock_out){
        .clock = finq_pg_number(rows, row, 0),
    };
}

static finq_catalog_answer_row catalog_answer_read(const PGresult *rows, int row)
{
    return (finq_catalog_answer_row){
        .outcome = finq_pg_text(rows, row, 0),
        .catalog = finq_pg_text(rows, row, 1),
    };
}

static finq_balance_answer_row balance_answer_read(const PGresult *rows, int row)
{
    return (finq_balance_answer_row){
        .outcome = finq_pg_text(rows, row, 0),
        .is_due = finq_pg_bool(rows, row, 1),
        .balance = finq_pg_text(rows, row, 2),
    };
}

static finq_account_answer_row account_answer_read(const PGresult *rows, int row)
{
    return (finq_account_answer_row){
        .outcome = finq_pg_text(rows, row, 0),
        .data_key = finq_pg_bytes(rows, row, 1),
        .is_due = finq_pg_bool(rows, row, 2),
        .account_id = finq_pg_id(rows, row, 3),
        .mac = finq_pg_bytes(rows, row, 4),
        .servicer_id = finq_pg_id(rows, row, 5),
        .servicer_name = finq_pg_text(rows, row, 6),
        .read_at = finq_pg_text(rows, row, 7),
        .currency = finq_pg_text(rows, row, 8),
        .account_type = finq_pg_text(rows, row, 9),
        .account_sub_type = finq_pg_text(rows, row, 10),
        .details = finq_pg_bytes(rows, row, 11),
        .balances = finq_pg_text(rows, row, 12),
    };
}

static finq_account_key_keep_out account_key_keep_read(const PGresult *rows, int row)
{
    return (finq_account_key_keep_out){
        .data_key = finq_pg_bytes(rows, row, 0),
    };
}

finq_error *finq_call_account_key_keep(finq_account_key_keep_out *out, finq_db *db, const finq_account_key_keep_in *in,
                                       apr_pool_t *pool)
{
    static const finq_pg_statement statement = {
        "finq_account_key_keep",
        "SELECT data_key FROM finq.account_key_keep(p_client_id => $1, p_data_key => $2)", 1, NULL};
    const PGresult *rows;
    finq_pg_args args = {0};
    finq_pg_arg_id(&args, in->client_id);
    finq_pg_arg_bytes(&args, in->data_key);
    FINQ_TRY(db->call(db, &rows, &statement, &args, pool));
    *out = account_key_keep_read(rows, 0);
    return NULL;
}

finq_error *finq_call_accounts_get(apr_array_header_t **rows, finq_db *db, const finq_accounts_get_in *in, apr_pool_t *pool)
{
    static const finq_pg_statement crowd = {
        "finq_accounts_get_each",
        "SELECT outcome, data_key, is_due, account_id, mac, servicer_id, servicer_name, read_at, currency, account_type, "
        "account_sub_type, details, balances, member FROM finq.accounts_get_each(p_client_id => $1, p_secret_hash => $2, "
        "p_credentials_id => $3, p_access_token_hash => $4)", 0, NULL};
    static const finq_pg_statement statement = {
        "finq_accounts_get",
        "SELECT outcome, data_key, is_due, account_id, mac, servicer_id, servicer_name, read_at, currency, account_type, "
        "account_sub_type, details, balances FROM finq.accounts_get(p_client_id => $1, p_secret_hash => $2, "
        "p_credentials_id => $3, p_access_token_hash => $4)", 1, &crowd};
    const PGresult *found;
    finq_pg_args args = {0};
    finq_pg_arg_id(&args, in->client_id);
    finq_pg_arg_bytes(&args, in->secret_hash);
    finq_pg_arg_id(&args, in->credentials_id);
    finq_pg_arg_bytes(&args, in->access_token_hash);
    FINQ_TRY(db->call(db, &found, &statement, &args, pool));
    *rows = apr_array_make(pool, finq_pg_rows(found), sizeof(finq_accounts_get_out));
    for (int i = 0; i < finq_pg_rows(found); i++)
        APR_ARRAY_PUSH(*rows, finq_accounts_get_out) = account_answer_read(found, i);
    return NULL;
}

finq_error *finq_call_balances_get(apr_array_header_t **rows, finq_db *db, const finq_balances_get_in *in, apr_pool_t *pool)
{
    static const finq_pg_statement crowd = {
        "finq_balances_get_each",
        "SELECT outcome, is_due, balance, member FROM finq.balances_get_each(p_client_id => $1, p_secret_hash => $2, "
        "p_credentials_id => $3, p_access_token_hash => $4, p_account_id => $5, p_type => $6, p_currency => $7)", 0, NULL};
    static const finq_pg_statement statement = {
        "finq_balances_get",
        "SELECT outcome, is_due, balance FROM finq.balances_get(p_client_id => $1, p_secret_hash => $2, p_credentials_id => "
        "$3, p_access_token_hash => $4, p_account_id => $5, p_type => $6, p_currency => $7)", 1, &crowd};
    const PGresult *found;
    finq_pg_args args = {0};
    finq_pg_arg_id(&args, in->client_id);
    finq_pg_arg_bytes(&args, in->secret_hash);
    finq_pg_arg_id(&args, in->credentials_id);
    finq_pg_arg_bytes(&args, in->access_token_hash);
    finq_pg_arg_id(&args, in->account_id);
    finq_pg_arg_text(&args, in->type);
    finq_pg_arg_text(&args, in->currency);
    FINQ_TRY(db->call(db, &found, &statement, &args, pool));
    *rows = apr_array_make(pool, finq_pg_rows(found), sizeof(finq_balances_get_out));
    for (int i = 0; i < finq_pg_rows(found); i++)
        APR_ARRAY_PUSH(*rows, finq_balances_get_out) = balance_answer_read(found, i);
    return NULL;
}

finq_error *finq_call_catalog_servicers(finq_catalog_servicers_out *out, finq_db *db, const finq_catalog_servicers_in *in,
                                        apr_pool_t *pool)
{
    static const finq_pg_statement statement = {
        "finq_catalog_servicers",
        "SELECT outcome, catalog FROM finq.catalog_servicers(p_client_id => $1, p_app_key_hash => $2, p_only => $3)", 1, NULL};
    const PGresult *rows;
    finq_pg_args args = {0};
    finq_pg_arg_id(&args, in->client_id);
    finq_pg_arg_bytes(&args, in->app_key_hash);
    finq_pg_arg_text(&args, in->only);
    FINQ_TRY(db->call(db, &rows, &statement, &args, pool));
    *out = catalog_answer_read(rows, 0);
    return NULL;
}

finq_error *finq_call_catalog_skills(finq_catalog_skills_out *out, finq_db *db, const finq_catalog_skills_in *in,
                                     apr_pool_t *pool)
{
    static const finq_pg_statement statement = {
        "finq_catalog_skills",
        "SELECT outcome, catalog FROM finq.catalog_skills(p_client_id => $1, p_app_key_hash => $2, p_only => $3, p_skill => "
        "$4, p_language => $5)", 1, NULL};
    const PGresult *rows;
    finq_pg_args args = {0};
    finq_pg_arg_id(&args, in->client_id);
    finq_pg_arg_bytes(&args, in->app_key_hash);
    finq_pg_arg_text(&args, in->only);
    finq_pg_arg_text(&args, in->skill);
    finq_pg_arg_text(&args, in->language);
    FINQ_TRY(db->call(db, &rows, &statement, &args, pool));
    *out = catalog_answer_read(rows, 0);
    return NULL;
}

finq_error *finq_call_clock(finq_clock_out *out, finq_db *db, apr_pool_t *pool)
{
    static const finq_pg_statement statement = {
        "finq_clock",
        "SELECT clock FROM finq.clock()", 1, NULL};
    const PGresult *rows;
    finq_pg_args args = {0};
    FINQ_TRY(db->call(db, &rows, &statement, &args, pool));
    *out = clock_read(rows, 0);
    return NULL;
}

finq_error *finq_call_consent_delete(finq_consent_delete_out *out, finq_db *db, const finq_consent_delete_in *in,
                                     apr_pool_t *pool)
{
    static const finq_pg_statement statement = {
        "finq_consent_delete",
        "SELECT outcome, credentials_id, status, consent_exp, max_data_retention, created_at, updated_at, country, "
        "servicer, skill, tenant, tenant_user_id, left_ms, data_key, access FROM finq.consent_delete(p_client_id => $1, "
        "p_secret_hash => $2, p_credentials_id => $3, p_access_token_hash => $4, p_user_macs => $5, p_retention => $6)", 1, NULL};
    const PGresult *rows;
    finq_pg_args args = {0};
    finq_pg_arg_id(&args, in->client_id);
    finq_pg_arg_bytes(&args, in->secret_hash);
    finq_pg_arg_id(&args, in->credentials_id);
    finq_pg_arg_bytes(&args, in->access_token_hash);
    finq_pg_arg_text(&args, in->user_macs);
    finq_pg_arg_int(&args, in->retention);
    FINQ_TRY(db->call(db, &rows, &statement, &args, pool));
    *out = consent_answer_read(rows, 0);
    return NULL;
}

finq_error *finq_call_consent_get(finq_consent_get_out *out, finq_db *db, const finq_consent_get_in *in, apr_pool_t *pool)
{
    static const finq_pg_statement crowd = {
        "finq_consents_get",
        "SELECT outcome, credentials_id, status, consent_exp, max_data_retention, created_at, updated_at, country, "
        "servicer, skill, tenant, tenant_user_id, left_ms, data_key, access, member FROM finq.consents_get(p_client_id => "
        "$1, p_secret_hash => $2, p_credentials_id => $3, p_access_token_hash => $4, p_user_macs => $5)", 0, NULL};
    static const finq_pg_statement statement = {
        "finq_consent_get",
        "SELECT outcome, credentials_id, status, consent_exp, max_data_retention, created_at, updated_at, country, "
        "servicer, skill, tenant, tenant_user_id, left_ms, data_key, access FROM finq.consent_get(p_client_id => $1, "
        "p_secret_hash => $2, p_credentials_id => $3, p_access_token_hash => $4, p_user_macs => $5)", 1, &crowd};
    const PGresult *rows;
    finq_pg_args args = {0};
    finq_pg_arg_id(&args, in->client_id);
    finq_pg_arg_bytes(&args, in->secret_hash);
    finq_pg_arg_id(&args, in->credentials_id);
    finq_pg_arg_bytes(&args, in->access_token_hash);
    finq_pg_arg_text(&args, in->user_macs);
    FINQ_TRY(db->call(db, &rows, &statement, &args, pool));
    *out = consent_answer_read(rows, 0);
    return NULL;
}

finq_error *finq_call_consent_of_signer(finq_consent_of_signer_out *out, finq_db *db, const finq_consent_of_signer_in *in,
                                        apr_pool_t *pool)
{
    static const finq_pg_statement statement = {
        "finq_consent_of_signer",
        "SELECT outcome, credentials_id, status, consent_exp, max_data_retention, created_at, updated_at, country, "
        "servicer, skill, tenant, tenant_user_id, left_ms, data_key, access FROM finq.consent_of_signer(p_client_id => $1, "
        "p_credentials_id => $2, p_access_token_hash => $3)", 1, NULL};
    const PGresult *rows;
    finq_pg_args args = {0};
    finq_pg_arg_id(&args, in->client_id);
    finq_pg_arg_id(&args, in->credentials_id);
    finq_pg_arg_bytes(&args, in->access_token_hash);
    FINQ_TRY(db->call(db, &rows, &statement, &args, pool));
    *out = consent_answer_read(rows, 0);
    return NULL;
}

finq_error *finq_call_consent_page(apr_array_header_t **rows, finq_db *db, const finq_consent_page_in *in, apr_pool_t *pool)
{
    static const finq_pg_statement statement = {
        "finq_consent_page",
        "SELECT outcome, credentials_id, status, consent_exp, max_data_retention, created_at, updated_at, country, "
        "servicer, skill, tenant, tenant_user_id, left_ms, data_key, access FROM finq.consent_page(p_client_id => $1, "
        "p_secret_hash => $2, p_user_macs => $3, p_status => $4, p_before => $5, p_count => $6)", 1, NULL};
    const PGresult *found;
    finq_pg_args args = {0};
    finq_pg_arg_id(&args, in->client_id);
    finq_pg_arg_bytes(&args, in->secret_hash);
    finq_pg_arg_text(&args, in->user_macs);
    finq_pg_arg_text(&args, in->status);
    finq_pg_arg_id(&args, in->before);
    finq_pg_arg_int(&args, in->count);
    FINQ_TRY(db->call(db, &found, &statement, &args, pool));
    *rows = apr_array_make(pool, finq_pg_rows(found), sizeof(finq_consent_page_out));
    for (int i = 0; i < finq_pg_rows(found); i++)
        APR_ARRAY_PUSH(*rows, finq_consent_page_out) = consent_answer_read(found, i);
    return NULL;
}

finq_error *finq_call_consent_renew(finq_consent_renew_out *out, finq_db *db, const finq_consent_renew_in *in, apr_pool_t *pool)
{
    static const finq_pg_statement statement = {
        "finq_consent_renew",
        "SELECT outcome, skill_id, key_id, tenant_user_id, data_key FROM finq.consent_renew(p_client_id => $1, "
        "p_secret_hash => $2, p_credentials_id => $3, p_access_token_hash => $4, p_user_macs => $5, p_skill => $6)", 1, NULL};
    const PGresult *rows;
    finq_pg_args args = {0};
    finq_pg_arg_id(&args, in->client_id);
    finq_pg_arg_bytes(&args, in->secret_hash);
    finq_pg_arg_id(&args, in->credentials_id);
    finq_pg_arg_bytes(&args, in->access_token_hash);
    finq_pg_arg_text(&args, in->user_macs);
    finq_pg_arg_text(&args, in->skill);
    FINQ_TRY(db->call(db, &rows, &statement, &args, pool));
    *out = consent_renew_read(rows, 0);
    return NULL;
}

finq_error *finq_call_directory_version(finq_directory_version_out *out, finq_db *db, apr_pool_t *pool)
{
    static const finq_pg_statement statement = {
        "finq_directory_version",
        "SELECT directory_version FROM finq.directory_version()", 1, NULL};
    const PGresult *rows;
    finq_pg_args args = {0};
    FINQ_TRY(db->call(db, &rows, &statement, &args, pool));
    *out = directory_version_read(rows, 0);
    return NULL;
}

finq_error *finq_call_exchange_token(finq_exchange_token_out *out, finq_db *db, const finq_exchange_token_in *in,
                                     apr_pool_t *pool)
{
    static const finq_pg_statement crowd = {
        "finq_exchange_tokens",
        "SELECT outcome, credentials_id, salt, secret_id, consent_exp, max_data_retention, missing, tenant_user_id, "
        "data_key, member FROM finq.exchange_tokens(p_client_id => $1, p_secret_hash => $2, p_session_id => $3, "
        "p_token_expires_at => $4, p_required => $5, p_credentials_id => $6, p_access_token_hash => $7, p_salt => $8, "
        "p_secret_id => $9, p_repeat_within => $10)", 0, NULL};
    static const finq_pg_statement statement = {
        "finq_exchange_token",
        "SELECT outcome, credentials_id, salt, secret_id, consent_exp, max_data_retention, missing, tenant_user_id, "
        "data_key FROM finq.exchange_token(p_client_id => $1, p_secret_hash => $2, p_session_id => $3, p_token_expires_at "
        "=> $4, p_required => $5, p_credentials_id => $6, p_access_token_hash => $7, p_salt => $8, p_secret_id => $9, "
        "p_repeat_within => $10)", 1, &crowd};
    const PGresult *rows;
    finq_pg_args args = {0};
    finq_pg_arg_id(&args, in->client_id);
    finq_pg_arg_bytes(&args, in->secret_hash);
    finq_pg_arg_session(&args, in->session_id);
    finq_pg_arg_long(&args, in->token_expires_at);
    finq_pg_arg_text(&args, in->required);
    finq_pg_arg_id(&args, in->credentials_id);
    finq_pg_arg_bytes(&args, in->access_token_hash);
    finq_pg_arg_bytes(&args, in->salt);
    finq_pg_arg_int(&args, in->secret_id);
    finq_pg_arg_int(&args, in->repeat_within);
    FINQ_TRY(db->call(db, &rows, &statement, &args, pool));
    *out = exchange_answer_read(rows, 0);
    return NULL;
}

finq_error *finq_call_feed_claim(finq_feed_claim_out *out, finq_db *db, const finq_feed_claim_in *in, apr_pool_t *pool)
{
    static const finq_pg_statement statement = {
        "finq_feed_claim",
        "SELECT outcome, is_first, ended_at, error, credentials_id, client_id, session_id, skill_id, servicer_id, "
        "connector, reference, reference_key, data_key, account_key, since, told, visited_at FROM "
        "finq.feed_claim(p_credentials_id => $1, p_session_id => $2, p_refresh_id => $3, p_if_due => $4, p_is_attended => "
        "$5, p_seconds => $6, p_ended_at => $7)", 1, NULL};
    const PGresult *rows;
    finq_pg_args args = {0};
    finq_pg_arg_id(&args, in->credentials_id);
    finq_pg_arg_id(&args, in->session_id);
    finq_pg_arg_id(&args, in->refresh_id);
    finq_pg_arg_bool(&args, in->if_due);
    finq_pg_arg_bool(&args, in->is_attended);
    finq_pg_arg_int(&args, in->seconds);
    finq_pg_arg_long(&args, in->ended_at);
    FINQ_TRY(db->call(db, &rows, &statement, &args, pool));
    *out = feed_claim_read(rows, 0);
    return NULL;
}

finq_error *finq_call_feed_due(finq_feed_due_out *out, finq_db *db, const finq_feed_due_in *in, apr_pool_t *pool)
{
    static const finq_pg_statement statement = {
        "finq_feed_due",
        "SELECT credentials_id, behind, oldest FROM finq.feed_due(p_connectors => $1, p_seconds => $2)", 1, NULL};
    const PGresult *rows;
    finq_pg_args args = {0};
    finq_pg_arg_text(&args, in->connectors);
    finq_pg_arg_int(&args, in->seconds);
    FINQ_TRY(db->call(db, &rows, &statement, &args, pool));
    *out = feed_due_read(rows, 0);
    return NULL;
}

finq_error *finq_call_feed_fail(finq_feed_fail_out *out, finq_db *db, const finq_feed_fail_in *in, apr_pool_t *pool)
{
    static const finq_pg_statement statement = {
        "finq_feed_fail",
        "SELECT was_held FROM finq.feed_fail(p_credentials_id => $1, p_refresh_id => $2, p_error => $3, p_is_withdrawn => "
        "$4, p_gives_back => $5)", 1, NULL};
    const PGresult *rows;
    finq_pg_args args = {0};
    finq_pg_arg_id(&args, in->credentials_id);
    finq_pg_arg_id(&args, in->refresh_id);
    finq_pg_arg_text(&args, in->error);
    finq_pg_arg_bool(&args, in->is_withdrawn);
    finq_pg_arg_bool(&args, in->gives_back);
    FINQ_TRY(db->call(db, &rows, &statement, &args, pool));
    *out = feed_fail_read(rows, 0);
    return NULL;
}

finq_error *finq_call_feed_keep(finq_feed_keep_out *out, finq_db *db, const finq_feed_keep_in *in, apr_pool_t *pool)
{
    static const finq_pg_statement statement = {
        "finq_feed_keep",
        "SELECT credentials_id FROM finq.feed_keep(p_session_id => $1, p_client_id => $2, p_credentials_id => $3, "
        "p_skill_id => $4, p_connector => $5, p_reference => $6, p_reference_key => $7)", 1, NULL};
    const PGresult *rows;
    finq_pg_args args = {0};
    finq_pg_arg_id(&args, in->session_id);
    finq_pg_arg_id(&args, in->client_id);
    finq_pg_arg_id(&args, in->credentials_id);
    finq_pg_arg_int(&args, in->skill_id);
    finq_pg_arg_text(&args, in->connector);
    finq_pg_arg_bytes(&args, in->reference);
    finq_pg_arg_bytes(&args, in->reference_key);
    FINQ_TRY(db->call(db, &rows, &statement, &args, pool));
    *out = feed_keep_read(rows, 0);
    return NULL;
}

finq_error *finq_call_feed_store(finq_feed_store_out *out, finq_db *db, const finq_feed_store_in *in, apr_pool_t *pool)
{
    static const finq_pg_statement statement = {
        "finq_feed_store",
        "SELECT outcome, fault, seq FROM finq.feed_store(p_credentials_id => $1, p_refresh_id => $2, p_place => $3, "
        "p_accounts => $4, p_balances => $5, p_rows => $6, p_told => $7, p_adds => $8, p_since => $9, p_frequency => $10)", 1, NULL};
    const PGresult *rows;
    finq_pg_args args = {0};
    finq_pg_arg_id(&args, in->credentials_id);
    finq_pg_arg_id(&args, in->refresh_id);
    finq_pg_arg_int(&args, in->place);
    finq_pg_arg_text(&args, in->accounts);
    finq_pg_arg_text(&args, in->balances);
    finq_pg_arg_text(&args, in->rows);
    finq_pg_arg_bytes(&args, in->told);
    finq_pg_arg_bool(&args, in->adds);
    finq_pg_arg_long(&args, in->since);
    finq_pg_arg_int(&args, in->frequency);
    FINQ_TRY(db->call(db, &rows, &statement, &args, pool));
    *out = feed_store_read(rows, 0);
    return NULL;
}

finq_error *finq_call_feed_tell(finq_feed_tell_out *out, finq_db *db, const finq_feed_tell_in *in, apr_pool_t *pool)
{
    static const finq_pg_statement statement = {
        "finq_feed_tell",
        "SELECT is_held FROM finq.feed_tell(p_credentials_id => $1, p_refresh_id => $2, p_place => $3, p_rows => $4, "
        "p_seconds => $5)", 1, NULL};
    const PGresult *rows;
    finq_pg_args args = {0};
    finq_pg_arg_id(&args, in->credentials_id);
    finq_pg_arg_id(&args, in->refresh_id);
    finq_pg_arg_int(&args, in->place);
    finq_pg_arg_text(&args, in->rows);
    finq_pg_arg_int(&args, in->seconds);
    FINQ_TRY(db->call(db, &rows, &statement, &args, pool));
    *out = feed_tell_read(rows, 0);
    return NULL;
}

finq_error *finq_call_handoff_choose(finq_handoff_choose_out *out, finq_db *db, const finq_handoff_choose_in *in,
                                     apr_pool_t *pool)
{
    static const finq_pg_statement statement = {
        "finq_handoff_choose",
        "SELECT outcome, held, status, step_id, expires_at, secret_id, ordinal, place, previous, generation, waits, told, "
        "reasons, own_reasons, skill_id, step_place, uploaded, tenant_user_id, data_key, updated_at FROM "
        "finq.handoff_choose(p_client_id => $1, p_page_id => $2, p_generation => $3, p_handoff_id => $4, p_session_id => "
        "$5, p_nonce_generation => $6, p_choice => $7, p_ttl => $8, p_nonce_ttl => $9, p_temp_token_ttl => $10, p_secret_id "
        "=> $11)", 1, NULL};
    const PGresult *rows;
    finq_pg_args args = {0};
    finq_pg_arg_id(&args, in->client_id);
    finq_pg_arg_id(&args, in->page_id);
    finq_pg_arg_int(&args, in->generation);
    finq_pg_arg_id(&args, in->handoff_id);
    finq_pg_arg_id(&args, in->session_id);
    finq_pg_arg_int(&args, in->nonce_generation);
    finq_pg_arg_text(&args, in->choice);
    finq_pg_arg_int(&args, in->ttl);
    finq_pg_arg_int(&args, in->nonce_ttl);
    finq_pg_arg_int(&args, in->temp_token_ttl);
    finq_pg_arg_int(&args, in->secret_id);
    FINQ_TRY(db->call(db, &rows, &statement, &args, pool));
    *out = session_standing_read(rows, 0);
    return NULL;
}

finq_error *finq_call_handoff_finish(finq_handoff_finish_out *out, finq_db *db, const finq_handoff_finish_in *in,
                                     apr_pool_t *pool)
{
    static const finq_pg_statement statement = {
        "finq_handoff_finish",
        "SELECT outcome, held, status, step_id, expires_at, secret_id, ordinal, place, previous, generation, waits, told, "
        "reasons, own_reasons, skill_id, step_place, uploaded, tenant_user_id, data_key, updated_at FROM "
        "finq.handoff_finish(p_client_id => $1, p_page_id => $2, p_generation => $3, p_handoff_id => $4, p_session_id => "
        "$5, p_ordinal => $6, p_nonce_generation => $7, p_nonce_expires_at => $8, p_nonce_ttl => $9, p_temp_token_ttl => "
        "$10, p_secret_id => $11)", 1, NULL};
    const PGresult *rows;
    finq_pg_args args = {0};
    finq_pg_arg_id(&args, in->client_id);
    finq_pg_arg_id(&args, in->page_id);
    finq_pg_arg_int(&args, in->generation);
    finq_pg_arg_id(&args, in->handoff_id);
    finq_pg_arg_id(&args, in->session_id);
    finq_pg_arg_int(&args, in->ordinal);
    finq_pg_arg_int(&args, in->nonce_generation);
    finq_pg_arg_long(&args, in->nonce_expires_at);
    finq_pg_arg_int(&args, in->nonce_ttl);
    finq_pg_arg_int(&args, in->temp_token_ttl);
    finq_pg_arg_int(&args, in->secret_id);
    FINQ_TRY(db->call(db, &rows, &statement, &args, pool));
    *out = session_standing_read(rows, 0);
    return NULL;
}

finq_error *finq_call_handoff_look(finq_handoff_look_out *out, finq_db *db, const finq_handoff_look_in *in, apr_pool_t *pool)
{
    static const finq_pg_statement statement = {
        "finq_handoff_look",
        "SELECT outcome, skill_id, key_id, tenant_user_id, language, prefill, return_link, data_key, expires_at, "
        "session_id, tenant, colours, logo, status, updated_at, session_key FROM finq.handoff_look(p_client_id => $1, "
        "p_page_id => $2, p_generation => $3, p_handoff_id => $4)", 1, NULL};
    const PGresult *rows;
    finq_pg_args args = {0};
    finq_pg_arg_id(&args, in->client_id);
    finq_pg_arg_id(&args, in->page_id);
    finq_pg_arg_int(&args, in->generation);
    finq_pg_arg_id(&args, in->handoff_id);
    FINQ_TRY(db->call(db, &rows, &statement, &args, pool));
    *out = page_facts_read(rows, 0);
    return NULL;
}

finq_error *finq_call_handoff_offer(finq_handoff_offer_out *out, finq_db *db, const finq_handoff_offer_in *in, apr_pool_t *pool)
{
    static const finq_pg_statement statement = {
        "finq_handoff_offer",
        "SELECT outcome, handoff_id, numbers, expires_at FROM finq.handoff_offer(p_client_id => $1, p_page_id => $2, "
        "p_generation => $3, p_session_id => $4, p_ordinal => $5, p_nonce_generation => $6, p_nonce_expires_at => $7, "
        "p_handoff_id => $8, p_numbers => $9, p_ttl => $10)", 1, NULL};
    const PGresult *rows;
    finq_pg_args args = {0};
    finq_pg_arg_id(&args, in->client_id);
    finq_pg_arg_id(&args, in->page_id);
    finq_pg_arg_int(&args, in->generation);
    finq_pg_arg_id(&args, in->session_id);
    finq_pg_arg_int(&args, in->ordinal);
    finq_pg_arg_int(&args, in->nonce_generation);
    finq_pg_arg_long(&args, in->nonce_expires_at);
    finq_pg_arg_id(&args, in->handoff_id);
    finq_pg_arg_text(&args, in->numbers);
    finq_pg_arg_int(&args, in->ttl);
    FINQ_TRY(db->call(db, &rows, &statement, &args, pool));
    *out = handoff_offer_read(rows, 0);
    return NULL;
}

finq_error *finq_call_handoff_open(finq_handoff_open_out *out, finq_db *db, const finq_handoff_open_in *in, apr_pool_t *pool)
{
    static const finq_pg_statement statement = {
        "finq_handoff_open",
        "SELECT outcome, held, status, step_id, expires_at, secret_id, ordinal, place, previous, generation, waits, told, "
        "reasons, own_reasons, skill_id, step_place, uploaded, tenant_user_id, data_key, updated_at FROM "
        "finq.handoff_open(p_client_id => $1, p_page_id => $2, p_generation => $3, p_handoff_id => $4, p_session_id => $5, "
        "p_opened_by => $6, p_ttl => $7, p_nonce_ttl => $8, p_temp_token_ttl => $9, p_secret_id => $10)", 1, NULL};
    const PGresult *rows;
    finq_pg_args args = {0};
    finq_pg_arg_id(&args, in->client_id);
    finq_pg_arg_id(&args, in->page_id);
    finq_pg_arg_int(&args, in->generation);
    finq_pg_arg_id(&args, in->handoff_id);
    finq_pg_arg_id(&args, in->session_id);
    finq_pg_arg_bytes(&args, in->opened_by);
    finq_pg_arg_int(&args, in->ttl);
    finq_pg_arg_int(&args, in->nonce_ttl);
    finq_pg_arg_int(&args, in->temp_token_ttl);
    finq_pg_arg_int(&args, in->secret_id);
    FINQ_TRY(db->call(db, &rows, &statement, &args, pool));
    *out = session_standing_read(rows, 0);
    return NULL;
}

finq_error *finq_call_is_read_only(finq_is_read_only_out *out, finq_db *db, apr_pool_t *pool)
{
    static const finq_pg_statement statement = {
        "finq_is_read_only",
        "SELECT is_read_only FROM finq.is_read_only()", 1, NULL};
    const PGresult *rows;
    finq_pg_args args = {0};
    FINQ_TRY(db->call(db, &rows, &statement, &args, pool));
    *out = is_read_only_read(rows, 0);
    return NULL;
}

finq_error *finq_call_janitor_batch(finq_janitor_batch_out *out, finq_db *db, const finq_janitor_batch_in *in, apr_pool_t *pool)
{
    static const finq_pg_statement statement = {
        "finq_janitor_batch",
        "SELECT outcome, job, done, next_job, problem FROM finq.janitor_batch(p_epoch => $1, p_job => $2, "
        "p_session_retention => $3, p_event_retention => $4, p_audit_retention => $5)", 0, NULL};
    const PGresult *rows;
    finq_pg_args args = {0};
    finq_pg_arg_long(&args, in->epoch);
    finq_pg_arg_text(&args, in->job);
    finq_pg_arg_int(&args, in->session_retention);
    finq_pg_arg_int(&args, in->event_retention);
    finq_pg_arg_int(&args, in->audit_retention);
    FINQ_TRY(db->call(db, &rows, &statement, &args, pool));
    *out = janitor_batch_read(rows, 0);
    return NULL;
}

finq_error *finq_call_janitor_begin(finq_janitor_begin_out *out, finq_db *db, const finq_janitor_begin_in *in, apr_pool_t *pool)
{
    static const finq_pg_statement statement = {
        "finq_janitor_begin",
        "SELECT epoch, lag, last_run, holder, weeks_ahead, weeks_missing, weeks_pinned, weeks_contended FROM "
        "finq.janitor_begin(p_holder => $1, p_every => $2, p_session_retention => $3, p_event_retention => $4, "
        "p_audit_retention => $5)", 0, NULL};
    const PGresult *rows;
    finq_pg_args args = {0};
    finq_pg_arg_text(&args, in->holder);
    finq_pg_arg_int(&args, in->every);
    finq_pg_arg_int(&args, in->session_retention);
    finq_pg_arg_int(&args, in->event_retention);
    finq_pg_arg_int(&args, in->audit_retention);
    FINQ_TRY(db->call(db, &rows, &statement, &args, pool));
    *out = janitor_begin_read(rows, 0);
    return NULL;
}

finq_error *finq_call_janitor_end(finq_janitor_end_out *out, finq_db *db, const finq_janitor_end_in *in, apr_pool_t *pool)
{
    static const finq_pg_statement statement = {
        "finq_janitor_end",
        "SELECT was_held, place, hash FROM finq.janitor_end(p_epoch => $1)", 0, NULL};
    const PGresult *rows;
    finq_pg_args args = {0};
    finq_pg_arg_long(&args, in->epoch);
    FINQ_TRY(db->call(db, &rows, &statement, &args, pool));
    *out = janitor_end_read(rows, 0);
    return NULL;
}

finq_error *finq_call_janitor_sign(finq_janitor_sign_out *out, finq_db *db, const finq_janitor_sign_in *in, apr_pool_t *pool)
{
    static const finq_pg_statement statement = {
        "finq_janitor_sign",
        "SELECT is_kept FROM finq.janitor_sign(p_place => $1, p_hash => $2, p_secret_id => $3, p_signature => $4)", 1, NULL};
    const PGresult *rows;
    finq_pg_args args = {0};
    finq_pg_arg_long(&args, in->place);
    finq_pg_arg_bytes(&args, in->hash);
    finq_pg_arg_int(&args, in->secret_id);
    finq_pg_arg_bytes(&args, in->signature);
    FINQ_TRY(db->call(db, &rows, &statement, &args, pool));
    *out = janitor_sign_read(rows, 0);
    return NULL;
}

finq_error *finq_call_page_begin(finq_page_begin_out *out, finq_db *db, const finq_page_begin_in *in, apr_pool_t *pool)
{
    static const finq_pg_statement statement = {
        "finq_page_begin",
        "SELECT outcome, skill_id, key_id, tenant_user_id, language, prefill, return_link, data_key, expires_at, "
        "session_id, tenant, colours, logo, status, updated_at, session_key FROM finq.page_begin(p_client_id => $1, "
        "p_page_id => $2, p_generation => $3, p_session_id => $4, p_session_key => $5, p_session_ttl => $6)", 1, NULL};
    const PGresult *rows;
    finq_pg_args args = {0};
    finq_pg_arg_id(&args, in->client_id);
    finq_pg_arg_id(&args, in->page_id);
    finq_pg_arg_int(&args, in->generation);
    finq_pg_arg_id(&args, in->session_id);
    finq_pg_arg_bytes(&args, in->session_key);
    finq_pg_arg_int(&args, in->session_ttl);
    FINQ_TRY(db->call(db, &rows, &statement, &args, pool));
    *out = page_facts_read(rows, 0);
    return NULL;
}

finq_error *finq_call_page_logo(finq_page_logo_out *out, finq_db *db, const finq_page_logo_in *in, apr_pool_t *pool)
{
    static const finq_pg_statement statement = {
        "finq_page_logo",
        "SELECT logo, logo_type FROM finq.page_logo(p_logo_id => $1)", 1, NULL};
    const PGresult *rows;
    finq_pg_args args = {0};
    finq_pg_arg_text(&args, in->logo_id);
    FINQ_TRY(db->call(db, &rows, &statement, &args, pool));
    *out = page_logo_read(rows, 0);
    return NULL;
}

finq_error *finq_call_page_look(finq_page_look_out *out, finq_db *db, const finq_page_look_in *in, apr_pool_t *pool)
{
    static const finq_pg_statement crowd = {
        "finq_page_looks",
        "SELECT outcome, skill_id, key_id, tenant_user_id, language, prefill, return_link, data_key, expires_at, "
        "session_id, tenant, colours, logo, status, updated_at, session_key, member FROM finq.page_looks(p_client_id => $1, "
        "p_page_id => $2, p_generation => $3)", 0, NULL};
    static const finq_pg_statement statement = {
        "finq_page_look",
        "SELECT outcome, skill_id, key_id, tenant_user_id, language, prefill, return_link, data_key, expires_at, "
        "session_id, tenant, colours, logo, status, updated_at, session_key FROM finq.page_look(p_client_id => $1, "
        "p_page_id => $2, p_generation => $3)", 1, &crowd};
    const PGresult *rows;
    finq_pg_args args = {0};
    finq_pg_arg_id(&args, in->client_id);
    finq_pg_arg_session(&args, in->page_id);
    finq_pg_arg_int(&args, in->generation);
    FINQ_TRY(db->call(db, &rows, &statement, &args, pool));
    *out = page_facts_read(rows, 0);
    return NULL;
}

finq_error *finq_call_page_make(finq_page_make_out *out, finq_db *db, const finq_page_make_in *in, apr_pool_t *pool)
{
    static const finq_pg_statement statement = {
        "finq_page_make",
        "SELECT outcome, skill_id, expires_at FROM finq.page_make(p_client_id => $1, p_secret_hash => $2, p_page_id => $3, "
        "p_skill => $4, p_is_served => $5, p_language => $6, p_data_key => $7, p_tenant_user_id => $8, p_user_mac => $9, "
        "p_prefill => $10, p_return_link => $11, p_steps => $12, p_return_folded => $13, p_ttl => $14)", 1, NULL};
    const PGresult *rows;
    finq_pg_args args = {0};
    finq_pg_arg_id(&args, in->client_id);
    finq_pg_arg_bytes(&args, in->secret_hash);
    finq_pg_arg_id(&args, in->page_id);
    finq_pg_arg_text(&args, in->skill);
    finq_pg_arg_bool(&args, in->is_served);
    finq_pg_arg_text(&args, in->language);
    finq_pg_arg_bytes(&args, in->data_key);
    finq_pg_arg_bytes(&args, in->tenant_user_id);
    finq_pg_arg_bytes(&args, in->user_mac);
    finq_pg_arg_bytes(&args, in->prefill);
    finq_pg_arg_bytes(&args, in->return_link);
    finq_pg_arg_text(&args, in->steps);
    finq_pg_arg_text(&args, in->return_folded);
    finq_pg_arg_int(&args, in->ttl);
    FINQ_TRY(db->call(db, &rows, &statement, &args, pool));
    *out = page_make_read(rows, 0);
    return NULL;
}

finq_error *finq_call_page_renew(finq_page_renew_out *out, finq_db *db, const finq_page_renew_in *in, apr_pool_t *pool)
{
    static const finq_pg_statement statement = {
        "finq_page_renew",
        "SELECT outcome, skill_id, generation, expires_at FROM finq.page_renew(p_client_id => $1, p_secret_hash => $2, "
        "p_page_id => $3, p_request_id => $4, p_ttl => $5)", 1, NULL};
    const PGresult *rows;
    finq_pg_args args = {0};
    finq_pg_arg_id(&args, in->client_id);
    finq_pg_arg_bytes(&args, in->secret_hash);
    finq_pg_arg_id(&args, in->page_id);
    finq_pg_arg_id(&args, in->request_id);
    finq_pg_arg_int(&args, in->ttl);
    FINQ_TRY(db->call(db, &rows, &statement, &args, pool));
    *out = page_renew_read(rows, 0);
    return NULL;
}

finq_error *finq_call_page_resume(finq_page_resume_out *out, finq_db *db, const finq_page_resume_in *in, apr_pool_t *pool)
{
    static const finq_pg_statement statement = {
        "finq_page_resume",
        "SELECT outcome, held, status, step_id, expires_at, secret_id, ordinal, place, previous, generation, waits, told, "
        "reasons, own_reasons, skill_id, step_place, uploaded, tenant_user_id, data_key, updated_at FROM "
        "finq.page_resume(p_client_id => $1, p_page_id => $2, p_generation => $3, p_nonce_ttl => $4, p_temp_token_ttl => "
        "$5, p_secret_id => $6)", 1, NULL};
    const PGresult *rows;
    finq_pg_args args = {0};
    finq_pg_arg_id(&args, in->client_id);
    finq_pg_arg_id(&args, in->page_id);
    finq_pg_arg_int(&args, in->generation);
    finq_pg_arg_int(&args, in->nonce_ttl);
    finq_pg_arg_int(&args, in->temp_token_ttl);
    finq_pg_arg_int(&args, in->secret_id);
    FINQ_TRY(db->call(db, &rows, &statement, &args, pool));
    *out = session_standing_read(rows, 0);
    return NULL;
}

finq_error *finq_call_partial_begin(finq_partial_begin_out *out, finq_db *db, const finq_partial_begin_in *in, apr_pool_t *pool)
{
    static const finq_pg_statement statement = {
        "finq_partial_begin",
        "SELECT outcome, quota, room, expires_at, has_others FROM finq.partial_begin(p_client_id => $1, p_session_id => $2, "
        "p_ordinal => $3, p_step_id => $4, p_document => $5, p_nonce_ttl => $6, p_generation => $7, p_step_quota => $8, "
        "p_session_quota => $9, p_tenant_quota => $10, p_upload_id => $11, p_least => $12, p_most => $13, p_upload_ttl => "
        "$14)", 1, NULL};
    const PGresult *rows;
    finq_pg_args args = {0};
    finq_pg_arg_id(&args, in->client_id);
    finq_pg_arg_id(&args, in->session_id);
    finq_pg_arg_int(&args, in->ordinal);
    finq_pg_arg_id(&args, in->step_id);
    finq_pg_arg_text(&args, in->document);
    finq_pg_arg_int(&args, in->nonce_ttl);
    finq_pg_arg_int(&args, in->generation);
    finq_pg_arg_long(&args, in->step_quota);
    finq_pg_arg_long(&args, in->session_quota);
    finq_pg_arg_long(&args, in->tenant_quota);
    finq_pg_arg_id(&args, in->upload_id);
    finq_pg_arg_long(&args, in->least);
    finq_pg_arg_long(&args, in->most);
    finq_pg_arg_int(&args, in->upload_ttl);
    FINQ_TRY(db->call(db, &rows, &statement, &args, pool));
    *out = partial_begin_read(rows, 0);
    return NULL;
}

finq_error *finq_call_partial_end(finq_partial_end_out *out, finq_db *db, const finq_partial_end_in *in, apr_pool_t *pool)
{
    static const finq_pg_statement statement = {
        "finq_partial_end",
        "SELECT outcome FROM finq.partial_end(p_upload_id => $1)", 1, NULL};
    const PGresult *rows;
    finq_pg_args args = {0};
    finq_pg_arg_id(&args, in->upload_id);
    FINQ_TRY(db->call(db, &rows, &statement, &args, pool));
    *out = partial_end_read(rows, 0);
    return NULL;
}

finq_error *finq_call_partial_promise(finq_partial_promise_out *out, finq_db *db, const finq_partial_promise_in *in,
                                      apr_pool_t *pool)
{
    static const finq_pg_statement statement = {
        "finq_partial_promise",
        "SELECT outcome, quota, room FROM finq.partial_promise(p_session_id => $1, p_upload_id => $2, p_step_quota => $3, "
        "p_session_quota => $4, p_tenant_quota => $5, p_least => $6, p_most => $7)", 1, NULL};
    const PGresult *rows;
    finq_pg_args args = {0};
    finq_pg_arg_id(&args, in->session_id);
    finq_pg_arg_id(&args, in->upload_id);
    finq_pg_arg_long(&args, in->step_quota);
    finq_pg_arg_long(&args, in->session_quota);
    finq_pg_arg_long(&args, in->tenant_quota);
    finq_pg_arg_long(&args, in->least);
    finq_pg_arg_long(&args, in->most);
    FINQ_TRY(db->call(db, &rows, &statement, &args, pool));
    *out = partial_promise_read(rows, 0);
    return NULL;
}

finq_error *finq_call_partial_stand(finq_partial_stand_out *out, finq_db *db, const finq_partial_stand_in *in, apr_pool_t *pool)
{
    static const finq_pg_statement statement = {
        "finq_partial_stand",
        "SELECT outcome, replaced FROM finq.partial_stand(p_session_id => $1, p_upload_id => $2)", 1, NULL};
    const PGresult *rows;
    finq_pg_args args = {0};
    finq_pg_arg_id(&args, in->session_id);
    finq_pg_arg_id(&args, in->upload_id);
    FINQ_TRY(db->call(db, &rows, &statement, &args, pool));
    *out = partial_stand_read(rows, 0);
    return NULL;
}

finq_error *finq_call_partial_stored(finq_partial_stored_out *out, finq_db *db, const finq_partial_stored_in *in,
                                     apr_pool_t *pool)
{
    static const finq_pg_statement statement = {
        "finq_partial_stored",
        "SELECT upload_id, document, size, sha256, media_type, width, height, orientation FROM "
        "finq.partial_stored(p_upload_id => $1)", 1, NULL};
    const PGresult *rows;
    finq_pg_args args = {0};
    finq_pg_arg_id(&args, in->upload_id);
    FINQ_TRY(db->call(db, &rows, &statement, &args, pool));
    *out = partial_stored_read(rows, 0);
    return NULL;
}

finq_error *finq_call_payment_begin(finq_payment_begin_out *out, finq_db *db, const finq_payment_begin_in *in, apr_pool_t *pool)
{
    static const finq_pg_statement statement = {
        "finq_payment_begin",
        "SELECT outcome, place, payment_id, attempt, book, version FROM finq.payment_begin(p_client_id => $1, p_session_id "
        "=> $2, p_skill_id => $3, p_step_id => $4, p_connector => $5, p_payment_id => $6, p_attempt => $7, p_order_mac => "
        "$8, p_references => $9, p_data_key => $10, p_tenant_user_id => $11, p_user_mac => $12, p_started_at => $13, p_book "
        "=> $14, p_execution_date => $15)", 1, NULL};
    const PGresult *rows;
    finq_pg_args args = {0};
    finq_pg_arg_id(&args, in->client_id);
    finq_pg_arg_id(&args, in->session_id);
    finq_pg_arg_int(&args, in->skill_id);
    finq_pg_arg_id(&args, in->step_id);
    finq_pg_arg_text(&args, in->connector);
    finq_pg_arg_id(&args, in->payment_id);
    finq_pg_arg_id(&args, in->attempt);
    finq_pg_arg_bytes(&args, in->order_mac);
    finq_pg_arg_text(&args, in->references);
    finq_pg_arg_bytes(&args, in->data_key);
    finq_pg_arg_bytes(&args, in->tenant_user_id);
    finq_pg_arg_bytes(&args, in->user_mac);
    finq_pg_arg_long(&args, in->started_at);
    finq_pg_arg_bytes(&args, in->book);
    finq_pg_arg_text(&args, in->execution_date);
    FINQ_TRY(db->call(db, &rows, &statement, &args, pool));
    *out = payment_begin_read(rows, 0);
    return NULL;
}

finq_error *finq_call_payment_claim(finq_payment_claim_out *out, finq_db *db, const finq_payment_claim_in *in, apr_pool_t *pool)
{
    static const finq_pg_statement statement = {
        "finq_payment_claim",
        "SELECT payment_id, client_id, session_id, step_id, skill_id, connector, attempt, reference, data_key, book, "
        "version FROM finq.payment_claim(p_session_id => $1, p_tenant => $2, p_connectors => $3)", 0, NULL};
    const PGresult *rows;
    finq_pg_args args = {0};
    finq_pg_arg_id(&args, in->session_id);
    finq_pg_arg_id(&args, in->tenant);
    finq_pg_arg_text(&args, in->connectors);
    FINQ_TRY(db->call(db, &rows, &statement, &args, pool));
    *out = payment_claim_read(rows, 0);
    return NULL;
}

finq_error *finq_call_payment_get(finq_payment_get_out *out, finq_db *db, const finq_payment_get_in *in, apr_pool_t *pool)
{
    static const finq_pg_statement statement = {
        "finq_payment_get",
        "SELECT outcome, payment_id, session_id, data_key, book, phase, is_final, is_due, told_at FROM "
        "finq.payment_get(p_client_id => $1, p_secret_hash => $2, p_credentials_id => $3, p_access_token_hash => $4)", 1, NULL};
    const PGresult *rows;
    finq_pg_args args = {0};
    finq_pg_arg_id(&args, in->client_id);
    finq_pg_arg_bytes(&args, in->secret_hash);
    finq_pg_arg_id(&args, in->credentials_id);
    finq_pg_arg_bytes(&args, in->access_token_hash);
    FINQ_TRY(db->call(db, &rows, &statement, &args, pool));
    *out = payment_get_read(rows, 0);
    return NULL;
}

finq_error *finq_call_payment_of_session(finq_payment_of_session_out *out, finq_db *db, const finq_payment_of_session_in *in,
                                         apr_pool_t *pool)
{
    static const finq_pg_statement statement = {
        "finq_payment_of_session",
        "SELECT payment_id, attempt, book, version FROM finq.payment_of_session(p_session_id => $1)", 1, NULL};
    const PGresult *rows;
    finq_pg_args args = {0};
    finq_pg_arg_id(&args, in->session_id);
    FINQ_TRY(db->call(db, &rows, &statement, &args, pool));
    *out = payment_of_session_read(rows, 0);
    return NULL;
}

finq_error *finq_call_payment_of_step(finq_payment_of_step_out *out, finq_db *db, const finq_payment_of_step_in *in,
                                      apr_pool_t *pool)
{
    static const finq_pg_statement statement = {
        "finq_payment_of_step",
        "SELECT payment_id, session_id, data_key, book, version, orders FROM finq.payment_of_step(p_step_id => $1, "
        "p_attempt => $2, p_tenant => $3, p_connector => $4)", 1, NULL};
    const PGresult *rows;
    finq_pg_args args = {0};
    finq_pg_arg_id(&args, in->step_id);
    finq_pg_arg_id(&args, in->attempt);
    finq_pg_arg_id(&args, in->tenant);
    finq_pg_arg_text(&args, in->connector);
    FINQ_TRY(db->call(db, &rows, &statement, &args, pool));
    *out = payment_of_step_read(rows, 0);
    return NULL;
}

finq_error *finq_call_payment_release(finq_payment_release_out *out, finq_db *db, const finq_payment_release_in *in,
                                      apr_pool_t *pool)
{
    static const finq_pg_statement statement = {
        "finq_payment_release",
        "SELECT was_held FROM finq.payment_release(p_payment_id => $1)", 1, NULL};
    const PGresult *rows;
    finq_pg_args args = {0};
    finq_pg_arg_id(&args, in->payment_id);
    FINQ_TRY(db->call(db, &rows, &statement, &args, pool));
    *out = payment_release_read(rows, 0);
    return NULL;
}

finq_error *finq_call_payment_tell(finq_payment_tell_out *out, finq_db *db, const finq_payment_tell_in *in, apr_pool_t *pool)
{
    static const finq_pg_statement statement = {
        "finq_payment_tell",
        "SELECT outcome, book, version FROM finq.payment_tell(p_payment_id => $1, p_version => $2, p_book => $3, p_phase => "
        "$4, p_status => $5, p_is_final => $6, p_is_released => $7, p_reference => $8)", 1, NULL};
    const PGresult *rows;
    finq_pg_args args = {0};
    finq_pg_arg_id(&args, in->payment_id);
    finq_pg_arg_int(&args, in->version);
    finq_pg_arg_bytes(&args, in->book);
    finq_pg_arg_text(&args, in->phase);
    finq_pg_arg_text(&args, in->status);
    finq_pg_arg_bool(&args, in->is_final);
    finq_pg_arg_bool(&args, in->is_released);
    finq_pg_arg_bytes(&args, in->reference);
    FINQ_TRY(db->call(db, &rows, &statement, &args, pool));
    *out = payment_tell_read(rows, 0);
    return NULL;
}

finq_error *finq_call_redirect_conclude(finq_redirect_conclude_out *out, finq_db *db, const finq_redirect_conclude_in *in,
                                        apr_pool_t *pool)
{
    static const finq_pg_statement statement = {
        "finq_redirect_conclude",
        "SELECT outcome, return_link, step_id, tenant_user_id, data, status, expires_at, secret_id, error, description, "
        "data_key FROM finq.redirect_conclude(p_client_id => $1, p_session_id => $2, p_ordinal => $3, p_return_hash => $4, "
        "p_decision => $5, p_told => $6, p_reasons => $7, p_answer_ttl => $8, p_secret_id => $9, p_error => $10, "
        "p_description => $11)", 1, NULL};
    const PGresult *rows;
    finq_pg_args args = {0};
    finq_pg_arg_id(&args, in->client_id);
    finq_pg_arg_id(&args, in->session_id);
    finq_pg_arg_int(&args, in->ordinal);
    finq_pg_arg_bytes(&args, in->return_hash);
    finq_pg_arg_text(&args, in->decision);
    finq_pg_arg_bytes(&args, in->told);
    finq_pg_arg_bytes(&args, in->reasons);
    finq_pg_arg_int(&args, in->answer_ttl);
    finq_pg_arg_int(&args, in->secret_id);
    finq_pg_arg_bytes(&args, in->error);
    finq_pg_arg_bytes(&args, in->description);
    FINQ_TRY(db->call(db, &rows, &statement, &args, pool));
    *out = return_answer_read(rows, 0);
    return NULL;
}

finq_error *finq_call_redirect_take(finq_redirect_take_out *out, finq_db *db, const finq_redirect_take_in *in, apr_pool_t *pool)
{
    static const finq_pg_statement statement = {
        "finq_redirect_take",
        "SELECT outcome, return_link, step_id, tenant_user_id, data, status, expires_at, secret_id, error, description, "
        "data_key FROM finq.redirect_take(p_client_id => $1, p_session_id => $2, p_ordinal => $3, p_return_hash => $4, "
        "p_request_id => $5)", 1, NULL};
    const PGresult *rows;
    finq_pg_args args = {0};
    finq_pg_arg_id(&args, in->client_id);
    finq_pg_arg_id(&args, in->session_id);
    finq_pg_arg_int(&args, in->ordinal);
    finq_pg_arg_bytes(&args, in->return_hash);
    finq_pg_arg_id(&args, in->request_id);
    FINQ_TRY(db->call(db, &rows, &statement, &args, pool));
    *out = return_answer_read(rows, 0);
    return NULL;
}

finq_error *finq_call_revocation_done(finq_revocation_done_out *out, finq_db *db, const finq_revocation_done_in *in,
                                      apr_pool_t *pool)
{
    static const finq_pg_statement statement = {
        "finq_revocation_done",
        "SELECT was_there FROM finq.revocation_done(p_revocation_id => $1)", 1, NULL};
    const PGresult *rows;
    finq_pg_args args = {0};
    finq_pg_arg_id(&args, in->revocation_id);
    FINQ_TRY(db->call(db, &rows, &statement, &args, pool));
    *out = revocation_done_read(rows, 0);
    return NULL;
}

finq_error *finq_call_revocation_due(finq_revocation_due_out *out, finq_db *db, const finq_revocation_due_in *in,
                                     apr_pool_t *pool)
{
    static const finq_pg_statement statement = {
        "finq_revocation_due",
        "SELECT revocation_id, client_id, skill_id, connector, reference, reference_key FROM "
        "finq.revocation_due(p_connectors => $1, p_seconds => $2)", 1, NULL};
    const PGresult *rows;
    finq_pg_args args = {0};
    finq_pg_arg_text(&args, in->connectors);
    finq_pg_arg_int(&args, in->seconds);
    FINQ_TRY(db->call(db, &rows, &statement, &args, pool));
    *out = revocation_due_read(rows, 0);
    return NULL;
}

finq_error *finq_call_sandbox_asker(finq_sandbox_asker_out *out, finq_db *db, const finq_sandbox_asker_in *in, apr_pool_t *pool)
{
    static const finq_pg_statement statement = {
        "finq_sandbox_asker",
        "SELECT asker FROM finq.sandbox_asker(p_client_id => $1)", 1, NULL};
    const PGresult *rows;
    finq_pg_args args = {0};
    finq_pg_arg_id(&args, in->client_id);
    FINQ_TRY(db->call(db, &rows, &statement, &args, pool));
    *out = sandbox_asker_read(rows, 0);
    return NULL;
}

finq_error *finq_call_sandbox_look(finq_sandbox_look_out *out, finq_db *db, const finq_sandbox_look_in *in, apr_pool_t *pool)
{
    static const finq_pg_statement statement = {
        "finq_sandbox_look",
        "SELECT seed, today, days, reads, unattended FROM finq.sandbox_look(p_customer => $1, p_attempt => $2, p_counts => "
        "$3, p_is_attended => $4)", 1, NULL};
    const PGresult *rows;
    finq_pg_args args = {0};
    finq_pg_arg_text(&args, in->customer);
    finq_pg_arg_id(&args, in->attempt);
    finq_pg_arg_bool(&args, in->counts);
    finq_pg_arg_bool(&args, in->is_attended);
    FINQ_TRY(db->call(db, &rows, &statement, &args, pool));
    *out = sandbox_look_read(rows, 0);
    return NULL;
}

finq_error *finq_call_sandbox_order_decide(finq_sandbox_order_decide_out *out, finq_db *db, const finq_sandbox_order_decide_in *in,
                                           apr_pool_t *pool)
{
    static const finq_pg_statement statement = {
        "finq_sandbox_order_decide",
        "SELECT outcome, decision, authorised_at, now, transfers, sealed, is_open, is_first FROM "
        "finq.sandbox_order_decide(p_attempt => $1, p_decision => $2, p_seconds => $3, p_account => $4)", 1, NULL};
    const PGresult *rows;
    finq_pg_args args = {0};
    finq_pg_arg_id(&args, in->attempt);
    finq_pg_arg_text(&args, in->decision);
    finq_pg_arg_int(&args, in->seconds);
    finq_pg_arg_text(&args, in->account);
    FINQ_TRY(db->call(db, &rows, &statement, &args, pool));
    *out = sandbox_order_answer_read(rows, 0);
    return NULL;
}

finq_error *finq_call_sandbox_order_look(finq_sandbox_order_look_out *out, finq_db *db, const finq_sandbox_order_look_in *in,
                                         apr_pool_t *pool)
{
    static const finq_pg_statement statement = {
        "finq_sandbox_order_look",
        "SELECT outcome, decision, authorised_at, now, transfers, sealed, is_open, is_first FROM "
        "finq.sandbox_order_look(p_attempt => $1, p_event => $2, p_request_id => $3)", 1, NULL};
    const PGresult *rows;
    finq_pg_args args = {0};
    finq_pg_arg_id(&args, in->attempt);
    finq_pg_arg_text(&args, in->event);
    finq_pg_arg_id(&args, in->request_id);
    FINQ_TRY(db->call(db, &rows, &statement, &args, pool));
    *out = sandbox_order_answer_read(rows, 0);
    return NULL;
}

finq_error *finq_call_sandbox_order_take(finq_sandbox_order_take_out *out, finq_db *db, const finq_sandbox_order_take_in *in,
                                         apr_pool_t *pool)
{
    static const finq_pg_statement statement = {
        "finq_sandbox_order_take",
        "SELECT outcome, decision, authorised_at, now, transfers, sealed, is_open, is_first FROM "
        "finq.sandbox_order_take(p_attempt => $1, p_session_id => $2, p_message_id => $3, p_body_hash => $4, p_transfers => "
        "$5, p_sealed => $6, p_seconds => $7, p_request_id => $8)", 1, NULL};
    const PGresult *rows;
    finq_pg_args args = {0};
    finq_pg_arg_id(&args, in->attempt);
    finq_pg_arg_id(&args, in->session_id);
    finq_pg_arg_text(&args, in->message_id);
    finq_pg_arg_bytes(&args, in->body_hash);
    finq_pg_arg_text(&args, in->transfers);
    finq_pg_arg_bytes(&args, in->sealed);
    finq_pg_arg_int(&args, in->seconds);
    finq_pg_arg_id(&args, in->request_id);
    FINQ_TRY(db->call(db, &rows, &statement, &args, pool));
    *out = sandbox_order_answer_read(rows, 0);
    return NULL;
}

finq_error *finq_call_schema_version(finq_schema_version_out *out, finq_db *db, apr_pool_t *pool)
{
    static const finq_pg_statement statement = {
        "finq_schema_version",
        "SELECT schema_version FROM finq.schema_version()", 1, NULL};
    const PGresult *rows;
    finq_pg_args args = {0};
    FINQ_TRY(db->call(db, &rows, &statement, &args, pool));
    *out = schema_version_read(rows, 0);
    return NULL;
}

finq_error *finq_call_session_back(finq_session_back_out *out, finq_db *db, const finq_session_back_in *in, apr_pool_t *pool)
{
    static const finq_pg_statement statement = {
        "finq_session_back",
        "SELECT outcome, held, status, step_id, expires_at, secret_id, ordinal, place, previous, generation, waits, told, "
        "reasons, own_reasons, skill_id, step_place, uploaded, tenant_user_id, data_key, updated_at FROM "
        "finq.session_back(p_client_id => $1, p_session_id => $2, p_ordinal => $3, p_generation => $4, p_nonce_expires_at "
        "=> $5, p_nonce_ttl => $6, p_temp_token_ttl => $7, p_secret_id => $8)", 1, NULL};
    const PGresult *rows;
    finq_pg_args args = {0};
    finq_pg_arg_id(&args, in->client_id);
    finq_pg_arg_id(&args, in->session_id);
    finq_pg_arg_int(&args, in->ordinal);
    finq_pg_arg_int(&args, in->generation);
    finq_pg_arg_long(&args, in->nonce_expires_at);
    finq_pg_arg_int(&args, in->nonce_ttl);
    finq_pg_arg_int(&args, in->temp_token_ttl);
    finq_pg_arg_int(&args, in->secret_id);
    FINQ_TRY(db->call(db, &rows, &statement, &args, pool));
    *out = session_standing_read(rows, 0);
    return NULL;
}

finq_error *finq_call_session_cancel(finq_session_cancel_out *out, finq_db *db, const finq_session_cancel_in *in,
                                     apr_pool_t *pool)
{
    static const finq_pg_statement statement = {
        "finq_session_cancel",
        "SELECT outcome, held, status, step_id, expires_at, secret_id, ordinal, place, previous, generation, waits, told, "
        "reasons, own_reasons, skill_id, step_place, uploaded, tenant_user_id, data_key, updated_at FROM "
        "finq.session_cancel(p_client_id => $1, p_secret_hash => $2, p_session_id => $3, p_ordinal => $4, p_generation => "
        "$5, p_nonce_expires_at => $6, p_nonce_ttl => $7, p_temp_token_ttl => $8, p_secret_id => $9)", 1, NULL};
    const PGresult *rows;
    finq_pg_args args = {0};
    finq_pg_arg_id(&args, in->client_id);
    finq_pg_arg_bytes(&args, in->secret_hash);
    finq_pg_arg_id(&args, in->session_id);
    finq_pg_arg_int(&args, in->ordinal);
    finq_pg_arg_int(&args, in->generation);
    finq_pg_arg_long(&args, in->nonce_expires_at);
    finq_pg_arg_int(&args, in->nonce_ttl);
    finq_pg_arg_int(&args, in->temp_token_ttl);
    finq_pg_arg_int(&args, in->secret_id);
    FINQ_TRY(db->call(db, &rows, &statement, &args, pool));
    *out = session_standing_read(rows, 0);
    return NULL;
}

finq_error *finq_call_session_documents(finq_session_documents_out *out, finq_db *db, const finq_session_documents_in *in,
                                        apr_pool_t *pool)
{
    static const finq_pg_statement statement = {
        "finq_session_documents",
        "SELECT session_documents FROM finq.session_documents(p_session_id => $1, p_client_id => $2, p_reader => $3)", 1, NULL};
    const PGresult *rows;
    finq_pg_args args = {0};
    finq_pg_arg_id(&args, in->session_id);
    finq_pg_arg_id(&args, in->client_id);
    finq_pg_arg_text(&args, in->reader);
    FINQ_TRY(db->call(db, &rows, &statement, &args, pool));
    *out = session_documents_read(rows, 0);
    return NULL;
}

finq_error *finq_call_session_exists(finq_session_exists_out *out, finq_db *db, const finq_session_exists_in *in,
                                     apr_pool_t *pool)
{
    static const finq_pg_statement statement = {
        "finq_session_exists",
        "SELECT session_exists FROM finq.session_exists(p_client_id => $1, p_session_id => $2)", 1, NULL};
    const PGresult *rows;
    finq_pg_args args = {0};
    finq_pg_arg_id(&args, in->client_id);
    finq_pg_arg_id(&args, in->session_id);
    FINQ_TRY(db->call(db, &rows, &statement, &args, pool));
    *out = session_exists_read(rows, 0);
    return NULL;
}

finq_error *finq_call_session_resume(finq_session_resume_out *out, finq_db *db, const finq_session_resume_in *in,
                                     apr_pool_t *pool)
{
    static const finq_pg_statement statement = {
        "finq_session_resume",
        "SELECT outcome, held, status, step_id, expires_at, secret_id, ordinal, place, previous, generation, waits, told, "
        "reasons, own_reasons, skill_id, step_place, uploaded, tenant_user_id, data_key, updated_at FROM "
        "finq.session_resume(p_client_id => $1, p_secret_hash => $2, p_session_id => $3, p_nonce_ttl => $4, "
        "p_temp_token_ttl => $5, p_secret_id => $6)", 1, NULL};
    const PGresult *rows;
    finq_pg_args args = {0};
    finq_pg_arg_id(&args, in->client_id);
    finq_pg_arg_bytes(&args, in->secret_hash);
    finq_pg_arg_id(&args, in->session_id);
    finq_pg_arg_int(&args, in->nonce_ttl);
    finq_pg_arg_int(&args, in->temp_token_ttl);
    finq_pg_arg_int(&args, in->secret_id);
    FINQ_TRY(db->call(db, &rows, &statement, &args, pool));
    *out = session_standing_read(rows, 0);
    return NULL;
}

finq_error *finq_call_session_status(finq_session_status_out *out, finq_db *db, const finq_session_status_in *in,
                                     apr_pool_t *pool)
{
    static const finq_pg_statement crowd = {
        "finq_session_statuses",
        "SELECT outcome, held, status, step_id, expires_at, secret_id, ordinal, place, previous, generation, waits, told, "
        "reasons, own_reasons, skill_id, step_place, uploaded, tenant_user_id, data_key, updated_at, member FROM "
        "finq.session_statuses(p_client_id => $1, p_session_id => $2, p_ordinal => $3, p_generation => $4, "
        "p_nonce_expires_at => $5, p_nonce_ttl => $6, p_temp_token_ttl => $7, p_secret_id => $8, p_started_at => $9, "
        "p_user_mac => $10)", 0, NULL};
    static const finq_pg_statement statement = {
        "finq_session_status",
        "SELECT outcome, held, status, step_id, expires_at, secret_id, ordinal, place, previous, generation, waits, told, "
        "reasons, own_reasons, skill_id, step_place, uploaded, tenant_user_id, data_key, updated_at FROM "
        "finq.session_status(p_client_id => $1, p_session_id => $2, p_ordinal => $3, p_generation => $4, p_nonce_expires_at "
        "=> $5, p_nonce_ttl => $6, p_temp_token_ttl => $7, p_secret_id => $8, p_started_at => $9, p_user_mac => $10)", 1, &crowd};
    const PGresult *rows;
    finq_pg_args args = {0};
    finq_pg_arg_id(&args, in->client_id);
    finq_pg_arg_session(&args, in->session_id);
    finq_pg_arg_int(&args, in->ordinal);
    finq_pg_arg_int(&args, in->generation);
    finq_pg_arg_long(&args, in->nonce_expires_at);
    finq_pg_arg_int(&args, in->nonce_ttl);
    finq_pg_arg_int(&args, in->temp_token_ttl);
    finq_pg_arg_int(&args, in->secret_id);
    finq_pg_arg_long(&args, in->started_at);
    finq_pg_arg_bytes(&args, in->user_mac);
    FINQ_TRY(db->call(db, &rows, &statement, &args, pool));
    *out = session_standing_read(rows, 0);
    return NULL;
}

finq_error *finq_call_sessions_settled(apr_array_header_t **rows, finq_db *db, const finq_sessions_settled_in *in,
                                       apr_pool_t *pool)
{
    static const finq_pg_statement statement = {
        "finq_sessions_settled",
        "SELECT place FROM finq.sessions_settled(p_session_ids => $1, p_generations => $2)", 1, NULL};
    const PGresult *found;
    finq_pg_args args = {0};
    finq_pg_arg_text(&args, in->session_ids);
    finq_pg_arg_text(&args, in->generations);
    FINQ_TRY(db->call(db, &found, &statement, &args, pool));
    *rows = apr_array_make(pool, finq_pg_rows(found), sizeof(finq_sessions_settled_out));
    for (int i = 0; i < finq_pg_rows(found); i++)
        APR_ARRAY_PUSH(*rows, finq_sessions_settled_out) = sessions_settled_read(found, i);
    return NULL;
}

finq_error *finq_call_signature_use(finq_signature_use_out *out, finq_db *db, const finq_signature_use_in *in, apr_pool_t *pool)
{
    static const finq_pg_statement statement = {
        "finq_signature_use",
        "SELECT is_first FROM finq.signature_use(p_client_id => $1, p_kid => $2, p_token_hash => $3, p_expires_at => $4, "
        "p_request_id => $5)", 1, NULL};
    const PGresult *rows;
    finq_pg_args args = {0};
    finq_pg_arg_id(&args, in->client_id);
    finq_pg_arg_text(&args, in->kid);
    finq_pg_arg_bytes(&args, in->token_hash);
    finq_pg_arg_long(&args, in->expires_at);
    finq_pg_arg_id(&args, in->request_id);
    FINQ_TRY(db->call(db, &rows, &statement, &args, pool));
    *out = signature_use_read(rows, 0);
    return NULL;
}

finq_error *finq_call_signing_keys(finq_signing_keys_out *out, finq_db *db, const finq_signing_keys_in *in, apr_pool_t *pool)
{
    static const finq_pg_statement statement = {
        "finq_signing_keys",
        "SELECT signing_keys FROM finq.signing_keys(p_issuer => $1, p_client_id => $2)", 1, NULL};
    const PGresult *rows;
    finq_pg_args args = {0};
    finq_pg_arg_text(&args, in->issuer);
    finq_pg_arg_id(&args, in->client_id);
    FINQ_TRY(db->call(db, &rows, &statement, &args, pool));
    *out = signing_keys_read(rows, 0);
    return NULL;
}

finq_error *finq_call_skill_get(finq_skill_get_out *out, finq_db *db, const finq_skill_get_in *in, apr_pool_t *pool)
{
    static const finq_pg_statement statement = {
        "finq_skill_get",
        "SELECT skill_id, definition FROM finq.skill_get(p_skill_id => $1)", 1, NULL};
    const PGresult *rows;
    finq_pg_args args = {0};
    finq_pg_arg_int(&args, in->skill_id);
    FINQ_TRY(db->call(db, &rows, &statement, &args, pool));
    *out = published_skill_read(rows, 0);
    return NULL;
}

finq_error *finq_call_skill_named(finq_skill_named_out *out, finq_db *db, const finq_skill_named_in *in, apr_pool_t *pool)
{
    static const finq_pg_statement statement = {
        "finq_skill_named",
        "SELECT skill_id, definition FROM finq.skill_named(p_name => $1)", 1, NULL};
    const PGresult *rows;
    finq_pg_args args = {0};
    finq_pg_arg_text(&args, in->name);
    FINQ_TRY(db->call(db, &rows, &statement, &args, pool));
    *out = published_skill_read(rows, 0);
    return NULL;
}

finq_error *finq_call_step_context(finq_step_context_out *out, finq_db *db, const finq_step_context_in *in, apr_pool_t *pool)
{
    static const finq_pg_statement statement = {
        "finq_step_context",
        "SELECT outcome, missing, tenant_user_id, steps, documents FROM finq.step_context(p_client_id => $1, p_session_id "
        "=> $2, p_skill_id => $3, p_ordinal => $4, p_app_key_id => $5, p_generation => $6, p_body_hash => $7, p_required => "
        "$8, p_started_at => $9, p_session_ttl => $10, p_return_link => $11, p_attempt => $12, p_renews => $13, "
        "p_request_id => $14, p_claim => $15, p_user_mac => $16)", 1, NULL};
    const PGresult *rows;
    finq_pg_args args = {0};
    finq_pg_arg_id(&args, in->client_id);
    finq_pg_arg_id(&args, in->session_id);
    finq_pg_arg_int(&args, in->skill_id);
    finq_pg_arg_int(&args, in->ordinal);
    finq_pg_arg_long(&args, in->app_key_id);
    finq_pg_arg_int(&args, in->generation);
    finq_pg_arg_bytes(&args, in->body_hash);
    finq_pg_arg_text(&args, in->required);
    finq_pg_arg_long(&args, in->started_at);
    finq_pg_arg_int(&args, in->session_ttl);
    finq_pg_arg_text(&args, in->return_link);
    finq_pg_arg_id(&args, in->attempt);
    finq_pg_arg_id(&args, in->renews);
    finq_pg_arg_id(&args, in->request_id);
    finq_pg_arg_int(&args, in->claim);
    finq_pg_arg_bytes(&args, in->user_mac);
    FINQ_TRY(db->call(db, &rows, &statement, &args, pool));
    *out = step_context_read(rows, 0);
    return NULL;
}

finq_error *finq_call_step_decide(finq_step_decide_out *out, finq_db *db, const finq_step_decide_in *in, apr_pool_t *pool)
{
    static const finq_pg_statement statement = {
        "finq_step_decide",
        "SELECT outcome, status FROM finq.step_decide(p_step_id => $1, p_tenant => $2, p_connector => $3, p_decision => $4, "
        "p_reasons => $5, p_request_id => $6)", 1, NULL};
    const PGresult *rows;
    finq_pg_args args = {0};
    finq_pg_arg_id(&args, in->step_id);
    finq_pg_arg_id(&args, in->tenant);
    finq_pg_arg_text(&args, in->connector);
    finq_pg_arg_text(&args, in->decision);
    finq_pg_arg_bytes(&args, in->reasons);
    finq_pg_arg_id(&args, in->request_id);
    FINQ_TRY(db->call(db, &rows, &statement, &args, pool));
    *out = step_decide_read(rows, 0);
    return NULL;
}

finq_error *finq_call_step_key(finq_step_key_out *out, finq_db *db, const finq_step_key_in *in, apr_pool_t *pool)
{
    static const finq_pg_statement statement = {
        "finq_step_key",
        "SELECT session_id, data_key FROM finq.step_key(p_step_id => $1)", 1, NULL};
    const PGresult *rows;
    finq_pg_args args = {0};
    finq_pg_arg_id(&args, in->step_id);
    FINQ_TRY(db->call(db, &rows, &statement, &args, pool));
    *out = step_key_read(rows, 0);
    return NULL;
}

finq_error *finq_call_step_release(finq_step_release_out *out, finq_db *db, const finq_step_release_in *in, apr_pool_t *pool)
{
    static const finq_pg_statement statement = {
        "finq_step_release",
        "SELECT was_held FROM finq.step_release(p_session_id => $1, p_ordinal => $2, p_attempt => $3)", 1, NULL};
    const PGresult *rows;
    finq_pg_args args = {0};
    finq_pg_arg_id(&args, in->session_id);
    finq_pg_arg_int(&args, in->ordinal);
    finq_pg_arg_id(&args, in->attempt);
    FINQ_TRY(db->call(db, &rows, &statement, &args, pool));
    *out = step_release_read(rows, 0);
    return NULL;
}

finq_error *finq_call_submit_step(finq_submit_step_out *out, finq_db *db, const finq_submit_step_in *in, apr_pool_t *pool)
{
    static const finq_pg_statement crowd = {
        "finq_submit_steps",
        "SELECT outcome, step_id, secret_id, expires_at, missing, status, next_place, waits_for, reply, reasons, member "
        "FROM finq.submit_steps(p_client_id => $1, p_session_id => $2, p_skill_id => $3, p_ordinal => $4, p_app_key_id => "
        "$5, p_tenant_user_id => $6, p_started_at => $7, p_nonce_expires_at => $8, p_step_id => $9, p_step_name => $10, "
        "p_body_hash => $11, p_data => $12, p_required => $13, p_status => $14, p_secret_id => $15, p_answer_ttl => $16, "
        "p_session_ttl => $17, p_generation => $18, p_place => $19, p_next_place => $20, p_waits_for => $21, p_reply => "
        "$22, p_return_link => $23, p_return_until => $24, p_reasons => $25, p_attempt => $26, p_renews => $27, p_user_mac "
        "=> $28, p_data_key => $29)", 0, NULL};
    static const finq_pg_statement statement = {
        "finq_submit_step",
        "SELECT outcome, step_id, secret_id, expires_at, missing, status, next_place, waits_for, reply, reasons FROM "
        "finq.submit_step(p_client_id => $1, p_session_id => $2, p_skill_id => $3, p_ordinal => $4, p_app_key_id => $5, "
        "p_tenant_user_id => $6, p_started_at => $7, p_nonce_expires_at => $8, p_step_id => $9, p_step_name => $10, "
        "p_body_hash => $11, p_data => $12, p_required => $13, p_status => $14, p_secret_id => $15, p_answer_ttl => $16, "
        "p_session_ttl => $17, p_generation => $18, p_place => $19, p_next_place => $20, p_waits_for => $21, p_reply => "
        "$22, p_return_link => $23, p_return_until => $24, p_reasons => $25, p_attempt => $26, p_renews => $27, p_user_mac "
        "=> $28, p_data_key => $29)", 1, &crowd};
    const PGresult *rows;
    finq_pg_args args = {0};
    finq_pg_arg_id(&args, in->client_id);
    finq_pg_arg_session(&args, in->session_id);
    finq_pg_arg_int(&args, in->skill_id);
    finq_pg_arg_int(&args, in->ordinal);
    finq_pg_arg_long(&args, in->app_key_id);
    finq_pg_arg_bytes(&args, in->tenant_user_id);
    finq_pg_arg_long(&args, in->started_at);
    finq_pg_arg_long(&args, in->nonce_expires_at);
    finq_pg_arg_id(&args, in->step_id);
    finq_pg_arg_text(&args, in->step_name);
    finq_pg_arg_bytes(&args, in->body_hash);
    finq_pg_arg_bytes(&args, in->data);
    finq_pg_arg_text(&args, in->required);
    finq_pg_arg_text(&args, in->status);
    finq_pg_arg_int(&args, in->secret_id);
    finq_pg_arg_int(&args, in->answer_ttl);
    finq_pg_arg_int(&args, in->session_ttl);
    finq_pg_arg_int(&args, in->generation);
    finq_pg_arg_int(&args, in->place);
    finq_pg_arg_int(&args, in->next_place);
    finq_pg_arg_text(&args, in->waits_for);
    finq_pg_arg_bytes(&args, in->reply);
    finq_pg_arg_bytes(&args, in->return_link);
    finq_pg_arg_long(&args, in->return_until);
    finq_pg_arg_bytes(&args, in->reasons);
    finq_pg_arg_id(&args, in->attempt);
    finq_pg_arg_id(&args, in->renews);
    finq_pg_arg_bytes(&args, in->user_mac);
    finq_pg_arg_bytes(&args, in->data_key);
    FINQ_TRY(db->call(db, &rows, &statement, &args, pool));
    *out = step_answer_read(rows, 0);
    return NULL;
}

finq_error *finq_call_tenant_seen(finq_tenant_seen_out *out, finq_db *db, const finq_tenant_seen_in *in, apr_pool_t *pool)
{
    static const finq_pg_statement statement = {
        "finq_tenant_seen",
        "SELECT tenant_seen FROM finq.tenant_seen(p_client_id => $1, p_app_key_hash => $2)", 1, NULL};
    const PGresult *rows;
    finq_pg_args args = {0};
    finq_pg_arg_id(&args, in->client_id);
    finq_pg_arg_bytes(&args, in->app_key_hash);
    FINQ_TRY(db->call(db, &rows, &statement, &args, pool));
    *out = tenant_seen_read(rows, 0);
    return NULL;
}

finq_error *finq_call_transactions_page(apr_array_header_t **rows, finq_db *db, const finq_transactions_page_in *in,
                                        apr_pool_t *pool)
{
    static const finq_pg_statement statement = {
        "finq_transactions_page",
        "SELECT outcome, data_key, is_due, at, is_reset, as_of, access, number, change, reason, replaced_by, "
        "transaction_id, account_id, mac, ordinal, is_derived, is_booked, booked_at, amount, is_credit, currency, balance, "
        "info, stored_at FROM finq.transactions_page(p_client_id => $1, p_secret_hash => $2, p_credentials_id => $3, "
        "p_access_token_hash => $4, p_filter => $5, p_at => $6, p_after_booked => $7, p_after_id => $8, p_count => $9)", 1, NULL};
    const PGresult *found;
    finq_pg_args args = {0};
    finq_pg_arg_id(&args, in->client_id);
    finq_pg_arg_bytes(&args, in->secret_hash);
    finq_pg_arg_id(&args, in->credentials_id);
    finq_pg_arg_bytes(&args, in->access_token_hash);
    finq_pg_arg_text(&args, in->filter);
    finq_pg_arg_long(&args, in->at);
    finq_pg_arg_long(&args, in->after_booked);
    finq_pg_arg_id(&args, in->after_id);
    finq_pg_arg_int(&args, in->count);
    FINQ_TRY(db->call(db, &found, &statement, &args, pool));
    *rows = apr_array_make(pool, finq_pg_rows(found), sizeof(finq_transactions_page_out));
    for (int i = 0; i < finq_pg_rows(found); i++)
        APR_ARRAY_PUSH(*rows, finq_transactions_page_out) = transaction_answer_read(found, i);
    return NULL;
}

finq_error *finq_call_transactions_sync(apr_array_header_t **rows, finq_db *db, const finq_transactions_sync_in *in,
                                        apr_pool_t *pool)
{
    static const finq_pg_statement statement = {
        "finq_transactions_sync",
        "SELECT outcome, data_key, is_due, at, is_reset, as_of, access, number, change, reason, replaced_by, "
        "transaction_id, account_id, mac, ordinal, is_derived, is_booked, booked_at, amount, is_credit, currency, balance, "
        "info, stored_at FROM finq.transactions_sync(p_client_id => $1, p_secret_hash => $2, p_credentials_id => $3, "
        "p_access_token_hash => $4, p_from => $5, p_after => $6, p_upto => $7, p_count => $8)", 1, NULL};
    const PGresult *found;
    finq_pg_args args = {0};
    finq_pg_arg_id(&args, in->client_id);
    finq_pg_arg_bytes(&args, in->secret_hash);
    finq_pg_arg_id(&args, in->credentials_id);
    finq_pg_arg_bytes(&args, in->access_token_hash);
    finq_pg_arg_long(&args, in->from);
    finq_pg_arg_long(&args, in->after);
    finq_pg_arg_long(&args, in->upto);
    finq_pg_arg_int(&args, in->count);
    FINQ_TRY(db->call(db, &found, &statement, &args, pool));
    *rows = apr_array_make(pool, finq_pg_rows(found), sizeof(finq_transactions_sync_out));
    for (int i = 0; i < finq_pg_rows(found); i++)
        APR_ARRAY_PUSH(*rows, finq_transactions_sync_out) = transaction_answer_read(found, i);
    return NULL;
}

finq_error *finq_call_upload_admit(finq_upload_admit_out *out, finq_db *db, const finq_upload_admit_in *in, apr_pool_t *pool)
{
    static const finq_pg_statement statement = {
        "finq_upload_admit",
        "SELECT outcome, quota, room FROM finq.upload_admit(p_client_id => $1, p_session_id => $2, p_ordinal => $3, "
        "p_step_id => $4, p_document => $5, p_nonce_ttl => $6, p_generation => $7, p_step_quota => $8, p_session_quota => "
        "$9, p_tenant_quota => $10, p_partial => $11)", 1, NULL};
    const PGresult *rows;
    finq_pg_args args = {0};
    finq_pg_arg_id(&args, in->client_id);
    finq_pg_arg_id(&args, in->session_id);
    finq_pg_arg_int(&args, in->ordinal);
    finq_pg_arg_id(&args, in->step_id);
    finq_pg_arg_text(&args, in->document);
    finq_pg_arg_int(&args, in->nonce_ttl);
    finq_pg_arg_int(&args, in->generation);
    finq_pg_arg_long(&args, in->step_quota);
    finq_pg_arg_long(&args, in->session_quota);
    finq_pg_arg_long(&args, in->tenant_quota);
    finq_pg_arg_id(&args, in->partial);
    FINQ_TRY(db->call(db, &rows, &statement, &args, pool));
    *out = upload_admit_read(rows, 0);
    return NULL;
}

finq_error *finq_call_upload_largest(finq_upload_largest_out *out, finq_db *db, apr_pool_t *pool)
{
    static const finq_pg_statement statement = {
        "finq_upload_largest",
        "SELECT skill, document, max_bytes FROM finq.upload_largest()", 1, NULL};
    const PGresult *rows;
    finq_pg_args args = {0};
    FINQ_TRY(db->call(db, &rows, &statement, &args, pool));
    *out = upload_largest_read(rows, 0);
    return NULL;
}

finq_error *finq_call_upload_open(finq_upload_open_out *out, finq_db *db, const finq_upload_open_in *in, apr_pool_t *pool)
{
    static const finq_pg_statement statement = {
        "finq_upload_open",
        "SELECT document, media_type, uploaded_at, data_key FROM finq.upload_open(p_upload_id => $1, p_client_id => $2, "
        "p_reader => $3)", 1, NULL};
    const PGresult *rows;
    finq_pg_args args = {0};
    finq_pg_arg_id(&args, in->upload_id);
    finq_pg_arg_id(&args, in->client_id);
    finq_pg_arg_text(&args, in->reader);
    FINQ_TRY(db->call(db, &rows, &statement, &args, pool));
    *out = upload_open_read(rows, 0);
    return NULL;
}

finq_error *finq_call_upload_record(finq_upload_record_out *out, finq_db *db, const finq_upload_record_in *in, apr_pool_t *pool)
{
    static const finq_pg_statement statement = {
        "finq_upload_record",
        "SELECT outcome, upload_id, replaced, quota, ended FROM finq.upload_record(p_client_id => $1, p_session_id => $2, "
        "p_ordinal => $3, p_step_id => $4, p_document => $5, p_upload_id => $6, p_size => $7, p_sha256 => $8, p_media_type "
        "=> $9, p_nonce_ttl => $10, p_generation => $11, p_width => $12, p_height => $13, p_orientation => $14, "
        "p_step_quota => $15, p_session_quota => $16, p_tenant_quota => $17, p_partial => $18)", 1, NULL};
    const PGresult *rows;
    finq_pg_args args = {0};
    finq_pg_arg_id(&args, in->client_id);
    finq_pg_arg_id(&args, in->session_id);
    finq_pg_arg_int(&args, in->ordinal);
    finq_pg_arg_id(&args, in->step_id);
    finq_pg_arg_text(&args, in->document);
    finq_pg_arg_id(&args, in->upload_id);
    finq_pg_arg_long(&args, in->size);
    finq_pg_arg_bytes(&args, in->sha256);
    finq_pg_arg_text(&args, in->media_type);
    finq_pg_arg_int(&args, in->nonce_ttl);
    finq_pg_arg_int(&args, in->generation);
    finq_pg_arg_int(&args, in->width);
    finq_pg_arg_int(&args, in->height);
    finq_pg_arg_int(&args, in->orientation);
    finq_pg_arg_long(&args, in->step_quota);
    finq_pg_arg_long(&args, in->session_quota);
    finq_pg_arg_long(&args, in->tenant_quota);
    finq_pg_arg_id(&args, in->partial);
    FINQ_TRY(db->call(db, &rows, &statement, &args, pool));
    *out = upload_record_read(rows, 0);
    return NULL;
}

finq_error *finq_call_upload_sweep(apr_array_header_t **rows, finq_db *db, const finq_upload_sweep_in *in, apr_pool_t *pool)
{
    static const finq_pg_statement statement = {
        "finq_upload_sweep",
        "SELECT upload_id, recorded FROM finq.upload_sweep(p_mark => $1, p_undecided => $2, p_gone => $3, p_behind => $4)", 1, NULL};
    const PGresult *found;
    finq_pg_args args = {0};
    finq_pg_arg_bytes(&args, in->mark);
    finq_pg_arg_text(&args, in->undecided);
    finq_pg_arg_text(&args, in->gone);
    finq_pg_arg_id(&args, in->behind);
    FINQ_TRY(db->call(db, &found, &statement, &args, pool));
    *rows = apr_array_make(pool, finq_pg_rows(found), sizeof(finq_upload_sweep_out));
    for (int i = 0; i < finq_pg_rows(found); i++)
        APR_ARRAY_PUSH(*rows, finq_upload_sweep_out) = upload_sweep_read(found, i);
    return NULL;
}

finq_error *finq_call_user_erase(finq_user_erase_out *out, finq_db *db, const finq_user_erase_in *in, apr_pool_t *pool)
{
    static const finq_pg_statement statement = {
        "finq_user_erase",
        "SELECT outcome, claims FROM finq.user_erase(p_client_id => $1, p_secret_hash => $2, p_user_macs => $3, "
        "p_credentials_id => $4, p_access_token_hash => $5)", 1, NULL};
    const PGresult *rows;
    finq_pg_args args = {0};
    finq_pg_arg_id(&args, in->client_id);
    finq_pg_arg_bytes(&args, in->secret_hash);
    finq_pg_arg_text(&args, in->user_macs);
    finq_pg_arg_id(&args, in->credentials_id);
    finq_pg_arg_bytes(&args, in->access_token_hash);
    FINQ_TRY(db->call(db, &rows, &statement, &args, pool));
    *out = user_erase_read(rows, 0);
    return NULL;
}

finq_error *finq_call_user_export(finq_user_export_out *out, finq_db *db, const finq_user_export_in *in, apr_pool_t *pool)
{
    static const finq_pg_statement statement = {
        "finq_user_export",
        "SELECT outcome, page FROM finq.user_export(p_client_id => $1, p_secret_hash => $2, p_user_macs => $3, "
        "p_credentials_id => $4, p_access_token_hash => $5, p_part => $6, p_after => $7)", 1, NULL};
    const PGresult *rows;
    finq_pg_args args = {0};
    finq_pg_arg_id(&args, in->client_id);
    finq_pg_arg_bytes(&args, in->secret_hash);
    finq_pg_arg_text(&args, in->user_macs);
    finq_pg_arg_id(&args, in->credentials_id);
    finq_pg_arg_bytes(&args, in->access_token_hash);
    finq_pg_arg_text(&args, in->part);
    finq_pg_arg_text(&args, in->after);
    FINQ_TRY(db->call(db, &rows, &statement, &args, pool));
    *out = user_export_read(rows, 0);
    return NULL;
}
