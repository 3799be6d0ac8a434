"""
From products with pictures to catalogue rows and stored embeddings.

    obtain (read or fetch) → known already? → decode in child processes → embed in batches → write

Four things run at once: obtaining and decoding ahead (threads), the network (the caller's thread), and writing behind
(one thread). Each hand-over is bounded, so memory does not grow with the source.
"""

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import replace
from typing import TypeVar

from app.core.errors import FetchFailed, InvalidImage, InvalidParameter
from app.core.products import ImageRecord, ProductRecord, image_id
from app.core.runtimes.threads import matrices_on_one_thread
from app.db.catalogue import Catalogue, chunks
from app.db.checks import check_product, is_storable
from app.db.records import ImageFacts
from indexer.pictures import Picture
from indexer.progress import Progress
from indexer.region_sample import SAMPLE
from indexer.report import IngestReport
from indexer.sources import SourceProduct
from indexer.workplace import Tools

OBTAINED_TOGETHER = 256  # products whose pictures are obtained before one query asks which of them are known
OBTAINED_AT_ONCE = 16  # pictures: fetching waits for other servers most of the time
DECODED_AHEAD = 64  # images decoded before the network asks for them: 64 x 150 KB
TICK_S = 0.2  # between two looks whether the run shall stop, while other servers are waited for

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
        adds_codes: Whether pictures that an earlier version embedded, without the codes that explain hits, are embedded
            once more.
    """

    def __init__(
        self,
        tools: Tools,
        report: IngestReport,
        progress: Progress,
        *,
        read_at: int,
        looks_again: bool = True,
        adds_codes: bool = False,
    ) -> None:
        self._tools = tools
        self._report = report
        self._progress = progress
        self._read_at = read_at
        self._looks_again = looks_again
        self._adds_codes = adds_codes
        self._in_flight: set[str] = set()
        self._unfinished: list[Picture] = []

    def run(self, products: Iterable[SourceProduct]) -> None:
        """
        Bring catalogue and vector store to the state of `products`.

        A picture that cannot be used is skipped and reported; the one that the catalogue has from the same place stays,
        and a product that is left without any picture keeps those that it has. One that has none is left out.
        What was written stays written if the run is stopped: the next one continues from there.
        """
        with (
            matrices_on_one_thread(),
            ThreadPoolExecutor(2, "obtain-chunk") as leaders,  # the next chunk is on its way while one is used
            ThreadPoolExecutor(OBTAINED_AT_ONCE, "obtain") as obtainers,
            ThreadPoolExecutor(self._tools.pool.size, "prepare") as preparers,
            ThreadPoolExecutor(1, "write") as writer,
        ):
            try:
                obtained = self._obtained(products, leaders, obtainers)
                prepared = self._ahead(preparers, self._prepare, obtained, DECODED_AHEAD)
                self._embed_and_write(self._batches(prepared), writer)
            except BaseException:
                # Nothing may be written after a write that failed: a product could lose the images between.
                for executor in (leaders, obtainers, preparers, writer):
                    executor.shutdown(wait=False, cancel_futures=True)
                self._tools.reader.cancel()  # a server may take long, or ask for a pause of a minute
                raise

    def _embed_and_write(self, batches: Iterable[list[Picture]], writer: ThreadPoolExecutor) -> None:
        writes: deque[Future[None]] = deque()
        for batch in batches:
            embedded = self._embed(batch)
            writes.append(writer.submit(self._write, batch, embedded))
            while len(writes) > 1:  # at most one batch waits behind the one being written
                writes.popleft().result()
        for write in writes:
            write.result()
        writer.submit(self._write_products, self._unfinished).result()

    # -- obtaining and decoding, ahead of the network ------------------------------------------------------------

    def _obtained(
        self, products: Iterable[SourceProduct], leaders: ThreadPoolExecutor, obtainers: ThreadPoolExecutor
    ) -> Iterator[Picture]:
        """Yield every picture in the order of its product."""

        def obtain(chunk: Sequence[SourceProduct]) -> list[Picture]:
            return self._obtain(chunk, obtainers)

        for pictures in self._ahead(leaders, obtain, chunks(products, OBTAINED_TOGETHER), window=2):
            yield from pictures

    def _ahead(
        self, executor: ThreadPoolExecutor, function: Callable[[T], R], items: Iterable[T], window: int
    ) -> Iterator[R]:
        """Yield `function(item)` in order, with at most `window` items being worked on or waiting to be taken."""
        pending: deque[Future[R]] = deque()
        for item in items:
            pending.append(executor.submit(function, item))
            if len(pending) >= window:
                yield self._result(pending.popleft())
        while pending:
            yield self._result(pending.popleft())

    def _result(self, future: Future[R]) -> R:
        """Wait for a result, with a sign of progress now and then: that is where a run is told to stop."""
        while not future.done() and not wait([future], TICK_S).done:
            self._progress.advance(0)
        return future.result()

    def _obtain(self, products: Sequence[SourceProduct], obtainers: ThreadPoolExecutor) -> list[Picture]:
        """Return the pictures of some products with their hashes, and with facts where their embeddings are stored."""
        pictures = [picture for product in products for picture in _pictures(product)]
        with self._tools.database.reading() as catalogue:
            places = _images_by_place(catalogue, products)
            fetched = catalogue.validators({p.source.address for p in pictures if p.source.address is not None})
        stated = [picture for picture in pictures if picture.skipped is None]
        for picture in stated:
            picture.known = places.get((picture.product.id, picture.source.place))
        wanted = [picture for picture in stated if self._is_looked_at(picture)]
        for _ in obtainers.map(lambda picture: self._tools.reader.obtain(picture, fetched), wanted):
            pass
        for picture in stated:
            if not picture.sha256:
                self._take_known(picture)
        with self._tools.database.reading() as catalogue:
            facts = catalogue.image_facts({picture.sha256 for picture in stated if picture.sha256})
        for picture in stated:
            if picture.sha256 and self._is_embedded(picture.sha256):
                picture.facts = facts.get(picture.sha256)
        return pictures

    def _is_embedded(self, sha256: str) -> bool:
        """Whether nothing that the network has to say of an image is missing."""
        if sha256 not in self._tools.store:
            return False
        codes = self._tools.codes
        return not self._adds_codes or codes.basis is None or sha256 in codes

    def _is_looked_at(self, picture: Picture) -> bool:
        """Whether to look what is in the picture's place now, though something is known from there."""
        return self._looks_again or picture.known is None or not self._tools.reader.is_stored(picture.known)

    def _prepare(self, picture: Picture) -> Picture:
        if picture.facts is None and picture.sha256 and not self._decode(picture) and self._take_known(picture):
            self._prepare(picture)
        return picture

    def _decode(self, picture: Picture) -> bool:
        """Decode a picture for the network; false if it cannot be, which the picture then says."""
        data = self._tools.reader.read_again(picture)
        if data is None:
            return False
        try:
            prepared = self._tools.pool.prepare(data, self._tools.embedder.preprocessings)
        except InvalidImage as error:
            picture.skip(error.slug, error.message)
            return False
        picture.prepared = prepared
        picture.facts = ImageFacts(prepared.format, prepared.width_px, prepared.height_px)
        return True

    def _take_known(self, picture: Picture) -> bool:
        """Take what is known from the picture's place instead, where there is something else."""
        if not picture.be_known():
            return False
        if picture.known is not None and picture.sha256 in self._tools.store:
            picture.facts = ImageFacts(picture.known.format, picture.known.width_px, picture.known.height_px)
        return True

    # -- the network ---------------------------------------------------------------------------------------------

    def _batches(self, pictures: Iterable[Picture]) -> Iterator[list[Picture]]:
        """
        Group pictures so that each group holds one full batch for the network; the known ones ride along.

        Where no file was at hand for a basis of the codes, the first group is what it is made from.
        """
        batch: list[Picture] = []
        waiting = 0
        size = SAMPLE if self._tools.codes.basis is None else self._tools.embedder.best_batch_size
        for picture in pictures:
            if picture.prepared is not None and not self._is_new(picture.sha256):
                picture.prepared = None
            batch.append(picture)
            waiting += picture.prepared is not None
            if waiting == size or len(batch) >= OBTAINED_TOGETHER:
                yield batch
                batch, waiting, size = [], 0, self._tools.embedder.best_batch_size
        if batch:
            yield batch

    def _is_new(self, sha256: str) -> bool:
        """Whether this image is to be embedded: it is not stored yet, nor about to be."""
        if sha256 in self._in_flight or self._is_embedded(sha256):
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
                self._take_known(picture)
        sha256s = [prepared[row][0].sha256 for row in kept]
        self._tools.codes.learn(embedded.regions[kept])
        # Embeddings last: whatever has one is never looked at again, and would stay without the others.
        self._tools.signatures.append(sha256s, [prepared[row][1].signature for row in kept])
        self._tools.codes.append(sha256s, self._tools.codes.encode(embedded.regions[kept]))
        self._tools.store.append(sha256s, embedded.embeddings[kept])
        self._in_flight.clear()
        return len(kept)

    # -- writing, behind the network -----------------------------------------------------------------------------

    def _write(self, batch: Sequence[Picture], embedded: int) -> None:
        self._report.embedded += embedded
        for picture in batch:
            picture.prepared = None  # the pixels are not needed any more
            if picture.facts is not None and picture.sha256 not in self._tools.store:  # a copy of one that was refused
                picture.skip("copy-of-refused", "The same picture was refused before.")
                self._take_known(picture)
        self._tell(batch, embedded)
        self._unfinished.extend(batch)
        last = self._unfinished[-1].product.id
        complete = [picture for picture in self._unfinished if picture.product.id != last]
        if len(complete) >= OBTAINED_TOGETHER:
            self._unfinished = [picture for picture in self._unfinished if picture.product.id == last]
            self._write_products(complete)

    def _tell(self, batch: Sequence[Picture], embedded: int) -> None:
        self._report.reused += sum(picture.facts is not None for picture in batch) - embedded
        for picture in batch:
            if picture.skipped is None:
                continue
            is_kept = picture.facts is not None
            # What a server sends instead of a picture that it had is a failure of the server's.
            is_spoilt = is_kept and picture.source.address is not None
            self._report.skip(replace(picture.skipped, kept=is_kept))
            self._report.kept += is_kept
            self._report.not_fetched += is_spoilt or picture.skipped.reason in _FETCH_FAILURES
            self._progress.skip(picture.skipped.reason)
        self._progress.advance(sum(picture.skipped is None for picture in batch))

    def _write_products(self, pictures: Sequence[Picture]) -> None:
        """Write the products of these pictures, but for those that have no picture at all."""
        by_product: dict[str, list[Picture]] = {}
        for picture in pictures:
            if picture.is_of_storable_product:
                by_product.setdefault(picture.product.id, []).append(picture)
        records = [_product_record(pictures) for pictures in by_product.values()]
        with self._tools.database.writing() as catalogue:
            images = catalogue.images_of([record.id for record in records if not record.images])
            shown = [
                record if record.images else replace(record, images=tuple(images[record.id]))
                for record in records
                if record.images or record.id in images
            ]
            counts = catalogue.upsert_products(shown, read_at=self._read_at)
            fetched = {p.source.address: p.fetched for p in pictures if p.source.address and p.fetched}
            catalogue.remember_fetched(fetched)
        self._report.products += len(shown) - counts.outdated
        self._report.outdated += counts.outdated
        self._report.images += sum(len(record.images) for record in shown)


def _pictures(product: SourceProduct) -> list[Picture]:
    """Return the product's pictures; skipped, unread, are those that cannot be stored, or whose product cannot be."""
    pictures = [Picture(product, image, position) for position, image in enumerate(product.images)]
    for picture in pictures:
        if not is_storable(picture.source.place):
            picture.skip(InvalidParameter.slug, "The name of the file, or of a folder that it is in, is not in UTF-8.")
    try:
        check_product(product.record())
    except InvalidParameter as error:
        for picture in pictures:
            picture.is_of_storable_product = False
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
