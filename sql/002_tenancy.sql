-- Tenants in operation: keys that rotate with an overlap, skills that retire, catalogs, and who changed what.
--
-- Servers of version 1 go on working beside this schema: what they call keeps its signature and its answer.

-- A key's last use, true to the minute; a skill that is retired starts no sessions.
ALTER TABLE finq.tenant_key ADD COLUMN last_used_at timestamptz NULL;
ALTER TABLE finq.skill ADD COLUMN retired_at timestamptz NULL;

-- ---------------------------------------------------------------------------------------------------------------------
-- The audit trail: who changed what. Triggers write it, in the transaction of the change, so that a statement typed into
-- psql leaves its line as finqctl does. Lines are only ever added.
-- ---------------------------------------------------------------------------------------------------------------------

CREATE TABLE finq.audit (
    audit_id    bigint      NOT NULL GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    at          timestamptz NOT NULL,
    role        text        NOT NULL, -- that logged in to the database
    address     inet        NULL,     -- where it came from; NULL for a local socket
    application text        NOT NULL,
    os_user     text        NULL,     -- as finqctl tells it: a hint, no proof
    object      text        NOT NULL, -- the table
    action      text        NOT NULL CHECK (action IN ('INSERT', 'UPDATE', 'DELETE', 'TRUNCATE')),
    client_id   uuid        NULL,     -- of the tenant that it is about
    detail      jsonb       NOT NULL  -- the row; of a change, each column's old and new value. No key's hash, no definition
);

CREATE INDEX audit_client_id ON finq.audit (client_id, audit_id);

-- Whoever adds a line, it names its true author.
CREATE FUNCTION finq.audit_stamp() RETURNS trigger
    LANGUAGE plpgsql
AS $$
BEGIN
    NEW.at := clock_timestamp();
    NEW.role := session_user;
    NEW.address := inet_client_addr();
    NEW.application := current_setting('application_name');
    NEW.os_user := nullif(current_setting('finq.os_user', true), '');
    RETURN NEW;
END $$;

CREATE FUNCTION finq.audit_refuse() RETURNS trigger
    LANGUAGE plpgsql
AS $$
BEGIN
    RAISE insufficient_privilege USING MESSAGE = format('%s of finq.audit: its lines are only ever added.', TG_OP);
END $$;

CREATE TRIGGER audit_stamp BEFORE INSERT ON finq.audit FOR EACH ROW EXECUTE FUNCTION finq.audit_stamp();
CREATE TRIGGER audit_refuse BEFORE UPDATE OR DELETE OR TRUNCATE ON finq.audit
    FOR EACH STATEMENT EXECUTE FUNCTION finq.audit_refuse();
-- Always: in a session that applies replication's changes too.
ALTER TABLE finq.audit ENABLE ALWAYS TRIGGER audit_stamp;
ALTER TABLE finq.audit ENABLE ALWAYS TRIGGER audit_refuse;

-- A row as the trail shows it.
CREATE FUNCTION finq.audit_shown(p_row jsonb) RETURNS jsonb
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    RETURN p_row - ARRAY['hash', 'definition', 'last_used_at'];

-- What differs between two rows, [old, new] by column; of what is not shown, only that it differs. NULL where nothing does.
CREATE FUNCTION finq.audit_difference(p_old jsonb, p_new jsonb) RETURNS jsonb
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    RETURN (SELECT jsonb_object_agg(n.key, CASE WHEN finq.audit_shown(p_new) ? n.key
                                                THEN jsonb_build_array(p_old -> n.key, n.value) ELSE '"changed"' END)
              FROM jsonb_each(p_new) AS n (key, value)
             WHERE p_old -> n.key IS DISTINCT FROM n.value);

CREATE FUNCTION finq.audit_write() RETURNS trigger
    LANGUAGE plpgsql
AS $$
DECLARE
    v_row        jsonb := CASE TG_OP WHEN 'DELETE' THEN to_jsonb(OLD) WHEN 'TRUNCATE' THEN '{}' ELSE to_jsonb(NEW) END;
    v_difference jsonb;
    v_detail     jsonb := finq.audit_shown(v_row);
BEGIN
    IF TG_OP = 'UPDATE' THEN
        v_difference := finq.audit_difference(to_jsonb(OLD), v_row);
        IF v_difference IS NULL THEN
            RETURN NULL;
        END IF;
        -- what the row is called, and what became of it
        v_detail := (SELECT coalesce(jsonb_object_agg(k.key, v_row -> k.key), '{}')
                       FROM unnest(ARRAY['name', 'key_id', 'kid', 'kind', 'skill_id', 'servicer_id']) AS k (key)
                      WHERE v_row ? k.key) || jsonb_build_object('changed', v_difference);
    END IF;
    INSERT INTO finq.audit (object, action, client_id, detail)
    VALUES (TG_TABLE_NAME, TG_OP, (v_row ->> 'client_id')::uuid, v_detail);
    RETURN NULL;
END $$;

CREATE TRIGGER audit_write AFTER INSERT OR UPDATE OR DELETE ON finq.servicer
    FOR EACH ROW EXECUTE FUNCTION finq.audit_write();
CREATE TRIGGER audit_write AFTER INSERT OR UPDATE OR DELETE ON finq.tenant
    FOR EACH ROW EXECUTE FUNCTION finq.audit_write();
-- Not last_used_at: the server's requests write that one.
CREATE TRIGGER audit_write AFTER INSERT OR UPDATE OF client_id, key_id, kind, hash, created_at, ends_at OR DELETE
    ON finq.tenant_key FOR EACH ROW EXECUTE FUNCTION finq.audit_write();
CREATE TRIGGER audit_write AFTER INSERT OR UPDATE OR DELETE ON finq.skill
    FOR EACH ROW EXECUTE FUNCTION finq.audit_write();
CREATE TRIGGER audit_write AFTER INSERT OR UPDATE OR DELETE ON finq.tenant_skill
    FOR EACH ROW EXECUTE FUNCTION finq.audit_write();
CREATE TRIGGER audit_write AFTER INSERT OR UPDATE OR DELETE ON finq.migration
    FOR EACH ROW EXECUTE FUNCTION finq.audit_write();

CREATE TRIGGER audit_truncate AFTER TRUNCATE ON finq.servicer FOR EACH STATEMENT EXECUTE FUNCTION finq.audit_write();
CREATE TRIGGER audit_truncate AFTER TRUNCATE ON finq.tenant FOR EACH STATEMENT EXECUTE FUNCTION finq.audit_write();
CREATE TRIGGER audit_truncate AFTER TRUNCATE ON finq.tenant_key FOR EACH STATEMENT EXECUTE FUNCTION finq.audit_write();
CREATE TRIGGER audit_truncate AFTER TRUNCATE ON finq.skill FOR EACH STATEMENT EXECUTE FUNCTION finq.audit_write();
CREATE TRIGGER audit_truncate AFTER TRUNCATE ON finq.tenant_skill FOR EACH STATEMENT EXECUTE FUNCTION finq.audit_write();

-- ---------------------------------------------------------------------------------------------------------------------
-- Small helpers
-- ---------------------------------------------------------------------------------------------------------------------

-- Notes that a key was used: at most once a minute, never waiting for another who does the same, and not in a database
-- that is read-only for now.
CREATE FUNCTION finq.key_note_use(p_client_id uuid, p_key_id bigint) RETURNS void
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

-- An exchange is what a tenant's secret is used for. The trigger is on the credential and not on the session, which a
-- migration cannot lock beside tenant_key without meeting running servers that lock the two in either order.
CREATE FUNCTION finq.exchange_note_use() RETURNS trigger
    LANGUAGE plpgsql
AS $$
BEGIN
    PERFORM finq.key_note_use(s.client_id, s.exchange_key_id) FROM finq.session s WHERE s.session_id = NEW.session_id;
    RETURN NULL;
END $$;

CREATE TRIGGER exchange_note_use AFTER INSERT ON finq.credential
    FOR EACH ROW EXECUTE FUNCTION finq.exchange_note_use();

-- ---------------------------------------------------------------------------------------------------------------------
-- For the server: one call a request
-- ---------------------------------------------------------------------------------------------------------------------

-- As in version 1, but for retired skills, which no session may start with, and `left_ms`, by which a server needs no clock
-- that agrees with the database's.
CREATE OR REPLACE FUNCTION finq.tenant_get(p_client_id uuid) RETURNS text
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
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
CREATE FUNCTION finq.tenant_seen(p_client_id uuid, p_app_key_hash bytea) RETURNS text
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    PERFORM finq.key_note_use(k.client_id, k.key_id) FROM finq.tenant_key k
      WHERE k.client_id = p_client_id AND k.kind = 'APP_KEY' AND k.hash = p_app_key_hash
        AND k.ends_at > clock_timestamp();
    RETURN finq.tenant_get(p_client_id);
END $$;

-- What authorises a look into the catalogs: 'ok', or the error code, in the order of POST /sessions.
CREATE FUNCTION finq.catalog_claim(p_client_id uuid, p_app_key_hash bytea) RETURNS text
    LANGUAGE plpgsql
AS $$
DECLARE
    v_active boolean;
    v_key_id bigint;
BEGIN
    SELECT t.status = 'ACTIVE', k.key_id INTO v_active, v_key_id
      FROM finq.tenant t
      LEFT JOIN finq.tenant_key k ON k.client_id = t.client_id AND k.kind = 'APP_KEY' AND k.hash = p_app_key_hash
                                 AND k.ends_at > clock_timestamp()
     WHERE t.client_id = p_client_id;
    IF v_key_id IS NOT NULL THEN
        PERFORM finq.key_note_use(p_client_id, v_key_id);
    END IF;
    RETURN CASE WHEN v_active IS NULL THEN 'invalid_client_id' WHEN v_key_id IS NULL THEN 'invalid_client_app_key'
                WHEN v_active THEN 'ok' ELSE 'unauthorized_tenant' END;
END $$;

-- The skills that a tenant may start here; p_only is what the server's host is narrowed to, NULL for no less than all.
CREATE FUNCTION finq.catalog_of(p_client_id uuid, p_only text[]) RETURNS SETOF finq.skill
    LANGUAGE sql STABLE
BEGIN ATOMIC
    SELECT s.* FROM finq.tenant_skill a JOIN finq.skill s ON s.skill_id = a.skill_id
     WHERE a.client_id = p_client_id AND s.retired_at IS NULL AND (p_only IS NULL OR s.name = ANY (p_only));
END;

-- A step as the catalog shows it: named members alone, so that what a definition may hold one day does not show by itself.
CREATE FUNCTION finq.catalog_step(p_step json) RETURNS json
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    RETURN CASE WHEN p_step ->> 'title' IS NULL
                THEN json_build_object('name', p_step -> 'name', 'schema', p_step -> 'schema',
                                       'uploads', coalesce(p_step -> 'uploads', '[]'))
                ELSE json_build_object('name', p_step -> 'name', 'title', p_step -> 'title', 'schema', p_step -> 'schema',
                                       'uploads', coalesce(p_step -> 'uploads', '[]')) END;

CREATE FUNCTION finq.catalog_servicer(p_servicer finq.servicer) RETURNS json
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    RETURN json_build_object('id', p_servicer.servicer_id, 'name', p_servicer.name, 'country', p_servicer.country);

-- The catalog of skills (contract section 10), each schema's members in the order in which they were published.
CREATE FUNCTION finq.catalog_skills(p_client_id uuid, p_app_key_hash bytea, p_only text[],
                                    OUT outcome text, OUT catalog text)
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    outcome := finq.catalog_claim(p_client_id, p_app_key_hash);
    IF outcome <> 'ok' THEN
        RETURN;
    END IF;
    SELECT coalesce(json_agg(json_build_object(
               'name', s.name, 'title', s.definition -> 'title', 'type', s.definition -> 'type',
               'environment', s.definition -> 'environment', 'servicer', finq.catalog_servicer(r),
               'steps', (SELECT json_agg(finq.catalog_step(e.step) ORDER BY e.place)
                           FROM json_array_elements(s.definition -> 'steps') WITH ORDINALITY AS e (step, place)))
               ORDER BY s.name), '[]') INTO catalog
      FROM finq.catalog_of(p_client_id, p_only) s JOIN finq.servicer r ON r.servicer_id = s.servicer_id;
END $$;

-- The servicers behind them.
CREATE FUNCTION finq.catalog_servicers(p_client_id uuid, p_app_key_hash bytea, p_only text[],
                                       OUT outcome text, OUT catalog text)
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    outcome := finq.catalog_claim(p_client_id, p_app_key_hash);
    IF outcome <> 'ok' THEN
        RETURN;
    END IF;
    SELECT coalesce(json_agg(finq.catalog_servicer(r) ORDER BY r.name), '[]') INTO catalog
      FROM finq.servicer r
     WHERE r.servicer_id IN (SELECT s.servicer_id FROM finq.catalog_of(p_client_id, p_only) s);
END $$;

-- ---------------------------------------------------------------------------------------------------------------------
-- For the operator (finqctl)
-- ---------------------------------------------------------------------------------------------------------------------

CREATE FUNCTION finq.tenant_row(p_client_id uuid) RETURNS finq.tenant
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
CREATE FUNCTION finq.tenant_lock(p_client_id uuid) RETURNS finq.tenant
    LANGUAGE plpgsql
AS $$
BEGIN
    PERFORM FROM finq.tenant t WHERE t.client_id = p_client_id FOR NO KEY UPDATE;
    RETURN finq.tenant_row(p_client_id);
END $$;

-- A tenant's keys, of one kind where p_kind names it.
CREATE FUNCTION finq.keys_shown(p_client_id uuid, p_kind finq.key_kind) RETURNS jsonb
    LANGUAGE sql STABLE
    RETURN (SELECT coalesce(jsonb_agg(jsonb_build_object(
                'key_id', k.key_id, 'kind', k.kind, 'live', k.ends_at > clock_timestamp(), 'created_at', k.created_at,
                'age_minutes', floor(extract(epoch FROM clock_timestamp() - k.created_at) / 60)::bigint,
                'ends_at', nullif(k.ends_at, 'infinity'), 'last_used_at', k.last_used_at) ORDER BY k.kind, k.key_id), '[]')
              FROM finq.tenant_key k
             WHERE k.client_id = p_client_id AND (p_kind IS NULL OR k.kind = p_kind));

CREATE FUNCTION finq.tenant_show(p_client_id uuid) RETURNS jsonb
    LANGUAGE plpgsql STABLE
AS $$
DECLARE
    v_tenant finq.tenant := finq.tenant_row(p_client_id);
BEGIN
    RETURN jsonb_build_object(
        'client_id', v_tenant.client_id, 'name', v_tenant.name, 'status', v_tenant.status,
        'servicer', (SELECT r.name FROM finq.servicer r WHERE r.servicer_id = v_tenant.servicer_id),
        'created_at', v_tenant.created_at, 'keys', finq.keys_shown(p_client_id, NULL),
        'skills', (SELECT coalesce(jsonb_agg(jsonb_build_object(
                              'name', s.name, 'consent_duration', a.consent_duration,
                              'cache_max_data_retention', a.cache_max_data_retention, 'allowed_at', a.allowed_at,
                              'retired', s.retired_at IS NOT NULL) ORDER BY s.name), '[]')
                     FROM finq.tenant_skill a JOIN finq.skill s ON s.skill_id = a.skill_id
                    WHERE a.client_id = p_client_id));
END $$;

-- A new key beside the old ones, which end after p_overlap minutes unless they end sooner.
CREATE FUNCTION finq.tenant_rotate(p_client_id uuid, p_kind finq.key_kind, p_hash bytea, p_overlap integer) RETURNS jsonb
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
    RETURN jsonb_build_object('client_id', p_client_id, 'key_id', v_key_id,
                              'keys', finq.keys_shown(p_client_id, p_kind));
END $$;

CREATE FUNCTION finq.tenant_revoke(p_client_id uuid, p_key_id bigint) RETURNS jsonb
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
    RETURN jsonb_build_object('client_id', p_client_id, 'key_id', p_key_id, 'keys', finq.keys_shown(p_client_id, v_kind));
END $$;

CREATE FUNCTION finq.tenant_set_status(p_client_id uuid, p_status finq.tenant_status) RETURNS jsonb
    LANGUAGE plpgsql
AS $$
DECLARE
    v_tenant finq.tenant := finq.tenant_lock(p_client_id);
BEGIN
    UPDATE finq.tenant t SET status = p_status WHERE t.client_id = p_client_id AND t.status <> p_status;
    RETURN jsonb_build_object('client_id', p_client_id, 'name', v_tenant.name, 'status', p_status);
END $$;

CREATE OR REPLACE FUNCTION finq.skill_list() RETURNS jsonb
    LANGUAGE sql STABLE
    RETURN (SELECT coalesce(jsonb_agg(jsonb_build_object(
                'name', s.name, 'title', s.definition ->> 'title', 'type', s.definition ->> 'type',
                'servicer', r.name, 'published_at', s.published_at, 'retired_at', s.retired_at,
                'steps', (SELECT jsonb_agg(e.step -> 'name' ORDER BY e.place)
                            FROM json_array_elements(s.definition -> 'steps') WITH ORDINALITY AS e (step, place)))
                ORDER BY s.name), '[]')
              FROM finq.skill s JOIN finq.servicer r ON r.servicer_id = s.servicer_id);

-- json, not jsonb: the definition as it was published.
CREATE FUNCTION finq.skill_show(p_name text) RETURNS json
    LANGUAGE plpgsql STABLE
AS $$
DECLARE
    v_shown json;
BEGIN
    SELECT json_build_object(
               'name', s.name, 'servicer_id', s.servicer_id, 'published_at', s.published_at, 'retired_at', s.retired_at,
               'tenants', (SELECT coalesce(json_agg(json_build_object('client_id', t.client_id, 'name', t.name)
                                                    ORDER BY t.name), '[]')
                             FROM finq.tenant_skill a JOIN finq.tenant t ON t.client_id = a.client_id
                            WHERE a.skill_id = s.skill_id),
               'definition', s.definition)
      INTO v_shown FROM finq.skill s WHERE s.name = p_name;
    IF v_shown IS NULL THEN
        RAISE no_data_found USING MESSAGE = format('No skill named "%s" is published.', p_name);
    END IF;
    RETURN v_shown;
END $$;

-- Retires a skill, or takes that back. Repeated, it changes nothing.
CREATE FUNCTION finq.skill_retire(p_name text, p_undo boolean) RETURNS jsonb
    LANGUAGE plpgsql
AS $$
DECLARE
    v_retired_at timestamptz;
BEGIN
    UPDATE finq.skill s
       SET retired_at = CASE WHEN p_undo THEN NULL ELSE coalesce(s.retired_at, clock_timestamp()) END
     WHERE s.name = p_name
    RETURNING s.retired_at INTO v_retired_at;
    IF NOT FOUND THEN
        RAISE no_data_found USING MESSAGE = format('No skill named "%s" is published.', p_name);
    END IF;
    RETURN jsonb_build_object('name', p_name, 'retired_at', v_retired_at);
END $$;

CREATE FUNCTION finq.servicer_create(p_name text, p_country text) RETURNS jsonb
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
    RETURN jsonb_build_object('servicer_id', v_servicer.servicer_id, 'name', p_name, 'country', p_country,
                              'created', v_created);
END $$;

CREATE FUNCTION finq.servicer_list() RETURNS jsonb
    LANGUAGE sql STABLE
    RETURN (SELECT coalesce(jsonb_agg(jsonb_build_object(
                'servicer_id', r.servicer_id, 'name', r.name, 'country', r.country, 'created_at', r.created_at,
                'skills', (SELECT coalesce(jsonb_agg(s.name ORDER BY s.name), '[]') FROM finq.skill s
                            WHERE s.servicer_id = r.servicer_id)) ORDER BY r.name), '[]')
              FROM finq.servicer r);

-- The newest lines of the trail, newest first.
CREATE FUNCTION finq.audit_list(p_client_id uuid, p_since timestamptz, p_limit integer) RETURNS jsonb
    LANGUAGE plpgsql STABLE
AS $$
BEGIN
    IF p_limit NOT BETWEEN 1 AND 100000 THEN
        RAISE invalid_parameter_value USING MESSAGE = 'The limit must be 1 to 100000.';
    END IF;
    RETURN (SELECT coalesce(jsonb_agg(to_jsonb(a) ORDER BY a.audit_id DESC), '[]')
              FROM (SELECT l.* FROM finq.audit l
                     WHERE (p_client_id IS NULL OR l.client_id = p_client_id) AND (p_since IS NULL OR l.at >= p_since)
                     ORDER BY l.audit_id DESC LIMIT coalesce(p_limit, 100)) a);
END $$;

-- ---------------------------------------------------------------------------------------------------------------------
-- Who may do what. A default of the schema cannot take from PUBLIC what PostgreSQL gives it, so every migration ends so.
-- ---------------------------------------------------------------------------------------------------------------------

REVOKE ALL ON ALL TABLES IN SCHEMA finq FROM PUBLIC;
REVOKE ALL ON ALL FUNCTIONS IN SCHEMA finq FROM PUBLIC;
GRANT EXECUTE ON FUNCTION finq.tenant_seen, finq.catalog_skills, finq.catalog_servicers TO finq_server;
