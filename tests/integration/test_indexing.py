import io
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from app.core.embedder import Embedder, open_embedder
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
from app.core.networks.fingerprint import Fingerprint
from app.core.settings import Settings
from app.core.snapshot_folder import SnapshotFolder
from app.db.database import Database
from app.search.live_view import view_of
from app.search.neighbours import nearest_products
from indexer.ingest import Ingest
from indexer.pipeline import IndexResult, SourceOptions, index_source
from indexer.progress import Silent
from tests.support.images import draw_picture, encode, picture_bytes
from tests.support.snapshots import reseal

PRODUCTS = 24
SEED = 20171


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """An empty data folder, and the network whose weights are always there."""
    return Settings(data_dir=tmp_path / "data", network="efficientnet_lite0", runtime="openvino-float32")


@pytest.fixture(scope="module")
def embedder(tmp_path_factory: pytest.TempPathFactory) -> Embedder:
    """The real network, loaded once for the runs of this module that are in this process."""
    data_dir = tmp_path_factory.mktemp("network")
    return open_embedder(Settings(data_dir=data_dir, runtime="openvino-float32"), "efficientnet_lite0")


@pytest.fixture(autouse=True)
def _loaded_once(embedder: Embedder, monkeypatch: pytest.MonkeyPatch) -> None:
    """Loading the network takes most of a small run's time; what it does is tested where it is defined."""

    def load(settings: Settings, network: str, *, recorded: Fingerprint | None = None) -> Embedder:
        if network != embedder.network:
            return open_embedder(settings, network, recorded=recorded)
        return embedder

    monkeypatch.setattr("indexer.workplace.open_embedder", load)


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    """Products in two categories."""
    folder = tmp_path / "photos"
    for number in range(PRODUCTS):
        _write(folder / ("mugs" if number % 2 else "lamps") / f"product {number}.jpg", number)
    return folder


def _write(path: Path, seed: int) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(picture_bytes("JPEG", 200, 240, seed))


def _index(settings: Settings, photos: Path) -> IndexResult:
    return index_source(settings, str(photos), SourceOptions(allows_removals=True), Silent())


def _products(settings: Settings) -> dict[str, str | None]:
    with closing(Database(settings.resolved_database_url)) as database, database.reading() as catalogue:
        return {product.id: product.category for product in catalogue.list_products(limit=1000).products}


def test_a_folder_becomes_a_catalogue_and_a_live_snapshot(settings: Settings, photos: Path) -> None:
    """Every product is in the catalogue with its category, and each picture finds itself first in the index."""
    result = _index(settings, photos)

    snapshot = SnapshotFolder(settings.snapshots_dir).open_live_or_previous().snapshot
    embeddings = np.stack([snapshot.index.embedding(row) for row in range(PRODUCTS)])
    scores, rows = snapshot.index.search(embeddings, 1)
    assert _products(settings)["mugs-product_1"] == "mugs"
    assert (result.ingest.products, result.ingest.images, result.ingest.embedded) == (PRODUCTS, PRODUCTS, PRODUCTS)
    assert snapshot.id == result.published.snapshot_id
    assert rows[:, 0].tolist() == list(range(PRODUCTS))
    assert scores.min() > 0.9999


def test_a_second_run_embeds_nothing_and_publishes_nothing(settings: Settings, photos: Path) -> None:
    """An image is embedded once, and an unchanged catalogue keeps its snapshot."""
    first = _index(settings, photos)

    second = _index(settings, photos)

    assert (second.ingest.embedded, second.ingest.reused) == (0, PRODUCTS)
    assert not second.published.is_new
    assert second.published.snapshot_id == first.published.snapshot_id


def test_a_database_made_anew_does_not_keep_the_old_index_live(settings: Settings, photos: Path) -> None:
    """Revisions start again with the database; an index of other products must not pass for the new catalogue's."""
    _index(settings, photos)
    for path in settings.data_dir.glob("catalogue.db*"):
        path.unlink()
    for file in (photos / "lamps").iterdir():
        file.unlink()

    result = _index(settings, photos)

    snapshot = SnapshotFolder(settings.snapshots_dir).open_live_or_previous().snapshot
    assert result.published.is_new
    assert snapshot.manifest.products == len(_products(settings)) == PRODUCTS // 2


def test_lost_embeddings_are_made_anew_and_published(settings: Settings, photos: Path) -> None:
    """Without the stored embeddings the same catalogue is embedded and published again."""
    first = _index(settings, photos)
    shutil.rmtree(settings.vectors_dir)

    second = _index(settings, photos)

    assert second.ingest.embedded == PRODUCTS
    assert second.published.snapshot_id != first.published.snapshot_id


def test_embeddings_that_this_machine_would_not_make_are_not_added_to(settings: Settings, photos: Path) -> None:
    """When the probe pictures come out otherwise, nothing is mixed; the message says what to remove."""
    live = _index(settings, photos).published.snapshot_id
    probes = np.roll(np.load(settings.snapshots_dir / live / "probes.npy"), 1, axis=0)
    data = io.BytesIO()
    np.save(data, probes)
    resealed = reseal(settings.snapshots_dir, live, replace={"probes.npy": data.getvalue()})
    (settings.snapshots_dir / "CURRENT").unlink()
    SnapshotFolder(settings.snapshots_dir).publish(resealed)

    with pytest.raises(SnapshotIncompatible, match="Remove the folder `vectors`"):
        _index(settings, photos)


def test_the_same_folder_by_another_path_is_no_change(settings: Settings, photos: Path) -> None:
    """Pictures are remembered by where they are, not by how somebody wrote it."""
    _index(settings, photos)
    again = _index(settings, photos / "mugs" / "..")
    assert not again.published.is_new


def test_a_folder_that_holds_the_data_folder_is_refused(settings: Settings, photos: Path) -> None:
    """Our own files are no products of the shop."""
    _index(settings, photos)
    for folder in (settings.data_dir, settings.data_dir.parent):
        with pytest.raises(SourceInvalid, match="data folder"):
            _index(settings, folder)


def test_pipes_and_devices_are_skipped_unread(settings: Settings, photos: Path) -> None:
    """A named pipe does not hang the run, and a link to an endless device does not fill the memory."""
    os.mkfifo(photos / "mugs" / "pipe.jpg")
    (photos / "mugs" / "zero.jpg").symlink_to("/dev/zero")

    report = _index(settings, photos).ingest

    assert report.skipped_by_reason == {"unreadable": 2}
    assert report.images == PRODUCTS


def _live_hits(settings: Settings) -> list[str]:
    """The titles of the products that a search in the live snapshot shows."""
    view = view_of(SnapshotFolder(settings.snapshots_dir).open_live_or_previous())
    query = view.snapshot.index.embedding(0)[np.newaxis]
    return [hit.product.title for hit in nearest_products(view.segments(), query, 10)]


def test_the_old_index_answers_until_the_new_one_does_and_again_after_a_rollback(
    settings: Settings, photos: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """All pictures change and half of the products go; searches find ten products before, between and after."""
    _index(settings, photos)
    before = _live_hits(settings)
    for number, file in enumerate(sorted(photos.rglob("*.jpg"))):
        if number % 2:
            file.unlink()
        else:
            _write(file, seed=5000 + number)

    with monkeypatch.context() as stopped:
        stopped.setattr("indexer.pipeline.publish_snapshot", _stop)
        with pytest.raises(KeyboardInterrupt):
            _index(settings, photos)
    between = _live_hits(settings)
    _index(settings, photos)
    after = _live_hits(settings)
    SnapshotFolder(settings.snapshots_dir).rollback()

    assert len(before) == len(after) == 10
    assert before == between == _live_hits(settings)


def _stop(*_arguments: object, **_options: object) -> None:
    raise KeyboardInterrupt


def test_only_what_changed_is_embedded(settings: Settings, photos: Path) -> None:
    """A changed picture, a new product and a removed one cost two embeddings and one snapshot."""
    _index(settings, photos)
    _write(photos / "mugs" / "product 1.jpg", seed=1001)
    _write(photos / "bags" / "new.jpg", seed=1002)
    (photos / "mugs" / "product 3.jpg").unlink()

    result = _index(settings, photos)

    assert (result.ingest.embedded, result.ingest.removed) == (2, 1)
    assert result.published.is_new
    assert "mugs-product_3" not in _products(settings)
    assert _products(settings)["bags-new"] == "bags"


def test_the_same_picture_in_two_products_is_embedded_once(settings: Settings, photos: Path) -> None:
    """Copies share one embedding, and each product still has its image in the index."""
    for name in ("copy-a.jpg", "copy-b.jpg"):
        (photos / "mugs" / name).write_bytes((photos / "mugs" / "product 1.jpg").read_bytes())

    result = _index(settings, photos)

    assert (result.ingest.embedded, result.ingest.images) == (PRODUCTS, PRODUCTS + 2)


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

    report = _index(settings, photos).ingest

    assert {Path(skipped.place).name: skipped.reason for skipped in report.skipped} == {
        **{name: reason for name, (_, reason) in bad.items()},
        "dangling.jpg": "unreadable",
    }
    assert report.images == PRODUCTS
    assert all(skipped.message.endswith(".") for skipped in report.skipped)


def test_a_product_whose_name_cannot_be_stored_is_skipped(settings: Settings, photos: Path) -> None:
    """A file name that is too long for an id, or no text at all, costs that product and not the run."""
    _write(photos / "mugs" / f"{'long' * 60}.jpg", seed=1)
    _write(photos / "mugs" / os.fsdecode(b"caf\xe9.jpg"), seed=2)

    report = _index(settings, photos).ingest

    assert report.skipped_by_reason == {"invalid-parameter": 2}
    assert report.products == PRODUCTS


def test_several_files_of_one_product_are_its_images(settings: Settings, photos: Path) -> None:
    """Pictures that share a name before two underscores come out as one product, in order; a bad one is left out."""
    for seed, view in enumerate(("back", "front", "side"), start=500):
        _write(photos / "bags" / f"tote__{view}.jpg", seed)
    (photos / "bags" / "tote__front.jpg").write_bytes(b"not a picture")

    _index(settings, photos)

    with closing(Database(settings.resolved_database_url)) as database, database.reading() as catalogue:
        product = catalogue.get_product("bags-tote")
    assert product is not None
    assert [Path(image.location).name for image in product.images] == ["tote__back.jpg", "tote__side.jpg"]


@contextmanager
def _nothing_lost(settings: Settings) -> Iterator[None]:
    """Whatever fails in the block, the catalogue and the live snapshot are what they were."""
    before = (SnapshotFolder(settings.snapshots_dir).current(), _products(settings))
    yield
    assert (SnapshotFolder(settings.snapshots_dir).current(), _products(settings)) == before


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
    _index(settings, photos)

    with _nothing_lost(settings), pytest.raises(error) as raised:
        _index(settings, make(tmp_path))  # type: ignore[operator]

    assert "\n" not in raised.value.message


def _with(folder: Path, *names: str) -> Path:
    folder.mkdir()
    for name in names:
        (folder / name).write_bytes(b"no picture")
    return folder


def test_a_network_without_weights_is_refused_before_anything_is_written(settings: Settings, photos: Path) -> None:
    """The message names the file, and the live index stays."""
    _index(settings, photos)

    other = settings.model_copy(update={"network": "vgg16", "vgg16_weights": photos / "weights.pth"})

    with _nothing_lost(settings), pytest.raises(WeightsMissing, match="does not exist"):
        _index(other, photos)


def test_two_runs_at_once_are_refused_by_name(settings: Settings, photos: Path) -> None:
    """The second run ends at once; the first one is not disturbed."""
    with SnapshotFolder(settings.snapshots_dir).lock(), pytest.raises(AlreadyRunning):
        _index(settings, photos)


def test_a_data_folder_that_cannot_be_written_is_named(settings: Settings, photos: Path, tmp_path: Path) -> None:
    """It is refused before any picture is read."""
    (tmp_path / "file").write_text("in the way")
    elsewhere = settings.model_copy(update={"data_dir": tmp_path / "file" / "data"})

    with pytest.raises(DataDirNotWritable, match="LOOKALIKE_DATA_DIR"):
        _index(elsewhere, photos)


def test_a_damaged_live_snapshot_is_replaced_by_the_next_run(settings: Settings, photos: Path) -> None:
    """Indexing again repairs: the embeddings are kept, and a new snapshot is published."""
    first = _index(settings, photos)
    index = settings.snapshots_dir / first.published.snapshot_id / "index.faiss"
    index.chmod(0o644)
    index.write_bytes(index.read_bytes()[:-1])

    second = _index(settings, photos)

    assert second.published.is_new
    assert second.ingest.embedded == 0


def test_a_full_disk_ends_in_one_sentence_and_the_old_index_stays(settings: Settings, photos: Path) -> None:
    """The command says so and exits with 1, and what was live still opens."""
    _index(settings, photos)
    for seed in range(2000, 2000 + PRODUCTS):
        _write(photos / "new" / f"{seed}.jpg", seed)
    before = SnapshotFolder(settings.snapshots_dir).current()

    outcome = _run_command(settings, photos, "ulimit -f 195;")  # KiB: enough for the store, not for the new index

    assert outcome.returncode == 1
    assert outcome.stderr.splitlines()[-1].startswith("Error: There is no space left in the data folder")
    assert SnapshotFolder(settings.snapshots_dir).current() == before
    assert SnapshotFolder(settings.snapshots_dir).open_live_or_previous().degraded_reason is None


def test_a_killed_run_leaves_an_index_and_the_next_one_continues(settings: Settings, photos: Path) -> None:
    """Killed at seeded random moments, the live snapshot is whole; the last run embeds only what is left."""
    _index(settings, photos)
    for seed in range(3000, 3000 + 8 * PRODUCTS):
        _write(photos / "new" / f"{seed}.jpg", seed)
    moments = random.Random(SEED)
    embedded_before = _stored(settings)

    for _ in range(2):
        process = subprocess.Popen(_command(settings, photos), env=_environment(), stderr=subprocess.DEVNULL)
        while _stored(settings) == embedded_before:  # importing takes longer than embedding these few
            assert process.poll() is None, "the run ended before it could be killed"
            time.sleep(0.01)
        time.sleep(moments.uniform(0.0, 0.5))
        process.send_signal(signal.SIGKILL)
        process.wait()
        live = SnapshotFolder(settings.snapshots_dir).open_live_or_previous()
        assert live.degraded_reason is None, f"seed {SEED}"
        assert _stored(settings) > embedded_before
        embedded_before = _stored(settings)

    result = _index(settings, photos)
    assert result.ingest.images == 9 * PRODUCTS
    assert result.ingest.embedded == 9 * PRODUCTS - embedded_before


def _stored(settings: Settings) -> int:
    """How many embeddings are on the disk."""
    return sum(path.stat().st_size // 36 for path in settings.vectors_dir.glob("*/keys.bin"))


def _command(settings: Settings, photos: Path) -> list[str]:
    return [sys.executable, "-m", "lookalike", "index", str(photos), "--data-dir", str(settings.data_dir)]


def _environment() -> dict[str, str]:
    return {**os.environ, "LOOKALIKE_RUNTIME": "openvino-float32"}


def _run_command(settings: Settings, photos: Path, before: str) -> subprocess.CompletedProcess[str]:
    shell = ["bash", "-c", f'{before} exec "$@"', "bash", *_command(settings, photos)]
    return subprocess.run(shell, env=_environment(), capture_output=True, text=True, check=False)


def test_the_json_report_says_everything_a_script_needs(settings: Settings, photos: Path) -> None:
    """`lookalike index --json` prints one document on standard output; progress goes to standard error."""
    (photos / "mugs" / "bad.jpg").write_bytes(b"no picture")

    outcome = subprocess.run(
        [*_command(settings, photos), "--json"], env=_environment(), capture_output=True, text=True, check=True
    )

    document = json.loads(outcome.stdout)
    assert document["images"] == document["embedded"] == PRODUCTS
    assert document["skipped"]["by_reason"] == {"not-an-image": 1}
    assert document["snapshot"]["metrics"]["recall_at_10"] == 1
    assert f"Indexing pictures: {PRODUCTS + 1}" in outcome.stderr


def test_the_writer_never_runs_far_behind_the_network(
    settings: Settings, photos: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """When writing is slow, at most two batches are embedded and not yet written, and none is lost."""
    embed, write = Ingest._embed, Ingest._write
    embedded: list[int] = []  # how many batches wait to be written when each one is embedded, itself included
    written: list[int] = []

    def counted_embed(self: Ingest, batch: list[Any]) -> Any:  # noqa: ANN401  # handed on
        embedded.append(1 + len(embedded) - len(written))
        return embed(self, batch)

    def slow_write(self: Ingest, *arguments: Any) -> list[str]:  # noqa: ANN401  # handed on
        time.sleep(0.05)
        without_pictures = write(self, *arguments)
        written.append(len(written))
        return without_pictures

    monkeypatch.setattr(Ingest, "_embed", counted_embed)
    monkeypatch.setattr(Ingest, "_write", slow_write)
    monkeypatch.setattr("indexer.ingest.OBTAINED_TOGETHER", 2)  # so that there are twelve batches

    result = _index(settings, photos)

    assert result.ingest.images == PRODUCTS
    assert len(embedded) == len(written) == PRODUCTS // 2
    assert max(embedded) <= 2
