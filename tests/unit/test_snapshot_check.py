"""A new snapshot is only published when what is on the disk answers as it should."""

from dataclasses import asdict
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest

from app.core.arrays import Float16Array, FloatArray
from app.core.errors import VerificationFailed
from app.core.flat_index import FlatIndex
from app.core.snapshot import open_vectors
from app.core.snapshot_check import verify_in_fresh_process, verify_snapshot
from app.core.snapshot_folder import SnapshotFolder
from tests.support.snapshots import (
    IMAGES,
    overwrite,
    random_embeddings,
    reseal,
    snapshot_facts,
    snapshot_products,
    write_small,
)


def written(root: Path, embeddings: FloatArray) -> Path:
    """Write a snapshot of the embeddings and return its temporary folder."""
    folder = SnapshotFolder(root)
    with folder.lock():
        return folder.write(
            snapshot_facts(),
            embeddings=embeddings,
            products=snapshot_products(len(embeddings)),
            probes=embeddings[:1].astype(np.float32),
        )


def replace_vectors(folder: Path, vectors: Float16Array) -> None:
    """Put other exact vectors beside the index, with right hashes."""
    file = BytesIO()
    np.save(file, vectors, allow_pickle=False)
    reseal(folder.parent, folder.name, replace={"vectors.npy": file.getvalue()})


def test_a_good_snapshot_passes_in_a_process_of_its_own(tmp_path: Path) -> None:
    """With the same numbers as here, which go into the manifest."""
    folder = SnapshotFolder(tmp_path)
    with folder.lock():
        temporary = write_small(folder)
        metrics = verify_in_fresh_process(temporary)
        assert metrics == verify_snapshot(temporary)
        snapshot_id = folder.adopt(temporary, asdict(metrics))
    assert (metrics.queries, metrics.recall_at_10, metrics.self_retrieval) == (IMAGES, 1, 1)
    assert metrics.lowest_self_score > 0.9999
    assert folder.open(snapshot_id).manifest.metrics["recall_at_10"] == 1


def test_other_packages_in_the_current_folder_are_not_in_the_way(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever indexes from a project with an `app` package of its own still gets an index."""
    (tmp_path / "app").mkdir()
    (tmp_path / "app" / "__init__.py").touch()
    monkeypatch.chdir(tmp_path)

    metrics = verify_in_fresh_process(written(tmp_path / "snapshots", random_embeddings(12, 24, seed=1)))

    assert metrics.queries == 12


@pytest.mark.parametrize("n", [1, 2, 9, 2049, 4500])
def test_any_number_of_images_can_be_checked(tmp_path: Path, n: int) -> None:
    """Fewer than ten, one more than a block, several blocks; rounded, as the vector store gives them."""
    metrics = verify_snapshot(written(tmp_path, random_embeddings(n, 24, seed=n).astype(np.float16)))
    assert (metrics.queries, metrics.recall_at_10, metrics.self_retrieval) == (min(n, 200), 1, 1)


def test_identical_images_pass(tmp_path: Path) -> None:
    """A shop that shows one placeholder for many products finds one of them for each."""
    embeddings = random_embeddings(300, 24, seed=1)
    embeddings[50:] = embeddings[50]
    metrics = verify_snapshot(written(tmp_path, embeddings))
    assert (metrics.recall_at_10, metrics.self_retrieval) == (1, 1)


def test_a_changed_file_fails(tmp_path: Path) -> None:
    """In the words of the snapshot's own check, here and from the other process."""
    folder = written(tmp_path, random_embeddings(30, 24, seed=1))
    overwrite(folder / "index.faiss", (folder / "index.faiss").read_bytes()[:-1])
    for verify in (verify_snapshot, verify_in_fresh_process):
        with pytest.raises(VerificationFailed, match=r"not published.*index\.faiss"):
            verify(folder)


def test_a_folder_that_is_none_fails(tmp_path: Path) -> None:
    """There is no manifest in it."""
    with pytest.raises(VerificationFailed, match=r"manifest\.json is missing"):
        verify_in_fresh_process(tmp_path / "nothing")


def test_rows_in_another_order_fail(tmp_path: Path) -> None:
    """Every search would name the wrong image."""
    folder = written(tmp_path, random_embeddings(30, 24, seed=1))
    replace_vectors(folder, np.roll(np.array(open_vectors(folder)), 1, axis=0))
    with pytest.raises(VerificationFailed, match=r"themselves \(all should\)"):
        verify_snapshot(folder)


@pytest.mark.parametrize(("value", "message"), [(np.nan, "not a number"), (np.inf, "not a number"), (3, "norm")])
def test_a_bad_exact_vector_fails(tmp_path: Path, value: float, message: str) -> None:
    """Its row is named, also in a later block."""
    folder = written(tmp_path, random_embeddings(2100, 24, seed=1))
    vectors = np.array(open_vectors(folder))
    vectors[2077, 5] = value
    replace_vectors(folder, vectors)
    with pytest.raises(VerificationFailed, match=rf"(?i)embedding 2077 .*{message}"):
        verify_snapshot(folder)


def test_a_bad_row_in_the_index_fails(tmp_path: Path) -> None:
    """Though its file has the right hash."""
    folder = written(tmp_path, random_embeddings(30, 24, seed=1))
    index = FlatIndex.build(random_embeddings(30, 24, seed=1))
    index.block(0)[11] *= 2
    path = tmp_path / "index.faiss"
    index.save(path)
    reseal(folder.parent, folder.name, replace={"index.faiss": path.read_bytes()})
    with pytest.raises(VerificationFailed, match="embedding 11 has norm 2"):
        verify_snapshot(folder)
