-- One look for all clients that a server process lets wait for their sessions, instead of one for each.

-- Those of the sessions that are waited for no more, or are no more what the waiting client's nonce was given for, by their
-- places in the list, from 1. It changes nothing: how they stand now, finq.session_status says.
CREATE FUNCTION finq.sessions_settled(p_session_ids uuid[], p_generations integer[]) RETURNS SETOF integer
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
    SELECT w.place::integer
      FROM unnest(p_session_ids, p_generations) WITH ORDINALITY AS w(session_id, generation, place)
     WHERE NOT EXISTS (
           SELECT FROM finq.session s
             JOIN finq.tenant t ON t.client_id = s.client_id
            WHERE s.session_id = w.session_id AND s.generation = w.generation AND t.status = 'ACTIVE'
              AND (s.waits_for = 'DECISION' OR s.waits_for = 'BANK' AND s.return_until > clock_timestamp()))
     ORDER BY w.place;
END;

REVOKE ALL ON FUNCTION finq.sessions_settled FROM PUBLIC;
GRANT EXECUTE ON FUNCTION finq.sessions_settled TO finq_server;
