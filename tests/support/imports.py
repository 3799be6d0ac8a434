"""Imports that get killed, and a server that is asked all the while what it finds."""

import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

import httpx2

from app.core.settings import Settings
from tests.support.feeds import json_lines
from tests.support.images import picture_bytes
from tests.support.server import Server, environment_of
from tests.support.waiting import wait_until

PRODUCTS = 30
CHANGED = 20
REMOVED = 3
FIXED_ID = "p-00"  # there in every state, with the same picture


def write_state(folder: Path, state: int) -> Path:
    """
    Write what the shop states at one time, a feed and its pictures; return the feed.

    From one state to the next every title and price changes, 20 products get another picture, three are replaced.
    """
    folder.mkdir(parents=True, exist_ok=True)
    records = []
    for number in range(PRODUCTS):
        is_new = number >= PRODUCTS - REMOVED
        picture = state if is_new or 0 < number <= CHANGED else 0
        path = folder / f"{number:02d}-{picture}.jpg"
        if not path.exists():
            path.write_bytes(picture_bytes("JPEG", 120, 100, seed=100 * picture + number))
        records.append(
            {
                "id": f"p-{number:02d}" + (f"-{state}" if is_new else ""),
                "title": f"Product {number} in state {state}",
                "category": "mugs" if number % 2 else "lamps",
                "price": f"{10 + state}.90 EUR",
                "image": path.name,
            }
        )
    feed = folder / f"state-{state}.jsonl"
    feed.write_bytes(json_lines(records))
    return feed


@dataclass(frozen=True, slots=True)
class Ended:
    """How an import ended: killed, or by itself with an error's slug or without."""

    killed: bool
    slug: str | None
    message: str


class Imports:
    """
    Imports into one data folder, each in a process of its own.

    Attributes:
        embedded: Pictures that went through the network in all of them.
    """

    def __init__(self, settings: Settings) -> None:
        self.embedded = 0
        self._parent = subprocess.Popen(
            [sys.executable, "-m", "tests.support.index_child"],
            env=environment_of(settings),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self._read()

    def start(self, source: Path | None, **order: object) -> int:
        """Begin to import a source, or to reindex without one; return the process. See `index_child` for orders."""
        assert self._parent.stdin is not None
        order |= {"source": str(source) if source else None}
        self._parent.stdin.write(json.dumps(order) + "\n")
        self._parent.stdin.flush()
        pid = self._read()["pid"]
        assert isinstance(pid, int)
        return pid

    def end(self) -> Ended:
        """Wait until the import has ended."""
        said: dict[str, Any] = {"slug": None, "message": ""}
        while "status" not in (line := self._read()):
            said |= line
            self.embedded += line.get("embedded", 0)
        return Ended(os.WIFSIGNALED(line["status"]), said["slug"], said["message"])

    def run(self, source: Path | None, **order: object) -> Ended:
        """Do an import from beginning to end."""
        self.start(source, **order)
        return self.end()

    def _read(self) -> dict[str, Any]:
        assert self._parent.stdout is not None
        line = self._parent.stdout.readline()
        assert line, "the process of the imports has ended"
        said: dict[str, Any] = json.loads(line)
        return said

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_error: object) -> None:
        with self._parent:
            self._parent.kill()


QUESTIONS = {
    "similar": f"/products/{FIXED_ID}/similar?k=30&facets=category",
    "filtered": f"/products/{FIXED_ID}/similar?k=5&filter=%7B%22category%22%3A%22mugs%22%7D",
    "changed": "/products/p-01/similar",
    "photo": "/search",
}

Answer = tuple[str, str, str]
"""A question, the snapshot that the answer names, and all of the answer that time and chance do not decide."""


def ask(client: httpx2.Client, question: str, photo: bytes) -> Answer:
    """Ask a server one of the questions, again where it is too busy; any other refusal fails the test."""
    path = QUESTIONS[question]
    while True:
        if question == "photo":
            reply = client.post(path, files={"image": ("x", photo)}, data={"k": "30"})
        else:
            reply = client.get(path)
        if reply.status_code != 503 or "overloaded" not in reply.text:
            break
        time.sleep(int(reply.headers["retry-after"]))
    assert reply.status_code == 200, reply.text
    answer = reply.json()
    snapshot = answer.pop("snapshot")
    for name in ("request_id", "query_id", "timings_ms"):
        del answer[name]
    return question, snapshot["id"], json.dumps(answer)


def ask_all(server: Server, photo: bytes) -> dict[str, Answer]:
    """Ask all the questions."""
    with server.client() as client:
        return {question: ask(client, question, photo) for question in QUESTIONS}


@dataclass
class Questions:
    """Asks servers all the questions again and again, in threads, until its block ends; a failure is raised there."""

    servers: list[Server]
    photo: bytes
    pause_s: float = 0.1
    asked: int = 0
    seen: set[Answer] = field(default_factory=set)
    failures: list[BaseException] = field(default_factory=list)

    @contextmanager
    def asking(self) -> Iterator[Self]:
        """Ask while the block lasts."""
        stop = threading.Event()
        threads = [threading.Thread(target=self._ask, args=(server, stop)) for server in self.servers]
        for thread in threads:
            thread.start()
        try:
            yield self
        finally:
            stop.set()
            for thread in threads:
                thread.join()
        assert not self.failures, self.failures[0]

    def take(self) -> set[Answer]:
        """Return the answers since the last time, after a whole round of questions at least."""
        asked = self.asked
        wait_until(lambda: self.asked > asked + len(QUESTIONS) * len(self.servers) or bool(self.failures))
        seen, self.seen = self.seen, set()
        return seen

    def _ask(self, server: Server, stop: threading.Event) -> None:
        try:
            with server.client() as client:
                while not stop.is_set():
                    for question in QUESTIONS:
                        self.seen.add(ask(client, question, self.photo))
                        self.asked += 1
                    stop.wait(self.pause_s)
        except BaseException as error:  # noqa: BLE001  # raised where the block ends
            self.failures.append(error)


def serves(server: Server, snapshot_id: str) -> bool:
    """Whether a server answers from this snapshot."""
    with server.client() as client:
        reply = client.get(QUESTIONS["changed"])
    return bool(reply.status_code == 200 and reply.json()["snapshot"]["id"] == snapshot_id)


def contents(answers: Mapping[str, Answer] | set[Answer]) -> set[tuple[str, str]]:
    """Return the answers without the snapshots that they name."""
    return {(question, text) for question, _, text in (answers.values() if isinstance(answers, Mapping) else answers)}
