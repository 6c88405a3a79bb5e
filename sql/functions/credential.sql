-- Credentials: what a temp_token is exchanged for.

-- Removes the steps that are off the path, and their uploads; the files go with the next sweep.
CREATE OR REPLACE FUNCTION finq.session_prune(p_session_id uuid) RETURNS void
    LANGUAGE plpgsql
AS $$
DECLARE
    v_bytes bigint;
BEGIN
    PERFORM finq.partials_end(ARRAY(SELECT e.step_id FROM finq.step e
                                     WHERE e.step_id BETWEEN finq.time_first(p_session_id) AND finq.time_last(p_session_id)
                                       AND e.session_id = p_session_id
                                       AND e.off_path));
    WITH gone AS (
        DELETE FROM finq.step e
         WHERE e.step_id BETWEEN finq.time_first(p_session_id) AND finq.time_last(p_session_id)
           AND e.session_id = p_session_id AND e.off_path
        RETURNING e.step_id),
    files AS (DELETE FROM finq.upload u USING gone g WHERE u.step_id = g.step_id RETURNING u.upload_id, u.size),
    removed AS (INSERT INTO finq.upload_removed (upload_id, removed_at, decided)
                SELECT f.upload_id, clock_timestamp(), false FROM files f)
    SELECT sum(f.size) INTO v_bytes FROM files f;
    PERFORM finq.uploads_gone(p_session_id, v_bytes);
END $$;

-- When a consent ends that begins now, and when its data have to be gone.
CREATE OR REPLACE FUNCTION finq.consent_times(p_client_id uuid, p_skill_id integer, p_now timestamptz)
    RETURNS TABLE (consent_exp timestamptz, max_data_retention timestamptz)
    LANGUAGE sql STABLE
AS $$
    SELECT p_now + coalesce(a.consent_duration, 129600) * interval '1 minute',
           p_now + coalesce(a.cache_max_data_retention, 172800) * interval '1 minute'
      FROM (SELECT) one
      LEFT JOIN finq.tenant_skill a ON a.client_id = p_client_id AND a.skill_id = p_skill_id
$$;

-- The exchange of a session that renews a consent and can be exchanged. The consent keeps its id and what hangs on it; the token
-- before stays good until the new one is used. Its row is locked first, so that of two renewals the later counts whole, and a
-- deletion comes before or after. Two transactions of several exchanges may cross here: then one is undone, and each of its calls is
-- made again, alone. The outcome is NULL where the session has been exchanged meanwhile.
CREATE OR REPLACE FUNCTION finq.exchange_renewal(
    p_session finq.session, p_key_id bigint, p_access_token_hash bytea, p_salt bytea, p_secret_id integer)
    RETURNS finq.exchange_answer
    LANGUAGE plpgsql
AS $$
#variable_conflict use_column
DECLARE
    v_consent finq.credential;
    v_now     timestamptz;
    v_answer  finq.exchange_answer;
BEGIN
    SELECT c.* INTO v_consent FROM finq.credential c WHERE c.credentials_id = p_session.renews FOR NO KEY UPDATE;
    v_now := clock_timestamp();
    IF NOT FOUND OR NOT finq.consent_is_renewable(v_consent) THEN
        v_answer.outcome := 'inactive_credentials';
        RETURN v_answer;
    END IF;
    UPDATE finq.session s
       SET exchanged_at = v_now, exchange_key_id = p_key_id, exchange_secret_id = p_secret_id, exchange_salt = p_salt,
           credentials_id = s.renews, updated_at = v_now
     WHERE s.session_id = p_session.session_id AND s.exchanged_at IS NULL;
    IF FOUND THEN
        UPDATE finq.credential c
           SET access_token_hash = p_access_token_hash, older_token_hashes = c.older_token_hashes || c.access_token_hash,
               skill_id = p_session.skill_id, session_id = p_session.session_id, status = 'ACTIVE', expiry_told = false,
               consent_exp = t.consent_exp, max_data_retention = t.max_data_retention, updated_at = v_now
          FROM finq.consent_times(p_session.client_id, p_session.skill_id, v_now) t
         WHERE c.credentials_id = p_session.renews
        RETURNING c.* INTO v_consent;
        PERFORM finq.event(v_consent.client_id, v_consent.session_id, v_consent.skill_id, 'consent.renewed', jsonb_build_object(
            'credentials_id', v_consent.credentials_id, 'consent_exp', finq.utc(v_consent.consent_exp)));
        v_answer := ROW('ok', v_consent.credentials_id, p_salt, p_secret_id, finq.seconds(v_consent.consent_exp),
                        finq.seconds(v_consent.max_data_retention), NULL, v_consent.tenant_user_id, v_consent.data_key);
        PERFORM finq.feed_renew(p_session.renews, p_session.session_id);
        IF p_session.went_back THEN
            PERFORM finq.session_prune(p_session.session_id);
        END IF;
    END IF;
    RETURN v_answer;
END $$;

-- Exchanges a temp_token (contract section 7). p_session_id is NULL where the server could not open the token, so that a
-- caller without the tenant's secret learns nothing of it. p_credentials_id is an offer too: where account data have come for the
-- session already, they have their consent's id. The access_token's hash, salt and secret are the server's
-- offer; a repeated exchange answers with those of the first, from which the server derives the same token. The repeated
-- exchange of a consent that has ended since gets no token (section 9). An exchange is what a tenant's secret is used for,
-- and is noted as that.
CREATE OR REPLACE FUNCTION finq.exchange_token(
    p_client_id uuid, p_secret_hash bytea, p_session_id uuid, p_token_expires_at bigint, p_required text[],
    p_credentials_id uuid, p_access_token_hash bytea, p_salt bytea, p_secret_id integer, p_repeat_within integer)
    RETURNS finq.exchange_answer
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET jit = off SET plan_cache_mode = force_generic_plan
    SET enable_seqscan = off
AS $$
#variable_conflict use_column
DECLARE
    v_now     timestamptz := clock_timestamp();
    v_active  boolean;
    v_key_id  bigint;
    v_used_at timestamptz;
    v_skill   integer;
    v_user    bytea;
    v_user_mac bytea;
    v_data_key bytea;
    v_went_back boolean;
    v_session finq.session;
    v_consent finq.credential;
    v_answer  finq.exchange_answer;
BEGIN
    SELECT t.status = 'ACTIVE', k.key_id, k.last_used_at INTO v_active, v_key_id, v_used_at
      FROM finq.tenant t
      LEFT JOIN finq.tenant_key k ON k.client_id = t.client_id AND k.kind = 'SECRET' AND k.hash = p_secret_hash
                                 AND k.ends_at > v_now
     WHERE t.client_id = p_client_id;
    IF v_active IS NOT TRUE OR v_key_id IS NULL THEN
        v_answer.outcome := CASE WHEN v_active IS NULL THEN 'invalid_client_id'
                                 WHEN v_key_id IS NULL THEN 'invalid_client_secret'
                                 ELSE 'unauthorized_tenant' END;
        RETURN v_answer;
    END IF;

    p_credentials_id := coalesce((SELECT f.credentials_id FROM finq.feed f WHERE f.session_id = p_session_id), p_credentials_id);
    UPDATE finq.session s
       SET exchanged_at = v_now, exchange_key_id = v_key_id, exchange_secret_id = p_secret_id, exchange_salt = p_salt,
           credentials_id = p_credentials_id, updated_at = v_now
     WHERE s.session_id = p_session_id AND s.client_id = p_client_id
       AND s.status = 'SESSION_COMPLETED' AND s.exchanged_at IS NULL AND s.renews IS NULL AND to_timestamp(p_token_expires_at) > v_now
       AND (p_required = '{}' OR finq.missing_uploads(s.step_id, p_required) IS NULL)
    RETURNING s.skill_id, s.tenant_user_id, s.user_mac, s.data_key, s.went_back INTO v_skill, v_user, v_user_mac, v_data_key, v_went_back;
    IF FOUND THEN
        INSERT INTO finq.credential (credentials_id, client_id, skill_id, session_id, tenant_user_id, user_mac, data_key, access_token_hash,
                                     consent_exp, max_data_retention, created_at, updated_at)
        SELECT p_credentials_id, p_client_id, v_skill, p_session_id, v_user, v_user_mac, v_data_key, p_access_token_hash, t.consent_exp,
               t.max_data_retention, v_now, v_now
          FROM finq.consent_times(p_client_id, v_skill, v_now) t
        RETURNING finq.seconds(consent_exp), finq.seconds(max_data_retention)
             INTO v_answer.consent_exp, v_answer.max_data_retention;
        IF v_used_at IS NULL OR v_used_at <= v_now - interval '1 minute' THEN
            PERFORM finq.key_note_use(p_client_id, v_key_id);
        END IF;
        IF v_went_back THEN
            PERFORM finq.session_prune(p_session_id);
        END IF;
        RETURN ROW('ok', p_credentials_id, p_salt, p_secret_id, v_answer.consent_exp, v_answer.max_data_retention,
                   NULL, v_user, v_data_key)::finq.exchange_answer;
    END IF;

    SELECT s.* INTO v_session FROM finq.session s WHERE s.session_id = p_session_id AND s.client_id = p_client_id;
    IF v_session.exchanged_at IS NULL AND v_session.status = 'SESSION_COMPLETED'
       AND to_timestamp(p_token_expires_at) > v_now AND v_session.renews IS NOT NULL
       AND (p_required = '{}' OR finq.missing_uploads(v_session.step_id, p_required) IS NULL) THEN
        v_answer := finq.exchange_renewal(v_session, v_key_id, p_access_token_hash, p_salt, p_secret_id);
        IF v_answer.outcome = 'ok' AND (v_used_at IS NULL OR v_used_at <= v_now - interval '1 minute') THEN
            PERFORM finq.key_note_use(p_client_id, v_key_id);
        END IF;
        IF v_answer.outcome IS NOT NULL THEN
            RETURN v_answer;
        END IF;
        SELECT s.* INTO v_session FROM finq.session s WHERE s.session_id = p_session_id;
    END IF;
    IF v_session.exchanged_at IS NULL AND v_session.status = 'SESSION_COMPLETED'
       AND to_timestamp(p_token_expires_at) > v_now THEN
        v_answer.outcome := 'missing_uploads';
        v_answer.missing := coalesce(finq.missing_uploads(v_session.step_id, p_required), p_required)::text;
        RETURN v_answer;
    END IF;
    IF finq.session_is_erased(v_session) THEN
        v_answer.outcome := CASE WHEN v_session.renews IS NULL THEN 'expired_session' ELSE 'inactive_credentials' END;
        RETURN v_answer;
    END IF;
    IF v_session.exchange_key_id IS DISTINCT FROM v_key_id
       OR v_session.exchanged_at + p_repeat_within * interval '1 second' <= v_now THEN
        v_answer.outcome := 'invalid_temp_token';
        RETURN v_answer;
    END IF;
    SELECT c.* INTO v_consent FROM finq.credential c WHERE c.credentials_id = v_session.credentials_id;
    IF finq.consent_status(v_consent) IS DISTINCT FROM 'ACTIVE' THEN
        v_answer.outcome := 'inactive_credentials';
        RETURN v_answer;
    END IF;
    v_answer.consent_exp := finq.seconds(v_consent.consent_exp);
    v_answer.max_data_retention := finq.seconds(v_consent.max_data_retention);
    v_answer.outcome := 'ok';
    v_answer.credentials_id := v_session.credentials_id;
    v_answer.salt := v_session.exchange_salt;
    v_answer.secret_id := v_session.exchange_secret_id;
    v_answer.tenant_user_id := v_session.tenant_user_id;
    v_answer.data_key := v_session.data_key;
    RETURN v_answer;
END $$;
COMMENT ON FUNCTION finq.exchange_token IS 'locks: session, repeatable, crowd: exchange_tokens';
