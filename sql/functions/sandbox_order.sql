-- The sandbox bank's ledger of payment orders.

-- The bank's calendar.
CREATE OR REPLACE FUNCTION finq.sandbox_now() RETURNS timestamptz
    LANGUAGE sql
    RETURN (SELECT clock_timestamp() + s.days * interval '1 day' FROM finq.sandbox s);

-- How an order stands. 'unknown' is one that the bank was never told of.
CREATE OR REPLACE FUNCTION finq.sandbox_order_shown(p_attempt uuid, p_request_id uuid) RETURNS finq.sandbox_order_answer
    LANGUAGE plpgsql
AS $$
DECLARE
    v_answer finq.sandbox_order_answer;
BEGIN
    SELECT 'ok', o.decision, finq.seconds(o.authorised_at), finq.seconds(finq.sandbox_now()), o.transfers, o.sealed,
           o.decision IS NULL AND o.page_until > clock_timestamp(), coalesce(o.first_request = p_request_id, false)
      INTO v_answer FROM finq.sandbox_order o WHERE o.attempt = p_attempt;
    v_answer.outcome := coalesce(v_answer.outcome, 'unknown');
    RETURN v_answer;
END $$;

-- ---------------------------------------------------------------------------------------------------------------------
-- For the server: one call a request
-- ---------------------------------------------------------------------------------------------------------------------

-- Takes an order into the ledger, once for each attempt, for a visit of p_seconds; with none it is authorised at once. Told again it
-- waits anew, if it is still open. 'conflict' where the attempt is another order's. Sealed rests of visits that nobody made go.
CREATE OR REPLACE FUNCTION finq.sandbox_order_take(p_attempt uuid, p_session_id uuid, p_message_id text, p_body_hash bytea, p_transfers text,
                                                   p_sealed bytea, p_seconds integer, p_request_id uuid) RETURNS finq.sandbox_order_answer
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET jit = off
AS $$
#variable_conflict use_column
DECLARE
    v_answer finq.sandbox_order_answer;
BEGIN
    INSERT INTO finq.sandbox_order AS o (attempt, session_id, message_id, body_hash, transfers, sealed, page_until, decision, authorised_at,
                                         first_request)
    VALUES (p_attempt, p_session_id, p_message_id, p_body_hash, p_transfers, CASE WHEN p_seconds > 0 THEN p_sealed END,
            clock_timestamp() + p_seconds * interval '1 second', CASE WHEN p_seconds = 0 THEN 'authorised' END,
            CASE WHEN p_seconds = 0 THEN finq.sandbox_now() END, CASE WHEN p_seconds = 0 THEN p_request_id END)
    ON CONFLICT (attempt) DO UPDATE
        SET sealed = excluded.sealed, page_until = excluded.page_until, decision = excluded.decision, authorised_at = excluded.authorised_at,
            first_request = excluded.first_request
        WHERE o.decision IS NULL AND o.body_hash = excluded.body_hash;
    UPDATE finq.sandbox_order o SET sealed = NULL
     WHERE o.sealed IS NOT NULL AND o.page_until < clock_timestamp() AND o.attempt <> p_attempt;
    v_answer := finq.sandbox_order_shown(p_attempt, p_request_id);
    IF EXISTS (SELECT FROM finq.sandbox_order o WHERE o.attempt = p_attempt AND o.body_hash <> p_body_hash) THEN
        v_answer.outcome := 'conflict';
    END IF;
    RETURN v_answer;
END $$;
COMMENT ON FUNCTION finq.sandbox_order_take IS 'repeatable';

-- What its user decides on the order's page, while that is open: 'authorised', in p_seconds, or 'cancelled'. The first decision stands.
CREATE OR REPLACE FUNCTION finq.sandbox_order_decide(p_attempt uuid, p_decision text, p_seconds integer, p_account text)
    RETURNS finq.sandbox_order_answer
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET jit = off
AS $$
#variable_conflict use_column
BEGIN
    UPDATE finq.sandbox_order o
       SET decision = p_decision, account = p_account, sealed = NULL,
           authorised_at = CASE WHEN p_decision = 'authorised' THEN finq.sandbox_now() + p_seconds * interval '1 second' END
     WHERE o.attempt = p_attempt AND o.decision IS NULL AND o.page_until > clock_timestamp();
    RETURN finq.sandbox_order_shown(p_attempt, NULL);
END $$;
COMMENT ON FUNCTION finq.sandbox_order_decide IS 'repeatable';

-- An order, for p_event: 'page' looks; 'return' closes one that its user has not decided on; 'payment' asks how it stands, and closes one
-- whose page is over; 'later' authorises now what its user would later. What is closed, and what is asked about before it came, the bank never acts on. The first return behind an
-- authorisation is known again by its p_request_id.
CREATE OR REPLACE FUNCTION finq.sandbox_order_look(p_attempt uuid, p_event text, p_request_id uuid) RETURNS finq.sandbox_order_answer
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET jit = off
AS $$
#variable_conflict use_column
BEGIN
    IF p_event = 'payment' THEN
        INSERT INTO finq.sandbox_order (attempt, decision) VALUES (p_attempt, 'never') ON CONFLICT (attempt) DO NOTHING;
    END IF;
    UPDATE finq.sandbox_order o SET decision = 'cancelled', sealed = NULL
     WHERE o.attempt = p_attempt AND o.decision IS NULL AND (p_event = 'return' OR p_event = 'payment' AND o.page_until <= clock_timestamp());
    UPDATE finq.sandbox_order o SET authorised_at = finq.sandbox_now()
     WHERE o.attempt = p_attempt AND p_event = 'later' AND o.authorised_at > finq.sandbox_now();
    UPDATE finq.sandbox_order o SET first_request = p_request_id
     WHERE o.attempt = p_attempt AND p_event = 'return' AND o.authorised_at <= finq.sandbox_now() AND o.first_request IS NULL;
    RETURN finq.sandbox_order_shown(p_attempt, p_request_id);
END $$;
COMMENT ON FUNCTION finq.sandbox_order_look IS 'repeatable';

-- ---------------------------------------------------------------------------------------------------------------------
-- For the operator (finqctl): each answers JSON
-- ---------------------------------------------------------------------------------------------------------------------

-- The ledger, newest orders first; `authorised_at` and `now` in seconds of the bank's calendar.
CREATE OR REPLACE FUNCTION finq.sandbox_ledger(p_message_id text, p_limit integer) RETURNS json
    LANGUAGE sql STABLE
    RETURN (SELECT coalesce(json_agg(l.shown), '[]')
              FROM (SELECT json_build_object(
                               'attempt', o.attempt, 'session_id', o.session_id, 'message_id', o.message_id,
                               'ordered_at', finq.utc(o.ordered_at), 'decision', o.decision, 'account', o.account,
                               'authorised_at', finq.seconds(o.authorised_at), 'now', finq.seconds(finq.sandbox_now()),
                               'transfers', o.transfers::json) AS shown
                      FROM finq.sandbox_order o
                     WHERE p_message_id IS NULL OR o.message_id = p_message_id
                     ORDER BY o.ordered_at DESC, o.attempt
                     LIMIT coalesce(p_limit, 100)) l);
