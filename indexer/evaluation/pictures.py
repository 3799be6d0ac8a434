"""Embeddings of picture files that the catalogue does not have yet, on the one path that all pictures take."""

import hashlib
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from app.core.arrays import Float32Array
from app.core.decode_pool import DecodePool
from app.core.embedder import Embedder
from app.core.errors import EmbeddingRefused, ImageTooLarge, InvalidImage, LookalikeError, SourceMissing
from app.core.preprocessing import PreparedImage
from indexer.pictures import MAX_FILE_BYTES
from indexer.progress import Progress

_DECODED_AHEAD: Final = 64


@dataclass(frozen=True, slots=True, eq=False)
class EmbeddedPicture:
    """
    A picture as the network sees it.

    Attributes:
        position: In the paths that were given.
        sha256: Of the file's bytes.
        embedding: Shape (d,), unit-norm.
        regions: Shape (h, w, channels), as in `Embedded`.
    """

    position: int
    sha256: str
    embedding: Float32Array
    regions: Float32Array


def embed_pictures(
    embedder: Embedder, pool: DecodePool, paths: Sequence[Path], progress: Progress
) -> Iterator[list[EmbeddedPicture]]:
    """Yield the pictures that can be used, batch by batch, in their order; the others are told to `progress`."""
    with ThreadPoolExecutor(pool.size, "prepare") as preparers:
        read = _ahead(preparers, embedder, pool, paths)
        batch: list[_Prepared] = []
        for position, outcome in enumerate(read):
            if isinstance(outcome, LookalikeError):
                progress.skip(outcome.slug)
                continue
            batch.append(_Prepared(position, *outcome))
            if len(batch) == embedder.best_batch_size:
                yield _embedded(embedder, batch, progress)
                batch = []
        if batch:
            yield _embedded(embedder, batch, progress)


@dataclass(frozen=True, slots=True)
class _Prepared:
    position: int
    sha256: str
    image: PreparedImage


def _embedded(embedder: Embedder, batch: Sequence[_Prepared], progress: Progress) -> list[EmbeddedPicture]:
    embedded, refusals = embedder.embed_each([prepared.image for prepared in batch])
    kept = []
    seen = zip(batch, embedded.embeddings, embedded.regions, refusals, strict=True)
    for prepared, embedding, regions, refusal in seen:
        if isinstance(refusal, EmbeddingRefused):
            progress.skip(refusal.slug)
        else:
            kept.append(EmbeddedPicture(prepared.position, prepared.sha256, embedding, regions))
    progress.advance(len(kept))
    return kept


def _ahead(
    preparers: ThreadPoolExecutor, embedder: Embedder, pool: DecodePool, paths: Iterable[Path]
) -> Iterator[tuple[str, PreparedImage] | LookalikeError]:
    """Yield each picture's hash and pixels, or why it cannot be used; some are decoded before they are asked for."""

    def prepare(path: Path) -> tuple[str, PreparedImage] | LookalikeError:
        try:
            data = _read(path)
            return hashlib.sha256(data).hexdigest(), pool.prepare(data, embedder.preprocessings)
        except (InvalidImage, SourceMissing) as error:
            return error

    pending: deque[Future[tuple[str, PreparedImage] | LookalikeError]] = deque()
    for path in paths:
        pending.append(preparers.submit(prepare, path))
        if len(pending) >= _DECODED_AHEAD:
            yield pending.popleft().result()
    while pending:
        yield pending.popleft().result()


def _read(path: Path) -> bytes:
    try:
        if not path.is_file():  # opening a pipe or a device could wait for ever
            raise SourceMissing(f"{path} is not a file.")
        with path.open("rb") as file:
            data = file.read(MAX_FILE_BYTES + 1)
    except OSError as error:
        raise SourceMissing(f"{path} cannot be read: {error.strerror}.") from error
    if len(data) > MAX_FILE_BYTES:
        raise ImageTooLarge(f"{path} has more than {MAX_FILE_BYTES:,} bytes, the limit.")
    return data
