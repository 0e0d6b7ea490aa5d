#!/bin/sh
# Takes deliveries in, each once, however often this is started: `NUMBER SKU QUANTITY` a line on standard input.
#
#     API=http://127.0.0.1:8080 sh commander.sh <deliveries.txt
#
# A delivery's number is its key: where an answer is lost, the same call again is answered as the first time, and
# nothing is done twice. TOKEN is the token, where one is asked for. Needs curl.
set -u

api=${API:-http://127.0.0.1:8080}

while read -r number sku quantity; do
    # Again until there is an answer that stands.
    while :; do
        answer=$(curl -sS --max-time 30 -w ' %{http_code}' "$api/stock/$sku/receipts" </dev/null \
            ${TOKEN:+-H "Authorization: Bearer $TOKEN"} \
            -H 'Content-Type: application/json' -H "Idempotency-Key: delivery-$number" -d "{\"quantity\":$quantity}")
        case ${answer##* } in 000 | 409 | 5??) sleep 1 ;; *) break ;; esac
    done
    echo "$number ${answer##* } ${answer% *}"
done
