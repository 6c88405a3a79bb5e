-- What finqctl doctor asks of a database that has the schema.

-- How things stand beside what the configuration says: {clock, webhooks, overdue, delivers, janitor_seconds}. `overdue` are events
-- that a webhook which works should have had a minute ago; `janitor_seconds` is since the last run, NULL where there was none.
CREATE OR REPLACE FUNCTION finq.doctor() RETURNS json
    LANGUAGE sql STABLE
    RETURN json_build_object(
        'clock', finq.seconds(clock_timestamp()),
        'webhooks', finq.webhook_list(),
        'overdue', (SELECT count(*) FROM finq.outbox o JOIN finq.webhook w ON w.client_id = o.client_id
                     WHERE o.state = 'WAITING' AND w.enabled AND w.failing_since IS NULL
                       AND o.next_at < clock_timestamp() - interval '1 minute'),
        'delivers', (SELECT l.until > clock_timestamp() FROM finq.lease l WHERE l.name = 'outbox'),
        'janitor_seconds', (SELECT finq.seconds(clock_timestamp()) - finq.seconds(l.taken_at) FROM finq.lease l
                             WHERE l.name = 'janitor' AND isfinite(l.taken_at)));

-- What the database knows of an id, of whatever kind, and nothing of a person: {session, consent, event, audit}. The lines of the
-- audit trail are those that name it, or, of a session, one of its steps, oldest first.
CREATE OR REPLACE FUNCTION finq.explain(p_id uuid) RETURNS json
    LANGUAGE plpgsql STABLE
AS $$
DECLARE
    v_ids uuid[] := p_id || ARRAY(SELECT e.step_id FROM finq.step e
                                   WHERE e.step_id BETWEEN finq.time_first(p_id) AND finq.time_last(p_id) AND e.session_id = p_id);
BEGIN
    RETURN json_build_object(
        'session', (SELECT json_build_object(
                        'session_id', s.session_id, 'client_id', s.client_id, 'skill', k.name, 'status', s.status,
                        'started_at', finq.utc(s.started_at), 'updated_at', finq.utc(s.updated_at), 'waits_for', s.waits_for,
                        'exchanged_at', finq.utc(s.exchanged_at), 'credentials_id', s.credentials_id)
                      FROM finq.session s JOIN finq.skill k ON k.skill_id = s.skill_id
                     WHERE s.session_id = coalesce((SELECT e.session_id FROM finq.step e WHERE e.step_id = p_id), p_id)),
        'consent', (SELECT finq.consent_shown(c) FROM finq.credential c WHERE c.credentials_id = p_id),
        'event', (SELECT json_build_object(
                      'event_id', o.event_id, 'type', o.type, 'session_id', o.session_id, 'state', o.state, 'attempts', o.attempts,
                      'last_error', o.last_error)
                    FROM finq.outbox o WHERE o.message_id = p_id),
        'audit', (SELECT coalesce(json_agg(json_build_object(
                             'at', finq.utc(a.at), 'object', a.object, 'action', a.action, 'os_user', a.os_user, 'role', a.role,
                             'detail', a.detail) ORDER BY a.audit_id), '[]')
                    FROM finq.audit a WHERE a.client_id = p_id OR a.detail::text LIKE ANY (SELECT '%' || i.id || '%' FROM unnest(v_ids) AS i (id))));
END $$;
