"""Names of networks: what `vgg16:fc6`, `timm:NAME` and `a+b` stand for. No torch here."""

import re
from dataclasses import dataclass
from typing import Final, Literal

from app.core.errors import UnknownNetwork

Family = Literal["vgg", "efficientnet_lite0", "timm"]


@dataclass(frozen=True, slots=True)
class Part:
    """
    One network of those that a name stands for.

    Attributes:
        name: As in the settings: `vgg16:fc6`.
        family: Which of our adapters runs it.
        architecture: torchvision's or timm's own name.
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
        Part("vgg19", "vgg", "vgg19", "vgg19", "fc7 after ReLU"),
        Part("vgg19:fc6", "vgg", "vgg19", "vgg19", "fc6 after ReLU"),
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


def parse_network(name: str) -> tuple[Part, ...]:
    """
    Return the parts of a network's name: one, or several for `a+b`.

    Whether timm has an architecture of that name is found out when it is built.

    Raises:
        UnknownNetwork: The name, or a part of it, is none of ours.
    """
    return tuple(_parse_part(part) for part in name.split("+"))


def _parse_part(name: str) -> Part:
    if name in _BUILT_IN:
        return _BUILT_IN[name]
    architecture = name.removeprefix(_TIMM_PREFIX)
    if name.startswith(_TIMM_PREFIX) and _TIMM_NAME.fullmatch(architecture):
        # Neither ":" nor "+" in file names: they are awkward in shells and on other systems.
        return Part(name, "timm", architecture, f"timm--{architecture}", "features before the classifier")
    raise UnknownNetwork(
        f"There is no network named {name!r}. Known are {', '.join(BUILT_IN_NAMES)}, timm:NAME for any network of "
        "timm, and several joined with + (LOOKALIKE_NETWORK)."
    )
