"""Getting hold of a product's pictures: files are read, addresses are fetched, what is known is not fetched again."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from app.core.errors import FetchFailed, ImageTooLarge
from app.core.fetching.blocking import BlockingFetcher
from app.core.fetching.fetcher import NotModified
from app.core.fetching.receiving import Validators
from app.core.picture_store import PictureStore
from app.core.preprocessing import PreparedImage
from app.core.products import ImageRecord
from app.db.records import FetchedPicture, ImageFacts
from app.db.refusals import Refused
from indexer.sources import SourceImage, SourceProduct

MAX_FILE_BYTES = 100 * 1024 * 1024  # above any photo; a stray video is refused by its size
UNREADABLE = "unreadable"


@dataclass(slots=True)
class Picture:
    """One picture on its way into the index; what is not known yet is None or empty."""

    product: SourceProduct
    source: SourceImage
    position: int
    known: ImageRecord | None = None
    """What the catalogue has from the same place: used where what is there now cannot be."""
    path: Path | None = None
    """The file that its bytes are in."""
    sha256: str = ""
    size_bytes: int = 0
    facts: ImageFacts | None = None
    """Known once it can be shown: its embedding is stored, or on its way."""
    prepared: PreparedImage | None = None
    fetched: FetchedPicture | None = None
    """What to remember of its address, where it was fetched anew."""
    skipped: Refused | None = None
    """Why what is in its place now is not used; the first reason, if there are several."""
    is_of_storable_product: bool = True
    """Whether the catalogue can hold its product."""

    def skip(self, reason: str, message: str) -> None:
        """Do not use what it is now."""
        self.skipped = self.skipped or Refused(self.source.place, reason, message, self.product.id)
        self.facts = None
        self.prepared = None

    def be_known(self) -> bool:
        """Be the picture that is known from its place; false if none is, or it is that one already."""
        known = self.known
        if known is None or self.sha256 == known.sha256:
            return False
        self.path = Path(known.location)
        self.sha256, self.size_bytes = known.sha256, known.size_bytes
        return True


class PictureReader:
    """Reads or fetches pictures, from any thread; those that were fetched are kept in `store`."""

    def __init__(self, fetcher: BlockingFetcher, store: PictureStore) -> None:
        self._fetcher = fetcher
        self.store = store

    def obtain(self, picture: Picture, fetched: Mapping[str, FetchedPicture]) -> None:
        """
        Set the picture's file, hash and size, or why it cannot be had.

        `fetched` is what is known of addresses: one whose picture is still the same is not fetched again.
        """
        if picture.source.address is None:
            self._hash(picture)
        else:
            self._fetch(picture, picture.source.address, fetched.get(picture.source.address))

    def is_stored(self, known: ImageRecord) -> bool:
        """Whether an image's file is one of ours, which nobody changes, and not one of the shop's."""
        return Path(known.location) == self.store.path(known.sha256)

    def cancel(self) -> None:
        """End every fetch that is under way; whoever waits for one gets CancelledError."""
        self._fetcher.cancel_all()

    def read_again(self, picture: Picture) -> bytes | None:
        """
        Return the bytes that the picture's hash is of, or None when they cannot be had any more.

        Those of a file that was changed meanwhile would be embedded under the wrong hash, for good.
        """
        data = self._read(picture)
        if data is None or hashlib.sha256(data).hexdigest() == picture.sha256:
            return data
        picture.skip(UNREADABLE, "The file was changed while it was read; the next run takes the new one.")
        return None

    def _read(self, picture: Picture) -> bytes | None:
        path = picture.path or picture.source.path or Path()
        try:
            if not path.is_file():  # opening a pipe or a device could wait for ever
                message = "It is no plain file." if path.exists() else "The file does not exist any more."
                picture.skip(UNREADABLE, message)
                return None
            with path.open("rb") as file:
                data = file.read(MAX_FILE_BYTES + 1)
        except OSError as error:
            picture.skip(UNREADABLE, f"The file cannot be read: {error.strerror}.")
            return None
        if len(data) > MAX_FILE_BYTES:
            picture.skip(ImageTooLarge.slug, f"The file has more than {MAX_FILE_BYTES:,} bytes, the limit.")
            return None
        return data

    def _hash(self, picture: Picture) -> None:
        picture.path = Path(picture.source.place)
        data = self._read(picture)
        if data is not None:
            picture.sha256, picture.size_bytes = hashlib.sha256(data).hexdigest(), len(data)

    def _fetch(self, picture: Picture, address: str, known: FetchedPicture | None) -> None:
        if known is not None and not self.store.path(known.sha256).is_file():
            known = None  # its file was removed: “not modified” would be no answer
        try:
            answer = self._fetcher.fetch(address, Validators(known.etag, known.last_modified) if known else None)
        except FetchFailed as error:
            picture.skip(error.slug, error.message)
            return
        if isinstance(answer, NotModified) and known is not None:
            picture.path = self.store.path(known.sha256)
            picture.sha256, picture.size_bytes = known.sha256, known.size_bytes
        elif not isinstance(answer, NotModified):
            stored = self.store.put(answer.data)
            picture.path, picture.sha256, picture.size_bytes = stored.path, stored.sha256, stored.size_bytes
            validators = answer.validators
            picture.fetched = FetchedPicture(
                validators.etag, validators.last_modified, stored.sha256, stored.size_bytes
            )
