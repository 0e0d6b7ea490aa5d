#!/usr/bin/env python3
"""An edge at the production broker: real servers, TLS, the real program at the hub; kills on both sides."""
import asyncio
import base64
import json
import logging
import os
import secrets
import shutil
import ssl
import subprocess
import sys
import tempfile
import time
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "cluster"))
from processes import PATIENCE, ROOT, Broker, Deployment, Process, fetch, free_port, nats_server, program, until

LIBRARIES = os.path.join(ROOT, "target", "examples")
subprocess.run([sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--root-user-action=ignore",
                "--upgrade", "--target", LIBRARIES, "-r", os.path.join(ROOT, "deploy", "examples", "requirements.txt")], check=True)
sys.path.insert(0, LIBRARIES)
import nats


class Edge:
    """The one server at the edge, with deploy/edge/edge.conf."""

    def __init__(self, folder, hub):
        self.hub = hub
        self.passwords = {user: "p" + secrets.token_hex(16) for user in ("sys", "reader", "projections", "commander", "admin")}
        self.address, self.monitor = f"127.0.0.1:{free_port()}", free_port()
        self.store = os.path.join(folder, "edge-1")
        doors = [f"tls://edge:{hub.passwords['edge']}@{address}" for address in hub.for_edges]
        environment = {
            "NATS_NAME": "edge-1",
            "NATS_DOMAIN": "edge",
            "NATS_LISTEN": json.dumps(self.address),
            "NATS_MONITOR": json.dumps(f"127.0.0.1:{self.monitor}"),
            "NATS_HUB": json.dumps(doors),
            "NATS_STORE": json.dumps(self.store),
            "NATS_DISK": "1GB",
            "NATS_CERT": json.dumps(hub.certificates.cert),
            "NATS_KEY": json.dumps(hub.certificates.key),
            "NATS_CA": json.dumps(hub.certificates.ca),
            **{f"NATS_{user.upper()}_PASSWORD": password for user, password in self.passwords.items()},
        }
        self.server = Process("edge", [nats_server(), "-c", os.path.join(ROOT, "deploy", "edge", "edge.conf")], folder, environment)

    def url(self, user):
        return f"tls://{user}:{self.passwords[user]}@{self.address}"

    def start(self):
        self.server.start()
        until("the edge is up", lambda: self.ask("/healthz").get("status") == "ok")

    def ask(self, path):
        try:
            return fetch(f"http://127.0.0.1:{self.monitor}{path}", timeout=2)
        except (OSError, ValueError):
            return {}

    def is_connected(self):
        return self.ask("/leafz").get("leafnodes") == 1


async def reached(what, look, patience=PATIENCE):
    """`until`, of something that is asked for on a connection; who does not answer is asked again."""
    deadline, seen = time.monotonic() + patience, None
    while time.monotonic() < deadline:
        try:
            seen = await look()
            if seen:
                return seen
        except nats.errors.Error as away:
            seen = away
        await asyncio.sleep(0.02)
    raise TimeoutError(f"never within {patience} s: {what}; last seen: {seen!r}")


class AnEdge(unittest.IsolatedAsyncioTestCase):
    @classmethod
    def setUpClass(cls):
        folder = tempfile.TemporaryDirectory(prefix="jetsource-edge-")
        cls.addClassCleanup(folder.cleanup)
        cls.hub = Broker(folder.name, configuration="edge/hub.conf")
        cls.deployment = Deployment(folder.name, cls.hub)
        cls.addClassCleanup(cls.deployment.end)
        cls.edge = Edge(folder.name, cls.hub)
        cls.addClassCleanup(lambda: cls.edge.server.runs() and cls.edge.server.kill())
        cls.hub.start()
        cls.deployment.setup()
        cls.deployment.ready(cls.deployment.add("api", 1).start())
        cls.edge.start()
        # Twice: again it changes nothing.
        for _ in range(2):
            cls.set_up_edge()

    @classmethod
    def set_up_edge(cls):
        environment = {**os.environ, "PYTHONPATH": LIBRARIES, "NATS_CA": cls.hub.certificates.ca,
                       "HUB": cls.hub.url("admin"), "EDGE": cls.edge.url("admin")}
        done = subprocess.run([sys.executable, os.path.join(ROOT, "deploy", "edge", "setup.py")], env=environment,
                              capture_output=True, text=True, timeout=60)
        if done.returncode:
            raise RuntimeError(done.stderr)

    async def asyncSetUp(self):
        self.at_hub, self.at_edge = await self.connect(self.hub.url("admin")), await self.connect(self.edge.url("admin"))
        self.reader = await self.connect(self.edge.url("reader"), "reader")
        self.commander = await self.connect(self.edge.url("commander"), "commander")
        self.named = f"article-{secrets.token_hex(4)}"

    async def connect(self, url, user="admin"):
        trusted = ssl.create_default_context(cafile=self.hub.certificates.ca)

        async def silent(_error):
            pass

        client = await nats.connect(url.split(","), tls=trusted, inbox_prefix=f"_INBOX_{user}", max_reconnect_attempts=-1,
                                    reconnect_time_wait=0.1, error_cb=silent)
        self.addAsyncCleanup(client.close)
        return client

    @staticmethod
    async def ask(client, call, **body):
        async def answer():
            said = await client.request(f"$JS.API.{call}", json.dumps(body).encode() if body else b"", timeout=2)
            found = json.loads(said.data)
            return found if "error" not in found else None

        return await reached(f"an answer to {call} {body}", answer)

    async def state(self, client, stream):
        return (await self.ask(client, f"STREAM.INFO.{stream}"))["state"]

    async def message(self, client, stream, position):
        found = (await self.ask(client, f"STREAM.MSG.GET.{stream}", seq=position))["message"]
        headers = base64.b64decode(found["hdrs"]).decode().splitlines()
        # What the one who appended told the broker: a mirror leaves it out.
        headers = [line for line in headers if not line.startswith(("Nats-Expected-", "Nats-Batch-"))]
        return found["seq"], found["subject"], headers, found["data"], found["time"]

    async def stored(self, client, number):
        """A command that adds one to the article, so that its events tell how often; sent until it is acknowledged."""
        async def acknowledged():
            answer = await client.request(f"commands.stock.{self.named}.receive", b'{"quantity":1}', timeout=2,
                                          headers={"Nats-Msg-Id": f"{self.named}-{number}"})
            said = json.loads(answer.data)
            self.assertNotIn("error", said)
            return said["domain"]

        where = await reached(f"command {number} is stored", acknowledged)
        self.assertEqual(where, "hub" if client is self.at_hub else "edge")

    async def carried_out(self):
        found = await self.ask(self.at_hub, "STREAM.INFO.EVENTS", subjects_filter=f"events.stock.{self.named}")
        return (found["state"].get("subjects") or {}).get(f"events.stock.{self.named}", 0)

    async def each_is_carried_out_once(self, commands):
        async def all_are_done():
            waiting = [(await self.state(client, "COMMANDS"))["messages"] for client in (self.at_edge, self.at_hub)]
            return waiting == [0, 0] and await self.carried_out() >= commands

        await reached(f"all {commands} commands are carried out", all_are_done, 120)
        self.assertEqual(await self.carried_out(), commands)
        self.assertEqual((await self.state(self.at_hub, "REJECTED"))["messages"], 0)

    async def the_mirror_has_all(self):
        async def both_end_at_the_same():
            last = (await self.state(self.at_hub, "EVENTS"))["last_seq"]
            return last == (await self.state(self.at_edge, "EVENTS"))["last_seq"] and last

        return await reached("the mirror has the whole log", both_end_at_the_same)

    def kill_hub(self):
        for node in self.hub.nodes:
            node.kill()

    async def start_hub(self):
        for node in self.hub.nodes:
            node.start()
        await asyncio.to_thread(until, "the hub is back", self.hub.meta_leader)

    async def test_the_log_is_read_at_the_edge_as_it_is(self):
        live = [await client.subscribe(f"events.stock.{self.named}") for client in (self.reader, self.at_hub)]
        await self.reader.flush()
        await self.at_hub.flush()
        for number in range(20):
            await self.stored(self.at_hub, number)
        await self.each_is_carried_out_once(20)
        await self.the_mirror_has_all()
        # One more: what the mirror may have said of the first ones has reached everybody before it.
        await self.stored(self.at_hub, 20)
        await self.each_is_carried_out_once(21)
        last = await self.the_mirror_has_all()
        for position in range(1, last + 1):
            self.assertEqual(await self.message(self.at_edge, "EVENTS", position), await self.message(self.at_hub, "EVENTS", position))
        for subscription in live:
            heard = [int((await subscription.next_msg(timeout=20)).headers["Nats-Sequence"]) for _ in range(21)]
            self.assertEqual(heard, sorted(set(heard)))
            self.assertEqual(subscription.pending_msgs, 0)

    async def test_commands_wait_at_the_edge_while_the_hub_is_away(self):
        # Under one id, by whichever way and in whichever order, each is one command.
        for number in range(5):
            await self.stored(self.at_hub, number)
        for number in range(10):
            await self.stored(self.commander, number)
        for number in range(10):
            await self.stored(self.at_hub, number)
        await self.each_is_carried_out_once(10)
        last = await self.the_mirror_has_all()

        self.kill_hub()
        for number in range(10, 60):
            await self.stored(self.commander, number)
        read = await self.reader.jetstream().pull_subscribe(f"events.stock.{self.named}", stream="EVENTS")
        messages = await read.fetch(10, timeout=20)
        self.assertEqual(messages[-1].metadata.sequence.stream, last)
        self.edge.server.kill()
        self.edge.start()
        # Their senders did not hear of it, and send again.
        for number in range(0, 60, 3):
            await self.stored(self.commander, number)
        waiting = (await self.state(self.at_edge, "COMMANDS"))["messages"]
        self.assertGreaterEqual(waiting, 50)
        self.assertEqual((await self.message(self.reader, "EVENTS", last))[0], last)

        since = time.monotonic()
        await self.start_hub()
        back = time.monotonic()
        await self.each_is_carried_out_once(60)
        done = time.monotonic()
        await self.the_mirror_has_all()
        print(f"the hub was up after {back - since:.1f} s, {waiting} commands were carried out {done - back:.1f} s later, "
              f"and on the mirror {time.monotonic() - done:.1f} s after that", flush=True)

    async def test_kills_in_the_middle_lose_nothing_and_repeat_nothing(self):
        sent, kills = 0, ["the edge", "the link", "the hub"] * 2
        for kill in kills:
            before = await self.carried_out()
            for number in range(sent, sent + 200):
                await self.commander.publish(f"commands.stock.{self.named}.receive", b'{"quantity":1}',
                                             headers={"Nats-Msg-Id": f"{self.named}-{number}"})
            await self.commander.flush()

            async def some_are_done():
                return await self.carried_out() > before

            await reached("some are on their way", some_are_done, 120)
            if kill == "the edge":
                self.edge.server.kill()
                self.edge.start()
            elif kill == "the link":
                self.connected_to().kill()
                await asyncio.to_thread(until, "the edge has found another server", self.edge.is_connected)
                for node in self.hub.nodes:
                    node.runs() or node.start()
            else:
                self.kill_hub()
                await self.start_hub()
            # What was not acknowledged is sent again by its sender: here, all of it.
            for number in range(sent, sent + 200):
                await self.stored(self.commander, number)
            sent += 200
        await self.each_is_carried_out_once(sent)
        await self.the_mirror_has_all()
        print(f"{sent} commands through {len(kills)} kills, each sent twice: each was carried out once", flush=True)

    async def test_an_edge_that_lost_its_disk_starts_again(self):
        for number in range(10):
            await self.stored(self.commander, number)
        await self.each_is_carried_out_once(10)
        last = await self.the_mirror_has_all()

        async def the_hub_knows_that_it_has():
            return (await self.ask(self.at_hub, "CONSUMER.INFO.EVENTS.edge"))["ack_floor"]["stream_seq"] == last

        await reached("the hub knows what the edge has", the_hub_knows_that_it_has)
        self.edge.server.kill()
        shutil.rmtree(self.edge.store)
        self.edge.start()
        await asyncio.to_thread(self.set_up_edge)
        # They begin again at 1 in the edge's queue, and are other commands all the same.
        for number in range(10, 15):
            await self.stored(self.commander, number)
        await self.each_is_carried_out_once(15)
        last = await self.the_mirror_has_all()
        state = await self.state(self.at_edge, "EVENTS")
        self.assertEqual((state["first_seq"], state["messages"]), (1, last))

    async def test_the_program_reads_at_the_edge(self):
        for number in range(3):
            await self.stored(self.commander, number)
        await self.each_is_carried_out_once(3)
        last = await self.the_mirror_has_all()
        views = f"sqlite:{os.path.join(self.deployment.folder, 'views-at-the-edge.sqlite')}"
        worker = self.role("projections", self.edge, views)
        # Commands go to the hub, lists come from the rows that are kept at the edge.
        api = self.role("api", self.hub, views, "--listen", "127.0.0.1:0")
        with open(api.ready) as file:
            page = f"{json.load(file)['http']}/stock"

        def article():
            return next((one for one in fetch(page) if one["sku"] == self.named), None)

        until("the list at the edge has it", lambda: (article() or {}).get("on_hand") == 3)
        self.kill_hub()
        try:
            self.assertEqual(article()["on_hand"], 3)
            self.assertIn('"stock-received"', self.jetsource("events", "get", str(last), "--json"))
            self.assertEqual(json.loads(self.jetsource("show", "stock", self.named, "--json"))["version"], 3)
            self.assertEqual(self.jetsource("events", "tail", "--json").count("\n"), last)
            self.assertTrue(worker.runs(), worker.said())
        finally:
            await self.start_hub()

    def settings(self, broker, user):
        return {"JETSOURCE_NATS_URL": broker.url(user), "JETSOURCE_NATS_CA": self.hub.certificates.ca,
                "JETSOURCE_NATS_INBOX": f"_INBOX_{user}"}

    def role(self, role, broker, views, *more):
        data = os.path.join(self.deployment.folder, f"{role}-at-the-edge")
        call = [program(), "serve", "--role", role, "--data-dir", data, "--ready-file", f"{data}.json", "--views", views, *more]
        process = Process(f"{role}-at-the-edge", call, self.deployment.folder, self.settings(broker, role))
        process.ready = f"{data}.json"
        self.addCleanup(process.end)
        self.deployment.ready(process.start())
        return process

    def jetsource(self, *call):
        """What the program prints as the edge's reader."""
        environment = {**os.environ, **self.settings(self.edge, "reader")}
        done = subprocess.run([program(), *call], capture_output=True, text=True, env=environment, timeout=60)
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        return done.stdout

    async def test_the_page_shows_what_works(self):
        environment = {
            **os.environ, "PYTHONPATH": LIBRARIES, "PATH": f"{os.path.dirname(program())}:{os.environ['PATH']}", "API": "-", "NATS": "-",
            "NATS_CA": self.hub.certificates.ca, "HUB": self.hub.url("admin"), "EDGE": self.edge.url("admin"),
            "READER": self.edge.url("reader"), "COMMANDER": self.edge.url("commander"),
        }
        call = [sys.executable, os.path.join(ROOT, "tests", "readme.py"), "--strict", "docs/edge.md"]
        done = subprocess.run(call, env=environment, capture_output=True, text=True, timeout=200)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)

    async def test_the_edge_may_do_nothing_else_at_the_hub(self):
        """What its user may is tried subject by subject by nats_users.py; here that no client of the edge gets further."""
        before = {stream: await self.state(self.at_hub, stream) for stream in ("EVENTS", "KEYS", "REJECTED")}
        api = "$JS.hub.API"
        for subject in ("append.user.1", "keys.k", "snapshots.user.1", "rejected.user.1.register", "requests.user.1.register",
                        "$KV.jetsource.lease.checkout", "deadlines.set.checkout.1.answers", f"{api}.INFO", f"{api}.STREAM.NAMES",
                        f"{api}.STREAM.DELETE.EVENTS", f"{api}.STREAM.PURGE.KEYS", f"{api}.STREAM.UPDATE.COMMANDS",
                        f"{api}.STREAM.MSG.GET.KEYS", f"{api}.DIRECT.GET.KEYS", f"{api}.STREAM.INFO.EVENTS",
                        f"{api}.CONSUMER.CREATE.EVENTS", f"{api}.CONSUMER.CREATE.EVENTS.mine",
                        f"{api}.CONSUMER.DELETE.EVENTS.edge", "deliver.edge.other"):
            # Nobody answers: the link carries it no further.
            with self.assertRaises(nats.errors.Error, msg=subject):
                await self.at_edge.request(subject, b"{}", timeout=1)
        after = {stream: await self.state(self.at_hub, stream) for stream in before}
        self.assertEqual(before, after)

    def connected_to(self):
        """The server of the hub that has the edge."""
        return next(node for number, node in enumerate(self.hub.nodes) if self.hub.ask(number, "/leafz").get("leafnodes"))


if __name__ == "__main__":
    # What nats-py leaves open, and how long a step of its took.
    logging.getLogger("asyncio").setLevel(logging.ERROR)
    unittest.main(warnings="ignore")
