"""Which of the shop's categories a photo belongs to."""

from collections.abc import Sequence

from app.core.arrays import Float32Array
from app.core.category_head import CategoryHead
from app.core.neighbour_vote import NEIGHBOURS, neighbour_vote
from app.search.queries import ClassProbability

__all__ = ["NEIGHBOURS", "category_probabilities"]


def category_probabilities(
    head: CategoryHead | None, embeddings: Float32Array, neighbours: Sequence[tuple[str | None, float]]
) -> list[ClassProbability]:
    """
    Return the categories, most probable first; their probabilities sum to 1.

    Without a head the neighbours alone tell them; then there are none where no neighbour has one.

    Args:
        head: What `lookalike train` learned.
        embeddings: Of what was searched with, shape (m, d).
        neighbours: Category and score of the nearest products of all, nearest first.
    """
    if head is not None:
        return [ClassProbability(label, share) for label, share in head.combined(embeddings, neighbours)]
    ranked = sorted(neighbour_vote(neighbours).items(), key=lambda item: (-item[1], item[0]))
    return [ClassProbability(label, share) for label, share in ranked]
