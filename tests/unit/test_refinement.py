"""Rocchio's feedback and maximal marginal relevance, by what must hold whatever the embeddings are."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.core.arrays import Float32Array, Float64Array
from app.core.errors import InvalidParameter
from app.search.refinement import MAX_NAMED, Refinement, check_refinement, diversified, moved, parse_named
from tests.support.snapshots import random_embeddings

D = 16

seeds = st.integers(0, 10_000)
weights = st.floats(0, 1, allow_nan=False)


def _wide(rows: Float32Array) -> Float64Array:
    return np.asarray(rows.mean(axis=0, dtype=np.float64))


class TestMoved:
    """Towards what is liked, away from what is not."""

    @given(seed=seeds, m=st.integers(1, 4))
    def test_weights_of_zero_change_nothing(self, seed: int, m: int) -> None:
        """Not a bit of it: the very array comes back."""
        rows = random_embeddings(m + 2, D, seed)
        asked = rows[:m]
        assert moved(asked, _wide(rows[m : m + 1]), _wide(rows[m + 1 :]), 0, 0) is asked
        assert moved(asked, None, None, 1, 1) is asked

    @given(seed=seeds, m=st.integers(1, 4), more=weights, less=weights)
    def test_what_comes_out_has_length_1(self, seed: int, m: int, more: float, less: float) -> None:
        """As every embedding that is searched with."""
        rows = random_embeddings(m + 4, D, seed)
        found = moved(rows[:m], _wide(rows[m : m + 2]), _wide(rows[m + 2 :]), more, less)
        assert found.shape == (m, D)
        assert found.dtype == np.float32
        assert np.linalg.norm(found, axis=1) == pytest.approx(1, abs=1e-5)

    @given(seed=seeds, m=st.integers(1, 4), named=st.integers(1, 5), less=weights)
    def test_the_score_of_what_is_liked_less_falls(self, seed: int, m: int, named: int, less: float) -> None:
        """For the mean of those named, and so for a single one; the more, the greater the weight is."""
        rows = random_embeddings(m + named, D, seed)
        asked, mean = rows[:m], _wide(rows[m:])
        before = (asked @ mean).max()
        once = (moved(asked, None, mean, 0, less / 2) @ mean).max()
        twice = (moved(asked, None, mean, 0, less) @ mean).max()
        assert twice <= once + 1e-6 <= before + 2e-6

    @given(seed=seeds, m=st.integers(1, 4), named=st.integers(1, 5), more=weights)
    def test_the_score_of_what_is_liked_more_rises(self, seed: int, m: int, named: int, more: float) -> None:
        """Of the mean of those named."""
        rows = random_embeddings(m + named, D, seed)
        asked, mean = rows[:m], _wide(rows[m:])
        assert (moved(asked, mean, None, more, 0) @ mean).max() >= (asked @ mean).max() - 1e-6

    def test_the_formula_is_rocchio_s(self) -> None:
        """The query, and a share of each mean, added up and made as long as before."""
        rows = random_embeddings(3, D, 1)
        expected = rows[0].astype(np.float64) + 0.75 * rows[1] - 0.25 * rows[2]
        found = moved(rows[:1], rows[1].astype(np.float64), rows[2].astype(np.float64), 0.75, 0.25)
        assert found[0] == pytest.approx(expected / np.linalg.norm(expected), abs=1e-6)

    def test_taking_all_away_is_refused(self) -> None:
        """A query from which it is taken itself points nowhere."""
        rows = random_embeddings(1, D, 1)
        with pytest.raises(InvalidParameter, match="less_weight"):
            moved(rows, None, rows[0].astype(np.float64), 0, 1)


class TestDiversified:
    """One after the other, each by what it adds."""

    @given(seed=seeds, n=st.integers(0, 30), k=st.integers(1, 40))
    def test_a_diversity_of_0_is_the_plain_order(self, seed: int, n: int, k: int) -> None:
        """The first k, whatever they look like."""
        rows = random_embeddings(max(n, 1), D, seed)[:n]
        scores = sorted((rows @ random_embeddings(1, D, seed + 1)[0]).tolist(), reverse=True)
        assert diversified(scores, rows, 0.0, k) == list(range(min(k, n)))

    @settings(max_examples=60)
    @given(seed=seeds, n=st.integers(1, 30), k=st.integers(1, 40), diversity=st.floats(0, 1))
    def test_as_many_as_there_are_come_back_each_once(self, seed: int, n: int, k: int, diversity: float) -> None:
        """And the first stays first."""
        rows, scores = _ranked(seed, n)
        found = diversified(scores, rows, diversity, k)
        assert len(found) == len(set(found)) == min(k, n)
        assert found[0] == 0

    @settings(max_examples=60)
    @given(seed=seeds, n=st.integers(1, 20), k=st.integers(1, 20), diversity=st.floats(0.01, 1))
    def test_it_is_the_definition(self, seed: int, n: int, k: int, diversity: float) -> None:
        """Of what is left, the greatest share of the score less its likeness to the most alike of those chosen."""
        rows, scores = _ranked(seed, n)
        likeness = rows @ rows.T
        found = diversified(scores, rows, diversity, k)
        for place in range(1, len(found)):
            before, left = found[:place], [i for i in range(n) if i not in found[:place]]
            gains = {i: (1 - diversity) * scores[i] - diversity * likeness[i, before].max() for i in left}
            assert gains[found[place]] == pytest.approx(max(gains.values()), abs=1e-6)

    def test_copies_give_way_to_something_else(self) -> None:
        """Of ten equal candidates and one other, two hits show both kinds."""
        one, other = np.eye(D, dtype=np.float32)[:2]
        rows = np.stack([one] * 10 + [other])
        assert diversified([0.9] * 10 + [0.5], rows, 0.5, 2) == [0, 10]


class TestParsed:
    """What names products."""

    @pytest.mark.parametrize(
        ("text", "says"),
        [("", "separated"), ("a,,b", "separated"), ("a,a", "twice"), (",".join(map(str, range(11))), "limit is 10")],
    )
    def test_what_is_no_list_of_ids_is_refused_by_name(self, text: str, says: str) -> None:
        """Empty, with a hole, with one twice, or too long."""
        with pytest.raises(InvalidParameter, match=f"more_like.*{says}"):
            parse_named("more_like", text)

    def test_a_list_keeps_its_order(self) -> None:
        """Up to ten."""
        ids = [f"shoes-{i}" for i in range(MAX_NAMED)]
        assert parse_named("less_like", ",".join(ids)) == tuple(ids)

    def test_nothing_is_liked_more_and_less(self) -> None:
        """That contradicts itself."""
        with pytest.raises(InvalidParameter, match="less_like"):
            check_refinement(Refinement(("a", "b"), ("c", "b")))


def _ranked(seed: int, n: int) -> tuple[Float32Array, list[float]]:
    """Return candidates and their scores, best first."""
    rows = random_embeddings(n, D, seed)
    scores = rows @ random_embeddings(1, D, seed + 20_000)[0]
    order = np.argsort(-scores)
    return rows[order], scores[order].tolist()
