"""Small snapshots for tests: the watermark decides every vector, so that a mix of two would show."""

from pathlib import Path

import numpy as np

from app.core.manifest import SnapshotFacts
from app.core.snapshot_folder import SnapshotFolder
from app.core.vector_index import Float32Array

IMAGES = 60
DIMENSION = 16


def random_embeddings(n: int, d: int, seed: int) -> Float32Array:
    """Return n random unit-norm vectors of d values."""
    rows = np.random.default_rng(seed).standard_normal((n, d))
    unit: Float32Array = (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)
    return unit


def image_ids(n: int) -> list[str]:
    """Return n different image ids."""
    return [f"{i:016x}" for i in range(n)]


def snapshot_facts(watermark: int = 1) -> SnapshotFacts:
    """Return facts about a snapshot that no network was needed for."""
    return SnapshotFacts(
        network="vgg16",
        runtime="torch-float32",
        fingerprint={"network": "vgg16"},
        fingerprint_sha256="ab" * 32,
        products=IMAGES,
        watermark=watermark,
    )


def write_small(folder: SnapshotFolder, watermark: int = 1) -> Path:
    """Write a small snapshot into a temporary folder, which is returned. Needs the lock."""
    embeddings = random_embeddings(IMAGES, DIMENSION, seed=watermark)
    return folder.write(
        snapshot_facts(watermark), embeddings=embeddings, image_ids=image_ids(IMAGES), probes=embeddings[:4]
    )


def publish_small(folder: SnapshotFolder, watermark: int = 1) -> str:
    """Write, adopt and publish a small snapshot, and return its id."""
    with folder.lock():
        snapshot_id = folder.adopt(write_small(folder, watermark), {"recall_at_10": 1.0})
        folder.publish(snapshot_id)
    return snapshot_id
