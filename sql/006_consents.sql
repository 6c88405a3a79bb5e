-- Consents that end before their time, and events that are kept while nobody takes them.

-- ---------------------------------------------------------------------------------------------------------------------
-- The end of a consent. There is one: what has been deleted does not expire, what has expired is not deleted.
-- ---------------------------------------------------------------------------------------------------------------------

-- What a consent is at this moment: its end does not wait for the look that marks it.
CREATE FUNCTION finq.consent_status(p_consent finq.credential) RETURNS finq.credential_status
    LANGUAGE sql STABLE
    RETURN CASE WHEN (p_consent).status = 'ACTIVE' AND (p_consent).consent_exp <= clock_timestamp() THEN 'EXPIRED'
                ELSE (p_consent).status END;

-- Ends a consent, if nothing has yet: `ended` says whether this call did, `status` how it stands; NULL for an unknown one.
-- One whose time is over has expired, whether or not that was marked before. The access_token's hash stays: its holder
-- may still ask for the status, and delete again (contract section 9), and must be known for that.
CREATE FUNCTION finq.consent_delete(p_credentials_id uuid, OUT ended boolean, OUT status finq.credential_status)
    LANGUAGE plpgsql
AS $$
#variable_conflict use_column
DECLARE
    v_consent finq.credential;
BEGIN
    UPDATE finq.credential c
       SET status = CASE WHEN c.consent_exp <= clock_timestamp() THEN 'EXPIRED' ELSE 'DELETED' END::finq.credential_status,
           updated_at = clock_timestamp()
     WHERE c.credentials_id = p_credentials_id AND c.status = 'ACTIVE'
    RETURNING c.* INTO v_consent;
    ended := FOUND;
    IF ended THEN
        PERFORM finq.event(v_consent.client_id, v_consent.session_id, 'consent.' || lower(v_consent.status::text),
                           jsonb_build_object('credentials_id', p_credentials_id, 'consent_exp', v_consent.consent_exp));
    END IF;
    SELECT c.status INTO status FROM finq.credential c WHERE c.credentials_id = p_credentials_id;
END $$;

-- ---------------------------------------------------------------------------------------------------------------------
-- For the operator (finqctl)
-- ---------------------------------------------------------------------------------------------------------------------

CREATE FUNCTION finq.consent_shown(p_consent finq.credential) RETURNS jsonb
    LANGUAGE sql STABLE
    RETURN jsonb_build_object(
        'credentials_id', (p_consent).credentials_id, 'client_id', (p_consent).client_id,
        'tenant', (SELECT t.name FROM finq.tenant t WHERE t.client_id = (p_consent).client_id),
        'skill', (SELECT k.name FROM finq.skill k WHERE k.skill_id = (p_consent).skill_id),
        'session_id', (p_consent).session_id, 'status', finq.consent_status(p_consent),
        'consent_exp', (p_consent).consent_exp, 'max_data_retention', (p_consent).max_data_retention,
        'created_at', (p_consent).created_at, 'updated_at', (p_consent).updated_at);

-- A tenant's newest consents: their ids tell the time.
CREATE FUNCTION finq.consent_list(p_client_id uuid, p_status text, p_limit integer) RETURNS jsonb
    LANGUAGE plpgsql STABLE
AS $$
DECLARE
    v_tenant finq.tenant := finq.tenant_row(p_client_id);
    v_status finq.credential_status := upper(p_status);
BEGIN
    IF p_limit NOT BETWEEN 1 AND 100000 THEN
        RAISE invalid_parameter_value USING MESSAGE = 'The limit must be 1 to 100000.';
    END IF;
    RETURN (SELECT coalesce(jsonb_agg(finq.consent_shown(l.consent) ORDER BY l.credentials_id DESC), '[]')
              FROM (SELECT c AS consent, c.credentials_id FROM finq.credential c
                     WHERE c.client_id = v_tenant.client_id AND (v_status IS NULL OR finq.consent_status(c) = v_status)
                     ORDER BY c.credentials_id DESC LIMIT coalesce(p_limit, 100)) l);
END $$;

CREATE FUNCTION finq.consent_show(p_credentials_id uuid) RETURNS jsonb
    LANGUAGE plpgsql STABLE
AS $$
DECLARE
    v_consent finq.credential;
BEGIN
    SELECT c.* INTO v_consent FROM finq.credential c WHERE c.credentials_id = p_credentials_id;
    IF NOT FOUND THEN
        RAISE no_data_found USING MESSAGE = format('No consent has the credentials_id %s.', p_credentials_id);
    END IF;
    RETURN finq.consent_shown(v_consent);
END $$;

-- The operator's deletion. Only what it ended leaves its line in the trail.
CREATE FUNCTION finq.consent_deleted(p_credentials_id uuid) RETURNS jsonb
    LANGUAGE plpgsql
AS $$
DECLARE
    v_end   record := finq.consent_delete(p_credentials_id);
    v_shown jsonb := finq.consent_show(p_credentials_id);
BEGIN
    IF v_end.ended THEN
        INSERT INTO finq.audit (object, action, client_id, detail)
        VALUES ('credential', 'UPDATE', (v_shown ->> 'client_id')::uuid,
                jsonb_build_object('credentials_id', p_credentials_id, 'status', v_end.status));
    END IF;
    RETURN v_shown;
END $$;

-- ---------------------------------------------------------------------------------------------------------------------
-- Events: what is begun anew gets three days anew, and a webhook that is switched off loses none
-- ---------------------------------------------------------------------------------------------------------------------

ALTER TABLE finq.outbox ADD COLUMN tried_since timestamptz NULL; -- where later than created_at

-- By tenant: what waits for a webhook that is switched off is not in the way of the others.
DROP INDEX finq.outbox_waiting;
CREATE INDEX outbox_waiting ON finq.outbox (client_id, next_at) WHERE state = 'WAITING';

-- An event for a tenant that has asked for events, delivered or not for now. It tells of ids and states, never of a person.
CREATE OR REPLACE FUNCTION finq.event(p_client_id uuid, p_session_id uuid, p_type text, p_data jsonb) RETURNS void
    LANGUAGE sql VOLATILE
BEGIN ATOMIC
    INSERT INTO finq.outbox (client_id, session_id, type, payload)
    SELECT w.client_id, p_session_id, p_type,
           json_build_object('type', p_type, 'timestamp', to_char(clock_timestamp() AT TIME ZONE 'UTC',
                             'YYYY-MM-DD"T"HH24:MI:SS"Z"'), 'data', jsonb_build_object('client_id', p_client_id,
                             'session_id', p_session_id) || p_data)
      FROM finq.webhook w WHERE w.client_id = p_client_id;
END;

-- The events that are due, at most one a session, so that a session's arrive in order; looked for a tenant at a time.
CREATE OR REPLACE FUNCTION finq.outbox_due(p_limit integer) RETURNS jsonb
    LANGUAGE sql STABLE SET jit = off -- asked each second, answered in a millisecond: to compile it took half a second
    RETURN (SELECT coalesce(jsonb_agg(jsonb_build_object(
                'event_id', d.event_id, 'message_id', d.message_id, 'client_id', d.client_id, 'url', d.url,
                'payload', d.payload::text, 'secret_id', d.secret_id, 'salt', encode(d.salt, 'hex'),
                'old_secret_id', d.old_secret_id, 'old_salt', encode(d.old_salt, 'hex')) ORDER BY d.event_id), '[]')
              FROM (SELECT o.event_id, o.message_id, o.client_id, o.payload, w.url, w.secret_id, w.salt,
                           CASE WHEN w.old_until > clock_timestamp() THEN w.old_secret_id END AS old_secret_id,
                           CASE WHEN w.old_until > clock_timestamp() THEN w.old_salt END AS old_salt
                      FROM finq.webhook w
                     CROSS JOIN LATERAL (
                           SELECT i.event_id, i.message_id, i.client_id, i.payload FROM finq.outbox i
                            WHERE i.client_id = w.client_id AND i.state = 'WAITING' AND i.next_at <= statement_timestamp()
                              AND NOT EXISTS (SELECT FROM finq.outbox e
                                               WHERE e.session_id = i.session_id AND e.state = 'WAITING'
                                                 AND e.event_id < i.event_id)
                            -- not by the primary key's index, in which all stands that was ever delivered
                            ORDER BY i.event_id + 0 LIMIT p_limit) o
                     WHERE w.enabled
                     ORDER BY o.event_id LIMIT p_limit) d);

-- As in version 4, but for the lock, and that the three days begin with tried_since.
CREATE OR REPLACE FUNCTION finq.outbox_result(p_event_id bigint, p_error text) RETURNS jsonb
    LANGUAGE plpgsql
AS $$
DECLARE
    v_gaps  interval[] := '{5 s, 30 s, 2 min, 10 min, 30 min, 1 h, 2 h, 4 h, 8 h, 12 h}';
    v_event finq.outbox;
    v_off   boolean := false;
BEGIN
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

-- As in version 4. Events that have waited for a webhook to be turned on begin anew.
CREATE OR REPLACE FUNCTION finq.webhook_set(p_client_id uuid, p_url text, p_secret_id integer, p_salt bytea, p_overlap integer)
    RETURNS jsonb
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
    RETURN jsonb_build_object('client_id', p_client_id, 'url', p_url);
END $$;

-- An event that is sent again begins anew.
CREATE OR REPLACE FUNCTION finq.outbox_resend(p_event_id bigint) RETURNS jsonb
    LANGUAGE plpgsql
AS $$
BEGIN
    UPDATE finq.outbox o
       SET state = 'WAITING', attempts = 0, tried_since = clock_timestamp(), next_at = clock_timestamp()
     WHERE o.event_id = p_event_id;
    IF NOT FOUND THEN
        RAISE no_data_found USING MESSAGE = format('No event has the id %s.', p_event_id);
    END IF;
    RETURN jsonb_build_object('event_id', p_event_id, 'state', 'WAITING');
END $$;

REVOKE ALL ON ALL TABLES IN SCHEMA finq FROM PUBLIC;
REVOKE ALL ON ALL FUNCTIONS IN SCHEMA finq FROM PUBLIC;
