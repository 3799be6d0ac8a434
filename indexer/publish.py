"""
From stored embeddings to the live snapshot: build, write aside, verify in a fresh process, adopt, publish, prune.

A kill at any moment leaves the old snapshot live or the new one, never a mix: `CURRENT` is replaced only at the end.
"""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

from app.core.arrays import Float16Array, Float32Array
from app.core.decode_pool import DecodePool
from app.core.embedder import Embedder
from app.core.errors import LookalikeError, RelevanceTooLow, SnapshotError, VerificationFailed
from app.core.key_table import SHA256_BYTES
from app.core.manifest import PRODUCTS_FILE, Manifest, SnapshotFacts
from app.core.memory import give_back_memory
from app.core.probes import probe_images
from app.core.product_file import ProductFile
from app.core.products import ProductRecord
from app.core.snapshot import open_vectors
from app.core.snapshot_check import verify_in_fresh_process
from app.core.snapshot_folder import SnapshotFolder
from app.core.snapshot_writing import WrittenProducts, write_products, write_snapshot
from app.core.vector_index import BLOCK_ROWS
from app.core.vector_store import VectorStore
from app.core.verdict import Calibration
from app.db.catalogue import chunks
from indexer.calibration import calibrate
from indexer.evaluation.gate import Gate, hold_out_sample, relevance_metrics
from indexer.progress import Progress
from indexer.workplace import Tools

PICTURE_AGE_S = 24 * 3600.0
"""Pictures that were put since are kept: the change that refers to them may not be written down yet."""

ADDRESS_AGE = timedelta(days=7)
"""Addresses that were fetched from since are remembered, also those of copies of a picture, which no product has."""

_FORGOTTEN_TOGETHER = 5_000  # addresses in one transaction, for which others wait


@dataclass(frozen=True, slots=True)
class Published:
    """The snapshot that is live now; `is_new` is false when nothing had changed since it was made."""

    snapshot_id: str
    is_new: bool
    metrics: dict[str, float]


@dataclass(frozen=True, slots=True)
class _Built:
    """A snapshot that is whole and lies aside, and what is known of it; `failures` are those of the gate."""

    folder: Path
    metrics: dict[str, float]
    calibration: Calibration | None
    failures: Sequence[str]


def publish_snapshot(
    tools: Tools,
    snapshots: SnapshotFolder,
    progress: Progress,
    *,
    keep: int,
    may_keep_live: bool,
    max_missing_share: float,
    gate: Gate,
) -> Published:
    """
    Publish a snapshot of the catalogue as it is now; the caller holds the lock of `snapshots`.

    With `may_keep_live`, nothing is published when the live snapshot already shows this catalogue; not for use after
    embeddings were made, which may replace damaged ones. `keep` snapshots stay on the disk. Pictures without an
    embedding of this network, whose files are gone, are left out, up to `max_missing_share` of all.

    Raises:
        VerificationFailed: More pictures have no embedding, or the new snapshot did not pass its checks; the old one
            stays live.
        RelevanceTooLow: It finds less than `gate` asks for; it is on the disk, to be looked at, and the old one live.
        StorageError: It could not be written; the old one stays live.
    """
    with snapshots.draft() as folder:
        pictures = _Pictures(tools.store)
        with tools.database.reading() as catalogue:
            watermark = catalogue.revision()
            found = _searchable(catalogue.iter_products(), tools, progress, max_missing_share)
            products = write_products(folder, pictures.of(found))
        unchanged = _live_if_current(snapshots, tools.embedder, products) if may_keep_live else None
        if unchanged is not None:
            return unchanged
        progress.phase("Building the index")
        probes = _probe_embeddings(tools.embedder, tools.pool)
        write_snapshot(folder, snapshot_facts(tools.embedder, watermark), products, pictures.embeddings(), probes)
        built = _verified(tools, snapshots, folder, gate, progress)
    progress.phase("Publishing")
    snapshot_id = snapshots.adopt(built.folder, built.metrics, built.calibration)
    if built.failures:
        raise _refusal(snapshots, snapshot_id, built.failures, keep)
    snapshots.publish(snapshot_id)
    _clean_up(snapshots, tools, keep, progress)
    return Published(snapshot_id, is_new=True, metrics=built.metrics)


class _Pictures:
    """The pictures of products that pass by, by their hashes: a million take 32 MB."""

    def __init__(self, store: VectorStore) -> None:
        self._store = store
        self._sha256s = bytearray()

    def of(self, products: Iterable[ProductRecord]) -> Iterator[ProductRecord]:
        """Yield the products, and remember their pictures."""
        for product in products:
            for image in product.images:
                self._sha256s += bytes.fromhex(image.sha256)
            yield product

    def embeddings(self) -> Iterator[Float16Array]:
        """Yield the embeddings of the pictures, in blocks of shape (m, d)."""
        step = BLOCK_ROWS * SHA256_BYTES
        for start in range(0, len(self._sha256s), step):
            block = self._sha256s[start : start + step]
            yield self._store.get([block[i : i + SHA256_BYTES].hex() for i in range(0, len(block), SHA256_BYTES)])


def _verified(tools: Tools, snapshots: SnapshotFolder, folder: Path, gate: Gate, progress: Progress) -> _Built:
    """Verify a snapshot that was written aside, and measure what it finds."""
    progress.phase("Verifying the index")
    give_back_memory()  # the other process needs some
    verified = verify_in_fresh_process(folder)
    live = snapshots.live_manifest()
    relevance, calibration = _measure(tools, folder, live, progress)
    metrics = asdict(verified) | relevance
    return _Built(folder, metrics, calibration, gate.failures(metrics, live.metrics if live else {}))


def snapshot_facts(embedder: Embedder, watermark: int) -> SnapshotFacts:
    """Return what is told about a snapshot with this network's embeddings of the catalogue at a revision."""
    return SnapshotFacts(
        network=embedder.network,
        runtime=embedder.runtime,
        fingerprint=embedder.fingerprint.to_json(),
        fingerprint_sha256=embedder.fingerprint.sha256,
        watermark=watermark,
    )


def _clean_up(snapshots: SnapshotFolder, tools: Tools, keep: int, progress: Progress) -> None:
    """Remove what nobody needs any more; the new index is live, and that old ones take space is no failure."""
    try:
        _remove_unused(snapshots, tools, keep)
    except LookalikeError as error:
        progress.warn(f"Old snapshots could not be removed. {error.message}")


def _remove_unused(snapshots: SnapshotFolder, tools: Tools, keep: int) -> None:
    """
    Remove old snapshots, the live changes that every one that is left has folded in, pictures that nobody shows, and
    what is known of addresses that nobody states.
    """
    snapshots.prune(keep)
    watermarks = [info.manifest.watermark for info in snapshots.list() if info.manifest is not None]
    with tools.database.writing() as catalogue:
        catalogue.forget_live(min(watermarks))
    with tools.database.reading() as catalogue:
        shown = catalogue.image_sha256s() | snapshots.image_sha256s()
        addresses = catalogue.unused_addresses(datetime.now(UTC) - ADDRESS_AGE)
    tools.reader.store.remove_unreferenced(shown, older_than_s=PICTURE_AGE_S)
    for some in chunks(addresses, _FORGOTTEN_TOGETHER):
        with tools.database.writing() as catalogue:
            catalogue.forget_fetched(some)


def _measure(
    tools: Tools, folder: Path, live: Manifest | None, progress: Progress
) -> tuple[dict[str, float], Calibration | None]:
    """Return what a snapshot finds of its own pictures, held out, and what its scores mean."""
    progress.phase("Measuring what it finds")
    products = ProductFile(folder / PRODUCTS_FILE)
    sample = hold_out_sample(products, open_vectors(folder))
    is_same_network = live is not None and live.fingerprint_sha256 == tools.embedder.fingerprint.sha256
    known = live.calibration if live is not None and is_same_network else None
    return relevance_metrics(sample), calibrate(tools, products, sample, known, progress)


def _refusal(snapshots: SnapshotFolder, snapshot_id: str, failures: Sequence[str], keep: int) -> RelevanceTooLow:
    """Say why a snapshot is not published; it stays on the disk, in the place of one that was refused before."""
    with suppress(LookalikeError):  # that an old one takes space is not what the user has to know now
        snapshots.prune(keep + 1)
    return RelevanceTooLow(
        f"Snapshot {snapshot_id} was built and not published. {' '.join(failures)} What was live stays live. "
        f"`lookalike evaluate --compare live {snapshot_id}` shows what became worse; "
        f"`lookalike snapshots publish {snapshot_id}` publishes it all the same."
    )


def _live_if_current(snapshots: SnapshotFolder, embedder: Embedder, products: WrittenProducts) -> Published | None:
    """Return the live snapshot if it is intact and shows these very products, with this network."""
    try:
        current = snapshots.current()
        live = snapshots.check(current.id) if current else None
    except SnapshotError:
        return None
    if current is None or live is None or live.fingerprint_sha256 != embedder.fingerprint.sha256:
        return None
    if live.files[PRODUCTS_FILE] != products.facts:
        return None
    return Published(current.id, is_new=False, metrics=live.metrics)


def _searchable(
    products: Iterable[ProductRecord], tools: Tools, progress: Progress, max_missing_share: float
) -> Iterator[ProductRecord]:
    """Yield the products with those of their images that have an embedding, without the products that have none."""
    images = missing = 0
    for product in products:
        found = tuple(image for image in product.images if image.sha256 in tools.store)
        images += len(product.images)
        missing += len(product.images) - len(found)
        if found:
            yield product if len(found) == len(product.images) else replace(product, images=found)
    if not missing:
        return
    told = f"{missing:,} of {images:,} pictures in the catalogue have no embedding of {tools.embedder.network}"
    if missing > max_missing_share * images:
        raise VerificationFailed(f"{told}; run `lookalike reindex` with this network to embed them.")
    progress.warn(f"{told} and cannot be found by searching: their files are gone.")


def _probe_embeddings(embedder: Embedder, pool: DecodePool) -> Float32Array:
    prepared = [pool.prepare(data, embedder.preprocessings) for data in probe_images()]
    return embedder.embed(prepared).embeddings
