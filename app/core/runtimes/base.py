"""What every runtime does."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol, Self

from app.core.images import UInt8Array
from app.core.vector_index import Float32Array


@dataclass(frozen=True, slots=True)
class Output:
    """
    What a network says about n images.

    Attributes:
        activation: Shape (n, d).
        logits: Shape (n, c); c is 0 where the network has no classes of ImageNet.
    """

    activation: Float32Array
    logits: Float32Array

    @classmethod
    def of(cls, arrays: Sequence[Float32Array]) -> Self:
        """Take what a network's module gives: the activation and, if there are classes, the logits."""
        activation = arrays[0]
        return cls(activation, arrays[1] if len(arrays) > 1 else activation[:, :0])


class Runtime(Protocol):
    """Executes one network. Not safe to call from two threads at once."""

    @property
    def name(self) -> str:
        """Library and precision, as in the settings: `openvino-bfloat16`."""

    def run(self, pixels: UInt8Array) -> Output:
        """Return the network's answer for RGB pixels of shape (n, side, side, 3), n at least 1."""
