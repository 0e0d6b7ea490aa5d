#!/usr/bin/env python3
"""deploy/vector: that its components fit together, and its program in VRL, compiled and run by Vector's own crate on what
the real program says. Vector itself is in no registry that is asked here, so its sources and sinks were not tried."""
import json
import os
import subprocess
import sys
import tempfile
import unittest
import urllib.request

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "cluster"))
from processes import ROOT, Process, program, until

LIBRARIES = os.path.join(ROOT, "target", "deploy-tools", "vector")
subprocess.run([sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--root-user-action=ignore",
                "--upgrade", "--target", LIBRARIES, "pyyaml==6.0.4", "vrl-python==0.1.0"], check=True)
sys.path.insert(0, LIBRARIES)
import vrl_python
import yaml

with open(os.path.join(ROOT, "deploy", "vector", "vector.yaml")) as file:
    CONFIG = yaml.safe_load(file)


def parsed(message):
    return vrl_python.VRLRuntime().execute(CONFIG["transforms"]["parsed"]["source"], {"message": message}).processed_event


class Vector(unittest.TestCase):
    def test_each_component_takes_from_one_that_is_there(self):
        self.assertEqual(set(CONFIG), {"sources", "transforms", "sinks"})
        there = set(CONFIG["sources"]) | set(CONFIG["transforms"])
        takers = {**CONFIG["transforms"], **CONFIG["sinks"]}
        self.assertEqual({source for one in takers.values() for source in one["inputs"]}, there)

    def test_what_the_program_says_can_be_sorted(self):
        with tempfile.TemporaryDirectory(prefix="jetsource-logs-") as folder:
            ready = os.path.join(folder, "ready.json")
            call = [program(), "serve", "--listen", "127.0.0.1:0", "--nats-port", "0", "--data-dir", folder,
                    "--ready-file", ready, "--log-format", "json"]
            # Each request leaves a line with what it was about.
            process = Process("serve", call, folder, {"JETSOURCE_LOG": "debug"}).start()
            try:
                until("it serves", lambda: os.path.exists(ready))
                with open(ready) as file:
                    url = json.load(file)["http"] + "/stock/tea/receipts"
                headers = {"Content-Type": "application/json", "X-Request-Id": "from-afar"}
                urllib.request.urlopen(urllib.request.Request(url, b'{"quantity":1}', headers)).close()
                until("it says so", lambda: "from-afar" in process.said())
            finally:
                process.end()
            lines = [line for line in process.said().splitlines() if line.startswith("{")]
        sorted_ = [parsed(line) for line in lines]
        for line, one in zip(lines, sorted_):
            self.assertIn(one["level"], ("ERROR", "WARN", "INFO", "DEBUG"), line)
            self.assertTrue(one["target"] and isinstance(one["message"], str), line)
        ours = next(one for one in sorted_ if (one["span"] or {}).get("request_id") == "from-afar")
        self.assertIn("timestamp", ours)

    def test_what_is_no_json_stays_as_it_is(self):
        for line in ("Killed", "[1]", ""):
            self.assertEqual(parsed(line), {"message": line})


if __name__ == "__main__":
    unittest.main()
