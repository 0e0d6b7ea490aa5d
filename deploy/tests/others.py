#!/usr/bin/env python3
"""Other tools at the production broker, each as its own user: a participant of checkouts, and a subscriber."""
import asyncio
import json
import os
import ssl
import subprocess
import sys
import tempfile
import unittest
import urllib.request

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "cluster"))
from processes import ROOT, Broker, Deployment, Process, until

LIBRARIES = os.path.join(ROOT, "target", "examples")
subprocess.run([sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--root-user-action=ignore",
                "--upgrade", "--target", LIBRARIES, "-r", os.path.join(ROOT, "deploy", "examples", "requirements.txt")], check=True)
sys.path.insert(0, LIBRARIES)
import nats


class Others(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        folder = tempfile.TemporaryDirectory(prefix="jetsource-others-")
        cls.addClassCleanup(folder.cleanup)
        cls.broker = Broker(folder.name)
        cls.deployment = Deployment(folder.name, cls.broker, participants=["payment"])
        cls.addClassCleanup(cls.deployment.end)
        cls.broker.start()
        cls.deployment.start()

    def call(self, method, path, body=None):
        data = json.dumps(body).encode() if body is not None else None
        request = urllib.request.Request(self.deployment.urls()[0] + path, data, {"Content-Type": "application/json"}, method=method)
        with urllib.request.urlopen(request, timeout=20) as answer:
            return json.load(answer)

    def order(self):
        user = self.call("POST", "/users", {"name": "Ann", "email": f"{os.urandom(4).hex()}@example.com"})["id"]
        line = {"sku": "gift", "quantity": 1, "unit_price": 5}
        return self.call("POST", "/orders", {"user_id": user, "lines": [line]})["id"]

    def test_a_participant_has_its_say(self):
        order = self.order()
        environment = {
            "NATS": self.broker.url("payment"), "NATS_CA": self.broker.certificates.ca, "NATS_INBOX": "_INBOX_payment",
            "PYTHONPATH": LIBRARIES,
        }
        call = [sys.executable, os.path.join(ROOT, "deploy", "examples", "payment.py")]
        payment = Process("payment", call, self.deployment.folder, environment).start()
        self.addCleanup(payment.end)

        def confirmed():
            self.assertTrue(payment.runs(), payment.said())
            return self.call("GET", f"/orders/{order}")["status"] == "confirmed"

        until("the order is confirmed", confirmed, 30)
        self.assertNotIn("Permissions", payment.said())

    def test_the_example_of_a_subscriber_hears(self):
        self.order()
        environment = {
            "NATS": self.broker.url("subscriber"), "NATS_CA": self.broker.certificates.ca, "NATS_INBOX": "_INBOX_subscriber",
            "PYTHONPATH": LIBRARIES,
        }
        call = [sys.executable, os.path.join(ROOT, "deploy", "examples", "subscriber.py")]
        subscriber = Process("subscriber", call, self.deployment.folder, environment).start()
        self.addCleanup(subscriber.end)

        def heard():
            self.assertTrue(subscriber.runs(), subscriber.said())
            return "order-placed" in subscriber.said()

        until("it hears of the order", heard, 30)
        self.assertNotIn("Permissions", subscriber.said())

    def test_a_subscriber_hears_and_reads_the_log(self):
        asyncio.run(self.subscribe())

    async def subscribe(self):
        refused = asyncio.Queue()

        async def note(error):
            await refused.put(str(error))

        client = await nats.connect(self.broker.url("subscriber").split(","), inbox_prefix="_INBOX_subscriber", error_cb=note,
                                    tls=ssl.create_default_context(cafile=self.broker.certificates.ca))
        live = await client.subscribe("events.order.>")
        await client.flush()
        order = await asyncio.to_thread(self.order)
        heard = await live.next_msg(timeout=20)
        self.assertEqual(heard.subject, f"events.order.{order}")
        reader = await client.jetstream().pull_subscribe("events.order.>", stream="EVENTS")
        stored = await reader.fetch(1, timeout=20)
        self.assertEqual(stored[0].headers["ce-type"], "order-placed")
        await stored[0].ack_sync()
        self.assertTrue(refused.empty())
        await client.publish(f"append.order.{order}", b"{}")
        self.assertIn("permissions violation", (await asyncio.wait_for(refused.get(), 20)).lower())
        await client.close()


if __name__ == "__main__":
    unittest.main()
