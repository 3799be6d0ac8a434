"""Which pictures are learned from and which are tested with: by product, each category alike, with a seed."""

from collections.abc import Iterator
from typing import Final

import numpy as np

from app.core.arrays import BoolArray, Int64Array

HELD_OUT_SHARE: Final = 0.1
FOLDS: Final = 5

IntArray = Int64Array


def hold_out(labels: Int64Array, groups: Int64Array, *, seed: int, share: float = HELD_OUT_SHARE) -> BoolArray:
    """
    Return which rows are held out, shape (n,): of each category at least one group, and `share` of its pictures.

    The pictures of one group, of a product that is, are either all held out or none. A category with one group only is
    not held out.

    Args:
        labels: Category of each row, shape (n,).
        groups: Group of each row, shape (n,).
        seed: The same seed gives the same rows.
        share: Between 0 and 1.
    """
    held = np.zeros(len(labels), np.bool_)
    for members in shuffled_groups(labels, groups, np.random.default_rng([seed, 0])):
        wanted = share * sum(map(len, members))
        taken = 0
        for rows in members[:-1]:
            if taken >= wanted - 0.5 and taken:
                break
            held[rows] = True
            taken += len(rows)
    return held


def folds(labels: Int64Array, groups: Int64Array, *, seed: int, count: int = FOLDS) -> Int64Array:
    """
    Return the fold of each row, from 0 to `count` - 1, shape (n,), each category spread evenly over them.

    The pictures of one group are in one fold.
    """
    fold_of = np.zeros(len(labels), np.int64)
    for number, members in enumerate(shuffled_groups(labels, groups, np.random.default_rng([seed, 1]))):
        sizes = np.zeros(count, np.int64)
        # Rolled, so that small categories do not all fill the first folds.
        order = np.roll(np.arange(count), number)
        for rows in members:
            fold = int(order[np.argmin(sizes[order])])
            fold_of[rows] = fold
            sizes[fold] += len(rows)
    return fold_of


def shuffled_groups(
    labels: Int64Array, groups: Int64Array, generator: np.random.Generator
) -> Iterator[list[Int64Array]]:
    """Yield for each category the rows of each of its groups, the groups in a random order."""
    by_group: dict[int, list[int]] = {}
    for row, group in enumerate(groups.tolist()):
        by_group.setdefault(group, []).append(row)
    by_category: dict[int, list[Int64Array]] = {}
    for rows in by_group.values():
        by_category.setdefault(int(labels[rows[0]]), []).append(np.array(rows, np.int64))
    for category in sorted(by_category):
        members = by_category[category]
        yield [members[i] for i in generator.permutation(len(members))]
