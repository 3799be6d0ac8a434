"""
In which rows of the vector store the embedding of an image is, in 12 bytes an image.

A dict of a million keys takes 150 MB. Here only the first 8 bytes of each key are kept, sorted; whoever looks a key up
reads the whole key from the disk, together with the row. So a row that is found here may be that of another image.
"""

from collections.abc import Iterator
from typing import Final

import numpy as np
import numpy.typing as npt

SHA256_BYTES: Final = 32
RECORD_BYTES: Final = SHA256_BYTES + 4
# Records that wait in a dict of up to 10 MB before they are sorted in, which takes 0.05 s in a store of a million and
# 0.3 s in one of ten million.
UNSORTED_RECORDS: Final = 65_536

_PREFIX_BYTES: Final = 8
_RECORD: Final = np.dtype([("prefix", "<u8"), ("rest", f"V{RECORD_BYTES - _PREFIX_BYTES}")])


class KeyTable:
    """
    The keys of the rows 0 to n - 1. `rows` may run in any thread, while one other thread is in `extend`.

    A record is what the file of keys holds of a row: the key of 32 bytes, and 4 bytes that are not looked at.
    """

    def __init__(self) -> None:
        self._count = 0
        # One reference to both arrays, so that a reader never sees one of them old and the other new.
        self._sorted = (np.empty(0, np.uint64), np.empty(0, np.uint32))
        self._recent: dict[bytes, int] = {}

    def __len__(self) -> int:
        return self._count

    def rows(self, key: bytes) -> Iterator[int]:
        """Yield the rows that may hold the embedding of a key, newest first; of the recent ones only the newest."""
        # This one first: `_sort` empties it last.
        recent = self._recent.get(key)
        if recent is not None:
            yield recent
        prefixes, rows = self._sorted
        prefix = np.uint64(int.from_bytes(key[:_PREFIX_BYTES], "little"))
        position = int(prefixes.searchsorted(prefix, "right"))
        while position > 0 and prefixes[position - 1] == prefix:
            position -= 1
            yield int(rows[position])

    def extend(self, records: bytes) -> None:
        """Add the records of the rows that follow; part of a record at the end is left out."""
        count = len(records) // RECORD_BYTES
        if len(self._recent) + count > UNSORTED_RECORDS:
            self._sort(np.frombuffer(records, _RECORD, count)["prefix"])
        else:
            for i in range(count):
                start = i * RECORD_BYTES
                self._recent[records[start : start + SHA256_BYTES]] = self._count + i
        self._count += count

    def _sort(self, added: npt.NDArray[np.uint64]) -> None:
        """Sort in what is recent, and the prefixes of the rows that follow."""
        recent = np.frombuffer(b"".join(key[:_PREFIX_BYTES] for key in self._recent), "<u8")
        prefixes, rows = self._sorted
        prefixes = np.concatenate([prefixes, recent, added])
        rows = np.concatenate(
            [
                rows,
                np.fromiter(self._recent.values(), np.uint32, len(self._recent)),
                np.arange(self._count, self._count + len(added), dtype=np.uint32),
            ]
        )
        # Stable: of one key's rows the newest stays last.
        order = np.argsort(prefixes, kind="stable")
        self._sorted = (prefixes[order], rows[order])
        self._recent = {}
