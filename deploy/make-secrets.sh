#!/bin/sh
# Makes the secrets of docker-compose.yml in deploy/secrets, once: what is there stays. Needs openssl.
set -eu
cd "$(dirname "$0")"

# Nobody else gets past the folder; the files themselves can be read, because each container, whatever its user, must read those that
# it is given (Compose mounts them with the mode they have here).
umask 022
mkdir -p secrets
chmod 700 secrets

random() { openssl rand -base64 32 | tr '+/' '-_' | tr -d '=\n'; }
# Aside first: a file that was begun and not ended would count as there; so would an empty one, where openssl is missing.
write() { cat > "secrets/$1.new" && [ -s "secrets/$1.new" ] && mv "secrets/$1.new" "secrets/$1"; }

[ -e secrets/master-key ] || random | write master-key
[ -e secrets/database-admin-password ] || random | write database-admin-password
[ -e secrets/database-password ] || random | write database-password
printf 'postgres://signet:%s@database:5432/signet' "$(cat secrets/database-password)" | write database-url

echo 'The secrets are in deploy/secrets. Keep a copy of master-key elsewhere: without it the database is worth nothing.'
