"""A rebuild that finds less than the settings ask for is not published, and what is measured stands with a snapshot."""

import json
from pathlib import Path

import pytest

from app.core.errors import RelevanceTooLow
from app.core.settings import Settings
from app.core.snapshot_folder import SnapshotFolder
from indexer.evaluation.gate import PRECISION, HeldOutSample
from indexer.pipeline import reindex_catalogue
from indexer.progress import Silent
from indexer.reindex import ReindexParams, run_reindex
from tests.support.command_line import Run, run
from tests.support.indexing import index_folder, write_picture

__all__ = ["run"]


def asking(settings: Settings, **gates: float) -> Settings:
    """Return the same settings with a gate."""
    return settings.model_copy(update=gates)


def live_id(settings: Settings) -> str:
    """Return the id of the live snapshot."""
    current = SnapshotFolder(settings.snapshots_dir).current()
    assert current is not None
    return current.id


def ids(settings: Settings) -> list[str]:
    """Return all snapshots on the disk, newest first."""
    return [info.id for info in SnapshotFolder(settings.snapshots_dir).list()]


def finding(monkeypatch: pytest.MonkeyPatch, precision: float) -> None:
    """Let rebuilds find so much from now on."""

    def metrics(sample: HeldOutSample) -> dict[str, float]:
        assert len(sample.rows)
        return {PRECISION: precision}

    monkeypatch.setattr("indexer.publish.relevance_metrics", metrics)


def test_what_a_new_index_finds_stands_in_its_manifest(settings: Settings, photos: Path, run: Run) -> None:
    """The same figures as those of `lookalike evaluate`, and in the list of snapshots."""
    published = index_folder(settings, photos).published

    data_dir = ("--data-dir", settings.data_dir)
    evaluated = json.loads(run("evaluate", "--json", *data_dir).out)["evaluated"][0]["figures"]["by_category"]
    listed = run("snapshots", "list", *data_dir).out
    assert published.metrics[PRECISION] == evaluated["precision_at_10"]["value"]
    assert published.metrics["category_map"] == evaluated["map"]["value"]
    assert published.metrics[f"{PRECISION}_low"] == evaluated["precision_at_10"]["low"]
    assert f"{published.metrics[PRECISION]:.3f}" in listed


def test_an_index_below_the_gate_is_built_and_not_published(settings: Settings, photos: Path) -> None:
    """The old one stays live; the new one is there to be looked at, and may be published all the same."""
    before = index_folder(settings, photos).published.snapshot_id
    write_picture(photos / "mugs" / "one more.jpg", seed=1_000)

    with pytest.raises(RelevanceTooLow, match=r"not published.*LOOKALIKE_GATE_PRECISION.*stays live") as refused:
        index_folder(asking(settings, gate_precision=1.0), photos)

    assert live_id(settings) == before
    new, old = ids(settings)
    assert old == before
    assert f"`lookalike snapshots publish {new}`" in refused.value.message
    SnapshotFolder(settings.snapshots_dir).publish(new)
    assert live_id(settings) == new


def test_a_drop_from_the_live_index_is_refused(
    settings: Settings, photos: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A little is allowed, as the setting says, and more is not."""
    finding(monkeypatch, 0.9)
    index_folder(settings, photos)
    finding(monkeypatch, 0.86)
    reindex_catalogue(asking(settings, gate_drop=0.05), Silent(), full=True)
    before = live_id(settings)
    finding(monkeypatch, 0.80)

    with pytest.raises(RelevanceTooLow, match=r"0\.800.*0\.860.*LOOKALIKE_GATE_DROP"):
        reindex_catalogue(asking(settings, gate_drop=0.05), Silent(), full=True)

    assert live_id(settings) == before


def test_refused_indexes_do_not_pile_up(settings: Settings, photos: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Night after night, the one that is refused takes the place of the one before it; the live ones stay."""
    strict = asking(settings, gate_precision=0.5)
    finding(monkeypatch, 0.9)
    index_folder(strict, photos)
    for _ in range(strict.snapshots_kept):
        reindex_catalogue(strict, Silent(), full=True)
    published = ids(strict)
    finding(monkeypatch, 0.1)

    for _ in range(3):
        with pytest.raises(RelevanceTooLow):
            run_reindex(strict, ReindexParams(full=True), Silent())

    assert ids(strict)[1:] == published
    assert live_id(strict) == published[0]
    finding(monkeypatch, 0.9)
    reindex_catalogue(strict, Silent(), full=True)
    assert len(ids(strict)) == strict.snapshots_kept
