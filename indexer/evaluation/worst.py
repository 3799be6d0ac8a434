"""The queries that went worst, with what was found instead: to look at."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np

from app.core.arrays import Float32Array, Float64Array
from app.core.products import ImageRecord, ProductRecord
from indexer.evaluation.measuring import Measured, Result
from indexer.evaluation.metrics import LEFT_OUT, Figures, best_first
from indexer.evaluation.queries import Query
from indexer.evaluation.ranking import Asked, picture_scores, product_scores

SHOWN: Final = 50


@dataclass(frozen=True, slots=True)
class ShownHit:
    """One hit as a shopper would see it, and whether it is what should have been found."""

    product: ProductRecord
    image: ImageRecord
    score: float
    is_right: bool


@dataclass(frozen=True, slots=True)
class ShownAnswer:
    """What one catalogue answers: its name, the query's nDCG, and the hits."""

    name: str
    ndcg: float
    hits: tuple[ShownHit, ...]


@dataclass(frozen=True, slots=True)
class WorstQuery:
    """A query and its answers, one for each catalogue."""

    query: Query
    answers: tuple[ShownAnswer, ...]


def worst_queries(result: Result, count: int = SHOWN) -> list[WorstQuery]:
    """
    Return the queries with the lowest nDCG, worst first; of two catalogues, those that lost most from the first to the
    second. Equal ones are ordered by average precision; queries for which nothing relevant exists are never among them.
    """
    figures = [_figures(result, measured) for measured in result.measured]
    badness = _badness(figures)
    order = np.lexsort(badness[::-1])
    chosen = [int(i) for i in order if not np.isnan(badness[0][i])][:count]
    if len(figures) > 1:
        chosen = [i for i in chosen if badness[0][i] < 0]
    answers = [_answers(result, measured, chosen) for measured in result.measured]
    return [
        WorstQuery(result.query_set.queries[i], tuple(each[position] for each in answers))
        for position, i in enumerate(chosen)
    ]


def _figures(result: Result, measured: Measured) -> Figures:
    evaluation = measured.evaluation
    return evaluation.by_category if result.aim == "by_category" else evaluation.by_product


def _badness(figures: Sequence[Figures]) -> tuple[Float64Array, Float64Array]:
    """Return what queries are sorted by, lowest first."""
    if len(figures) == 1:
        return figures[0].ndcg, figures[0].average_precision
    before, after = figures
    return after.ndcg - before.ndcg, after.average_precision - before.average_precision


def _answers(result: Result, measured: Measured, chosen: Sequence[int]) -> list[ShownAnswer]:
    asked = measured.asked.those(np.array(chosen, np.int64))
    ndcg = _figures(result, measured).ndcg
    scores = picture_scores(asked, measured.catalogue.searched)
    return [
        ShownAnswer(
            measured.catalogue.name,
            float(ndcg[query]),
            tuple(_hits(result, measured, asked, position, scores[position])),
        )
        for position, query in enumerate(chosen)
    ]


def _hits(result: Result, measured: Measured, asked: Asked, position: int, scores: Float32Array) -> Iterator[ShownHit]:
    """Yield what a shopper would see of the query at a position, whose scores with the pictures these are (n,)."""
    catalogue = measured.catalogue
    searched = catalogue.searched
    by_product = product_scores(scores[np.newaxis], searched)
    if result.aim == "by_category":
        by_product[0, searched.row_products[asked.own_rows[position]]] = LEFT_OUT
    for number in best_first(by_product)[0, : result.request.k].tolist():
        if by_product[0, number] <= LEFT_OUT:
            return
        first, last = np.searchsorted(searched.row_products, [number, number + 1])
        row = int(first + np.argmax(scores[first:last]))
        is_right = (
            searched.categories[number] == asked.categories[position]
            if result.aim == "by_category"
            else number in asked.relevant[position]
        )
        yield ShownHit(catalogue.products[number], catalogue.images[row], float(by_product[0, number]), bool(is_right))


def pictures_of(worst: Sequence[WorstQuery]) -> dict[str, Path]:
    """Return the files of all pictures that are shown, by the names under which their thumbnails are looked up."""
    queries = {str(each.query.picture): each.query.picture for each in worst}
    hits = [hit for each in worst for answer in each.answers for hit in answer.hits]
    return queries | {hit.image.location: Path(hit.image.location) for hit in hits}
