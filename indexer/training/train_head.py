"""
Training a head on embeddings: divide, choose, calibrate, test, then learn from everything.

    all ─┬─ held out (a tenth of each category) ────────────────────────────────────────→ the figures
         └─ the rest ─ five folds → regularisation, join with the neighbours ─ learn ─┘
    all ─ learn with what was chosen → the head that is saved

The figures are from pictures of which nothing was learned or chosen; the head that is saved knows those as well.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np

from app.core.arrays import Float32Array, Float64Array, Int64Array
from app.core.category_head import joined_probabilities
from app.core.errors import EmbeddingNotFinite
from indexer.progress import Progress
from indexer.training.calibration import Join, fit_join
from indexer.training.examples import Examples
from indexer.training.features import Features
from indexer.training.figures import Figures, measure
from indexer.training.regression import Layers, example_weights, fit
from indexer.training.selection import STRENGTHS, Selection, choose_strength
from indexer.training.split import folds, hold_out
from indexer.training.suspects import Suspect, find_suspects
from indexer.training.votes import neighbour_votes

CALIBRATED_WITH: Final = 1_500
"""Pictures that the join with the neighbours is fitted on: two values need no more."""
LOOKED_INTO: Final = 1_000
"""Pictures that may turn out to be mislabelled, whose neighbours are asked too."""


@dataclass(frozen=True, slots=True, eq=False)
class Learned:
    """
    What was learned of c categories from embeddings of d values, and how good it is.

    Attributes:
        features: What it looks at.
        weight: Shape (c, m), for similarities to the features' landmarks.
        bias: Shape (c,).
        join: With the neighbours.
        strength: Of the regularisation.
        tried: Each strength that was tried, with the loss on pictures of other folds.
        held_out: Pictures that the figures are from.
        combined: Figures of head and neighbours together: what answers say.
        head: Figures of the head alone.
        neighbours: Figures of the neighbours alone.
        suspects: Pictures that look mislabelled.
    """

    features: Features
    weight: Float32Array
    bias: Float32Array
    join: Join
    strength: float
    tried: tuple[tuple[float, float], ...]
    held_out: int
    combined: Figures
    head: Figures
    neighbours: Figures
    suspects: list[Suspect]


def train_head(examples: Examples, embeddings: Float32Array, *, seed: int, progress: Progress) -> Learned:
    """
    Learn the categories of n pictures with embeddings of shape (n, d), unit-norm.

    Raises:
        EmbeddingNotFinite: One of them holds NaN or infinity.
    """
    if not (finite := np.isfinite(embeddings).all(axis=1)).all():
        picture = examples.pictures[int(np.argmin(finite))]
        raise EmbeddingNotFinite(f"The embedding of a picture of product {picture.product_id} holds NaN or infinity.")
    progress.phase("Comparing pictures with landmarks")
    held = hold_out(examples.labels, examples.groups, seed=seed)
    part = _Part(examples, embeddings, rest=np.flatnonzero(~held), held_out=np.flatnonzero(held), seed=seed)
    selection = part.choose(progress)
    join = part.calibrate(selection, progress)
    layers = part.learn(selection)
    head_logs = part.held_out_logs(layers)
    progress.phase("Testing on held-out pictures", len(part.held_out))
    votes = neighbour_votes(examples, embeddings, part.held_out, part.rest, progress.advance)
    truth = examples.labels[part.held_out]
    joined = joined_probabilities(head_logs, votes, join.head_share, join.temperature)
    logs = np.empty((len(examples), len(examples.categories)))
    logs[part.rest], logs[part.held_out] = selection.logs, head_logs
    suspects = _suspects(examples, embeddings, logs, join, progress)
    progress.phase("Learning from all pictures")
    weight, bias = part.learn_all(selection)
    return Learned(
        features=part.features,
        weight=weight,
        bias=bias,
        join=join,
        strength=selection.strength,
        tried=selection.tried,
        held_out=len(truth),
        combined=measure(truth, joined, examples.categories),
        head=measure(truth, np.exp(head_logs), examples.categories),
        neighbours=measure(truth, votes, examples.categories),
        suspects=suspects,
    )


class _Part:
    """The pictures that are learned from until the figures are known; the landmarks are among them."""

    def __init__(
        self, examples: Examples, embeddings: Float32Array, *, rest: Int64Array, held_out: Int64Array, seed: int
    ) -> None:
        self._examples = examples
        self._embeddings = embeddings
        self._seed = seed
        self.rest, self.held_out = rest, held_out
        self.features = Features.of(embeddings[rest], seed=seed)
        self._seen = self.features.apply(embeddings)
        self._learned_from = self._seen[rest]
        self._labels = examples.labels[rest]

    def choose(self, progress: Progress) -> Selection:
        """Choose the regularisation."""
        progress.phase("Choosing how strongly to regularise", len(STRENGTHS))
        fold_of = folds(self._labels, self._examples.groups[self.rest], seed=self._seed)
        return choose_strength(self._learned_from, self._labels, fold_of, progress.advance)

    def calibrate(self, selection: Selection, progress: Progress) -> Join:
        """Fit the join with the neighbours to pictures that the head had not learned from."""
        generator = np.random.default_rng([self._seed, 2])
        count = min(len(self.rest), CALIBRATED_WITH)
        chosen = np.sort(generator.choice(len(self.rest), count, replace=False))
        progress.phase("Asking the neighbours", count)
        votes = neighbour_votes(self._examples, self._embeddings, self.rest[chosen], self.rest, progress.advance)
        return fit_join(selection.logs[chosen], votes, self._labels[chosen])

    def learn(self, selection: Selection) -> Layers:
        """Learn from all but the held-out pictures."""
        return _learn(self._learned_from, self._labels, selection)

    def held_out_logs(self, layers: Layers) -> Float64Array:
        """Return what the head says of the held-out pictures, as logarithms, shape (held out, c)."""
        return layers.logs(self._seen[self.held_out])[:, 0]

    def learn_all(self, selection: Selection) -> tuple[Float32Array, Float32Array]:
        """Learn from the held-out pictures too, and return weight and bias for similarities."""
        return self.features.folded(_learn(self._seen, self._examples.labels, selection))


def _learn(features: Float32Array, labels: Int64Array, selection: Selection) -> Layers:
    weights = example_weights(labels, np.ones((len(labels), 1), np.bool_))
    return fit(features, labels, weights, strength=selection.strength, start=selection.start)


def _suspects(
    examples: Examples, embeddings: Float32Array, logs: Float64Array, join: Join, progress: Progress
) -> list[Suspect]:
    """Return the pictures that look mislabelled; of those that the head doubts, the neighbours are asked too."""
    own = logs[np.arange(len(examples)), examples.labels]
    doubt = logs.max(axis=1) - own
    doubted = np.argsort(-doubt, kind="stable")[:LOOKED_INTO]
    doubted = np.sort(doubted[doubt[doubted] > 0])
    progress.phase("Looking for wrong categories", len(doubted))
    votes = neighbour_votes(examples, embeddings, doubted, np.arange(len(examples)), progress.advance)
    joined = joined_probabilities(logs[doubted], votes, join.head_share, join.temperature)
    return find_suspects(doubted, examples.labels[doubted], joined, examples.categories)
