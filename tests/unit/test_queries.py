"""Searches that can be asked again, and the categories that neighbours tell."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.core.errors import NotFound
from app.search.categories import category_probabilities
from app.search.queries import Query, QueryStore

NOTHING = np.zeros((1, 4), np.float32)


class Clock:
    """A clock that a test turns."""

    now_s = 0.0

    def __call__(self) -> float:
        """Return the time."""
        return self.now_s


def _query() -> Query:
    return Query(np.full((1, 4), 0.5, np.float32))


def test_a_query_is_found_by_its_id() -> None:
    """The id tells nothing and cannot be guessed: 128 random bits."""
    store = QueryStore()
    first, second = _query(), _query()
    ids = [store.add(first), store.add(second)]
    assert [store.get(each) for each in ids] == [first, second]
    assert ids[0] != ids[1]
    assert all(len(each) == 22 for each in ids)


def test_a_query_is_forgotten_when_it_was_not_used_for_its_lifetime() -> None:
    """Asking again prolongs it."""
    clock = Clock()
    store = QueryStore(lifetime_s=60, clock=clock)
    query_id = store.add(_query())
    clock.now_s = 59
    store.get(query_id)
    clock.now_s = 118
    store.get(query_id)
    clock.now_s = 178
    with pytest.raises(NotFound, match="send the photo again"):
        store.get(query_id)
    assert len(store) == 0


def test_the_query_used_longest_ago_makes_room_for_a_new_one() -> None:
    """Memory is bounded."""
    store = QueryStore(max_bytes=2 * _query().embeddings.nbytes)
    old, used = store.add(_query()), store.add(_query())
    store.get(old)
    store.add(_query())
    store.get(old)
    with pytest.raises(NotFound):
        store.get(used)


def test_a_product_of_many_images_counts_with_all_of_them() -> None:
    """It makes room for itself at the expense of as many others."""
    store = QueryStore(max_bytes=4 * _query().embeddings.nbytes)
    photos = [store.add(_query()) for _ in range(4)]
    product = store.add(Query(np.full((3, 4), 0.5, np.float32)))
    store.get(photos[-1])
    store.get(product)
    assert len(store) == 2


@given(st.lists(st.tuples(st.none() | st.sampled_from("abcd"), st.floats(-1, 1)), max_size=40))
def test_category_probabilities_sum_to_one(neighbours: list[tuple[str | None, float]]) -> None:
    """They are ranked, and there are none without a neighbour that has a category."""
    found = category_probabilities(None, NOTHING, neighbours)
    probabilities = [category.probability for category in found]
    assert bool(found) == any(label is not None for label, _ in neighbours[:20])
    assert sum(probabilities) == pytest.approx(1 if found else 0)
    assert probabilities == sorted(probabilities, reverse=True)


def test_a_near_neighbour_outweighs_several_far_ones() -> None:
    """One at 0.95 tells more than five at 0.6."""
    found = category_probabilities(None, NOTHING, [("mugs", 0.95), *[("bags", 0.6)] * 5])
    assert [category.label for category in found] == ["mugs", "bags"]
    assert found[0].probability > 0.95


def test_only_the_twenty_nearest_products_vote() -> None:
    """However many are shown."""
    found = category_probabilities(None, NOTHING, [("mugs", 0.5)] * 20 + [("bags", 0.5)] * 80)
    assert [category.label for category in found] == ["mugs"]
