-- Nodes keep clients in memory. Whatever a client is read with tells them when it changes, at the commit; several changes of one
-- transaction are told once.
CREATE FUNCTION tell_clients_changed() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  PERFORM pg_notify('signet_clients', current_schema());
  RETURN NULL;
END $$;

CREATE TRIGGER tell_clients_changed AFTER INSERT OR UPDATE OR DELETE ON clients
  FOR EACH STATEMENT EXECUTE FUNCTION tell_clients_changed();
CREATE TRIGGER tell_clients_changed AFTER INSERT OR UPDATE OR DELETE ON client_secrets
  FOR EACH STATEMENT EXECUTE FUNCTION tell_clients_changed();
CREATE TRIGGER tell_clients_changed AFTER INSERT OR UPDATE OR DELETE ON resources
  FOR EACH STATEMENT EXECUTE FUNCTION tell_clients_changed();
CREATE TRIGGER tell_clients_changed AFTER INSERT OR UPDATE OR DELETE ON resource_scopes
  FOR EACH STATEMENT EXECUTE FUNCTION tell_clients_changed();

-- A client is read with the standing grants of its credentials; the grants of people are none of its business.
CREATE TRIGGER tell_standing_grant_opened AFTER INSERT ON grants
  FOR EACH ROW WHEN (NEW.sub IS NULL) EXECUTE FUNCTION tell_clients_changed();
CREATE TRIGGER tell_standing_grant_ended AFTER UPDATE OR DELETE ON grants
  FOR EACH ROW WHEN (OLD.sub IS NULL) EXECUTE FUNCTION tell_clients_changed();
