"""The ids of images by row, and the row of an id: 20 bytes an image instead of the 250 of a dictionary."""

from collections.abc import Iterator, Sequence
from typing import overload

import numpy as np
import numpy.typing as npt


class ImageIds(Sequence[str]):
    """Image ids, each once, in the order of the rows; immutable."""

    def __init__(self, ids: npt.NDArray[np.bytes_]) -> None:
        """Take the ids as fixed-size bytes, shape (n,)."""
        self._ids = ids
        self._order = np.argsort(ids, kind="stable").astype(np.int32)

    @classmethod
    def of(cls, ids: Sequence[str]) -> "ImageIds":
        """Return these ids."""
        return cls(np.array([each.encode() for each in ids], np.bytes_))

    def __len__(self) -> int:
        return len(self._ids)

    @overload
    def __getitem__(self, row: int) -> str: ...
    @overload
    def __getitem__(self, row: slice) -> tuple[str, ...]: ...
    def __getitem__(self, row: int | slice) -> str | tuple[str, ...]:
        """Return the id of a row, or those of some."""
        if isinstance(row, slice):
            return tuple(each.decode() for each in self._ids[row].tolist())
        return bytes(self._ids[row]).decode()

    def __iter__(self) -> Iterator[str]:
        return (each.decode() for each in self._ids.tolist())

    def __contains__(self, image_id: object) -> bool:
        return isinstance(image_id, str) and self.row(image_id) is not None

    def row(self, image_id: str) -> int | None:
        """Return the row of an id; None when it is not there."""
        # surrogates: an id may come from anybody
        place = int(np.searchsorted(self._ids, image_id.encode(errors="replace"), sorter=self._order))
        if place == len(self):
            return None
        row = int(self._order[place])
        return row if self[row] == image_id else None

    @property
    def are_different(self) -> bool:
        """Whether none occurs twice."""
        in_order = self._ids[self._order]
        return bool((in_order[1:] != in_order[:-1]).all())
