"""Small pictures that are part of a report's own file."""

import base64
from collections.abc import Callable, Hashable, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Final, TypeVar

from app.core.decode_pool import DecodePool
from app.core.errors import InvalidImage
from indexer.plain_files import Unusable, read_plain_file

THUMBNAIL_PX: Final = 160
"""Longest side; such a JPEG takes 5 kB, so that a thousand of them still make a file that a browser opens at once."""

Name = TypeVar("Name", bound=Hashable)


def thumbnail_uri(picture: Path | bytes, size_px: int, pool: DecodePool) -> str:
    """Return a picture as a `data:` address, no side longer than `size_px`; "" when its file is gone or broken."""
    data = picture if isinstance(picture, bytes) else read_plain_file(picture)
    if isinstance(data, Unusable):
        return ""
    try:
        thumbnail = pool.thumbnail(data, size_px)
    except InvalidImage:
        return ""
    return f"data:image/jpeg;base64,{base64.b64encode(thumbnail).decode()}"


def thumbnail_uris(
    pictures: Mapping[Name, Path | bytes],
    size_px: int,
    pool: DecodePool,
    advance: Callable[[], None] = lambda: None,
) -> dict[Name, str]:
    """Return the same names with `data:` addresses, made by all children of the pool; `advance` is called for each."""

    def made(picture: Path | bytes) -> str:
        return thumbnail_uri(picture, size_px, pool)

    uris = {}
    with ThreadPoolExecutor(pool.size) as threads:
        for name, uri in zip(pictures, threads.map(made, pictures.values()), strict=True):
            uris[name] = uri
            advance()
    return uris
