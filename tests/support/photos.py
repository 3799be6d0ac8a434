"""Photos that tests draw: the same each time, and no two kinds alike."""

import io

from PIL import Image, ImageDraw


def drawn_photo(
    width_px: int = 480,
    height_px: int = 640,
    *,
    colour: str = "#c0392b",
    file_format: str = "JPEG",
    orientation: int | None = None,
) -> bytes:
    """Return a photo of a coloured shape on a light ground; `orientation` is EXIF's."""
    image = Image.new("RGB", (width_px, height_px), "#f2f2f0")
    draw = ImageDraw.Draw(image)
    draw.rounded_rectangle((width_px * 0.2, height_px * 0.25, width_px * 0.8, height_px * 0.95), width_px // 8, colour)
    draw.ellipse((width_px * 0.38, height_px * 0.05, width_px * 0.62, height_px * 0.25), "#8d6e63")
    out = io.BytesIO()
    exif = Image.Exif()
    if orientation is not None:
        exif[0x0112] = orientation
    image.save(out, file_format, exif=exif, quality=95)
    return out.getvalue()


def noisy_photo(width_px: int, height_px: int) -> bytes:
    """Return a JPEG with the detail, and so the size in bytes, of a photo from a phone."""
    noise = Image.effect_noise((width_px // 4, height_px // 4), 60).resize((width_px, height_px))
    out = io.BytesIO()
    Image.merge("RGB", [noise, noise.rotate(180), noise.transpose(Image.Transpose.FLIP_LEFT_RIGHT)]).save(
        out, "JPEG", quality=92
    )
    return out.getvalue()


def uniform_photo() -> bytes:
    """Return a photo of one colour."""
    out = io.BytesIO()
    Image.new("RGB", (320, 320), "#dddddd").save(out, "PNG")
    return out.getvalue()
