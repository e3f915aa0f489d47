-- Postgres runs this once, on an empty volume. Each service has a database of its own; neither may open the other's.
CREATE DATABASE payments;
CREATE DATABASE marketplace;
