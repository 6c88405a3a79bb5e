-- What servers remember of tenants stays true until something changes: they ask for one number every FinqCacheTTL, instead of
-- for each tenant again.

CREATE TABLE finq.directory_change (
    only_one boolean NOT NULL DEFAULT true PRIMARY KEY CHECK (only_one),
    version  bigint  NOT NULL
);
INSERT INTO finq.directory_change (version) VALUES (1);

-- In the transaction of the change, so that who sees the number sees what it stands for.
CREATE FUNCTION finq.directory_changed() RETURNS trigger
    LANGUAGE plpgsql
AS $$
BEGIN
    UPDATE finq.directory_change c SET version = c.version + 1;
    RETURN NULL;
END $$;

CREATE TRIGGER directory_changed AFTER INSERT OR UPDATE OR DELETE ON finq.tenant
    FOR EACH STATEMENT EXECUTE FUNCTION finq.directory_changed();
CREATE TRIGGER directory_changed AFTER INSERT OR UPDATE OR DELETE ON finq.tenant_skill
    FOR EACH STATEMENT EXECUTE FUNCTION finq.directory_changed();
CREATE TRIGGER directory_changed AFTER INSERT OR UPDATE OR DELETE ON finq.skill
    FOR EACH STATEMENT EXECUTE FUNCTION finq.directory_changed();
-- not when a key's last use is noted
CREATE TRIGGER directory_changed AFTER INSERT OR UPDATE OF client_id, key_id, kind, hash, ends_at OR DELETE ON finq.tenant_key
    FOR EACH STATEMENT EXECUTE FUNCTION finq.directory_changed();

CREATE FUNCTION finq.directory_version() RETURNS bigint
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
    RETURN (SELECT c.version FROM finq.directory_change c);

REVOKE ALL ON ALL TABLES IN SCHEMA finq FROM PUBLIC;
REVOKE ALL ON ALL FUNCTIONS IN SCHEMA finq FROM PUBLIC;
GRANT EXECUTE ON FUNCTION finq.directory_version TO finq_server;
