#!/usr/bin/env python3
"""deploy/prometheus and deploy/grafana by promtool, each metric and label in them by what the program serves, and what the
alerts about the broker look at by servers that are killed."""
import glob
import json
import os
import re
import subprocess
import sys
import tempfile
import unittest
import urllib.request

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "cluster"))
from processes import ROOT, Broker, Deployment, Process, program, until

FOLDER = os.path.join(ROOT, "deploy", "prometheus")
NAME = re.compile(r"\b(jetsource_[a-z_]+)(?:\{([^}]*)\})?")
RECORDED = re.compile(r"\bjetsource:[a-z0-9_:]+")


def text(*path):
    with open(os.path.join(ROOT, *path)) as file:
        return file.read()


def queries():
    """Those of the dashboards."""
    for path in sorted(glob.glob(os.path.join(ROOT, "deploy", "grafana", "*.json"))):
        for panel in json.loads(text(path))["panels"]:
            for target in panel["targets"]:
                yield f"{os.path.basename(path)}: {panel['title']}", target["expr"]


def asked():
    """All that rules, alerts and dashboards ask for."""
    rules = re.findall(r"^ +expr: (.*)$", text("deploy", "prometheus", "rules.yml"), re.M)
    return "\n".join(rules + [expr for _, expr in queries()])


def promtool(*arguments):
    done = subprocess.run(["promtool", *arguments], cwd=FOLDER, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


class Files(unittest.TestCase):
    def test_promtool_has_nothing_to_say(self):
        # The token is where it runs.
        promtool("check", "config", "--syntax-only", "prometheus.yml")
        promtool("check", "rules", "--lint=all", "--lint-fatal", "rules.yml")
        promtool("test", "rules", "rules.test.yml")

    def test_each_query_of_a_dashboard_can_be_asked(self):
        with tempfile.TemporaryDirectory() as folder:
            rules = [{"record": f"query:{number}", "expr": expr} for number, (_, expr) in enumerate(queries())]
            self.assertGreater(len(rules), 30)
            path = os.path.join(folder, "queries.json")
            with open(path, "w") as file:
                json.dump({"groups": [{"name": "dashboards", "rules": rules}]}, file)
            promtool("check", "rules", path)

    def test_what_is_recorded_is_what_is_asked_for(self):
        recorded = re.findall(r"record: (\S+)", text("deploy", "prometheus", "rules.yml"))
        self.assertEqual(set(RECORDED.findall(asked())), set(recorded))

    def test_each_alert_has_its_part_in_the_page_and_its_test(self):
        rules = text("deploy", "prometheus", "rules.yml")
        alerts = re.findall(r"- alert: (\w+)", rules)
        self.assertEqual(sorted(alerts), sorted(re.findall(r"^## (\w+)$", text("docs", "alerts.md"), re.M)))
        self.assertEqual(re.findall(r'page: "docs/alerts.md#(\w+)"', rules), [alert.lower() for alert in alerts])
        tested = re.findall(r"exp_alerts: \[\].*\n +- alertname: (\w+)", text("deploy", "prometheus", "rules.test.yml"))
        self.assertEqual(sorted(tested), sorted(alerts))

    def test_each_process_of_compose_is_asked(self):
        targets = re.findall(r'"([a-z0-9-]+):\d+"', text("deploy", "prometheus", "prometheus.yml"))
        services = re.findall(r"^  ((?:api|projections|sagas|haproxy)\S*):", text("deploy", "compose", "compose.yaml"), re.M)
        self.assertEqual(sorted(targets), sorted(services))


class Served(unittest.TestCase):
    """A shop in which everything has happened once that has a name only then."""

    @classmethod
    def setUpClass(cls):
        folder = tempfile.TemporaryDirectory(prefix="jetsource-metrics-")
        cls.addClassCleanup(folder.cleanup)
        ready = os.path.join(folder.name, "ready.json")
        settings = ["--listen", "127.0.0.1:0", "--nats-port", "0", "--data-dir", folder.name, "--ready-file", ready]
        process = Process("serve", [program(), "serve", *settings], folder.name).start()
        cls.addClassCleanup(process.end)
        until("it serves", lambda: os.path.exists(ready))
        cls.folder, cls.ready = folder.name, json.loads(text(ready))

    def post(self, path, body):
        headers = {"Content-Type": "application/json"}
        request = urllib.request.Request(self.ready["http"] + path, json.dumps(body).encode(), headers)
        with urllib.request.urlopen(request) as answer:
            return json.load(answer)

    def call(self, *arguments):
        call = [program(), *arguments, "--nats-url", self.ready["nats"], "--data-dir", self.folder]
        subprocess.run(call, check=True, capture_output=True)

    def live(self):
        user = self.post("/users", {"name": "Ann", "email": "ann@example.com"})["id"]
        self.post("/stock/tea/receipts", {"quantity": 1})
        self.post("/orders", {"user_id": user, "lines": [{"sku": "tea", "quantity": 1, "unit_price": 1}]})
        # The rules refuse it, so it is put aside.
        self.call("command", "send", "stock", "tea", "receive", "--body", '{"quantity":0}')
        self.call("projections", "rebuild", "stock")
        self.addCleanup(urllib.request.urlopen(self.ready["http"] + "/events").close)

    def test_the_program_serves_what_is_asked_for(self):
        wanted = set(NAME.findall(asked()))
        self.assertGreater(len(wanted), 30)
        self.live()
        missing = []

        def served():
            with urllib.request.urlopen(self.ready["http"] + "/metrics") as answer:
                lines = answer.read().decode().splitlines()
            missing[:] = [one for one in sorted(wanted) if not is_served(lines, *one)]
            return not missing

        try:
            until("all of it is served", served, 40)
        except TimeoutError:
            self.fail(f"not served: {missing}")


class Quorum(unittest.TestCase):
    """A worker on three servers, of which one is killed, then another."""

    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix="jetsource-quorum-")
        self.addCleanup(folder.cleanup)
        self.broker = Broker(folder.name)
        self.deployment = Deployment(folder.name, self.broker)
        self.addCleanup(self.deployment.end)
        self.broker.start()
        self.deployment.setup()
        self.worker = self.deployment.add("sagas", 1).start()
        self.deployment.ready(self.worker)

    def shows(self, *lines):
        def shown():
            with urllib.request.urlopen(self.worker.metrics, timeout=5) as answer:
                return set(lines) <= set(answer.read().decode().splitlines())

        until(", ".join(lines), shown)

    def test_who_watches_sees_servers_go_and_come_back(self):
        self.shows("jetsource_broker_servers 3", "jetsource_broker_servers_told 3", "jetsource_broker_servers_lazy 0",
                   "jetsource_log_available 1", "jetsource_log_differs 0",
                   *(f'jetsource_broker_storage_limit_bytes{{server="n{node}"}} 10737418240' for node in (1, 2, 3)))
        self.broker.nodes[0].kill()
        self.shows("jetsource_broker_servers_told 2", "jetsource_log_available 1")
        self.broker.nodes[1].kill()
        self.shows("jetsource_log_available 0")
        for node in (0, 1):
            self.broker.nodes[node].start()
        self.shows("jetsource_broker_servers_told 3", "jetsource_log_available 1", "jetsource_log_differs 0")


def is_served(lines, name, labels):
    """There are such series, and each label that is asked for is one of theirs."""
    series = [line for line in lines if re.match(rf"{name}[{{ ]", line)]
    return series and all(any(f'{label}="' in line for line in series) for label in re.findall(r"(\w+)=", labels))


if __name__ == "__main__":
    unittest.main()
