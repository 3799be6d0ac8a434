"""How near a runtime comes to float32, as the figures say it."""

import numpy as np
import pytest

from app.core.arrays import Float32Array
from app.core.runtimes.base import Output, no_regions
from indexer.optimising.agreement import Figure, compare, is_near_enough

PICTURES = 200


@pytest.fixture
def reference() -> Output:
    """What float32 says of some pictures."""
    generator = np.random.default_rng(5)
    return _output(generator.standard_normal((PICTURES, 64)), generator.standard_normal((PICTURES, 1000)))


def test_the_same_answers_agree_in_everything(reference: Output) -> None:
    """However long the activations are: only their direction counts."""
    figures = compare(reference, _output(3 * reference.activation, reference.logits))
    assert {figure.slug: round(figure.value, 6) for figure in figures} == {
        "cosine_mean": 1.0,
        "cosine_lowest": 1.0,
        "overlap_at_10": 1.0,
        "overlap_at_10_of_queries": 1.0,
        "first_hit_kept": 1.0,
        "first_hit_same": 1.0,
        "class_same": 1.0,
    }
    assert is_near_enough(figures)


@pytest.mark.parametrize(("noise", "is_accepted"), [(0.01, True), (0.1, False), (1.0, False)])
def test_noise_is_told_by_all_figures(reference: Output, noise: float, *, is_accepted: bool) -> None:
    """A little changes the order of hits that are alike; more of it, which ones there are."""
    generator = np.random.default_rng(6)
    added = noise * generator.standard_normal(reference.activation.shape)
    figures = compare(reference, _output(reference.activation + added, reference.logits))
    values = _values(figures)
    assert values["cosine_mean"] == pytest.approx((1 + noise**2) ** -0.5, abs=0.005)
    assert values["cosine_lowest"] < values["cosine_mean"] < 1
    assert values["overlap_at_10"] <= values["overlap_at_10_of_queries"] < 1
    assert values["first_hit_same"] <= values["first_hit_kept"]
    assert is_near_enough(figures) is is_accepted


def test_one_picture_that_is_far_off_is_told(reference: Output) -> None:
    """By the lowest cosine; the means hardly show it."""
    activation = reference.activation.copy()
    activation[7] *= -1
    values = _values(compare(reference, _output(activation, reference.logits)))
    assert values["cosine_lowest"] == pytest.approx(-1)
    assert values["cosine_mean"] == pytest.approx(1 - 2 / PICTURES)


def test_other_classes_alone_are_not_near_enough(reference: Output) -> None:
    """The service shows them too."""
    logits = reference.logits.copy()
    logits[:20] = np.roll(logits[:20], 1, axis=1)
    figures = compare(reference, _output(reference.activation, logits))
    assert _values(figures)["class_same"] == pytest.approx(0.9)
    assert not is_near_enough(figures)


def test_a_network_without_classes_is_judged_without_them(reference: Output) -> None:
    """There is no figure of them."""
    without = _output(reference.activation, np.zeros((PICTURES, 0)))
    figures = compare(without, without)
    assert "class_same" not in _values(figures)
    assert is_near_enough(figures)


@pytest.mark.parametrize("value", [0.0, np.nan])
def test_answers_that_are_none_are_not_near(reference: Output, value: float) -> None:
    """Zeros, or no numbers at all."""
    figures = compare(reference, _output(np.full_like(reference.activation, value), reference.logits))
    assert not is_near_enough(figures)


def test_a_figure_of_which_nothing_is_asked_is_only_told() -> None:
    """Whatever it is."""
    assert Figure("lowest", "the lowest", -1.0, None).is_met


def _output(activation: np.ndarray, logits: np.ndarray) -> Output:
    count = len(activation)
    rows: Float32Array = activation.astype(np.float32)
    return Output(rows, logits.astype(np.float32), no_regions(count))


def _values(figures: tuple[Figure, ...]) -> dict[str, float]:
    return {figure.slug: figure.value for figure in figures}
