-- Pages: addresses at which a person is taken through an onboarding (contract section 16). A page knows its session from its start on,
-- so that the same address leads to the same session.

-- What is known of a page, and how its session stands; `status` is NULL where it has had no step. 'not_found' where the address is not
-- the page's newest, or its time is up.
CREATE OR REPLACE FUNCTION finq.page_facts_of(p_page finq.page, p_client_id uuid, p_generation integer) RETURNS finq.page_facts
    LANGUAGE plpgsql STABLE
AS $$
DECLARE
    v_facts  finq.page_facts;
    v_active boolean;
BEGIN
    SELECT t.status = 'ACTIVE', coalesce(b.name, t.name), b.colour || '-' || b.dark_colour, b.logo_id
      INTO v_active, v_facts.tenant, v_facts.colours, v_facts.logo
      FROM finq.tenant t LEFT JOIN finq.brand b ON b.client_id = t.client_id WHERE t.client_id = p_client_id;
    IF p_page.session_id IS NOT NULL THEN -- to find none, all partitions would be asked
        SELECT s.status, finq.seconds(s.updated_at) INTO v_facts.status, v_facts.updated_at FROM finq.session s
         WHERE s.session_id = p_page.session_id AND s.client_id = p_client_id;
    END IF;
    v_facts.skill_id := p_page.skill_id;
    v_facts.key_id := p_page.key_id;
    v_facts.tenant_user_id := p_page.tenant_user_id;
    v_facts.language := p_page.language;
    v_facts.prefill := p_page.prefill;
    v_facts.return_link := p_page.return_link;
    v_facts.data_key := p_page.data_key;
    v_facts.expires_at := finq.seconds(p_page.expires_at);
    v_facts.session_id := p_page.session_id;
    v_facts.session_key := p_page.session_key;
    v_facts.outcome := CASE
        WHEN p_page.page_id IS NULL OR p_page.generation <> p_generation OR p_page.expires_at <= clock_timestamp() THEN 'not_found'
        WHEN NOT v_active THEN 'unauthorized_tenant' ELSE 'ok' END;
    RETURN v_facts;
END $$;

-- ---------------------------------------------------------------------------------------------------------------------
-- For the server: one call a request
-- ---------------------------------------------------------------------------------------------------------------------

-- Makes a page. p_is_served: the host lets the skill begin. p_steps are the steps that something is filled in for; p_return_folded is
-- the link as prefixes are compared with it.
CREATE OR REPLACE FUNCTION finq.page_make(
    p_client_id uuid, p_secret_hash bytea, p_page_id uuid, p_skill text, p_is_served boolean, p_language text,
    p_data_key bytea, p_tenant_user_id bytea, p_user_mac bytea, p_prefill bytea, p_return_link bytea, p_steps text[], p_return_folded text, p_ttl integer, OUT outcome text, OUT skill_id integer, OUT expires_at bigint)
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET jit = off SET plan_cache_mode = force_generic_plan
    SET enable_seqscan = off
AS $$
#variable_conflict use_column
DECLARE
    v_until   timestamptz := date_trunc('second', clock_timestamp()) + p_ttl * interval '1 second';
    v_retired timestamptz;
BEGIN
    outcome := finq.key_claim(p_client_id, 'SECRET', p_secret_hash);
    IF outcome <> 'ok' THEN
        RETURN;
    END IF;
    SELECT k.skill_id, k.retired_at INTO skill_id, v_retired FROM finq.skill k WHERE k.name = p_skill;
    outcome := CASE
        WHEN skill_id IS NULL THEN 'invalid_skill_name'
        WHEN NOT p_is_served OR v_retired IS NOT NULL
             OR NOT EXISTS (SELECT FROM finq.tenant_skill a WHERE a.client_id = p_client_id AND a.skill_id = page_make.skill_id)
            THEN 'unauthorized_tenant'
        WHEN p_return_folded IS NOT NULL AND NOT EXISTS (
                 SELECT FROM finq.redirect_link l WHERE l.client_id = p_client_id AND finq.link_fits(p_return_folded, l.prefix))
            THEN 'link_not_allowed'
        WHEN NOT p_steps <@ ARRAY(SELECT e ->> 'name' FROM finq.skill k CROSS JOIN json_array_elements(k.definition -> 'steps') e
                                   WHERE k.skill_id = page_make.skill_id) THEN 'unknown_step'
        ELSE 'ok' END;
    IF outcome <> 'ok' THEN
        RETURN;
    END IF;
    INSERT INTO finq.page (page_id, client_id, key_id, skill_id, language, data_key, tenant_user_id, user_mac, prefill, return_link, expires_at)
    SELECT p_page_id, p_client_id, k.key_id, skill_id, p_language, p_data_key, p_tenant_user_id, p_user_mac, p_prefill, p_return_link, v_until
      FROM finq.tenant_key k WHERE k.client_id = p_client_id AND k.kind = 'SECRET' AND k.hash = p_secret_hash
    ON CONFLICT (page_id) DO UPDATE SET expires_at = excluded.expires_at;
    expires_at := finq.seconds(v_until);
END $$;
COMMENT ON FUNCTION finq.page_make IS 'repeatable';

-- A new address for a page. The older ones lead nowhere, and the nonces that came by them are dead; that of a session without a step
-- cannot be, so that the page forgets that session. The request that made it may ask again.
CREATE OR REPLACE FUNCTION finq.page_renew(p_client_id uuid, p_secret_hash bytea, p_page_id uuid, p_request_id uuid, p_ttl integer,
                                           OUT outcome text, OUT skill_id integer, OUT generation integer, OUT expires_at bigint)
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET jit = off SET plan_cache_mode = force_generic_plan
    SET enable_seqscan = off
AS $$
#variable_conflict use_column
DECLARE
    v_page finq.page;
BEGIN
    outcome := finq.key_claim(p_client_id, 'SECRET', p_secret_hash);
    IF outcome <> 'ok' THEN
        RETURN;
    END IF;
    SELECT p.* INTO v_page FROM finq.page p
     WHERE p.page_id = p_page_id AND p.client_id = p_client_id AND p.expires_at > clock_timestamp() FOR NO KEY UPDATE;
    IF NOT FOUND THEN
        outcome := 'not_found';
        RETURN;
    END IF;
    IF v_page.renewed_by IS DISTINCT FROM p_request_id THEN
        v_page.generation := v_page.generation + 1;
        UPDATE finq.session s SET generation = s.generation + 1 WHERE s.session_id = v_page.session_id AND s.client_id = p_client_id;
        IF NOT FOUND THEN
            v_page.session_id := NULL;
        END IF;
    END IF;
    UPDATE finq.page p
       SET generation = v_page.generation, session_id = v_page.session_id,
           session_key = CASE WHEN v_page.session_id IS NOT NULL THEN p.session_key END, renewed_by = p_request_id, wrong_numbers = 0,
           expires_at = date_trunc('second', clock_timestamp()) + p_ttl * interval '1 second'
     WHERE p.page_id = p_page_id
    RETURNING p.skill_id, p.generation, finq.seconds(p.expires_at) INTO skill_id, generation, expires_at;
END $$;
COMMENT ON FUNCTION finq.page_renew IS 'repeatable';

-- Looks, and changes nothing. In PL/pgSQL, which keeps plans: as a SQL function it would be parsed and planned at every call.
CREATE OR REPLACE FUNCTION finq.page_look(p_client_id uuid, p_page_id uuid, p_generation integer) RETURNS finq.page_facts
    LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET jit = off SET plan_cache_mode = force_generic_plan
    SET enable_seqscan = off
AS $$
DECLARE
    v_page finq.page;
BEGIN
    SELECT p.* INTO v_page FROM finq.page p WHERE p.page_id = p_page_id AND p.client_id = p_client_id;
    RETURN finq.page_facts_of(v_page, p_client_id, p_generation);
END $$;
COMMENT ON FUNCTION finq.page_look IS 'locks: page, crowd: page_looks'; -- in fact it locks nothing

-- The session of a page: p_session_id, where it has none, or one that was never taken up and is too old for it. Of many who begin at
-- once one settles it, and the others get the same.
CREATE OR REPLACE FUNCTION finq.page_begin(p_client_id uuid, p_page_id uuid, p_generation integer, p_session_id uuid, p_session_key bytea, p_session_ttl integer)
    RETURNS finq.page_facts
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET jit = off SET plan_cache_mode = force_generic_plan
    SET enable_seqscan = off
AS $$
DECLARE
    v_now  timestamptz := clock_timestamp();
    v_page finq.page;
BEGIN
    SELECT p.* INTO v_page FROM finq.page p
     WHERE p.page_id = p_page_id AND p.client_id = p_client_id AND p.generation = p_generation AND p.expires_at > v_now FOR NO KEY UPDATE;
    IF FOUND AND (v_page.session_id IS NULL
                  OR v_page.begun_at + p_session_ttl * interval '1 second' <= v_now
                     AND NOT EXISTS (SELECT FROM finq.session s WHERE s.session_id = v_page.session_id)) THEN
        UPDATE finq.page p SET session_id = p_session_id, session_key = p_session_key, begun_at = v_now WHERE p.page_id = p_page_id RETURNING p.* INTO v_page;
    END IF;
    RETURN finq.page_facts_of(v_page, p_client_id, p_generation);
END $$;
COMMENT ON FUNCTION finq.page_begin IS 'repeatable';

-- How a page's session stands, for whoever opens the page again: with a nonce that makes all of before old, while there is something
-- to go on with. What has ended is told, without a token.
CREATE OR REPLACE FUNCTION finq.page_resume(
    p_client_id uuid, p_page_id uuid, p_generation integer, p_nonce_ttl integer, p_temp_token_ttl integer, p_secret_id integer)
    RETURNS finq.session_standing
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET jit = off SET plan_cache_mode = force_generic_plan
    SET enable_seqscan = off
AS $$
DECLARE
    v_page    finq.page;
    v_session finq.session;
    v_answer  finq.session_standing;
    v_goes_on boolean;
BEGIN
    SELECT p.* INTO v_page FROM finq.page p WHERE p.page_id = p_page_id AND p.client_id = p_client_id;
    SELECT s.* INTO v_session FROM finq.session s
     WHERE s.session_id = v_page.session_id AND s.client_id = p_client_id FOR NO KEY UPDATE;
    v_answer.outcome := (finq.page_facts_of(v_page, p_client_id, p_generation)).outcome;
    IF v_answer.outcome = 'ok' AND v_session.session_id IS NULL THEN
        v_answer.outcome := 'invalid_session_id';
    END IF;
    IF v_answer.outcome = 'ok' THEN
        v_goes_on := v_session.status IN ('SESSION_IN_PROGRESS', 'SESSION_PENDING');
        v_answer := finq.session_answer(v_session, p_nonce_ttl, p_temp_token_ttl, p_secret_id, v_goes_on);
        v_answer.held := NOT v_goes_on;
        v_answer.outcome := 'ok';
    END IF;
    RETURN v_answer;
END $$;
COMMENT ON FUNCTION finq.page_resume IS 'repeatable';

-- A logo by its name. Whoever has the name may see it: it is a tenant's face.
CREATE OR REPLACE FUNCTION finq.page_logo(p_logo_id text, OUT logo bytea, OUT logo_type text)
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET jit = off
AS $$
    SELECT b.logo, b.logo_type FROM finq.brand b WHERE b.logo_id = p_logo_id LIMIT 1
$$;

-- ---------------------------------------------------------------------------------------------------------------------
-- For the operator (finqctl)
-- ---------------------------------------------------------------------------------------------------------------------

-- WCAG 2's relative luminance of a colour, and the contrast of two.
CREATE OR REPLACE FUNCTION finq.luminance(p_colour text) RETURNS double precision
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    RETURN (SELECT sum(w.weight * CASE WHEN c.level <= 0.04045 THEN c.level / 12.92 ELSE power((c.level + 0.055) / 1.055, 2.4) END)
              FROM (VALUES (0, 0.2126::double precision), (1, 0.7152), (2, 0.0722)) AS w (place, weight)
             CROSS JOIN LATERAL (SELECT get_byte(decode(p_colour, 'hex'), w.place) / 255.0::double precision) AS c (level));
CREATE OR REPLACE FUNCTION finq.contrast(p_one text, p_other text) RETURNS double precision
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    RETURN (greatest(finq.luminance(p_one), finq.luminance(p_other)) + 0.05)
           / (least(finq.luminance(p_one), finq.luminance(p_other)) + 0.05);

-- A colour, brought nearer to white until it can be read on the dark pages' ground.
CREATE OR REPLACE FUNCTION finq.colour_lightened(p_colour text) RETURNS text
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    RETURN (SELECT m.mixed FROM generate_series(0, 20) AS s (step)
             CROSS JOIN LATERAL (SELECT string_agg(lpad(to_hex(round(v.level + (255 - v.level) * s.step / 20.0)::integer), 2, '0'), '' ORDER BY v.place)
                                   FROM generate_series(0, 2) AS p (place)
                                  CROSS JOIN LATERAL (SELECT p.place, get_byte(decode(p_colour, 'hex'), p.place) AS level) v) AS m (mixed)
             WHERE finq.contrast(m.mixed, '1a2129') >= 5.5 ORDER BY s.step LIMIT 1);

-- Sets what is not NULL of a tenant's looks; p_clear takes all of it away first. White stands on the colour, and the colour on white; on
-- dark pages nearly black stands on the dark colour, and that on nearly black.
CREATE OR REPLACE FUNCTION finq.brand_set(p_client_id uuid, p_name text, p_colour text, p_dark_colour text, p_logo bytea, p_logo_type text,
                                          p_clear boolean) RETURNS json
    LANGUAGE plpgsql
AS $$
DECLARE
    v_tenant finq.tenant := finq.tenant_lock(p_client_id);
    v_colour text := lower(ltrim(p_colour, '#'));
    v_dark   text := lower(ltrim(p_dark_colour, '#'));
    v_brand  finq.brand;
BEGIN
    IF coalesce(v_colour, '000000') !~ '^[0-9a-f]{6}$' OR coalesce(v_dark, '000000') !~ '^[0-9a-f]{6}$' THEN
        RAISE raise_exception USING MESSAGE = 'A colour is six hexadecimal digits, such as #0b4a6f.';
    ELSIF v_colour IS NOT NULL AND finq.contrast(v_colour, 'ffffff') < 4.5 THEN
        RAISE raise_exception USING MESSAGE = format('White on #%s has a contrast of %s to 1; people need 4.5.', v_colour,
                                                     round(finq.contrast(v_colour, 'ffffff')::numeric, 1)),
            HINT = 'Take a darker colour.';
    ELSIF v_dark IS NOT NULL AND finq.contrast(v_dark, '1a2129') < 4.5 THEN
        RAISE raise_exception USING MESSAGE = format('#%s on the dark pages'' ground has a contrast of %s to 1; people need 4.5.', v_dark,
                                                     round(finq.contrast(v_dark, '1a2129')::numeric, 1)),
            HINT = 'Take a lighter colour, or leave --dark-colour out: one is made of --colour.';
    END IF;
    IF p_clear THEN
        DELETE FROM finq.brand b WHERE b.client_id = p_client_id;
    END IF;
    v_dark := coalesce(v_dark, finq.colour_lightened(v_colour));
    INSERT INTO finq.brand AS b (client_id, name, colour, dark_colour, logo, logo_type, logo_id)
    VALUES (p_client_id, p_name, v_colour, CASE WHEN v_colour IS NOT NULL THEN v_dark END, p_logo, p_logo_type,
            'logo-' || left(encode(sha256(p_logo), 'hex'), 24))
    ON CONFLICT (client_id) DO UPDATE
        SET name = coalesce(excluded.name, b.name), colour = coalesce(excluded.colour, b.colour),
            dark_colour = CASE WHEN coalesce(excluded.colour, b.colour) IS NOT NULL THEN coalesce(v_dark, b.dark_colour) END,
            logo = coalesce(excluded.logo, b.logo), logo_type = coalesce(excluded.logo_type, b.logo_type),
            logo_id = coalesce(excluded.logo_id, b.logo_id), set_at = clock_timestamp()
    RETURNING b.* INTO v_brand;
    RETURN json_build_object('client_id', p_client_id, 'name', coalesce(v_brand.name, v_tenant.name), 'colour', v_brand.colour,
                             'dark_colour', v_brand.dark_colour, 'logo_type', v_brand.logo_type, 'logo_bytes', length(v_brand.logo));
END $$;
