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
    SELECT t.status = 'ACTIVE', t.name INTO v_active, v_facts.tenant FROM finq.tenant t WHERE t.client_id = p_client_id;
    SELECT s.status, s.waits_for INTO v_facts.status, v_facts.waits_for FROM finq.session s
     WHERE s.session_id = p_page.session_id AND s.client_id = p_client_id;
    v_facts.skill_id := p_page.skill_id;
    v_facts.key_id := p_page.key_id;
    v_facts.tenant_user_id := p_page.tenant_user_id;
    v_facts.language := p_page.language;
    v_facts.prefill := p_page.prefill;
    v_facts.return_link := p_page.return_link;
    v_facts.expires_at := finq.seconds(p_page.expires_at);
    v_facts.session_id := p_page.session_id;
    v_facts.outcome := CASE
        WHEN p_page.page_id IS NULL OR p_page.generation <> p_generation OR p_page.expires_at <= clock_timestamp() THEN 'not_found'
        WHEN NOT v_active THEN 'unauthorized_tenant' ELSE 'ok' END;
    RETURN v_facts;
END $$;

-- ---------------------------------------------------------------------------------------------------------------------
-- For the server: one call a request
-- ---------------------------------------------------------------------------------------------------------------------

-- Makes a page. p_steps are the steps that something is filled in for; p_return_folded is the link as prefixes are compared with it.
CREATE OR REPLACE FUNCTION finq.page_create(
    p_client_id uuid, p_secret_hash bytea, p_page_id uuid, p_skill text, p_tenant_user_id text, p_language text, p_prefill bytea,
    p_steps text[], p_return_link text, p_return_folded text, p_ttl integer, OUT outcome text, OUT skill_id integer, OUT expires_at bigint)
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET plan_cache_mode = force_generic_plan
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
        WHEN v_retired IS NOT NULL OR NOT EXISTS (SELECT FROM finq.tenant_skill a
                                                   WHERE a.client_id = p_client_id AND a.skill_id = page_create.skill_id)
            THEN 'unauthorized_tenant'
        WHEN p_return_folded IS NOT NULL AND NOT EXISTS (
                 SELECT FROM finq.redirect_link l WHERE l.client_id = p_client_id AND finq.link_fits(p_return_folded, l.prefix))
            THEN 'link_not_allowed'
        WHEN NOT p_steps <@ ARRAY(SELECT e ->> 'name' FROM finq.skill k CROSS JOIN json_array_elements(k.definition -> 'steps') e
                                   WHERE k.skill_id = page_create.skill_id) THEN 'unknown_step'
        ELSE 'ok' END;
    IF outcome <> 'ok' THEN
        RETURN;
    END IF;
    INSERT INTO finq.page (page_id, client_id, key_id, skill_id, tenant_user_id, language, prefill, return_link, expires_at)
    SELECT p_page_id, p_client_id, k.key_id, skill_id, p_tenant_user_id, p_language, p_prefill, p_return_link, v_until
      FROM finq.tenant_key k WHERE k.client_id = p_client_id AND k.kind = 'SECRET' AND k.hash = p_secret_hash
    ON CONFLICT (page_id) DO UPDATE SET expires_at = excluded.expires_at;
    expires_at := finq.seconds(v_until);
END $$;
COMMENT ON FUNCTION finq.page_create IS 'repeatable';

-- A new address for a page; the older ones lead nowhere. The request that made it may ask again.
CREATE OR REPLACE FUNCTION finq.page_renew(p_client_id uuid, p_secret_hash bytea, p_page_id uuid, p_request_id uuid, p_ttl integer,
                                           OUT outcome text, OUT skill_id integer, OUT generation integer, OUT expires_at bigint)
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET plan_cache_mode = force_generic_plan
AS $$
#variable_conflict use_column
BEGIN
    outcome := finq.key_claim(p_client_id, 'SECRET', p_secret_hash);
    IF outcome = 'ok' THEN
        UPDATE finq.page p
           SET generation = p.generation + (p.renewed_by IS DISTINCT FROM p_request_id)::integer, renewed_by = p_request_id, expires_at = date_trunc('second', clock_timestamp()) + p_ttl * interval '1 second'
         WHERE p.page_id = p_page_id AND p.client_id = p_client_id AND p.expires_at > clock_timestamp()
        RETURNING p.skill_id, p.generation, finq.seconds(p.expires_at) INTO skill_id, generation, expires_at;
        outcome := CASE WHEN FOUND THEN 'ok' ELSE 'not_found' END;
    END IF;
END $$;
COMMENT ON FUNCTION finq.page_renew IS 'repeatable';

-- Looks, and changes nothing.
CREATE OR REPLACE FUNCTION finq.page_look(p_client_id uuid, p_page_id uuid, p_generation integer) RETURNS finq.page_facts
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET plan_cache_mode = force_generic_plan
AS $$
    SELECT finq.page_facts_of((SELECT p FROM finq.page p WHERE p.page_id = p_page_id AND p.client_id = p_client_id),
                              p_client_id, p_generation)
$$;

-- The session of a page: p_session_id, where it has none, or one that was never taken up and is too old for it. Of many who begin at
-- once one settles it, and the others get the same.
CREATE OR REPLACE FUNCTION finq.page_begin(p_client_id uuid, p_page_id uuid, p_generation integer, p_session_id uuid, p_session_ttl integer)
    RETURNS finq.page_facts
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET plan_cache_mode = force_generic_plan
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
        UPDATE finq.page p SET session_id = p_session_id, begun_at = v_now WHERE p.page_id = p_page_id RETURNING p.* INTO v_page;
    END IF;
    RETURN finq.page_facts_of(v_page, p_client_id, p_generation);
END $$;
COMMENT ON FUNCTION finq.page_begin IS 'repeatable';

-- How a page's session stands, for whoever opens the page again: with a nonce that makes all of before old, while there is something
-- to go on with. What has ended is told, without a token.
CREATE OR REPLACE FUNCTION finq.page_resume(
    p_client_id uuid, p_page_id uuid, p_generation integer, p_nonce_ttl integer, p_temp_token_ttl integer, p_secret_id integer)
    RETURNS finq.session_standing
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET plan_cache_mode = force_generic_plan
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
