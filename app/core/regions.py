"""
What a network saw in each place of a picture, in few numbers, kept beside the embeddings to explain hits with.

    <root>/<fingerprint>/.lock                          held while a basis is made
                         <SHA-256 of the basis>/        basis.safetensors and a `VectorStore` of the codes

A last convolution gives hundreds of numbers or more a place: a picture's would be fifty times its embedding. Few are
kept, those on a basis of the directions that tell most. The basis is made once, by the first index run, and is never
changed: codes on different ones cannot be compared. So the codes lie in the folder of their basis, whose name is its
hash; where it is damaged, they are absent, and a new one begins with none.

Nothing here is needed to search. A picture without a code has no explanation, and that is all.
"""

import fcntl
import hashlib
import logging
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from threading import Lock
from typing import Final

import numpy as np
from safetensors import SafetensorError
from safetensors.numpy import load as parse_safetensors
from safetensors.numpy import save as to_safetensors

from app.core.arrays import Float32Array
from app.core.closing import Closing
from app.core.errors import SnapshotError
from app.core.files import make_folder, storage_errors, write_atomically
from app.core.joined_regions import resampled
from app.core.locks import locked
from app.core.vector_store import VectorStore

CELLS: Final = 7
"""Places a side that are kept, fewer where the network has fewer: VGG16, EfficientNet and ResNet have just these."""
VALUES: Final = 32
"""Numbers kept of each place."""
_BASIS: Final = "basis.safetensors"
_ITERATIONS: Final = 6
# Multiplications up to which OpenBLAS takes one thread. Beside torch and OpenVINO a second one is waited for: the code
# of one photo took 8 ms on two cores, and in pieces of this size takes 0.3.
_SMALL_PRODUCT: Final = 4 * 65536

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, eq=False)
class Basis:
    """
    Directions in which the places of a network's pictures differ most.

    Attributes:
        sha256: Its name.
        vectors: Shape (channels, values), its columns of length 1 and at right angles.
        mean: What the places of all pictures have in common, shape (values,), where a picture has the length 1.
        cells: Places a side of the codes.
    """

    sha256: str
    vectors: Float32Array
    mean: Float32Array
    cells: int

    @property
    def values(self) -> int:
        """Numbers in the code of one place."""
        return int(self.vectors.shape[1])

    def encode(self, regions: Float32Array) -> Float32Array:
        """
        Return the codes of n pictures, shape (n, cells, cells, values), each of length 1 as a whole.

        What all pictures have is taken off, such as a plain background: two share it, but it is no reason why these
        two are alike.

        Args:
            regions: As in `Embedded`, of the network that the basis is for. A map without anything has a code of zeros.
        """
        projected = _projected(resampled(regions, self.cells), self.vectors)
        is_something = projected.any(axis=(1, 2, 3), keepdims=True)
        return _of_length_1(np.where(is_something, projected - self.mean, np.float32(0)))


@dataclass(frozen=True, slots=True, eq=False)
class Code:
    """What is kept of one picture's places, shape (cells, cells, values), and the basis that it is on."""

    basis_sha256: str
    values: Float32Array


@dataclass(frozen=True, slots=True)
class _Opened:
    path: Path
    basis: Basis
    store: VectorStore


class RegionCodes(Closing):
    """
    The codes of one fingerprint's pictures; safe to use from several threads and by several processes at once.

    Close it or use it in a `with` block. Nothing is made on the disk before `learn`.
    """

    def __init__(self, root: Path, fingerprint_sha256: str) -> None:
        self._folder = root / fingerprint_sha256
        self._opening = Lock()
        self._opened: _Opened | None = None
        self._stores = ExitStack()  # also of one that was replaced: another thread may be reading it
        self._problem = ""

    @property
    def basis(self) -> Basis | None:
        """The basis, as soon as this process or another one has made it."""
        opened = self._open()
        return None if opened is None else opened.basis

    def learn(self, regions: Float32Array) -> None:
        """
        Make the basis from some pictures, unless there is one; it is on the disk when this returns.

        Args:
            regions: As in `Embedded`. From a network without maps nothing is learned.

        Raises:
            StorageError: The data folder cannot be written.
        """
        if regions.size == 0 or self.basis is not None:
            return
        with storage_errors(self._folder):
            make_folder(self._folder)
            with locked(self._folder / ".lock", fcntl.LOCK_EX):
                if self._open() is not None:  # another process was faster
                    return
                document = basis_of(regions)
                folder = self._folder / hashlib.sha256(document).hexdigest()
                make_folder(folder)
                write_atomically(folder / _BASIS, document)

    def encode(self, regions: Float32Array) -> list[Code | None]:
        """
        Return the code of each picture, regions as in `Embedded`.

        None is that of one in which the network saw nothing; of all while there is no basis or the network has no maps.
        """
        basis = self.basis
        if basis is None or regions.shape[3] != len(basis.vectors):
            return [None] * len(regions)
        return [Code(basis.sha256, np.array(values)) if values.any() else None for values in basis.encode(regions)]

    def append(self, image_sha256s: Sequence[str], codes: Sequence[Code | None]) -> None:
        """
        Keep the codes of pictures, those that there are; they are on the disk when this returns.

        Raises:
            StorageError, SnapshotCorrupt: They could not be kept.
        """
        opened = self._open()
        found = {
            image_sha256: code.values.ravel()
            for image_sha256, code in zip(image_sha256s, codes, strict=True)
            if opened is not None and code is not None and code.basis_sha256 == opened.basis.sha256
        }
        if opened is not None and found:
            opened.store.append(list(found), np.stack(list(found.values())))

    def __contains__(self, image_sha256: str) -> bool:
        """Whether there is a code of this picture."""
        opened = self._open()
        return opened is not None and image_sha256 in opened.store

    def get(self, image_sha256: str) -> Code | None:
        """Return the code of one picture; None when there is none, or it cannot be read."""
        opened = self._open()
        if opened is None:
            return None
        try:
            row = opened.store.get([image_sha256])
        except KeyError:
            return None
        except SnapshotError as error:
            self._report(error.message)
            return None
        shape = (opened.basis.cells, opened.basis.cells, opened.basis.values)
        return Code(opened.basis.sha256, row.astype(np.float32).reshape(shape))

    def close(self) -> None:
        """Close the files; what was appended is on the disk already."""
        self._stores.close()

    def _open(self) -> _Opened | None:
        """Return the basis with its store, looked for on the disk while there is none, or when it was removed."""
        with self._opening:
            if self._opened is None or not self._opened.path.exists():
                self._opened = next(filter(None, map(self._try, sorted(self._folder.glob("*/" + _BASIS)))), None)
            return self._opened

    def _try(self, path: Path) -> _Opened | None:
        """Open the basis of a file and its store; None where it is not what its name says, or cannot be read."""
        try:
            basis = _read_basis(path)
            store = VectorStore.open(self._folder, basis.sha256, basis.cells**2 * basis.values)
        except (OSError, SafetensorError, LookupError, ValueError) as error:
            self._report(f"{type(error).__name__} in {path.name}")
        except SnapshotError as error:
            self._report(error.message)
        else:
            self._stores.callback(store.close)
            return _Opened(path, basis, store)
        return None

    def _report(self, problem: str) -> None:
        if problem != self._problem:
            _log.warning(
                "Codes of pictures' regions cannot be read, so that hits are not explained: %s. Remove the folder "
                "regions/%s and run `lookalike reindex --full`.",
                problem.rstrip("."),
                self._folder.name,
            )
        self._problem = problem


def _read_basis(path: Path) -> Basis:
    """Read a basis; a file whose content is not what its folder is named by is a ValueError."""
    document = path.read_bytes()
    name = path.parent.name
    if hashlib.sha256(document).hexdigest() != name:
        raise ValueError("its SHA-256 is not the recorded one")
    tensors = parse_safetensors(document)
    return Basis(name, tensors["vectors"], tensors["mean"], int(tensors["cells"][0]))


def basis_of(regions: Float32Array) -> bytes:
    """Return the file of a basis for pictures such as these, regions as in `Embedded`."""
    cells = min(CELLS, regions.shape[1])
    maps = resampled(regions, cells)
    vectors = principal_directions(maps.reshape(-1, maps.shape[3]), VALUES)
    mean = _projected(maps, vectors).mean(axis=(0, 1, 2))
    return to_safetensors({"vectors": vectors, "mean": mean, "cells": np.array([cells], np.int32)})


def _projected(maps: Float32Array, vectors: Float32Array) -> Float32Array:
    """Return maps (n, h, w, channels) on a basis, each of length 1 as a whole; those of zeros stay so."""
    rows = maps.reshape(-1, maps.shape[3])
    step = max(1, _SMALL_PRODUCT // vectors.size)
    values = [rows[start : start + step] @ vectors for start in range(0, len(rows), step)]
    return _of_length_1(np.concatenate(values).reshape(*maps.shape[:3], vectors.shape[1]))


def _of_length_1(maps: Float32Array) -> Float32Array:
    lengths = np.sqrt(np.square(maps, dtype=np.float64).sum(axis=(1, 2, 3), keepdims=True))
    return np.asarray(np.divide(maps, lengths, where=lengths > 0, out=np.zeros(maps.shape)), np.float32)


def principal_directions(rows: Float32Array, count: int) -> Float32Array:
    """
    Return the directions that tell most about the rows, not centred, as columns of length 1 at right angles.

    Shape (d, count), fewer columns where there are fewer rows or values. By iterating on a subspace: of thousands of
    directions a few dozen are wanted.
    """
    count = min(count, *rows.shape)
    start = np.random.default_rng(0).standard_normal((rows.shape[1], min(count + 16, *rows.shape)), np.float32)
    subspace, _ = np.linalg.qr(start)
    for _ in range(_ITERATIONS):
        subspace, _ = np.linalg.qr(rows.T @ (rows @ subspace))
    left, _, _ = np.linalg.svd((rows @ subspace).T, full_matrices=False)
    return np.ascontiguousarray((subspace @ left)[:, :count], np.float32)
