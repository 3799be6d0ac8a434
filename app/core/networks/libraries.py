"""
The only module that imports torchvision and timm, which take two seconds and, in torchvision's case, a workaround.

PyPI's torchvision is built for CUDA: beside a CPU build of torch its native library cannot be loaded, none of its
operators is registered, and its import fails where it describes two of them. Declaring those two first is enough for
architectures, weights and their metadata, which is all that is used here; `torchvision.ops` and `torchvision.io` stay
unusable. A matching build, from PyTorch's own index, registers them itself.
"""

from typing import Any, Final

import torch

from app.core.errors import UnknownNetwork

_DECLARED_OPERATORS: Final = ("nms", "qnms")
_SIGNATURE: Final = "(Tensor dets, Tensor scores, float iou_threshold) -> Tensor"
# The declarations live as long as this object does.
_declarations: list[torch.library.Library] = []


def torchvision_models() -> Any:  # noqa: ANN401  # torchvision ships no types
    """Return the module `torchvision.models`."""
    if torch.version.cuda is None and not _declarations:
        library = torch.library.Library("torchvision", "FRAGMENT")  # type: ignore[no-untyped-call]
        _declarations.append(library)
        for name in _DECLARED_OPERATORS:
            if not hasattr(torch.ops.torchvision, name):
                library.define(name + _SIGNATURE)  # type: ignore[no-untyped-call]
    import torchvision.models  # noqa: PLC0415  # only after the declarations, and only when needed

    return torchvision.models


def timm_package() -> Any:  # noqa: ANN401  # timm ships no types
    """Return the package `timm` with `timm.data`."""
    torchvision_models()  # timm imports torchvision, which must have been declared for
    import timm.data  # noqa: PLC0415  # the same

    return timm


def timm_config(architecture: str) -> Any:  # noqa: ANN401  # timm ships no types
    """
    Return what timm says about an architecture and its weights; None where nobody has published weights for it.

    Raises:
        UnknownNetwork: timm has no such architecture, or no such tag of weights for it.
    """
    timm = timm_package()
    try:
        if timm.is_model(architecture):
            return timm.get_pretrained_cfg(architecture)
    except RuntimeError:  # the architecture exists, the tag does not
        pass
    raise UnknownNetwork(f"timm has no network named {architecture!r} (LOOKALIKE_NETWORK).")


def imagenet_labels() -> tuple[str, ...]:
    """Return the 1000 labels of ImageNet's classes, in the order of the logits."""
    return tuple(torchvision_models().VGG16_Weights.IMAGENET1K_V1.meta["categories"])
