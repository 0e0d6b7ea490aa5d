#!/usr/bin/env python3
"""deploy/prometheus and deploy/grafana by promtool, and each metric and label in them by what the program serves."""
import json
import os
import re
import subprocess
import sys
import tempfile
import unittest
import urllib.request

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "cluster"))
from processes import ROOT, Process, program, until

FOLDER = os.path.join(ROOT, "deploy", "prometheus")
NAME = re.compile(r"\b(jetsource_[a-z_]+)(?:\{([^}]*)\})?")
#: Served from the first time it happens: those need a conflict of writers, or a power cut.
SELDOM = {"jetsource_append_conflicts_total", "jetsource_cut_appends_total"}


def queries():
    """Those of the dashboards."""
    folder = os.path.join(ROOT, "deploy", "grafana")
    for name in sorted(os.listdir(folder)):
        with open(os.path.join(folder, name)) as file:
            board = json.load(file)
        for panel in board["panels"]:
            for target in panel["targets"]:
                yield f"{name}: {panel['title']}", target["expr"]


def promtool(*arguments):
    done = subprocess.run(["promtool", *arguments], cwd=FOLDER, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


class Prometheus(unittest.TestCase):
    def test_promtool_has_nothing_to_say(self):
        # The token is where it runs.
        promtool("check", "config", "--syntax-only", "prometheus.yml")
        promtool("check", "rules", "--lint=all", "--lint-fatal", "rules.yml")
        promtool("test", "rules", "rules.test.yml")

    def test_each_query_of_a_dashboard_can_be_asked(self):
        with tempfile.TemporaryDirectory() as folder:
            rules = [{"record": f"query:{number}", "expr": expr} for number, (_, expr) in enumerate(queries())]
            self.assertGreater(len(rules), 12)
            path = os.path.join(folder, "queries.json")
            with open(path, "w") as file:
                json.dump({"groups": [{"name": "dashboards", "rules": rules}]}, file)
            promtool("check", "rules", path)

    def test_each_alert_has_its_part_in_the_page_and_the_other_way_round(self):
        with open(os.path.join(FOLDER, "rules.yml")) as rules, open(os.path.join(ROOT, "docs", "operations", "alerts.md")) as page:
            text = rules.read()
            alerts = re.findall(r"- alert: (\w+)", text)
            self.assertEqual(sorted(alerts), sorted(re.findall(r"^## (\w+)$", page.read(), re.M)))
        for alert in alerts:
            self.assertIn(f"alerts.md#{alert.lower()}", text)
        with open(os.path.join(FOLDER, "rules.test.yml")) as tests:
            tested = set(re.findall(r"alertname: (\w+)", tests.read()))
        self.assertEqual(tested, set(alerts))

    def test_the_program_serves_what_the_rules_ask_for(self):
        with open(os.path.join(FOLDER, "rules.yml")) as file:
            asked = set(NAME.findall(file.read() + "\n".join(expr for _, expr in queries())))
        self.assertGreater(len(asked), 8)
        missing = []
        with tempfile.TemporaryDirectory(prefix="jetsource-metrics-") as folder:
            ready = os.path.join(folder, "ready.json")
            call = [program(), "serve", "--listen", "127.0.0.1:0", "--nats-port", "0", "--data-dir", folder, "--ready-file", ready]
            process = Process("serve", call, folder).start()
            try:
                until("it serves", lambda: os.path.exists(ready))
                with open(ready) as file:
                    api = json.load(file)["http"]
                data = json.dumps({"quantity": 1}).encode()
                post = urllib.request.Request(f"{api}/stock/tea/receipts", data, {"Content-Type": "application/json"})
                urllib.request.urlopen(post).close()

                user = json.dumps({"name": "Ann", "email": "ann@example.com"}).encode()
                post = urllib.request.Request(f"{api}/users", user, {"Content-Type": "application/json"})
                with urllib.request.urlopen(post) as answer:
                    line = {"sku": "tea", "quantity": 1, "unit_price": 1}
                    order = json.dumps({"user_id": json.load(answer)["id"], "lines": [line]}).encode()
                post = urllib.request.Request(f"{api}/orders", order, {"Content-Type": "application/json"})
                urllib.request.urlopen(post).close()

                def served():
                    with urllib.request.urlopen(f"{api}/metrics") as answer:
                        text = answer.read().decode()
                    missing[:] = sorted(name for name, _ in asked if name not in SELDOM and name not in text)
                    return None if missing else text

                try:
                    text = until("all of it is served", served, 30)
                except TimeoutError:
                    self.fail(f"not served: {missing}")
            finally:
                process.end()
        sources = subprocess.run(["git", "grep", "-h", "jetsource_", "--", "*.rs"], cwd=ROOT, capture_output=True, text=True).stdout
        for name, labels in sorted(asked):
            lines = [line for line in text.splitlines() if re.match(rf"{name}[{{ ]", line)]
            if name in SELDOM:
                self.assertIn(f'"{name}"', sources)
                continue
            self.assertTrue(lines, f"{name} is not served")
            for label in re.findall(r"(\w+)=", labels):
                self.assertTrue(any(f'{label}="' in line for line in lines), f"{name} has no label {label}")


if __name__ == "__main__":
    unittest.main()
