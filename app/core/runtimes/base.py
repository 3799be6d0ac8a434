"""What every runtime does."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Protocol, Self

import numpy as np

from app.core.arrays import Float32Array, UInt8Array


@dataclass(frozen=True, slots=True)
class Output:
    """
    What a network says about n images.

    Attributes:
        activation: Shape (n, d).
        logits: Shape (n, c); c is 0 where the network has no classes of ImageNet.
        regions: The map that the last convolution gives (for VGG after its pooling, which is what fc6 takes), shape
            (n, h, w, channels); (n, 0, 0, 0) where the network has none.
    """

    activation: Float32Array
    logits: Float32Array
    regions: Float32Array

    @classmethod
    def of(cls, arrays: Sequence[Float32Array]) -> Self:
        """Take what a network's module gives: the activation, logits if there are classes, and a map if it has one."""
        activation = arrays[0]
        logits = next((array for array in arrays[1:] if array.ndim == 2), activation[:, :0])
        regions = next((array for array in arrays[1:] if array.ndim == 4), None)
        return cls(activation, logits, no_regions(len(activation)) if regions is None else regions)


def no_regions(count: int) -> Float32Array:
    """Return the regions of so many images in a network without a map."""
    return np.zeros((count, 0, 0, 0), np.float32)


CPU_BATCH_SIZE: Final = 16
"""VGG16 and EfficientNet-Lite0 gain nothing beyond it on CPUs."""


class Runtime(Protocol):
    """
    Executes one network. Not safe to call from two threads at once.

    Attributes:
        batch_size: The number of images from which on `run` gets no faster per image.
    """

    batch_size: int

    @property
    def name(self) -> str:
        """Library and precision, as in the settings: `openvino-bfloat16`."""

    def run(self, pixels: UInt8Array) -> Output:
        """Return the network's answer for RGB pixels of shape (n, side, side, 3), n at least 1."""
