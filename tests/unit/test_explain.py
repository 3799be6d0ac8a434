"""Maps of what made two pictures similar: of made-up codes, of drawn pictures, and as a picture."""

import io
from dataclasses import dataclass

import numpy as np
import pytest
from PIL import Image

from app.core.arrays import Float32Array
from app.core.explain import explain, seen_part
from app.core.explain_drawing import SIDE_PX, ExplainedPicture, draw_explanation
from app.core.images import ImageLimits, make_thumbnail, prepare_image
from app.core.preprocessing import Preprocessing, Region
from app.core.regions import Code
from tests.support.photos import drawn_photo

WHOLE = Region(0, 0, 1, 1)
LIMITS = ImageLimits(max_pixels=25_000_000, max_jpeg_pixels=50_000_000)


def _code(places: dict[tuple[int, int], list[float]], basis: str = "a") -> Code:
    """Return a code of four by four places with two values each, zero but for those given by row and column."""
    values = np.zeros((4, 4, 2), np.float32)
    for place, value in places.items():
        values[place] = value
    return Code(basis, values)


def test_what_both_pictures_have_counts_and_nothing_else() -> None:
    """Each map shows the common thing where its own picture has it, the strongest place as 1."""
    query = _code({(0, 1): [2.0, 0.0], (0, 2): [1.0, 0.0], (3, 3): [0.0, 5.0]})
    hit = _code({(2, 2): [3.0, 0.0]})
    explanation = explain(query, hit)
    assert explanation is not None
    expected = np.zeros((4, 4))
    expected[0, 1:3] = 1.0, 0.5
    assert explanation.query == pytest.approx(expected)
    assert np.flatnonzero(explanation.hit).tolist() == [10]


def test_the_contributions_add_up_to_the_cosine() -> None:
    """Of the means of the two codes, which is the score where the network's embedding is that mean."""
    random = np.random.default_rng(3)
    first, second = (Code("a", np.abs(random.standard_normal((7, 7, 8))).astype(np.float32)) for _ in range(2))
    explanation = explain(first, second)
    assert explanation is not None
    means = [code.values.mean(axis=(0, 1)) for code in (first, second)]
    whole = first.values @ means[1]
    assert explanation.query * whole.max() == pytest.approx(whole, rel=1e-5)
    assert whole.mean() == pytest.approx(means[0] @ means[1], rel=1e-5)


def test_pictures_without_anything_in_common_have_empty_maps() -> None:
    """What speaks against the likeness is no reason for it."""
    explanation = explain(_code({(0, 0): [1.0, 0.0]}), _code({(0, 0): [-1.0, 0.0]}))
    assert explanation is not None
    assert not explanation.query.any()
    assert not explanation.hit.any()


def test_codes_that_cannot_be_compared_explain_nothing() -> None:
    """None is there, or they are on different bases."""
    code = _code({(0, 0): [1.0, 0.0]})
    assert explain(None, code) is None
    assert explain(code, None) is None
    assert explain(code, _code({(0, 0): [1.0, 0.0]}, basis="b")) is None


@pytest.mark.parametrize("region", [None, Region(0.25, 0.1, 0.75, 0.4)])
@pytest.mark.parametrize("size", [(320, 480), (480, 320), (400, 400)])
def test_the_seen_part_is_what_the_network_gets(size: tuple[int, int], region: Region | None) -> None:
    """Cut out of a picture whose colours tell the place, it has the corners of the prepared pixels."""
    width, height = size
    ramp = np.zeros((height, width, 3), np.uint8)
    ramp[..., 0] = np.linspace(0, 255, width)
    ramp[..., 1] = np.linspace(0, 255, height)[:, np.newaxis]
    output = io.BytesIO()
    Image.fromarray(ramp).save(output, "PNG")
    preprocessing = Preprocessing(256, 224, "bilinear", (0.5, 0.5, 0.5), (0.5, 0.5, 0.5))
    pixels = prepare_image(output.getvalue(), [preprocessing], LIMITS, region).arrays[0].astype(np.float64) / 255
    seen = seen_part(width, height, [preprocessing], region)
    assert (pixels[0, 0, 0], pixels[0, -1, 0]) == pytest.approx((seen.x0, seen.x1), abs=0.02)
    assert (pixels[0, 0, 1], pixels[-1, 0, 1]) == pytest.approx((seen.y0, seen.y1), abs=0.02)


def test_several_networks_see_what_the_widest_does() -> None:
    """Their maps lie on one grid over it."""
    narrow, wide = (Preprocessing(256, crop, "bilinear", (0.5,) * 3, (0.5,) * 3) for crop in (224, 256))
    assert seen_part(100, 100, [narrow, wide]) == WHOLE


@dataclass(frozen=True)
class _Lit:
    """An explanation of one pair in pixels."""

    pixels: Float32Array

    def colourfulness(self, left: int, top: int, right: int, bottom: int) -> float:
        """Return how far from grey a part is."""
        part = self.pixels[top:bottom, left:right]
        return float((part.max(axis=2) - part.min(axis=2)).mean())


def _drawn(values: Float32Array, seen: Region = WHOLE) -> _Lit:
    """Return a row in which both pictures are red and have these values."""
    red = io.BytesIO()
    Image.new("RGB", (640, 640), "#d01010").save(red, "PNG")
    side = ExplainedPicture(make_thumbnail(red.getvalue(), SIDE_PX, LIMITS), values, seen, "A picture")
    document = draw_explanation([(side, side)])
    with Image.open(io.BytesIO(document)) as picture:
        assert picture.format == "PNG"
        assert picture.width > 2 * SIDE_PX
        return _Lit(np.asarray(picture.convert("RGB"), np.float32)[16:, 16:])


def test_what_counted_is_drawn_in_colour_and_the_rest_pale() -> None:
    """The left half of the map is the left half of the picture, in both pictures of the row."""
    lit = _drawn(np.array([[1.0, 0.0]] * 2, np.float32))
    half = SIDE_PX // 2
    for left in (0, SIDE_PX + 16):
        assert lit.colourfulness(left + 5, 5, left + half // 2, SIDE_PX - 5) > 150
        assert lit.colourfulness(left + half + half // 2, 5, left + SIDE_PX - 5, SIDE_PX - 5) < 20


def test_what_the_network_did_not_see_is_pale() -> None:
    """A map covers the centre, and is not stretched over the whole picture."""
    lit = _drawn(np.ones((2, 2), np.float32), Region(0.25, 0.25, 0.75, 0.75))
    quarter = SIDE_PX // 4
    assert lit.colourfulness(quarter + 5, quarter + 5, 3 * quarter - 5, 3 * quarter - 5) > 150
    assert lit.colourfulness(0, 0, quarter - 5, SIDE_PX) < 20


def test_there_is_a_row_for_each_hit() -> None:
    """Pictures of any shape fit."""
    sides = [
        ExplainedPicture(
            make_thumbnail(drawn_photo(*size), SIDE_PX, LIMITS), np.ones((7, 7), np.float32), WHOLE, "Æ ß 商品"
        )
        for size in ((300, 432), (900, 200), (16, 640))
    ]
    with Image.open(io.BytesIO(draw_explanation([(sides[0], side) for side in sides]))) as picture:
        assert picture.height > 3 * SIDE_PX
