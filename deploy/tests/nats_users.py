#!/usr/bin/env python3
"""deploy/nats on the real server: every user against every subject, by the server's own word."""
import os
import re
import socket
import ssl
import subprocess
import sys
import tempfile
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "cluster"))
from processes import USERS, Broker, nats_server

API = "$JS.API."
STREAMS = ["EVENTS", "KEYS", "SNAPSHOTS", "COMMANDS", "REJECTED", "DEADLINES", "STUCK", "KV_jetsource"]
#: Who may publish to a subject; everybody else must not.
PUBLISH = {
    "append.user.1": "api admin", "append.email.1": "api admin", "append.order.1": "api admin",
    "append.stock.1": "api admin", "append.guard.1": "api admin", "append.append.1": "api sagas admin",
    "append.checkout.1": "sagas admin", "append.departure.1": "sagas admin", "append.payment.1": "payment admin",
    "append.other.1": "admin", "append.user.1.2": "admin",
    # What is stored is republished here, and by nobody else.
    "events.user.1": "", "events.payment.1": "",
    "keys.k": "api admin", "snapshots.user.1": "api sagas admin", "rejected.user.1.register": "api admin",
    "commands.user.1.register": "sagas admin", "commands.payment.1.authorise": "sagas admin",
    "requests.user.1.register": "admin", "deadlines.set.checkout.1.answers": "sagas admin",
    "deadlines.due.checkout.1.answers": "admin", "stuck.checkout.1": "sagas admin",
    "projections.users.ask": "admin", "sagas.checkout.ask": "admin",
    "$KV.jetsource.email-claim-key": "admin", "$KV.jetsource.lease.saga-checkout": "sagas admin",
    "$KV.jetsource.lease.view.1.users": "projections admin",
    "$KV.jetsource.log-is-whole-up-to": "api sagas admin",
    "$SYS.REQ.SERVER.PING.JSZ": "api projections sagas admin", "$SYS.REQ.SERVER.PING.VARZ": "admin",
    API + "INFO": "api projections sagas subscriber payment admin", API + "STREAM.NAMES": "subscriber payment admin",
    API + "STREAM.LIST": "admin",
    API + "CONSUMER.CREATE.EVENTS": "api projections sagas subscriber admin",
    API + "CONSUMER.MSG.NEXT.EVENTS.x": "api projections sagas subscriber admin",
    API + "CONSUMER.INFO.EVENTS.x": "api projections sagas subscriber admin",
    API + "CONSUMER.INFO.COMMANDS.inbox-user": "api admin", API + "CONSUMER.INFO.COMMANDS.payment": "payment admin",
    API + "CONSUMER.INFO.DEADLINES.due-checkout": "sagas admin",
    API + "CONSUMER.CREATE.COMMANDS": "admin", API + "CONSUMER.DURABLE.CREATE.COMMANDS.inbox-user": "admin",
    API + "CONSUMER.CREATE.COMMANDS.inbox-user.commands.user.>": "api admin",
    API + "CONSUMER.CREATE.COMMANDS.inbox-user.commands.>": "admin",
    API + "CONSUMER.CREATE.COMMANDS.payment.commands.payment.>": "payment admin",
    API + "CONSUMER.CREATE.COMMANDS.payment.commands.user.>": "admin",
    API + "CONSUMER.MSG.NEXT.COMMANDS.inbox-user": "api admin", API + "CONSUMER.MSG.NEXT.COMMANDS.payment": "payment admin",
    API + "CONSUMER.CREATE.DEADLINES.due-checkout.deadlines.due.checkout.>": "sagas admin",
    API + "CONSUMER.DELETE.COMMANDS.inbox-user": "admin",
    API + "DIRECT.GET.EVENTS": "api projections sagas subscriber admin",
    API + "DIRECT.GET.EVENTS.events.user.1": "api projections sagas subscriber admin",
    API + "DIRECT.GET.EVENTS.events.payment.1": "api projections sagas subscriber payment admin",
    API + "DIRECT.GET.KV_jetsource.$KV.jetsource.email-claim-key": "api sagas admin",
    API + "STREAM.MSG.GET.KV_jetsource": "api projections sagas admin", API + "STREAM.MSG.GET.KEYS": "api sagas admin",
    API + "STREAM.MSG.GET.EVENTS": "api projections sagas admin",
    API + "STREAM.MSG.DELETE.STUCK": "sagas admin",
    API + "STREAM.MSG.DELETE.EVENTS": "admin", API + "STREAM.MSG.DELETE.REJECTED": "admin",
    "$JS.ACK.COMMANDS.inbox-user.1.1.1.1.0": "api admin", "$JS.ACK.COMMANDS.payment.1.1.1.1.0": "api payment admin",
    "$JS.ACK.DEADLINES.due-checkout.1.1.1.1.0": "sagas admin", "$JS.ACK.EVENTS.x.1.1.1.1.0": "subscriber admin",
    # What feeds an edge, and what it hands over.
    "$JS.FC.EVENTS.edge.1": "subscriber edge admin", "$JS.FC.EVENTS.x.1": "subscriber admin",
    "deliver.edge.commands": "edge admin", "deliver.edge.events": "admin", "$JSC.R.x": "edge admin",
    # Under the name of the domain a client may what it may without: the server maps first, then looks. Not so on the link
    # of an edge, where the one call counts that its user has under that name.
    "$JS.hub.API.INFO": "api projections sagas subscriber payment admin",
    "$JS.hub.API.STREAM.MSG.GET.KEYS": "api sagas admin", "$JS.hub.API.STREAM.UPDATE.COMMANDS": "admin",
    "$JS.hub.API.CONSUMER.RESET.EVENTS.edge": "admin", "$JS.hub.API.CONSUMER.DELETE.EVENTS.edge": "admin",
    "anything": "admin",
    **{API + f"STREAM.{verb}.{stream}": "admin" for verb in ("CREATE", "UPDATE", "SNAPSHOT", "RESTORE") for stream in STREAMS},
    # Not even a person: who must, changes the configuration.
    **{api + f"STREAM.{verb}.{stream}": "" for api in (API, "$JS.hub.API.") for verb in ("DELETE", "PURGE") for stream in STREAMS},
}
#: Who may subscribe.
SUBSCRIBE = {
    "events.>": "api subscriber admin", "events.user.1": "api subscriber admin", "append.>": "", "commands.>": "",
    "requests.user.>": "api", "$SRV.PING": "api", "projections.users.ask": "projections", "sagas.checkout.ask": "sagas",
    "keys.>": "", "$KV.>": "", ">": "", "_INBOX.>": "", "$JS.>": "", "$SYS.>": "", "rejected.>": "",
    "deliver.edge.events": "edge", "deliver.>": "", "$JS.edge.API.CONSUMER.>": "edge", "$JS.edge.API.>": "", "$JSC.R.>": "edge",
    "$JS.FC.COMMANDS.hub.>": "edge", "$JS.FC.>": "",
    **{f"_INBOX_{user}.>": user for user in USERS if user != "edge"}, "_INBOX_edge.>": "",
}


class Line:
    """A connection that says what the server answers to each line: `verbose` has it answer them all."""

    def __init__(self, broker, user, password=None):
        host, port = broker.addresses[0].split(":")
        plain = socket.create_connection((host, int(port)), timeout=10)
        self.read_line(plain)
        context = ssl.create_default_context(cafile=broker.certificates.ca)
        self.socket = context.wrap_socket(plain, server_hostname=host)
        self.file = self.socket.makefile("rb")
        password = password or broker.passwords[user]
        self.first = self.says(f'CONNECT {{"verbose":true,"pedantic":false,"user":"{user}","pass":"{password}"}}')

    @staticmethod
    def read_line(plain):
        while plain.recv(1) != b"\n":
            pass

    def says(self, line):
        self.socket.sendall(line.encode() + b"\r\n")
        while True:
            answer = self.file.readline().decode().strip()
            # The server's own words, and messages for a subscription, are no answers.
            if answer.startswith(("+OK", "-ERR")) or not answer:
                return answer

    def may(self, line):
        """Whether the server takes a line: what it says to it comes before its answer to a PING."""
        self.socket.sendall(line.encode() + b"\r\nPING\r\n")
        said = []
        while not said or said[-1] != "PONG":
            said.append(self.file.readline().decode().strip())
            assert said[-1], f"{line}: the server has closed the connection: {said}"
        errors = [one for one in said if one.startswith("-ERR")]
        assert all("Permissions Violation" in one for one in errors), f"{line}: {errors}"
        return not errors

    def close(self):
        self.file.close()
        self.socket.close()


class Users(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.TemporaryDirectory(prefix="jetsource-users-")
        cls.broker = Broker(cls.folder.name)
        cls.addClassCleanup(cls.folder.cleanup)
        cls.addClassCleanup(cls.broker.end)
        cls.broker.start()

    def test_the_server_takes_the_configuration_as_it_is(self):
        node = self.broker.nodes[0]
        checked = subprocess.run([*node.call, "-t"], env=node.environment, capture_output=True, text=True)
        self.assertEqual(checked.returncode, 0, checked.stderr)
        with_typo = os.path.join(self.folder.name, "typo.conf")
        with open(node.call[-1]) as file, open(with_typo, "w") as typo:
            typo.write(file.read().replace("write_deadline", "write_deadlin").replace("./accounts", os.path.join(os.path.dirname(node.call[-1]), "accounts")))
        checked = subprocess.run([nats_server(), "-t", "-c", with_typo], env=node.environment, capture_output=True, text=True)
        self.assertNotEqual(checked.returncode, 0, "an unknown field must be refused")

    def matrix(self, line, wanted):
        wrong, looked = [], 0
        for user in USERS:
            connection = Line(self.broker, user)
            for count, (subject, allowed) in enumerate(wanted.items()):
                may = connection.may(line.format(subject=subject, number=count))
                looked += 1
                if may != (user in allowed.split()):
                    wrong.append(f"{user} {'may' if may else 'may not'} {line.split()[0]} {subject}")
            connection.close()
        self.assertEqual(wrong, [])
        print(f"{line.split()[0]}: {looked} pairs of user and subject", flush=True)

    def test_each_user_may_publish_to_what_it_needs_and_to_nothing_else(self):
        self.matrix("PUB {subject} 0\r\n", PUBLISH)

    def test_each_user_may_hear_what_it_needs_and_nothing_else(self):
        self.matrix("SUB {subject} {number}", SUBSCRIBE)

    def test_nobody_else_gets_in(self):
        for user, password in [("api", "wrong"), ("nobody", "p"), ("jetsource", "jetsource")]:
            connection = Line(self.broker, user, password)
            self.assertIn("Authorization Violation", connection.first)
            connection.close()
        host, port = self.broker.addresses[0].split(":")
        with socket.create_connection((host, int(port)), timeout=10) as plain:
            Line.read_line(plain)
            plain.sendall(b'CONNECT {"verbose":true}\r\n')
            said = plain.recv(4096)
            self.assertTrue(re.search(rb"Secure Connection|^$|^\x15", said), said)


if __name__ == "__main__":
    unittest.main()
