"""The trained last layer: its file, and how it is joined with the neighbours."""

import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import save

from app.core.arrays import Float64Array
from app.core.category_head import CategoryHead, head_path, joined_probabilities, log_softmax, rooted, similarities
from app.core.errors import DataDirNotWritable, HeadUnusable
from app.core.neighbour_vote import neighbour_vote
from tests.support.snapshots import FINGERPRINT, random_embeddings
from tests.support.training import small_head

NEIGHBOURS = [("mugs", 0.9), ("mugs", 0.8), ("bags", 0.7), (None, 0.6)]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Where a head would be."""
    return head_path(tmp_path / "heads", FINGERPRINT)


def test_a_head_is_read_as_it_was_written(path: Path) -> None:
    """Weights bit by bit, and everything that is said beside them."""
    written = small_head()
    written.save(path)

    read = CategoryHead.load(path, FINGERPRINT)

    assert np.array_equal(read.weight, written.weight)
    assert np.array_equal(read.bias, written.bias)
    assert (read.labels, read.temperature, read.head_share) == (written.labels, 0.8, 0.6)
    assert read.card == {"seed": 0}
    assert path.name == f"{FINGERPRINT}.safetensors"


def test_a_head_for_other_embeddings_is_refused(path: Path) -> None:
    """Even in the place where the right one would be."""
    small_head(fingerprint_sha256="cd" * 32).save(path)
    with pytest.raises(HeadUnusable, match="fingerprint cdcdcdcdcdcd"):
        CategoryHead.load(path, FINGERPRINT)


def test_a_head_that_is_not_there_is_no_damaged_one(path: Path) -> None:
    """Most shops have none."""
    with pytest.raises(FileNotFoundError):
        CategoryHead.load(path, FINGERPRINT)


def _file(metadata: dict[str, str] | None = None) -> bytes:
    head = small_head()
    return save({"landmarks": head.landmarks, "weight": head.weight, "bias": head.bias}, metadata)


@pytest.mark.parametrize(
    "data",
    [b"", b"no safetensors", _file(), _file({"lookalike_head": "{}"})],
    ids=["empty", "garbage", "without a card", "with half a card"],
)
def test_a_file_that_is_no_head_is_refused(path: Path, data: bytes) -> None:
    """With a sentence that names the file and says what to do."""
    path.parent.mkdir()
    path.write_bytes(data)
    with pytest.raises(HeadUnusable, match=r"lookalike train"):
        CategoryHead.load(path, FINGERPRINT)


def test_every_cut_of_the_file_is_refused(path: Path) -> None:
    """As a crash or a bad disk would leave it."""
    small_head().save(path)
    whole = path.read_bytes()
    for size in range(0, len(whole), 7):
        path.write_bytes(whole[:size])
        with pytest.raises(HeadUnusable):
            CategoryHead.load(path, FINGERPRINT)


@pytest.mark.parametrize(
    ("name", "tensor"),
    [
        ("weight", np.ones((2, 5))),
        ("weight", np.ones((3, 4))),
        ("weight", np.full((3, 5), np.nan)),
        ("landmarks", np.ones((4, 16))),
        ("landmarks", np.ones(5)),
        ("landmarks", np.ones((0, 16))),
        ("bias", np.ones(2)),
        ("bias", np.array([1, np.inf, 1])),
    ],
)
def test_tensors_that_cannot_be_used_are_refused(path: Path, name: str, tensor: Float64Array) -> None:
    """A head that would answer nonsense never answers."""
    replace(small_head(), **{name: tensor.astype(np.float32)}).save(path)  # type: ignore[arg-type]
    with pytest.raises(HeadUnusable):
        CategoryHead.load(path, FINGERPRINT)


def test_a_folder_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    """As when a file is in its place."""
    (tmp_path / "heads").write_bytes(b"")
    with pytest.raises(DataDirNotWritable):
        small_head().save(head_path(tmp_path / "heads", FINGERPRINT))


def test_probabilities_are_the_softmax_of_weighed_similarities() -> None:
    """For each row, and they sum to 1."""
    head, embeddings = small_head(), random_embeddings(5, 16, seed=3)
    distances = ((rooted(embeddings)[:, np.newaxis] - head.landmarks) ** 2).sum(axis=2)
    logits = np.exp(-head.sharpness * distances / 2) @ head.weight.T + head.bias
    expected = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)

    assert head.probabilities(embeddings) == pytest.approx(expected, abs=1e-5)
    assert head.probabilities(embeddings[:0]).shape == (0, 3)


def test_a_landmark_is_wholly_similar_to_itself() -> None:
    """Negative values, zeros and all."""
    embeddings = random_embeddings(4, 16, seed=1)
    embeddings[0, :8] = 0
    assert np.diag(similarities(embeddings, rooted(embeddings), 3.0)) == pytest.approx(np.ones(4), abs=1e-5)


def test_head_and_neighbours_together_sum_to_1_and_come_in_order() -> None:
    """Every category that either knows is there, the most probable first."""
    together = small_head().combined(random_embeddings(1, 16, seed=4)[0], NEIGHBOURS)

    probabilities = [probability for _, probability in together]
    assert {label for label, _ in together} == {"bags", "lamps", "mugs"}
    assert probabilities == sorted(probabilities, reverse=True)
    assert math.fsum(probabilities) == pytest.approx(1)


@pytest.mark.parametrize("share", [0.0, 1.0])
def test_the_share_decides_who_is_heard(share: float) -> None:
    """At 1 the head alone, at 0 the neighbours alone, as far as the floor of a vote allows."""
    head = replace(small_head(), head_share=share, temperature=1.0)
    embedding = random_embeddings(1, 16, seed=5)

    together = dict(head.combined(embedding[0], NEIGHBOURS))

    alone = dict(zip(head.labels, head.probabilities(embedding)[0].tolist(), strict=True))
    vote = neighbour_vote(NEIGHBOURS)
    for label in head.labels:
        expected = alone[label] if share else vote.get(label, 0.0)
        assert together[label] == pytest.approx(expected, abs=1e-5 if share else 0.02)


def test_a_category_that_came_after_the_training_keeps_its_share_of_the_vote() -> None:
    """A new category is there as soon as its products are, without training again."""
    neighbours = [("hats", 0.9), ("hats", 0.9), ("mugs", 0.9), ("mugs", 0.9)]

    together = small_head().combined(random_embeddings(1, 16, seed=6)[0], neighbours)

    assert dict(together)["hats"] == pytest.approx(0.5)
    assert math.fsum(probability for _, probability in together) == pytest.approx(1)


def test_without_neighbours_the_head_answers_alone() -> None:
    """As in a catalogue without categories."""
    head, embedding = small_head(), random_embeddings(1, 16, seed=7)[0]
    best = int(head.probabilities(embedding[np.newaxis])[0].argmax())
    assert head.combined(embedding, [])[0][0] == head.labels[best]


def test_all_photos_of_a_product_are_heard() -> None:
    """Twice the same photo says what it says once."""
    head, embedding = small_head(), random_embeddings(1, 16, seed=8)[0]
    once, twice = head.combined(embedding, NEIGHBOURS), head.combined(np.stack([embedding, embedding]), NEIGHBOURS)
    assert [label for label, _ in once] == [label for label, _ in twice]
    assert [value for _, value in once] == pytest.approx([value for _, value in twice])


def test_a_higher_temperature_is_less_sure() -> None:
    """And moves no category before another."""
    logs, votes = log_softmax(np.array([[2.0, 1.0, 0.0]])), np.array([[0.7, 0.2, 0.1]])
    sure, doubtful = (joined_probabilities(logs, votes, 0.5, temperature)[0] for temperature in (0.5, 2.0))
    assert sure[0] > doubtful[0]
    assert sure.argsort().tolist() == doubtful.argsort().tolist()


def test_the_softmax_survives_large_numbers() -> None:
    """A logit of a thousand is certainty, and no overflow."""
    assert np.exp(log_softmax(np.array([[1000.0, 0.0, -1000.0]])))[0].tolist() == [1, 0, 0]
