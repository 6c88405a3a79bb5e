-- What a crowd asks: the same call of many sessions, as one statement. For one member it costs little more than the call, and then
-- little a member.
--
-- Parameters are those of the call, each an array: of uuid, bytea and numbers; what else there is, as its text. A member is at one
-- place of them all, from 1; they come in the order of their sessions, or some may be left out: it tells the weeks that are looked
-- into. Who is in the answer was done what the call would have done, and is told what it would have said. Nothing was done for who is
-- not, and nothing found out: who needs more than the usual is asked alone, by the call itself, which alone knows refusals, repeats
-- and what else comes with a step or an exchange. Of two members that change one session the first alone may be done.
--
-- Waits for others' locks are short: they end the statement, and so nobody waits for a lock who does not need it himself, and no
-- two statements can wait for each other.
--
-- A member is read out of the arrays by its place, where it is needed: to make one set of so many arrays costs more than the whole of
-- a small crowd, and what a plan hands on from node to node costs before the first member is looked at. Rows
-- are taken by index for each member, and no table is hashed for a few of them, whatever it held when that was planned. No session is
-- looked for by a list of all ids: the planner would have the whole list looked up for each member.

-- finq.submit_step of many. Left out: steps that a connector was asked about, sessions that renew a consent, went back or are kept, and
-- what a webhook is told of.
CREATE OR REPLACE FUNCTION finq.submit_steps(
    p_client_id uuid[], p_session_id uuid[], p_skill_id integer[], p_ordinal integer[], p_app_key_id bigint[],
    p_tenant_user_id bytea[], p_started_at bigint[], p_nonce_expires_at bigint[], p_step_id uuid[], p_step_name text[],
    p_body_hash bytea[], p_data bytea[], p_required text[], p_status text[], p_secret_id integer[],
    p_answer_ttl integer[], p_session_ttl integer[], p_generation integer[], p_place integer[], p_next_place integer[],
    p_waits_for text[], p_reply bytea[], p_return_link bytea[], p_return_until bigint[], p_reasons bytea[],
    p_attempt uuid[], p_renews uuid[], p_user_mac bytea[], p_data_key bytea[],
    OUT outcome text, OUT step_id uuid, OUT secret_id integer, OUT expires_at bigint, OUT missing text, OUT status finq.session_status,
    OUT next_place integer, OUT waits_for finq.waiting, OUT reply bytea, OUT reasons bytea, OUT member integer)
    RETURNS SETOF record
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET jit = off SET plan_cache_mode = force_generic_plan
    SET lock_timeout = '50ms' SET enable_seqscan = off SET enable_hashjoin = off SET enable_mergejoin = off
AS $$
#variable_conflict use_column
DECLARE
    v_now   timestamptz := clock_timestamp();
    v_first uuid := p_session_id[1];
    v_last  uuid := p_session_id[cardinality(p_session_id)];
BEGIN
    IF array_remove(p_user_mac, NULL) <> '{}' THEN -- apart: what follows sees who was erased meanwhile
        PERFORM pg_advisory_xact_lock_shared(l.person)
           FROM (SELECT DISTINCT finq.person_lock(u.user_mac) AS person FROM unnest(p_user_mac, p_ordinal) AS u (user_mac, ordinal)
                  WHERE u.ordinal = 1 AND u.user_mac IS NOT NULL ORDER BY 1) l;
    END IF;
    RETURN QUERY
    WITH usual AS MATERIALIZED (
        SELECT u.member, p_session_id[u.member] AS session_id, p_client_id[u.member] AS client_id, p_ordinal[u.member] AS ordinal,
               p_generation[u.member] AS generation, p_status[u.member]::finq.session_status AS status,
               p_waits_for[u.member]::finq.waiting AS waits_for, to_timestamp(finq.seconds(v_now) + p_answer_ttl[u.member]) AS until
          FROM generate_subscripts(p_session_id, 1) AS u (member)
         WHERE array_position(p_session_id, p_session_id[u.member]) = u.member
           AND p_attempt[u.member] IS NULL AND p_renews[u.member] IS NULL AND to_timestamp(p_nonce_expires_at[u.member]) > v_now
           AND EXISTS (SELECT FROM finq.tenant t WHERE t.client_id = p_client_id[u.member] AND t.status = 'ACTIVE')
           AND (p_status[u.member] = 'SESSION_IN_PROGRESS'
                OR NOT EXISTS (SELECT FROM finq.webhook w WHERE w.client_id = p_client_id[u.member]))),
    begun AS (
        INSERT INTO finq.session AS s (session_id, client_id, skill_id, tenant_user_id, user_mac, status, is_over, started_at, updated_at,
                                  expires_at, step_ordinal, step_id, step_body_hash, answer_expires_at, answer_secret_id, step_place,
                                  next_place, waits_for, waits_since, reply, reply_reasons, reply_until, reasons,
                                  return_link, return_until, data_key)
        SELECT a.session_id, a.client_id, p_skill_id[a.member], p_tenant_user_id[a.member], p_user_mac[a.member], a.status,
               finq.session_is_over(a.status), to_timestamp(p_started_at[a.member]), v_now,
               CASE WHEN a.status = 'SESSION_FAILED' THEN v_now ELSE to_timestamp(p_started_at[a.member] + p_session_ttl[a.member]) END,
               1, p_step_id[a.member], p_body_hash[a.member], a.until, p_secret_id[a.member], p_place[a.member],
               p_next_place[a.member], a.waits_for, CASE WHEN a.waits_for IS NOT NULL THEN v_now END, p_reply[a.member],
               p_reasons[a.member], a.until, p_reasons[a.member], p_return_link[a.member], to_timestamp(p_return_until[a.member]),
               p_data_key[a.member]
          FROM usual a
         WHERE a.ordinal = 1 AND a.generation = 0 AND to_timestamp(p_started_at[a.member] + p_session_ttl[a.member]) > v_now
           AND EXISTS (SELECT FROM finq.tenant_key k
                        WHERE k.client_id = a.client_id AND k.key_id = p_app_key_id[a.member] AND k.ends_at > v_now)
           AND EXISTS (SELECT FROM finq.tenant_skill g WHERE g.client_id = a.client_id AND g.skill_id = p_skill_id[a.member])
           AND (p_user_mac[a.member] IS NULL OR NOT finq.was_erased(a.client_id, p_user_mac[a.member], p_started_at[a.member]))
            ON CONFLICT DO NOTHING
        RETURNING s.session_id),
    gone_on AS (
        UPDATE finq.session s
           SET status = a.status, is_over = finq.session_is_over(a.status), updated_at = v_now,
               expires_at = CASE WHEN a.status = 'SESSION_FAILED' THEN v_now ELSE s.expires_at END,
               step_ordinal = a.ordinal, step_id = p_step_id[a.member],
               step_body_hash = p_body_hash[a.member], answer_expires_at = a.until, answer_secret_id = p_secret_id[a.member],
               step_place = p_place[a.member], next_place = p_next_place[a.member], waits_for = a.waits_for,
               waits_since = CASE WHEN a.waits_for IS NOT NULL THEN v_now END, resubmit = false, reply = p_reply[a.member],
               reply_reasons = p_reasons[a.member], reply_until = a.until, told = NULL, reasons = p_reasons[a.member], own_reasons = NULL,
               return_link = p_return_link[a.member], return_until = to_timestamp(p_return_until[a.member]), returned_at = NULL,
               returned_hash = NULL, returned = NULL
          FROM usual a
         WHERE s.session_id BETWEEN v_first AND v_last -- the weeks that are looked into
           AND s.session_id = a.session_id AND s.client_id = a.client_id AND s.step_ordinal = a.ordinal - 1
           AND s.status = 'SESSION_IN_PROGRESS' AND s.waits_for IS NULL AND s.generation = a.generation
           AND s.expires_at > v_now AND s.renews IS NULL AND NOT s.went_back AND NOT s.kept
           AND (p_required[a.member] = '{}' OR finq.missing_uploads(s.step_id, p_required[a.member]::text[]) IS NULL)
        RETURNING s.session_id),
    done AS MATERIALIZED (
        SELECT array_position(p_session_id, d.session_id) AS member, d.session_id
          FROM (SELECT b.session_id FROM begun b UNION ALL SELECT o.session_id FROM gone_on o) d),
    steps AS (
        INSERT INTO finq.step (step_id, session_id, ordinal, name, data, submitted_at, place, decided)
        SELECT p_step_id[d.member], d.session_id, p_ordinal[d.member], p_step_name[d.member], p_data[d.member], v_now, p_place[d.member],
               p_waits_for[d.member] IS NOT NULL
          FROM done d)
    SELECT 'ok', p_step_id[d.member], p_secret_id[d.member], finq.seconds(v_now) + p_answer_ttl[d.member], NULL::text,
           p_status[d.member]::finq.session_status, p_next_place[d.member], p_waits_for[d.member]::finq.waiting, p_reply[d.member],
           p_reasons[d.member], d.member
      FROM done d;
END $$;

-- finq.exchange_token of many. Left out: sessions that renew a consent, went back or are kept, and keys whose use is to be noted again.
CREATE OR REPLACE FUNCTION finq.exchange_tokens(
    p_client_id uuid[], p_secret_hash bytea[], p_session_id uuid[], p_token_expires_at bigint[], p_required text[],
    p_credentials_id uuid[], p_access_token_hash bytea[], p_salt bytea[], p_secret_id integer[], p_repeat_within integer[],
    OUT outcome text, OUT credentials_id uuid, OUT salt bytea, OUT secret_id integer, OUT consent_exp bigint,
    OUT max_data_retention bigint, OUT missing text, OUT tenant_user_id bytea, OUT data_key bytea, OUT member integer)
    RETURNS SETOF record
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET jit = off SET plan_cache_mode = force_generic_plan
    SET lock_timeout = '50ms' SET enable_seqscan = off SET enable_hashjoin = off SET enable_mergejoin = off
AS $$
#variable_conflict use_column
DECLARE
    v_now   timestamptz := clock_timestamp();
    v_ids   uuid[] := array_remove(p_session_id, NULL);
    v_first uuid := v_ids[1];
    v_last  uuid := v_ids[cardinality(v_ids)];
BEGIN
    RETURN QUERY
    WITH usual AS MATERIALIZED (
        SELECT u.member, k.key_id, coalesce(f.credentials_id, p_credentials_id[u.member]) AS consent_id
          FROM generate_subscripts(p_session_id, 1) AS u (member)
          JOIN finq.tenant t ON t.client_id = p_client_id[u.member] AND t.status = 'ACTIVE'
          JOIN finq.tenant_key k ON k.client_id = t.client_id AND k.kind = 'SECRET' AND k.hash = p_secret_hash[u.member]
                                AND k.ends_at > v_now AND k.last_used_at > v_now - interval '1 minute'
          LEFT JOIN finq.feed f ON f.session_id = p_session_id[u.member]
         WHERE array_position(p_session_id, p_session_id[u.member]) = u.member
           AND to_timestamp(p_token_expires_at[u.member]) > v_now),
    exchanged AS (
        UPDATE finq.session s
           SET exchanged_at = v_now, exchange_key_id = a.key_id, exchange_secret_id = p_secret_id[a.member],
               exchange_salt = p_salt[a.member], credentials_id = a.consent_id, updated_at = v_now
          FROM usual a
         WHERE s.session_id BETWEEN v_first AND v_last -- the weeks that are looked into
           AND s.session_id = p_session_id[a.member] AND s.client_id = p_client_id[a.member]
           AND s.status = 'SESSION_COMPLETED' AND s.exchanged_at IS NULL AND s.renews IS NULL AND NOT s.went_back AND NOT s.kept
           AND (p_required[a.member] = '{}' OR finq.missing_uploads(s.step_id, p_required[a.member]::text[]) IS NULL)
        RETURNING a.member, s.skill_id, s.credentials_id, s.tenant_user_id, s.user_mac, s.data_key),
    timed AS MATERIALIZED (
        SELECT e.*, t.consent_exp, t.max_data_retention
          FROM exchanged e CROSS JOIN LATERAL finq.consent_times(p_client_id[e.member], e.skill_id, v_now) t),
    given AS (
        INSERT INTO finq.credential (credentials_id, client_id, skill_id, session_id, tenant_user_id, user_mac, data_key,
                                     access_token_hash, consent_exp, max_data_retention, created_at, updated_at)
        SELECT e.credentials_id, p_client_id[e.member], e.skill_id, p_session_id[e.member], e.tenant_user_id, e.user_mac, e.data_key,
               p_access_token_hash[e.member], e.consent_exp, e.max_data_retention, v_now, v_now
          FROM timed e)
    SELECT 'ok', e.credentials_id, p_salt[e.member], p_secret_id[e.member], finq.seconds(e.consent_exp),
           finq.seconds(e.max_data_retention), NULL::text, e.tenant_user_id, e.data_key, e.member
      FROM timed e;
END $$;

-- finq.session_status of many, which locks nothing. Left out: sessions that change when they are asked for.
CREATE OR REPLACE FUNCTION finq.session_statuses(
    p_client_id uuid[], p_session_id uuid[], p_ordinal integer[], p_generation integer[], p_nonce_expires_at bigint[],
    p_nonce_ttl integer[], p_temp_token_ttl integer[], p_secret_id integer[], p_started_at bigint[], p_user_mac bytea[],
    OUT outcome text, OUT held boolean, OUT status finq.session_status, OUT step_id uuid, OUT expires_at bigint, OUT secret_id integer,
    OUT ordinal integer, OUT place integer, OUT previous integer, OUT generation integer, OUT waits boolean, OUT told bytea,
    OUT reasons bytea, OUT own_reasons text, OUT skill_id integer, OUT step_place integer, OUT uploaded text, OUT tenant_user_id bytea,
    OUT data_key bytea, OUT updated_at bigint, OUT member integer)
    RETURNS SETOF record
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET jit = off SET plan_cache_mode = force_generic_plan
    SET lock_timeout = '50ms' SET enable_seqscan = off SET enable_hashjoin = off SET enable_mergejoin = off
AS $$
#variable_conflict use_column
DECLARE
    v_now   timestamptz := clock_timestamp();
    v_first uuid := p_session_id[1];
    v_last  uuid := p_session_id[cardinality(p_session_id)];
BEGIN
    IF current_setting('transaction_read_only')::boolean THEN -- it may be behind, which the call itself finds out
        RETURN;
    END IF;
    RETURN QUERY
    WITH usual AS MATERIALIZED (
        SELECT u.member, p_session_id[u.member] AS session_id, p_client_id[u.member] AS client_id, p_ordinal[u.member] AS ordinal,
               p_generation[u.member] AS generation, to_timestamp(p_nonce_expires_at[u.member]) AS until
          FROM generate_subscripts(p_session_id, 1) AS u (member)
         WHERE EXISTS (SELECT FROM finq.tenant t WHERE t.client_id = p_client_id[u.member] AND t.status = 'ACTIVE'))
    SELECT d.outcome, a.ordinal > (f.session).step_ordinal OR d.waits OR (f.session).exchanged_at IS NOT NULL, d.status, d.step_id, d.expires_at,
           d.secret_id, d.ordinal, d.place, d.previous, d.generation, d.waits, d.told, d.reasons, d.own_reasons, d.skill_id, d.step_place,
           d.uploaded, d.tenant_user_id, d.data_key, d.updated_at, a.member
      FROM usual a
     CROSS JOIN LATERAL (
           SELECT s AS session FROM finq.session s
            WHERE s.session_id = a.session_id AND s.session_id BETWEEN v_first AND v_last -- the weeks that are looked into
              AND s.client_id = a.client_id AND NOT finq.session_is_due(s) AND NOT finq.session_is_erased(s)
              AND s.generation = a.generation AND s.step_ordinal <= a.ordinal
              AND (a.until > v_now OR s.waits_since IS NOT NULL AND s.step_ordinal = a.ordinal)
           OFFSET 0) f -- apart: else all that lies between the bounds may be read
     CROSS JOIN LATERAL (SELECT (finq.session_told(f.session)).*) d;
END $$;

-- Who asks about a consent as its tenant and with its token, by finq.consent_claim of many, in any order. Left out: keys whose use is to be
-- noted again, and consents with tokens from before a renewal, of which one may be given up.
CREATE OR REPLACE FUNCTION finq.consents_claimed(
    p_client_id uuid[], p_secret_hash bytea[], p_credentials_id uuid[], p_access_token_hash bytea[], p_user_macs text[],
    p_now timestamptz)
    RETURNS TABLE (member integer, tenant text, consent finq.credential)
    LANGUAGE sql STABLE
AS $$
    SELECT u.member, t.name, c
      FROM generate_subscripts(p_credentials_id, 1) AS u (member)
      JOIN finq.tenant t ON t.client_id = p_client_id[u.member] AND t.status = 'ACTIVE'
      JOIN finq.tenant_key k ON k.client_id = t.client_id AND k.kind = 'SECRET' AND k.hash = p_secret_hash[u.member]
                            AND k.ends_at > p_now AND k.last_used_at > p_now - interval '1 minute'
      JOIN finq.credential c ON c.credentials_id = p_credentials_id[u.member] AND c.client_id = t.client_id
                            AND finq.consent_is_known(c) AND finq.same_hash(c.access_token_hash, p_access_token_hash[u.member])
                            AND c.older_token_hashes = '{}' AND (c.user_mac <> ALL (p_user_macs[u.member]::bytea[])) IS NOT TRUE
$$;

-- finq.consent_get of many.
CREATE OR REPLACE FUNCTION finq.consents_get(
    p_client_id uuid[], p_secret_hash bytea[], p_credentials_id uuid[], p_access_token_hash bytea[], p_user_macs text[],
    OUT outcome text, OUT credentials_id uuid, OUT status finq.credential_status, OUT consent_exp bigint, OUT max_data_retention bigint,
    OUT created_at bigint, OUT updated_at bigint, OUT country text, OUT servicer text, OUT skill text, OUT tenant text,
    OUT tenant_user_id bytea, OUT left_ms bigint, OUT data_key bytea, OUT access text, OUT member integer)
    RETURNS SETOF record
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET jit = off SET plan_cache_mode = force_generic_plan
    SET lock_timeout = '50ms' SET enable_seqscan = off SET enable_hashjoin = off SET enable_mergejoin = off
AS $$
#variable_conflict use_column
DECLARE
    v_now timestamptz := clock_timestamp(); -- a function of SQL is not inlined where an argument is volatile
BEGIN
    RETURN QUERY
    SELECT (finq.consent_row(d.consent, r.country, r.name, s.name, d.tenant, finq.consent_access(d.consent, f))).*, d.member
      FROM finq.consents_claimed(p_client_id, p_secret_hash, p_credentials_id, p_access_token_hash, p_user_macs, v_now) d
      JOIN finq.skill s ON s.skill_id = (d.consent).skill_id
      JOIN finq.servicer r ON r.servicer_id = s.servicer_id
      LEFT JOIN finq.feed f ON f.credentials_id = (d.consent).credentials_id;
END $$;

-- Of those who ask for account data the ones that are told some: whose consent is in force and of accounts, and where its data are.
CREATE OR REPLACE FUNCTION finq.feeds_claimed(
    p_client_id uuid[], p_secret_hash bytea[], p_credentials_id uuid[], p_access_token_hash bytea[], p_now timestamptz)
    RETURNS TABLE (member integer, data_key bytea, servicer_id uuid, credentials_id uuid, refreshed_at timestamptz, is_due boolean)
    LANGUAGE sql STABLE
AS $$
    SELECT d.member, (d.consent).data_key, s.servicer_id, f.credentials_id, f.refreshed_at,
           f.credentials_id IS NOT NULL AND f.refreshed_at IS NULL
      FROM finq.consents_claimed(p_client_id, p_secret_hash, p_credentials_id, p_access_token_hash, NULL, p_now) d
      JOIN finq.skill s ON s.skill_id = (d.consent).skill_id AND s.type = 'account_information'
      LEFT JOIN finq.feed f ON f.credentials_id = (d.consent).credentials_id
     WHERE finq.consent_status(d.consent) = 'ACTIVE'
$$;

-- finq.accounts_get of many. A member has as many rows as it has there, in their order.
CREATE OR REPLACE FUNCTION finq.accounts_get_each(
    p_client_id uuid[], p_secret_hash bytea[], p_credentials_id uuid[], p_access_token_hash bytea[],
    OUT outcome text, OUT data_key bytea, OUT is_due boolean, OUT account_id uuid, OUT mac bytea, OUT servicer_id uuid,
    OUT servicer_name text, OUT read_at text, OUT currency text, OUT account_type text, OUT account_sub_type text, OUT details bytea,
    OUT balances text, OUT member integer)
    RETURNS SETOF record
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET jit = off SET plan_cache_mode = force_generic_plan
    SET lock_timeout = '50ms' SET enable_seqscan = off SET enable_hashjoin = off SET enable_mergejoin = off
AS $$
#variable_conflict use_column
DECLARE
    v_now timestamptz := clock_timestamp(); -- a function of SQL is not inlined where an argument is volatile
BEGIN
    RETURN QUERY
    WITH usual AS MATERIALIZED (
        SELECT d.*, r.name
          FROM finq.feeds_claimed(p_client_id, p_secret_hash, p_credentials_id, p_access_token_hash, v_now) d
          JOIN finq.servicer r ON r.servicer_id = d.servicer_id),
    told AS (
        SELECT 'ok' AS outcome, u.data_key, u.is_due, NULL::uuid AS account_id,
               NULL::bytea AS mac, NULL::uuid AS servicer_id, NULL AS servicer_name, NULL AS read_at, NULL AS currency, NULL AS account_type,
               NULL AS account_sub_type, NULL::bytea AS details, NULL AS balances, u.member
          FROM usual u
        UNION ALL
        SELECT NULL, NULL, NULL, a.account_id, a.mac, u.servicer_id, u.name, finq.utc(u.refreshed_at), a.currency, a.account_type,
               a.account_sub_type, a.details, finq.account_balances(a.credentials_id, a.account_id)::text, u.member
          FROM usual u JOIN finq.account a ON a.credentials_id = u.credentials_id)
    SELECT t.* FROM told t ORDER BY t.member, t.outcome, t.account_sub_type, t.currency, t.account_id; -- 'ok' before NULL
END $$;

-- finq.balances_get of many.
CREATE OR REPLACE FUNCTION finq.balances_get_each(
    p_client_id uuid[], p_secret_hash bytea[], p_credentials_id uuid[], p_access_token_hash bytea[],
    p_account_id uuid[], p_type text[], p_currency text[], OUT outcome text, OUT is_due boolean, OUT balance text, OUT member integer)
    RETURNS SETOF record
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET jit = off SET plan_cache_mode = force_generic_plan
    SET lock_timeout = '50ms' SET enable_seqscan = off SET enable_hashjoin = off SET enable_mergejoin = off
AS $$
#variable_conflict use_column
DECLARE
    v_now timestamptz := clock_timestamp(); -- a function of SQL is not inlined where an argument is volatile
BEGIN
    RETURN QUERY
    WITH usual AS MATERIALIZED (
        SELECT d.* FROM finq.feeds_claimed(p_client_id, p_secret_hash, p_credentials_id, p_access_token_hash, v_now) d),
    told AS (
        SELECT 'ok' AS outcome, u.is_due, NULL AS balance, u.member,
               NULL::uuid AS account_id, NULL AS type, NULL AS currency
          FROM usual u
        UNION ALL
        SELECT NULL, NULL, finq.balance_told(b, u.refreshed_at), u.member, b.account_id, b.type, b.currency
          FROM usual u JOIN finq.balance b ON b.credentials_id = u.credentials_id
         WHERE b.account_id = coalesce(p_account_id[u.member], b.account_id) AND b.type = coalesce(p_type[u.member], b.type)
           AND b.currency = coalesce(p_currency[u.member], b.currency))
    SELECT t.outcome, t.is_due, t.balance, t.member FROM told t ORDER BY t.member, t.outcome, t.account_id, t.type, t.currency;
END $$;

-- finq.page_look of many, which locks nothing. Left out: pages that have a session.
CREATE OR REPLACE FUNCTION finq.page_looks(
    p_client_id uuid[], p_page_id uuid[], p_generation integer[],
    OUT outcome text, OUT skill_id integer, OUT key_id bigint, OUT tenant_user_id bytea, OUT language text, OUT prefill bytea, OUT return_link bytea,
    OUT data_key bytea, OUT expires_at bigint, OUT session_id uuid, OUT tenant text, OUT colours text, OUT logo text,
    OUT status finq.session_status, OUT updated_at bigint, OUT session_key bytea, OUT member integer)
    RETURNS SETOF record
    LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET jit = off SET plan_cache_mode = force_generic_plan
    SET lock_timeout = '50ms' SET enable_seqscan = off SET enable_hashjoin = off SET enable_mergejoin = off
AS $$
#variable_conflict use_column
BEGIN
    RETURN QUERY
    SELECT 'ok', p.skill_id, p.key_id, p.tenant_user_id, p.language, p.prefill, p.return_link, p.data_key, finq.seconds(p.expires_at),
           p.session_id, coalesce(b.name, t.name), b.colour || '-' || b.dark_colour, b.logo_id, NULL::finq.session_status, NULL::bigint, p.session_key, u.member
      FROM generate_subscripts(p_page_id, 1) AS u (member)
      JOIN finq.page p ON p.page_id = p_page_id[u.member] AND p.client_id = p_client_id[u.member] AND p.generation = p_generation[u.member]
                      AND p.expires_at > clock_timestamp() AND p.session_id IS NULL
      JOIN finq.tenant t ON t.client_id = p.client_id AND t.status = 'ACTIVE'
      LEFT JOIN finq.brand b ON b.client_id = t.client_id;
END $$;
