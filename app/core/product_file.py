"""The products of a snapshot on the disk, parsed when they are asked for; in memory are eight bytes each."""

import os
import weakref
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import overload

import numpy as np

from app.core.errors import SnapshotCorrupt
from app.core.files import MIB
from app.core.products import ImageRecord, ProductRecord, from_line


class ProductFile(Sequence[ProductRecord]):
    """The products of a `products.jsonl`, by number. The file may be removed meanwhile."""

    def __init__(self, path: Path) -> None:
        """
        Read where each line ends.

        Raises:
            OSError: The file cannot be read.
        """
        ends = [np.zeros(1, np.int64)]
        with path.open("rb") as file:
            start = 0
            while chunk := file.read(MIB):
                ends.append(start + 1 + np.flatnonzero(np.frombuffer(chunk, np.uint8) == ord("\n")))
                start += len(chunk)
            self._file = os.dup(file.fileno())
        weakref.finalize(self, os.close, self._file)
        self._starts = np.concatenate(ends)

    def __len__(self) -> int:
        return len(self._starts) - 1

    @overload
    def __getitem__(self, number: int) -> ProductRecord: ...
    @overload
    def __getitem__(self, number: slice) -> list[ProductRecord]: ...
    def __getitem__(self, number: int | slice) -> ProductRecord | list[ProductRecord]:
        """Read a product, or some."""
        if isinstance(number, slice):
            return [self[each] for each in range(*number.indices(len(self)))]
        if not 0 <= number < len(self):
            raise IndexError(f"product {number} of {len(self)}")
        first, end = self._starts[number : number + 2].tolist()
        return from_line(self._read(first, end))

    def __iter__(self) -> Iterator[ProductRecord]:
        first = 0
        while first < len(self):
            # As many whole lines as are in a mebibyte, one at least.
            last = max(first + 1, bisect_right(self._starts, self._starts[first] + MIB) - 1)
            for line in self._read(int(self._starts[first]), int(self._starts[last])).splitlines():
                yield from_line(line)
            first = last

    def _read(self, first: int, end: int) -> bytes:
        data = os.pread(self._file, end - first, first)
        if len(data) != end - first:
            raise SnapshotCorrupt("The file of products was cut; index again.")
        return data


class ProductImages(Sequence[ImageRecord]):
    """The images of products, in their order, parsed when they are asked for."""

    def __init__(self, products: Sequence[ProductRecord]) -> None:
        """Count them."""
        self._products = products
        self._starts = np.cumsum([0, *(len(product.images) for product in products)])

    def __len__(self) -> int:
        return int(self._starts[-1])

    @overload
    def __getitem__(self, row: int) -> ImageRecord: ...
    @overload
    def __getitem__(self, row: slice) -> list[ImageRecord]: ...
    def __getitem__(self, row: int | slice) -> ImageRecord | list[ImageRecord]:
        """Return an image, or some."""
        if isinstance(row, slice):
            return [self[each] for each in range(*row.indices(len(self)))]
        if not 0 <= row < len(self):
            raise IndexError(f"image {row} of {len(self)}")
        product = int(np.searchsorted(self._starts, row, "right")) - 1
        return self._products[product].images[row - int(self._starts[product])]
