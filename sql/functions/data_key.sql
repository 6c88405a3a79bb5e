-- Data keys: which keys of FinqDataKey wrap the stored ones, and wrapping them anew. The keys themselves are known to finqctl alone. A
-- wrapped key is a version, the 4 bytes of the wrapping key's id, whose it is, and what is encrypted.

CREATE OR REPLACE FUNCTION finq.wrapping_key(p_data_key bytea) RETURNS text
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    RETURN encode(substr(p_data_key, 2, 4), 'hex');

-- How many rows each key wraps: those of the operator's file (p_keys, the one that wraps first), then others. A consent without a data key
-- counts where its person is found by an HMAC of that key all the same.
CREATE OR REPLACE FUNCTION finq.data_key_list(p_keys text[]) RETURNS json
    LANGUAGE sql STABLE
    RETURN (SELECT coalesce(json_agg(json_build_object('key', k.key, 'place', k.place, 'sessions', k.sessions, 'consents', k.consents, 'tenants', k.tenants, 'pages', k.pages,
                                                       'payments', k.payments, 'references', k.references_) ORDER BY k.place, k.key), '[]')
              FROM (SELECT w.key, array_position(p_keys, w.key) AS place, sum(w.sessions) AS sessions, sum(w.consents) AS consents,
                           sum(w.tenants) AS tenants, sum(w.pages) AS pages, sum(w.payments) AS payments,
                           sum(w.references_) AS references_
                      FROM (SELECT finq.wrapping_key(s.data_key) AS key, count(*) AS sessions, 0 AS consents, 0 AS tenants, 0 AS pages,
                                   0 AS payments, 0 AS references_
                              FROM finq.session s WHERE s.data_key IS NOT NULL GROUP BY 1
                            UNION ALL
                            SELECT coalesce(finq.wrapping_key(c.data_key), c.user_mac_key), 0, count(*), 0, 0, 0, 0
                              FROM finq.credential c WHERE coalesce(c.data_key, c.user_mac) IS NOT NULL GROUP BY 1
                            UNION ALL
                            SELECT finq.wrapping_key(a.data_key), 0, 0, count(*), 0, 0, 0 FROM finq.account_key a GROUP BY 1
                            UNION ALL
                            SELECT finq.wrapping_key(p.data_key), 0, 0, 0, count(*), 0, 0 FROM finq.page p WHERE p.data_key IS NOT NULL GROUP BY 1
                            UNION ALL
                            SELECT finq.wrapping_key(p.session_key), 0, 0, 0, count(*), 0, 0 FROM finq.page p WHERE p.session_key IS NOT NULL GROUP BY 1
                            UNION ALL
                            SELECT finq.wrapping_key(p.data_key), 0, 0, 0, 0, count(*), 0 FROM finq.payment p WHERE p.data_key IS NOT NULL GROUP BY 1
                            UNION ALL
                            SELECT finq.wrapping_key(r.reference_key), 0, 0, 0, 0, 0, count(*) FROM (SELECT f.reference_key FROM finq.feed f WHERE f.reference_key IS NOT NULL
                                    UNION ALL SELECT o.reference_key FROM finq.revocation o) r GROUP BY 1
                            UNION ALL
                            SELECT f.key, 0, 0, 0, 0, 0, 0 FROM unnest(p_keys) AS f (key)) w
                     GROUP BY w.key) k);

-- Of the thousand rows of a table behind p_after, in the order of their ids, those that another key than p_key wraps; `next` is the
-- last of the thousand, NULL where there are no more.
CREATE OR REPLACE FUNCTION finq.data_key_batch(p_table text, p_after uuid, p_key text) RETURNS json
    LANGUAGE sql STABLE
    RETURN (WITH looked_at AS (
                (SELECT s.session_id AS id, s.client_id, s.data_key, s.tenant_user_id, s.renews FROM finq.session s
                  WHERE p_table = 'session' AND s.session_id > coalesce(p_after, '00000000000000000000000000000000') ORDER BY s.session_id LIMIT 1000)
                UNION ALL
                (SELECT c.credentials_id, c.client_id, c.data_key, c.tenant_user_id, NULL FROM finq.credential c
                  WHERE p_table = 'credential' AND c.credentials_id > coalesce(p_after, '00000000000000000000000000000000') ORDER BY c.credentials_id LIMIT 1000)
                UNION ALL
                (SELECT p.payment_id, p.client_id, p.data_key, p.tenant_user_id, NULL FROM finq.payment p
                  WHERE p_table = 'payment' AND p.payment_id > coalesce(p_after, '00000000000000000000000000000000') ORDER BY p.payment_id LIMIT 1000)
                UNION ALL
                (SELECT k.client_id, k.client_id, k.data_key, NULL, NULL FROM finq.account_key k
                  WHERE p_table = 'account_key' AND k.client_id > coalesce(p_after, '00000000000000000000000000000000') ORDER BY k.client_id LIMIT 1000)
                UNION ALL
                (SELECT p.page_id, p.client_id, p.data_key, p.tenant_user_id, NULL FROM finq.page p
                  WHERE p_table = 'page' AND p.page_id > coalesce(p_after, '00000000000000000000000000000000') ORDER BY p.page_id LIMIT 1000)
                UNION ALL
                (SELECT p.page_id, p.client_id, p.session_key, NULL, NULL FROM finq.page p
                  WHERE p_table = 'page_session' AND p.session_key IS NOT NULL
                    AND p.page_id > coalesce(p_after, '00000000000000000000000000000000') ORDER BY p.page_id LIMIT 1000)
                UNION ALL
                (SELECT f.credentials_id, f.client_id, f.reference_key, NULL, NULL FROM finq.feed f
                  WHERE p_table = 'feed' AND f.reference_key IS NOT NULL
                    AND f.credentials_id > coalesce(p_after, '00000000000000000000000000000000') ORDER BY f.credentials_id LIMIT 1000)
                UNION ALL
                (SELECT r.revocation_id, r.client_id, r.reference_key, NULL, NULL FROM finq.revocation r
                  WHERE p_table = 'revocation' AND r.revocation_id > coalesce(p_after, '00000000000000000000000000000000')
                  ORDER BY r.revocation_id LIMIT 1000))
            SELECT json_build_object(
                'next', CASE WHEN count(*) = 1000 THEN (SELECT l.id FROM looked_at l ORDER BY l.id DESC LIMIT 1) END,
                'rows', coalesce(json_agg(json_build_object('id', a.id, 'client_id', a.client_id, 'data_key', encode(a.data_key, 'hex'),
                                                            'tenant_user_id', encode(a.tenant_user_id, 'hex'), 'renews', a.renews) ORDER BY a.id)
                                 FILTER (WHERE finq.wrapping_key(a.data_key) <> p_key), '[]'))
              FROM looked_at a);

-- Puts data keys that were wrapped anew in the place of those that were read, and the HMACs of persons that go with the new key. A row
-- that has changed meanwhile stays as it is. Answers how many have not.
CREATE OR REPLACE FUNCTION finq.data_key_put(p_table text, p_rows json) RETURNS json
    LANGUAGE plpgsql
AS $$
DECLARE
    v_done integer;
BEGIN
    IF p_table = 'session' THEN
        PERFORM FROM finq.session s JOIN json_to_recordset(p_rows) AS r (id uuid) ON s.session_id = r.id
          ORDER BY s.session_id FOR NO KEY UPDATE OF s;
        UPDATE finq.session s SET data_key = decode(r.rewrapped, 'hex'), user_mac = decode(r.user_mac, 'hex')
          FROM json_to_recordset(p_rows) AS r (id uuid, data_key text, rewrapped text, user_mac text)
         WHERE s.session_id = r.id AND s.data_key = decode(r.data_key, 'hex');
    ELSIF p_table = 'page' THEN
        PERFORM FROM finq.page p JOIN json_to_recordset(p_rows) AS r (id uuid) ON p.page_id = r.id ORDER BY p.page_id FOR NO KEY UPDATE OF p;
        UPDATE finq.page p SET data_key = decode(r.rewrapped, 'hex'), user_mac = decode(r.user_mac, 'hex')
          FROM json_to_recordset(p_rows) AS r (id uuid, data_key text, rewrapped text, user_mac text)
         WHERE p.page_id = r.id AND p.data_key = decode(r.data_key, 'hex');
    ELSIF p_table = 'page_session' THEN
        PERFORM FROM finq.page p JOIN json_to_recordset(p_rows) AS r (id uuid) ON p.page_id = r.id ORDER BY p.page_id FOR NO KEY UPDATE OF p;
        UPDATE finq.page p SET session_key = decode(r.rewrapped, 'hex')
          FROM json_to_recordset(p_rows) AS r (id uuid, data_key text, rewrapped text)
         WHERE p.page_id = r.id AND p.session_key = decode(r.data_key, 'hex');
    ELSIF p_table = 'payment' THEN
        PERFORM FROM finq.payment p JOIN json_to_recordset(p_rows) AS r (id uuid) ON p.payment_id = r.id ORDER BY p.payment_id FOR NO KEY UPDATE OF p;
        UPDATE finq.payment p SET data_key = decode(r.rewrapped, 'hex'), user_mac = decode(r.user_mac, 'hex')
          FROM json_to_recordset(p_rows) AS r (id uuid, data_key text, rewrapped text, user_mac text)
         WHERE p.payment_id = r.id AND p.data_key = decode(r.data_key, 'hex');
    ELSIF p_table = 'feed' THEN
        UPDATE finq.feed f SET reference_key = decode(r.rewrapped, 'hex')
          FROM json_to_recordset(p_rows) AS r (id uuid, data_key text, rewrapped text)
         WHERE f.credentials_id = r.id AND f.reference_key = decode(r.data_key, 'hex');
    ELSIF p_table = 'revocation' THEN
        UPDATE finq.revocation v SET reference_key = decode(r.rewrapped, 'hex')
          FROM json_to_recordset(p_rows) AS r (id uuid, data_key text, rewrapped text)
         WHERE v.revocation_id = r.id AND v.reference_key = decode(r.data_key, 'hex');
    ELSIF p_table = 'account_key' THEN
        UPDATE finq.account_key k SET data_key = decode(r.rewrapped, 'hex')
          FROM json_to_recordset(p_rows) AS r (id uuid, data_key text, rewrapped text)
         WHERE k.client_id = r.id AND k.data_key = decode(r.data_key, 'hex');
    ELSE
        PERFORM FROM finq.credential c JOIN json_to_recordset(p_rows) AS r (id uuid) ON c.credentials_id = r.id
          ORDER BY c.credentials_id FOR NO KEY UPDATE OF c;
        UPDATE finq.credential c SET data_key = decode(r.rewrapped, 'hex'), user_mac = decode(r.user_mac, 'hex')
          FROM json_to_recordset(p_rows) AS r (id uuid, data_key text, rewrapped text, user_mac text)
         WHERE c.credentials_id = r.id AND c.data_key = decode(r.data_key, 'hex');
    END IF;
    GET DIAGNOSTICS v_done = ROW_COUNT;
    RETURN to_json(v_done);
END $$;
