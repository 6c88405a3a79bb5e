-- Who may do what. A default of the schema cannot take from PUBLIC what PostgreSQL gives it, so this comes after all others.

REVOKE ALL ON SCHEMA finq FROM PUBLIC;
REVOKE ALL ON ALL TABLES IN SCHEMA finq FROM PUBLIC;
REVOKE ALL ON ALL FUNCTIONS IN SCHEMA finq FROM PUBLIC;

-- What the server's role may call, one file after the other.
GRANT USAGE ON SCHEMA finq TO finq_server;
GRANT EXECUTE ON FUNCTION
    finq.session_exists, finq.session_status, finq.session_resume, finq.session_back, finq.session_cancel,
    finq.sessions_settled,
    finq.redirect_take, finq.redirect_conclude,
    finq.upload_admit, finq.upload_record, finq.upload_open, finq.session_documents, finq.upload_largest, finq.upload_sweep,
    finq.partial_begin, finq.partial_stand, finq.partial_promise, finq.partial_stored, finq.partial_end,
    finq.step_context, finq.step_release, finq.submit_step, finq.step_key, finq.step_decide,
    finq.exchange_token, finq.submit_steps, finq.exchange_tokens, finq.session_statuses, finq.consents_get, finq.page_looks,
    finq.accounts_get_each, finq.balances_get_each,
    finq.page_make, finq.page_renew, finq.page_look, finq.page_begin, finq.page_resume, finq.page_logo,
    finq.handoff_offer, finq.handoff_choose, finq.handoff_look, finq.handoff_open, finq.handoff_finish,
    finq.consent_get, finq.consent_of_signer, finq.consent_delete, finq.consent_page, finq.consent_renew,
    finq.feed_keep, finq.feed_due, finq.feed_claim, finq.account_key_keep, finq.feed_tell, finq.feed_store, finq.feed_fail,
    finq.revocation_due, finq.revocation_done,
    finq.accounts_get, finq.balances_get, finq.transactions_page, finq.transactions_sync,
    finq.user_export, finq.user_erase,
    finq.payment_begin, finq.payment_of_session, finq.payment_tell, finq.payment_release, finq.payment_of_step, finq.payment_claim, finq.payment_get,
    finq.sandbox_look, finq.sandbox_asker, finq.sandbox_order_take, finq.sandbox_order_decide, finq.sandbox_order_look,
    finq.schema_version, finq.is_read_only, finq.clock, finq.directory_version, finq.tenant_seen,
    finq.skill_get, finq.skill_named, finq.catalog_skills, finq.catalog_servicers,
    finq.signing_keys, finq.signature_use,
    finq.janitor_begin, finq.janitor_batch, finq.janitor_end, finq.janitor_sign
    TO finq_server;
