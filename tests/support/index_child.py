"""
A process that has loaded everything and forks one import after the other, each of which may die or run out of disk.

    python -m tests.support.index_child      with the settings in LOOKALIKE_… variables

Each line of standard input is an order, an `ImportOrder` as JSON. The answer is the process id of the import, then
what the import says of itself as far as it comes, then how the process ended; a line of JSON each.
"""

import json
import os
import resource
import signal
import sys
import threading
import time
from collections.abc import Callable, Mapping
from types import FrameType, ModuleType
from typing import Any

import app.core.snapshot_writing as snapshot_files
import indexer.publish as publishing
from app.core.decode_pool import DecodePool
from app.core.embedder import Embedder, open_embedder
from app.core.errors import LookalikeError
from app.core.picture_store import PictureStore
from app.core.settings import Settings
from app.core.snapshot_folder import SnapshotFolder
from app.core.vector_store import VectorStore
from app.db.catalogue_writer import CatalogueWriter
from app.db.database import Database
from indexer import workplace
from indexer.ingest import Ingest
from indexer.pictures import PictureReader
from indexer.pipeline import SourceOptions, index_source, reindex_catalogue
from indexer.progress import Silent
from indexer.statement import Statement

POINTS: Mapping[str, tuple[Any, str]] = {
    "P0 locked": (Database, "upgrade"),
    "P1 compared": (Statement, "check_removals"),
    "P2 fetch": (PictureReader, "obtain"),
    "P2 decode": (DecodePool, "prepare"),
    "P3 embed": (Ingest, "_embed"),
    "P3 store": (VectorStore, "append"),
    "P3 catalogue": (CatalogueWriter, "remember_fetched"),
    "P3 removal": (CatalogueWriter, "delete_products"),
    "P4 products": (publishing, "write_products"),
    "P4 vectors": (snapshot_files, "_write_vectors"),
    "P4 build": (snapshot_files, "choose_index"),
    "P5 write": (snapshot_files, "_write_array"),
    "P6 fsync": (snapshot_files, "fsync_folder"),
    "P7 verify": (publishing, "verify_in_fresh_process"),
    "P8 adopt": (SnapshotFolder, "adopt"),
    "P8 adopted": (SnapshotFolder, "publish"),
    "P9 switch": (SnapshotFolder, "_switch"),
    "P10 switched": (publishing, "_clean_up"),
    "P11 prune": (SnapshotFolder, "prune"),
    "P11 forget": (CatalogueWriter, "forget_live"),
    "P11 pictures": (PictureStore, "remove_unreferenced"),
}
"""The phases of an import, in their order, and what each calls first: there a process can be killed."""

_WRITES = frozenset({"write", "executemany", "execute", "commit", "mkdir", "truncate"})


def main() -> None:
    """Do what is ordered until standard input ends."""
    settings = Settings.load()
    embedder = open_embedder(settings, settings.network)

    def open_loaded(*_arguments: object, **_options: object) -> Embedder:
        return embedder

    setattr(workplace, "open_embedder", open_loaded)  # noqa: B010  # mypy counts it as not exported
    _say({"ready": True})
    for line in sys.stdin:
        order = json.loads(line)
        pid = os.fork()
        if pid == 0:
            _import(settings, order)
        _say({"pid": pid})
        if order.get("kill_after_s") is not None:
            time.sleep(order["kill_after_s"])
            os.kill(pid, signal.SIGKILL)  # until it is waited for, its process id is not anybody else's
        _, status = os.waitpid(pid, 0)
        _say({"status": status})


def _import(settings: Settings, order: Mapping[str, Any]) -> None:
    """Do one import and end the process."""
    time.sleep(0.01)  # after the line with the process id
    try:
        _tell_embedded()
        if order.get("kill_at"):
            owner, name = POINTS[order["kill_at"]]
            setattr(owner, name, _die)
        if order.get("user"):
            os.setgroups([])
            os.setgid(order["user"])
            os.setuid(order["user"])
        if order.get("full_from"):
            _fill_disk(order["full_from"])
        if order["source"]:
            index_source(settings, order["source"], SourceOptions(), Silent())
        else:
            reindex_catalogue(settings, Silent(), full=True)
        _end({"slug": None}, 0)
    except LookalikeError as error:
        _end({"slug": error.slug, "message": error.message}, 1)
    except BaseException as error:  # noqa: BLE001  # a traceback would be lost between two processes
        _end({"slug": "unforeseen", "message": repr(error)}, 2)


def _end(outcome: Mapping[str, object], code: int) -> None:
    sys.setprofile(None)
    _say(outcome)
    os._exit(code)


def _die(*_arguments: object, **_options: object) -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def _tell_embedded() -> None:
    """Tell how many of the shop's pictures went through the network, each time at once; probe images do not count."""
    ingest: Callable[..., int] = Ingest._embed
    embed: Callable[..., Any] = Embedder.embed_each

    def told(self: Embedder, images: Any) -> Any:  # noqa: ANN401  # as `embed_each` has it
        embedded = embed(self, images)
        _say({"embedded": len(images)})
        return embedded

    def ingested(self: Ingest, batch: Any) -> int:  # noqa: ANN401  # as `_embed` has it
        Embedder.embed_each = told  # type: ignore[method-assign]
        try:
            return ingest(self, batch)
        finally:
            Embedder.embed_each = embed  # type: ignore[method-assign]

    Ingest._embed = ingested  # type: ignore[method-assign]


def _fill_disk(point: int) -> None:
    """From the `point`-th write on, in whichever thread, no file of this process can grow."""
    lock = threading.Lock()
    writes = 0

    def count(_frame: FrameType, event: str, function: object) -> None:
        nonlocal writes
        if event != "c_call" or getattr(function, "__name__", "") not in _WRITES:
            return
        owner = getattr(function, "__self__", None)
        if isinstance(owner, ModuleType) or type(owner).__module__ in {"_io", "sqlite3"}:
            with lock:
                writes += 1
                if writes == point:
                    resource.setrlimit(resource.RLIMIT_FSIZE, (0, resource.getrlimit(resource.RLIMIT_FSIZE)[1]))

    threading.setprofile(count)
    sys.setprofile(count)


def _say(what: Mapping[str, object]) -> None:
    os.write(1, json.dumps(what).encode() + b"\n")


if __name__ == "__main__":
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    main()
