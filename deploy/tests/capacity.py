#!/usr/bin/env python3
"""What entities and events cost in memory and on disk: starts the program, receives COUNT articles once each, then all of
them once more, and prints a table. docs/capacity.md has what it found; COUNT=50000 unless told. No test: it measures."""
import json
import os
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "cluster"))
from processes import Process, fetch, program, until


class Shop:
    """One process with the API and the read models, on a broker of its own."""

    def __init__(self, folder):
        self.data, self.ready = os.path.join(folder, "data"), os.path.join(folder, "ready.json")
        settings = ["--role", "api,projections", "--listen", "127.0.0.1:0", "--nats-port", "0"]
        places = ["--data-dir", self.data, "--ready-file", self.ready]
        self.process = Process("serve", [program(), "serve", *settings, *places], folder)

    def start(self):
        self.process.start()
        until("it serves", lambda: os.path.exists(self.ready))
        with open(self.ready) as file:
            self.http = json.load(file)["http"]

    def receive(self, count):
        with tempfile.NamedTemporaryFile("w", suffix=".ndjson") as file:
            for number in range(count):
                line = {"method": "POST", "path": f"/stock/article-{number}/receipts", "body": {"quantity": 10}}
                file.write(json.dumps(line) + "\n")
            file.flush()
            sent = [program(), "import", file.name, "--api", self.http, "--concurrency", "64"]
            subprocess.run(sent, check=True, capture_output=True)

    def views(self):
        return fetch(f"{self.http}/readyz?verbose", timeout=30)["views"]

    def tell(self, what, events):
        until("the read models are there", lambda: min(view["position"] for view in self.views()) >= events, 600)
        with open(os.path.join(self.data, "nats", "nats-server.json")) as file:
            broker = json.load(file)["pid"]
        store = os.path.join(self.data, "nats")
        log = sum(on_disk(place) for place, _, _ in os.walk(store) if place.endswith(os.path.join("streams", "EVENTS")))
        rows = sum(os.path.getsize(os.path.join(self.data, name)) for name in os.listdir(self.data) if name.startswith("views."))
        costs = [log, on_disk(store), resident(broker), resident(self.process.child.pid), rows]
        print(f"| {what} | {events} | " + " | ".join(f"{number / 1e6:.1f}" for number in costs) + " |", flush=True)


def resident(pid):
    with open(f"/proc/{pid}/status") as status:
        return next(int(line.split()[1]) * 1024 for line in status if line.startswith("VmRSS"))


def on_disk(folder):
    """The bytes that its files take."""
    return sum(os.lstat(os.path.join(place, name)).st_blocks * 512 for place, _, names in os.walk(folder) for name in names)


def main():
    count = int(os.environ.get("COUNT", "50000"))
    with tempfile.TemporaryDirectory(prefix="jetsource-capacity-") as folder:
        shop = Shop(folder)
        try:
            shop.start()
            print("| | events | log MB | broker's disk MB | broker's memory MB | program's memory MB | views MB |")
            print("|---|---|---|---|---|---|---|")
            shop.tell("empty", 0)
            shop.receive(count)
            shop.tell(f"{count} entities, each with 1 event", count)
            shop.receive(count)
            shop.tell("each with 2", 2 * count)
            shop.process.end()
            shop.start()
            shop.tell("started again", 2 * count)
        finally:
            shop.process.end()


main()
