"""
The torch modules: each gives activation, logits of ImageNet's classes and last feature map in one forward pass.

Every network takes pixels as they were decoded (uint8, NHWC) and normalises them itself, so that one definition serves
torch and, traced, OpenVINO.
"""

import math
from dataclasses import dataclass, replace
from typing import Any, Final, Protocol

import torch
from torch import nn

from app.core.errors import UnknownNetwork, WeightsMismatch
from app.core.networks.fronts import Normalise, exact_front
from app.core.networks.libraries import imagenet_labels, timm_config, timm_package, torchvision_models
from app.core.networks.names import Part, parse_network
from app.core.networks.trained import (
    CHANNELS,
    CLASSES,
    DENSE,
    SIDE,
    TRUNK,
    TrainedPooled,
    TrainedVgg,
    card_of,
    empty_dense,
    with_prefix,
    without_prefix,
)
from app.core.networks.weights import State, Weights, require_same_shapes
from app.core.preprocessing import Preprocessing

IMAGENET_CLASSES: Final = 1000
_CONVOLUTIONS: Final = "features."
"""How torchvision calls VGG's, before their number."""


class _Architecture(Protocol):
    """What differs between the families of networks."""

    dimension: int
    class_count: int
    preprocessing: Preprocessing

    def state_for(self, weights: Weights) -> State:
        """Return the tensors under the module's names; raises WeightsMismatch."""

    def module(self, state: State) -> nn.Module:
        """Return a new module on those tensors: normalised images to what `LoadedNetwork.module` gives."""


@dataclass(frozen=True, slots=True)
class LoadedNetwork:
    """One network with its weights in memory, from which modules are made at any precision."""

    part: Part
    weights_sha256: str
    _architecture: _Architecture
    state: State

    @property
    def dimension(self) -> int:
        """Values in one activation."""
        return self._architecture.dimension

    @property
    def preprocessing(self) -> Preprocessing:
        """Size, crop, mean and std, from the weights' own metadata."""
        return self._architecture.preprocessing

    @property
    def class_labels(self) -> tuple[str, ...]:
        """Labels of the logits; empty where the network has no classes of ImageNet."""
        return imagenet_labels() if self._architecture.class_count == IMAGENET_CLASSES else ()

    def module(self, dtype: torch.dtype, *, is_for_bfloat16: bool) -> nn.Module:
        """
        Return a module from pixels (n, side, side, 3) uint8 to a tuple of float32 tensors.

        They are the activations (n, d); where the network has classes, the logits (n, c); and where its last
        convolution gives a map, the map, channels last (n, h, w, channels).

        In float32 it shares the weights of this object, in another dtype it has its own. `is_for_bfloat16` makes it
        stand the rounding of bfloat16, whoever does that: torch by the dtype, OpenVINO when it compiles.
        """
        network = self._architecture.module(self.state)
        front = exact_front(network, self.preprocessing) if is_for_bfloat16 else Normalise(self.preprocessing)
        return _PixelNetwork(front, network.to(dtype), dtype).eval().requires_grad_(requires_grad=False)


class _PixelNetwork(nn.Module):
    """A network behind the front that makes its input from pixels."""

    def __init__(self, front: nn.Module, network: nn.Module, dtype: torch.dtype) -> None:
        super().__init__()
        self._front = front
        self._network = network
        self._dtype = dtype

    def forward(self, pixels: torch.Tensor) -> tuple[torch.Tensor, ...]:
        images = pixels.permute(0, 3, 1, 2).to(torch.float32)  # (n, 3, h, w), channels-last in memory
        outputs = self._network(self._front(images).to(self._dtype))
        return tuple(output.to(torch.float32) for output in outputs)


class _VggModule(nn.Module):
    """
    torchvision's VGG, cut inside its classifier.

    `classifier` is fc6, ReLU, dropout, fc7, ReLU, dropout, fc8. Its ReLUs work in place, so that a hook on fc7 would
    see overwritten values: the slice up to and including the ReLU is the activation.
    Source: Simonyan & Zisserman, arXiv:1409.1556, configurations D (VGG16) and E (VGG19).
    """

    def __init__(self, vgg: Any, cut: int) -> None:  # noqa: ANN401  # torchvision ships no types
        super().__init__()
        self._features, self._avgpool = vgg.features, vgg.avgpool
        self._head, self._tail = vgg.classifier[:cut], vgg.classifier[cut:]

    def forward(self, images: torch.Tensor) -> tuple[torch.Tensor, ...]:
        pooled = self._avgpool(self._features(images))  # (n, 512, 7, 7)
        activation = self._head(pooled.flatten(1))  # (n, 4096)
        return activation, self._tail(activation), pooled.permute(0, 2, 3, 1)


class _VggConvolutions(nn.Module):
    """torchvision's VGG without its dense layers: the mean over what the last pooling gives."""

    def __init__(self, vgg: Any) -> None:  # noqa: ANN401  # torchvision ships no types
        super().__init__()
        self._features, self._avgpool = vgg.features, vgg.avgpool

    def forward(self, images: torch.Tensor) -> tuple[torch.Tensor, ...]:
        pooled = self._avgpool(self._features(images))  # (n, 512, 7, 7)
        return pooled.mean(dim=(2, 3)), pooled.permute(0, 2, 3, 1)


class _Vgg:
    """torchvision's VGG16 or VGG19, whose embedding is fc6 or fc7 after its ReLU."""

    dimension = 4096
    class_count = IMAGENET_CLASSES

    def __init__(self, part: Part) -> None:
        self._part = part
        self.name = part.weights_name
        models = torchvision_models()
        self._build = models.get_model_builder(part.architecture)
        transforms = models.get_model_weights(part.architecture).IMAGENET1K_V1.transforms()
        self.preprocessing = Preprocessing(
            resize_px=transforms.resize_size[0],
            crop_px=transforms.crop_size[0],
            interpolation=transforms.interpolation.value,
            mean=tuple(transforms.mean),
            std=tuple(transforms.std),
        )

    def empty(self) -> Any:  # noqa: ANN401  # torchvision ships no types
        """Return torchvision's module without memory for weights."""
        with torch.device("meta"):  # no memory and no random numbers: the weights come at once
            return self._build(init_weights=False)

    def state_for(self, weights: Weights) -> State:
        if weights.state and all(name.startswith(_CONVOLUTIONS) for name in weights.state):
            raise WeightsMismatch(
                f"The weights file {weights.path} has {self.name}'s convolutions only, and its embedding "
                "is made by dense layers. `lookalike train --layers dense` makes some for these convolutions, and "
                f"--network {self.name}:conv5 needs none."
            )
        require_same_shapes(weights.state, self.empty().state_dict(), self.name, weights.path)
        return weights.state

    def module(self, state: State) -> nn.Module:
        vgg = self.empty()
        vgg.load_state_dict(state, assign=True)
        return _VggModule(vgg, cut=2 if self._part.name.endswith(":fc6") else 5)


class _VggConv5:
    """torchvision's VGG16 or VGG19 without dense layers, also from a file that has none: the embedding is conv5."""

    dimension = CHANNELS
    class_count = 0

    def __init__(self, part: Part) -> None:
        self._vgg = _Vgg(part)
        self.preprocessing = self._vgg.preprocessing

    def state_for(self, weights: Weights) -> State:
        convolutions = {name: tensor for name, tensor in weights.state.items() if name.startswith(_CONVOLUTIONS)}
        if len(convolutions) != len(weights.state):
            self._vgg.state_for(weights)  # refuses a file of another network
        expected = with_prefix(self._vgg.empty().features.state_dict(), _CONVOLUTIONS)
        require_same_shapes(convolutions, expected, self._vgg.name, weights.path)
        return convolutions

    def module(self, state: State) -> nn.Module:
        vgg = self._vgg.empty()
        vgg.features.load_state_dict(without_prefix(state, _CONVOLUTIONS), assign=True)
        return _VggConvolutions(vgg)


class _TimmModule(nn.Module):
    """A network of timm, whose embedding is what goes into its classifier."""

    def __init__(self, network: Any, class_count: int) -> None:  # noqa: ANN401  # timm ships no types
        super().__init__()
        self._network = network
        self._class_count = class_count

    def forward(self, images: torch.Tensor) -> tuple[torch.Tensor, ...]:
        features = self._network.forward_features(images)
        outputs = [self._network.forward_head(features, pre_logits=True).flatten(1)]
        if self._class_count > 0:
            # The whole head again: what stands between differs by architecture, and it is cheap beside the trunk.
            outputs.append(self._network.forward_head(features))
        if features.ndim == 4:  # not the tokens of a transformer
            is_channels_last = features.shape[1] != self._network.num_features  # Swin's, for one
            outputs.append(features if is_channels_last else features.permute(0, 2, 3, 1))
        return tuple(outputs)


class _Timm:
    """Any network of timm that takes a square RGB image."""

    def __init__(self, part: Part) -> None:
        self._part = part
        timm_config(part.architecture)
        self._network = self._build()
        self.dimension: int = self._network.head_hidden_size
        self.class_count: int = IMAGENET_CLASSES if self._network.num_classes == IMAGENET_CLASSES else 0
        self.preprocessing = _timm_preprocessing(
            timm_package().data.resolve_model_data_config(self._network), part.name
        )

    def _build(self) -> Any:  # noqa: ANN401  # timm ships no types
        return timm_package().create_model(self._part.architecture)

    def state_for(self, weights: Weights) -> State:
        expected = self._network.state_dict()
        state = weights.state
        if self._part.family == "efficientnet_lite0":
            state = _in_order(state, expected)
        require_same_shapes(state, expected, self._part.weights_name, weights.path)
        return state

    def module(self, state: State) -> nn.Module:
        network = self._build()
        network.load_state_dict(state, assign=True)
        return _TimmModule(network, self.class_count)


class _Trained:
    """A network that `lookalike train` made: the trunk of another one, and dense layers of its own."""

    def __init__(self, weights: Weights) -> None:
        self._card = card_of(weights)
        (base, *more) = parse_network(self._card.base)
        if more or base.family == "trained" or (base.family == "vgg") != (self._card.dense != "pooled"):
            raise WeightsMismatch(f"The card in the weights file {weights.path} contradicts itself; train it again.")
        self._vgg = _Vgg(base) if base.family == "vgg" else None
        self._trunk: _Architecture = self._vgg or _Timm(replace(base, family="timm"))  # under timm's own names
        self._inputs = CHANNELS * SIDE * SIDE if self._vgg else self._trunk.dimension
        self.dimension = empty_dense(self._card, {}, self._inputs).dimension
        self.class_count = self._trunk.class_count if self._card.has_classes else 0
        self.preprocessing = self._trunk.preprocessing

    def state_for(self, weights: Weights) -> State:
        dense = empty_dense(self._card, weights.state, self._inputs)
        expected = with_prefix(dense.state_dict(), DENSE)
        if self._vgg:
            vgg = self._vgg.empty()
            expected |= with_prefix(vgg.features.state_dict(), TRUNK)
            if self.class_count:
                expected |= with_prefix(vgg.classifier[-1].state_dict(), CLASSES)
            require_same_shapes(weights.state, expected, f"its card's {self._card.base}", weights.path)
        else:
            trunk = Weights(without_prefix(weights.state, TRUNK), weights.sha256, weights.path)
            expected |= with_prefix(self._trunk.state_for(trunk), TRUNK)
            require_same_shapes(weights.state, expected, f"its card's {self._card.base}", weights.path)
        return weights.state

    def module(self, state: State) -> nn.Module:
        dense = empty_dense(self._card, state, self._inputs)
        dense.load_state_dict(without_prefix(state, DENSE), assign=True)
        trunk = without_prefix(state, TRUNK)
        if self._vgg is None:
            return TrainedPooled(self._trunk.module(trunk), dense, has_classes=self._card.has_classes)
        vgg = self._vgg.empty()
        vgg.features.load_state_dict(trunk, assign=True)
        classes = vgg.classifier[-1] if self.class_count else None
        if classes is not None:
            classes.load_state_dict(without_prefix(state, CLASSES), assign=True)
        return TrainedVgg(vgg.features, vgg.avgpool, dense, classes)


def _in_order(state: State, expected: State) -> State:
    """
    Rename the tensors by position.

    The package's file and timm's network are the same layers in the same order under other names; shapes are compared
    afterwards, and a surplus tensor keeps its name, so that a wrong file is noticed.
    """
    names = list(expected) + list(state)[len(expected) :]
    return dict(zip(names, state.values(), strict=False))


def _timm_preprocessing(config: dict[str, Any], name: str) -> Preprocessing:
    channels, height, width = config["input_size"]
    if (channels, config["crop_mode"]) != (3, "center") or height != width or config["crop_pct"] > 1:
        raise UnknownNetwork(
            f"{name} does not take the centre of an RGB image, which is all that Lookalike can give it."
        )
    if config["interpolation"] not in ("bilinear", "bicubic"):
        raise UnknownNetwork(f"{name} wants {config['interpolation']} resizing; Lookalike has bilinear and bicubic.")
    return Preprocessing(
        resize_px=math.floor(height / config["crop_pct"]),  # timm/data/transforms_factory.py rounds so
        crop_px=height,
        interpolation=config["interpolation"],
        mean=tuple(config["mean"]),
        std=tuple(config["std"]),
    )


def load_network(part: Part, weights: Weights) -> LoadedNetwork:
    """
    Join an architecture and its weights.

    Raises:
        UnknownNetwork: timm has no such network, or it cannot be given what it wants.
        WeightsMismatch: The weights belong to another architecture.
    """
    architecture: _Architecture
    if part.family == "trained":
        architecture = _Trained(weights)
    elif part.family == "vgg":
        architecture = _VggConv5(part) if part.name.endswith(":conv5") else _Vgg(part)
    else:
        architecture = _Timm(part)
    return LoadedNetwork(part, weights.sha256, architecture, architecture.state_for(weights))
