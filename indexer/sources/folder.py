"""
A folder of photos, one sub-folder a category.

A product is one file, unless several files of a category share their name up to `__` or up to the ending
(`mug.jpg`, `mug__front.jpg`, `mug__side.jpg`): those are pictures of one product.
"""

import hashlib
import os
import re
import stat
from collections.abc import Iterator
from dataclasses import replace
from itertools import groupby
from pathlib import Path

from app.core.errors import SourceEmpty, SourceMissing
from indexer.sources.records import SourceImage, SourceProduct

_NOT_FOR_IDS = re.compile(r"[^A-Za-z0-9._~-]+")
_ADVICE = "name a folder with one sub-folder of pictures for each category."
_WORD_BREAKS = re.compile(r"[-_\s]+")


def read_folder(folder: Path) -> list[SourceProduct]:
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
    files = sorted(_files(folder), key=lambda path: (path.parent, _product_stem(path), path.name))
    if not files:
        raise SourceEmpty(f"{folder} holds no files; put pictures into it, one sub-folder for each category.")
    products = [
        _product(folder, stem, tuple(images))
        for (_, stem), images in groupby(files, key=lambda path: (path.parent, _product_stem(path)))
    ]
    return sorted(_with_unique_ids(products), key=lambda product: product.id)


_OF_THE_SYSTEM = frozenset({"Thumbs.db", "desktop.ini", "Desktop.ini", "ehthumbs.db", "Icon\r"})
"""Files that Windows and macOS put into folders of pictures."""


def _files(folder: Path) -> Iterator[Path]:
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
        yield from (Path(parent, name) for name in names if not name.startswith(".") and name not in _OF_THE_SYSTEM)


def _product_stem(path: Path) -> str:
    return path.stem.split("__", 1)[0] or path.stem


def _product(folder: Path, stem: str, images: tuple[Path, ...]) -> SourceProduct:
    parents = images[0].relative_to(folder).parts[:-1]
    title = _WORD_BREAKS.sub(" ", stem).strip() or stem
    return SourceProduct(
        id=_product_id([*parents, stem]),
        title=title[:1].upper() + title[1:],
        category=parents[0] if parents else None,
        images=tuple(SourceImage(path=path) for path in images),
    )


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


def _with_unique_ids(products: list[SourceProduct]) -> Iterator[SourceProduct]:
    """Tell products apart whose ids are the same all the same, such as `a b` and `a_b`, by hashes of their names."""
    taken: set[str] = set()
    for product in products:
        unique = product.id
        while unique in taken:
            unique = f"{unique}~{_short_hash([*(product.images[0].path or Path()).parts[-2:]])}"
        taken.add(unique)
        yield replace(product, id=unique)
