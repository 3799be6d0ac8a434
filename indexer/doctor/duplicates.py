"""
One picture under several products: the same file, or a copy that was encoded anew, resized or cropped a little.

Neighbours in the index are candidates; the network alone does not tell a copy from the same shoe in another colour, nor
a picture from its half as large copy. So candidates are laid over each other, first small ones that were kept of every
picture, and those that agree once more in detail, from their files.
"""

from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from app.core.arrays import UInt8Array
from app.core.decode_pool import DecodePool
from indexer.doctor.copies import Agreement, agreement, shrunk
from indexer.doctor.inspection import Inspection, squares
from indexer.doctor.neighbours import Neighbours
from indexer.doctor.shown import ShownPicture

# Measured on 3,795 product photos: copies at half the size have cosines from 0.75 on, cropped by 5 % from 0.85; so do
# thousands of pairs that only look alike. Of 180 copies all were found, with four pairs of almost the same shoes.
LEAST_SCORE: Final = 0.7
LEAST_SHAPE: Final = 0.99
CROPPED_SCORE: Final = 0.82
CROPPED_SHAPE: Final = 0.96
LEAST_DETAIL: Final = 0.91
MOST_DIFFERENCE: Final = 8.0

_FINE_PX: Final = 64
_PAIRS_TOGETHER: Final = 256

Pair = tuple[int, int]


@dataclass(frozen=True, slots=True)
class NearGroup:
    """Rows of pictures that are copies of one, each file once; `score` is the lowest cosine that connects them."""

    rows: tuple[int, ...]
    score: float


def exact_groups(pictures: Sequence[ShownPicture]) -> list[tuple[int, ...]]:
    """Return the rows of each file that is the picture of several products, those of most products first."""
    rows_of: dict[str, list[int]] = defaultdict(list)
    for picture in pictures:
        rows_of[picture.sha256].append(picture.row)
    groups = [tuple(rows) for rows in rows_of.values() if len(rows) > 1]
    return sorted(groups, key=lambda rows: (-len(rows), rows))


def near_groups(
    pictures: Sequence[ShownPicture],
    neighbours: Neighbours,
    inspection: Inspection,
    pool: DecodePool,
    advance: Callable[[int], None] = lambda _: None,
) -> list[NearGroup]:
    """Return the groups of pictures of different products that are copies of one another, the surest first."""
    pairs = candidate_pairs(pictures, neighbours, inspection)
    likely = {}
    for together in _chunks(list(pairs)):
        a, b = (inspection.small[list(rows)].astype(np.float32) for rows in zip(*together, strict=True))
        agreed = agreement(a, b)
        for i, pair in enumerate(together):
            is_cropped = pairs[pair] >= CROPPED_SCORE and agreed.shape[i] >= CROPPED_SHAPE
            if is_cropped or agreed.shape[i] >= LEAST_SHAPE:
                likely[pair] = pairs[pair]
        advance(len(together))
    copies: dict[Pair, float] = {}
    for together in _chunks(list(likely)):
        copies |= {pair: likely[pair] for pair in _copies(together, pictures, pool)}
    return sorted(_joined(copies), key=lambda group: (-group.score, group.rows))


def candidate_pairs(
    pictures: Sequence[ShownPicture], neighbours: Neighbours, inspection: Inspection
) -> dict[Pair, float]:
    """Return pairs of rows of different files that are near in the index, with their scores."""
    first_of: dict[str, int] = {}
    for picture in pictures:
        first_of.setdefault(picture.sha256, picture.row)
    pairs: dict[Pair, float] = {}
    for a, place in np.argwhere(neighbours.scores >= LEAST_SCORE).tolist():
        b = int(neighbours.rows[a, place])
        one, other = sorted((first_of[pictures[a].sha256], first_of[pictures[b].sha256]))
        if one != other and inspection.is_usable[one] and inspection.is_usable[other]:
            pairs[one, other] = float(neighbours.scores[a, place])
    return pairs


def _copies(pairs: list[Pair], pictures: Sequence[ShownPicture], pool: DecodePool) -> Iterator[Pair]:
    """Yield the pairs that agree in detail."""
    pixels = squares((pictures[row].location for pair in pairs for row in pair), pool)
    readable = [pair for pair in pairs if all(pictures[row].location in pixels for row in pair)]
    if not readable:
        return
    a, b = (_fine(pixels, [pictures[row].location for row in rows]) for rows in zip(*readable, strict=True))
    agreed = agreement(a, b)
    yield from (pair for i, pair in enumerate(readable) if _is_copy(agreed, i))


def _is_copy(agreed: Agreement, i: int) -> bool:
    return bool(agreed.detail[i] >= LEAST_DETAIL or agreed.difference[i] <= MOST_DIFFERENCE)


def _fine(pixels: dict[str, UInt8Array], locations: list[str]) -> np.ndarray[tuple[int, ...], np.dtype[np.float32]]:
    return shrunk(np.stack([pixels[location] for location in locations]).astype(np.float32), _FINE_PX)


def _chunks(pairs: list[Pair]) -> Iterator[list[Pair]]:
    for start in range(0, len(pairs), _PAIRS_TOGETHER):
        yield pairs[start : start + _PAIRS_TOGETHER]


def _joined(pairs: dict[Pair, float]) -> Iterator[NearGroup]:
    """Put pairs together that share a picture."""
    parent: dict[int, int] = {}

    def root(row: int) -> int:
        while parent.setdefault(row, row) != row:
            parent[row] = parent[parent[row]]
            row = parent[row]
        return row

    for a, b in pairs:
        parent[root(a)] = root(b)
    rows_of: dict[int, list[int]] = defaultdict(list)
    for row in sorted(parent):
        rows_of[root(row)].append(row)
    lowest: dict[int, float] = {}
    for (a, _), score in pairs.items():
        lowest[root(a)] = min(score, lowest.get(root(a), 1.0))
    for top, rows in rows_of.items():
        yield NearGroup(tuple(rows), lowest[top])
