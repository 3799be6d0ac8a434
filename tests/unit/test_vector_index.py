"""What an index of each kind promises beyond FAISS: checked vectors, no padding, the same answer every time."""

import gc
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.core.arrays import BoolArray, FloatArray
from app.core.errors import EmbeddingNotFinite, EmbeddingZero, SnapshotCorrupt
from app.core.files import sha256_of_file
from app.core.flat_index import FlatIndex, _search_parameters
from app.core.vector_index import VectorIndex, unit_rows
from tests.support.indexes import compressed
from tests.support.snapshots import random_embeddings

seeds = st.integers(0, 2**32 - 1)
sizes = st.integers(1, 60)
dimensions = st.integers(2, 48)


Build = Callable[[FloatArray], VectorIndex]
each_kind = pytest.mark.parametrize("build", [FlatIndex.build, compressed], ids=["flat", "compressed"])


class TestSearch:
    """Rows and scores that come back."""

    @each_kind
    @settings(deadline=None, max_examples=40)
    @given(seed=seeds, n=sizes, d=st.integers(8, 48))  # in 2 dimensions, different vectors can score 1.0 too
    def test_every_embedding_finds_itself_first(self, build: Build, seed: int, n: int, d: int) -> None:
        """A vector of the index is its own nearest neighbour, with score 1."""
        index = build(random_embeddings(n, d, seed))
        scores, rows = index.search(index.block(0), 1)
        np.testing.assert_array_equal(rows[:, 0], np.arange(n))
        np.testing.assert_allclose(scores[:, 0], 1, atol=1e-6)
        assert scores.max() <= 1

    @each_kind
    @settings(deadline=None, max_examples=40)
    @given(seed=seeds, n=sizes, d=dimensions, k=st.integers(1, 200))
    def test_answers_equal_a_full_comparison_and_are_never_padded(
        self, build: Build, seed: int, n: int, d: int, k: int
    ) -> None:
        """Also for k > n there are min(k, n) rows, those of the k largest cosines, best first."""
        index = build(random_embeddings(n, d, seed))
        embeddings, queries = index.block(0), random_embeddings(3, d, seed + 1)
        scores, rows = index.search(queries, k)
        exact = queries.astype(np.float64) @ embeddings.astype(np.float64).T
        assert rows.shape == scores.shape == (3, min(k, n))
        assert rows.min() >= 0
        np.testing.assert_allclose(scores, -np.sort(-exact, axis=1)[:, :k], atol=1e-6)
        np.testing.assert_allclose(scores, np.take_along_axis(exact, rows, axis=1), atol=1e-6)

    @each_kind
    @settings(deadline=None, max_examples=40)
    @given(seed=seeds, copies=st.integers(2, 40), k=st.integers(1, 20), others=st.integers(0, 20))
    def test_equal_scores_come_in_the_order_of_rows(
        self, build: Build, seed: int, copies: int, k: int, others: int
    ) -> None:
        """Of identical vectors, wherever they are, those with the smallest rows are returned, in order."""
        random = np.random.default_rng(seed)
        embeddings = random_embeddings(copies + others, 7, seed)
        places = np.sort(random.permutation(copies + others)[:copies])
        embeddings[places] = embeddings[places[0]]
        _, rows = build(embeddings).search(embeddings[places[:1]], k)
        shown = min(k, copies)
        np.testing.assert_array_equal(rows[0, :shown], places[:shown])

    @each_kind
    def test_an_answer_does_not_depend_on_the_queries_beside_it(self, build: Build) -> None:
        """FAISS adds up differently from 20 queries on; the caller does not see it."""
        embeddings = random_embeddings(500, 129, seed=1)
        index = build(embeddings)
        alone = index.search(embeddings[:1], 10)
        together = index.search(embeddings[:40], 10)
        np.testing.assert_array_equal(alone[0][0], together[0][0])
        np.testing.assert_array_equal(alone[1][0], together[1][0])

    def test_an_empty_index_answers_with_nothing(self) -> None:
        """No row at all is an answer, -1 is not."""
        scores, rows = FlatIndex.build(np.empty((0, 8), np.float32)).search(random_embeddings(2, 8, seed=1), 5)
        assert scores.shape == rows.shape == (2, 0)

    @each_kind
    def test_no_query_is_answered_with_nothing(self, build: Build) -> None:
        """A batch that became empty needs no special case."""
        scores, rows = build(random_embeddings(5, 8, seed=1)).search(np.empty((0, 8), np.float32), 3)
        assert scores.shape == rows.shape == (0, 3)

    @each_kind
    @pytest.mark.parametrize("k", [0, -1])
    def test_k_is_at_least_one(self, build: Build, k: int) -> None:
        """A k that nobody can mean is a programmer's mistake."""
        with pytest.raises(ValueError, match="k is"):
            build(random_embeddings(5, 8, seed=1)).search(random_embeddings(1, 8, seed=1), k)


class TestAllowedRows:
    """A search among some of the rows."""

    @each_kind
    @settings(deadline=None, max_examples=80)
    @given(
        seed=seeds,
        n=sizes,
        d=st.integers(1, 48),
        k=st.integers(1, 70),
        share=st.sampled_from([0.0, 0.02, 0.3, 0.9, 1.0]),
        different=st.integers(1, 60),
    )
    def test_answers_equal_a_full_comparison_of_the_allowed_rows(
        self, build: Build, seed: int, n: int, d: int, k: int, share: float, different: int
    ) -> None:
        """Also with many equal embeddings, and with none allowed: the best of them, equal ones in order, no others."""
        drawn = np.random.default_rng(seed)
        index = build(random_embeddings(different, d, seed)[drawn.integers(different, size=n)])
        embeddings, queries = index.block(0), random_embeddings(3, d, seed + 1)
        allowed = _some(n, share, seed)
        scores, rows = index.search(queries, k, allowed)
        exact = queries.astype(np.float64) @ embeddings.astype(np.float64).T
        exact[:, ~allowed] = -np.inf
        shown = min(k, int(allowed.sum()))
        assert rows.shape == scores.shape == (3, shown)
        np.testing.assert_allclose(scores, -np.sort(-exact, axis=1)[:, :shown], atol=1e-6)
        np.testing.assert_allclose(scores, np.take_along_axis(exact, rows, axis=1), atol=1e-6)
        # Copies score exactly the same: of each, the first allowed ones are there, in order.
        for query_rows, query_scores in zip(rows, scores, strict=True):
            for score in np.unique(query_scores):
                same = query_rows[query_scores == score]
                equal = np.flatnonzero(allowed & (embeddings == embeddings[same[0]]).all(axis=1))
                assert list(same) == sorted(same)
                assert not set(equal[: np.searchsorted(equal, same.max())]) - set(same)

    @each_kind
    @settings(deadline=None, max_examples=40)
    @given(seed=seeds, n=sizes, d=dimensions, share=st.floats(0, 1))
    def test_what_else_is_allowed_does_not_change_a_score(
        self, build: Build, seed: int, n: int, d: int, share: float
    ) -> None:
        """A hit has the same score, to the last bit, with and without a filter."""
        index = build(random_embeddings(n, d, seed))
        query = random_embeddings(1, d, seed + 1)
        allowed = _some(n, share, seed)
        scores, rows = index.search(query, n)
        some_scores, some_rows = index.search(query, n, allowed)
        np.testing.assert_array_equal(some_rows[0], rows[0][allowed[rows[0]]])
        np.testing.assert_array_equal(some_scores[0], scores[0][allowed[rows[0]]])

    @each_kind
    @pytest.mark.parametrize("queries", [1, 3, 40])
    def test_allowing_every_row_is_no_filter(self, build: Build, queries: int) -> None:
        """Whichever way FAISS compares them."""
        embeddings = random_embeddings(5000, 33, seed=1)
        index = build(embeddings)
        free = index.search(embeddings[:queries], 20)
        filtered = index.search(embeddings[:queries], 20, np.ones(5000, np.bool_))
        np.testing.assert_array_equal(free[0], filtered[0])
        np.testing.assert_array_equal(free[1], filtered[1])

    def test_the_rows_stay_in_memory_while_faiss_looks_at_them(self) -> None:
        """FAISS holds nothing but their address."""
        allowed = _some(4001, 0.5, seed=1)
        parameters: Any = _search_parameters(allowed, 1)
        gc.collect()
        others = [np.zeros(501, np.uint8) for _ in range(1000)]
        assert [parameters.sel.is_member(row) for row in range(4001)] == allowed.tolist()
        assert len(others) == 1000

    @each_kind
    @pytest.mark.parametrize("allowed", [np.ones(4, np.bool_), np.ones((5, 1), np.bool_), np.arange(5)])
    def test_something_that_allows_no_rows_is_a_mistake(self, build: Build, allowed: BoolArray) -> None:
        """One truth for each row; row numbers are something else."""
        with pytest.raises(ValueError, match="allowed is"):
            build(random_embeddings(5, 8, seed=1)).search(random_embeddings(1, 8, seed=1), 1, allowed)


def _some(n: int, share: float, seed: int) -> BoolArray:
    allowed: BoolArray = np.random.default_rng(seed + 2).random(n) < share
    return allowed


class TestBadVectors:
    """Vectors that FAISS would answer with plausible rows."""

    @each_kind
    @pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
    def test_a_query_that_is_not_finite_is_refused(self, build: Build, value: float) -> None:
        """NaN and infinity are named as such."""
        query = random_embeddings(1, 8, seed=1)
        query[0, 3] = value
        with pytest.raises(EmbeddingNotFinite, match="Embedding 0"):
            build(random_embeddings(5, 8, seed=1)).search(query, 1)

    @each_kind
    def test_a_zero_query_is_refused(self, build: Build) -> None:
        """FAISS gives arbitrary rows with score 0 for it."""
        with pytest.raises(EmbeddingZero):
            build(random_embeddings(5, 8, seed=1)).search(np.zeros((1, 8), np.float32), 1)

    @each_kind
    def test_a_query_of_another_length_is_refused(self, build: Build) -> None:
        """A score above 1 is no cosine."""
        with pytest.raises(ValueError, match=r"norm 2\.0"):
            build(random_embeddings(5, 8, seed=1)).search(2 * random_embeddings(1, 8, seed=1), 1)

    @each_kind
    @pytest.mark.parametrize("shape", [(1, 7), (1, 9), (8,), (1, 1, 8)])
    def test_a_query_of_another_dimension_is_refused(self, build: Build, shape: tuple[int, ...]) -> None:
        """FAISS has a bare assertion here, which vanishes under python -O."""
        with pytest.raises(ValueError, match="expected"):
            build(random_embeddings(5, 8, seed=1)).search(np.ones(shape, np.float32), 1)

    @pytest.mark.parametrize("row", [0, 2500])
    def test_a_bad_row_is_named_when_building(self, row: int) -> None:
        """The number is that of the row, also beyond the first block."""
        embeddings = random_embeddings(2501, 4, seed=1)
        embeddings[row] = np.nan
        with pytest.raises(EmbeddingNotFinite, match=f"Embedding {row} "):
            FlatIndex.build(embeddings)

    @pytest.mark.parametrize("shape", [(8,), (3, 0), (2, 2, 2)])
    def test_something_that_is_no_table_is_refused(self, shape: tuple[int, ...]) -> None:
        """An index needs rows and columns."""
        with pytest.raises(ValueError, match="expected"):
            FlatIndex.build(np.ones(shape, np.float32))


class TestRows:
    """Embeddings that are given back."""

    @each_kind
    def test_float16_rows_become_unit_norm_again(self, build: Build) -> None:
        """Rounding changes lengths a little; scores must not know."""
        rounded = random_embeddings(50, 300, seed=1).astype(np.float16)
        np.testing.assert_allclose(np.linalg.norm(unit_rows(rounded, 300), axis=1), 1, atol=1e-6)
        scores, _ = build(rounded).search(unit_rows(rounded, 300), 1)
        np.testing.assert_allclose(scores, 1, atol=1e-6)

    @each_kind
    def test_an_embedding_is_returned_by_row(self, build: Build) -> None:
        """It is a copy: changing it does not change the index."""
        embeddings = random_embeddings(5, 8, seed=1)
        index = build(embeddings)
        index.embedding(3)[:] = 0
        np.testing.assert_allclose(index.embedding(3), embeddings[3], atol=1e-3)

    @each_kind
    @pytest.mark.parametrize("row", [-1, 5])
    def test_a_row_outside_is_an_error(self, build: Build, row: int) -> None:
        """Negative rows do not count from the end."""
        with pytest.raises(IndexError):
            build(random_embeddings(5, 8, seed=1)).embedding(row)


class TestFile:
    """The index on the disk."""

    @settings(deadline=None, max_examples=20)
    @given(seed=seeds, n=sizes, d=dimensions)
    def test_a_saved_index_answers_the_same(
        self, tmp_path_factory: pytest.TempPathFactory, seed: int, n: int, d: int
    ) -> None:
        """Every score and row is bit-equal after reading it back, and the hash is that of the file."""
        path = tmp_path_factory.mktemp("index") / "index.faiss"
        index = FlatIndex.build(random_embeddings(n, d, seed))
        assert index.save(path) == sha256_of_file(path)
        loaded = FlatIndex.load(path)
        assert (len(loaded), loaded.dimension) == (n, d)
        queries = random_embeddings(4, d, seed + 1)
        for ours, theirs in zip(index.search(queries, 10), loaded.search(queries, 10), strict=True):
            np.testing.assert_array_equal(ours, theirs)

    def test_a_file_that_is_no_index_is_refused(self, tmp_path: Path) -> None:
        """FAISS's own error does not come through."""
        path = tmp_path / "index.faiss"
        path.write_bytes(b"not an index at all")
        with pytest.raises(SnapshotCorrupt):
            FlatIndex.load(path)

    def test_another_kind_of_index_is_refused(self, tmp_path: Path) -> None:
        """Distances would be taken for scores."""
        faiss = pytest.importorskip("faiss")
        path = tmp_path / "index.faiss"
        faiss.write_index(faiss.IndexFlatL2(4), str(path))
        with pytest.raises(SnapshotCorrupt):
            FlatIndex.load(path)
