"""The catalogue's pictures as they are served: the recorded bytes or a thumbnail, and nothing else on the disk."""

import hashlib
from collections import OrderedDict
from dataclasses import dataclass
from pathlib import Path

import structlog

from app.core.decode_pool import DecodePool
from app.core.errors import InvalidImage, NotFound
from app.core.products import ImageRecord
from app.db.database import Database
from app.search.bounded_executor import BoundedExecutor
from app.search.live_index import LiveIndex

THUMBNAIL_PX = 320
THUMBNAIL_CACHE_BYTES = 64 * 1024 * 1024
NOT_FOUND = "There is nothing under this address."

MEDIA_TYPES = {"JPEG": "image/jpeg", "PNG": "image/png", "WEBP": "image/webp"}

log: structlog.stdlib.BoundLogger = structlog.get_logger("lookalike.pictures")


@dataclass(frozen=True, slots=True)
class Picture:
    """Bytes to serve; `etag` changes whenever they do."""

    data: bytes
    media_type: str
    etag: str


class Pictures:
    """
    Reads pictures of the catalogue by their id, off the event loop.

    A file is served only while its bytes have the SHA-256 that was recorded when it was indexed. So nothing that was
    put in its place later, such as a link to another file, leaves this machine.
    """

    def __init__(self, live_index: LiveIndex, database: Database, pool: DecodePool, threads: BoundedExecutor) -> None:
        self._live_index = live_index
        self._database = database
        self._pool = pool
        self._threads = threads
        self._thumbnails: OrderedDict[str, Picture] = OrderedDict()
        self._thumbnail_bytes = 0

    async def original(self, image_id: str) -> Picture:
        """
        Return a picture as it was indexed.

        Raises:
            NotFound: There is none of this id, or its file is gone or another one.
        """
        return await self._threads.run(lambda: self._original(self._record(image_id)))

    async def thumbnail(self, image_id: str) -> Picture:
        """
        Return a picture as a small JPEG without metadata.

        Raises:
            NotFound: As for `original`.
        """
        record = await self._threads.run(lambda: self._record(image_id))
        cached = self._thumbnails.get(record.sha256)
        if cached is not None:
            self._thumbnails.move_to_end(record.sha256)
            return cached
        thumbnail = await self._threads.run(lambda: self._thumbnail(record))
        self._keep(record.sha256, thumbnail)
        return thumbnail

    async def thumbnail_of(self, data: bytes) -> bytes:
        """
        Return a photo that is in no catalogue as a small JPEG without metadata.

        Raises:
            InvalidImage: It cannot be decoded.
        """
        return await self._threads.run(lambda: self._pool.thumbnail(data, THUMBNAIL_PX))

    def _record(self, image_id: str) -> ImageRecord:
        record = self._live_index.view.image(image_id)
        if record is None:  # of a product that was imported and is not in the index yet
            with self._database.reading() as catalogue:
                record = catalogue.get_image(image_id)
        if record is None or record.format not in MEDIA_TYPES:
            raise NotFound(NOT_FOUND)
        return record

    def _original(self, record: ImageRecord) -> Picture:
        try:
            with Path(record.location).open("rb") as file:
                data = file.read(record.size_bytes + 1)
        except OSError as error:
            log.warning("picture.missing", image=record.id, reason=error.strerror)
            raise NotFound(NOT_FOUND) from error
        if hashlib.sha256(data).hexdigest() != record.sha256:
            log.warning("picture.changed", image=record.id)
            raise NotFound(NOT_FOUND)
        return Picture(data, MEDIA_TYPES[record.format], f'"{record.sha256[:32]}"')

    def _thumbnail(self, record: ImageRecord) -> Picture:
        try:
            data = self._pool.thumbnail(self._original(record).data, THUMBNAIL_PX)
        except InvalidImage as error:
            log.warning("picture.undecodable", image=record.id, reason=error.slug)
            raise NotFound(NOT_FOUND) from error
        return Picture(data, MEDIA_TYPES["JPEG"], f'"{record.sha256[:32]}-{THUMBNAIL_PX}"')

    def _keep(self, key: str, thumbnail: Picture) -> None:
        if key not in self._thumbnails:
            self._thumbnail_bytes += len(thumbnail.data)
        self._thumbnails[key] = thumbnail
        while self._thumbnail_bytes > THUMBNAIL_CACHE_BYTES:
            _, oldest = self._thumbnails.popitem(last=False)
            self._thumbnail_bytes -= len(oldest.data)
