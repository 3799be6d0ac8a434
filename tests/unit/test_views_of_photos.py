"""Several parts of one photo, prepared at once: the same pixels as one by one, and decoded as seldom as can be."""

import io
from collections.abc import Iterator
from unittest.mock import patch

import numpy as np
import pytest
from PIL import Image

from app.core import images
from app.core.decode_pool import DecodePool
from app.core.errors import ImageTooSmall
from app.core.images import ImageLimits, prepare_image, prepare_views
from app.core.preprocessing import Preprocessing, Region, View

LIMITS = ImageLimits(max_pixels=25_000_000, max_jpeg_pixels=50_000_000)
SQUARE = Preprocessing(64, 56, "bicubic", (0.5, 0.5, 0.5), (0.2, 0.2, 0.2))
OTHER = Preprocessing(40, 40, "bilinear", (0.5, 0.5, 0.5), (0.2, 0.2, 0.2))
REGIONS = (None, Region(0, 0, 0.5, 1), Region(0.3, 0.2, 0.9, 0.7), Region(0.45, 0.4, 0.6, 0.6))


def _photo(width_px: int, height_px: int, kind: str, orientation: int = 1) -> bytes:
    pixels = np.random.default_rng(1).integers(0, 255, (height_px // 8 + 1, width_px // 8 + 1, 3), np.uint8)
    exif = Image.Exif()
    exif[0x0112] = orientation
    out = io.BytesIO()
    Image.fromarray(pixels).resize((width_px, height_px)).save(out, kind, exif=exif)
    return out.getvalue()


@pytest.fixture(scope="module")
def pool() -> Iterator[DecodePool]:
    """A pool with one child."""
    with DecodePool(1, LIMITS, 20.0) as pool:
        yield pool


@pytest.mark.parametrize(
    "photo",
    [
        pytest.param(_photo(300, 432, "JPEG"), id="small"),
        pytest.param(_photo(2400, 1600, "JPEG"), id="drafted"),
        pytest.param(_photo(2400, 1600, "JPEG", orientation=6), id="turned"),
        pytest.param(_photo(900, 500, "PNG"), id="PNG"),
    ],
)
def test_each_part_has_the_pixels_that_it_has_alone(pool: DecodePool, photo: bytes) -> None:
    """Here and in a child, bit by bit, whatever scale each is decoded at."""
    views = [View(region) for region in REGIONS]
    for prepared in (
        prepare_views(photo, [SQUARE, OTHER], LIMITS, views),
        pool.prepare_views(photo, [SQUARE, OTHER], views),
    ):
        for region, found in zip(REGIONS, prepared, strict=True):
            alone = prepare_image(photo, [SQUARE, OTHER], LIMITS, region)
            for array, expected in zip(found.arrays, alone.arrays, strict=True):
                assert np.array_equal(array, expected)
            assert np.array_equal(found.signature, alone.signature)
            facts = (found.width_px, found.height_px, found.format, found.is_uniform)
            assert facts == (alone.width_px, alone.height_px, alone.format, alone.is_uniform)


@pytest.mark.parametrize(
    ("photo", "times"),
    [(_photo(300, 432, "JPEG"), 1), (_photo(900, 500, "PNG"), 1), (_photo(2400, 1600, "JPEG"), 2)],
    ids=["small", "PNG", "large"],
)
def test_a_photo_is_decoded_once_for_each_scale(photo: bytes, times: int) -> None:
    """Small ones once for all; an overview takes what is there."""
    views = [*(View(region) for region in REGIONS), View(Region(0, 0, 0.6, 0.6), is_whole=True)]
    with patch.object(images, "_decode_upright", wraps=images._decode_upright) as decode:
        prepare_views(photo, [SQUARE], LIMITS, views)
    assert decode.call_count == times


def test_a_whole_part_is_squeezed_into_the_square() -> None:
    """Its edges are seen too."""
    picture = Image.new("RGB", (400, 200), "white")
    picture.paste("black", (0, 0, 40, 200))
    out = io.BytesIO()
    picture.save(out, "PNG")
    seen, whole = prepare_views(out.getvalue(), [SQUARE], LIMITS, [View(), View(is_whole=True)])
    assert whole.arrays[0].shape == seen.arrays[0].shape
    assert whole.arrays[0][:, 0].max() < 10
    assert seen.arrays[0].min() > 245


def test_a_part_that_is_too_small_is_refused() -> None:
    """As it is alone, wherever it stands in the list."""
    photo = _photo(300, 432, "JPEG")
    with pytest.raises(ImageTooSmall):
        prepare_views(photo, [SQUARE], LIMITS, [View(), View(Region(0, 0, 0.01, 0.01))])
