"""The report on what was learned: how often it is right, where it errs, which pictures look mislabelled."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from app.core.decode_pool import DecodePool
from indexer.reports import THUMBNAIL_PX, render, thumbnail_uris
from indexer.training.examples import MIN_PRODUCTS, Examples
from indexer.training.figures import CategoryFigures, Figures, Share
from indexer.training.suspects import Suspect

WELL_CALIBRATED: Final = 0.05
_POOR_RECALL: Final = 0.7
_OFTEN: Final = 3
_LISTED: Final = 5
_SHOWN: Final = 48
"""Pictures that look mislabelled; nobody looks through more at once."""


@dataclass(frozen=True, slots=True, eq=False)
class TrainingReport:
    """
    What a report tells.

    Attributes:
        subject: What was judged, for the title: “the trained head”.
        examples: What was learned from.
        figures: Of what answers say, on held-out pictures.
        others: Figures of other ways to tell, by what they are called.
        suspects: Pictures that look mislabelled, by their rows in the examples; None: nobody looked for them.
        method: How it was measured, in sentences.
        first_cards: Figures that stand before all others, each a label, a value and a note.
        used: What was used, by name: network, seed and the like.
        next_steps: What to do besides, at the end of the advice.
    """

    subject: str
    examples: Examples
    figures: Figures
    method: str
    used: Mapping[str, str]
    others: Mapping[str, Figures] = field(default_factory=dict)
    suspects: Sequence[Suspect] | None = None
    first_cards: Sequence[tuple[str, str, str]] = ()
    next_steps: Sequence[str] = ()

    def html(self, pool: DecodePool) -> str:
        """Return the report; `pool` makes its thumbnails."""
        examples, figures = self.examples, self.figures
        shown = (self.suspects or ())[:_SHOWN]
        paths = {suspect.row: examples.pictures[suspect.row].path for suspect in shown}
        thumbnails = thumbnail_uris(paths, THUMBNAIL_PX, pool)
        return render(
            "training.html",
            subject=self.subject,
            verdict=verdict(figures),
            facts=self._facts(),
            advice=self._advice(),
            cards=self._cards(),
            categories=examples.categories,
            category_rows=[self._row(each) for each in _worst_first(figures)],
            category_bars=[_bar(each) for each in _worst_first(figures)],
            left_out=_listed([f"{name} ({count})" for name, count in examples.left_out.items()]),
            confusion=figures.confusion.tolist(),
            calibration_error=f"{figures.calibration_error:.3f}",
            certainty_rows=[
                (f"{b.low:.1f} to {b.high:.1f}", f"{b.said:.2f}", f"{b.right.value:.2f}", f"{b.right.of:,}")
                for b in reversed(figures.bins)
            ],
            suspects=[self._suspect(each, thumbnails) for each in shown],
            suspect_count=None if self.suspects is None else len(self.suspects),
            method=self.method,
            method_rows=list(self.used.items()),
        )

    def _facts(self) -> str:
        examples = self.examples
        return (
            f"Learned from {len(examples):,} pictures of {examples.products:,} products in "
            f"{len(examples.categories):,} categories; tested with {self.figures.accuracy.of:,} of these pictures that "
            "were kept out of the learning."
            + (f" They were drawn by lot from {examples.drawn_from:,}." if examples.drawn_from else "")
        )

    def _cards(self) -> list[dict[str, str]]:
        figures = self.figures
        cards = [
            *({"label": label, "value": value, "note": note} for label, value, note in self.first_cards),
            {"label": "Right category", "value": _percent(figures.accuracy), "note": _between(figures.accuracy)},
            {
                "label": "Said and right apart by",
                "value": f"{figures.calibration_error:.3f}",
                "note": "0.9 means about nine in ten"
                if is_calibrated(figures)
                else "too few pictures to tell"
                if may_be_chance(figures)
                else "do not rely on probabilities",
                "tone": "" if is_calibrated(figures) or may_be_chance(figures) else "bad",
            },
        ]
        for name, other in self.others.items():
            cards.append({"label": name, "value": _percent(other.accuracy), "note": _between(other.accuracy)})
        if self.suspects is not None:
            cards.append({"label": "Look mislabelled", "value": f"{len(self.suspects):,}", "note": "pictures"})
        return [{"tone": "", **card} for card in cards]

    def _advice(self) -> list[object]:
        steps: list[object] = []
        if self.suspects:
            count = f"{len(self.suspects):,} pictures that look" if len(self.suspects) > 1 else "picture that looks"
            steps.append(
                {
                    "text": f"Look at the {count} mislabelled. Correct those that are wrong in your catalogue, index "
                    "and train again.",
                    "href": "#suspects",
                }
            )
        often = [pair for pair in self.figures.confused() if pair[2] >= _OFTEN][:2]
        steps += [
            {
                "text": f"“{own}” is taken for “{given}” ({count} pictures). If a picture cannot show the difference, "
                "join the two; otherwise look whether the shop itself tells them apart.",
                "href": "#confusions",
            }
            for own, given, count in often
        ]
        poor = [each.name for each in _worst_first(self.figures) if each.recall.of and each.recall.value < _POOR_RECALL]
        if poor:
            steps.append(
                {"text": f"Add products to {_listed(poor)}: they are not found well yet.", "href": "#categories"}
            )
        if self.examples.left_out:
            names = _listed(list(self.examples.left_out))
            steps.append(f"{names}: too few products to learn from. {MIN_PRODUCTS} are needed of each category.")
        if self.examples.without_category:
            steps.append(f"{self.examples.without_category:,} pictures have no category; state one to use them.")
        return [*steps, *self.next_steps]

    def _row(self, category: CategoryFigures) -> tuple[str, ...]:
        number = self.examples.categories.index(category.name)
        in_all = int((self.examples.labels == number).sum())
        precision = _percent(category.precision) if category.precision.of else "never given"
        return (category.name, _percent(category.recall), precision, f"{category.recall.of:,}", f"{in_all:,}")

    def _suspect(self, suspect: Suspect, thumbnails: Mapping[int, str]) -> dict[str, str]:
        picture = self.examples.pictures[suspect.row]
        return {
            "thumbnail": thumbnails[suspect.row],
            "product_id": picture.product_id,
            "title": picture.title,
            "stated": suspect.stated,
            "looks_like": suspect.looks_like,
            "probability": f"{suspect.probability:.2f}",
        }


def verdict(figures: Figures) -> str:
    """Return in a sentence or two how good the answers are."""
    low, high = figures.accuracy.interval
    right = (
        f"Of 100 pictures that it has not seen, it gives {figures.accuracy.value * 100:.0f} the right category "
        f"(between {low * 100:.0f} and {high * 100:.0f})."
    )
    sure = (
        "It knows how sure it is: when it says 0.9, about nine in ten are right."
        if is_calibrated(figures)
        else "Too few pictures were tested to tell whether it knows how sure it is."
        if may_be_chance(figures)
        else f"How sure it says it is does not fit well: on average it is {figures.calibration_error:.2f} off."
    )
    return f"{right} {sure}"


def is_calibrated(figures: Figures) -> bool:
    """Whether a probability can be taken for what it says."""
    return figures.calibration_error <= WELL_CALIBRATED


def may_be_chance(figures: Figures) -> bool:
    """
    Whether answers that mean what they say would show such a calibration error with so few pictures.

    Each bin is off by chance as the mean of its pictures is: about normal, so that its distance from what was said has
    a mean of sqrt(2/pi) deviations. Of a hundred pictures the sum is around 0.06.
    """
    tested = max(figures.accuracy.of, 1)
    deviations = [math.sqrt(each.right.of * each.said * (1 - each.said)) / tested for each in figures.bins]
    spread = math.sqrt((1 - 2 / math.pi) * sum(each**2 for each in deviations))
    return figures.calibration_error <= math.sqrt(2 / math.pi) * sum(deviations) + 2 * spread


def _worst_first(figures: Figures) -> list[CategoryFigures]:
    return sorted(figures.categories, key=lambda each: (each.recall.value if each.recall.of else 2, each.name))


def _bar(category: CategoryFigures) -> dict[str, object]:
    low, high = category.recall.interval
    share = category.recall.value
    return {"label": category.name, "share": share, "text": _percent(category.recall), "low": low, "high": high}


def _percent(share: Share) -> str:
    return f"{share.value * 100:.1f}\N{NO-BREAK SPACE}%" if share.of else "not tested"


def _between(share: Share) -> str:
    low, high = share.interval
    return f"between {low * 100:.1f} and {high * 100:.1f}\N{NO-BREAK SPACE}%"


def _listed(names: Sequence[str]) -> str:
    more = f" and {len(names) - _LISTED:,} more" if len(names) > _LISTED else ""
    return ", ".join(names[:_LISTED]) + more
