"""What the dense layers are learned from: of each picture what their first layer sees, kept in a scratch file."""

import hashlib
import math
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
import torch

from app.core.arrays import BoolArray, Float16Array, UInt8Array
from app.core.decode_pool import DecodePool
from app.core.embedder import Embedder
from app.core.errors import InvalidImage, LookalikeError, NoReadableImage
from app.core.files import require_free_space, storage_errors
from app.core.networks.trained import SIDE, Dense
from app.core.preprocessing import PreparedImage
from indexer.pictures import MAX_FILE_BYTES, UNREADABLE
from indexer.progress import Progress
from indexer.training.examples import LabelledPicture

_CHUNK: Final = 64
_LARGEST: Final = 65504.0  # of float16


@dataclass(frozen=True, slots=True, eq=False)
class Views:
    """
    What the first dense layer sees of n pictures, in float16.

    Attributes:
        seen: What it learns from, shape (n, d).
        of_base: What its base gives, shape (n, d).
        mirrored: The same two of the pictures' mirror images; None where a network pools them away.
        is_there: Which of the pictures could be read, shape (n,); the rows of the others are zero.
        pixels: The pictures as the network takes them, shape (n, side, side, 3), where convolutions learn too.
    """

    seen: Float16Array
    of_base: Float16Array
    mirrored: tuple[Float16Array, Float16Array] | None
    is_there: BoolArray
    pixels: UInt8Array | None = None


def _tell(refusals: Sequence[LookalikeError | None], progress: Progress) -> None:
    for refusal in refusals:
        if refusal is None:
            progress.advance()
        else:
            progress.skip(refusal.slug)


def look(
    pictures: Sequence[LabelledPicture],
    embedder: Embedder,
    dense: Dense,
    pool: DecodePool,
    *,
    scratch: Path,
    keeps_pixels: bool,
    progress: Progress,
) -> Views:
    """
    Send every picture through the network once, and keep in `scratch` what is needed of it to learn.

    Raises:
        NoReadableImage: None of them can be read.
        DiskFull, DataDirNotWritable: `scratch` cannot hold them.
    """
    progress.phase("Looking at the pictures", len(pictures))
    shape = (len(pictures), dense.dimension)
    with storage_errors(scratch):
        files = [
            np.memmap(scratch / f"views-{number}", np.float16, "w+", shape=shape)
            for number in range(4 if dense.is_vgg else 2)
        ]
        side_px = embedder.preprocessings[0].crop_px if keeps_pixels else 0
        pixels = _pixel_file(scratch, (len(pictures), side_px, side_px, 3)) if keeps_pixels else None
    is_there = np.zeros(len(pictures), np.bool_)
    for start, prepared in _prepared(pictures, embedder, pool, progress):
        embedded, refusals = embedder.embed_each([image for image in prepared if image is not None])
        rows = np.array([start + i for i, image in enumerate(prepared) if image is not None], np.int64)
        kept = np.array([refusal is None for refusal in refusals], np.bool_)
        _tell(refusals, progress)
        if not kept.any():
            continue
        values = torch.from_numpy(embedded.regions if dense.is_vgg else embedded.embeddings)[torch.from_numpy(kept)]
        for file, view in zip(files, _views(dense, values), strict=True):
            file[rows[kept]] = view.clamp(-_LARGEST, _LARGEST).numpy()
        is_there[rows[kept]] = True
        if pixels is not None:
            images = [image for image in prepared if image is not None]
            pixels[rows] = np.stack([image.arrays[0] for image in images])
    if not is_there.any():
        raise NoReadableImage("None of the pictures could be used.")
    mirrored = (files[2], files[3]) if dense.is_vgg else None
    return Views(files[0], files[1], mirrored, is_there, pixels)


def _pixel_file(scratch: Path, shape: tuple[int, ...]) -> UInt8Array:
    require_free_space(scratch, math.prod(shape))
    return np.memmap(scratch / "pixels", np.uint8, "w+", shape=shape)


@torch.inference_mode()
def _views(dense: Dense, values: torch.Tensor) -> list[torch.Tensor]:
    if not dense.is_vgg:
        return list(dense.views(values))
    # The map of a mirrored picture is very nearly the mirrored map: the convolutions need not run again.
    return [view for each in (values, values.flip(2)) for view in dense.views(each.reshape(-1, SIDE * SIDE * 512))]


def _prepared(
    pictures: Sequence[LabelledPicture], embedder: Embedder, pool: DecodePool, progress: Progress
) -> Iterator[tuple[int, list[PreparedImage | None]]]:
    """Yield the first row and the pictures of each chunk, the next one being prepared meanwhile."""

    def prepare(picture: LabelledPicture) -> PreparedImage | None:
        try:
            with picture.path.open("rb") as file:
                data = file.read(MAX_FILE_BYTES + 1)
            if len(data) <= MAX_FILE_BYTES and hashlib.sha256(data).hexdigest() == picture.sha256:
                return pool.prepare(data, embedder.preprocessings)
            progress.skip(UNREADABLE)
        except OSError:
            progress.skip(UNREADABLE)
        except InvalidImage as error:
            progress.skip(error.slug)
        return None

    chunks = [(start, pictures[start : start + _CHUNK]) for start in range(0, len(pictures), _CHUNK)]
    with ThreadPoolExecutor(pool.size, "prepare") as threads:
        waiting = [threads.submit(prepare, picture) for picture in chunks[0][1]]
        for number, (start, _) in enumerate(chunks):
            done = [future.result() for future in waiting]
            following = chunks[number + 1][1] if number + 1 < len(chunks) else ()
            waiting = [threads.submit(prepare, picture) for picture in following]
            yield start, done
