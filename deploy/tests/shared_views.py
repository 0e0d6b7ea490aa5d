#!/usr/bin/env python3
"""A whole deployment on the production broker, whose API nodes and workers share the read models in the PostgreSQL of
JETSOURCE_TEST_POSTGRES: `.ci/postgres deploy/tests/shared_views.py`."""
import json
import os
import sys
import tempfile
import unittest
import urllib.request

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "cluster"))
from processes import Broker, Deployment, until

LEADS = 'jetsource_view_leads{view="stock"} 1'


class SharedViews(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        folder = tempfile.TemporaryDirectory(prefix="jetsource-views-")
        cls.addClassCleanup(folder.cleanup)
        broker = Broker(folder.name)
        cls.deployment = Deployment(folder.name, broker, views=os.environ["JETSOURCE_TEST_POSTGRES"])
        cls.addClassCleanup(cls.deployment.end)
        broker.start()
        cls.deployment.start()

    def call(self, node, path, body=None, **headers):
        data = json.dumps(body).encode() if body is not None else None
        url = self.deployment.urls()[node] + path
        request = urllib.request.Request(url, data, {"Content-Type": "application/json", **headers})
        with urllib.request.urlopen(request, timeout=60) as answer:
            return json.load(answer), answer.headers

    def leaders(self):
        """The workers that drive the view of the stock."""
        names = []
        for name in ("projections-1", "projections-2"):
            worker = self.deployment.roles[name]
            if worker.runs():
                with urllib.request.urlopen(worker.metrics, timeout=5) as answer:
                    names += [name] if LEADS in answer.read().decode().splitlines() else []
        return names

    def receive_and_list(self):
        """Each node lists what another one has acknowledged."""
        for node in (0, 1):
            article = os.urandom(4).hex()
            _, headers = self.call(node, f"/stock/{article}/receipts", {"quantity": 1})
            position = headers["Jetsource-Position"]
            wait = {"Jetsource-Position": position, "Prefer": "wait=20"}
            rows, _ = self.call(1 - node, "/stock?limit=200", **wait)
            self.assertIn(article, [row["sku"] for row in rows])

    def test_one_worker_drives_a_view_and_another_takes_over(self):
        self.receive_and_list()
        leads = until("a worker drives it", self.leaders)
        self.assertEqual(len(leads), 1)
        self.deployment.roles[leads[0]].kill()
        self.receive_and_list()
        self.assertNotEqual(until("the other one drives it", self.leaders), leads)
        refused = [line for role in self.deployment.roles.values() for line in role.said().splitlines()
                   if "does not let this user" in line]
        self.assertEqual(refused, [])


if __name__ == "__main__":
    unittest.main()
