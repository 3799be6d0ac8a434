"""Pictures of the catalogue to quantise by, and others to judge by, as the network takes them."""

import random
from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Final

import numpy as np

from app.core.arrays import UInt8Array
from app.core.decode_pool import DecodePool
from app.core.errors import InvalidImage, TooFewExamples
from app.core.preprocessing import Preprocessing
from indexer.plain_files import Unusable, read_plain_file
from indexer.progress import Progress

LOOKED_AT: Final = 300
"""Pictures to choose ranges by; NNCF's own default, and more change nothing that could be measured."""
JUDGED: Final = 1_000
FEWEST: Final = 60
"""Of fewer pictures, ten hits are most of the others."""
_AHEAD: Final = 64


@dataclass(frozen=True, slots=True, eq=False)
class Material:
    """Pixels of two sets of pictures that have none in common, each of shape (n, side, side, 3)."""

    looked_at: UInt8Array
    judged: UInt8Array


def read_material(
    paths: Sequence[Path], pool: DecodePool, preprocessing: Preprocessing, progress: Progress
) -> Material:
    """
    Draw pictures by lot, the same ones each time, and read them.

    Args:
        paths: Of the catalogue's pictures, each once.
        pool: Decodes them.
        preprocessing: Of the network.
        progress: Told what takes long.

    Raises:
        TooFewExamples: Fewer than FEWEST of them can be read.
    """
    drawn = random.Random(0).sample(paths, len(paths))  # noqa: S311  # no secret
    wanted = min(len(drawn), LOOKED_AT + JUDGED)
    progress.phase("Reading pictures of the catalogue", wanted)
    pixels = list(islice(_readable(drawn, pool, preprocessing, progress), wanted))
    if len(pixels) < FEWEST:
        raise TooFewExamples(
            f"{len(pixels):,} pictures of the catalogue can be read, and at least {FEWEST} are needed to say how near "
            "a faster network comes."
        )
    looked_at = min(LOOKED_AT, len(pixels) // 3)
    return Material(np.stack(pixels[:looked_at]), np.stack(pixels[looked_at:]))


def _readable(
    paths: Sequence[Path], pool: DecodePool, preprocessing: Preprocessing, progress: Progress
) -> Iterator[UInt8Array]:
    """Yield the pixels of those pictures that can be read, in their order; some are decoded ahead."""

    def pixels_of(path: Path) -> UInt8Array | str:
        data = read_plain_file(path)
        if isinstance(data, Unusable):
            return data.reason
        try:
            return pool.prepare(data, [preprocessing]).arrays[0]
        except InvalidImage as error:
            return error.slug

    with ThreadPoolExecutor(pool.size, "prepare") as readers:
        rest = iter(paths)
        pending: deque[Future[UInt8Array | str]] = deque()
        pending.extend(readers.submit(pixels_of, path) for path in islice(rest, _AHEAD))
        while pending:
            found = pending.popleft().result()
            pending.extend(readers.submit(pixels_of, path) for path in islice(rest, 1))
            if isinstance(found, str):
                progress.skip(found)
            else:
                progress.advance()
                yield found
