-- Account data as they are stored: what a tenant's server is told of them (contract section 11). Each call looks at the consent anew.

-- The consent that is asked about, if its skill is of the type that opens what is asked for: the outcome, and the consent where that is 'ok'.
CREATE OR REPLACE FUNCTION finq.data_claim(
    p_client_id uuid, p_secret_hash bytea, p_credentials_id uuid, p_access_token_hash bytea, p_type text,
    OUT outcome text, OUT consent finq.credential)
    LANGUAGE plpgsql
AS $$
DECLARE
    v_claim record := finq.consent_claim(p_client_id, p_secret_hash, p_credentials_id, p_access_token_hash, NULL);
BEGIN
    consent := v_claim.consent;
    outcome := CASE
        WHEN v_claim.outcome <> 'ok' THEN v_claim.outcome
        WHEN finq.consent_status(consent) <> 'ACTIVE' THEN 'inactive_credentials'
        WHEN NOT EXISTS (SELECT FROM finq.skill k WHERE k.skill_id = consent.skill_id AND k.type = p_type)
            THEN 'unauthorized_tenant'
        ELSE 'ok' END;
END $$;

-- How often a consent's bank was asked in 24 hours without a person who waited, of how often it may be, and what became of it last.
-- As those below that read rows it is in PL/pgSQL, which keeps its plan.
CREATE OR REPLACE FUNCTION finq.feed_access(p_feed finq.feed) RETURNS json
    LANGUAGE plpgsql STABLE
AS $$
BEGIN
    RETURN (SELECT json_build_object(
                'used', count(r.at), 'of', p_feed.frequency, 'resets_at', finq.utc(min(r.at) + interval '24 hours'),
                'last', finq.utc(p_feed.refreshed_at),
                'next_allowed', finq.utc(CASE WHEN p_feed.frequency > 0 THEN greatest(clock_timestamp(), finq.feed_allowed_at(p_feed)) END),
                'error', CASE WHEN p_feed.error IS NOT NULL THEN json_build_object('code', p_feed.error, 'at', finq.utc(p_feed.error_at)) END)
              FROM unnest(p_feed.refreshes) AS r (at)
             WHERE p_feed.credentials_id IS NOT NULL AND r.at > clock_timestamp() - interval '24 hours');
END $$;

-- The same of a consent, as it is told beside what the consent is; NULL where it has no bank, or is not in force.
CREATE OR REPLACE FUNCTION finq.consent_access(p_consent finq.credential, p_feed finq.feed) RETURNS text
    LANGUAGE sql VOLATILE
    RETURN CASE WHEN (p_feed).credentials_id IS NOT NULL AND finq.consent_status(p_consent) = 'ACTIVE' THEN finq.feed_access(p_feed)::text END;

-- Whether a consent's bank has never been asked with success.
CREATE OR REPLACE FUNCTION finq.feed_is_due(p_credentials_id uuid) RETURNS boolean
    LANGUAGE plpgsql STABLE
AS $$
BEGIN
    RETURN EXISTS (SELECT FROM finq.feed f WHERE f.credentials_id = p_credentials_id AND f.refreshed_at IS NULL);
END $$;

-- An account's balances, as they are told beside it.
CREATE OR REPLACE FUNCTION finq.account_balances(p_credentials_id uuid, p_account_id uuid) RETURNS json
    LANGUAGE plpgsql STABLE
AS $$
BEGIN
    RETURN (SELECT coalesce(json_agg(json_build_object(
                       'balance_amount', b.amount::text, 'balance_currency', b.currency, 'balance_type', b.type,
                       'credit_limit_included', b.credit_limit_included,
                       'credit_debit_indicator', CASE WHEN b.is_credit THEN 'credit' ELSE 'debit' END) ORDER BY b.type, b.currency), '[]')
              FROM finq.balance b
             WHERE b.credentials_id = p_credentials_id AND b.account_id = p_account_id);
END $$;

-- A balance as it is told by itself.
CREATE OR REPLACE FUNCTION finq.balance_told(p_balance finq.balance, p_refreshed_at timestamptz) RETURNS text
    LANGUAGE sql STABLE
    RETURN json_build_object(
        'account_id', (p_balance).account_id, 'id', (p_balance).balance_id,
        'timestamp', to_char(p_refreshed_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US'),
        'data', json_build_object(
            'amount', (p_balance).amount::text, 'credit_debit_indicator', CASE WHEN (p_balance).is_credit THEN 'credit' ELSE 'debit' END,
            'credit_limit_included', (p_balance).credit_limit_included, 'credit_line', (p_balance).credit_line::text,
            'currency', (p_balance).currency, 'native_date', (p_balance).native_date,
            'native_timestamp', finq.utc((p_balance).native_timestamp), 'type', (p_balance).type))::text;

-- An amount that a filter names: a text is exact, a number is rounded to what the currency is counted in (ISO 4217).
CREATE OR REPLACE FUNCTION finq.amount_meant(p_value jsonb, p_currency text) RETURNS numeric
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    RETURN CASE jsonb_typeof(p_value)
        WHEN 'number' THEN round((p_value)::numeric, CASE
            WHEN p_currency IN ('BIF', 'CLP', 'DJF', 'GNF', 'ISK', 'JPY', 'KMF', 'KRW', 'PYG', 'RWF', 'UGX', 'UYI', 'VND', 'VUV', 'XAF',
                                'XOF', 'XPF') THEN 0
            WHEN p_currency IN ('BHD', 'IQD', 'JOD', 'KWD', 'LYD', 'OMR', 'TND') THEN 3
            WHEN p_currency IN ('CLF', 'UYW') THEN 4
            ELSE 2 END)
        ELSE (p_value #>> '{}')::numeric END;

-- Whether a transaction is what a filter asks for: all of its members, which the server has checked, must fit.
CREATE OR REPLACE FUNCTION finq.transaction_fits(p_transaction finq.transaction, p_filter jsonb) RETURNS boolean
    LANGUAGE sql STABLE PARALLEL SAFE
    RETURN (SELECT coalesce(bool_and(coalesce(CASE f.key
                WHEN 'account_id' THEN (p_transaction).account_id = (f.value #>> '{}')::uuid
                WHEN 'currency' THEN (p_transaction).currency = f.value #>> '{}'
                WHEN 'status' THEN (p_transaction).is_booked = (f.value #>> '{}' = 'booked')
                WHEN 'credit_debit_indicator' THEN (p_transaction).is_credit = (f.value #>> '{}' = 'credit')
                WHEN 'category' THEN (p_transaction).category = f.value #>> '{}'
                WHEN 'eq' THEN (p_transaction).amount = finq.amount_meant(f.value, (p_transaction).currency)
                WHEN 'gt' THEN (p_transaction).amount > finq.amount_meant(f.value, (p_transaction).currency)
                WHEN 'gte' THEN (p_transaction).amount >= finq.amount_meant(f.value, (p_transaction).currency)
                WHEN 'lt' THEN (p_transaction).amount < finq.amount_meant(f.value, (p_transaction).currency)
                WHEN 'lte' THEN (p_transaction).amount <= finq.amount_meant(f.value, (p_transaction).currency)
                WHEN 'booking_date_eq' THEN (p_transaction).booked_at = (f.value #>> '{}')::timestamptz
                WHEN 'booking_date_gt' THEN (p_transaction).booked_at > (f.value #>> '{}')::timestamptz
                WHEN 'booking_date_gte' THEN (p_transaction).booked_at >= (f.value #>> '{}')::timestamptz
                WHEN 'booking_date_lt' THEN (p_transaction).booked_at < (f.value #>> '{}')::timestamptz
                WHEN 'booking_date_lte' THEN (p_transaction).booked_at <= (f.value #>> '{}')::timestamptz
                WHEN 'timestamp_eq' THEN (p_transaction).stored_at = (f.value #>> '{}')::timestamptz
                WHEN 'timestamp_gt' THEN (p_transaction).stored_at > (f.value #>> '{}')::timestamptz
                WHEN 'timestamp_gte' THEN (p_transaction).stored_at >= (f.value #>> '{}')::timestamptz
                WHEN 'timestamp_lt' THEN (p_transaction).stored_at < (f.value #>> '{}')::timestamptz
                WHEN 'timestamp_lte' THEN (p_transaction).stored_at <= (f.value #>> '{}')::timestamptz
                END, false)), true) FROM jsonb_each(p_filter) f);

-- ---------------------------------------------------------------------------------------------------------------------
-- For the server: one call a request, or a page
-- ---------------------------------------------------------------------------------------------------------------------

CREATE OR REPLACE FUNCTION finq.accounts_get(
    p_client_id uuid, p_secret_hash bytea, p_credentials_id uuid, p_access_token_hash bytea)
    RETURNS SETOF finq.account_answer
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET jit = off
AS $$
DECLARE
    v_claim  record := finq.data_claim(p_client_id, p_secret_hash, p_credentials_id, p_access_token_hash, 'account_information');
    v_answer finq.account_answer;
BEGIN
    v_answer.outcome := v_claim.outcome;
    IF v_claim.outcome = 'ok' THEN
        v_answer.data_key := (v_claim.consent).data_key;
        v_answer.is_due := finq.feed_is_due(p_credentials_id);
    END IF;
    RETURN NEXT v_answer;
    IF v_claim.outcome = 'ok' THEN
        RETURN QUERY
            SELECT NULL, NULL::bytea, NULL::boolean, a.account_id, a.mac, r.servicer_id, r.name, finq.utc(f.refreshed_at), a.currency, a.account_type,
                   a.account_sub_type, a.details,
                   finq.account_balances(a.credentials_id, a.account_id)::text
              FROM finq.account a
              JOIN finq.feed f ON f.credentials_id = a.credentials_id
              JOIN finq.skill k ON k.skill_id = (v_claim.consent).skill_id
              JOIN finq.servicer r ON r.servicer_id = k.servicer_id
             WHERE a.credentials_id = p_credentials_id
             ORDER BY a.account_sub_type, a.currency, a.account_id;
    END IF;
END $$;
COMMENT ON FUNCTION finq.accounts_get IS 'repeatable, crowd: accounts_get_each';

-- A balance is an object of JSON: nothing of it is sealed. What p_account_id and the others are NULL for is not looked at.
CREATE OR REPLACE FUNCTION finq.balances_get(
    p_client_id uuid, p_secret_hash bytea, p_credentials_id uuid, p_access_token_hash bytea,
    p_account_id uuid, p_type text, p_currency text)
    RETURNS SETOF finq.balance_answer
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET jit = off
AS $$
DECLARE
    v_claim  record := finq.data_claim(p_client_id, p_secret_hash, p_credentials_id, p_access_token_hash, 'account_information');
    v_answer finq.balance_answer;
BEGIN
    v_answer.outcome := v_claim.outcome;
    v_answer.is_due := v_claim.outcome = 'ok' AND finq.feed_is_due(p_credentials_id);
    RETURN NEXT v_answer;
    IF v_claim.outcome = 'ok' THEN
        RETURN QUERY
            SELECT NULL, NULL::boolean, finq.balance_told(b, f.refreshed_at)
              FROM finq.balance b
              JOIN finq.feed f ON f.credentials_id = b.credentials_id
             WHERE b.credentials_id = p_credentials_id AND b.account_id = coalesce(p_account_id, b.account_id)
               AND b.type = coalesce(p_type, b.type) AND b.currency = coalesce(p_currency, b.currency)
             ORDER BY b.account_id, b.type, b.currency;
    END IF;
END $$;
COMMENT ON FUNCTION finq.balances_get IS 'repeatable, crowd: balances_get_each';

-- Behind what was read of a feed as it was at change p_at: none of it was pruned by a refresh meanwhile, or removed with its consent's data.
CREATE OR REPLACE FUNCTION finq.feed_check_kept(p_feed finq.feed, p_at bigint) RETURNS void
    LANGUAGE plpgsql
AS $$
BEGIN
    IF p_feed.credentials_id IS NOT NULL
       AND NOT EXISTS (SELECT FROM finq.feed f WHERE f.credentials_id = p_feed.credentials_id AND f.kept_from <= p_at) THEN
        RAISE EXCEPTION 'what was read has been pruned meanwhile' USING ERRCODE = 'serialization_failure'; -- and it is read again
    END IF;
END $$;

-- A page of p_count transactions as they were at change number p_at, or as they are where that is 0, behind the one that
-- p_after_booked (seconds since 1970, as times are told too; 0 of one that was not booked) and p_after_id tell; from the first where the
-- id is NULL. 'invalid_field' where p_at is older than what is kept, or from a time that a restored database has not seen: what else there is
-- would not go with the pages before.
-- In the index's order, whatever the planner thinks of how many there are: a sort would read all of them for each page.
CREATE OR REPLACE FUNCTION finq.transactions_page(
    p_client_id uuid, p_secret_hash bytea, p_credentials_id uuid, p_access_token_hash bytea,
    p_filter text, p_at bigint, p_after_booked bigint, p_after_id uuid, p_count integer)
    RETURNS SETOF finq.transaction_answer
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET jit = off SET enable_sort = off
AS $$
DECLARE
    v_claim  record := finq.data_claim(p_client_id, p_secret_hash, p_credentials_id, p_access_token_hash, 'account_information');
    v_filter jsonb := nullif(p_filter::jsonb, '{}');
    v_after  timestamptz := CASE WHEN p_after_booked > 0 THEN to_timestamp(p_after_booked) ELSE 'infinity' END;
    v_feed   finq.feed;
    v_answer finq.transaction_answer;
BEGIN
    v_answer.outcome := v_claim.outcome;
    IF v_claim.outcome = 'ok' THEN
        SELECT f.* INTO v_feed FROM finq.feed f WHERE f.credentials_id = p_credentials_id;
        v_answer.data_key := (v_claim.consent).data_key;
        v_answer.is_due := v_feed.credentials_id IS NOT NULL AND v_feed.refreshed_at IS NULL;
        v_answer.at := CASE WHEN p_at > 0 THEN p_at ELSE coalesce(v_feed.seq, 0) END;
        IF p_at > 0 AND (p_at BETWEEN v_feed.kept_from AND v_feed.seq) IS NOT TRUE THEN
            v_answer.outcome := 'invalid_field';
        END IF;
    END IF;
    RETURN NEXT v_answer;
    IF v_answer.outcome = 'ok' THEN
        RETURN QUERY
            SELECT NULL, NULL::bytea, NULL::boolean, NULL::bigint, NULL::boolean, NULL, NULL, NULL::bigint, NULL, NULL, NULL::uuid, t.transaction_id, t.account_id, t.mac, t.ordinal,
                   t.is_derived, t.is_booked, finq.seconds(t.booked_at), t.amount::text, t.is_credit, t.currency, t.balance::text, t.info,
                   finq.seconds(t.stored_at)
              FROM finq.transaction t
             WHERE t.credentials_id = p_credentials_id AND t.seq <= v_answer.at
               AND (t.superseded_by IS NULL OR t.superseded_by > v_answer.at)
               AND coalesce(t.booked_at, 'infinity') <= v_after
               AND (p_after_id IS NULL OR t.transaction_id > p_after_id OR coalesce(t.booked_at, 'infinity') < v_after)
               AND (v_filter IS NULL OR finq.transaction_fits(t, v_filter))
             ORDER BY coalesce(t.booked_at, 'infinity') DESC, t.transaction_id, t.seq
             LIMIT p_count;
        PERFORM finq.feed_check_kept(v_feed, v_answer.at);
    END IF;
END $$;
COMMENT ON FUNCTION finq.transactions_page IS 'repeatable';

-- The end of a round of changes that begins at p_from. It stands in the feed until another round begins, so that the first page of a
-- round that is asked for again is the same. Who begins with nothing, or anew, is told all that there is now, and of no round before.
CREATE OR REPLACE FUNCTION finq.round_begin(p_credentials_id uuid, p_from bigint) RETURNS bigint
    LANGUAGE plpgsql
AS $$
DECLARE
    v_feed finq.feed;
BEGIN
    SELECT f.* INTO v_feed FROM finq.feed f WHERE f.credentials_id = p_credentials_id;
    IF p_from > 0 AND v_feed.round_from = p_from AND v_feed.round_upto BETWEEN v_feed.kept_from AND v_feed.seq THEN
        RETURN v_feed.round_upto;
    ELSIF p_from > 0 AND v_feed.seq > p_from THEN
        UPDATE finq.feed f SET round_from = p_from, round_upto = f.seq WHERE f.credentials_id = p_credentials_id
        RETURNING f.seq INTO v_feed.seq;
    END IF;
    RETURN coalesce(v_feed.seq, 0);
END $$;

-- A page of what has changed in a consent's transactions from change p_from on, which the client has, to the end of its round, p_upto:
-- 0 on the round's first page. p_after is the number of the last change that was told. The first row tells the outcome and the
-- round's end, as `at`. An id comes once a round, with the number of the change by which it came to be as it is at the end. Where p_from
-- is older than what is kept, or from a time that a restored database has not seen, `is_reset`, and all that there is is told, in a
-- round of its own, in which p_from is -1.
CREATE OR REPLACE FUNCTION finq.transactions_sync(
    p_client_id uuid, p_secret_hash bytea, p_credentials_id uuid, p_access_token_hash bytea,
    p_from bigint, p_after bigint, p_upto bigint, p_count integer)
    RETURNS SETOF finq.transaction_answer
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET jit = off SET enable_sort = off
AS $$
DECLARE
    v_claim  record := finq.data_claim(p_client_id, p_secret_hash, p_credentials_id, p_access_token_hash, 'account_information');
    v_feed   finq.feed;
    v_answer finq.transaction_answer;
    v_begins boolean; -- a round that is a reset
BEGIN
    v_answer.outcome := v_claim.outcome;
    IF v_claim.outcome = 'ok' THEN
        v_answer.at := CASE WHEN p_upto > 0 THEN p_upto ELSE finq.round_begin(p_credentials_id, p_from) END;
        -- behind a refresh that this may have waited for, and that may have pruned
        SELECT f.* INTO v_feed FROM finq.feed f WHERE f.credentials_id = p_credentials_id;
        v_answer.data_key := (v_claim.consent).data_key;
        v_answer.is_due := v_feed.credentials_id IS NOT NULL AND v_feed.refreshed_at IS NULL;
        v_begins := (p_from > 0 AND p_from NOT BETWEEN v_feed.kept_from AND v_feed.seq
                     OR p_upto > 0 AND p_upto NOT BETWEEN v_feed.kept_from AND v_feed.seq) IS TRUE;
        v_answer.is_reset := v_begins OR p_from < 0;
        p_from := CASE WHEN v_answer.is_reset THEN 0 ELSE p_from END;
        IF v_begins THEN
            v_answer.at := v_feed.seq;
            p_after := 0;
        END IF;
        v_answer.as_of := finq.utc(v_feed.refreshed_at);
        v_answer.access := finq.feed_access(v_feed)::text;
    END IF;
    RETURN NEXT v_answer;
    IF v_claim.outcome = 'ok' THEN
        RETURN QUERY
            SELECT NULL, NULL::bytea, NULL::boolean, NULL::bigint, NULL::boolean, NULL, NULL, c.number, c.change, c.reason, c.replaced_by,
                   c.transaction_id, c.account_id, c.mac, c.ordinal, c.is_derived, c.is_booked, finq.seconds(c.booked_at),
                   c.amount::text, c.is_credit, c.currency, c.balance::text, c.info, finq.seconds(c.stored_at)
              FROM (
                (SELECT t.seq AS number, NULL AS reason, NULL::uuid AS replaced_by, t.transaction_id, t.account_id, t.mac, t.ordinal,
                        t.is_derived, t.is_booked, t.booked_at, t.amount, t.is_credit, t.currency, t.balance, t.info, t.stored_at,
                        coalesce((SELECT 'modified' FROM finq.transaction b
                                   WHERE p_from > 0 AND b.credentials_id = t.credentials_id AND b.transaction_id = t.transaction_id
                                     AND b.seq <= p_from AND (b.superseded_by IS NULL OR b.superseded_by > p_from) LIMIT 1), 'added') AS change
                   FROM finq.transaction t
                  WHERE t.credentials_id = p_credentials_id AND t.seq > p_after AND t.seq > p_from AND t.seq <= v_answer.at
                    AND (t.superseded_by IS NULL OR t.superseded_by > v_answer.at)
                  ORDER BY t.seq LIMIT p_count)
                UNION ALL
                (SELECT t.superseded_by, t.removed_for, t.replaced_by, t.transaction_id, t.account_id, t.mac, t.ordinal, t.is_derived,
                        t.is_booked, t.booked_at, t.amount, t.is_credit, t.currency, t.balance, t.info, t.stored_at, 'removed'
                   FROM finq.transaction t
                  WHERE t.credentials_id = p_credentials_id AND t.superseded_by > p_after AND t.superseded_by > p_from
                    AND t.superseded_by <= v_answer.at AND t.removed_for IS NOT NULL
                    AND EXISTS (SELECT FROM finq.transaction b
                                 WHERE b.credentials_id = t.credentials_id AND b.transaction_id = t.transaction_id AND b.seq <= p_from
                                   AND (b.superseded_by IS NULL OR b.superseded_by > p_from))
                    AND NOT EXISTS (SELECT FROM finq.transaction n
                                     WHERE n.credentials_id = t.credentials_id AND n.transaction_id = t.transaction_id
                                       AND n.seq > t.superseded_by AND n.seq <= v_answer.at)
                  ORDER BY t.superseded_by LIMIT p_count)) c
             ORDER BY c.number LIMIT p_count;
        PERFORM finq.feed_check_kept(v_feed, CASE WHEN p_from > 0 THEN p_from ELSE v_answer.at END);
    END IF;
END $$;
COMMENT ON FUNCTION finq.transactions_sync IS 'repeatable';
