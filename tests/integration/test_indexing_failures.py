"""Folders, disks and data that cannot be indexed: each is named, and what was live stays."""

import io
import os
import subprocess
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import numpy as np
import pytest

from app.core.errors import (
    AlreadyRunning,
    DataDirNotWritable,
    LookalikeError,
    NoReadableImage,
    SnapshotIncompatible,
    SourceEmpty,
    SourceInvalid,
    SourceMissing,
    WeightsMissing,
)
from app.core.settings import Settings
from app.core.snapshot_folder import SnapshotFolder
from app.db.database import Database
from tests.support.images import draw_picture, encode
from tests.support.indexing import PHOTOS, catalogue_of, index_command, index_environment, index_folder, write_picture
from tests.support.snapshots import reseal


def test_embeddings_that_this_machine_would_not_make_are_not_added_to(settings: Settings, photos: Path) -> None:
    """When the probe pictures come out otherwise, nothing is mixed; the message says what to remove."""
    live = index_folder(settings, photos).published.snapshot_id
    probes = np.roll(np.load(settings.snapshots_dir / live / "probes.npy"), 1, axis=0)
    data = io.BytesIO()
    np.save(data, probes)
    resealed = reseal(settings.snapshots_dir, live, replace={"probes.npy": data.getvalue()})
    (settings.snapshots_dir / "CURRENT").unlink()
    SnapshotFolder(settings.snapshots_dir).publish(resealed)

    with pytest.raises(SnapshotIncompatible, match="Remove the folder `vectors`"):
        index_folder(settings, photos)


def test_a_folder_that_holds_the_data_folder_is_refused(settings: Settings, photos: Path) -> None:
    """Our own files are no products of the shop."""
    index_folder(settings, photos)
    for folder in (settings.data_dir, settings.data_dir.parent):
        with pytest.raises(SourceInvalid, match="data folder"):
            index_folder(settings, folder)


def test_pipes_and_devices_are_skipped_unread(settings: Settings, photos: Path) -> None:
    """A named pipe does not hang the run, and a link to an endless device does not fill the memory."""
    os.mkfifo(photos / "mugs" / "pipe.jpg")
    (photos / "mugs" / "zero.jpg").symlink_to("/dev/zero")

    report = index_folder(settings, photos).ingest

    assert report.skipped_by_reason == {"unreadable": 2}
    assert report.images == PHOTOS


def test_unreadable_files_are_skipped_counted_and_listed(settings: Settings, photos: Path) -> None:
    """Each bad file is reported with its reason; the rest is indexed."""
    good = encode(draw_picture(200, 240, seed=77), "JPEG")
    bad = {
        "notes.txt": (b"prices and sizes", "not-an-image"),
        "empty.jpg": (b"", "empty-image"),
        "cut.jpg": (good[: len(good) // 2], "image-corrupt"),
        "tiny.png": (encode(draw_picture(8, 8), "PNG"), "image-too-small"),
        "photo.gif": (encode(draw_picture(64, 64).convert("P"), "GIF"), "format-not-allowed"),
    }
    for name, (data, _) in bad.items():
        (photos / "mugs" / name).write_bytes(data)
    (photos / "mugs" / "dangling.jpg").symlink_to(photos / "gone.jpg")

    report = index_folder(settings, photos).ingest

    assert {Path(skipped.place).name: skipped.reason for skipped in report.skipped} == {
        **{name: reason for name, (_, reason) in bad.items()},
        "dangling.jpg": "unreadable",
    }
    assert report.images == PHOTOS
    assert all(skipped.message.endswith(".") for skipped in report.skipped)
    with closing(Database(settings.resolved_database_url)) as database, database.reading_refusals() as refusals:
        noted = refusals.list().refused
        counts = refusals.reports()[0].refused
    assert [(each.place, each.reason, each.run) for each in noted] == [
        (skipped.place, skipped.reason, "import") for skipped in report.skipped
    ]
    assert {each.product_id for each in noted} == {f"mugs-{Path(name).stem}" for name in (*bad, "dangling.jpg")}
    assert counts == report.skipped_by_reason


def test_a_product_whose_name_cannot_be_stored_is_skipped(settings: Settings, photos: Path) -> None:
    """A file name that is too long for an id, or no text at all, costs that product and not the run."""
    write_picture(photos / "mugs" / f"{'long' * 60}.jpg", seed=1)
    write_picture(photos / "mugs" / os.fsdecode(b"caf\xe9.jpg"), seed=2)

    report = index_folder(settings, photos).ingest

    assert report.skipped_by_reason == {"invalid-parameter": 2}
    assert report.products == PHOTOS


def test_a_file_whose_name_cannot_be_stored_costs_its_product_no_other_picture(
    settings: Settings, photos: Path
) -> None:
    """As from a disk of another system: the name of the product is text, that of one of its files is not."""
    write_picture(photos / "mugs" / "tote__front.jpg", seed=1)
    write_picture(photos / "mugs" / os.fsdecode(b"tote__r\xfcck.jpg"), seed=2)

    report = index_folder(settings, photos).ingest

    assert report.skipped_by_reason == {"invalid-parameter": 1}
    assert [Path(image.location).name for image in catalogue_of(settings)["mugs-tote"].images] == ["tote__front.jpg"]


def test_a_file_that_is_no_picture_any_more_keeps_its_product(settings: Settings, photos: Path) -> None:
    """As one that is half copied when the index is built at night."""
    index_folder(settings, photos)
    before = catalogue_of(settings)
    (photos / "mugs" / "product 1.jpg").write_bytes(b"half a pic")

    result = index_folder(settings, photos)

    assert (result.ingest.kept, result.ingest.skipped_by_reason.total(), result.published.is_new) == (1, 1, False)
    assert catalogue_of(settings) == before


def test_a_snapshot_of_the_first_release_does_not_fail_the_next_one(settings: Settings, photos: Path) -> None:
    """It has no products in it; it stays on the disk, is not served, and is followed by one that is."""
    live = index_folder(settings, photos).published.snapshot_id
    old = reseal(settings.snapshots_dir, live, lambda manifest: manifest.update(format_version=1))
    (settings.snapshots_dir / old / "products.jsonl").unlink()
    (settings.snapshots_dir / "CURRENT").unlink()

    result = index_folder(settings, photos)

    assert (result.published.is_new, result.ingest.embedded) == (True, 0)
    assert {info.id for info in SnapshotFolder(settings.snapshots_dir).list()} == {old, result.published.snapshot_id}


@contextmanager
def _nothing_lost(settings: Settings) -> Iterator[None]:
    """Whatever fails in the block, the catalogue and the live snapshot are what they were."""
    before = (SnapshotFolder(settings.snapshots_dir).current(), catalogue_of(settings))
    yield
    assert (SnapshotFolder(settings.snapshots_dir).current(), catalogue_of(settings)) == before


@pytest.mark.parametrize(
    ("make", "error"),
    [
        pytest.param(lambda folder: folder / "nowhere", SourceMissing, id="missing"),
        pytest.param(lambda folder: _with(folder / "empty"), SourceEmpty, id="empty"),
        pytest.param(lambda folder: _with(folder / "bad", "a.jpg", "b.png"), NoReadableImage, id="no readable photo"),
    ],
)
def test_a_folder_that_cannot_be_indexed_costs_nothing(
    settings: Settings, photos: Path, tmp_path: Path, make: object, error: type[LookalikeError]
) -> None:
    """A missing, empty or unreadable folder ends in one sentence; catalogue and index stay as they were."""
    index_folder(settings, photos)

    with _nothing_lost(settings), pytest.raises(error) as raised:
        index_folder(settings, make(tmp_path))  # type: ignore[operator]

    assert "\n" not in raised.value.message


def _with(folder: Path, *names: str) -> Path:
    folder.mkdir()
    for name in names:
        (folder / name).write_bytes(b"no picture")
    return folder


def test_a_network_without_weights_is_refused_before_anything_is_written(settings: Settings, photos: Path) -> None:
    """The message names the file, and the live index stays."""
    index_folder(settings, photos)

    other = settings.model_copy(update={"network": "vgg16", "vgg16_weights": photos / "weights.pth"})

    with _nothing_lost(settings), pytest.raises(WeightsMissing, match="does not exist"):
        index_folder(other, photos)


def test_two_runs_at_once_are_refused_by_name(settings: Settings, photos: Path) -> None:
    """The second run ends at once; the first one is not disturbed."""
    with SnapshotFolder(settings.snapshots_dir).lock(), pytest.raises(AlreadyRunning):
        index_folder(settings, photos)


def test_a_data_folder_that_cannot_be_written_is_named(settings: Settings, photos: Path, tmp_path: Path) -> None:
    """It is refused before any picture is read."""
    (tmp_path / "file").write_text("in the way")
    elsewhere = settings.model_copy(update={"data_dir": tmp_path / "file" / "data"})

    with pytest.raises(DataDirNotWritable, match="LOOKALIKE_DATA_DIR"):
        index_folder(elsewhere, photos)


def test_a_damaged_live_snapshot_is_replaced_by_the_next_run(settings: Settings, photos: Path) -> None:
    """Indexing again repairs: the embeddings are kept, and a new snapshot is published."""
    first = index_folder(settings, photos)
    index = settings.snapshots_dir / first.published.snapshot_id / "index.faiss"
    index.chmod(0o644)
    index.write_bytes(index.read_bytes()[:-1])

    second = index_folder(settings, photos)

    assert second.published.is_new
    assert second.ingest.embedded == 0


def test_a_full_disk_ends_in_one_sentence_and_the_old_index_stays(settings: Settings, photos: Path) -> None:
    """The command says so and exits with 1, and what was live still opens."""
    index_folder(settings, photos)
    for seed in range(2000, 2000 + PHOTOS):
        write_picture(photos / "new" / f"{seed}.jpg", seed)
    before = SnapshotFolder(settings.snapshots_dir).current()

    outcome = _run_command(settings, photos, "ulimit -f 195;")  # KiB: enough for the store, not for the new index

    assert outcome.returncode == 1
    assert outcome.stderr.splitlines()[-1].startswith("Error: There is no space left in the data folder")
    assert SnapshotFolder(settings.snapshots_dir).current() == before
    assert SnapshotFolder(settings.snapshots_dir).open_live_or_previous().degraded_reason is None


def _run_command(settings: Settings, photos: Path, before: str) -> subprocess.CompletedProcess[str]:
    shell = ["bash", "-c", f'{before} exec "$@"', "bash", *index_command(settings, photos)]
    return subprocess.run(shell, env=index_environment(), capture_output=True, text=True, check=False)
