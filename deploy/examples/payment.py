#!/usr/bin/env python3
"""A participant of the checkout from outside: it authorises payments up to a limit.

Run the program with `--checkout-participants payment`, then this: NATS=nats://127.0.0.1:4222 LIMIT=100000 payment.py
It takes commands.payment.<order-id>.authorise and .void from the queue, and appends its answers to the log. Whatever it
is sent twice it answers once: what it has answered stands on the log. Needs nats-py (requirements.txt).
"""
import asyncio
import json
import os
import ssl
import uuid

import nats
from nats.errors import TimeoutError as NothingNew
from nats.js.api import ConsumerConfig
from nats.js.errors import APIError, NotFoundError

LIMIT = int(os.environ.get("LIMIT", "100000"))


async def history(js, order):
    """The last answer for this order, and where it lies on the log."""
    try:
        # Any server may answer, also one that is behind: then the append is refused, and the command comes again.
        last = await js.get_last_msg("EVENTS", f"events.payment.{order}", direct=True)
        return last.headers["ce-type"], last.seq
    except NotFoundError:
        return None, 0


async def answer(js, order, command_id, answered, after, **data):
    """Appends it, unless somebody was faster: the expected sequence is checked by the broker."""
    headers = {
        "ce-id": str(uuid.uuid5(uuid.NAMESPACE_OID, command_id)),
        "ce-type": answered,
        "Nats-Expected-Last-Subject-Sequence": str(after),
    }
    await js.publish(f"append.payment.{order}", json.dumps(data).encode(), headers=headers)
    print(answered, order, flush=True)


async def carry_out(js, message):
    _, _, order, command = message.subject.split(".")
    command_id = message.headers["Nats-Msg-Id"]
    before, after = await history(js, order)
    if command == "void" and before != "payment-voided":
        await answer(js, order, command_id, "payment-voided", after)
    elif command == "authorise" and before is None:
        amount = json.loads(message.data)["amount"]
        if amount <= LIMIT:
            await answer(js, order, command_id, "payment-authorised", after, amount=amount)
        else:
            await answer(js, order, command_id, "payment-declined", after, reason=f"{amount} is above {LIMIT}")


async def main():
    servers = os.environ.get("NATS", "nats://127.0.0.1:4222").split(",")
    # A broker with users and TLS: its certificates, and where this user may hear answers (deploy/nats).
    inbox, authority = os.environ.get("NATS_INBOX", "_INBOX"), os.environ.get("NATS_CA")
    tls = ssl.create_default_context(cafile=authority) if authority else None
    client = await nats.connect(servers, max_reconnect_attempts=-1, inbox_prefix=inbox, tls=tls)
    js = client.jetstream()
    config = ConsumerConfig(ack_wait=5)
    queue = await js.pull_subscribe("commands.payment.>", durable="payment", stream="COMMANDS", config=config)
    while True:
        try:
            for message in await queue.fetch(16, timeout=5):
                await carry_out(js, message)
                await message.ack()
        except NothingNew:
            continue
        except APIError as error:
            print("comes again:", error, flush=True)


asyncio.run(main())
