-- Payments: an order's row is made before its bank is asked, and says what the bank has said since. One order of a session at a time;
-- nothing is locked while a bank thinks. What was said is a sealed book: who adds to it names the version that was read, and who was
-- overtaken reads again.

-- From when on nobody knows how a payment stands, if it has not come to its end: six days after the bank's last word or the day on which it
-- was to be carried out, the later.
CREATE OR REPLACE FUNCTION finq.payment_until(p_payment finq.payment) RETURNS timestamptz
    LANGUAGE sql STABLE
    RETURN greatest(coalesce((p_payment).told_at, (p_payment).asked_at), (p_payment).execution_date::timestamp AT TIME ZONE 'UTC') + interval '6 days';

-- The phase as it is told.
CREATE OR REPLACE FUNCTION finq.payment_phase(p_payment finq.payment) RETURNS text
    LANGUAGE sql STABLE
    RETURN CASE WHEN NOT (p_payment).is_final AND finq.payment_until(p_payment) <= clock_timestamp() THEN 'unknown' ELSE (p_payment).phase END;

-- Removes payments, and what the sandbox bank has of them: also of those whose session never came to be.
CREATE OR REPLACE FUNCTION finq.payments_remove(p_payments uuid[]) RETURNS void
    LANGUAGE plpgsql
AS $$
BEGIN
    DELETE FROM finq.sandbox_order o USING finq.payment p WHERE p.payment_id = ANY (p_payments) AND o.attempt = p.attempt;
    DELETE FROM finq.payment p WHERE p.payment_id = ANY (p_payments);
END $$;

-- The consent that a payment's session was exchanged for.
CREATE OR REPLACE FUNCTION finq.payment_consent(p_payment finq.payment) RETURNS uuid
    LANGUAGE sql STABLE
    RETURN coalesce((p_payment).credentials_id, (SELECT s.credentials_id FROM finq.session s WHERE s.session_id = (p_payment).session_id));

CREATE OR REPLACE FUNCTION finq.payment_event(p_payment finq.payment) RETURNS void
    LANGUAGE sql VOLATILE
    RETURN finq.event((p_payment).client_id, (p_payment).session_id, (p_payment).skill_id, 'payment.updated', jsonb_strip_nulls(jsonb_build_object(
        'payment_id', (p_payment).payment_id,
        'credentials_id', finq.payment_consent(p_payment),
        'phase', finq.payment_phase(p_payment))) || jsonb_build_object('status', (p_payment).status));

-- ---------------------------------------------------------------------------------------------------------------------
-- For the server: before a bank is asked, and after
-- ---------------------------------------------------------------------------------------------------------------------

-- Begins an order, before its bank is asked: or finds it, where it was begun before. `outcome` is 'ok', and `attempt` what the bank is to be
-- asked with; 'step_already_submitted' where the session has another order whose fate is not known; 'unique' where one of its references
-- was used in another session, `place` says which, from 1; 'expired_session' where the person was erased, or the session is over. p_payment_id and p_attempt are offers. What is
-- asked first comes to be known here: from this call on the bank may have the order.
CREATE OR REPLACE FUNCTION finq.payment_begin(
    p_client_id uuid, p_session_id uuid, p_skill_id integer, p_step_id uuid, p_connector text, p_payment_id uuid, p_attempt uuid,
    p_order_mac bytea, p_references bytea[], p_data_key bytea, p_tenant_user_id bytea, p_user_mac bytea, p_started_at bigint,
    p_book bytea, p_execution_date text,
    OUT outcome text, OUT place integer, OUT payment_id uuid, OUT attempt uuid, OUT book bytea, OUT version integer)
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET jit = off SET plan_cache_mode = force_generic_plan
    SET enable_seqscan = off
AS $$
#variable_conflict use_column
DECLARE
    v_now     timestamptz := clock_timestamp();
    v_session finq.session;
    v_payment finq.payment;
    v_used    bytea;
BEGIN
    -- an erasure comes before or after: of a session without a row it is known by its person
    PERFORM pg_advisory_xact_lock_shared(finq.person_lock(p_user_mac));
    SELECT s.* INTO v_session FROM finq.session s WHERE s.session_id = p_session_id FOR NO KEY UPDATE;
    IF finq.was_erased(p_client_id, p_user_mac, p_started_at) OR v_session.session_id IS NOT NULL AND v_session.data_key IS NULL OR v_session.is_over THEN
        outcome := 'expired_session';
        RETURN;
    END IF;
    -- one at a time: whoever comes second finds the first one's row
    PERFORM pg_advisory_xact_lock(hashtextextended(p_session_id::text, 0));
    SELECT p.* INTO v_payment FROM finq.payment p WHERE p.session_id = p_session_id AND NOT p.is_released FOR NO KEY UPDATE;
    IF NOT FOUND THEN
        INSERT INTO finq.payment_reference (client_id, mac, session_id)
        SELECT p_client_id, r.mac, p_session_id FROM unnest(p_references) AS r (mac) ORDER BY r.mac
        ON CONFLICT DO NOTHING;
        SELECT r.mac INTO v_used FROM finq.payment_reference r
         WHERE r.client_id = p_client_id AND r.mac = ANY (p_references) AND r.session_id <> p_session_id
         ORDER BY array_position(p_references, r.mac) LIMIT 1;
        IF FOUND THEN
            DELETE FROM finq.payment_reference r WHERE r.client_id = p_client_id AND r.mac = ANY (p_references) AND r.session_id = p_session_id;
            outcome := 'unique';
            place := array_position(p_references, v_used);
            RETURN;
        END IF;
        INSERT INTO finq.payment AS p (payment_id, client_id, session_id, skill_id, step_ids, connector, attempt, order_mac, data_key,
                                  tenant_user_id, user_mac, book, execution_date, asked_at, next_at)
        VALUES (p_payment_id, p_client_id, p_session_id, p_skill_id, ARRAY[p_step_id], p_connector, p_attempt, p_order_mac, p_data_key,
                coalesce(v_session.tenant_user_id, p_tenant_user_id), coalesce(v_session.user_mac, p_user_mac), p_book,
                p_execution_date::date, v_now, v_now + interval '60 seconds')
        RETURNING p.* INTO v_payment;
    ELSIF v_payment.order_mac <> p_order_mac THEN
        outcome := 'step_already_submitted';
        RETURN;
    ELSE -- while it is asked anew nobody asks what became of it
        UPDATE finq.payment p
           SET step_ids = CASE WHEN p_step_id = ANY (p.step_ids) THEN p.step_ids ELSE p.step_ids || p_step_id END,
               next_at = greatest(p.next_at, v_now + interval '60 seconds')
         WHERE p.payment_id = v_payment.payment_id;
    END IF;
    outcome := 'ok';
    payment_id := v_payment.payment_id;
    attempt := v_payment.attempt;
    book := v_payment.book;
    version := v_payment.version;
END $$;
COMMENT ON FUNCTION finq.payment_begin IS 'repeatable';

-- The payment of a session that is not released, if it has one, as finq.payment_begin tells it.
CREATE OR REPLACE FUNCTION finq.payment_of_session(p_session_id uuid, OUT payment_id uuid, OUT attempt uuid, OUT book bytea, OUT version integer)
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET jit = off
AS $$
    SELECT p.payment_id, p.attempt, p.book, p.version FROM finq.payment p WHERE p.session_id = p_session_id AND NOT p.is_released
$$;

-- Keeps what the bank has said of a payment: the book that was made of version p_version, what it says in clear, and the connector's
-- reference where there is a new one. `outcome` is 'ok'; 'again' where the book has changed since: then it is told as it stands; or 'gone',
-- where the payment is no more, or is released and this word would have it go on. Whoever tells the same twice does so once, but where nobody
-- knew any more how the payment stands.
CREATE OR REPLACE FUNCTION finq.payment_tell(
    p_payment_id uuid, p_version integer, p_book bytea, p_phase text, p_status text, p_is_final boolean, p_is_released boolean,
    p_reference bytea, OUT outcome text, OUT book bytea, OUT version integer)
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET jit = off
AS $$
#variable_conflict use_column
DECLARE
    v_now    timestamptz := clock_timestamp();
    v_before finq.payment;
    v_phase  text;
    v_is_new boolean;
    v_after  finq.payment;
BEGIN
    SELECT p.* INTO v_before FROM finq.payment p WHERE p.payment_id = p_payment_id FOR NO KEY UPDATE;
    IF NOT FOUND OR (v_before.is_released AND NOT p_is_released AND v_before.book <> p_book) THEN
        outcome := 'gone';
        RETURN;
    ELSIF v_before.version <> p_version AND v_before.book <> p_book THEN
        outcome := 'again';
        book := v_before.book;
        version := v_before.version;
        RETURN;
    END IF;
    v_phase := finq.payment_phase(v_before);
    v_is_new := v_before.book <> p_book OR v_phase = 'unknown';
    UPDATE finq.payment p
       SET book = p_book, version = v_before.version + 1, phase = p_phase, status = p_status, is_final = p_is_final, is_released = p_is_released,
           reference = coalesce(p_reference, p.reference),
           told_at = CASE WHEN v_is_new THEN v_now ELSE p.told_at END,
           gap = CASE WHEN v_is_new THEN 60 ELSE p.gap END,
           -- what is settled may still be credited
           next_at = CASE WHEN p_is_released OR p_is_final AND p_phase <> 'settled' THEN NULL
                          WHEN v_is_new THEN v_now + interval '60 seconds' ELSE p.next_at END
     WHERE p.payment_id = p_payment_id
    RETURNING p.* INTO v_after;
    IF p_is_released AND NOT v_before.is_released THEN -- afterwards they may be those of the session's next order
        DELETE FROM finq.payment_reference r WHERE r.session_id = v_before.session_id;
    END IF;
    IF (v_after.phase, v_after.status) IS DISTINCT FROM (v_phase, v_before.status) THEN
        PERFORM finq.payment_event(v_after);
    END IF;
    outcome := 'ok';
END $$;
COMMENT ON FUNCTION finq.payment_tell IS 'repeatable';

-- The bank was never asked, or has said that it never will act on the attempt: the order may be another one, and its references are free.
CREATE OR REPLACE FUNCTION finq.payment_release(p_payment_id uuid, OUT was_held boolean)
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET jit = off
AS $$
DECLARE
    v_session_id uuid;
BEGIN
    UPDATE finq.payment p SET is_released = true, next_at = NULL WHERE p.payment_id = p_payment_id AND NOT p.is_released
    RETURNING p.session_id INTO v_session_id;
    was_held := FOUND;
    DELETE FROM finq.payment_reference r WHERE r.session_id = v_session_id;
END $$;
COMMENT ON FUNCTION finq.payment_release IS 'repeatable';

-- The payment that a step of this connector ordered under p_attempt; NULL for any, of which it is the newest. `orders` is how many there are;
-- no payment_id where there is none. p_tenant is the one that is served where it is asked; NULL for any.
CREATE OR REPLACE FUNCTION finq.payment_of_step(
    p_step_id uuid, p_attempt uuid, p_tenant uuid, p_connector text,
    OUT payment_id uuid, OUT session_id uuid, OUT data_key bytea, OUT book bytea, OUT version integer, OUT orders integer)
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET jit = off
AS $$
    SELECT p.payment_id, p.session_id, p.data_key, p.book, p.version, count(*) OVER ()::integer
      FROM finq.payment p
     WHERE p.session_id BETWEEN finq.time_first(p_step_id) AND finq.time_last(p_step_id)
       AND p_step_id = ANY (p.step_ids) AND p.connector = p_connector AND p.client_id = coalesce(p_tenant, p.client_id)
       AND p.attempt = coalesce(p_attempt, p.attempt)
     ORDER BY p.payment_id DESC LIMIT 1
$$;

-- Claims a payment whose bank is to be asked how it stands: of p_session_id, or of whichever is due first; no payment_id where none is. It is due
-- again after a gap that grows, to six hours at most. p_connectors are those of the host that asks, with blanks between; NULL for any.
CREATE OR REPLACE FUNCTION finq.payment_claim(
    p_session_id uuid, p_tenant uuid, p_connectors text, OUT payment_id uuid, OUT client_id uuid, OUT session_id uuid, OUT step_id uuid, OUT skill_id integer,
    OUT connector text, OUT attempt uuid, OUT reference bytea, OUT data_key bytea, OUT book bytea, OUT version integer)
    LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET jit = off
AS $$
    UPDATE finq.payment c SET next_at = clock_timestamp() + c.gap * interval '1 second', gap = least(2 * c.gap, 21600)
     WHERE c.payment_id = (SELECT p.payment_id FROM finq.payment p
                            WHERE p.next_at <= clock_timestamp() AND p.session_id = coalesce(p_session_id, p.session_id)
                              AND p.client_id = coalesce(p_tenant, p.client_id) AND finq.payment_until(p) > clock_timestamp()
                              AND (p_connectors IS NULL OR p.connector = ANY (string_to_array(p_connectors, ' ')))
                            ORDER BY p.next_at LIMIT 1 FOR NO KEY UPDATE SKIP LOCKED)
    RETURNING c.payment_id, c.client_id, c.session_id, c.step_ids[cardinality(c.step_ids)], c.skill_id, c.connector, c.attempt, c.reference,
              c.data_key, c.book, c.version
$$;

-- How the payment of a consent stands: the one of its session that was not given up, else the newest. No payment_id where it has none. `is_due`: its bank may be asked.
CREATE OR REPLACE FUNCTION finq.payment_get(
    p_client_id uuid, p_secret_hash bytea, p_credentials_id uuid, p_access_token_hash bytea,
    OUT outcome text, OUT payment_id uuid, OUT session_id uuid, OUT data_key bytea, OUT book bytea, OUT phase text, OUT is_final boolean,
    OUT is_due boolean, OUT told_at text)
    LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET jit = off
AS $$
#variable_conflict use_column
DECLARE
    v_claim record := finq.data_claim(p_client_id, p_secret_hash, p_credentials_id, p_access_token_hash, 'payment_initiation');
BEGIN
    outcome := v_claim.outcome;
    IF outcome = 'ok' THEN
        SELECT p.payment_id, p.session_id, p.data_key, p.book, finq.payment_phase(p), p.is_final, p.next_at <= clock_timestamp(),
               finq.utc(coalesce(p.told_at, p.asked_at))
          INTO payment_id, session_id, data_key, book, phase, is_final, is_due, told_at
          FROM finq.payment p WHERE p.session_id = (v_claim.consent).session_id ORDER BY p.is_released, p.payment_id DESC LIMIT 1;
    END IF;
END $$;

-- ---------------------------------------------------------------------------------------------------------------------
-- For the operator (finqctl): each answers JSON, and raises P0002 for what is unknown
-- ---------------------------------------------------------------------------------------------------------------------

-- A payment, with the book that the key beside it opens.
CREATE OR REPLACE FUNCTION finq.payment_shown(p_payment finq.payment) RETURNS json
    LANGUAGE sql STABLE
    RETURN json_build_object(
        'payment_id', (p_payment).payment_id, 'client_id', (p_payment).client_id, 'session_id', (p_payment).session_id,
        'credentials_id', finq.payment_consent(p_payment),
        'skill', (SELECT k.name FROM finq.skill k WHERE k.skill_id = (p_payment).skill_id), 'connector', (p_payment).connector,
        'attempt', (p_payment).attempt, 'status', (p_payment).status, 'phase', finq.payment_phase(p_payment), 'final', (p_payment).is_final,
        'released', (p_payment).is_released, 'asked_at', finq.utc((p_payment).asked_at), 'told_at', finq.utc((p_payment).told_at),
        'next_at', finq.utc((p_payment).next_at),
        'tenant_user_id', finq.sealed('tenant_user_id', (p_payment).client_id, NULL, (p_payment).tenant_user_id),
        'data_key', encode((p_payment).data_key, 'hex'),
        'book', finq.sealed('payment', (p_payment).session_id, (p_payment).payment_id, (p_payment).book));

CREATE OR REPLACE FUNCTION finq.payment_show(p_payment_id uuid) RETURNS json
    LANGUAGE plpgsql STABLE
AS $$
DECLARE
    v_payment finq.payment;
BEGIN
    SELECT p.* INTO v_payment FROM finq.payment p WHERE p.payment_id = p_payment_id;
    IF NOT FOUND THEN
        RAISE no_data_found USING MESSAGE = format('No payment has the id %s.', p_payment_id);
    END IF;
    RETURN finq.payment_shown(v_payment);
END $$;

-- Newest first: their ids tell the time, and bound how far back is looked.
CREATE OR REPLACE FUNCTION finq.payment_list(p_client_id uuid, p_phase text, p_session_id uuid, p_since timestamptz, p_before uuid,
                                             p_limit integer) RETURNS json
    LANGUAGE plpgsql STABLE
AS $$
BEGIN
    IF p_client_id IS NOT NULL THEN
        PERFORM finq.tenant_row(p_client_id);
    END IF;
    RETURN (SELECT coalesce(json_agg(json_build_object(
                       'payment_id', l.payment_id, 'client_id', l.client_id, 'tenant', t.name, 'session_id', l.session_id, 'skill', k.name,
                       'connector', l.connector, 'status', l.status, 'phase', finq.payment_phase(l), 'final', l.is_final,
                       'asked_at', finq.utc(l.asked_at), 'told_at', finq.utc(l.told_at),
                       'tenant_user_id', finq.sealed('tenant_user_id', l.client_id, NULL, l.tenant_user_id), 'data_key', encode(l.data_key, 'hex'))
                       ORDER BY l.payment_id DESC), '[]')
              FROM (SELECT p.* FROM finq.payment p
                     WHERE p.payment_id >= finq.first_id(p_at => coalesce(p_since, clock_timestamp() - interval '7 days'))
                       AND (p_before IS NULL OR p.payment_id < p_before)
                       AND (p_client_id IS NULL OR p.client_id = p_client_id)
                       AND (p_session_id IS NULL OR p.session_id = p_session_id)
                       AND (p_phase IS NULL OR finq.payment_phase(p) = p_phase)
                     ORDER BY p.payment_id DESC LIMIT coalesce(p_limit, 100)) l
              JOIN finq.tenant t ON t.client_id = l.client_id
              JOIN finq.skill k ON k.skill_id = l.skill_id);
END $$;

-- ---------------------------------------------------------------------------------------------------------------------
-- The janitor's
-- ---------------------------------------------------------------------------------------------------------------------

-- Payments of which nothing is heard any more: nobody asks on.
CREATE OR REPLACE FUNCTION finq.janitor_give_up_payments() RETURNS integer
    LANGUAGE plpgsql
AS $$
DECLARE
    v_done    integer := 0;
    v_payment finq.payment;
BEGIN
    FOR v_payment IN
        UPDATE finq.payment p SET next_at = NULL
         WHERE p.payment_id IN (SELECT o.payment_id FROM finq.payment o
                                 WHERE o.next_at IS NOT NULL AND finq.payment_until(o) <= clock_timestamp()
                                 ORDER BY o.next_at LIMIT finq.janitor_batch_rows() FOR NO KEY UPDATE SKIP LOCKED)
        RETURNING p.* LOOP
        IF NOT v_payment.is_final THEN
            PERFORM finq.payment_event(v_payment);
        END IF;
        v_done := v_done + 1;
    END LOOP;
    RETURN v_done;
END $$;

-- Payments that are over: those that have outlasted a consent's data at once, and those whose session is no more, or never came to be,
-- p_retention seconds after they were begun. Those that a consent has are looked at no more from then on: they go with its data.
CREATE OR REPLACE FUNCTION finq.janitor_remove_payments(p_retention integer) RETURNS integer
    LANGUAGE plpgsql
AS $$
DECLARE
    v_until   timestamptz := clock_timestamp() - p_retention * interval '1 second';
    v_over    uuid[] := ARRAY(SELECT p.payment_id FROM finq.payment p WHERE p.credentials_id IS NOT NULL AND p.next_at IS NULL
                               ORDER BY p.payment_id LIMIT finq.janitor_batch_rows() FOR UPDATE SKIP LOCKED);
    v_done    integer := cardinality(v_over);
    v_payment finq.payment;
BEGIN
    PERFORM finq.payments_remove(v_over);
    FOR v_payment IN
        SELECT p.* FROM finq.payment p
         WHERE NOT p.kept AND p.asked_at <= v_until AND p.next_at IS NULL
           AND NOT EXISTS (SELECT FROM finq.session s WHERE s.session_id = p.session_id AND s.credentials_id IS NULL)
         ORDER BY p.asked_at LIMIT finq.janitor_batch_rows() FOR UPDATE SKIP LOCKED LOOP
        IF EXISTS (SELECT FROM finq.session s WHERE s.session_id = v_payment.session_id) THEN
            UPDATE finq.payment p SET kept = true WHERE p.payment_id = v_payment.payment_id;
        ELSE
            PERFORM finq.payments_remove(ARRAY[v_payment.payment_id]);
        END IF;
        v_done := v_done + 1;
    END LOOP;
    RETURN v_done;
END $$;
