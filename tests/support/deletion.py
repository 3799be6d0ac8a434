"""
Whether a map tells the truth: what it names is deleted from the picture, and the score must fall.

Deleting means blurring, by a quarter of a cell and with edges as soft, so that detail goes and nothing comes instead. A
patch of one colour also adds something, its edges: ten of them scattered over a plain background change an embedding
nearly as much as ten on the product, wherever a map says that the product is (Fong & Vedaldi, "Interpretable
Explanations of Black Boxes by Meaningful Perturbation", 2017). `Fill` has them too, for comparison.
"""

import io
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final, Literal

import numpy as np
from PIL import Image, ImageFilter

from app.core.arrays import BoolArray, Float32Array
from app.core.embedder import Embedder
from app.core.explain import Explanation, explain, seen_part
from app.core.images import ImageLimits, prepare_image
from app.core.preprocessing import PreparedImage, Region
from app.core.regions import RegionCodes
from app.core.settings import Settings

Fill = Literal["blur", "mean", "grey"]
FILLS: Final[tuple[Fill, ...]] = ("blur", "mean", "grey")
SHARE: Final = 0.2
RANDOM_MASKS: Final = 4

Prepare = Callable[[bytes], PreparedImage]


@dataclass(frozen=True, slots=True, eq=False)
class Pair:
    """A query and a hit, with their embeddings (d,) and the explanation."""

    query: bytes
    hit: bytes
    query_embedding: Float32Array
    hit_embedding: Float32Array
    explanation: Explanation


@dataclass(frozen=True, slots=True)
class Drops:
    """By how much the score fell, on average, when what the map names was deleted, and when as much at random was."""

    named: float
    random: float

    @property
    def ratio(self) -> float:
        """How many times as much."""
        return self.named / self.random


def preparing(embedder: Embedder) -> Prepare:
    """Return how photos are prepared for a network."""
    limits = ImageLimits.from_settings(Settings())
    return lambda data: prepare_image(data, embedder.preprocessings, limits)


def pairs_of(embedder: Embedder, codes: RegionCodes, pictures: Sequence[tuple[bytes, bytes]]) -> list[Pair]:
    """Return queries and hits with what explains them; those without an explanation are left out."""
    prepare = preparing(embedder)
    pairs = []
    for query, hit in pictures:
        embedded = embedder.embed([prepare(query), prepare(hit)])
        explanation = explain(*codes.encode(embedded.regions))
        if explanation is not None:
            query_embedding, hit_embedding = embedded.embeddings
            pairs.append(Pair(query, hit, query_embedding, hit_embedding, explanation))
    return pairs


def drops(embedder: Embedder, pairs: Sequence[Pair], side: Literal["query", "hit"], fill: Fill) -> Drops:
    """Delete from one side of every pair the top fifth of its map, and fifths at random; the other side stays."""
    random = np.random.default_rng(0)
    prepare = preparing(embedder)
    named: list[float] = []
    chance: list[float] = []
    for pair in pairs:
        is_query = side == "query"
        picture, values = (pair.query, pair.explanation.query) if is_query else (pair.hit, pair.explanation.hit)
        other = pair.hit_embedding if is_query else pair.query_embedding
        masks = [top_cells(values), *(top_cells(random.random(values.shape, np.float32)) for _ in range(RANDOM_MASKS))]
        versions = [picture, *(deleted(picture, mask, embedder, fill) for mask in masks)]
        scores = embedder.embed([prepare(version) for version in versions]).embeddings @ other
        named.append(float(scores[0] - scores[1]))
        chance += (scores[0] - scores[2:]).tolist()
    return Drops(float(np.mean(named)), float(np.mean(chance)))


def top_cells(values: Float32Array) -> BoolArray:
    """Return the top fifth of a map's cells, shape (h, w)."""
    count = round(SHARE * values.size)
    mask = np.zeros(values.size, np.bool_)
    mask[np.argsort(-values, axis=None, kind="stable")[:count]] = True
    return mask.reshape(values.shape)


def deleted(data: bytes, cells: BoolArray, embedder: Embedder, fill: Fill) -> bytes:
    """Return the picture, as a PNG, without what is in these cells of a map."""
    with Image.open(io.BytesIO(data)) as opened:
        picture = opened.convert("RGB")
    left, top, right, bottom = _pixels(seen_part(*picture.size, embedder.preprocessings), picture.size)
    cell_px = (right - left) / cells.shape[1]
    light = Image.new("L", picture.size, 0)
    light.paste(Image.fromarray(cells.astype(np.uint8) * 255).resize((right - left, bottom - top), 0), (left, top))
    if fill == "blur":
        light = light.filter(ImageFilter.GaussianBlur(cell_px / 4))
        instead = picture.filter(ImageFilter.GaussianBlur(cell_px / 4))
    else:
        mean = np.asarray(picture).reshape(-1, 3).mean(axis=0).round().astype(int).tolist()
        instead = Image.new("RGB", picture.size, tuple(mean) if fill == "mean" else (128, 128, 128))
    output = io.BytesIO()
    Image.composite(instead, picture, light).save(output, "PNG", compress_level=1)
    return output.getvalue()


def _pixels(region: Region, size: tuple[int, int]) -> tuple[int, int, int, int]:
    width, height = size
    return round(region.x0 * width), round(region.y0 * height), round(region.x1 * width), round(region.y1 * height)
