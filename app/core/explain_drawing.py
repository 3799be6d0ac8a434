"""A picture of an explanation: the query beside each hit, in colour where they were found similar."""

import io
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from app.core.arrays import Float32Array
from app.core.preprocessing import Region

SIDE_PX: Final = 320
"""The longer side of each picture; ask for thumbnails of this size."""

_GAP_PX: Final = 16
_CAPTION_PX: Final = 24
_FONT_PX: Final = 14
_WHITE: Final = (255, 255, 255)
_INK: Final = (40, 40, 40)
# What did not count is drawn in grey, and so pale that a white product on white can still be made out.
_PALE: Final = 0.7


@dataclass(frozen=True, slots=True, eq=False)
class ExplainedPicture:
    """
    One side of an explanation.

    Attributes:
        picture: As `DecodePool.thumbnail` returns it.
        values: Shape (h, w), 0 to 1.
        seen: The part of the picture that the values cover.
        caption: One line, drawn below it.
    """

    picture: bytes
    values: Float32Array
    seen: Region
    caption: str


def draw_explanation(pairs: Sequence[tuple[ExplainedPicture, ExplainedPicture]]) -> bytes:
    """Return a PNG with one row for each hit, the query at the left and the hit at the right."""
    columns, rows = 2, len(pairs)
    cell_px = (SIDE_PX + _GAP_PX, SIDE_PX + _CAPTION_PX + _GAP_PX)
    sheet = Image.new("RGB", (columns * cell_px[0] + _GAP_PX, rows * cell_px[1] + _GAP_PX), _WHITE)
    font = ImageFont.load_default(_FONT_PX)
    for row, pair in enumerate(pairs):
        for column, side in enumerate(pair):
            left, top = column * cell_px[0] + _GAP_PX, row * cell_px[1] + _GAP_PX
            lit = _lit(side)
            sheet.paste(lit, (left + (SIDE_PX - lit.width) // 2, top + (SIDE_PX - lit.height) // 2))
            ImageDraw.Draw(sheet).text((left, top + SIDE_PX + 4), side.caption, fill=_INK, font=font)
    output = io.BytesIO()
    sheet.save(output, "PNG", optimize=True)
    return output.getvalue()


def _lit(side: ExplainedPicture) -> Image.Image:
    """Return the picture in its colours where it counted, and pale where it did not."""
    with Image.open(io.BytesIO(side.picture), formats=["JPEG"]) as opened:
        picture = opened.convert("RGB")
    picture.thumbnail((SIDE_PX, SIDE_PX))
    box = (
        round(side.seen.x0 * picture.width),
        round(side.seen.y0 * picture.height),
        round(side.seen.x1 * picture.width),
        round(side.seen.y1 * picture.height),
    )
    values = Image.fromarray((np.clip(side.values, 0, 1) * 255).round().astype(np.uint8))
    light = Image.new("L", picture.size, 0)
    light.paste(values.resize((box[2] - box[0], box[3] - box[1]), Image.Resampling.BICUBIC), box[:2])
    pale = Image.blend(picture.convert("L").convert("RGB"), Image.new("RGB", picture.size, _WHITE), _PALE)
    return Image.composite(picture, pale, light)
