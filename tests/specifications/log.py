#!/usr/bin/env python3
"""Holds every message of the log against AsyncAPI: its data against the schema of its type, its headers against theirs.

    API=http://127.0.0.1:8080 NATS=nats://127.0.0.1:4222 python3 log.py
"""
import asyncio
import json
import os
import urllib.request
from collections import Counter

import jsonschema_rs
import nats


def get(path):
    with urllib.request.urlopen(os.environ["API"] + path) as answer:
        return json.load(answer)


async def main():
    schemas = get("/asyncapi.json")["components"]["schemas"]
    strict = {"validate_formats": True}
    headers = jsonschema_rs.Draft202012Validator(schemas["EventHeaders"], **strict)
    data = {one["type"]: jsonschema_rs.Draft202012Validator(get(one["schema"]), **strict) for one in get("/schemas")}
    categories = {one["type"]: one["category"] for one in get("/schemas")}

    client = await nats.connect(os.environ["NATS"])
    log = await client.jetstream().subscribe("events.>", stream="EVENTS", ordered_consumer=True)
    seen = Counter()
    async for message in log.messages:
        of = message.headers["ce-type"]
        headers.validate(message.headers)
        data[of].validate(json.loads(message.data))
        assert message.subject.split(".")[1] == categories[of], message.subject
        seen[of] += 1
        if message.metadata.num_pending == 0:
            break
    await client.close()
    assert len(seen) >= 20, f"too little has happened to prove anything: {seen}"
    print(f"log: {sum(seen.values())} events of {len(seen)} types are as their schemas say")


asyncio.run(main())
