"""An evaluation as one HTML file."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

import numpy as np

from indexer.evaluation.bootstrap import Estimate
from indexer.evaluation.gate import Gate
from indexer.evaluation.measuring import By, Measured, Result
from indexer.evaluation.ranking import NO_CATEGORY
from indexer.evaluation.summary import (
    CategoryRow,
    advice,
    category_differences,
    figure_name,
    headline_name,
    percent,
    remarks,
    verdict,
)
from indexer.evaluation.worst import WorstQuery
from indexer.reports import render

THUMBNAIL_PX: Final = 112
"""Fifty queries with ten hits each make a file of two or three megabytes."""
MOST_CONFUSED: Final = 15
"""Categories that a picture of confusions still shows."""
_HEADINGS: Final[Mapping[By, str]] = {"by_category": "By category", "by_product": "By product"}


def evaluation_report(
    result: Result,
    rows: Sequence[CategoryRow],
    worst: Sequence[WorstQuery],
    thumbnails: Mapping[str, str],
    failures: Sequence[str] | None,
    gate: Gate,
) -> str:
    """
    Return the report.

    Args:
        result: What was measured.
        rows: The categories of the catalogue that was measured last.
        worst: The queries to look at.
        thumbnails: Their pictures and those of their hits, as `data:` addresses.
        failures: Why the gate is not passed; None where nobody asked.
        gate: What is asked of a new index already.
    """
    last = result.measured[-1]
    return render(
        "evaluation.html",
        verdict=verdict(result),
        facts=_facts(result),
        failures=failures,
        advice=advice(result, rows, gate),
        cards=_cards(result),
        tables=_tables(result),
        bars=[_bar(row, result.request.k) for row in rows],
        category_rows=[_category_row(row, result.request.k) for row in rows],
        category_differences=_category_differences(result),
        of_two=len(result.measured) > 1,
        last_name=last.catalogue.name,
        confusion=_confusion(last),
        by_product=result.aim == "by_product",
        worst=worst,
        thumbnails=thumbnails,
        k=result.request.k,
    )


def _facts(result: Result) -> str:
    """Return what was asked of what, in a sentence or two."""
    query_set = result.query_set
    asked = len(query_set.queries)
    drawn = f", drawn from {query_set.total:,}" if query_set.total > asked else ""
    pictures = {
        "held-out": f"{asked:,} of the catalogue's own pictures{drawn}, each with its product left out of the search",
        "folder": f"{asked:,} pictures of {query_set.source}{drawn}",
        "file": f"{asked:,} queries of {query_set.source}{drawn}",
    }[query_set.kind]
    searched = "; ".join(
        f"{measured.catalogue.name}: {len(measured.catalogue.products):,} products, "
        f"{len(measured.catalogue.images):,} pictures, network {measured.catalogue.network}"
        for measured in result.measured
    )
    sentences = [f"Asked with {pictures}.", f"Searched: {searched}.", f"Seed {result.request.seed}."]
    return " ".join(sentences + remarks(result))


def _cards(result: Result) -> list[dict[str, str]]:
    """Return the figures that matter most, as cards."""
    k = result.request.k
    if len(result.measured) > 1:
        name = headline_name(result.aim, k)
        names = [measured.catalogue.name for measured in result.measured]
        found = [figures.get(result.aim) for figures in result.estimates]
        return [_card(f"{each}: {figure_name(name)}", of[name]) for each, of in zip(names, found, strict=True) if of]
    measured = result.measured[0]
    figures = result.estimates[0]
    cards = []
    if by_category := figures.get("by_category"):
        cards.append(_card(f"Of {k} hits, in the right category", by_category[f"precision_at_{k}"]))
        cards.append(_card("Right hits come first (nDCG)", by_category[f"ndcg_at_{k}"]))
    if by_product := figures.get("by_product"):
        label = f"Found among {k} hits, of what should be" if result.query_set.source else "Product found again"
        cards.append(_card(label, by_product[f"recall_at_{k}"]))
    if measured.index_recall is not None:
        recall = percent(float(measured.index_recall.mean()))
        cards.append({"label": "Index against exact search", "value": recall, "note": f"{k} nearest pictures"})
    return cards


def _card(label: str, found: Estimate) -> dict[str, str]:
    return {"label": label, "value": percent(found.value), "note": f"{percent(found.low)} to {percent(found.high)}"}


def _tables(result: Result) -> list[dict[str, Any]]:
    """Return a table of all figures for each thing that counts as relevant."""
    found, differences = result.estimates, result.differences
    tables = []
    for by, heading in _HEADINGS.items():
        each = [figures[by] for figures in found if by in figures]
        if len(each) < len(found):
            continue
        columns = ["Figure", *(measured.catalogue.name for measured in result.measured)]
        columns += ["Difference"] if by in differences else []
        rows = [
            [
                figure_name(name),
                *(_with_interval(figures[name]) for figures in each),
                *([_with_interval(differences[by][name], sign="+")] if by in differences else []),
            ]
            for name in each[0]
        ]
        tables.append({"heading": heading, "by": by, "columns": columns, "rows": rows})
    return tables


def _with_interval(found: Estimate, sign: str = "") -> str:
    return f"{found.value:{sign}.3f} ({found.low:{sign}.3f} to {found.high:{sign}.3f})"


def _category_differences(result: Result) -> dict[str, Any] | None:
    """Return a table of the categories of two."""
    rows = [
        [row.name, f"{row.before:.3f}", f"{row.after:.3f}", _with_interval(row.difference, sign="+")]
        for row in category_differences(result)
    ]
    names = [measured.catalogue.name for measured in result.measured]
    return {"columns": ["Category", *names, "Difference"], "rows": rows} if rows else None


def _bar(row: CategoryRow, k: int) -> dict[str, Any]:
    precision = row.figures[f"precision_at_{k}"]
    share = {"share": precision.value, "low": precision.low, "high": precision.high}
    return {"label": row.name, "text": percent(precision.value), **share}


def _category_row(row: CategoryRow, k: int) -> list[str]:
    mistaken = f"{row.mistaken_for} ({percent(row.mistaken_share)} of hits)" if row.mistaken_for else ""
    figures = [_with_interval(row.figures[name]) for name in (f"precision_at_{k}", f"ndcg_at_{k}", "map")]
    recall = f"{row.figures[f'recall_at_{k}'].value:.3f}"
    queries = row.figures["map"].queries
    return [row.name, f"{row.products:,}", f"{queries:,}", *figures, recall, mistaken]


def _confusion(measured: Measured) -> dict[str, Any] | None:
    """Return of how many hundredths of the hits of each category are of each; None with too many categories, or one."""
    names = list(measured.catalogue.category_numbers)
    if not 1 < len(names) <= MOST_CONFUSED:
        return None
    hits = measured.evaluation.hits
    categories = np.where(hits >= 0, measured.catalogue.searched.categories[hits], NO_CATEGORY)
    rows = []
    for number in range(len(names)):
        found = categories[measured.asked.categories == number].ravel()
        counts = np.bincount(found[found != NO_CATEGORY], minlength=len(names))
        rows.append(np.rint(100 * counts / max(counts.sum(), 1)).astype(int).tolist())
    return {"labels": names, "counts": rows}
