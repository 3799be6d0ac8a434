"""What is evaluated: a snapshot's catalogue as its own network sees it, or as another network would."""

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Final

import numpy as np

from app.core.arrays import Float16Array, Float32Array, Int32Array
from app.core.decode_pool import DecodePool
from app.core.embedder import Embedder, choose_network, open_embedder
from app.core.errors import SnapshotMissing, VerificationFailed
from app.core.manifest import Manifest
from app.core.networks.fingerprint import Fingerprint
from app.core.networks.shares import canonical_name
from app.core.probes import check_probes
from app.core.products import ImageRecord, ProductRecord, from_line
from app.core.regions import RegionCodes
from app.core.settings import Settings
from app.core.snapshot import open_vectors
from app.core.snapshot_folder import SnapshotFolder
from app.core.vector_index import VectorIndex
from app.core.vector_store import VectorStore
from indexer.evaluation.pictures import EmbeddedPicture, embed_pictures
from indexer.evaluation.ranking import NO_CATEGORY, Searched, StoredRows
from indexer.progress import Progress
from indexer.region_sample import learn_regions

LIVE: Final = "live"
_SNAPSHOT_ID: Final = re.compile(r"\d{6,}-[0-9a-f]{8}")


@dataclass(frozen=True, eq=False, repr=False)
class EmbeddedCatalogue:
    """
    The products of a snapshot with the embeddings of one network.

    Attributes:
        name: What reports call it: the snapshot, or the network where it is not the snapshot's own.
        snapshot_id: Whose products these are.
        manifest: What this snapshot says about itself.
        probes: Its embeddings of the probe images.
        network: Whose embeddings these are.
        products: In the order of their ids, each with an image at least.
        embeddings: Shape (n, d): a row for each image, in the order of the products.
        index: The snapshot's own; None with another network.
    """

    name: str
    snapshot_id: str
    manifest: Manifest
    probes: Float32Array
    network: str
    products: Sequence[ProductRecord]
    embeddings: Float16Array
    index: VectorIndex | None

    @cached_property
    def images(self) -> tuple[ImageRecord, ...]:
        """The image of each row."""
        return tuple(image for product in self.products for image in product.images)

    @cached_property
    def category_numbers(self) -> dict[str, int]:
        """The number of each category."""
        return {name: i for i, name in enumerate(sorted({p.category for p in self.products if p.category}))}

    @cached_property
    def searched(self) -> Searched:
        """The same as arrays."""
        return searched_of(self.products, self.embeddings, self.category_numbers)


def searched_of(
    products: Sequence[ProductRecord], embeddings: StoredRows, category_numbers: dict[str, int]
) -> Searched:
    """Return products, and a row of embeddings for each of their images, as arrays."""
    known = [(category_numbers.get(each.category or "", NO_CATEGORY), len(each.images)) for each in products]
    categories, images = np.array(known, np.int32).reshape(-1, 2).T
    rows: Int32Array = np.repeat(np.arange(len(known), dtype=np.int32), images)
    return Searched(embeddings, rows, categories)


def is_snapshot_id(name: str) -> bool:
    """Whether this is the form of a snapshot's id; everything else is the name of a network."""
    return _SNAPSHOT_ID.fullmatch(name) is not None


def open_catalogue(
    settings: Settings, progress: Progress, *, snapshot_id: str | None = None, network: str | None = None
) -> EmbeddedCatalogue:
    """
    Open what is to be evaluated.

    Args:
        settings: Where everything is.
        progress: Told what takes long.
        snapshot_id: Whose products; None: those of the live one.
        network: What they are to be seen by; pictures that it has not embedded yet are embedded now, and kept. None:
            the snapshot's own.

    Raises:
        SnapshotMissing, SnapshotCorrupt, SnapshotIncompatible: The snapshot cannot be read.
        NetworkError: The network cannot be used.
        VerificationFailed: None of the pictures can be had.
    """
    progress.phase("Reading the snapshot")
    folder = SnapshotFolder(settings.snapshots_dir)
    if snapshot_id is None or snapshot_id == LIVE:
        current = folder.current()
        if current is None:
            raise SnapshotMissing("There is no index yet. Make one with `lookalike index FOLDER`.")
        snapshot_id = current.id
    snapshot = folder.open(snapshot_id)
    catalogue = EmbeddedCatalogue(
        name=f"snapshot {snapshot_id}",
        snapshot_id=snapshot_id,
        manifest=snapshot.manifest,
        probes=snapshot.probes,
        network=snapshot.manifest.network,
        products=[from_line(line) for line in snapshot.products.splitlines()],
        embeddings=np.array(open_vectors(settings.snapshots_dir / snapshot_id)),
        index=snapshot.index,
    )
    return catalogue if network is None else seen_by(network, catalogue, settings, progress)


def open_named(settings: Settings, name: str, progress: Progress) -> EmbeddedCatalogue:
    """Open a snapshot by its id, the live one by the word `live`, or that one as the network of this name sees it."""
    if name == LIVE or is_snapshot_id(name):
        return open_catalogue(settings, progress, snapshot_id=name)
    return open_catalogue(settings, progress, network=name)


@contextmanager
def embedding_for(
    catalogue: EmbeddedCatalogue, settings: Settings, progress: Progress
) -> Iterator[tuple[Embedder, DecodePool]]:
    """
    Open the network of a catalogue, and decoders, to embed queries.

    Raises:
        SnapshotIncompatible: The network gives other embeddings now than those that the snapshot holds.
        NetworkError: The network cannot be used.
    """
    progress.phase(f"Loading the network {catalogue.network}")
    manifest = catalogue.manifest
    is_own = catalogue.network == manifest.network
    recorded = Fingerprint.from_json(manifest.fingerprint) if is_own else None
    embedder = open_embedder(settings, catalogue.network, recorded=recorded)
    with DecodePool.from_settings(settings) as pool:
        if is_own:
            check_probes(embedder, lambda data: pool.prepare(data, embedder.preprocessings), catalogue.probes)
        yield embedder, pool


def seen_by(network: str, catalogue: EmbeddedCatalogue, settings: Settings, progress: Progress) -> EmbeddedCatalogue:
    """
    Return the same products with the embeddings of another network; without the pictures that cannot be had.

    Raises:
        NetworkError: The network cannot be used.
        VerificationFailed: None of the pictures can be had.
    """
    network = canonical_name(network)
    if network == catalogue.network:
        return catalogue
    progress.phase(f"Loading the network {network} (MiB)")
    wanted_network = settings.model_copy(update={"network": network})
    network = choose_network(wanted_network, warn=progress.warn, progress=progress.download)
    seen = replace(catalogue, name=network, network=network, index=None)
    with (
        embedding_for(seen, settings, progress) as (embedder, pool),
        VectorStore.open(settings.vectors_dir, embedder.fingerprint.sha256, embedder.dimension) as store,
        RegionCodes(settings.regions_dir, embedder.fingerprint.sha256) as codes,
    ):
        missing = {image.sha256: image for image in catalogue.images if image.sha256 not in store}
        if missing:
            learn_regions(codes, embedder, pool, (Path(image.location) for image in catalogue.images), progress)
        progress.phase(f"Embedding pictures with {network}", len(missing))
        wanted = list(missing.values())
        for batch in embed_pictures(embedder, pool, [Path(image.location) for image in wanted], progress):
            _keep([found for found in batch if found.sha256 == wanted[found.position].sha256], store, codes)
        products = _with_embeddings(catalogue.products, store)
        if not products:
            raise VerificationFailed(f"None of the pictures could be embedded with {network}: their files are gone.")
        if lost := len(catalogue.images) - sum(len(product.images) for product in products):
            progress.warn(f"{lost:,} of {len(catalogue.images):,} pictures cannot be read, and are left out.")
        sha256s = [image.sha256 for product in products for image in product.images]
        return replace(seen, products=products, embeddings=store.get(sha256s))


def _keep(pictures: Sequence[EmbeddedPicture], store: VectorStore, codes: RegionCodes) -> None:
    """Keep what the network says of these pictures, as an index run does: an index with it embeds none again."""
    if not pictures:
        return
    sha256s = [picture.sha256 for picture in pictures]
    # Embeddings last: whatever has one is not looked at again.
    codes.append(sha256s, codes.encode(np.stack([picture.regions for picture in pictures])))
    store.append(sha256s, np.stack([picture.embedding for picture in pictures]))


def _with_embeddings(products: Sequence[ProductRecord], store: VectorStore) -> list[ProductRecord]:
    kept = (replace(p, images=tuple(image for image in p.images if image.sha256 in store)) for p in products)
    return [product for product in kept if product.images]
