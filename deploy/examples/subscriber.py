#!/usr/bin/env python3
"""Hears every event, in the order of the log, and goes on where it stopped.

    NATS=nats://127.0.0.1:4222 python3 subscriber.py [NAME]

The broker keeps how far NAME has come. After a crash, of this or of the broker, some events may come again: the first
number is the position, which tells. Needs nats-py (requirements.txt). NATS_CA and NATS_INBOX are for a broker with users
and TLS (deploy/nats): its certificates, and where this user may hear answers.
"""
import asyncio
import os
import ssl
import sys

import nats
from nats.errors import TimeoutError as NothingNew
from nats.js.api import ConsumerConfig

NAME = sys.argv[1] if len(sys.argv) > 1 else "subscriber"


async def main():
    servers = os.environ.get("NATS", "nats://127.0.0.1:4222").split(",")
    inbox, authority = os.environ.get("NATS_INBOX", "_INBOX"), os.environ.get("NATS_CA")
    tls = ssl.create_default_context(cafile=authority) if authority else None
    client = await nats.connect(servers, max_reconnect_attempts=-1, inbox_prefix=inbox, tls=tls)
    # One at a time: else what is behind an event would be heard before it comes again.
    config = ConsumerConfig(max_ack_pending=1, ack_wait=5)
    log = await client.jetstream().pull_subscribe("events.>", durable=NAME, stream="EVENTS", config=config)
    while True:
        try:
            [event] = await log.fetch(1, timeout=5)
        except NothingNew:
            continue
        print(event.metadata.sequence.stream, event.headers["ce-type"], event.data.decode(), flush=True)
        await event.ack_sync()


asyncio.run(main())
