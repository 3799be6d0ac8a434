"""An evaluation as one JSON document."""

from collections.abc import Mapping, Sequence
from typing import Any

from indexer.evaluation.bootstrap import CONFIDENCE, Estimate
from indexer.evaluation.measuring import By, Measured, Result
from indexer.evaluation.summary import CategoryRow, category_differences, note_on_trained, verdict
from indexer.evaluation.worst import WorstQuery


def evaluation_document(
    result: Result,
    rows: Sequence[Sequence[CategoryRow]],
    worst: Sequence[WorstQuery],
    failures: Sequence[str] | None,
) -> dict[str, Any]:
    """
    Return everything that was measured, as shares from 0 to 1.

    Of two catalogues, `difference` is the second's figures less the first's.

    Args:
        result: What was measured.
        rows: Of each catalogue, its categories.
        worst: The queries to look at.
        failures: Why the gate is not passed; None where nobody asked.
    """
    query_set = result.query_set
    document: dict[str, Any] = {
        "verdict": verdict(result),
        "note": note_on_trained(each.catalogue.network for each in result.measured) or None,
        "k": result.request.k,
        "queries": {
            "kind": query_set.kind,
            "source": query_set.source or None,
            "asked": len(query_set.queries),
            "of": query_set.total,
            "unreadable": query_set.unreadable,
            "unknown": list(result.unknown) if query_set.kind != "held-out" else [],
            "skipped": [{"place": skipped.place, "message": skipped.message} for skipped in query_set.skipped],
        },
        "seed": result.request.seed,
        "confidence": CONFIDENCE,
        "evaluated": [
            _measured(measured, figures, of_these)
            for measured, figures, of_these in zip(result.measured, result.estimates, rows, strict=True)
        ],
        "worst": [_worst(each) for each in worst],
    }
    if len(result.measured) > 1:
        document["difference"] = {by: _figures(figures) for by, figures in result.differences.items()}
        document["difference"]["categories"] = [
            {"category": row.name, "precision": row.difference.as_json()} for row in category_differences(result)
        ]
    if failures is not None:
        document["gate"] = {"passed": not failures, "failures": list(failures)}
    return document


def _measured(
    measured: Measured, figures: Mapping[By, Mapping[str, Estimate]], rows: Sequence[CategoryRow]
) -> dict[str, Any]:
    catalogue = measured.catalogue
    recall = measured.index_recall
    return {
        "name": catalogue.name,
        "snapshot": catalogue.snapshot_id,
        "network": catalogue.network,
        "products": len(catalogue.products),
        "images": len(catalogue.images),
        "figures": {by: _figures(each) | {"queries": _queries(each)} for by, each in figures.items()},
        "index_against_exact": None
        if recall is None
        else {"queries": len(recall), f"recall_at_{measured.evaluation.k}": round(float(recall.mean()), 6)},
        "categories": [_category(row) for row in rows],
    }


def _category(row: CategoryRow) -> dict[str, Any]:
    return {
        "category": row.name,
        "products": row.products,
        "queries": _queries(row.figures),
        **_figures(row.figures),
        "mistaken_for": row.mistaken_for,
        "mistaken_share": round(row.mistaken_share, 6),
    }


def _figures(figures: Mapping[str, Estimate]) -> dict[str, dict[str, float] | int]:
    return {name: estimate.as_json() for name, estimate in figures.items()}


def _queries(figures: Mapping[str, Estimate]) -> int:
    return next(iter(figures.values())).queries


def _worst(worst: WorstQuery) -> dict[str, Any]:
    query = worst.query
    return {
        "query": query.name,
        "picture": str(query.picture),
        "category": query.category,
        "products": list(query.product_ids),
        "answers": [
            {
                "name": answer.name,
                "ndcg": round(answer.ndcg, 6),
                "hits": [
                    {
                        "product": hit.product.id,
                        "category": hit.product.category,
                        "score": round(hit.score, 6),
                        "right": hit.is_right,
                    }
                    for hit in answer.hits
                ],
            }
            for answer in worst.answers
        ],
    }
