-- Consents: who may ask about one, what is told of it, and its end. There is one end: what has been deleted does not expire,
-- what has expired stays that, and a deletion only lets its data go sooner.

-- What a consent is at this moment: its end does not wait for the look that marks it. As volatile as the clock that it looks at: only so
-- does PostgreSQL put its body in the place of a call, which would be planned each time. So are the two below.
CREATE OR REPLACE FUNCTION finq.consent_status(p_consent finq.credential) RETURNS finq.credential_status
    LANGUAGE sql VOLATILE
    RETURN CASE WHEN (p_consent).status = 'ACTIVE' AND (p_consent).consent_exp <= clock_timestamp() THEN 'EXPIRED'
                ELSE (p_consent).status END;

-- Whether anything is told of a consent: once it has ended, for as long as its data may be kept and a year longer.
CREATE OR REPLACE FUNCTION finq.consent_is_known(p_consent finq.credential) RETURNS boolean
    LANGUAGE sql VOLATILE
    RETURN finq.consent_status(p_consent) = 'ACTIVE'
           OR (p_consent).max_data_retention + interval '1 year' > clock_timestamp();

-- Whether a consent can be renewed: until its data have to be gone, unless it was deleted, be it after its expiry.
CREATE OR REPLACE FUNCTION finq.consent_is_renewable(p_consent finq.credential) RETURNS boolean
    LANGUAGE sql VOLATILE
    RETURN (p_consent).deleted_at IS NULL AND (p_consent).max_data_retention > clock_timestamp();

-- By which HMAC the person of a consent that ends is found from then on: none where its data have gone before.
CREATE OR REPLACE FUNCTION finq.user_mac_of_ended(p_consent finq.credential) RETURNS bytea
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    RETURN CASE WHEN (p_consent).data_removed_at IS NULL THEN (p_consent).user_mac END;

-- Whether two hashes of one length are the same. What is compared are hashes of both together, so the time that it takes
-- tells nothing of the place where they differ.
CREATE OR REPLACE FUNCTION finq.same_hash(p_one bytea, p_other bytea) RETURNS boolean
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    RETURN sha256(p_one || p_other) = sha256(p_other || p_one);

-- Deletes a consent and answers how it stands then, NULL for an unknown one. The first deletion decides, later ones change
-- nothing. The data go p_retention minutes from now, and never later than they would without it (NULL). One whose time is
-- over has expired, whether or not that was marked before. The access_token's hash stays: its holder may still ask for the
-- status, and delete again (contract section 9), and must be known for that. What changed leaves its line in the trail.
CREATE OR REPLACE FUNCTION finq.consent_end(p_credentials_id uuid, p_retention integer) RETURNS finq.credential
    LANGUAGE plpgsql
AS $$
DECLARE
    v_before  finq.credential;
    v_consent finq.credential;
BEGIN
    SELECT c.* INTO v_before FROM finq.credential c
     WHERE c.credentials_id = p_credentials_id AND c.deleted_at IS NULL FOR NO KEY UPDATE;
    IF NOT FOUND THEN
        SELECT c.* INTO v_consent FROM finq.credential c WHERE c.credentials_id = p_credentials_id;
        RETURN v_consent;
    END IF;
    UPDATE finq.credential c
       SET status = CASE finq.consent_status(c) WHEN 'ACTIVE' THEN 'DELETED' ELSE 'EXPIRED' END::finq.credential_status,
           max_data_retention = least(c.max_data_retention, clock_timestamp() + p_retention * interval '1 minute'),
           deleted_at = clock_timestamp(), updated_at = clock_timestamp(), user_mac = finq.user_mac_of_ended(c)
     WHERE c.credentials_id = p_credentials_id
    RETURNING c.* INTO v_consent;
    PERFORM finq.feed_revoke(p_credentials_id);
    IF v_before.status = 'ACTIVE' THEN
        PERFORM finq.event(v_consent.client_id, v_consent.session_id, v_consent.skill_id, 'consent.' || lower(v_consent.status::text),
                           jsonb_build_object('credentials_id', p_credentials_id, 'consent_exp', finq.utc(v_consent.consent_exp)));
    END IF;
    IF (v_before.status, v_before.max_data_retention) <> (v_consent.status, v_consent.max_data_retention) THEN
        INSERT INTO finq.audit (object, action, client_id, detail)
        VALUES ('credential', 'UPDATE', v_consent.client_id, jsonb_strip_nulls(jsonb_build_object(
                'credentials_id', p_credentials_id, 'status', v_consent.status, 'max_data_retention',
                finq.utc(nullif(v_consent.max_data_retention, v_before.max_data_retention)))));
    END IF;
    RETURN v_consent;
END $$;

-- Whether an access_token is one of a consent's: the newest, or one that no newer one has taken the place of yet.
CREATE OR REPLACE FUNCTION finq.consent_has_token(p_consent finq.credential, p_hash bytea) RETURNS boolean
    LANGUAGE plpgsql STABLE
AS $$
BEGIN
    RETURN finq.same_hash(p_consent.access_token_hash, p_hash)
           OR EXISTS (SELECT FROM unnest(p_consent.older_token_hashes) AS h (hash) WHERE finq.same_hash(h.hash, p_hash));
END $$;

-- Notes that an access_token is used: whoever has it needs none of the older ones any more.
CREATE OR REPLACE FUNCTION finq.consent_token_used(p_credentials_id uuid, p_hash bytea) RETURNS void
    LANGUAGE sql VOLATILE
BEGIN ATOMIC
    UPDATE finq.credential c
       SET older_token_hashes = c.older_token_hashes[array_position(c.older_token_hashes || c.access_token_hash, p_hash):]
     WHERE c.credentials_id = p_credentials_id AND c.older_token_hashes[1] <> p_hash
       AND p_hash = ANY (c.older_token_hashes || c.access_token_hash);
END;

-- The consent that a known tenant names: the outcome, and the consent where that is 'ok'. Another tenant's does not exist. Whose it
-- is is compared last, where both say so (p_user_macs: under each key of the server's file): only who holds the access_token learns of that.
CREATE OR REPLACE FUNCTION finq.consent_named(
    p_client_id uuid, p_credentials_id uuid, p_access_token_hash bytea, p_user_macs bytea[],
    OUT outcome text, OUT consent finq.credential)
    LANGUAGE plpgsql
AS $$
BEGIN
    SELECT c.* INTO consent FROM finq.credential c
     WHERE c.credentials_id = p_credentials_id AND c.client_id = p_client_id AND finq.consent_is_known(c);
    outcome := CASE WHEN NOT FOUND THEN 'invalid_credentials_id'
                    WHEN NOT finq.consent_has_token(consent, p_access_token_hash) THEN 'invalid_access_token'
                    WHEN consent.user_mac <> ALL (p_user_macs) THEN 'invalid_credentials_id'
                    ELSE 'ok' END;
    IF outcome = 'ok' AND consent.older_token_hashes <> '{}' THEN
        PERFORM finq.consent_token_used(p_credentials_id, p_access_token_hash);
    END IF;
END $$;

-- Who asks about a consent, in the contract's order (section 1).
CREATE OR REPLACE FUNCTION finq.consent_claim(
    p_client_id uuid, p_secret_hash bytea, p_credentials_id uuid, p_access_token_hash bytea, p_user_macs bytea[],
    OUT outcome text, OUT consent finq.credential)
    LANGUAGE plpgsql
AS $$
DECLARE
    v_named record;
BEGIN
    outcome := finq.key_claim(p_client_id, 'SECRET', p_secret_hash);
    IF outcome = 'ok' THEN
        v_named := finq.consent_named(p_client_id, p_credentials_id, p_access_token_hash, p_user_macs);
        outcome := v_named.outcome;
        consent := v_named.consent;
    END IF;
END $$;

-- What a tenant is told of its consent, and of what bears these names. p_access is as finq.consent_access has it.
CREATE OR REPLACE FUNCTION finq.consent_row(p_consent finq.credential, p_country text, p_servicer text, p_skill text, p_tenant text,
                                            p_access text)
    RETURNS finq.consent_answer
    LANGUAGE sql VOLATILE
    RETURN ROW(
        'ok', (p_consent).credentials_id, finq.consent_status(p_consent), finq.seconds((p_consent).consent_exp),
        finq.seconds((p_consent).max_data_retention), finq.seconds((p_consent).created_at), finq.seconds((p_consent).updated_at),
        p_country, p_servicer, p_skill, p_tenant, (p_consent).tenant_user_id,
        floor(extract(epoch FROM (p_consent).consent_exp - clock_timestamp()) * 1000)::bigint, (p_consent).data_key, p_access)::finq.consent_answer;

-- It is in PL/pgSQL, which keeps its plan.
CREATE OR REPLACE FUNCTION finq.consent_told(p_consent finq.credential) RETURNS finq.consent_answer
    LANGUAGE plpgsql STABLE
AS $$
DECLARE
    v_answer finq.consent_answer;
BEGIN
    SELECT (finq.consent_row(p_consent, r.country, r.name, k.name, t.name, finq.consent_access(p_consent, f))).* INTO v_answer
      FROM finq.tenant t
     CROSS JOIN finq.skill k
      JOIN finq.servicer r ON r.servicer_id = k.servicer_id
      LEFT JOIN finq.feed f ON f.credentials_id = p_consent.credentials_id
     WHERE t.client_id = p_consent.client_id AND k.skill_id = p_consent.skill_id;
    RETURN v_answer;
END $$;

-- A tenant's consents that are older than one, newest first: all of them, or those of one user. So many are looked at for one
-- page at most, whatever it is to hold.
CREATE OR REPLACE FUNCTION finq.consents_before(p_client_id uuid, p_user_macs bytea[], p_before uuid)
    RETURNS SETOF finq.credential
    LANGUAGE sql STABLE
AS $$
    SELECT a.* FROM finq.credential a
     WHERE p_user_macs IS NULL AND a.client_id = p_client_id AND a.credentials_id < p_before
    UNION ALL
    SELECT u.* FROM finq.credential u
     WHERE u.client_id = p_client_id AND u.user_mac = ANY (p_user_macs) AND u.credentials_id < p_before
     ORDER BY credentials_id DESC LIMIT 10000
$$;

-- ---------------------------------------------------------------------------------------------------------------------
-- For the server: one call a request
-- ---------------------------------------------------------------------------------------------------------------------

CREATE OR REPLACE FUNCTION finq.consent_get(
    p_client_id uuid, p_secret_hash bytea, p_credentials_id uuid, p_access_token_hash bytea, p_user_macs bytea[])
    RETURNS finq.consent_answer
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET jit = off
AS $$
DECLARE
    v_claim  record := finq.consent_claim(p_client_id, p_secret_hash, p_credentials_id, p_access_token_hash, p_user_macs);
    v_answer finq.consent_answer;
BEGIN
    IF v_claim.outcome = 'ok' THEN
        RETURN finq.consent_told(v_claim.consent);
    END IF;
    v_answer.outcome := v_claim.outcome;
    RETURN v_answer;
END $$;
COMMENT ON FUNCTION finq.consent_get IS 'repeatable, crowd: consents_get';

-- The same of a tenant that has signed the request: the server has verified that, and no secret is shown.
CREATE OR REPLACE FUNCTION finq.consent_of_signer(p_client_id uuid, p_credentials_id uuid, p_access_token_hash bytea)
    RETURNS finq.consent_answer
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET jit = off
AS $$
DECLARE
    v_named  record;
    v_answer finq.consent_answer;
BEGIN
    IF NOT EXISTS (SELECT FROM finq.tenant t WHERE t.client_id = p_client_id AND t.status = 'ACTIVE') THEN
        v_answer.outcome := 'unauthorized_tenant';
        RETURN v_answer;
    END IF;
    v_named := finq.consent_named(p_client_id, p_credentials_id, p_access_token_hash, NULL);
    IF v_named.outcome = 'ok' THEN
        RETURN finq.consent_told(v_named.consent);
    END IF;
    v_answer.outcome := v_named.outcome;
    RETURN v_answer;
END $$;
COMMENT ON FUNCTION finq.consent_of_signer IS 'repeatable';

-- A deletion by the tenant's server; p_retention is as finq.consent_end has it.
CREATE OR REPLACE FUNCTION finq.consent_delete(
    p_client_id uuid, p_secret_hash bytea, p_credentials_id uuid, p_access_token_hash bytea, p_user_macs bytea[],
    p_retention integer)
    RETURNS finq.consent_answer
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET jit = off
AS $$
DECLARE
    v_claim  record := finq.consent_claim(p_client_id, p_secret_hash, p_credentials_id, p_access_token_hash, p_user_macs);
    v_answer finq.consent_answer;
BEGIN
    IF v_claim.outcome = 'ok' THEN
        RETURN finq.consent_told(finq.consent_end(p_credentials_id, p_retention));
    END IF;
    v_answer.outcome := v_claim.outcome;
    RETURN v_answer;
END $$;
COMMENT ON FUNCTION finq.consent_delete IS 'repeatable';

-- What a renewal's session begins with (contract section 9): the skill, the key that started it, and whose it is. p_skill is NULL
-- for the consent's own. Nothing is changed: that is for the session's exchange. A payment's consent is of that one payment, and stays so.
CREATE OR REPLACE FUNCTION finq.consent_renew(
    p_client_id uuid, p_secret_hash bytea, p_credentials_id uuid, p_access_token_hash bytea, p_user_macs bytea[], p_skill text,
    OUT outcome text, OUT skill_id integer, OUT key_id bigint, OUT tenant_user_id bytea, OUT data_key bytea)
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET jit = off
AS $$
#variable_conflict use_column
DECLARE
    v_claim   record := finq.consent_claim(p_client_id, p_secret_hash, p_credentials_id, p_access_token_hash, p_user_macs);
    v_consent finq.credential := v_claim.consent;
BEGIN
    outcome := v_claim.outcome;
    IF outcome <> 'ok' THEN
        RETURN;
    END IF;
    tenant_user_id := v_consent.tenant_user_id;
    data_key := v_consent.data_key;
    SELECT k.key_id INTO key_id FROM finq.tenant_key k
     WHERE k.client_id = p_client_id AND k.kind = 'SECRET' AND k.hash = p_secret_hash;
    SELECT k.skill_id INTO skill_id FROM finq.skill o
      JOIN finq.skill k ON k.name = coalesce(p_skill, o.name) AND finq.skill_follows(o.name, k.name)
     WHERE o.skill_id = v_consent.skill_id;
    outcome := CASE
        WHEN NOT finq.consent_is_renewable(v_consent) THEN 'inactive_credentials'
        WHEN skill_id IS NULL THEN 'invalid_skill_name'
        WHEN EXISTS (SELECT FROM finq.skill k WHERE k.skill_id = consent_renew.skill_id AND k.type = 'payment_initiation') THEN 'unauthorized_tenant'
        WHEN NOT EXISTS (SELECT FROM finq.tenant_skill a JOIN finq.skill k ON k.skill_id = a.skill_id
                          WHERE a.client_id = p_client_id AND a.skill_id = consent_renew.skill_id AND k.retired_at IS NULL)
            THEN 'unauthorized_tenant'
        ELSE 'ok' END;
END $$;
COMMENT ON FUNCTION finq.consent_renew IS 'repeatable';

-- A page of a tenant's consents, newest first. Its first row tells the outcome and, as credentials_id, behind which consent the
-- next page begins, NULL where there is none. A page may hold fewer than p_count and have a next one all the same.
CREATE OR REPLACE FUNCTION finq.consent_page(
    p_client_id uuid, p_secret_hash bytea, p_user_macs bytea[], p_status text, p_before uuid, p_count integer)
    RETURNS SETOF finq.consent_answer
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET jit = off
AS $$
DECLARE
    v_before uuid := coalesce(p_before, 'ffffffff-ffff-ffff-ffff-ffffffffffff');
    v_status finq.credential_status := p_status;
    v_answer finq.consent_answer;
    v_found  finq.credential[];
    v_one    finq.credential;
BEGIN
    v_answer.outcome := finq.key_claim(p_client_id, 'SECRET', p_secret_hash);
    IF v_answer.outcome = 'ok' THEN
        v_found := ARRAY(SELECT c FROM finq.consents_before(p_client_id, p_user_macs, v_before) c
                          WHERE finq.consent_is_known(c) AND (v_status IS NULL OR finq.consent_status(c) = v_status)
                          LIMIT p_count + 1);
        -- one more than was asked for tells that there is a next page; else what was looked at in vain may have ended this one
        v_answer.credentials_id := CASE WHEN cardinality(v_found) > p_count THEN v_found[p_count].credentials_id ELSE
            (SELECT c.credentials_id FROM finq.consents_before(p_client_id, p_user_macs, v_before) c OFFSET 9999) END;
    END IF;
    RETURN NEXT v_answer;
    FOREACH v_one IN ARRAY coalesce(v_found[:p_count], '{}') LOOP
        RETURN NEXT finq.consent_told(v_one);
    END LOOP;
END $$;
COMMENT ON FUNCTION finq.consent_page IS 'repeatable';

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

-- How a consent's account data stand: nothing of what they are. NULL where it has none.
CREATE OR REPLACE FUNCTION finq.consent_feed_shown(p_credentials_id uuid) RETURNS json
    LANGUAGE sql STABLE
    RETURN (SELECT json_build_object(
                'accounts', (SELECT count(*) FROM finq.account a WHERE a.credentials_id = f.credentials_id),
                'transactions', (SELECT count(*) FROM finq.transaction t WHERE t.credentials_id = f.credentials_id AND t.superseded_by IS NULL),
                'seq', f.seq, 'connector', f.connector, 'visited_at', finq.utc(f.visited_at), 'refreshed_at', finq.utc(f.refreshed_at),
                'used', (SELECT count(*) FROM unnest(f.refreshes) AS r (at) WHERE r.at > clock_timestamp() - interval '24 hours'),
                'of', f.frequency, 'next_at', finq.utc(f.due_at), 'refreshing_until', finq.utc(CASE WHEN f.refresh_until > clock_timestamp() THEN f.refresh_until END),
                'error', f.error, 'error_at', finq.utc(f.error_at))
              FROM finq.feed f WHERE f.credentials_id = p_credentials_id);

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
    RETURN (rtrim(finq.consent_shown(v_consent)::text, '}') || ', "account_data" : '
            || coalesce(finq.consent_feed_shown(p_credentials_id)::text, 'null') || '}')::json;
END $$;

CREATE OR REPLACE FUNCTION finq.consent_deleted(p_credentials_id uuid) RETURNS json
    LANGUAGE plpgsql
AS $$
BEGIN
    PERFORM finq.consent_end(p_credentials_id, NULL);
    RETURN finq.consent_show(p_credentials_id);
END $$;
