#!/usr/bin/env bash
# A log out to a file, onto an empty broker, both verified and compared: same content, order and ids.
#
#   docs/benchmarks/export-import.sh FOLDER
#
# FOLDER is a data folder with a log in its nats/, of which nobody makes use: it is copied. JETSOURCE names the program.
set -euo pipefail
cd "$(dirname "$0")/../.."

source=${1:?name a data folder that holds a log}
program=${JETSOURCE:-target/release/jetsource}
folder=$(mktemp -d)
running=()
trap 'for one in "${running[@]}"; do kill "$one" 2>/dev/null && wait "$one" || true; done; rm -rf "$folder"' EXIT

serve() {
    "$program" serve --role api --data-dir "$folder/$1" --listen 127.0.0.1:0 --nats-port 0 2>"$folder/$1.log" &
    running+=($!)
    until [ -s "$folder/$1/serve.json" ]; do
        kill -0 $! 2>/dev/null || { cat "$folder/$1.log" >&2; exit 1; }
        sleep 0.1
    done
}
timed() {
    local what=$1 began=$EPOCHREALTIME
    shift
    "$@" >"$folder/said" 2>&1 || { cat "$folder/said" >&2; exit 1; }
    python3 -c 'import sys; print(f"| {sys.argv[1]} | {float(sys.argv[3]) - float(sys.argv[2]):.1f} s |")' "$what" "$began" "$EPOCHREALTIME"
}

mkdir "$folder/one"
cp -r "$source/nats" "$folder/one/nats"
rm -f "$folder/one/nats/nats-server.json" "$folder/one/nats/nats-server.lock"
serve one
serve two
echo "| step | took |"
echo "|---|---|"
timed "export" "$program" events export "$folder/log.ndjson" --claim-key "$folder/claims.key" --data-dir "$folder/one"
timed "import into an empty broker" "$program" events import "$folder/log.ndjson" --claim-key "$folder/claims.key" --data-dir "$folder/two"
timed "log verify, of the first" "$program" log verify --data-dir "$folder/one"
timed "log verify, of the second" "$program" log verify --data-dir "$folder/two"
timed "look for an event by an id that is not there" sh -c '"$0" events get 00000000-0000-4000-8000-000000000000 --data-dir "$1"; [ $? = 3 ]' "$program" "$folder/one"
api=$(python3 -c 'import json, sys; print(json.load(open(sys.argv[1]))["http"])' "$folder/one/serve.json")
timed "GET /correlations/{id} of an id that is not there: the whole log" sh -c 'curl -s "$0/correlations/00000000-0000-4000-8000-000000000000" | grep -q "first cause"' "$api"
"$program" events export "$folder/again.ndjson" --data-dir "$folder/two" 2>/dev/null
cmp "$folder/log.ndjson" "$folder/again.ndjson"
echo
echo "$(wc -l <"$folder/log.ndjson") events, $(du -m "$folder/log.ndjson" | cut -f1) MiB as JSON lines; the export of the second is the same, byte by byte"
