"""What a search for networks comes to: in a sentence, as a table, as a JSON document and as one HTML file."""

from collections.abc import Sequence
from typing import Any, Final

from app.core.files import MIB
from indexer.evaluation.bootstrap import CONFIDENCE, Estimate
from indexer.evaluation.networks.choice import Finalist
from indexer.evaluation.networks.searching import Found
from indexer.evaluation.summary import figure_name, note_on_trained, percent
from indexer.reports import render

_NOTHING: Final = (
    "Nothing could be judged: no picture has anything to find. State a category for each product, or give products "
    "several pictures."
)


def verdict(found: Found) -> str:
    """Return what came out, in a sentence."""
    choice = found.choice
    if choice is None:
        return _NOTHING
    name, winner, baseline = figure_name(choice.criterion), choice.winner, choice.baseline
    if winner is baseline:
        return (
            f"Of {found.tried} networks and mixtures, none finds more than {baseline.candidate.name}, which is in use."
        )
    before, after = (each.figures[choice.criterion].value for each in (baseline, winner))
    gain = f"(difference {_signed(winner.gain)} with 95 % certainty)"
    told = f"{winner.candidate.name} finds {after:.3f} instead of {before:.3f} ({name}) {gain}"
    return f"{told}; it costs {_cost_ratio(found)} of {baseline.candidate.name}, which is in use."


def advice(found: Found) -> str:
    """Return what to do, in a sentence."""
    choice = found.choice
    if choice is None or choice.winner is choice.baseline:
        return "Keep what is in use, or train a network on your pictures: lookalike train --layers dense."
    name = choice.winner.candidate.name
    if not choice.is_better:
        return (
            f"Keep {choice.baseline.candidate.name}: whether {name} finds more cannot be told from chance. Ask with "
            "more pictures (--queries) to tell them apart."
        )
    told = f"To use it: lookalike index SOURCE --network '{name}' (its embeddings are kept; none is made again)"
    if len(choice.winner.candidate.parts) > 1:  # what each place of a picture says was seen by the parts alone
        told += "; for explanations of its hits, lookalike reindex --full after it"
    return f"{told}."


def columns(found: Found) -> list[str]:
    """Return the headings of `rows`."""
    figures = [figure_name(name) for name in found.choice.winner.figures] if found.choice else []
    return [
        "Network",
        *(name.replace("_", " ") for name in figures),
        "Gain",
        "Category right",
        "ms a picture",
        "Network (MiB)",
        "Index (MiB)",
        "Bytes a picture",
    ]


def rows(found: Found) -> list[list[str]]:
    """Return a row for each network and the best mixture of each two, best first, with all there is to say."""
    return [_row(finalist, found) for finalist in _finalists(found)]


def short_rows(found: Found) -> list[tuple[str, ...]]:
    """Return a row for each: its name, what it finds of k hits, mAP, gain, and how often a head tells the category."""
    precision = f"precision_at_{found.k}"
    return [
        (
            finalist.candidate.name,
            f"{finalist.figures[precision].value:.3f}",
            f"{finalist.figures['map'].value:.3f}",
            _gain(finalist, found, f"{finalist.gain.value:+.3f}"),
            _accuracy(finalist, found),
        )
        for finalist in _finalists(found)
    ]


def cost_rows(found: Found) -> list[tuple[str, ...]]:
    """Return a row for each: its name, milliseconds a picture, MiB of the network and of the index in memory."""
    return [(finalist.candidate.name, *_costs(finalist, found)) for finalist in _finalists(found)]


def note(found: Found) -> str:
    """Return which figures are too good, in a sentence; nothing where none is."""
    return note_on_trained(finalist.candidate.name for finalist in _finalists(found))


def networks_document(found: Found) -> dict[str, Any]:
    """Return everything that was measured, as shares from 0 to 1."""
    choice = found.choice
    return {
        "verdict": verdict(found),
        "advice": advice(found),
        "note": note(found) or None,
        "k": found.k,
        "seed": found.seed,
        "confidence": CONFIDENCE,
        "right_means": found.aim,
        "pictures": found.pictures,
        "tried": found.tried,
        "chosen_by": choice and choice.criterion,
        "queries": choice and {"chosen_with": choice.chosen_with, "measured_with": choice.measured_with},
        "in_use": choice and choice.baseline.candidate.name,
        "best": choice and choice.winner.candidate.name,
        "is_better": choice is not None and choice.is_better,
        "networks": [_document(finalist, found) for finalist in _finalists(found)],
    }


def networks_report(found: Found) -> str:
    """Return the report."""
    choice = found.choice
    cards = []
    if choice is not None:
        for label, finalist in {"In use": choice.baseline, "Best": choice.winner}.items():
            figure = finalist.figures[choice.criterion]
            cards.append(
                {
                    "label": f"{label}: {finalist.candidate.name}",
                    "value": f"{figure.value:.3f}",
                    "note": f"{figure_name(choice.criterion)}, {figure.low:.3f} to {figure.high:.3f}",
                }
            )
    return render(
        "networks.html",
        verdict=verdict(found),
        facts=_facts(found),
        advice=list(filter(None, [advice(found), note(found)])),
        cards=cards,
        columns=columns(found),
        rows=rows(found),
        bars=[_bar(finalist, choice.criterion) for finalist in choice.finalists] if choice else [],
        criterion=figure_name(choice.criterion) if choice else "",
        k=found.k,
        by_category=found.aim == "by_category",
    )


def _facts(found: Found) -> str:
    choice = found.choice
    if choice is None:
        return f"Seed {found.seed}."
    return (
        f"{found.tried} networks and mixtures of two were tried on {found.pictures:,} pictures. Weights and the best "
        f"were chosen with {choice.chosen_with:,} queries; all figures are from {choice.measured_with:,} others. "
        f"Seed {found.seed}."
    )


def _cost_ratio(found: Found) -> str:
    if found.choice is None:
        return ""
    after, before = (found.costs[each.candidate.name].ms for each in (found.choice.winner, found.choice.baseline))
    return f"{after / max(before, 1e-9):.2g} times the time"


def _signed(estimate: Estimate) -> str:
    return f"{estimate.value:+.3f}, {estimate.low:+.3f} to {estimate.high:+.3f}"


def _finalists(found: Found) -> Sequence[Finalist]:
    return found.choice.finalists if found.choice else ()


def _row(finalist: Finalist, found: Found) -> list[str]:
    return [
        finalist.candidate.name,
        *(f"{each.value:.3f} ({each.low:.3f} to {each.high:.3f})" for each in finalist.figures.values()),
        _gain(finalist, found, _signed(finalist.gain)),
        _accuracy(finalist, found),
        *_costs(finalist, found),
        f"{found.costs[finalist.candidate.name].bytes_a_picture:,}",
    ]


def _gain(finalist: Finalist, found: Found, told: str) -> str:
    return "in use" if found.choice is not None and finalist is found.choice.baseline else told


def _accuracy(finalist: Finalist, found: Found) -> str:
    accuracy = found.accuracies.get(finalist.candidate.name)
    return percent(accuracy.value) if accuracy else ""


def _costs(finalist: Finalist, found: Found) -> tuple[str, str, str]:
    """Return milliseconds a picture, and the MiB of the network and of the index."""
    cost = found.costs[finalist.candidate.name]
    index_mib = cost.index_bytes(found.pictures) / MIB
    return f"{cost.ms:.1f}", f"{cost.memory_bytes / MIB:,.0f}", f"{index_mib:,.1f}"


def _bar(finalist: Finalist, criterion: str) -> dict[str, Any]:
    figure = finalist.figures[criterion]
    share = {"share": figure.value, "low": figure.low, "high": figure.high}
    return {"label": finalist.candidate.name, "text": f"{figure.value:.3f}", **share}


def _document(finalist: Finalist, found: Found) -> dict[str, Any]:
    name = finalist.candidate.name
    cost, accuracy = found.costs[name], found.accuracies.get(name)
    accuracy_document = None
    if accuracy is not None:
        low, high = accuracy.interval
        shares = {"value": accuracy.value, "low": low, "high": high}
        accuracy_document = {key: round(value, 6) for key, value in shares.items()} | {"of": accuracy.of}
    return {
        "network": name,
        "parts": dict(zip(finalist.candidate.parts, finalist.candidate.shares, strict=True)),
        "figures": {key: figure.as_json() for key, figure in finalist.figures.items()},
        "gain": finalist.gain.as_json(),
        "category_accuracy": accuracy_document,
        "ms_a_picture": round(cost.ms, 3),
        "network_memory_bytes": cost.memory_bytes,
        "index_memory_bytes": cost.index_bytes(found.pictures),
        "bytes_a_picture": cost.bytes_a_picture,
    }
