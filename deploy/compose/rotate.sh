#!/bin/bash
# Puts a new secret in the place of one, while people pay: what knows the old one and what knows the new one run side by side, and
# each step is taken by every replica before the next. Broken off half-way, run it again.
#
#   deploy/compose/rotate.sh api_key               what the marketplace shows to payments, and what operators do
#   deploy/compose/rotate.sh webhook_secret        what webhooks are signed with
#   deploy/compose/rotate.sh token_encryption_key  what the wallets' tokens in the database are encrypted with
#   deploy/compose/rotate.sh payments_password     the password of a database role; also web_password
set -euo pipefail
umask 077
cd "$(dirname "$0")/../.."
secret=${1:?which secret: api_key, webhook_secret, token_encryption_key, payments_password or web_password}

# One to an assignment: of two, bash sees the end of the last alone.
get() { docker compose cp "$1:/secrets/$1/$2" - | tar --extract --to-stdout | tr -s '[:space:]' ' ' | sed 's/ $//'; }
put() { printf '%s\n' "$3" | docker compose run --rm --no-deps -T secrets put "$1/$2"; }
roll() { deploy/compose/roll.sh "$1"; }
generate() { docker compose exec -T payments payments secret generate "$1"; }
say() { printf '%s\n' "$*" >&2; }

case $secret in
api_key)
  known=$(get payments api_key) # more than two when it was broken off: some replica of web may still show any of them
  new=$(generate api)
  operators=$(generate api)
  say "1/3 payments takes the new key of the marketplace too, which may pay and no more"
  put payments api_key "$known pay:$new"
  roll payments
  say "2/3 the marketplace shows it"
  put web api_key "$new"
  roll web
  say "3/3 payments takes it alone, and a new one of the operators"
  put payments api_key "$operators pay:$new"
  roll payments
  ;;
webhook_secret)
  known=$(get web webhook_secret) # as above: some replica of payments may still sign with any of them
  new=$(generate webhook)
  say "1/3 the marketplace believes the new one too"
  put web webhook_secret "$known $new"
  roll web
  say "2/3 payments signs with the new one"
  put payments webhook_secret "$new"
  roll payments
  say "3/3 the marketplace believes the new one alone"
  put web webhook_secret "$new"
  roll web
  ;;
token_encryption_key)
  all=$(get payments token_encryption_key) # more than one when it was broken off
  old=${all%% *}
  [ "$all" = "$old" ] || { say "There are several keys already: docs/operations.md, \"Rotate the encryption key\", says how to go on."; exit 1; }
  new=$(generate encryption)
  say "1/4 payments can read what the new key writes"
  put payments token_encryption_key "$old $new"
  roll payments
  say "2/4 payments writes with the new key"
  put payments token_encryption_key "$new $old"
  roll payments
  say "3/4 what the old key wrote is written anew"
  docker compose exec -T payments payments secret reseal
  say "4/4 the old key is forgotten; backups from before still need it"
  put payments token_encryption_key "$new"
  roll payments
  docker compose exec -T payments payments audit verify
  ;;
payments_password | web_password)
  service=${secret%_password} role=${secret%_password}
  [ "$service" = payments ] || role=marketplace
  new=$(openssl rand -hex 24 2>/dev/null || head -c 24 /dev/urandom | od -An -tx1 | tr -d ' \n')
  say "1/2 Postgres takes the new password; connections that are open stay open"
  docker compose exec -T postgres psql --host=/var/run/postgresql --username=postgres --quiet --set=ON_ERROR_STOP=1 \
    --set=name="$role" <<<"\set password '$new'
ALTER ROLE :\"name\" PASSWORD :'password';" # on its input: everybody on the machine sees the arguments of a process
  put postgres "$role" "$new"
  put "$service" pgpass "*:*:*:$role:$new"
  say "2/2 $service uses it"
  roll "$service"
  ;;
*)
  say "There is no secret $secret here."
  exit 1
  ;;
esac
say "Done. Make a new backup: deploy/compose/backup.sh"
