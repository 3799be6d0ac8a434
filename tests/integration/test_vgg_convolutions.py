"""`vgg16:conv5`: VGG's convolutions alone, also from a file that has nothing else."""

from pathlib import Path

import numpy as np
import pytest
import safetensors.torch
import torch

from app.core.embedder import open_embedder
from app.core.errors import WeightsMismatch
from app.core.images import ImageLimits, prepare_image
from app.core.networks.architectures import load_network
from app.core.networks.libraries import torchvision_models
from app.core.networks.names import parse_network
from app.core.networks.weights import Weights
from app.core.probes import probe_images
from app.core.settings import Settings


@pytest.mark.parametrize("name", ["vgg16:conv5", "vgg19:conv5"])
def test_a_whole_file_gives_512_values_and_no_classes(name: str) -> None:
    """On torch's meta device, where tensors have shapes and no values."""
    (part,) = parse_network(name)
    with torch.device("meta"):
        state = torchvision_models().get_model(part.architecture, init_weights=False).state_dict()
        network = load_network(part, Weights(state, "0" * 64, Path("weights.pth")))
        module = network.module(torch.float32, is_for_bfloat16=False)
        activation, regions = module(torch.zeros(2, 224, 224, 3, dtype=torch.uint8))
    assert (activation.shape, regions.shape, network.class_labels) == ((2, 512), (2, 7, 7, 512), ())


def test_the_embedding_is_the_mean_over_the_map_from_a_file_of_convolutions(tmp_path: Path) -> None:
    """With drawn weights, on the probe images: a unit-norm mean, as the map that explains hits has it."""
    torch.manual_seed(0)
    state = torchvision_models().get_model("vgg16").features.state_dict()
    weights = tmp_path / "convolutions.safetensors"
    safetensors.torch.save_file({f"features.{name}": tensor for name, tensor in state.items()}, weights)
    settings = Settings.load(data_dir=tmp_path, vgg16_weights=weights, runtime="torch-float32")
    embedder = open_embedder(settings, "vgg16:conv5")
    limits = ImageLimits.from_settings(settings)
    embedded = embedder.embed([prepare_image(data, embedder.preprocessings, limits) for data in probe_images()])
    means = embedded.regions.astype(np.float32).mean(axis=(1, 2))
    means /= np.linalg.norm(means, axis=1, keepdims=True)
    assert np.abs(embedded.embeddings - means).max() < 1e-5
    assert embedded.probabilities.shape == (len(means), 0)


def test_convolutions_of_another_vgg_are_refused() -> None:
    """By their names and shapes."""
    (part,) = parse_network("vgg16:conv5")
    with torch.device("meta"):
        state = torchvision_models().get_model("vgg19", init_weights=False).features.state_dict()
        weights = Weights({f"features.{name}": t for name, t in state.items()}, "0" * 64, Path("w"))
        with pytest.raises(WeightsMismatch, match="vgg16"):
            load_network(part, weights)
