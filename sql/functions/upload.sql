-- Uploads: whose files are in place before their rows are.

-- The documents of p_required that have no upload yet; NULL where none is missing.
CREATE OR REPLACE FUNCTION finq.missing_uploads(p_step_id uuid, p_required text[]) RETURNS text[]
    LANGUAGE plpgsql STABLE
AS $$
BEGIN
    RETURN (SELECT array_agg(d.document ORDER BY d.place)
              FROM unnest(p_required) WITH ORDINALITY AS d (document, place)
             WHERE NOT EXISTS (SELECT FROM finq.upload u WHERE u.step_id = p_step_id AND u.document = d.document));
END $$;

-- Tells that uploads of these sizes are not stored any more for a session's tenant.
CREATE OR REPLACE FUNCTION finq.uploads_gone(p_session_id uuid, p_bytes bigint) RETURNS void
    LANGUAGE sql VOLATILE
BEGIN ATOMIC
    INSERT INTO finq.stored (client_id, bytes) SELECT s.client_id, -p_bytes FROM finq.session s WHERE s.session_id = p_session_id AND p_bytes > 0;
END;

-- Why nothing can be uploaded to a step; NULL where something can. The session's generation is the nonce's, or it is an old
-- one; of who has no nonce it is negative.
CREATE OR REPLACE FUNCTION finq.upload_refusal(p_session finq.session, p_step finq.step, p_generation integer, p_nonce_ttl integer)
    RETURNS text
    LANGUAGE plpgsql STABLE
AS $$
BEGIN
    RETURN CASE
        WHEN finq.session_is_erased(p_session) THEN 'expired_session'
        WHEN p_generation >= 0 AND p_session.generation <> p_generation THEN 'invalid_nonce'
        WHEN p_step.step_id IS NULL THEN 'invalid_step_id'
        WHEN NOT EXISTS (SELECT FROM finq.tenant t WHERE t.client_id = p_session.client_id AND t.status = 'ACTIVE')
            THEN 'unauthorized_tenant'
        WHEN p_step.submitted_at + p_nonce_ttl * interval '1 second' <= clock_timestamp()
             AND NOT (p_session.step_id = p_step.step_id AND (p_session.generation > 0 OR p_session.waits_since IS NOT NULL))
            THEN 'expired_nonce'
        WHEN p_step.off_path THEN 'step_already_submitted' END;
END $$;

-- What of a step's documents counts for quotas: what is stored, and what unfinished uploads have promised.
CREATE OR REPLACE FUNCTION finq.upload_counted(p_step_id uuid, OUT document text, OUT stored bigint, OUT promised bigint)
    RETURNS SETOF record
    LANGUAGE plpgsql STABLE
AS $$
#variable_conflict use_column
BEGIN
    RETURN QUERY
        SELECT c.document, sum(c.stored)::bigint, sum(c.promised)::bigint
          FROM (SELECT u.document, u.size, 0 FROM finq.upload u WHERE u.step_id = p_step_id
                UNION ALL
                SELECT p.document, 0, p.bytes FROM finq.partial p
                 WHERE p.step_id = p_step_id AND p.stored IS NULL AND p.expires_at > clock_timestamp()) AS c (document, stored, promised)
         GROUP BY c.document;
END $$;

-- All that counts of what a tenant has.
CREATE OR REPLACE FUNCTION finq.upload_counted_of(p_client_id uuid) RETURNS bigint
    LANGUAGE plpgsql STABLE
AS $$
BEGIN
    RETURN (SELECT coalesce(sum(b.bytes), 0) FROM finq.stored b WHERE b.client_id = p_client_id)
         + (SELECT coalesce(sum(p.bytes), 0) FROM finq.partial p
             WHERE p.client_id = p_client_id AND p.stored IS NULL AND p.expires_at > clock_timestamp());
END $$;

-- How many bytes a document may have at most, by which of the quotas: step, session or tenant, whose bytes are given, 0 for no
-- such quota. What that document has already would be replaced, so it does not count. Another one that is being replaced counts once in
-- its step and session: as what is stored, or promised, whichever is more. So all that is promised has room together; and what p_partial,
-- NULL for none, was promised it has, whatever was stored since. NULLs where there is no quota.
CREATE OR REPLACE FUNCTION finq.upload_room(
    p_session finq.session, p_step_id uuid, p_document text, p_partial uuid, p_step_quota bigint, p_session_quota bigint,
    p_tenant_quota bigint, OUT quota text, OUT room bigint)
    LANGUAGE plpgsql STABLE
AS $$
#variable_conflict use_column
DECLARE
    v_step     bigint;
    v_session  bigint;
    v_tenant   bigint;
    v_promised bigint := (SELECT p.bytes FROM finq.partial p WHERE p.upload_id = p_partial);
BEGIN
    SELECT coalesce(sum(greatest(c.stored, c.promised)) FILTER (WHERE e.step_id = p_step_id), 0),
           coalesce(sum(greatest(c.stored, c.promised)), 0)
      INTO v_step, v_session
      FROM finq.step e
      CROSS JOIN LATERAL finq.upload_counted(e.step_id) c
     WHERE e.step_id BETWEEN finq.time_first(p_session.session_id) AND finq.time_last(p_session.session_id)
       AND e.session_id = p_session.session_id AND (e.step_id <> p_step_id OR c.document <> p_document);
    IF p_tenant_quota > 0 THEN
        v_tenant := finq.upload_counted_of(p_session.client_id)
            - coalesce((SELECT c.stored + c.promised FROM finq.upload_counted(p_step_id) c WHERE c.document = p_document), 0);
    END IF;
    SELECT q.name, greatest(q.bytes - q.others, v_promised, 0) INTO quota, room
      FROM (VALUES ('step', p_step_quota, v_step), ('session', p_session_quota, v_session), ('tenant', p_tenant_quota, v_tenant))
           AS q (name, bytes, others)
     WHERE q.bytes > 0
     ORDER BY q.bytes - q.others LIMIT 1;
END $$;

-- Whether an upload is recorded, and was neither replaced nor removed since.
CREATE OR REPLACE FUNCTION finq.upload_stands(p_upload_id uuid) RETURNS boolean
    LANGUAGE sql STABLE
BEGIN ATOMIC
    SELECT EXISTS (SELECT FROM finq.upload u
                    WHERE u.step_id BETWEEN finq.time_first(p_upload_id) AND finq.time_last(p_upload_id)
                      AND u.upload_id = p_upload_id);
END;

-- Two who decide over the same upload do so one after the other.
CREATE OR REPLACE FUNCTION finq.upload_lock(p_upload_id uuid) RETURNS void
    LANGUAGE sql VOLATILE
    RETURN pg_advisory_xact_lock(hashtextextended(p_upload_id::text, 0));

-- ---------------------------------------------------------------------------------------------------------------------
-- For the server: one call a request
-- ---------------------------------------------------------------------------------------------------------------------

-- Whether a document may be sent to a step, before a byte of it is read: 'ok', or why not. `room` is how many bytes it may have by the
-- quotas, as finq.upload_room says for p_partial, -1 for any number. All of it is looked at again when it is recorded.
CREATE OR REPLACE FUNCTION finq.upload_admit(
    p_client_id uuid, p_session_id uuid, p_ordinal integer, p_step_id uuid, p_document text, p_nonce_ttl integer, p_generation integer,
    p_step_quota bigint, p_session_quota bigint, p_tenant_quota bigint, p_partial uuid,
    OUT outcome text, OUT quota text, OUT room bigint)
    LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET jit = off SET plan_cache_mode = force_generic_plan
    SET enable_seqscan = off
AS $$
#variable_conflict use_column
DECLARE
    v_session finq.session;
    v_step    finq.step;
BEGIN
    SELECT s.* INTO v_session FROM finq.session s WHERE s.session_id = p_session_id AND s.client_id = p_client_id;
    SELECT e.* INTO v_step FROM finq.step e
     WHERE e.step_id = p_step_id AND e.session_id = v_session.session_id AND e.ordinal = p_ordinal;
    outcome := coalesce(finq.upload_refusal(v_session, v_step, p_generation, p_nonce_ttl), 'ok');
    SELECT r.quota, r.room INTO quota, room
      FROM finq.upload_room(v_session, p_step_id, p_document, p_partial, p_step_quota, p_session_quota, p_tenant_quota) r;
    room := coalesce(room, -1);
END $$;
COMMENT ON FUNCTION finq.upload_admit IS 'repeatable';

-- Records an upload whose file is in place (contract section 4). The session's row is locked, so that nothing is replaced
-- while the next step, or the exchange, counts on it. `upload_id` is the one that stands: the file of p_upload_id is
-- the caller's to remove where it is another, and so is that of `replaced`. p_width, p_height and p_orientation are 0 where the
-- file does not say.
--
-- p_ordinal is the step's; a nonce that a resumption has made old records nothing. Where the session has waited, or was
-- resumed, what its last step asks for may come long after the submission: then the nonce's own life, which the server has
-- looked at, is what counts, and not p_nonce_ttl. p_partial is what the upload has come as (functions/partial.sql), NULL where it came
-- at once; the file of that is the caller's to remove, and so is that of `ended`, another one that the document had begun. Of these none goes on,
-- however the upload came; what had come to the same one before can be asked for on.
CREATE OR REPLACE FUNCTION finq.upload_record(
    p_client_id uuid, p_session_id uuid, p_ordinal integer, p_step_id uuid, p_document text, p_upload_id uuid,
    p_size bigint, p_sha256 bytea, p_media_type text, p_nonce_ttl integer, p_generation integer,
    p_width integer, p_height integer, p_orientation integer,
    p_step_quota bigint, p_session_quota bigint, p_tenant_quota bigint, p_partial uuid,
    OUT outcome text, OUT upload_id uuid, OUT replaced uuid, OUT quota text, OUT ended uuid)
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET jit = off SET plan_cache_mode = force_generic_plan
    SET enable_seqscan = off
AS $$
#variable_conflict use_column
DECLARE
    v_now     timestamptz;
    v_session finq.session;
    v_step    finq.step;
    v_upload  finq.upload;
    v_room    bigint;
BEGIN
    PERFORM finq.upload_lock(p_upload_id);
    SELECT s.* INTO v_session FROM finq.session s
     WHERE s.session_id = p_session_id AND s.client_id = p_client_id FOR NO KEY UPDATE;
    v_now := clock_timestamp();
    SELECT e.* INTO v_step FROM finq.step e
     WHERE e.step_id = p_step_id AND e.session_id = v_session.session_id AND e.ordinal = p_ordinal;
    SELECT u.* INTO v_upload FROM finq.upload u WHERE u.step_id = v_step.step_id AND u.document = p_document;
    SELECT r.quota, r.room INTO quota, v_room
      FROM finq.upload_room(v_session, p_step_id, p_document, p_partial, p_step_quota, p_session_quota, p_tenant_quota) r;
    outcome := coalesce(finq.upload_refusal(v_session, v_step, p_generation, p_nonce_ttl), CASE
        WHEN EXISTS (SELECT FROM finq.upload_removed r WHERE r.upload_id = p_upload_id) THEN 'service_unavailable'
        WHEN p_partial IS NOT NULL AND NOT EXISTS (SELECT FROM finq.partial p WHERE p.upload_id = p_partial AND p.expires_at > v_now)
            THEN 'upload_gone'
        WHEN v_upload.sha256 <> p_sha256 AND (v_session.step_ordinal > p_ordinal OR v_session.exchanged_at IS NOT NULL)
            THEN 'step_already_submitted'
        WHEN p_size > v_room THEN 'quota_exceeded'
        ELSE 'ok' END);
    IF outcome <> 'ok' THEN
        RETURN;
    END IF;
    upload_id := p_upload_id;
    IF v_upload.sha256 IS DISTINCT FROM p_sha256 OR v_upload.media_type <> p_media_type THEN
        INSERT INTO finq.stored (client_id, bytes) VALUES (p_client_id, p_size - coalesce(v_upload.size, 0));
    END IF;
    IF v_upload.upload_id IS NULL THEN
        INSERT INTO finq.upload (step_id, document, upload_id, size, sha256, media_type, width, height, orientation, uploaded_at, kept)
        VALUES (p_step_id, p_document, p_upload_id, p_size, p_sha256, p_media_type, nullif(p_width, 0), nullif(p_height, 0),
                nullif(p_orientation, 0), v_now, v_step.kept);
    ELSIF v_upload.sha256 = p_sha256 AND v_upload.media_type = p_media_type THEN
        upload_id := v_upload.upload_id;
    ELSE
        UPDATE finq.upload u
           SET upload_id = p_upload_id, size = p_size, sha256 = p_sha256, media_type = p_media_type, width = nullif(p_width, 0),
               height = nullif(p_height, 0), orientation = nullif(p_orientation, 0), uploaded_at = v_now
         WHERE u.step_id = p_step_id AND u.document = p_document;
        INSERT INTO finq.upload_removed (upload_id, removed_at, decided) VALUES (v_upload.upload_id, v_now, false);
        replaced := v_upload.upload_id;
    END IF;
    UPDATE finq.partial p SET stored = upload_record.upload_id WHERE p.upload_id = p_partial;
    IF FOUND THEN
        INSERT INTO finq.upload_removed (upload_id, removed_at, decided) VALUES (p_partial, v_now, false)
        ON CONFLICT ON CONSTRAINT upload_removed_pkey DO NOTHING;
    END IF;
    ended := finq.partials_replace(p_step_id, p_document, coalesce(p_partial, (
        SELECT p.upload_id FROM finq.partial p
         WHERE p.step_id = p_step_id AND p.document = p_document AND p.stored = upload_record.upload_id LIMIT 1)));
END $$;
COMMENT ON FUNCTION finq.upload_record IS 'repeatable';

-- Opens a document for p_reader, with a line in the audit trail; NULLs where there is none, none of p_client_id (NULL for any
-- tenant), or where its key has been destroyed.
CREATE OR REPLACE FUNCTION finq.upload_open(
    p_upload_id uuid, p_client_id uuid, p_reader text,
    OUT document text, OUT media_type text, OUT uploaded_at bigint, OUT data_key bytea)
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET jit = off
AS $$
#variable_conflict use_column
DECLARE
    v_session_id uuid;
    v_client_id  uuid;
BEGIN
    SELECT u.document, u.media_type, finq.seconds(u.uploaded_at), s.data_key, s.session_id, s.client_id
      INTO document, media_type, uploaded_at, data_key, v_session_id, v_client_id
      FROM finq.upload u
      JOIN finq.step e ON e.step_id = u.step_id
      JOIN finq.session s ON s.session_id = e.session_id
     WHERE u.step_id BETWEEN finq.time_first(p_upload_id) AND finq.time_last(p_upload_id)
       AND u.upload_id = p_upload_id AND s.data_key IS NOT NULL AND (p_client_id IS NULL OR s.client_id = p_client_id);
    IF FOUND THEN
        INSERT INTO finq.audit (object, action, client_id, detail)
        VALUES ('upload', 'READ', v_client_id, jsonb_build_object('upload_id', p_upload_id, 'session_id', v_session_id,
                                                                  'document', document, 'reader', p_reader));
    END IF;
END $$;

COMMENT ON FUNCTION finq.upload_open IS 'repeatable';

-- A session's documents, as a JSON array, for p_reader, with a line in the audit trail; NULL where there is no such session, or
-- where its key has been destroyed.
CREATE OR REPLACE FUNCTION finq.session_documents(p_session_id uuid, p_client_id uuid, p_reader text) RETURNS text
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET jit = off
AS $$
DECLARE
    v_client_id uuid;
    v_documents json;
BEGIN
    SELECT s.client_id, (SELECT coalesce(json_agg(json_strip_nulls(json_build_object(
               'upload_id', u.upload_id, 'step', e.name, 'document', u.document, 'size', u.size, 'sha256', encode(u.sha256, 'hex'),
               'media_type', u.media_type, 'width', u.width, 'height', u.height, 'orientation', u.orientation,
               'uploaded_at', finq.utc(u.uploaded_at))) ORDER BY e.ordinal, u.document), '[]')
             FROM finq.step e
             JOIN finq.upload u ON u.step_id = e.step_id
            WHERE e.step_id BETWEEN finq.time_first(s.session_id) AND finq.time_last(s.session_id) AND e.session_id = s.session_id)
      INTO v_client_id, v_documents
      FROM finq.session s
     WHERE s.session_id = p_session_id AND s.data_key IS NOT NULL AND (p_client_id IS NULL OR s.client_id = p_client_id);
    IF FOUND THEN
        INSERT INTO finq.audit (object, action, client_id, detail)
        VALUES ('upload', 'READ', v_client_id, jsonb_build_object('session_id', p_session_id, 'reader', p_reader));
    END IF;
    RETURN v_documents;
END $$;

COMMENT ON FUNCTION finq.session_documents IS 'repeatable';

-- The same two for finqctl, which is told of what there is not.
CREATE OR REPLACE FUNCTION finq.upload_listed(p_session_id uuid) RETURNS json
    LANGUAGE plpgsql
AS $$
DECLARE
    v_documents json := finq.session_documents(p_session_id, NULL, 'finqctl');
BEGIN
    IF v_documents IS NULL THEN
        RAISE no_data_found USING MESSAGE = format('No session has the id %s, or its key has been destroyed.', p_session_id),
            HINT = 'A session is stored by its first step; one that was only started is unknown.';
    END IF;
    RETURN v_documents;
END $$;

CREATE OR REPLACE FUNCTION finq.upload_got(p_upload_id uuid) RETURNS json
    LANGUAGE plpgsql
AS $$
DECLARE
    v_found record;
BEGIN
    SELECT o.* INTO v_found FROM finq.upload_open(p_upload_id, NULL, 'finqctl') o;
    IF v_found.document IS NULL THEN
        RAISE no_data_found USING MESSAGE = format('No document has the id %s, or its key has been destroyed.', p_upload_id);
    END IF;
    RETURN json_build_object('document', v_found.document, 'media_type', v_found.media_type, 'data_key', encode(v_found.data_key, 'hex'));
END $$;

-- finqctl fsck: of the uploads whose files are in the directory with this mark the next ones behind the document of that step, NULLs for
-- the first, with what opens their files; `next` is where to go on, null behind the last.
CREATE OR REPLACE FUNCTION finq.fsck_rows(p_mark bytea, p_step_id uuid, p_document text) RETURNS json
    LANGUAGE sql STABLE
AS $$
    WITH batch AS (SELECT u.step_id, u.document, u.upload_id FROM finq.upload u
                   WHERE substr(uuid_send(u.upload_id), 13) = p_mark
                     AND (p_step_id IS NULL OR (u.step_id, u.document) > (p_step_id, p_document))
                   ORDER BY u.step_id, u.document LIMIT 500)
    SELECT json_build_object(
        'rows', (SELECT coalesce(json_agg(json_build_object('upload_id', u.upload_id, 'session_id', e.session_id, 'document', u.document,
                                                            'data_key', encode(s.data_key, 'hex'))), '[]')
                   FROM batch u JOIN finq.step e ON e.step_id = u.step_id JOIN finq.session s ON s.session_id = e.session_id),
        'next', (SELECT json_build_object('step_id', u.step_id, 'document', u.document) FROM batch u
                  WHERE (SELECT count(*) FROM batch) = 500 ORDER BY u.step_id DESC, u.document DESC LIMIT 1))
$$;

-- Which of these files no upload points to, and none waits to be removed.
CREATE OR REPLACE FUNCTION finq.fsck_unknown(p_upload_ids uuid[]) RETURNS json
    LANGUAGE sql STABLE
AS $$
    SELECT json_build_object('unknown', coalesce(json_agg(i.id), '[]')) FROM unnest(p_upload_ids) AS i (id)
     WHERE NOT finq.upload_stands(i.id)
       AND NOT EXISTS (SELECT FROM finq.partial p WHERE p.upload_id = i.id AND p.stored IS NULL)
       AND NOT EXISTS (SELECT FROM finq.upload_removed r WHERE r.upload_id = i.id AND r.gone_at IS NULL)
$$;

-- Mends: an upload whose file is lost is none any more, so that it can be sent again; a file that no upload points to is the next
-- server's to remove. It answers how many.
CREATE OR REPLACE FUNCTION finq.fsck_mend(p_lost uuid[], p_left uuid[]) RETURNS json
    LANGUAGE plpgsql
AS $$
DECLARE
    v_id   uuid;
    v_done integer := 0;
    v_row  record;
BEGIN
    FOREACH v_id IN ARRAY p_lost LOOP
        PERFORM finq.upload_lock(v_id);
        DELETE FROM finq.upload u USING finq.step e, finq.session s
         WHERE u.step_id BETWEEN finq.time_first(v_id) AND finq.time_last(v_id)
           AND u.upload_id = v_id AND e.step_id = u.step_id AND s.session_id = e.session_id
        RETURNING s.client_id, s.session_id, u.document, u.size INTO v_row;
        CONTINUE WHEN NOT FOUND;
        PERFORM finq.uploads_gone(v_row.session_id, v_row.size);
        INSERT INTO finq.audit (object, action, client_id, detail)
        VALUES ('upload', 'DELETE', v_row.client_id,
                jsonb_build_object('upload_id', v_id, 'session_id', v_row.session_id, 'document', v_row.document, 'lost', true));
        v_done := v_done + 1;
    END LOOP;
    FOREACH v_id IN ARRAY p_left LOOP
        PERFORM finq.upload_lock(v_id);
        CONTINUE WHEN json_array_length(finq.fsck_unknown(ARRAY[v_id]) -> 'unknown') = 0;
        INSERT INTO finq.upload_removed (upload_id, removed_at, decided) VALUES (v_id, clock_timestamp(), true)
        ON CONFLICT ON CONSTRAINT upload_removed_pkey DO UPDATE SET gone_at = NULL;
        v_done := v_done + 1;
    END LOOP;
    RETURN json_build_object('mended', v_done);
END $$;

-- The largest document that a skill asks for which sessions may start with; NULLs where none asks for any.
CREATE OR REPLACE FUNCTION finq.upload_largest(OUT skill text, OUT document text, OUT max_bytes bigint)
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET jit = off
AS $$
    SELECT k.name, u.value ->> 'document', (u.value ->> 'max_bytes')::bigint
      FROM finq.skill k
      CROSS JOIN LATERAL json_array_elements(k.definition -> 'steps') s
      CROSS JOIN LATERAL json_array_elements(s.value -> 'uploads') u
     WHERE k.retired_at IS NULL
     ORDER BY 3 DESC LIMIT 1
$$;

-- Decides over placed files that a stopped server or a lost answer left undecided, finally: one that is not recorded now
-- never will be. Answers these, and the oldest thousand of the files that wait for removal, of those behind p_behind whose ids end with
-- p_mark, which is that of the caller's directory; the caller removes what is not recorded and says so in its next call's p_gone. What it
-- cannot remove stays, and p_behind leads past it. Where p_undecided is NULL, p_gone is all that the call says.
CREATE OR REPLACE FUNCTION finq.upload_sweep(p_mark bytea, p_undecided uuid[], p_gone uuid[], p_behind uuid, OUT upload_id uuid, OUT recorded boolean)
    RETURNS SETOF record
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET jit = off SET plan_cache_mode = force_generic_plan
    SET enable_seqscan = off SET enable_sort = off
AS $$
#variable_conflict use_column
DECLARE
    v_id uuid;
BEGIN
    DELETE FROM finq.upload_removed r WHERE r.upload_id = ANY (p_gone) AND NOT r.decided;
    IF p_undecided IS NULL THEN
        RETURN;
    END IF;
    UPDATE finq.upload_removed r SET gone_at = clock_timestamp() WHERE r.upload_id = ANY (p_gone) AND r.gone_at IS NULL;
    DELETE FROM finq.upload_removed r
     WHERE r.upload_id IN (SELECT o.upload_id FROM finq.upload_removed o
                            WHERE o.gone_at < clock_timestamp() - interval '7 days' ORDER BY o.gone_at LIMIT 1000);
    FOREACH v_id IN ARRAY p_undecided LOOP
        PERFORM finq.upload_lock(v_id);
        upload_id := v_id;
        recorded := finq.upload_stands(v_id);
        IF NOT recorded THEN
            INSERT INTO finq.upload_removed (upload_id, removed_at, decided) VALUES (v_id, clock_timestamp(), true)
            ON CONFLICT ON CONSTRAINT upload_removed_pkey DO NOTHING;
        END IF;
        RETURN NEXT;
    END LOOP;
    RETURN QUERY SELECT r.upload_id, false FROM finq.upload_removed r
                  WHERE r.gone_at IS NULL AND substr(uuid_send(r.upload_id), 13) = p_mark AND r.upload_id > p_behind AND r.upload_id <> ALL (p_undecided)
                  ORDER BY r.upload_id LIMIT 1000;
END $$;
COMMENT ON FUNCTION finq.upload_sweep IS 'repeatable';
