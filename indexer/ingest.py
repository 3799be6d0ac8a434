"""
From products with picture files to catalogue rows and stored embeddings.

    files → hash → (already embedded?) → decode in child processes → embed in batches → write

Three things run at once: decoding ahead (threads that feed the decode pool), the network (the caller's thread),
and writing behind (one thread). Each hand-over is bounded, so memory does not grow with the catalogue.
"""

import hashlib
from collections import Counter, deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

from app.core.decode_pool import DecodePool
from app.core.embedder import Embedder
from app.core.errors import ImageTooLarge, InvalidImage, InvalidParameter
from app.core.images import PreparedImage
from app.core.products import ImageRecord, ProductRecord, image_id
from app.core.vector_index import Float32Array
from app.core.vector_store import VectorStore
from app.db.catalogue import chunks
from app.db.checks import check_product
from app.db.database import Database
from app.db.records import ImageFacts
from indexer.progress import Progress
from indexer.sources import SourceProduct

HASHED_TOGETHER = 256  # products whose files are hashed before one query asks which of them are known
DECODED_AHEAD = 64  # images decoded before the network asks for them: 64 x 150 KB
MAX_FILE_BYTES = 100 * 1024 * 1024  # above any photo; a stray video is refused by its size
UNREADABLE = "unreadable"


T = TypeVar("T")
R = TypeVar("R")


@dataclass(frozen=True, slots=True)
class Skipped:
    """A file that is not in the index, and why."""

    path: Path
    reason: str
    message: str


@dataclass(slots=True)
class IngestReport:
    """What became of the files of a source."""

    products: int = 0
    images: int = 0
    embedded: int = 0
    reused: int = 0
    removed_products: int = 0
    skipped: list[Skipped] = field(default_factory=list)

    @property
    def skipped_by_reason(self) -> dict[str, int]:
        """Number of skipped files by the slug of the reason, the commonest first."""
        return dict(Counter(skipped.reason for skipped in self.skipped).most_common())


@dataclass(slots=True)
class _Picture:
    """One file on its way: read, then either known, prepared or refused."""

    product: SourceProduct
    path: Path
    position: int
    sha256: str = ""
    size_bytes: int = 0
    facts: ImageFacts | None = None
    prepared: PreparedImage | None = None
    refusal: Skipped | None = None


class Ingest:
    """One run over the products of a source."""

    def __init__(
        self, database: Database, store: VectorStore, embedder: Embedder, pool: DecodePool, progress: Progress
    ) -> None:
        self._database = database
        self._store = store
        self._embedder = embedder
        self._pool = pool
        self._progress = progress
        self._report = IngestReport()
        self._in_flight: set[str] = set()
        self._unfinished: list[_Picture] = []

    def run(self, products: Sequence[SourceProduct], *, workers: int) -> IngestReport:
        """
        Bring catalogue and vector store to the state of `products`; products that are not among them are removed.

        Unreadable files are skipped and reported. What was written stays written if the run is stopped:
        the next one continues from there.
        """
        self._progress.phase("Indexing pictures", sum(len(product.images) for product in products))
        with ThreadPoolExecutor(workers) as readers, ThreadPoolExecutor(1) as writer:
            try:
                self._embed_and_write(self._batches(self._prepared(products, readers)), writer)
            except BaseException:
                # Nothing may be written after a write that failed: a product could lose the images between.
                for executor in (readers, writer):
                    executor.shutdown(wait=False, cancel_futures=True)
                raise
        self._remove_others(products)
        return self._report

    def _embed_and_write(self, batches: Iterable[list[_Picture]], writer: ThreadPoolExecutor) -> None:
        writes: deque[Future[None]] = deque()
        for batch in batches:
            embeddings = self._embed(batch)
            writes.append(writer.submit(self._write, batch, embeddings))
            while len(writes) > 1:  # at most one batch waits behind the one being written
                writes.popleft().result()
        for write in writes:
            write.result()
        writer.submit(self._write_products, self._unfinished).result()

    # -- reading and decoding, ahead of the network --------------------------------------------------------------

    def _prepared(self, products: Sequence[SourceProduct], readers: ThreadPoolExecutor) -> Iterator[_Picture]:
        """Yield every picture in the order of its product, decoded where its embedding is not known."""
        hashed = _ahead(readers, self._hash_chunk, chunks(products, HASHED_TOGETHER), window=2)
        pictures = (picture for chunk in hashed for picture in chunk)
        yield from _ahead(readers, self._prepare, pictures, DECODED_AHEAD)

    def _hash_chunk(self, products: Sequence[SourceProduct]) -> list[_Picture]:
        """Return the pictures of some products with their hashes, and with facts where their embeddings are stored."""
        pictures = [picture for product in products for picture in _pictures(product)]
        for picture in pictures:
            if picture.refusal is None:
                self._hash(picture)
        with self._database.reading() as catalogue:
            known = catalogue.image_facts({picture.sha256 for picture in pictures if picture.sha256})
        for picture in pictures:
            if picture.refusal is None and picture.sha256 in self._store:
                picture.facts = known.get(picture.sha256)
        return pictures

    def _hash(self, picture: _Picture) -> None:
        data = self._read(picture)
        if data is not None:
            picture.sha256 = hashlib.sha256(data).hexdigest()
            picture.size_bytes = len(data)

    def _prepare(self, picture: _Picture) -> _Picture:
        if picture.facts is not None or picture.refusal is not None:
            return picture
        data = self._read(picture)
        if data is None:
            return picture
        picture.sha256 = hashlib.sha256(data).hexdigest()  # of the very bytes that are decoded
        picture.size_bytes = len(data)
        try:
            prepared = self._pool.prepare(data, self._embedder.preprocessings)
        except InvalidImage as error:
            picture.refusal = Skipped(picture.path, error.slug, error.message)
        else:
            picture.prepared = prepared
            picture.facts = ImageFacts(prepared.format, prepared.width_px, prepared.height_px)
        return picture

    def _read(self, picture: _Picture) -> bytes | None:
        """Return the bytes of the file, or None with the picture's refusal set."""
        try:
            if not picture.path.is_file():  # opening a pipe or a device could wait for ever
                message = "The file does not exist any more." if not picture.path.exists() else "It is no plain file."
                picture.refusal = Skipped(picture.path, UNREADABLE, message)
                return None
            with picture.path.open("rb") as file:
                data = file.read(MAX_FILE_BYTES + 1)
        except OSError as error:
            picture.refusal = Skipped(picture.path, UNREADABLE, f"The file cannot be read: {error.strerror}.")
            return None
        if len(data) > MAX_FILE_BYTES:
            message = f"The file has more than {MAX_FILE_BYTES:,} bytes, the limit."
            picture.refusal = Skipped(picture.path, ImageTooLarge.slug, message)
            return None
        return data

    # -- the network ---------------------------------------------------------------------------------------------

    def _batches(self, pictures: Iterable[_Picture]) -> Iterator[list[_Picture]]:
        """Group pictures so that each group holds one full batch for the network; the known ones ride along."""
        batch: list[_Picture] = []
        waiting = 0
        for picture in pictures:
            if picture.prepared is not None and not self._is_new(picture.sha256):
                picture.prepared = None
            batch.append(picture)
            waiting += picture.prepared is not None
            if waiting == self._embedder.best_batch_size or len(batch) >= HASHED_TOGETHER:
                yield batch
                batch, waiting = [], 0
        if batch:
            yield batch

    def _is_new(self, sha256: str) -> bool:
        """Whether this image has no embedding yet, neither stored nor about to be."""
        if sha256 in self._in_flight or sha256 in self._store:  # in this order: the writer adds, then removes
            return False
        self._in_flight.add(sha256)
        return True

    def _embed(self, batch: Sequence[_Picture]) -> Float32Array:
        """Return the embeddings of those pictures of the batch that were prepared and not refused, in order."""
        prepared = [(picture, picture.prepared) for picture in batch if picture.prepared is not None]
        embedded, refusals = self._embedder.embed_each([image for _, image in prepared])
        kept = []
        for row, ((picture, _), refusal) in enumerate(zip(prepared, refusals, strict=True)):
            if refusal is None:
                kept.append(row)
            else:
                picture.prepared = None
                picture.refusal = Skipped(picture.path, refusal.slug, refusal.message)
        return embedded.embeddings[kept]

    # -- writing, behind the network -----------------------------------------------------------------------------

    def _write(self, batch: Sequence[_Picture], embeddings: Float32Array) -> None:
        new = [picture.sha256 for picture in batch if picture.prepared is not None]
        self._store.append(new, embeddings)
        self._in_flight.difference_update(new)
        self._report.embedded += len(new)
        for picture in batch:
            picture.prepared = None  # the pixels are not needed any more
            if picture.refusal is None and picture.sha256 not in self._store:  # a copy of one that was refused
                picture.refusal = Skipped(picture.path, "copy-of-refused", "The same picture was refused before.")
        self._tell(batch, len(new))
        self._unfinished.extend(batch)
        last = self._unfinished[-1].product.id
        complete = [picture for picture in self._unfinished if picture.product.id != last]
        if len(complete) >= HASHED_TOGETHER:
            self._write_products(complete)
            self._unfinished = [picture for picture in self._unfinished if picture.product.id == last]

    def _tell(self, batch: Sequence[_Picture], embedded: int) -> None:
        refused = [picture.refusal for picture in batch if picture.refusal is not None]
        self._report.skipped.extend(refused)
        self._report.reused += len(batch) - embedded - len(refused)
        self._progress.advance(len(batch) - len(refused))
        for refusal in refused:
            self._progress.skip(refusal.reason)

    def _write_products(self, pictures: Sequence[_Picture]) -> None:
        by_product: dict[str, list[_Picture]] = {}
        for picture in pictures:
            if picture.refusal is None:
                by_product.setdefault(picture.product.id, []).append(picture)
        records = [_product_record(pictures) for pictures in by_product.values()]
        with self._database.writing() as catalogue:
            catalogue.upsert_products(records)
        self._report.products += len(records)
        self._report.images += sum(len(record.images) for record in records)

    def _remove_others(self, products: Sequence[SourceProduct]) -> None:
        skipped = {skipped.path for skipped in self._report.skipped}
        kept = {product.id for product in products if not skipped.issuperset(_paths(product))}
        if kept:
            with self._database.writing() as catalogue:
                self._report.removed_products = catalogue.delete_products_except(kept)


def _paths(product: SourceProduct) -> list[Path]:
    return [image.path for image in product.images if image.path is not None]


def _pictures(product: SourceProduct) -> list[_Picture]:
    """Return the product's pictures; all refused, unread, when its name cannot be stored."""
    pictures = [_Picture(product, path, position) for position, path in enumerate(_paths(product))]
    try:
        check_product(ProductRecord(id=product.id, title=product.title, category=product.category))
    except InvalidParameter as error:
        for picture in pictures:
            picture.refusal = Skipped(picture.path, error.slug, error.message)
    return pictures


def _product_record(pictures: Sequence[_Picture]) -> ProductRecord:
    product = pictures[0].product
    images: dict[str, ImageRecord] = {}
    for picture in pictures:
        facts = picture.facts
        if facts is None:
            continue
        identity = image_id(product.id, picture.sha256)
        images.setdefault(  # the same picture twice is one image of the product
            identity,
            ImageRecord(
                id=identity,
                sha256=picture.sha256,
                location=str(picture.path.absolute()),
                format=facts.format,
                width_px=facts.width_px,
                height_px=facts.height_px,
                size_bytes=picture.size_bytes,
                position=picture.position,
            ),
        )
    return ProductRecord(id=product.id, title=product.title, category=product.category, images=tuple(images.values()))


def _ahead(executor: ThreadPoolExecutor, function: Callable[[T], R], items: Iterable[T], window: int) -> Iterator[R]:
    """Yield `function(item)` in order, with at most `window` items being worked on or waiting to be taken."""
    pending: deque[Future[R]] = deque()
    for item in items:
        pending.append(executor.submit(function, item))
        if len(pending) >= window:
            yield pending.popleft().result()
    while pending:
        yield pending.popleft().result()
