-- The onboarding flow: tenants and skills, sessions and their steps, uploads, credentials.
--
-- Run by `finqctl db migrate`, as the role that owns everything here. The server's role (a member of finq_server) may
-- execute the functions granted at the end and can touch no table. A server function is one call, one transaction and
-- one round trip; it answers in `outcome`: 'ok', or the contract's error code.
--
-- Times that come from the server are seconds since 1970. The database's clock decides what has expired, read with
-- clock_timestamp(), because a statement may have waited for a lock.
--
-- Rows that live short (session, step, upload) have version 7 ids that all carry the time of their session's start, so
-- that an id alone tells the time partition that its row would stand in, and a session goes with all that hangs on it.
-- They have no foreign keys for the same reason, and because a key-share lock on the tenant's row would be the one thing
-- that all its sessions contend for.

DO $$
BEGIN
    IF NOT EXISTS (SELECT FROM pg_catalog.pg_roles r WHERE r.rolname = 'finq_server') THEN
        CREATE ROLE finq_server NOLOGIN;
    END IF;
END $$;

CREATE TABLE finq.servicer (
    servicer_id uuid        NOT NULL DEFAULT gen_random_uuid() PRIMARY KEY,
    name        text        NOT NULL UNIQUE CHECK (length(name) BETWEEN 1 AND 200),
    country     text        NULL,
    created_at  timestamptz NOT NULL DEFAULT clock_timestamp()
);

CREATE TYPE finq.tenant_status AS ENUM ('ACTIVE', 'DISABLED');

CREATE TABLE finq.tenant (
    client_id   uuid               NOT NULL DEFAULT gen_random_uuid() PRIMARY KEY,
    name        text               NOT NULL UNIQUE CHECK (length(name) BETWEEN 1 AND 200),
    servicer_id uuid               NULL REFERENCES finq.servicer (servicer_id),
    status      finq.tenant_status NOT NULL DEFAULT 'ACTIVE',
    created_at  timestamptz        NOT NULL DEFAULT clock_timestamp()
);

CREATE TYPE finq.key_kind AS ENUM ('SECRET', 'APP_KEY');

-- Keys are random and long, so one SHA-256 is all the hashing they need.
CREATE TABLE finq.tenant_key (
    client_id  uuid          NOT NULL REFERENCES finq.tenant (client_id),
    key_id     bigint        NOT NULL GENERATED ALWAYS AS IDENTITY,
    kind       finq.key_kind NOT NULL,
    hash       bytea         NOT NULL CHECK (length(hash) = 32),
    created_at timestamptz   NOT NULL DEFAULT clock_timestamp(),
    ends_at    timestamptz   NOT NULL DEFAULT 'infinity',
    PRIMARY KEY (client_id, key_id)
);

CREATE TABLE finq.skill (
    skill_id     integer     NOT NULL GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    name         text        NOT NULL UNIQUE,
    servicer_id  uuid        NOT NULL REFERENCES finq.servicer (servicer_id),
    definition   json        NOT NULL, -- json, not jsonb: the order of a form's members is part of it
    published_at timestamptz NOT NULL DEFAULT clock_timestamp()
);

-- Which skills a tenant may use, and what its consents look like (contract section 7). Durations are minutes.
CREATE TABLE finq.tenant_skill (
    client_id                uuid        NOT NULL REFERENCES finq.tenant (client_id),
    skill_id                 integer     NOT NULL REFERENCES finq.skill (skill_id),
    consent_duration         integer     NOT NULL CHECK (consent_duration BETWEEN 1 AND 52560000),
    cache_max_data_retention integer     NOT NULL CHECK (cache_max_data_retention BETWEEN 0 AND 52560000),
    allowed_at               timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (client_id, skill_id)
);

CREATE TYPE finq.session_status AS ENUM ('SESSION_CREATED', 'SESSION_IN_PROGRESS', 'SESSION_PENDING',
                                         'SESSION_COMPLETED', 'SESSION_FAILED', 'SESSION_EXPIRED');

-- One row a session, made by its first step. What the last submission was and was answered stands in the row, so that
-- a repeated request gets the same answer without another look-up.
CREATE TABLE finq.session (
    session_id           uuid                NOT NULL PRIMARY KEY,
    client_id            uuid                NOT NULL,
    skill_id             integer             NOT NULL,
    tenant_user_id       text                NULL,
    status               finq.session_status NOT NULL,
    started_at           timestamptz         NOT NULL,
    updated_at           timestamptz         NOT NULL,
    step_ordinal         integer             NOT NULL, -- of the last step submitted, from 1
    step_id              uuid                NOT NULL,
    step_body_hash       bytea               NOT NULL,
    answer_expires_at    timestamptz         NOT NULL, -- of the nonce or temp_token that the step was answered with
    answer_secret_id     integer             NOT NULL, -- which of the server's secrets sealed it
    exchanged_at         timestamptz         NULL,
    exchange_key_id      bigint              NULL,
    exchange_secret_id   integer             NULL,
    exchange_salt        bytea               NULL,     -- with that secret, what the access_token is derived from
    credentials_id       uuid                NULL
) WITH (fillfactor = 80);

CREATE TABLE finq.step (
    step_id      uuid        NOT NULL PRIMARY KEY,
    session_id   uuid        NOT NULL,
    ordinal      integer     NOT NULL,
    name         text        NOT NULL,
    data         jsonb       NOT NULL,
    submitted_at timestamptz NOT NULL
);

CREATE TABLE finq.upload (
    step_id     uuid        NOT NULL,
    document    text        NOT NULL,
    upload_id   uuid        NOT NULL, -- also the name of its file
    size        bigint      NOT NULL,
    sha256      bytea       NOT NULL,
    media_type  text        NOT NULL,
    uploaded_at timestamptz NOT NULL,
    PRIMARY KEY (step_id, document)
);

-- Files that no upload points to: replaced ones until some server has removed them, and those that a sweep decided
-- against, so that a statement which comes late cannot record them after all.
CREATE TABLE finq.upload_removed (
    upload_id  uuid        NOT NULL PRIMARY KEY,
    removed_at timestamptz NOT NULL,
    gone_at    timestamptz NULL
);

CREATE TYPE finq.credential_status AS ENUM ('ACTIVE', 'DELETED', 'EXPIRED');

CREATE TABLE finq.credential (
    credentials_id     uuid                   NOT NULL PRIMARY KEY,
    client_id          uuid                   NOT NULL,
    skill_id           integer                NOT NULL,
    session_id         uuid                   NOT NULL,
    access_token_hash  bytea                  NOT NULL,
    status             finq.credential_status NOT NULL DEFAULT 'ACTIVE',
    consent_exp        timestamptz            NOT NULL,
    max_data_retention timestamptz            NOT NULL,
    created_at         timestamptz            NOT NULL,
    updated_at         timestamptz            NOT NULL
);

-- ---------------------------------------------------------------------------------------------------------------------
-- Small helpers
-- ---------------------------------------------------------------------------------------------------------------------

-- STABLE and no more, as extract() is: a stricter promise than the body's keeps it from being inlined, and then every
-- transaction parses and plans it anew.
CREATE FUNCTION finq.seconds(p_at timestamptz) RETURNS bigint
    LANGUAGE sql STABLE PARALLEL SAFE
    RETURN floor(extract(epoch FROM p_at))::bigint;

-- The first and the first-too-late id of those that carry the same millisecond as p_id: finds by the primary key alone
-- what belongs to a session.
CREATE FUNCTION finq.same_time(p_id uuid, OUT first uuid, OUT last uuid)
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    RETURN ROW((left(p_id::text, 13) || '-0000-0000-000000000000')::uuid,
               (left(p_id::text, 13) || '-ffff-ffff-ffffffffffff')::uuid);

-- The documents of p_required that have no upload yet, joined for a message; NULL where none is missing.
CREATE FUNCTION finq.missing_uploads(p_step_id uuid, p_required text[]) RETURNS text
    LANGUAGE sql STABLE
    RETURN (SELECT string_agg(d.document, ', ' ORDER BY d.place)
              FROM unnest(p_required) WITH ORDINALITY AS d (document, place)
             WHERE NOT EXISTS (SELECT FROM finq.upload u WHERE u.step_id = p_step_id AND u.document = d.document));

-- Two who decide over the same upload do so one after the other.
CREATE FUNCTION finq.upload_lock(p_upload_id uuid) RETURNS void
    LANGUAGE sql VOLATILE
    RETURN pg_advisory_xact_lock(hashtextextended(p_upload_id::text, 0));

-- ---------------------------------------------------------------------------------------------------------------------
-- For the server: one call a request
-- ---------------------------------------------------------------------------------------------------------------------

CREATE FUNCTION finq.schema_version() RETURNS integer
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
    RETURN (SELECT max(m.version) FROM finq.migration m);

-- What a server may remember of a tenant for FinqCacheTTL; NULL for an unknown one.
CREATE FUNCTION finq.tenant_get(p_client_id uuid) RETURNS text
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
    RETURN (SELECT jsonb_build_object(
                'active', t.status = 'ACTIVE',
                'app_keys', coalesce((SELECT jsonb_agg(jsonb_build_object(
                                          'key_id', k.key_id, 'hash', encode(k.hash, 'hex'),
                                          'ends_at', CASE WHEN isfinite(k.ends_at) THEN finq.seconds(k.ends_at) END)
                                          ORDER BY k.key_id)
                                        FROM finq.tenant_key k
                                       WHERE k.client_id = t.client_id AND k.kind = 'APP_KEY'
                                         AND k.ends_at > clock_timestamp()), '[]'),
                'skills', coalesce((SELECT jsonb_agg(a.skill_id) FROM finq.tenant_skill a
                                     WHERE a.client_id = t.client_id), '[]'))::text
              FROM finq.tenant t WHERE t.client_id = p_client_id);

-- A skill by its id or, where that is NULL, its name. No row for an unknown one.
CREATE FUNCTION finq.skill_get(p_skill_id integer, p_name text, OUT skill_id integer, OUT definition text)
    RETURNS SETOF record ROWS 1
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
    SELECT s.skill_id, s.definition::text FROM finq.skill s
     WHERE CASE WHEN p_skill_id IS NULL THEN s.name = p_name ELSE s.skill_id = p_skill_id END;
END;

CREATE FUNCTION finq.session_exists(p_client_id uuid, p_session_id uuid) RETURNS boolean
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
    RETURN EXISTS (SELECT FROM finq.session s WHERE s.session_id = p_session_id AND s.client_id = p_client_id);

-- Submits a step (contract section 3). The nonce has been opened by the server: p_ordinal and what stands with it come
-- from inside it. Of all submissions of a step one takes effect: the first step's by the session's primary key, a later
-- one's by the condition on step_ordinal. The same body again is answered from the session's row.
CREATE FUNCTION finq.step_submit(
    p_client_id uuid, p_session_id uuid, p_skill_id integer, p_ordinal integer, p_app_key_id bigint,
    p_tenant_user_id text, p_started_at bigint, p_nonce_expires_at bigint, p_step_id uuid, p_step_name text,
    p_body_hash bytea, p_data jsonb, p_required text[], p_last boolean, p_secret_id integer, p_answer_ttl integer,
    p_session_ttl integer,
    OUT outcome text, OUT step_id uuid, OUT secret_id integer, OUT expires_at bigint, OUT missing text)
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_column
DECLARE
    v_now     timestamptz := clock_timestamp();
    v_expires timestamptz := date_trunc('second', v_now) + p_answer_ttl * interval '1 second';
    v_status  finq.session_status := CASE WHEN p_last THEN 'SESSION_COMPLETED' ELSE 'SESSION_IN_PROGRESS' END;
    v_session finq.session;
BEGIN
    IF p_nonce_expires_at <= finq.seconds(v_now) THEN
        outcome := 'expired_nonce';
        RETURN;
    END IF;

    IF p_ordinal = 1 THEN
        INSERT INTO finq.session AS s (session_id, client_id, skill_id, tenant_user_id, status, started_at, updated_at,
                                  step_ordinal, step_id, step_body_hash, answer_expires_at, answer_secret_id)
        SELECT p_session_id, t.client_id, a.skill_id, p_tenant_user_id, v_status, to_timestamp(p_started_at), v_now,
               1, p_step_id, p_body_hash, v_expires, p_secret_id
          FROM finq.tenant t
          JOIN finq.tenant_key k ON k.client_id = t.client_id AND k.key_id = p_app_key_id
          JOIN finq.tenant_skill a ON a.client_id = t.client_id AND a.skill_id = p_skill_id
         WHERE t.client_id = p_client_id AND t.status = 'ACTIVE' AND k.ends_at > v_now
           AND p_started_at + p_session_ttl > finq.seconds(v_now)
        ON CONFLICT (session_id) DO NOTHING;
    ELSE
        UPDATE finq.session s
           SET status = v_status, updated_at = v_now, step_ordinal = p_ordinal, step_id = p_step_id,
               step_body_hash = p_body_hash, answer_expires_at = v_expires, answer_secret_id = p_secret_id
         WHERE s.session_id = p_session_id AND s.client_id = p_client_id AND s.step_ordinal = p_ordinal - 1
           AND s.status = 'SESSION_IN_PROGRESS' AND s.started_at + p_session_ttl * interval '1 second' > v_now
           AND EXISTS (SELECT FROM finq.tenant t WHERE t.client_id = p_client_id AND t.status = 'ACTIVE')
           AND (p_required = '{}' OR finq.missing_uploads(s.step_id, p_required) IS NULL);
    END IF;
    IF FOUND THEN
        INSERT INTO finq.step (step_id, session_id, ordinal, name, data, submitted_at)
        VALUES (p_step_id, p_session_id, p_ordinal, p_step_name, p_data, v_now);
        outcome := 'ok';
        step_id := p_step_id;
        secret_id := p_secret_id;
        expires_at := finq.seconds(v_expires);
        RETURN;
    END IF;

    SELECT s.* INTO v_session FROM finq.session s WHERE s.session_id = p_session_id AND s.client_id = p_client_id;
    outcome := CASE
        WHEN NOT EXISTS (SELECT FROM finq.tenant t WHERE t.client_id = p_client_id AND t.status = 'ACTIVE')
            THEN 'unauthorized_tenant'
        WHEN v_session.step_ordinal = p_ordinal AND v_session.step_body_hash = p_body_hash THEN 'ok'
        WHEN v_session.step_ordinal >= p_ordinal THEN 'step_already_submitted'
        WHEN v_session.session_id IS NULL AND p_ordinal > 1 THEN 'invalid_session_id'
        WHEN coalesce(v_session.started_at, to_timestamp(p_started_at)) + p_session_ttl * interval '1 second' <= v_now
            THEN 'expired_session'
        WHEN p_ordinal > 1 AND v_session.status <> 'SESSION_IN_PROGRESS' THEN 'invalid_step'
        WHEN p_ordinal > 1 THEN 'missing_uploads'
        WHEN NOT EXISTS (SELECT FROM finq.tenant_key k WHERE k.client_id = p_client_id AND k.key_id = p_app_key_id
                            AND k.ends_at > v_now) THEN 'invalid_client_app_key'
        ELSE 'unauthorized_tenant' END;
    IF outcome = 'ok' THEN
        step_id := v_session.step_id;
        secret_id := v_session.answer_secret_id;
        expires_at := finq.seconds(v_session.answer_expires_at);
    ELSIF outcome = 'missing_uploads' THEN
        -- none is missing where the last one has arrived in this moment
        missing := coalesce(finq.missing_uploads(v_session.step_id, p_required), array_to_string(p_required, ', '));
    END IF;
END $$;

-- Records an upload whose file is in place (contract section 4). The session's row is locked, so that nothing is replaced
-- while the next step, or the exchange, counts on it. `upload_id` is the one that stands: the file of p_upload_id is
-- the caller's to remove where it is another, and so is that of `replaced`.
CREATE FUNCTION finq.upload_record(
    p_client_id uuid, p_session_id uuid, p_ordinal integer, p_step_id uuid, p_document text, p_upload_id uuid,
    p_size bigint, p_sha256 bytea, p_media_type text, p_nonce_ttl integer,
    OUT outcome text, OUT upload_id uuid, OUT replaced uuid)
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_column
DECLARE
    v_now     timestamptz;
    v_session finq.session;
    v_step    finq.step;
    v_upload  finq.upload;
BEGIN
    PERFORM finq.upload_lock(p_upload_id);
    SELECT s.* INTO v_session FROM finq.session s
     WHERE s.session_id = p_session_id AND s.client_id = p_client_id FOR NO KEY UPDATE;
    v_now := clock_timestamp();
    SELECT e.* INTO v_step FROM finq.step e
     WHERE e.step_id = p_step_id AND e.session_id = v_session.session_id AND e.ordinal = p_ordinal;
    SELECT u.* INTO v_upload FROM finq.upload u WHERE u.step_id = v_step.step_id AND u.document = p_document;
    outcome := CASE
        WHEN v_step.step_id IS NULL THEN 'invalid_step_id'
        WHEN EXISTS (SELECT FROM finq.upload_removed r WHERE r.upload_id = p_upload_id) THEN 'service_unavailable'
        WHEN NOT EXISTS (SELECT FROM finq.tenant t WHERE t.client_id = p_client_id AND t.status = 'ACTIVE')
            THEN 'unauthorized_tenant'
        WHEN v_step.submitted_at + p_nonce_ttl * interval '1 second' <= v_now THEN 'expired_nonce'
        WHEN v_upload.sha256 <> p_sha256 AND (v_session.step_ordinal > p_ordinal OR v_session.exchanged_at IS NOT NULL)
            THEN 'step_already_submitted'
        ELSE 'ok' END;
    IF outcome <> 'ok' THEN
        RETURN;
    END IF;
    upload_id := p_upload_id;
    IF v_upload.upload_id IS NULL THEN
        INSERT INTO finq.upload (step_id, document, upload_id, size, sha256, media_type, uploaded_at)
        VALUES (p_step_id, p_document, p_upload_id, p_size, p_sha256, p_media_type, v_now);
    ELSIF v_upload.sha256 = p_sha256 AND v_upload.media_type = p_media_type THEN
        upload_id := v_upload.upload_id;
    ELSE
        UPDATE finq.upload u
           SET upload_id = p_upload_id, size = p_size, sha256 = p_sha256, media_type = p_media_type, uploaded_at = v_now
         WHERE u.step_id = p_step_id AND u.document = p_document;
        INSERT INTO finq.upload_removed (upload_id, removed_at) VALUES (v_upload.upload_id, v_now);
        replaced := v_upload.upload_id;
    END IF;
END $$;

-- Decides over placed files that a stopped server or a lost answer left undecided, finally: one that is not recorded now
-- never will be. Answers these, and the files that wait for removal; the caller removes what is not recorded and says
-- so in its next call's p_gone.
CREATE FUNCTION finq.upload_sweep(p_undecided uuid[], p_gone uuid[], OUT upload_id uuid, OUT recorded boolean)
    RETURNS SETOF record
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_column
DECLARE
    v_id uuid;
BEGIN
    UPDATE finq.upload_removed r SET gone_at = clock_timestamp() WHERE r.upload_id = ANY (p_gone);
    DELETE FROM finq.upload_removed r WHERE r.gone_at < clock_timestamp() - interval '7 days';
    FOREACH v_id IN ARRAY p_undecided LOOP
        PERFORM finq.upload_lock(v_id);
        IF EXISTS (SELECT FROM finq.same_time(v_id) t JOIN finq.upload u ON u.step_id BETWEEN t.first AND t.last
                    WHERE u.upload_id = v_id) THEN
            upload_id := v_id;
            recorded := true;
            RETURN NEXT;
        ELSE
            INSERT INTO finq.upload_removed (upload_id, removed_at) VALUES (v_id, clock_timestamp())
            ON CONFLICT ON CONSTRAINT upload_removed_pkey DO NOTHING;
        END IF;
    END LOOP;
    RETURN QUERY SELECT r.upload_id, false FROM finq.upload_removed r
                  WHERE r.gone_at IS NULL OR r.upload_id = ANY (p_undecided) ORDER BY r.removed_at LIMIT 1000;
END $$;

-- Exchanges a temp_token (contract section 7). p_session_id is NULL where the server could not open the token, so that a
-- caller without the tenant's secret learns nothing of it. The access_token's hash, salt and secret are the server's
-- offer; a repeated exchange answers with those of the first, from which the server derives the same token.
CREATE FUNCTION finq.token_exchange(
    p_client_id uuid, p_secret_hash bytea, p_session_id uuid, p_token_expires_at bigint, p_required text[],
    p_credentials_id uuid, p_access_token_hash bytea, p_salt bytea, p_secret_id integer, p_repeat_within integer,
    OUT outcome text, OUT credentials_id uuid, OUT salt bytea, OUT secret_id integer, OUT consent_exp bigint,
    OUT max_data_retention bigint, OUT missing text)
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_column
DECLARE
    v_now     timestamptz := clock_timestamp();
    v_active  boolean;
    v_key_id  bigint;
    v_session finq.session;
    v_policy  finq.tenant_skill;
BEGIN
    SELECT t.status = 'ACTIVE', k.key_id INTO v_active, v_key_id
      FROM finq.tenant t
      LEFT JOIN finq.tenant_key k ON k.client_id = t.client_id AND k.kind = 'SECRET' AND k.hash = p_secret_hash
                                 AND k.ends_at > v_now
     WHERE t.client_id = p_client_id;
    IF v_active IS NOT TRUE OR v_key_id IS NULL THEN
        outcome := CASE WHEN v_active IS NULL THEN 'invalid_client_id' WHEN v_key_id IS NULL THEN 'invalid_client_secret'
                        ELSE 'unauthorized_tenant' END;
        RETURN;
    END IF;

    UPDATE finq.session s
       SET exchanged_at = v_now, exchange_key_id = v_key_id, exchange_secret_id = p_secret_id, exchange_salt = p_salt,
           credentials_id = p_credentials_id, updated_at = v_now
     WHERE s.session_id = p_session_id AND s.client_id = p_client_id AND s.status = 'SESSION_COMPLETED'
       AND s.exchanged_at IS NULL AND p_token_expires_at > finq.seconds(v_now)
       AND (p_required = '{}' OR finq.missing_uploads(s.step_id, p_required) IS NULL)
    RETURNING s.* INTO v_session;
    IF FOUND THEN
        SELECT a.* INTO v_policy FROM finq.tenant_skill a
         WHERE a.client_id = p_client_id AND a.skill_id = v_session.skill_id;
        INSERT INTO finq.credential (credentials_id, client_id, skill_id, session_id, access_token_hash, consent_exp,
                                     max_data_retention, created_at, updated_at)
        VALUES (p_credentials_id, p_client_id, v_session.skill_id, p_session_id, p_access_token_hash,
                v_now + coalesce(v_policy.consent_duration, 129600) * interval '1 minute',
                v_now + coalesce(v_policy.cache_max_data_retention, 172800) * interval '1 minute', v_now, v_now)
        RETURNING finq.seconds(consent_exp), finq.seconds(max_data_retention) INTO consent_exp, max_data_retention;
    ELSE
        SELECT s.* INTO v_session FROM finq.session s WHERE s.session_id = p_session_id AND s.client_id = p_client_id;
        IF v_session.exchanged_at IS NULL AND v_session.status = 'SESSION_COMPLETED'
           AND p_token_expires_at > finq.seconds(v_now) THEN
            outcome := 'missing_uploads';
            missing := coalesce(finq.missing_uploads(v_session.step_id, p_required), array_to_string(p_required, ', '));
            RETURN;
        END IF;
        IF v_session.exchange_key_id IS DISTINCT FROM v_key_id
           OR v_session.exchanged_at + p_repeat_within * interval '1 second' <= v_now THEN
            outcome := 'invalid_temp_token';
            RETURN;
        END IF;
        SELECT finq.seconds(c.consent_exp), finq.seconds(c.max_data_retention) INTO consent_exp, max_data_retention
          FROM finq.credential c WHERE c.credentials_id = v_session.credentials_id;
    END IF;
    outcome := 'ok';
    credentials_id := v_session.credentials_id;
    salt := v_session.exchange_salt;
    secret_id := v_session.exchange_secret_id;
END $$;

-- ---------------------------------------------------------------------------------------------------------------------
-- For the operator (finqctl): each answers JSON, and raises P0002 for what is unknown, 23505 for what stands already
-- ---------------------------------------------------------------------------------------------------------------------

CREATE FUNCTION finq.servicer_id(p_name text, p_country text) RETURNS uuid
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

CREATE FUNCTION finq.tenant_create(p_name text, p_servicer text, p_secret_hash bytea, p_app_key_hash bytea) RETURNS jsonb
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
    RETURN jsonb_build_object('client_id', v_client_id);
END $$;

CREATE FUNCTION finq.tenant_list() RETURNS jsonb
    LANGUAGE sql STABLE
    RETURN (SELECT coalesce(jsonb_agg(jsonb_build_object(
                'client_id', t.client_id, 'name', t.name, 'status', t.status, 'servicer', r.name,
                'created_at', t.created_at,
                'skills', (SELECT coalesce(jsonb_agg(jsonb_build_object(
                               'name', s.name, 'consent_duration', a.consent_duration,
                               'cache_max_data_retention', a.cache_max_data_retention) ORDER BY s.name), '[]')
                             FROM finq.tenant_skill a JOIN finq.skill s ON s.skill_id = a.skill_id
                            WHERE a.client_id = t.client_id)) ORDER BY t.name), '[]')
              FROM finq.tenant t LEFT JOIN finq.servicer r ON r.servicer_id = t.servicer_id);

CREATE FUNCTION finq.skill_publish(p_definition json) RETURNS jsonb
    LANGUAGE plpgsql
AS $$
DECLARE
    v_name  text := p_definition ->> 'name';
    v_skill finq.skill;
BEGIN
    INSERT INTO finq.skill (name, servicer_id, definition)
    VALUES (v_name, finq.servicer_id(p_definition #>> '{servicer,name}', p_definition #>> '{servicer,country}'),
            p_definition)
    ON CONFLICT (name) DO NOTHING;
    IF FOUND THEN
        RETURN jsonb_build_object('name', v_name, 'published', true);
    END IF;
    SELECT s.* INTO v_skill FROM finq.skill s WHERE s.name = v_name;
    IF v_skill.definition::jsonb <> p_definition::jsonb THEN
        RAISE unique_violation USING MESSAGE = format('Skill "%s" is published with another definition, and a published '
            'skill never changes.', v_name), HINT = 'Publish the new definition under the next version.';
    END IF;
    RETURN jsonb_build_object('name', v_name, 'published', false);
END $$;

CREATE FUNCTION finq.skill_list() RETURNS jsonb
    LANGUAGE sql STABLE
    RETURN (SELECT coalesce(jsonb_agg(jsonb_build_object(
                'name', s.name, 'title', s.definition ->> 'title', 'type', s.definition ->> 'type',
                'servicer', r.name, 'published_at', s.published_at,
                'steps', (SELECT jsonb_agg(e.step -> 'name' ORDER BY e.place)
                            FROM json_array_elements(s.definition -> 'steps') WITH ORDINALITY AS e (step, place)))
                ORDER BY s.name), '[]')
              FROM finq.skill s JOIN finq.servicer r ON r.servicer_id = s.servicer_id);

CREATE FUNCTION finq.tenant_allow(p_client_id uuid, p_skill text, p_consent_duration integer, p_retention integer)
    RETURNS jsonb
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
    RETURN jsonb_build_object('client_id', p_client_id, 'skill', p_skill, 'consent_duration', v_policy.consent_duration,
                              'cache_max_data_retention', v_policy.cache_max_data_retention);
END $$;

CREATE FUNCTION finq.session_show(p_session_id uuid) RETURNS jsonb
    LANGUAGE plpgsql STABLE
AS $$
DECLARE
    v_shown jsonb;
BEGIN
    SELECT jsonb_build_object(
               'session_id', s.session_id, 'client_id', s.client_id, 'tenant', t.name, 'skill', k.name,
               'status', s.status, 'started_at', s.started_at, 'updated_at', s.updated_at,
               'tenant_user_id', s.tenant_user_id, 'exchanged_at', s.exchanged_at, 'credentials_id', s.credentials_id,
               'steps', (SELECT jsonb_agg(jsonb_build_object(
                             'step_id', e.step_id, 'name', e.name, 'submitted_at', e.submitted_at, 'data', e.data,
                             'uploads', (SELECT coalesce(jsonb_agg(jsonb_build_object(
                                             'upload_id', u.upload_id, 'document', u.document, 'size', u.size,
                                             'sha256', encode(u.sha256, 'hex'), 'media_type', u.media_type,
                                             'uploaded_at', u.uploaded_at) ORDER BY u.document), '[]')
                                           FROM finq.upload u WHERE u.step_id = e.step_id)) ORDER BY e.ordinal)
                           FROM finq.same_time(s.session_id) w
                           JOIN finq.step e ON e.step_id BETWEEN w.first AND w.last AND e.session_id = s.session_id))
      INTO v_shown
      FROM finq.session s
      JOIN finq.tenant t ON t.client_id = s.client_id
      JOIN finq.skill k ON k.skill_id = s.skill_id
     WHERE s.session_id = p_session_id;
    IF v_shown IS NULL THEN
        RAISE no_data_found USING MESSAGE = format('No session has the id %s.', p_session_id),
            HINT = 'A session is stored by its first step; one that was only started is unknown.';
    END IF;
    RETURN v_shown;
END $$;

-- ---------------------------------------------------------------------------------------------------------------------
-- Who may do what
-- ---------------------------------------------------------------------------------------------------------------------

REVOKE ALL ON SCHEMA finq FROM PUBLIC;
REVOKE ALL ON ALL TABLES IN SCHEMA finq FROM PUBLIC;
REVOKE ALL ON ALL FUNCTIONS IN SCHEMA finq FROM PUBLIC;
GRANT USAGE ON SCHEMA finq TO finq_server;
GRANT EXECUTE ON FUNCTION finq.schema_version, finq.tenant_get, finq.skill_get, finq.session_exists, finq.step_submit,
    finq.upload_record, finq.upload_sweep, finq.token_exchange TO finq_server;
