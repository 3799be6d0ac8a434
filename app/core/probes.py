"""
The probe images: four drawn pictures whose embeddings go into every snapshot.

Whoever opens a snapshot embeds them again and compares. Their pixels come from integer arithmetic alone and are stored
losslessly, so that they are the same everywhere.
"""

import io
from collections.abc import Callable
from typing import TYPE_CHECKING, Final

import numpy as np
from PIL import Image

from app.core.arrays import UInt8Array
from app.core.errors import SnapshotIncompatible
from app.core.preprocessing import PreparedImage

if TYPE_CHECKING:  # the embedder itself tries its runtimes on the probe images
    from app.core.arrays import Float32Array, Int64Array
    from app.core.embedder import Embedder

LOWEST_COSINE: Final = 0.99
_SIDE_PX: Final = 320


def probe_images() -> tuple[bytes, ...]:
    """Return four PNGs of 320 by 320 px, with textures and colours that networks tell apart."""
    return tuple(_png(picture) for picture in (_checks(), _rings(), _stripes(), _shapes()))


def check_probes(embedder: "Embedder", decode: Callable[[bytes], PreparedImage], expected: "Float32Array") -> float:
    """
    Embed the probe images and return the lowest cosine with their expected embeddings.

    Args:
        embedder: The one that is to answer searches.
        decode: Gives a prepared image for `embedder.preprocessings`, the way that query photos are decoded.
        expected: Unit-norm embeddings from the snapshot, shape (4, d).

    Raises:
        SnapshotIncompatible: They are of another number or dimension, or the lowest cosine is below 0.99.
    """
    embeddings = embedder.embed([decode(data) for data in probe_images()]).embeddings
    if embeddings.shape != expected.shape:
        raise SnapshotIncompatible(
            f"The index holds probe embeddings of shape {expected.shape}, the network {embedder.network} gives "
            f"{embeddings.shape}; rebuild the index with `lookalike index FOLDER --network NAME`."
        )
    lowest = float((embeddings * expected).sum(axis=1).min())
    if not lowest >= LOWEST_COSINE:  # so that NaN is refused too
        raise SnapshotIncompatible(
            f"The network {embedder.network} on {embedder.runtime} gives other embeddings for the probe images than "
            f"when the index was built: cosine {lowest:.4f}, at least {LOWEST_COSINE} is needed. "
            "Remove the folder `vectors` from the data folder and run `lookalike index FOLDER` to embed anew."
        )
    return lowest


def _png(pixels: UInt8Array) -> bytes:
    output = io.BytesIO()
    Image.fromarray(pixels).save(output, "PNG")
    return output.getvalue()


def _grid() -> "tuple[Int64Array, Int64Array]":
    """Return the row and the column of each pixel, int64."""
    rows, columns = np.indices((_SIDE_PX, _SIDE_PX))
    return rows, columns


def _checks() -> UInt8Array:
    """Red and blue checks on a slant, each with a gradient."""
    y, x = _grid()
    is_red = ((x + y // 2) // 40 + (y - x // 3) // 40) % 2 == 0
    red = np.stack((200 + x % 40, 30 + y % 40, 20 + x % 7), axis=2)
    blue = np.stack((20 + y % 40, 60 + x % 40, 190 + y % 60), axis=2)
    return np.where(is_red[:, :, None], red, blue).astype(np.uint8)


def _rings() -> UInt8Array:
    """Green and yellow rings around a point off the centre."""
    y, x = _grid()
    squared = (x - 130) ** 2 + (y - 180) ** 2
    band = squared // 1800 % 4
    return np.stack((60 * band, 255 - squared // 700 % 120, 20 + 30 * (band % 2)), axis=2).astype(np.uint8)


def _stripes() -> UInt8Array:
    """Grey knit with a pink band, on white."""
    y, x = _grid()
    knit = 90 + 12 * ((x + 3 * (y // 6 % 2)) % 8) + 5 * (y % 6)
    inside = (abs(x - 160) < 110) & (abs(y - 160) < 130)
    band = inside & (abs(y - 140) < 25)
    picture = np.where(inside, knit, 255)[:, :, None].repeat(3, axis=2)
    picture[band] = picture[band] // 2 + np.array((110, 20, 70))
    return picture.astype(np.uint8)


def _shapes() -> UInt8Array:
    """A brown trapezium with a dark handle and an orange disc, on pale grey: a bag, from afar."""
    y, x = _grid()
    picture = np.full((_SIDE_PX, _SIDE_PX, 3), 235, dtype=np.int64)
    handle = (x - 160) ** 2 + (y - 130) ** 2
    picture[(handle > 55**2) & (handle < 68**2)] = (50, 35, 30)
    bag = (y > 130) & (y < 280) & (abs(x - 160) < 70 + (y - 130) // 4)
    picture[bag] = np.stack((120 + y % 30, 75 + x % 12, 40 + (x + y) % 9), axis=2)[bag]
    picture[(x - 160) ** 2 + (y - 205) ** 2 < 22**2] = (240, 130, 20)
    return picture.astype(np.uint8)
