"""
The gate: how good a new index has to be to be published, and the figures that are kept with each snapshot.

They are those of `lookalike evaluate` on at most QUERIES of the catalogue's own pictures, held out one by one, and the
same pictures each time, as far as the catalogue still has them.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Self

import numpy as np

from app.core.products import ProductRecord
from app.core.settings import PREFIX, Settings
from indexer.evaluation.bootstrap import SEED, estimates
from indexer.evaluation.catalogues import searched_of
from indexer.evaluation.measuring import AIMS, Result
from indexer.evaluation.queries import sampled
from indexer.evaluation.ranking import Evaluation, K, Rows, Searched, StoredRows, evaluate_held_out

QUERIES: Final = 1_000
PRECISION: Final = f"category_precision_at_{K}"
PRODUCT_RECALL: Final = f"product_recall_at_{K}"
_WITH_INTERVAL: Final = frozenset({PRECISION, PRODUCT_RECALL})
_WORDS: Final = {
    PRECISION: f"The share of {K} hits that are of the picture's category",
    PRODUCT_RECALL: f"The share of pictures that find their own product among {K} hits",
}


@dataclass(frozen=True, slots=True, eq=False)
class HeldOutSample:
    """
    Some of a catalogue's own pictures, held out one by one.

    Attributes:
        searched: The catalogue.
        rows: Which of its pictures, shape (q,).
        evaluation: What they found.
    """

    searched: Searched
    rows: Rows
    evaluation: Evaluation


def hold_out_sample(products: Sequence[ProductRecord], embeddings: StoredRows) -> HeldOutSample:
    """
    Search with at most QUERIES of the pictures, each held out.

    Args:
        products: In the order of their ids.
        embeddings: Shape (n, d), unit-norm: a row for each image, in the order of the products.
    """
    numbers = {name: i for i, name in enumerate(sorted({p.category for p in products if p.category}))}
    searched = searched_of(products, embeddings, numbers)
    image_ids = [image.id for product in products for image in product.images]
    rows = np.array(sampled(range(len(image_ids)), lambda row: image_ids[row], QUERIES, SEED))
    return HeldOutSample(searched, rows, evaluate_held_out(searched, rows))


def relevance_metrics(sample: HeldOutSample) -> dict[str, float]:
    """
    Return the figures to keep with a snapshot, by names that begin with category_ and product_.

    Those are missing of which the catalogue tells nothing: without categories, or with one picture a product.
    """
    searched, rows, evaluation = sample.searched, sample.rows, sample.evaluation
    clusters = searched.row_products[rows]
    metrics: dict[str, float] = {}
    for prefix, figures in (("category", evaluation.by_category), ("product", evaluation.by_product)):
        named = {f"{prefix}_{name}": values for name, values in figures.named(K).items()}
        for name, estimate in estimates(named, clusters).items():
            metrics[name] = round(estimate.value, 6)
            if name in _WITH_INTERVAL:
                metrics |= {f"{name}_low": round(estimate.low, 6), f"{name}_high": round(estimate.high, 6)}
            metrics[f"{prefix}_queries"] = estimate.queries
    return metrics


@dataclass(frozen=True, slots=True)
class Gate:
    """
    What the settings ask of a new index; None: nothing.

    Attributes:
        precision: Least share of the first ten hits in the picture's category.
        product_recall: Least share of pictures that find their own product among ten hits.
        drop: By how much either may be below that of the live snapshot.
    """

    precision: float | None = None
    product_recall: float | None = None
    drop: float | None = None

    @classmethod
    def from_settings(cls, settings: Settings) -> Self:
        """Return the gate that the settings describe."""
        return cls(settings.gate_precision, settings.gate_product_recall, settings.gate_drop)

    @property
    def is_set(self) -> bool:
        """Whether anything is asked."""
        return (self.precision, self.product_recall, self.drop) != (None, None, None)

    def failures(self, metrics: Mapping[str, float], live: Mapping[str, float] | None = None) -> list[str]:
        """
        Return why figures do not pass, a sentence each; none: they do.

        Args:
            metrics: Of the new index, under the names of `relevance_metrics`.
            live: Of the live snapshot, where there is one; what it has no figure for is not compared.
        """
        failures = []
        for name, least, setting in (
            (PRECISION, self.precision, "GATE_PRECISION"),
            (PRODUCT_RECALL, self.product_recall, "GATE_PRODUCT_RECALL"),
        ):
            value, words, before = metrics.get(name), _WORDS[name], (live or {}).get(name)
            if least is not None and value is None:
                failures.append(f"{words} cannot be measured in this catalogue, and {PREFIX}{setting} asks for it.")
            elif least is not None and value is not None and value < least:
                failures.append(f"{words} is {value:.3f}; at least {least:g} is wanted ({PREFIX}{setting}).")
            if self.drop is not None and before is not None and (value is None or before - value > self.drop):
                now = "cannot be measured any more" if value is None else f"is {value:.3f}"
                failures.append(
                    f"{words} {now}, in the live snapshot it is {before:.3f}; at most {self.drop:g} less is wanted "
                    f"({PREFIX}GATE_DROP)."
                )
        return failures


def evaluation_failures(result: Result, gate: Gate) -> list[str]:
    """
    Return why what was evaluated last does not pass, a sentence each; none: it does.

    Asked is what the queries can tell: a labelled folder tells nothing of products, and a file of queries is about
    products alone. Of two catalogues, the second must not be worse than the first by more than `drop` (or 0) with 95 %
    certainty.
    """
    figures, k = result.estimates[-1], result.request.k
    metrics = {
        name: figures[by][headline].value
        for name, by, headline in (
            (PRECISION, AIMS[0], f"precision_at_{k}"),
            (PRODUCT_RECALL, AIMS[1], f"recall_at_{k}"),
        )
        if by in figures
    }
    kind = result.query_set.kind
    asked = Gate(
        precision=None if kind == "file" else gate.precision,
        product_recall=None if kind == "folder" else gate.product_recall,
    )
    failures = asked.failures(metrics)
    drop = gate.drop or 0.0
    for by, headline in ((AIMS[0], f"precision_at_{k}"), (AIMS[1], f"recall_at_{k}")):
        if (found := result.differences.get(by, {}).get(headline)) and found.high < -drop:
            failures.append(
                f"{result.measured[-1].catalogue.name} is worse than {result.measured[0].catalogue.name}: the "
                f"difference in {headline} {by} is {found.value:+.3f} ({found.low:+.3f} to {found.high:+.3f}), and at "
                f"most {drop:g} less is wanted ({PREFIX}GATE_DROP)."
            )
    return failures
