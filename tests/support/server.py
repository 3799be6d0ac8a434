"""The service in a process of its own, as `lookalike serve` runs it, on a free port of this machine."""

import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx2
from pydantic import SecretStr

from app.core.settings import Settings
from tests.support.sources import REPOSITORY
from tests.support.waiting import PATIENCE_S

_RUN = f"""
from app.api.server import run
from app.core.settings import Settings
from app.main import create_app
from app.search import opening
opening.MAX_WAIT_S = {PATIENCE_S}
settings = Settings.load()
run(settings, create_app(settings), lambda url: print(url, flush=True))
"""


@dataclass(frozen=True, slots=True)
class Server:
    """A service that answers at `url`; its temporary files would be in `temporary_dir`, which it cannot write."""

    url: str
    process: subprocess.Popen[str]
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


@contextmanager
def running_server(settings: Settings, folder: Path) -> Iterator[Server]:
    """Run the service until the block ends; its log goes to a file in `folder`."""
    log_file, temporary_dir = folder / "service.log", folder / "tmp"
    temporary_dir.mkdir()
    with log_file.open("w") as log:
        process = subprocess.Popen(
            [sys.executable, "-c", _RUN],
            env={**environment_of(settings), "TMPDIR": str(temporary_dir)},
            stdout=subprocess.PIPE,
            stderr=log,
            text=True,
        )
    assert process.stdout is not None
    try:
        url = process.stdout.readline().strip()
        assert url, log_file.read_text()
        yield Server(url, process, log_file, temporary_dir)
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(30)
        finally:
            process.kill()
            process.wait()
            process.stdout.close()
