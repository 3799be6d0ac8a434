"""A live index over small snapshots, with a catalogue and stored embeddings of its own."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from app.core.snapshot import Snapshot
from app.core.snapshot_folder import SnapshotFolder
from app.core.vector_store import VectorStore
from app.db.database import Database
from app.search.following import POLL_S
from app.search.live_index import LiveIndex
from tests.support.snapshots import DIMENSION, FINGERPRINT


def accept_all(_snapshot: Snapshot) -> None:
    """Accept every snapshot."""


@contextmanager
def open_store(data_dir: Path) -> Iterator[VectorStore]:
    """Open the stored embeddings of the network that small snapshots are of."""
    with VectorStore.open(data_dir / "vectors", FINGERPRINT, DIMENSION) as store:
        yield store


@contextmanager
def open_database(data_dir: Path) -> Iterator[Database]:
    """Open the catalogue, with all its tables."""
    database = Database(f"sqlite:///{data_dir}/catalogue.db")
    database.upgrade()
    yield database
    database.close()


@contextmanager
def live_index(
    data_dir: Path, accept: Callable[[Snapshot], None] = accept_all, *, poll_s: float = POLL_S
) -> Iterator[LiveIndex]:
    """Open, without starting it, a live index over what is published in the folder `snapshots`."""
    folder = SnapshotFolder(data_dir / "snapshots")
    first = folder.open_live_or_previous()
    with open_database(data_dir) as database, open_store(data_dir) as store:
        live = LiveIndex(folder, first, database, store, accept, poll_s)
        yield live
        live.close()
