"""What an evaluation comes to, in sentences and tables that a shop reads without knowing the figures' names."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from app.core.networks.names import TRAINED_PREFIX
from app.core.networks.shares import part_names
from indexer.evaluation.bootstrap import Estimate, estimates
from indexer.evaluation.gate import Gate
from indexer.evaluation.measuring import By, Measured, Result
from indexer.evaluation.queries import Kind
from indexer.evaluation.ranking import NO_CATEGORY

LOWEST_INDEX_RECALL: Final = 0.99
WEAK_BY: Final = 0.1
"""A category is told of whose share of right hits is so much below that of all."""
WEAK_SHOWN: Final = 3
_UNKNOWN_SHOWN: Final = 5


_NOTHING: Final[dict[Kind, str]] = {
    "held-out": "no category has several products, and no product several pictures. Ask with a labelled folder or a "
    "file of queries.",
    "folder": "the catalogue has no product of the folder's categories.",
    "file": "the catalogue has none of the products that the file names, beside the pictures themselves.",
}


@dataclass(frozen=True, slots=True)
class CategoryRow:
    """
    One category of the shop.

    Attributes:
        name: As the catalogue has it.
        products: In the catalogue.
        figures: Of the queries of this category, by name; empty without any.
        mistaken_for: The other category that most of its wrong hits are of.
        mistaken_share: How many of all its hits those are.
    """

    name: str
    products: int
    figures: dict[str, Estimate]
    mistaken_for: str | None
    mistaken_share: float


def category_rows(result: Result, measured: Measured) -> list[CategoryRow]:
    """Return every category that was asked for, by falling share of right hits."""
    catalogue, evaluation = measured.catalogue, measured.evaluation
    sizes = Counter(product.category for product in catalogue.products)
    values = evaluation.by_category.named(evaluation.k)
    product_categories = catalogue.searched.categories
    rows = []
    for name, number in catalogue.category_numbers.items():
        queries = np.flatnonzero((measured.asked.categories == number) & evaluation.by_category.is_defined)
        if not len(queries):
            continue
        of_these = {figure: of_all[queries] for figure, of_all in values.items()}
        found = estimates(of_these, result.clusters[queries], seed=result.request.seed)
        hits = evaluation.hits[queries]
        hit_categories = product_categories[hits[hits >= 0]]
        wrong = Counter(hit_categories[(hit_categories != number) & (hit_categories != NO_CATEGORY)].tolist())
        worst, count = wrong.most_common(1)[0] if wrong else (NO_CATEGORY, 0)
        mistaken_for = None if worst == NO_CATEGORY else list(catalogue.category_numbers)[worst]
        rows.append(CategoryRow(name, sizes[name], found, mistaken_for, count / max(len(hit_categories), 1)))
    return sorted(rows, key=lambda row: -row.figures[headline_name("by_category", evaluation.k)].value)


def headline_name(by: By, k: int) -> str:
    """Return the name of the one figure that speaks for all."""
    return f"precision_at_{k}" if by == "by_category" else f"recall_at_{k}"


@dataclass(frozen=True, slots=True)
class CategoryDifference:
    """One category's share of right hits in the first and the second of two, and the difference with its interval."""

    name: str
    before: float
    after: float
    difference: Estimate


def category_differences(result: Result) -> list[CategoryDifference]:
    """Return the categories that both of two were asked for, by falling difference; none where there is only one."""
    if len(result.measured) == 1:
        return []
    first, second = result.measured
    before, after = first.evaluation.by_category.precision, second.evaluation.by_category.precision
    rows = []
    for name, number in second.catalogue.category_numbers.items():
        queries = np.flatnonzero((second.asked.categories == number) & ~np.isnan(after - before))
        if len(queries):
            values = {"difference": after[queries] - before[queries]}
            found = estimates(values, result.clusters[queries], seed=result.request.seed)["difference"]
            rows.append(CategoryDifference(name, float(before[queries].mean()), float(after[queries].mean()), found))
    return sorted(rows, key=lambda row: -row.difference.value)


def figure_name(name: str) -> str:
    """Return `precision_at_10` as people write it: precision@10."""
    word, at, k = name.partition("_at_")
    written = {"map": "mAP", "ndcg": "nDCG"}.get(word, word)
    return f"{written}@{k}" if at else written


def percent(share: float, decimals: int = 1) -> str:
    """Return 0.1234 as 12.3 %."""
    return f"{share * 100:.{decimals}f}\N{NO-BREAK SPACE}%"


def verdict(result: Result) -> str:
    """Return what came out, in a sentence."""
    return _verdict_on_two(result) if len(result.measured) > 1 else _verdict_on_one(result)


def _verdict_on_one(result: Result) -> str:
    by, k = result.aim, result.request.k
    figures = result.estimates[0].get(by)
    if figures is None:
        return f"Nothing could be measured: {_NOTHING[result.query_set.kind]}"
    found = figures[headline_name(by, k)]
    pictures = f"measured with {found.queries:,} pictures"
    if by == "by_category":
        return (
            f"Of the {k} products shown for a picture, {found.value * k:.1f} are of its category "
            f"({found.low * k:.1f} to {found.high * k:.1f} with 95 % certainty, {pictures})."
        )
    share, interval = percent(found.value), f"({percent(found.low)} to {percent(found.high)} with 95 % certainty"
    if result.query_set.kind == "file":
        return f"Of the products that should be found, {share} are among the first {k} {interval}, {pictures})."
    return f"{share} of pictures find their own product among the first {k} {interval}, {pictures})."


def _verdict_on_two(result: Result) -> str:
    by, k = result.aim, result.request.k
    differences = result.differences.get(by)
    first, second = (measured.catalogue.name for measured in result.measured)
    if differences is None:
        return "The two could not be compared: no picture has anything to find in both."
    name = headline_name(by, k)
    found = differences[name]
    before, after = (figures[by][name].value for figures in result.estimates)
    told = (
        f"{figure_name(name)} {by.replace('_', ' ')} is {after:.3f} with {second} and {before:.3f} with {first} "
        f"(difference {found.value:+.3f}, {found.low:+.3f} to {found.high:+.3f} with 95 % certainty, measured with the "
        f"same {found.queries:,} pictures)."
    )
    if not _is_certain(found):
        ranking = differences["map"]
        in_all = (
            f" In the ranking as a whole, {second if ranking.value > 0 else first} is better: the difference in mAP is "
            f"{ranking.value:+.3f} ({ranking.low:+.3f} to {ranking.high:+.3f})."
        )
        return f"Which of the two is better cannot be told: {told}{in_all if _is_certain(ranking) else ''}"
    better, worse = (second, first) if found.value > 0 else (first, second)
    return f"{_capitalised(better)} is better than {worse}: {told}"


def _is_certain(difference: Estimate) -> bool:
    return difference.low > 0 or difference.high < 0


def advice(result: Result, rows: Sequence[CategoryRow], gate: Gate) -> list[str]:
    """Return what to do, the most useful first."""
    if len(result.measured) > 1:
        return _advice_on_two(result)
    measured, k = result.measured[0], result.request.k
    steps = []
    figures = result.estimates[0]
    precision = figures.get("by_category", {}).get(headline_name("by_category", k))
    weak = [row for row in reversed(rows) if precision and _share(row, k) < precision.value - WEAK_BY]
    for row in weak[:WEAK_SHOWN]:
        taken = f"; {percent(row.mistaken_share, 0)} are of “{row.mistaken_for}” instead" if row.mistaken_for else ""
        few = f" It has only {row.products:,} products, so that few can be shown." if row.products <= k else ""
        steps.append(
            f"Look at “{row.name}”: {percent(_share(row, k), 0)} of its hits are of that category{taken}.{few}"
        )
    if weak:
        steps.append("Pictures that lie in a wrong category make this worse: “lookalike doctor” lists suspects.")
    if measured.index_recall is not None and measured.index_recall.mean() < LOWEST_INDEX_RECALL:
        steps.append("The index misses hits that exact search finds; build it anew with “lookalike reindex --full”.")
    if rows:
        steps.append("Look at the worst queries below: often the picture is unusual, or its category is.")
    if precision and not gate.is_set:
        floor = int(precision.low * 100 - 1) / 100
        steps.append(f"To keep a worse index from being published, set LOOKALIKE_GATE_PRECISION={max(floor, 0):g}.")
    return steps


def _advice_on_two(result: Result) -> list[str]:
    by, k = result.aim, result.request.k
    differences = result.differences.get(by)
    if differences is None:
        return []
    found, (first, second) = differences[headline_name(by, k)], (each.catalogue for each in result.measured)
    if not _is_certain(found):
        return ["Take whichever is quicker or smaller; or ask with more pictures, to tell them apart."]
    better = second if found.value > 0 else first
    if better.network != better.manifest.network:
        return [f"To search with it, index with “--network {better.network}”; old embeddings are kept."]
    return [f"To search with it, “lookalike snapshots publish {better.snapshot_id}”, unless it is live already."]


def note_on_trained(networks: Iterable[str]) -> str:
    """Return what to know of the figures of networks that were trained here; nothing where there is none."""
    parts = {part for network in networks for part in part_names(network)}
    trained = sorted(part for part in parts if part.startswith(TRAINED_PREFIX))
    if not trained:
        return ""
    return (
        f"The figures of {', '.join(trained)} are optimistic as far as the pictures asked with were learned from: such "
        "pictures find more than new ones will. The report of the training, beside the weights, has figures from "
        "pictures that were held out; or ask with photos of your own (lookalike evaluate FOLDER)."
    )


def remarks(result: Result) -> list[str]:
    """Return what could not be asked, or cannot be found, and which figures are too good, a sentence each."""
    query_set, unknown = result.query_set, result.unknown
    sentences = list(filter(None, [note_on_trained(each.catalogue.network for each in result.measured)]))
    if query_set.skipped:
        first = query_set.skipped[0]
        count = len(query_set.skipped)
        sentences.append(f"Rows that cannot be used: {count:,}; the first is {first.place}: {first.message}")
    if query_set.unreadable:
        sentences.append(f"Pictures that could not be used: {query_set.unreadable:,}.")
    if unknown and query_set.kind != "held-out":
        what = "categories" if query_set.kind == "folder" else "products"
        shown = ", ".join(unknown[:_UNKNOWN_SHOWN]) + (", …" if len(unknown) > _UNKNOWN_SHOWN else "")
        sentences.append(f"Not in the catalogue are {len(unknown):,} of the {what} ({shown}).")
    return sentences


def _share(row: CategoryRow, k: int) -> float:
    return row.figures[headline_name("by_category", k)].value


def _capitalised(text: str) -> str:
    return text[:1].upper() + text[1:] if text.startswith("snapshot ") else text
