"""How good probabilities of categories are, measured on pictures whose category is known."""

import math
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from app.core.arrays import BoolArray, Int64Array

BINS: Final = 10

Probabilities = npt.NDArray[np.floating]


@dataclass(frozen=True, slots=True)
class Share:
    """So many of so many, with the interval that holds the true share with 95 % certainty."""

    right: int
    of: int

    @property
    def value(self) -> float:
        """The share; 0 of nothing is 0."""
        return self.right / self.of if self.of else 0.0

    @property
    def interval(self) -> tuple[float, float]:
        """Lowest and highest. Source: Wilson 1927, with z = 1.96."""
        if not self.of:
            return 0.0, 1.0
        z = 1.96
        middle = (self.value + z * z / (2 * self.of)) / (1 + z * z / self.of)
        spread = z * math.sqrt(self.value * (1 - self.value) / self.of + (z / (2 * self.of)) ** 2)
        half = spread / (1 + z * z / self.of)
        return max(0.0, middle - half), min(1.0, middle + half)


@dataclass(frozen=True, slots=True)
class CategoryFigures:
    """
    One category.

    Attributes:
        name: Of the category.
        recall: Of its pictures, those that were given this category.
        precision: Of the pictures that were given this category, those that are of it.
    """

    name: str
    recall: Share
    precision: Share


@dataclass(frozen=True, slots=True)
class Bin:
    """The pictures whose first category had a probability between `low` and `high`."""

    low: float
    high: float
    said: float
    """The mean of these probabilities."""
    right: Share
    """How often that category was right."""


@dataclass(frozen=True, slots=True, eq=False)
class Figures:
    """
    How good the answers are.

    Attributes:
        accuracy: Pictures whose first category is right.
        calibration_error: How far the probability of the first category is from how often it is right, on average
            over the pictures, in BINS bins of equal width.
        categories: Each category, in their order.
        bins: Those bins that have a picture, from the lowest.
        confusion: Pictures by their own category (row) and the one they were given (column), shape (c, c).
    """

    accuracy: Share
    calibration_error: float
    categories: tuple[CategoryFigures, ...]
    bins: tuple[Bin, ...]
    confusion: Int64Array

    def confused(self) -> list[tuple[str, str, int]]:
        """Return (own category, given category, pictures), most first, of what was confused."""
        names = [category.name for category in self.categories]
        pairs = [
            (names[row], names[column], int(self.confusion[row, column]))
            for row, column in np.argwhere(self.confusion).tolist()
            if row != column
        ]
        return sorted(pairs, key=lambda pair: -pair[2])


def measure(labels: Int64Array, probabilities: Probabilities, categories: tuple[str, ...]) -> Figures:
    """
    Return the figures of probabilities, shape (n, c), for pictures whose categories are `labels`, shape (n,).

    Source of the expected calibration error: Guo and others 2017, arXiv:1706.04599, section 2.
    """
    given = probabilities.argmax(axis=1)
    confusion = np.zeros((len(categories), len(categories)), np.int64)
    np.add.at(confusion, (labels, given), 1)
    bins = _bins(probabilities.max(axis=1), given == labels)
    error = sum(each.right.of * abs(each.said - each.right.value) for each in bins) / max(len(labels), 1)
    return Figures(
        accuracy=Share(int(confusion.trace()), len(labels)),
        calibration_error=float(error),
        categories=tuple(
            CategoryFigures(
                name,
                recall=Share(int(confusion[i, i]), int(confusion[i].sum())),
                precision=Share(int(confusion[i, i]), int(confusion[:, i].sum())),
            )
            for i, name in enumerate(categories)
        ),
        bins=bins,
        confusion=confusion,
    )


def _bins(said: Probabilities, is_right: BoolArray) -> tuple[Bin, ...]:
    numbers = np.minimum((said * BINS).astype(np.int64), BINS - 1)
    return tuple(
        Bin(
            low=number / BINS,
            high=(number + 1) / BINS,
            said=float(said[numbers == number].mean()),
            right=Share(int(is_right[numbers == number].sum()), int((numbers == number).sum())),
        )
        for number in np.unique(numbers).tolist()
    )
