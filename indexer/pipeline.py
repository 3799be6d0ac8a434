"""
The whole run from a source, or from the catalogue itself, to a published snapshot.

    source → read once (`statement`) → catalogue and embeddings (`ingest`) → build → verify → publish (`publish`)

One run at a time for a data folder. Whatever happens on the way, the snapshot that was live stays live.
"""

from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from itertools import chain
from pathlib import Path

from app.core.errors import NoReadableImage, RemovalRefused, SourceInvalid, TooManyFailures
from app.core.fetching.guard import Guard
from app.core.files import make_folder, storage_errors
from app.core.memory import give_back_memory
from app.core.products import ProductRecord
from app.core.settings import Settings
from app.db.database import Database
from app.db.records import Comparison
from app.db.refusals import Run
from indexer.evaluation.gate import Gate
from indexer.ingest import Ingest
from indexer.progress import Progress
from indexer.publish import Published, publish_snapshot
from indexer.region_sample import learn_regions
from indexer.report import IngestReport
from indexer.sources import SourceProduct, open_source
from indexer.statement import Statement, compare, read_statement
from indexer.unfinished import ImportMark
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
    """What an import would do; `report` has the rows and the pictures that it would refuse."""

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
        mark = ImportMark(settings.data_dir)
        if not statement.is_full:
            mark.require_none(but=statement.source.name)
        with workplace.tools() as tools:
            mark.begin(statement.source.name)
            files = chain(_stated_files(statement), _stored_files(workplace.database))
            learn_regions(tools.codes, tools.embedder, tools.pool, files, progress)
            progress.phase("Indexing pictures", statement.images)
            Ingest(tools, report, progress, read_at=read_at).run(statement.products())
            workplace.watch.lap("ingest")
            _note_refused(workplace, report, "import")
            _refuse_failures(workplace, report, statement.images)
            with workplace.database.writing() as catalogue:
                report.removed = catalogue.delete_products(statement.removals(catalogue), read_at=read_at)
            mark.end()
            return _publish(workplace, tools, report)


def plan_source(settings: Settings, source: str, options: SourceOptions, progress: Progress) -> Plan:
    """
    Tell what `index_source` would do, without doing it and without looking at a picture.

    That so many products would be removed that it would be refused is a warning here.

    Raises:
        LookalikeError: As for `index_source`.
    """
    report = IngestReport()
    guard = Guard.from_settings(settings)
    with Workplace.open(settings, progress) as workplace, _read(workplace, source, options, report) as statement:
        progress.phase("Comparing with the catalogue")
        with workplace.database.reading() as catalogue:
            products = compare(statement, catalogue, guard, report, progress)
            try:
                if not options.allows_removals:
                    statement.check_removals(catalogue)
            except RemovalRefused as error:
                progress.warn(error.message)
            return Plan(products, sum(1 for _ in statement.removals(catalogue)), report)


def reindex_catalogue(settings: Settings, progress: Progress, *, full: bool = False) -> IndexResult:
    """
    Look at the pictures of the catalogue again, embed those that are new or changed, and publish a snapshot.

    Files of the shop are always looked at; pictures that were fetched or sent only with `full`, and then a snapshot is
    published even when nothing has changed, and with the part of an import that did not finish. What cannot be had now
    stays as it was.

    Raises:
        IndexingFailed: Nothing was published; the message says why.
        LookalikeError: The data folder, the database or the network cannot be used.
    """
    report = IngestReport()
    mark = ImportMark(settings.data_dir)
    with ExitStack() as stack:
        workplace = stack.enter_context(Workplace.open(settings, progress))
        if not full:
            mark.require_none()
        tools = stack.enter_context(workplace.tools())
        with workplace.database.reading() as catalogue:
            read_at, images = catalogue.revision(), catalogue.counts().images
        learn_regions(tools.codes, tools.embedder, tools.pool, _stored_files(workplace.database), progress)
        progress.phase("Looking at the pictures", images)
        ingest = Ingest(tools, report, progress, read_at=read_at, looks_again=full, adds_codes=full)
        ingest.run(_catalogue_products(workplace.database))
        workplace.watch.lap("ingest")
        _note_refused(workplace, report, "reindex")
        _refuse_failures(workplace, report, images)
        result = _publish(workplace, tools, report, may_keep_live=not full)
        mark.end()
        return result


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
    with storage_errors(settings.data_dir):
        make_folder(workplace.scratch)

    def download(address: str) -> Path:
        progress.phase("Fetching the feed (MiB)")
        feed = workplace.scratch / "feed"
        workplace.fetcher.download_feed(address, feed, progress=progress.download)
        return feed

    opened = open_source(
        source,
        mapping=options.mapping,
        limit=options.limit,
        kind=options.kind,
        pictures=options.pictures,
        download=download,
    )
    is_full = not options.is_partial and options.limit is None
    with read_statement(opened, workplace.scratch, is_full=is_full, report=report, progress=progress) as statement:
        workplace.watch.lap("read")
        yield statement


def _note_refused(workplace: Workplace, report: IngestReport, run: Run) -> None:
    """Write down what was refused, for whoever looks at it later; also where nothing is published for it."""
    with workplace.database.changing_refusals() as refusals:
        refusals.replace(run, report.skipped_by_reason, report.skipped)


def _refuse_failures(workplace: Workplace, report: IngestReport, images: int) -> None:
    """Refuse to publish when there is no picture at all, or when too many of them could not be fetched."""
    if report.images == 0:
        reasons = ", ".join(f"{count:,} {reason}" for reason, count in report.skipped_by_reason.most_common())
        raise NoReadableImage(
            f"No picture could be used ({reasons}); the index is as it was."
            if reasons
            else "The catalogue holds no pictures; fill it with `lookalike index SOURCE`."
        )
    share, allowed = report.not_fetched / max(images, 1), workplace.settings.max_unfetched_share
    if share > allowed and workplace.snapshots.current() is not None:
        raise TooManyFailures(
            f"{report.not_fetched:,} of {images:,} pictures ({share:.1%}) could not be fetched, more than "
            f"{allowed:.1%} (LOOKALIKE_MAX_UNFETCHED_SHARE); the index is as it was. "
            "What was fetched is kept; the same command continues from there."
        )


def _publish(workplace: Workplace, tools: Tools, report: IngestReport, *, may_keep_live: bool = True) -> IndexResult:
    give_back_memory()
    settings = workplace.settings
    may_keep_live = may_keep_live and report.embedded == 0
    published = publish_snapshot(
        tools,
        workplace.snapshots,
        workplace.progress,
        keep=settings.snapshots_kept,
        may_keep_live=may_keep_live,
        max_missing_share=settings.max_unfetched_share,
        gate=Gate.from_settings(settings),
    )
    workplace.watch.lap("publish")
    return IndexResult(report, published, tools.embedder.network, tools.embedder.runtime, workplace.watch.seconds)


def _stated_files(statement: Statement) -> Iterator[Path]:
    """Yield the pictures that a source has as files."""
    for product in statement.source.products():
        if isinstance(product, SourceProduct):
            yield from (image.path for image in product.images if image.path is not None)


def _stored_files(database: Database) -> Iterator[Path]:
    """Yield the files of the catalogue's pictures."""
    return (Path(image.location) for product in _catalogue_records(database) for image in product.images)


def _catalogue_products(database: Database) -> Iterator[SourceProduct]:
    """Yield the products of the catalogue as a source would state them."""
    return map(SourceProduct.of, _catalogue_records(database))


def _catalogue_records(database: Database) -> Iterator[ProductRecord]:
    """Yield the products of the catalogue, page by page, each page as it is when its turn comes."""
    cursor: str | None = None
    while True:
        with database.reading() as catalogue:
            page = catalogue.list_products(after=cursor, limit=_PAGE_PRODUCTS)
        yield from page.products
        cursor = page.next_cursor
        if cursor is None:
            return
