"""Which network a first index gets, and what `lookalike networks` finds, fetches and verifies."""

import hashlib
from collections.abc import Iterator
from pathlib import Path

import pytest
import safetensors.torch
import torch

from app.core.embedder import choose_network
from app.core.errors import DownloadCorrupt, EmbeddingRefused, UnknownNetwork, WeightsCorrupt, WeightsMissing
from app.core.network_commands import fetch_network, known_networks, verify_network
from app.core.networks.libraries import timm_package, torchvision_models
from app.core.networks.names import parse_network
from app.core.networks.sources import is_original, origin_of, require_weights
from app.core.settings import Settings
from tests.support.web_file import WebFile, serving

CONTENT = b"as good as weights, until they are loaded" * 1000
FILE_NAME = f"vgg16-{hashlib.sha256(CONTENT).hexdigest()[:8]}.pth"
(VGG16,) = parse_network("vgg16")


@pytest.fixture
def web(monkeypatch: pytest.MonkeyPatch) -> Iterator[WebFile]:
    """A server in the place of torchvision's own, with a small file."""
    with serving(WebFile(CONTENT), FILE_NAME) as file:
        weights = torchvision_models().VGG16_Weights.IMAGENET1K_V1
        monkeypatch.setattr(weights.value, "url", file.url)
        yield file


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """An empty data folder."""
    return Settings(data_dir=tmp_path / "data")


class Told:
    """What a user is told."""

    def __init__(self) -> None:
        self.warnings: list[str] = []
        self.progress: list[tuple[int, int | None]] = []

    def choose(self, settings: Settings) -> str:
        """Choose a network, and listen."""
        return choose_network(
            settings, warn=self.warnings.append, progress=lambda done, total: self.progress.append((done, total))
        )


class TestAuto:
    """`auto`, the default: VGG16 if it can be had, EfficientNet-Lite0 otherwise."""

    def test_weights_that_are_at_hand_are_used(self, settings: Settings, tmp_path: Path, web: WebFile) -> None:
        """Nobody is asked, and nothing is said."""
        (tmp_path / "own.pth").touch()
        told = Told()
        assert told.choose(settings.model_copy(update={"vgg16_weights": tmp_path / "own.pth"})) == "vgg16"
        assert (told.warnings, web.requests) == ([], [])

    def test_weights_that_are_not_are_downloaded(self, settings: Settings, web: WebFile) -> None:
        """Under torchvision's own file name, once."""
        told = Told()
        assert told.choose(settings) == told.choose(settings) == "vgg16"
        assert (settings.resolved_weights_dir / FILE_NAME).read_bytes() == CONTENT
        assert told.progress[-1] == (len(CONTENT), len(CONTENT))
        assert (told.warnings, len(web.requests)) == ([], 1)

    @pytest.mark.parametrize("failure", ["refused", "damaged", "no-folder"])
    def test_a_failed_download_falls_back_with_one_warning(
        self, settings: Settings, web: WebFile, failure: str
    ) -> None:
        """It says what happened and how to get VGG16."""
        if failure == "refused":
            web.status = 503
        elif failure == "damaged":
            web.content = CONTENT[:-1] + b"?"
        else:
            settings.data_dir.touch()
        told = Told()
        assert told.choose(settings) == "efficientnet_lite0"
        (warning,) = told.warnings
        for words in ("VGG16", "networks fetch vgg16", "LOOKALIKE_VGG16_WEIGHTS", "LOOKALIKE_NETWORK=vgg16"):
            assert words in warning

    def test_a_misspelt_path_is_an_error(self, settings: Settings, web: WebFile, tmp_path: Path) -> None:
        """Whoever names a file wants that one."""
        with pytest.raises(WeightsMissing, match="LOOKALIKE_VGG16_WEIGHTS"):
            Told().choose(settings.model_copy(update={"vgg16_weights": tmp_path / "nowhere.pth"}))
        assert web.requests == []


class TestNamed:
    """A network that was asked for is never replaced by another."""

    def test_it_is_taken(self, settings: Settings) -> None:
        """Its weights come with Lookalike."""
        assert Told().choose(settings.model_copy(update={"network": "efficientnet_lite0"})) == "efficientnet_lite0"

    def test_its_weights_are_downloaded(self, settings: Settings, web: WebFile) -> None:
        """Those of each part of a sum that lacks them."""
        name = "vgg16:fc6+efficientnet_lite0"
        assert Told().choose(settings.model_copy(update={"network": name})) == name
        assert len(web.requests) == 1

    def test_it_is_an_error_when_they_cannot_be(self, settings: Settings, web: WebFile) -> None:
        """With what the server said, and the ways out."""
        web.status = 404
        with pytest.raises(WeightsMissing, match=r"vgg16.*answered 404.*LOOKALIKE_NETWORK"):
            Told().choose(settings.model_copy(update={"network": "vgg16"}))

    def test_an_unknown_one_is_an_error(self, settings: Settings) -> None:
        """Before anything is fetched."""
        with pytest.raises(UnknownNetwork):
            Told().choose(settings.model_copy(update={"network": "vgg16+nonsense"}))


class TestOrigins:
    """Addresses come from torchvision and timm, hashes from the addresses."""

    def test_vgg_comes_from_torchvisions_address(self) -> None:
        """With the whole hash of VGG16's file, and the first digits of VGG19's."""
        (vgg19,) = parse_network("vgg19")
        for part, digits in ((VGG16, 64), (vgg19, 8)):
            origin = origin_of(part)
            assert origin is not None
            assert origin.sha256 is not None
            assert (origin.url.startswith("https://"), len(origin.sha256)) == (True, digits)
            assert origin.sha256[:8] in origin.file_name

    def test_timms_networks_come_from_timms_address(self) -> None:
        """As safetensors, under a name that will be found again."""
        origin = origin_of(parse_network("timm:resnet18.a1_in1k")[0])
        assert origin is not None
        assert origin.file_name == "timm--resnet18.a1_in1k.safetensors"
        assert origin.url.endswith("timm/resnet18.a1_in1k/resolve/main/model.safetensors")

    def test_a_network_without_published_weights_cannot_be_fetched(self, settings: Settings) -> None:
        """Timm has architectures that nobody has trained."""
        with pytest.raises(WeightsMissing, match=r"no address.*timm--botnet50ts_256\.safetensors"):
            fetch_network(settings, "timm:botnet50ts_256")

    @pytest.mark.parametrize("name", ["timm:resnet9000", "timm:resnet18.nobodys_weights"])
    def test_a_network_that_timm_lacks_cannot_be_fetched(self, settings: Settings, name: str) -> None:
        """The name is what is wrong, not the address."""
        with pytest.raises(UnknownNetwork, match=name.removeprefix("timm:")):
            fetch_network(settings, name)

    def test_the_published_file_is_recognised(self) -> None:
        """By its hash alone."""
        assert is_original(VGG16, "397923af8e79cdbb6a7127f12361acd7a2f83e06b05044ddf496e83de57a5bf0") is True
        assert is_original(VGG16, "0" * 64) is False
        assert is_original(parse_network("timm:resnet18.a1_in1k")[0], "0" * 64) is None


class TestCommands:
    """The data behind `lookalike networks`."""

    def test_the_list_says_what_is_at_hand(self, settings: Settings) -> None:
        """EfficientNet-Lite0 always is; a fetched file shows."""
        settings.resolved_weights_dir.mkdir(parents=True)
        (settings.resolved_weights_dir / "vgg19.pth").touch()
        networks = {network.name: network for network in known_networks(settings)}
        assert networks["vgg16"].weights is None
        assert networks["vgg19:fc6"].weights == settings.resolved_weights_dir / "vgg19.pth"
        assert networks["efficientnet_lite0"].weights is not None
        assert {name: network.dimension for name, network in networks.items()} == {
            "vgg16": 4096,
            "vgg16:fc6": 4096,
            "vgg16:conv5": 512,
            "vgg19": 4096,
            "vgg19:fc6": 4096,
            "vgg19:conv5": 512,
            "efficientnet_lite0": 1280,
        }

    def test_fetching_tells_a_damaged_file(self, settings: Settings, web: WebFile) -> None:
        """Nothing is left of it."""
        web.content = b"damaged"
        with pytest.raises(DownloadCorrupt):
            fetch_network(settings, "vgg16")
        assert not (settings.resolved_weights_dir / FILE_NAME).exists()

    def test_fetching_what_is_there_gives_its_path(self, settings: Settings) -> None:
        """No address is needed for it."""
        (path,) = fetch_network(settings, "efficientnet_lite0")
        assert path == require_weights(parse_network("efficientnet_lite0")[0], settings)

    def test_verifying_loads_and_runs_the_network(self, settings: Settings) -> None:
        """The hash is the one that the index would record."""
        verified = verify_network(settings, "efficientnet_lite0")
        (weights,) = verified.weights
        assert (verified.dimension, weights.is_original) == (1280, True)
        assert weights.sha256 == hashlib.sha256(weights.path.read_bytes()).hexdigest()

    @pytest.mark.parametrize("value", [0.0, float("nan")])
    def test_verifying_finds_weights_that_are_no_good(self, settings: Settings, value: float) -> None:
        """The right tensors can still hold nothing."""
        settings.resolved_weights_dir.mkdir(parents=True)
        state = timm_package().create_model("test_resnet").state_dict()
        spoilt = {name: torch.full_like(tensor, value) if tensor.ndim > 0 else tensor for name, tensor in state.items()}
        safetensors.torch.save_file(spoilt, settings.resolved_weights_dir / "timm--test_resnet.safetensors")
        with pytest.raises((WeightsCorrupt, EmbeddingRefused)):
            verify_network(settings.model_copy(update={"runtime": "torch-float32"}), "timm:test_resnet")
