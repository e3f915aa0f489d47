#!/bin/bash
# Backs up a running stack into a new folder: both databases, the files that people handed in, and the secrets without which the databases' tokens cannot be read.
# Whoever can read the folder can pay in the platform's name: keep it encrypted, and apart from the logs.
#
#   deploy/compose/backup.sh ~/backups/2026-01-31
set -euo pipefail
umask 077
folder=$(realpath --canonicalize-missing "${1:?into which folder}")
cd "$(dirname "$0")/../.."
mkdir -p "$folder"
[ -z "$(ls -A "$folder")" ] || { echo "$folder is not empty" >&2; exit 1; }

# The marketplace first. So payments knows all that the marketplace does, and what happened in between the marketplace asks for.
for database in marketplace payments; do
  docker compose exec -T postgres pg_dump --host=/var/run/postgresql --username=postgres --format=custom "$database" >"$folder/$database.dump"
done
# After its database: a file is there before the database knows of it, and stays.
docker compose cp web:/state/uploads - >"$folder/uploads.tar"
for reader in payments web postgres; do
  docker compose cp "$reader:/secrets/$reader/." - >"$folder/secrets-$reader.tar"
done
echo "backed up into $folder: $(du --summarize --human-readable "$folder" | cut --fields=1)"
