-- Steps: whether one may be taken, what is asked before it is, its submission, and the decision over one that waits.

-- Whether a tenant's consent can be renewed.
CREATE OR REPLACE FUNCTION finq.can_renew(p_client_id uuid, p_credentials_id uuid) RETURNS boolean
    LANGUAGE plpgsql STABLE
AS $$
BEGIN
    RETURN EXISTS (SELECT FROM finq.credential c
                    WHERE c.credentials_id = p_credentials_id AND c.client_id = p_client_id AND finq.consent_is_renewable(c));
END $$;

-- What a first step of a person shares, and their erasure holds alone until it is committed.
CREATE OR REPLACE FUNCTION finq.person_lock(p_user_mac bytea) RETURNS bigint
    LANGUAGE sql IMMUTABLE
    RETURN hashtextextended(encode(p_user_mac, 'hex'), 0);

-- Whether a person was erased since a session of theirs was started, which has no row yet. The start is told to the second, by a
-- server's clock, which may be ten seconds ahead. A start that lies further ahead says nothing of what came first, and is refused for as long
-- as it does. That delays, and closes nothing: once this clock has come near, a start that was made before the erasure looks like one after it.
CREATE OR REPLACE FUNCTION finq.was_erased(p_client_id uuid, p_user_mac bytea, p_started_at bigint) RETURNS boolean
    LANGUAGE sql STABLE
    RETURN EXISTS (SELECT FROM finq.erased_user e
                    WHERE e.client_id = p_client_id AND e.user_mac = p_user_mac
                      AND (e.erased_at + interval '10 seconds' > to_timestamp(p_started_at)
                           OR to_timestamp(p_started_at) > clock_timestamp() + interval '10 seconds'));

-- Whether a session may take step p_ordinal now, and if not, why: the contract's code, or 'repeat' for a request that
-- has been answered before. NULL where it may.
CREATE OR REPLACE FUNCTION finq.step_refusal(p_session finq.session, p_client_id uuid, p_skill_id integer, p_app_key_id bigint,
                                             p_ordinal integer, p_generation integer, p_body_hash bytea, p_required text[],
                                             p_started_at bigint, p_session_ttl integer, p_renews uuid,
                                             p_user_mac bytea)
    RETURNS text
    LANGUAGE sql STABLE
    RETURN CASE
        WHEN NOT EXISTS (SELECT FROM finq.tenant t WHERE t.client_id = p_client_id AND t.status = 'ACTIVE')
            THEN 'unauthorized_tenant'
        WHEN finq.session_is_erased(p_session) AND (p_session).renews IS NULL THEN 'expired_session'
        WHEN finq.session_is_erased(p_session) THEN 'inactive_credentials'
        WHEN (p_session).generation <> p_generation THEN 'invalid_nonce'
        WHEN (p_session).step_ordinal = p_ordinal AND (p_session).step_body_hash = p_body_hash THEN 'repeat'
        WHEN (p_session).step_ordinal >= p_ordinal THEN 'step_already_submitted'
        WHEN (p_session).session_id IS NULL AND p_ordinal > 1 THEN 'invalid_session_id'
        WHEN finq.session_is_old(p_session) OR (p_session).session_id IS NULL
             AND (p_started_at + p_session_ttl <= finq.seconds(clock_timestamp())
                  OR finq.was_erased(p_client_id, p_user_mac, p_started_at)) THEN 'expired_session'
        WHEN p_ordinal > 1 AND ((p_session).status <> 'SESSION_IN_PROGRESS' OR (p_session).waits_for IS NOT NULL)
            THEN 'invalid_step'
        WHEN coalesce((p_session).renews, p_renews) IS NOT NULL
             AND NOT finq.can_renew(p_client_id, coalesce((p_session).renews, p_renews)) THEN 'inactive_credentials'
        WHEN p_required <> '{}' AND finq.missing_uploads((p_session).step_id, p_required) IS NOT NULL
            THEN 'missing_uploads'
        -- what a first step needs: its session's start was believed on what the server remembered
        WHEN p_ordinal = 1 AND NOT EXISTS (SELECT FROM finq.tenant_key k
                                            WHERE k.client_id = p_client_id AND k.key_id = p_app_key_id
                                              AND k.ends_at > clock_timestamp())
            THEN CASE WHEN p_renews IS NULL THEN 'invalid_client_app_key' ELSE 'invalid_client_secret' END
        WHEN p_ordinal = 1 AND NOT EXISTS (SELECT FROM finq.tenant_skill a
                                            WHERE a.client_id = p_client_id AND a.skill_id = p_skill_id)
            THEN 'unauthorized_tenant'
    END;

-- Whether a link begins with a prefix at a boundary of URLs: https://a.example is no prefix of https://a.example.org.
CREATE OR REPLACE FUNCTION finq.link_fits(p_link text, p_prefix text) RETURNS boolean
    LANGUAGE sql IMMUTABLE
    RETURN starts_with(p_link, p_prefix) AND (right(p_prefix, 1) IN ('/', '?', '#', '=', '&')
                                              OR substr(p_link, length(p_prefix) + 1, 1) IN ('', '/', '?', '#'));

-- ---------------------------------------------------------------------------------------------------------------------
-- For the server: one call a request
-- ---------------------------------------------------------------------------------------------------------------------

-- Claims step p_ordinal for an attempt: false where another request has it. A claim that its server left behind is over after
-- p_seconds, which is longer than a connector has (configtest sees to that).
CREATE OR REPLACE FUNCTION finq.step_take(p_session_id uuid, p_ordinal integer, p_attempt uuid, p_request_id uuid, p_seconds integer)
    RETURNS boolean
    LANGUAGE plpgsql
AS $$
BEGIN
    INSERT INTO finq.step_claim AS c (session_id, ordinal, attempt, request_id, until)
    VALUES (p_session_id, p_ordinal, p_attempt, p_request_id, clock_timestamp() + p_seconds * interval '1 second')
    ON CONFLICT (session_id) DO UPDATE
        SET ordinal = excluded.ordinal, attempt = excluded.attempt, request_id = excluded.request_id, until = excluded.until
        WHERE c.until <= clock_timestamp() OR c.ordinal < excluded.ordinal OR c.request_id = excluded.request_id;
    RETURN FOUND;
END $$;

-- What a connector or a branch's condition is shown of a session before step p_ordinal: asked before the connector is,
-- so that nothing is held while it thinks. With p_attempt, which is a connector's, the step is claimed for p_claim seconds: first, so
-- that all that is read next is true while the claim holds. Otherwise nothing is changed.
CREATE OR REPLACE FUNCTION finq.step_context(
    p_client_id uuid, p_session_id uuid, p_skill_id integer, p_ordinal integer, p_app_key_id bigint, p_generation integer,
    p_body_hash bytea, p_required text[], p_started_at bigint, p_session_ttl integer, p_return_link text, p_attempt uuid,
    p_renews uuid, p_request_id uuid, p_claim integer, p_user_mac bytea,
    OUT outcome text, OUT missing text, OUT tenant_user_id bytea, OUT steps text, OUT documents text)
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET jit = off SET plan_cache_mode = force_generic_plan
    SET enable_seqscan = off
AS $$
#variable_conflict use_column
DECLARE
    v_claimed boolean := CASE WHEN p_attempt IS NOT NULL THEN
        finq.step_take(p_session_id, p_ordinal, p_attempt, p_request_id, p_claim) END;
    v_session finq.session;
BEGIN
    SELECT s.* INTO v_session FROM finq.session s WHERE s.session_id = p_session_id AND s.client_id = p_client_id;
    outcome := coalesce(finq.step_refusal(v_session, p_client_id, p_skill_id, p_app_key_id, p_ordinal, p_generation,
                                          p_body_hash, p_required, p_started_at, p_session_ttl, p_renews, p_user_mac), 'ok');
    IF outcome = 'ok' AND p_return_link IS NOT NULL AND NOT EXISTS (
           SELECT FROM finq.redirect_link l
            WHERE l.client_id = p_client_id AND finq.link_fits(p_return_link, l.prefix)) THEN
        outcome := 'link_not_allowed';
    END IF;
    IF outcome = 'ok' AND NOT v_claimed THEN
        outcome := 'step_claimed';
        RETURN;
    ELSIF outcome <> 'ok' AND v_claimed THEN
        PERFORM finq.step_release(p_session_id, p_ordinal, p_attempt);
    END IF;
    missing := CASE WHEN outcome = 'missing_uploads' THEN
        coalesce(finq.missing_uploads(v_session.step_id, p_required), p_required)::text END;
    tenant_user_id := v_session.tenant_user_id;
    SELECT coalesce(json_agg(json_build_object('name', e.name, 'step_id', e.step_id, 'data', encode(e.data, 'hex'))), '[]')::text INTO steps
      FROM finq.session_steps(p_session_id) e;
    SELECT coalesce(json_agg(json_build_object('upload_id', u.upload_id, 'step', e.name, 'document', u.document,
                        'size', u.size, 'sha256', encode(u.sha256, 'hex'), 'media_type', u.media_type)
                        ORDER BY e.ordinal, u.document), '[]')::text INTO documents
      FROM finq.session_steps(p_session_id) e
      JOIN finq.upload u ON u.step_id = e.step_id;
END $$;
COMMENT ON FUNCTION finq.step_context IS 'repeatable';

-- Gives a claim back, so that the step can be sent again at once. Answers whether it was still this attempt's.
CREATE OR REPLACE FUNCTION finq.step_release(p_session_id uuid, p_ordinal integer, p_attempt uuid, OUT was_held boolean)
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET jit = off
AS $$
BEGIN
    DELETE FROM finq.step_claim c WHERE c.session_id = p_session_id AND c.ordinal = p_ordinal AND c.attempt = p_attempt;
    was_held := FOUND;
END $$;
COMMENT ON FUNCTION finq.step_release IS 'repeatable';

-- Submits a step (contract section 3), and says what then is: p_status with p_next_place (0: none follows), or that the
-- session waits. p_reply is the answer's `data`. The nonce has been opened by the server: p_ordinal and what stands with it
-- come from inside it. Of all submissions of a step one takes effect: the first step's by the session's primary key, a later
-- one's by the condition on step_ordinal. The same body again is answered from the session's row. Where a connector was asked,
-- p_attempt has the step's claim (a crash may have lost it), or another attempt has overtaken it and nothing is done; whatever
-- comes, its claim is over. What it was claimed for was in time: the nonce or the session may have come to their end while the
-- connector was asked, which has acted on the step meanwhile.
CREATE OR REPLACE FUNCTION finq.submit_step(
    p_client_id uuid, p_session_id uuid, p_skill_id integer, p_ordinal integer, p_app_key_id bigint,
    p_tenant_user_id bytea, p_started_at bigint, p_nonce_expires_at bigint, p_step_id uuid, p_step_name text,
    p_body_hash bytea, p_data bytea, p_required text[], p_status finq.session_status, p_secret_id integer,
    p_answer_ttl integer, p_session_ttl integer, p_generation integer, p_place integer, p_next_place integer,
    p_waits_for finq.waiting, p_reply bytea, p_return_link bytea, p_return_until bigint, p_reasons bytea,
    p_attempt uuid DEFAULT NULL, p_renews uuid DEFAULT NULL, p_user_mac bytea DEFAULT NULL, p_data_key bytea DEFAULT NULL)
    RETURNS finq.step_answer
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET jit = off SET plan_cache_mode = force_generic_plan
    SET enable_seqscan = off
AS $$
#variable_conflict use_column
DECLARE
    v_now     timestamptz := clock_timestamp();
    v_until   bigint := finq.seconds(v_now) + p_answer_ttl;
    v_expires timestamptz := to_timestamp(v_until);
    v_session finq.session;
    v_asked   boolean := p_attempt IS NOT NULL AND finq.step_release(p_session_id, p_ordinal, p_attempt);
    v_held    boolean := p_attempt IS NULL OR v_asked
                         OR NOT EXISTS (SELECT FROM finq.step_claim c WHERE c.session_id = p_session_id AND c.ordinal = p_ordinal);
    v_went_back boolean;
    v_kept    boolean; -- NULL of a first step
    v_answer  finq.step_answer;
BEGIN
    IF to_timestamp(p_nonce_expires_at) <= v_now AND NOT v_asked THEN
        v_answer.outcome := 'expired_nonce';
        RETURN v_answer;
    END IF;

    IF p_ordinal = 1 THEN
        PERFORM pg_advisory_xact_lock_shared(finq.person_lock(p_user_mac)); -- apart: what follows sees who was erased meanwhile
        INSERT INTO finq.session AS s (session_id, client_id, skill_id, tenant_user_id, user_mac, status, is_over, started_at, updated_at,
                                  expires_at, step_ordinal, step_id, step_body_hash, answer_expires_at, answer_secret_id, step_place,
                                  next_place, waits_for, waits_since, reply, reply_reasons, reply_until, reasons,
                                  return_link, return_until, renews, data_key)
        SELECT p_session_id, t.client_id, a.skill_id, p_tenant_user_id, p_user_mac, p_status,
               finq.session_is_over(p_status), to_timestamp(p_started_at), v_now,
               CASE WHEN p_status = 'SESSION_FAILED' THEN v_now ELSE to_timestamp(p_started_at + p_session_ttl) END,
               1, p_step_id, p_body_hash, v_expires, p_secret_id, p_place, p_next_place, p_waits_for,
               CASE WHEN p_waits_for IS NOT NULL THEN v_now END, p_reply, p_reasons, v_expires, p_reasons, p_return_link,
               to_timestamp(p_return_until), p_renews, p_data_key
          FROM finq.tenant t
          JOIN finq.tenant_key k ON k.client_id = t.client_id AND k.key_id = p_app_key_id
          JOIN finq.tenant_skill a ON a.client_id = t.client_id AND a.skill_id = p_skill_id
         WHERE t.client_id = p_client_id AND t.status = 'ACTIVE' AND k.ends_at > v_now
           AND (v_asked OR to_timestamp(p_started_at + p_session_ttl) > v_now) AND p_generation = 0 AND v_held
           AND (p_renews IS NULL OR finq.can_renew(p_client_id, p_renews))
           AND (p_user_mac IS NULL OR NOT finq.was_erased(p_client_id, p_user_mac, p_started_at))
        ON CONFLICT DO NOTHING;
    ELSE
        UPDATE finq.session s
           SET status = p_status, is_over = finq.session_is_over(p_status), updated_at = v_now,
               expires_at = CASE WHEN p_status = 'SESSION_FAILED' THEN v_now ELSE s.expires_at END,
               step_ordinal = p_ordinal, step_id = p_step_id,
               step_body_hash = p_body_hash, answer_expires_at = v_expires, answer_secret_id = p_secret_id,
               step_place = p_place, next_place = p_next_place, waits_for = p_waits_for,
               waits_since = CASE WHEN p_waits_for IS NOT NULL THEN v_now END, resubmit = false, reply = p_reply,
               reply_reasons = p_reasons, reply_until = v_expires, told = NULL, reasons = p_reasons, own_reasons = NULL,
               return_link = p_return_link, return_until = to_timestamp(p_return_until), returned_at = NULL,
               returned_hash = NULL, returned = NULL
         WHERE s.session_id = p_session_id AND s.client_id = p_client_id AND s.step_ordinal = p_ordinal - 1 AND v_held
           AND s.status = 'SESSION_IN_PROGRESS' AND s.waits_for IS NULL AND s.generation = p_generation
           AND (v_asked OR s.expires_at > v_now)
           AND EXISTS (SELECT FROM finq.tenant t WHERE t.client_id = p_client_id AND t.status = 'ACTIVE')
           AND (s.renews IS NULL OR finq.can_renew(p_client_id, s.renews))
           AND (p_required = '{}' OR finq.missing_uploads(s.step_id, p_required) IS NULL)
        RETURNING s.went_back, s.kept INTO v_went_back, v_kept;
    END IF;
    IF FOUND THEN
        INSERT INTO finq.step (step_id, session_id, ordinal, name, data, submitted_at, place, decided, kept)
        VALUES (p_step_id, p_session_id, p_ordinal, p_step_name, p_data, v_now, p_place,
                p_attempt IS NOT NULL OR p_waits_for IS NOT NULL, coalesce(v_kept, false));
        IF v_went_back THEN -- what was sent for it before stands, until it is replaced
            UPDATE finq.upload u SET step_id = p_step_id
              FROM finq.step e
             WHERE e.step_id BETWEEN finq.time_first(p_session_id) AND finq.time_last(p_session_id)
               AND e.session_id = p_session_id AND u.step_id = e.step_id
               AND e.place = p_place AND e.off_path AND NOT e.decided;
        END IF;
        -- asked here as well as there: a plan that is kept costs a tenth of a call that is planned each time
        IF p_status <> 'SESSION_IN_PROGRESS' AND EXISTS (SELECT FROM finq.webhook w WHERE w.client_id = p_client_id) THEN
            PERFORM finq.session_event(p_client_id, p_session_id, p_skill_id, p_status, p_step_id);
        END IF;
        RETURN ROW('ok', p_step_id, p_secret_id, v_until, NULL, p_status, p_next_place, p_waits_for, p_reply,
                   p_reasons)::finq.step_answer;
    END IF;

    SELECT s.* INTO v_session FROM finq.session s WHERE s.session_id = p_session_id AND s.client_id = p_client_id;
    v_answer.outcome := coalesce(
        finq.step_refusal(v_session, p_client_id, p_skill_id, p_app_key_id, p_ordinal, p_generation, p_body_hash, p_required,
                          p_started_at, p_session_ttl, p_renews, p_user_mac),
        -- what was missing has come in this moment
        CASE WHEN NOT v_held THEN 'step_claimed' WHEN p_ordinal > 1 THEN 'missing_uploads' ELSE 'unauthorized_tenant' END);
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
        v_answer.reasons := v_session.reply_reasons;
    ELSIF v_answer.outcome = 'missing_uploads' THEN
        -- none is missing where the last one has arrived in this moment
        v_answer.missing := coalesce(finq.missing_uploads(v_session.step_id, p_required), p_required)::text;
    END IF;
    RETURN v_answer;
END $$;
COMMENT ON FUNCTION finq.submit_step IS 'locks: session, repeatable, crowd: submit_steps';

-- The session whose last step this is, and its data key: what a decision says of it is sealed under that.
CREATE OR REPLACE FUNCTION finq.step_key(p_step_id uuid, OUT session_id uuid, OUT data_key bytea)
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET jit = off
AS $$
    SELECT s.session_id, s.data_key FROM finq.session s
     WHERE s.session_id BETWEEN finq.time_first(p_step_id) AND finq.time_last(p_step_id) AND s.step_id = p_step_id
$$;

-- A decision that a connector sends (p_connector names it; the skill's step must be its) about a step that waits. p_tenant is
-- the one whose sessions are served where it came; NULL for any. A request that asks again is answered as it was.
CREATE OR REPLACE FUNCTION finq.step_decide(p_step_id uuid, p_tenant uuid, p_connector text, p_decision text, p_reasons bytea,
                                            p_request_id uuid, OUT outcome text, OUT status text)
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET jit = off SET plan_cache_mode = force_generic_plan
    SET enable_seqscan = off
AS $$
#variable_conflict use_column
DECLARE
    v_session finq.session := finq.session_of_step(p_step_id);
    v_connector text;
BEGIN
    SELECT 'ok', s.status::text INTO outcome, status
      FROM finq.step e JOIN finq.session s ON s.session_id = e.session_id
     WHERE e.step_id = p_step_id AND e.decided_by = p_request_id;
    IF FOUND THEN
        RETURN;
    END IF;
    SELECT k.definition #>> ARRAY['steps', (v_session.step_place - 1)::text, 'connector'] INTO v_connector
      FROM finq.skill k WHERE k.skill_id = v_session.skill_id;
    IF v_session.session_id IS NULL OR v_connector IS DISTINCT FROM p_connector
       OR v_session.client_id <> coalesce(p_tenant, v_session.client_id) THEN
        outcome := 'invalid_step_id';
    ELSIF v_session.waits_for IS DISTINCT FROM 'DECISION' THEN
        outcome := 'step_already_submitted';
    ELSIF NOT EXISTS (SELECT FROM finq.tenant t WHERE t.client_id = v_session.client_id AND t.status = 'ACTIVE') THEN
        outcome := 'unauthorized_tenant';
    ELSE
        PERFORM finq.session_conclude(v_session, p_decision, NULL, p_reasons);
        UPDATE finq.step e SET decided_by = p_request_id WHERE e.step_id = p_step_id;
        outcome := 'ok';
        SELECT s.status::text INTO status FROM finq.session s WHERE s.session_id = v_session.session_id;
    END IF;
END $$;
COMMENT ON FUNCTION finq.step_decide IS 'repeatable';

-- ---------------------------------------------------------------------------------------------------------------------
-- For the operator (finqctl): each answers JSON, and raises P0002 for what is unknown, 23505 for what stands already
-- ---------------------------------------------------------------------------------------------------------------------

CREATE OR REPLACE FUNCTION finq.step_list_pending() RETURNS json
    LANGUAGE sql STABLE
    RETURN (SELECT coalesce(json_agg(json_build_object(
                'step_id', s.step_id, 'session_id', s.session_id, 'client_id', s.client_id, 'tenant', t.name, 'skill', k.name,
                'step', e.name, 'since', finq.utc(s.waits_since), 'data_key', encode(s.data_key, 'hex'),
                'data', finq.sealed('step', s.session_id, e.step_id, e.data)) ORDER BY s.waits_since), '[]')
              FROM finq.session s
              JOIN finq.tenant t ON t.client_id = s.client_id
              JOIN finq.skill k ON k.skill_id = s.skill_id
              JOIN finq.step e ON e.step_id = s.step_id
             WHERE s.waits_for = 'DECISION');

CREATE OR REPLACE FUNCTION finq.step_decided(p_step_id uuid, p_decision text, p_reasons bytea) RETURNS json
    LANGUAGE plpgsql
AS $$
DECLARE
    v_session finq.session := finq.session_of_step(p_step_id);
BEGIN
    IF v_session.session_id IS NULL THEN
        RAISE no_data_found USING MESSAGE = format('No session has %s as its last step.', p_step_id);
    ELSIF v_session.waits_for IS DISTINCT FROM 'DECISION' THEN
        RAISE unique_violation USING MESSAGE = format('Step %s does not wait for a decision; its session is %s.', p_step_id,
                                                      v_session.status);
    ELSIF NOT EXISTS (SELECT FROM finq.tenant t WHERE t.client_id = v_session.client_id AND t.status = 'ACTIVE') THEN
        RAISE check_violation USING MESSAGE = format('Tenant %s is disabled.', v_session.client_id),
            HINT = 'What its sessions wait for can be decided once it is enabled: finqctl tenant enable.';
    END IF;
    INSERT INTO finq.audit (object, action, client_id, detail)
    VALUES ('step', 'UPDATE', v_session.client_id, jsonb_build_object('step_id', p_step_id, 'decision', p_decision));
    PERFORM finq.session_conclude(v_session, p_decision, NULL, p_reasons);
    RETURN (SELECT json_build_object('step_id', p_step_id, 'session_id', s.session_id, 'status', s.status)
              FROM finq.session s WHERE s.session_id = v_session.session_id);
END $$;
