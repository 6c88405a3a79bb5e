-- Feeds: what the banks of consents are asked with, and how what they tell is stored. One refresh of a feed at a time, by a claim
-- in its row; nothing is locked while the bank thinks, and who was overtaken meanwhile stores nothing.

-- So long it is left to the return from the bank, or the exchange, to ask for all; then the refresher does.
CREATE OR REPLACE FUNCTION finq.feed_patience() RETURNS interval
    LANGUAGE sql IMMUTABLE
    RETURN interval '5 minutes';

-- When a feed's bank is asked again while nobody waits: one refresh of those that it allows in 24 hours is left to who does. Feeds are
-- spread over a quarter more of that time, by their ids: with less between them, all that it allows would fall into some 24 hours.
CREATE OR REPLACE FUNCTION finq.feed_next(p_credentials_id uuid, p_frequency integer) RETURNS timestamptz
    LANGUAGE sql VOLATILE
    RETURN CASE WHEN p_frequency > 0 THEN
        clock_timestamp() + interval '24 hours' / greatest(p_frequency - 1, 1) * (1 + (hashtext(p_credentials_id::text) & 255) / 1024.0) END;

-- When the bank of a feed allows a refresh again that nobody attends; in the past where it does now. It allows some.
CREATE OR REPLACE FUNCTION finq.feed_allowed_at(p_feed finq.feed) RETURNS timestamptz
    LANGUAGE sql STABLE
    RETURN CASE WHEN cardinality((p_feed).refreshes) < (p_feed).frequency THEN '-infinity'
                ELSE (p_feed).refreshes[cardinality((p_feed).refreshes) - (p_feed).frequency + 1] + interval '24 hours' END;

-- Keeps what a connector has accepted a session's user with, in the place of what it had before: a refresh that is under way with that ends.
-- The session may have no row yet: its first step comes next. p_credentials_id is offered for the consent.
CREATE OR REPLACE FUNCTION finq.feed_keep(p_session_id uuid, p_client_id uuid, p_credentials_id uuid, p_skill_id integer,
                                          p_connector text, p_reference bytea, p_reference_key bytea, OUT credentials_id uuid)
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET jit = off
AS $$
#variable_conflict use_column
DECLARE
    v_refresh_id uuid; -- with the reference before
BEGIN
    SELECT f.refresh_id INTO v_refresh_id FROM finq.feed f WHERE f.session_id = p_session_id FOR NO KEY UPDATE;
    DELETE FROM finq.feed_told t WHERE t.refresh_id = v_refresh_id;
    INSERT INTO finq.feed AS f (credentials_id, client_id, skill_id, session_id, connector, reference, reference_key, visited_at, due_at)
    VALUES (p_credentials_id, p_client_id, p_skill_id, p_session_id, p_connector, p_reference, p_reference_key, clock_timestamp(),
            clock_timestamp() + finq.feed_patience())
    ON CONFLICT (session_id) DO UPDATE
        SET connector = excluded.connector, reference = excluded.reference, reference_key = excluded.reference_key,
            visited_at = excluded.visited_at, due_at = excluded.due_at, is_partial = false,
            refresh_id = NULL, refresh_until = NULL
    RETURNING f.credentials_id INTO credentials_id;
END $$;
COMMENT ON FUNCTION finq.feed_keep IS 'repeatable';

-- A renewal is exchanged: its feed is the consent's from now on. Data, ids and numbers of changes stay; a refresh that is under way ends.
CREATE OR REPLACE FUNCTION finq.feed_renew(p_credentials_id uuid, p_session_id uuid) RETURNS void
    LANGUAGE plpgsql
AS $$
DECLARE
    v_feed       finq.feed;
    v_refresh_id uuid; -- that of the feed before
BEGIN
    DELETE FROM finq.feed f WHERE f.session_id = p_session_id RETURNING f.* INTO v_feed;
    IF FOUND THEN
        SELECT f.refresh_id INTO v_refresh_id FROM finq.feed f WHERE f.credentials_id = p_credentials_id FOR NO KEY UPDATE;
        DELETE FROM finq.feed_told t WHERE t.refresh_id = v_refresh_id;
        INSERT INTO finq.feed AS f (credentials_id, client_id, skill_id, session_id, connector, reference, reference_key, visited_at, due_at)
        VALUES (p_credentials_id, v_feed.client_id, v_feed.skill_id, p_session_id, v_feed.connector, v_feed.reference, v_feed.reference_key,
                v_feed.visited_at, clock_timestamp() + finq.feed_patience())
        ON CONFLICT (credentials_id) DO UPDATE
            SET skill_id = excluded.skill_id, session_id = excluded.session_id, connector = excluded.connector,
                reference = excluded.reference, reference_key = excluded.reference_key, visited_at = excluded.visited_at,
                due_at = excluded.due_at, is_partial = false,
                refresh_id = NULL, refresh_until = NULL, error = NULL, error_at = NULL;
    END IF;
END $$;

-- ---------------------------------------------------------------------------------------------------------------------
-- For the server: a refresh is a claim, pages, and their storing
-- ---------------------------------------------------------------------------------------------------------------------

-- Claims a feed for p_refresh_id, for p_seconds. p_session_id names the feed where p_credentials_id is NULL. `outcome` is 'ok';
-- 'no_feed'; 'claimed', while another is at it (`is_first`: nothing was ever stored); 'ended', to who asks again with p_ended_at, the
-- `ended_at` of 'claimed' (-1 for nobody), once a refresh has come to its end since, with its `error` where it failed; 'fresh', where with
-- p_if_due all has been asked for since the user was at the bank; 'spent', where the bank allows no more that nobody attends
-- (p_is_attended); or 'inactive_credentials'. `since` is NULL where all is to be asked for, seconds since 1970 like the others. `told` is what
-- finq.feed_store was given as p_told by the refresh before, where what is stored is still as that one left it.
CREATE OR REPLACE FUNCTION finq.feed_claim(
    p_credentials_id uuid, p_session_id uuid, p_refresh_id uuid, p_if_due boolean, p_is_attended boolean, p_seconds integer,
    p_ended_at bigint,
    OUT outcome text, OUT is_first boolean, OUT ended_at bigint, OUT error text,
    OUT credentials_id uuid, OUT client_id uuid, OUT session_id uuid, OUT skill_id integer, OUT servicer_id uuid, OUT connector text,
    OUT reference bytea, OUT reference_key bytea, OUT data_key bytea, OUT account_key bytea, OUT since bigint, OUT told bytea, OUT visited_at bigint)
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET jit = off
AS $$
#variable_conflict use_column
DECLARE
    v_now    timestamptz := clock_timestamp();
    v_feed   finq.feed;
    v_recent timestamptz[];
    v_active boolean;
    v_again  boolean; -- its answer was lost
BEGIN
    IF p_credentials_id IS NOT NULL THEN
        SELECT f.* INTO v_feed FROM finq.feed f WHERE f.credentials_id = p_credentials_id FOR NO KEY UPDATE;
    ELSE
        SELECT f.* INTO v_feed FROM finq.feed f WHERE f.session_id = p_session_id FOR NO KEY UPDATE;
    END IF;
    IF v_feed.credentials_id IS NULL THEN
        outcome := 'no_feed';
        RETURN;
    END IF;
    SELECT finq.consent_status(c) = 'ACTIVE', c.data_key INTO v_active, data_key
      FROM finq.credential c WHERE c.credentials_id = v_feed.credentials_id;
    IF NOT FOUND THEN -- nobody has exchanged it yet
        SELECT s.status IN ('SESSION_IN_PROGRESS', 'SESSION_PENDING', 'SESSION_COMPLETED'), s.data_key INTO v_active, data_key
          FROM finq.session s WHERE s.session_id = v_feed.session_id AND s.renews IS NULL;
    END IF;
    v_again := v_feed.refresh_id IS NOT DISTINCT FROM p_refresh_id;
    v_recent := ARRAY(SELECT r.at FROM unnest(v_feed.refreshes) AS r (at) WHERE r.at > v_now - interval '24 hours');
    is_first := v_feed.refreshed_at IS NULL;
    ended_at := coalesce(extract(epoch FROM greatest(v_feed.refreshed_at, v_feed.error_at)) * 1000000, 0);
    error := v_feed.error;
    outcome := CASE WHEN v_active IS NOT TRUE THEN 'inactive_credentials'
                    WHEN v_again THEN 'ok'
                    WHEN p_ended_at >= 0 AND ended_at > p_ended_at THEN 'ended'
                    WHEN v_feed.refresh_until > v_now THEN 'claimed'
                    WHEN p_if_due AND v_feed.is_partial THEN 'fresh'
                    WHEN NOT p_is_attended AND cardinality(v_recent) >= v_feed.frequency THEN 'spent'
                    ELSE 'ok' END;
    IF outcome <> 'ok' THEN
        RETURN;
    END IF;
    IF v_feed.refresh_id IS NOT NULL THEN
        DELETE FROM finq.feed_told t WHERE t.refresh_id = v_feed.refresh_id;
    END IF;
    UPDATE finq.feed f
       SET refresh_id = p_refresh_id, refresh_until = v_now + p_seconds * interval '1 second',
           numbered = greatest(f.numbered, f.seq), place = 0, walked_at = 'infinity', walked_behind = NULL,
           refreshes = v_recent || CASE WHEN p_is_attended OR v_again THEN '{}' ELSE ARRAY[v_now] END
     WHERE f.credentials_id = v_feed.credentials_id;
    credentials_id := v_feed.credentials_id;
    client_id := v_feed.client_id;
    session_id := v_feed.session_id;
    skill_id := v_feed.skill_id;
    connector := v_feed.connector;
    reference := v_feed.reference;
    reference_key := v_feed.reference_key;
    SELECT k.servicer_id, a.data_key INTO servicer_id, account_key
      FROM finq.skill k LEFT JOIN finq.account_key a ON a.client_id = v_feed.client_id WHERE k.skill_id = v_feed.skill_id;
    -- what is older than a month seldom changes at a bank; whole days, within which those that nothing tells apart are counted; all, where
    -- the refresh before has left pieces
    IF v_feed.is_partial AND v_feed.numbered <= v_feed.seq THEN
        since := finq.seconds(date_trunc('day', v_feed.refreshed_at - interval '30 days', 'UTC'));
        told := v_feed.told;
    END IF;
    visited_at := finq.seconds(v_feed.visited_at);
END $$;
COMMENT ON FUNCTION finq.feed_claim IS 'repeatable';

-- The consent whose bank is to be asked first while nobody waits, of those with one of p_connectors (names, with blanks between): nobody
-- else is told of it for p_seconds. NULL where none is due. What is not to be asked now is put off. `behind` is for how many seconds
-- the first has been due, and `oldest` how old the oldest data are of those that are refreshed.
CREATE OR REPLACE FUNCTION finq.feed_due(p_connectors text, p_seconds integer,
                                         OUT credentials_id uuid, OUT behind bigint, OUT oldest bigint)
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET jit = off
AS $$
#variable_conflict use_column
DECLARE
    v_now  timestamptz := clock_timestamp();
    v_feed finq.feed;
    v_is   finq.credential_status; -- NULL while nobody has exchanged it
    v_next timestamptz;
BEGIN
    SELECT finq.seconds(v_now) - finq.seconds(least(v_now, (SELECT min(f.due_at) FROM finq.feed f))),
           finq.seconds(v_now) - finq.seconds(least(v_now, (SELECT min(f.refreshed_at) FROM finq.feed f WHERE f.due_at IS NOT NULL)))
      INTO behind, oldest;
    FOR v_look IN 1..20 LOOP
        SELECT f.* INTO v_feed FROM finq.feed f
         WHERE f.due_at <= v_now AND f.connector = ANY (string_to_array(p_connectors, ' '))
         ORDER BY f.due_at LIMIT 1 FOR NO KEY UPDATE SKIP LOCKED;
        EXIT WHEN NOT FOUND;
        SELECT finq.consent_status(c) INTO v_is FROM finq.credential c WHERE c.credentials_id = v_feed.credentials_id;
        v_next := CASE WHEN v_is IS NULL THEN v_now + finq.feed_patience()
                       WHEN v_is = 'ACTIVE' AND v_feed.frequency > 0 THEN greatest(v_feed.refresh_until, finq.feed_allowed_at(v_feed)) END;
        credentials_id := CASE WHEN v_next <= v_now THEN v_feed.credentials_id END;
        UPDATE finq.feed f SET due_at = CASE WHEN v_next <= v_now THEN v_now + p_seconds * interval '1 second' ELSE v_next END
         WHERE f.credentials_id = v_feed.credentials_id;
        EXIT WHEN credentials_id IS NOT NULL;
    END LOOP;
    PERFORM set_config('synchronous_commit', 'off', true); -- a crash that undoes it has the bank asked once more, and loses nothing
END $$;
COMMENT ON FUNCTION finq.feed_due IS 'repeatable';

-- The tenant's key of account data: the one that stands, or p_data_key where there is none yet.
CREATE OR REPLACE FUNCTION finq.account_key_keep(p_client_id uuid, p_data_key bytea, OUT data_key bytea)
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET jit = off
AS $$
#variable_conflict use_column
BEGIN
    INSERT INTO finq.account_key (client_id, data_key) VALUES (p_client_id, p_data_key) ON CONFLICT (client_id) DO NOTHING;
    SELECT k.data_key INTO data_key FROM finq.account_key k WHERE k.client_id = p_client_id;
END $$;
COMMENT ON FUNCTION finq.account_key_keep IS 'repeatable';

-- The UUID (RFC 9562, version 8) of what has a MAC or a hash.
CREATE OR REPLACE FUNCTION finq.id_of(p_bytes bytea) RETURNS uuid
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    RETURN encode(set_byte(set_byte(substr(p_bytes, 1, 16), 6, (get_byte(p_bytes, 6) & 15) | 128), 8, (get_byte(p_bytes, 8) & 63) | 128),
                  'hex')::uuid;

-- The key by which clients know a transaction (contract section 11, utx_id).
CREATE OR REPLACE FUNCTION finq.utx_id(p_mac bytea, p_ordinal integer) RETURNS bytea
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    RETURN sha256(p_mac || int4send(p_ordinal));

-- The transactions of a piece, p_rows. Those that nothing tells apart are counted in the order of their telling, behind those of the pieces
-- before (p_has_more: there were some). One with a lasting reference that is told of twice is as it was told last: the bank's list has moved on.
CREATE OR REPLACE FUNCTION finq.feed_transactions(p_refresh_id uuid, p_rows json, p_has_more boolean)
    RETURNS TABLE (transaction_id uuid, account_id uuid, mac bytea, ordinal integer, is_derived boolean, is_booked boolean,
                   booked_at timestamptz, amount numeric, is_credit boolean, currency text, balance numeric, category text, info bytea)
    LANGUAGE sql STABLE
BEGIN ATOMIC
    SELECT finq.id_of(finq.utx_id(o.mac, o.ordinal)), finq.id_of(o.account), o.mac, o.ordinal, o.is_derived, o.booked_at IS NOT NULL,
           to_timestamp(o.booked_at), o.amount, o.is_credit, o.currency, o.balance, o.category, o.info
      FROM (SELECT r.mac, r.account, r.is_derived, r.booked_at, r.amount, r.is_credit, r.currency, r.balance, r.category, r.info,
                   CASE WHEN NOT r.is_derived THEN 0
                        ELSE row_number() OVER same - 1
                             + CASE WHEN p_has_more THEN (SELECT count(*) FROM finq.feed_told t WHERE t.refresh_id = p_refresh_id AND t.mac = r.mac)
                                    ELSE 0 END END::integer AS ordinal,
                   r.is_derived OR lead(r.line) OVER same IS NULL AS is_told
              FROM ROWS FROM (json_to_recordset(p_rows)
                AS (mac bytea, account bytea, is_derived boolean, booked_at bigint, amount numeric, is_credit boolean, currency text,
                    balance numeric, category text, info bytea)) WITH ORDINALITY
                AS r (mac, account, is_derived, booked_at, amount, is_credit, currency, balance, category, info, line)
            WINDOW same AS (PARTITION BY r.mac ORDER BY r.line)) o
     WHERE o.is_told;
END;

-- Notes that a piece was told, for the pieces that follow and for the look at what was not.
CREATE OR REPLACE FUNCTION finq.feed_note(p_refresh_id uuid, p_rows json, p_has_more boolean) RETURNS void
    LANGUAGE plpgsql
AS $$
BEGIN
    INSERT INTO finq.feed_told (refresh_id, mac, ordinal)
    SELECT p_refresh_id, t.mac, t.ordinal FROM finq.feed_transactions(p_refresh_id, p_rows, p_has_more) t
    ON CONFLICT (refresh_id, mac, ordinal) DO NOTHING;
END $$;

-- Stores what has changed in the transactions of a piece, each change under its number from p_numbered on, and answers the last of them and
-- what was told. Of what is stored it reads no more than was told: the version that holds of a transaction is its last, and since nothing is
-- sorted but by an index, the one of versions finds it; what is written is named by its place. To a planner that has seen a small table any
-- index of the consent would be good enough, and that would not end. As those below it is in PL/pgSQL, which keeps its plans: to plan them each time would take longer than
-- most refreshes.
CREATE OR REPLACE FUNCTION finq.feed_apply(p_credentials_id uuid, p_refresh_id uuid, p_rows json, p_has_more boolean, p_now timestamptz,
                                           INOUT p_numbered bigint, OUT told uuid[])
    LANGUAGE plpgsql SET enable_sort = off SET enable_nestloop = off SET enable_seqscan = off
AS $$
DECLARE
    v_changes bigint;
BEGIN
    WITH told AS MATERIALIZED (SELECT t.* FROM finq.feed_transactions(p_refresh_id, p_rows, p_has_more) t),
    change AS MATERIALIZED (
        SELECT p_numbered + row_number() OVER (ORDER BY t.booked_at, t.transaction_id) AS seq, l.seq AS before, l.place, t.*
          FROM told t
          LEFT JOIN LATERAL (SELECT v.*, v.ctid AS place FROM finq.transaction v
                              WHERE v.credentials_id = p_credentials_id AND v.transaction_id <= t.transaction_id
                              ORDER BY v.transaction_id DESC, v.seq DESC LIMIT 1) l
                 ON l.transaction_id = t.transaction_id AND l.superseded_by IS NULL
         WHERE l.seq IS NULL
            OR (l.account_id, l.is_booked, l.amount, l.is_credit, l.currency, l.info)
               <> (t.account_id, t.is_booked, t.amount, t.is_credit, t.currency, t.info)
            OR (l.booked_at, l.balance, l.category) IS DISTINCT FROM (t.booked_at, t.balance, t.category)),
    ended AS (
        UPDATE finq.transaction x SET superseded_by = c.seq, ended_at = p_now FROM change c
         WHERE x.ctid = ANY (ARRAY(SELECT b.place FROM change b WHERE b.place IS NOT NULL)) AND x.seq = c.before),
    stored AS (
        INSERT INTO finq.transaction (credentials_id, seq, transaction_id, account_id, mac, ordinal, is_derived, is_booked, booked_at, amount,
                                      is_credit, currency, balance, category, info, stored_at)
        SELECT p_credentials_id, c.seq, c.transaction_id, c.account_id, c.mac, c.ordinal, c.is_derived, c.is_booked, c.booked_at,
               c.amount, c.is_credit, c.currency, c.balance, c.category, c.info, date_trunc('second', p_now)
          FROM change c)
    SELECT (SELECT count(*) FROM change), ARRAY(SELECT t.transaction_id FROM told t) INTO v_changes, told;
    p_numbered := p_numbered + v_changes;
END $$;

-- So many stored transactions one call looks at, for those that were not told.
CREATE OR REPLACE FUNCTION finq.feed_walk_rows() RETURNS integer
    LANGUAGE sql IMMUTABLE
    RETURN 2000;

-- Looks at the next transactions that are stored, newest first, and ends those that were told neither in p_told nor in the pieces before: but
-- for what was booked before p_since, and is not of an account that is gone. Answers the last number, and whether all have been looked at.
CREATE OR REPLACE FUNCTION finq.feed_walk(p_credentials_id uuid, p_refresh_id uuid, p_told uuid[], p_accounts uuid[], p_since timestamptz, p_now timestamptz,
                                          INOUT p_numbered bigint, INOUT p_at timestamptz, INOUT p_behind uuid, OUT is_over boolean)
    LANGUAGE plpgsql SET enable_sort = off SET enable_nestloop = off SET enable_seqscan = off
AS $$
DECLARE
    v_from  timestamptz := CASE WHEN EXISTS (SELECT FROM finq.account a WHERE a.credentials_id = p_credentials_id AND a.account_id <> ALL (p_accounts))
                                THEN '-infinity' ELSE coalesce(p_since, '-infinity') END;
    v_seen  integer;
    v_gone  bigint;
BEGIN
    WITH seen AS MATERIALIZED (
        SELECT l.ctid AS place, l.seq, l.transaction_id, l.account_id, l.mac, l.ordinal, coalesce(l.booked_at, 'infinity') AS at
          FROM finq.transaction l
         WHERE l.credentials_id = p_credentials_id AND l.superseded_by IS NULL AND coalesce(l.booked_at, 'infinity') BETWEEN v_from AND p_at
           AND (p_behind IS NULL OR l.transaction_id > p_behind OR coalesce(l.booked_at, 'infinity') < p_at)
         ORDER BY coalesce(l.booked_at, 'infinity') DESC, l.transaction_id, l.seq LIMIT finq.feed_walk_rows()),
    gone AS MATERIALIZED (
        SELECT s.place, s.seq, p_numbered + row_number() OVER (ORDER BY s.at, s.transaction_id) AS number,
               CASE WHEN s.account_id = ANY (p_accounts) THEN 'bank_removed' ELSE 'account_withdrawn' END AS reason
          FROM seen s
         WHERE s.transaction_id NOT IN (SELECT unnest(p_told))
           AND (p_since IS NULL OR s.at >= p_since OR s.account_id <> ALL (p_accounts))
           AND NOT EXISTS (SELECT FROM finq.feed_told t WHERE t.refresh_id = p_refresh_id AND t.mac = s.mac AND t.ordinal = s.ordinal)),
    ended AS (
        UPDATE finq.transaction x SET superseded_by = g.number, ended_at = p_now, removed_for = g.reason FROM gone g
         WHERE x.ctid = ANY (ARRAY(SELECT b.place FROM gone b)) AND x.seq = g.seq)
    SELECT count(*), (SELECT count(*) FROM gone), (array_agg(s.at))[count(*)], (array_agg(s.transaction_id))[count(*)]
      INTO v_seen, v_gone, p_at, p_behind FROM seen s;
    p_numbered := p_numbered + v_gone;
    is_over := v_seen < finq.feed_walk_rows();
END $$;

-- Stores accounts in the place of those before. What has not changed is not written.
CREATE OR REPLACE FUNCTION finq.feed_store_accounts(p_credentials_id uuid, p_ids uuid[], p_accounts json) RETURNS void
    LANGUAGE plpgsql
AS $$
BEGIN
    DELETE FROM finq.account a WHERE a.credentials_id = p_credentials_id AND a.account_id <> ALL (p_ids);
    INSERT INTO finq.account AS a (credentials_id, account_id, mac, currency, account_type, account_sub_type, details)
    SELECT p_credentials_id, finq.id_of(r.mac), r.mac, r.currency, r.account_type, r.account_sub_type, r.details
      FROM json_to_recordset(p_accounts) AS r (mac bytea, currency text, account_type text, account_sub_type text, details bytea)
    ON CONFLICT (credentials_id, account_id) DO UPDATE
        SET account_type = excluded.account_type, account_sub_type = excluded.account_sub_type, details = excluded.details
        WHERE (a.account_type, a.account_sub_type, a.details) <> (excluded.account_type, excluded.account_sub_type, excluded.details);
END $$;

-- Balances likewise.
CREATE OR REPLACE FUNCTION finq.feed_store_balances(p_credentials_id uuid, p_balances json) RETURNS void
    LANGUAGE plpgsql
AS $$
DECLARE
    v_balances uuid[];
BEGIN
    WITH told AS MATERIALIZED (
        SELECT finq.id_of(sha256(r.account || convert_to(r.type || r.currency, 'UTF8'))) AS id, finq.id_of(r.account) AS account_id, r.type, r.amount,
               r.currency, r.is_credit, r.credit_limit_included, r.credit_line, r.native_date, to_timestamp(r.native_timestamp) AS native_timestamp
          FROM json_to_recordset(p_balances)
            AS r (account bytea, type text, amount numeric, currency text, is_credit boolean, credit_limit_included boolean,
                  credit_line numeric, native_date date, native_timestamp bigint)),
    stored AS (
        INSERT INTO finq.balance AS b (credentials_id, balance_id, account_id, type, amount, currency, is_credit, credit_limit_included,
                                       credit_line, native_date, native_timestamp)
        SELECT p_credentials_id, t.id, t.account_id, t.type, t.amount, t.currency, t.is_credit, t.credit_limit_included, t.credit_line,
               t.native_date, t.native_timestamp
          FROM told t
        ON CONFLICT (credentials_id, balance_id) DO UPDATE
            SET amount = excluded.amount, is_credit = excluded.is_credit, credit_limit_included = excluded.credit_limit_included,
                credit_line = excluded.credit_line, native_date = excluded.native_date, native_timestamp = excluded.native_timestamp
            WHERE (b.amount, b.is_credit, b.credit_limit_included, b.credit_line, b.native_date, b.native_timestamp)
                  IS DISTINCT FROM (excluded.amount, excluded.is_credit, excluded.credit_limit_included, excluded.credit_line,
                                    excluded.native_date, excluded.native_timestamp))
    SELECT array_agg(t.id) INTO v_balances FROM told t;
    DELETE FROM finq.balance b WHERE b.credentials_id = p_credentials_id AND b.balance_id <> ALL (coalesce(v_balances, '{}'));
END $$;

-- Of the changes after p_after: what the bank removed and what is new look alike, and the n-th of the one became the n-th of the other. Joined
-- by hashes: nothing tells the planner how many a bank changes at once, and to compare each with each would not end. What no client has
-- been told of, since the refresh that brought it did not come to its end, neither went nor came.
CREATE OR REPLACE FUNCTION finq.feed_match(p_credentials_id uuid, p_after bigint) RETURNS void
    LANGUAGE plpgsql SET enable_nestloop = off
AS $$
BEGIN
    WITH gone AS (
        SELECT l.seq, k.reason, l.account_id, l.currency, l.is_credit, k.day, k.amount,
               row_number() OVER (PARTITION BY k.reason, l.account_id, l.currency, l.is_credit, k.day, k.amount ORDER BY l.superseded_by) AS place
          FROM finq.transaction l
         CROSS JOIN LATERAL (SELECT CASE WHEN l.is_booked THEN 'corrected' ELSE 'pending_booked' END AS reason,
                                    CASE WHEN l.is_booked THEN date_trunc('day', l.booked_at) ELSE 'infinity' END AS day,
                                    CASE WHEN l.is_booked THEN 0 ELSE l.amount END AS amount) k
         WHERE l.credentials_id = p_credentials_id AND l.superseded_by > p_after AND l.seq <= p_after AND l.removed_for = 'bank_removed'),
    came AS (
        SELECT n.transaction_id, k.reason, n.account_id, n.currency, n.is_credit, k.day, k.amount,
               row_number() OVER (PARTITION BY k.reason, n.account_id, n.currency, n.is_credit, k.day, k.amount ORDER BY n.seq) AS place
          FROM finq.transaction n
         CROSS JOIN LATERAL (VALUES ('corrected', date_trunc('day', n.booked_at), 0), ('pending_booked', 'infinity', n.amount)) AS k (reason, day, amount)
         WHERE n.credentials_id = p_credentials_id AND n.seq > p_after AND n.superseded_by IS NULL AND n.is_booked
           AND NOT EXISTS (SELECT FROM finq.transaction b
                            WHERE b.credentials_id = p_credentials_id AND b.transaction_id = n.transaction_id AND b.seq <= p_after
                              AND b.superseded_by > p_after))
    UPDATE finq.transaction x
       SET removed_for = g.reason, replaced_by = m.transaction_id
      FROM gone g JOIN came m USING (reason, account_id, currency, is_credit, day, amount, place)
     WHERE x.credentials_id = p_credentials_id AND x.seq = g.seq;
END $$;

-- Versions that have held no longer for 30 days go, some at a time, and with them what a client could be told that has not asked since.
-- They are named by their places alone: with the consent beside these a planner reads all that it has.
CREATE OR REPLACE FUNCTION finq.feed_prune(p_credentials_id uuid, p_now timestamptz) RETURNS bigint
    LANGUAGE plpgsql SET enable_seqscan = off
AS $$
DECLARE
    v_pruned bigint;
BEGIN
    IF EXISTS (SELECT FROM finq.transaction o WHERE o.credentials_id = p_credentials_id AND o.ended_at < p_now - interval '30 days') THEN
        WITH pruned AS (
            DELETE FROM finq.transaction t
             WHERE t.ctid = ANY (ARRAY(SELECT o.ctid FROM finq.transaction o
                                        WHERE o.credentials_id = p_credentials_id AND o.ended_at < p_now - interval '30 days'
                                        ORDER BY o.ended_at LIMIT finq.feed_walk_rows()))
            RETURNING t.superseded_by)
        SELECT max(p.superseded_by) INTO v_pruned FROM pruned p;
    END IF;
    RETURN v_pruned;
END $$;

-- What is wrong with what a refresh was told, as a whole; NULL where nothing is.
CREATE OR REPLACE FUNCTION finq.feed_fault(p_accounts uuid[], p_balances json) RETURNS text
    LANGUAGE plpgsql STABLE
AS $$
BEGIN
    RETURN CASE
        WHEN (SELECT count(DISTINCT a.id) FROM unnest(p_accounts) AS a (id)) < cardinality(p_accounts) THEN 'it tells of an account twice'
        WHEN EXISTS (SELECT FROM json_to_recordset(p_balances) AS r (account text, type text, currency text)
                      GROUP BY r.account, r.type, r.currency HAVING count(*) > 1)
            THEN 'it tells of a balance twice' END;
END $$;

-- The feed whose claim is p_refresh_id's, locked, as its consent is; NULL where it has been overtaken, or the consent has ended.
CREATE OR REPLACE FUNCTION finq.feed_held(p_credentials_id uuid, p_refresh_id uuid) RETURNS finq.feed
    LANGUAGE plpgsql
AS $$
DECLARE
    v_consent finq.credential;
    v_feed    finq.feed;
BEGIN
    SELECT c.* INTO v_consent FROM finq.credential c WHERE c.credentials_id = p_credentials_id FOR NO KEY UPDATE;
    IF FOUND AND finq.consent_status(v_consent) <> 'ACTIVE' THEN
        DELETE FROM finq.feed_told t WHERE t.refresh_id = p_refresh_id;
        RETURN NULL;
    END IF;
    SELECT f.* INTO v_feed FROM finq.feed f
     WHERE f.credentials_id = p_credentials_id AND f.refresh_id = p_refresh_id AND f.refresh_until > clock_timestamp() FOR NO KEY UPDATE;
    RETURN v_feed;
END $$;

-- Stores piece number p_place, from 1, of the transactions that a refresh is told, where more follow: so that no refresh is too large to
-- be stored. Their numbers are above the feed's seq, and nobody is told of them before finq.feed_store. A refresh that does not get there
-- leaves them to the next. Holds the claim for p_seconds more; false where it has been overtaken, or the consent has ended.
CREATE OR REPLACE FUNCTION finq.feed_tell(p_credentials_id uuid, p_refresh_id uuid, p_place integer, p_rows json, p_seconds integer, OUT is_held boolean)
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET jit = off SET plan_cache_mode = force_generic_plan
    SET enable_seqscan = off
AS $$
DECLARE
    v_feed     finq.feed := finq.feed_held(p_credentials_id, p_refresh_id);
    v_numbered bigint;
BEGIN
    is_held := v_feed.credentials_id IS NOT NULL AND p_place <= v_feed.place + 1;
    IF is_held THEN
        v_numbered := v_feed.numbered;
        IF p_place > v_feed.place THEN -- else its answer was lost
            SELECT a.p_numbered INTO v_numbered
              FROM finq.feed_apply(p_credentials_id, p_refresh_id, p_rows, v_feed.place > 0, clock_timestamp(), v_feed.numbered) a;
            PERFORM finq.feed_note(p_refresh_id, p_rows, v_feed.place > 0);
        END IF;
        UPDATE finq.feed f
           SET place = p_place, numbered = v_numbered, refresh_until = clock_timestamp() + p_seconds * interval '1 second'
         WHERE f.credentials_id = p_credentials_id;
    END IF;
END $$;
COMMENT ON FUNCTION finq.feed_tell IS 'repeatable';

-- Stores the last piece of a refresh, and then all of it is what clients are told. `outcome` is 'ok'; 'more', where it is to be called again,
-- since there was more to look at than one call may; 'overtaken', where nothing is stored any more; or 'refused', with the
-- fault: then nothing is stored either, and the claim stands. p_since is what the bank was asked for, p_frequency what it allows.
-- p_told, NULL where there was more than one piece, stands for all transactions that were told. With p_adds, accounts were told as before, all
-- transactions from p_since on that finq.feed_claim's `told` stands for were told once more, as they were and in their order, and p_rows
-- are those alone that none of them is a version of: nothing has gone, and nothing but these is looked at.
-- No plan is made anew: what one refresh stores takes less time than its plans.
CREATE OR REPLACE FUNCTION finq.feed_store(p_credentials_id uuid, p_refresh_id uuid, p_place integer, p_accounts json, p_balances json, p_rows json,
                                           p_told bytea, p_adds boolean, p_since bigint, p_frequency integer, OUT outcome text, OUT fault text, OUT seq bigint)
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET jit = off SET plan_cache_mode = force_generic_plan
    SET enable_seqscan = off
AS $$
#variable_conflict use_column
DECLARE
    v_now      timestamptz := clock_timestamp();
    v_feed     finq.feed := finq.feed_held(p_credentials_id, p_refresh_id);
    v_hash     bytea;  -- of all that was told, where one piece is all
    v_is_same  boolean;
    v_accounts uuid[]; -- NULL where they are as before
    v_told     uuid[]; -- of this piece, where it is stored now
    v_is_new   boolean := false; -- of an account only what is new was asked for, and there is none before
    v_is_over  boolean := true;
    v_pruned   bigint;
BEGIN
    IF v_feed.credentials_id IS NULL OR p_place > v_feed.place + 1 THEN
        outcome := 'overtaken';
        RETURN;
    END IF;
    v_hash := sha256(convert_to(concat_ws(' ', p_since, p_accounts, p_balances), 'UTF8') || p_told);
    v_is_same := v_hash = v_feed.told_hash AND v_feed.numbered = v_feed.seq;
    IF v_is_same IS NOT TRUE THEN
        IF NOT p_adds THEN
            v_accounts := ARRAY(SELECT finq.id_of(r.mac) FROM json_to_recordset(p_accounts) AS r (mac bytea));
        END IF;
        fault := finq.feed_fault(v_accounts, p_balances);
        IF fault IS NOT NULL THEN
            outcome := 'refused';
            RETURN;
        END IF;
        IF p_place > v_feed.place THEN
            SELECT a.p_numbered, a.told INTO v_feed.numbered, v_told
              FROM finq.feed_apply(p_credentials_id, p_refresh_id, p_rows, p_place > 1, v_now, v_feed.numbered) a;
        END IF;
        IF NOT p_adds THEN
            SELECT w.p_numbered, w.p_at, w.p_behind, w.is_over INTO v_feed.numbered, v_feed.walked_at, v_feed.walked_behind, v_is_over
              FROM finq.feed_walk(p_credentials_id, p_refresh_id, v_told, v_accounts, to_timestamp(p_since), v_now, v_feed.numbered,
                                  v_feed.walked_at, v_feed.walked_behind) w;
        END IF;
    END IF;
    IF NOT v_is_over THEN
        IF p_place > v_feed.place THEN
            PERFORM finq.feed_note(p_refresh_id, p_rows, p_place > 1);
        END IF;
        UPDATE finq.feed f
           SET place = p_place, numbered = v_feed.numbered, walked_at = v_feed.walked_at, walked_behind = v_feed.walked_behind
         WHERE f.credentials_id = p_credentials_id;
        outcome := 'more';
        RETURN;
    END IF;
    IF v_accounts IS NOT NULL THEN
        v_is_new := v_feed.is_partial AND EXISTS (
            SELECT FROM unnest(v_accounts) AS t (id)
             WHERE NOT EXISTS (SELECT FROM finq.account a WHERE a.credentials_id = p_credentials_id AND a.account_id = t.id));
        PERFORM finq.feed_store_accounts(p_credentials_id, v_accounts, p_accounts);
    END IF;
    IF v_is_same IS NOT TRUE THEN
        PERFORM finq.feed_store_balances(p_credentials_id, p_balances);
    END IF;
    IF NOT p_adds AND EXISTS (SELECT FROM finq.transaction t
                               WHERE t.credentials_id = p_credentials_id AND t.superseded_by > v_feed.seq AND t.removed_for IS NOT NULL) THEN
        PERFORM finq.feed_match(p_credentials_id, v_feed.seq);
    END IF;
    v_pruned := finq.feed_prune(p_credentials_id, v_now);
    UPDATE finq.feed f
       SET seq = v_feed.numbered, numbered = v_feed.numbered, is_partial = NOT v_is_new, told_hash = CASE WHEN NOT v_is_new THEN v_hash END, told = p_told,
           refresh_id = NULL, refresh_until = NULL, refreshed_at = v_now,
           due_at = finq.feed_next(p_credentials_id, p_frequency), frequency = p_frequency, error = NULL, error_at = NULL,
           kept_from = greatest(f.kept_from, v_pruned)
     WHERE f.credentials_id = p_credentials_id;
    IF p_place > 1 OR v_feed.place > 0 THEN
        DELETE FROM finq.feed_told t WHERE t.refresh_id = p_refresh_id;
    END IF;
    outcome := 'ok';
    seq := v_feed.numbered;
    IF v_feed.numbered > v_feed.seq THEN
        PERFORM finq.event(c.client_id, c.session_id, c.skill_id, 'transactions.updated',
                           jsonb_build_object('credentials_id', p_credentials_id, 'seq', v_feed.numbered))
           FROM finq.credential c WHERE c.credentials_id = p_credentials_id;
    END IF;
END $$;
COMMENT ON FUNCTION finq.feed_store IS 'repeatable';

-- A refresh came to nothing: p_error says why, what is stored stays. A consent that was withdrawn at the bank ends, and there is nothing to
-- be taken back; one that nobody has exchanged yet does so once the bank says it again. p_gives_back is for one that nobody attends and for
-- which the bank was not asked: it is not counted.
CREATE OR REPLACE FUNCTION finq.feed_fail(p_credentials_id uuid, p_refresh_id uuid, p_error text, p_is_withdrawn boolean,
                                          p_gives_back boolean, OUT was_held boolean)
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET jit = off
AS $$
BEGIN
    IF p_is_withdrawn THEN
        PERFORM FROM finq.credential c WHERE c.credentials_id = p_credentials_id FOR NO KEY UPDATE; -- before the feed, as all do
        IF FOUND THEN -- who had it may have renewed the consent: then the refresh is over, and what was withdrawn is what was before
            UPDATE finq.feed f SET reference = NULL, reference_key = NULL
             WHERE f.credentials_id = p_credentials_id AND f.refresh_id = p_refresh_id;
            IF FOUND THEN
                PERFORM finq.consent_end(p_credentials_id, NULL);
            END IF;
        END IF;
    END IF;
    UPDATE finq.feed f
       SET refresh_id = NULL, refresh_until = NULL, error = p_error, error_at = clock_timestamp(),
           due_at = CASE WHEN p_gives_back THEN clock_timestamp() + finq.feed_patience() ELSE finq.feed_next(p_credentials_id, f.frequency) END,
           refreshes = CASE WHEN p_gives_back THEN f.refreshes[:cardinality(f.refreshes) - 1] ELSE f.refreshes END
     WHERE f.credentials_id = p_credentials_id AND f.refresh_id = p_refresh_id;
    was_held := FOUND;
    DELETE FROM finq.feed_told t WHERE t.refresh_id = p_refresh_id;
END $$;
COMMENT ON FUNCTION finq.feed_fail IS 'repeatable';

-- ---------------------------------------------------------------------------------------------------------------------
-- References that connectors are to take back
-- ---------------------------------------------------------------------------------------------------------------------

-- The reference of a consent that has ended, of those with one of p_connectors (names, with blanks between), whose connector is to be
-- asked first; all NULL where none is due. It is due again p_seconds later, and twice as long each time, a quarter of a day at most, until
-- finq.revocation_done. After 30 days nobody is asked any more.
CREATE OR REPLACE FUNCTION finq.revocation_due(
    p_connectors text, p_seconds integer,
    OUT revocation_id uuid, OUT client_id uuid, OUT skill_id integer, OUT connector text, OUT reference bytea, OUT reference_key bytea)
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET jit = off
AS $$
#variable_conflict use_column
DECLARE
    v_now timestamptz := clock_timestamp();
BEGIN
    IF NOT EXISTS (SELECT FROM finq.revocation r WHERE r.due_at <= v_now) THEN
        RETURN;
    END IF;
    DELETE FROM finq.revocation r WHERE r.due_at <= v_now AND r.ended_at <= v_now - interval '30 days';
    UPDATE finq.revocation r
       SET attempts = r.attempts + 1, due_at = v_now + least(p_seconds * 2 ^ least(r.attempts, 16) * interval '1 second', interval '6 hours')
     WHERE r.revocation_id = (SELECT o.revocation_id FROM finq.revocation o
                               WHERE o.due_at <= v_now AND o.connector = ANY (string_to_array(p_connectors, ' '))
                               ORDER BY o.due_at LIMIT 1 FOR NO KEY UPDATE SKIP LOCKED)
    RETURNING r.revocation_id, r.client_id, r.skill_id, r.connector, r.reference, r.reference_key
         INTO revocation_id, client_id, skill_id, connector, reference, reference_key;
END $$;
COMMENT ON FUNCTION finq.revocation_due IS 'repeatable';

-- A connector has taken it back.
CREATE OR REPLACE FUNCTION finq.revocation_done(p_revocation_id uuid, OUT was_there boolean)
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET jit = off
AS $$
BEGIN
    DELETE FROM finq.revocation r WHERE r.revocation_id = p_revocation_id;
    was_there := FOUND;
END $$;
COMMENT ON FUNCTION finq.revocation_done IS 'repeatable';
