-- The audit trail, chained, read and verified. What writes it stands beside its table, in the migrations: a trigger needs its
-- function.

-- The hash of a line at its place: of the hash before it, and of all that it says, its time to the microsecond.
CREATE OR REPLACE FUNCTION finq.audit_hash(p_before bytea, p_place bigint, p_line finq.audit) RETURNS bytea
    LANGUAGE sql STABLE PARALLEL SAFE
    RETURN sha256(p_before || convert_to(ROW(
        p_place, (p_line).audit_id, extract(epoch FROM (p_line).at), (p_line).role, (p_line).address, (p_line).application,
        (p_line).os_user, (p_line).object, (p_line).action, (p_line).client_id, (p_line).detail)::text, 'UTF8'));

-- Gives the next p_limit lines that are committed their places in the chain, oldest first. Answers how many.
CREATE OR REPLACE FUNCTION finq.audit_chain(p_limit integer) RETURNS integer
    LANGUAGE plpgsql
AS $$
DECLARE
    v_line  finq.audit;
    v_place bigint;
    v_hash  bytea;
    v_done  integer := 0;
BEGIN
    PERFORM set_config('finq.audit_keeper', 'on', true);
    SELECT e.place, e.hash INTO v_place, v_hash
      FROM (SELECT a.place, a.hash FROM finq.audit a WHERE a.place IS NOT NULL ORDER BY a.place DESC LIMIT 1) e;
    IF v_place IS NULL THEN
        SELECT c.place, c.hash INTO v_place, v_hash FROM finq.audit_checkpoint c;
    END IF;
    FOR v_line IN SELECT a.* FROM finq.audit a WHERE a.place IS NULL ORDER BY a.audit_id LIMIT p_limit LOOP
        v_place := v_place + 1;
        v_hash := finq.audit_hash(v_hash, v_place, v_line);
        UPDATE finq.audit a SET place = v_place, hash = v_hash WHERE a.audit_id = v_line.audit_id;
        v_done := v_done + 1;
    END LOOP;
    PERFORM set_config('finq.audit_keeper', '', true);
    RETURN v_done;
END $$;

-- Removes up to p_limit lines from the chain's beginning that are older than p_retention seconds, as soon as there are so many or
-- the first is due for a day: each time leaves a line. Answers how many.
CREATE OR REPLACE FUNCTION finq.audit_prune(p_retention integer, p_limit integer) RETURNS integer
    LANGUAGE plpgsql
AS $$
DECLARE
    v_until timestamptz := clock_timestamp() - p_retention * interval '1 second';
    v_first timestamptz;
    v_count integer;
    v_last  bigint;
BEGIN
    SELECT min(d.at), count(*), max(d.place) INTO v_first, v_count, v_last
      FROM (SELECT l.place, l.at, max(l.at) OVER (ORDER BY l.place) AS latest
              FROM (SELECT a.place, a.at FROM finq.audit a WHERE a.place IS NOT NULL ORDER BY a.place LIMIT p_limit) l) d
     WHERE d.latest <= v_until;
    IF v_count = 0 OR (v_count < p_limit AND v_first > v_until - interval '1 day') THEN
        RETURN 0;
    END IF;
    UPDATE finq.audit_checkpoint c SET place = v_last, hash = (SELECT a.hash FROM finq.audit a WHERE a.place = v_last);
    PERFORM set_config('finq.audit_keeper', 'on', true);
    DELETE FROM finq.audit a WHERE a.place <= v_last;
    DELETE FROM finq.audit_head h WHERE h.place <= v_last;
    PERFORM set_config('finq.audit_keeper', '', true);
    RETURN v_count;
END $$;

-- The newest place and its hash, where an hour has passed since one was signed, and it is another; else NULLs.
CREATE OR REPLACE FUNCTION finq.audit_head_due(OUT place bigint, OUT hash bytea)
    LANGUAGE sql STABLE
AS $$
    SELECT e.place, e.hash
      FROM (SELECT a.place, a.hash FROM finq.audit a WHERE a.place IS NOT NULL ORDER BY a.place DESC LIMIT 1) e
     WHERE NOT EXISTS (SELECT FROM finq.audit_head h
                        WHERE h.place = e.place OR h.signed_at > clock_timestamp() - interval '1 hour')
$$;

-- The whole chain, in one pass: {lines, first, last, waiting, problem, heads}. `problem` is what is wrong with the first line that is
-- not as it was chained, NULL where nothing is; heads are for the caller to check, who knows the secrets. When the newest was signed, and
-- for which place, is also known beside the heads (the lease audit_head; NULL where no server ever signed): where that head is not there, what
-- had stood for two hours by then was under it. Where it is there, what follows it was chained later, however long its transaction was open.
CREATE OR REPLACE FUNCTION finq.audit_verify() RETURNS json
    LANGUAGE plpgsql STABLE
AS $$
DECLARE
    v_start   finq.audit_checkpoint := (SELECT c FROM finq.audit_checkpoint c);
    v_count   bigint;
    v_last    bigint;
    v_waiting bigint;
    v_problem text;
BEGIN
    SELECT count(a.place), coalesce(max(a.place), v_start.place), count(*) - count(a.place) INTO v_count, v_last, v_waiting FROM finq.audit a;
    SELECT CASE WHEN w.place <> w.before + 1 THEN format('%s of places %s to %s are missing', w.place - w.before - 1, w.before + 1, w.place - 1)
                ELSE format('line %s, at place %s, was changed, moved or put there', w.audit_id, w.place) END INTO v_problem
      FROM (SELECT a.audit_id, a.place, lag(a.place, 1, v_start.place) OVER c AS before, a.hash,
                   finq.audit_hash(lag(a.hash, 1, v_start.hash) OVER c, a.place, a) AS own
              FROM finq.audit a WHERE a.place IS NOT NULL WINDOW c AS (ORDER BY a.place)) w
     WHERE w.place <> w.before + 1 OR w.hash IS DISTINCT FROM w.own ORDER BY w.place LIMIT 1;
    IF v_problem IS NULL THEN
        SELECT CASE WHEN h.place > v_last THEN format('places %s to %s are missing', v_last + 1, h.place)
                    ELSE format('the chain up to place %s is not the one that was signed at %s', h.place, finq.utc(h.signed_at)) END
          INTO v_problem
          FROM finq.audit_head h LEFT JOIN finq.audit a ON a.place = h.place
         WHERE a.hash IS DISTINCT FROM h.hash ORDER BY h.place LIMIT 1;
    END IF;
    IF v_problem IS NULL THEN
        SELECT format('the chain was signed at %s, and there is no head for places %s to %s', finq.utc(max(l.given_at)), min(a.place), max(a.place))
          INTO v_problem
          FROM finq.audit a JOIN finq.lease l ON l.name = 'audit_head' AND a.at < l.given_at - interval '2 hours'
         CROSS JOIN (SELECT coalesce(max(h.place), 0) AS place FROM finq.audit_head h) s
         WHERE l.epoch > s.place AND a.place > s.place HAVING count(*) > 0;
    END IF;
    RETURN json_build_object(
        'lines', v_count, 'first', v_start.place + 1, 'last', v_last, 'waiting', v_waiting, 'problem', v_problem,
        'heads', (SELECT coalesce(json_agg(json_build_object('place', h.place, 'hash', encode(h.hash, 'hex'), 'signed_at', finq.utc(h.signed_at),
                                                             'secret_id', h.secret_id, 'signature', encode(h.signature, 'hex'))
                                           ORDER BY h.place), '[]') FROM finq.audit_head h));
END $$;

-- The place of the line whose hash this is, in hexadecimal, as a head's is shown; NULL where none has it. The last line that went by its
-- age is known too.
CREATE OR REPLACE FUNCTION finq.audit_place(p_hash text) RETURNS json
    LANGUAGE plpgsql STABLE
AS $$
BEGIN
    IF p_hash !~ '^[0-9a-fA-F]{64}$' THEN
        RAISE invalid_parameter_value USING MESSAGE = 'A head is the SHA-256 that audit verify shows: 64 hexadecimal digits.';
    END IF;
    RETURN (SELECT json_build_object('place', max(k.place))
              FROM (SELECT a.place, a.hash FROM finq.audit a UNION ALL SELECT c.place, c.hash FROM finq.audit_checkpoint c) k
             WHERE k.hash = decode(p_hash, 'hex'));
END $$;

-- The newest lines of the trail, newest first.
CREATE OR REPLACE FUNCTION finq.audit_list(p_client_id uuid, p_since timestamptz, p_limit integer) RETURNS json
    LANGUAGE plpgsql STABLE
AS $$
BEGIN
    IF p_limit NOT BETWEEN 1 AND 100000 THEN
        RAISE invalid_parameter_value USING MESSAGE = 'The limit must be 1 to 100000.';
    END IF;
    RETURN (SELECT coalesce(json_agg(json_build_object(
                'audit_id', a.audit_id, 'at', finq.utc(a.at), 'role', a.role, 'address', a.address, 'application', a.application,
                'os_user', a.os_user, 'object', a.object, 'action', a.action, 'client_id', a.client_id, 'detail', a.detail)
                ORDER BY a.audit_id DESC), '[]')
              FROM (SELECT l.* FROM finq.audit l
                     WHERE (p_client_id IS NULL OR l.client_id = p_client_id) AND (p_since IS NULL OR l.at >= p_since)
                     ORDER BY l.audit_id DESC LIMIT coalesce(p_limit, 100)) a);
END $$;
