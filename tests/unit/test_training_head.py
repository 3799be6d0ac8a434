"""Training a head on made-up embeddings."""

from dataclasses import replace

import numpy as np
import pytest

from app.core.category_head import log_softmax, rooted, similarities
from app.core.errors import EmbeddingNotFinite
from indexer.progress import Silent
from indexer.training.calibration import fit_join
from indexer.training.features import Features
from indexer.training.figures import measure
from indexer.training.regression import Layers, example_weights, fit
from indexer.training.selection import STRENGTHS, choose_strength
from indexer.training.split import folds, hold_out
from indexer.training.train_head import Learned, train_head
from indexer.training.votes import neighbour_votes
from tests.support.training import made_up

COUNTS = {"bags": 120, "lamps": 60, "mugs": 90}


def _train(noise: float = 1.0, seed: int = 0) -> Learned:
    examples, embeddings = made_up(COUNTS, noise=noise)
    return train_head(examples, embeddings, seed=seed, progress=Silent())


def test_what_can_be_told_is_told() -> None:
    """Categories that lie apart are learned without an error, and the head is as sure as it is right."""
    learned = _train(noise=0.3)
    assert learned.combined.accuracy.value == learned.head.accuracy.value == 1
    assert learned.held_out == 27
    assert learned.combined.calibration_error < 0.05
    assert learned.suspects == []


def test_what_cannot_be_told_is_not_claimed() -> None:
    """From noise alone nobody learns; the answers say so by being unsure."""
    learned = _train(noise=50)
    first = max(learned.combined.bins, key=lambda each: each.right.of)
    assert learned.combined.accuracy.value < 0.7
    assert first.said < 0.7
    assert learned.strength == STRENGTHS[0]


def test_the_seed_decides_everything() -> None:
    """The same one gives the same head, bit by bit; another one tests with other pictures."""
    first, again, other = _train(seed=3), _train(seed=3), _train(seed=4)
    assert np.array_equal(first.weight, again.weight)
    assert (first.join, first.strength, first.tried) == (again.join, again.strength, again.tried)
    assert not np.array_equal(first.weight, other.weight) or first.combined.bins != other.combined.bins


def test_planted_wrong_labels_are_suspected() -> None:
    """Pictures of three products get another category; they are listed, with the one that they look like."""
    examples, embeddings = made_up(COUNTS, noise=0.5)
    planted = {5: 1, 130: 2, 200: 0}
    labels = examples.labels.copy()
    for row, label in planted.items():
        labels[row] = label
    held = hold_out(labels, examples.groups, seed=0)

    learned = train_head(replace(examples, labels=labels), embeddings, seed=0, progress=Silent())

    found = {suspect.row: suspect for suspect in learned.suspects}
    assert set(found) == set(planted)
    assert [found[row].looks_like for row in planted] == ["bags", "lamps", "mugs"]
    assert not held[list(planted)].all()  # they are found whether they were learned from or not


def test_an_embedding_that_is_not_a_number_is_refused_by_name() -> None:
    """One NaN would make every weight NaN."""
    examples, embeddings = made_up(COUNTS)
    embeddings[7, 3] = np.nan
    with pytest.raises(EmbeddingNotFinite, match=examples.pictures[7].product_id):
        train_head(examples, embeddings, seed=0, progress=Silent())


def test_values_that_never_change_do_no_harm() -> None:
    """As with activations that are zero for every picture of a catalogue."""
    examples, embeddings = made_up(COUNTS, noise=0.3)
    embeddings[:, 4] = 0
    learned = train_head(examples, embeddings, seed=0, progress=Silent())
    assert np.isfinite(learned.weight).all()
    assert learned.combined.accuracy.value == 1


def test_the_saved_layer_says_of_embeddings_what_the_regression_says_of_features() -> None:
    """The way from similarities to features is folded into it, and it is saved without loss."""
    examples, embeddings = made_up(COUNTS)
    features = Features.of(embeddings, seed=0)
    seen = features.apply(embeddings)
    weights = example_weights(examples.labels, np.ones((len(examples), 1), np.bool_))
    layers = fit(seen, examples.labels, weights, strength=0.01, start=Layers.zero(seen.shape[1], 1, 3))
    weight, bias = features.folded(layers)
    logits = similarities(embeddings, features.landmarks, features.sharpness) @ weight.T + bias
    assert log_softmax(logits) == pytest.approx(layers.logs(seen)[:, 0], abs=1e-3)


def test_scalar_products_of_features_are_similarities() -> None:
    """Where every picture is a landmark, of any two of them."""
    _, embeddings = made_up({"a": 20, "b": 20})
    features = Features.of(embeddings, seed=0)
    whole = features.apply(embeddings) + features.mean
    expected = similarities(embeddings, rooted(embeddings), features.sharpness)
    assert whole @ whole.T / (whole[0] @ whole[0]) == pytest.approx(expected, abs=1e-3)


def test_copies_among_the_landmarks_do_no_harm() -> None:
    """As in a catalogue that shows one picture for many products."""
    _, embeddings = made_up({"a": 20, "b": 20})
    embeddings[:] = embeddings[0]
    features = Features.of(embeddings, seed=0)
    assert np.isfinite(features.apply(embeddings)).all()


def test_several_regressions_at_once_are_each_what_they_are_alone() -> None:
    """The folds share the work and nothing else."""
    examples, embeddings = made_up({"a": 40, "b": 30})
    features = Features.of(embeddings, seed=0).apply(embeddings)
    used = folds(examples.labels, examples.groups, seed=0, count=3)[:, np.newaxis] != np.arange(3)
    weights = example_weights(examples.labels, used)

    def learn(chosen: list[int]) -> Layers:
        start = Layers.zero(features.shape[1], len(chosen), 2)
        return fit(features, examples.labels, weights[:, chosen], strength=0.1, start=start, tolerance=1e-7)

    together = learn([0, 1, 2]).logs(features)
    for k in range(3):
        assert together[:, k] == pytest.approx(learn([k]).logs(features)[:, 0], abs=0.01)


def test_rare_categories_count_more_than_their_number() -> None:
    """With the root of it, so that a category of four times the pictures counts twice as much."""
    labels = np.array([0] * 16 + [1] * 4)
    weights = example_weights(labels, np.ones((20, 1), np.bool_))[:, 0]
    assert weights.sum() == pytest.approx(1)
    assert weights[labels == 0].sum() / weights[labels == 1].sum() == pytest.approx(2)


def test_no_picture_is_judged_by_what_learned_from_it() -> None:
    """Labels without any sense are learned by heart by the fold's own pictures, and by no other."""
    generator = np.random.default_rng(0)
    scaled = generator.standard_normal((60, 200)).astype(np.float32)
    labels = generator.integers(0, 2, 60)
    selection = choose_strength(scaled, labels, np.arange(60) % 5)
    right = (selection.logs.argmax(axis=1) == labels).mean()
    assert 0.2 < right < 0.8


def test_the_search_ends_when_pictures_that_were_not_learned_from_are_told_worse() -> None:
    """Weaker regularisation is not tried any more: early stop."""
    generator = np.random.default_rng(0)
    scaled = generator.standard_normal((60, 200)).astype(np.float32)
    selection = choose_strength(scaled, generator.integers(0, 2, 60), np.arange(60) % 5)
    assert len(selection.tried) < len(STRENGTHS)
    assert selection.strength == min(selection.tried, key=lambda each: each[1])[0]


def test_neighbours_of_the_same_product_do_not_vote() -> None:
    """Two pictures of one product are alike; what counts is what others say."""
    examples, embeddings = made_up({"a": 30, "b": 30}, pictures=2, noise=0.3)
    labels = examples.labels.copy()
    labels[:2] = 1  # both pictures of the first product, which looks like an a
    everything = np.arange(len(examples))
    votes = neighbour_votes(replace(examples, labels=labels), embeddings, np.array([0]), everything)
    assert votes[0].tolist() == pytest.approx([1, 0])


def test_a_product_with_many_pictures_has_one_vote() -> None:
    """As in a search, where it is one hit."""
    examples, embeddings = made_up({"a": 5, "b": 5}, pictures=4, noise=0.01)
    votes = neighbour_votes(examples, embeddings, np.array([0]), np.arange(len(examples)))
    assert votes[0, 0] > 0.9


@pytest.mark.parametrize("sharpness", [0.3, 3.0])
def test_answers_that_are_too_sure_or_too_doubtful_are_set_right(sharpness: float) -> None:
    """Whatever the temperature of head and neighbours, joined they say what is right."""
    generator = np.random.default_rng(1)
    truth = generator.dirichlet([0.4] * 4, 4_000)
    labels = (truth.cumsum(axis=1) > generator.random((4_000, 1))).argmax(axis=1)
    logs = log_softmax(np.log(truth + 1e-9) * sharpness)
    votes = np.full_like(truth, 0.25)

    join = fit_join(logs, votes, labels)

    joined = np.exp(log_softmax(logs * join.head_share / join.temperature))
    assert measure(labels, joined, ("a", "b", "c", "d")).calibration_error < 0.03
    assert join.head_share / join.temperature == pytest.approx(1 / sharpness, rel=0.15)
