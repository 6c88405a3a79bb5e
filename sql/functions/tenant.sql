-- Tenants, their keys, their servicers, and where their users may be sent.

CREATE OR REPLACE FUNCTION finq.tenant_row(p_client_id uuid) RETURNS finq.tenant
    LANGUAGE plpgsql STABLE
AS $$
DECLARE
    v_tenant finq.tenant;
BEGIN
    SELECT t.* INTO v_tenant FROM finq.tenant t WHERE t.client_id = p_client_id;
    IF NOT FOUND THEN
        RAISE no_data_found USING MESSAGE = format('No tenant has the client_id %s.', p_client_id);
    END IF;
    RETURN v_tenant;
END $$;

-- Who changes a tenant does so after whoever is at it already.
CREATE OR REPLACE FUNCTION finq.tenant_lock(p_client_id uuid) RETURNS finq.tenant
    LANGUAGE plpgsql
AS $$
BEGIN
    PERFORM FROM finq.tenant t WHERE t.client_id = p_client_id FOR NO KEY UPDATE;
    RETURN finq.tenant_row(p_client_id);
END $$;

-- Notes that a key was used: at most once a minute, never waiting for another who does the same, and not in a database
-- that is read-only for now.
CREATE OR REPLACE FUNCTION finq.key_note_use(p_client_id uuid, p_key_id bigint) RETURNS void
    LANGUAGE plpgsql
AS $$
BEGIN
    IF current_setting('transaction_read_only')::boolean THEN
        RETURN;
    END IF;
    UPDATE finq.tenant_key k SET last_used_at = clock_timestamp()
     WHERE (k.client_id, k.key_id) IN (SELECT w.client_id, w.key_id FROM finq.tenant_key w
                                        WHERE w.client_id = p_client_id AND w.key_id = p_key_id
                                          AND (w.last_used_at IS NULL
                                               OR w.last_used_at <= clock_timestamp() - interval '1 minute')
                                        FOR NO KEY UPDATE SKIP LOCKED);
END $$;

-- What authorises who shows a key of a tenant's: 'ok', or the error code, in the contract's order. The key's use is noted.
CREATE OR REPLACE FUNCTION finq.key_claim(p_client_id uuid, p_kind finq.key_kind, p_hash bytea) RETURNS text
    LANGUAGE plpgsql
AS $$
DECLARE
    v_now     timestamptz := clock_timestamp();
    v_active  boolean;
    v_key_id  bigint;
    v_used_at timestamptz;
BEGIN
    SELECT t.status = 'ACTIVE', k.key_id, k.last_used_at INTO v_active, v_key_id, v_used_at
      FROM finq.tenant t
      LEFT JOIN finq.tenant_key k ON k.client_id = t.client_id AND k.kind = p_kind AND k.hash = p_hash AND k.ends_at > v_now
     WHERE t.client_id = p_client_id;
    IF v_key_id IS NOT NULL AND (v_used_at IS NULL OR v_used_at <= v_now - interval '1 minute') THEN
        PERFORM finq.key_note_use(p_client_id, v_key_id);
    END IF;
    RETURN CASE WHEN v_active IS NULL THEN 'invalid_client_id'
                WHEN v_key_id IS NULL THEN CASE p_kind WHEN 'SECRET' THEN 'invalid_client_secret' ELSE 'invalid_client_app_key' END
                WHEN v_active THEN 'ok' ELSE 'unauthorized_tenant' END;
END $$;

CREATE OR REPLACE FUNCTION finq.servicer_id(p_name text, p_country text) RETURNS uuid
    LANGUAGE plpgsql
AS $$
DECLARE
    v_id uuid;
BEGIN
    INSERT INTO finq.servicer AS s (name, country) VALUES (p_name, p_country)
    ON CONFLICT (name) DO UPDATE SET country = coalesce(s.country, excluded.country)
    RETURNING s.servicer_id INTO v_id;
    RETURN v_id;
END $$;

-- A tenant's keys, of one kind where p_kind names it.
CREATE OR REPLACE FUNCTION finq.keys_shown(p_client_id uuid, p_kind finq.key_kind) RETURNS json
    LANGUAGE sql STABLE
    RETURN (SELECT coalesce(json_agg(json_build_object(
                'key_id', k.key_id, 'kind', k.kind, 'live', k.ends_at > clock_timestamp(), 'created_at', finq.utc(k.created_at),
                'age_minutes', floor(extract(epoch FROM clock_timestamp() - k.created_at) / 60)::bigint,
                'ends_at', finq.utc(nullif(k.ends_at, 'infinity')), 'last_used_at', finq.utc(k.last_used_at))
                ORDER BY k.kind, k.key_id), '[]')
              FROM finq.tenant_key k
             WHERE k.client_id = p_client_id AND (p_kind IS NULL OR k.kind = p_kind));

-- ---------------------------------------------------------------------------------------------------------------------
-- For the server: one call a request
-- ---------------------------------------------------------------------------------------------------------------------

CREATE OR REPLACE FUNCTION finq.schema_version() RETURNS integer
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET jit = off
    RETURN (SELECT max(m.version) FROM finq.migration m);

-- Whether nothing can be written here, as on a standby.
CREATE OR REPLACE FUNCTION finq.is_read_only() RETURNS boolean
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET jit = off
    RETURN current_setting('transaction_read_only')::boolean;

-- Seconds since 1970 by the clock that decides when something ends.
CREATE OR REPLACE FUNCTION finq.clock() RETURNS bigint
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET jit = off
    RETURN finq.seconds(clock_timestamp());

CREATE OR REPLACE FUNCTION finq.directory_version() RETURNS bigint
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET jit = off
    RETURN (SELECT c.version FROM finq.directory_change c);

-- What a server may remember of a tenant for FinqCacheTTL; NULL for an unknown one. Retired skills are left out: no session
-- may start with one. By `left_ms` a server needs no clock that agrees with the database's.
CREATE OR REPLACE FUNCTION finq.tenant_get(p_client_id uuid) RETURNS text
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET jit = off
    RETURN (SELECT jsonb_build_object(
                'active', t.status = 'ACTIVE',
                'app_keys', coalesce((SELECT jsonb_agg(jsonb_build_object(
                                          'key_id', k.key_id, 'hash', encode(k.hash, 'hex'),
                                          'ends_at', CASE WHEN isfinite(k.ends_at) THEN finq.seconds(k.ends_at) END,
                                          'left_ms', CASE WHEN isfinite(k.ends_at) THEN ceil(1000 * extract(epoch FROM
                                                              k.ends_at - clock_timestamp()))::bigint END)
                                          ORDER BY k.key_id)
                                        FROM finq.tenant_key k
                                       WHERE k.client_id = t.client_id AND k.kind = 'APP_KEY'
                                         AND k.ends_at > clock_timestamp()), '[]'),
                'skills', coalesce((SELECT jsonb_agg(a.skill_id)
                                      FROM finq.tenant_skill a JOIN finq.skill s ON s.skill_id = a.skill_id
                                     WHERE a.client_id = t.client_id AND s.retired_at IS NULL), '[]'))::text
              FROM finq.tenant t WHERE t.client_id = p_client_id);

-- The same for a server that was shown an app key, whose use is noted if it is one.
CREATE OR REPLACE FUNCTION finq.tenant_seen(p_client_id uuid, p_app_key_hash bytea) RETURNS text
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET jit = off
AS $$
BEGIN
    PERFORM finq.key_note_use(k.client_id, k.key_id) FROM finq.tenant_key k
      WHERE k.client_id = p_client_id AND k.kind = 'APP_KEY' AND k.hash = p_app_key_hash
        AND k.ends_at > clock_timestamp();
    RETURN finq.tenant_get(p_client_id);
END $$;
COMMENT ON FUNCTION finq.tenant_seen IS 'repeatable';

-- ---------------------------------------------------------------------------------------------------------------------
-- For the operator (finqctl): each answers JSON, and raises P0002 for what is unknown, 23505 for what stands already
-- ---------------------------------------------------------------------------------------------------------------------

CREATE OR REPLACE FUNCTION finq.tenant_create(p_name text, p_servicer text, p_secret_hash bytea, p_app_key_hash bytea) RETURNS json
    LANGUAGE plpgsql
AS $$
DECLARE
    v_client_id uuid;
BEGIN
    IF EXISTS (SELECT FROM finq.tenant t WHERE t.name = p_name) THEN
        RAISE unique_violation USING MESSAGE = format('A tenant named "%s" exists already.', p_name);
    END IF;
    INSERT INTO finq.tenant AS t (name, servicer_id)
    VALUES (p_name, CASE WHEN p_servicer IS NOT NULL THEN finq.servicer_id(p_servicer, NULL) END)
    RETURNING t.client_id INTO v_client_id;
    INSERT INTO finq.tenant_key (client_id, kind, hash)
    VALUES (v_client_id, 'SECRET', p_secret_hash), (v_client_id, 'APP_KEY', p_app_key_hash);
    RETURN json_build_object('client_id', v_client_id);
END $$;

CREATE OR REPLACE FUNCTION finq.tenant_list() RETURNS json
    LANGUAGE sql STABLE
    RETURN (SELECT coalesce(json_agg(json_build_object(
                'client_id', t.client_id, 'name', t.name, 'status', t.status, 'servicer', r.name,
                'created_at', finq.utc(t.created_at),
                'skills', (SELECT coalesce(json_agg(json_build_object(
                               'name', s.name, 'consent_duration', a.consent_duration,
                               'cache_max_data_retention', a.cache_max_data_retention) ORDER BY s.name), '[]')
                             FROM finq.tenant_skill a JOIN finq.skill s ON s.skill_id = a.skill_id
                            WHERE a.client_id = t.client_id)) ORDER BY t.name), '[]')
              FROM finq.tenant t LEFT JOIN finq.servicer r ON r.servicer_id = t.servicer_id);

CREATE OR REPLACE FUNCTION finq.tenant_show(p_client_id uuid) RETURNS json
    LANGUAGE plpgsql STABLE
AS $$
DECLARE
    v_tenant finq.tenant := finq.tenant_row(p_client_id);
BEGIN
    RETURN json_build_object(
        'client_id', v_tenant.client_id, 'name', v_tenant.name, 'status', v_tenant.status,
        'servicer', (SELECT r.name FROM finq.servicer r WHERE r.servicer_id = v_tenant.servicer_id),
        'created_at', finq.utc(v_tenant.created_at), 'keys', finq.keys_shown(p_client_id, NULL),
        'skills', (SELECT coalesce(json_agg(json_build_object(
                              'name', s.name, 'consent_duration', a.consent_duration,
                              'cache_max_data_retention', a.cache_max_data_retention, 'allowed_at', finq.utc(a.allowed_at),
                              'retired', s.retired_at IS NOT NULL) ORDER BY s.name), '[]')
                     FROM finq.tenant_skill a JOIN finq.skill s ON s.skill_id = a.skill_id
                    WHERE a.client_id = p_client_id));
END $$;

CREATE OR REPLACE FUNCTION finq.tenant_allow(p_client_id uuid, p_skill text, p_consent_duration integer, p_retention integer)
    RETURNS json
    LANGUAGE plpgsql
AS $$
DECLARE
    v_skill_id integer := (SELECT s.skill_id FROM finq.skill s WHERE s.name = p_skill);
    v_policy   finq.tenant_skill;
BEGIN
    IF NOT EXISTS (SELECT FROM finq.tenant t WHERE t.client_id = p_client_id) THEN
        RAISE no_data_found USING MESSAGE = format('No tenant has the client_id %s.', p_client_id);
    END IF;
    IF v_skill_id IS NULL THEN
        RAISE no_data_found USING MESSAGE = format('No skill named "%s" is published.', p_skill);
    END IF;
    INSERT INTO finq.tenant_skill AS a (client_id, skill_id, consent_duration, cache_max_data_retention)
    VALUES (p_client_id, v_skill_id, coalesce(p_consent_duration, 129600), coalesce(p_retention, 172800))
    ON CONFLICT (client_id, skill_id) DO UPDATE
        SET consent_duration = coalesce(p_consent_duration, a.consent_duration),
            cache_max_data_retention = coalesce(p_retention, a.cache_max_data_retention)
    RETURNING a.* INTO v_policy;
    RETURN json_build_object('client_id', p_client_id, 'skill', p_skill, 'consent_duration', v_policy.consent_duration,
                              'cache_max_data_retention', v_policy.cache_max_data_retention);
END $$;

CREATE OR REPLACE FUNCTION finq.tenant_redirect_allow(p_client_id uuid, p_prefix text) RETURNS json
    LANGUAGE plpgsql
AS $$
BEGIN
    IF NOT EXISTS (SELECT FROM finq.tenant t WHERE t.client_id = p_client_id) THEN
        RAISE no_data_found USING MESSAGE = format('No tenant has the client_id %s.', p_client_id);
    END IF;
    INSERT INTO finq.redirect_link (client_id, prefix) VALUES (p_client_id, p_prefix) ON CONFLICT DO NOTHING;
    RETURN (SELECT json_build_object('client_id', p_client_id, 'prefixes', json_agg(l.prefix ORDER BY l.prefix))
              FROM finq.redirect_link l WHERE l.client_id = p_client_id);
END $$;

-- Takes a grant back. Who has had a first step goes on.
CREATE OR REPLACE FUNCTION finq.tenant_disallow(p_client_id uuid, p_skill text) RETURNS json
    LANGUAGE plpgsql
AS $$
DECLARE
    v_tenant finq.tenant := finq.tenant_row(p_client_id);
BEGIN
    DELETE FROM finq.tenant_skill a USING finq.skill s
     WHERE a.client_id = v_tenant.client_id AND a.skill_id = s.skill_id AND s.name = p_skill;
    IF NOT FOUND THEN
        RAISE no_data_found USING MESSAGE = format('The tenant may not use a skill named "%s".', p_skill),
            HINT = 'finqctl tenant show lists its skills.';
    END IF;
    RETURN json_build_object('client_id', p_client_id, 'skill', p_skill);
END $$;

CREATE OR REPLACE FUNCTION finq.tenant_redirect_disallow(p_client_id uuid, p_prefix text) RETURNS json
    LANGUAGE plpgsql
AS $$
DECLARE
    v_tenant finq.tenant := finq.tenant_row(p_client_id);
BEGIN
    DELETE FROM finq.redirect_link l WHERE l.client_id = v_tenant.client_id AND l.prefix = p_prefix;
    IF NOT FOUND THEN
        RAISE no_data_found USING MESSAGE = format('No links that begin with %s are allowed to the tenant.', p_prefix);
    END IF;
    RETURN (SELECT json_build_object('client_id', p_client_id, 'prefixes', coalesce(json_agg(l.prefix ORDER BY l.prefix), '[]'))
              FROM finq.redirect_link l WHERE l.client_id = p_client_id);
END $$;

CREATE OR REPLACE FUNCTION finq.tenant_rename(p_client_id uuid, p_name text) RETURNS json
    LANGUAGE plpgsql
AS $$
DECLARE
    v_tenant finq.tenant := finq.tenant_lock(p_client_id);
BEGIN
    IF EXISTS (SELECT FROM finq.tenant t WHERE t.name = p_name AND t.client_id <> p_client_id) THEN
        RAISE unique_violation USING MESSAGE = format('A tenant named "%s" exists already.', p_name);
    END IF;
    UPDATE finq.tenant t SET name = p_name WHERE t.client_id = p_client_id AND t.name <> p_name;
    RETURN json_build_object('client_id', p_client_id, 'name', p_name, 'was', v_tenant.name);
END $$;

-- For a tenant that was made by mistake. What others have begun with it is not undone by this: where there is a session, its
-- keys, consents and documents stay, and so does the tenant.
CREATE OR REPLACE FUNCTION finq.tenant_delete(p_client_id uuid) RETURNS json
    LANGUAGE plpgsql
AS $$
DECLARE
    v_tenant finq.tenant := finq.tenant_lock(p_client_id);
BEGIN
    IF EXISTS (SELECT FROM finq.session s WHERE s.client_id = p_client_id) THEN
        RAISE unique_violation USING MESSAGE = format('The tenant "%s" has sessions, which stay.', v_tenant.name),
            HINT = 'finqctl tenant disable refuses it everything.';
    END IF;
    DELETE FROM finq.outbox o WHERE o.client_id = p_client_id;
    DELETE FROM finq.webhook w WHERE w.client_id = p_client_id;
    DELETE FROM finq.page p WHERE p.client_id = p_client_id;
    DELETE FROM finq.brand b WHERE b.client_id = p_client_id;
    DELETE FROM finq.redirect_link l WHERE l.client_id = p_client_id;
    DELETE FROM finq.replay r WHERE r.client_id = p_client_id;
    DELETE FROM finq.signing_key k WHERE k.client_id = p_client_id;
    DELETE FROM finq.tenant_skill a WHERE a.client_id = p_client_id;
    DELETE FROM finq.tenant_key k WHERE k.client_id = p_client_id;
    DELETE FROM finq.tenant t WHERE t.client_id = p_client_id;
    RETURN json_build_object('client_id', p_client_id, 'name', v_tenant.name);
END $$;

-- A new key beside the old ones, which end after p_overlap minutes unless they end sooner.
CREATE OR REPLACE FUNCTION finq.tenant_rotate(p_client_id uuid, p_kind finq.key_kind, p_hash bytea, p_overlap integer) RETURNS json
    LANGUAGE plpgsql
AS $$
DECLARE
    v_tenant finq.tenant := finq.tenant_lock(p_client_id);
    v_now    timestamptz := clock_timestamp();
    v_end    timestamptz := v_now + coalesce(p_overlap, 60) * interval '1 minute';
    v_key_id bigint;
BEGIN
    IF p_overlap NOT BETWEEN 0 AND 525600 THEN
        RAISE invalid_parameter_value USING MESSAGE = 'The overlap must be 0 to 525600 minutes.';
    END IF;
    UPDATE finq.tenant_key k SET ends_at = v_end
     WHERE k.client_id = p_client_id AND k.kind = p_kind AND k.ends_at > v_end;
    IF (SELECT count(*) FROM finq.tenant_key k
         WHERE k.client_id = p_client_id AND k.kind = p_kind AND k.ends_at > v_now) >= 10 THEN
        RAISE raise_exception USING MESSAGE = 'The tenant has ten live keys of this kind.',
            HINT = 'Revoke some of them, or rotate with --overlap 0.';
    END IF;
    INSERT INTO finq.tenant_key AS k (client_id, kind, hash) VALUES (v_tenant.client_id, p_kind, p_hash)
    RETURNING k.key_id INTO v_key_id;
    RETURN json_build_object('client_id', p_client_id, 'key_id', v_key_id,
                              'keys', finq.keys_shown(p_client_id, p_kind));
END $$;

CREATE OR REPLACE FUNCTION finq.tenant_revoke(p_client_id uuid, p_key_id bigint) RETURNS json
    LANGUAGE plpgsql
AS $$
DECLARE
    v_tenant finq.tenant := finq.tenant_lock(p_client_id);
    v_kind   finq.key_kind;
BEGIN
    UPDATE finq.tenant_key k SET ends_at = least(k.ends_at, clock_timestamp())
     WHERE k.client_id = v_tenant.client_id AND k.key_id = p_key_id
    RETURNING k.kind INTO v_kind;
    IF NOT FOUND THEN
        RAISE no_data_found USING MESSAGE = format('The tenant has no key %s.', p_key_id),
            HINT = 'finqctl tenant show lists its keys.';
    END IF;
    RETURN json_build_object('client_id', p_client_id, 'key_id', p_key_id, 'keys', finq.keys_shown(p_client_id, v_kind));
END $$;

CREATE OR REPLACE FUNCTION finq.tenant_set_status(p_client_id uuid, p_status finq.tenant_status) RETURNS json
    LANGUAGE plpgsql
AS $$
DECLARE
    v_tenant finq.tenant := finq.tenant_lock(p_client_id);
BEGIN
    UPDATE finq.tenant t SET status = p_status WHERE t.client_id = p_client_id AND t.status <> p_status;
    RETURN json_build_object('client_id', p_client_id, 'name', v_tenant.name, 'status', p_status);
END $$;

CREATE OR REPLACE FUNCTION finq.servicer_create(p_name text, p_country text) RETURNS json
    LANGUAGE plpgsql
AS $$
DECLARE
    v_created  boolean;
    v_servicer finq.servicer;
BEGIN
    INSERT INTO finq.servicer (name, country) VALUES (p_name, p_country) ON CONFLICT (name) DO NOTHING;
    v_created := FOUND;
    SELECT r.* INTO v_servicer FROM finq.servicer r WHERE r.name = p_name;
    IF v_servicer.country IS DISTINCT FROM p_country THEN
        RAISE unique_violation USING MESSAGE = format('A servicer named "%s" exists already, with %s.', p_name,
            coalesce(format('the country "%s"', v_servicer.country), 'no country'));
    END IF;
    RETURN json_build_object('servicer_id', v_servicer.servicer_id, 'name', p_name, 'country', p_country,
                              'created', v_created);
END $$;

CREATE OR REPLACE FUNCTION finq.servicer_list() RETURNS json
    LANGUAGE sql STABLE
    RETURN (SELECT coalesce(json_agg(json_build_object(
                'servicer_id', r.servicer_id, 'name', r.name, 'country', r.country, 'created_at', finq.utc(r.created_at),
                'skills', (SELECT coalesce(json_agg(s.name ORDER BY s.name), '[]') FROM finq.skill s
                            WHERE s.servicer_id = r.servicer_id)) ORDER BY r.name), '[]')
              FROM finq.servicer r);
