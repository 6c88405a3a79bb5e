-- Events: made in the transaction of the change, delivered by finqctl.

-- An event for a tenant that has asked for events, delivered or not for now. It tells of ids, states and the skill, never of a
-- person.
CREATE OR REPLACE FUNCTION finq.event(p_client_id uuid, p_session_id uuid, p_skill_id integer, p_type text, p_data jsonb)
    RETURNS void
    LANGUAGE plpgsql
AS $$
BEGIN
    INSERT INTO finq.outbox (client_id, session_id, type, payload)
    SELECT w.client_id, p_session_id, p_type,
           json_build_object('type', p_type, 'timestamp', finq.utc(clock_timestamp()), 'data',
                             jsonb_build_object('client_id', p_client_id, 'session_id', p_session_id, 'skill', k.name) || p_data)
      FROM finq.webhook w JOIN finq.skill k ON k.skill_id = p_skill_id WHERE w.client_id = p_client_id;
END $$;

CREATE OR REPLACE FUNCTION finq.session_event(p_client_id uuid, p_session_id uuid, p_skill_id integer, p_status finq.session_status,
                                              p_step_id uuid)
    RETURNS void
    LANGUAGE sql VOLATILE
    RETURN finq.event(p_client_id, p_session_id, p_skill_id, 'session.' || lower(substr(p_status::text, 9)),
                      jsonb_build_object('status', p_status, 'step_id', p_step_id));

-- ---------------------------------------------------------------------------------------------------------------------
-- Delivery
-- ---------------------------------------------------------------------------------------------------------------------

-- The events that are due, beside those that are under way (p_under_way, their numbers). At most one a session, so that a
-- session's arrive in order; at most eight a webhook, or one where the last has failed, so that one that is dead has what
-- few deliveries it needs to come back, and holds up no other. Each webhook's first come before any one's second.
CREATE OR REPLACE FUNCTION finq.outbox_due(p_limit integer, p_under_way bigint[]) RETURNS jsonb
    LANGUAGE sql STABLE SET jit = off -- asked each second, answered in a millisecond: to compile it took half a second
    RETURN (SELECT coalesce(jsonb_agg(jsonb_build_object(
                'event_id', d.event_id, 'message_id', d.message_id, 'client_id', d.client_id, 'url', d.url,
                'payload', d.payload::text, 'secret_id', d.secret_id, 'salt', encode(d.salt, 'hex'),
                'old_secret_id', d.old_secret_id, 'old_salt', encode(d.old_salt, 'hex')) ORDER BY d.turn, d.next_at), '[]')
              FROM (SELECT o.event_id, o.message_id, o.client_id, o.payload, o.next_at, w.url, w.secret_id, w.salt,
                           CASE WHEN w.old_until > clock_timestamp() THEN w.old_secret_id END AS old_secret_id,
                           CASE WHEN w.old_until > clock_timestamp() THEN w.old_salt END AS old_salt,
                           u.count + row_number() OVER (PARTITION BY w.client_id ORDER BY o.next_at) AS turn
                      FROM finq.webhook w
                     CROSS JOIN LATERAL (SELECT count(*) FROM finq.outbox e
                                          WHERE e.event_id = ANY (p_under_way) AND e.client_id = w.client_id) u
                     CROSS JOIN LATERAL (
                           SELECT i.event_id, i.message_id, i.client_id, i.payload, i.next_at FROM finq.outbox i
                            WHERE i.client_id = w.client_id AND i.state = 'WAITING' AND i.next_at <= statement_timestamp()
                              AND i.event_id <> ALL (p_under_way)
                              AND NOT EXISTS (SELECT FROM finq.outbox e
                                               WHERE e.session_id = i.session_id AND e.state = 'WAITING'
                                                 AND e.event_id < i.event_id)
                            -- in the order of the index of what waits, so that of a long backlog only the first are looked at
                            ORDER BY i.next_at
                            LIMIT greatest(0, CASE WHEN w.failing_since IS NULL THEN 8 ELSE 1 END - u.count)) o
                     WHERE w.enabled
                     ORDER BY turn, o.next_at LIMIT p_limit) d);

-- A turn of the one that delivers: {held, due}. Nothing is due to whom the lease is not any more.
CREATE OR REPLACE FUNCTION finq.outbox_turn(p_epoch bigint, p_limit integer, p_under_way bigint[]) RETURNS jsonb
    LANGUAGE sql VOLATILE
    RETURN CASE WHEN finq.lease_keep('outbox', p_epoch, 15)
                THEN jsonb_build_object('held', true, 'due', finq.outbox_due(p_limit, p_under_way))
                ELSE '{"held": false, "due": []}' END;

-- How a delivery went. Failures are tried again after growing gaps, for three days from the first; then the event is given
-- up, and the webhook, if nothing has reached it for so long, is switched off. What was begun anew gets three days anew. Who has
-- lost the lease changes nothing: who has it now delivers again.
CREATE OR REPLACE FUNCTION finq.outbox_result(p_epoch bigint, p_event_id bigint, p_error text) RETURNS jsonb
    LANGUAGE plpgsql
AS $$
DECLARE
    v_gaps  interval[] := '{5 s, 30 s, 2 min, 10 min, 30 min, 1 h, 2 h, 4 h, 8 h, 12 h}';
    v_event finq.outbox;
    v_off   boolean := false;
BEGIN
    IF NOT finq.lease_keep('outbox', p_epoch, 15) THEN
        RETURN jsonb_build_object('event_id', p_event_id, 'state', 'LOST');
    END IF;
    -- before the event, as finq.webhook_set does: or the two could wait for each other
    PERFORM FROM finq.webhook w
      WHERE w.client_id = (SELECT o.client_id FROM finq.outbox o WHERE o.event_id = p_event_id) FOR NO KEY UPDATE;
    IF p_error IS NULL THEN
        UPDATE finq.outbox o SET state = 'DELIVERED', attempts = o.attempts + 1, delivered_at = clock_timestamp(),
                                 last_error = NULL
         WHERE o.event_id = p_event_id RETURNING o.* INTO v_event;
        UPDATE finq.webhook w SET failing_since = NULL WHERE w.client_id = v_event.client_id AND w.failing_since IS NOT NULL;
        RETURN jsonb_build_object('event_id', p_event_id, 'state', 'DELIVERED');
    END IF;
    UPDATE finq.outbox o
       SET attempts = o.attempts + 1, last_error = p_error,
           next_at = clock_timestamp() + v_gaps[least(o.attempts + 1, cardinality(v_gaps))],
           state = CASE WHEN coalesce(o.tried_since, o.created_at) < clock_timestamp() - interval '3 days'
                        THEN 'GIVEN_UP' ELSE 'WAITING' END::finq.delivery
     WHERE o.event_id = p_event_id RETURNING o.* INTO v_event;
    UPDATE finq.webhook w SET failing_since = coalesce(w.failing_since, clock_timestamp()) WHERE w.client_id = v_event.client_id;
    UPDATE finq.webhook w SET enabled = false
     WHERE w.client_id = v_event.client_id AND w.enabled AND w.failing_since < clock_timestamp() - interval '3 days';
    v_off := FOUND;
    RETURN jsonb_build_object('event_id', p_event_id, 'state', v_event.state, 'webhook_switched_off', v_off);
END $$;

-- ---------------------------------------------------------------------------------------------------------------------
-- For the operator (finqctl): each answers JSON, and raises P0002 for what is unknown, 23505 for what stands already
-- ---------------------------------------------------------------------------------------------------------------------

-- Sets a tenant's address for events, and turns it on. Events that have waited for that begin anew.
CREATE OR REPLACE FUNCTION finq.webhook_set(p_client_id uuid, p_url text, p_secret_id integer, p_salt bytea, p_overlap integer)
    RETURNS json
    LANGUAGE plpgsql
AS $$
DECLARE
    v_was_off boolean;
BEGIN
    IF NOT EXISTS (SELECT FROM finq.tenant t WHERE t.client_id = p_client_id) THEN
        RAISE no_data_found USING MESSAGE = format('No tenant has the client_id %s.', p_client_id);
    END IF;
    SELECT NOT w.enabled INTO v_was_off FROM finq.webhook w WHERE w.client_id = p_client_id FOR NO KEY UPDATE;
    INSERT INTO finq.webhook AS w (client_id, url, secret_id, salt) VALUES (p_client_id, p_url, p_secret_id, p_salt)
    ON CONFLICT (client_id) DO UPDATE
        SET url = p_url, secret_id = p_secret_id, salt = p_salt, old_secret_id = w.secret_id, old_salt = w.salt,
            old_until = clock_timestamp() + p_overlap * interval '1 minute', enabled = true, failing_since = NULL;
    IF v_was_off THEN
        UPDATE finq.outbox o SET attempts = 0, tried_since = clock_timestamp(), next_at = clock_timestamp()
         WHERE o.client_id = p_client_id AND o.state = 'WAITING';
    END IF;
    RETURN json_build_object('client_id', p_client_id, 'url', p_url);
END $$;

-- What waits for it is given up: outbox resend delivers that should there be a webhook again.
CREATE OR REPLACE FUNCTION finq.webhook_remove(p_client_id uuid) RETURNS json
    LANGUAGE plpgsql
AS $$
DECLARE
    v_given_up bigint;
BEGIN
    DELETE FROM finq.webhook w WHERE w.client_id = p_client_id;
    IF NOT FOUND THEN
        RAISE no_data_found USING MESSAGE = format('The tenant %s has no webhook.', p_client_id);
    END IF;
    UPDATE finq.outbox o SET state = 'GIVEN_UP', last_error = 'the webhook was removed', next_at = clock_timestamp()
     WHERE o.client_id = p_client_id AND o.state = 'WAITING';
    GET DIAGNOSTICS v_given_up = ROW_COUNT;
    RETURN json_build_object('client_id', p_client_id, 'given_up', v_given_up);
END $$;

CREATE OR REPLACE FUNCTION finq.webhook_list() RETURNS json
    LANGUAGE sql STABLE
    RETURN (SELECT coalesce(json_agg(json_build_object(
                'client_id', w.client_id, 'tenant', t.name, 'url', w.url, 'enabled', w.enabled,
                'failing_since', finq.utc(w.failing_since),
                'waiting', (SELECT count(*) FROM finq.outbox o WHERE o.client_id = w.client_id AND o.state = 'WAITING'))
                ORDER BY t.name), '[]')
              FROM finq.webhook w JOIN finq.tenant t ON t.client_id = w.client_id);

-- An event of that type, for a trial of the tenant's webhook: as finq.outbox_due tells of one, but that it stands in no outbox. Its ids
-- are of nothing. That it was made is in the audit trail.
CREATE OR REPLACE FUNCTION finq.webhook_test(p_client_id uuid, p_type text) RETURNS json
    LANGUAGE plpgsql
AS $$
DECLARE
    v_type       text := lower(p_type);
    v_message_id text := 'test_' || gen_random_uuid();
    v_webhook    finq.webhook;
    v_skill      text;
    v_data       jsonb;
BEGIN
    SELECT w.* INTO v_webhook FROM finq.webhook w WHERE w.client_id = p_client_id;
    IF NOT FOUND THEN
        RAISE no_data_found USING MESSAGE = format('The tenant %s has no webhook.', p_client_id), HINT = 'Set one: finqctl webhook set.';
    END IF;
    SELECT k.name INTO v_skill FROM finq.tenant_skill g JOIN finq.skill k ON k.skill_id = g.skill_id
     WHERE g.client_id = p_client_id ORDER BY k.name LIMIT 1;
    v_data := jsonb_build_object('client_id', p_client_id, 'session_id', gen_random_uuid(), 'skill', coalesce(v_skill, 'sample_#1.0'))
        || CASE WHEN v_type LIKE 'transactions.%' THEN jsonb_build_object('credentials_id', gen_random_uuid(), 'seq', 1)
                WHEN v_type LIKE 'payment.%'
                THEN jsonb_build_object('payment_id', gen_random_uuid(), 'credentials_id', gen_random_uuid(), 'status', 'ACSC', 'phase', 'settled')
                WHEN v_type LIKE 'consent.%'
                THEN jsonb_build_object('credentials_id', gen_random_uuid(), 'consent_exp', finq.utc(clock_timestamp() + interval '7 days'))
                ELSE jsonb_build_object('step_id', gen_random_uuid(), 'status', CASE v_type
                         WHEN 'session.resubmission_asked' THEN 'SESSION_IN_PROGRESS' ELSE 'SESSION_' || upper(substr(v_type, 9)) END) END;
    INSERT INTO finq.audit (object, action, client_id, detail)
    VALUES ('webhook_test', 'INSERT', p_client_id, jsonb_build_object('type', v_type, 'message_id', v_message_id, 'url', v_webhook.url));
    RETURN json_build_object(
        'event_id', 0, 'type', v_type, 'message_id', v_message_id, 'url', v_webhook.url, 'enabled', v_webhook.enabled,
        'payload', json_build_object('type', v_type, 'timestamp', finq.utc(clock_timestamp()), 'data', v_data)::text,
        'secret_id', v_webhook.secret_id, 'salt', encode(v_webhook.salt, 'hex'),
        'old_secret_id', CASE WHEN v_webhook.old_until > clock_timestamp() THEN v_webhook.old_secret_id END,
        'old_salt', CASE WHEN v_webhook.old_until > clock_timestamp() THEN encode(v_webhook.old_salt, 'hex') END);
END $$;

CREATE OR REPLACE FUNCTION finq.outbox_list(p_client_id uuid, p_state text) RETURNS json
    LANGUAGE sql STABLE
    RETURN (SELECT coalesce(json_agg(json_build_object(
                'event_id', o.event_id, 'message_id', o.message_id, 'client_id', o.client_id, 'session_id', o.session_id,
                'type', o.type, 'state', o.state, 'created_at', finq.utc(o.created_at), 'attempts', o.attempts,
                'next_at', finq.utc(o.next_at), 'delivered_at', finq.utc(o.delivered_at), 'last_error', o.last_error) ORDER BY o.event_id), '[]')
              FROM finq.outbox o
             WHERE (p_client_id IS NULL OR o.client_id = p_client_id)
               AND o.state = coalesce(upper(p_state), 'WAITING')::finq.delivery);

-- An event that is sent again begins anew.
CREATE OR REPLACE FUNCTION finq.outbox_resend(p_event_id bigint) RETURNS json
    LANGUAGE plpgsql
AS $$
BEGIN
    UPDATE finq.outbox o
       SET state = 'WAITING', attempts = 0, delivered_at = NULL, tried_since = clock_timestamp(), next_at = clock_timestamp()
     WHERE o.event_id = p_event_id;
    IF NOT FOUND THEN
        RAISE no_data_found USING MESSAGE = format('No event has the id %s.', p_event_id);
    END IF;
    RETURN json_build_object('event_id', p_event_id, 'state', 'WAITING');
END $$;
