-- The end of a consent. There is one: what has been deleted does not expire, what has expired is not deleted.

-- What a consent is at this moment: its end does not wait for the look that marks it.
CREATE OR REPLACE FUNCTION finq.consent_status(p_consent finq.credential) RETURNS finq.credential_status
    LANGUAGE sql STABLE
    RETURN CASE WHEN (p_consent).status = 'ACTIVE' AND (p_consent).consent_exp <= clock_timestamp() THEN 'EXPIRED'
                ELSE (p_consent).status END;

-- Ends a consent, if nothing has yet: `ended` says whether this call did, `status` how it stands; NULL for an unknown one.
-- One whose time is over has expired, whether or not that was marked before. The access_token's hash stays: its holder
-- may still ask for the status, and delete again (contract section 9), and must be known for that.
CREATE OR REPLACE FUNCTION finq.consent_delete(p_credentials_id uuid, OUT ended boolean, OUT status finq.credential_status)
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
                           jsonb_build_object('credentials_id', p_credentials_id, 'consent_exp', finq.utc(v_consent.consent_exp)));
    END IF;
    SELECT c.status INTO status FROM finq.credential c WHERE c.credentials_id = p_credentials_id;
END $$;

-- ---------------------------------------------------------------------------------------------------------------------
-- For the operator (finqctl): each answers JSON, and raises P0002 for what is unknown, 23505 for what stands already
-- ---------------------------------------------------------------------------------------------------------------------

CREATE OR REPLACE FUNCTION finq.consent_shown(p_consent finq.credential) RETURNS json
    LANGUAGE sql STABLE
    RETURN json_build_object(
        'credentials_id', (p_consent).credentials_id, 'client_id', (p_consent).client_id,
        'tenant', (SELECT t.name FROM finq.tenant t WHERE t.client_id = (p_consent).client_id),
        'skill', (SELECT k.name FROM finq.skill k WHERE k.skill_id = (p_consent).skill_id),
        'session_id', (p_consent).session_id, 'status', finq.consent_status(p_consent),
        'consent_exp', finq.utc((p_consent).consent_exp), 'max_data_retention', finq.utc((p_consent).max_data_retention),
        'created_at', finq.utc((p_consent).created_at), 'updated_at', finq.utc((p_consent).updated_at));

-- A tenant's newest consents: their ids tell the time.
CREATE OR REPLACE FUNCTION finq.consent_list(p_client_id uuid, p_status text, p_limit integer) RETURNS json
    LANGUAGE plpgsql STABLE
AS $$
DECLARE
    v_tenant finq.tenant := finq.tenant_row(p_client_id);
    v_status finq.credential_status := upper(p_status);
BEGIN
    IF p_limit NOT BETWEEN 1 AND 100000 THEN
        RAISE invalid_parameter_value USING MESSAGE = 'The limit must be 1 to 100000.';
    END IF;
    RETURN (SELECT coalesce(json_agg(finq.consent_shown(l.consent) ORDER BY l.credentials_id DESC), '[]')
              FROM (SELECT c AS consent, c.credentials_id FROM finq.credential c
                     WHERE c.client_id = v_tenant.client_id AND (v_status IS NULL OR finq.consent_status(c) = v_status)
                     ORDER BY c.credentials_id DESC LIMIT coalesce(p_limit, 100)) l);
END $$;

CREATE OR REPLACE FUNCTION finq.consent_show(p_credentials_id uuid) RETURNS json
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
CREATE OR REPLACE FUNCTION finq.consent_deleted(p_credentials_id uuid) RETURNS json
    LANGUAGE plpgsql
AS $$
DECLARE
    v_end   record := finq.consent_delete(p_credentials_id);
    v_shown json  := finq.consent_show(p_credentials_id);
BEGIN
    IF v_end.ended THEN
        INSERT INTO finq.audit (object, action, client_id, detail)
        VALUES ('credential', 'UPDATE', (v_shown ->> 'client_id')::uuid,
                jsonb_build_object('credentials_id', p_credentials_id, 'status', v_end.status));
    END IF;
    RETURN v_shown;
END $$;
