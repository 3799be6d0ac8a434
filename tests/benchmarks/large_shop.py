"""A large index without large work: drawn embeddings in clusters, under the fingerprint of a network that is there."""

import hashlib
from dataclasses import dataclass
from decimal import Decimal

import numpy as np

from app.core.arrays import Float32Array
from app.core.decode_pool import DecodePool
from app.core.embedder import Embedder, open_embedder
from app.core.probes import probe_images
from app.core.products import ImageRecord, ProductRecord, image_id
from app.core.settings import Settings
from app.core.snapshot_folder import SnapshotFolder
from app.core.vector_index import BLOCK_ROWS
from app.db.database import Database
from indexer.publish import snapshot_facts

NETWORK = "efficientnet_lite0"
CLUSTERS = 1_000
SPREAD = 0.7  # of an embedding around its cluster's centre, whose values have a standard deviation of 1
SHARES = {"half": 0.5, "twentieth": 0.05, "hundredth": 0.01, "thousandth": 0.001}
"""Categories, each with its share of the products; all others have none of these."""
SEVERAL_EVERY = 10
SEVERAL = 3  # images that every tenth product has


@dataclass(frozen=True, slots=True)
class LargeShop:
    """What was published: the products in the order of their ids, and a row for each of their images in turn."""

    snapshot_id: str
    products: list[ProductRecord]
    embeddings: Float32Array


def publish_large_shop(settings: Settings, count: int, *, seed: int = 1, network: str = NETWORK) -> LargeShop:
    """Write a catalogue of so many products, ids and embeddings being the seed's, and publish a snapshot of it."""
    products = _products(count, seed)
    database = Database(settings.resolved_database_url)
    database.upgrade()
    with database.writing() as catalogue:
        catalogue.upsert_products(products)
        watermark = catalogue.revision()
    database.close()
    embedder = open_embedder(settings, network)
    embeddings = draw_embeddings(sum(len(product.images) for product in products), embedder.dimension, seed)
    snapshots = SnapshotFolder(settings.snapshots_dir)
    with snapshots.lock():
        facts, probes = snapshot_facts(embedder, watermark), _probes(settings, embedder)
        temporary = snapshots.write(facts, products=products, embeddings=embeddings, probes=probes)
        snapshot_id = snapshots.adopt(temporary)
        snapshots.publish(snapshot_id)
    return LargeShop(snapshot_id, products, embeddings)


def draw_embeddings(count: int, dimension: int, seed: int) -> Float32Array:
    """Return unit-norm embeddings, shape (count, dimension), each near one of the centres, the same for all seeds."""
    centres = np.random.default_rng(0).standard_normal((CLUSTERS, dimension), np.float32)
    rng = np.random.default_rng(seed)
    embeddings = np.empty((count, dimension), np.float32)
    for start in range(0, count, BLOCK_ROWS):
        block = embeddings[start : start + BLOCK_ROWS]
        rng.standard_normal(out=block, dtype=np.float32)
        block *= SPREAD
        block += centres[rng.integers(CLUSTERS, size=len(block))]
        block /= np.linalg.norm(block, axis=1, keepdims=True)
    return embeddings


def _products(count: int, seed: int) -> list[ProductRecord]:
    rng = np.random.default_rng(seed)
    drawn = rng.choice([*SHARES, "other"], size=count, p=[*SHARES.values(), 1 - sum(SHARES.values())])
    return [_product(f"s{seed}-{number:07d}", number, str(category)) for number, category in enumerate(drawn)]


def _product(product_id: str, number: int, category: str) -> ProductRecord:
    return ProductRecord(
        id=product_id,
        title=f"Drawn product {number}",
        category=category,
        brand=f"Brand {number % 97}",
        price=Decimal(number % 10_000) / 100,
        currency="EUR",
        availability="in_stock",
        attributes={"colour": f"colour {number % 12}"},
        images=tuple(_image(product_id, place) for place in range(1 if number % SEVERAL_EVERY else SEVERAL)),
    )


def _image(product_id: str, position: int) -> ImageRecord:
    sha256 = hashlib.sha256(f"{product_id}/{position}".encode()).hexdigest()
    return ImageRecord(
        id=image_id(product_id, sha256),
        sha256=sha256,
        location=f"/drawn/{product_id}-{position}.jpg",
        format="JPEG",
        width_px=320,
        height_px=320,
        size_bytes=10_000,
        position=position,
    )


def _probes(settings: Settings, embedder: Embedder) -> Float32Array:
    with DecodePool.from_settings(settings, size=1) as pool:
        return embedder.embed([pool.prepare(data, embedder.preprocessings) for data in probe_images()]).embeddings
