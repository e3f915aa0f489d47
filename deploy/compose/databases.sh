#!/bin/bash
# The Postgres image runs this once, on an empty volume: a database for each service, which its role owns and no other may
# open. The superuser is for operators; no service knows its password.
set -eu

for name in payments marketplace; do
  psql --set=ON_ERROR_STOP=1 --username="${POSTGRES_USER:-postgres}" --dbname=postgres --set=name="$name" --set=password="$(cat "/secrets/postgres/$name")" <<'SQL'
CREATE ROLE :"name" LOGIN PASSWORD :'password';
CREATE DATABASE :"name" OWNER :"name";
REVOKE ALL ON DATABASE :"name" FROM PUBLIC;
SQL
done
