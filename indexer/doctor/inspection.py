"""Every picture's file, opened and decoded once: whether it is still there and whole, and what it is like."""

import hashlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Final

import numpy as np

from app.core.arrays import BoolArray, Float32Array, UInt8Array
from app.core.decode_pool import DecodePool
from app.core.errors import InvalidImage
from indexer.doctor.quality import SMALL_PX, SQUARE, Quality, measure
from indexer.doctor.shown import ShownPicture
from indexer.plain_files import Unusable, read_plain_file

CHANGED: Final = "changed"
KNOWN: Final = "known"
_TOGETHER: Final = 1_000  # pictures that wait for a thread

FloatColumn = Float32Array


@dataclass(frozen=True, eq=False, slots=True)
class Inspection:
    """
    What the files of all pictures are like, a row each; rows of `unusable` ones mean nothing.

    Attributes:
        unusable: Rows of pictures whose files are gone, changed or broken, and why.
        is_usable: Shape (n,).
        blur, contrast: Shape (n,); see `Quality`.
        small: Shape (n, 32, 32, 3), uint8.
    """

    unusable: dict[int, Unusable]
    is_usable: BoolArray
    blur: FloatColumn
    contrast: FloatColumn
    small: UInt8Array


def inspect_files(
    pictures: Sequence[ShownPicture], pool: DecodePool, advance: Callable[[], None] = lambda: None
) -> Inspection:
    """Look at the file of each picture, with all children of the pool; `advance` is called for each."""
    n = len(pictures)
    found = Inspection(
        unusable={},
        is_usable=np.zeros(n, np.bool_),
        blur=np.zeros(n, np.float32),
        contrast=np.zeros(n, np.float32),
        small=np.zeros((n, SMALL_PX, SMALL_PX, 3), np.uint8),
    )
    for row, outcome in enumerate(_outcomes(pictures, pool)):
        advance()
        if isinstance(outcome, Unusable):
            found.unusable[row] = outcome
            continue
        found.is_usable[row] = True
        found.blur[row], found.contrast[row] = outcome.blur, outcome.contrast
        found.small[row] = outcome.small
    return found


def inspect_file(
    path: Path, pool: DecodePool, *, recorded_sha256: str | None = None, known: frozenset[str] = frozenset()
) -> Quality | Unusable:
    """
    Return what a picture is like, or why it cannot be used.

    Args:
        path: Its file.
        pool: What decodes it.
        recorded_sha256: What the file's SHA-256 was when it was indexed; another one is CHANGED.
        known: One of these SHA-256 is KNOWN, and not decoded.
    """
    data = read_plain_file(path)
    if isinstance(data, Unusable):
        return data
    sha256 = hashlib.sha256(data).hexdigest()
    if sha256 in known:
        return Unusable(KNOWN, "The same picture is in the index.")
    try:
        quality = measure(pool.prepare(data, [SQUARE]).arrays[0])
    except InvalidImage as error:
        return Unusable(error.slug, error.message)
    if recorded_sha256 not in {None, sha256}:
        return Unusable(CHANGED, "Another picture is in its place since it was indexed; index again.")
    return quality


def squares(locations: Iterable[str], pool: DecodePool) -> dict[str, UInt8Array]:
    """Return the pictures of these files at 256 x 256 pixels, shape (256, 256, 3); those that can be had."""
    places = list(dict.fromkeys(locations))

    def square(location: str) -> UInt8Array | None:
        data = read_plain_file(Path(location))
        try:
            return None if isinstance(data, Unusable) else pool.prepare(data, [SQUARE]).arrays[0]
        except InvalidImage:
            return None

    with ThreadPoolExecutor(pool.size) as threads:
        found = zip(places, threads.map(square, places), strict=True)
        return {place: pixels for place, pixels in found if pixels is not None}


def _outcomes(pictures: Sequence[ShownPicture], pool: DecodePool) -> Iterator[Quality | Unusable]:
    def inspected(picture: ShownPicture) -> Quality | Unusable:
        return inspect_file(Path(picture.location), pool, recorded_sha256=picture.sha256)

    left = iter(pictures)
    with ThreadPoolExecutor(pool.size) as threads:
        while together := list(islice(left, _TOGETHER)):
            yield from threads.map(inspected, together)
