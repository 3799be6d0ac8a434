"""What shoppers' choices come to: in sentences, as one JSON document, and as one HTML file."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from app.core.products import ProductRecord
from indexer.evaluation.bootstrap import CONFIDENCE, Estimate
from indexer.evaluation.choices import Choices, Chosen, Fallen, LeftOut, When
from indexer.evaluation.summary import figure_name, percent
from indexer.reports import render

BIAS: Final = (
    "Shoppers choose from what they are shown, and mostly from what is shown first. So these figures favour the "
    "ranking that was live when they chose: one that differs looks worse here even where it is better. A fall says "
    "where to look, not that an index is worse; labelled photos (lookalike evaluate FOLDER) judge without this bias."
)
ROWS: Final[Mapping[Chosen, str]] = {"any": "Chosen", "select": "Opened", "add_to_cart": "Put into the cart"}
_WHY: Final[Mapping[LeftOut, str]] = {
    "steered": "chosen from a search where something besides likeness decided, such as a filter",
    "another network": "chosen from a search with a photo that another network embedded",
    "gone": "of products that this index does not have",
}
_ENOUGH: Final = 100
COLUMNS: Final = ("What was done", "Searches", "Figure", "When chosen", "Now", "Difference")


def verdict(choices: Choices) -> str:
    """Return what came out, in a sentence."""
    figures = choices.estimates.get("any")
    if figures is None:
        return f"Nothing could be measured: none of the {choices.events:,} events tells anything of this index."
    name, k = f"recall_at_{choices.k}", choices.k
    now, then, difference = (figures[when][name] for when in ("now", "then", "difference"))
    told = (
        f"Of what shoppers chose, {percent(now.value)} stand among the first {k} now ({percent(now.low)} to "
        f"{percent(now.high)} with 95 % certainty, {now.queries:,} searches); {percent(then.value)} did when they were "
        "chosen."
    )
    if difference.low <= 0 <= difference.high:
        return told
    return f"{told} That is {'more' if difference.value > 0 else 'less'} with 95 % certainty."


def remarks(choices: Choices) -> list[str]:
    """Return what could not be asked again, and how far the figures can be trusted, a sentence each."""
    sentences = [
        f"Left out: {count:,} of {choices.events:,} events, {_WHY[why]}." for why, count in choices.left_out.items()
    ]
    if 0 < len(choices.searches) < _ENOUGH:
        sentences.append(f"With fewer than {_ENOUGH} searches the figures are rough.")
    return [*sentences, BIAS]


def choices_document(choices: Choices) -> dict[str, Any]:
    """Return everything that was measured, as shares from 0 to 1; `difference` is now less then."""
    days = sorted(search.query.day for search in choices.searches)
    return {
        "verdict": verdict(choices),
        "note": BIAS,
        "k": choices.k,
        "seed": choices.seed,
        "confidence": CONFIDENCE,
        "snapshot": choices.catalogue.snapshot_id,
        "network": choices.catalogue.network,
        "events": choices.events,
        "searches": len(choices.searches),
        "first_day": days[0].isoformat() if days else None,
        "last_day": days[-1].isoformat() if days else None,
        "left_out": {why.replace(" ", "_"): count for why, count in choices.left_out.items()},
        "figures": {chosen: _figures(figures) for chosen, figures in choices.estimates.items()},
        "fallen": [_fallen(choices, each) for each in choices.fallen],
    }


def _figures(figures: Mapping[When, Mapping[str, Estimate]]) -> dict[str, Any]:
    found: dict[str, Any] = {
        when: {name: estimate.as_json() for name, estimate in of_when.items()} for when, of_when in figures.items()
    }
    return found | {"searches": figures["now"]["mrr"].queries}


def _fallen(choices: Choices, fallen: Fallen) -> dict[str, Any]:
    products = choices.catalogue.products
    return {
        "product": products[fallen.product].id,
        "searched_with": fallen.search.query.product_id,
        "day": fallen.search.query.day.isoformat(),
        "then": fallen.then,
        "now": fallen.now,
        "first_now": [products[number].id for number in fallen.first],
    }


def figure_rows(choices: Choices) -> list[tuple[str, ...]]:
    """Return a row of COLUMNS for each figure of each kind of choice."""
    return [
        (ROWS[chosen], f"{found['now'][name].queries:,}", _figure_name(name), *_cells(found, name))
        for chosen, found in choices.estimates.items()
        for name in found["now"]
    ]


def _cells(found: Mapping[When, Mapping[str, Estimate]], name: str) -> tuple[str, ...]:
    then, now, difference = (found[when][name] for when in ("then", "now", "difference"))
    return (
        f"{then.value:.3f}",
        f"{now.value:.3f} ({now.low:.3f} to {now.high:.3f})",
        f"{difference.value:+.3f} ({difference.low:+.3f} to {difference.high:+.3f})",
    )


def _figure_name(name: str) -> str:
    return "MRR" if name == "mrr" else figure_name(name)


def choices_report(choices: Choices, thumbnails: Mapping[str, str]) -> str:
    """Return the report; `thumbnails` are the pictures of `pictures_of`, as `data:` addresses."""
    products, catalogue = choices.catalogue.products, choices.catalogue
    figures = choices.estimates.get("any")
    cards = [] if figures is None else [_card(name, figures, choices.k) for name in figures["now"]]
    return render(
        "choices.html",
        verdict=verdict(choices),
        facts=f"Asked again: {len(choices.searches):,} searches that shoppers chose something from. Searched: "
        f"{catalogue.name}, {len(products):,} products, network {catalogue.network}. Seed {choices.seed}.",
        remarks=remarks(choices),
        cards=cards,
        columns=COLUMNS,
        rows=figure_rows(choices),
        k=choices.k,
        fallen=[_shown(choices, each) for each in choices.fallen],
        thumbnails=thumbnails,
    )


def _card(name: str, figures: Mapping[When, Mapping[str, Estimate]], k: int) -> dict[str, str]:
    then, now = figures["then"][name], figures["now"][name]
    if name == "mrr":
        return {
            "label": "One over the place (MRR)",
            "value": f"{now.value:.3f}",
            "note": f"{then.value:.3f} when chosen",
        }
    return {"label": f"Among the first {k}", "value": percent(now.value), "note": f"{percent(then.value)} when chosen"}


def _shown(choices: Choices, fallen: Fallen) -> dict[str, Any]:
    products = choices.catalogue.products
    return {
        "product": products[fallen.product],
        "asked_with": None if fallen.search.own is None else products[fallen.search.own],
        "then": fallen.then,
        "now": fallen.now,
        "first": [products[number] for number in fallen.first],
    }


def pictures_of(choices: Choices) -> dict[str, Path]:
    """Return the files of all pictures that the report shows, by their locations."""
    products = choices.catalogue.products
    numbers = {number for each in choices.fallen for number in (each.product, each.search.own, *each.first)}
    shown: list[ProductRecord] = [products[number] for number in numbers if number is not None]
    return {product.images[0].location: Path(product.images[0].location) for product in shown}
