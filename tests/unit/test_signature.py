"""Signatures: the same picture, or only a similar one."""

from collections.abc import Callable

import numpy as np
import pytest
from PIL import Image

from app.core.images import ImageLimits, prepare_image
from app.core.preprocessing import Preprocessing
from app.core.signature import SIGNATURE_SIZE, compare, signature_of
from tests.support.images import draw_picture, encode, oriented_jpeg

Change = Callable[[Image.Image], Image.Image]

LIMITS = ImageLimits(max_pixels=25_000_000, max_jpeg_pixels=50_000_000)
PREPROCESSING = Preprocessing(256, 224, "bilinear", (0.5, 0.5, 0.5), (0.5, 0.5, 0.5))


def _cropped(left: float, top: float, right: float, bottom: float) -> Change:
    def change(picture: Image.Image) -> Image.Image:
        width, height = picture.size
        return picture.crop(
            (round(left * width), round(top * height), round((1 - right) * width), round((1 - bottom) * height))
        )

    return change


@pytest.mark.parametrize(
    ("change", "at_least"),
    [
        pytest.param(lambda picture: picture, 0.9999, id="itself"),
        pytest.param(lambda picture: picture.resize((150, 216)), 0.99, id="half the size"),
        pytest.param(_cropped(0.05, 0.05, 0, 0), 0.97, id="5 % cut off at two sides"),
        pytest.param(_cropped(0, 0.025, 0.05, 0.025), 0.97, id="5 % cut off elsewhere"),
        pytest.param(_cropped(0.05, 0.05, 0.05, 0.05), 0.97, id="5 % cut off at each side"),
    ],
)
@pytest.mark.parametrize("seed", range(5))
def test_a_copy_correlates_with_its_picture(change: Change, at_least: float, seed: int) -> None:
    """However it was shrunk or cropped."""
    picture = draw_picture(300, 432, seed)
    sameness = compare(signature_of(change(picture)), signature_of(picture)[np.newaxis])
    assert sameness.correlation[0] > at_least
    assert sameness.colour_distance[0] < 12


def test_another_picture_does_not_correlate() -> None:
    """Other things drawn at the same size."""
    signatures = np.stack([signature_of(draw_picture(300, 432, seed)) for seed in range(8)])
    assert compare(signatures[0], signatures[1:]).correlation.max() < 0.95


def test_the_same_thing_in_another_colour_has_another_colour() -> None:
    """The grey values correlate, the chroma tells them apart."""
    picture = draw_picture(300, 432)
    red, green, blue = picture.split()
    recoloured = Image.merge("RGB", (blue, green, red))
    near, far = compare(
        signature_of(picture), np.stack([signature_of(picture), signature_of(recoloured)])
    ).colour_distance
    assert near < 0.5
    assert far > near + 5


@pytest.mark.parametrize("other", [Image.new("RGB", (64, 64), "white"), draw_picture(64, 64)])
def test_a_picture_of_one_colour_is_never_the_same(other: Image.Image) -> None:
    """There is nothing to recognise in it."""
    plain = signature_of(Image.new("RGB", (64, 64), "white"))
    assert compare(plain, signature_of(other)[np.newaxis]).correlation[0] == 0
    assert compare(signature_of(other), plain[np.newaxis]).correlation[0] == 0


def test_nothing_to_compare_with_is_no_error() -> None:
    """An empty list has an empty answer."""
    sameness = compare(signature_of(draw_picture(64, 64)), np.empty((0, SIGNATURE_SIZE), np.uint8))
    assert sameness.correlation.shape == sameness.colour_distance.shape == (0,)


def test_a_prepared_picture_has_the_signature_of_the_upright_one() -> None:
    """A photo that a camera turned by EXIF is the same picture."""
    picture = draw_picture(300, 432)
    upright = prepare_image(encode(picture, "PNG"), [PREPROCESSING], LIMITS).signature
    turned = prepare_image(
        oriented_jpeg(6, picture.transpose(Image.Transpose.ROTATE_90)), [PREPROCESSING], LIMITS
    ).signature
    assert upright.shape == (SIGNATURE_SIZE,)
    assert compare(turned, upright[np.newaxis]).correlation[0] > 0.99
