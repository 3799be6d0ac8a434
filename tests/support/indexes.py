"""Compressed indexes of vectors that no snapshot holds."""

from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from app.core.arrays import Float32Array, FloatArray
from app.core.compressed_index import CompressedIndex
from app.core.compression import compress
from app.core.vector_file import VectorFile


def vector_file(embeddings: FloatArray) -> VectorFile:
    """Return a file of the embeddings, rounded to float16, that is gone when nobody refers to it."""
    with TemporaryDirectory() as folder:
        path = Path(folder) / "vectors.npy"
        np.save(path, embeddings.astype("<f2"), allow_pickle=False)
        return VectorFile(path)


def compressed(embeddings: FloatArray) -> CompressedIndex:
    """Return a compressed index of the embeddings, with the least effort, whatever it finds."""
    index = compress(vector_file(embeddings), target_recall=0)
    if index is None:
        raise AssertionError("no recall is too little")
    return index


def families(count: int, dimension: int, seed: int) -> Float32Array:
    """Return unit-norm embeddings as catalogues have them: some like others, a little or very much."""
    rng = np.random.default_rng(seed)
    spectrum = (1 + np.arange(dimension, dtype=np.float32)) ** -0.5
    heads = np.random.default_rng(0).standard_normal((max(2, count // 20), dimension), np.float32)
    spread = rng.uniform(0.1, 1, (count, 1)).astype(np.float32)
    rows = heads[rng.integers(len(heads), size=count)]
    rows = (rows + spread * rng.standard_normal((count, dimension), np.float32)) * spectrum
    unit: Float32Array = rows / np.linalg.norm(rows, axis=1, keepdims=True)
    return unit
