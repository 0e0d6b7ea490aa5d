"""The processes of a whole deployment on one machine, with the production configuration of deploy/nats.

Three nats-servers with TLS and a user for each role, two API nodes, two workers of read models, two of sagas. Needs
openssl, the program, and the nats-server that deploy/get-nats-server.sh gets.
"""
import json
import os
import secrets
import shutil
import signal
import socket
import subprocess
import time
import urllib.error
import urllib.request

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
USERS = ["api", "projections", "sagas", "subscriber", "payment", "edge", "admin"]
PATIENCE = 60


def until(what, look, patience=PATIENCE):
    """Looks until there is something to see."""
    deadline = time.monotonic() + patience
    while time.monotonic() < deadline:
        seen = look()
        if seen:
            return seen
        time.sleep(0.02)
    raise TimeoutError(f"never within {patience} s: {what}")


def free_port(host="127.0.0.1"):
    with socket.socket() as probe:
        probe.bind((host, 0))
        return probe.getsockname()[1]


def program():
    target = os.environ.get("CARGO_TARGET_DIR", os.path.join(ROOT, "target"))
    return os.environ.get("JETSOURCE", os.path.join(target, "debug", "jetsource"))


def nats_server():
    there = os.path.join(ROOT, ".nats", "bin", "nats-server")
    return there if os.path.exists(there) else shutil.which("nats-server")


def fetch(url, timeout=5):
    with urllib.request.urlopen(url, timeout=timeout) as answer:
        return json.load(answer)


class Certificates:
    """An authority of our own, and one certificate for all servers of this machine."""

    def __init__(self, folder, hosts):
        self.ca, self.cert, self.key = (os.path.join(folder, name) for name in ("ca.pem", "cert.pem", "key.pem"))
        names = ",".join(["DNS:localhost"] + [f"IP:{host}" for host in sorted(set(hosts))])
        authority_key = os.path.join(folder, "ca-key.pem")
        curve = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "30"]
        self.run("req", "-x509", *curve, "-keyout", authority_key, "-out", self.ca, "-subj", "/CN=jetsource authority",
                 "-addext", "basicConstraints=critical,CA:TRUE", "-addext", "keyUsage=critical,keyCertSign")
        self.run("req", "-x509", *curve, "-keyout", self.key, "-out", self.cert, "-subj", "/CN=jetsource broker",
                 "-CA", self.ca, "-CAkey", authority_key, "-addext", f"subjectAltName={names}",
                 "-addext", "basicConstraints=critical,CA:FALSE", "-addext", "extendedKeyUsage=serverAuth,clientAuth")

    @staticmethod
    def run(*arguments):
        done = subprocess.run(["openssl", *arguments], capture_output=True, text=True)
        if done.returncode:
            raise RuntimeError(done.stderr)


class Process:
    """A process that can be started again after its end."""

    def __init__(self, name, call, folder, environment=None):
        self.name, self.call, self.environment = name, call, {**os.environ, **(environment or {})}
        self.log = os.path.join(folder, f"{name}.log")
        self.child = None

    def start(self):
        with open(self.log, "ab") as log:
            self.child = subprocess.Popen(self.call, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                                          env=self.environment, start_new_session=True)
        return self

    def runs(self):
        return self.child is not None and self.child.poll() is None

    def send(self, number):
        self.child.send_signal(number)

    def kill(self):
        self.send(signal.SIGKILL)
        self.child.wait()

    def end(self):
        """In order; returns the exit code."""
        if not self.runs():
            return self.child.returncode if self.child else 0
        self.send(signal.SIGCONT)
        self.send(signal.SIGTERM)
        try:
            return self.child.wait(40)
        except subprocess.TimeoutExpired:
            self.kill()
            return -9

    def said(self):
        with open(self.log, errors="replace") as log:
            return log.read()


class Broker:
    """The three servers."""

    def __init__(self, folder, hosts=("127.0.0.1",) * 3, ports=None, prefix=lambda node: [], configuration="nats/nats.conf"):
        self.folder = folder
        self.passwords = {user: "p" + secrets.token_hex(16) for user in [*USERS, "sys"]}
        self.certificates = Certificates(folder, [*hosts, "127.0.0.1"])
        ports = ports or [free_port() for _ in hosts]
        between, self.monitors = [free_port() for _ in hosts], [free_port() for _ in hosts]
        self.hosts, self.addresses = hosts, [f"{host}:{port}" for host, port in zip(hosts, ports)]
        self.for_edges = [f"{host}:{free_port()}" for host in hosts]
        routes = json.dumps([f"nats://{host}:{port}" for host, port in zip(hosts, between)])
        self.nodes = []
        for node, host in enumerate(hosts):
            environment = {
                "NATS_NAME": f"n{node + 1}",
                "NATS_LISTEN": json.dumps(self.addresses[node]),
                "NATS_CLUSTER": json.dumps(f"{host}:{between[node]}"),
                "NATS_MONITOR": json.dumps(f"{host}:{self.monitors[node]}"),
                "NATS_ROUTES": routes,
                "NATS_LEAFNODES": json.dumps(self.for_edges[node]),
                "NATS_STORE": json.dumps(os.path.join(folder, f"n{node + 1}")),
                "NATS_DISK": "10GB",
                "NATS_CERT": json.dumps(self.certificates.cert),
                "NATS_KEY": json.dumps(self.certificates.key),
                "NATS_CA": json.dumps(self.certificates.ca),
                **{f"NATS_{user.upper()}_PASSWORD": password for user, password in self.passwords.items()},
            }
            call = [*prefix(node), nats_server(), "-c", os.path.join(ROOT, "deploy", configuration)]
            self.nodes.append(Process(f"nats-{node + 1}", call, folder, environment))

    def start(self):
        for node in self.nodes:
            node.start()
        until("the three servers are one broker", self.meta_leader)

    def ask(self, node, path):
        try:
            return fetch(f"http://{self.hosts[node]}:{self.monitors[node]}{path}", timeout=2)
        except (OSError, ValueError):
            return {}

    def meta_leader(self):
        for node in range(len(self.nodes)):
            meta = self.ask(node, "/jsz").get("meta_cluster") or {}
            followers = [one for one in meta.get("replicas") or [] if one.get("current") and not one.get("offline")]
            if meta.get("leader") == f"n{node + 1}" and len(followers) == len(self.nodes) - 1:
                return f"n{node + 1}"
        return None

    def leader_of(self, stream):
        """The node that leads a stream, by its own word."""
        for node in range(len(self.nodes)):
            for account in self.ask(node, "/jsz?accounts=true&streams=true").get("account_details") or []:
                for found in account.get("stream_detail") or []:
                    if found["name"] == stream and (found.get("cluster") or {}).get("leader") == f"n{node + 1}":
                        return node
        return None

    def url(self, user):
        password = self.passwords[user]
        return ",".join(f"tls://{user}:{password}@{address}" for address in self.addresses)

    def settings(self, user):
        """What `jetsource` needs to be let in, as its environment."""
        return {
            "JETSOURCE_NATS_URL": self.url(user),
            "JETSOURCE_NATS_CA": self.certificates.ca,
            "JETSOURCE_NATS_INBOX": f"_INBOX_{user}",
        }

    def end(self):
        for node in self.nodes:
            if node.runs():
                node.kill()


class Deployment:
    """The broker with all roles on it. `views` is the PostgreSQL database of the read models; without one each API node
    and the worker beside it share a file."""

    def __init__(self, folder, broker, participants=(), ports=None, views=None):
        self.folder, self.broker, self.views, self.roles = folder, broker, views, {}
        self.participants = ["--checkout-participants", ",".join(participants)] if participants else []
        self.ports = ports or [free_port(), free_port()]

    def call(self, user, *arguments):
        """Another call of the program, as this user."""
        environment = {**os.environ, **self.broker.settings(user)}
        return subprocess.run([program(), *arguments], capture_output=True, text=True, env=environment, timeout=120)

    def setup(self):
        done = self.call("admin", "setup", *self.participants)
        if done.returncode:
            raise RuntimeError(done.stderr)

    def add(self, role, number):
        name = f"{role}-{number}"
        data, ready = os.path.join(self.folder, name), os.path.join(self.folder, f"{name}.json")
        views = self.views or f"sqlite:{os.path.join(self.folder, f'views-{number}.sqlite')}"
        metrics = f"127.0.0.1:{free_port()}"
        call = [program(), "serve", "--role", role, "--data-dir", data, "--ready-file", ready]
        # An API node reads the rows that a worker writes.
        call += [] if role == "sagas" else ["--views", views]
        call += ["--listen", f"127.0.0.1:{self.ports[number - 1]}", "--drain", "2s"] if role == "api" else []
        call += [] if role == "api" else ["--metrics-listen", metrics]
        call += self.participants if role == "sagas" else []
        process = Process(name, call, self.folder, self.broker.settings(role))
        process.ready, process.metrics = ready, f"http://{metrics}/metrics"
        self.roles[name] = process
        return process

    def start(self):
        self.setup()
        # Workers first: they make the files that API nodes read.
        for role in ("projections", "sagas", "api"):
            for number in (1, 2):
                self.add(role, number).start()
            for number in (1, 2):
                self.ready(self.roles[f"{role}-{number}"])

    def ready(self, process):
        def look():
            if not process.runs():
                raise RuntimeError(f"{process.name} has ended: {process.said()[-2000:]}")
            try:
                with open(process.ready) as file:
                    return json.load(file)["pid"] == process.child.pid
            except (OSError, ValueError):
                return False

        until(f"{process.name} serves", look)

    def urls(self):
        return [f"http://127.0.0.1:{port}" for port in self.ports]

    def end(self):
        codes = {}
        for name in sorted(self.roles):
            codes[name] = self.roles[name].end()
        self.broker.end()
        return codes
