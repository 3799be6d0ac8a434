"""
Pictures that look like another category than the shop put them in.

In the spirit of confident learning (Northcutt, Jiang and Chuang 2021, "Confident Learning: Estimating Uncertainty in
Dataset Labels", JAIR 70): what counts is not that a held-out judgement differs from the label, but how likely a wrong
label is, given how sure the judgement is, how often such judgements are wrong about this category, and how many labels
of the catalogue are wrong. The last is estimated from the catalogue itself, so that a tidy one has few suspects.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from app.core.arrays import BoolArray, Float32Array, Int32Array, Int64Array
from app.core.vector_index import VectorIndex
from indexer.doctor.discriminant import NO_LABEL, folds_of, held_out_logits, moments
from indexer.doctor.neighbours import Neighbours

SEED: Final = 20170401
LEAST_PICTURES: Final = 8
"""Categories with fewer pictures are not judged: some fold would know next to nothing of them."""
_SHRINKAGES: Final = (0.03, 0.1, 0.3)
_NEIGHBOUR_SHARES: Final = (0.0, 0.25, 0.5, 1.0)
_TEMPERATURES: Final = np.geomspace(0.5, 40, 36)
_TUNED_ROWS: Final = 20_000
_SURE_OF_A_NEIGHBOUR: Final = 0.05
"""What each category gets beside the votes, so that ten neighbours of one category do not rule out the others."""


@dataclass(frozen=True, eq=False, slots=True)
class Judgement:
    """
    What the pictures look like.

    Attributes:
        categories: Names by number; those with too few pictures are not among them.
        labels: Shape (n,): the number of each picture's own category, or NO_LABEL.
        suggested: Shape (n,): the most likely other category.
        own: Shape (n,): probability of the picture's own category, held out; 1 where there is no label.
        wrong: Shape (n,): probability that the label is wrong; 0 where there is none.
        accuracy: Share of the pictures that the held-out judgement puts into their own category.
        wrong_share: Share of the labels that are wrong, as estimated.
    """

    categories: tuple[str, ...]
    labels: Int64Array
    suggested: Int64Array
    own: Float32Array
    wrong: Float32Array
    accuracy: float
    wrong_share: float


def judge_labels(
    index: VectorIndex, names: Sequence[str | None], row_products: Int32Array, neighbours: Neighbours
) -> Judgement | None:
    """Judge the category of each picture (`names`, by row); None where there are not two categories to tell apart."""
    categories, labels = _numbered(names)
    if len(categories) < 2:
        return None
    folds = folds_of(row_products, SEED)
    found = moments(index, labels, folds, len(categories))
    votes = _votes(labels, neighbours, len(categories))
    labelled = labels != NO_LABEL
    sample = _sample(labelled)
    best: _Fit | None = None
    for shrinkage in _SHRINKAGES:
        logits = held_out_logits(index, folds, found, shrinkage, sample)
        fit = _tuned(logits, votes[sample], labels[sample], shrinkage)
        best = fit if best is None or fit.likelihood > best.likelihood else best
    assert best is not None  # noqa: S101  # there is a shrinkage to try
    logits = held_out_logits(index, folds, found, best.shrinkage, labelled)
    return _judged(categories, labels, _probabilities(logits, votes[labelled], best), best)


@dataclass(frozen=True, slots=True)
class _Fit:
    shrinkage: float
    temperature: float
    neighbour_share: float
    wrong_share: float
    likelihood: float


def _numbered(names: Sequence[str | None]) -> tuple[tuple[str, ...], Int64Array]:
    """Return the categories that have pictures enough, and a number for each picture."""
    counts: dict[str, int] = {}
    for name in names:
        if name is not None:
            counts[name] = counts.get(name, 0) + 1
    categories = tuple(sorted(name for name, count in counts.items() if count >= LEAST_PICTURES))
    numbers = {name: number for number, name in enumerate(categories)}
    return categories, np.array([numbers.get(name, NO_LABEL) if name else NO_LABEL for name in names], np.int64)


def _sample(labelled: BoolArray) -> BoolArray:
    """Return which rows to tune on: all, or as many as are enough."""
    rows = np.flatnonzero(labelled)
    if len(rows) > _TUNED_ROWS:
        rows = np.random.default_rng(SEED).choice(rows, _TUNED_ROWS, replace=False)
    sample = np.zeros(len(labelled), np.bool_)
    sample[rows] = True
    return sample


def _votes(labels: Int64Array, neighbours: Neighbours, categories: int) -> Float32Array:
    """Return the logarithm of the share of each picture's neighbours that are of each category, shape (n, c)."""
    shares = np.full((len(labels), categories), _SURE_OF_A_NEIGHBOUR, np.float32)
    for rows in neighbours.rows.T:
        voted = np.where(rows >= 0, labels[rows], NO_LABEL)
        counted = np.flatnonzero(voted != NO_LABEL)
        shares[counted, voted[counted]] += 1
    logarithms: Float32Array = np.log(shares / shares.sum(axis=1, keepdims=True))
    return logarithms


def _tuned(logits: Float32Array, votes: Float32Array, labels: Int64Array, shrinkage: float) -> _Fit:
    """Return the temperature, the weight of the neighbours and the share of wrong labels that explain most."""
    fits = []
    for neighbour_share in _NEIGHBOUR_SHARES:
        for temperature in _TEMPERATURES:
            fit = _Fit(shrinkage, float(temperature), neighbour_share, 0, 0)
            own = _probabilities(logits, votes, fit)[np.arange(len(labels)), labels]
            wrong_share, likelihood = _explained(own.astype(np.float64), logits.shape[1])
            fits.append(_Fit(shrinkage, float(temperature), neighbour_share, wrong_share, likelihood))
    return max(fits, key=lambda fit: fit.likelihood)


def _explained(own: np.ndarray[tuple[int, ...], np.dtype[np.float64]], categories: int) -> tuple[float, float]:
    """
    Return the share of wrong labels that makes the labels most likely, and their mean log-likelihood.

    A wrong label is taken to be any of the other categories alike. Expectation maximisation, from one in twenty.
    """
    share = 0.05
    for _ in range(30):
        stray = share / (categories - 1) * (1 - own)
        right = (1 - share) * own
        share = float((stray / (stray + right + 1e-300)).mean())
    likelihood = np.log((1 - share) * own + share / (categories - 1) * (1 - own) + 1e-300)
    return share, float(likelihood.mean())


def _probabilities(logits: Float32Array, votes: Float32Array, fit: _Fit) -> Float32Array:
    """Return the probability of each category, shape (n, c)."""
    combined = logits / np.float32(fit.temperature) + np.float32(fit.neighbour_share) * votes
    combined -= combined.max(axis=1, keepdims=True)
    exponentials = np.exp(combined)
    probabilities: Float32Array = exponentials / exponentials.sum(axis=1, keepdims=True)
    return probabilities


def _judged(categories: tuple[str, ...], labels: Int64Array, probabilities: Float32Array, fit: _Fit) -> Judgement:
    labelled = np.flatnonzero(labels != NO_LABEL)
    positions = np.arange(len(labelled))
    own_labels = labels[labelled]
    own = probabilities[positions, own_labels].astype(np.float64)
    accuracy = float((probabilities.argmax(axis=1) == own_labels).mean())
    others = probabilities.copy()
    others[positions, own_labels] = -1
    suggested = np.full(len(labels), NO_LABEL, np.int64)
    suggested[labelled] = others.argmax(axis=1)
    stray = fit.wrong_share / (len(categories) - 1) * (1 - own)
    all_own = np.ones(len(labels), np.float32)
    all_own[labelled] = own
    wrong = np.zeros(len(labels), np.float32)
    wrong[labelled] = stray / (stray + (1 - fit.wrong_share) * own + 1e-300)
    return Judgement(categories, labels, suggested, all_own, wrong, accuracy, fit.wrong_share)
