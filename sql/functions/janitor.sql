-- The janitor: what the passing of time ends and removes. One at a time does it, under a lease. A run is a row of jobs, a job a
-- row of batches, and a batch one call and one transaction, of few rows: it passes over those that others hold, so that no
-- request waits for it, and what was passed over goes at the next run.

-- The rows of a batch: so few that it ends within statement_timeout where the database is slow, or no run would get on.
CREATE OR REPLACE FUNCTION finq.janitor_batch_rows() RETURNS integer
    LANGUAGE sql IMMUTABLE
    RETURN 50;

-- ---------------------------------------------------------------------------------------------------------------------
-- The jobs: each does a batch, and answers of how many rows
-- ---------------------------------------------------------------------------------------------------------------------

CREATE OR REPLACE FUNCTION finq.janitor_expire_sessions() RETURNS integer
    LANGUAGE plpgsql
AS $$
DECLARE
    v_now      timestamptz := clock_timestamp();
    v_sessions uuid[];
BEGIN
    v_sessions := ARRAY(SELECT s.session_id FROM finq.session s
                         WHERE NOT s.is_over AND s.exchanged_at IS NULL
                           AND s.expires_at <= v_now AND finq.session_is_old(s) AND NOT finq.session_is_asked(s.session_id)
                         ORDER BY s.expires_at LIMIT finq.janitor_batch_rows() FOR NO KEY UPDATE SKIP LOCKED);
    PERFORM finq.session_expire(i.session_id) FROM unnest(v_sessions) AS i (session_id);
    RETURN cardinality(v_sessions);
END $$;

-- What is told of a consent whose end is near, or past.
CREATE OR REPLACE FUNCTION finq.consent_event(p_consent finq.credential, p_type text) RETURNS void
    LANGUAGE sql VOLATILE
    RETURN finq.event((p_consent).client_id, (p_consent).session_id, (p_consent).skill_id, p_type, jsonb_build_object(
        'credentials_id', (p_consent).credentials_id, 'consent_exp', finq.utc((p_consent).consent_exp)));

-- Those whose end was told to be near, and those whose was not: each kind has an index.
CREATE OR REPLACE FUNCTION finq.janitor_expire_consents() RETURNS integer
    LANGUAGE plpgsql
AS $$
DECLARE
    v_now     timestamptz := clock_timestamp();
    v_done    integer := 0;
    v_due     uuid[];
    v_consent finq.credential;
BEGIN
    v_due := ARRAY(SELECT c.credentials_id FROM finq.credential c
                    WHERE c.status = 'ACTIVE' AND c.expiry_told AND c.consent_exp <= v_now ORDER BY c.consent_exp
                    LIMIT finq.janitor_batch_rows() FOR NO KEY UPDATE SKIP LOCKED)
             || ARRAY(SELECT c.credentials_id FROM finq.credential c
                       WHERE c.status = 'ACTIVE' AND NOT c.expiry_told AND c.consent_exp <= v_now ORDER BY c.consent_exp
                       LIMIT finq.janitor_batch_rows() FOR NO KEY UPDATE SKIP LOCKED);
    FOR v_consent IN
        UPDATE finq.credential c SET status = 'EXPIRED', updated_at = v_now, user_mac = finq.user_mac_of_ended(c)
         WHERE c.credentials_id = ANY (v_due)
        RETURNING c.* LOOP
        PERFORM finq.consent_event(v_consent, 'consent.expired');
        v_done := v_done + 1;
    END LOOP;
    RETURN v_done;
END $$;

-- Notice of an end is given a week before it.
CREATE OR REPLACE FUNCTION finq.janitor_announce_consents() RETURNS integer
    LANGUAGE plpgsql
AS $$
DECLARE
    v_done    integer := 0;
    v_consent finq.credential;
BEGIN
    FOR v_consent IN
        UPDATE finq.credential c SET expiry_told = true
         WHERE c.credentials_id IN (SELECT o.credentials_id FROM finq.credential o
                                     WHERE o.status = 'ACTIVE' AND NOT o.expiry_told
                                       AND o.consent_exp <= statement_timestamp() + interval '7 days' ORDER BY o.consent_exp
                                     LIMIT finq.janitor_batch_rows() FOR NO KEY UPDATE SKIP LOCKED)
        RETURNING c.* LOOP
        PERFORM finq.consent_event(v_consent, 'consent.expiring');
        v_done := v_done + 1;
    END LOOP;
    RETURN v_done;
END $$;

-- Sessions without a consent, p_retention seconds after they have ended: of this week and those before it that still stand, and where
-- these are fewer than a batch, kept ones too. Those of a past week go with it, but for what has files or account data: these last.
CREATE OR REPLACE FUNCTION finq.janitor_remove_sessions(p_retention integer) RETURNS integer
    LANGUAGE plpgsql
AS $$
DECLARE
    v_until    timestamptz := clock_timestamp() - p_retention * interval '1 second';
    v_first    uuid := finq.first_id(finq.week_first());
    v_filed    uuid[];
    v_sessions uuid[];
BEGIN
    v_sessions := ARRAY(SELECT s.session_id FROM finq.session s
                         WHERE NOT s.kept AND s.session_id >= v_first
                           AND s.is_over AND s.expires_at <= v_until
                         ORDER BY s.expires_at LIMIT finq.janitor_batch_rows() FOR UPDATE SKIP LOCKED);
    IF cardinality(v_sessions) < finq.janitor_batch_rows() THEN
        v_sessions := v_sessions || ARRAY(
                            SELECT s.session_id FROM finq.session s
                             WHERE s.kept AND s.is_over AND s.expires_at <= v_until
                             ORDER BY s.expires_at LIMIT finq.janitor_batch_rows() FOR UPDATE SKIP LOCKED);
    END IF;
    IF cardinality(v_sessions) < finq.janitor_batch_rows() THEN
        v_filed := ARRAY(SELECT e.session_id FROM finq.upload u JOIN finq.step e ON e.step_id = u.step_id AND NOT e.kept
                          WHERE NOT u.kept AND u.step_id < v_first LIMIT 10 * finq.janitor_batch_rows())
                || ARRAY(SELECT s.session_id FROM finq.session s JOIN finq.feed f ON f.session_id = s.session_id
                          WHERE NOT s.kept AND s.session_id < v_first AND s.is_over
                            AND s.expires_at <= v_until LIMIT finq.janitor_batch_rows());
        v_sessions := v_sessions || ARRAY(
                            SELECT s.session_id FROM finq.session s
                             WHERE NOT s.kept AND s.session_id = ANY (v_filed)
                               AND s.is_over AND s.expires_at <= v_until
                             LIMIT finq.janitor_batch_rows() FOR UPDATE SKIP LOCKED);
    END IF;
    PERFORM finq.sessions_remove(v_sessions);
    RETURN cardinality(v_sessions);
END $$;

-- What was collected for consents, past max_data_retention. A consent is left to the next run as long as its exchange may be
-- asked for once more, and where somebody holds it or one of its sessions. Sessions that would have renewed it have its data key: they
-- end, and it is the consent that their clients are told of. Of one that is in force, the person is still found.
CREATE OR REPLACE FUNCTION finq.janitor_remove_data() RETURNS integer
    LANGUAGE plpgsql
AS $$
DECLARE
    v_now        timestamptz := clock_timestamp();
    v_done       integer := 0;
    v_consent_id uuid;
    v_sessions   uuid[];
    v_renewals   uuid[];
BEGIN
    FOR v_consent_id IN
        SELECT c.credentials_id FROM finq.credential c
         WHERE c.data_removed_at IS NULL AND c.max_data_retention <= v_now
           AND (c.deleted_at IS NOT NULL OR NOT EXISTS (
                    SELECT FROM finq.session s
                     WHERE s.credentials_id = c.credentials_id AND s.exchanged_at > v_now - interval '2 minutes'))
         ORDER BY c.max_data_retention LIMIT finq.janitor_batch_rows() FOR NO KEY UPDATE SKIP LOCKED LOOP
        v_sessions := ARRAY(SELECT s.session_id FROM finq.session s WHERE s.credentials_id = v_consent_id FOR UPDATE SKIP LOCKED);
        v_renewals := ARRAY(SELECT s.session_id FROM finq.session s
                             WHERE s.renews = v_consent_id AND s.credentials_id IS NULL FOR UPDATE SKIP LOCKED);
        CONTINUE WHEN EXISTS (SELECT FROM finq.session s
                               WHERE (s.credentials_id = v_consent_id OR s.renews = v_consent_id)
                                 AND s.session_id <> ALL (v_sessions || v_renewals));
        PERFORM finq.sessions_remove(v_sessions);
        PERFORM finq.feed_remove(v_consent_id);
        PERFORM finq.feed_remove(f.credentials_id) FROM finq.feed f WHERE f.session_id = ANY (v_renewals);
        PERFORM finq.session_empty(i.id, v_consent_id) FROM unnest(v_renewals) AS i (id);
        UPDATE finq.credential c
           SET data_removed_at = v_now, data_key = NULL, tenant_user_id = NULL, user_mac_key = finq.wrapping_key(c.data_key),
               user_mac = CASE finq.consent_status(c) WHEN 'ACTIVE' THEN c.user_mac END
         WHERE c.credentials_id = v_consent_id;
        v_done := v_done + 1;
    END LOOP;
    RETURN v_done;
END $$;

-- The consents themselves, once nobody is told of them any more (finq.consent_is_known).
CREATE OR REPLACE FUNCTION finq.janitor_remove_consents() RETURNS integer
    LANGUAGE sql
AS $$
    WITH gone AS (
        DELETE FROM finq.credential c
         WHERE c.credentials_id IN (SELECT o.credentials_id FROM finq.credential o
                                     WHERE o.data_removed_at IS NOT NULL AND o.status <> 'ACTIVE'
                                       AND o.max_data_retention <= statement_timestamp() - interval '1 year'
                                     ORDER BY o.max_data_retention LIMIT finq.janitor_batch_rows() FOR UPDATE SKIP LOCKED)
        RETURNING 1)
    SELECT count(*)::integer FROM gone
$$;

CREATE OR REPLACE FUNCTION finq.janitor_remove_replays() RETURNS integer
    LANGUAGE sql
AS $$
    WITH gone AS (
        DELETE FROM finq.replay r
         WHERE r.ctid = ANY (ARRAY(SELECT o.ctid FROM finq.replay o WHERE o.expires_at < statement_timestamp()
                                    ORDER BY o.expires_at LIMIT finq.janitor_batch_rows() FOR UPDATE SKIP LOCKED))
        RETURNING 1)
    SELECT count(*)::integer FROM gone
$$;

CREATE OR REPLACE FUNCTION finq.janitor_remove_claims() RETURNS integer
    LANGUAGE sql
AS $$
    WITH gone AS (
        DELETE FROM finq.step_claim c
         WHERE c.ctid = ANY (ARRAY(SELECT o.ctid FROM finq.step_claim o WHERE o.until < statement_timestamp()
                                    ORDER BY o.until LIMIT finq.janitor_batch_rows() FOR UPDATE SKIP LOCKED))
        RETURNING 1)
    SELECT count(*)::integer FROM gone
$$;

-- Feeds of sessions that never came to be: their first step was refused behind the connector's word. Nobody can have asked for such
-- a one's data.
CREATE OR REPLACE FUNCTION finq.janitor_remove_feeds() RETURNS integer
    LANGUAGE plpgsql
AS $$
DECLARE
    v_feeds uuid[] := ARRAY(SELECT f.credentials_id FROM finq.feed f
                             WHERE f.refreshed_at IS NULL AND f.visited_at < statement_timestamp() - interval '1 day'
                               AND NOT EXISTS (SELECT FROM finq.session s WHERE s.session_id = f.session_id)
                               AND NOT EXISTS (SELECT FROM finq.credential c WHERE c.credentials_id = f.credentials_id)
                             ORDER BY f.visited_at LIMIT finq.janitor_batch_rows() FOR UPDATE SKIP LOCKED);
BEGIN
    PERFORM finq.feed_remove(i.id) FROM unnest(v_feeds) AS i (id);
    RETURN cardinality(v_feeds);
END $$;

-- Adds together what finq.stored says of a tenant in many rows, one tenant at a time.
CREATE OR REPLACE FUNCTION finq.janitor_count_storage() RETURNS integer
    LANGUAGE sql
AS $$
    WITH gone AS (
        DELETE FROM finq.stored b
         WHERE b.ctid = ANY (ARRAY(SELECT o.ctid FROM finq.stored o
                                    WHERE o.client_id = (SELECT m.client_id FROM finq.stored m GROUP BY m.client_id HAVING count(*) > 100 LIMIT 1)
                                    LIMIT 10 * finq.janitor_batch_rows()))
        RETURNING b.client_id, b.bytes),
    added AS (INSERT INTO finq.stored (client_id, bytes) SELECT g.client_id, sum(g.bytes) FROM gone g GROUP BY g.client_id)
    SELECT count(*)::integer FROM gone
$$;

-- Uploads that were begun, and did not come to their end in time.
CREATE OR REPLACE FUNCTION finq.janitor_remove_partials() RETURNS integer
    LANGUAGE sql
AS $$
    WITH gone AS (
        DELETE FROM finq.partial p
         WHERE p.upload_id IN (SELECT o.upload_id FROM finq.partial o WHERE o.expires_at <= statement_timestamp()
                                ORDER BY o.expires_at LIMIT finq.janitor_batch_rows() FOR UPDATE SKIP LOCKED)
        RETURNING p.upload_id, p.stored),
    files AS (
        INSERT INTO finq.upload_removed (upload_id, removed_at, decided)
        SELECT g.upload_id, clock_timestamp(), false FROM gone g WHERE g.stored IS NULL)
    SELECT count(*)::integer FROM gone
$$;

-- Pages whose address is no good any more.
CREATE OR REPLACE FUNCTION finq.janitor_remove_pages() RETURNS integer
    LANGUAGE sql
AS $$
    WITH gone AS (
        DELETE FROM finq.page p
         WHERE p.page_id IN (SELECT o.page_id FROM finq.page o WHERE o.expires_at <= statement_timestamp()
                              ORDER BY o.expires_at LIMIT finq.janitor_batch_rows() FOR UPDATE SKIP LOCKED)
        RETURNING 1)
    SELECT count(*)::integer FROM gone
$$;

-- Hand-offs that are over.
CREATE OR REPLACE FUNCTION finq.janitor_remove_handoffs() RETURNS integer
    LANGUAGE sql
AS $$
    WITH gone AS (
        DELETE FROM finq.handoff h
         WHERE h.page_id IN (SELECT o.page_id FROM finq.handoff o WHERE o.expires_at <= statement_timestamp()
                              ORDER BY o.expires_at LIMIT finq.janitor_batch_rows() FOR UPDATE SKIP LOCKED)
        RETURNING 1)
    SELECT count(*)::integer FROM gone
$$;

-- Events, p_retention seconds after they were delivered or given up.
CREATE OR REPLACE FUNCTION finq.janitor_remove_events(p_retention integer) RETURNS integer
    LANGUAGE plpgsql
AS $$
DECLARE
    v_until timestamptz := clock_timestamp() - p_retention * interval '1 second';
    v_event record;
    v_done  integer := 0;
BEGIN
    FOR v_event IN SELECT o.event_id, o.created_at, o.kept FROM finq.outbox o
                    WHERE o.state <> 'WAITING' AND coalesce(o.delivered_at, o.next_at) <= v_until
                    ORDER BY coalesce(o.delivered_at, o.next_at) LIMIT finq.janitor_batch_rows() FOR UPDATE SKIP LOCKED LOOP
        DELETE FROM finq.outbox o
         WHERE o.event_id = v_event.event_id AND o.created_at = v_event.created_at AND o.kept = v_event.kept;
        v_done := v_done + 1;
    END LOOP;
    RETURN v_done;
END $$;

-- Receipts are given again for 30 days, which is as long as a session may be begun before its first step.
CREATE OR REPLACE FUNCTION finq.janitor_remove_erasures() RETURNS integer
    LANGUAGE sql
AS $$
    WITH gone AS (
        DELETE FROM finq.erasure e
         WHERE e.erasure_id IN (SELECT o.erasure_id FROM finq.erasure o
                                 WHERE o.erased_at <= statement_timestamp() - interval '30 days'
                                 ORDER BY o.erased_at LIMIT finq.janitor_batch_rows() FOR UPDATE SKIP LOCKED)
        RETURNING 1)
    SELECT count(*)::integer FROM gone
$$;

-- ---------------------------------------------------------------------------------------------------------------------
-- A run: begin, then a batch after the other, then end
-- ---------------------------------------------------------------------------------------------------------------------

-- For how many seconds the oldest session or consent that should have expired has been left.
CREATE OR REPLACE FUNCTION finq.janitor_lag() RETURNS bigint
    LANGUAGE plpgsql STABLE
AS $$
DECLARE
    v_now   timestamptz := clock_timestamp();
    v_first timestamptz;
BEGIN
    SELECT least((SELECT s.expires_at FROM finq.session s
                   WHERE NOT s.is_over AND s.exchanged_at IS NULL
                     AND s.expires_at <= v_now AND finq.session_is_old(s) ORDER BY s.expires_at LIMIT 1),
                 (SELECT c.consent_exp FROM finq.credential c
                   WHERE c.status = 'ACTIVE' AND c.expiry_told AND c.consent_exp <= v_now ORDER BY c.consent_exp LIMIT 1),
                 (SELECT c.consent_exp FROM finq.credential c
                   WHERE c.status = 'ACTIVE' AND NOT c.expiry_told AND c.consent_exp <= v_now ORDER BY c.consent_exp LIMIT 1),
                 v_now) INTO v_first;
    RETURN finq.seconds(v_now) - finq.seconds(v_first);
END $$;

-- Begins a run, unless one is under way or began within the last p_every seconds: then `epoch` is NULL, and p_holder may see who
-- had it. A server says its retentions, in seconds. `lag` is in seconds, `last_run`, when a run last came to its end, seconds since 1970. The weeks are
-- as finq.week_report has them.
CREATE OR REPLACE FUNCTION finq.janitor_begin(p_holder text, p_every integer, p_session_retention integer, p_event_retention integer,
    p_audit_retention integer, OUT epoch bigint, OUT lag bigint, OUT last_run bigint,
    OUT holder text, OUT weeks_ahead integer, OUT weeks_missing integer, OUT weeks_pinned integer, OUT weeks_contended integer)
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET jit = off SET plan_cache_mode = force_generic_plan
    SET enable_seqscan = off
AS $$
#variable_conflict use_column
BEGIN
    epoch := finq.lease_take('janitor', p_holder, 60, p_every);
    UPDATE finq.retention r SET sessions = p_session_retention, events = p_event_retention, audit = p_audit_retention
     WHERE epoch IS NOT NULL AND p_session_retention IS NOT NULL
       AND (r.sessions, r.events, r.audit) <> (p_session_retention, p_event_retention, p_audit_retention);
    lag := finq.janitor_lag();
    SELECT finq.seconds(l.given_at), l.holder INTO last_run, holder FROM finq.lease l WHERE l.name = 'janitor';
    SELECT w.ahead, w.missing, w.pinned, w.contended INTO weeks_ahead, weeks_missing, weeks_pinned, weeks_contended
      FROM finq.week_report() w;
END $$;

-- Does a batch of p_job, the first where that is NULL. What comes next is `next_job`: the same one where there may be more to do,
-- NULL after the last. Retentions are in seconds, NULL for the servers'. `outcome` is 'ok'; 'lost' where the lease is no more p_epoch's; or 'failed',
-- with the `problem`: then nothing of this batch has been done, and the others are not held up by it.
CREATE OR REPLACE FUNCTION finq.janitor_batch(
    p_epoch bigint, p_job text, p_session_retention integer, p_event_retention integer, p_audit_retention integer,
    OUT outcome text, OUT job text, OUT done integer, OUT next_job text, OUT problem text)
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET jit = off SET plan_cache_mode = force_generic_plan
    SET enable_seqscan = off
AS $$
DECLARE
    v_jobs text[] := '{sessions_expired, consents_expired, consents_announced, sessions_removed, data_removed, consents_removed,
                       replays_removed, claims_removed, feeds_removed, storage_counted, partials_removed, pages_removed, handoffs_removed, events_removed, erasures_removed, payments_given_up,
                       payments_removed, audit_removed,
                       audit_chained, weeks_made, sessions_kept, events_kept, weeks_detached, weeks_dropped}';
BEGIN
    done := 0;
    job := coalesce(p_job, v_jobs[1]);
    IF NOT finq.lease_keep('janitor', p_epoch, 60) THEN
        outcome := 'lost';
        RETURN;
    END IF;
    SELECT coalesce(p_session_retention, r.sessions), coalesce(p_event_retention, r.events), coalesce(p_audit_retention, r.audit)
      INTO p_session_retention, p_event_retention, p_audit_retention FROM finq.retention r;
    BEGIN
        done := CASE job
            WHEN 'sessions_expired' THEN finq.janitor_expire_sessions()
            WHEN 'consents_expired' THEN finq.janitor_expire_consents()
            WHEN 'consents_announced' THEN finq.janitor_announce_consents()
            WHEN 'sessions_removed' THEN finq.janitor_remove_sessions(p_session_retention)
            WHEN 'data_removed' THEN finq.janitor_remove_data()
            WHEN 'consents_removed' THEN finq.janitor_remove_consents()
            WHEN 'replays_removed' THEN finq.janitor_remove_replays()
            WHEN 'claims_removed' THEN finq.janitor_remove_claims()
            WHEN 'feeds_removed' THEN finq.janitor_remove_feeds()
            WHEN 'storage_counted' THEN finq.janitor_count_storage()
            WHEN 'partials_removed' THEN finq.janitor_remove_partials()
            WHEN 'pages_removed' THEN finq.janitor_remove_pages()
            WHEN 'handoffs_removed' THEN finq.janitor_remove_handoffs()
            WHEN 'events_removed' THEN finq.janitor_remove_events(p_event_retention)
            WHEN 'erasures_removed' THEN finq.janitor_remove_erasures()
            WHEN 'payments_given_up' THEN finq.janitor_give_up_payments()
            WHEN 'payments_removed' THEN finq.janitor_remove_payments(p_session_retention)
            WHEN 'audit_removed' THEN finq.audit_prune(p_audit_retention, finq.janitor_batch_rows())
            WHEN 'audit_chained' THEN finq.audit_chain(finq.janitor_batch_rows())
            WHEN 'weeks_made' THEN finq.week_make()
            WHEN 'sessions_kept' THEN finq.janitor_keep_sessions(p_session_retention)
            WHEN 'events_kept' THEN finq.janitor_keep_events(p_event_retention)
            WHEN 'weeks_detached' THEN finq.week_end_next(true, p_session_retention, p_event_retention)
            WHEN 'weeks_dropped' THEN finq.week_end_next(false, p_session_retention, p_event_retention)
        END;
        outcome := 'ok';
    EXCEPTION WHEN OTHERS OR query_canceled THEN -- a statement_timeout too
        outcome := 'failed';
        problem := format('%s: %s', SQLSTATE, SQLERRM);
    END;
    next_job := CASE WHEN done >= CASE WHEN job LIKE 'weeks%' THEN 1 ELSE finq.janitor_batch_rows() END THEN job
                     ELSE v_jobs[array_position(v_jobs, job) + 1] END;
END $$;

-- Ends a run. `place` and `hash` are the head of the audit trail, where it is to be signed; else NULL.
CREATE OR REPLACE FUNCTION finq.janitor_end(p_epoch bigint, OUT was_held boolean, OUT place bigint, OUT hash bytea)
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET jit = off
AS $$
BEGIN
    was_held := finq.lease_give('janitor', p_epoch);
    IF was_held THEN
        SELECT h.place, h.hash INTO place, hash FROM finq.audit_head_due() h;
    END IF;
END $$;

-- Keeps a head that was signed, if the trail has it.
CREATE OR REPLACE FUNCTION finq.janitor_sign(p_place bigint, p_hash bytea, p_secret_id integer, p_signature bytea, OUT is_kept boolean)
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET jit = off
AS $$
BEGIN
    INSERT INTO finq.audit_head (place, hash, secret_id, signature)
    SELECT p_place, p_hash, p_secret_id, p_signature FROM finq.audit a WHERE a.place = p_place AND a.hash = p_hash
    ON CONFLICT DO NOTHING;
    is_kept := EXISTS (SELECT FROM finq.audit_head h WHERE h.place = p_place AND h.hash = p_hash);
    UPDATE finq.lease l SET given_at = clock_timestamp(), epoch = greatest(l.epoch, p_place) -- what finq.audit_verify misses heads by
     WHERE l.name = 'audit_head' AND is_kept;
END $$;
COMMENT ON FUNCTION finq.janitor_sign IS 'repeatable';
