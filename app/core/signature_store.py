"""Signatures of pictures, kept by the SHA-256 of their bytes, for telling the same picture from a similar one."""

from collections.abc import Sequence
from pathlib import Path
from typing import Final

import numpy as np

from app.core.arrays import BoolArray, UInt8Array
from app.core.closing import Closing
from app.core.signature import SIGNATURE_SIZE
from app.core.vector_store import VectorStore

_VERSION: Final = "1".zfill(64)
"""In the place of a fingerprint: of how signatures are made."""
_SCALE: Final = 255


class SignatureStore(Closing):
    """
    Append-only, and safe for threads and processes, as the `VectorStore` that holds it.

    That one keeps rows of length 1. A last value, always 255, says what the others were.
    """

    def __init__(self, root: Path) -> None:
        self._store = VectorStore.open(root, _VERSION, SIGNATURE_SIZE + 1)

    def append(self, image_sha256s: Sequence[str], signatures: Sequence[UInt8Array]) -> None:
        """
        Keep signatures, each of shape (1152,); they are on the disk when this returns.

        Raises:
            StorageError: They could not be written.
        """
        rows = np.full((len(signatures), SIGNATURE_SIZE + 1), _SCALE, np.float32)
        rows[:, :-1] = np.stack(signatures) if signatures else 0
        self._store.append(image_sha256s, rows / np.linalg.norm(rows, axis=1, keepdims=True))

    def get(self, image_sha256s: Sequence[str]) -> tuple[BoolArray, UInt8Array]:
        """Return which of m images have a signature, shape (m,), and the signatures, shape (m, 1152), else zero."""
        known = np.zeros(len(image_sha256s), np.bool_)
        signatures = np.zeros((len(image_sha256s), SIGNATURE_SIZE), np.uint8)
        for i, image_sha256 in enumerate(image_sha256s):
            try:
                (row,) = self._store.get([image_sha256]).astype(np.float32)
            except KeyError:
                continue
            known[i] = True
            signatures[i] = np.rint(row[:-1] * (_SCALE / row[-1]))
        return known, signatures

    def close(self) -> None:
        """Close the files."""
        self._store.close()
