"""What a picture is like, and whether two are one photo."""

import io
from collections.abc import Callable

import numpy as np
import pytest
from PIL import Image, ImageFilter

from app.core.arrays import Float32Array
from app.core.images import ImageLimits, prepare_image
from indexer.doctor.copies import Agreement, agreement, shrunk
from indexer.doctor.duplicates import LEAST_DETAIL, MOST_DIFFERENCE
from indexer.doctor.quality import SQUARE, measure
from indexer.doctor.thresholds import BLUR, CONTRAST
from tests.support.images import draw_picture
from tests.support.photos import drawn_photo, uniform_photo

LIMITS = ImageLimits(max_pixels=10_000_000, max_jpeg_pixels=10_000_000)


def photo(seed: int = 0) -> Image.Image:
    """Return a picture with shapes and a weave."""
    return draw_picture(300, 432, seed)


def saved(picture: Image.Image, quality: int = 90) -> bytes:
    """Return the picture as a JPEG."""
    output = io.BytesIO()
    picture.save(output, "JPEG", quality=quality)
    return output.getvalue()


def square(data: bytes) -> Float32Array:
    """Return the picture as it is measured, at 256 x 256."""
    return prepare_image(data, [SQUARE], LIMITS).arrays[0].astype(np.float32)


def compared(one: bytes, other: bytes) -> Agreement:
    """Lay two pictures over each other as the doctor does."""
    return agreement(*(shrunk(square(data)[np.newaxis], 64) for data in (one, other)))


def is_copy(one: bytes, other: bytes) -> bool:
    """Whether both are one photo."""
    agreed = compared(one, other)
    return bool(agreed.detail[0] >= LEAST_DETAIL or agreed.difference[0] <= MOST_DIFFERENCE)


ALTERED: dict[str, Callable[[Image.Image], bytes]] = {
    "encoded anew": lambda picture: saved(picture, 60),
    "half as large": lambda picture: saved(picture.resize((150, 216), Image.Resampling.LANCZOS)),
    "cropped": lambda picture: saved(picture.crop((15, 0, 300, 410))),
    "cropped and smaller": lambda picture: saved(picture.crop((7, 10, 293, 422)).resize((200, 288))),
}


@pytest.mark.parametrize("kind", ALTERED)
@pytest.mark.parametrize("seed", range(3))
def test_a_copy_is_recognised(kind: str, seed: int) -> None:
    """Whichever of the two was altered."""
    original = drawn_photo(300, 432, colour=("#c0392b", "#2c3e50", "#16a085")[seed])
    copy = ALTERED[kind](Image.open(io.BytesIO(original)))

    assert is_copy(original, copy)
    assert is_copy(copy, original)


def test_different_pictures_are_no_copies() -> None:
    """Not even where one has the shape of the other in another colour."""
    red, blue = drawn_photo(300, 432, colour="#c0392b"), drawn_photo(300, 432, colour="#2980b9")

    assert compared(red, blue).difference[0] > MOST_DIFFERENCE
    assert not is_copy(saved(photo(1)), saved(photo(2)))


def test_a_blurred_picture_is_told_from_a_sharp_one() -> None:
    """Also where only a part is sharp, as before a background out of focus."""
    sharp = Image.open(io.BytesIO(drawn_photo()))
    blurred = sharp.filter(ImageFilter.GaussianBlur(12))
    middle = blurred.copy()
    middle.paste(sharp.crop((60, 80, 420, 420)), (60, 80))

    assert measure(prepare_image(saved(sharp), [SQUARE], LIMITS).arrays[0]).blur < BLUR
    assert measure(prepare_image(saved(blurred), [SQUARE], LIMITS).arrays[0]).blur > BLUR
    assert measure(prepare_image(saved(middle), [SQUARE], LIMITS).arrays[0]).blur < BLUR


def test_a_blank_picture_has_no_contrast() -> None:
    """One colour has less than the limit, a product on white has much more."""
    assert measure(prepare_image(uniform_photo(), [SQUARE], LIMITS).arrays[0]).contrast < CONTRAST
    assert measure(prepare_image(drawn_photo(), [SQUARE], LIMITS).arrays[0]).contrast > 5 * CONTRAST
