"""
More of this and less of that, and not ten times the same: Rocchio's feedback and maximal marginal relevance.

Rocchio moves what is searched with towards the products that were liked and away from those that were not. Maximal
marginal relevance chooses the hits one after the other, each for its own score and against its likeness to those
chosen before.

Source: Rocchio, "Relevance feedback in information retrieval" (The SMART Retrieval System, 1971); Carbonell &
Goldstein, "The use of MMR, diversity-based reranking" (SIGIR 1998).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from app.core.arrays import Float32Array, Float64Array
from app.core.errors import InvalidParameter, NotFound
from app.db.checks import is_product_id
from app.search.live_view import LiveView

MAX_NAMED: Final = 10
MORE_WEIGHT: Final = 0.75
LESS_WEIGHT: Final = 0.25
CANDIDATES_PER_HIT: Final = 10
"""Of so many times the hits, the nearest, diversity chooses."""
_NOTHING_LEFT: Final = 1e-3


@dataclass(frozen=True, slots=True)
class Refinement:
    """
    How a search departs from the plain one.

    Attributes:
        more_like: Ids of products to move towards.
        less_like: Ids of products to move away from; they are no hits.
        more_weight: How far, against what is searched with, which counts as 1.
        less_weight: The same for the others.
        diversity: How much a hit's likeness to those before it counts against its score; 0: not at all.
    """

    more_like: tuple[str, ...] = ()
    less_like: tuple[str, ...] = ()
    more_weight: float = MORE_WEIGHT
    less_weight: float = LESS_WEIGHT
    diversity: float = 0.0


def parse_named(name: str, text: str) -> tuple[str, ...]:
    """
    Return the ids in a list such as "shoes-0042,shoes-0043"; `name` is what messages call it.

    Raises:
        InvalidParameter: It is empty, too long, or names one twice.
    """
    ids = tuple(text.split(","))
    if len(ids) > MAX_NAMED:
        raise InvalidParameter(f"{name}: it names {len(ids)} products; the limit is {MAX_NAMED}.")
    if not all(ids):
        raise InvalidParameter(f"{name}: it must be ids of products, separated by commas.")
    if len(set(ids)) < len(ids):
        raise InvalidParameter(f"{name}: it names the same product twice.")
    return ids


def check_refinement(refinement: Refinement) -> None:
    """
    Refuse to search for more and for less of the same.

    Raises:
        InvalidParameter: A product is in both lists.
    """
    if set(refinement.more_like) & set(refinement.less_like):
        raise InvalidParameter("less_like: it names a product that more_like names too.")


def refined_embeddings(view: LiveView, embeddings: Float32Array, refinement: Refinement | None) -> Float32Array:
    """
    Return what to search with, shape (m, d), unit-norm; the very embeddings where nothing moves them.

    Raises:
        NotFound: A product that is named is not in the index.
        InvalidParameter: Nothing is left of what is searched with.
    """
    if refinement is None:
        return embeddings
    more = _mean_of(view, "more_like", refinement.more_like)
    less = _mean_of(view, "less_like", refinement.less_like)
    return moved(embeddings, more, less, refinement.more_weight, refinement.less_weight)


def moved(
    embeddings: Float32Array,
    more: Float64Array | None,
    less: Float64Array | None,
    more_weight: float,
    less_weight: float,
) -> Float32Array:
    """
    Return embeddings (m, d) moved towards `more` and away from `less`, both of shape (d,), and of length 1 again.

    Raises:
        InvalidParameter: Nothing is left of one of them, so that it points nowhere.
    """
    steps = [
        sign * weight * place
        for sign, weight, place in ((1, more_weight, more), (-1, less_weight, less))
        if place is not None and weight > 0
    ]
    if not steps:
        return embeddings
    wide = embeddings.astype(np.float64) + np.sum(steps, axis=0)
    lengths = np.linalg.norm(wide, axis=1, keepdims=True)
    if lengths.min() < _NOTHING_LEFT:
        raise InvalidParameter("less_like: it takes away all that is searched with; give it a smaller less_weight.")
    return np.asarray(wide / lengths, np.float32)


def _mean_of(view: LiveView, name: str, product_ids: Sequence[str]) -> Float64Array | None:
    """Return the mean over products of the mean over each one's images, shape (d,); None without products."""
    means = []
    for position, product_id in enumerate(product_ids, start=1):
        found = view.find(product_id) if is_product_id(product_id) else None
        if found is None:
            which = f" (the {position}. of its {len(product_ids)})" if len(product_ids) > 1 else ""
            raise NotFound(f"{name}: the index has no product of this id{which}.")
        segment, number = found
        means.append(segment.embeddings_of(number).mean(axis=0, dtype=np.float64))
    return np.mean(means, axis=0) if means else None


def diversified(scores: Sequence[float], embeddings: Float32Array, diversity: float, k: int) -> list[int]:
    """
    Return which `k` candidates to show, in their order: the first one always first, each next one by what it adds.

    A diversity of 0 returns the first k as they are.

    Args:
        scores: Of the candidates, best first, but that the first may be before better ones.
        embeddings: Of the candidates, shape (n, d), unit-norm.
        diversity: From 0 to 1.
        k: How many; fewer only where there are fewer candidates.
    """
    if diversity == 0 or not scores:
        return list(range(min(k, len(scores))))
    relevance = (1 - diversity) * np.asarray(scores, np.float64)
    likeness = np.full(len(scores), -np.inf)  # to the most alike of those chosen
    chosen = [0]
    while len(chosen) < min(k, len(scores)):
        likeness = np.maximum(likeness, embeddings @ embeddings[chosen[-1]])
        gain = relevance - diversity * likeness
        gain[chosen] = -np.inf
        chosen.append(int(np.argmax(gain)))  # of equal ones the first, which has the better score
    return chosen
