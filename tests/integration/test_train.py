"""`lookalike train` on a small shop."""

import json
import os
import resource
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from safetensors import safe_open

from app.core.category_head import CategoryHead, head_path
from app.core.settings import Settings
from app.core.snapshot_folder import SnapshotFolder
from app.search.live_head import LiveHead
from tests.support.command_line import Run, run
from tests.support.shop import CATEGORIES, Shop

__all__ = ["run"]


@pytest.fixture
def data_dir(own_shop: Shop, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The data folder of a shop with 24 products of 3 categories, which the environment names."""
    monkeypatch.setenv("LOOKALIKE_DATA_DIR", str(own_shop.settings.data_dir))
    monkeypatch.setenv("LOOKALIKE_RUNTIME", "openvino-float32")
    return own_shop.settings.data_dir


def _fingerprint(settings: Settings) -> str:
    snapshot = SnapshotFolder(settings.snapshots_dir).open_live_or_previous().snapshot
    return snapshot.manifest.fingerprint_sha256


def _photos(shop: Shop, folder: Path, categories: tuple[str, ...] = CATEGORIES) -> Path:
    """Write the photos of the shop as a folder, a sub-folder a category."""
    for product_id, photos in shop.photos.items():
        category = product_id.split("-")[0]
        if category in categories:
            (folder / category).mkdir(parents=True, exist_ok=True)
            (folder / category / f"{product_id}.jpg").write_bytes(photos[0])
    return folder


def test_a_head_is_learned_from_the_index(run: Run, own_shop: Shop, data_dir: Path) -> None:
    """Nothing is embedded; the head is in its place, tells drawn things apart, and its card says where it is from."""
    outcome = run("train", "--json")

    document = json.loads(outcome.out)
    fingerprint = _fingerprint(own_shop.settings)
    head = CategoryHead.load(head_path(data_dir / "heads", fingerprint), fingerprint)
    assert outcome.code == 0
    assert document["used"]
    assert head.labels == tuple(sorted(CATEGORIES))
    assert head.card == document["card"]
    assert head.card["fingerprint_sha256"] == fingerprint
    assert document["card"]["trained_on"]["pictures"] == 30
    assert document["card"]["figures"]["combined"]["accuracy"]["of"] == 3
    snapshot = SnapshotFolder(own_shop.settings.snapshots_dir).open_live_or_previous().snapshot
    embeddings = np.stack([snapshot.index.embedding(row) for row in range(30)])
    told = [head.labels[i] for i in head.probabilities(embeddings).argmax(axis=1)]
    stated = [image.split("-")[0] for image in _products_of_rows(own_shop)]
    assert told == stated


def _products_of_rows(shop: Shop) -> list[str]:
    return [product_id for product_id in sorted(shop.photos) for _ in shop.photos[product_id]]


def test_the_head_can_be_read_by_anybody(run: Run, own_shop: Shop, data_dir: Path) -> None:
    """It is safetensors, with the card in its metadata and beside it."""
    run("train")
    path = head_path(data_dir / "heads", _fingerprint(own_shop.settings))
    with safe_open(path, framework="numpy") as file:
        metadata = json.loads(file.metadata()["lookalike_head"])
        assert file.get_tensor("landmarks").shape == (27, 1280)
        assert file.get_tensor("weight").shape == (3, 27)
    assert metadata["card"] == json.loads(path.with_suffix(".json").read_text())


def test_a_running_service_takes_what_was_learned(run: Run, own_shop: Shop, data_dir: Path) -> None:
    """Without a restart, at the next look."""
    live = LiveHead(data_dir / "heads", _fingerprint(own_shop.settings))
    assert live.head is None
    run("train")
    live.look()
    assert live.head is not None


def test_the_table_and_the_verdict_are_printed(run: Run, data_dir: Path) -> None:
    """How each category is told, what it means in a sentence, and where the report is."""
    outcome = run("train")
    assert outcome.code == 0
    assert "Tested with" in outcome.out
    assert "Of 100 pictures that it has not seen" in outcome.out
    assert str(next((data_dir / "heads").glob("*.html"))) in outcome.out


def test_the_report_needs_nothing_else(run: Run, data_dir: Path) -> None:
    """One file without scripts or addresses, with a heading, the confusion as a picture, and a word on the figures."""
    run("train")
    report = next((data_dir / "heads").glob("*.html")).read_text()
    assert "<script" not in report
    assert "http://" not in report.replace("http://www.w3.org/", "")
    assert "<h1>How well the trained head tells your categories</h1>" in report
    assert "<svg" in report
    assert "trained on all pictures" in report
    for category in CATEGORIES:
        assert category in report


def test_a_folder_is_learned_from_without_an_index(
    run: Run, shop: Shop, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its pictures go the way that all pictures go, and are embedded once."""
    monkeypatch.setenv("LOOKALIKE_RUNTIME", "openvino-float32")
    photos = _photos(shop, tmp_path / "photos")
    (photos / "mugs" / "note.txt").write_text("not a picture")
    command = ["train", "--source", photos, "--network", "efficientnet_lite0", "--data-dir", tmp_path / "new", "--json"]

    outcome = run(*command)

    document = json.loads(outcome.out)
    card = document["card"]
    assert outcome.code == 0
    assert not document["used"]
    assert card["trained_on"]["origin"] == f"folder {photos}"
    assert card["trained_on"]["categories"] == dict.fromkeys(sorted(CATEGORIES), 8)
    (vectors,) = (tmp_path / "new" / "heads" / "vectors").glob("*/vectors.bin")
    size_bytes = vectors.stat().st_size
    assert json.loads(run(*command).out)["card"]["figures"] == card["figures"]
    assert vectors.stat().st_size == size_bytes


def test_without_an_index_the_command_says_what_to_do(run: Run, tmp_path: Path) -> None:
    """One sentence, and no data folder that nobody asked for."""
    outcome = run("train", "--data-dir", tmp_path / "none")
    assert outcome.code == 1
    assert "lookalike index FOLDER" in outcome.error
    assert not (tmp_path / "none").exists()


def test_an_index_of_another_network_is_refused(run: Run, data_dir: Path) -> None:
    """A head for a network that nobody searches with would change nothing."""
    outcome = run("train", "--network", "vgg16")
    assert outcome.code == 1
    assert "efficientnet_lite0, and vgg16 is asked for" in outcome.error
    assert not (data_dir / "heads").exists()


def test_one_category_is_too_few(run: Run, shop: Shop, data_dir: Path, tmp_path: Path) -> None:
    """The message says so, and what was learned before stays."""
    run("train")
    before = _files(data_dir / "heads")
    outcome = run("train", "--source", _photos(shop, tmp_path / "photos", ("mugs",)))
    assert outcome.code == 1
    assert "Every product is of one category, “mugs”" in outcome.error
    assert _files(data_dir / "heads") == before


def _files(folder: Path) -> dict[Path, bytes]:
    return {path: path.read_bytes() for path in folder.iterdir() if path.is_file()}


def test_a_full_disk_leaves_the_head_that_was_there(run: Run, own_shop: Shop, data_dir: Path) -> None:
    """The command ends in one sentence; a service goes on with what it had."""
    run("train", "--seed", "1")
    path = head_path(data_dir / "heads", _fingerprint(own_shop.settings))
    before = path.read_bytes()

    done = subprocess.run(
        [sys.executable, "-m", "lookalike", "train", "--seed", "2"],
        env={**os.environ},
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
        preexec_fn=_no_large_files,  # this process has no threads that matter to the child
    )

    assert done.returncode == 1
    assert done.stderr.splitlines()[-1].startswith("Error: There is no space left in the data folder")
    assert path.read_bytes() == before


def _no_large_files() -> None:
    """Let no file grow beyond a kilobyte, as on a full disk."""
    resource.setrlimit(resource.RLIMIT_FSIZE, (1024, resource.getrlimit(resource.RLIMIT_FSIZE)[1]))


def test_a_damaged_index_is_not_learned_from(run: Run, own_shop: Shop, data_dir: Path) -> None:
    """Neither from what is left of it."""
    (folder,) = own_shop.settings.snapshots_dir.glob("0*")
    (folder / "vectors.npy").chmod(0o644)
    (folder / "vectors.npy").write_bytes(b"")
    shutil.rmtree(data_dir / "heads", ignore_errors=True)
    outcome = run("train")
    assert outcome.code == 1
    assert "vectors.npy" in outcome.error
    assert not (data_dir / "heads").exists()
