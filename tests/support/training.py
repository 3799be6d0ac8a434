"""Made-up pictures with embeddings that lie around one point for each category."""

from pathlib import Path

import numpy as np

from app.core.arrays import Float32Array
from app.core.category_head import CategoryHead, rooted
from indexer.training.examples import Examples, LabelledPicture
from tests.support.snapshots import FINGERPRINT, random_embeddings

DIMENSION = 24


def labelled(product_id: str, category: str | None, sha256: str = "") -> LabelledPicture:
    """Return a picture of a product; unless told otherwise, no other has the same bytes."""
    return LabelledPicture(product_id, f"Product {product_id}", category, sha256 or product_id, Path("gone.jpg"))


def made_up(
    counts: dict[str, int], *, seed: int = 0, noise: float = 1.0, pictures: int = 1
) -> tuple[Examples, Float32Array]:
    """
    Return examples with so many products of each category, and their embeddings, shape (n, d), unit-norm.

    The larger the noise, the more often categories look alike; at 1 about nine in ten can be told.
    """
    generator = np.random.default_rng([seed, 9])
    centres = random_embeddings(len(counts), DIMENSION, seed=1)
    rows, listed = [], []
    for number, (category, count) in enumerate(counts.items()):
        for product in range(count):
            for picture in range(pictures):
                name = f"{category}-{product:04}"
                listed.append(labelled(name, category, f"{name}-{picture}"))
                rows.append(centres[number] + noise * 0.3 * generator.standard_normal(DIMENSION))
    embeddings = np.stack(rows)
    unit = (embeddings / np.linalg.norm(embeddings, axis=1, keepdims=True)).astype(np.float32)
    return Examples.of(listed), unit


def small_head(seed: int = 0, *, fingerprint_sha256: str = FINGERPRINT, dimension: int = 16) -> CategoryHead:
    """Return a head for three categories whose weights the seed decides."""
    generator = np.random.default_rng(seed)
    return CategoryHead(
        labels=("bags", "lamps", "mugs"),
        landmarks=rooted(random_embeddings(5, dimension, seed=2)),
        sharpness=1.5,
        weight=generator.standard_normal((3, 5)).astype(np.float32),
        bias=generator.standard_normal(3).astype(np.float32),
        fingerprint_sha256=fingerprint_sha256,
        temperature=0.8,
        head_share=0.6,
        card={"seed": seed},
    )
