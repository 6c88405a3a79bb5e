-- The sandbox bank's memory: its seed, its calendar, and how often each customer's data were read.

-- What an answer about a customer's data is made from. `today` counts days since 1970. With p_counts the read is counted, once
-- for each attempt: it is the first of its refresh. `unattended` are those of today.
CREATE OR REPLACE FUNCTION finq.sandbox_look(p_customer text, p_attempt uuid, p_counts boolean, p_is_attended boolean, OUT seed bytea, OUT today integer,
                                             OUT days integer, OUT reads integer, OUT unattended integer)
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET jit = off
AS $$
#variable_conflict use_column
BEGIN
    SELECT s.seed, s.days INTO seed, days FROM finq.sandbox s;
    today := extract(epoch FROM clock_timestamp())::bigint / 86400 + days;
    IF p_counts THEN
        INSERT INTO finq.sandbox_read AS r (customer, reads, attempt, day, unattended)
        VALUES (p_customer, 1, p_attempt, today, (NOT p_is_attended)::integer)
        ON CONFLICT (customer) DO UPDATE
            SET reads = r.reads + 1, attempt = excluded.attempt, day = excluded.day,
                unattended = excluded.unattended + CASE r.day WHEN excluded.day THEN r.unattended ELSE 0 END
            WHERE r.attempt <> excluded.attempt;
        PERFORM set_config('synchronous_commit', 'off', true); -- nobody misses a read that a crash undoes
    END IF;
    SELECT r.reads, r.unattended INTO reads, unattended FROM finq.sandbox_read r WHERE r.customer = p_customer;
END $$;
COMMENT ON FUNCTION finq.sandbox_look IS 'repeatable';

-- As whom the bank knows a client: by the name that its pages have.
CREATE OR REPLACE FUNCTION finq.sandbox_asker(p_client_id uuid, OUT asker text)
    LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET jit = off
AS $$
BEGIN
    SELECT coalesce(b.name, t.name) INTO asker
      FROM finq.tenant t LEFT JOIN finq.brand b ON b.client_id = t.client_id WHERE t.client_id = p_client_id;
END $$;

-- ---------------------------------------------------------------------------------------------------------------------
-- For the operator (finqctl): each answers JSON
-- ---------------------------------------------------------------------------------------------------------------------

-- Moves the calendar on by so many days, NULL for none; it never goes back.
CREATE OR REPLACE FUNCTION finq.sandbox_date(p_days integer) RETURNS json
    LANGUAGE plpgsql
AS $$
BEGIN
    IF p_days NOT BETWEEN 0 AND 36500 THEN
        RAISE invalid_parameter_value USING MESSAGE = 'The calendar goes on by 0 to 36500 days.';
    END IF;
    UPDATE finq.sandbox s SET days = s.days + p_days WHERE p_days > 0;
    RETURN (SELECT json_build_object('date', ((clock_timestamp() AT TIME ZONE 'UTC')::date + s.days), 'days', s.days) FROM finq.sandbox s);
END $$;
