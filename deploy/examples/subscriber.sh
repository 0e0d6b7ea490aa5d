#!/bin/sh
# Hears every event over HTTP alone, in the order of the log, and goes on where it stopped.
#
#     API=http://127.0.0.1:8080 sh subscriber.sh [FILE]
#
# FILE keeps how far it has come: an event is heard once its position is there, and comes again after a crash between
# the two. TOKEN is the token, where one is asked for. Needs curl.
set -u

api=${API:-http://127.0.0.1:8080}
place=${1:-last-event-id}

heard() {
    id= event=
    while IFS= read -r line; do
        case $line in
            'id: '*) id=${line#id: } ;;
            'event: '*) event=${line#event: } ;;
            'data: '*) [ "$event" = too-slow ] || printf '%s %s %s\n' "$id" "$event" "${line#data: }" ;;
            '') [ -z "$id" ] || { echo "$id" >"$place.new" && mv "$place.new" "$place"; }
                id= event= ;;
        esac
    done
}

while :; do
    last=$(cat "$place" 2>/dev/null || echo 0)
    # A comment comes every 15 seconds: silence is a connection that was lost.
    curl -sSN --speed-limit 1 --speed-time 60 "$api/events" -H "Last-Event-ID: $last" \
        ${TOKEN:+-H "Authorization: Bearer $TOKEN"} | heard
    sleep 1
done
