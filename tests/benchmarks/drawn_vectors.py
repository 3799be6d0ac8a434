"""
A million embeddings without a million pictures: drawn around real ones, with their spectrum.

Each is a real embedding and beside it noise with the covariance of all of them, from very little to as much as tells
strangers apart, so that it has near neighbours and far ones; what falls below zero is cut off where the real ones never
do, as a ReLU does it.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Final, Self

import numpy as np

from app.core.arrays import Float32Array
from app.core.vector_file import VECTOR_TYPE
from app.core.vector_index import BLOCK_ROWS, unit_rows

K: Final = 10
_COMPONENTS: Final = 512
_LEAST_SPREAD: Final = 0.15
_MOST_SPREAD: Final = 0.9
_DRAWN_FROM: Final = 4000  # embeddings of a drawn spectrum, where no real ones are given


@dataclass(frozen=True, slots=True, eq=False)
class Spectrum:
    """
    What embeddings are drawn from.

    Attributes:
        centres: Shape (m, d), unit-norm.
        components: Shape (c, d): principal components, each as long as the standard deviation along it.
        rest: Standard deviation of each value beside the components, shape (d,).
        is_positive: Whether no value is below zero.
    """

    centres: Float32Array
    components: Float32Array
    rest: Float32Array
    is_positive: bool

    @classmethod
    def of(cls, embeddings: Float32Array) -> Self:
        """Return the spectrum of real embeddings, shape (m, d)."""
        centred = embeddings - embeddings.mean(axis=0)
        count = min(_COMPONENTS, *embeddings.shape)
        variances, places = np.linalg.eigh(centred @ centred.T)
        deviations = np.sqrt(np.maximum(variances[::-1][:count], 0) / len(centred))
        components = places[:, ::-1][:, :count].T @ centred
        components *= (deviations / np.maximum(np.linalg.norm(components, axis=1), 1e-12))[:, np.newaxis]
        rest = np.maximum((centred**2).mean(axis=0) - (components**2).sum(axis=0), 0)
        return cls(embeddings, components.astype(np.float32), np.sqrt(rest), bool(embeddings.min() >= 0))

    @classmethod
    def drawn(cls, dimension: int) -> Self:
        """Return a spectrum that falls as those of networks do, by a power of the component's number."""
        rng = np.random.default_rng(0)
        scales = (1 + np.arange(dimension, dtype=np.float32)) ** -0.6
        rows = np.maximum(rng.standard_normal((_DRAWN_FROM, dimension), np.float32) * scales, 0)
        return cls.of(rows / np.linalg.norm(rows, axis=1, keepdims=True))

    def draw(self, count: int, rng: np.random.Generator) -> Float32Array:
        """Return so many embeddings, shape (count, d), unit-norm."""
        spread = rng.uniform(_LEAST_SPREAD, _MOST_SPREAD, (count, 1)).astype(np.float32)
        rows = rng.standard_normal((count, len(self.components)), np.float32) @ self.components
        rows += rng.standard_normal((count, len(self.rest)), np.float32) * self.rest
        rows *= spread
        rows += self.centres[rng.integers(len(self.centres), size=count)]
        if self.is_positive:
            np.maximum(rows, 0, out=rows)
        unit: Float32Array = rows / np.linalg.norm(rows, axis=1, keepdims=True)
        return unit


@dataclass(frozen=True, slots=True, eq=False)
class Asked:
    """
    Queries that are none of the vectors, and what should be found.

    Attributes:
        queries: Shape (q, d).
        allowed: For each share of the rows that a filter lets through, which rows, shape (n,).
        least: For each share, the score of the K-th best row, shape (q,).
    """

    queries: Float32Array
    allowed: dict[float, np.ndarray[tuple[int], np.dtype[np.bool_]]]
    least: dict[float, Float32Array]


def write_vectors(path: Path, spectrum: Spectrum, rows: int, queries: int, shares: tuple[float, ...]) -> Asked:
    """Write so many vectors to a new file, as a snapshot has them, and return queries with exact answers."""
    rng = np.random.default_rng(1)
    asked = spectrum.draw(queries, np.random.default_rng(2))
    dimension = asked.shape[1]
    allowed = {share: np.random.default_rng(3).random(rows) < share for share in shares}
    best = {share: np.full((queries, K), -1, np.float32) for share in shares}
    header = {"descr": VECTOR_TYPE.str, "fortran_order": False, "shape": (rows, dimension)}
    with path.open("wb") as file:
        np.lib.format.write_array_header_1_0(file, header)
        for start in range(0, rows, BLOCK_ROWS):
            block = spectrum.draw(min(BLOCK_ROWS, rows - start), rng).astype(VECTOR_TYPE)
            file.write(block.tobytes())
            scores = asked @ unit_rows(block, dimension).T
            for share in shares:
                some = scores[:, allowed[share][start : start + len(block)]]
                both = np.concatenate([best[share], some], axis=1)
                best[share] = -np.sort(-np.partition(both, -K, axis=1)[:, -K:], axis=1)
    return Asked(asked, allowed, {share: scores[:, -1] for share, scores in best.items()})
