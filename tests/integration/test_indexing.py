"""From a folder of photos to a published snapshot: what changed is embedded, and nothing else."""

import json
import shutil
import subprocess
import time
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from app.core.settings import Settings
from app.core.snapshot_folder import SnapshotFolder
from app.db.database import Database
from app.search.live_view import view_of
from app.search.neighbours import nearest_products
from indexer.ingest import Ingest
from tests.support.indexing import PHOTOS, catalogue_of, index_command, index_environment, index_folder, write_picture


def test_a_folder_becomes_a_catalogue_and_a_live_snapshot(settings: Settings, photos: Path) -> None:
    """Every product is in the catalogue with its category, and each picture finds itself first in the index."""
    result = index_folder(settings, photos)

    snapshot = SnapshotFolder(settings.snapshots_dir).open_live_or_previous().snapshot
    embeddings = np.stack([snapshot.index.embedding(row) for row in range(PHOTOS)])
    scores, rows = snapshot.index.search(embeddings, 1)
    assert catalogue_of(settings)["mugs-product_1"].category == "mugs"
    assert (result.ingest.products, result.ingest.images, result.ingest.embedded) == (PHOTOS, PHOTOS, PHOTOS)
    assert snapshot.id == result.published.snapshot_id
    assert rows[:, 0].tolist() == list(range(PHOTOS))
    assert scores.min() > 0.9999


def test_a_second_run_embeds_nothing_and_publishes_nothing(settings: Settings, photos: Path) -> None:
    """An image is embedded once, and an unchanged catalogue keeps its snapshot."""
    first = index_folder(settings, photos)

    second = index_folder(settings, photos)

    assert (second.ingest.embedded, second.ingest.reused) == (0, PHOTOS)
    assert not second.published.is_new
    assert second.published.snapshot_id == first.published.snapshot_id


def test_a_database_made_anew_does_not_keep_the_old_index_live(settings: Settings, photos: Path) -> None:
    """Revisions start again with the database; an index of other products must not pass for the new catalogue's."""
    index_folder(settings, photos)
    for path in settings.data_dir.glob("catalogue.db*"):
        path.unlink()
    for file in (photos / "lamps").iterdir():
        file.unlink()

    result = index_folder(settings, photos)

    snapshot = SnapshotFolder(settings.snapshots_dir).open_live_or_previous().snapshot
    assert result.published.is_new
    assert snapshot.manifest.products == len(catalogue_of(settings)) == PHOTOS // 2


def test_lost_embeddings_are_made_anew_and_published(settings: Settings, photos: Path) -> None:
    """Without the stored embeddings the same catalogue is embedded and published again."""
    first = index_folder(settings, photos)
    shutil.rmtree(settings.vectors_dir)

    second = index_folder(settings, photos)

    assert second.ingest.embedded == PHOTOS
    assert second.published.snapshot_id != first.published.snapshot_id


def test_the_same_folder_by_another_path_is_no_change(settings: Settings, photos: Path) -> None:
    """Pictures are remembered by where they are, not by how somebody wrote it."""
    index_folder(settings, photos)
    again = index_folder(settings, photos / "mugs" / "..")
    assert not again.published.is_new


def _live_hits(settings: Settings) -> list[str]:
    """The titles of the products that a search in the live snapshot shows."""
    view = view_of(SnapshotFolder(settings.snapshots_dir).open_live_or_previous())
    query = view.snapshot.index.embedding(0)[np.newaxis]
    return [hit.product.title for hit in nearest_products(view.segments(), query, 10)]


def test_the_old_index_answers_until_the_new_one_does_and_again_after_a_rollback(
    settings: Settings, photos: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """All pictures change and half of the products go; searches find ten products before, between and after."""
    index_folder(settings, photos)
    before = _live_hits(settings)
    for number, file in enumerate(sorted(photos.rglob("*.jpg"))):
        if number % 2:
            file.unlink()
        else:
            write_picture(file, seed=5000 + number)

    with monkeypatch.context() as stopped:
        stopped.setattr("indexer.pipeline.publish_snapshot", _stop)
        with pytest.raises(KeyboardInterrupt):
            index_folder(settings, photos)
    between = _live_hits(settings)
    index_folder(settings, photos)
    after = _live_hits(settings)
    SnapshotFolder(settings.snapshots_dir).rollback()

    assert len(before) == len(after) == 10
    assert before == between == _live_hits(settings)


def _stop(*_arguments: object, **_options: object) -> None:
    raise KeyboardInterrupt


def test_only_what_changed_is_embedded(settings: Settings, photos: Path) -> None:
    """A changed picture, a new product and a removed one cost two embeddings and one snapshot."""
    index_folder(settings, photos)
    write_picture(photos / "mugs" / "product 1.jpg", seed=1001)
    write_picture(photos / "bags" / "new.jpg", seed=1002)
    (photos / "mugs" / "product 3.jpg").unlink()

    result = index_folder(settings, photos)

    assert (result.ingest.embedded, result.ingest.removed) == (2, 1)
    assert result.published.is_new
    assert "mugs-product_3" not in catalogue_of(settings)
    assert catalogue_of(settings)["bags-new"].category == "bags"


def test_the_same_picture_in_two_products_is_embedded_once(settings: Settings, photos: Path) -> None:
    """Copies share one embedding, and each product still has its image in the index."""
    for name in ("copy-a.jpg", "copy-b.jpg"):
        (photos / "mugs" / name).write_bytes((photos / "mugs" / "product 1.jpg").read_bytes())

    result = index_folder(settings, photos)

    assert (result.ingest.embedded, result.ingest.images) == (PHOTOS, PHOTOS + 2)


def test_several_files_of_one_product_are_its_images(settings: Settings, photos: Path) -> None:
    """Pictures that share a name before two underscores come out as one product, in order; a bad one is left out."""
    for seed, view in enumerate(("back", "front", "side"), start=500):
        write_picture(photos / "bags" / f"tote__{view}.jpg", seed)
    (photos / "bags" / "tote__front.jpg").write_bytes(b"not a picture")

    index_folder(settings, photos)

    with closing(Database(settings.resolved_database_url)) as database, database.reading() as catalogue:
        product = catalogue.get_product("bags-tote")
    assert product is not None
    assert [Path(image.location).name for image in product.images] == ["tote__back.jpg", "tote__side.jpg"]


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

    def slow_write(self: Ingest, *arguments: Any) -> None:  # noqa: ANN401  # handed on
        time.sleep(0.05)
        write(self, *arguments)
        written.append(len(written))

    monkeypatch.setattr(Ingest, "_embed", counted_embed)
    monkeypatch.setattr(Ingest, "_write", slow_write)
    monkeypatch.setattr("indexer.ingest.OBTAINED_TOGETHER", 2)  # so that there are twelve batches

    result = index_folder(settings, photos)

    assert result.ingest.images == PHOTOS
    assert len(embedded) == len(written) == PHOTOS // 2
    assert max(embedded) <= 2


def test_the_json_report_says_everything_a_script_needs(settings: Settings, photos: Path) -> None:
    """`lookalike index --json` prints one document on standard output; progress goes to standard error."""
    (photos / "mugs" / "bad.jpg").write_bytes(b"no picture")

    outcome = subprocess.run(
        [*index_command(settings, photos), "--json"],
        env=index_environment(),
        capture_output=True,
        text=True,
        check=True,
    )

    document = json.loads(outcome.stdout)
    assert document["images"] == document["embedded"] == PHOTOS
    assert document["skipped"]["by_reason"] == {"not-an-image": 1}
    assert document["snapshot"]["metrics"]["recall_at_10"] == 1
    assert f"Indexing pictures: {PHOTOS + 1}" in outcome.stderr
