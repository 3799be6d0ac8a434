"""What a compressed index finds, how long it goes on looking, and what it makes of a damaged disk."""

import gc
import os
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.core import compression
from app.core.arrays import BoolArray, Float32Array
from app.core.compressed_index import CompressedIndex, Effort
from app.core.compression import choose_index, compress, flat_index, with_effort
from app.core.errors import SnapshotCorrupt
from app.core.files import sha256_of_file
from app.core.flat_index import FlatIndex
from app.core.vector_file import VectorFile
from app.core.vector_index import VectorIndex
from tests.support.indexes import compressed, families, vector_file
from tests.support.snapshots import random_embeddings

ROWS = 6000
DIMENSION = 96


@pytest.fixture(scope="module")
def vectors() -> VectorFile:
    """Return rows like those of a catalogue."""
    return vector_file(families(ROWS, DIMENSION, seed=1))


@pytest.fixture(scope="module")
def index(vectors: VectorFile) -> CompressedIndex:
    """Return an index of them that finds what it should."""
    found = compress(vectors)
    assert found is not None
    return found


@pytest.fixture(scope="module")
def exact(vectors: VectorFile) -> FlatIndex:
    """Return what compares them all."""
    return flat_index(vectors)


def _recall(index: VectorIndex, exact: VectorIndex, queries: Float32Array, allowed: BoolArray | None = None) -> float:
    """Return which share of the ten best an index finds."""
    found, wanted = (each.search(queries, 10, allowed)[1] for each in (index, exact))
    return float(np.mean([len({*a} & {*b}) / len(b) for a, b in zip(found.tolist(), wanted.tolist(), strict=True)]))


class TestFinding:
    """Recall, and what holds of every answer."""

    def test_what_it_finds_is_what_was_promised(self, index: CompressedIndex, exact: FlatIndex) -> None:
        """For pictures that are not in the index, and not only for those that it was measured with."""
        assert _recall(index, exact, families(300, DIMENSION, seed=2)) >= 0.98

    @pytest.mark.parametrize("share", [0.9, 0.5, 0.1, 0.02])
    @pytest.mark.parametrize("coded_rows", [50_000, 500])
    def test_filters_act_inside_the_search(
        self,
        index: CompressedIndex,
        exact: FlatIndex,
        share: float,
        coded_rows: int,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        """Few allowed rows are found as well as all, by comparing all of their codes, and by looking at more lists."""
        monkeypatch.setattr("app.core.compressed_index.CODED_ROWS", coded_rows)
        allowed = np.random.default_rng(3).random(ROWS) < share
        queries = families(200, DIMENSION, seed=4)
        assert _recall(index, exact, queries, allowed) >= 0.99
        assert allowed[index.search(queries, 10, allowed)[1]].all()

    @pytest.mark.parametrize("coded_rows", [50_000, 0])
    def test_k_is_filled_when_only_strangers_are_allowed(
        self, index: CompressedIndex, exact: FlatIndex, coded_rows: int, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """The lists that are nearest to a query may have no allowed row at all."""
        monkeypatch.setattr("app.core.compressed_index.CODED_ROWS", coded_rows)
        query = families(1, DIMENSION, seed=5)
        order = exact.search(query, ROWS)[1][0]
        allowed = np.zeros(ROWS, np.bool_)
        allowed[order[-1500:]] = True
        scores, rows = index.search(query, 30, allowed)
        assert rows.shape == (1, 30)
        assert allowed[rows].all()
        assert len({*rows[0].tolist()} & {*order[-1500:-1470].tolist()}) >= 24
        assert (np.diff(scores[0]) <= 0).all()

    @settings(deadline=None, max_examples=40)
    @given(seed=st.integers(0, 1000), k=st.integers(1, 400), share=st.sampled_from([None, 0.9, 0.3, 0.02, 0.001]))
    def test_every_score_is_that_of_the_flat_index(
        self, index: CompressedIndex, exact: FlatIndex, seed: int, k: int, share: float | None
    ) -> None:
        """To the last bit, k of them, best first and each row once, however few are allowed."""
        query = families(1, DIMENSION, seed)
        allowed = None if share is None else np.random.default_rng(seed).random(ROWS) < share
        scores, rows = index.search(query, k, allowed)
        exact_scores, exact_rows = (found[0] for found in exact.search(query, ROWS))
        known = dict(zip(exact_rows.tolist(), exact_scores.tolist(), strict=True))
        assert rows.shape == (1, min(k, ROWS if allowed is None else int(allowed.sum())))
        assert [known[row] for row in rows[0].tolist()] == scores[0].tolist()
        assert len({*rows[0].tolist()}) == rows.shape[1]
        order = np.lexsort((rows[0], -scores[0]))
        np.testing.assert_array_equal(order, np.arange(len(order)))

    def test_an_answer_does_not_depend_on_the_queries_beside_it(self, index: CompressedIndex) -> None:
        """Nor on how many there are."""
        queries = families(50, DIMENSION, seed=6)
        together = index.search(queries, 10)
        for i in range(50):
            alone = index.search(queries[i : i + 1], 10)
            np.testing.assert_array_equal(alone[0][0], together[0][i])
            np.testing.assert_array_equal(alone[1][0], together[1][i])

    def test_of_many_equal_rows_the_first_are_found(self) -> None:
        """A shop that shows one placeholder for half its products: more copies than candidates."""
        rows = families(3000, 32, seed=1)
        copies = np.sort(np.random.default_rng(1).permutation(3000)[:1200])
        rows[copies] = rows[copies[0]]
        found = compressed(rows)
        _, best = found.search(rows[copies[:1]], 15)
        np.testing.assert_array_equal(best[0], copies[:15])
        allowed = np.ones(3000, np.bool_)
        allowed[copies[:7]] = False
        _, best = found.search(rows[copies[:1]], 15, allowed)
        np.testing.assert_array_equal(best[0], copies[7:22])


class TestEffort:
    """How hard it tries."""

    def test_more_effort_finds_more(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Else there would be nothing to raise."""
        monkeypatch.setattr(compression, "DIMENSIONS", 12)
        index = compressed(families(ROWS, DIMENSION, seed=1))
        queries = families(200, DIMENSION, seed=7)
        exact = flat_index(index.vectors)
        little = with_effort(index, Effort(nprobe=1, candidates=40, filtered_candidates=40))
        more = with_effort(index, Effort(nprobe=index.lists, candidates=40, filtered_candidates=40))
        most = with_effort(index, Effort(nprobe=index.lists, candidates=500, filtered_candidates=500))
        recalls = [_recall(each, exact, queries) for each in (little, more, most)]
        assert recalls == sorted(set(recalls))
        assert recalls[-1] > 0.98

    def test_a_build_tries_harder_until_it_finds_enough(
        self, vectors: VectorFile, exact: FlatIndex, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """It begins with too few candidates, and ends with an effort that is kept."""
        monkeypatch.setattr(compression, "_FIRST_CANDIDATES", 11)
        monkeypatch.setattr(compression, "DIMENSIONS", 12)
        lazy, diligent = compress(vectors, target_recall=0), compress(vectors)
        assert lazy is not None
        assert diligent is not None
        assert lazy.effort.candidates == 11
        assert diligent.effort.candidates > 11
        queries = families(200, DIMENSION, seed=8)
        assert _recall(lazy, exact, queries) < 0.95
        assert _recall(diligent, exact, queries) >= 0.98

    def test_filters_get_an_effort_of_their_own(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Among few allowed rows the nearest are less near, and compressed rows tell them apart less well."""
        monkeypatch.setattr(compression, "DIMENSIONS", 40)
        monkeypatch.setattr(compression, "_FIRST_CANDIDATES", 32)
        monkeypatch.setattr("app.core.compressed_index.EXACT_ROWS", 0)
        vectors = vector_file(families(20_000, DIMENSION, seed=1))
        index = compress(vectors)
        assert index is not None
        assert index.effort.filtered_candidates >= index.effort.candidates > 32
        allowed = np.random.default_rng(5).random(len(vectors)) < 0.05
        queries = families(200, DIMENSION, seed=6)
        assert _recall(index, flat_index(vectors), queries, allowed) >= 0.98

    def test_nothing_is_compressed_that_no_effort_would_find(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Vectors without any structure have no principal components; they are compared, all of them."""
        monkeypatch.setattr(compression, "DIMENSIONS", 2)
        monkeypatch.setattr(compression, "_MOST_CANDIDATES", 128)
        assert compress(vector_file(random_embeddings(3000, 48, seed=1))) is None

    @pytest.mark.parametrize(("flat_s", "kind"), [(1.9, FlatIndex), (2.1, CompressedIndex)])
    def test_compression_has_to_be_worth_it(
        self, vectors: VectorFile, flat_s: float, kind: type[VectorIndex], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """An index that is hardly faster is not worth its approximation."""
        monkeypatch.setattr(compression, "FLAT_BYTES", 1000)
        monkeypatch.setattr(compression, "_flat_search_s", lambda _vectors: flat_s)
        monkeypatch.setattr(compression, "_search_s", lambda _index, _vectors: 1.0)
        assert type(choose_index(vectors)) is kind

    def test_few_rows_are_not_compressed(self, vectors: VectorFile) -> None:
        """They are compared in no time."""
        assert type(choose_index(vectors)) is FlatIndex


class TestFiles:
    """The codes and the exact vectors on the disk."""

    def test_a_saved_index_answers_the_same(self, index: CompressedIndex, tmp_path: Path) -> None:
        """With the same scores and rows, and the hash is that of the file; a row takes little more than its codes."""
        path = tmp_path / "index.faiss"
        assert index.save(path) == sha256_of_file(path)
        loaded = CompressedIndex.load(path, index.vectors, index.effort)
        queries = families(20, DIMENSION, seed=9)
        for ours, theirs in zip(index.search(queries, 10), loaded.search(queries, 10), strict=True):
            np.testing.assert_array_equal(ours, theirs)
        assert path.stat().st_size < ROWS * (DIMENSION + 8) + 400_000

    def test_other_vectors_are_refused(self, index: CompressedIndex, tmp_path: Path) -> None:
        """Codes and vectors of different rows would answer with anything."""
        index.save(tmp_path / "index.faiss")
        with pytest.raises(SnapshotCorrupt, match="other rows"):
            CompressedIndex.load(
                tmp_path / "index.faiss", vector_file(families(ROWS - 1, DIMENSION, seed=1)), index.effort
            )

    def test_a_flat_index_is_no_compressed_one(self, exact: FlatIndex, vectors: VectorFile, tmp_path: Path) -> None:
        """Nor is a compressed one flat."""
        exact.save(tmp_path / "index.faiss")
        with pytest.raises(SnapshotCorrupt, match="not a compressed index"):
            CompressedIndex.load(tmp_path / "index.faiss", vectors, Effort(1, 1, 1))
        compressed(families(50, 8, seed=1)).save(tmp_path / "compressed.faiss")
        with pytest.raises(SnapshotCorrupt, match="not an exact"):
            FlatIndex.load(tmp_path / "compressed.faiss")

    @pytest.mark.parametrize("damage", ["cut", "zeros"])
    def test_a_file_that_is_damaged_while_it_is_open_is_told(self, damage: str, tmp_path: Path) -> None:
        """A search fails then, and gives no wrong answer."""
        path = tmp_path / "vectors.npy"
        np.save(path, families(2000, 32, seed=1).astype(np.float16))
        found = compress(VectorFile(path), target_recall=0)
        assert found is not None
        if damage == "cut":
            os.truncate(path, 1000)
        else:
            with path.open("r+b") as file:
                file.seek(128)
                file.write(bytes(2000 * 64))
        with pytest.raises(SnapshotCorrupt, match="index again"):
            found.search(families(1, 32, seed=2), 10)

    def test_files_are_closed_with_the_last_index(self) -> None:
        """A service exchanges snapshots for years."""
        before = _open_files()
        found = [compressed(families(60, 8, seed=seed)) for seed in range(10)]
        assert _open_files() >= before + 10
        found.clear()
        gc.collect()
        assert _open_files() <= before


def _open_files() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


class TestVectorFile:
    """Rows of a file."""

    def test_rows_are_those_of_the_array(self, tmp_path: Path) -> None:
        """By number, one after the other, in any order, several times, none at all."""
        array = families(5000, 24, seed=1).astype(np.float16)
        np.save(tmp_path / "vectors.npy", array)
        file = VectorFile(tmp_path / "vectors.npy")
        (tmp_path / "vectors.npy").unlink()
        assert (len(file), file.shape) == (5000, (5000, 24))
        for rows in (slice(None), slice(10, 20), slice(4990, 6000), slice(20, 10)):
            np.testing.assert_array_equal(file[rows], array[rows])
        for numbers in ([3, 4, 5, 4999, 0, 1, 1, 0], [7], [], list(range(100, 3000))):
            rows_wanted = np.array(numbers, np.int64)
            np.testing.assert_array_equal(file[rows_wanted], array[rows_wanted])
        np.testing.assert_array_equal(file.block(4096), array[4096:])

    @pytest.mark.parametrize("rows", [[-1], [5000], [0, 5000]])
    def test_rows_outside_are_an_error(self, vectors: VectorFile, rows: list[int]) -> None:
        """Negative rows do not count from the end."""
        with pytest.raises(IndexError):
            vectors[np.array(rows) + (ROWS - 5000 if rows[-1] > 0 else 0)]

    @pytest.mark.parametrize(
        "array", [np.zeros(5, np.float16), np.zeros((5, 4), np.float32), np.zeros((4, 5), np.float16).T]
    )
    def test_another_array_is_refused(self, array: Float32Array, tmp_path: Path) -> None:
        """Whatever has other rows would be read as if it had these."""
        np.save(tmp_path / "vectors.npy", array)
        with pytest.raises(ValueError, match="no table"):
            VectorFile(tmp_path / "vectors.npy")
