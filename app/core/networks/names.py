"""Names of networks: what `vgg16:fc6`, `timm:NAME` and `a+b` stand for. No torch here."""

import re
from dataclasses import dataclass
from typing import Final, Literal

from app.core.errors import InvalidParameter, UnknownNetwork
from app.core.networks.shares import network_shares, part_names

Family = Literal["vgg", "efficientnet_lite0", "timm", "trained"]


@dataclass(frozen=True, slots=True)
class Part:
    """
    One network of those that a name stands for.

    Attributes:
        name: As in the settings: `vgg16:fc6`.
        family: Which of our adapters runs it.
        architecture: torchvision's or timm's own name; empty for a trained network, whose weights file says it.
        weights_name: Networks with the same one share a weights file; also its name in the weights folder.
        activation: The layer whose values are the embedding.
    """

    name: str
    family: Family
    architecture: str
    weights_name: str
    activation: str


_BUILT_IN: Final = {
    part.name: part
    for part in (
        Part("vgg16", "vgg", "vgg16", "vgg16", "fc7 after ReLU"),
        Part("vgg16:fc6", "vgg", "vgg16", "vgg16", "fc6 after ReLU"),
        Part("vgg16:conv5", "vgg", "vgg16", "vgg16", "mean over conv5"),
        Part("vgg19", "vgg", "vgg19", "vgg19", "fc7 after ReLU"),
        Part("vgg19:fc6", "vgg", "vgg19", "vgg19", "fc6 after ReLU"),
        Part("vgg19:conv5", "vgg", "vgg19", "vgg19", "mean over conv5"),
        Part(
            "efficientnet_lite0",
            "efficientnet_lite0",
            "tf_efficientnet_lite0",
            "efficientnet_lite0",
            "pooled features",
        ),
    )
}
BUILT_IN_NAMES: Final = tuple(_BUILT_IN)
_TIMM_PREFIX: Final = "timm:"
_TIMM_NAME: Final = re.compile(r"[A-Za-z0-9_]+(\.[A-Za-z0-9_]+)?")
TRAINED_PREFIX: Final = "trained:"
TRAINED_FILE: Final = "trained--"
_TRAINED_NAME: Final = re.compile(r"[a-z0-9][a-z0-9_-]{0,62}")


def parse_network(name: str) -> tuple[Part, ...]:
    """
    Return the parts of a network's name: one, or several for `a+b` and `a*0.7+b*0.3`.

    Whether timm has an architecture of that name is found out when it is built.

    Raises:
        UnknownNetwork: The name, or a part of it, is none of ours, or a weight is none.
    """
    network_shares(name)
    return tuple(_parse_part(part) for part in part_names(name))


def _parse_part(name: str) -> Part:
    if name in _BUILT_IN:
        return _BUILT_IN[name]
    architecture = name.removeprefix(_TIMM_PREFIX)
    if name.startswith(_TIMM_PREFIX) and _TIMM_NAME.fullmatch(architecture):
        # Neither ":" nor "+" in file names: they are awkward in shells and on other systems.
        return Part(name, "timm", architecture, f"timm--{architecture}", "features before the classifier")
    if name.startswith(TRAINED_PREFIX) and _TRAINED_NAME.fullmatch(name.removeprefix(TRAINED_PREFIX)):
        return trained_part(name.removeprefix(TRAINED_PREFIX))
    raise UnknownNetwork(
        f"There is no network named {name!r}. Known are {', '.join(BUILT_IN_NAMES)}, timm:NAME for any network of "
        "timm, trained:NAME for one that `lookalike train` made, and several joined with + (LOOKALIKE_NETWORK)."
    )


def trained_part(name: str) -> Part:
    """
    Return the network that `lookalike train --name NAME` makes.

    Raises:
        InvalidParameter: A name of other characters than small letters, digits, - and _.
    """
    if not _TRAINED_NAME.fullmatch(name):
        raise InvalidParameter(
            f"{name!r} cannot be the name of a trained network: up to 63 small letters, digits, - and _ can (--name)."
        )
    return Part(TRAINED_PREFIX + name, "trained", "", TRAINED_FILE + name, "trained dense layers")
