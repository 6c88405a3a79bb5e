-- Hand-offs: a page's session goes over to another device, a phone with a camera, and comes back. A page has one at a time. It is
-- offered (a code on the first device's screen), opened (the other device shows a number), taken (its user has pressed that number on
-- the first device: only then the other one gets a nonce), done (the other device has sent what was to be sent), back. A nonce is dead
-- as soon as the session's generation has risen past it: by one when the other device takes over, and by one more on the way back.

-- What of a hand-off is past its time. One that was offered or opened waits so long as its row says; then nobody can take it.
CREATE OR REPLACE FUNCTION finq.handoff_is_over(p_handoff finq.handoff) RETURNS boolean
    LANGUAGE sql STABLE
    RETURN (p_handoff).page_id IS NULL OR (p_handoff).expires_at <= clock_timestamp();

-- Whether its session is still what it was when it came to this phase: nobody has opened the page anew since.
CREATE OR REPLACE FUNCTION finq.handoff_holds(p_handoff finq.handoff, p_session finq.session) RETURNS boolean
    LANGUAGE sql STABLE
    RETURN (p_session).session_id = (p_handoff).session_id
           AND (p_session).generation = (p_handoff).generation + CASE (p_handoff).phase WHEN 'TAKEN' THEN 1 WHEN 'DONE' THEN 1 WHEN 'BACK' THEN 2 ELSE 0 END;

-- A page's hand-off with this id, of the session that whoever asks has a nonce of, and its page and session, locked in the order that all
-- keep to. `outcome` is 'ok', or the contract's code.
CREATE OR REPLACE FUNCTION finq.handoff_lock(p_client_id uuid, p_page_id uuid, p_generation integer, p_handoff_id uuid, p_session_id uuid,
                                             OUT outcome text, OUT handoff finq.handoff, OUT session finq.session)
    LANGUAGE plpgsql
AS $$
DECLARE
    v_page finq.page;
BEGIN
    SELECT p.* INTO v_page FROM finq.page p WHERE p.page_id = p_page_id AND p.client_id = p_client_id FOR NO KEY UPDATE;
    SELECT h.* INTO handoff FROM finq.handoff h
     WHERE h.page_id = v_page.page_id AND h.handoff_id = p_handoff_id AND h.session_id = p_session_id FOR NO KEY UPDATE;
    SELECT s.* INTO session FROM finq.session s
     WHERE s.session_id = v_page.session_id AND s.client_id = p_client_id FOR NO KEY UPDATE;
    outcome := (finq.page_facts_of(v_page, p_client_id, p_generation)).outcome;
END $$;

CREATE OR REPLACE FUNCTION finq.handoff_enter(p_page_id uuid, p_phase finq.handoff_phase, p_until timestamptz) RETURNS void
    LANGUAGE sql VOLATILE
BEGIN ATOMIC
    UPDATE finq.handoff h SET phase = p_phase, expires_at = p_until WHERE h.page_id = p_page_id;
END;

-- ---------------------------------------------------------------------------------------------------------------------
-- For the server: one call a request. Beside the contract's codes `outcome` is where a hand-off has come to.
-- ---------------------------------------------------------------------------------------------------------------------

-- Offers a page's session to another device, for whoever holds its nonce, for p_ttl seconds: p_handoff_id with p_numbers. The same
-- nonce again gets the same offer as long as it is good, and what became of it. 'handoff_refused': too many wrong numbers were pressed.
CREATE OR REPLACE FUNCTION finq.handoff_offer(
    p_client_id uuid, p_page_id uuid, p_generation integer, p_session_id uuid, p_ordinal integer, p_nonce_generation integer, p_nonce_expires_at bigint,
    p_handoff_id uuid, p_numbers text, p_ttl integer, OUT outcome text, OUT handoff_id uuid, OUT numbers text, OUT expires_at bigint)
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET jit = off SET plan_cache_mode = force_generic_plan
    SET enable_seqscan = off
AS $$
#variable_conflict use_column
DECLARE
    v_now     timestamptz := clock_timestamp();
    v_page    finq.page;
    v_handoff finq.handoff;
    v_session finq.session;
BEGIN
    SELECT p.* INTO v_page FROM finq.page p WHERE p.page_id = p_page_id AND p.client_id = p_client_id FOR NO KEY UPDATE;
    SELECT h.* INTO v_handoff FROM finq.handoff h WHERE h.page_id = v_page.page_id FOR NO KEY UPDATE;
    SELECT s.* INTO v_session FROM finq.session s
     WHERE s.session_id = p_session_id AND s.client_id = p_client_id FOR NO KEY UPDATE;
    outcome := (finq.page_facts_of(v_page, p_client_id, p_generation)).outcome;
    IF outcome = 'ok' AND v_page.session_id IS DISTINCT FROM p_session_id THEN
        outcome := 'invalid_session_id';
    END IF;
    IF outcome <> 'ok' THEN
        RETURN;
    END IF;
    IF (v_handoff.generation = p_nonce_generation AND finq.handoff_holds(v_handoff, v_session)
        AND v_handoff.phase <> 'WRONG' AND NOT finq.handoff_is_over(v_handoff)) IS NOT TRUE THEN
        outcome := finq.nonce_outcome(v_session, p_client_id, p_ordinal, p_nonce_generation, p_nonce_expires_at);
        outcome := CASE WHEN outcome = 'ok' AND v_page.wrong_numbers >= 2 THEN 'handoff_refused'
                        WHEN outcome = 'ok' AND v_session.status IN ('SESSION_FAILED', 'SESSION_EXPIRED') THEN 'expired_session'
                        WHEN outcome = 'created' THEN 'invalid_session_id' ELSE outcome END;
        IF outcome <> 'ok' THEN
            RETURN;
        END IF;
        INSERT INTO finq.handoff AS h (page_id, handoff_id, session_id, generation, phase, numbers, offered_until, expires_at)
        VALUES (p_page_id, p_handoff_id, p_session_id, p_nonce_generation, 'OFFERED', p_numbers, date_trunc('second', v_now) + p_ttl * interval '1 second',
                date_trunc('second', v_now) + p_ttl * interval '1 second')
        ON CONFLICT (page_id) DO UPDATE
            SET handoff_id = excluded.handoff_id, session_id = excluded.session_id, generation = excluded.generation, phase = 'OFFERED', opened_by = NULL,
                numbers = excluded.numbers, offered_until = excluded.offered_until, expires_at = excluded.expires_at
        RETURNING h.* INTO v_handoff;
    END IF;
    outcome := CASE v_handoff.phase WHEN 'OFFERED' THEN 'handoff_offered' WHEN 'OPENED' THEN 'handoff_opened' ELSE 'handoff_taken' END;
    handoff_id := v_handoff.handoff_id;
    numbers := v_handoff.numbers;
    expires_at := finq.seconds(v_handoff.offered_until);
END $$;
COMMENT ON FUNCTION finq.handoff_offer IS 'repeatable';

-- What the first device does: it looks ('look'); presses the number that the other one shows ('right'), another ('wrong'), none of them
-- ('none'); or takes back ('back'). 'ok' where it has the session again, with a token that makes the other device's old; the same again
-- gets the same.
CREATE OR REPLACE FUNCTION finq.handoff_choose(
    p_client_id uuid, p_page_id uuid, p_generation integer, p_handoff_id uuid, p_session_id uuid, p_nonce_generation integer, p_choice text, p_ttl integer,
    p_nonce_ttl integer, p_temp_token_ttl integer, p_secret_id integer)
    RETURNS finq.session_standing
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET jit = off SET plan_cache_mode = force_generic_plan
    SET enable_seqscan = off
AS $$
DECLARE
    v_held    record := finq.handoff_lock(p_client_id, p_page_id, p_generation, p_handoff_id, p_session_id);
    v_handoff finq.handoff := v_held.handoff;
    v_session finq.session := v_held.session;
    v_phase   finq.handoff_phase;
    v_answer  finq.session_standing;
BEGIN
    v_answer.outcome := CASE
        WHEN v_held.outcome <> 'ok' THEN v_held.outcome
        WHEN v_handoff.generation = p_nonce_generation AND v_handoff.phase = 'WRONG' THEN 'handoff_wrong'
        WHEN v_handoff.generation IS DISTINCT FROM p_nonce_generation OR finq.handoff_is_over(v_handoff) THEN 'handoff_over'
        WHEN NOT finq.handoff_holds(v_handoff, v_session) THEN 'invalid_nonce'
        WHEN v_handoff.phase IN ('DONE', 'BACK') OR v_handoff.phase = 'TAKEN' AND p_choice = 'back' THEN 'ok'
        WHEN v_handoff.phase = 'TAKEN' THEN 'handoff_taken'
        WHEN p_choice IN ('none', 'back') THEN 'handoff_wrong'
        WHEN v_handoff.phase = 'OFFERED' THEN 'handoff_offered'
        WHEN p_choice = 'right' THEN 'handoff_taken'
        WHEN p_choice = 'wrong' THEN 'handoff_wrong'
        ELSE 'handoff_opened' END;
    IF v_answer.outcome = 'handoff_wrong' AND v_handoff.phase <> 'WRONG' THEN
        PERFORM finq.handoff_enter(p_page_id, 'WRONG', v_handoff.expires_at);
        UPDATE finq.page p SET wrong_numbers = p.wrong_numbers + 1 WHERE p.page_id = p_page_id AND p_choice = 'wrong';
    ELSIF v_answer.outcome IN ('handoff_taken', 'ok') AND NOT (v_answer.outcome = 'handoff_taken' AND v_handoff.phase = 'TAKEN') THEN
        v_phase := CASE v_answer.outcome WHEN 'ok' THEN 'BACK' ELSE 'TAKEN' END;
        v_answer := finq.session_answer(v_session, p_nonce_ttl, p_temp_token_ttl, p_secret_id, v_handoff.phase <> 'BACK');
        v_answer.held := v_session.exchanged_at IS NOT NULL;
        v_answer.outcome := CASE WHEN v_phase = 'TAKEN' AND v_answer.expires_at IS NOT NULL THEN 'handoff_taken' ELSE 'ok' END;
        PERFORM finq.handoff_enter(p_page_id, v_phase, to_timestamp(v_answer.expires_at)) WHERE v_answer.expires_at IS NOT NULL; -- else it has ended
    END IF;
    RETURN v_answer;
END $$;
COMMENT ON FUNCTION finq.handoff_choose IS 'repeatable';

-- The page of a hand-off that waits to be opened, for whoever has its address: nothing is changed by looking.
CREATE OR REPLACE FUNCTION finq.handoff_look(p_client_id uuid, p_page_id uuid, p_generation integer, p_handoff_id uuid)
    RETURNS finq.page_facts
    LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET jit = off SET plan_cache_mode = force_generic_plan
    SET enable_seqscan = off
AS $$
DECLARE
    v_page    finq.page;
    v_handoff finq.handoff;
    v_facts   finq.page_facts;
BEGIN
    SELECT p.* INTO v_page FROM finq.page p WHERE p.page_id = p_page_id AND p.client_id = p_client_id;
    SELECT h.* INTO v_handoff FROM finq.handoff h WHERE h.page_id = v_page.page_id AND h.handoff_id = p_handoff_id;
    v_facts := finq.page_facts_of(v_page, p_client_id, p_generation);
    IF v_facts.outcome = 'ok' AND (finq.handoff_is_over(v_handoff) OR v_handoff.phase <> 'OFFERED') THEN
        v_facts.outcome := 'not_found';
    END IF;
    RETURN v_facts;
END $$;

-- What the other device does: it opens the offer, which one can, and is known from then on by p_opened_by; or it asks whether its number
-- was pressed. 'ok' with its token once it was; the same again gets the same.
CREATE OR REPLACE FUNCTION finq.handoff_open(
    p_client_id uuid, p_page_id uuid, p_generation integer, p_handoff_id uuid, p_session_id uuid, p_opened_by bytea, p_ttl integer,
    p_nonce_ttl integer, p_temp_token_ttl integer, p_secret_id integer)
    RETURNS finq.session_standing
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET jit = off SET plan_cache_mode = force_generic_plan
    SET enable_seqscan = off
AS $$
DECLARE
    v_held    record := finq.handoff_lock(p_client_id, p_page_id, p_generation, p_handoff_id, p_session_id);
    v_handoff finq.handoff := v_held.handoff;
    v_session finq.session := v_held.session;
    v_answer  finq.session_standing;
BEGIN
    v_answer.outcome := CASE
        WHEN v_held.outcome <> 'ok' THEN v_held.outcome
        WHEN finq.handoff_is_over(v_handoff) OR NOT finq.handoff_holds(v_handoff, v_session) THEN 'handoff_over'
        WHEN v_handoff.phase = 'OFFERED' THEN 'handoff_opened'
        WHEN v_handoff.opened_by IS DISTINCT FROM p_opened_by THEN 'handoff_over'
        WHEN v_handoff.phase = 'OPENED' THEN 'handoff_opened'
        WHEN v_handoff.phase = 'TAKEN' THEN 'ok'
        WHEN v_handoff.phase = 'DONE' THEN 'handoff_done'
        ELSE 'handoff_over' END;
    IF v_handoff.phase = 'OFFERED' AND v_answer.outcome = 'handoff_opened' THEN
        UPDATE finq.handoff h SET phase = 'OPENED', opened_by = p_opened_by, expires_at = clock_timestamp() + p_ttl * interval '1 second'
         WHERE h.page_id = p_page_id;
    ELSIF v_answer.outcome = 'ok' THEN
        v_answer := finq.session_answer(v_session, p_nonce_ttl, p_temp_token_ttl, p_secret_id, false);
        v_answer.held := v_session.exchanged_at IS NOT NULL;
        v_answer.outcome := 'ok';
    END IF;
    RETURN v_answer;
END $$;
COMMENT ON FUNCTION finq.handoff_open IS 'repeatable';

-- The other device has done what it was for, if all is there that the last step must be sent: 'handoff_done'; else 'ok', and how the session
-- stands.
CREATE OR REPLACE FUNCTION finq.handoff_finish(
    p_client_id uuid, p_page_id uuid, p_generation integer, p_handoff_id uuid, p_session_id uuid, p_ordinal integer, p_nonce_generation integer, p_nonce_expires_at bigint,
    p_nonce_ttl integer, p_temp_token_ttl integer, p_secret_id integer)
    RETURNS finq.session_standing
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET jit = off SET plan_cache_mode = force_generic_plan
    SET enable_seqscan = off
AS $$
DECLARE
    v_held     record := finq.handoff_lock(p_client_id, p_page_id, p_generation, p_handoff_id, p_session_id);
    v_handoff  finq.handoff := v_held.handoff;
    v_session  finq.session := v_held.session;
    v_outcome  text;
    v_required text[];
    v_answer   finq.session_standing;
BEGIN
    v_outcome := CASE
        WHEN v_held.outcome <> 'ok' THEN v_held.outcome
        WHEN finq.handoff_is_over(v_handoff) OR v_handoff.phase NOT IN ('TAKEN', 'DONE') OR NOT finq.handoff_holds(v_handoff, v_session)
             OR v_session.generation <> p_nonce_generation THEN 'handoff_over'
        ELSE finq.nonce_outcome(v_session, p_client_id, p_ordinal, p_nonce_generation, p_nonce_expires_at) END;
    IF v_outcome = 'ok' THEN
        v_answer := finq.session_answer(v_session, p_nonce_ttl, p_temp_token_ttl, p_secret_id, false);
        v_answer.held := true;
        SELECT array_agg(u ->> 'document') INTO v_required
          FROM finq.skill k CROSS JOIN json_array_elements(k.definition -> 'steps' -> (v_answer.step_place - 1) -> 'uploads') u
         WHERE k.skill_id = v_session.skill_id AND (u ->> 'required')::boolean;
        IF finq.missing_uploads(v_session.step_id, v_required) IS NULL THEN
            v_outcome := 'handoff_done';
            PERFORM finq.handoff_enter(p_page_id, 'DONE', v_handoff.expires_at);
        END IF;
    END IF;
    v_answer.outcome := v_outcome;
    RETURN v_answer;
END $$;
COMMENT ON FUNCTION finq.handoff_finish IS 'repeatable';
