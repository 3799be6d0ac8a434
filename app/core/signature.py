"""
Whether two pictures are the same one: a small signature of each, compared over small shifts and crops.

An embedding says what is alike; it does not say what is the same. Of 3,795 product photos, half-size copies had a
cosine of 0.79 to 0.92 with their own picture (efficientnet_lite0), while the nearest other product's had a median of
0.87. Shrunk to 32 x 32, a picture and its re-encoded or resized copy are nearly equal, and a copy with a little cut
off its edges is a part of it.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
from PIL import Image

from app.core.arrays import Float32Array, UInt8Array

SIDE: Final = 32
_CHROMA_SIDE: Final = 8
SIGNATURE_SIZE: Final = SIDE**2 + 2 * _CHROMA_SIDE**2

# Parts of a picture that a copy may show, as (share of each side, first share that is cut off there).
_STEP: Final = 0.0125
_PARTS: Final = ((1.0, 1), (0.975, 3), (0.95, 5))
_CENTRED: Final = 0.9


@dataclass(frozen=True, slots=True)
class Sameness:
    """
    How far pictures are the same as one picture.

    Attributes:
        correlation: Of the grey values, of the best of all alignments, shape (m,), 0 to 1.
        colour_distance: Mean distance of the chroma values, shape (m,), 0 to 255.
    """

    correlation: Float32Array
    colour_distance: Float32Array


def signature_of(picture: Image.Image) -> UInt8Array:
    """Return the signature of an RGB picture, shape (1152,): 32 x 32 grey values, then 8 x 8 each of Cb and Cr."""
    small = np.asarray(picture.resize((SIDE, SIDE), Image.Resampling.BOX).convert("YCbCr"))  # (32, 32, 3)
    cells = SIDE // _CHROMA_SIDE
    chroma = small[..., 1:].reshape(_CHROMA_SIDE, cells, _CHROMA_SIDE, cells, 2).mean(axis=(1, 3))  # (8, 8, 2)
    return np.concatenate([small[..., 0].ravel(), np.rint(chroma).astype(np.uint8).transpose(2, 0, 1).ravel()])


def compare(signature: UInt8Array, others: UInt8Array) -> Sameness:
    """
    Tell how far the picture of `signature`, shape (1152,), is the same as `others`, shape (m, 1152), or a part of them.

    A part lacks up to a tenth of each side. A picture of one grey correlates with nothing.
    """
    grey, chroma = np.split(np.asarray(signature, np.float32), [SIDE**2])
    greys, chromas = np.split(np.asarray(others, np.float32), [SIDE**2], axis=1)
    wanted = (grey - grey.mean()).reshape(SIDE, SIDE)
    length = np.linalg.norm(wanted)
    best = np.zeros(len(greys), np.float32)
    for operators in _OPERATORS:
        parts = _parts_of(greys.reshape(-1, SIDE, SIDE), operators)
        sums, squares = parts.sum(axis=(1, 4)), np.einsum("iykjx,iykjx->ikj", parts, parts)
        spread = np.sqrt(np.maximum(squares - sums**2 / SIDE**2, 0))
        products = np.einsum("iykjx,yx->ikj", parts, wanted)  # the parts' means fall out: `wanted` sums to zero
        told = (spread > 1) & (length > 1)
        correlations = np.divide(products, spread * length, where=told, out=np.full_like(products, -1))
        best = np.maximum(best, correlations.max(axis=(0, 2)))
    return Sameness(correlation=best, colour_distance=np.abs(chromas - chroma).mean(axis=1))


def _parts_of(greys: Float32Array, operators: Float32Array) -> Float32Array:
    """
    Return every part of pictures (m, 32, 32) that a copy may show, stretched to (32, 32).

    Shape (s, 32, m, s, 32) for s operators (s, 32, 32): by row operator, row, picture, column operator and column, as
    two products of large matrices leave them; of small ones it would be a hundred.
    """
    m, s = len(greys), len(operators)
    stacked = operators.reshape(s * SIDE, SIDE)
    rows = stacked @ greys.transpose(1, 0, 2).reshape(SIDE, m * SIDE)
    return np.asarray((rows.reshape(-1, SIDE) @ stacked.T).reshape(s, SIDE, m, s, SIDE), np.float32)


def _operator(share: float, start: float) -> Float32Array:
    """Return the matrix (32, 32) that stretches the part of a line from `start` on, bilinearly."""
    centres = (start + share * (np.arange(SIDE) + 0.5) / SIDE) * SIDE - 0.5
    below = np.floor(centres).astype(int)
    fraction = centres - below
    operator = np.zeros((SIDE, SIDE), np.float32)
    rows = np.arange(SIDE)
    np.add.at(operator, (rows, np.clip(below, 0, SIDE - 1)), 1 - fraction)
    np.add.at(operator, (rows, np.clip(below + 1, 0, SIDE - 1)), fraction)
    return operator


_OPERATORS: Final = (
    *(np.stack([_operator(share, _STEP * step) for step in range(steps)]) for share, steps in _PARTS),
    np.stack([_operator(_CENTRED, (1 - _CENTRED) / 2)]),
)
