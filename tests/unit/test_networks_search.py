"""The search for networks: mixtures without their embeddings, and a choice that does not fool itself."""

from pathlib import Path

import numpy as np
import pytest

from app.core.arrays import Float32Array
from app.core.embedder import joined_embeddings
from app.core.errors import UnknownNetwork
from app.core.settings import Settings
from indexer.evaluation.networks.candidates import GRID, Candidate, families, networks_at_hand, singles_of
from indexer.evaluation.networks.choice import choose, halves
from indexer.evaluation.networks.costs import Cost
from indexer.evaluation.networks.scores import Seen, Values, evaluate_candidates
from indexer.evaluation.networks.searching import Found
from indexer.evaluation.networks.summary import networks_document, networks_report
from indexer.evaluation.ranking import Searched, evaluate_held_out, held_out
from indexer.training.figures import Share
from lookalike.commands.search_networks import print_found

A, B = Candidate(("a",), (1.0,)), Candidate(("b",), (1.0,))
MIXED = Candidate(("a", "b"), (0.6, 0.4))
PICTURES, PRODUCTS = 90, 60


def _embeddings(dimension: int, seed: int) -> Float32Array:
    rows = np.random.default_rng(seed).standard_normal((PICTURES, dimension)).astype(np.float32)
    unit: Float32Array = rows / np.linalg.norm(rows, axis=1, keepdims=True)
    return unit


def _searched(embeddings: Float32Array) -> Searched:
    numbers = np.sort(np.concatenate([np.arange(PRODUCTS), np.arange(PICTURES - PRODUCTS)]))
    return Searched(embeddings, numbers, np.arange(PRODUCTS) % 4)


def _values(right: list[float]) -> Values:
    figures = np.array(right)
    return Values(figures, figures, figures)


@pytest.mark.parametrize("aim", ["by_category", "by_product"])
def test_a_mixture_of_cosines_is_the_network_that_joins_them(aim: str) -> None:
    """The figures are those of the joined embeddings, which were never made."""
    parts = _embeddings(8, 0), _embeddings(24, 1)
    joined = _searched(joined_embeddings(parts, MIXED.shares))
    rows = np.arange(PICTURES)
    seen = {
        name: Seen(held_out(_searched(each), rows), _searched(each)) for name, each in zip("ab", parts, strict=True)
    }

    (values,) = evaluate_candidates(seen, [MIXED], aim=aim, k=10)  # type: ignore[arg-type]

    expected = getattr(evaluate_held_out(joined), aim)
    assert values.precision == pytest.approx(expected.precision, nan_ok=True)
    assert values.average_precision == pytest.approx(expected.average_precision, nan_ok=True)
    assert np.isnan(values.first_hit).tolist() == np.isnan(expected.precision).tolist()


def test_pairs_are_tried_on_a_grid_and_what_was_named_as_it_is() -> None:
    """Each network alone, each pair with every share, and a mixture of three because somebody named it."""
    three = Candidate.named("vgg16*0.5+vgg19*0.25+efficientnet_lite0*0.25")
    singles = singles_of(["vgg16", three.name])
    tried = list(families(singles, [Candidate.named("vgg16"), three, Candidate.named("vgg16*4+vgg19*6")]))

    assert singles == ["vgg16", "vgg19", "efficientnet_lite0"]
    assert [len(family) for family in tried] == [1, 1, 1, *[len(GRID)] * 3, 1]
    assert tried[-1] == [three]
    assert "vgg16*0.4+vgg19*0.6" in [candidate.name for candidate in tried[3]]
    assert "vgg16+vgg19" in [candidate.name for candidate in tried[3]]


def test_a_name_that_is_none_is_refused() -> None:
    """Before anything is embedded."""
    with pytest.raises(UnknownNetwork, match="no network named"):
        Candidate.named("nonsense*0.5+vgg16*0.5")


def test_networks_at_hand_are_those_with_weights(tmp_path: Path) -> None:
    """What came along, and what lies in the weights folder."""
    files = "trained--shop.safetensors", "timm--resnet18.a1_in1k.pth", "vgg19.safetensors"
    others = "notes.txt", "trained--No Name.safetensors"
    for name in (*files, *others):
        (tmp_path / name).touch()
    settings = Settings(data_dir=tmp_path / "data", weights_dir=tmp_path)
    assert networks_at_hand(settings) == ["vgg19", "efficientnet_lite0", "timm:resnet18.a1_in1k", "trained:shop"]


def test_pictures_of_one_product_are_on_one_side() -> None:
    """So that nothing that was chosen by is measured with."""
    clusters = np.repeat(np.arange(20, dtype=np.int32), 3)
    is_first = halves(clusters, seed=0)
    assert 20 < is_first.sum() < 40
    assert all(len(set(is_first[clusters == cluster].tolist())) == 1 for cluster in range(20))


def test_what_was_lucky_on_one_half_is_judged_by_the_other() -> None:
    """A mixture that is right on the first half alone is chosen, and shown with what it is worth."""
    clusters = np.arange(200, dtype=np.int32)
    is_first = halves(clusters, seed=3)
    steady = _values([0.5] * 200)
    lucky = _values(np.where(is_first, 1.0, 0.0).tolist())

    choice = choose([[(A, steady)], [(MIXED, lucky)]], A, clusters, criterion="precision_at_10", k=10, seed=3)

    assert choice is not None
    assert choice.winner.candidate == MIXED
    assert choice.winner.figures["precision_at_10"].value == 0
    assert choice.winner.gain.value == pytest.approx(-0.5)
    assert not choice.is_better
    assert choice.chosen_with + choice.measured_with == 200


def test_a_gain_that_lasts_is_told() -> None:
    """The best of a family is chosen, and the interval of the difference is above 0."""
    clusters = np.arange(200, dtype=np.int32)
    rng = np.random.default_rng(0)
    base = rng.uniform(0.3, 0.6, 200)
    worse, better = _values((base - 0.1).tolist()), _values((base + 0.1 + rng.normal(0, 0.01, 200)).tolist())
    other = Candidate(("a", "b"), (0.2, 0.8))

    choice = choose(
        [[(A, _values(base.tolist()))], [(other, worse), (MIXED, better)]],
        A,
        clusters,
        criterion="map",
        k=10,
        seed=0,
    )

    assert choice is not None
    assert choice.is_better
    assert [finalist.candidate for finalist in choice.finalists] == [MIXED, A]
    assert choice.baseline.gain.value == 0


def _found(*names: str) -> Found:
    """Return a search that the last of the networks won, and the first is in use."""
    candidates = [Candidate.named(name) for name in names]
    clusters = np.arange(60, dtype=np.int32)
    rng = np.random.default_rng(0)
    values = [_values((0.4 + 0.1 * i + rng.uniform(0, 0.1, 60)).tolist()) for i in range(len(names))]
    families = [[each] for each in zip(candidates, values, strict=True)]
    choice = choose(families, candidates[0], clusters, criterion="precision_at_10", k=10, seed=0)
    costs = {name: Cost(ms=123.4, memory_bytes=1_234_567_890, dimension=5376) for name in names}
    accuracies = {name: Share(937, 1000) for name in names}
    return Found("by_category", 10, 0, len(names), 100_000, choice, costs, accuracies)


SHORT, LONG = "efficientnet_lite0*0.6+vgg16*0.4", "trained:dense-1*0.7+efficientnet_lite0*0.3"


def test_what_was_found_can_be_read_at_80_columns(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """No number or heading is broken, and a name only between the networks that it joins."""
    monkeypatch.setenv("COLUMNS", "80")
    print_found(_found("efficientnet_lite0", SHORT, LONG))
    tables = [line for line in capsys.readouterr().out.splitlines() if line[:1] in "┃│"]
    assert max(map(len, tables)) <= 80
    cells = [[cell.strip() for cell in line.strip("┃│").replace("┃", "│").split("│")] for line in tables]
    assert [row for row in cells if row[0] == "Network"] == [
        ["Network", "Precision", "mAP", "Gain", "Category"],
        ["Network", "ms a picture", "Network MiB", "Index MiB"],
    ]
    for table in (cells[:5], cells[5:]):
        assert [row[0] for row in table[1:]] == [*LONG.replace("+", "+\n").split("\n"), SHORT, "efficientnet_lite0"]
    assert ["efficientnet_lite0", "in use"] in [[row[0], row[3]] for row in cells]
    assert ["efficientnet_lite0", "123.4", "1,177", "2,050.8"] in cells


def test_figures_of_what_was_trained_here_are_called_optimistic(capsys: pytest.CaptureFixture[str]) -> None:
    """On the terminal, in the report and in the document; of other networks nothing is said."""
    found, other = _found("efficientnet_lite0", LONG), _found("efficientnet_lite0", SHORT)
    for each, is_told in ((found, True), (other, False)):
        print_found(each)
        told = " ".join(capsys.readouterr().out.split())
        assert ("The figures of trained:dense-1 are optimistic" in told) is is_told
        assert ("The figures of trained:dense-1 are optimistic" in networks_report(each)) is is_told
        assert (networks_document(each)["note"] is not None) is is_told


def test_nothing_to_find_is_no_choice() -> None:
    """Where no query has anything right to find, nobody wins."""
    nothing = _values([np.nan] * 10)
    assert choose([[(B, nothing)]], B, np.arange(10, dtype=np.int32), criterion="map", k=10, seed=0) is None
