-- What the two busiest calls answer, as named types. What OUT parameters make is made anew by each call, which costs a
-- sixth of it. A function's answer can't be changed in place: so these have names of their own, and the ones of before
-- stand for servers that are yet to be replaced.

CREATE TYPE finq.step_answer AS (
    outcome text, step_id uuid, secret_id integer, expires_at bigint, missing text, status finq.session_status,
    next_place integer, waits_for finq.waiting, reply json, reasons text
);

CREATE TYPE finq.exchange_answer AS (
    outcome text, credentials_id uuid, salt bytea, secret_id integer, consent_exp bigint, max_data_retention bigint,
    missing text
);

-- As finq.step_submit in version 4.
CREATE FUNCTION finq.submit_step(
    p_client_id uuid, p_session_id uuid, p_skill_id integer, p_ordinal integer, p_app_key_id bigint,
    p_tenant_user_id text, p_started_at bigint, p_nonce_expires_at bigint, p_step_id uuid, p_step_name text,
    p_body_hash bytea, p_data jsonb, p_required text[], p_status finq.session_status, p_secret_id integer,
    p_answer_ttl integer, p_session_ttl integer, p_generation integer, p_place integer, p_next_place integer,
    p_waits_for finq.waiting, p_reply json, p_return_link text, p_return_until bigint, p_reasons jsonb)
    RETURNS finq.step_answer
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_column
DECLARE
    v_now     timestamptz := clock_timestamp();
    v_until   bigint := finq.seconds(v_now) + p_answer_ttl;
    v_expires timestamptz := to_timestamp(v_until);
    v_session finq.session;
    v_answer  finq.step_answer;
BEGIN
    IF to_timestamp(p_nonce_expires_at) <= v_now THEN
        v_answer.outcome := 'expired_nonce';
        RETURN v_answer;
    END IF;

    IF p_ordinal = 1 THEN
        INSERT INTO finq.session AS s (session_id, client_id, skill_id, tenant_user_id, status, started_at, updated_at,
                                  step_ordinal, step_id, step_body_hash, answer_expires_at, answer_secret_id, step_place,
                                  next_place, waits_for, waits_since, reply, reply_reasons, reply_until, reasons,
                                  return_link, return_until)
        SELECT p_session_id, t.client_id, a.skill_id, p_tenant_user_id, p_status, to_timestamp(p_started_at), v_now,
               1, p_step_id, p_body_hash, v_expires, p_secret_id, p_place, p_next_place, p_waits_for,
               CASE WHEN p_waits_for IS NOT NULL THEN v_now END, p_reply, p_reasons, v_expires, p_reasons, p_return_link,
               to_timestamp(p_return_until)
          FROM finq.tenant t
          JOIN finq.tenant_key k ON k.client_id = t.client_id AND k.key_id = p_app_key_id
          JOIN finq.tenant_skill a ON a.client_id = t.client_id AND a.skill_id = p_skill_id
         WHERE t.client_id = p_client_id AND t.status = 'ACTIVE' AND k.ends_at > v_now
           AND to_timestamp(p_started_at + p_session_ttl) > v_now AND p_generation = 0
        ON CONFLICT (session_id) DO NOTHING;
    ELSE
        UPDATE finq.session s
           SET status = p_status, updated_at = v_now, step_ordinal = p_ordinal, step_id = p_step_id,
               step_body_hash = p_body_hash, answer_expires_at = v_expires, answer_secret_id = p_secret_id,
               step_place = p_place, next_place = p_next_place, waits_for = p_waits_for,
               waits_since = CASE WHEN p_waits_for IS NOT NULL THEN v_now END, resubmit = false, reply = p_reply,
               reply_reasons = p_reasons, reply_until = v_expires, told = NULL, reasons = p_reasons,
               return_link = p_return_link, return_until = to_timestamp(p_return_until), returned_at = NULL
         WHERE s.session_id = p_session_id AND s.client_id = p_client_id AND s.step_ordinal = p_ordinal - 1
           AND s.status = 'SESSION_IN_PROGRESS' AND s.waits_for IS NULL AND s.generation = p_generation
           AND s.started_at + s.waited + p_session_ttl * interval '1 second' > v_now
           AND EXISTS (SELECT FROM finq.tenant t WHERE t.client_id = p_client_id AND t.status = 'ACTIVE')
           AND (p_required = '{}' OR finq.missing_uploads(s.step_id, p_required) IS NULL);
    END IF;
    IF FOUND THEN
        INSERT INTO finq.step (step_id, session_id, ordinal, name, data, submitted_at)
        VALUES (p_step_id, p_session_id, p_ordinal, p_step_name, p_data, v_now);
        -- asked here as well as there: a plan that is kept costs a tenth of a call that is planned each time
        IF p_status <> 'SESSION_IN_PROGRESS' AND EXISTS (SELECT FROM finq.webhook w WHERE w.client_id = p_client_id) THEN
            PERFORM finq.session_event(p_client_id, p_session_id, p_status, p_step_id);
        END IF;
        RETURN ROW('ok', p_step_id, p_secret_id, v_until, NULL, p_status, p_next_place, p_waits_for, p_reply,
                   p_reasons::text)::finq.step_answer;
    END IF;

    SELECT s.* INTO v_session FROM finq.session s WHERE s.session_id = p_session_id AND s.client_id = p_client_id;
    v_answer.outcome := coalesce(
        finq.step_refusal(v_session, p_client_id, p_ordinal, p_generation, p_body_hash, p_required, p_started_at,
                          p_session_ttl),
        CASE WHEN p_ordinal > 1 THEN 'missing_uploads' -- one that has arrived in this moment
             WHEN NOT EXISTS (SELECT FROM finq.tenant_key k WHERE k.client_id = p_client_id AND k.key_id = p_app_key_id
                                 AND k.ends_at > v_now) THEN 'invalid_client_app_key'
             ELSE 'unauthorized_tenant' END);
    IF v_answer.outcome = 'repeat' THEN
        v_answer.outcome := 'ok';
        v_answer.step_id := v_session.step_id;
        v_answer.secret_id := v_session.answer_secret_id;
        -- the answer as it was given when the step was submitted; what was decided since is told by the session's status
        v_answer.expires_at := finq.seconds(v_session.reply_until);
        v_answer.next_place := v_session.next_place;
        v_answer.waits_for := CASE WHEN v_session.waits_since IS NULL THEN NULL
                                   WHEN v_session.return_link IS NULL THEN 'DECISION' ELSE 'BANK' END;
        v_answer.status := CASE WHEN v_answer.waits_for = 'DECISION' THEN 'SESSION_PENDING'
                                WHEN v_answer.waits_for = 'BANK' OR v_session.status = 'SESSION_EXPIRED'
                                    THEN 'SESSION_IN_PROGRESS'
                                ELSE v_session.status END;
        v_answer.reply := v_session.reply;
        v_answer.reasons := v_session.reply_reasons::text;
    ELSIF v_answer.outcome = 'missing_uploads' THEN
        -- none is missing where the last one has arrived in this moment
        v_answer.missing := coalesce(finq.missing_uploads(v_session.step_id, p_required),
                                     array_to_string(p_required, ', '));
    END IF;
    RETURN v_answer;
END $$;

CREATE OR REPLACE FUNCTION finq.step_submit(
    p_client_id uuid, p_session_id uuid, p_skill_id integer, p_ordinal integer, p_app_key_id bigint,
    p_tenant_user_id text, p_started_at bigint, p_nonce_expires_at bigint, p_step_id uuid, p_step_name text,
    p_body_hash bytea, p_data jsonb, p_required text[], p_status text, p_secret_id integer, p_answer_ttl integer,
    p_session_ttl integer, p_generation integer, p_place integer, p_next_place integer, p_waits_for text, p_reply json,
    p_return_link text, p_return_until bigint, p_reasons jsonb,
    OUT outcome text, OUT step_id uuid, OUT secret_id integer, OUT expires_at bigint, OUT missing text,
    OUT status text, OUT next_place integer, OUT waits_for text, OUT reply text, OUT reasons text)
    LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
    SELECT a.outcome, a.step_id, a.secret_id, a.expires_at, a.missing, a.status::text, a.next_place, a.waits_for::text,
           a.reply::text, a.reasons
      FROM finq.submit_step(
        p_client_id, p_session_id, p_skill_id, p_ordinal, p_app_key_id, p_tenant_user_id, p_started_at,
        p_nonce_expires_at, p_step_id, p_step_name, p_body_hash, p_data, p_required, p_status::finq.session_status,
        p_secret_id, p_answer_ttl, p_session_ttl, p_generation, p_place, p_next_place, p_waits_for::finq.waiting, p_reply,
        p_return_link, p_return_until, p_reasons) a;
END;

-- exchange_note_use did this for each credential. The statement in which the key is found tells whether there is anything
-- to be noted.
DROP TRIGGER exchange_note_use ON finq.credential;
DROP FUNCTION finq.exchange_note_use();

-- As finq.token_exchange in version 1, but for a consent that has ended since: its repeated exchange gets no token (contract
-- section 9). An exchange is what a tenant's secret is used for, and is noted as that.
CREATE FUNCTION finq.exchange_token(
    p_client_id uuid, p_secret_hash bytea, p_session_id uuid, p_token_expires_at bigint, p_required text[],
    p_credentials_id uuid, p_access_token_hash bytea, p_salt bytea, p_secret_id integer, p_repeat_within integer)
    RETURNS finq.exchange_answer
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_column
DECLARE
    v_now     timestamptz := clock_timestamp();
    v_active  boolean;
    v_key_id  bigint;
    v_used_at timestamptz;
    v_skill   integer;
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

    UPDATE finq.session s
       SET exchanged_at = v_now, exchange_key_id = v_key_id, exchange_secret_id = p_secret_id, exchange_salt = p_salt,
           credentials_id = p_credentials_id, updated_at = v_now
     WHERE s.session_id = p_session_id AND s.client_id = p_client_id AND s.status = 'SESSION_COMPLETED'
       AND s.exchanged_at IS NULL AND to_timestamp(p_token_expires_at) > v_now
       AND (p_required = '{}' OR finq.missing_uploads(s.step_id, p_required) IS NULL)
    RETURNING s.skill_id INTO v_skill;
    IF FOUND THEN
        INSERT INTO finq.credential (credentials_id, client_id, skill_id, session_id, access_token_hash, consent_exp,
                                     max_data_retention, created_at, updated_at)
        SELECT p_credentials_id, p_client_id, v_skill, p_session_id, p_access_token_hash,
               v_now + coalesce(a.consent_duration, 129600) * interval '1 minute',
               v_now + coalesce(a.cache_max_data_retention, 172800) * interval '1 minute', v_now, v_now
          FROM (SELECT) one
          LEFT JOIN finq.tenant_skill a ON a.client_id = p_client_id AND a.skill_id = v_skill
        RETURNING finq.seconds(consent_exp), finq.seconds(max_data_retention)
             INTO v_answer.consent_exp, v_answer.max_data_retention;
        IF v_used_at IS NULL OR v_used_at <= v_now - interval '1 minute' THEN
            PERFORM finq.key_note_use(p_client_id, v_key_id);
        END IF;
        RETURN ROW('ok', p_credentials_id, p_salt, p_secret_id, v_answer.consent_exp, v_answer.max_data_retention,
                   NULL)::finq.exchange_answer;
    END IF;

    SELECT s.* INTO v_session FROM finq.session s WHERE s.session_id = p_session_id AND s.client_id = p_client_id;
    IF v_session.exchanged_at IS NULL AND v_session.status = 'SESSION_COMPLETED'
       AND to_timestamp(p_token_expires_at) > v_now THEN
        v_answer.outcome := 'missing_uploads';
        v_answer.missing := coalesce(finq.missing_uploads(v_session.step_id, p_required),
                                     array_to_string(p_required, ', '));
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
    RETURN v_answer;
END $$;

CREATE OR REPLACE FUNCTION finq.token_exchange(
    p_client_id uuid, p_secret_hash bytea, p_session_id uuid, p_token_expires_at bigint, p_required text[],
    p_credentials_id uuid, p_access_token_hash bytea, p_salt bytea, p_secret_id integer, p_repeat_within integer,
    OUT outcome text, OUT credentials_id uuid, OUT salt bytea, OUT secret_id integer, OUT consent_exp bigint,
    OUT max_data_retention bigint, OUT missing text)
    LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
    SELECT a.outcome, a.credentials_id, a.salt, a.secret_id, a.consent_exp, a.max_data_retention, a.missing
      FROM finq.exchange_token(
        p_client_id, p_secret_hash, p_session_id, p_token_expires_at, p_required, p_credentials_id,
        p_access_token_hash, p_salt, p_secret_id, p_repeat_within) a;
END;

REVOKE ALL ON ALL FUNCTIONS IN SCHEMA finq FROM PUBLIC;
GRANT EXECUTE ON FUNCTION finq.submit_step, finq.exchange_token TO finq_server;
