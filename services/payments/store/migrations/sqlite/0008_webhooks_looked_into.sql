-- a secret that a rotation made is kept whatever the configuration of a replica names
ALTER TABLE webhook_secrets ADD COLUMN rotated BOOLEAN NOT NULL DEFAULT FALSE;

-- each endpoint's deliveries are claimed by themselves: the index over all of them misleads the planner
DROP INDEX deliveries_due;
-- the delivery log of one endpoint
CREATE INDEX deliveries_endpoint ON deliveries (endpoint_id, id);
