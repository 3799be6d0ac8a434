"""What the embedder makes of a runtime's answers, good and bad."""

import hashlib
import io
from collections.abc import Sequence

import numpy as np
import pytest
from PIL import Image

from app.core.arrays import UInt8Array
from app.core.embedder import Embedder, EmbedderPart
from app.core.errors import EmbeddingNotFinite, EmbeddingZero, SnapshotIncompatible
from app.core.networks.fingerprint import Fingerprint
from app.core.preprocessing import PreparedImage, Preprocessing
from app.core.probes import check_probes, probe_images
from app.core.runtimes.base import CPU_BATCH_SIZE, Output
from app.core.signature import SIGNATURE_SIZE

PREPROCESSING = Preprocessing(8, 8, "bilinear", (0.5, 0.5, 0.5), (0.5, 0.5, 0.5))
LABELS = ("bag", "shoe", "lamp")
FINITE = ([3.0, 4.0], [1.0, 0.0], [0.0, 2.0])
NAN, INFINITY = float("nan"), float("inf")


class ScriptedRuntime:
    """
    A runtime whose activation is the row of its script that the first pixel of an image names.

    Its map has two by two cells: the activation four times over.
    """

    name = "scripted"

    def __init__(
        self, script: Sequence[Sequence[float]], class_count: int = len(LABELS), batch_size: int = CPU_BATCH_SIZE
    ) -> None:
        self.batch_size = batch_size
        self._script = np.array(script, np.float32)
        self._slopes = np.arange(class_count).astype(np.float32)
        self.batch_sizes: list[int] = []

    def run(self, pixels: UInt8Array) -> Output:
        """Answer for each image in turn; the logits are 0, 1, 2, … times the first activation."""
        self.batch_sizes.append(len(pixels))
        activation = self._script[pixels[:, 0, 0, 0]]
        regions = np.tile(activation[:, np.newaxis, np.newaxis], (1, 2, 2, 1))
        return Output(activation, activation[:, :1] * self._slopes, regions)


def _embedder(
    *runtimes: ScriptedRuntime, labels: tuple[str, ...] = LABELS, shares: Sequence[float] | None = None
) -> Embedder:
    fingerprint = Fingerprint("scripted", ("0" * 64,), "all of it", (PREPROCESSING,))
    shares = shares or [1 / len(runtimes)] * len(runtimes)
    parts = [
        EmbedderPart(runtime, dimension=2, array_index=0, share=share)
        for runtime, share in zip(runtimes, shares, strict=True)
    ]
    return Embedder(parts, (PREPROCESSING,), fingerprint, labels)


def _image(row: int) -> PreparedImage:
    signature = np.zeros(SIGNATURE_SIZE, np.uint8)
    return PreparedImage((np.full((8, 8, 3), row, np.uint8),), 8, 8, "PNG", is_uniform=True, signature=signature)


def test_embeddings_are_unit_norm_and_in_order() -> None:
    """Each row is the activation divided by its L2 norm."""
    embedded = _embedder(ScriptedRuntime(FINITE)).embed([_image(2), _image(0)])
    assert embedded.embeddings == pytest.approx(np.array([[0, 1], [0.6, 0.8]]))
    assert embedded.embeddings.dtype == np.float32


def test_probabilities_are_the_softmax_of_all_classes() -> None:
    """They sum to one, and large logits do not overflow."""
    embedded = _embedder(ScriptedRuntime([[1.0, 0.0], [3000.0, 0.0]])).embed([_image(0), _image(1)])
    powers = np.exp([0, 1, 2])
    assert embedded.probabilities == pytest.approx(np.array([powers / powers.sum(), [0, 0, 1]]))


def test_activations_of_any_size_become_unit_norm() -> None:
    """Their squares would overflow or vanish in float32."""
    embedded = _embedder(ScriptedRuntime([[3e30, 4e30], [3e-30, 4e-30]])).embed([_image(0), _image(1)])
    assert embedded.embeddings == pytest.approx(np.array([[0.6, 0.8], [0.6, 0.8]]))


def test_no_image_gives_no_row() -> None:
    """The shapes are still those of the network."""
    runtime = ScriptedRuntime(FINITE)
    embedded = _embedder(runtime).embed([])
    assert (embedded.embeddings.shape, embedded.probabilities.shape) == ((0, 2), (0, 3))
    assert embedded.regions.shape == (0, 0, 0, 0)
    assert runtime.batch_sizes == []


def test_many_images_go_through_in_batches() -> None:
    """Memory stays bounded however many are asked for at once."""
    runtime = ScriptedRuntime(FINITE)
    embedded = _embedder(runtime).embed([_image(row % 3) for row in range(2 * CPU_BATCH_SIZE + 5)])
    assert runtime.batch_sizes == [CPU_BATCH_SIZE, CPU_BATCH_SIZE, 5]
    assert embedded.embeddings[-1] == pytest.approx(np.array([0.6, 0.8]))
    assert embedded.regions.shape == (2 * CPU_BATCH_SIZE + 5, 2, 2, 2)
    assert embedded.regions[-1, 1, 0] == pytest.approx(np.array([3, 4]))


def test_the_largest_batch_of_the_runtimes_counts() -> None:
    """A GPU computes hundreds of pictures at once; the other network takes them too."""
    runtimes = ScriptedRuntime(FINITE, batch_size=2), ScriptedRuntime(FINITE, batch_size=5)
    embedder = _embedder(*runtimes)
    embedder.embed([_image(0)] * 7)
    assert embedder.best_batch_size == 5
    assert [runtime.batch_sizes for runtime in runtimes] == [[5, 2], [5, 2]]


@pytest.mark.parametrize("value", [NAN, INFINITY, -INFINITY])
def test_an_answer_that_is_not_finite_is_refused(value: float) -> None:
    """It would get arbitrary neighbours."""
    with pytest.raises(EmbeddingNotFinite, match="image 1 holds"):
        _embedder(ScriptedRuntime([[1.0, 0.0], [0.0, value]])).embed([_image(0), _image(1)])


def test_an_answer_of_zeros_is_refused() -> None:
    """It has no direction to compare."""
    with pytest.raises(EmbeddingZero, match="image 0"):
        _embedder(ScriptedRuntime([[0.0, 0.0]])).embed([_image(0)])


def test_one_refused_image_does_not_spoil_the_others() -> None:
    """In bulk each image has its own outcome, at its own position, across batches."""
    script = [[3.0, 4.0], [NAN, 0.0], [0.0, 0.0]]
    rows = [0] * CPU_BATCH_SIZE + [1, 0, 2]
    embedded, refusals = _embedder(ScriptedRuntime(script)).embed_each([_image(row) for row in rows])
    assert [type(refusal) for refusal in refusals[CPU_BATCH_SIZE:]] == [EmbeddingNotFinite, type(None), EmbeddingZero]
    assert f"image {CPU_BATCH_SIZE} " in str(refusals[CPU_BATCH_SIZE])
    assert embedded.embeddings[-3:] == pytest.approx(np.array([[0, 0], [0.6, 0.8], [0, 0]]))
    assert np.isfinite(embedded.probabilities).all()
    assert embedded.regions[-3:, 0, 0] == pytest.approx(np.array([[0, 0], [3, 4], [0, 0]]))


def test_the_regions_of_two_networks_lie_on_one_grid() -> None:
    """Each with the length that it has in the embedding, whatever the size of its activations."""
    embedder = _embedder(ScriptedRuntime([[300.0, 400.0]]), ScriptedRuntime([[0.0, 0.1]]))
    assert embedder.embed([_image(0)]).regions == pytest.approx(np.tile([0.6, 0.8, 0.0, 1.0], (1, 2, 2, 1)))


def test_two_networks_are_joined_with_equal_weight() -> None:
    """However large the activations of one are, the whole is unit-norm and each half has the same length."""
    embedder = _embedder(ScriptedRuntime([[300.0, 400.0]]), ScriptedRuntime([[0.0, 0.1]]))
    embedded = embedder.embed([_image(0)])
    assert embedder.dimension == 4
    assert embedded.embeddings == pytest.approx(np.array([[0.6, 0.8, 0, 1]]) / np.sqrt(2))


def test_the_cosine_of_two_networks_is_the_weighted_mean_of_theirs() -> None:
    """Three parts to one: what the first tells alike counts three times as much as what the second tells apart."""
    runtimes = ScriptedRuntime([[2.0, 0.0], [9.0, 0.0]]), ScriptedRuntime([[0.1, 0.0], [0.0, 5.0]])
    embedder = _embedder(*runtimes, shares=[0.75, 0.25])
    first, second = embedder.embed([_image(0), _image(1)]).embeddings
    assert float(first @ second) == pytest.approx(0.75)
    assert float(first @ first) == pytest.approx(1)


def test_regions_count_as_the_embeddings_do() -> None:
    """The lengths of the two maps are in the proportion of the lengths in the embedding."""
    embedder = _embedder(ScriptedRuntime([[3.0, 4.0]]), ScriptedRuntime([[0.0, 0.1]]), shares=[0.8, 0.2])
    regions = embedder.embed([_image(0)]).regions[0, 0, 0]
    assert np.linalg.norm(regions[:2]) == pytest.approx(2 * np.linalg.norm(regions[2:]))


def test_the_first_network_with_classes_says_them() -> None:
    """A network without ImageNet's classes can stand first."""
    embedder = _embedder(ScriptedRuntime([[1.0, 0.0]], class_count=0), ScriptedRuntime([[0.0, 1.0]]))
    assert embedder.embed([_image(0)]).probabilities == pytest.approx(np.full((1, 3), 1 / 3))


def test_a_network_without_classes_has_no_probabilities() -> None:
    """Not a row of made-up ones."""
    embedder = _embedder(ScriptedRuntime(FINITE, class_count=0), labels=())
    assert embedder.embed([_image(0)]).probabilities.shape == (1, 0)


def test_a_zero_in_one_of_two_networks_is_refused() -> None:
    """Half an embedding cannot be compared with whole ones."""
    embedder = _embedder(ScriptedRuntime([[1.0, 0.0]]), ScriptedRuntime([[0.0, 0.0]]))
    with pytest.raises(EmbeddingZero):
        embedder.embed([_image(0)])


def _check(expected: Sequence[Sequence[float]]) -> float:
    rows = {data: row for row, data in enumerate(probe_images())}
    embedder = _embedder(ScriptedRuntime([*FINITE, [1.0, 1.0]]))
    return check_probes(embedder, lambda data: _image(rows[data]), np.array(expected, np.float32))


def test_the_same_network_passes_the_probe_check() -> None:
    """The lowest cosine is told."""
    half = np.sqrt(0.5)
    assert _check([[0.6, 0.8], [1, 0], [0, 1], [half, half]]) == pytest.approx(1)


@pytest.mark.parametrize(
    "expected",
    [
        [[0.6, 0.8], [1, 0], [0, 1], [1, 0]],
        [[0.6, 0.8], [1, 0], [0, 1]],
        [[0.6, 0.8], [1, 0], [0, 1], [NAN, NAN]],
        [[1, 0, 0]] * 4,
    ],
    ids=["another-direction", "another-number", "not-finite", "another-dimension"],
)
def test_another_network_does_not_pass_the_probe_check(expected: Sequence[Sequence[float]]) -> None:
    """Every probe counts, and the way out is told."""
    with pytest.raises(SnapshotIncompatible, match="lookalike index"):
        _check(expected)


def test_the_probe_images_are_always_the_same() -> None:
    """Their pixels, that is: PNG files of other zlib versions may differ."""
    pixels = [Image.open(io.BytesIO(data)).convert("RGB").tobytes() for data in probe_images()]
    assert (
        hashlib.sha256(b"".join(pixels)).hexdigest()
        == "2efa0503f33c945acd164eaf3469b61f32276faab6e4a12b402120c749f3c00d"
    )
