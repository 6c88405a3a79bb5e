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

-- Two who decide over the same upload do so one after the other.
CREATE OR REPLACE FUNCTION finq.upload_lock(p_upload_id uuid) RETURNS void
    LANGUAGE sql VOLATILE
    RETURN pg_advisory_xact_lock(hashtextextended(p_upload_id::text, 0));

-- ---------------------------------------------------------------------------------------------------------------------
-- For the server: one call a request
-- ---------------------------------------------------------------------------------------------------------------------

-- Records an upload whose file is in place (contract section 4). The session's row is locked, so that nothing is replaced
-- while the next step, or the exchange, counts on it. `upload_id` is the one that stands: the file of p_upload_id is
-- the caller's to remove where it is another, and so is that of `replaced`. p_width, p_height and p_orientation are 0 where the
-- file does not say.
--
-- p_ordinal is the step's; a nonce that a resumption has made old records nothing. Where the session has waited, or was
-- resumed, what its last step asks for may come long after the submission: then the nonce's own life, which the server has
-- looked at, is what counts, and not p_nonce_ttl.
CREATE OR REPLACE FUNCTION finq.upload_record(
    p_client_id uuid, p_session_id uuid, p_ordinal integer, p_step_id uuid, p_document text, p_upload_id uuid,
    p_size bigint, p_sha256 bytea, p_media_type text, p_nonce_ttl integer, p_generation integer,
    p_width integer, p_height integer, p_orientation integer,
    OUT outcome text, OUT upload_id uuid, OUT replaced uuid)
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET plan_cache_mode = force_generic_plan
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
        WHEN finq.session_is_erased(v_session) THEN 'expired_session'
        WHEN v_session.generation <> p_generation THEN 'invalid_nonce'
        WHEN v_step.step_id IS NULL THEN 'invalid_step_id'
        WHEN EXISTS (SELECT FROM finq.upload_removed r WHERE r.upload_id = p_upload_id) THEN 'service_unavailable'
        WHEN NOT EXISTS (SELECT FROM finq.tenant t WHERE t.client_id = p_client_id AND t.status = 'ACTIVE')
            THEN 'unauthorized_tenant'
        WHEN v_step.submitted_at + p_nonce_ttl * interval '1 second' <= v_now
             AND NOT (v_session.step_id = p_step_id AND (v_session.generation > 0 OR v_session.waits_since IS NOT NULL))
            THEN 'expired_nonce'
        WHEN v_step.off_path THEN 'step_already_submitted'
        WHEN v_upload.sha256 <> p_sha256 AND (v_session.step_ordinal > p_ordinal OR v_session.exchanged_at IS NOT NULL)
            THEN 'step_already_submitted'
        ELSE 'ok' END;
    IF outcome <> 'ok' THEN
        RETURN;
    END IF;
    upload_id := p_upload_id;
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
END $$;
COMMENT ON FUNCTION finq.upload_record IS 'repeatable';

-- Opens a document for p_reader, with a line in the audit trail; NULLs where there is none, none of p_client_id (NULL for any
-- tenant), or where its key has been destroyed.
CREATE OR REPLACE FUNCTION finq.upload_open(
    p_upload_id uuid, p_client_id uuid, p_reader text,
    OUT document text, OUT media_type text, OUT uploaded_at bigint, OUT data_key bytea)
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_column
DECLARE
    v_session_id uuid;
    v_client_id  uuid;
BEGIN
    SELECT u.document, u.media_type, finq.seconds(u.uploaded_at), s.data_key, s.session_id, s.client_id
      INTO document, media_type, uploaded_at, data_key, v_session_id, v_client_id
      FROM finq.same_time(p_upload_id) w
      JOIN finq.upload u ON u.step_id BETWEEN w.first AND w.last AND u.upload_id = p_upload_id
      JOIN finq.step e ON e.step_id = u.step_id
      JOIN finq.session s ON s.session_id = e.session_id
     WHERE s.data_key IS NOT NULL AND (p_client_id IS NULL OR s.client_id = p_client_id);
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
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    v_client_id uuid;
    v_documents json;
BEGIN
    SELECT s.client_id, (SELECT coalesce(json_agg(json_strip_nulls(json_build_object(
               'upload_id', u.upload_id, 'step', e.name, 'document', u.document, 'size', u.size, 'sha256', encode(u.sha256, 'hex'),
               'media_type', u.media_type, 'width', u.width, 'height', u.height, 'orientation', u.orientation,
               'uploaded_at', finq.utc(u.uploaded_at))) ORDER BY e.ordinal, u.document), '[]')
             FROM finq.same_time(s.session_id) w
             JOIN finq.step e ON e.step_id BETWEEN w.first AND w.last AND e.session_id = s.session_id
             JOIN finq.upload u ON u.step_id = e.step_id)
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

-- The largest document that a skill asks for which sessions may start with; NULLs where none asks for any.
CREATE OR REPLACE FUNCTION finq.upload_largest(OUT skill text, OUT document text, OUT max_bytes bigint)
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
    SELECT k.name, u.value ->> 'document', (u.value ->> 'max_bytes')::bigint
      FROM finq.skill k
      CROSS JOIN LATERAL json_array_elements(k.definition -> 'steps') s
      CROSS JOIN LATERAL json_array_elements(s.value -> 'uploads') u
     WHERE k.retired_at IS NULL
     ORDER BY 3 DESC LIMIT 1
$$;

-- Decides over placed files that a stopped server or a lost answer left undecided, finally: one that is not recorded now
-- never will be. Answers these, and the oldest thousand of the files that wait for removal and whose ids end with p_mark, which is
-- that of the caller's directory; the caller removes what is not recorded and says so in its next call's p_gone. Where p_undecided is
-- NULL, that is all that the call says.
CREATE OR REPLACE FUNCTION finq.upload_sweep(p_mark bytea, p_undecided uuid[], p_gone uuid[], OUT upload_id uuid, OUT recorded boolean)
    RETURNS SETOF record
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET plan_cache_mode = force_generic_plan
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
        recorded := EXISTS (SELECT FROM finq.same_time(v_id) t JOIN finq.upload u ON u.step_id BETWEEN t.first AND t.last
                             WHERE u.upload_id = v_id);
        IF NOT recorded THEN
            INSERT INTO finq.upload_removed (upload_id, removed_at, decided) VALUES (v_id, clock_timestamp(), true)
            ON CONFLICT ON CONSTRAINT upload_removed_pkey DO NOTHING;
        END IF;
        RETURN NEXT;
    END LOOP;
    RETURN QUERY SELECT r.upload_id, false FROM finq.upload_removed r
                  WHERE r.gone_at IS NULL AND substr(uuid_send(r.upload_id), 13) = p_mark AND r.upload_id <> ALL (p_undecided) ORDER BY r.removed_at LIMIT 1000;
END $$;
COMMENT ON FUNCTION finq.upload_sweep IS 'repeatable';
