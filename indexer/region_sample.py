"""What the codes of pictures' regions stand on: some pictures, spread over all that there are."""

import random
from collections.abc import Iterable
from pathlib import Path
from typing import Final

from app.core.decode_pool import DecodePool
from app.core.embedder import Embedder
from app.core.errors import InvalidImage
from app.core.memory import give_back_memory
from app.core.preprocessing import PreparedImage
from app.core.regions import RegionCodes
from indexer.pictures import MAX_FILE_BYTES
from indexer.progress import Progress

SAMPLE: Final = 64
"""Pictures; more make the codes hardly better, and each is embedded twice."""


def learn_regions(
    codes: RegionCodes, embedder: Embedder, pool: DecodePool, files: Iterable[Path], progress: Progress
) -> None:
    """
    Make the basis of the codes from some of these files, unless there is one.

    Those of one category alone would not do: with VGG16, whose last map has many values that only some kinds of
    pictures know, codes on the first pictures of a folder, all of them accessories, told little of trousers.
    """
    if codes.basis is not None:
        return
    chosen = _spread(files)
    progress.phase("Looking at a sample of the pictures", len(chosen))
    prepared = []
    for file in chosen:
        if (image := _prepared(embedder, pool, file)) is not None:
            prepared.append(image)
        if len(prepared) == 1 and embedder.embed(prepared).regions.size == 0:
            return  # a network without maps
        progress.advance()
    codes.learn(embedder.embed_each(prepared)[0].regions)
    del prepared
    give_back_memory()


def _spread(files: Iterable[Path]) -> list[Path]:
    """Return up to SAMPLE of the files, each as likely as any other, and the same ones each time."""
    chance = random.Random(0)  # noqa: S311  # no secret
    chosen: list[Path] = []
    for number, file in enumerate(files):
        if number < SAMPLE:
            chosen.append(file)
        elif (place := chance.randrange(number + 1)) < SAMPLE:
            chosen[place] = file
    return chosen


def _prepared(embedder: Embedder, pool: DecodePool, file: Path) -> PreparedImage | None:
    """Return a picture as the network takes it; None where that is not to be had, which the import will tell."""
    try:
        if not file.is_file() or file.stat().st_size > MAX_FILE_BYTES:
            return None
        return pool.prepare(file.read_bytes(), embedder.preprocessings)
    except (OSError, InvalidImage):
        return None
