-- Leases: what one alone may do at a time, over all servers. The database's clock alone decides, and no call waits for another.
-- Who holds a lease begins each of its transactions with finq.lease_keep: its row stays locked to their end, so that nobody
-- takes the lease in the midst of one, and who has lost it does nothing.

-- Takes a lease for p_seconds where nobody has it, and it was not taken within the last p_every seconds. Its epoch; NULL where it
-- could not be had.
CREATE OR REPLACE FUNCTION finq.lease_take(p_name text, p_holder text, p_seconds integer, p_every integer) RETURNS bigint
    LANGUAGE sql VOLATILE
BEGIN ATOMIC
    UPDATE finq.lease l
       SET epoch = l.epoch + 1, holder = p_holder, taken_at = clock_timestamp(),
           until = clock_timestamp() + p_seconds * interval '1 second'
     WHERE l.name = (SELECT f.name FROM finq.lease f
                      WHERE f.name = p_name AND f.until <= clock_timestamp()
                        AND f.taken_at <= clock_timestamp() - p_every * interval '1 second'
                        FOR NO KEY UPDATE SKIP LOCKED)
    RETURNING l.epoch;
END;

-- Keeps it for p_seconds from now. False where it is over, be it that nobody has taken it since.
CREATE OR REPLACE FUNCTION finq.lease_keep(p_name text, p_epoch bigint, p_seconds integer) RETURNS boolean
    LANGUAGE plpgsql
AS $$
BEGIN
    UPDATE finq.lease l SET until = clock_timestamp() + p_seconds * interval '1 second'
     WHERE l.name = p_name AND l.epoch = p_epoch AND l.until > clock_timestamp();
    RETURN FOUND;
END $$;

-- Gives it back, with its work done. False where it was another's by then.
CREATE OR REPLACE FUNCTION finq.lease_give(p_name text, p_epoch bigint) RETURNS boolean
    LANGUAGE plpgsql
AS $$
BEGIN
    UPDATE finq.lease l SET until = '-infinity', given_at = clock_timestamp()
     WHERE l.name = p_name AND l.epoch = p_epoch AND l.until > clock_timestamp();
    RETURN FOUND;
END $$;
