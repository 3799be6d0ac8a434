"""
The whole run from a source, or from the catalogue itself, to a published snapshot.

    source → read once (`statement`) → catalogue and embeddings (`ingest`) → build → verify → publish (`publish`)

One run at a time for a data folder. Whatever happens on the way, the snapshot that was live stays live.
"""

from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from app.core.errors import NoReadableImage, SourceInvalid, TooManyFailures
from app.core.settings import Settings
from app.db.database import Database
from app.db.records import Comparison
from indexer.evaluation.gate import Gate
from indexer.ingest import Ingest
from indexer.progress import Progress
from indexer.publish import Published, publish_snapshot
from indexer.report import IngestReport
from indexer.sources import SourceProduct, open_source
from indexer.statement import Statement, compare, read_statement
from indexer.workplace import Tools, Workplace

_PAGE_PRODUCTS = 1_000


@dataclass(frozen=True, slots=True)
class SourceOptions:
    """
    How a source is read, and what may be done with it.

    Attributes:
        mapping: Fields by column, instead of what the columns' names say.
        kind: Its format, instead of what it looks like.
        pictures: Folder that paths of pictures are relative to.
        limit: Products to take, the rest of the source is left alone.
        is_partial: It states some products only: none is removed.
        allows_removals: However many products it does not state any more, they are removed.
    """

    mapping: Mapping[str, str] = field(default_factory=dict)
    kind: str | None = None
    pictures: Path | None = None
    limit: int | None = None
    is_partial: bool = False
    allows_removals: bool = False


@dataclass(frozen=True, slots=True)
class IndexResult:
    """What one run did: the pictures, the snapshot that is live now, and where the time went."""

    ingest: IngestReport
    published: Published
    network: str
    runtime: str
    seconds: dict[str, float]


@dataclass(frozen=True, slots=True)
class Plan:
    """What an import would do; `report` has the rows that it would refuse."""

    products: Mapping[Comparison, int]
    removed: int
    report: IngestReport


def index_source(settings: Settings, source: str, options: SourceOptions, progress: Progress) -> IndexResult:
    """
    Make the catalogue what a folder or a feed states, and publish a snapshot of it.

    Raises:
        IndexingFailed: Nothing was published; the message says why.
        InvalidParameter: An option does not fit the source.
        LookalikeError: The data folder, the database or the network cannot be used.
    """
    report = IngestReport()
    with ExitStack() as stack:
        workplace = stack.enter_context(Workplace.open(settings, progress))
        with workplace.database.reading() as catalogue:
            read_at = catalogue.revision()  # before the source is read: what is put live meanwhile is newer than it
        statement = stack.enter_context(_read(workplace, source, options, report))
        if not options.allows_removals:
            with workplace.database.reading() as catalogue:
                statement.check_removals(catalogue)
        with workplace.tools() as tools:
            progress.phase("Indexing pictures", statement.images)
            for product_id in Ingest(tools, report, progress, read_at=read_at).run(statement.products()):
                statement.ids.withdraw(product_id)
            workplace.watch.lap("ingest")
            _refuse_nothing(report)
            _remove(workplace.database, statement, report, read_at=read_at, allowed=options.allows_removals)
            return _publish(workplace, tools, report, images=statement.images)


def plan_source(settings: Settings, source: str, options: SourceOptions, progress: Progress) -> Plan:
    """
    Tell what `index_source` would do, without doing it and without looking at a picture.

    Raises:
        LookalikeError: As for `index_source`.
    """
    report = IngestReport()
    with Workplace.open(settings, progress) as workplace, _read(workplace, source, options, report) as statement:
        progress.phase("Comparing with the catalogue")
        with workplace.database.reading() as catalogue:
            return Plan(compare(statement, catalogue), sum(1 for _ in statement.removals(catalogue)), report)


def reindex_catalogue(settings: Settings, progress: Progress, *, full: bool = False) -> IndexResult:
    """
    Look at the pictures of the catalogue again, embed those that are new or changed, and publish a snapshot.

    Files of the shop are always looked at; pictures that were fetched or sent only with `full`, and then a snapshot is
    published even when nothing has changed. What cannot be had now stays as it was.

    Raises:
        IndexingFailed: Nothing was published; the message says why.
        LookalikeError: The data folder, the database or the network cannot be used.
    """
    report = IngestReport()
    with Workplace.open(settings, progress) as workplace, workplace.tools() as tools:
        with workplace.database.reading() as catalogue:
            read_at, images = catalogue.revision(), catalogue.counts().images
        progress.phase("Looking at the pictures", images)
        ingest = Ingest(tools, report, progress, read_at=read_at, looks_again=full)
        for _ in ingest.run(_catalogue_products(workplace.database)):
            pass  # a product that lost its last picture stays as the catalogue has it
        workplace.watch.lap("ingest")
        _refuse_nothing(report)
        return _publish(workplace, tools, report, images=images, may_keep_live=not full)


def _refuse_own_folder(source: str, settings: Settings) -> None:
    """Refuse a folder that holds ours: its pictures would be indexed as products, and again with each run."""
    if settings.data_dir.resolve().is_relative_to(Path(source).resolve()):
        raise SourceInvalid(
            f"{source} holds the data folder {settings.data_dir}, which is not for photos. "
            "Name the folder of the photos, or put the data elsewhere with --data-dir (LOOKALIKE_DATA_DIR)."
        )


@contextmanager
def _read(workplace: Workplace, source: str, options: SourceOptions, report: IngestReport) -> Iterator[Statement]:
    """Open a source and read it once."""
    settings, progress = workplace.settings, workplace.progress
    _refuse_own_folder(source, settings)
    feed = settings.data_dir / "feed.tmp"

    def download(address: str) -> Path:
        progress.phase("Fetching the feed (MiB)")
        workplace.fetcher.download_feed(address, feed, progress=progress.download)
        return feed

    try:
        opened = open_source(
            source,
            mapping=options.mapping,
            limit=options.limit,
            kind=options.kind,
            pictures=options.pictures,
            download=download,
        )
        is_full = not options.is_partial and options.limit is None
        with read_statement(opened, settings.data_dir, is_full=is_full, report=report, progress=progress) as statement:
            workplace.watch.lap("read")
            yield statement
    finally:
        feed.unlink(missing_ok=True)


def _publish(
    workplace: Workplace, tools: Tools, report: IngestReport, *, images: int, may_keep_live: bool = True
) -> IndexResult:
    """Publish a snapshot, unless too many of the pictures could not be fetched."""
    settings, snapshots = workplace.settings, workplace.snapshots
    share = report.not_fetched / max(images, 1)
    if share > settings.max_unfetched_share and snapshots.current() is not None:
        raise TooManyFailures(
            f"{report.not_fetched:,} of {images:,} pictures ({share:.1%}) could not be fetched, more than "
            f"{settings.max_unfetched_share:.1%} (LOOKALIKE_MAX_UNFETCHED_SHARE); the index is as it was. "
            "What was fetched is kept; the same command continues from there."
        )
    may_keep_live = may_keep_live and report.embedded == 0
    published = publish_snapshot(
        tools,
        snapshots,
        workplace.progress,
        keep=settings.snapshots_kept,
        may_keep_live=may_keep_live,
        max_missing_share=settings.max_unfetched_share,
        gate=Gate.from_settings(settings),
    )
    workplace.watch.lap("publish")
    return IndexResult(report, published, tools.embedder.network, tools.embedder.runtime, workplace.watch.seconds)


def _remove(database: Database, statement: Statement, report: IngestReport, *, read_at: int, allowed: bool) -> None:
    """Remove the products that a full source does not state any more, or states without a picture."""
    with database.writing() as catalogue:
        if not allowed:
            statement.check_removals(catalogue)  # again: products may have turned out to be without a picture
        report.removed = catalogue.delete_products(statement.removals(catalogue), read_at=read_at)


def _refuse_nothing(report: IngestReport) -> None:
    if report.images == 0:
        reasons = ", ".join(f"{count:,} {reason}" for reason, count in report.skipped_by_reason.most_common())
        count = report.skipped_by_reason.total()
        raise NoReadableImage(
            f"None of the {count:,} files could be used as a picture ({reasons}); the index is as it was."
            if count
            else "The catalogue holds no pictures; fill it with `lookalike index SOURCE`."
        )


def _catalogue_products(database: Database) -> Iterator[SourceProduct]:
    """Yield the products of the catalogue, page by page, each page as it is when its turn comes."""
    cursor: str | None = None
    while True:
        with database.reading() as catalogue:
            page = catalogue.list_products(after=cursor, limit=_PAGE_PRODUCTS)
        yield from map(SourceProduct.of, page.products)
        cursor = page.next_cursor
        if cursor is None:
            return
