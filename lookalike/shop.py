"""The live index, its network and the catalogue, opened for one search from a terminal."""

from collections.abc import Sequence
from contextlib import ExitStack, closing
from dataclasses import dataclass
from typing import Self

from app.core.decode_pool import DecodePool
from app.core.embedder import Embedder, open_embedder
from app.core.images import ImageLimits
from app.core.networks.fingerprint import Fingerprint
from app.core.probes import check_probes
from app.core.settings import Settings
from app.core.snapshot import Snapshot
from app.core.snapshot_folder import SnapshotFolder
from app.db.database import Database
from app.search.categories import NEIGHBOURS, category_probabilities
from app.search.neighbours import Hit, nearest_products
from app.search.queries import ClassProbability
from app.search.service import top_classes


@dataclass(frozen=True, slots=True)
class Found:
    """What a search found."""

    snapshot_id: str
    network: str
    low_confidence: bool
    classes: Sequence[ClassProbability]
    categories: Sequence[ClassProbability]
    hits: Sequence[Hit]


class Shop:
    """Answers searches one after the other, as the service does, without HTTP."""

    def __init__(self, snapshot: Snapshot, embedder: Embedder, pool: DecodePool, database: Database) -> None:
        self._snapshot = snapshot
        self._embedder = embedder
        self._pool = pool
        self._database = database

    @classmethod
    def open(cls, settings: Settings) -> Self:
        """
        Open what is live in the data folder.

        Raises:
            SnapshotError, NetworkError, DatabaseError: It cannot be searched; the message says what to do.
        """
        with ExitStack() as undo:
            database = undo.enter_context(closing(Database(settings.resolved_database_url)))
            snapshot = SnapshotFolder(settings.snapshots_dir).open_live_or_previous().snapshot
            database.check()
            manifest = snapshot.manifest
            embedder = open_embedder(settings, manifest.network, recorded=Fingerprint.from_json(manifest.fingerprint))
            limits = ImageLimits.from_settings(settings)
            pool = undo.enter_context(DecodePool(1, limits, settings.decode_timeout_s))
            check_probes(embedder, lambda data: pool.prepare(data, embedder.preprocessings), snapshot.probes)
            undo.pop_all()
        return cls(snapshot, embedder, pool, database)

    def search(self, data: bytes, k: int) -> Found:
        """
        Return the `k` products that look most like a photo, and what is in it.

        Raises:
            InvalidImage, EmbeddingRefused: The photo cannot be used.
        """
        prepared = self._pool.prepare(data, self._embedder.preprocessings)
        embedded = self._embedder.embed([prepared])
        with self._database.reading() as catalogue:
            hits = nearest_products(self._snapshot, catalogue, embedded.embeddings, max(k, NEIGHBOURS))
        return Found(
            snapshot_id=self._snapshot.id,
            network=self._embedder.network,
            low_confidence=prepared.is_uniform,
            classes=top_classes(embedded.probabilities[0], self._embedder.class_labels),
            categories=category_probabilities([(hit.product.category, hit.score) for hit in hits]),
            hits=hits[:k],
        )

    def close(self) -> None:
        """End the decoding child and close the database."""
        self._pool.close()
        self._database.close()
