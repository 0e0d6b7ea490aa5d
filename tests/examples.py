#!/usr/bin/env python3
"""deploy/examples against the real program: JETSOURCE is the program to start."""
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
import unittest
import urllib.error
import urllib.request

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
PATIENCE = 60


def until(what, look):
    """Looks until there is something to see."""
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        seen = look()
        if seen:
            return seen
        time.sleep(0.05)
    raise AssertionError(f"never: {what}")


class Shop:
    """A program on a folder of its own."""

    def __init__(self, *arguments):
        self.folder = tempfile.TemporaryDirectory(prefix="jetsource-examples-")
        ready = os.path.join(self.folder.name, "ready.json")
        call = [os.environ["JETSOURCE"], "serve", "--listen", "127.0.0.1:0", "--nats-port", "0"]
        call += ["--data-dir", os.path.join(self.folder.name, "data"), "--ready-file", ready, *arguments]
        self.log = open(os.path.join(self.folder.name, "log"), "w")
        self.process = subprocess.Popen(call, stderr=self.log)
        until("it serves", lambda: os.path.exists(ready))
        with open(ready) as file:
            told = json.load(file)
        self.http, self.nats = told["http"], told["nats"]

    def call(self, method, path, body=None, **headers):
        data = json.dumps(body).encode() if body is not None else None
        request = urllib.request.Request(self.http + path, data, {"Content-Type": "application/json", **headers}, method=method)
        with urllib.request.urlopen(request, timeout=40) as answer:
            return json.load(answer)

    def order(self, user, price):
        lines = [{"sku": "tea", "quantity": 1, "unit_price": price}]
        return self.call("POST", "/orders", {"user_id": user, "lines": lines})["id"]

    def settled(self, order):
        return self.call("GET", f"/orders/{order}", Prefer="wait=30")

    def end(self):
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(30)
        self.log.close()
        self.folder.cleanup()


class Payment(unittest.TestCase):
    """payment.py: started, killed, started again."""

    def start(self):
        environment = {**os.environ, "NATS": self.shop.nats, "LIMIT": "10000"}
        call = [sys.executable, os.path.join(ROOT, "deploy/examples/payment.py")]
        self.payment = subprocess.Popen(call, env=environment, stdout=subprocess.PIPE, text=True)

    def kill(self):
        self.payment.kill()
        self.payment.wait()
        self.payment.stdout.close()

    def setUp(self):
        self.shop = Shop("--checkout-participants", "payment", "--checkout-deadline", "60s")
        self.start()
        user = {"name": "Ann", "email": "ann@example.com", "credit_limit": 1000000}
        self.user = self.shop.call("POST", "/users", user)["id"]

    def tearDown(self):
        self.kill()
        self.shop.end()

    def checkout(self, order):
        return self.shop.call("GET", f"/sagas/checkout/{order}")

    def test_it_has_a_say_in_each_order_also_after_it_was_away(self):
        self.assertEqual(self.shop.settled(self.shop.order(self.user, 500))["status"], "confirmed")
        declined = self.shop.settled(self.shop.order(self.user, 20000))
        self.assertEqual(declined["status"], "rejected")
        self.assertEqual(declined["reason"], "payment: 20000 is above 10000")

        self.kill()
        order = self.shop.order(self.user, 700)
        until("it waits for the payment alone", lambda: self.checkout_or_none(order) == ["payment"])
        self.start()
        self.assertEqual(self.shop.settled(order)["status"], "confirmed")

        self.shop.call("DELETE", f"/orders/{order}")
        lines = iter(self.payment.stdout.readline, "")
        self.assertTrue(any(line.split() == ["payment-voided", order] for line in lines))

    def checkout_or_none(self, order):
        try:
            return self.checkout(order)["waits_for"]
        except urllib.error.HTTPError as error:
            self.assertEqual(error.code, 404)
            return None


if __name__ == "__main__":
    unittest.main(verbosity=2)
