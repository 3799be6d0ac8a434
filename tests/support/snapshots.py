"""Small snapshots for tests: the watermark decides every vector, so that a mix of two would show."""

import hashlib
import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from app.core.arrays import Float32Array
from app.core.manifest import SnapshotFacts
from app.core.products import ProductRecord
from app.core.snapshot_folder import SnapshotFolder
from tests.support.catalogue import make_image, make_product

IMAGES = 60
DIMENSION = 16
FINGERPRINT = "ab" * 32


@pytest.fixture
def folder(tmp_path: Path) -> SnapshotFolder:
    """Return a folder of snapshots that does not exist yet."""
    return SnapshotFolder(tmp_path / "snapshots")


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Return the path of that folder."""
    return tmp_path / "snapshots"


def random_embeddings(n: int, d: int, seed: int) -> Float32Array:
    """Return n random unit-norm vectors of d values."""
    rows = np.random.default_rng(seed).standard_normal((n, d))
    unit: Float32Array = (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)
    return unit


def image_ids(n: int) -> list[str]:
    """Return n different image ids."""
    return [f"{i:016x}" for i in range(n)]


def snapshot_products(n: int) -> list[ProductRecord]:
    """Return n products with an image each, with the ids that `image_ids` gives."""
    ids = {f"p{i:06d}": each for i, each in enumerate(image_ids(n))}
    return [make_product(name, images=(make_image(name, each, id=each),)) for name, each in ids.items()]


def snapshot_facts(watermark: int = 1) -> SnapshotFacts:
    """Return facts about a snapshot that no network was needed for."""
    return SnapshotFacts(
        network="vgg16",
        runtime="torch-float32",
        fingerprint={"network": "vgg16"},
        fingerprint_sha256=FINGERPRINT,
        watermark=watermark,
    )


def write_small(folder: SnapshotFolder, watermark: int = 1) -> Path:
    """Write a small snapshot into a temporary folder, which is returned. Needs the lock."""
    embeddings = random_embeddings(IMAGES, DIMENSION, seed=watermark)
    return folder.write(
        snapshot_facts(watermark), products=snapshot_products(IMAGES), embeddings=embeddings, probes=embeddings[:4]
    )


def publish_small(folder: SnapshotFolder, watermark: int = 1) -> str:
    """Write, adopt and publish a small snapshot, and return its id."""
    with folder.lock():
        snapshot_id = folder.adopt(write_small(folder, watermark), {"recall_at_10": 1.0})
        folder.publish(snapshot_id)
    return snapshot_id


def reseal(
    root: Path,
    snapshot_id: str,
    change: Callable[[dict[str, Any]], object] = lambda _: None,
    replace: Mapping[str, bytes] | None = None,
) -> str:
    """Change a snapshot as somebody would who also corrects every hash; return its new id."""
    folder = root / snapshot_id
    manifest = json.loads((folder / "manifest.json").read_bytes())
    for name, data in (replace or {}).items():
        overwrite(folder / name, data)
        manifest["files"][name] = {"size_bytes": len(data), "sha256": hashlib.sha256(data).hexdigest()}
    change(manifest)
    data = json.dumps(manifest).encode()
    overwrite(folder / "manifest.json", data)
    if not snapshot_id[0].isdigit():
        return snapshot_id
    resealed = f"{snapshot_id[:6]}-{hashlib.sha256(data).hexdigest()[:8]}"
    folder.rename(root / resealed)
    return resealed


def hidden(root: Path) -> list[str]:
    """Return the temporary folders and files that are left in a folder of snapshots."""
    return [path.name for path in root.iterdir() if path.name.startswith(".") and not path.name.endswith("lock")]


def overwrite(path: Path, data: bytes) -> None:
    """Replace the content of a read-only file in place."""
    path.chmod(0o644)
    path.write_bytes(data)
