"""One evaluation from the request to the figures: queries are read, embedded where they are new, and ranked."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Final, Literal

import numpy as np

from app.core.arrays import Float32Array, Float64Array, Int32Array
from app.core.errors import NoReadableImage
from app.core.settings import Settings
from indexer.evaluation.bootstrap import SEED, Estimate, estimates
from indexer.evaluation.catalogues import EmbeddedCatalogue, embedding_for, open_catalogue, open_named
from indexer.evaluation.metrics import Figures
from indexer.evaluation.pictures import embed_pictures
from indexer.evaluation.queries import Query, QuerySet, held_out_queries, read_queries
from indexer.evaluation.ranking import NO_CATEGORY, Asked, Evaluation, K, Rows, evaluate, held_out, index_recall
from indexer.progress import Progress

By = Literal["by_category", "by_product"]
AIMS: Final[tuple[By, ...]] = ("by_category", "by_product")
QUERIES: Final = 5_000
INDEX_QUERIES: Final = 1_000
"""Queries that the index is compared with exact search for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """
    What is to be evaluated.

    Attributes:
        source: A labelled folder or a file of queries; None: the catalogue's own pictures, held out one by one.
        snapshot_id: Whose catalogue; None: that of the live snapshot.
        network: What it is to be seen by; None: the snapshot's own.
        compared: Two snapshots or networks, instead of the two above.
        k: Hits that a shopper sees.
        queries: Asked at most; of more, so many are drawn.
        seed: Of the draw, and of the intervals.
    """

    source: Path | None = None
    snapshot_id: str | None = None
    network: str | None = None
    compared: tuple[str, str] | None = None
    k: int = K
    queries: int = QUERIES
    seed: int = SEED

    def asking(self, k: int, queries: int, seed: int) -> "Request":
        """Return the same with these numbers."""
        return replace(self, k=k, queries=queries, seed=seed)


@dataclass(frozen=True, slots=True, eq=False)
class Measured:
    """
    What queries found in one catalogue.

    Attributes:
        catalogue: Where they were asked.
        asked: They as its network sees them.
        evaluation: The figures of each.
        index_recall: For some of them, the share of the nearest that the index finds; None without an index.
    """

    catalogue: EmbeddedCatalogue
    asked: Asked
    evaluation: Evaluation
    index_recall: Float64Array | None

    def values(self) -> dict[By, dict[str, Float64Array]]:
        """Return the figures of each query by what counts as relevant, and by name."""
        k = self.evaluation.k
        return {"by_category": self.evaluation.by_category.named(k), "by_product": self.evaluation.by_product.named(k)}


@dataclass(frozen=True, eq=False)
class Result:
    """What was asked, of one catalogue or of two, and what came of it; `clusters` are those of the intervals."""

    request: Request
    query_set: QuerySet
    measured: tuple[Measured, ...]
    clusters: Int32Array

    @cached_property
    def estimates(self) -> tuple[dict[By, dict[str, Estimate]], ...]:
        """
        The figures of each with their intervals; what counts as relevant is absent where no query has any of it.

        Of two, they are over the queries that have figures in both.
        """
        return tuple(self._estimates(values) for values in self._shared_values)

    @cached_property
    def differences(self) -> dict[By, dict[str, Estimate]]:
        """The second one's figures less the first one's, query by query, with the intervals of that; for two alone."""
        if len(self.measured) == 1:
            return {}
        first, second = self._shared_values
        return self._estimates(
            {by: {name: second[by][name] - values for name, values in first[by].items()} for by in AIMS}
        )

    @cached_property
    def _shared_values(self) -> tuple[dict[By, dict[str, Float64Array]], ...]:
        """The figures of each query, NaN where not all of the catalogues have them."""
        each = [measured.values() for measured in self.measured]
        for by in AIMS:
            is_missing = np.any([np.isnan(values) for found in each for values in found[by].values()], axis=0)
            for found in each:
                found[by] = {name: np.where(is_missing, np.nan, values) for name, values in found[by].items()}
        return tuple(each)

    @cached_property
    def unknown(self) -> tuple[str, ...]:
        """Categories of a folder, or products of a file, that the catalogue searched last does not have."""
        catalogue = self.measured[-1].catalogue
        if self.query_set.kind == "folder":
            known, stated = set(catalogue.category_numbers), {query.category for query in self.query_set.queries}
        else:
            known = {product.id for product in catalogue.products}
            stated = {name for query in self.query_set.queries for name in query.product_ids}
        return tuple(sorted(name for name in stated if name and name not in known))

    @property
    def aim(self) -> By:
        """What counts as relevant where one figure speaks for all: products in a file of queries, else categories."""
        wanted: tuple[By, ...] = AIMS[::-1] if self.query_set.kind == "file" else AIMS
        return next((by for by in wanted if any(_has_any(measured, by) for measured in self.measured)), wanted[0])

    def _estimates(self, values: Mapping[By, Mapping[str, Float64Array]]) -> dict[By, dict[str, Estimate]]:
        found = {by: estimates(figures, self.clusters, seed=self.request.seed) for by, figures in values.items()}
        return {by: figures for by, figures in found.items() if figures}


def _has_any(measured: Measured, by: By) -> bool:
    figures: Figures = getattr(measured.evaluation, by)
    return bool(figures.is_defined.any())


def run_evaluation(settings: Settings, request: Request, progress: Progress) -> Result:
    """
    Measure one catalogue, or two with the same queries.

    Raises:
        IndexingFailed: There is nothing to ask with.
        SnapshotError, NetworkError: What is to be evaluated cannot be used.
    """
    if request.compared is None:
        opened = [open_catalogue(settings, progress, snapshot_id=request.snapshot_id, network=request.network)]
    else:
        opened = [open_named(settings, name, progress) for name in request.compared]
    query_set, asked, clusters = ask(settings, request, opened, progress)
    measured = [_measure(catalogue, each, request.k, progress) for catalogue, each in zip(opened, asked, strict=True)]
    return Result(request, query_set, tuple(measured), clusters)


def ask(
    settings: Settings, request: Request, opened: Sequence[EmbeddedCatalogue], progress: Progress
) -> tuple[QuerySet, list[Asked], Int32Array]:
    """
    Return the queries, as each catalogue's network sees them, and what they belong to.

    Raises:
        IndexingFailed: There is nothing to ask with.
        NetworkError: A network that is to embed queries cannot be used.
    """
    count, seed = request.queries, request.seed
    if request.source is None:
        query_set = held_out_queries(opened, count=count, seed=seed)
        asked = [_held_out(query_set.queries, catalogue) for catalogue in opened]
    else:
        query_set = read_queries(request.source, count=count, seed=seed)
        seen = [_embed(query_set.queries, catalogue, settings, progress) for catalogue in opened]
        kept = sorted(set.intersection(*(set(each) for each in seen)))
        if not kept:
            raise NoReadableImage(f"None of the {len(query_set.queries):,} pictures of {request.source} could be used.")
        unreadable = len(query_set.queries) - len(kept)
        query_set = replace(query_set, queries=tuple(query_set.queries[i] for i in kept), unreadable=unreadable)
        asked = [
            _from_files(query_set.queries, [each[i] for i in kept], catalogue)
            for each, catalogue in zip(seen, opened, strict=True)
        ]
    names = np.array([query.name for query in query_set.queries])
    return query_set, asked, np.unique(names, return_inverse=True)[1].astype(np.int32)


def _measure(catalogue: EmbeddedCatalogue, asked: Asked, k: int, progress: Progress) -> Measured:
    progress.phase(f"Asking {catalogue.name}", len(asked))
    evaluation = evaluate(asked, catalogue.searched, k, advance=progress.advance)
    recall = None
    if catalogue.index is not None:
        some = asked.those(np.unique(np.linspace(0, len(asked) - 1, min(INDEX_QUERIES, len(asked)), dtype=np.int64)))
        progress.phase("Comparing the index with exact search", len(some))
        recall = index_recall(some, catalogue.searched, catalogue.index, k, advance=progress.advance)
    return Measured(catalogue, asked, evaluation, recall)


def _held_out(queries: Sequence[Query], catalogue: EmbeddedCatalogue) -> Asked:
    rows = {image.id: row for row, image in enumerate(catalogue.images)}
    return held_out(catalogue.searched, np.array([rows[query.image_id or ""] for query in queries]))


_Seen = tuple[str, Float32Array]
"""A picture's SHA-256 and its embedding (d,)."""


def _embed(
    queries: Sequence[Query], catalogue: EmbeddedCatalogue, settings: Settings, progress: Progress
) -> dict[int, _Seen]:
    """Return what the network makes of the queries, by their positions, without those that cannot be used."""
    with embedding_for(catalogue, settings, progress) as (embedder, pool):
        progress.phase(f"Embedding queries with {catalogue.network}", len(queries))
        batches = embed_pictures(embedder, pool, [query.picture for query in queries], progress)
        return {found.position: (found.sha256, found.embedding) for batch in batches for found in batch}


def _from_files(queries: Sequence[Query], seen: Sequence[_Seen], catalogue: EmbeddedCatalogue) -> Asked:
    """Return pictures from outside as queries; those that the catalogue has as well are left out there."""
    rows: dict[str, list[int]] = {}
    for row, image in enumerate(catalogue.images):
        rows.setdefault(image.sha256, []).append(row)
    numbers = {product.id: number for number, product in enumerate(catalogue.products)}
    relevant: list[Rows] = [
        np.array([numbers[name] for name in query.product_ids if name in numbers], np.int64) for query in queries
    ]
    stated = [
        query.category or _shared_category(catalogue, found) for query, found in zip(queries, relevant, strict=True)
    ]
    return Asked(
        embeddings=np.stack([embedding for _, embedding in seen]),
        categories=np.array([catalogue.category_numbers.get(name or "", NO_CATEGORY) for name in stated], np.int32),
        own_rows=[np.array(rows.get(sha256, []), np.int64) for sha256, _ in seen],
        relevant=relevant,
    )


def _shared_category(catalogue: EmbeddedCatalogue, products: Rows) -> str | None:
    """Return the category that all of these products have; None without one."""
    categories = {catalogue.products[number].category for number in products}
    return categories.pop() if len(categories) == 1 else None
