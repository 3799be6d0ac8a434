"""Reading files that somebody named: plain ones only, and none that is too long for a photo."""

from dataclasses import dataclass
from pathlib import Path
from typing import Final

from app.core.errors import ImageTooLarge

MAX_FILE_BYTES: Final = 100 * 1024 * 1024  # above any photo; a stray video is refused by its size
UNREADABLE: Final = "unreadable"


@dataclass(frozen=True, slots=True)
class Unusable:
    """Why a file's bytes cannot be had, or are not wanted."""

    reason: str
    """A slug, for scripts."""
    message: str


def read_plain_file(path: Path) -> bytes | Unusable:
    """Return the file's bytes, or why not; nothing is waited for."""
    try:
        if not path.is_file():  # opening a pipe or a device could wait for ever
            return Unusable(
                UNREADABLE, "It is no plain file." if path.exists() else "The file does not exist any more."
            )
        with path.open("rb") as file:
            data = file.read(MAX_FILE_BYTES + 1)
    except OSError as error:
        return Unusable(UNREADABLE, f"The file cannot be read: {error.strerror}.")
    if len(data) > MAX_FILE_BYTES:
        return Unusable(ImageTooLarge.slug, f"The file has more than {MAX_FILE_BYTES:,} bytes, the limit.")
    return data
