#!/bin/sh
# Certificates and passwords for deploy/compose: made once, in secrets/ and .env beside this file; neither is for git.
set -eu
cd "${1:-$(dirname "$0")}"
[ ! -e .env ] || { echo "there are secrets already: remove .env and secrets/ to make others" >&2; exit 1; }
umask 077
mkdir -p secrets
curve="-newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 825"
names=DNS:nats-1,DNS:nats-2,DNS:nats-3,DNS:localhost
# shellcheck disable=SC2086
openssl req -x509 $curve -keyout secrets/ca-key.pem -out secrets/ca.pem -subj "/CN=jetsource authority" \
    -addext basicConstraints=critical,CA:TRUE -addext keyUsage=critical,keyCertSign 2>/dev/null
# shellcheck disable=SC2086
openssl req -x509 $curve -keyout secrets/key.pem -out secrets/cert.pem -subj "/CN=jetsource broker" \
    -CA secrets/ca.pem -CAkey secrets/ca-key.pem -addext "subjectAltName=$names" \
    -addext basicConstraints=critical,CA:FALSE -addext extendedKeyUsage=serverAuth,clientAuth 2>/dev/null
# Containers read them as uid 65532, from files that belong to whoever starts them; the folder is closed to others.
chmod 644 secrets/ca.pem secrets/cert.pem secrets/key.pem
password() { printf 'p%s' "$(openssl rand -hex 16)"; }
printf '%s' "$(password)" >secrets/prometheus
printf 'operator %s\nprometheus %s\n' "$(password)" "$(cat secrets/prometheus)" >secrets/tokens
chmod 644 secrets/tokens secrets/prometheus
{
    for user in SYS API PROJECTIONS SAGAS SUBSCRIBER PAYMENT EDGE ADMIN; do
        printf 'NATS_%s_PASSWORD=%s\n' "$user" "$(password)"
    done
    printf 'POSTGRES_PASSWORD=%s\nGRAFANA_PASSWORD=%s\n' "$(password)" "$(password)"
} >.env
echo "made: .env and secrets/; the token of the API is in secrets/tokens"
