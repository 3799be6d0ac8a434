"""What tests of runtimes share: their names, and small networks to run on them."""

from collections.abc import Iterable
from pathlib import Path

import safetensors.torch
import torch

from app.core.networks.libraries import timm_package
from app.core.networks.names import parse_network
from app.core.settings import RuntimeChoice, Settings

RUNTIMES: tuple[RuntimeChoice, ...] = ("torch-float32", "torch-bfloat16", "openvino-float32", "openvino-bfloat16")


def with_runtime(settings: Settings, runtime: RuntimeChoice) -> Settings:
    """Return the same settings with another runtime."""
    return settings.model_copy(update={"runtime": runtime})


def write_timm_weights(folder: Path, networks: Iterable[str]) -> None:
    """Fill a weights folder with random weights, always the same, for networks of timm."""
    folder.mkdir(exist_ok=True)
    torch.manual_seed(3)
    for name in networks:
        (part,) = parse_network(name)
        state = timm_package().create_model(part.architecture).state_dict()
        safetensors.torch.save_file(state, folder / f"{part.weights_name}.safetensors")
