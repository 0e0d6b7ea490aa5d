#!/usr/bin/env python3
"""Takes deliveries in, each once, however often this is started: `NUMBER SKU QUANTITY` a line on standard input.

    API=http://127.0.0.1:8080 python3 commander.py <deliveries.txt

A delivery's number is its key: where an answer is lost, the same call again is answered as the first time, and nothing is
done twice. TOKEN is the token, where one is asked for. Needs httpx (requirements.txt).
"""
import os
import sys
import time

import httpx


def post(client, path, body, key):
    """Sends it until there is an answer."""
    while True:
        try:
            answer = client.post(path, json=body, headers={"Idempotency-Key": key})
            if "Retry-After" not in answer.headers:
                return answer
        except httpx.TransportError as error:
            print("comes again:", error, file=sys.stderr, flush=True)
        time.sleep(1)


headers = {"Authorization": f"Bearer {os.environ['TOKEN']}"} if "TOKEN" in os.environ else {}
with httpx.Client(base_url=os.environ.get("API", "http://127.0.0.1:8080"), headers=headers, timeout=30) as client:
    for line in sys.stdin:
        number, sku, quantity = line.split()
        answer = post(client, f"/stock/{sku}/receipts", {"quantity": int(quantity)}, f"delivery-{number}")
        what = answer.json()["on_hand"] if answer.is_success else answer.json()["detail"]
        print(number, answer.status_code, what, flush=True)
