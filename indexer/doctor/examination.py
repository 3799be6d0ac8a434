"""`lookalike doctor`: looks at the live snapshot, the files of its pictures, and what the shop has beside them."""

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from pydantic import JsonValue

from app.core.decode_pool import DecodePool
from app.core.settings import Settings
from app.core.snapshot import Snapshot
from app.core.snapshot_folder import SnapshotFolder
from app.db.database import Database
from indexer.doctor import sections
from indexer.doctor.duplicates import candidate_pairs, near_groups
from indexer.doctor.findings import Entry, Examination, Finding, Section
from indexer.doctor.hubs import find_hubs
from indexer.doctor.inspection import KNOWN, inspect_file, inspect_files
from indexer.doctor.labels import judge_labels
from indexer.doctor.missing import Candidate, beside, of_the_catalogue, of_the_source
from indexer.doctor.neighbours import find_neighbours
from indexer.doctor.sections import Looked
from indexer.doctor.shown import ShownPicture, shown_pictures
from indexer.doctor.thresholds import limits_of
from indexer.plain_files import Unusable
from indexer.progress import Progress
from indexer.workplace import Stopwatch

NOT_FETCHED: Final = "not-fetched"


def examine(settings: Settings, progress: Progress, pool: DecodePool, source: str | None = None) -> Examination:
    """
    Look at every picture of the catalogue. Nothing is changed, and nothing is fetched.

    `source` is what the catalogue was imported from: a folder, or a feed on this machine. Without it, files that never
    got into the catalogue are looked for in the folders that its pictures lie in.

    Raises:
        SnapshotError: There is no index to look at.
        DatabaseError: The catalogue cannot be read.
        IndexingFailed: The source cannot be read.
    """
    watch = Stopwatch()
    progress.phase("Opening the index")
    snapshot = SnapshotFolder(settings.snapshots_dir).open_live_or_previous().snapshot
    pictures = shown_pictures(snapshot)
    candidates = list(_candidates(settings, snapshot, pictures, source))
    watch.lap("open")
    looked = _look(snapshot, pictures, pool, progress, watch)
    progress.phase("Looking at files that the index lacks", len(candidates))
    lacking = _Lacking.of(candidates, pool, frozenset(picture.sha256 for picture in pictures), progress)
    watch.lap("files outside")
    found = _sections(looked, lacking)
    watch.lap("findings")
    return Examination(
        snapshot_id=snapshot.id,
        network=snapshot.manifest.network,
        products=snapshot.manifest.products,
        images=snapshot.manifest.images,
        sections=found,
        figures=_figures(looked),
        seconds=watch.seconds,
    )


def _look(
    snapshot: Snapshot, pictures: Sequence[ShownPicture], pool: DecodePool, progress: Progress, watch: Stopwatch
) -> Looked:
    """Measure all that is measured of the pictures of the index."""
    index, row_products = snapshot.index, snapshot.row_products
    progress.phase("Comparing every picture with all others", len(pictures))
    neighbours = find_neighbours(index, row_products, progress.advance)
    categories = [picture.product.category for picture in pictures]
    hubness = find_hubs(index, row_products, neighbours, categories)
    watch.lap("neighbours")
    progress.phase("Judging the categories")
    judgement = judge_labels(index, categories, row_products, neighbours)
    watch.lap("categories")
    progress.phase("Looking at the pictures", len(pictures))
    inspection = inspect_files(pictures, pool, progress.advance)
    watch.lap("pictures")
    progress.phase("Comparing pictures that look alike", len(candidate_pairs(pictures, neighbours, inspection)))
    near = near_groups(pictures, neighbours, inspection, pool, progress.advance)
    watch.lap("copies")
    return Looked(
        pictures=pictures,
        row_products=row_products,
        neighbours=neighbours,
        inspection=inspection,
        hubness=hubness,
        judgement=judgement,
        near=near,
        limits=limits_of(pictures, inspection),
    )


def _candidates(
    settings: Settings, snapshot: Snapshot, pictures: Sequence[ShownPicture], source: str | None
) -> Iterator[Candidate]:
    """Yield the pictures that the index may lack."""
    known = {picture.location for picture in pictures}
    with closing(Database(settings.resolved_database_url)) as database:
        database.check(reads_all=False)
        with database.reading() as catalogue:
            newer = frozenset(change.product_id for change in catalogue.live_changes(after=snapshot.manifest.watermark))
            for product in catalogue.iter_products():
                known.update(image.address or image.location for image in product.images)
            yield from of_the_catalogue(catalogue.iter_products(), frozenset(snapshot.image_ids), newer)
    if source is not None:
        yield from of_the_source(source, frozenset(known))
        return
    own = settings.pictures_dir.absolute()
    folders = {Path(picture.location).parent for picture in pictures}
    yield from beside((folder for folder in folders if not folder.is_relative_to(own)), frozenset(known))


@dataclass(frozen=True, slots=True)
class _Lacking:
    """What the index lacks: pictures that cannot be used, and those that only were not indexed."""

    broken: tuple[Finding, ...]
    usable: tuple[Finding, ...]

    @classmethod
    def of(
        cls, candidates: Sequence[Candidate], pool: DecodePool, indexed: frozenset[str], progress: Progress
    ) -> "_Lacking":
        """Open the files; one with the bytes of a picture that is in the index is not lacking (`indexed`: SHA-256)."""

        def outcome(candidate: Candidate) -> Unusable | None:
            if not candidate.is_file:
                return Unusable(NOT_FETCHED, "It is in the source and was not fetched, or could not be.")
            result = inspect_file(Path(candidate.place), pool, known=indexed)
            return result if isinstance(result, Unusable) else None

        broken, usable = [], []
        with ThreadPoolExecutor(pool.size) as threads:
            for candidate, problem in zip(candidates, threads.map(outcome, candidates), strict=True):
                progress.advance()
                if problem is None:
                    usable.append(_finding(candidate, "It can be opened", "not-indexed"))
                elif problem.reason != KNOWN:
                    broken.append(_finding(candidate, problem.message, problem.reason))
        return cls(tuple(broken), tuple(usable))


def _finding(candidate: Candidate, note: str, reason: str) -> Finding:
    name = candidate.title or "/".join(Path(candidate.place).parts[-2:])  # files of one name are in several folders
    entry = Entry(candidate.place, candidate.product_id, title=name, category=candidate.category, note=note)
    return Finding((entry,), facts={"reason": reason})


def _sections(looked: Looked, lacking: _Lacking) -> tuple[Section, ...]:
    """Return the sections in the order in which a shop does best to look at them."""
    found = [
        sections.broken((*lacking.broken, *sections.unusable(looked))),
        sections.blank(looked),
        sections.blurred(looked),
        sections.tiny(looked),
        sections.exact_duplicates(looked),
        sections.near_duplicates(looked),
        sections.wrong_categories(looked),
        sections.hubs(looked),
    ]
    flagged = {
        entry.product_id
        for section in found
        for finding in section.findings
        for entry in finding.pictures
        if entry.product_id is not None and not entry.is_evidence
    }
    return (*found, sections.unreached(looked, frozenset(flagged)), sections.not_indexed(lacking.usable))


def _figures(looked: Looked) -> dict[str, JsonValue]:
    judgement, hubness = looked.judgement, looked.hubness
    return {
        "tiny_px": looked.limits.tiny_px,
        "blur_limit": round(looked.limits.blur, 4),
        "contrast_limit": looked.limits.contrast,
        "category_accuracy": None if judgement is None else round(judgement.accuracy, 4),
        "wrong_category_share": None if judgement is None else round(judgement.wrong_share, 4),
        "largest_occurrence": int(hubness.occurrences.max()),
        "unreached_share": round(len(hubness.unreached) / len(hubness.product_occurrences), 4),
    }
