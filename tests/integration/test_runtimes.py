"""Real networks on every runtime that this machine has, against each other and against their reference."""

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import safetensors.torch
import torch

from app.core.arrays import Float32Array
from app.core.embedder import Embedder, open_embedder
from app.core.errors import ParityFailed, RuntimeNotAvailable, SnapshotIncompatible, UnknownNetwork, WeightsCorrupt
from app.core.images import ImageLimits, prepare_image
from app.core.networks.architectures import load_network
from app.core.networks.libraries import imagenet_labels, timm_package, torchvision_models
from app.core.networks.names import parse_network
from app.core.networks.sources import require_weights
from app.core.networks.weights import Weights
from app.core.preprocessing import PreparedImage
from app.core.probes import check_probes, probe_images
from app.core.runtimes import torch_runtime
from app.core.runtimes.choice import LOWEST_COSINES, lowest_cosine
from app.core.settings import RuntimeChoice, Settings
from tests.support.runtimes import RUNTIMES, with_runtime, write_timm_weights

TIMM_NETWORKS = ("timm:test_resnet", "timm:test_vit", "timm:test_efficientnet", "timm:test_nfnet")
runtimes = pytest.mark.parametrize("runtime", RUNTIMES)


@pytest.fixture(scope="module")
def weights_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A weights folder with random weights for some small networks of timm."""
    folder = tmp_path_factory.mktemp("weights")
    write_timm_weights(folder, TIMM_NETWORKS)
    return folder


@pytest.fixture
def settings(tmp_path: Path, weights_dir: Path) -> Settings:
    """An empty data folder, the weights of the small networks, and a runtime that is everywhere."""
    return Settings(data_dir=tmp_path, weights_dir=weights_dir, threads=2, runtime="torch-float32")


def _prepare(embedder: Embedder, photos: list[bytes]) -> list[PreparedImage]:
    limits = ImageLimits.from_settings(Settings())
    return [prepare_image(photo, embedder.preprocessings, limits) for photo in photos]


def _open_or_skip(settings: Settings, network: str) -> Embedder:
    """Open an embedder; a runtime that this machine lacks skips the test."""
    try:
        return open_embedder(settings, network)
    except RuntimeNotAvailable as error:
        pytest.skip(str(error))


def _reference_pixels(embedder: Embedder, images: list[PreparedImage]) -> torch.Tensor:
    """Return the images as torchvision's transforms give them: float32, NCHW, normalised."""
    (preprocessing,) = embedder.preprocessings
    pixels = torch.from_numpy(np.stack([image.arrays[0] for image in images])).permute(0, 3, 1, 2) / 255
    mean, std = torch.tensor(preprocessing.mean), torch.tensor(preprocessing.std)
    return (pixels - mean.view(1, 3, 1, 1)) / std.view(1, 3, 1, 1)


@pytest.fixture(scope="module")
def photos(catalogue_dir: Path, other_photos_dir: Path) -> list[bytes]:
    """Photos of the shop and of other things, a dark one with little contrast among them."""
    shop = sorted(catalogue_dir.rglob("*.jpg"))[::400]
    others = [*sorted(other_photos_dir.glob("*.jpg"))[::200], other_photos_dir / "seat_belt.jpg"]
    return [path.read_bytes() for path in (*shop, *others)]


class TestVgg16:
    """The network that the project is named after, with trained weights."""

    @pytest.fixture
    def reference(self, vgg16_checkpoint: Path) -> Any:  # noqa: ANN401  # torchvision ships no types
        """Torchvision's own network on the same file."""
        network = torchvision_models().vgg16(init_weights=False)
        network.load_state_dict(torch.load(vgg16_checkpoint, weights_only=True))
        return network.eval()

    @pytest.mark.real_weights
    @pytest.mark.real_photos
    @pytest.mark.timeout(600)
    @pytest.mark.parametrize(("network", "cut"), [("vgg16", 5), ("vgg16:fc6", 2)])
    def test_it_is_torchvisions_own_network(
        self,
        settings: Settings,
        vgg16_checkpoint: Path,
        photos: list[bytes],
        reference: Any,  # noqa: ANN401
        network: str,
        cut: int,
    ) -> None:
        """The embedding is the activation after the ReLU to 1e-4, unit-norm, and the probabilities agree."""
        own = settings.model_copy(update={"vgg16_weights": vgg16_checkpoint, "runtime": "torch-float32"})
        embedder = open_embedder(own, network)
        images = _prepare(embedder, photos[:6])
        embedded = embedder.embed(images)
        with torch.inference_mode():
            pooled = reference.avgpool(reference.features(_reference_pixels(embedder, images))).flatten(1)
            activation = reference.classifier[:cut](pooled)
            probabilities = reference.classifier(pooled).softmax(1).numpy()
        expected = torch.nn.functional.normalize(activation).numpy()
        assert np.abs(embedded.embeddings - expected).max() <= 1e-4 * expected.max()
        conv5 = embedded.regions.transpose(0, 3, 1, 2).reshape(len(images), -1)
        assert np.abs(conv5 - pooled.numpy()).max() <= 1e-4 * conv5.max()
        assert np.abs(embedded.probabilities - probabilities).max() <= 1e-4
        assert (embedded.probabilities.argmax(1) == probabilities.argmax(1)).all()

    @pytest.mark.real_weights
    @pytest.mark.real_photos
    @pytest.mark.timeout(600)
    def test_every_runtime_agrees_with_float32_on_every_photo(
        self, settings: Settings, vgg16_checkpoint: Path, photos: list[bytes]
    ) -> None:
        """0.9999 for float32 and 0.999 for bfloat16, on dark photos too."""
        own = settings.model_copy(update={"vgg16_weights": vgg16_checkpoint})
        images: list[PreparedImage] = []
        embeddings: dict[str, Float32Array] = {}
        for runtime in RUNTIMES:
            try:
                embedder = open_embedder(with_runtime(own, runtime), "vgg16")
            except RuntimeNotAvailable:
                continue
            images = images or _prepare(embedder, photos)
            embeddings[runtime] = embedder.embed(images).embeddings
        lowest = {name: lowest_cosine(values, embeddings["torch-float32"]) for name, values in embeddings.items()}
        assert {name: cosine for name, cosine in lowest.items() if cosine < LOWEST_COSINES[name]} == {}


class TestVgg:
    """What all VGGs have in common, tried without any weights."""

    @pytest.mark.parametrize("name", ["vgg16", "vgg16:fc6", "vgg19", "vgg19:fc6"])
    @pytest.mark.parametrize("is_for_bfloat16", [False, True], ids=["float32", "bfloat16"])
    def test_it_gives_4096_values_and_1000_classes(self, name: str, *, is_for_bfloat16: bool) -> None:
        """On torch's meta device, where tensors have shapes and no values."""
        (part,) = parse_network(name)
        with torch.device("meta"):
            state = torchvision_models().get_model(part.architecture, init_weights=False).state_dict()
            network = load_network(part, Weights(state, "0" * 64, Path("weights.pth")))
            module = network.module(torch.float32, is_for_bfloat16=is_for_bfloat16)
            activation, logits, regions = module(torch.zeros(2, 224, 224, 3, dtype=torch.uint8))
        assert (activation.shape, logits.shape, regions.shape) == ((2, 4096), (2, 1000), (2, 7, 7, 512))


class TestTorch:
    """What torch does on a GPU as well as here."""

    def test_a_batch_of_several_pieces_is_answered_in_order(
        self, settings: Settings, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """A GPU gets them one after the other, each copied while the one before is computed."""
        embedder = open_embedder(settings, "timm:test_resnet")
        images = _prepare(embedder, list(probe_images())) * 2
        whole = embedder.embed(images)
        monkeypatch.setattr(torch_runtime, "_PIECE", 3)
        pieces = embedder.embed(images)
        np.testing.assert_allclose(pieces.embeddings, whole.embeddings, atol=1e-5)
        np.testing.assert_allclose(pieces.probabilities, whole.probabilities, atol=1e-5)
        assert pieces.regions.shape == whole.regions.shape


class TestEfficientNetLite0:
    """The network that needs no download."""

    def test_it_is_timms_own_network_with_the_weights_of_the_package(self, settings: Settings) -> None:
        """1280 pooled values, and the 1000 classes."""
        embedder = open_embedder(with_runtime(settings, "torch-float32"), "efficientnet_lite0")
        images = _prepare(embedder, list(probe_images()))
        embedded = embedder.embed(images)
        reference = timm_package().create_model("tf_efficientnet_lite0").eval()
        (part,) = parse_network("efficientnet_lite0")
        state = torch.load(require_weights(part, settings), weights_only=True)
        reference.load_state_dict(dict(zip(reference.state_dict(), state.values(), strict=True)))
        with torch.inference_mode():
            features = reference.forward_features(_reference_pixels(embedder, images))
            pooled = features.mean((2, 3))
            probabilities = reference(_reference_pixels(embedder, images)).softmax(1).numpy()
        assert embedder.dimension == 1280
        assert lowest_cosine(embedded.embeddings, pooled.numpy()) > 0.999999
        assert np.abs(embedded.probabilities - probabilities).max() <= 1e-4

    @runtimes
    def test_a_runtime_agrees_with_float32_or_is_refused(self, settings: Settings, runtime: RuntimeChoice) -> None:
        """Its many thin layers suffer in bfloat16; what is too far off is never used, even when asked for."""
        try:
            embedder = _open_or_skip(with_runtime(settings, runtime), "efficientnet_lite0")
        except ParityFailed as error:
            assert "bfloat16" in runtime
            assert "LOOKALIKE_RUNTIME" in error.message  # noqa: PT017  # not every machine refuses it
            return
        reference = open_embedder(with_runtime(settings, "torch-float32"), "efficientnet_lite0")
        images = _prepare(embedder, list(probe_images()))
        embedded = embedder.embed(images)
        assert lowest_cosine(embedded.embeddings, reference.embed(images).embeddings) >= LOWEST_COSINES[runtime]
        assert embedded.regions.shape == (len(images), 7, 7, 1280)
        assert lowest_cosine(embedded.embeddings, embedded.regions.mean(axis=(1, 2))) > 0.9999

    def test_an_image_has_the_same_embedding_alone_and_in_a_batch(self, settings: Settings) -> None:
        """The catalogue is embedded in batches, a query alone."""
        embedder = open_embedder(settings, "efficientnet_lite0")
        images = _prepare(embedder, list(probe_images()))
        together = embedder.embed(images * 5).embeddings[-4:]
        alone = np.concatenate([embedder.embed([image]).embeddings for image in images])
        assert lowest_cosine(together, alone) > 0.99999

    def test_its_probe_embeddings_pass_their_own_check(self, settings: Settings) -> None:
        """And those of another runtime pass too: a snapshot may move between machines."""
        embedder = open_embedder(with_runtime(settings, "torch-float32"), "efficientnet_lite0")
        expected = embedder.embed(_prepare(embedder, list(probe_images()))).embeddings
        other = open_embedder(with_runtime(settings, "openvino-float32"), "efficientnet_lite0")
        assert check_probes(other, lambda data: _prepare(other, [data])[0], expected) > 0.9999

    def test_it_knows_what_is_in_a_photo(self, settings: Settings, other_photos_dir: Path) -> None:
        """Labels and probabilities belong together."""
        embedder = open_embedder(settings, "efficientnet_lite0")
        photos = [(other_photos_dir / name).read_bytes() for name in ("accordion.jpg", "acoustic_guitar.jpg")]
        best = embedder.embed(_prepare(embedder, photos)).probabilities.argmax(1)
        assert [embedder.class_labels[index] for index in best] == ["accordion", "acoustic guitar"]


class TestOtherNetworks:
    """timm's networks, and sums."""

    @pytest.mark.parametrize("network", TIMM_NETWORKS)
    @runtimes
    def test_a_network_of_timm_runs_everywhere(self, settings: Settings, network: str, runtime: RuntimeChoice) -> None:
        """The embedding is what goes into the classifier; preprocessing comes from timm's configuration."""
        try:
            embedder = _open_or_skip(with_runtime(settings, runtime), network)
        except ParityFailed:
            assert "bfloat16" in runtime
            return
        (part,) = parse_network(network)
        images = _prepare(embedder, list(probe_images()))
        embedded = embedder.embed(images)
        reference = timm_package().create_model(part.architecture).eval()
        path = settings.resolved_weights_dir / f"{part.weights_name}.safetensors"
        reference.load_state_dict(safetensors.torch.load_file(path))
        with torch.inference_mode():
            pixels = _reference_pixels(embedder, images)
            features = reference.forward_features(pixels)
            activation = reference.forward_head(features, pre_logits=True).numpy()
            probabilities = reference(pixels).softmax(1).numpy()
        assert embedder.dimension == activation.shape[1]
        assert lowest_cosine(embedded.embeddings, activation) >= LOWEST_COSINES[runtime]
        assert np.abs(embedded.probabilities - probabilities).max() <= 1e-2
        assert embedder.class_labels == imagenet_labels()
        if features.ndim == 4:
            expected = features.permute(0, 2, 3, 1).flatten(1).numpy()
            regions = embedded.regions.reshape(len(images), -1)
            assert lowest_cosine(regions, expected) >= LOWEST_COSINES[runtime]
        else:  # the tokens of a transformer
            assert embedded.regions.shape == (len(images), 0, 0, 0)

    def test_a_sum_decodes_once_for_each_preprocessing(self, settings: Settings) -> None:
        """Both halves are those of the networks alone, and parts with the same preprocessing share an array."""
        names = ("timm:test_resnet", "efficientnet_lite0", "timm:test_efficientnet")
        alone = [open_embedder(settings, name) for name in names]
        joined = open_embedder(settings, "+".join((*names, "timm:test_efficientnet")))
        assert len(joined.preprocessings) == 3
        images = _prepare(joined, list(probe_images()))
        halves = np.split(joined.embed(images).embeddings * 2, np.cumsum([96, 1280, 256]), axis=1)
        for embedder, half in zip(alone, halves, strict=False):
            own = embedder.embed(_prepare(embedder, list(probe_images()))).embeddings
            assert np.abs(own - half).max() < 1e-3
        assert len(joined.fingerprint.weights_sha256) == len(joined.fingerprint.preprocessing) == 4
        cells = min(embedder.embed(_prepare(embedder, [probe_images()[0]])).regions.shape[1] for embedder in alone)
        assert joined.embed(images).regions.shape == (len(images), cells, cells, 96 + 1280 + 2 * 256)

    @pytest.mark.parametrize("name", ["resnet9000", "resnet18.nobodys_weights"])
    def test_an_architecture_or_weights_that_timm_lacks_are_told(self, settings: Settings, name: str) -> None:
        """By name, with the setting; whether a file is there or not."""
        state = timm_package().create_model("test_resnet").state_dict()
        safetensors.torch.save_file(state, settings.resolved_weights_dir / f"timm--{name}.safetensors")
        with pytest.raises(UnknownNetwork, match=rf"{name}.*LOOKALIKE_NETWORK"):
            open_embedder(settings, f"timm:{name}")


class TestFingerprint:
    """An index says which network runs; anything else is refused."""

    def test_the_recorded_fingerprint_opens_again(self, settings: Settings) -> None:
        """It is the same on every runtime."""
        first = open_embedder(with_runtime(settings, "torch-float32"), "timm:test_resnet").fingerprint
        again = open_embedder(with_runtime(settings, "openvino-float32"), "timm:test_resnet", recorded=first)
        assert again.fingerprint.sha256 == first.sha256

    def test_other_weights_than_the_recorded_ones_are_refused(self, settings: Settings, tmp_path: Path) -> None:
        """They would give embeddings that cannot be compared with those of the index."""
        recorded = open_embedder(settings, "timm:test_resnet").fingerprint
        other = settings.model_copy(update={"weights_dir": tmp_path / "other"})
        (tmp_path / "other").mkdir()
        state = timm_package().create_model("test_resnet").state_dict()
        safetensors.torch.save_file(state, tmp_path / "other" / "timm--test_resnet.safetensors")
        with pytest.raises(WeightsCorrupt, match="not the one that was recorded"):
            open_embedder(other, "timm:test_resnet", recorded=recorded)

    def test_another_network_than_the_recorded_one_is_refused(self, settings: Settings) -> None:
        """Both sides are named."""
        recorded = open_embedder(settings, "timm:test_resnet+timm:test_vit").fingerprint
        with pytest.raises(SnapshotIncompatible, match=r"test_resnet\+timm:test_vit.*efficientnet_lite0"):
            open_embedder(settings, "efficientnet_lite0", recorded=recorded)


def test_openvino_reports_nothing_to_anybody(tmp_path: Path) -> None:
    """Its import alone would leave an identifier in the home folder and send it to a statistics service."""
    script = "from app.core.runtimes.openvino_runtime import _openvino; _openvino().convert_model"
    home = {**os.environ, "HOME": str(tmp_path)}
    subprocess.run([sys.executable, "-c", script], check=True, env=home, cwd=Path(__file__).parents[2])
    assert list(tmp_path.iterdir()) == []
