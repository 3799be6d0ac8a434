"""Decisions about runtimes, kept in the data folder until the machine, the libraries or the network change."""

import hashlib
import importlib.metadata
import json
import logging
import platform
from pathlib import Path

import torch

from app.core.errors import StorageError
from app.core.files import storage_errors, write_atomically
from app.core.networks.architectures import LoadedNetwork
from app.core.networks.quantised import StoredGraph

_log = logging.getLogger(__name__)


class RememberedRuntimes:
    """A JSON file from circumstances to names of runtimes; whatever is wrong with it, only time is lost."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def get(self, key: str) -> str | None:
        """Return the runtime that was chosen under these circumstances; None: never, or the file is unreadable."""
        name = self._read().get(key)
        return name if isinstance(name, str) else None

    def put(self, key: str, name: str) -> None:
        """
        Keep a decision; a folder that cannot be written is reported and nothing more.

        A folder that is not there stays so: whoever only looks must not leave a mistyped data folder behind.
        """
        if not self._path.parent.exists():
            return
        document = {**self._read(), key: name}
        try:
            with storage_errors(self._path.parent):
                write_atomically(self._path, json.dumps(document, indent=2).encode())
        except StorageError as error:
            _log.warning("The choice of a runtime was not kept, so the next start measures again: %s", error)

    def _read(self) -> dict[str, object]:
        try:
            document = json.loads(self._path.read_text(encoding="utf-8"))
        except (OSError, ValueError):  # ValueError: not JSON, or not UTF-8
            return {}
        return document if isinstance(document, dict) else {}


def circumstances(network: LoadedNetwork, quantised: StoredGraph | None, choice: str, threads: int) -> str:
    """Return a readable key of all that a choice depends on."""
    versions = [f"{package} {importlib.metadata.version(package)}" for package in ("torch", "openvino")]
    graph = [f"int8 {quantised.sha256[:16]}"] if quantised else []
    known = (network.part.name, network.weights_sha256[:16], *graph)
    return ", ".join((*known, choice, f"{threads} threads", *versions, _machine()))


def _machine() -> str:
    """Name the GPU, or the CPU with a hash of what it can do."""
    if torch.cuda.is_available():
        return torch.cuda.get_device_name()
    try:
        cpu = Path("/proc/cpuinfo").read_text(encoding="utf-8")
    except OSError:  # not Linux
        return platform.processor() or platform.machine()
    facts = {name.strip(): value.strip() for name, _, value in (line.partition(":") for line in cpu.splitlines())}
    flags = hashlib.sha256(facts.get("flags", "").encode()).hexdigest()[:8]
    return f"{facts.get('model name', platform.machine())} with flags {flags}"
