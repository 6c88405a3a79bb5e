-- Sessions: how they stand, what they wait for, how that ends, and the way back from a bank.

-- ---------------------------------------------------------------------------------------------------------------------
-- Times and ids
-- ---------------------------------------------------------------------------------------------------------------------

-- STABLE and no more, as date_part() is: a stricter promise than the body's keeps it from being inlined, and then every
-- transaction parses and plans it anew.
CREATE OR REPLACE FUNCTION finq.seconds(p_at timestamptz) RETURNS bigint
    LANGUAGE sql STABLE PARALLEL SAFE
    RETURN floor(date_part('epoch', p_at))::bigint; -- in floating point: exact to the microsecond, and half the cost of extract(), which is numeric

-- A time as people and programs are told it: in UTC, to the second.
CREATE OR REPLACE FUNCTION finq.utc(p_at timestamptz) RETURNS text
    LANGUAGE sql STABLE PARALLEL SAFE
    RETURN to_char(p_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"');

-- The first and the last id that can carry the same millisecond as p_id: between them the primary key alone finds what belongs to a
-- session. They stand in a statement as bounds of a column, not as a row that it is joined with: of such a join the planner believes
-- that it yields a ninth of the table, and reads all of a large one.
CREATE OR REPLACE FUNCTION finq.time_first(p_id uuid) RETURNS uuid
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    RETURN (left(p_id::text, 13) || '-0000-0000-000000000000')::uuid;

CREATE OR REPLACE FUNCTION finq.time_last(p_id uuid) RETURNS uuid
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    RETURN (left(p_id::text, 13) || '-ffff-ffff-ffffffffffff')::uuid;

-- ---------------------------------------------------------------------------------------------------------------------
-- How a session stands
-- ---------------------------------------------------------------------------------------------------------------------

-- Whether a session of that status ended without a consent; NULL while a person decides, and its time stands still. Whoever writes
-- status writes is_over beside it.
CREATE OR REPLACE FUNCTION finq.session_is_over(p_status finq.session_status) RETURNS boolean
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    RETURN CASE WHEN p_status IN ('SESSION_FAILED', 'SESSION_EXPIRED') THEN true
                WHEN p_status IN ('SESSION_IN_PROGRESS', 'SESSION_COMPLETED') THEN false END;

-- Whether a session's time is up. Time that it spends waiting does not count; a bank is waited for until its page ends. One
-- that is completed waits for its exchange, and whoever has its token may still come. As volatile as the clock that it looks at: only so does
-- PostgreSQL put its body in the place of a call.
CREATE OR REPLACE FUNCTION finq.session_is_old(p_session finq.session) RETURNS boolean
    LANGUAGE sql VOLATILE
    RETURN CASE (p_session).status
        WHEN 'SESSION_EXPIRED' THEN true
        WHEN 'SESSION_IN_PROGRESS' THEN
            (p_session).expires_at + CASE WHEN (p_session).waits_for = 'BANK'
                                          THEN least(clock_timestamp(), (p_session).return_until) - (p_session).waits_since
                                          ELSE interval '0' END <= clock_timestamp()
        WHEN 'SESSION_COMPLETED' THEN
            (p_session).exchanged_at IS NULL
            AND greatest((p_session).expires_at, (p_session).answer_expires_at) <= clock_timestamp()
        ELSE false END;

-- Whether a session is one whose person was erased: then all that was given before is expired.
CREATE OR REPLACE FUNCTION finq.session_is_erased(p_session finq.session) RETURNS boolean
    LANGUAGE sql STABLE
    RETURN (p_session).status = 'SESSION_EXPIRED' AND (p_session).data_key IS NULL;

-- Whether a connector is asked about a session's next step just now: it acts on what the session was let in for, which expires no sooner.
CREATE OR REPLACE FUNCTION finq.session_is_asked(p_session_id uuid) RETURNS boolean
    LANGUAGE plpgsql STABLE
AS $$
BEGIN
    RETURN EXISTS (SELECT FROM finq.step_claim c WHERE c.session_id = p_session_id AND c.until > clock_timestamp());
END $$;

-- Ends a session whose time is up, and answers how it stands then.
CREATE OR REPLACE FUNCTION finq.session_expire(p_session_id uuid) RETURNS finq.session
    LANGUAGE plpgsql
AS $$
DECLARE
    v_now     timestamptz := clock_timestamp();
    v_session finq.session;
BEGIN
    UPDATE finq.session s SET status = 'SESSION_EXPIRED', is_over = true, waits_for = NULL, updated_at = v_now, expires_at = v_now
     WHERE s.session_id = p_session_id RETURNING s.* INTO v_session;
    PERFORM finq.session_event(v_session.client_id, p_session_id, v_session.skill_id, v_session.status, v_session.step_id);
    RETURN v_session;
END $$;

CREATE OR REPLACE FUNCTION finq.sorted(p_ids uuid[]) RETURNS uuid[]
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    RETURN ARRAY(SELECT i.id FROM unnest(p_ids) AS i (id) ORDER BY i.id);

-- All steps of a session, on its path or not; for statements about many sessions, of which each is looked up by a plan that is kept.
CREATE OR REPLACE FUNCTION finq.steps_of(p_session_id uuid) RETURNS SETOF finq.step
    LANGUAGE plpgsql STABLE
AS $$
BEGIN
    RETURN QUERY SELECT e.* FROM finq.step e
                  WHERE e.step_id BETWEEN finq.time_first(p_session_id) AND finq.time_last(p_session_id) AND e.session_id = p_session_id;
END $$;

-- Removes what hangs on sessions, but the events that tell of their end. Their files wait for a server of their directory. The bounds
-- tell which weeks to look into: a list of keys alone is looked up in all.
CREATE OR REPLACE FUNCTION finq.sessions_data_remove(p_sessions uuid[]) RETURNS void
    LANGUAGE plpgsql
AS $$
DECLARE
    v_ids   uuid[] := finq.sorted(p_sessions);
    v_first uuid := finq.time_first(v_ids[1]);
    v_last  uuid := finq.time_last(v_ids[cardinality(v_ids)]);
    v_steps uuid[] := ARRAY(SELECT e.step_id FROM unnest(p_sessions) AS i (id) CROSS JOIN finq.steps_of(i.id) e);
    v_gone  record;
BEGIN
    PERFORM finq.partials_end(v_steps);
    FOR v_gone IN
        WITH steps AS (
            DELETE FROM finq.step e WHERE e.step_id = ANY (v_steps) AND e.step_id BETWEEN v_first AND v_last
            RETURNING e.step_id, e.session_id),
        files AS (
            DELETE FROM finq.upload u USING steps e WHERE u.step_id = e.step_id AND u.step_id BETWEEN v_first AND v_last
            RETURNING e.session_id, u.upload_id, u.size),
        removed AS (INSERT INTO finq.upload_removed (upload_id, removed_at, decided)
                    SELECT f.upload_id, clock_timestamp(), false FROM files f)
        SELECT f.session_id, sum(f.size)::bigint AS bytes FROM files f GROUP BY f.session_id LOOP
        PERFORM finq.uploads_gone(v_gone.session_id, v_gone.bytes);
    END LOOP;
    DELETE FROM finq.step_claim c WHERE c.session_id = ANY (p_sessions);
    UPDATE finq.page p SET session_key = NULL WHERE p.session_id = ANY (p_sessions) AND p.session_key IS NOT NULL;
    -- an order that is not over outlasts its session: its bank has it, and its client is to be told. Its row has what that takes, the key too
    DELETE FROM finq.payment p WHERE p.session_id = ANY (p_sessions) AND p.next_at IS NULL;
    UPDATE finq.payment p SET kept = false, credentials_id = finq.payment_consent(p) WHERE p.session_id = ANY (p_sessions);
    DELETE FROM finq.sandbox_order o
     WHERE o.session_id = ANY (p_sessions)
       AND o.attempt NOT IN (SELECT p.attempt FROM finq.payment p WHERE p.session_id = ANY (p_sessions));
END $$;

-- Has the connector of a feed asked to take its reference back; once. Nobody asks the bank with it any more.
CREATE OR REPLACE FUNCTION finq.feed_revoke(p_credentials_id uuid) RETURNS void
    LANGUAGE sql VOLATILE
BEGIN ATOMIC
    INSERT INTO finq.revocation (client_id, skill_id, connector, reference, reference_key)
    SELECT f.client_id, f.skill_id, f.connector, f.reference, f.reference_key FROM finq.feed f
     WHERE f.credentials_id = p_credentials_id AND f.reference IS NOT NULL AND f.reference_key IS NOT NULL;
    UPDATE finq.feed f SET reference = NULL, reference_key = NULL, due_at = NULL WHERE f.credentials_id = p_credentials_id;
END;

-- Removes a feed and all that it has brought, also what a refresh under way has noted.
CREATE OR REPLACE FUNCTION finq.feed_remove(p_credentials_id uuid) RETURNS void
    LANGUAGE sql VOLATILE
BEGIN ATOMIC
    SELECT FROM finq.feed f WHERE f.credentials_id = p_credentials_id FOR UPDATE; -- a refresh that is just being stored comes first
    DELETE FROM finq.feed_told t USING finq.feed f WHERE f.credentials_id = p_credentials_id AND t.refresh_id = f.refresh_id;
    SELECT finq.feed_revoke(f.credentials_id) FROM finq.feed f -- a renewal that came to nothing may bear what its consent bears
     WHERE f.credentials_id = p_credentials_id
       AND NOT EXISTS (SELECT FROM finq.session s WHERE s.session_id = f.session_id AND s.renews <> f.credentials_id);
    DELETE FROM finq.transaction t WHERE t.credentials_id = p_credentials_id;
    DELETE FROM finq.balance b WHERE b.credentials_id = p_credentials_id;
    DELETE FROM finq.account a WHERE a.credentials_id = p_credentials_id;
    DELETE FROM finq.feed f WHERE f.credentials_id = p_credentials_id;
END;

-- Removes sessions. One whose first nonce may still live, which it does for a day at most (FinqNonceTTL), stays as an empty row: or it would
-- begin anew, and order once more what it has ordered.
CREATE OR REPLACE FUNCTION finq.sessions_remove(p_sessions uuid[]) RETURNS void
    LANGUAGE plpgsql
AS $$
DECLARE
    v_ids   uuid[] := finq.sorted(p_sessions);
    v_first uuid := v_ids[1];
    v_last  uuid := v_ids[cardinality(v_ids)];
    v_young uuid[] := ARRAY(SELECT s.session_id FROM finq.session s
                             WHERE s.session_id = ANY (p_sessions) AND s.session_id BETWEEN v_first AND v_last
                               AND s.started_at > clock_timestamp() - interval '1 day');
BEGIN
    PERFORM finq.session_empty(i.id, NULL) FROM unnest(v_young) AS i (id);
    PERFORM finq.sessions_data_remove(p_sessions);
    -- account data that have come for one, and that no consent has taken over
    PERFORM finq.feed_remove(f.credentials_id) FROM finq.feed f
      WHERE f.session_id = ANY (p_sessions) AND NOT EXISTS (SELECT FROM finq.credential c WHERE c.credentials_id = f.credentials_id);
    DELETE FROM finq.session s
     WHERE s.session_id = ANY (p_sessions) AND s.session_id BETWEEN v_first AND v_last AND s.session_id <> ALL (v_young);
END $$;

-- The steps on the path that a session has taken; of one that was asked for again, the last attempt alone. Its body is a text, as
-- all are that answer whole rows: a parsed one keeps the columns of its day, and fails from a migration that adds one until it is
-- made again.
CREATE OR REPLACE FUNCTION finq.session_steps(p_session_id uuid) RETURNS SETOF finq.step
    LANGUAGE sql STABLE
AS $$
    SELECT DISTINCT ON (e.name) e.* FROM finq.step e
     WHERE e.step_id BETWEEN finq.time_first(p_session_id) AND finq.time_last(p_session_id)
       AND e.session_id = p_session_id AND NOT e.off_path
     ORDER BY e.name, e.ordinal DESC
$$;

-- The session that waits with this step, locked; null where none has it as its last one.
CREATE OR REPLACE FUNCTION finq.session_of_step(p_step_id uuid) RETURNS finq.session
    LANGUAGE plpgsql
AS $$
DECLARE
    v_session finq.session;
BEGIN
    SELECT s.* INTO v_session FROM finq.session s
     WHERE s.session_id BETWEEN finq.time_first(p_step_id) AND finq.time_last(p_step_id)
       AND s.step_id = p_step_id FOR NO KEY UPDATE;
    RETURN v_session;
END $$;

-- What follows a step that a session waits with: 'approve' goes on to what was to follow, 'resubmit' to the same step
-- again, 'reject' to the end, and that one from wherever it stands. The answer's token is sealed when it is asked for.
CREATE OR REPLACE FUNCTION finq.session_conclude(p_session finq.session, p_decision text, p_told bytea, p_reasons bytea,
                                                 p_own_reasons json DEFAULT NULL) RETURNS void
    LANGUAGE plpgsql
AS $$
DECLARE
    v_now    timestamptz := clock_timestamp();
    v_status finq.session_status := CASE
        WHEN p_decision = 'reject' THEN 'SESSION_FAILED'
        WHEN p_decision = 'approve' AND p_session.next_place = 0 THEN 'SESSION_COMPLETED'
        ELSE 'SESSION_IN_PROGRESS' END;
BEGIN
    UPDATE finq.session s
       SET status = v_status, is_over = finq.session_is_over(v_status), updated_at = v_now, waits_for = NULL,
           expires_at = CASE WHEN v_status = 'SESSION_FAILED' THEN v_now ELSE s.expires_at + coalesce(v_now - s.waits_since, '0') END,
           resubmit = p_decision = 'resubmit', told = p_told, reasons = p_reasons, own_reasons = p_own_reasons,
           next_place = CASE WHEN p_decision = 'resubmit' THEN s.step_place ELSE s.next_place END,
           answer_expires_at = '-infinity' -- none has been given for it yet
     WHERE s.session_id = p_session.session_id;
    IF p_decision = 'resubmit' THEN
        -- an order that is with the bank bars another until its fate is known
        UPDATE finq.payment p SET next_at = v_now WHERE p.session_id = p_session.session_id AND NOT p.is_released;
        PERFORM finq.event(p_session.client_id, p_session.session_id, p_session.skill_id, 'session.resubmission_asked',
                           jsonb_build_object('status', v_status, 'step_id', p_session.step_id));
    ELSIF v_status <> 'SESSION_IN_PROGRESS' THEN
        PERFORM finq.session_event(p_session.client_id, p_session.session_id, p_session.skill_id, v_status, p_session.step_id);
    END IF;
END $$;

-- The session, locked, with the step that it would take next claimed until the transaction ends: no connector is asked about it
-- meanwhile. Not free where one is asked just now, or a submission has come in between.
CREATE OR REPLACE FUNCTION finq.session_hold(p_client_id uuid, p_session_id uuid, OUT session finq.session, OUT is_free boolean)
    LANGUAGE plpgsql
AS $$
DECLARE
    v_attempt uuid := gen_random_uuid();
    v_next    integer := (SELECT s.step_ordinal + 1 FROM finq.session s
                           WHERE s.session_id = p_session_id AND s.client_id = p_client_id);
BEGIN
    IF v_next IS NOT NULL THEN -- first the claim, as finq.submit_step does: or the two could wait for each other
        is_free := finq.step_take(p_session_id, v_next, v_attempt, v_attempt, 0);
        PERFORM finq.step_release(p_session_id, v_next, v_attempt); -- others see both at once, when this transaction ends
        SELECT s.* INTO session FROM finq.session s WHERE s.session_id = p_session_id FOR NO KEY UPDATE;
        is_free := is_free AND session.step_ordinal + 1 = v_next;
    END IF;
END $$;

-- Whether a nonce is the session's last one: 'ok', or the contract's code; 'created' where its session has had no step. It is in
-- PL/pgSQL, which keeps its plan.
CREATE OR REPLACE FUNCTION finq.nonce_outcome(p_session finq.session, p_client_id uuid, p_ordinal integer, p_generation integer,
                                              p_nonce_expires_at bigint)
    RETURNS text
    LANGUAGE plpgsql STABLE
AS $$
BEGIN
    RETURN CASE
        WHEN NOT EXISTS (SELECT FROM finq.tenant t WHERE t.client_id = p_client_id AND t.status = 'ACTIVE')
            THEN 'unauthorized_tenant'
        WHEN finq.session_is_erased(p_session) THEN 'expired_session'
        WHEN (p_session).session_id IS NULL THEN
            CASE WHEN p_ordinal > 1 THEN 'invalid_session_id'
                 WHEN p_nonce_expires_at <= finq.seconds(clock_timestamp()) THEN 'expired_nonce' ELSE 'created' END
        WHEN (p_session).generation <> p_generation OR p_ordinal < (p_session).step_ordinal THEN 'invalid_nonce'
        -- a person may decide long after the nonce's life, so that of the step that was waited for still asks
        WHEN p_nonce_expires_at <= finq.seconds(clock_timestamp())
             AND ((p_session).waits_since IS NULL OR p_ordinal > (p_session).step_ordinal) THEN 'expired_nonce'
        ELSE 'ok' END;
END $$;

-- Whether a session stays with its last step: it waits there, or has none to come.
CREATE OR REPLACE FUNCTION finq.session_stays(p_session finq.session) RETURNS boolean
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    RETURN (p_session).waits_for IS NOT NULL OR (p_session).status = 'SESSION_COMPLETED';

-- Which of a step's documents are there, and how many bytes each has: {"id_front 20480"}.
CREATE OR REPLACE FUNCTION finq.uploaded(p_step_id uuid) RETURNS text
    LANGUAGE plpgsql STABLE
AS $$
BEGIN
    RETURN (SELECT coalesce(array_agg(u.document || ' ' || u.size), '{}') FROM finq.upload u WHERE u.step_id = p_step_id)::text;
END $$;

-- Whether how a session stands changes when it is asked for: its visit to a bank or its time is over, or its token is.
CREATE OR REPLACE FUNCTION finq.session_is_due(p_session finq.session) RETURNS boolean
    LANGUAGE sql VOLATILE
    RETURN (p_session).status <> 'SESSION_EXPIRED'
           AND (finq.session_is_old(p_session)
                OR coalesce((p_session).waits_for = 'BANK' AND (p_session).return_until <= clock_timestamp(), false)
                OR (p_session).status <> 'SESSION_FAILED' AND (p_session).waits_since IS NOT NULL
                   AND (p_session).answer_expires_at <= clock_timestamp());

-- What a session's client may know of it, and the token to go on with (contract section 5): of its last step too, and which of
-- its documents are there; what a connector told, while the user is at a bank its address. `ordinal` is that of the token:
-- of the step that waits, or of the one that follows. `waits`: there is nothing to go on with yet. Whether the token is `held` already
-- is for whoever asks.
CREATE OR REPLACE FUNCTION finq.session_told(p_session finq.session) RETURNS finq.session_standing
    LANGUAGE sql STABLE
    RETURN ROW(
        'ok', NULL::boolean, (p_session).status, (p_session).step_id,
        CASE WHEN (p_session).status NOT IN ('SESSION_FAILED', 'SESSION_EXPIRED') THEN finq.seconds((p_session).answer_expires_at) END,
        (p_session).answer_secret_id,
        (p_session).step_ordinal + CASE WHEN finq.session_stays(p_session) THEN 0 ELSE 1 END,
        CASE WHEN finq.session_stays(p_session) THEN coalesce((p_session).step_place, (p_session).step_ordinal)
             ELSE coalesce((p_session).next_place, (p_session).step_ordinal + 1) END,
        CASE WHEN finq.session_stays(p_session) OR (p_session).resubmit THEN 0
             ELSE coalesce((p_session).step_place, (p_session).step_ordinal) END,
        (p_session).generation, (p_session).waits_for IS NOT NULL,
        CASE WHEN (p_session).waits_since IS NULL OR (p_session).waits_for = 'BANK' THEN (p_session).reply ELSE (p_session).told END,
        (p_session).reasons, (p_session).own_reasons::text, (p_session).skill_id,
        coalesce((p_session).step_place, (p_session).step_ordinal), finq.uploaded((p_session).step_id),
        (p_session).tenant_user_id, (p_session).data_key, finq.seconds((p_session).updated_at))::finq.session_standing;

-- The same of a session that the caller has locked, brought up to now first. A token that was given stays the same until its end; then,
-- or where the tenant's server resumes the session (p_anew), it is made anew.
CREATE OR REPLACE FUNCTION finq.session_answer(
    p_session finq.session, p_nonce_ttl integer, p_temp_token_ttl integer, p_secret_id integer, p_anew boolean)
    RETURNS finq.session_standing
    LANGUAGE plpgsql
AS $$
DECLARE
    v_now timestamptz;
BEGIN
    IF p_session.waits_for = 'BANK' AND p_session.return_until <= clock_timestamp() THEN
        PERFORM finq.session_conclude(p_session, 'resubmit', NULL, NULL, '["The visit to the bank was not finished in time."]');
        SELECT s.* INTO p_session FROM finq.session s WHERE s.session_id = p_session.session_id;
    END IF;
    IF p_session.status <> 'SESSION_EXPIRED' AND finq.session_is_old(p_session) AND NOT finq.session_is_asked(p_session.session_id) THEN
        p_session := finq.session_expire(p_session.session_id);
    END IF;
    v_now := clock_timestamp();
    IF p_session.status NOT IN ('SESSION_FAILED', 'SESSION_EXPIRED')
       AND (p_anew OR p_session.waits_since IS NOT NULL AND p_session.answer_expires_at <= v_now) THEN
        UPDATE finq.session s
           SET answer_expires_at = date_trunc('second', v_now) + interval '1 second'
                   * CASE WHEN s.status = 'SESSION_COMPLETED' THEN p_temp_token_ttl ELSE p_nonce_ttl END,
               answer_secret_id = p_secret_id, generation = s.generation + p_anew::integer
         WHERE s.session_id = p_session.session_id
        RETURNING s.* INTO p_session;
    END IF;
    RETURN finq.session_told(p_session);
END $$;

-- ---------------------------------------------------------------------------------------------------------------------
-- For the server: one call a request
-- ---------------------------------------------------------------------------------------------------------------------

CREATE OR REPLACE FUNCTION finq.session_exists(p_client_id uuid, p_session_id uuid) RETURNS boolean
    LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET jit = off SET plan_cache_mode = force_generic_plan
    SET enable_seqscan = off
AS $$
BEGIN
    RETURN EXISTS (SELECT FROM finq.session s WHERE s.session_id = p_session_id AND s.client_id = p_client_id);
END $$;

-- How a session stands, for whom holds its last nonce; the nonce of a first step says whose it is to be, and since when. It is locked where that changes now, and where the database writes nothing: what
-- has become a standby may be behind, and is found out by the lock.
CREATE OR REPLACE FUNCTION finq.session_status(
    p_client_id uuid, p_session_id uuid, p_ordinal integer, p_generation integer, p_nonce_expires_at bigint,
    p_nonce_ttl integer, p_temp_token_ttl integer, p_secret_id integer, p_started_at bigint DEFAULT NULL, p_user_mac bytea DEFAULT NULL)
    RETURNS finq.session_standing
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET jit = off SET plan_cache_mode = force_generic_plan
    SET enable_seqscan = off
AS $$
DECLARE
    v_session finq.session;
    v_is_due  boolean;
    v_outcome text;
    v_answer  finq.session_standing;
BEGIN
    SELECT s.* INTO v_session FROM finq.session s WHERE s.session_id = p_session_id AND s.client_id = p_client_id;
    v_is_due := finq.session_is_due(v_session) OR current_setting('transaction_read_only')::boolean;
    IF v_is_due THEN
        SELECT s.* INTO v_session FROM finq.session s
         WHERE s.session_id = p_session_id AND s.client_id = p_client_id FOR NO KEY UPDATE;
    END IF;
    v_outcome := finq.nonce_outcome(v_session, p_client_id, p_ordinal, p_generation, p_nonce_expires_at);
    IF v_outcome = 'ok' THEN
        v_answer := CASE WHEN v_is_due THEN finq.session_answer(v_session, p_nonce_ttl, p_temp_token_ttl, p_secret_id, false)
                         ELSE finq.session_told(v_session) END;
        -- whoever holds the nonce of the step that follows, or of one that waits, gets no other; a token that was exchanged
        -- is not given again
        v_answer.held := p_ordinal > v_session.step_ordinal OR v_answer.waits OR v_session.exchanged_at IS NOT NULL;
    ELSIF v_outcome = 'created' AND finq.was_erased(p_client_id, p_user_mac, p_started_at) THEN
        v_outcome := 'expired_session';
    END IF;
    v_answer.outcome := v_outcome;
    RETURN v_answer;
END $$;
COMMENT ON FUNCTION finq.session_status IS 'locks: session, repeatable, crowd: session_statuses';

-- The same for the tenant's server, with a token that makes all of before old.
CREATE OR REPLACE FUNCTION finq.session_resume(
    p_client_id uuid, p_secret_hash bytea, p_session_id uuid, p_nonce_ttl integer, p_temp_token_ttl integer,
    p_secret_id integer)
    RETURNS finq.session_standing
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET jit = off SET plan_cache_mode = force_generic_plan
    SET enable_seqscan = off
AS $$
DECLARE
    v_session finq.session;
    v_active  boolean;
    v_key_id  bigint;
    v_outcome text;
    v_answer  finq.session_standing;
BEGIN
    SELECT t.status = 'ACTIVE', k.key_id INTO v_active, v_key_id
      FROM finq.tenant t
      LEFT JOIN finq.tenant_key k ON k.client_id = t.client_id AND k.kind = 'SECRET' AND k.hash = p_secret_hash
                                 AND k.ends_at > clock_timestamp()
     WHERE t.client_id = p_client_id;
    SELECT s.* INTO v_session FROM finq.session s
     WHERE s.session_id = p_session_id AND s.client_id = p_client_id AND v_key_id IS NOT NULL FOR NO KEY UPDATE;
    v_outcome := CASE WHEN v_active IS NULL THEN 'invalid_client_id' WHEN v_key_id IS NULL THEN 'invalid_client_secret'
                      WHEN NOT v_active THEN 'unauthorized_tenant'
                      WHEN v_session.session_id IS NULL THEN 'invalid_session_id' ELSE 'ok' END;
    IF v_outcome = 'ok' THEN
        v_answer := finq.session_answer(v_session, p_nonce_ttl, p_temp_token_ttl, p_secret_id, true);
        v_answer.held := v_session.exchanged_at IS NOT NULL;
    END IF;
    v_answer.outcome := v_outcome;
    RETURN v_answer;
END $$;
COMMENT ON FUNCTION finq.session_resume IS 'repeatable';

-- Goes back to the step before the one that is expected (contract section 5), for whom holds the nonce of that one: an act that
-- takes an ordinal, as a step does, so that of many one has an effect, and the same nonce gets the same answer. What was submitted
-- from that step on is off the path; its data and uploads stay until it is submitted again. 'step_claimed': a connector is being
-- asked about the expected one.
CREATE OR REPLACE FUNCTION finq.session_back(
    p_client_id uuid, p_session_id uuid, p_ordinal integer, p_generation integer, p_nonce_expires_at bigint,
    p_nonce_ttl integer, p_temp_token_ttl integer, p_secret_id integer)
    RETURNS finq.session_standing
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET jit = off SET plan_cache_mode = force_generic_plan
    SET enable_seqscan = off
AS $$
DECLARE
    v_held    record := finq.session_hold(p_client_id, p_session_id);
    v_session finq.session := v_held.session;
    v_now     timestamptz := clock_timestamp();
    v_done    boolean := v_session.step_ordinal = p_ordinal AND v_session.step_body_hash = '';
    v_before  finq.step;
    v_outcome text := finq.nonce_outcome(v_session, p_client_id, p_ordinal, p_generation, p_nonce_expires_at);
    v_answer  finq.session_standing;
BEGIN
    IF v_outcome = 'ok' AND NOT v_done THEN
        SELECT e.* INTO v_before FROM finq.session_steps(p_session_id) e
         WHERE e.place < v_session.next_place ORDER BY e.place DESC LIMIT 1;
        v_outcome := CASE
            WHEN NOT v_held.is_free THEN 'step_claimed'
            WHEN finq.session_is_old(v_session) THEN 'expired_session'
            WHEN v_session.status <> 'SESSION_IN_PROGRESS' OR v_session.waits_for IS NOT NULL THEN 'invalid_step'
            WHEN v_session.step_ordinal = p_ordinal THEN 'step_already_submitted'
            WHEN v_before.decided IS NOT FALSE THEN 'invalid_step'
            ELSE 'ok' END;
    END IF;
    IF v_outcome <> 'ok' THEN
        v_answer.outcome := CASE v_outcome WHEN 'created' THEN 'invalid_session_id' ELSE v_outcome END;
        -- of the step that is expected, if one is
        v_answer.place := CASE WHEN v_session.status = 'SESSION_IN_PROGRESS' AND v_session.waits_for IS NULL THEN v_session.next_place END;
        RETURN v_answer;
    END IF;
    IF NOT v_done THEN
        UPDATE finq.step e SET off_path = true
         WHERE e.step_id BETWEEN finq.time_first(p_session_id) AND finq.time_last(p_session_id)
           AND e.session_id = p_session_id AND e.place >= v_before.place;
        UPDATE finq.session s
           SET updated_at = v_now, step_ordinal = p_ordinal, step_id = v_before.step_id, step_body_hash = '',
               answer_expires_at = date_trunc('second', v_now) + p_nonce_ttl * interval '1 second',
               answer_secret_id = p_secret_id, step_place = v_before.place, next_place = v_before.place, waits_since = NULL,
               resubmit = true, reply = NULL, reply_reasons = NULL, told = NULL, reasons = NULL, own_reasons = NULL, return_link = NULL,
               return_until = NULL, returned_at = NULL, returned_hash = NULL, returned = NULL, went_back = true
         WHERE s.session_id = p_session_id
        RETURNING s.* INTO v_session;
    END IF;
    v_answer := finq.session_answer(v_session, p_nonce_ttl, p_temp_token_ttl, p_secret_id, false);
    v_answer.held := false;
    v_answer.outcome := 'ok';
    RETURN v_answer;
END $$;
COMMENT ON FUNCTION finq.session_back IS 'repeatable';

-- Ends a session that its user, or the tenant's server (p_secret_hash; NULL where a nonce is shown), wants no more. One that has
-- failed or expired is told as it stands. A payment may have been ordered at the bank, and then a cancelled session would hide it.
CREATE OR REPLACE FUNCTION finq.session_cancel(
    p_client_id uuid, p_secret_hash bytea, p_session_id uuid, p_ordinal integer, p_generation integer, p_nonce_expires_at bigint,
    p_nonce_ttl integer, p_temp_token_ttl integer, p_secret_id integer)
    RETURNS finq.session_standing
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET jit = off SET plan_cache_mode = force_generic_plan
    SET enable_seqscan = off
AS $$
DECLARE
    v_held    record;
    v_session finq.session;
    v_outcome text := CASE WHEN p_secret_hash IS NOT NULL THEN finq.key_claim(p_client_id, 'SECRET', p_secret_hash) ELSE 'ok' END;
    v_answer  finq.session_standing;
BEGIN
    IF v_outcome = 'ok' THEN
        v_held := finq.session_hold(p_client_id, p_session_id);
        v_session := v_held.session;
        v_outcome := CASE WHEN v_session.session_id IS NULL AND p_secret_hash IS NOT NULL THEN 'invalid_session_id'
                          WHEN p_secret_hash IS NOT NULL THEN 'ok'
                          ELSE finq.nonce_outcome(v_session, p_client_id, p_ordinal, p_generation, p_nonce_expires_at) END;
    END IF;
    IF v_outcome = 'ok' AND v_session.status NOT IN ('SESSION_FAILED', 'SESSION_EXPIRED') THEN
        v_outcome := CASE
            WHEN v_session.status = 'SESSION_COMPLETED' THEN 'invalid_step'
            WHEN NOT v_held.is_free THEN 'step_claimed'
            WHEN v_session.waits_for = 'BANK' AND EXISTS (
                     SELECT FROM finq.skill k
                      WHERE k.skill_id = v_session.skill_id AND k.definition ->> 'type' = 'payment_initiation') THEN 'invalid_step'
            WHEN EXISTS (SELECT FROM finq.payment p WHERE p.session_id = p_session_id AND NOT p.is_released) THEN 'invalid_step'
            ELSE 'ok' END;
        IF v_outcome = 'ok' AND NOT finq.session_is_old(v_session) THEN
            PERFORM finq.session_conclude(v_session, 'reject', NULL, NULL, '["cancelled"]');
            SELECT s.* INTO v_session FROM finq.session s WHERE s.session_id = p_session_id;
        END IF;
    END IF;
    IF v_outcome = 'ok' THEN
        v_answer := finq.session_answer(v_session, p_nonce_ttl, p_temp_token_ttl, p_secret_id, false);
        v_answer.held := true;
    END IF;
    v_answer.outcome := CASE v_outcome WHEN 'created' THEN 'invalid_session_id' ELSE v_outcome END;
    RETURN v_answer;
END $$;
COMMENT ON FUNCTION finq.session_cancel IS 'repeatable';

-- Those of the sessions that are waited for no more, or are no more what the waiting client's nonce was given for, by their
-- places in the list, from 1. It changes nothing: how they stand now, finq.session_status says.
CREATE OR REPLACE FUNCTION finq.sessions_settled(p_session_ids uuid[], p_generations integer[], OUT place integer)
    RETURNS SETOF integer
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET jit = off
BEGIN ATOMIC
    SELECT w.place::integer
      FROM unnest(p_session_ids, p_generations) WITH ORDINALITY AS w(session_id, generation, place)
     WHERE NOT EXISTS (
           SELECT FROM finq.session s
             JOIN finq.tenant t ON t.client_id = s.client_id
            WHERE s.session_id = w.session_id AND s.generation = w.generation AND t.status = 'ACTIVE'
              AND (s.waits_for = 'DECISION' OR s.waits_for = 'BANK' AND s.return_until > clock_timestamp()))
     ORDER BY w.place;
END;

-- What the server is told of a return: where it stands, and how it was answered.
CREATE OR REPLACE FUNCTION finq.return_answer(p_session finq.session, p_outcome text) RETURNS finq.return_answer
    LANGUAGE plpgsql STABLE
AS $$
BEGIN
    RETURN ROW(p_outcome, p_session.return_link, p_session.step_id, p_session.tenant_user_id,
               (SELECT e.data FROM finq.step e WHERE e.step_id = p_session.step_id),
               p_session.returned ->> 'status', (p_session.returned ->> 'expires_at')::bigint,
               (p_session.returned ->> 'secret_id')::integer, decode(p_session.returned ->> 'error', 'hex'),
               decode(p_session.returned ->> 'description', 'hex'), p_session.data_key)::finq.return_answer;
END $$;

-- What was taken back from a session whose user comes back from a bank: its tenant, or the consent that it renews. NULL: nothing.
CREATE OR REPLACE FUNCTION finq.return_refusal(p_client_id uuid, p_renews uuid) RETURNS text
    LANGUAGE plpgsql STABLE
AS $$
BEGIN
    RETURN CASE
        WHEN NOT EXISTS (SELECT FROM finq.tenant t WHERE t.client_id = p_client_id AND t.status = 'ACTIVE')
            THEN 'unauthorized_tenant'
        WHEN p_renews IS NOT NULL AND NOT finq.can_renew(p_client_id, p_renews) THEN 'inactive_credentials' END;
END $$;

-- Takes the one use of the state that a bank's return brings (contract section 6), and tells what the connector is asked next.
-- p_return_hash is of all that it brought. 'repeat': the same return was concluded a moment ago, and is answered as then.
-- 'step_claimed': it is being concluded now. If that did not happen within ten seconds, the same return is taken again, and its
-- connector asked about the same attempt; another one only after two minutes. So neither a database that was away nor a server that
-- ended keeps a user out. The request that took it may ask again.
CREATE OR REPLACE FUNCTION finq.redirect_take(p_client_id uuid, p_session_id uuid, p_ordinal integer, p_return_hash bytea,
                                              p_request_id uuid)
    RETURNS finq.return_answer
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET jit = off SET plan_cache_mode = force_generic_plan
    SET enable_seqscan = off
AS $$
DECLARE
    v_now     timestamptz := clock_timestamp();
    v_session finq.session;
BEGIN
    UPDATE finq.session s SET returned_at = v_now, returned_hash = p_return_hash, returned_by = p_request_id, returned = NULL
     WHERE s.session_id = p_session_id AND s.client_id = p_client_id AND s.step_ordinal = p_ordinal
       AND s.waits_for = 'BANK' AND s.return_until > v_now
       AND (s.returned_at IS NULL OR s.returned_by = p_request_id
            OR s.returned_at < v_now - CASE WHEN s.returned_hash = p_return_hash THEN interval '10 seconds'
                                                                  ELSE interval '2 minutes' END)
       AND finq.return_refusal(p_client_id, s.renews) IS NULL
    RETURNING s.* INTO v_session;
    IF FOUND THEN
        RETURN finq.return_answer(v_session, 'ok');
    END IF;
    SELECT s.* INTO v_session FROM finq.session s
     WHERE s.session_id = p_session_id AND s.client_id = p_client_id AND s.step_ordinal = p_ordinal;
    RETURN finq.return_answer(v_session, coalesce(finq.return_refusal(p_client_id, v_session.renews), CASE
        WHEN finq.session_is_erased(v_session) THEN 'expired_session'
        WHEN v_session.returned_hash = p_return_hash AND v_session.returned IS NOT NULL
             AND v_session.returned_at > v_now - interval '120 seconds' THEN 'repeat'
        WHEN v_session.returned_hash = p_return_hash AND v_session.returned IS NULL AND v_session.waits_for = 'BANK'
             AND v_session.return_until > v_now THEN 'step_claimed'
        ELSE 'tpp_redirect_error' END));
END $$;
COMMENT ON FUNCTION finq.redirect_take IS 'repeatable';

-- Ends what finq.redirect_take began, unless another return has taken the state since. p_decision as in finq.session_conclude;
-- 'pending' waits on, for a decision; 'retry' gives the use of the state back, and so does what was taken back meanwhile:
-- nothing else is done then. p_error and p_description are what the link is told instead of a status. 'repeat': the same return was
-- concluded already.
CREATE OR REPLACE FUNCTION finq.redirect_conclude(
    p_client_id uuid, p_session_id uuid, p_ordinal integer, p_return_hash bytea, p_decision text, p_told bytea, p_reasons bytea,
    p_answer_ttl integer, p_secret_id integer, p_error bytea, p_description bytea)
    RETURNS finq.return_answer
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET jit = off SET plan_cache_mode = force_generic_plan
    SET enable_seqscan = off
AS $$
DECLARE
    v_session finq.session;
    v_refusal text;
BEGIN
    SELECT s.* INTO v_session FROM finq.session s
     WHERE s.session_id = p_session_id AND s.client_id = p_client_id AND s.step_ordinal = p_ordinal
       AND s.returned_hash = p_return_hash FOR NO KEY UPDATE;
    v_refusal := finq.return_refusal(p_client_id, v_session.renews);
    IF v_session.returned IS NOT NULL AND v_refusal IS NULL THEN
        RETURN finq.return_answer(v_session, 'repeat');
    ELSIF v_session.waits_for IS DISTINCT FROM 'BANK' THEN
        RETURN finq.return_answer(v_session, CASE
            WHEN EXISTS (SELECT FROM finq.session s
                          WHERE s.session_id = p_session_id AND s.client_id = p_client_id AND finq.session_is_erased(s))
                THEN 'expired_session'
            ELSE 'tpp_redirect_error' END);
    ELSIF p_decision = 'retry' OR v_refusal IS NOT NULL THEN
        UPDATE finq.session s SET returned_at = NULL WHERE s.session_id = p_session_id;
        RETURN finq.return_answer(v_session, coalesce(v_refusal, 'ok'));
    ELSIF p_decision = 'pending' THEN
        UPDATE finq.session s SET waits_for = 'DECISION', status = 'SESSION_PENDING', is_over = NULL, updated_at = clock_timestamp(),
                                  reasons = p_reasons, own_reasons = NULL
         WHERE s.session_id = p_session_id;
        PERFORM finq.session_event(p_client_id, p_session_id, v_session.skill_id, 'SESSION_PENDING', v_session.step_id);
    ELSE
        PERFORM finq.session_conclude(v_session, p_decision, p_told, p_reasons);
        UPDATE finq.session s
           SET answer_expires_at = date_trunc('second', clock_timestamp()) + p_answer_ttl * interval '1 second',
               answer_secret_id = p_secret_id
         WHERE s.session_id = p_session_id;
    END IF;
    UPDATE finq.session s
       SET returned = json_build_object('status', s.status, 'expires_at', finq.seconds(s.answer_expires_at),
                                        'secret_id', s.answer_secret_id, 'error', encode(p_error, 'hex'),
                                        'description', encode(p_description, 'hex'))
     WHERE s.session_id = p_session_id
    RETURNING s.* INTO v_session;
    RETURN finq.return_answer(v_session, 'ok');
END $$;
COMMENT ON FUNCTION finq.redirect_conclude IS 'repeatable';

-- ---------------------------------------------------------------------------------------------------------------------
-- For the operator (finqctl): each answers JSON, and raises P0002 for what is unknown, 23505 for what stands already
-- ---------------------------------------------------------------------------------------------------------------------

-- A sealed value as who has the data-key file is told of it, to be opened there with the data key that stands beside it, or around it.
CREATE OR REPLACE FUNCTION finq.sealed(p_kind text, p_of uuid, p_id uuid, p_value bytea) RETURNS json
    LANGUAGE sql IMMUTABLE
    RETURN CASE WHEN p_value IS NOT NULL
                THEN json_build_object('sealed', encode(p_value, 'hex'), 'kind', p_kind, 'of', p_of, 'id', p_id) END;

-- The same where a MAC names the row; what is opened stands beside the members of p_beside.
CREATE OR REPLACE FUNCTION finq.sealed_beside(p_kind text, p_of uuid, p_mac bytea, p_value bytea, p_beside json) RETURNS json
    LANGUAGE sql IMMUTABLE
    RETURN json_build_object('sealed', encode(p_value, 'hex'), 'kind', p_kind, 'of', p_of, 'mac', encode(p_mac, 'hex'), 'beside', p_beside);

CREATE OR REPLACE FUNCTION finq.session_show(p_session_id uuid) RETURNS json
    LANGUAGE plpgsql STABLE
AS $$
DECLARE
    v_shown json;
BEGIN
    SELECT json_build_object(
               'session_id', s.session_id, 'client_id', s.client_id, 'tenant', t.name, 'skill', k.name,
               'status', s.status, 'started_at', finq.utc(s.started_at), 'updated_at', finq.utc(s.updated_at),
               'tenant_user_id', finq.sealed('tenant_user_id', s.client_id, NULL, s.tenant_user_id), 'data_key', encode(s.data_key, 'hex'), 'exchanged_at', finq.utc(s.exchanged_at), 'credentials_id', s.credentials_id,
               'steps', (SELECT json_agg(json_build_object(
                             'step_id', e.step_id, 'name', e.name, 'submitted_at', finq.utc(e.submitted_at), 'off_path', e.off_path, 'data', finq.sealed('step', s.session_id, e.step_id, e.data),
                             'uploads', (SELECT coalesce(json_agg(json_build_object(
                                             'upload_id', u.upload_id, 'document', u.document, 'size', u.size,
                                             'sha256', encode(u.sha256, 'hex'), 'media_type', u.media_type,
                                             'width', u.width, 'height', u.height, 'orientation', u.orientation,
                                             'uploaded_at', finq.utc(u.uploaded_at)) ORDER BY u.document), '[]')
                                           FROM finq.upload u WHERE u.step_id = e.step_id)) ORDER BY e.ordinal)
                           FROM finq.step e
                          WHERE e.step_id BETWEEN finq.time_first(s.session_id) AND finq.time_last(s.session_id)
                            AND e.session_id = s.session_id))
      INTO v_shown
      FROM finq.session s
      JOIN finq.tenant t ON t.client_id = s.client_id
      JOIN finq.skill k ON k.skill_id = s.skill_id
     WHERE s.session_id = p_session_id;
    IF v_shown IS NULL THEN
        RAISE no_data_found USING MESSAGE = format('No session has the id %s.', p_session_id),
            HINT = 'A session is stored by its first step; one that was only started is unknown.';
    END IF;
    RETURN v_shown;
END $$;

-- The first id of a millisecond.
CREATE OR REPLACE FUNCTION finq.first_id(p_at timestamptz) RETURNS uuid
    LANGUAGE sql IMMUTABLE
    RETURN (SELECT (substr(h.hex, 1, 8) || '-' || substr(h.hex, 9, 4) || '-0000-0000-000000000000')::uuid
              FROM (SELECT lpad(to_hex(floor(extract(epoch FROM p_at) * 1000)::bigint), 12, '0') AS hex) h);

-- Newest first: their ids tell the time, and bound how far back is looked.
CREATE OR REPLACE FUNCTION finq.session_list(p_client_id uuid, p_status text, p_skill text, p_user_macs bytea[], p_since timestamptz,
    p_before uuid, p_limit integer) RETURNS json
    LANGUAGE plpgsql STABLE
AS $$
DECLARE
    v_status   finq.session_status := 'SESSION_' || upper(p_status);
    v_skill_id integer := (SELECT k.skill_id FROM finq.skill k WHERE k.name = p_skill);
BEGIN
    IF p_client_id IS NOT NULL THEN
        PERFORM finq.tenant_row(p_client_id);
    END IF;
    IF p_skill IS NOT NULL AND v_skill_id IS NULL THEN
        RAISE no_data_found USING MESSAGE = format('No skill named "%s" is published.', p_skill);
    END IF;
    RETURN (SELECT coalesce(json_agg(json_build_object(
                       'session_id', l.session_id, 'client_id', l.client_id, 'tenant', t.name, 'skill', k.name, 'status', l.status,
                       'started_at', finq.utc(l.started_at), 'updated_at', finq.utc(l.updated_at),
                       'tenant_user_id', finq.sealed('tenant_user_id', l.client_id, NULL, l.tenant_user_id), 'data_key', encode(l.data_key, 'hex'),
                       'waits_for', l.waits_for) ORDER BY l.session_id DESC), '[]')
              FROM (SELECT s.* FROM finq.session s
                     WHERE s.session_id >= finq.first_id(p_at => coalesce(p_since, clock_timestamp() - interval '7 days'))
                       AND (p_before IS NULL OR s.session_id < p_before)
                       AND (p_client_id IS NULL OR s.client_id = p_client_id)
                       AND (v_status IS NULL OR s.status = v_status)
                       AND (v_skill_id IS NULL OR s.skill_id = v_skill_id)
                       AND (p_user_macs IS NULL OR s.user_mac = ANY (p_user_macs))
                     ORDER BY s.session_id DESC LIMIT coalesce(p_limit, 100)) l
              JOIN finq.tenant t ON t.client_id = l.client_id
              JOIN finq.skill k ON k.skill_id = l.skill_id);
END $$;
