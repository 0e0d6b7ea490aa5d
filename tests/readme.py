#!/usr/bin/env python3
"""Runs every command of README.md, or of another page, in order, and checks the output that it shows.

    API=http://127.0.0.1:40001 NATS=nats://127.0.0.1:40002 python3 tests/readme.py [--strict] [PAGE]

API and NATS name a running `jetsource serve` on an empty data folder; both must be set, so that nobody's own data
gets a user from here. READY is its ready file, for pages that start it again: whoever started it does so when it ends. Needs bash, curl and python3. Without the `nats` CLI, or a package index for pip, the commands
that need them are named and stepped over; with --strict that is a failure.

What the fences mean:
- ```sh                   runs in one bash session, in a folder that is thrown away
- ```sh second-terminal   runs beside it until the next one does, or the end
- ```python NAME          is saved as NAME in that folder; html too
- ```text                 lines that the sh fence before it printed, in any order; an ellipsis stands for anything
- ```text second-terminal lines that the second terminal prints, sooner or later
- ```console first-terminal  everything is stopped, and `serve` is started again
- ```console              make targets, which the caller runs: here only that the Makefile has them; other lines are
                          for people
"""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
FENCE = re.compile(r"^```(\w+)(?: ([\w.-]+))?\n(.*?)^```$", re.MULTILINE | re.DOTALL)
PAGE = next((page for page in sys.argv[1:] if not page.startswith("--")), "README.md")
PATIENCE = 180.0
MOMENT = 10.0
# What a listener prints once it hears; others miss nothing anyway.
LISTENING = {"nats": "…Subscribing on…", "curl": "id: …"}


@dataclass(frozen=True)
class Block:
    kind: str
    name: str
    code: str
    line: int

    def __str__(self) -> str:
        return f"{PAGE}:{self.line}: {self.code.splitlines()[0]}"


class Failed(Exception):
    """A command failed, or printed something else than the README shows."""


def blocks() -> list[Block]:
    text = (ROOT / PAGE).read_text(encoding="utf-8")
    return [
        Block(found[1], found[2] or "", found[3], text.count("\n", 0, found.start()) + 2)
        for found in FENCE.finditer(text)
    ]


def check(shown: Block, printed: str) -> None:
    """Every line that is shown must be among the printed ones."""
    lines = [line.strip() for line in printed.splitlines()]
    for line in shown.code.splitlines():
        pattern = ".*".join(re.escape(part) for part in line.strip().split("…"))
        if not any(re.fullmatch(pattern, candidate) for candidate in lines):
            raise Failed(f"{shown}\nis not what was printed; this line is missing:\n  {line}\nprinted:\n{printed}")


def check_targets(block: Block) -> None:
    for line in block.code.splitlines():
        command, _, target = line.partition(" ")
        if command == "jetsource":
            continue
        known = subprocess.run(["make", "--dry-run", target], cwd=ROOT, capture_output=True, text=True)
        if command != "make" or known.returncode != 0:
            raise Failed(f"{block}\n{line!r} is no target of the Makefile: {known.stderr}")


class Session:
    """One bash, which keeps its variables from fence to fence."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.bash = subprocess.Popen(
            ["bash", "-euo", "pipefail"],
            cwd=folder,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            encoding="utf-8",
            start_new_session=True,
        )
        # Whatever hangs is ended, and then fails for want of its end mark.
        self.watchdog = threading.Timer(PATIENCE, end, [self.bash])
        self.watchdog.start()
        self.beside: subprocess.Popen[str] | None = None
        self.heard = folder / "second-terminal"

    def run(self, block: Block) -> str:
        assert self.bash.stdin and self.bash.stdout
        mark = f"-- end of line {block.line} --"
        try:
            self.bash.stdin.write(f"{{\n{block.code}\n}} </dev/null\nprintf '\\n%s\\n' '{mark}'\n")
            self.bash.stdin.flush()
        except BrokenPipeError:
            pass
        printed: list[str] = []
        for line in self.bash.stdout:
            if line.rstrip("\n") == mark:
                return "".join(printed)
            printed.append(line)
        raise Failed(f"{block}\ndid not succeed; it printed:\n{''.join(printed)}")

    def start(self, block: Block) -> None:
        self.end_beside()
        with self.heard.open("w") as out:
            command = ["bash", "-euo", "pipefail", "-c", block.code]
            self.beside = subprocess.Popen(
                command, cwd=self.folder, stdin=subprocess.DEVNULL, stdout=out, stderr=out, text=True,
                start_new_session=True,
            )
        first_word = block.code.split(None, 1)[0]
        if first_word in LISTENING:
            self.check_heard(Block("text", "", LISTENING[first_word], block.line))
        if first_word == "nats":
            # It says so just before it does so.
            time.sleep(0.5)

    def end_beside(self) -> None:
        if self.beside:
            end(self.beside)
            self.beside.wait()
            self.beside = None

    def start_all_again(self) -> None:
        self.end_beside()
        before = ready()["pid"]
        os.kill(before, signal.SIGTERM)
        until = time.monotonic() + PATIENCE
        while ready()["pid"] in (before, None):
            if time.monotonic() > until:
                raise Failed("serve was not started again")
            time.sleep(0.05)

    def check_heard(self, shown: Block) -> None:
        until = time.monotonic() + MOMENT
        while True:
            try:
                return check(shown, self.heard.read_text(encoding="utf-8"))
            except Failed:
                if time.monotonic() > until:
                    raise
                time.sleep(0.05)

    def close(self) -> None:
        self.watchdog.cancel()
        self.end_beside()
        end(self.bash)
        self.bash.wait()


def ready() -> dict:
    """What the ready file of `serve` says; while there is none, that nobody serves."""
    try:
        return json.loads(Path(os.environ["READY"]).read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {"pid": None}


def end(process: subprocess.Popen[str]) -> None:
    """Ends a process that was started here, and what it started."""
    try:
        os.killpg(process.pid, signal.SIGKILL)
    except ProcessLookupError:
        pass


def package_index() -> bool:
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--retries", "0", "--dry-run", "--ignore-installed"]
    return subprocess.run([*pip, "nats-py"], capture_output=True).returncode == 0


def missing(block: Block, has_index: bool) -> str | None:
    """What a block needs and this machine does not have."""
    if block.name == "second-terminal" and block.code.startswith("nats ") and not shutil.which("nats"):
        return "no nats CLI"
    if ".nats/python" in block.code and not has_index:
        return "no package index for pip"
    if block.name == "first-terminal" and not os.environ.get("READY"):
        return "READY is not set"
    return None


def run(session: Session) -> list[str]:
    """Runs everything; gives what was stepped over."""
    has_index = package_index()
    skipped: list[str] = []
    printed: str | None = ""
    heard = True
    for block in blocks():
        why = missing(block, has_index)
        if block.kind == "text" and not block.name and printed is None:
            why = "its command was skipped"
        if block.kind == "text" and block.name and not heard:
            why = "its listener was skipped"
        if block.kind == "sh" and block.name:
            heard = not why
        if block.kind == "console":
            check_targets(block)
            if block.name and not why:
                session.start_all_again()
        elif block.kind in ("python", "html"):
            (session.folder / block.name).write_text(block.code, encoding="utf-8")
        elif why:
            printed = None if block.kind == "sh" and not block.name else printed
            skipped.append(f"{block}: {why}")
        elif block.kind == "sh" and block.name:
            session.start(block)
        elif block.kind == "sh":
            printed = session.run(block)
        elif block.kind == "text" and block.name:
            session.check_heard(block)
        elif block.kind == "text":
            check(block, printed or "")
        else:
            raise Failed(f"{block}\nis a fence that nobody runs: {block.kind}")
        print(f"{'skipped' if why else 'ok'}: {block}")
    return skipped


def main() -> None:
    if not (os.environ.get("API") and os.environ.get("NATS")):
        sys.exit("set API and NATS to a running `jetsource serve` on an empty data folder")
    with tempfile.TemporaryDirectory(prefix="jetsource-readme-") as folder:
        Path(folder, "deploy").symlink_to(ROOT / "deploy")
        session = Session(Path(folder))
        try:
            skipped = run(session)
        except Failed as failed:
            sys.exit(f"failed: {failed}")
        finally:
            session.close()
    if skipped and "--strict" in sys.argv[1:]:
        sys.exit("skipped:\n" + "\n".join(skipped))


if __name__ == "__main__":
    main()
