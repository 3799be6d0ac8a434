"""
From products with pictures to catalogue rows and stored embeddings.

    obtain (read or fetch) → known already? → decode in child processes → embed in batches → write

Four things run at once: obtaining and decoding ahead (threads), the network (the caller's thread), and writing behind
(one thread). Each hand-over is bounded, so memory does not grow with the source.
"""

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

from app.core.errors import FetchFailed, InvalidImage, InvalidParameter
from app.core.products import ImageRecord, ProductRecord, image_id
from app.db.catalogue import Catalogue, chunks
from app.db.checks import check_product
from app.db.records import ImageFacts
from indexer.pictures import Picture
from indexer.progress import Progress
from indexer.report import IngestReport
from indexer.sources import SourceProduct
from indexer.workplace import Tools

OBTAINED_TOGETHER = 256  # products whose pictures are obtained before one query asks which of them are known
OBTAINED_AT_ONCE = 16  # pictures: fetching waits for other servers most of the time
DECODED_AHEAD = 64  # images decoded before the network asks for them: 64 x 150 KB

T = TypeVar("T")
R = TypeVar("R")

_FETCH_FAILURES = frozenset(leaf.slug for leaf in FetchFailed.__subclasses__())


class Ingest:
    """
    One run over products.

    Args:
        tools: What to work with.
        report: Is told what became of each picture.
        progress: Likewise, while it happens.
        read_at: Revision of the catalogue at which the products' source began to be read: what was changed live since
            is newer.
        looks_again: Whether pictures that were fetched or sent before are asked for again; files always are.
    """

    def __init__(
        self, tools: Tools, report: IngestReport, progress: Progress, *, read_at: int, looks_again: bool = True
    ) -> None:
        self._tools = tools
        self._report = report
        self._progress = progress
        self._read_at = read_at
        self._looks_again = looks_again
        self._in_flight: set[str] = set()
        self._unfinished: list[Picture] = []

    def run(self, products: Iterable[SourceProduct]) -> Iterator[str]:
        """
        Bring catalogue and vector store to the state of `products`, and yield the ids of those without any picture.

        Pictures that cannot be used are skipped and reported. What was written stays written if the run is stopped:
        the next one continues from there.
        """
        with (
            ThreadPoolExecutor(OBTAINED_AT_ONCE, "obtain") as obtainers,
            ThreadPoolExecutor(self._tools.pool.size, "prepare") as preparers,
            ThreadPoolExecutor(1, "write") as writer,
        ):
            try:
                batches = self._batches(self._prepared(products, obtainers, preparers))
                yield from self._embed_and_write(batches, writer)
            except BaseException:
                # Nothing may be written after a write that failed: a product could lose the images between.
                for executor in (obtainers, preparers, writer):
                    executor.shutdown(wait=False, cancel_futures=True)
                raise

    def _embed_and_write(self, batches: Iterable[list[Picture]], writer: ThreadPoolExecutor) -> Iterator[str]:
        writes: deque[Future[list[str]]] = deque()
        for batch in batches:
            embedded = self._embed(batch)
            writes.append(writer.submit(self._write, batch, embedded))
            while len(writes) > 1:  # at most one batch waits behind the one being written
                yield from writes.popleft().result()
        for write in writes:
            yield from write.result()
        yield from writer.submit(self._write_products, self._unfinished).result()

    # -- obtaining and decoding, ahead of the network ------------------------------------------------------------

    def _prepared(
        self, products: Iterable[SourceProduct], obtainers: ThreadPoolExecutor, preparers: ThreadPoolExecutor
    ) -> Iterator[Picture]:
        """Yield every picture in the order of its product, decoded where its embedding is not known."""

        def obtain(chunk: Sequence[SourceProduct]) -> list[Picture]:
            return self._obtain(chunk, obtainers)

        with ThreadPoolExecutor(2, "obtain-chunk") as leaders:  # the next chunk is on its way while one is used
            obtained = _ahead(leaders, obtain, chunks(products, OBTAINED_TOGETHER), window=2)
            pictures = (picture for chunk in obtained for picture in chunk)
            yield from _ahead(preparers, self._prepare, pictures, DECODED_AHEAD)

    def _obtain(self, products: Sequence[SourceProduct], obtainers: ThreadPoolExecutor) -> list[Picture]:
        """Return the pictures of some products with their hashes, and with facts where their embeddings are stored."""
        pictures = [picture for product in products for picture in _pictures(product)]
        with self._tools.database.reading() as catalogue:
            places = _images_by_place(catalogue, products)
            fetched = catalogue.validators({p.source.address for p in pictures if p.source.address is not None})
        wanted = []
        for picture in pictures:
            known = places.get((picture.product.id, picture.source.place))
            if known is not None and picture.skipped is None and not self._is_looked_at(known):
                picture.keep(known)
            elif picture.skipped is None:
                wanted.append(picture)
        for _ in obtainers.map(lambda picture: self._tools.reader.obtain(picture, fetched), wanted):
            pass
        for picture in wanted:
            known = places.get((picture.product.id, picture.source.place))
            if picture.is_lost and known is not None:
                picture.keep(known)
        with self._tools.database.reading() as catalogue:
            facts = catalogue.image_facts({picture.sha256 for picture in pictures if picture.sha256})
        for picture in pictures:
            if picture.sha256 and picture.sha256 in self._tools.store:
                picture.facts = facts.get(picture.sha256)
        return pictures

    def _is_looked_at(self, known: ImageRecord) -> bool:
        """Whether to look whether the picture is still the one that is known."""
        return self._looks_again or not self._tools.reader.is_stored(known)

    def _prepare(self, picture: Picture) -> Picture:
        if picture.facts is not None or not picture.sha256:
            return picture
        data = self._tools.reader.read_again(picture)
        if data is None:
            return picture
        try:
            prepared = self._tools.pool.prepare(data, self._tools.embedder.preprocessings)
        except InvalidImage as error:
            picture.skip(error.slug, error.message)
        else:
            picture.prepared = prepared
            picture.facts = ImageFacts(prepared.format, prepared.width_px, prepared.height_px)
        return picture

    # -- the network ---------------------------------------------------------------------------------------------

    def _batches(self, pictures: Iterable[Picture]) -> Iterator[list[Picture]]:
        """Group pictures so that each group holds one full batch for the network; the known ones ride along."""
        batch: list[Picture] = []
        waiting = 0
        for picture in pictures:
            if picture.prepared is not None and not self._is_new(picture.sha256):
                picture.prepared = None
            batch.append(picture)
            waiting += picture.prepared is not None
            if waiting == self._tools.embedder.best_batch_size or len(batch) >= OBTAINED_TOGETHER:
                yield batch
                batch, waiting = [], 0
        if batch:
            yield batch

    def _is_new(self, sha256: str) -> bool:
        """Whether this image has no embedding yet, neither stored nor about to be."""
        if sha256 in self._in_flight or sha256 in self._tools.store:
            return False
        self._in_flight.add(sha256)
        return True

    def _embed(self, batch: Sequence[Picture]) -> int:
        """
        Embed those pictures of the batch that were prepared, and return how many were not refused.

        Their embeddings are on the disk before the next batch is begun, so that a kill costs one batch at most.
        """
        prepared = [(picture, picture.prepared) for picture in batch if picture.prepared is not None]
        embedded, refusals = self._tools.embedder.embed_each([image for _, image in prepared])
        kept = []
        for row, ((picture, _), refusal) in enumerate(zip(prepared, refusals, strict=True)):
            if refusal is None:
                kept.append(row)
            else:
                picture.skip(refusal.slug, refusal.message)
        self._tools.store.append([prepared[row][0].sha256 for row in kept], embedded.embeddings[kept])
        self._in_flight.clear()
        return len(kept)

    # -- writing, behind the network -----------------------------------------------------------------------------

    def _write(self, batch: Sequence[Picture], embedded: int) -> list[str]:
        self._report.embedded += embedded
        for picture in batch:
            picture.prepared = None  # the pixels are not needed any more
            if picture.facts is not None and picture.sha256 not in self._tools.store:  # a copy of one that was refused
                picture.skip("copy-of-refused", "The same picture was refused before.")
        self._tell(batch, embedded)
        self._unfinished.extend(batch)
        last = self._unfinished[-1].product.id
        complete = [picture for picture in self._unfinished if picture.product.id != last]
        if len(complete) < OBTAINED_TOGETHER:
            return []
        self._unfinished = [picture for picture in self._unfinished if picture.product.id == last]
        return self._write_products(complete)

    def _tell(self, batch: Sequence[Picture], embedded: int) -> None:
        self._report.reused += sum(picture.facts is not None for picture in batch) - embedded
        for picture in batch:
            if picture.skipped is None:
                continue
            self._report.skip(picture.skipped)
            self._report.kept += picture.facts is not None
            self._report.not_fetched += picture.skipped.reason in _FETCH_FAILURES
            self._progress.skip(picture.skipped.reason)
        self._progress.advance(sum(picture.skipped is None for picture in batch))

    def _write_products(self, pictures: Sequence[Picture]) -> list[str]:
        """
        Write the products of these pictures, and return the ids of those without any that can be used.

        A product none of whose pictures can be had now, but perhaps tomorrow, is neither: it stays as it was.
        """
        by_product: dict[str, list[Picture]] = {}
        for picture in pictures:
            by_product.setdefault(picture.product.id, []).append(picture)
        records = [_product_record(pictures) for pictures in by_product.values()]
        shown = [record for record in records if record.images]
        with self._tools.database.writing() as catalogue:
            counts = catalogue.upsert_products(shown, read_at=self._read_at)
            fetched = {p.source.address: p.fetched for p in pictures if p.source.address and p.fetched}
            catalogue.remember_fetched(fetched)
        self._report.products += len(shown) - counts.outdated
        self._report.outdated += counts.outdated
        self._report.images += sum(len(record.images) for record in shown)
        lost = {picture.product.id for picture in pictures if picture.is_lost}
        return [record.id for record in records if not record.images and record.id not in lost]


def _pictures(product: SourceProduct) -> list[Picture]:
    """Return the product's pictures; all skipped, unread, when the product cannot be stored."""
    pictures = [Picture(product, image, position) for position, image in enumerate(product.images)]
    try:
        check_product(product.record())
    except InvalidParameter as error:
        for picture in pictures:
            picture.skip(error.slug, error.message)
    return pictures


def _images_by_place(catalogue: Catalogue, products: Sequence[SourceProduct]) -> dict[tuple[str, str], ImageRecord]:
    """Return the images that the catalogue has of these products, by product id and place."""
    images = catalogue.images_of([product.id for product in products])
    return {
        (product_id, image.address or image.location): image for product_id, each in images.items() for image in each
    }


def _product_record(pictures: Sequence[Picture]) -> ProductRecord:
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
                location=str(picture.path),
                address=picture.source.address,
                format=facts.format,
                width_px=facts.width_px,
                height_px=facts.height_px,
                size_bytes=picture.size_bytes,
                position=picture.position,
            ),
        )
    return product.record(images.values())


def _ahead(executor: ThreadPoolExecutor, function: Callable[[T], R], items: Iterable[T], window: int) -> Iterator[R]:
    """Yield `function(item)` in order, with at most `window` items being worked on or waiting to be taken."""
    pending: deque[Future[R]] = deque()
    for item in items:
        pending.append(executor.submit(function, item))
        if len(pending) >= window:
            yield pending.popleft().result()
    while pending:
        yield pending.popleft().result()
