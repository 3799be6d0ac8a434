"""
Declares two operators of torchvision that its import describes, before anything imports it.

PyPI's torchvision beside a CPU build of torch registers none (see `app.core.networks.libraries`); a matching pair does.
"""

import torch

_SIGNATURE = "(Tensor dets, Tensor scores, float iou_threshold) -> Tensor"

library = torch.library.Library("torchvision", "FRAGMENT")  # type: ignore[no-untyped-call]
if torch.version.cuda is None:
    for name in ("nms", "qnms"):
        if not hasattr(torch.ops.torchvision, name):
            library.define(name + _SIGNATURE)  # type: ignore[no-untyped-call]
