#!/usr/bin/env python3
"""Brings the whole deployment up on this machine, prints where everything is, and ends it with Ctrl-C."""
import os
import shlex
import shutil
import signal
import socket
import sys

from processes import ROOT, Broker, Deployment, program

NATS, API = [4222, 4223, 4224], [8080, 8081]


def main():
    folder = os.path.abspath(sys.argv[1] if len(sys.argv) > 1 else os.path.join(ROOT, "target", "cluster"))
    for port in NATS + API:
        with socket.socket() as door:
            if door.connect_ex(("127.0.0.1", port)) == 0:
                sys.exit(f"something listens on port {port}: end it first; it may be another one of these")
    if os.path.exists(os.path.join(folder, "ca.pem")):
        if len(sys.argv) > 1:
            sys.exit(f"{folder} holds an earlier one: remove it, or name another folder")
        # Nobody else has put anything there.
        shutil.rmtree(folder)
        print(f"removed       what the last one left in {folder}", flush=True)
    os.makedirs(folder, exist_ok=True)
    broker = Broker(folder, ports=NATS)
    deployment = Deployment(folder, broker, ports=API)
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        broker.start()
        deployment.start()
        for url in deployment.urls():
            print(f"API           {url}        (try it: {url}/docs)")
        for node, address in enumerate(broker.addresses):
            print(f"nats-server   tls://{address}    (health: http://127.0.0.1:{broker.monitors[node]}/healthz)")
        for name, process in sorted(deployment.roles.items()):
            metrics = "" if name.startswith("api") else f", metrics at {process.metrics}"
            print(f"{name:<13} process {process.child.pid}, says what it does in {process.log}{metrics}")
        print(f"read models   {folder}/views-1.sqlite, {folder}/views-2.sqlite")
        admin = " ".join(f"{name}={shlex.quote(value)}" for name, value in broker.settings("admin").items())
        with open(os.path.join(folder, "admin.env"), "w", opener=lambda path, flags: os.open(path, flags, 0o600)) as file:
            file.write("".join(f"export {part}\n" for part in shlex.split(admin)))
        print(f"look at it    . {folder}/admin.env; {program()} log verify")
        print("Ctrl-C ends all of it.", flush=True)
        signal.pause()
    except KeyboardInterrupt:
        pass
    finally:
        print(deployment.end(), flush=True)


main()
