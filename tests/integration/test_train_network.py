"""`lookalike train --layers dense` and `--layers all`: networks that a shop trains, on drawn products."""

import json
from pathlib import Path

import numpy as np
import pytest
import safetensors.torch
import torch

from app.core.embedder import open_embedder
from app.core.errors import InvalidParameter, ParityFailed, RuntimeNotAvailable, WeightsMismatch, WeightsMissing
from app.core.images import ImageLimits, prepare_image
from app.core.networks.architectures import load_network
from app.core.networks.names import parse_network, trained_part
from app.core.networks.trained import CARD_KEY, TrainedCard
from app.core.networks.weights import Weights
from app.core.settings import RuntimeChoice, Settings
from app.core.snapshot_folder import SnapshotFolder
from indexer.training.beginning import base_part, begin
from tests.support.command_line import Run, run
from tests.support.shop import CATEGORIES, COLOURS, draw_product

__all__ = ["run"]


@pytest.fixture
def photos(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of 24 products in 3 categories, and a runtime that is everywhere."""
    monkeypatch.setenv("LOOKALIKE_RUNTIME", "torch-float32")
    monkeypatch.setenv("LOOKALIKE_DATA_DIR", str(tmp_path / "data"))
    monkeypatch.setenv("LOOKALIKE_NETWORK", "efficientnet_lite0")
    for category in CATEGORIES:
        (tmp_path / "photos" / category).mkdir(parents=True)
        for number, colour in enumerate(COLOURS):
            file = tmp_path / "photos" / category / f"{category}-{number}.jpg"
            file.write_bytes(draw_product(category, colour))
    return tmp_path / "photos"


def _tiny_vgg() -> Weights:
    """Return VGG16's convolutions with random values, and nothing else."""
    from app.core.networks.libraries import torchvision_models  # noqa: PLC0415  # takes a second

    torch.manual_seed(0)
    vgg = torchvision_models().vgg16(init_weights=False)
    state = {f"features.{name}": tensor for name, tensor in vgg.features.state_dict().items()}
    return Weights(state, "ab" * 32, Path("vgg16.safetensors"))


def test_a_trained_network_is_indexed_and_searched_like_any_other(run: Run, photos: Path, tmp_path: Path) -> None:
    """It has its own name and fingerprint, tells ImageNet's classes as before, and its card says how it was made."""
    outcome = run("train", "--layers", "dense", "--source", photos, "--name", "shop", "--json")
    document = json.loads(outcome.out)
    assert outcome.code == 0, outcome.error
    assert document["network"] == "trained:shop"
    assert document["card"]["base"] == "efficientnet_lite0"
    assert document["card"]["about"]["figures"]["accuracy"]["of"] == 3
    assert run("index", photos, "--network", "trained:shop").code == 0
    found = json.loads(run("search", photos / "mugs" / "mugs-1.jpg", "--json").out)
    assert found["results"][0]["score"] > 0.999
    assert found["classes"]
    manifest = SnapshotFolder(tmp_path / "data" / "snapshots").open_live_or_previous().snapshot.manifest
    assert manifest.network == "trained:shop"


def test_fine_tuning_gives_a_network_without_classes(run: Run, photos: Path, tmp_path: Path) -> None:
    """Convolutions that changed no longer fit the layer that told the classes; they are left out, not wrong."""
    outcome = run("train", "--layers", "all", "--source", photos, "--json")
    assert outcome.code == 0, outcome.error
    assert json.loads(outcome.out)["network"] == "trained:all-1"
    embedder = open_embedder(Settings.load(data_dir=tmp_path / "data"), "trained:all-1")
    assert embedder.class_labels == ()


@pytest.mark.parametrize("runtime", ["torch-bfloat16", "openvino-float32", "openvino-bfloat16"])
def test_runtimes_agree_on_a_trained_network(run: Run, photos: Path, tmp_path: Path, runtime: RuntimeChoice) -> None:
    """What was learned comes through every runtime that this machine has; one that is too far off is refused."""
    run("train", "--layers", "dense", "--source", photos, "--name", "shop")
    embeddings = []
    for name in ("torch-float32", runtime):
        settings = Settings.load(data_dir=tmp_path / "data", runtime=name)
        try:
            embedder = open_embedder(settings, "trained:shop")
        except RuntimeNotAvailable as error:
            pytest.skip(str(error))
        except ParityFailed:  # as of the network that it was made of
            assert "bfloat16" in runtime
            return
        photo = (photos / "bags" / "bags-2.jpg").read_bytes()
        image = prepare_image(photo, embedder.preprocessings, ImageLimits.from_settings(settings))
        embeddings.append(embedder.embed([image]).embeddings[0])
    assert float(embeddings[0] @ embeddings[1]) > 0.999


def test_trained_networks_are_listed_with_what_they_are_made_of(run: Run, tmp_path: Path) -> None:
    """With the values of their embeddings and the licence of what is in them; a damaged one is listed as that."""
    (tmp_path / "weights").mkdir()
    card = TrainedCard(base="vgg16", dense="pyramid", has_classes=False).model_dump_json()
    tensors = {"dense.first.up": torch.zeros(4096, 64)}
    safetensors.torch.save_file(tensors, tmp_path / "weights" / "trained--shop.safetensors", {CARD_KEY: card})
    (tmp_path / "weights" / "trained--broken.safetensors").write_bytes(b"nothing")

    as_json = json.loads(run("networks", "list", "--json", "--data-dir", tmp_path).out)
    out = run("networks", "list", "--data-dir", tmp_path).out

    broken, shop = (
        next(each for each in as_json if each["name"] == name) for name in ("trained:broken", "trained:shop")
    )
    assert (shop["dimension"], shop["weights_mib"], shop["licence"]) == (4096, 1, "BSD-3-Clause")
    assert (shop["base"], shop["problem"]) == ("vgg16", None)
    assert (broken["dimension"], "damaged" in broken["problem"]) == (None, True)
    assert "The weights of trained:shop, made of vgg16, are in " in out
    assert "trained:broken cannot be used. The weights file " in out


def test_a_name_that_is_taken_is_refused(run: Run, photos: Path, tmp_path: Path) -> None:
    """An index may have been made with the network of that name."""
    (tmp_path / "data" / "weights").mkdir(parents=True)
    file = tmp_path / "data" / "weights" / "trained--shop.safetensors"
    file.write_bytes(b"kept")
    outcome = run("train", "--layers", "dense", "--source", photos, "--name", "shop")
    assert outcome.code == 1
    assert "already" in outcome.error
    assert file.read_bytes() == b"kept"


def test_convolutions_alone_are_a_beginning_for_dense_layers() -> None:
    """They are refused as vgg16, by name, and begin as roots of means over the map when dense layers are trained."""
    (part,) = parse_network("vgg16")
    with pytest.raises(WeightsMismatch, match=r"convolutions only.*--layers dense"):
        load_network(part, _tiny_vgg())
    start = begin(part, _tiny_vgg(), seed=0)
    network = start.network(trained_part("shop"))
    with torch.inference_mode():
        pixels = torch.randint(0, 256, (1, 224, 224, 3), dtype=torch.uint8)
        activation, regions = network.module(torch.float32, is_for_bfloat16=False)(pixels)
    assert network.class_labels == ()
    assert activation.shape == (1, 4096)
    means = regions[0].mean(dim=(0, 1))
    np.testing.assert_allclose(activation[0, :512], (means + 1e-4).sqrt(), rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize("name", ["trained:shop", "vgg16+efficientnet_lite0"])
def test_only_networks_as_published_are_trained_on_top_of(name: str) -> None:
    """Others are refused, with what to name instead."""
    with pytest.raises(InvalidParameter, match="--network"):
        base_part(name)


@pytest.mark.parametrize("name", ["", "Shop", "../x", "a b", "x" * 64])
def test_a_name_that_cannot_be_a_file_is_refused(name: str) -> None:
    """It becomes part of a file's name."""
    with pytest.raises(InvalidParameter, match="--name"):
        trained_part(name)


def test_a_trained_network_that_is_not_there_is_told(tmp_path: Path) -> None:
    """Nobody else has it to download."""
    with pytest.raises(WeightsMissing, match=r"trained--shop\.safetensors"):
        open_embedder(Settings(data_dir=tmp_path), "trained:shop")


@pytest.mark.parametrize(
    "card",
    [None, "{}", '{"format": 2}', TrainedCard(base="vgg16", dense="pooled", has_classes=False).model_dump_json()],
    ids=["none", "empty", "of another version", "contradicting itself"],
)
def test_a_file_without_a_fitting_card_is_refused(tmp_path: Path, card: str | None) -> None:
    """By name, and nothing of it is used."""
    (tmp_path / "weights").mkdir()
    metadata = None if card is None else {CARD_KEY: card}
    file = tmp_path / "weights" / "trained--shop.safetensors"
    safetensors.torch.save_file({"trunk.x": torch.zeros(1)}, file, metadata)
    with pytest.raises(WeightsMismatch, match="train"):
        open_embedder(Settings(data_dir=tmp_path), "trained:shop")
