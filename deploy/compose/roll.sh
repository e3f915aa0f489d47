#!/bin/bash
# Replaces each replica of a service by a new one of the newest image, one after the other; the rest do the work meanwhile.
# A replica that stops finishes what it has in hand. It ends with an error, and the old replicas that are left go on, when a new
# one does not get ready.
#
#   deploy/compose/roll.sh payments
set -euo pipefail
cd "$(dirname "$0")/../.."
service=${1:?which service: payments or web}

replicas=$(docker compose ps --quiet "$service") # not in the loop's line, where bash would take a failure for no replicas
for replica in $replicas; do
  docker stop --time 30 "$replica" >/dev/null
  docker rm "$replica" >/dev/null
  # Makes what is missing, and leaves the others as they are.
  docker compose up --detach --no-deps --no-recreate --no-build --wait --wait-timeout 90 "$service"
done
