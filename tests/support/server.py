"""The service in a process of its own, as `lookalike serve` runs it, on a free port of this machine."""

import json
import multiprocessing
import os
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing.connection import Connection
from multiprocessing.context import ForkServerProcess
from pathlib import Path
from typing import Any, Final, Protocol

import httpx2
from pydantic import SecretStr

from app.api.server import run
from app.core.settings import Settings
from app.main import create_app
from app.search import opening
from tests.support.sources import REPOSITORY
from tests.support.waiting import PATIENCE_S

_START: Final = "from tests.support.server import serve; serve(lambda url: print(url, flush=True))"
FORKS: Final = multiprocessing.get_context("forkserver")
FORKS.set_forkserver_preload(["tests.support.preloaded"])


class Process(Protocol):
    """What tests do with a service's process, forked or not."""

    @property
    def pid(self) -> int:
        """Its number."""

    def poll(self) -> int | None:
        """Return its exit code, if it has ended."""

    def wait(self, timeout: float | None = None) -> int:
        """Return its exit code when it has ended."""

    def send_signal(self, sig: int) -> None:
        """Signal it."""

    def kill(self) -> None:
        """End it at once."""


@dataclass(frozen=True, slots=True)
class Server:
    """A service that answers at `url`; its temporary files would be in `temporary_dir`, which it cannot write."""

    url: str
    process: Process
    log_file: Path
    temporary_dir: Path

    @property
    def address(self) -> tuple[str, int]:
        """Host and port."""
        return "127.0.0.1", int(self.url.rpartition(":")[2])

    def client(self) -> httpx2.Client:
        """Return a client for the service; it is to be closed."""
        return httpx2.Client(base_url=self.url, timeout=30)

    def connect(self) -> socket.socket:
        """Return a bare connection, for requests that no client would send."""
        return socket.create_connection(self.address, timeout=30)

    def log_lines(self) -> list[dict[str, Any]]:
        """Return what the service has logged so far."""
        return [json.loads(line) for line in self.log_file.read_text().splitlines() if line.startswith("{")]

    def resident_bytes(self) -> int:
        """Return the memory of the service's own process, without its decoding children."""
        pages = Path(f"/proc/{self.process.pid}/statm").read_text().split()[1]
        return int(pages) * os.sysconf("SC_PAGE_SIZE")


def environment_of(settings: Settings) -> dict[str, str]:
    """Return these settings as the environment of a process."""
    values = {name: getattr(settings, name) for name in (*settings.model_fields_set, "admin_key")}
    values = {
        name: value.get_secret_value() if isinstance(value, SecretStr) else value for name, value in values.items()
    }
    texts = {name: ",".join(value) if isinstance(value, tuple) else value for name, value in values.items()}
    ours = {f"LOOKALIKE_{name.upper()}": str(value) for name, value in texts.items() if value is not None}
    return {**os.environ, "PYTHONPATH": str(REPOSITORY), **ours}


def serve(announce: Callable[[str], None]) -> None:
    """Run the service of the environment's settings; its address is announced as soon as it listens."""
    settings = Settings.load()
    run(settings, create_app(settings), announce)


@contextmanager
def running_server(settings: Settings, folder: Path) -> Iterator[Server]:
    """
    Run the service until the block ends; its log goes to a file in `folder`.

    For tests: it is forked from a process that has imported everything, which takes seconds, and no search is refused
    for having waited a second.
    """
    log_file, temporary_dir = _places(folder)
    said, saying = FORKS.Pipe(duplex=False)
    environment = {**environment_of(settings), "TMPDIR": str(temporary_dir)}
    forked = FORKS.Process(target=_serve_forked, args=(environment, log_file, saying), daemon=True)
    forked.start()
    saying.close()
    try:
        try:
            url = said.recv()
        except EOFError:
            raise AssertionError(log_file.read_text()) from None
        yield Server(url, _Forked(forked), log_file, temporary_dir)
    finally:
        said.close()
        _stop(_Forked(forked))


@contextmanager
def started_server(settings: Settings, folder: Path) -> Iterator[Server]:
    """Do what `running_server` does with a service that starts, and refuses, as a shop's does: for benchmarks."""
    log_file, temporary_dir = _places(folder)
    environment = {**environment_of(settings), "TMPDIR": str(temporary_dir)}
    with (
        log_file.open("w") as log,
        subprocess.Popen(
            [sys.executable, "-c", _START], env=environment, stdout=subprocess.PIPE, stderr=log, text=True
        ) as process,
    ):
        try:
            assert process.stdout is not None
            url = process.stdout.readline().strip()
            assert url, log_file.read_text()
            yield Server(url, process, log_file, temporary_dir)
        finally:
            _stop(process)


class _Forked:
    """A forked process, with the manners of one that was started."""

    def __init__(self, process: ForkServerProcess) -> None:
        self._process = process

    @property
    def pid(self) -> int:
        assert self._process.pid is not None
        return self._process.pid

    def poll(self) -> int | None:
        return self._process.exitcode

    def wait(self, timeout: float | None = None) -> int:
        self._process.join(timeout)
        if self._process.exitcode is None:
            raise TimeoutError("The service has not ended.")
        return self._process.exitcode

    def send_signal(self, sig: int) -> None:
        if self._process.exitcode is None:
            os.kill(self.pid, sig)

    def kill(self) -> None:
        self._process.kill()


def _serve_forked(environment: dict[str, str], log_file: Path, saying: Connection) -> None:
    os.environ.clear()
    os.environ.update(environment)
    tempfile.tempdir = None  # found out anew
    with log_file.open("w") as log:
        os.dup2(log.fileno(), sys.stdout.fileno())
        os.dup2(log.fileno(), sys.stderr.fileno())
    opening.SEARCH_WAIT_S = PATIENCE_S  # other tests have the processor for seconds
    serve(saying.send)


def _places(folder: Path) -> tuple[Path, Path]:
    """Return where the log goes, and where the service's temporary files would be."""
    temporary_dir = folder / "tmp"
    temporary_dir.mkdir()
    return folder / "service.log", temporary_dir


def _stop(process: Process) -> None:
    process.send_signal(signal.SIGTERM)
    try:
        process.wait(30)
    finally:
        process.kill()
        process.wait()
