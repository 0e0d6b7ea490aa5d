#!/usr/bin/env python3
"""Makes what an edge needs, at the hub and at the edge. Again it changes nothing.

    HUB=tls://admin:PASSWORD@nats-1:4222 EDGE=tls://admin:PASSWORD@edge:4222 NATS_CA=ca.pem deploy/edge/setup.py

Both are asked as `admin`. `jetsource setup` was run at the hub before. Needs nats-py (deploy/examples/requirements.txt).
"""
import asyncio
import json
import logging
import os
import ssl

import nats

#: The broker's words for "there is none": a stream, a consumer.
MISSING = (10059, 10014)


class Side:
    """One of the two brokers, by its JetStream API."""

    def __init__(self, client):
        self.client = client

    @classmethod
    async def connect(cls, url):
        trusted = os.environ.get("NATS_CA")
        tls = ssl.create_default_context(cafile=trusted) if trusted else None
        return cls(await nats.connect(url.split(","), tls=tls, inbox_prefix="_INBOX_admin"))

    async def ask(self, call, body=None):
        """The answer; None where there is no such thing."""
        asked = json.dumps(body).encode() if body else b""
        answer = json.loads((await self.client.request(f"$JS.API.{call}", asked, timeout=10)).data)
        error = answer.get("error")
        if error and error["err_code"] in MISSING:
            return None
        if error:
            raise SystemExit(f"{call}: {error['description']} ({error['err_code']})")
        return answer

    async def stream(self, wanted):
        there = await self.ask(f"STREAM.INFO.{wanted['name']}")
        await self.ask(f"STREAM.{'UPDATE' if there else 'CREATE'}.{wanted['name']}", {**(there or {}).get("config", {}), **wanted})

    async def gives(self, stream, to, subject):
        """A consumer for the stream elsewhere that copies this one: it keeps its place until what it gave is stored there."""
        consumer = {
            "durable_name": to, "deliver_subject": subject, "deliver_policy": "all", "replay_policy": "instant",
            "ack_policy": "flow_control", "flow_control": True, "idle_heartbeat": 1_000_000_000, "max_deliver": -1,
        }
        if not await self.ask(f"CONSUMER.INFO.{stream}.{to}"):
            await self.ask(f"CONSUMER.CREATE.{stream}.{to}", {"stream_name": stream, "config": consumer, "action": "create"})
        return {"name": to, "deliver_subject": subject}


async def main():
    hub, edge = await Side.connect(os.environ["HUB"]), await Side.connect(os.environ["EDGE"])
    name = (await edge.ask("INFO"))["domain"]
    queue = (await hub.ask("STREAM.INFO.COMMANDS"))["config"]

    # The log, read at the edge.
    consumer = await hub.gives("EVENTS", to=name, subject=f"deliver.{name}.events")
    if not await edge.ask("STREAM.INFO.EVENTS"):
        # A mirror that begins is given all of it, whatever one before it had.
        await hub.ask(f"CONSUMER.RESET.EVENTS.{name}", {"seq": 1})
    await edge.stream({
        "name": "EVENTS", "description": "the log of the hub, mirrored", "storage": "file", "allow_direct": True,
        "deny_delete": True, "deny_purge": True, "republish": {"src": "events.>", "dest": "events.>"},
        "mirror": {"name": "EVENTS", "external": {"api": "$JS.hub.API"}, "consumer": consumer},
    })

    # Commands, taken at the edge, and fetched by the hub.
    await edge.stream({
        "name": "COMMANDS", "description": "commands on their way to the hub", "subjects": queue["subjects"],
        "storage": "file", "retention": "workqueue", "discard": "new", "max_msgs": 1_000_000,
    })
    consumer = await edge.gives("COMMANDS", to="hub", subject=f"deliver.{name}.commands")
    api = f"$JS.{name}.API"
    sources = [one for one in queue.get("sources", []) if one["external"]["api"] != api]
    await hub.stream({**queue, "sources": [*sources, {"name": "COMMANDS", "external": {"api": api}, "consumer": consumer}]})
    print(f"{name} mirrors the log of hub and hands over {', '.join(queue['subjects'])}")
    await hub.client.close()
    await edge.client.close()


# Of each end of a TLS connection nats-py has it say something.
logging.getLogger("asyncio").setLevel(logging.ERROR)
asyncio.run(main())
