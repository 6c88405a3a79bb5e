-- Persons: what is held of one, and its end (contract section 15). Each is found by the HMACs of the tenant's own id of them, under
-- each key of the data-key file, by index; who has no such id is known by a consent (p_credentials_id, else NULL), of whose id the
-- HMACs are then.

CREATE OR REPLACE FUNCTION finq.person_consents(p_client_id uuid, p_user_macs bytea[], p_credentials_id uuid) RETURNS SETOF uuid
    LANGUAGE sql STABLE
BEGIN ATOMIC
    SELECT c.credentials_id FROM finq.credential c WHERE c.client_id = p_client_id AND c.user_mac = ANY (p_user_macs)
    UNION
    SELECT c.credentials_id FROM finq.credential c WHERE c.client_id = p_client_id AND c.credentials_id = p_credentials_id;
END;

CREATE OR REPLACE FUNCTION finq.person_sessions(p_client_id uuid, p_user_macs bytea[], p_consents uuid[]) RETURNS SETOF uuid
    LANGUAGE sql STABLE
BEGIN ATOMIC
    SELECT s.session_id FROM finq.session s WHERE s.client_id = p_client_id AND s.user_mac = ANY (p_user_macs)
    UNION
    SELECT s.session_id FROM unnest(p_consents) AS c (id) JOIN finq.session s ON s.credentials_id = c.id
    UNION
    SELECT s.session_id FROM unnest(p_consents) AS c (id) JOIN finq.session s ON s.renews = c.id;
END;

-- The pages that lead a person through an onboarding.
CREATE OR REPLACE FUNCTION finq.person_pages(p_client_id uuid, p_user_macs bytea[], p_sessions uuid[]) RETURNS SETOF uuid
    LANGUAGE sql STABLE
BEGIN ATOMIC
    SELECT p.page_id FROM finq.page p WHERE p.client_id = p_client_id AND p.user_mac = ANY (p_user_macs)
    UNION
    SELECT p.page_id FROM finq.page p WHERE p.session_id = ANY (p_sessions);
END;

-- The payments of a person's sessions, and orders whose session never came to be, or is no more.
CREATE OR REPLACE FUNCTION finq.person_payments(p_client_id uuid, p_user_macs bytea[], p_consents uuid[], p_sessions uuid[]) RETURNS SETOF uuid
    LANGUAGE sql STABLE
BEGIN ATOMIC
    SELECT p.payment_id FROM finq.payment p WHERE p.client_id = p_client_id AND p.user_mac = ANY (p_user_macs)
    UNION
    SELECT p.payment_id FROM finq.payment p WHERE p.session_id = ANY (p_sessions)
    UNION
    SELECT p.payment_id FROM finq.credential c JOIN finq.payment p ON p.session_id = c.session_id WHERE c.credentials_id = ANY (p_consents);
END;

-- Account data come for a session, and are a consent's once that is exchanged.
CREATE OR REPLACE FUNCTION finq.person_feeds(p_consents uuid[], p_sessions uuid[]) RETURNS TABLE (credentials_id uuid, data_key bytea)
    LANGUAGE sql STABLE
BEGIN ATOMIC
    SELECT f.credentials_id, coalesce(c.data_key, s.data_key)
      FROM (SELECT o.credentials_id, o.session_id FROM finq.feed o WHERE o.credentials_id = ANY (p_consents)
            UNION
            SELECT o.credentials_id, o.session_id FROM finq.feed o WHERE o.session_id = ANY (p_sessions)) f
      LEFT JOIN finq.credential c ON c.credentials_id = f.credentials_id
      LEFT JOIN finq.session s ON s.session_id = f.session_id;
END;

-- ---------------------------------------------------------------------------------------------------------------------
-- What is held: part by part, and of each so many rows at once as a call has time for
-- ---------------------------------------------------------------------------------------------------------------------

-- The rows of a part behind the key p_after (NULL: from the first on), in the order of their keys. What is sealed is told as finq.sealed does.
CREATE OR REPLACE FUNCTION finq.person_rows(p_client_id uuid, p_user_macs bytea[], p_credentials_id uuid, p_part text, p_after text,
                                            p_limit integer)
    RETURNS TABLE (key text, shown json)
    LANGUAGE plpgsql STABLE
AS $$
DECLARE
    v_id       uuid := coalesce(split_part(p_after, '/', 1), '00000000-0000-0000-0000-000000000000');
    v_behind   text := nullif(split_part(p_after, '/', 2), '');
    v_consents uuid[] := ARRAY(SELECT finq.person_consents(p_client_id, p_user_macs, p_credentials_id));
    v_sessions uuid[] := ARRAY(SELECT finq.person_sessions(p_client_id, p_user_macs, v_consents));
BEGIN
    CASE p_part
    WHEN 'sessions' THEN
        RETURN QUERY
            SELECT i.id::text, finq.session_show(i.id) FROM unnest(v_sessions) AS i (id)
             WHERE i.id > v_id ORDER BY i.id LIMIT p_limit;
    WHEN 'consents' THEN
        RETURN QUERY
            SELECT c.credentials_id::text, finq.consent_shown(c) FROM finq.credential c
             WHERE c.credentials_id = ANY (v_consents) AND c.credentials_id > v_id ORDER BY c.credentials_id LIMIT p_limit;
    WHEN 'accounts' THEN
        RETURN QUERY
            SELECT a.credentials_id || '/' || a.account_id, json_build_object(
                       'credentials_id', a.credentials_id, 'id', a.account_id, 'timestamp', finq.utc(a.refreshed_at),
                       'data_key', encode(f.data_key, 'hex'),
                       'data', finq.sealed_beside('account', a.credentials_id, a.mac, a.details, json_build_object(
                                   'balances', finq.account_balances(a.credentials_id, a.account_id), 'account_type', a.account_type,
                                   'account_sub_type', a.account_sub_type, 'currency', a.currency)))
              FROM finq.person_feeds(v_consents, v_sessions) f
             CROSS JOIN LATERAL (
                   SELECT o.*, e.refreshed_at FROM finq.account o JOIN finq.feed e ON e.credentials_id = o.credentials_id
                    WHERE o.credentials_id = f.credentials_id AND (f.credentials_id > v_id OR o.account_id > v_behind::uuid)
                    ORDER BY o.account_id LIMIT p_limit) a
             WHERE f.credentials_id >= v_id ORDER BY a.credentials_id, a.account_id LIMIT p_limit;
    WHEN 'transactions' THEN -- in all versions that are kept
        RETURN QUERY
            SELECT t.credentials_id || '/' || t.seq, json_build_object(
                       'credentials_id', t.credentials_id, 'account_id', t.account_id, 'id', t.transaction_id,
                       'timestamp', finq.utc(t.stored_at), 'ended_at', finq.utc(t.ended_at),
                       'utx_id', encode(finq.utx_id(t.mac, t.ordinal), 'base64'),
                       'data_key', encode(f.data_key, 'hex'),
                       'data', json_build_object(
                                   'amount', t.amount::text, 'balance', t.balance::text, 'booking_date_time', finq.utc(t.booked_at),
                                   'credit_debit_indicator', CASE WHEN t.is_credit THEN 'credit' ELSE 'debit' END, 'currency', t.currency,
                                   'info', finq.sealed_beside('transaction', t.credentials_id, t.mac, t.info, NULL),
                                   'status', CASE WHEN t.is_booked THEN 'booked' ELSE 'pending' END, 'details', NULL, 'exchange_rate', NULL))
              FROM finq.person_feeds(v_consents, v_sessions) f
             CROSS JOIN LATERAL (
                   SELECT o.* FROM finq.transaction o
                    WHERE o.credentials_id = f.credentials_id
                      AND o.seq > CASE WHEN f.credentials_id = v_id THEN v_behind::bigint ELSE 0 END
                    ORDER BY o.seq LIMIT p_limit) t
             WHERE f.credentials_id >= v_id ORDER BY t.credentials_id, t.seq LIMIT p_limit;
    WHEN 'payments' THEN
        RETURN QUERY
            SELECT p.payment_id::text, finq.payment_shown(p)
              FROM finq.payment p
             WHERE p.payment_id IN (SELECT finq.person_payments(p_client_id, p_user_macs, v_consents, v_sessions)) AND p.payment_id > v_id
             ORDER BY p.payment_id LIMIT p_limit;
    WHEN 'pages' THEN
        RETURN QUERY
            SELECT p.page_id::text, json_build_object(
                       'page_id', p.page_id, 'skill', k.name, 'language', p.language, 'session_id', p.session_id,
                       'data_key', encode(p.data_key, 'hex'), 'prefill', finq.sealed('prefill', p.page_id, p.page_id, p.prefill),
                       'return_link', finq.sealed('return_link', p.page_id, p.page_id, p.return_link),
                       'created_at', finq.utc(p.created_at), 'expires_at', finq.utc(p.expires_at))
              FROM finq.page p JOIN finq.skill k ON k.skill_id = p.skill_id
             WHERE p.page_id IN (SELECT finq.person_pages(p_client_id, p_user_macs, v_sessions)) AND p.page_id > v_id
             ORDER BY p.page_id LIMIT p_limit;
    WHEN 'events' THEN -- each is in one of two indexes
        RETURN QUERY
            SELECT v_id || '/' || o.event_id, o.payload
              FROM (SELECT unnest(v_sessions)
                    UNION -- an order may have outlasted its session
                    SELECT p.session_id FROM finq.payment p
                     WHERE p.payment_id IN (SELECT finq.person_payments(p_client_id, p_user_macs, v_consents, v_sessions))) AS i (id)
             CROSS JOIN LATERAL (
                   SELECT w.event_id, w.payload FROM finq.outbox w
                    WHERE w.session_id = i.id AND w.state = 'WAITING' AND w.event_id > coalesce(v_behind::bigint, 0)
                   UNION ALL
                   SELECT w.event_id, w.payload FROM finq.outbox w
                    WHERE w.session_id = i.id AND w.state <> 'WAITING' AND w.event_id > coalesce(v_behind::bigint, 0)) o
             ORDER BY o.event_id LIMIT p_limit;
    WHEN 'documents' THEN -- their bytes are files
        RETURN QUERY
            SELECT u.upload_id::text, json_build_object(
                       'upload_id', u.upload_id, 'session_id', e.session_id, 'step_id', e.step_id, 'document', u.document, 'size', u.size,
                       'sha256', encode(u.sha256, 'hex'), 'media_type', u.media_type, 'uploaded_at', finq.utc(u.uploaded_at))
              FROM unnest(v_sessions) AS i (id)
             CROSS JOIN finq.steps_of(i.id) e
              JOIN finq.upload u ON u.step_id = e.step_id
             WHERE u.upload_id > v_id ORDER BY u.upload_id LIMIT p_limit;
    END CASE;
END $$;

-- A page of a part: {rows, next}, where `next` is behind which key the next page begins, null where there is none.
CREATE OR REPLACE FUNCTION finq.person_page(p_client_id uuid, p_user_macs bytea[], p_credentials_id uuid, p_part text, p_after text)
    RETURNS json
    LANGUAGE plpgsql STABLE
AS $$
DECLARE
    v_limit  integer := CASE p_part WHEN 'sessions' THEN 20 ELSE 500 END;
    v_tenant finq.tenant := finq.tenant_row(p_client_id);
BEGIN
    RETURN (SELECT json_build_object(
                       'rows', coalesce(json_agg(r.shown ORDER BY r.place), '[]'),
                       'next', CASE WHEN count(*) = v_limit THEN (array_agg(r.key ORDER BY r.place DESC))[1] END)
              FROM finq.person_rows(v_tenant.client_id, p_user_macs, p_credentials_id, p_part, p_after, v_limit)
                   WITH ORDINALITY AS r (key, shown, place));
END $$;

-- ---------------------------------------------------------------------------------------------------------------------
-- The end
-- ---------------------------------------------------------------------------------------------------------------------

-- What is left of a session: that there was one, and that it has expired, so that who still holds a token of it is told so, for as
-- long as the token lives; and which consent it would have renewed, where p_renews says so (NULL: nothing of a person).
CREATE OR REPLACE FUNCTION finq.session_empty(p_session_id uuid, p_renews uuid) RETURNS void
    LANGUAGE plpgsql
AS $$
DECLARE
    v_session finq.session;
BEGIN
    SELECT s.* INTO v_session FROM finq.session s WHERE s.session_id = p_session_id FOR UPDATE;
    UPDATE finq.session s SET data_key = NULL WHERE s.session_id = p_session_id; -- first: what it has sealed is nothing any more
    PERFORM finq.sessions_data_remove(ARRAY[p_session_id]);
    UPDATE finq.session s
       SET status = 'SESSION_EXPIRED', is_over = true, updated_at = clock_timestamp(), waits_for = NULL,
           expires_at = greatest(s.expires_at, s.answer_expires_at, s.started_at + interval '1 day', clock_timestamp()),
           tenant_user_id = NULL, user_mac = NULL, credentials_id = NULL, renews = p_renews, exchange_salt = NULL, reply = NULL, reply_reasons = NULL, told = NULL,
           reasons = NULL, own_reasons = NULL, return_link = NULL, returned = NULL, returned_hash = NULL, step_body_hash = ''
     WHERE s.session_id = p_session_id;
    IF v_session.status IN ('SESSION_IN_PROGRESS', 'SESSION_PENDING') THEN
        PERFORM finq.session_event(v_session.client_id, p_session_id, v_session.skill_id, 'SESSION_EXPIRED', v_session.step_id);
    END IF;
END $$;

-- What a receipt says.
CREATE OR REPLACE FUNCTION finq.erasure_told(p_erasure finq.erasure) RETURNS json
    LANGUAGE sql STABLE
    RETURN json_build_object('id', (p_erasure).erasure_id, 'user', encode((p_erasure).user_mac, 'hex'),
                             'at', finq.seconds((p_erasure).erased_at), 'counts', (p_erasure).counts);

-- The last erasure of somebody within 30 days.
CREATE OR REPLACE FUNCTION finq.erasure_last(p_client_id uuid, p_user_macs bytea[]) RETURNS finq.erasure
    LANGUAGE plpgsql STABLE
AS $$
DECLARE
    v_erasure finq.erasure;
BEGIN
    SELECT e.* INTO v_erasure FROM finq.erased_user u JOIN finq.erasure e ON e.erasure_id = u.erasure_id
     WHERE u.client_id = p_client_id AND u.user_mac = ANY (p_user_macs) AND e.erased_at > clock_timestamp() - interval '30 days'
     ORDER BY e.erased_at DESC LIMIT 1;
    RETURN v_erasure;
END $$;

-- How much there is of a person, by kind.
CREATE OR REPLACE FUNCTION finq.person_counts(p_consents uuid[], p_sessions uuid[]) RETURNS jsonb
    LANGUAGE sql STABLE
BEGIN ATOMIC
    SELECT jsonb_build_object('sessions', cardinality(p_sessions), 'steps', count(DISTINCT e.step_id), 'documents', count(u.upload_id),
                              'consents', cardinality(p_consents),
                              'accounts', (SELECT count(*) FROM finq.person_feeds(p_consents, p_sessions) f
                                             JOIN finq.account a ON a.credentials_id = f.credentials_id),
                              'transactions', (SELECT count(DISTINCT t.transaction_id) FROM finq.person_feeds(p_consents, p_sessions) f
                                                 JOIN finq.transaction t ON t.credentials_id = f.credentials_id))
      FROM unnest(p_sessions) AS i (id)
     CROSS JOIN finq.steps_of(i.id) e
      LEFT JOIN finq.upload u ON u.step_id = e.step_id;
END;

-- The consents of a person, locked.
CREATE OR REPLACE FUNCTION finq.person_consents_lock(p_client_id uuid, p_user_macs bytea[], p_credentials_id uuid) RETURNS uuid[]
    LANGUAGE sql VOLATILE
    RETURN ARRAY(SELECT c.credentials_id FROM finq.credential c
                  WHERE c.credentials_id = ANY (ARRAY(SELECT finq.person_consents(p_client_id, p_user_macs, p_credentials_id)))
                  ORDER BY c.credentials_id FOR UPDATE);

-- Erases a person, and answers the receipt's facts: {id, user, at, counts}. The first of p_user_macs stands in the receipt. Where
-- nothing is held of them any more, and they were erased within 30 days, the answer is that of then. p_access_token_hash is of whom the
-- tenant has no id of: by it they are known when the same is asked again.
CREATE OR REPLACE FUNCTION finq.person_erase(p_client_id uuid, p_user_macs bytea[], p_credentials_id uuid, p_access_token_hash bytea)
    RETURNS json
    LANGUAGE plpgsql
AS $$
DECLARE
    v_tenant   finq.tenant := finq.tenant_row(p_client_id);
    v_consents uuid[];
    v_sessions uuid[];
    v_pages    uuid[];
    v_payments uuid[];
    v_erasure  finq.erasure;
BEGIN
    -- a first step of theirs has been taken, and is seen from here on, or finds them erased
    PERFORM pg_advisory_xact_lock(finq.person_lock(m.mac)) FROM (SELECT u.mac FROM unnest(p_user_macs) AS u (mac) ORDER BY u.mac) m;
    v_consents := finq.person_consents_lock(v_tenant.client_id, p_user_macs, p_credentials_id);
    v_sessions := ARRAY(SELECT i.id FROM finq.person_sessions(p_client_id, p_user_macs, v_consents) AS i (id) ORDER BY i.id);
    v_pages := ARRAY(SELECT p.page_id FROM finq.page p WHERE p.page_id IN (SELECT finq.person_pages(p_client_id, p_user_macs, v_sessions))
                      ORDER BY p.page_id FOR UPDATE);
    PERFORM FROM finq.session s WHERE s.session_id = ANY (v_sessions) ORDER BY s.session_id FOR UPDATE;
    -- what was exchanged before they were locked
    v_consents := finq.person_consents_lock(v_tenant.client_id, p_user_macs, p_credentials_id);
    v_payments := ARRAY(SELECT p.payment_id FROM finq.payment p WHERE p.payment_id IN (SELECT finq.person_payments(p_client_id, p_user_macs, v_consents, v_sessions))
                         ORDER BY p.payment_id FOR UPDATE);
    IF (v_consents || v_sessions || v_pages || v_payments) = '{}' THEN
        v_erasure := finq.erasure_last(p_client_id, p_user_macs);
    END IF;
    IF v_erasure.erasure_id IS NULL THEN
        INSERT INTO finq.erasure AS e (client_id, user_mac, access_token_hash, erased_at, counts)
        VALUES (p_client_id, p_user_macs[1], p_access_token_hash, clock_timestamp(),
                finq.person_counts(v_consents, v_sessions) || jsonb_build_object('payments', cardinality(v_payments), 'pages', cardinality(v_pages)))
        RETURNING e.* INTO v_erasure;
        INSERT INTO finq.erased_user AS u (client_id, user_mac, erasure_id, erased_at)
        SELECT p_client_id, m.mac, v_erasure.erasure_id, v_erasure.erased_at FROM unnest(p_user_macs) AS m (mac)
        ON CONFLICT (client_id, user_mac) DO UPDATE SET erasure_id = excluded.erasure_id, erased_at = excluded.erased_at;
        DELETE FROM finq.page p WHERE p.page_id = ANY (v_pages);
        PERFORM finq.payments_remove(v_payments); -- orders whose session never came to be, too
        PERFORM finq.consent_end(i.id, 0) FROM unnest(v_consents) AS i (id);
        PERFORM finq.feed_remove(f.credentials_id) FROM finq.person_feeds(v_consents, v_sessions) f;
        PERFORM finq.session_empty(i.id, NULL) FROM unnest(v_sessions) AS i (id);
        DELETE FROM finq.credential c WHERE c.credentials_id = ANY (v_consents);
        INSERT INTO finq.audit (object, action, client_id, detail)
        VALUES ('person', 'DELETE', p_client_id, jsonb_build_object('erasure_id', v_erasure.erasure_id, 'counts', v_erasure.counts));
    END IF;
    RETURN finq.erasure_told(v_erasure);
END $$;

-- The consent by which the operator names somebody; NULL where they are named by the tenant's own id.
CREATE OR REPLACE FUNCTION finq.person_named(p_client_id uuid, p_user_macs bytea[], p_credentials_id uuid) RETURNS uuid
    LANGUAGE plpgsql STABLE
AS $$
DECLARE
    v_user bytea;
BEGIN
    IF p_credentials_id IS NULL THEN
        RETURN NULL;
    END IF;
    SELECT c.tenant_user_id INTO v_user FROM finq.credential c WHERE c.client_id = p_client_id AND c.credentials_id = p_credentials_id;
    IF NOT FOUND AND (finq.erasure_last(p_client_id, p_user_macs)).erasure_id IS NULL THEN
        RAISE no_data_found USING MESSAGE = format('The tenant %s has no consent with the credentials_id %s.', p_client_id, p_credentials_id);
    ELSIF v_user IS NOT NULL THEN
        RAISE raise_exception USING MESSAGE = 'The consent is of somebody of whom the tenant has an id: name them by that.',
            HINT = 'finqctl consent show tells it.';
    END IF;
    RETURN p_credentials_id;
END $$;

-- ---------------------------------------------------------------------------------------------------------------------
-- For the server: one call a request, or a page
-- ---------------------------------------------------------------------------------------------------------------------

-- Whether a tenant may ask about a person: by its own id of them, else by a consent. 'person_has_id': the consent is of somebody whom
-- the tenant has an id of.
CREATE OR REPLACE FUNCTION finq.person_claim(p_client_id uuid, p_secret_hash bytea, p_credentials_id uuid, p_access_token_hash bytea)
    RETURNS text
    LANGUAGE plpgsql
AS $$
DECLARE
    v_outcome text := finq.key_claim(p_client_id, 'SECRET', p_secret_hash);
    v_named   record;
BEGIN
    IF v_outcome = 'ok' AND p_credentials_id IS NOT NULL THEN
        v_named := finq.consent_named(p_client_id, p_credentials_id, p_access_token_hash, NULL);
        v_outcome := CASE WHEN v_named.outcome = 'ok' AND (v_named.consent).tenant_user_id IS NOT NULL THEN 'person_has_id'
                          ELSE v_named.outcome END;
    END IF;
    RETURN v_outcome;
END $$;

CREATE OR REPLACE FUNCTION finq.user_export(
    p_client_id uuid, p_secret_hash bytea, p_user_macs bytea[], p_credentials_id uuid, p_access_token_hash bytea, p_part text,
    p_after text, OUT outcome text, OUT page text)
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET jit = off
AS $$
BEGIN
    outcome := finq.person_claim(p_client_id, p_secret_hash, p_credentials_id, p_access_token_hash);
    IF outcome = 'ok' THEN
        page := finq.person_page(p_client_id, p_user_macs, p_credentials_id, p_part, p_after)::text;
    END IF;
END $$;
COMMENT ON FUNCTION finq.user_export IS 'repeatable';

-- `claims` is what finq.person_erase answers. Of a consent that was erased nothing is left but what its erasure keeps.
CREATE OR REPLACE FUNCTION finq.user_erase(
    p_client_id uuid, p_secret_hash bytea, p_user_macs bytea[], p_credentials_id uuid, p_access_token_hash bytea,
    OUT outcome text, OUT claims text)
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET jit = off
AS $$
DECLARE
    v_before finq.erasure;
BEGIN
    outcome := finq.person_claim(p_client_id, p_secret_hash, p_credentials_id, p_access_token_hash);
    IF outcome = 'ok' THEN
        claims := finq.person_erase(p_client_id, p_user_macs, p_credentials_id, p_access_token_hash)::text;
    ELSIF outcome = 'invalid_credentials_id' THEN
        v_before := finq.erasure_last(p_client_id, p_user_macs);
        IF finq.same_hash(v_before.access_token_hash, p_access_token_hash) THEN
            outcome := 'ok';
            claims := finq.erasure_told(v_before)::text;
        END IF;
    END IF;
END $$;
COMMENT ON FUNCTION finq.user_erase IS 'repeatable';
