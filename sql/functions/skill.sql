-- Skills, and the catalogs of them.

-- The skills that a tenant may start here; p_only is what the server's host is narrowed to, NULL for no less than all.
CREATE OR REPLACE FUNCTION finq.catalog_of(p_client_id uuid, p_only text[]) RETURNS SETOF finq.skill
    LANGUAGE sql STABLE
AS $$
    SELECT s.* FROM finq.tenant_skill a JOIN finq.skill s ON s.skill_id = a.skill_id
     WHERE a.client_id = p_client_id AND s.retired_at IS NULL AND (p_only IS NULL OR s.name = ANY (p_only))
$$;

-- Members in their order, those without a value left out.
CREATE OR REPLACE FUNCTION finq.catalog_members(p_names text[], VARIADIC p_values json[]) RETURNS json
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    RETURN (SELECT json_object_agg(m.name, m.value ORDER BY m.place)
              FROM unnest(p_names, p_values) WITH ORDINALITY AS m (name, value, place) WHERE m.value IS NOT NULL);

-- Where a step may lead, by name, null for the end: its branches up to the first without a condition, else to the step behind it.
CREATE OR REPLACE FUNCTION finq.catalog_next(p_step json, p_behind text) RETURNS json
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
AS $$
    WITH way AS (
        SELECT b.place, b.branch ->> 'step' AS step, b.branch -> 'when' IS NULL AS always
          FROM json_array_elements(coalesce(p_step -> 'next', '[]')) WITH ORDINALITY AS b (branch, place)
         UNION ALL SELECT 1000, p_behind, true)
    SELECT json_agg(f.step ORDER BY f.place)
      FROM (SELECT w.step, min(w.place) AS place FROM way w
             WHERE w.place <= (SELECT min(a.place) FROM way a WHERE a.always) GROUP BY w.step) f
$$;

-- A step as the catalog shows it: named members alone, so that what a definition may hold one day does not show by itself.
CREATE OR REPLACE FUNCTION finq.catalog_step(p_step json, p_behind text) RETURNS json
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    RETURN finq.catalog_members('{name,title,description,schema,uploads,connector,redirect,review,next}',
        p_step -> 'name', p_step -> 'title', p_step -> 'description', p_step -> 'schema', coalesce(p_step -> 'uploads', '[]'),
        CASE WHEN p_step -> 'connector' IS NOT NULL THEN 'true'::json END,
        CASE WHEN p_step -> 'connector' IS NOT NULL AND p_step #> '{schema,properties,psu_redirect_link}' IS NOT NULL
             THEN 'true'::json END,
        p_step -> 'review', finq.catalog_next(p_step, p_behind));

CREATE OR REPLACE FUNCTION finq.catalog_servicer(p_servicer finq.servicer) RETURNS json
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    RETURN json_build_object('id', p_servicer.servicer_id, 'name', p_servicer.name, 'country', p_servicer.country);

-- ---------------------------------------------------------------------------------------------------------------------
-- For the server: one call a request
-- ---------------------------------------------------------------------------------------------------------------------

-- A skill, by its id or by its name; NULLs for an unknown one.
CREATE OR REPLACE FUNCTION finq.skill_get(p_skill_id integer) RETURNS finq.published_skill
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET jit = off
BEGIN ATOMIC
    SELECT s.skill_id, s.definition::text FROM finq.skill s WHERE s.skill_id = p_skill_id;
END;

CREATE OR REPLACE FUNCTION finq.skill_named(p_name text) RETURNS finq.published_skill
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET jit = off
BEGIN ATOMIC
    SELECT s.skill_id, s.definition::text FROM finq.skill s WHERE s.name = p_name;
END;

-- Whether a skill is another by the same words, of no lower version.
CREATE OR REPLACE FUNCTION finq.skill_follows(p_name text, p_next text) RETURNS boolean
    LANGUAGE sql IMMUTABLE
    RETURN (SELECT regexp_replace(p_next, v.pattern, '') = regexp_replace(p_name, v.pattern, '')
                   AND string_to_array(substring(p_next, v.pattern), '.')::numeric[]
                       >= string_to_array(substring(p_name, v.pattern), '.')::numeric[]
              FROM (SELECT '[0-9]+[.][0-9]+$') AS v (pattern));

-- The catalog of skills (contract section 10), each schema's members in the order in which they were published; of p_skill alone
-- where that is not NULL. With p_language, the texts in it, or in the language without its region, stand beside a skill that has
-- some: its `translations`, which the server puts in their places.
CREATE OR REPLACE FUNCTION finq.catalog_skills(p_client_id uuid, p_app_key_hash bytea, p_only text[], p_skill text, p_language text)
    RETURNS finq.catalog_answer
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET jit = off
AS $$
DECLARE
    v_answer finq.catalog_answer;
BEGIN
    v_answer.outcome := finq.key_claim(p_client_id, 'APP_KEY', p_app_key_hash);
    IF v_answer.outcome = 'ok' THEN
        SELECT coalesce(json_agg(finq.catalog_members('{name,title,description,type,environment,servicer,steps,translations}',
                   to_json(s.name), s.definition -> 'title', s.definition -> 'description', s.definition -> 'type',
                   s.definition -> 'environment', finq.catalog_servicer(r),
                   (SELECT json_agg(finq.catalog_step(e.step, e.behind) ORDER BY e.place)
                      FROM (SELECT i.step, i.place, lead(i.step ->> 'name') OVER (ORDER BY i.place) AS behind
                              FROM json_array_elements(s.definition -> 'steps') WITH ORDINALITY AS i (step, place)) e),
                   coalesce(s.definition -> 'translations' -> p_language,
                            s.definition -> 'translations' -> split_part(p_language, '-', 1)))
                   ORDER BY s.name), '[]') INTO v_answer.catalog
          FROM finq.catalog_of(p_client_id, p_only) s JOIN finq.servicer r ON r.servicer_id = s.servicer_id
         WHERE p_skill IS NULL OR s.name = p_skill;
    END IF;
    RETURN v_answer;
END $$;
COMMENT ON FUNCTION finq.catalog_skills IS 'repeatable';

-- The servicers behind them.
CREATE OR REPLACE FUNCTION finq.catalog_servicers(p_client_id uuid, p_app_key_hash bytea, p_only text[])
    RETURNS finq.catalog_answer
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET jit = off
AS $$
DECLARE
    v_answer finq.catalog_answer;
BEGIN
    v_answer.outcome := finq.key_claim(p_client_id, 'APP_KEY', p_app_key_hash);
    IF v_answer.outcome = 'ok' THEN
        SELECT coalesce(json_agg(finq.catalog_servicer(r) ORDER BY r.name), '[]') INTO v_answer.catalog
          FROM finq.servicer r
         WHERE r.servicer_id IN (SELECT s.servicer_id FROM finq.catalog_of(p_client_id, p_only) s);
    END IF;
    RETURN v_answer;
END $$;
COMMENT ON FUNCTION finq.catalog_servicers IS 'repeatable';

-- ---------------------------------------------------------------------------------------------------------------------
-- For the operator (finqctl): each answers JSON, and raises P0002 for what is unknown, 23505 for what stands already
-- ---------------------------------------------------------------------------------------------------------------------

CREATE OR REPLACE FUNCTION finq.skill_publish(p_definition json) RETURNS json
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
        RETURN json_build_object('name', v_name, 'published', true);
    END IF;
    SELECT s.* INTO v_skill FROM finq.skill s WHERE s.name = v_name;
    IF v_skill.definition::jsonb <> p_definition::jsonb THEN
        RAISE unique_violation USING MESSAGE = format('Skill "%s" is published with another definition, and a published '
            'skill never changes.', v_name), HINT = 'Publish the new definition under the next version.';
    END IF;
    RETURN json_build_object('name', v_name, 'published', false);
END $$;

CREATE OR REPLACE FUNCTION finq.skill_list() RETURNS json
    LANGUAGE sql STABLE
    RETURN (SELECT coalesce(json_agg(json_build_object(
                'name', s.name, 'title', s.definition ->> 'title', 'type', s.definition ->> 'type',
                'servicer', r.name, 'published_at', finq.utc(s.published_at), 'retired_at', finq.utc(s.retired_at),
                'steps', (SELECT json_agg(e.step -> 'name' ORDER BY e.place)
                            FROM json_array_elements(s.definition -> 'steps') WITH ORDINALITY AS e (step, place)))
                ORDER BY s.name), '[]')
              FROM finq.skill s JOIN finq.servicer r ON r.servicer_id = s.servicer_id);

-- json, not jsonb: the definition as it was published.
CREATE OR REPLACE FUNCTION finq.skill_show(p_name text) RETURNS json
    LANGUAGE plpgsql STABLE
AS $$
DECLARE
    v_shown json;
BEGIN
    SELECT json_build_object(
               'name', s.name, 'servicer_id', s.servicer_id, 'published_at', finq.utc(s.published_at),
               'retired_at', finq.utc(s.retired_at),
               'tenants', (SELECT coalesce(json_agg(json_build_object('client_id', t.client_id, 'name', t.name)
                                                    ORDER BY t.name), '[]')
                             FROM finq.tenant_skill a JOIN finq.tenant t ON t.client_id = a.client_id
                            WHERE a.skill_id = s.skill_id),
               'definition', s.definition)
      INTO v_shown FROM finq.skill s WHERE s.name = p_name;
    IF v_shown IS NULL THEN
        RAISE no_data_found USING MESSAGE = format('No skill named "%s" is published.', p_name);
    END IF;
    RETURN v_shown;
END $$;

-- Retires a skill, or takes that back. Repeated, it changes nothing.
CREATE OR REPLACE FUNCTION finq.skill_retire(p_name text, p_undo boolean) RETURNS json
    LANGUAGE plpgsql
AS $$
DECLARE
    v_retired_at timestamptz;
BEGIN
    UPDATE finq.skill s
       SET retired_at = CASE WHEN p_undo THEN NULL ELSE coalesce(s.retired_at, clock_timestamp()) END
     WHERE s.name = p_name
    RETURNING s.retired_at INTO v_retired_at;
    IF NOT FOUND THEN
        RAISE no_data_found USING MESSAGE = format('No skill named "%s" is published.', p_name);
    END IF;
    RETURN json_build_object('name', p_name, 'retired_at', finq.utc(v_retired_at));
END $$;
