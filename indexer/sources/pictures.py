"""Where a product's pictures are: several of them in one cell told apart, and paths kept inside one folder."""

import json
import os
import re
from collections.abc import Iterator
from functools import cached_property
from pathlib import Path
from urllib.parse import quote

from app.db.checks import MAX_ADDRESS_BYTES, MAX_LOCATION_CHARS, is_address, is_storable
from indexer.sources.records import Refusal, Refused, SourceImage, shown

_ADDRESS = re.compile(r"https?://", re.IGNORECASE)
_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]+:|//")  # two letters or more: C:\ is a drive
_PATH = r"(?!https?://).*\.(?:jpe?g|jpe|jfif|png|webp|gif|bmp|tiff?|avif|heic)"
_ONE_PATH = re.compile(_PATH, re.IGNORECASE)
_ONE_OF_SEVERAL = re.compile(rf"https?://.*|{_PATH}", re.IGNORECASE)
_SPACE = re.compile(r"\s")
_SEPARATING = re.compile(r"[\s,;|]")
# Tried in this order, each with what every piece has to be. A comma alone parts addresses only before the next one: it
# may also stand in an address, and so may a space, in those that somebody forgot to encode.
# Each run of spaces is gone through once (no look back into it, no giving back): a cell may be a million of them.
_SEPARATORS = (
    (re.compile(r"(?<!\s)\s*+\|\s*+"), _ONE_OF_SEVERAL),
    (re.compile(r"(?<![\s,;])[\s,;]++(?=https?://)", re.IGNORECASE), _ONE_OF_SEVERAL),
    (re.compile(r"(?<!\s)\s*+[,;]\s++"), _ONE_OF_SEVERAL),
    (re.compile(r"\s++"), _ONE_PATH),
)


def stated_pictures(value: object) -> Iterator[str]:
    """
    Yield each picture of a value: one text, several in one text, or a list of texts.

    A text is divided only where every piece is an address or ends as a picture file does, so that `my photo.jpg` stays
    one.
    """
    if isinstance(value, str):
        text = value.strip()
        yield from stated_pictures(_list_of(text)) if text.startswith("[") else _divided(text)
    elif isinstance(value, list | tuple):
        for item in value:
            if not isinstance(item, str | None):
                raise Refused(Refusal.INVALID_VALUE, f"A list of pictures holds {shown(item)}, which is no text.")
            if item and item.strip():
                yield item.strip()
    elif value is not None:
        raise Refused(Refusal.INVALID_VALUE, f"The picture is {shown(value)}, which is neither an address nor a path.")


def _list_of(text: str) -> list[object]:
    try:
        items = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise Refused(Refusal.INVALID_VALUE, f"The list of pictures {shown(text)} is no JSON.") from error
    return list(items)


def _divided(text: str) -> list[str]:
    text = text.strip(" \t\r\n,;|")
    if not _SEPARATING.search(text):
        return [text] if text else []
    for separator, one in _SEPARATORS:
        pieces = [piece for piece in separator.split(text) if piece]
        if len(pieces) > 1 and all(one.fullmatch(piece) for piece in pieces):
            return pieces
    return [text]


class PicturePlaces:
    """Turns what a feed says of a picture into a file below one folder, or into an address."""

    def __init__(self, folder: Path | None) -> None:
        """Paths are relative to `folder` and may not leave it; None: there are no files, as for a feed from afar."""
        self._folder = folder

    def find(self, stated: str) -> SourceImage:
        """Return where the picture is; whether it is there, and whether the address may be asked, shows later."""
        if _ADDRESS.match(stated):
            return SourceImage(address=_address(stated))
        if _SCHEME.match(stated):
            raise Refused(Refusal.URL_NOT_ALLOWED, f"The picture {shown(stated)} is not an address with https://.")
        if self._folder is None:
            raise Refused(
                Refusal.PATH_NOT_ALLOWED,
                f"The picture {shown(stated)} is a path, and a feed from an address has no files here.",
            )
        if not is_storable(stated) or len(stated) > MAX_LOCATION_CHARS:
            raise Refused(Refusal.PATH_NOT_ALLOWED, f"The picture {shown(stated)} is no path.")
        path = self._folder / stated
        if ".." in Path(stated).parts or not Path(os.path.realpath(path)).is_relative_to(self._real_folder):
            raise Refused(
                Refusal.PATH_NOT_ALLOWED,
                f"The picture {shown(stated)} is not inside {self._folder}, the folder of the feed's pictures.",
            )
        return SourceImage(path=path)

    @cached_property
    def _real_folder(self) -> Path:
        return Path(os.path.realpath(self._folder or ""))


def _address(stated: str) -> str:
    """Return an address as the catalogue keeps it: with a scheme in small letters, and spaces encoded."""
    scheme, rest = stated.split(":", 1)
    address = f"{scheme.lower()}:{_SPACE.sub(lambda space: quote(space[0]), rest)}"
    if not is_address(address):
        raise Refused(
            Refusal.URL_NOT_ALLOWED,
            f"The picture {shown(stated)} has an address of more than {MAX_ADDRESS_BYTES:,} bytes, or one that holds "
            "what is no text.",
        )
    return address
