#!/usr/bin/env python3
"""deploy/haproxy with the real HAProxy in front of two real API nodes."""
import csv
import http.client
import io
import json
import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
import unittest
import urllib.request
import uuid

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "cluster"))
from processes import ROOT, Broker, Deployment, Process, free_port, until

CONFIG = os.path.join(ROOT, "deploy", "haproxy", "haproxy.cfg")
PATH = os.environ["PATH"] + ":/usr/sbin"


class Proxy:
    """HAProxy with one of the four ways."""

    def __init__(self, deployment, balance, weights=(1, 1)):
        self.port, self.stats = free_port(), free_port()
        nodes = [url.removeprefix("http://") for url in deployment.urls()]
        self.environment = {
            "LISTEN": f"127.0.0.1:{self.port}", "STATS": f"127.0.0.1:{self.stats}", "BALANCE": balance, "PATH": PATH,
            "API_1": nodes[0], "API_2": nodes[1], "WEIGHT_1": str(weights[0]), "WEIGHT_2": str(weights[1]),
        }
        name = f"haproxy-{balance}-{self.port}"
        self.process = Process(name, ["haproxy", "-db", "-f", CONFIG], deployment.folder, self.environment)
        self.process.environment["PATH"] = PATH

    def __enter__(self):
        self.process.start()
        until("both nodes are up", self.is_up)
        return self

    def __exit__(self, *_):
        self.process.kill()

    def is_up(self):
        if not self.process.runs():
            raise RuntimeError(self.process.said())
        return self.are("UP")

    def rows(self, backend="nodes"):
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.stats}/;csv", timeout=5) as answer:
                text = answer.read().decode().removeprefix("# ")
        except OSError:
            return {}
        rows = csv.DictReader(io.StringIO(text))
        return {row["svname"]: row for row in rows if row["pxname"] == backend}

    def are(self, state, names=("api-1", "api-2")):
        rows = self.rows()
        return rows and all(rows[name]["status"].startswith(state) for name in names)

    def served(self):
        """How many requests each node has had."""
        rows = self.rows()
        return [int(rows[name]["stot"]) for name in ("api-1", "api-2")]

    def spread(self, requests):
        before = self.served()
        for _ in range(requests):
            status, _ = self.call("GET", "/stock?limit=1")
            assert status == 200
        return [after - before for before, after in zip(before, self.served())]

    def call(self, method, path, body=None, key=None, timeout=20):
        """Status and body; `None` when there was no answer."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=timeout)
        headers = {"Content-Type": "application/json", **({"Idempotency-Key": key} if key else {})}
        try:
            connection.request(method, path, json.dumps(body) if body is not None else None, headers)
            answer = connection.getresponse()
            return answer.status, answer.read()
        except (OSError, http.client.HTTPException):
            return None, b""
        finally:
            connection.close()

    def wait_for_more(self):
        """A list that waits for a position far ahead."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        connection.request("GET", "/stock", headers={"Jetsource-Position": "1000000", "Prefer": "wait=30"})
        return connection

    def listen(self):
        """A stream of events."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        connection.request("GET", "/events")
        answer = connection.getresponse()
        assert answer.status == 200, answer.status
        return connection, answer


class Callers:
    """Several who receive stock, each command under a key of its own; `again` sends what failed once more."""

    def __init__(self, proxy, article, again, callers=4):
        self.proxy, self.path, self.again = proxy, f"/stock/{article}/receipts", again
        self.done, self.failed = 0, []
        self.lock, self.stop = threading.Lock(), threading.Event()
        self.threads = [threading.Thread(target=self.run, daemon=True) for _ in range(callers)]
        for thread in self.threads:
            thread.start()

    def run(self):
        while not self.stop.is_set():
            key = str(uuid.uuid4())
            while True:
                status, body = self.proxy.call("POST", self.path, {"quantity": 1}, key)
                with self.lock:
                    if status == 200:
                        self.done += 1
                        break
                    self.failed.append((status, body))
                if not self.again or (status is not None and status < 500 and status != 409):
                    break

    def more(self, count=60):
        before = self.done
        until(f"{count} more are done", lambda: self.done >= before + count)

    def end(self):
        self.stop.set()
        for thread in self.threads:
            thread.join(60)


class HAProxy(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        folder = tempfile.TemporaryDirectory(prefix="jetsource-haproxy-")
        cls.addClassCleanup(folder.cleanup)
        cls.broker = Broker(folder.name)
        cls.deployment = Deployment(folder.name, cls.broker)
        cls.addClassCleanup(cls.deployment.end)
        cls.broker.start()
        cls.deployment.start()

    def on_hand(self, article):
        with urllib.request.urlopen(f"{self.deployment.urls()[0]}/stock/{article}") as answer:
            return json.load(answer)["on_hand"]

    def warnings(self):
        """What the API nodes were worried about."""
        said = [line for name in ("api-1", "api-2") for line in self.deployment.roles[name].said().splitlines()]
        return "\n".join(line for line in said if " WARN " in line or " ERROR " in line)

    def test_the_file_is_sound(self):
        proxy = Proxy(self.deployment, "roundrobin")
        checked = subprocess.run(["haproxy", "-c", "-f", CONFIG], env=proxy.environment, capture_output=True, text=True)
        self.assertEqual(checked.returncode, 0, checked.stderr)
        self.assertNotIn("WARNING", checked.stderr)

    def test_round_robin_gives_each_node_its_turn(self):
        with Proxy(self.deployment, "roundrobin") as proxy:
            self.assertEqual(proxy.spread(40), [20, 20])

    def test_weighted_gives_each_node_its_share(self):
        with Proxy(self.deployment, "roundrobin", (3, 1)) as proxy:
            self.assertEqual(proxy.spread(40), [30, 10])

    def test_random_gives_both_about_half_in_no_order(self):
        with Proxy(self.deployment, "random") as proxy:
            one, two = proxy.spread(300)
            self.assertEqual(one + two, 300)
            # Nine standard deviations of a fair coin.
            self.assertLess(abs(one - two), 160, (one, two))
            turns = []
            for _ in range(30):
                turns.append(proxy.spread(1)[0])
            self.assertNotIn(turns, ([0, 1] * 15, [1, 0] * 15))

    def test_least_connections_goes_to_whoever_has_fewer(self):
        with Proxy(self.deployment, "leastconn") as proxy:
            # Four lists that wait for what is not there yet; while the second node is away all are with the first.
            self.deployment.roles["api-2"].end()
            until("api-2 is down", lambda: proxy.are("DOWN", ["api-2"]))
            waiting = [proxy.wait_for_more() for _ in range(4)]
            until("they wait", lambda: proxy.rows()["api-1"]["scur"] == "4")
            self.deployment.ready(self.deployment.roles["api-2"].start())
            until("api-2 is up", lambda: proxy.are("UP"))
            self.assertEqual(proxy.spread(12), [0, 12])
            for connection in waiting:
                connection.close()

    def test_listeners_go_where_fewest_are(self):
        with Proxy(self.deployment, "roundrobin") as proxy:
            listeners = [proxy.listen() for _ in range(6)]
            rows = proxy.rows("events")
            self.assertEqual([rows[name]["scur"] for name in ("api-1", "api-2")], ["3", "3"])
            for connection, _ in listeners:
                connection.close()

    def test_what_is_about_one_node_is_not_asked_through_the_front(self):
        with Proxy(self.deployment, "roundrobin") as proxy:
            self.assertEqual([proxy.call("GET", path)[0] for path in ("/metrics", "/livez", "/readyz")], [404, 404, 200])

    def hung(self, keys):
        """The first node hangs with one of two commands, which are sent under these keys, and is killed."""
        with Proxy(self.deployment, "roundrobin") as proxy:
            articles, answers = [f"hung-{uuid.uuid4()}" for _ in keys], {}

            def send(article, key):
                answers[article] = proxy.call("POST", f"/stock/{article}/receipts", {"quantity": 1}, key)[0]

            node = self.deployment.roles["api-1"]
            node.send(signal.SIGSTOP)
            threads = [threading.Thread(target=send, args=pair, daemon=True) for pair in zip(articles, keys)]
            for thread in threads:
                thread.start()
            until("one is answered, one hangs", lambda: len(answers) == 1 and proxy.rows()["api-1"]["scur"] == "1")
            node.kill()
            for thread in threads:
                thread.join(30)
            stored = [proxy.call("GET", f"/stock/{article}")[0] == 200 for article in articles]
            self.deployment.ready(node.start())
            return [answers[article] for article in articles], stored

    def test_a_command_without_a_key_is_never_sent_twice(self):
        answers, stored = self.hung([None, None])
        self.assertEqual(sorted(answers), [200, 502])
        self.assertEqual(stored, [answer == 200 for answer in answers])

    def test_a_command_with_a_key_is_carried_out_by_another_node(self):
        self.assertEqual(self.hung([str(uuid.uuid4()), str(uuid.uuid4())]), ([200, 200], [True, True]))

    def test_a_killed_node_costs_nothing_who_sends_again_under_the_same_key(self):
        with Proxy(self.deployment, "roundrobin") as proxy:
            callers = Callers(proxy, "kettle", again=True)
            callers.more()
            self.deployment.roles["api-1"].kill()
            callers.more()
            self.deployment.ready(self.deployment.roles["api-1"].start())
            until("api-1 is up", lambda: proxy.are("UP"))
            callers.more()
            callers.end()
            print(f"a killed node: {callers.done} done, {len(callers.failed)} sent again by their callers", flush=True)
            self.assertEqual(self.on_hand("kettle"), callers.done)

    def test_a_rolling_restart_costs_nothing(self):
        with Proxy(self.deployment, "roundrobin") as proxy:
            callers = Callers(proxy, "lamp", again=False)
            callers.more()
            for name in ("api-1", "api-2"):
                self.assertEqual(self.deployment.roles[name].end(), 0)
                callers.more()
                self.deployment.ready(self.deployment.roles[name].start())
                until(f"{name} is up", lambda: proxy.are("UP"))
                callers.more()
            callers.end()
            print(f"a rolling restart: {callers.done} done, {len(callers.failed)} failed", flush=True)
            self.assertEqual(callers.failed, [], self.warnings())
            self.assertEqual(self.on_hand("lamp"), callers.done)

    def test_an_event_reaches_its_listener_at_once(self):
        with Proxy(self.deployment, "roundrobin") as proxy:
            connection, stream = proxy.listen()
            article = f"sse-{uuid.uuid4()}"
            self.assertEqual(proxy.call("POST", f"/stock/{article}/receipts", {"quantity": 1})[0], 200)
            since = time.monotonic()
            while article.encode() not in stream.readline():
                self.assertLess(time.monotonic() - since, 5)
            connection.close()


if __name__ == "__main__":
    unittest.main()
