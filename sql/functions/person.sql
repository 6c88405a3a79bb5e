-- Persons: what is held of one, and its end (contract section 15). Each is found by the HMACs of the tenant's own id of them, under
-- each key of the data-key file, by index.

CREATE OR REPLACE FUNCTION finq.person_sessions(p_client_id uuid, p_user_macs bytea[]) RETURNS SETOF uuid
    LANGUAGE sql STABLE
BEGIN ATOMIC
    SELECT s.session_id FROM finq.session s WHERE s.client_id = p_client_id AND s.user_mac = ANY (p_user_macs)
    UNION
    SELECT s.session_id FROM finq.credential c JOIN finq.session s ON s.credentials_id = c.credentials_id
     WHERE c.client_id = p_client_id AND c.user_mac = ANY (p_user_macs);
END;

CREATE OR REPLACE FUNCTION finq.person_pages(p_client_id uuid, p_user_macs bytea[]) RETURNS json
    LANGUAGE sql STABLE
BEGIN ATOMIC
    SELECT coalesce(json_agg(json_build_object(
               'page_id', p.page_id, 'skill', k.name, 'language', p.language, 'session_id', p.session_id, 'data_key', encode(p.data_key, 'hex'),
               'prefill', finq.sealed('prefill', p.page_id, p.page_id, p.prefill),
               'return_link', finq.sealed('return_link', p.page_id, p.page_id, p.return_link),
               'created_at', finq.utc(p.created_at), 'expires_at', finq.utc(p.expires_at)) ORDER BY p.page_id), '[]')
      FROM finq.page p JOIN finq.skill k ON k.skill_id = p.skill_id
     WHERE p.client_id = p_client_id AND p.user_mac = ANY (p_user_macs);
END;

-- All that is held of a person. Documents are told of; their bytes are files.
CREATE OR REPLACE FUNCTION finq.person_export(p_client_id uuid, p_tenant_user_id text, p_user_macs bytea[]) RETURNS json
    LANGUAGE plpgsql STABLE
AS $$
DECLARE
    v_tenant   finq.tenant := finq.tenant_row(p_client_id);
    v_sessions uuid[] := ARRAY(SELECT i.id FROM finq.person_sessions(v_tenant.client_id, p_user_macs) AS i (id) ORDER BY i.id);
BEGIN
    RETURN json_build_object(
        'tenant_user_id', p_tenant_user_id, 'exported_at', finq.utc(clock_timestamp()),
        'sessions', (SELECT coalesce(json_agg(finq.session_show(i.id) ORDER BY i.id), '[]') FROM unnest(v_sessions) AS i (id)),
        'consents', (SELECT coalesce(json_agg(finq.consent_shown(c) ORDER BY c.credentials_id), '[]') FROM finq.credential c
                      WHERE c.client_id = p_client_id AND c.user_mac = ANY (p_user_macs)),
        'pages', finq.person_pages(p_client_id, p_user_macs),
        'events', (SELECT coalesce(json_agg(o.payload ORDER BY o.event_id), '[]') FROM finq.outbox o
                    WHERE o.session_id = ANY (v_sessions)));
END $$;

-- What is left of a session: that there was one, and that it has expired, so that who still holds a token of it is told so.
CREATE OR REPLACE FUNCTION finq.session_empty(p_session_id uuid) RETURNS void
    LANGUAGE plpgsql
AS $$
DECLARE
    v_session finq.session;
BEGIN
    SELECT s.* INTO v_session FROM finq.session s WHERE s.session_id = p_session_id FOR UPDATE;
    UPDATE finq.session s SET data_key = NULL WHERE s.session_id = p_session_id; -- first: what it has sealed is nothing any more
    PERFORM finq.session_data_remove(p_session_id);
    UPDATE finq.session s
       SET status = 'SESSION_EXPIRED', expires_at = clock_timestamp(), updated_at = clock_timestamp(), waits_for = NULL,
           tenant_user_id = NULL, user_mac = NULL, credentials_id = NULL, renews = NULL, exchange_salt = NULL, reply = NULL, reply_reasons = NULL, told = NULL,
           reasons = NULL, own_reasons = NULL, return_link = NULL, returned = NULL, returned_hash = NULL, step_body_hash = ''
     WHERE s.session_id = p_session_id;
    IF v_session.status IN ('SESSION_IN_PROGRESS', 'SESSION_PENDING') THEN
        PERFORM finq.session_event(v_session.client_id, p_session_id, v_session.skill_id, 'SESSION_EXPIRED', v_session.step_id);
    END IF;
END $$;

-- Erases a person, and answers the receipt's facts: {id, user, at, counts}. The first of p_user_macs stands in the receipt. Where
-- nothing is held of them any more, and they were erased within 30 days, the answer is that of then.
CREATE OR REPLACE FUNCTION finq.person_erase(p_client_id uuid, p_user_macs bytea[]) RETURNS json
    LANGUAGE plpgsql
AS $$
DECLARE
    v_tenant   finq.tenant := finq.tenant_row(p_client_id);
    v_now      timestamptz := clock_timestamp();
    v_consents uuid[];
    v_sessions uuid[];
    v_steps    integer;
    v_files    integer;
    v_erasure  finq.erasure;
BEGIN
    -- a first step of theirs has been taken, and is seen from here on, or finds them erased
    PERFORM pg_advisory_xact_lock(finq.person_lock(m.mac)) FROM (SELECT u.mac FROM unnest(p_user_macs) AS u (mac) ORDER BY u.mac) m;
    DELETE FROM finq.page p WHERE p.client_id = v_tenant.client_id AND p.user_mac = ANY (p_user_macs);
    v_consents := ARRAY(SELECT c.credentials_id FROM finq.credential c
                         WHERE c.client_id = v_tenant.client_id AND c.user_mac = ANY (p_user_macs)
                         ORDER BY c.credentials_id FOR UPDATE);
    v_sessions := ARRAY(SELECT i.id FROM finq.person_sessions(p_client_id, p_user_macs) AS i (id) ORDER BY i.id);
    PERFORM FROM finq.session s WHERE s.session_id = ANY (v_sessions) ORDER BY s.session_id FOR UPDATE;
    -- what was exchanged before they were locked
    v_consents := ARRAY(SELECT c.credentials_id FROM finq.credential c
                         WHERE c.client_id = v_tenant.client_id AND c.user_mac = ANY (p_user_macs)
                         ORDER BY c.credentials_id FOR UPDATE);
    IF v_consents = '{}' AND v_sessions = '{}' THEN
        SELECT e.* INTO v_erasure FROM finq.erased_user u JOIN finq.erasure e ON e.erasure_id = u.erasure_id
         WHERE u.client_id = p_client_id AND u.user_mac = ANY (p_user_macs) AND e.erased_at > v_now - interval '30 days'
         ORDER BY e.erased_at DESC LIMIT 1;
    END IF;
    IF v_erasure.erasure_id IS NULL THEN
        SELECT count(DISTINCT e.step_id), count(u.upload_id) INTO v_steps, v_files
          FROM unnest(v_sessions) AS i (id) CROSS JOIN LATERAL finq.same_time(i.id) w
          JOIN finq.step e ON e.step_id BETWEEN w.first AND w.last AND e.session_id = i.id
          LEFT JOIN finq.upload u ON u.step_id = e.step_id;
        INSERT INTO finq.erasure AS e (client_id, user_mac, erased_at, counts)
        VALUES (p_client_id, p_user_macs[1], v_now, jsonb_build_object('sessions', cardinality(v_sessions), 'steps', v_steps, 'documents', v_files,
                                                                  'consents', cardinality(v_consents)))
        RETURNING e.* INTO v_erasure;
        INSERT INTO finq.erased_user AS u (client_id, user_mac, erasure_id, erased_at)
        SELECT p_client_id, m.mac, v_erasure.erasure_id, v_now FROM unnest(p_user_macs) AS m (mac)
        ON CONFLICT (client_id, user_mac) DO UPDATE SET erasure_id = excluded.erasure_id, erased_at = excluded.erased_at;
        PERFORM finq.consent_end(i.id, 0) FROM unnest(v_consents) AS i (id);
        PERFORM finq.feed_remove(f.credentials_id) FROM finq.feed f
          WHERE f.credentials_id = ANY (v_consents) OR f.session_id = ANY (v_sessions);
        PERFORM finq.session_empty(i.id) FROM unnest(v_sessions) AS i (id);
        DELETE FROM finq.credential c WHERE c.credentials_id = ANY (v_consents);
        INSERT INTO finq.audit (object, action, client_id, detail)
        VALUES ('person', 'DELETE', p_client_id, jsonb_build_object('erasure_id', v_erasure.erasure_id, 'counts', v_erasure.counts));
    END IF;
    RETURN json_build_object('id', v_erasure.erasure_id, 'user', encode(v_erasure.user_mac, 'hex'),
                             'at', finq.seconds(v_erasure.erased_at), 'counts', v_erasure.counts);
END $$;
