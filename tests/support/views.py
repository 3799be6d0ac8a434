"""Views of what searches see, over snapshots that are made in memory."""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime

import numpy as np

from app.core.arrays import Float32Array
from app.core.flat_index import FlatIndex
from app.core.image_ids import ImageIds
from app.core.manifest import DATA_FILES, FileFacts, Manifest
from app.core.products import ProductRecord, to_line
from app.core.snapshot import Snapshot
from app.core.snapshot_reader import LiveSnapshot
from app.core.vector_index import VectorIndex
from app.search.live_view import LiveView, view_of
from tests.support.snapshots import DIMENSION, random_embeddings, snapshot_facts

Vectors = dict[str, Float32Array]


def vectors_of(products: Sequence[ProductRecord], seed: int) -> Vectors:
    """Return an embedding for the bytes of each image, by their SHA-256."""
    sha256s = sorted({image.sha256 for product in products for image in product.images})
    return dict(zip(sha256s, random_embeddings(len(sha256s), DIMENSION, seed), strict=True))


def view_over(
    products: Sequence[ProductRecord],
    vectors: Vectors,
    build: Callable[[Float32Array], VectorIndex] = FlatIndex.build,
) -> LiveView:
    """Return a view of a snapshot with these products, in the order of their ids; `build` makes its index."""
    images = [image for product in products for image in product.images]
    embeddings = np.stack([vectors[image.sha256] for image in images])
    manifest = Manifest(
        **snapshot_facts().model_dump(),
        created_at=datetime.now(UTC),
        dimension=DIMENSION,
        products=len(products),
        images=len(images),
        versions={},
        files={name: FileFacts(size_bytes=1, sha256="0") for name in DATA_FILES},
    )
    snapshot = Snapshot(
        id="000001-00000000",
        manifest=manifest,
        index=build(embeddings),
        image_ids=ImageIds.of([image.id for image in images]),
        products=b"".join(to_line(product) + b"\n" for product in products),
        row_products=np.repeat(np.arange(len(products), dtype=np.int32), [len(each.images) for each in products]),
        probes=embeddings[:1],
    )
    return view_of(LiveSnapshot(snapshot, manifest.created_at))
