"""
Single products put and removed while the service runs: durable before the answer, found by searches within a second.

The order makes a failure at any step leave nothing visible: the files of the pictures, their embeddings, and then one
database transaction that changes the catalogue and writes down what the servers lay over their snapshots.
"""

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final

import numpy as np

from app.core.errors import InvalidRequest, LookalikeError, MissingImage, Overloaded, StorageError
from app.core.products import ImageRecord, ProductRecord
from app.core.regions import RegionCodes
from app.core.signature_store import SignatureStore
from app.core.snapshot_reader import SnapshotReader
from app.core.vector_store import VectorStore
from app.db.catalogue import Catalogue, chunks
from app.db.catalogue_writer import CatalogueWriter
from app.db.checks import check_product, check_product_id
from app.db.database import Database
from app.db.live_changes import LiveOutcome
from app.db.records import FetchedPicture
from app.search.bounded_executor import BoundedExecutor
from app.search.live_index import LiveIndex
from app.search.product_pictures import PictureSource, ProductPicture, ProductPictures

CHANGES_IN_A_TRANSACTION: Final = 100  # others wait for the catalogue meanwhile: half a second on a slow disk
PICTURES_OF_ONE_REQUEST: Final = 4  # at once, so that a thousand products do not hold up a single one
MAX_UNDER_WAY: Final = 16  # requests, each with up to `max_upload_bytes` in memory


@dataclass(frozen=True, slots=True)
class Put:
    """
    A product as it shall be.

    Attributes:
        product: Without images.
        pictures: In their order; None: those that it has.
    """

    product: ProductRecord
    pictures: tuple[PictureSource, ...] | None


@dataclass(frozen=True, slots=True)
class Removal:
    """A product that shall not be there any more."""

    product_id: str
    stated_at: datetime | None


Change = Put | Removal


@dataclass(frozen=True, slots=True)
class Changed:
    """
    What came of a change.

    Attributes:
        id: The product's.
        outcome: What it did.
        revision: The catalogue's after it.
        images: Those that the product has now.
    """

    id: str
    outcome: LiveOutcome
    revision: int
    images: tuple[ImageRecord, ...] = ()


@dataclass(frozen=True, slots=True)
class _Ready:
    """A change with everything it needs on the disk but embeddings."""

    change: Change
    pictures: tuple[ProductPicture, ...] | None = None


class LiveChanges:
    """
    Makes changes, in their order. Its coroutines never block the loop: what is looked up is read in the threads of
    `reading`, and what is kept is written in the one thread of `writing`.
    """

    def __init__(  # noqa: PLR0913  # what pictures leave behind goes to three stores
        self,
        *,
        pictures: ProductPictures,
        store: VectorStore,
        codes: RegionCodes,
        signatures: SignatureStore,
        database: Database,
        snapshots: SnapshotReader,
        live_index: LiveIndex,
        reading: BoundedExecutor,
        writing: BoundedExecutor,
    ) -> None:
        self._pictures = pictures
        self._store = store
        self._codes = codes
        self._signatures = signatures
        self._database = database
        self._snapshots = snapshots
        self._live_index = live_index
        self._reading = reading
        self._writing = writing
        self._under_way = 0

    async def apply_one(self, change: Change) -> Changed:
        """
        Make one change; it is durable when this returns, and nothing of it shows when this raises.

        Raises:
            InvalidParameter: The product could not be stored, or no product could have this id.
            MissingImage: It is new and has no picture.
            InvalidImage, EmbeddingRefused, FetchFailed: One of its pictures cannot be used, or not be had.
            Unavailable, DatabaseError, StorageError, SnapshotCorrupt: Not now.
        """
        (outcome,) = await self.apply([change])
        if isinstance(outcome, LookalikeError):
            raise outcome
        return outcome

    async def apply(self, changes: Sequence[Change]) -> list[Changed | LookalikeError]:
        """
        Make changes one after the other, and return what came of each; one that fails leaves the others alone.

        Raises:
            Unavailable, DatabaseError, StorageError, SnapshotCorrupt: Not now; none was made.
        """
        if self._under_way >= MAX_UNDER_WAY:
            raise Overloaded(f"{self._under_way} requests already change products, the limit.")
        self._under_way += 1
        try:
            return await self._apply_in_chunks(changes)
        finally:
            self._under_way -= 1

    async def _apply_in_chunks(self, changes: Sequence[Change]) -> list[Changed | LookalikeError]:
        places = asyncio.Semaphore(PICTURES_OF_ONE_REQUEST)
        outcomes: list[Changed | LookalikeError] = []
        for chunk in chunks(changes, CHANGES_IN_A_TRANSACTION):
            try:
                outcomes += await self._apply_chunk(chunk, places)
            except LookalikeError as error:
                if not outcomes:
                    raise
                return [*outcomes, *[error] * (len(changes) - len(outcomes))]
        return outcomes

    async def _apply_chunk(
        self, changes: Sequence[Change], places: asyncio.Semaphore
    ) -> Sequence[Changed | LookalikeError]:
        checked, known = await self._reading.run(lambda: self._look_up(changes))
        prepared = await asyncio.gather(*(self._prepare(change, known, places) for change in checked))
        ready = [change for change in prepared if isinstance(change, _Ready)]
        written = iter(await self._writing.run(lambda: self._write(ready)) if ready else ())
        return [next(written) if isinstance(change, _Ready) else change for change in prepared]

    def _look_up(self, changes: Sequence[Change]) -> tuple[list[Change | InvalidRequest], Mapping[str, FetchedPicture]]:
        """Return the changes, or why they are refused, and what is known of the addresses of their pictures."""
        with self._database.reading() as catalogue:
            checked = [_checked(catalogue, change) for change in changes]
            sources = [source for change in checked if isinstance(change, Put) for source in change.pictures or ()]
            return checked, catalogue.validators({source for source in sources if isinstance(source, str)})

    async def _prepare(
        self, change: Change | InvalidRequest, known: Mapping[str, FetchedPicture], places: asyncio.Semaphore
    ) -> _Ready | LookalikeError:
        if isinstance(change, InvalidRequest):
            return change
        if isinstance(change, Removal) or change.pictures is None:
            return _Ready(change)
        product_id, sources = change.product.id, change.pictures

        async def obtain(position: int, source: PictureSource) -> ProductPicture | LookalikeError:
            try:
                async with places:
                    return await self._pictures.obtain(product_id, position, source, known)
            except LookalikeError as error:
                if len(sources) > 1:
                    error.message = f"Picture {position + 1}: {error.message}"
                return error

        obtained = await asyncio.gather(*(obtain(position, source) for position, source in enumerate(sources)))
        pictures = tuple(picture for picture in obtained if isinstance(picture, ProductPicture))
        failure = next((failure for failure in obtained if isinstance(failure, LookalikeError)), None)
        return failure or _Ready(change, pictures)

    def _write(self, ready: Sequence[_Ready]) -> list[Changed | LookalikeError]:
        """Keep the embeddings, then make the changes in one transaction."""
        pictures = [picture for change in ready for picture in change.pictures or ()]
        embeddings = {picture.record.sha256: picture.embedding for picture in pictures if picture.embedding is not None}
        if embeddings:
            # Embeddings last: whatever has one is never looked at again, and would stay without the others.
            signatures = {
                picture.record.sha256: picture.signature for picture in pictures if picture.signature is not None
            }
            self._signatures.append(list(signatures), list(signatures.values()))
            codes = {picture.record.sha256: picture.code for picture in pictures if picture.code is not None}
            self._codes.append(list(codes), list(codes.values()))
            self._store.append(list(embeddings), np.stack(list(embeddings.values())))
        fetched = {
            picture.record.address: picture.fetched
            for picture in pictures
            if picture.record.address is not None and picture.fetched is not None
        }
        newest_watermark = self._newest_watermark(ready)
        with self._database.writing() as catalogue:
            catalogue.remember_fetched(fetched)
            outcomes = [_outcome(catalogue, change, newest_watermark) for change in ready]
        self._live_index.look_now()
        return outcomes

    def _newest_watermark(self, ready: Sequence[_Ready]) -> int | None:
        """Return that of the newest snapshot on the disk; None where it is not needed or cannot be read."""
        if not any(isinstance(change.change, Removal) for change in ready):
            return None
        try:
            return self._snapshots.newest_watermark()
        except StorageError:
            return None


def _checked(catalogue: Catalogue, change: Change) -> Change | InvalidRequest:
    """Return a change, or why it is refused; one that is outdated does without its pictures, and will stay outdated."""
    try:
        if isinstance(change, Removal):
            check_product_id(change.product_id)
            return change
        check_product(change.product)
    except InvalidRequest as error:
        return error
    is_outdated = change.pictures is not None and _is_outdated(catalogue, change.product)
    return replace(change, pictures=None) if is_outdated else change


def _is_outdated(catalogue: Catalogue, product: ProductRecord) -> bool:
    return product.stated_at is not None and catalogue.compare([(product, ())])[product.id] == "outdated"


def _outcome(catalogue: CatalogueWriter, ready: _Ready, newest_watermark: int | None) -> Changed | LookalikeError:
    """Make one change; one that is refused is refused before it has written anything."""
    try:
        if isinstance(ready.change, Removal):
            removal = ready.change
            outcome = catalogue.remove_live(removal.product_id, removal.stated_at, newest_watermark=newest_watermark)
            return Changed(removal.product_id, outcome, catalogue.revision())
        return _put(catalogue, ready.change.product, ready.pictures)
    except InvalidRequest as error:
        return error


def _put(catalogue: CatalogueWriter, product: ProductRecord, pictures: tuple[ProductPicture, ...] | None) -> Changed:
    if pictures is None:
        stored = catalogue.get_product(product.id)
        if stored is None and not _is_outdated(catalogue, product):
            raise MissingImage("There is no product of this id yet, and a new one needs at least one picture.")
        images = stored.images if stored else ()
    else:
        images = _different(picture.record for picture in pictures)
    outcome = catalogue.put_live(replace(product, images=images))
    if outcome == "outdated":
        stored = catalogue.get_product(product.id)
        images = stored.images if stored else ()
    return Changed(product.id, outcome, catalogue.revision(), images)


def _different(images: Iterable[ImageRecord]) -> tuple[ImageRecord, ...]:
    """Return the images as a product has them: of those with the same bytes, the first."""
    found: dict[str, ImageRecord] = {}
    for image in images:
        found.setdefault(image.id, image)
    return tuple(found.values())
