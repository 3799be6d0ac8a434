"""The pictures of a product that is put: sent or fetched, decoded, kept as files, and embedded as all photos are."""

import asyncio
import hashlib
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from app.core.arrays import Float32Array, UInt8Array
from app.core.decode_pool import DecodePool
from app.core.embedder import Embedder
from app.core.errors import Overloaded, UrlNotAllowed
from app.core.fetching.fetcher import NotModified, PictureFetcher
from app.core.fetching.limits import FetchLimits
from app.core.fetching.receiving import Validators
from app.core.picture_store import PictureStore
from app.core.preprocessing import PreparedImage
from app.core.products import ImageRecord, image_id
from app.core.regions import Code
from app.core.vector_store import VectorStore
from app.db.checks import MAX_ADDRESS_BYTES, is_address
from app.db.database import Database
from app.db.records import FetchedPicture, ImageFacts
from app.search.batcher import Batcher
from app.search.bounded_executor import BoundedExecutor
from app.search.looking import Look

PICTURES_AT_ONCE: Final = 8  # in memory, 15 MiB each at most
EMBEDDED_AT_ONCE: Final = 2  # a photo that is searched with waits for no more of them than these
PATIENCE_S: Final = 10.0  # a search that finds the network busy is refused at once; a change can wait a little
RETRY_S: Final = 0.25

LIVE_LIMITS: Final = FetchLimits(attempts=2, longest_pause_s=5.0, given_up_s=30.0)
"""Of pictures that somebody waits for; the rest of the night is for the reindex."""

PictureSource = str | bytes
"""The address of a picture, or its bytes."""


@dataclass(frozen=True, slots=True)
class ProductPicture:
    """
    A picture whose file is on the disk.

    Attributes:
        record: As the product will have it.
        embedding: Unit-norm, shape (d,); None when it is stored already.
        code: Of its regions, where it was embedded now.
        signature: The same.
        fetched: What to remember of its address; None when it was not fetched now.
    """

    record: ImageRecord
    embedding: Float32Array | None
    code: Code | None
    signature: UInt8Array | None
    fetched: FetchedPicture | None


@dataclass(frozen=True, slots=True)
class _Kept:
    record: ImageRecord
    prepared: PreparedImage | None
    """None: its embedding is stored."""


class ProductPictures:
    """Obtains pictures, a few at a time; blocking work is done in `threads`, embedding by `batcher`."""

    def __init__(
        self,
        *,
        fetcher: PictureFetcher,
        files: PictureStore,
        store: VectorStore,
        database: Database,
        embedder: Embedder,
        pool: DecodePool,
        threads: BoundedExecutor,
        batcher: Batcher[PreparedImage, Look],
    ) -> None:
        self._fetcher = fetcher
        self._files = files
        self._store = store
        self._database = database
        self._embedder = embedder
        self._pool = pool
        self._threads = threads
        self._batcher = batcher
        self._places = asyncio.Semaphore(PICTURES_AT_ONCE)
        self._embedding_places = asyncio.Semaphore(EMBEDDED_AT_ONCE)

    async def obtain(
        self, product_id: str, position: int, source: PictureSource, known: Mapping[str, FetchedPicture]
    ) -> ProductPicture:
        """
        Get one picture; `known` is what is remembered of addresses, so that one that did not change is not sent again.

        Raises:
            InvalidImage, EmbeddingRefused: The picture cannot be used.
            FetchFailed: It could not be fetched.
            Overloaded, StorageError, DatabaseError, SnapshotCorrupt: Not now.
        """
        async with self._places:
            address = source if isinstance(source, str) else None
            data, validators = await self._bytes_of(source, known)
            kept = await self._threads.run(lambda: self._keep(product_id, position, address, data))
            look = None if kept.prepared is None else await self._embed(kept.prepared)
        fetched = None if validators is None else _fetched(validators, kept.record)
        if look is None or kept.prepared is None:
            return ProductPicture(kept.record, None, None, None, fetched)
        return ProductPicture(kept.record, look.embedding, look.code, kept.prepared.signature, fetched)

    async def _bytes_of(
        self, source: PictureSource, known: Mapping[str, FetchedPicture]
    ) -> tuple[bytes, Validators | None]:
        """Return the picture, and what names its version if it was fetched now."""
        if isinstance(source, bytes):
            return source, None
        if not is_address(source):
            raise UrlNotAllowed(
                f"The address of a picture begins with https://, has no spaces and at most {MAX_ADDRESS_BYTES} bytes."
            )
        before = known.get(source)
        data = None if before is None else await self._threads.run(lambda: self._read(before.sha256))
        validators = None if before is None or data is None else Validators(before.etag, before.last_modified)
        answer = await self._fetcher.fetch(source, validators)
        if isinstance(answer, NotModified):
            assert data is not None  # noqa: S101  # it was asked for unconditionally otherwise
            return data, None
        return answer.data, answer.validators

    def _read(self, sha256: str) -> bytes | None:
        """Return the picture that was fetched before; None when its file is gone or another one."""
        try:
            data = self._files.path(sha256).read_bytes()
        except OSError:
            return None
        return data if hashlib.sha256(data).hexdigest() == sha256 else None

    def _keep(self, product_id: str, position: int, address: str | None, data: bytes) -> _Kept:
        """Decode the picture, unless its embedding is stored and what it shows is known, and keep its file."""
        sha256 = hashlib.sha256(data).hexdigest()
        is_embedded = sha256 in self._store
        facts = self._facts(sha256) if is_embedded else None
        prepared = None if facts else self._pool.prepare(data, self._embedder.preprocessings)
        if prepared is not None:
            facts = ImageFacts(prepared.format, prepared.width_px, prepared.height_px)
        assert facts is not None  # noqa: S101  # from the catalogue or from the picture
        stored = self._files.put(data)
        record = ImageRecord(
            id=image_id(product_id, sha256),
            sha256=sha256,
            location=str(stored.path),
            size_bytes=stored.size_bytes,
            position=position,
            address=address,
            **facts._asdict(),
        )
        return _Kept(record, None if is_embedded else prepared)

    def _facts(self, sha256: str) -> ImageFacts | None:
        with self._database.reading() as catalogue:
            return catalogue.image_facts([sha256]).get(sha256)

    async def _embed(self, prepared: PreparedImage) -> Look:
        """Return what the network says of a picture, as soon as searches leave a place for it."""
        give_up_at_s = time.monotonic() + PATIENCE_S
        while True:
            try:
                async with self._embedding_places:
                    return await self._batcher.submit(prepared)
            except Overloaded:
                if time.monotonic() > give_up_at_s:
                    raise
            await asyncio.sleep(RETRY_S)


def _fetched(validators: Validators, record: ImageRecord) -> FetchedPicture:
    return FetchedPicture(validators.etag, validators.last_modified, record.sha256, record.size_bytes)
