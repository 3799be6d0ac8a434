"""
Choosing without fooling oneself: weights and winner are chosen on one half of the queries, figures are of the other.

A weight that was picked because it is best on some queries looks better on them than it is.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from app.core.arrays import BoolArray, Float64Array, Int32Array
from indexer.evaluation.bootstrap import Estimate, estimates
from indexer.evaluation.networks.candidates import Candidate
from indexer.evaluation.networks.scores import Values


@dataclass(frozen=True, slots=True)
class Finalist:
    """
    A network, or the best mixture of two.

    Attributes:
        candidate: What it is.
        chosen_by: The mean that it was chosen by, on the first half.
        figures: On the second half, by name.
        gain: What it finds more than the baseline, on the second half, query by query.
    """

    candidate: Candidate
    chosen_by: float
    figures: dict[str, Estimate]
    gain: Estimate


@dataclass(frozen=True, slots=True)
class Choice:
    """
    What came of it.

    Attributes:
        criterion: Name of the figure that was chosen by.
        finalists: By falling `chosen_by`.
        baseline: What the others are compared with: the network in use.
        winner: The best on the first half.
        chosen_with: Queries of the first half that could be judged.
        measured_with: Queries of the second half that could be judged.
    """

    criterion: str
    finalists: tuple[Finalist, ...]
    baseline: Finalist
    winner: Finalist
    chosen_with: int
    measured_with: int

    @property
    def is_better(self) -> bool:
        """Whether the winner finds more than the baseline, as far as the second half can tell."""
        return self.winner.gain.low > 0


def halves(clusters: Int32Array, *, seed: int) -> BoolArray:
    """Return which queries are of the first half, shape (q,); those of one product are on one side."""
    names, members = np.unique(clusters, return_inverse=True)
    order = np.random.default_rng([seed, 5]).permutation(len(names))
    is_first: BoolArray = (order < len(names) / 2)[members]
    return is_first


def choose(
    families: Sequence[Sequence[tuple[Candidate, Values]]],
    baseline: Candidate,
    clusters: Int32Array,
    *,
    criterion: str,
    k: int,
    seed: int,
) -> Choice | None:
    """
    Return the best of each family, and the best of all; None where a half has nothing to find.

    Args:
        families: Candidates with what they find; the baseline is one of them.
        baseline: What is in use.
        clusters: Shape (q,): what the queries belong to.
        criterion: Name of the figure that decides.
        k: Hits that a shopper sees.
        seed: Of the halves and the intervals.
    """
    is_first = halves(clusters, seed=seed)

    def mean_of(values: Values) -> float:
        return float(np.nanmean(values.named(k)[criterion][is_first]))

    defined = ~np.isnan(families[0][0][1].precision)
    chosen_with, measured_with = int((defined & is_first).sum()), int((defined & ~is_first).sum())
    if not chosen_with or not measured_with:
        return None
    best = [max(family, key=lambda each: mean_of(each[1])) for family in families]
    known = {candidate: values for family in families for candidate, values in family}
    if baseline not in {candidate for candidate, _ in best}:
        best.append((baseline, known[baseline]))
    before = known[baseline].named(k)[criterion]
    finalists = [
        Finalist(
            candidate,
            mean_of(values),
            estimates(_kept(values.named(k), ~is_first), clusters[~is_first], seed=seed),
            estimates({"gain": (values.named(k)[criterion] - before)[~is_first]}, clusters[~is_first], seed=seed)[
                "gain"
            ],
        )
        for candidate, values in best
    ]
    finalists.sort(key=lambda finalist: -finalist.chosen_by)
    in_use = next(finalist for finalist in finalists if finalist.candidate == baseline)
    return Choice(criterion, tuple(finalists), in_use, finalists[0], chosen_with, measured_with)


def _kept(values: dict[str, Float64Array], where: BoolArray) -> dict[str, Float64Array]:
    return {name: each[where] for name, each in values.items()}
