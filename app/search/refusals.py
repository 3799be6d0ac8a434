"""What was refused, in words for those who run the shop: why, what to do about it, and where it is."""

import re
from pathlib import PurePath
from typing import Final, NamedTuple

SHOWN_PARTS: Final = 2
"""Of a path: folder and file tell which picture it is; where on the server that lies is nobody's business."""

_USER_IN_ADDRESS: Final = re.compile(r"(?<=://)[^/?#@]*@")


class Words(NamedTuple):
    """Why something is refused, as a heading; and what to do."""

    title: str
    advice: str


_NEW_FILE: Final = "Put the picture there anew, as JPEG, PNG or WebP."
_LATER: Final = "The next import asks again. If this stays, ask whoever runs that server."
_ROW: Final = "Correct the row in the feed; the next import takes it."

WORDS: Final[dict[str, Words]] = {
    # The bytes
    "empty-image": Words("The file is empty", "Upload the picture again: it has no content."),
    "not-an-image": Words("It is not a picture", "Often a web page is in its place. " + _NEW_FILE),
    "format-not-allowed": Words("A kind of picture that is not read", _NEW_FILE),
    "image-corrupt": Words("The picture is damaged", "It was probably cut off on its way. " + _NEW_FILE),
    "image-too-large": Words("The picture is too large", "Save it smaller; 2,000 pixels a side are plenty."),
    "image-too-small": Words("The picture is too small", "Use the original instead of a thumbnail."),
    "image-too-complex": Words("The picture takes too long to read", _NEW_FILE),
    "aspect-not-allowed": Words(
        "The picture is very narrow", "Use a photo of the product instead of a strip or a line."
    ),
    "decode-timeout": Words("The picture takes too long to read", _NEW_FILE),
    "embedding-not-finite": Words("The network gives no answer for it", "Use another photo of the product."),
    "embedding-zero": Words("The network sees nothing in it", "Use another photo: this one is probably blank."),
    "unreadable": Words("The file cannot be read", "See that it exists and may be read by the user that imports."),
    "copy-of-refused": Words("A copy of one that was refused", "Correct the first of them; this is the same file."),
    "invalid-parameter": Words("The product cannot be stored", "Correct what the message names, in the shop's data."),
    # Fetching
    "url-not-allowed": Words("The address may not be asked", "Use a public https:// address, or allow its host."),
    "upstream-timeout": Words("The picture's server is too slow", _LATER),
    "upstream-too-large": Words("The picture's server sends too much", "Save the picture with fewer bytes."),
    "upstream-status": Words(
        "The picture's server does not give it", "Open the address: it may have moved or need a login."
    ),
    "upstream-unreachable": Words(
        "The picture's server cannot be reached", "See that the host in the address is right. " + _LATER
    ),
    "upstream-broken": Words("The picture's server sends nonsense", _LATER),
    "upstream-given-up": Words("The picture's server failed too often", _LATER),
    # Rows of a feed
    "missing-id": Words("The row has no product id", _ROW),
    "missing-image": Words(
        "The product has no picture", "Add the address of a picture; without one it cannot be found."
    ),
    "invalid-price": Words("The price cannot be read", "Write it as “1234.50 EUR”; the next import takes it."),
    "invalid-currency": Words("The currency cannot be read", "Write a code such as EUR; the next import takes it."),
    "invalid-availability": Words("The availability is unknown", _ROW),
    "invalid-updated-at": Words("The moment cannot be read", "Write it as 2026-11-22T08:30:00Z."),
    "invalid-value": Words("A value cannot be used", _ROW),
    "ambiguous-columns": Words("Two columns say the same thing", "Tell which one counts with --map."),
    "path-not-allowed": Words("The path leads elsewhere", "Name pictures by paths inside their folder (--pictures)."),
    "too-many-images": Words("The product has too many pictures", "Leave the first ones, those that shoppers see."),
    "wrong-columns": Words("The row has too many or too few columns", _ROW),
    "malformed-row": Words("The row cannot be read", _ROW),
    "not-text": Words("The row holds what is no text", "Export the feed anew, in UTF-8."),
    "too-long": Words("The row is too long", _ROW),
    "duplicate-id": Words("The id is there twice", "Give each product its own id; the first one counts."),
}
_UNKNOWN: Final = Words("It cannot be used", "See the message.")


def words_of(reason: str) -> Words:
    """Return the words for a reason; one that a newer indexer wrote has no own."""
    return WORDS.get(reason, _UNKNOWN)


def shown_place(place: str) -> str:
    """Return where something is, without what is nobody's business: folders of the server, a password in an address."""
    if "://" in place:
        return _USER_IN_ADDRESS.sub("", place)
    path = PurePath(place)
    return str(PurePath(*path.parts[-SHOWN_PARTS:])) if path.is_absolute() else place
