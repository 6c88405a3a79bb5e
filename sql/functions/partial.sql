-- Partials: uploads that may be cut and go on (contract section 13). A row is made before its file, and stays behind it until it expires, so
-- that whoever has not heard that the document is stored can ask again. A document has one at a time: what a request begins that may still
-- be refused stands beside that one until the request has been taken.

-- Removes the partials of a step that goes; their files are for a server of their directory to remove.
CREATE OR REPLACE FUNCTION finq.partials_end(p_steps uuid[]) RETURNS void
    LANGUAGE sql VOLATILE
BEGIN ATOMIC
    WITH gone AS (DELETE FROM finq.partial p WHERE p.step_id = ANY (p_steps) RETURNING p.upload_id, p.stored)
    INSERT INTO finq.upload_removed (upload_id, removed_at, decided)
    SELECT g.upload_id, clock_timestamp(), false FROM gone g WHERE g.stored IS NULL;
END;

-- Ends what else a partial's document has begun, or for NULL all of it. Answers one whose file the caller may remove, if it is in the same directory; what it does
-- not remove a server of the file's directory does.
CREATE OR REPLACE FUNCTION finq.partials_replace(p_step_id uuid, p_document text, p_upload_id uuid) RETURNS uuid
    LANGUAGE sql VOLATILE
BEGIN ATOMIC
    WITH gone AS (DELETE FROM finq.partial p
                   WHERE p.step_id = p_step_id AND p.document = p_document AND p.upload_id IS DISTINCT FROM p_upload_id
                  RETURNING p.upload_id, p.stored),
    files AS (INSERT INTO finq.upload_removed (upload_id, removed_at, decided)
              SELECT g.upload_id, clock_timestamp(), false FROM gone g WHERE g.stored IS NULL RETURNING upload_removed.upload_id)
    SELECT f.upload_id FROM files f LIMIT 1;
END;

-- How many bytes of p_most are promised where the quotas leave room for p_room, -1 for any number.
CREATE OR REPLACE FUNCTION finq.partial_promised(p_most bigint, p_room bigint) RETURNS bigint
    LANGUAGE sql IMMUTABLE
    RETURN CASE WHEN p_room < 0 THEN p_most ELSE least(p_most, p_room) END;

-- ---------------------------------------------------------------------------------------------------------------------
-- For the server
-- ---------------------------------------------------------------------------------------------------------------------

-- Begins a partial, where a document of p_least bytes may be sent (finq.upload_admit). As many are promised to it; or where nobody knows how
-- many come with this request, up to p_most, as the quotas allow: `room`, -1 for any number. What else the document has begun, `has_others`,
-- goes on until finq.partial_stand, or finq.upload_record; there may be three, as each may come to all that there is room for.
CREATE OR REPLACE FUNCTION finq.partial_begin(
    p_client_id uuid, p_session_id uuid, p_ordinal integer, p_step_id uuid, p_document text, p_nonce_ttl integer, p_generation integer,
    p_step_quota bigint, p_session_quota bigint, p_tenant_quota bigint, p_upload_id uuid, p_least bigint, p_most bigint, p_upload_ttl integer,
    OUT outcome text, OUT quota text, OUT room bigint, OUT expires_at bigint, OUT has_others boolean)
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET jit = off SET plan_cache_mode = force_generic_plan
    SET enable_seqscan = off
AS $$
#variable_conflict use_column
DECLARE
    v_now timestamptz;
    v_end timestamptz;
BEGIN
    PERFORM FROM finq.session s WHERE s.session_id = p_session_id AND s.client_id = p_client_id FOR NO KEY UPDATE;
    v_now := clock_timestamp();
    SELECT a.outcome, a.quota, a.room INTO outcome, quota, room
      FROM finq.upload_admit(p_client_id, p_session_id, p_ordinal, p_step_id, p_document, p_nonce_ttl, p_generation,
                             p_step_quota, p_session_quota, p_tenant_quota, p_upload_id) a;
    outcome := CASE
        WHEN outcome <> 'ok' THEN outcome
        WHEN room >= 0 AND p_least > room THEN 'quota_exceeded'
        WHEN (SELECT count(*) FROM finq.partial p
               WHERE p.step_id = p_step_id AND p.document = p_document AND p.upload_id <> p_upload_id AND p.stored IS NULL
                 AND p.expires_at > v_now) >= 3 THEN 'too_many_requests'
        ELSE 'ok' END;
    IF outcome <> 'ok' THEN
        RETURN;
    END IF;
    v_end := date_trunc('second', v_now + p_upload_ttl * interval '1 second');
    INSERT INTO finq.partial (upload_id, step_id, document, client_id, bytes, expires_at)
    VALUES (p_upload_id, p_step_id, p_document, p_client_id, finq.partial_promised(p_most, room), v_end)
    ON CONFLICT ON CONSTRAINT partial_pkey DO UPDATE SET expires_at = v_end;
    has_others := EXISTS (SELECT FROM finq.partial p WHERE p.step_id = p_step_id AND p.document = p_document AND p.upload_id <> p_upload_id);
    expires_at := finq.seconds(v_end);
END $$;
COMMENT ON FUNCTION finq.partial_begin IS 'repeatable';

-- The request that has begun a partial is taken: what else its document has begun ends, as finq.partials_replace says.
CREATE OR REPLACE FUNCTION finq.partial_stand(p_session_id uuid, p_upload_id uuid, OUT outcome text, OUT replaced uuid)
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET jit = off SET plan_cache_mode = force_generic_plan
    SET enable_seqscan = off
AS $$
DECLARE
    v_own finq.partial;
BEGIN
    PERFORM FROM finq.session s WHERE s.session_id = p_session_id FOR NO KEY UPDATE; -- of two, one after the other
    SELECT p.* INTO v_own FROM finq.partial p WHERE p.upload_id = p_upload_id;
    outcome := CASE WHEN FOUND THEN 'ok' ELSE 'upload_gone' END;
    replaced := finq.partials_replace(v_own.step_id, v_own.document, p_upload_id);
END $$;
COMMENT ON FUNCTION finq.partial_stand IS 'repeatable';

-- A piece comes of a partial whose length nobody has said, and may bring it to p_least bytes, or to p_most: these are promised to it in the
-- place of those before, as finq.partial_begin says.
CREATE OR REPLACE FUNCTION finq.partial_promise(
    p_session_id uuid, p_upload_id uuid, p_step_quota bigint, p_session_quota bigint, p_tenant_quota bigint, p_least bigint, p_most bigint,
    OUT outcome text, OUT quota text, OUT room bigint)
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET jit = off SET plan_cache_mode = force_generic_plan
    SET enable_seqscan = off
AS $$
#variable_conflict use_column
DECLARE
    v_session finq.session;
    v_own     finq.partial;
BEGIN
    SELECT s.* INTO v_session FROM finq.session s WHERE s.session_id = p_session_id FOR NO KEY UPDATE;
    SELECT p.* INTO v_own FROM finq.partial p WHERE p.upload_id = p_upload_id AND p.stored IS NULL AND p.expires_at > clock_timestamp();
    SELECT r.quota, coalesce(r.room, -1) INTO quota, room
      FROM finq.upload_room(v_session, v_own.step_id, v_own.document, p_upload_id, p_step_quota, p_session_quota, p_tenant_quota) r;
    outcome := CASE WHEN v_own.upload_id IS NULL THEN 'upload_gone' WHEN room >= 0 AND p_least > room THEN 'quota_exceeded' ELSE 'ok' END;
    IF outcome = 'ok' THEN
        UPDATE finq.partial p SET bytes = finq.partial_promised(p_most, room) WHERE p.upload_id = p_upload_id;
    END IF;
END $$;
COMMENT ON FUNCTION finq.partial_promise IS 'repeatable';

-- The upload that a partial became, for who has not heard of it; NULLs where there is none.
CREATE OR REPLACE FUNCTION finq.partial_stored(
    p_upload_id uuid,
    OUT upload_id uuid, OUT document text, OUT size bigint, OUT sha256 bytea, OUT media_type text,
    OUT width integer, OUT height integer, OUT orientation integer)
    LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET jit = off SET plan_cache_mode = force_generic_plan
    SET enable_seqscan = off
AS $$
#variable_conflict use_column
BEGIN
    SELECT u.upload_id, u.document, u.size, u.sha256, u.media_type, coalesce(u.width, 0), coalesce(u.height, 0), coalesce(u.orientation, 0)
      INTO upload_id, document, size, sha256, media_type, width, height, orientation
      FROM finq.partial p
      JOIN finq.upload u ON u.step_id = p.step_id AND u.document = p.document AND u.upload_id = p.stored
     WHERE p.upload_id = p_upload_id AND p.expires_at > clock_timestamp();
END $$;

-- Ends a partial, if it has not ended: its client wants it no more, or what it became was refused. What is stored stays.
CREATE OR REPLACE FUNCTION finq.partial_end(p_upload_id uuid, OUT outcome text)
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET jit = off
AS $$
DECLARE
    v_gone finq.partial;
BEGIN
    DELETE FROM finq.partial p WHERE p.upload_id = p_upload_id RETURNING p.* INTO v_gone;
    IF FOUND AND v_gone.stored IS NULL THEN
        INSERT INTO finq.upload_removed (upload_id, removed_at, decided) VALUES (p_upload_id, clock_timestamp(), false);
    END IF;
    outcome := 'ok';
END $$;
COMMENT ON FUNCTION finq.partial_end IS 'repeatable';
