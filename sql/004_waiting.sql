-- Sessions that wait: for a bank, for a person, and the way back; branches; events to the tenant's server.
--
-- A session that has been answered with a nonce or a temp_token waits for nobody (waits_for is null). One that waits for
-- a bank or a decision keeps the nonce of its last step, which asks for its status and authorises that step's uploads.
-- step_place is the place in the skill of the last step submitted, from 1; next_place that of the step that follows it
-- once the waiting ends, 0 where none does. Rows of version 1 have neither: there a step's place is its ordinal.

CREATE TYPE finq.waiting AS ENUM ('BANK', 'DECISION');

ALTER TABLE finq.session
    ADD COLUMN generation    integer     NOT NULL DEFAULT 0, -- counts resumptions; an older nonce is dead
    ADD COLUMN step_place    integer     NULL,
    ADD COLUMN next_place    integer     NULL,
    ADD COLUMN waits_for     finq.waiting NULL,
    ADD COLUMN waits_since   timestamptz NULL,
    ADD COLUMN waited        interval    NOT NULL DEFAULT '0', -- does not count against FinqSessionTTL
    ADD COLUMN resubmit      boolean     NOT NULL DEFAULT false, -- the same step again: its first attempt's uploads are not asked for
    ADD COLUMN reply         json        NULL,                -- what the last submission was answered: `data`, where not {}
    ADD COLUMN reply_reasons jsonb       NULL,
    ADD COLUMN reply_until   timestamptz NULL,
    ADD COLUMN told          json        NULL,                -- `data` that came with the end of the waiting
    ADD COLUMN reasons       jsonb       NULL,                -- of how the session stands now
    ADD COLUMN return_link   text        NULL,                -- where the bank's return ends: the client's own page
    ADD COLUMN return_until  timestamptz NULL,
    ADD COLUMN returned_at   timestamptz NULL;                -- the one use of the state that the bank sends back

ALTER TABLE finq.credential ADD COLUMN expiry_told boolean NOT NULL DEFAULT false;
CREATE INDEX credential_expiry ON finq.credential (consent_exp) WHERE status = 'ACTIVE';
-- The few that may live longer than the rest.
CREATE INDEX session_waited ON finq.session (session_id)
    WHERE status = 'SESSION_IN_PROGRESS' AND (waited > '0' OR waits_for = 'BANK');

-- Until when the starts of sessions have been looked at for expiry.
CREATE TABLE finq.expiry_mark (
    only_one  boolean     NOT NULL DEFAULT true PRIMARY KEY CHECK (only_one),
    looked_at timestamptz NOT NULL
);
INSERT INTO finq.expiry_mark (looked_at) VALUES ('2000-01-01Z');

-- The first id of a millisecond.
CREATE FUNCTION finq.first_id(p_at timestamptz) RETURNS uuid
    LANGUAGE sql IMMUTABLE
    RETURN (SELECT (substr(h.hex, 1, 8) || '-' || substr(h.hex, 9, 4) || '-0000-0000-000000000000')::uuid
              FROM (SELECT lpad(to_hex(floor(extract(epoch FROM p_at) * 1000)::bigint), 12, '0') AS hex) h);

-- Where a tenant's users may be sent back to, by prefix of the link.
CREATE TABLE finq.redirect_link (
    client_id  uuid        NOT NULL REFERENCES finq.tenant (client_id),
    prefix     text        NOT NULL CHECK (length(prefix) BETWEEN 4 AND 2000),
    allowed_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (client_id, prefix)
);

-- Answers of connectors and decisions are found by the step alone.
CREATE INDEX session_waiting ON finq.session (waits_since) WHERE waits_for = 'DECISION';

-- ---------------------------------------------------------------------------------------------------------------------
-- Events: written in the transaction of the change they tell of, delivered by `finqctl outbox run`
-- ---------------------------------------------------------------------------------------------------------------------

-- A tenant's own address for events. The signing secret is derived from the server's secret file and the salt: what
-- stands here forges no event. While it is being rotated, the one before signs beside it.
CREATE TABLE finq.webhook (
    client_id     uuid        NOT NULL PRIMARY KEY REFERENCES finq.tenant (client_id),
    url           text        NOT NULL,
    secret_id     integer     NOT NULL,
    salt          bytea       NOT NULL,
    old_secret_id integer     NULL,
    old_salt      bytea       NULL,
    old_until     timestamptz NULL,
    enabled       boolean     NOT NULL DEFAULT true,
    failing_since timestamptz NULL,
    created_at    timestamptz NOT NULL DEFAULT clock_timestamp()
);

CREATE TYPE finq.delivery AS ENUM ('WAITING', 'DELIVERED', 'GIVEN_UP');

CREATE TABLE finq.outbox (
    event_id     bigint        NOT NULL GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    message_id   uuid          NOT NULL DEFAULT gen_random_uuid(),
    client_id    uuid          NOT NULL,
    session_id   uuid          NOT NULL,
    type         text          NOT NULL,
    payload      json          NOT NULL,
    created_at   timestamptz   NOT NULL DEFAULT clock_timestamp(),
    state        finq.delivery NOT NULL DEFAULT 'WAITING',
    attempts     integer       NOT NULL DEFAULT 0,
    next_at      timestamptz   NOT NULL DEFAULT clock_timestamp(),
    delivered_at timestamptz   NULL,
    last_error   text          NULL
);
CREATE INDEX outbox_waiting ON finq.outbox (next_at) WHERE state = 'WAITING';
CREATE INDEX outbox_session ON finq.outbox (session_id, event_id) WHERE state = 'WAITING';

-- An event for a tenant that has asked for events. It tells of ids and states, never of a person.
CREATE FUNCTION finq.event(p_client_id uuid, p_session_id uuid, p_type text, p_data jsonb) RETURNS void
    LANGUAGE sql VOLATILE
BEGIN ATOMIC
    INSERT INTO finq.outbox (client_id, session_id, type, payload)
    SELECT w.client_id, p_session_id, p_type,
           json_build_object('type', p_type, 'timestamp', to_char(clock_timestamp() AT TIME ZONE 'UTC',
                             'YYYY-MM-DD"T"HH24:MI:SS"Z"'), 'data', jsonb_build_object('client_id', p_client_id,
                             'session_id', p_session_id) || p_data)
      FROM finq.webhook w WHERE w.client_id = p_client_id AND w.enabled;
END;

CREATE FUNCTION finq.session_event(p_client_id uuid, p_session_id uuid, p_status finq.session_status, p_step_id uuid)
    RETURNS void
    LANGUAGE sql VOLATILE
    RETURN finq.event(p_client_id, p_session_id, 'session.' || lower(substr(p_status::text, 9)),
                      jsonb_build_object('status', p_status, 'step_id', p_step_id));

-- ---------------------------------------------------------------------------------------------------------------------
-- Steps
-- ---------------------------------------------------------------------------------------------------------------------

-- Whether a session's time is up. Time that it spends waiting does not count; a bank is waited for until its page ends.
CREATE FUNCTION finq.session_is_old(p_session finq.session, p_session_ttl integer) RETURNS boolean
    LANGUAGE sql STABLE
    RETURN (p_session).status = 'SESSION_EXPIRED' OR (p_session).status = 'SESSION_IN_PROGRESS'
           AND (p_session).started_at + (p_session).waited + p_session_ttl * interval '1 second'
               + CASE WHEN (p_session).waits_for = 'BANK'
                      THEN least(clock_timestamp(), (p_session).return_until) - (p_session).waits_since
                      ELSE interval '0' END <= clock_timestamp();

-- Whether a session may take step p_ordinal now, and if not, why: the contract's code, or 'repeat' for a request that
-- has been answered before. NULL where it may.
CREATE FUNCTION finq.step_refusal(p_session finq.session, p_client_id uuid, p_ordinal integer, p_generation integer,
                                  p_body_hash bytea, p_required text[], p_started_at bigint, p_session_ttl integer)
    RETURNS text
    LANGUAGE sql STABLE
    RETURN CASE
        WHEN NOT EXISTS (SELECT FROM finq.tenant t WHERE t.client_id = p_client_id AND t.status = 'ACTIVE')
            THEN 'unauthorized_tenant'
        WHEN (p_session).generation <> p_generation THEN 'invalid_nonce'
        WHEN (p_session).step_ordinal = p_ordinal AND (p_session).step_body_hash = p_body_hash THEN 'repeat'
        WHEN (p_session).step_ordinal >= p_ordinal THEN 'step_already_submitted'
        WHEN (p_session).session_id IS NULL AND p_ordinal > 1 THEN 'invalid_session_id'
        WHEN finq.session_is_old(p_session, p_session_ttl) OR (p_session).session_id IS NULL
             AND p_started_at + p_session_ttl <= finq.seconds(clock_timestamp()) THEN 'expired_session'
        WHEN p_ordinal > 1 AND ((p_session).status <> 'SESSION_IN_PROGRESS' OR (p_session).waits_for IS NOT NULL)
            THEN 'invalid_step'
        WHEN p_required <> '{}' AND finq.missing_uploads((p_session).step_id, p_required) IS NOT NULL
            THEN 'missing_uploads'
    END;

-- Whether a link begins with a prefix at a boundary of URLs: https://a.example is no prefix of https://a.example.org.
CREATE FUNCTION finq.link_fits(p_link text, p_prefix text) RETURNS boolean
    LANGUAGE sql IMMUTABLE
    RETURN starts_with(p_link, p_prefix) AND (right(p_prefix, 1) IN ('/', '?', '#', '=', '&')
                                              OR substr(p_link, length(p_prefix) + 1, 1) IN ('', '/', '?', '#'));

-- The steps of a session; of one that was asked for again, the last attempt alone.
CREATE FUNCTION finq.session_steps(p_session_id uuid) RETURNS SETOF finq.step
    LANGUAGE sql STABLE
BEGIN ATOMIC
    SELECT DISTINCT ON (e.name) e.* FROM finq.same_time(p_session_id) w
      JOIN finq.step e ON e.step_id BETWEEN w.first AND w.last AND e.session_id = p_session_id
     ORDER BY e.name, e.ordinal DESC;
END;

-- What a connector or a branch's condition is shown of a session before step p_ordinal: asked before the connector is,
-- so that nothing is held while it thinks. Nothing is changed.
CREATE FUNCTION finq.step_context(
    p_client_id uuid, p_session_id uuid, p_ordinal integer, p_generation integer, p_body_hash bytea, p_required text[],
    p_started_at bigint, p_session_ttl integer, p_return_link text,
    OUT outcome text, OUT missing text, OUT tenant_user_id text, OUT data text, OUT documents text)
    LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_column
DECLARE
    v_session finq.session;
BEGIN
    SELECT s.* INTO v_session FROM finq.session s WHERE s.session_id = p_session_id AND s.client_id = p_client_id;
    outcome := coalesce(finq.step_refusal(v_session, p_client_id, p_ordinal, p_generation, p_body_hash, p_required,
                                          p_started_at, p_session_ttl), 'ok');
    IF outcome = 'ok' AND p_return_link IS NOT NULL AND NOT EXISTS (
           SELECT FROM finq.redirect_link l
            WHERE l.client_id = p_client_id AND finq.link_fits(p_return_link, l.prefix)) THEN
        outcome := 'link_not_allowed';
    END IF;
    missing := CASE WHEN outcome = 'missing_uploads' THEN
        coalesce(finq.missing_uploads(v_session.step_id, p_required), array_to_string(p_required, ', ')) END;
    tenant_user_id := v_session.tenant_user_id;
    SELECT coalesce(jsonb_object_agg(e.name, e.data), '{}')::text INTO data FROM finq.session_steps(p_session_id) e;
    SELECT coalesce(json_agg(json_build_object('upload_id', u.upload_id, 'step', e.name, 'document', u.document,
                        'size', u.size, 'sha256', encode(u.sha256, 'hex'), 'media_type', u.media_type)
                        ORDER BY e.ordinal, u.document), '[]')::text INTO documents
      FROM finq.session_steps(p_session_id) e
      JOIN finq.upload u ON u.step_id = e.step_id;
END $$;

-- Submits a step, as in version 1, and says what then is: p_status with p_next_place (0: none follows), or that the
-- session waits. p_reply is the answer's `data`.
CREATE FUNCTION finq.step_submit(
    p_client_id uuid, p_session_id uuid, p_skill_id integer, p_ordinal integer, p_app_key_id bigint,
    p_tenant_user_id text, p_started_at bigint, p_nonce_expires_at bigint, p_step_id uuid, p_step_name text,
    p_body_hash bytea, p_data jsonb, p_required text[], p_status text, p_secret_id integer, p_answer_ttl integer,
    p_session_ttl integer, p_generation integer, p_place integer, p_next_place integer, p_waits_for text, p_reply json,
    p_return_link text, p_return_until bigint, p_reasons jsonb,
    OUT outcome text, OUT step_id uuid, OUT secret_id integer, OUT expires_at bigint, OUT missing text,
    OUT status text, OUT next_place integer, OUT waits_for text, OUT reply text, OUT reasons text)
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_column
DECLARE
    v_now     timestamptz := clock_timestamp();
    v_expires timestamptz := date_trunc('second', v_now) + p_answer_ttl * interval '1 second';
    v_status  finq.session_status := p_status::finq.session_status;
    v_waiting finq.waiting := p_waits_for::finq.waiting;
    v_session finq.session;
BEGIN
    IF p_nonce_expires_at <= finq.seconds(v_now) THEN
        outcome := 'expired_nonce';
        RETURN;
    END IF;

    IF p_ordinal = 1 THEN
        INSERT INTO finq.session AS s (session_id, client_id, skill_id, tenant_user_id, status, started_at, updated_at,
                                  step_ordinal, step_id, step_body_hash, answer_expires_at, answer_secret_id, step_place,
                                  next_place, waits_for, waits_since, reply, reply_reasons, reply_until, reasons,
                                  return_link, return_until)
        SELECT p_session_id, t.client_id, a.skill_id, p_tenant_user_id, v_status, to_timestamp(p_started_at), v_now,
               1, p_step_id, p_body_hash, v_expires, p_secret_id, p_place, p_next_place, v_waiting,
               CASE WHEN v_waiting IS NOT NULL THEN v_now END, p_reply, p_reasons, v_expires, p_reasons, p_return_link,
               to_timestamp(p_return_until)
          FROM finq.tenant t
          JOIN finq.tenant_key k ON k.client_id = t.client_id AND k.key_id = p_app_key_id
          JOIN finq.tenant_skill a ON a.client_id = t.client_id AND a.skill_id = p_skill_id
         WHERE t.client_id = p_client_id AND t.status = 'ACTIVE' AND k.ends_at > v_now
           AND p_started_at + p_session_ttl > finq.seconds(v_now) AND p_generation = 0
        ON CONFLICT (session_id) DO NOTHING;
    ELSE
        UPDATE finq.session s
           SET status = v_status, updated_at = v_now, step_ordinal = p_ordinal, step_id = p_step_id,
               step_body_hash = p_body_hash, answer_expires_at = v_expires, answer_secret_id = p_secret_id,
               step_place = p_place, next_place = p_next_place, waits_for = v_waiting,
               waits_since = CASE WHEN v_waiting IS NOT NULL THEN v_now END, resubmit = false, reply = p_reply,
               reply_reasons = p_reasons, reply_until = v_expires, told = NULL, reasons = p_reasons, return_link = p_return_link, return_until = to_timestamp(p_return_until),
               returned_at = NULL
         WHERE s.session_id = p_session_id AND s.client_id = p_client_id AND s.step_ordinal = p_ordinal - 1
           AND s.status = 'SESSION_IN_PROGRESS' AND s.waits_for IS NULL AND s.generation = p_generation
           AND s.started_at + s.waited + p_session_ttl * interval '1 second' > v_now
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
        status := p_status;
        next_place := p_next_place;
        waits_for := p_waits_for;
        reply := p_reply::text;
        reasons := p_reasons::text;
        -- asked here as well as there: a plan that is kept costs a tenth of a call that is planned each time
        IF v_status <> 'SESSION_IN_PROGRESS' AND EXISTS (SELECT FROM finq.webhook w WHERE w.client_id = p_client_id) THEN
            PERFORM finq.session_event(p_client_id, p_session_id, v_status, p_step_id);
        END IF;
        RETURN;
    END IF;

    SELECT s.* INTO v_session FROM finq.session s WHERE s.session_id = p_session_id AND s.client_id = p_client_id;
    outcome := coalesce(
        finq.step_refusal(v_session, p_client_id, p_ordinal, p_generation, p_body_hash, p_required, p_started_at,
                          p_session_ttl),
        CASE WHEN p_ordinal > 1 THEN 'missing_uploads' -- one that has arrived in this moment
             WHEN NOT EXISTS (SELECT FROM finq.tenant_key k WHERE k.client_id = p_client_id AND k.key_id = p_app_key_id
                                 AND k.ends_at > v_now) THEN 'invalid_client_app_key'
             ELSE 'unauthorized_tenant' END);
    IF outcome = 'repeat' THEN
        outcome := 'ok';
        step_id := v_session.step_id;
        secret_id := v_session.answer_secret_id;
        -- the answer as it was given when the step was submitted; what was decided since is told by the session's status
        expires_at := finq.seconds(v_session.reply_until);
        next_place := v_session.next_place;
        waits_for := CASE WHEN v_session.waits_since IS NULL THEN NULL
                          WHEN v_session.return_link IS NULL THEN 'DECISION' ELSE 'BANK' END;
        status := CASE WHEN waits_for = 'DECISION' THEN 'SESSION_PENDING'
                       WHEN waits_for = 'BANK' OR v_session.status = 'SESSION_EXPIRED' THEN 'SESSION_IN_PROGRESS'
                       ELSE v_session.status::text END;
        reply := v_session.reply::text;
        reasons := v_session.reply_reasons::text;
    ELSIF outcome = 'missing_uploads' THEN
        -- none is missing where the last one has arrived in this moment
        missing := coalesce(finq.missing_uploads(v_session.step_id, p_required), array_to_string(p_required, ', '));
    END IF;
END $$;

-- Records an upload, as in version 1, for a nonce that a resumption has not made old. p_ordinal is the step's. Where the
-- session has waited, or was resumed, what its last step asks for may come long after the submission: then the nonce's own
-- life, which the server has looked at, is what counts.
CREATE FUNCTION finq.upload_record(
    p_client_id uuid, p_session_id uuid, p_ordinal integer, p_step_id uuid, p_document text, p_upload_id uuid,
    p_size bigint, p_sha256 bytea, p_media_type text, p_nonce_ttl integer, p_generation integer,
    OUT outcome text, OUT upload_id uuid, OUT replaced uuid)
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_column
DECLARE
    v_session finq.session;
BEGIN
    -- before the session's row is locked, as version 1 does
    PERFORM finq.upload_lock(p_upload_id);
    SELECT s.* INTO v_session FROM finq.session s
     WHERE s.session_id = p_session_id AND s.client_id = p_client_id FOR NO KEY UPDATE;
    IF v_session.generation <> p_generation THEN
        outcome := 'invalid_nonce';
        RETURN;
    END IF;
    IF v_session.step_id = p_step_id AND (v_session.generation > 0 OR v_session.waits_since IS NOT NULL) THEN
        p_nonce_ttl := 1000000000;
    END IF;
    SELECT r.outcome, r.upload_id, r.replaced INTO outcome, upload_id, replaced
      FROM finq.upload_record(p_client_id, p_session_id, p_ordinal, p_step_id, p_document, p_upload_id, p_size, p_sha256,
                              p_media_type, p_nonce_ttl) r;
END $$;

-- ---------------------------------------------------------------------------------------------------------------------
-- The end of a waiting
-- ---------------------------------------------------------------------------------------------------------------------

-- What follows a step that a session waits with: 'approve' goes on to what was to follow, 'resubmit' to the same step
-- again, 'reject' to the end. The answer's token is sealed when it is asked for.
CREATE FUNCTION finq.session_conclude(p_session finq.session, p_decision text, p_told json, p_reasons jsonb) RETURNS void
    LANGUAGE plpgsql
AS $$
DECLARE
    v_now    timestamptz := clock_timestamp();
    v_status finq.session_status := CASE
        WHEN p_decision = 'reject' THEN 'SESSION_FAILED'
        WHEN p_decision = 'approve' AND p_session.next_place = 0 THEN 'SESSION_COMPLETED'
        ELSE 'SESSION_IN_PROGRESS' END;
BEGIN
    UPDATE finq.session s
       SET status = v_status, updated_at = v_now, waits_for = NULL, waited = s.waited + (v_now - s.waits_since),
           resubmit = p_decision = 'resubmit', told = p_told, reasons = p_reasons,
           next_place = CASE WHEN p_decision = 'resubmit' THEN s.step_place ELSE s.next_place END,
           answer_expires_at = '-infinity' -- none has been given for it yet
     WHERE s.session_id = p_session.session_id;
    IF p_decision = 'resubmit' THEN
        PERFORM finq.event(p_session.client_id, p_session.session_id, 'session.resubmission_asked',
                           jsonb_build_object('status', v_status, 'step_id', p_session.step_id));
    ELSIF v_status <> 'SESSION_IN_PROGRESS' THEN
        PERFORM finq.session_event(p_session.client_id, p_session.session_id, v_status, p_session.step_id);
    END IF;
END $$;

-- The session that waits with this step, locked; null where none has it as its last one.
CREATE FUNCTION finq.session_of_step(p_step_id uuid) RETURNS finq.session
    LANGUAGE sql VOLATILE
BEGIN ATOMIC
    SELECT s.* FROM finq.same_time(p_step_id) w
      JOIN finq.session s ON s.session_id BETWEEN w.first AND w.last
     WHERE s.step_id = p_step_id FOR NO KEY UPDATE OF s;
END;

-- A decision that a connector sends (p_connector names it; the skill's step must be its) about a step that waits.
CREATE FUNCTION finq.step_decide(p_step_id uuid, p_connector text, p_decision text, p_reasons jsonb,
                                 OUT outcome text, OUT status text)
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_column
DECLARE
    v_session finq.session := finq.session_of_step(p_step_id);
    v_connector text;
BEGIN
    SELECT k.definition #>> ARRAY['steps', (v_session.step_place - 1)::text, 'connector'] INTO v_connector
      FROM finq.skill k WHERE k.skill_id = v_session.skill_id;
    IF v_session.session_id IS NULL OR v_connector IS DISTINCT FROM p_connector THEN
        outcome := 'invalid_step_id';
    ELSIF v_session.waits_for IS DISTINCT FROM 'DECISION' THEN
        outcome := 'step_already_submitted';
    ELSE
        PERFORM finq.session_conclude(v_session, p_decision, NULL, p_reasons);
        outcome := 'ok';
        SELECT s.status::text INTO status FROM finq.session s WHERE s.session_id = v_session.session_id;
    END IF;
END $$;

-- Takes the one use of the state that a bank's return brings (contract section 6), and tells what the connector is
-- asked next. The step has not been concluded: who takes this and then cannot reach the connector gives it back.
CREATE FUNCTION finq.redirect_take(p_client_id uuid, p_session_id uuid, p_ordinal integer,
    OUT outcome text, OUT return_link text, OUT step_id uuid, OUT data text, OUT tenant_user_id text, OUT body_hash bytea)
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_column
DECLARE
    v_session finq.session;
BEGIN
    UPDATE finq.session s SET returned_at = clock_timestamp()
     WHERE s.session_id = p_session_id AND s.client_id = p_client_id AND s.step_ordinal = p_ordinal
       AND s.waits_for = 'BANK' AND s.return_until > clock_timestamp()
       -- a server that ended between taking and concluding keeps no user out
       AND (s.returned_at IS NULL OR s.returned_at < clock_timestamp() - interval '2 minutes')
       AND EXISTS (SELECT FROM finq.tenant t WHERE t.client_id = p_client_id AND t.status = 'ACTIVE')
    RETURNING s.* INTO v_session;
    outcome := CASE WHEN FOUND THEN 'ok' ELSE 'tpp_redirect_error' END;
    IF NOT FOUND THEN
        SELECT s.* INTO v_session FROM finq.session s
         WHERE s.session_id = p_session_id AND s.client_id = p_client_id AND s.step_ordinal = p_ordinal;
    END IF;
    return_link := v_session.return_link;
    step_id := v_session.step_id;
    tenant_user_id := v_session.tenant_user_id;
    body_hash := v_session.step_body_hash;
    SELECT e.data::text INTO data FROM finq.step e WHERE e.step_id = v_session.step_id;
END $$;

-- Ends what finq.redirect_take began. p_decision as in finq.session_conclude; 'pending' waits on, for a decision; 'retry'
-- gives the use of the state back.
CREATE FUNCTION finq.redirect_conclude(p_client_id uuid, p_session_id uuid, p_ordinal integer, p_decision text,
                                       p_told json, p_reasons jsonb, p_answer_ttl integer, p_secret_id integer,
    OUT outcome text, OUT status text, OUT expires_at bigint, OUT secret_id integer)
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_column
DECLARE
    v_session finq.session;
BEGIN
    SELECT s.* INTO v_session FROM finq.session s
     WHERE s.session_id = p_session_id AND s.client_id = p_client_id AND s.step_ordinal = p_ordinal
       AND s.waits_for = 'BANK' AND s.returned_at IS NOT NULL FOR NO KEY UPDATE;
    outcome := CASE WHEN FOUND THEN 'ok' ELSE 'tpp_redirect_error' END;
    IF NOT FOUND THEN
        RETURN;
    END IF;
    IF p_decision = 'retry' THEN
        UPDATE finq.session s SET returned_at = NULL WHERE s.session_id = p_session_id;
    ELSIF p_decision = 'pending' THEN
        UPDATE finq.session s SET waits_for = 'DECISION', status = 'SESSION_PENDING', updated_at = clock_timestamp(),
                                  reasons = p_reasons
         WHERE s.session_id = p_session_id;
        PERFORM finq.session_event(p_client_id, p_session_id, 'SESSION_PENDING', v_session.step_id);
    ELSE
        PERFORM finq.session_conclude(v_session, p_decision, p_told, p_reasons);
        UPDATE finq.session s
           SET answer_expires_at = date_trunc('second', clock_timestamp()) + p_answer_ttl * interval '1 second',
               answer_secret_id = p_secret_id
         WHERE s.session_id = p_session_id;
    END IF;
    SELECT s.status::text, finq.seconds(s.answer_expires_at), s.answer_secret_id INTO status, expires_at, secret_id
      FROM finq.session s WHERE s.session_id = p_session_id;
END $$;

-- What a session's client may know of it, and the token to go on with (contract section 5). `ordinal` is that of the token:
-- of the step that waits, or of the one that follows. `waits`: there is nothing to go on with yet. A token that was given
-- stays the same until its end; then, or where the tenant's server resumes the session (p_anew), it is made anew.
CREATE FUNCTION finq.session_answer(p_session finq.session, p_nonce_ttl integer, p_temp_token_ttl integer,
                                    p_session_ttl integer, p_secret_id integer, p_anew boolean,
    OUT status text, OUT step_id uuid, OUT expires_at bigint, OUT secret_id integer, OUT ordinal integer,
    OUT place integer, OUT previous integer, OUT generation integer, OUT waits boolean, OUT told text,
    OUT skill_id integer)
    LANGUAGE plpgsql
AS $$
#variable_conflict use_column
DECLARE
    v_now   timestamptz;
    v_waits boolean;
BEGIN
    IF p_session.waits_for = 'BANK' AND p_session.return_until <= clock_timestamp() THEN
        PERFORM finq.session_conclude(p_session, 'resubmit', NULL, '["The visit to the bank was not finished in time."]');
        SELECT s.* INTO p_session FROM finq.session s WHERE s.session_id = p_session.session_id;
    END IF;
    IF p_session.status <> 'SESSION_EXPIRED' AND finq.session_is_old(p_session, p_session_ttl) THEN
        UPDATE finq.session s SET status = 'SESSION_EXPIRED', waits_for = NULL, updated_at = clock_timestamp()
         WHERE s.session_id = p_session.session_id RETURNING s.* INTO p_session;
        PERFORM finq.session_event(p_session.client_id, p_session.session_id, p_session.status, p_session.step_id);
    END IF;
    v_now := clock_timestamp();
    v_waits := p_session.waits_for IS NOT NULL;
    status := p_session.status;
    IF status NOT IN ('SESSION_FAILED', 'SESSION_EXPIRED') THEN
        IF p_anew OR p_session.waits_since IS NOT NULL AND p_session.answer_expires_at <= v_now THEN
            UPDATE finq.session s
               SET answer_expires_at = date_trunc('second', v_now) + interval '1 second'
                       * CASE WHEN status = 'SESSION_COMPLETED' THEN p_temp_token_ttl ELSE p_nonce_ttl END,
                   answer_secret_id = p_secret_id, generation = s.generation + p_anew::integer
             WHERE s.session_id = p_session.session_id
            RETURNING s.* INTO p_session;
        END IF;
        expires_at := finq.seconds(p_session.answer_expires_at);
    END IF;
    step_id := p_session.step_id;
    secret_id := p_session.answer_secret_id;
    waits := v_waits;
    ordinal := p_session.step_ordinal + CASE WHEN waits OR status = 'SESSION_COMPLETED' THEN 0 ELSE 1 END;
    place := CASE WHEN waits OR status = 'SESSION_COMPLETED' THEN coalesce(p_session.step_place, p_session.step_ordinal)
                  ELSE coalesce(p_session.next_place, p_session.step_ordinal + 1) END;
    previous := CASE WHEN waits OR status = 'SESSION_COMPLETED' OR p_session.resubmit THEN 0
                     ELSE coalesce(p_session.step_place, p_session.step_ordinal) END;
    generation := p_session.generation;
    skill_id := p_session.skill_id;
    told := CASE WHEN p_session.reasons IS NOT NULL OR p_session.told IS NOT NULL THEN
        format('{"reasons":%s,"data":%s}', coalesce(p_session.reasons::text, 'null'), coalesce(p_session.told::text, 'null')) END;
END $$;

CREATE FUNCTION finq.session_status(p_client_id uuid, p_session_id uuid, p_ordinal integer, p_generation integer,
                                    p_nonce_expires_at bigint, p_nonce_ttl integer, p_temp_token_ttl integer,
                                    p_session_ttl integer, p_secret_id integer,
    OUT outcome text, OUT held boolean, OUT status text, OUT step_id uuid, OUT expires_at bigint, OUT secret_id integer,
    OUT ordinal integer, OUT place integer, OUT previous integer, OUT generation integer, OUT waits boolean,
    OUT told text, OUT skill_id integer)
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_column
DECLARE
    v_session finq.session;
    v_expired boolean;
BEGIN
    SELECT s.* INTO v_session FROM finq.session s
     WHERE s.session_id = p_session_id AND s.client_id = p_client_id FOR NO KEY UPDATE;
    v_expired := p_nonce_expires_at <= finq.seconds(clock_timestamp());
    outcome := CASE
        WHEN NOT EXISTS (SELECT FROM finq.tenant t WHERE t.client_id = p_client_id AND t.status = 'ACTIVE')
            THEN 'unauthorized_tenant'
        WHEN v_session.session_id IS NULL THEN
            CASE WHEN p_ordinal > 1 THEN 'invalid_session_id' WHEN v_expired THEN 'expired_nonce' ELSE 'created' END
        WHEN v_session.generation <> p_generation OR p_ordinal < v_session.step_ordinal THEN 'invalid_nonce'
        -- a person may decide long after the nonce's life, so that of the step that was waited for still asks
        WHEN v_expired AND (v_session.waits_since IS NULL OR p_ordinal > v_session.step_ordinal) THEN 'expired_nonce'
        ELSE 'ok' END;
    IF outcome <> 'ok' THEN
        RETURN;
    END IF;
    SELECT a.status, a.step_id, a.expires_at, a.secret_id, a.ordinal, a.place, a.previous, a.generation, a.waits, a.told,
           a.skill_id
      INTO status, step_id, expires_at, secret_id, ordinal, place, previous, generation, waits, told, skill_id
      FROM finq.session_answer(v_session, p_nonce_ttl, p_temp_token_ttl, p_session_ttl, p_secret_id, false) a;
    -- whoever holds the nonce of the step that follows, or of one that waits, gets no other; a token that was exchanged is
    -- not given again
    held := p_ordinal > v_session.step_ordinal OR waits OR v_session.exchanged_at IS NOT NULL;
END $$;

CREATE FUNCTION finq.session_resume(p_client_id uuid, p_secret_hash bytea, p_session_id uuid, p_nonce_ttl integer,
                                    p_temp_token_ttl integer, p_session_ttl integer, p_secret_id integer,
    OUT outcome text, OUT held boolean, OUT status text, OUT step_id uuid, OUT expires_at bigint, OUT secret_id integer,
    OUT ordinal integer, OUT place integer, OUT previous integer, OUT generation integer, OUT waits boolean,
    OUT told text, OUT skill_id integer)
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_column
DECLARE
    v_session finq.session;
    v_active  boolean;
    v_key_id  bigint;
BEGIN
    SELECT t.status = 'ACTIVE', k.key_id INTO v_active, v_key_id
      FROM finq.tenant t
      LEFT JOIN finq.tenant_key k ON k.client_id = t.client_id AND k.kind = 'SECRET' AND k.hash = p_secret_hash
                                 AND k.ends_at > clock_timestamp()
     WHERE t.client_id = p_client_id;
    SELECT s.* INTO v_session FROM finq.session s
     WHERE s.session_id = p_session_id AND s.client_id = p_client_id AND v_key_id IS NOT NULL FOR NO KEY UPDATE;
    outcome := CASE WHEN v_active IS NULL THEN 'invalid_client_id' WHEN v_key_id IS NULL THEN 'invalid_client_secret'
                    WHEN NOT v_active THEN 'unauthorized_tenant'
                    WHEN v_session.session_id IS NULL THEN 'invalid_session_id' ELSE 'ok' END;
    IF outcome <> 'ok' THEN
        RETURN;
    END IF;
    held := v_session.exchanged_at IS NOT NULL;
    SELECT a.status, a.step_id, a.expires_at, a.secret_id, a.ordinal, a.place, a.previous, a.generation, a.waits, a.told,
           a.skill_id
      INTO status, step_id, expires_at, secret_id, ordinal, place, previous, generation, waits, told, skill_id
      FROM finq.session_answer(v_session, p_nonce_ttl, p_temp_token_ttl, p_session_ttl, p_secret_id, true) a;
END $$;

-- ---------------------------------------------------------------------------------------------------------------------
-- For the operator
-- ---------------------------------------------------------------------------------------------------------------------

CREATE FUNCTION finq.step_list_pending() RETURNS jsonb
    LANGUAGE sql STABLE
    RETURN (SELECT coalesce(jsonb_agg(jsonb_build_object(
                'step_id', s.step_id, 'session_id', s.session_id, 'client_id', s.client_id, 'tenant', t.name, 'skill', k.name,
                'step', e.name, 'since', s.waits_since, 'data', e.data) ORDER BY s.waits_since), '[]')
              FROM finq.session s
              JOIN finq.tenant t ON t.client_id = s.client_id
              JOIN finq.skill k ON k.skill_id = s.skill_id
              JOIN finq.step e ON e.step_id = s.step_id
             WHERE s.waits_for = 'DECISION');

CREATE FUNCTION finq.step_decided(p_step_id uuid, p_decision text, p_reason text) RETURNS jsonb
    LANGUAGE plpgsql
AS $$
DECLARE
    v_session finq.session := finq.session_of_step(p_step_id);
BEGIN
    IF v_session.session_id IS NULL THEN
        RAISE no_data_found USING MESSAGE = format('No session has %s as its last step.', p_step_id);
    ELSIF v_session.waits_for IS DISTINCT FROM 'DECISION' THEN
        RAISE unique_violation USING MESSAGE = format('Step %s does not wait for a decision; its session is %s.', p_step_id,
                                                      v_session.status);
    END IF;
    INSERT INTO finq.audit (object, action, client_id, detail)
    VALUES ('step', 'UPDATE', v_session.client_id, jsonb_build_object('step_id', p_step_id, 'decision', p_decision));
    PERFORM finq.session_conclude(v_session, p_decision, NULL,
                                  CASE WHEN p_reason IS NOT NULL THEN jsonb_build_array(p_reason) END);
    RETURN (SELECT jsonb_build_object('step_id', p_step_id, 'session_id', s.session_id, 'status', s.status)
              FROM finq.session s WHERE s.session_id = v_session.session_id);
END $$;

CREATE FUNCTION finq.tenant_redirect_allow(p_client_id uuid, p_prefix text) RETURNS jsonb
    LANGUAGE plpgsql
AS $$
BEGIN
    IF NOT EXISTS (SELECT FROM finq.tenant t WHERE t.client_id = p_client_id) THEN
        RAISE no_data_found USING MESSAGE = format('No tenant has the client_id %s.', p_client_id);
    END IF;
    INSERT INTO finq.redirect_link (client_id, prefix) VALUES (p_client_id, p_prefix) ON CONFLICT DO NOTHING;
    RETURN (SELECT jsonb_build_object('client_id', p_client_id, 'prefixes', jsonb_agg(l.prefix ORDER BY l.prefix))
              FROM finq.redirect_link l WHERE l.client_id = p_client_id);
END $$;

-- ---------------------------------------------------------------------------------------------------------------------
-- Delivery of events
-- ---------------------------------------------------------------------------------------------------------------------

CREATE FUNCTION finq.webhook_set(p_client_id uuid, p_url text, p_secret_id integer, p_salt bytea, p_overlap integer)
    RETURNS jsonb
    LANGUAGE plpgsql
AS $$
BEGIN
    IF NOT EXISTS (SELECT FROM finq.tenant t WHERE t.client_id = p_client_id) THEN
        RAISE no_data_found USING MESSAGE = format('No tenant has the client_id %s.', p_client_id);
    END IF;
    INSERT INTO finq.webhook AS w (client_id, url, secret_id, salt) VALUES (p_client_id, p_url, p_secret_id, p_salt)
    ON CONFLICT (client_id) DO UPDATE
        SET url = p_url, secret_id = p_secret_id, salt = p_salt, old_secret_id = w.secret_id, old_salt = w.salt,
            old_until = clock_timestamp() + p_overlap * interval '1 minute', enabled = true, failing_since = NULL;
    RETURN jsonb_build_object('client_id', p_client_id, 'url', p_url);
END $$;

CREATE FUNCTION finq.webhook_list() RETURNS jsonb
    LANGUAGE sql STABLE
    RETURN (SELECT coalesce(jsonb_agg(jsonb_build_object(
                'client_id', w.client_id, 'tenant', t.name, 'url', w.url, 'enabled', w.enabled,
                'failing_since', w.failing_since,
                'waiting', (SELECT count(*) FROM finq.outbox o WHERE o.client_id = w.client_id AND o.state = 'WAITING'))
                ORDER BY t.name), '[]')
              FROM finq.webhook w JOIN finq.tenant t ON t.client_id = w.client_id);

-- The events that are due, at most one a session, so that a session's arrive in order.
CREATE FUNCTION finq.outbox_due(p_limit integer) RETURNS jsonb
    LANGUAGE sql STABLE
    RETURN (SELECT coalesce(jsonb_agg(jsonb_build_object(
                'event_id', d.event_id, 'message_id', d.message_id, 'client_id', d.client_id, 'url', d.url,
                'payload', d.payload::text, 'secret_id', d.secret_id, 'salt', encode(d.salt, 'hex'),
                'old_secret_id', d.old_secret_id, 'old_salt', encode(d.old_salt, 'hex')) ORDER BY d.event_id), '[]')
              FROM (SELECT o.event_id, o.message_id, o.client_id, o.payload, w.url, w.secret_id, w.salt,
                           CASE WHEN w.old_until > clock_timestamp() THEN w.old_secret_id END AS old_secret_id,
                           CASE WHEN w.old_until > clock_timestamp() THEN w.old_salt END AS old_salt
                      FROM finq.outbox o JOIN finq.webhook w ON w.client_id = o.client_id AND w.enabled
                     WHERE o.state = 'WAITING' AND o.next_at <= clock_timestamp()
                       AND NOT EXISTS (SELECT FROM finq.outbox e WHERE e.session_id = o.session_id AND e.state = 'WAITING'
                                                                   AND e.event_id < o.event_id)
                     ORDER BY o.event_id LIMIT p_limit) d);

-- How a delivery went. Failures are tried again after growing gaps, for three days from the first; then the event is given
-- up, and the webhook, if nothing has reached it for so long, is switched off.
CREATE FUNCTION finq.outbox_result(p_event_id bigint, p_error text) RETURNS jsonb
    LANGUAGE plpgsql
AS $$
DECLARE
    v_gaps  interval[] := '{5 s, 30 s, 2 min, 10 min, 30 min, 1 h, 2 h, 4 h, 8 h, 12 h}';
    v_event finq.outbox;
    v_off   boolean := false;
BEGIN
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
           state = CASE WHEN o.created_at < clock_timestamp() - interval '3 days' THEN 'GIVEN_UP' ELSE 'WAITING' END::finq.delivery
     WHERE o.event_id = p_event_id RETURNING o.* INTO v_event;
    UPDATE finq.webhook w SET failing_since = coalesce(w.failing_since, clock_timestamp()) WHERE w.client_id = v_event.client_id;
    UPDATE finq.webhook w SET enabled = false
     WHERE w.client_id = v_event.client_id AND w.enabled AND w.failing_since < clock_timestamp() - interval '3 days';
    v_off := FOUND;
    RETURN jsonb_build_object('event_id', p_event_id, 'state', v_event.state, 'webhook_switched_off', v_off);
END $$;

CREATE FUNCTION finq.outbox_list(p_client_id uuid, p_state text) RETURNS jsonb
    LANGUAGE sql STABLE
    RETURN (SELECT coalesce(jsonb_agg(jsonb_build_object(
                'event_id', o.event_id, 'message_id', o.message_id, 'client_id', o.client_id, 'session_id', o.session_id,
                'type', o.type, 'state', o.state, 'created_at', o.created_at, 'attempts', o.attempts, 'next_at', o.next_at,
                'delivered_at', o.delivered_at, 'last_error', o.last_error) ORDER BY o.event_id), '[]')
              FROM finq.outbox o
             WHERE (p_client_id IS NULL OR o.client_id = p_client_id)
               AND o.state = coalesce(upper(p_state), 'WAITING')::finq.delivery);

CREATE FUNCTION finq.outbox_resend(p_event_id bigint) RETURNS jsonb
    LANGUAGE plpgsql
AS $$
BEGIN
    UPDATE finq.outbox o SET state = 'WAITING', next_at = clock_timestamp() WHERE o.event_id = p_event_id;
    IF NOT FOUND THEN
        RAISE no_data_found USING MESSAGE = format('No event has the id %s.', p_event_id);
    END IF;
    RETURN jsonb_build_object('event_id', p_event_id, 'state', 'WAITING');
END $$;

-- What the passing of time has brought: sessions and consents that have expired, consents that soon will.
CREATE FUNCTION finq.time_events(p_session_ttl integer, p_notice interval) RETURNS jsonb
    LANGUAGE plpgsql
AS $$
DECLARE
    v_sessions integer;
    v_expired  integer;
    v_expiring integer;
    v_from     timestamptz := (SELECT m.looked_at FROM finq.expiry_mark m FOR UPDATE);
    v_to       timestamptz := clock_timestamp() - p_session_ttl * interval '1 second';
BEGIN
    UPDATE finq.expiry_mark m SET looked_at = greatest(m.looked_at, v_to);
    WITH gone AS (
        UPDATE finq.session s SET status = 'SESSION_EXPIRED', waits_for = NULL, updated_at = clock_timestamp()
         WHERE (s.session_id >= finq.first_id(v_from) AND s.session_id < finq.first_id(v_to)
                OR s.waited > '0' OR s.waits_for = 'BANK')
           AND s.status = 'SESSION_IN_PROGRESS' AND finq.session_is_old(s, p_session_ttl)
        RETURNING s.client_id, s.session_id, s.status, s.step_id)
    SELECT count(finq.session_event(g.client_id, g.session_id, g.status, g.step_id)::text) INTO v_sessions FROM gone g;
    WITH gone AS (
        UPDATE finq.credential c SET status = 'EXPIRED', updated_at = clock_timestamp()
         WHERE c.status = 'ACTIVE' AND c.consent_exp <= clock_timestamp()
        RETURNING c.client_id, c.session_id, c.credentials_id, c.consent_exp)
    SELECT count(finq.event(g.client_id, g.session_id, 'consent.expired', jsonb_build_object(
               'credentials_id', g.credentials_id, 'consent_exp', g.consent_exp))::text) INTO v_expired FROM gone g;
    WITH soon AS (
        UPDATE finq.credential c SET expiry_told = true
         WHERE c.status = 'ACTIVE' AND NOT c.expiry_told AND c.consent_exp <= clock_timestamp() + p_notice
        RETURNING c.client_id, c.session_id, c.credentials_id, c.consent_exp)
    SELECT count(finq.event(g.client_id, g.session_id, 'consent.expiring', jsonb_build_object(
               'credentials_id', g.credentials_id, 'consent_exp', g.consent_exp))::text) INTO v_expiring FROM soon g;
    RETURN jsonb_build_object('sessions_expired', v_sessions, 'consents_expired', v_expired, 'consents_expiring', v_expiring);
END $$;

CREATE TRIGGER audit_write AFTER INSERT OR UPDATE OR DELETE ON finq.redirect_link
    FOR EACH ROW EXECUTE FUNCTION finq.audit_write();
-- Not failing_since: deliveries write that one.
CREATE TRIGGER audit_write AFTER INSERT OR UPDATE OF url, secret_id, salt, enabled OR DELETE ON finq.webhook
    FOR EACH ROW EXECUTE FUNCTION finq.audit_write();
CREATE TRIGGER audit_truncate AFTER TRUNCATE ON finq.redirect_link FOR EACH STATEMENT EXECUTE FUNCTION finq.audit_write();
CREATE TRIGGER audit_truncate AFTER TRUNCATE ON finq.webhook FOR EACH STATEMENT EXECUTE FUNCTION finq.audit_write();

REVOKE ALL ON ALL TABLES IN SCHEMA finq FROM PUBLIC;
REVOKE ALL ON ALL FUNCTIONS IN SCHEMA finq FROM PUBLIC;
GRANT EXECUTE ON FUNCTION
    finq.step_context,
    finq.step_submit(uuid, uuid, integer, integer, bigint, text, bigint, bigint, uuid, text, bytea, jsonb, text[], text,
                     integer, integer, integer, integer, integer, integer, text, json, text, bigint, jsonb),
    finq.upload_record(uuid, uuid, integer, uuid, text, uuid, bigint, bytea, text, integer, integer),
    finq.step_decide, finq.redirect_take, finq.redirect_conclude, finq.session_status, finq.session_resume
    TO finq_server;
