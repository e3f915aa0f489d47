-- the span that the payment began with, as a W3C traceparent: whoever works on it later goes on with its trace
ALTER TABLE payments ADD COLUMN trace TEXT NOT NULL DEFAULT '';
ALTER TABLE deliveries ADD COLUMN trace TEXT NOT NULL DEFAULT '';
