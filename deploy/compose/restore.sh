#!/bin/bash
# Sets a stack back to what backup.sh has kept: on this machine, or on a new one with nothing on it yet. What is in the databases
# now is lost. docs/operations.md says what is to be looked at before buyers come back.
#
#   deploy/compose/restore.sh ~/backups/2026-01-31
set -euo pipefail
folder=$(realpath "${1:?from which folder}")
cd "$(dirname "$0")/../.."
for file in marketplace.dump payments.dump secrets-payments.tar secrets-web.tar secrets-postgres.tar; do
  [ -s "$folder/$file" ] || { echo "$folder has no $file: nothing was changed" >&2; exit 1; }
done

# A stack that has been set up keeps its secrets: its roles have their passwords. On a new machine they come from the backup.
project=${COMPOSE_PROJECT_NAME:-tianguis}
if [ -z "$(docker volume ls --quiet --filter "label=com.docker.compose.project=$project" --filter label=com.docker.compose.volume=postgres-secrets)" ]; then
  docker compose create secrets
  for reader in payments web postgres; do
    docker compose cp - "secrets:/secrets/$reader" <"$folder/secrets-$reader.tar"
  done
else
  docker compose stop payments web
fi
docker compose up --detach --wait postgres # after the step "secrets", which gives the files to their readers

for database in marketplace payments; do
  docker compose exec -T postgres psql --host=/var/run/postgresql --username=postgres --quiet --command="DROP DATABASE IF EXISTS $database WITH (FORCE)"
  docker compose exec -T postgres pg_restore --host=/var/run/postgresql --username=postgres --exit-on-error --create --dbname=postgres <"$folder/$database.dump"
done
# What was handed in since the backup stays too; a backup of an older release has none. The archive says whose the files are. The folder is of
# all replicas: without --index the archive would be read for each of them, and all but one would get the end of it.
if [ -s "$folder/uploads.tar" ]; then
  docker compose create --no-recreate web
  docker compose cp --index 1 - web:/state <"$folder/uploads.tar"
fi
docker compose up --detach --wait payments
cat <<'END'

Restored; the payments service runs, and the marketplace is still closed. What the wallets did after the backup, payments asks them:

  docker compose exec payments payments reconcile --all

Then open the marketplace: docker compose up --detach --wait
END
