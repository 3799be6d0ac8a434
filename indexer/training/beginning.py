"""What training of dense layers begins with: a network that finds as well as the one that it is made of, or nearly."""

from dataclasses import dataclass
from typing import Final

import torch

from app.core.errors import InvalidParameter
from app.core.networks.architectures import LoadedNetwork, load_network
from app.core.networks.names import Part, parse_network
from app.core.networks.trained import (
    CARD_KEY,
    CHANNELS,
    CLASSES,
    DENSE,
    DIMENSION,
    SIDE,
    TRUNK,
    Beginning,
    Dense,
    TrainedCard,
    with_prefix,
    without_prefix,
)
from app.core.networks.weights import State, Weights

RANK: Final = 64
"""Of what each dense layer learns."""


@dataclass(frozen=True, slots=True, eq=False)
class Start:
    """
    What is trained.

    Attributes:
        card: Of the network as it is now.
        weights: Those of the base, whose tensors are under the names of a trained network.
        dense: The dense layers, which share their tensors with `weights`.
    """

    card: TrainedCard
    weights: Weights
    dense: Dense

    def network(self, part: Part) -> LoadedNetwork:
        """Return it as a network to run."""
        return load_network(part, self.weights)


def base_part(name: str) -> Part:
    """
    Return the network to train on top of.

    Raises:
        UnknownNetwork: There is no such network.
        InvalidParameter: It is made of several, or trained already.
    """
    parts = parse_network(name)
    if len(parts) > 1 or parts[0].family == "trained":
        raise InvalidParameter(
            f"Dense layers are trained for one network as it was published, not for {name}: name one such as vgg16 or "
            "efficientnet_lite0 with --network. Trained networks can be joined with others afterwards."
        )
    if parts[0].family == "vgg":
        return parse_network(parts[0].weights_name)[0]  # vgg16 where vgg16:fc6 is asked for: both layers are trained
    return parts[0]


def begin(part: Part, weights: Weights, *, seed: int, keeps_classes: bool = True) -> Start:
    """
    Return a network to train, made of another one's weights.

    A VGG begins with its fc6 and fc7, or where the file has only convolutions with means over parts of the last map.

    Raises:
        UnknownNetwork, WeightsMismatch: As `load_network` says.
    """
    beginning, state, inputs, has_classes = _of_base(part, weights)
    has_classes = has_classes and keeps_classes
    if not has_classes:
        state = {name: tensor for name, tensor in state.items() if not name.startswith(CLASSES)}
    dense = Dense(beginning, inputs, RANK)
    dense.load_state_dict(without_prefix(state, DENSE), strict=False, assign=True)
    generator = torch.Generator().manual_seed(seed)
    for layer in (dense.first, dense.second):
        if layer is not None:
            torch.nn.init.normal_(layer.down, generator=generator)
            torch.nn.init.zeros_(layer.up)
    card = TrainedCard(base=part.name, dense=beginning, has_classes=has_classes)
    state |= with_prefix(dense.state_dict(), DENSE)
    metadata = {CARD_KEY: card.model_dump_json()}
    return Start(card, Weights(state, weights.sha256, weights.path, metadata), dense)


def _of_base(part: Part, weights: Weights) -> tuple[Beginning, State, int, bool]:
    """Return how it begins, the tensors that it takes over, how many values go in, and whether there are classes."""
    if part.family != "vgg":
        loaded = load_network(part, weights)
        return "pooled", with_prefix(loaded.state, TRUNK), loaded.dimension, bool(loaded.class_labels)
    trunk = with_prefix(without_prefix(weights.state, "features."), TRUNK)
    inputs = SIDE * SIDE * CHANNELS
    if weights.state and all(name.startswith("features.") for name in weights.state):
        return "pyramid", trunk, inputs, False
    load_network(part, weights)  # refuses a file of another network
    fc6 = weights.state["classifier.0.weight"].reshape(DIMENSION, CHANNELS, SIDE, SIDE)
    state = trunk | {
        f"{DENSE}first.base.weight": fc6.permute(0, 2, 3, 1).reshape(DIMENSION, inputs),  # as maps are: channels last
        f"{DENSE}first.base.bias": weights.state["classifier.0.bias"],
        f"{DENSE}second.base.weight": weights.state["classifier.3.weight"],
        f"{DENSE}second.base.bias": weights.state["classifier.3.bias"],
        f"{CLASSES}weight": weights.state["classifier.6.weight"],
        f"{CLASSES}bias": weights.state["classifier.6.bias"],
    }
    return "given", state, inputs, True
