"""Changes to a picture after which it is still of the same product: a mild crop, its mirror image, other light."""

from typing import Final

import torch

_SMALLEST_SIDE: Final = 0.85
"""Of the sides of a picture, that a crop keeps."""
_BRIGHTNESS: Final = 0.15
"""No change of hue: a red shirt and a blue one are two products."""


def augmented(pixels: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
    """
    Return a changed copy of each picture, of the same size.

    Args:
        pixels: Shape (n, side, side, 3), uint8.
        generator: Decides the changes; on the CPU.
    """
    count = len(pixels)

    def uniform(low: float, high: float) -> torch.Tensor:
        return low + (high - low) * torch.rand(count, generator=generator)

    side = uniform(_SMALLEST_SIDE, 1)
    mirror = torch.where(uniform(0, 1) < 0.5, -1.0, 1.0)
    matrices = torch.zeros(count, 2, 3)
    matrices[:, 0, 0], matrices[:, 1, 1] = side * mirror, side
    matrices[:, 0, 2], matrices[:, 1, 2] = (1 - side) * uniform(-1, 1), (1 - side) * uniform(-1, 1)
    brightness = uniform(1 - _BRIGHTNESS, 1 + _BRIGHTNESS).view(-1, 1, 1, 1)
    images = pixels.permute(0, 3, 1, 2).float()
    places = torch.nn.functional.affine_grid(matrices.to(images.device), list(images.shape), align_corners=False)
    cropped = torch.nn.functional.grid_sample(images, places, padding_mode="border", align_corners=False)
    lit = (cropped * brightness.to(images.device)).clamp(0, 255).round()
    return lit.to(torch.uint8).permute(0, 2, 3, 1)
