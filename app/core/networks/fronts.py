"""
From pixels to what the first convolution takes: normalised in float32, or a form that survives bfloat16.

bfloat16 has eight significant bits. A normalised pixel rounded to them loses up to one level of the original 256, which
in dark or pale pictures is most of what there is to see: VGG16's fc7 of one dark photo had a cosine of 0.9987 with
float32. But the pixels themselves, whole numbers up to 255, are exact in bfloat16. So they go in as they are, scale and
shift go into the convolution's weights, and each weight is split into two that bfloat16 holds. The same photo then has
0.99997, and no runtime is slower for it: they pad three channels to eight or more anyway.
"""

import torch
from torch import nn

from app.core.preprocessing import Preprocessing


class Normalise(nn.Module):
    """Pixels (n, 3, h, w), 0 to 255, to (pixels / 255 - mean) / std."""

    def __init__(self, preprocessing: Preprocessing) -> None:
        super().__init__()
        scale, shift = _scale_and_shift(preprocessing)
        self._scale, self._shift = nn.Buffer(scale), nn.Buffer(shift)

    def forward(self, pixels: torch.Tensor) -> torch.Tensor:
        """Return the normalised images (n, 3, h, w)."""
        return pixels * self._scale + self._shift


class _Planes(nn.Module):
    """
    Pixels (n, 3, h, w) to two times red, green, blue and one: (n, 8, h, w).

    The plane of ones carries the shift. It ends where the picture ends, so that the zeros with which the convolution
    pads still mean "normalised to zero".
    """

    def forward(self, pixels: torch.Tensor) -> torch.Tensor:
        one = torch.ones_like(pixels[:, :1])
        return torch.cat((pixels, one, pixels, one), dim=1)


def exact_front(network: nn.Module, preprocessing: Preprocessing) -> nn.Module:
    """
    Change the network's first convolution, in float32 so far, and return the front that goes with it.

    A network that does not begin with an ordinary convolution of the three colours is left alone, behind `Normalise`.
    """
    stem = next((module for module in network.modules() if isinstance(module, nn.Conv2d)), None)
    if stem is None or stem.in_channels != 3 or stem.groups != 1 or stem.padding_mode != "zeros":
        return Normalise(preprocessing)
    scale, shift = _scale_and_shift(preprocessing)
    ones = (stem.weight * shift).sum(dim=1, keepdim=True)
    weight = torch.cat((stem.weight * scale, ones), dim=1).detach()  # (out, 4, h, w)
    coarse = weight.to(torch.bfloat16).to(torch.float32)
    stem.weight = nn.Parameter(torch.cat((coarse, weight - coarse), dim=1))
    stem.in_channels = 8
    return _Planes()


def _scale_and_shift(preprocessing: Preprocessing) -> tuple[torch.Tensor, torch.Tensor]:
    """Return what makes `pixels * scale + shift` the normalisation, each of shape (1, 3, 1, 1)."""
    mean, std = torch.tensor(preprocessing.mean), torch.tensor(preprocessing.std)
    return (1 / (255 * std)).view(1, 3, 1, 1), (-mean / std).view(1, 3, 1, 1)
