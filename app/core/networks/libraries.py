"""
The only module that imports torchvision and timm, which takes a second and two workarounds.

PyPI's torchvision is built for CUDA: beside a CPU build of torch its native library cannot be loaded, none of its
operators is registered, and its import fails where it describes two of them. Declaring those two first is enough for
architectures, weights and their metadata, which is all that is used here; `torchvision.ops` and `torchvision.io` stay
unusable. A matching build, from PyTorch's own index, registers them itself.

Both mention torch's compiler in passing, in an operator and a network that are not used here. Its import takes more
than the rest of the two together, at each start of everything, so it is kept out.
"""

import importlib
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from types import ModuleType
from typing import Any, Final

import torch

from app.core.errors import UnknownNetwork

_DECLARED_OPERATORS: Final = ("nms", "qnms")
_SIGNATURE: Final = "(Tensor dets, Tensor scores, float iou_threshold) -> Tensor"
# The declarations live as long as this object does.
_declarations: list[torch.library.Library] = []

_COMPILER: Final = "torch._dynamo"
_COMPILER_UTILS: Final = "torch._dynamo.utils"


def torchvision_models() -> Any:  # noqa: ANN401  # torchvision ships no types
    """Return the module `torchvision.models`."""
    if torch.version.cuda is None and not _declarations:
        library = torch.library.Library("torchvision", "FRAGMENT")  # type: ignore[no-untyped-call]
        _declarations.append(library)
        for name in _DECLARED_OPERATORS:
            if not hasattr(torch.ops.torchvision, name):
                library.define(name + _SIGNATURE)  # type: ignore[no-untyped-call]
    with _without_compiler():
        import torchvision.models  # noqa: PLC0415  # only after the declarations, and only when needed

    return torchvision.models


def timm_package() -> Any:  # noqa: ANN401  # timm ships no types
    """Return the package `timm` with `timm.data`."""
    torchvision_models()  # timm imports torchvision, which must have been declared for
    with _without_compiler():
        import timm.data  # noqa: PLC0415  # the same

    return timm


@contextmanager
def _without_compiler() -> Iterator[None]:
    """
    Keep `torch._dynamo` out of imports that do not need it: 1.0 of the 1.6 s of processor time that both took.

    torchvision imports one function of it, for roi_align; timm marks a class as not to be compiled. Whatever else is
    asked of it, as another version may, is answered by the compiler itself.
    """
    if _COMPILER in sys.modules:
        yield
        return
    stand_in = ModuleType(_COMPILER_UTILS)
    stand_in.__dict__.update(is_compile_supported=lambda _device_type: False, __getattr__=_from_compiler)
    sys.modules[_COMPILER_UTILS] = stand_in
    disable = torch.compiler.disable
    torch.compiler.disable = _as_it_is  # type: ignore[assignment]  # its other arguments mean nothing here
    try:
        yield
    finally:
        torch.compiler.disable = disable
        if sys.modules.get(_COMPILER_UTILS) is stand_in:
            del sys.modules[_COMPILER_UTILS]


def _from_compiler(name: str) -> Any:  # noqa: ANN401  # whatever it has
    if name.startswith("__"):  # what the import system asks of every module
        raise AttributeError(name)
    sys.modules.pop(_COMPILER_UTILS, None)
    return getattr(importlib.import_module(_COMPILER_UTILS), name)


def _as_it_is(function: Any = None, **_options: object) -> Any:  # noqa: ANN401  # a decorator, with options or without
    return _as_it_is if function is None else function


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
