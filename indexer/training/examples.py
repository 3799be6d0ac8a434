"""What is learned from: pictures whose category is known, of the live index or of a folder."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Final, Self

import numpy as np

from app.core.arrays import Int64Array
from app.core.errors import TooFewExamples
from app.core.products import ProductRecord
from indexer.training.split import shuffled_groups

MIN_PRODUCTS: Final = 5
"""Fewer products of a category cannot be divided into some to learn from and some to test on."""
MAX_PICTURES: Final = 50_000
"""Of more, so many are drawn by lot: they would take gigabytes and minutes, and teach little that is new."""


@dataclass(frozen=True, slots=True)
class LabelledPicture:
    """One picture of a product, and the category that the shop gave the product, if any."""

    product_id: str
    title: str
    category: str | None
    sha256: str
    path: Path


@dataclass(frozen=True, slots=True, eq=False)
class Examples:
    """
    Pictures to learn categories from, n of them, c categories.

    Attributes:
        pictures: One a row.
        rows: Which of the pictures that were given these are, shape (n,), ascending.
        categories: Their names, sorted.
        labels: Category of each row, shape (n,).
        groups: Product of each row, shape (n,). Products that share a picture are one group: what is tested with must
            not have been learned from.
        left_out: Categories with fewer than MIN_PRODUCTS products, and how many they have.
        without_category: Pictures whose product has no category.
        drawn_from: How many pictures there were, where some of them were drawn by lot; otherwise 0.
    """

    pictures: tuple[LabelledPicture, ...]
    rows: Int64Array
    categories: tuple[str, ...]
    labels: Int64Array
    groups: Int64Array
    left_out: Mapping[str, int] = field(default_factory=dict)
    without_category: int = 0
    drawn_from: int = 0

    def __len__(self) -> int:
        return len(self.pictures)

    @property
    def products(self) -> int:
        """How many products there are."""
        return len({picture.product_id for picture in self.pictures})

    @classmethod
    def of(cls, pictures: Sequence[LabelledPicture]) -> Self:
        """
        Choose the pictures of the categories that can be learned.

        Raises:
            TooFewExamples: There are not two of them; the message says what is missing.
        """
        group_of = _groups(pictures)
        by_category: dict[str, set[int]] = {}
        for picture in pictures:
            if picture.category is not None:
                by_category.setdefault(picture.category, set()).add(group_of[picture.product_id])
        left_out = {name: len(groups) for name, groups in sorted(by_category.items()) if len(groups) < MIN_PRODUCTS}
        categories = tuple(sorted(by_category.keys() - left_out.keys()))
        _refuse_too_few(pictures, categories, left_out)
        number = {category: i for i, category in enumerate(categories)}
        rows = [row for row, picture in enumerate(pictures) if picture.category in number]
        chosen = tuple(pictures[row] for row in rows)
        return cls(
            pictures=chosen,
            rows=np.array(rows, np.int64),
            categories=categories,
            labels=np.array([number[picture.category or ""] for picture in chosen], np.int64),
            groups=np.array([group_of[picture.product_id] for picture in chosen], np.int64),
            left_out=left_out,
            without_category=sum(picture.category is None for picture in pictures),
        )


def drawn(examples: Examples, *, seed: int, count: int = MAX_PICTURES) -> Examples:
    """Return about `count` of the pictures, whole products of each category alike; all, where there are no more."""
    if len(examples) <= count:
        return examples
    share = count / len(examples)
    kept: list[int] = []
    for members in shuffled_groups(examples.labels, examples.groups, np.random.default_rng([seed, 4])):
        for rows in members[: max(MIN_PRODUCTS, round(share * len(members)))]:
            kept.extend(rows.tolist())
    chosen = np.sort(np.array(kept, np.int64))
    return replace(
        examples,
        pictures=tuple(examples.pictures[row] for row in chosen),
        rows=examples.rows[chosen],
        labels=examples.labels[chosen],
        groups=examples.groups[chosen],
        drawn_from=len(examples),
    )


def pictures_of(products: Iterable[ProductRecord]) -> list[LabelledPicture]:
    """Return a picture for each image of the products, in their order: the order of a snapshot's rows."""
    return [
        LabelledPicture(product.id, product.title, product.category or None, image.sha256, Path(image.location))
        for product in products
        for image in product.images
    ]


def _groups(pictures: Sequence[LabelledPicture]) -> dict[str, int]:
    """Return the group of each product: products with the same picture, directly or through others, have one."""
    parents: dict[str, str] = {}

    def root(product_id: str) -> str:
        while (parent := parents[product_id]) != product_id:
            parents[product_id] = product_id = parents[parent]
        return product_id

    first_with: dict[str, str] = {}
    for picture in pictures:
        parents.setdefault(picture.product_id, picture.product_id)
        other = first_with.setdefault(picture.sha256, picture.product_id)
        parents[root(picture.product_id)] = root(other)
    numbers: dict[str, int] = {}
    return {product_id: numbers.setdefault(root(product_id), len(numbers)) for product_id in parents}


def _refuse_too_few(
    pictures: Sequence[LabelledPicture], categories: Sequence[str], left_out: Mapping[str, int]
) -> None:
    if len(categories) >= 2:
        return
    if not categories and not left_out:
        raise TooFewExamples(
            f"None of the {len(pictures):,} pictures has a category, so there is nothing to learn. State one for each "
            "product: in the feed's column of categories, or as one sub-folder for each category."
        )
    if not left_out:
        raise TooFewExamples(
            f"Every product is of one category, “{categories[0]}”; there is nothing to tell apart. "
            "Two categories are needed."
        )
    counts = Counter(left_out).most_common(3)
    listed = ", ".join(f"“{name}” {count}" for name, count in counts)
    more = f" and {len(left_out) - len(counts):,} more" if len(left_out) > len(counts) else ""
    raise TooFewExamples(
        f"Two categories with {MIN_PRODUCTS} products each are needed, and there "
        f"{'is one' if categories else 'is none'}; the others have too few ({listed}{more})."
    )
