#!/bin/sh
# Registers Notes and its API, once. Where Signet's database has been made anew, remove the volume `demo`, too.
set -eu
[ ! -s /demo/client.json ] || exit 0

signet() { node dist/main.js "$@"; }
api=https://api.notes.example
signet resources show "$api" --json > /dev/null 2>&1 ||
  signet resources create --identifier "$api" --name 'Notes API' --scope notes:read --scope notes:write \
    --scope-description 'notes:read=read your notes' --scope-description 'notes:read#de=Ihre Notizen lesen' \
    --scope-description 'notes:write=add notes in your name' \
    --scope-description 'notes:write#de=in Ihrem Namen Notizen anlegen' --json > /dev/null
umask 077
signet clients create --name Notes --redirect-uri http://localhost:4001/callback \
  --post-logout-redirect-uri http://localhost:4001/signed-out \
  --scope 'openid profile email offline_access notes:read notes:write' --json > /demo/client.json.new
mv /demo/client.json.new /demo/client.json
