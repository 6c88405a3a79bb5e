-- Weeks: the partitions of the tables that shrink. They are made ahead, and go whole once nothing is left in them: what is kept
-- longer moves before. The janitor does it, each step of it a short transaction that gives up rather than let others wait; the
-- database's clock alone decides. There is no partition for what has no week: whoever writes there is told, and nothing hides.

-- The tables: each with the tree NAME_week below it, whose weeks are told by ids or by times. Which of a past week's rows (t) stay is
-- a condition, about those that have ended after $1. A week goes after that of the table that it follows, in this order.
CREATE OR REPLACE FUNCTION finq.week_tables() RETURNS TABLE (place integer, name text, by_id boolean, follows text, stays text)
    LANGUAGE sql IMMUTABLE
AS $$
    VALUES (1, 'upload', true, NULL, 'true'), -- all stay: there are files to them
           (2, 'session', true, 'upload', $c$t.status NOT IN ('SESSION_FAILED', 'SESSION_EXPIRED') OR t.expires_at > $1
                                            OR EXISTS (SELECT FROM finq.feed f WHERE f.session_id = t.session_id)$c$),
           (3, 'step', true, 'session', 'false'),
           (4, 'outbox', false, NULL, $c$t.state = 'WAITING' OR coalesce(t.delivered_at, t.next_at) > $1$c$)
$$;

CREATE OR REPLACE FUNCTION finq.week_start(p_at timestamptz) RETURNS timestamptz
    LANGUAGE sql IMMUTABLE
    RETURN date_trunc('week', p_at AT TIME ZONE 'UTC') AT TIME ZONE 'UTC';

-- Where the weeks begin in which new rows may come: a session's first step comes up to 30 days after its id was made (FinqSessionTTL).
CREATE OR REPLACE FUNCTION finq.week_first() RETURNS timestamptz
    LANGUAGE sql STABLE
    RETURN finq.week_start(clock_timestamp()) - interval '5 weeks';

-- What a table's week is called: by its year and number (ISO 8601), such as session_2026w48.
CREATE OR REPLACE FUNCTION finq.week_name(p_table text, p_starts timestamptz) RETURNS text
    LANGUAGE sql STABLE
    RETURN p_table || to_char(p_starts AT TIME ZONE 'UTC', '_IYYY"w"IW');

-- What a week's bound is called in a table.
CREATE OR REPLACE FUNCTION finq.week_bound(p_by_id boolean, p_at timestamptz) RETURNS text
    LANGUAGE sql STABLE
    RETURN CASE WHEN p_by_id THEN finq.first_id(p_at)::text ELSE finq.utc(p_at) END;

-- Every week of each table that is there, or should be: from the one before this, for clocks that are late, to four weeks ahead.
-- `state`: 'ahead', 'live', 'missing', or 'past', which is to go; `attached`: whether its table looks at it.
CREATE OR REPLACE FUNCTION finq.weeks()
    RETURNS TABLE (place integer, table_name text, starts timestamptz, partition text, attached boolean, state text)
    LANGUAGE sql STABLE
AS $$
    SELECT t.place, t.name, w.starts, finq.week_name(t.name, w.starts), coalesce(c.relispartition, false),
           CASE WHEN w.starts < finq.week_first() THEN 'past' WHEN c.relispartition IS NOT TRUE THEN 'missing'
                WHEN w.starts > clock_timestamp() THEN 'ahead' ELSE 'live' END
      FROM finq.week_tables() t
     CROSS JOIN LATERAL (
           SELECT g.starts FROM generate_series(-1, 4) AS n (n)
            CROSS JOIN LATERAL (SELECT finq.week_start(clock_timestamp()) + n.n * interval '1 week') AS g (starts)
           UNION
           SELECT to_date(right(r.relname, 7), 'IYYY"w"IW')::timestamp AT TIME ZONE 'UTC' FROM pg_catalog.pg_class r
            WHERE r.relnamespace = 'finq'::regnamespace AND r.relkind = 'r' AND r.relname ~ ('^' || t.name || '_\d{4}w\d\d$')) w
      LEFT JOIN pg_catalog.pg_class c ON c.relnamespace = 'finq'::regnamespace
                                     AND c.relname = finq.week_name(t.name, w.starts)
$$;

-- How the weeks stand: `ahead`, those that are ready, of the table that has fewest; `missing`; and of the past ones those that could
-- not go: `pinned` by rows that somebody holds, or `contended`, because somebody held the table.
CREATE OR REPLACE FUNCTION finq.week_report(OUT ahead integer, OUT missing integer, OUT pinned integer, OUT contended integer)
    LANGUAGE plpgsql STABLE
AS $$
BEGIN
    SELECT min(t.ahead), sum(t.missing) INTO ahead, missing
      FROM (SELECT (count(*) FILTER (WHERE w.state = 'ahead' AND w.attached))::integer AS ahead,
                   (count(*) FILTER (WHERE w.state = 'missing'))::integer AS missing
              FROM finq.weeks() w GROUP BY w.table_name) t;
    SELECT count(*) FILTER (WHERE h.why = 'pinned'), count(*) FILTER (WHERE h.why = 'contended') INTO pinned, contended
      FROM finq.week_held h;
END $$;

-- ---------------------------------------------------------------------------------------------------------------------
-- Making: nobody waits, for the table that gets a partition stays open to all.
-- ---------------------------------------------------------------------------------------------------------------------

-- As the owner of all tables, whoever calls it: another's the janitor could not drop.
CREATE OR REPLACE FUNCTION finq.week_add(p_table text, p_starts timestamptz) RETURNS void
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET jit = off
AS $$
DECLARE
    v_by_id     boolean := (SELECT t.by_id FROM finq.week_tables() t WHERE t.name = p_table);
    v_partition text := finq.week_name(p_table, p_starts);
BEGIN
    EXECUTE format('CREATE TABLE finq.%I (LIKE finq.%I INCLUDING DEFAULTS INCLUDING GENERATED INCLUDING CONSTRAINTS) WITH (fillfactor = %s)',
                   v_partition, p_table || '_week', CASE p_table WHEN 'session' THEN 80 ELSE 100 END);
    EXECUTE format('ALTER TABLE finq.%I ATTACH PARTITION finq.%I FOR VALUES FROM (%L) TO (%L)', p_table || '_week', v_partition,
                   finq.week_bound(v_by_id, p_starts), finq.week_bound(v_by_id, p_starts + interval '1 week'));
END $$;

-- Makes the first week that is missing. Answers how many it made: 1, or 0 where none is.
CREATE OR REPLACE FUNCTION finq.week_make() RETURNS integer
    LANGUAGE sql VOLATILE
AS $$
    SELECT count(finq.week_add(m.table_name, m.starts))::integer
      FROM (SELECT w.table_name, w.starts FROM finq.weeks() w WHERE w.state = 'missing' ORDER BY w.starts, w.place LIMIT 1) m
$$;

-- All that are missing. For finqctl db migrate: a new database is ready at once.
CREATE OR REPLACE FUNCTION finq.weeks_make() RETURNS integer
    LANGUAGE plpgsql
AS $$
DECLARE
    v_made integer := 0;
BEGIN
    WHILE finq.week_make() > 0 LOOP
        v_made := v_made + 1;
    END LOOP;
    RETURN v_made;
END $$;

-- ---------------------------------------------------------------------------------------------------------------------
-- Keeping: what is left in a past week moves. Others hold a row: it waits for the next run. Somebody who comes for a row in the
-- moment in which it moves is told that his transaction was undone (40001), and it is made again.
-- ---------------------------------------------------------------------------------------------------------------------

-- Sessions with all that hangs on them.
CREATE OR REPLACE FUNCTION finq.sessions_keep(p_sessions uuid[]) RETURNS void
    LANGUAGE plpgsql
AS $$
DECLARE
    v_ids   uuid[] := finq.sorted(p_sessions);
    v_first uuid := finq.time_first(v_ids[1]);
    v_last  uuid := finq.time_last(v_ids[cardinality(v_ids)]);
    v_steps uuid[];
BEGIN
    UPDATE finq.session s SET kept = true
     WHERE s.session_id = ANY (p_sessions) AND s.session_id BETWEEN v_first AND v_last AND NOT s.kept;
    v_steps := ARRAY(SELECT e.step_id FROM unnest(p_sessions) AS i (id) CROSS JOIN finq.steps_of(i.id) e WHERE NOT e.kept);
    UPDATE finq.step e SET kept = true WHERE e.step_id = ANY (v_steps) AND e.step_id BETWEEN v_first AND v_last AND NOT e.kept;
    UPDATE finq.upload u SET kept = true WHERE u.step_id = ANY (v_steps) AND u.step_id BETWEEN v_first AND v_last AND NOT u.kept;
END $$;

-- Those first that have a consent, by its index: of a week that was never tidied they are few among many.
CREATE OR REPLACE FUNCTION finq.janitor_keep_sessions(p_retention integer) RETURNS integer
    LANGUAGE plpgsql
AS $$
DECLARE
    v_past     uuid := finq.first_id(finq.week_first());
    v_until    timestamptz := clock_timestamp() - p_retention * interval '1 second';
    v_sessions uuid[];
BEGIN
    v_sessions := ARRAY(SELECT s.session_id FROM finq.session s WHERE NOT s.kept AND s.session_id < v_past AND s.credentials_id IS NOT NULL
                         ORDER BY s.credentials_id LIMIT finq.janitor_batch_rows() FOR UPDATE SKIP LOCKED);
    IF cardinality(v_sessions) < finq.janitor_batch_rows() THEN
        v_sessions := v_sessions || ARRAY(
                            SELECT s.session_id FROM finq.session s
                             WHERE NOT s.kept AND s.session_id < v_past AND s.session_id <> ALL (v_sessions)
                               AND (s.status NOT IN ('SESSION_FAILED', 'SESSION_EXPIRED') OR s.expires_at > v_until)
                             ORDER BY s.session_id LIMIT finq.janitor_batch_rows() FOR UPDATE SKIP LOCKED);
    END IF;
    PERFORM finq.sessions_keep(v_sessions);
    RETURN cardinality(v_sessions);
END $$;

CREATE OR REPLACE FUNCTION finq.janitor_keep_events(p_retention integer) RETURNS integer
    LANGUAGE plpgsql
AS $$
DECLARE
    v_past  timestamptz := finq.week_first();
    v_until timestamptz := clock_timestamp() - p_retention * interval '1 second';
    v_event record;
    v_done  integer := 0;
BEGIN
    FOR v_event IN SELECT o.event_id, o.created_at FROM finq.outbox o
                    WHERE NOT o.kept AND o.created_at < v_past
                      AND (o.state = 'WAITING' OR coalesce(o.delivered_at, o.next_at) > v_until)
                    LIMIT finq.janitor_batch_rows() FOR UPDATE SKIP LOCKED LOOP
        UPDATE finq.outbox o SET kept = true
         WHERE o.event_id = v_event.event_id AND o.created_at = v_event.created_at AND NOT o.kept;
        v_done := v_done + 1;
    END LOOP;
    RETURN v_done;
END $$;

-- ---------------------------------------------------------------------------------------------------------------------
-- Dropping, in two transactions: one takes a week out of its table, for which it waits a twentieth of a second, and as long for
-- the week; the other drops what nobody looks at any more. Nothing comes into a past week: a first step is too old for it, and all
-- else needs a session that goes on.
-- ---------------------------------------------------------------------------------------------------------------------

-- Whether rows in a past week stay in the way of its end.
CREATE OR REPLACE FUNCTION finq.week_is_pinned(p_table text, p_partition text, p_until timestamptz) RETURNS boolean
    LANGUAGE plpgsql STABLE
AS $$
DECLARE
    v_is_pinned boolean;
BEGIN
    EXECUTE format('SELECT EXISTS (SELECT FROM finq.%I t WHERE %s)', p_partition,
                   (SELECT t.stays FROM finq.week_tables() t WHERE t.name = p_table)) INTO v_is_pinned USING p_until;
    RETURN v_is_pinned;
END $$;

-- Takes a past week out of its table, or, where it has been, drops it. Answers what was in the way: 'pinned', 'contended', or NULL.
CREATE OR REPLACE FUNCTION finq.week_end(p_table text, p_partition text, p_attached boolean, p_until timestamptz) RETURNS text
    LANGUAGE plpgsql
AS $$
BEGIN
    IF finq.week_is_pinned(p_table, p_partition, p_until) THEN
        RETURN 'pinned';
    ELSIF p_attached THEN
        EXECUTE format('LOCK TABLE ONLY finq.%I IN ACCESS EXCLUSIVE MODE', p_table || '_week'); -- first, as everybody does
        EXECUTE format('ALTER TABLE finq.%I DETACH PARTITION finq.%I', p_table || '_week', p_partition);
    ELSE
        EXECUTE format('DROP TABLE finq.%I', p_partition);
    END IF;
    RETURN NULL;
EXCEPTION WHEN lock_not_available OR deadlock_detected THEN
    RETURN 'contended';
END $$;

-- The past weeks whose turn it is, those still in their table or those taken out of it: none that follows one that still is.
CREATE OR REPLACE FUNCTION finq.weeks_past(p_attached boolean) RETURNS TABLE (table_name text, partition text)
    LANGUAGE sql STABLE
AS $$
    WITH all_weeks AS MATERIALIZED (SELECT w.place, w.table_name, w.starts, w.partition, w.attached, w.state FROM finq.weeks() w)
    SELECT w.table_name, w.partition FROM all_weeks w JOIN finq.week_tables() t ON t.name = w.table_name
     WHERE w.state = 'past' AND w.attached = p_attached
       AND NOT EXISTS (SELECT FROM all_weeks f WHERE f.table_name = t.follows AND f.starts = w.starts AND f.attached)
     ORDER BY w.starts, w.place
$$;

-- Ends the first of these that nothing is in the way of. Answers how many: 1 or 0. What was in the way of others is noted.
CREATE OR REPLACE FUNCTION finq.week_end_next(p_attached boolean, p_session_retention integer, p_event_retention integer)
    RETURNS integer
    LANGUAGE plpgsql
AS $$
DECLARE
    v_week record;
    v_why  text;
BEGIN
    PERFORM set_config('lock_timeout', '50ms', true);
    DELETE FROM finq.week_held h WHERE to_regclass('finq.' || h.partition) IS NULL;
    FOR v_week IN SELECT w.table_name, w.partition FROM finq.weeks_past(p_attached) w LOOP
        v_why := finq.week_end(v_week.table_name, v_week.partition, p_attached, clock_timestamp() - interval '1 second'
                               * CASE v_week.table_name WHEN 'outbox' THEN p_event_retention ELSE p_session_retention END);
        IF v_why IS NULL THEN
            DELETE FROM finq.week_held h WHERE h.partition = v_week.partition;
            RETURN 1;
        END IF;
        INSERT INTO finq.week_held AS h (partition, why, since) VALUES (v_week.partition, v_why, clock_timestamp())
        ON CONFLICT (partition) DO UPDATE SET why = excluded.why, since = excluded.since WHERE h.why <> excluded.why;
    END LOOP;
    RETURN 0;
END $$;
