"""Which of the shop's categories a photo belongs to, told by its neighbours alone."""

from collections.abc import Sequence

from app.core.neighbour_vote import NEIGHBOURS, neighbour_vote
from app.search.queries import ClassProbability

__all__ = ["NEIGHBOURS", "category_probabilities"]


def category_probabilities(neighbours: Sequence[tuple[str | None, float]]) -> list[ClassProbability]:
    """
    Return the categories of the nearest products, most probable first; their probabilities sum to 1.

    Each neighbour is (category, score), nearest first. Without one that has a category there is none.
    """
    ranked = sorted(neighbour_vote(neighbours).items(), key=lambda item: (-item[1], item[0]))
    return [ClassProbability(label, share) for label, share in ranked]
