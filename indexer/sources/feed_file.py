"""The file of a feed: opened, unpacked and decoded within limits; whatever is wrong with it is told by its name."""

import gzip
import io
import re
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final, TypeAlias

from app.core.errors import SourceInvalid, SourceMissing
from app.core.files import MIB
from indexer.sources.records import Refusal, Refused

GZIP_MAGIC: Final = b"\x1f\x8b"
MAX_GZIP_RATIO: Final = 200
"""A feed packs to a tenth or a thirtieth of its size; a bomb to a thousandth."""
GZIP_RATIO_FROM_BYTES: Final = 64 * MIB
"""A little file may unpack to so much whatever its ratio is."""
MAX_ROW_CHARS: Final = 1024 * 1024
"""Of one row: sixteen times what a product's attributes may have."""

_BUFFER_BYTES: Final = 256 * 1024
_ENCODING_OF: Final = (  # by what the file begins with; UTF-32 before UTF-16, which begins the same way
    (b"\xff\xfe\x00\x00", "utf-32"),
    (b"\x00\x00\xfe\xff", "utf-32"),
    (b"\xff\xfe", "utf-16"),
    (b"\xfe\xff", "utf-16"),
)
_DAMAGE: Final = re.compile("[\0\udc80-\udcff]")

Unpacked: TypeAlias = "io.BufferedReader[UnpackedBytes]"  # only its type has a parameter


@dataclass(frozen=True, slots=True)
class FeedFile:
    """A feed on the disk; `name` is what it is called in messages."""

    path: Path
    name: str

    def invalid(self, what: str) -> SourceInvalid:
        """Return the error that the whole feed cannot be used; the message is its name and `what`."""
        return SourceInvalid(f"{self.name} {what}")

    @contextmanager
    def open(self) -> Iterator[Unpacked]:
        """
        Open the feed for reading from its beginning, unpacked if it is packed with gzip.

        Raises:
            SourceMissing: It cannot be opened, or (on reading) not be read.
            SourceInvalid: On reading: the packed data are damaged, break off, or unpack to far too much.
        """
        try:
            if not self.path.is_file():  # opening a pipe could wait for ever
                what = "is no plain file" if self.path.exists() else "does not exist"
                raise SourceMissing(f"{self.name} {what}; name a folder of pictures, or a feed: a file or an address.")
            file = self.path.open("rb")
        except OSError as error:
            raise SourceMissing(f"{self.name} cannot be read ({error.strerror}).") from error
        with file, io.BufferedReader(UnpackedBytes(self, file), _BUFFER_BYTES) as unpacked:
            yield unpacked


class UnpackedBytes(io.RawIOBase):
    """The bytes of a feed, through gzip where it begins like that."""

    def __init__(self, feed: FeedFile, file: io.BufferedReader) -> None:
        super().__init__()
        self._feed = feed
        self._file = file
        self._gzip: gzip.GzipFile | None = None
        if file.peek(2)[:2] == GZIP_MAGIC:
            self._gzip = gzip.GzipFile(fileobj=file)
        self._unpacked_bytes = 0

    def readable(self) -> bool:
        """Say so to BufferedReader."""
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]  # what BufferedReader calls it with
        """Fill a buffer; raises what `FeedFile.open` says."""
        try:
            if self._gzip is None:
                return self._file.readinto(buffer)
            count = self._gzip.readinto(buffer)
        except EOFError as error:
            raise self._feed.invalid("breaks off: the packed data (gzip) have no end.") from error
        except (gzip.BadGzipFile, zlib.error) as error:
            raise self._feed.invalid(f"is damaged: the packed data (gzip) cannot be read ({error}).") from error
        except OSError as error:
            raise SourceMissing(f"{self._feed.name} cannot be read ({error.strerror}).") from error
        self._unpacked_bytes += count
        if self._unpacked_bytes > max(GZIP_RATIO_FROM_BYTES, MAX_GZIP_RATIO * self._file.tell()):
            raise self._feed.invalid(
                f"unpacks to more than {MAX_GZIP_RATIO} times its size, as no feed does; if it is one, unpack it."
            )
        return count


def encoding_of(head: bytes) -> str:
    """Return the encoding that a text begins with the mark of; UTF-8 where there is none."""
    return next((name for mark, name in _ENCODING_OF if head.startswith(mark)), "utf-8-sig")


class Lines:
    """The lines of a text file in UTF-8, or in UTF-16 or UTF-32 with a byte order mark."""

    def __init__(self, feed: FeedFile, file: Unpacked) -> None:
        self._feed = feed
        self.number = 0
        """Of the line that was read last, from 1."""
        self.is_cut = False
        """Whether the line that was read last is the file's last and lacks its line break, or was too long."""
        encoding = encoding_of(file.peek(4))
        # Bytes that are not UTF-8 become half surrogates, so that they can be blamed on their line.
        errors = "surrogateescape" if encoding == "utf-8-sig" else "strict"
        self._text = io.TextIOWrapper(file, encoding=encoding, errors=errors, newline="")

    def read(self, limit_chars: int) -> str:
        """Return the next line with its line break, cut after `limit_chars`; nothing at the end of the file."""
        line = self._readline(limit_chars)
        self.number += bool(line)
        self.is_cut = not line.endswith(("\n", "\r"))
        return line

    def skip_rest(self) -> None:
        """Pass over what is left of a line that was cut."""
        while self.is_cut:
            rest = self._readline(MAX_ROW_CHARS)
            if not rest:
                return
            self.is_cut = not rest.endswith(("\n", "\r"))

    def _readline(self, limit_chars: int) -> str:
        try:
            return self._text.readline(limit_chars)
        except UnicodeError as error:
            raise self._feed.invalid(f"is damaged after line {self.number}: {error}.") from error


def damage_in(line: str) -> Refused | None:
    """Return what makes a line no text: a NUL byte, or bytes that are not UTF-8."""
    found = _DAMAGE.search(line)
    if found is None:
        return None
    if found[0] == "\0":
        return Refused(Refusal.NOT_TEXT, "The row holds a NUL byte, which is no text.")
    byte = bytes([ord(found[0]) - 0xDC00])
    meant = byte.decode("cp1252", "replace")
    return Refused(
        Refusal.NOT_TEXT,
        f"The row is not in UTF-8: it holds the byte 0x{byte.hex().upper()}, which is “{meant}” in Latin-1 and "
        "Windows-1252. Save the feed as UTF-8.",
    )
