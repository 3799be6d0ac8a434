"""
A folder of photos, one sub-folder a category.

A product is one file, unless several files of a category share their name up to `__` or up to the ending
(`mug.jpg`, `mug__front.jpg`, `mug__side.jpg`): those are pictures of one product.
"""

import hashlib
import os
import re
import stat
from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby
from pathlib import Path, PurePath
from typing import overload

from app.core.errors import SourceEmpty, SourceMissing
from indexer.sources.records import SourceImage, SourceProduct

_NOT_FOR_IDS = re.compile(r"[^A-Za-z0-9._~-]+")
_ADVICE = "name a folder with one sub-folder of pictures for each category."
_WORD_BREAKS = re.compile(r"[-_\s]+")
_END = "\0"  # of an id or a place: no file's name can hold it, and it sorts before all that it can


class FolderProducts(Sequence[SourceProduct]):
    """
    The products of a folder, sorted by id, each made when it is asked for.

    In memory are their ids and the names of their files, 0.1 KB each instead of 1.1: all of them are read before the
    first is indexed, and stay until the last one is.
    """

    def __init__(self, folder: Path, products: Iterable[tuple[str, Iterable[str]]]) -> None:
        """Take ids with the places of pictures within the folder."""
        self._folder = folder
        self._texts = sorted(_END.join((product_id, *places)) for product_id, places in products)

    def __len__(self) -> int:
        return len(self._texts)

    @overload
    def __getitem__(self, number: int) -> SourceProduct: ...
    @overload
    def __getitem__(self, number: slice) -> list[SourceProduct]: ...
    def __getitem__(self, number: int | slice) -> SourceProduct | list[SourceProduct]:
        """Return a product, or some."""
        if isinstance(number, slice):
            return [self._product(text) for text in self._texts[number]]
        return self._product(self._texts[number])

    def _product(self, text: str) -> SourceProduct:
        product_id, *places = text.split(_END)
        parents, stem = _parents_and_stem(places[0])
        title = _WORD_BREAKS.sub(" ", stem).strip() or stem
        return SourceProduct(
            id=product_id,
            title=title[:1].upper() + title[1:],
            category=parents[0] if parents else None,
            images=tuple(SourceImage(path=self._folder / place) for place in places),
        )


def read_folder(folder: Path) -> FolderProducts:
    """
    Return the products of a folder, sorted by id.

    The first level of sub-folders names the categories; files directly in the folder have none.
    Hidden files, and those that Windows and macOS put there, are passed over. Every other file is taken for a picture:
    whether it is one shows when it is decoded.

    Raises:
        SourceMissing: There is no such folder, or it cannot be read.
        SourceEmpty: The folder holds no file.
    """
    try:
        mode = folder.stat().st_mode
    except OSError as error:
        reason = "does not exist" if isinstance(error, FileNotFoundError) else f"cannot be read ({error.strerror})"
        raise SourceMissing(f"{folder} {reason}; {_ADVICE}") from error
    if not stat.S_ISDIR(mode):
        raise SourceMissing(f"{folder} is not a folder; {_ADVICE}")
    places = sorted(_places(folder), key=lambda place: (*_parents_and_stem(place), PurePath(place).name))
    if not places:
        raise SourceEmpty(f"{folder} holds no files; put pictures into it, one sub-folder for each category.")
    return FolderProducts(folder, _with_unique_ids(folder, groupby(places, key=_parents_and_stem)))


_OF_THE_SYSTEM = frozenset({"Thumbs.db", "desktop.ini", "Desktop.ini", "ehthumbs.db", "Icon\r"})
"""Files that Windows and macOS put into folders of pictures."""


def _places(folder: Path) -> Iterator[str]:
    """Yield where each file is within the folder."""

    def refuse(error: OSError) -> None:
        raise SourceMissing(f"{error.filename} cannot be read: {error.strerror}.") from error

    seen: set[str] = set()  # linked folders are followed, each folder once: links may go round in circles
    for parent, directories, names in os.walk(folder, onerror=refuse, followlinks=True):
        real = os.path.realpath(parent)
        if real in seen:
            directories.clear()
            continue
        seen.add(real)
        directories[:] = sorted(name for name in directories if not name.startswith("."))
        within = PurePath(parent).relative_to(folder)
        yield from (str(within / name) for name in names if not name.startswith(".") and name not in _OF_THE_SYSTEM)


def _parents_and_stem(place: str) -> tuple[tuple[str, ...], str]:
    """Return what the pictures of one product have in common: their folders, and their name up to its first `__`."""
    path = PurePath(place)
    return path.parts[:-1], path.stem.split("__", 1)[0] or path.stem


def _product_id(names: list[str]) -> str:
    """
    Return an id of letters, digits and `._~-` that depends on nothing but the product's own names.

    Spaces become `_`. Where anything else is lost, the beginning of a hash of the names tells products apart.
    """
    exact = "-".join(names)
    spaceless = exact.replace(" ", "_")
    plain = _NOT_FOR_IDS.sub("_", spaceless)
    return plain if plain == spaceless else f"{plain}~{_short_hash(names)}"


def _short_hash(names: list[str]) -> str:
    return hashlib.sha256(os.fsencode("/".join(names))).hexdigest()[:8]


def _with_unique_ids(
    folder: Path, products: Iterable[tuple[tuple[tuple[str, ...], str], Iterator[str]]]
) -> Iterator[tuple[str, list[str]]]:
    """Tell products apart whose ids are the same all the same, such as `a b` and `a_b`, by hashes of their names."""
    taken: set[str] = set()
    for (parents, stem), images in products:
        places, unique = list(images), _product_id([*parents, stem])
        while unique in taken:
            unique = f"{unique}~{_short_hash([*(folder / places[0]).parts[-2:]])}"
        taken.add(unique)
        yield unique, places
