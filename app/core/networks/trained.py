"""
The dense layers that `lookalike train` makes, and the card that says what a trained network is made of.

    trunk (convolutions) → values of its last map or pool, x → dense layers → embedding

Each dense layer is what it began as, plus a product of two small matrices that is learned: `base(x) + up(down(x))`.
So training moves some millions of values where VGG16's layers have 120, which is quick and hardly learns pictures by
heart; and what the base says of ImageNet's classes can still be computed, beside the embedding, from the same weights.
Source: low-rank adaptation, Hu and others 2021, arXiv:2106.09685.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Final, Literal

import torch
from pydantic import BaseModel, ConfigDict, Field, JsonValue, ValidationError
from torch import nn

from app.core.errors import WeightsMismatch
from app.core.networks.weights import State, Weights, read_header

CARD_KEY: Final = "lookalike_network"
TRUNK: Final = "trunk."
DENSE: Final = "dense."
CLASSES: Final = "classes."
DIMENSION: Final = 4096
"""Of both dense layers of a VGG."""
SIDE: Final = 7
"""Cells of VGG's last map along each side."""
CHANNELS: Final = 512

_ABOVE_ZERO: Final = 1e-4
"""Added before a root is taken, whose slope at zero has no end: means are about one."""

Beginning = Literal["given", "pyramid", "pooled"]


class TrainedCard(BaseModel):
    """
    What a trained network is made of, in the metadata of its weights file.

    Attributes:
        base: The network whose trunk it has.
        dense: What its dense layers began as. `given`: fc6 and fc7 of a VGG. `pyramid`: for a VGG without them, roots
            of means over parts of the map (fc6), which fc7 passes on. `pooled`: one layer, which passes on what the
            trunk gives.
        has_classes: Whether it still knows ImageNet's classes.
        about: What it was trained on, and how good it is: for people.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    format: Literal[2] = 2
    base: str
    dense: Beginning
    has_classes: bool
    about: dict[str, JsonValue] = Field(default_factory=dict)


def card_of(weights: Weights) -> TrainedCard:
    """
    Return the card in a weights file.

    Raises:
        WeightsMismatch: The file has none that this version knows.
    """
    return _card(weights.metadata, weights.path)


def _card(metadata: Mapping[str, str], path: Path) -> TrainedCard:
    try:
        return TrainedCard.model_validate_json(metadata[CARD_KEY])
    except (KeyError, ValidationError) as error:
        raise WeightsMismatch(
            f"The weights file {path} is not from `lookalike train --layers dense` or `--layers all` of a "
            "version that this one knows; train the network again."
        ) from error


def glance_at(path: Path) -> tuple[TrainedCard, int]:
    """
    Return the card in a weights file, and how many values an embedding has, without reading the weights.

    Raises:
        WeightsCorrupt, WeightsMismatch: The file is damaged, or is not of a trained network.
    """
    metadata, shape = read_header(path, f"{DENSE}first.up")
    return _card(metadata, path), shape[0]


class Pyramid(nn.Module):
    """
    Square roots of means over eight parts of a map (n, 7 * 7 * 512), channels last: of all, its quarters, its thirds.

    All values of the map are positive, so that a ReLU behind it changes nothing. The roots keep the few channels that
    fire strongly from drowning the others. Measured on 3,795 fashion photos, three seeds: of the ten nearest 0.853 are
    of the category, without the roots 0.846; after training 0.895 and 0.892, and 0.914 and 0.907 are told right.
    """

    def __init__(self) -> None:
        super().__init__()
        parts = torch.zeros(DIMENSION // CHANNELS, SIDE, SIDE, device="cpu")  # not "meta": no file has them
        parts[0] = 1
        halves, thirds = (slice(0, 4), slice(3, 7)), (slice(0, 3), slice(2, 5), slice(4, 7))
        for number, (rows, columns) in enumerate((rows, columns) for rows in halves for columns in halves):
            parts[1 + number, rows, columns] = 1
        for number, rows in enumerate(thirds):
            parts[5 + number, rows] = 1
        flat = parts.flatten(1)
        self._parts = nn.Buffer(flat / flat.sum(dim=1, keepdim=True), persistent=False)

    def forward(self, values: torch.Tensor) -> torch.Tensor:
        """Return the roots, shape (n, 4096)."""
        places = values.reshape(-1, SIDE * SIDE, CHANNELS)
        return (torch.matmul(self._parts, places).flatten(1) + _ABOVE_ZERO).sqrt()


class Adapted(nn.Module):
    """A layer and what was learned in addition to it."""

    def __init__(self, base: nn.Module, inputs: int, outputs: int, rank: int) -> None:
        super().__init__()
        self.base = base
        self.down = nn.Parameter(torch.empty(rank, inputs))
        self.up = nn.Parameter(torch.empty(outputs, rank))

    def forward(self, values: torch.Tensor, of_base: torch.Tensor) -> torch.Tensor:
        """Return the layer's values, of which `of_base` is what the base gives."""
        return of_base + nn.functional.linear(nn.functional.linear(values, self.down), self.up)


class Dense(nn.Module):
    """
    The dense layers: from the trunk's values, shape (n, inputs), to activations, shape (n, dimension).

    Those of a VGG are fc6 and fc7, with a ReLU behind each, as it was. What is learned of fc6 sees the map as the
    pyramid and not place by place: with each of 25,088 values it learned 3,400 pictures by heart, and told new ones
    worse. The one layer of any other network has no ReLU: what is pooled may be negative.
    """

    def __init__(self, beginning: Beginning, inputs: int, rank: int) -> None:
        super().__init__()
        self.beginning = beginning
        self.is_vgg = beginning != "pooled"
        self.dimension = DIMENSION if self.is_vgg else inputs
        given = beginning == "given"
        bases = [nn.Linear(inputs, DIMENSION), nn.Linear(DIMENSION, DIMENSION)] if given else [nn.Identity()] * 2
        layers = [Adapted(base, self.dimension, self.dimension, rank) for base in bases]
        self._view = Pyramid() if self.is_vgg else nn.Identity()
        self.first = layers[0]
        self.second = layers[1] if self.is_vgg else None

    def views(self, values: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Return what the first layer learns from, and what its base gives: both stay the same while one learns."""
        seen = self._view(values)
        return seen, self.first.base(values if self.beginning == "given" else seen)

    def forward(self, seen: torch.Tensor, of_base: torch.Tensor, dropout: float = 0.0) -> torch.Tensor:
        """Return the activations for two `views`; `dropout` is the share of the first layer's values left out."""
        values: torch.Tensor = self.first(seen, of_base)
        if self.second is None:
            return values
        values = values.relu()
        if dropout:
            values = nn.functional.dropout(values, dropout)
        activation: torch.Tensor = self.second(values, self.second.base(values))
        return activation.relu()

    def activation_of_base(self, of_base: torch.Tensor) -> torch.Tensor:
        """Return the activations that there were before anything was learned."""
        activation: torch.Tensor = of_base if self.second is None else self.second.base(of_base.relu()).relu()
        return activation


def empty_dense(card: TrainedCard, state: Mapping[str, torch.Tensor], inputs: int) -> Dense:
    """Return dense layers of the rank that a state has, without memory for weights yet."""
    down = state.get(f"{DENSE}first.down")
    with torch.device("meta"):
        return Dense(card.dense, inputs, 1 if down is None or down.ndim != 2 else down.shape[0])


class TrainedVgg(nn.Module):
    """VGG's convolutions with trained dense layers; `classes` is fc8 behind the layers as they were."""

    def __init__(self, features: nn.Module, avgpool: nn.Module, dense: Dense, classes: nn.Module | None) -> None:
        super().__init__()
        self._features, self._avgpool = features, avgpool
        self._dense, self._classes = dense, classes

    def forward(self, images: torch.Tensor) -> tuple[torch.Tensor, ...]:
        """Return what `LoadedNetwork.module` gives, for normalised images."""
        regions = self._avgpool(self._features(images)).permute(0, 2, 3, 1)  # (n, 7, 7, 512)
        seen, of_base = self._dense.views(regions.flatten(1))
        activation = self._dense(seen, of_base)
        if self._classes is None:
            return activation, regions
        return activation, self._classes(self._dense.activation_of_base(of_base)), regions


class TrainedPooled(nn.Module):
    """Any other network with a trained layer behind what it pools."""

    def __init__(self, trunk: nn.Module, dense: Dense, *, has_classes: bool) -> None:
        super().__init__()
        self._trunk, self._dense = trunk, dense
        self._has_classes = has_classes

    def forward(self, images: torch.Tensor) -> tuple[torch.Tensor, ...]:
        """Return what `LoadedNetwork.module` gives, for normalised images."""
        values, *others = self._trunk(images)
        kept = [output for output in others if self._has_classes or output.ndim == 4]
        return self._dense(*self._dense.views(values)), *kept


def without_prefix(state: Mapping[str, torch.Tensor], prefix: str) -> State:
    """Return the tensors whose names begin with `prefix`, under the rest of their names."""
    return {name.removeprefix(prefix): tensor for name, tensor in state.items() if name.startswith(prefix)}


def with_prefix(state: Mapping[str, torch.Tensor], prefix: str) -> State:
    """Return the tensors under names that begin with `prefix`."""
    return {prefix + name: tensor for name, tensor in state.items()}
