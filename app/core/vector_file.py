"""
The exact vectors of a snapshot, read from the disk a few rows at a time.

They are read and not mapped: a page that was touched counts as this process's memory, a million vectors of 4096 values
are 8 GB, and a map of a file that a failing disk cannot read ends the process. Measured, 256 rows anywhere in a file
that the system has in memory: 0.9 ms of processor time; through a map that is given back after each search, 2.5 ms.
"""

import os
import weakref
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from app.core.arrays import Float16Array
from app.core.errors import SnapshotCorrupt
from app.core.vector_index import BLOCK_ROWS

VECTOR_TYPE: Final = np.dtype("<f2")


class VectorFile:
    """
    The rows of a `.npy` file of float16, shape (n, d). Any thread may read; the file may be removed meanwhile.

    Attributes:
        shape: (n, d).
    """

    def __init__(self, path: Path) -> None:
        """
        Open the file; it is closed when nobody refers to this object any more.

        Raises:
            OSError: It cannot be read.
            ValueError: It is no table of float16.
        """
        with path.open("rb") as file:
            if np.lib.format.read_magic(file) != (1, 0):
                raise ValueError("it is no array of version 1.0")
            shape, is_fortran, dtype = np.lib.format.read_array_header_1_0(file)
            self._start = file.tell()
            if len(shape) != 2 or is_fortran or dtype != VECTOR_TYPE or shape[1] == 0:
                raise ValueError("it is no table of float16 rows")
            self.shape: tuple[int, int] = (shape[0], shape[1])
            self._row_bytes = shape[1] * VECTOR_TYPE.itemsize
            if os.fstat(file.fileno()).st_size != self._start + shape[0] * self._row_bytes:
                raise ValueError("it has another size than its header tells")
            self._file = os.dup(file.fileno())
        weakref.finalize(self, os.close, self._file)

    def __len__(self) -> int:
        return self.shape[0]

    def __getitem__(self, rows: slice | npt.NDArray[np.integer]) -> Float16Array:
        """
        Return some rows, shape (m, d), by their numbers or one after the other.

        Raises:
            IndexError: There is no such row.
            SnapshotCorrupt: The file cannot be read any more.
        """
        if isinstance(rows, slice):
            first, last, step = rows.indices(len(self))
            if step != 1:
                raise IndexError("rows are read one after the other")
            return self._read([(first, max(0, last - first))])
        if len(rows) and not 0 <= rows.min() <= rows.max() < len(self):
            raise IndexError(f"rows {rows.min()} to {rows.max()} of a file of {len(self)}")
        runs = _runs(rows)
        for first, count in runs if len(runs) > 1 else []:
            # So that the disk looks for all of them at once.
            start = self._start + first * self._row_bytes
            os.posix_fadvise(self._file, start, count * self._row_bytes, os.POSIX_FADV_WILLNEED)
        return self._read(runs)

    def __array__(self, dtype: npt.DTypeLike | None = None, *, copy: bool | None = None) -> npt.NDArray[Any]:
        """Return all rows, for `np.array`."""
        return np.asarray(self[:], dtype)

    def block(self, start: int) -> Float16Array:
        """Return the BLOCK_ROWS rows from `start` on, or what is left of them."""
        return self[start : start + BLOCK_ROWS]

    def _read(self, runs: list[tuple[int, int]]) -> Float16Array:
        """Read rows that follow one another, by the first of them and their number, several times."""
        found = np.empty((sum(count for _, count in runs), self.shape[1]), VECTOR_TYPE)
        if found.size == 0:
            return found
        bytes_left = found.data.cast("B")
        try:
            for first, count in runs:
                start, end = self._start + first * self._row_bytes, count * self._row_bytes
                done = 0
                while done < end:  # one call reads 2 GiB at most
                    size_bytes = os.preadv(self._file, [bytes_left[done:end]], start + done)
                    if size_bytes == 0:
                        raise SnapshotCorrupt("The file of exact vectors was cut; index again.")
                    done += size_bytes
                bytes_left = bytes_left[end:]
        except OSError as error:
            raise SnapshotCorrupt(f"The exact vectors cannot be read ({error.strerror}); index again.") from error
        return found


def _runs(rows: npt.NDArray[np.integer]) -> list[tuple[int, int]]:
    """Return the first row and the number of rows of each run of rows that follow one another."""
    starts = np.flatnonzero(np.diff(rows, prepend=-2) != 1)
    counts = np.diff(starts, append=len(rows))
    return list(zip(rows[starts].tolist(), counts.tolist(), strict=True))
