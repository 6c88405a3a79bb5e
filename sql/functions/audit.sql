-- The audit trail, read. What writes it stands beside its table, in the migrations: a trigger needs its function.

-- The newest lines of the trail, newest first.
CREATE OR REPLACE FUNCTION finq.audit_list(p_client_id uuid, p_since timestamptz, p_limit integer) RETURNS json
    LANGUAGE plpgsql STABLE
AS $$
BEGIN
    IF p_limit NOT BETWEEN 1 AND 100000 THEN
        RAISE invalid_parameter_value USING MESSAGE = 'The limit must be 1 to 100000.';
    END IF;
    RETURN (SELECT coalesce(json_agg(json_build_object(
                'audit_id', a.audit_id, 'at', finq.utc(a.at), 'role', a.role, 'address', a.address, 'application', a.application,
                'os_user', a.os_user, 'object', a.object, 'action', a.action, 'client_id', a.client_id, 'detail', a.detail)
                ORDER BY a.audit_id DESC), '[]')
              FROM (SELECT l.* FROM finq.audit l
                     WHERE (p_client_id IS NULL OR l.client_id = p_client_id) AND (p_since IS NULL OR l.at >= p_since)
                     ORDER BY l.audit_id DESC LIMIT coalesce(p_limit, 100)) a);
END $$;
