-- Signed requests: keys, and tokens that have been used.

-- ---------------------------------------------------------------------------------------------------------------------
-- For the server: one call a request
-- ---------------------------------------------------------------------------------------------------------------------

-- The keys of an issuer, whoever of its tenants registered them, or of one tenant; revoked ones too, so that the refusal
-- can say so. The newest live ones stand first.
CREATE OR REPLACE FUNCTION finq.signing_keys(p_issuer text, p_client_id uuid) RETURNS text
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET jit = off
    RETURN (SELECT jsonb_agg(k.shown ORDER BY k.live DESC, k.newest DESC, k.kid)::text
              FROM (SELECT s.kid, bool_or(s.revoked_at IS NULL) AS live, max(s.created_at) AS newest,
                           jsonb_build_object(
                               'kid', s.kid, 'algorithm', s.algorithm, 'spki', encode(s.spki, 'hex'),
                               'holders', jsonb_agg(jsonb_build_object('client_id', s.client_id,
                                                                       'revoked', s.revoked_at IS NOT NULL))) AS shown
                      FROM finq.signing_key s
                     WHERE CASE WHEN p_client_id IS NULL THEN s.issuer = p_issuer ELSE s.client_id = p_client_id END
                     GROUP BY s.kid, s.algorithm, s.spki) k);

-- Uses a token up: true for the one request that does, however often it asks.
CREATE OR REPLACE FUNCTION finq.signature_use(p_client_id uuid, p_kid text, p_token_hash bytea, p_expires_at bigint,
                                              p_request_id uuid, OUT is_first boolean)
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET jit = off
AS $$
DECLARE
    v_now timestamptz := clock_timestamp();
BEGIN
    INSERT INTO finq.replay (client_id, kid, token_hash, expires_at, request_id)
    VALUES (p_client_id, p_kid, p_token_hash, to_timestamp(p_expires_at), p_request_id)
    ON CONFLICT (client_id, kid, token_hash) DO UPDATE SET expires_at = excluded.expires_at, request_id = excluded.request_id
        WHERE replay.expires_at < v_now OR replay.request_id = excluded.request_id;
    is_first := FOUND;
END $$;
COMMENT ON FUNCTION finq.signature_use IS 'repeatable';

-- ---------------------------------------------------------------------------------------------------------------------
-- For the operator (finqctl): each answers JSON, and raises P0002 for what is unknown, 23505 for what stands already
-- ---------------------------------------------------------------------------------------------------------------------

-- One key of key_add. Answers whether it is new.
CREATE OR REPLACE FUNCTION finq.signing_key_put(p_client_id uuid, p_issuer text, p_key jsonb) RETURNS boolean
    LANGUAGE plpgsql
AS $$
DECLARE
    v_kid       text := p_key ->> 'kid';
    v_algorithm text := p_key ->> 'algorithm';
    v_spki      bytea := decode(p_key ->> 'spki', 'hex');
    v_old       finq.signing_key;
BEGIN
    SELECT k.* INTO v_old FROM finq.signing_key k
     WHERE k.client_id = p_client_id AND (k.kid = v_kid OR k.spki = v_spki)
     ORDER BY k.kid = v_kid DESC LIMIT 1;
    IF v_old.revoked_at IS NOT NULL THEN
        RAISE unique_violation USING MESSAGE = format('Key %s has been revoked.', v_old.kid),
            HINT = 'A revoked key, or its kid, never comes back: make a new key under a new kid.';
    ELSIF v_old.kid IS NOT NULL
          AND (v_old.kid, v_old.issuer, v_old.algorithm, v_old.spki) = (v_kid, p_issuer, v_algorithm, v_spki) THEN
        RETURN false;
    ELSIF v_old.kid IS NOT NULL THEN
        RAISE unique_violation USING MESSAGE = format('The tenant has key %s already, registered for %s and issuer %s.',
            v_old.kid, v_old.algorithm, v_old.issuer), HINT = 'A key has one kid, one algorithm and one issuer.';
    ELSIF EXISTS (SELECT FROM finq.signing_key k WHERE k.issuer = p_issuer AND k.kid = v_kid
                     AND (k.spki <> v_spki OR k.algorithm <> v_algorithm)) THEN
        RAISE unique_violation USING MESSAGE = format('Another tenant of issuer %s has registered another key as %s.',
            p_issuer, v_kid), HINT = 'A kid names one key of an issuer: choose another.';
    END IF;
    INSERT INTO finq.signing_key (client_id, kid, issuer, algorithm, spki)
    VALUES (p_client_id, v_kid, p_issuer, v_algorithm, v_spki);
    RETURN true;
END $$;

-- Registers keys, all or none: p_keys is [{kid, algorithm, spki (hex), found}].
CREATE OR REPLACE FUNCTION finq.key_add(p_client_id uuid, p_issuer text, p_keys jsonb) RETURNS json
    LANGUAGE plpgsql
AS $$
DECLARE
    v_key   jsonb;
    v_shown json[] := '{}';
BEGIN
    PERFORM pg_advisory_xact_lock(hashtextextended('finq issuer ' || p_issuer, 0)); -- one issuer, one meaning of a kid
    PERFORM FROM finq.tenant t WHERE t.client_id = p_client_id FOR NO KEY UPDATE;   -- the count below stays true
    IF NOT FOUND THEN
        RAISE no_data_found USING MESSAGE = format('No tenant has the client_id %s.', p_client_id);
    END IF;
    FOR v_key IN SELECT k.value FROM jsonb_array_elements(p_keys) k LOOP
        v_shown := v_shown || json_build_object('kid', v_key -> 'kid', 'algorithm', v_key -> 'algorithm', 
                                                'found', v_key -> 'found', 'added', finq.signing_key_put(p_client_id, p_issuer, v_key));
    END LOOP;
    IF (SELECT count(*) FROM finq.signing_key k WHERE k.client_id = p_client_id AND k.revoked_at IS NULL) > 10 THEN
        RAISE check_violation USING MESSAGE = 'A tenant has at most 10 live signing keys.',
            HINT = 'Revoke one first: finqctl key revoke.';
    END IF;
    RETURN json_build_object('client_id', p_client_id, 'issuer', p_issuer, 'keys', v_shown);
END $$;

CREATE OR REPLACE FUNCTION finq.key_list(p_client_id uuid) RETURNS json
    LANGUAGE plpgsql STABLE
AS $$
BEGIN
    IF NOT EXISTS (SELECT FROM finq.tenant t WHERE t.client_id = p_client_id) THEN
        RAISE no_data_found USING MESSAGE = format('No tenant has the client_id %s.', p_client_id);
    END IF;
    RETURN (SELECT coalesce(json_agg(json_build_object(
                       'kid', k.kid, 'issuer', k.issuer, 'algorithm', k.algorithm,
                       'sha256', encode(sha256(k.spki), 'hex'), 'created_at', finq.utc(k.created_at),
                       'revoked_at', finq.utc(k.revoked_at))
                       ORDER BY k.created_at, k.kid), '[]')
              FROM finq.signing_key k WHERE k.client_id = p_client_id);
END $$;

-- Servers that remember the key believe in it for FinqKeyCacheTTL at most.
CREATE OR REPLACE FUNCTION finq.key_revoke(p_client_id uuid, p_kid text) RETURNS json
    LANGUAGE plpgsql
AS $$
DECLARE
    v_revoked_at timestamptz;
BEGIN
    UPDATE finq.signing_key k SET revoked_at = coalesce(k.revoked_at, clock_timestamp())
     WHERE k.client_id = p_client_id AND k.kid = p_kid
    RETURNING k.revoked_at INTO v_revoked_at;
    IF NOT FOUND THEN
        RAISE no_data_found USING MESSAGE = format('Tenant %s has no key called %s.', p_client_id, p_kid);
    END IF;
    RETURN json_build_object('client_id', p_client_id, 'kid', p_kid, 'revoked_at', finq.utc(v_revoked_at));
END $$;
