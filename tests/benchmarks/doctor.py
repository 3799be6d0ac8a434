"""What `lookalike doctor` finds of faults that were planted among real photos, and what else it blames."""

import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from app.core.settings import Settings
from app.core.snapshot_folder import SnapshotFolder
from indexer.doctor.labels import judge_labels
from indexer.doctor.neighbours import find_neighbours
from indexer.doctor.shown import shown_pictures
from tests.benchmarks.living import run_command
from tests.benchmarks.planting import Planted, plant
from tests.benchmarks.rows import Row
from tests.benchmarks.subject import Subject

NETWORK = "efficientnet_lite0"
COPIES, MOVED, BROKEN = 180, 150, 60
LEAST_RECALL, LEAST_PRECISION = 0.95, 0.9
CLEAR = 0.5
"""Probability of its own category from which on a photo of the untouched catalogue is a clear case of it."""

Document = dict[str, Any]
Places = frozenset[str]


def measure_doctor(subject: Subject) -> Iterator[Row]:
    """
    Yield recall and precision for each kind of fault; docs/doctor.md says how they are counted.

    What is found in the untouched catalogue is no fault of the doctor's, and is not counted against it after planting.
    Wrong categories are planted among all photos, and counted once among all and once among the clear ones.
    """
    photos = subject.folder / "photos"
    shutil.copytree(subject.catalogue, photos, ignore=shutil.ignore_patterns("*.md"))
    for path in (photos, *photos.rglob("*")):
        path.chmod(0o755 if path.is_dir() else 0o644)
    settings = Settings.load(data_dir=subject.folder / "data", network=NETWORK)
    run_command(settings, "index", str(photos))
    seconds, before = _examined(settings)
    yield Row(NETWORK, f"`lookalike doctor` on {before['images']:,} photos, whole command", f"{seconds:.0f} s")
    clear = _clear(settings)
    planted = plant(photos, copies=COPIES, moved=MOVED, broken=BROKEN, movable=lambda _: True)
    run_command(settings, "index", str(photos), "--allow-removals")
    _, after = _examined(settings)
    yield from _copies(planted, before, after)
    yield from _moves(planted, after, clear)
    yield from _breaks(planted, before, after)


def _examined(settings: Settings) -> tuple[float, Document]:
    seconds, printed = run_command(settings, "doctor", "--json")
    return seconds, json.loads(printed)


def _clear(settings: Settings) -> Places:
    """Return the files of the live snapshot whose category is plain to the held-out judgement."""
    snapshot = SnapshotFolder(settings.snapshots_dir).open_live_or_previous().snapshot
    pictures = shown_pictures(snapshot)
    neighbours = find_neighbours(snapshot.index, snapshot.row_products)
    names = [picture.product.category for picture in pictures]
    judgement = judge_labels(snapshot.index, names, snapshot.row_products, neighbours)
    if judgement is None:
        return frozenset()
    return frozenset(pictures[row].location for row in np.flatnonzero(judgement.own >= CLEAR))


def _groups(document: Document) -> set[Places]:
    """Return the files of each group of duplicates."""
    findings = [*document["findings"]["exact-duplicates"], *document["findings"]["near-duplicates"]]
    return {frozenset(picture["place"] for picture in finding["pictures"]) for finding in findings}


def _places(document: Document, slug: str) -> Places:
    return frozenset(picture["place"] for finding in document["findings"][slug] for picture in finding["pictures"])


def _copies(planted: Planted, before: Document, after: Document) -> Iterator[Row]:
    """A group is right when it holds a copy; a copy is found when its group does not hold it alone."""
    copies = {str(copy) for copy in planted.copies}
    groups = _groups(after) - _groups(before)
    grouped = frozenset[str]().union(*groups)
    right = [group for group in groups if group & copies]
    for kind in ("encoded", "half", "cropped"):
        of_kind = {copy for copy in copies if Path(copy).name.startswith(f"copy-{kind}-")}
        yield _recall(f"copies under another product, {kind}", len(of_kind & grouped), len(of_kind))
    yield _precision("copies under another product", len(right), len(groups))
    near = after["findings"]["near-duplicates"]
    near_right = sum(1 for finding in near if {picture["place"] for picture in finding["pictures"]} & copies)
    yield _precision("near-duplicates, those of the untouched catalogue held against it", near_right, len(near))


def _moves(planted: Planted, after: Document, clear: Places) -> Iterator[Row]:
    moved = {str(path): str(before) for path, before in planted.moved.items()}
    found = _places(after, "wrong-categories")
    of_clear = {path for path, before in moved.items() if before in clear}
    found_clear = {path for path in found if moved.get(path, path) in clear}
    yield _recall("wrong categories, of photos that were clear cases", len(of_clear & found), len(of_clear))
    yield _precision("wrong categories, of photos that were clear cases", len(of_clear & found), len(found_clear))
    yield Row(NETWORK, "wrong categories, of all photos", f"recall {len(moved.keys() & found) / len(moved):.3f}")
    share = len(moved.keys() & found) / max(len(found), 1)
    yield Row(NETWORK, "wrong categories, of all photos, each other one held against it", f"precision {share:.3f}")


def _breaks(planted: Planted, before: Document, after: Document) -> Iterator[Row]:
    for slug, kinds in (
        ("broken", {"truncated", "no picture"}),
        ("blurred", {"blurred"}),
        ("tiny", {"tiny"}),
        ("blank", {"blank"}),
    ):
        expected = {str(path) for path, kind in planted.broken.items() if kind in kinds}
        found = _places(after, slug) - _places(before, slug)
        yield _recall(f"{slug} pictures", len(expected & found), len(expected))
        yield _precision(f"{slug} pictures", len(expected & found), len(found))


def _recall(what: str, found: int, planted: int) -> Row:
    share = found / max(planted, 1)
    wanted = f"recall at least {LEAST_RECALL}"
    return Row(NETWORK, what, f"recall {share:.3f} of {planted}", wanted, share >= LEAST_RECALL)


def _precision(what: str, right: int, found: int) -> Row:
    share = right / max(found, 1)
    wanted = f"precision at least {LEAST_PRECISION}"
    return Row(NETWORK, what, f"precision {share:.3f} of {found}", wanted, share >= LEAST_PRECISION)
