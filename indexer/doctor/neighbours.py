"""
For every picture of the index, the products that a search with it would show: exact, block by block.

100,000 pictures of 1280 values take four minutes on two cores, and besides the index some hundred megabytes.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import numpy as np

from app.core.arrays import Float32Array, Int32Array, Int64Array
from app.core.vector_index import VectorIndex

NEIGHBOURS: Final = 10
_BLOCK_ROWS: Final = 512  # of queries; also how often progress is shown


@dataclass(frozen=True, eq=False, slots=True)
class Neighbours:
    """
    The ten most similar other products of each picture, best first.

    Attributes:
        rows: Shape (n, 10): the picture of each that is most like this one; -1 where there are fewer products.
        scores: Shape (n, 10): cosine; -2 where `rows` is -1.
    """

    rows: Int32Array
    scores: Float32Array


def find_neighbours(
    index: VectorIndex, row_products: Int32Array, advance: Callable[[int], None] = lambda _: None
) -> Neighbours:
    """
    Search the index with each of its own pictures; pictures of the same product are passed over.

    `row_products` are the products of the rows, shape (n,), as a snapshot has them. `advance` is told of each block how
    many pictures it had.
    """
    n = len(index)
    rows = np.full((n, NEIGHBOURS), -1, np.int32)
    scores = np.full((n, NEIGHBOURS), -2, np.float32)
    images_a_product = n / (int(row_products.max()) + 1)
    first_k = int(np.ceil(images_a_product * (NEIGHBOURS + 1)))
    for start in range(0, n, _BLOCK_ROWS):
        block = np.arange(start, min(start + _BLOCK_ROWS, n))
        _search_block(index, row_products, block, first_k, rows, scores)
        advance(len(block))
    return Neighbours(rows, scores)


def _search_block(
    index: VectorIndex,
    row_products: Int32Array,
    block: Int64Array,
    k: int,
    rows: Int32Array,
    scores: Float32Array,
) -> None:
    """Set the neighbours of some rows; where the best `k` pictures are of too few products, more are looked at."""
    embeddings = np.stack([index.embedding(int(row)) for row in block])
    while len(block):
        found_scores, found_rows = index.search(embeddings, k)
        unfinished = np.zeros(len(block), np.bool_)
        for i, row in enumerate(block):
            products = row_products[found_rows[i]]
            # np.unique gives where each product is found first, that is its best picture.
            _, firsts = np.unique(products, return_index=True)
            firsts.sort()
            others = firsts[products[firsts] != row_products[row]][:NEIGHBOURS]
            rows[row, : len(others)] = found_rows[i, others]
            scores[row, : len(others)] = found_scores[i, others]
            unfinished[i] = len(others) < NEIGHBOURS and found_rows.shape[1] < len(index)
        block, embeddings, k = block[unfinished], embeddings[unfinished], 2 * k
