"""
The first reading of a source, before anything is changed: whether it holds together, and what it would do.

A feed that breaks off in the middle must not remove the products of its second half. So it is read to its end once,
with no more than its ids kept, and only then a second time for its products.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from app.core.errors import RemovalRefused, SourceEmpty, UrlNotAllowed
from app.core.fetching.guard import Guard
from app.db.catalogue import Catalogue, chunks
from app.db.records import Comparison
from app.db.refusals import Refused
from indexer.progress import Progress
from indexer.report import IngestReport
from indexer.sources import RefusedRow, Source, SourceImage, SourceProduct
from indexer.stated_ids import StatedIds

LARGEST_REMOVAL = 0.3
"""Share of the catalogue that a full statement removes without being told that it may."""

_COMPARED_TOGETHER = 1_000


@dataclass(frozen=True, slots=True)
class Statement:
    """
    A source that was read to its end once.

    Attributes:
        source: To be read again.
        ids: The ids that it states.
        is_full: Whether products that it does not state are to be removed.
        images: Pictures of its products.
    """

    source: Source
    ids: StatedIds
    is_full: bool
    images: int

    def products(self) -> Iterator[SourceProduct]:
        """Yield the products again, of each id the first; refused rows were told in the first reading."""
        for outcome in self.source.products():
            if isinstance(outcome, SourceProduct) and self.ids.take(outcome.id):
                yield outcome

    def removals(self, catalogue: Catalogue) -> Iterator[str]:
        """Yield the ids of the products that are to be removed."""
        return self.ids.unstated(catalogue.iter_product_ids()) if self.is_full else iter(())

    def check_removals(self, catalogue: Catalogue) -> None:
        """
        Refuse to remove much of the catalogue: that is more often half a feed than half a shop.

        Raises:
            RemovalRefused: More than 30 % of the products would be removed.
        """
        products = catalogue.counts().products
        removed = sum(1 for _ in self.removals(catalogue))
        if removed > LARGEST_REMOVAL * products:
            raise RemovalRefused(
                f"The source would remove {removed:,} of {products:,} products, more than {LARGEST_REMOVAL:.0%}; "
                "nothing was removed. If it is whole, use `lookalike index SOURCE --allow-removals`; if it holds only "
                "some products, `lookalike index SOURCE --partial`."
            )


@contextmanager
def read_statement(
    source: Source, scratch: Path, *, is_full: bool, report: IngestReport, progress: Progress
) -> Iterator[Statement]:
    """
    Read a source to its end; what is wrong with its rows is told to `report`.

    Raises:
        SourceInvalid, SourceMissing: It is damaged, breaks off, or went away.
        SourceEmpty: It holds no product that can be used.
    """
    progress.phase("Reading the source", source.total)
    images = 0
    with StatedIds.open(scratch) as ids:
        for outcome in source.products():
            if isinstance(outcome, RefusedRow):
                if outcome.product_id is not None:
                    ids.state(outcome.product_id)
                _refuse(
                    Refused(f"row {outcome.row}", outcome.reason, outcome.message, outcome.product_id), report, progress
                )
            elif ids.state_product(outcome.id):
                images += len(outcome.images)
                progress.advance()
            else:
                again = "The source has this id again; the first product counts."
                _refuse(Refused(outcome.id, "duplicate-id", again, outcome.id), report, progress)
        if images == 0:
            raise SourceEmpty(f"{source.name} holds no product that can be used. {_why(report)}".strip())
        yield Statement(source, ids, is_full, images)


def compare(
    statement: Statement, catalogue: Catalogue, guard: Guard, report: IngestReport, progress: Progress
) -> dict[Comparison, int]:
    """
    Return how many products an import would add, change, leave as they are, or find outdated.

    Pictures whose addresses would not be asked for what their text says are told to `report`. What an import does with
    pictures that it cannot have is what it would do with these: those from the same places stay, or the product's own.
    """
    counts: dict[Comparison, int] = {"added": 0, "changed": 0, "unchanged": 0, "outdated": 0}
    for chunk in chunks(statement.products(), _COMPARED_TOGETHER):
        known = catalogue.images_of([product.id for product in chunk])
        stated = []
        for product in chunk:
            before = [image.address or image.location for image in known.get(product.id, ())]
            places = [
                image.place
                for image in product.images
                if _may_be_had(image, guard, report, progress) or image.place in before
            ]
            if places or before:
                stated.append((product.record(), places or before))
        for comparison in catalogue.compare(stated).values():
            counts[comparison] += 1
    return counts


def _may_be_had(image: SourceImage, guard: Guard, report: IngestReport, progress: Progress) -> bool:
    """Whether a picture is a file, or would be fetched for all that its address says; tells about one that is not."""
    if image.address is None:
        return True
    try:
        guard.check(image.address)
    except UrlNotAllowed as error:
        _refuse(Refused(image.address, error.slug, error.message), report, progress)
        return False
    return True


def _refuse(refused: Refused, report: IngestReport, progress: Progress) -> None:
    report.skip(refused)
    progress.skip(refused.reason)


def _why(report: IngestReport) -> str:
    return f"The first row that cannot: {report.skipped[0].message}" if report.skipped else ""
