"""
Bytes of pictures, ordinary and hostile, made in the process: nothing here is committed as a file or fetched.

`HOSTILE_IMAGES` is the table of hostile image contents, numbered (B27 to B51) for reference from the tests of the
service; `slug` is the refusal, or None where the picture must be accepted. `hostile_bytes` makes each once.
"""

import io
import random
import struct
import zipfile
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache, partial
from typing import Any, Literal

from PIL import Image, ImageDraw

Format = Literal["JPEG", "PNG", "WEBP"]


def draw_picture(width_px: int, height_px: int, seed: int = 0) -> Image.Image:
    """Return a picture with gradients, edges and small detail, the same for the same arguments on every machine."""
    drawn = random.Random(seed)
    columns = Image.linear_gradient("L").rotate(90).resize((width_px, height_px))
    rows = Image.linear_gradient("L").resize((width_px, height_px))
    picture = Image.merge("RGB", (columns, rows, Image.new("L", (width_px, height_px), drawn.randrange(256))))
    pen = ImageDraw.Draw(picture)
    for _ in range(40):
        x, y = drawn.randrange(width_px), drawn.randrange(height_px)
        size_px = drawn.randrange(2, max(3, min(width_px, height_px) // 4))
        shape = drawn.choice((pen.ellipse, pen.rectangle))
        shape((x, y, x + size_px, y + size_px), fill=(drawn.randrange(256), drawn.randrange(256), drawn.randrange(256)))
    return picture


def encode(picture: Image.Image, image_format: str, **options: Any) -> bytes:  # noqa: ANN401  # Pillow's own options
    """Return the picture as a file of that format."""
    output = io.BytesIO()
    picture.save(output, image_format, **options)
    return output.getvalue()


@cache
def picture_bytes(image_format: Format = "JPEG", width_px: int = 300, height_px: int = 432, seed: int = 0) -> bytes:
    """Return an ordinary small picture as a file."""
    return encode(draw_picture(width_px, height_px, seed), image_format)


def oriented_jpeg(orientation: int, picture: Image.Image | None = None) -> bytes:
    """Return a JPEG whose EXIF says that orientation; the pixels are stored as given."""
    exif = Image.Exif()
    exif[0x0112] = orientation
    return encode(picture or draw_picture(300, 432), "JPEG", quality=95, exif=exif.tobytes())


def png_chunk(kind: bytes, body: bytes = b"") -> bytes:
    """Return one PNG chunk with its checksum."""
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def png_bytes(
    width_px: int,
    height_px: int,
    *,
    color_type: int = 2,
    depth: int = 8,
    extra: bytes = b"",
    pixels: bytes | None = None,
) -> bytes:
    """
    Return a PNG put together by hand: all zeros, unless `pixels` (what IDAT holds) is given.

    `color_type` is PNG's: 0 grey, 2 RGB, 4 grey with alpha, 6 RGBA. `extra` holds chunks that come before the pixels.
    """
    header = struct.pack(">IIBBBBB", width_px, height_px, depth, color_type, 0, 0, 0)
    if pixels is None:
        row = bytes(1 + (width_px * {0: 1, 2: 3, 4: 2, 6: 4}[color_type] * depth + 7) // 8)
        packer = zlib.compressobj(9)
        pixels = b"".join(packer.compress(row) for _ in range(height_px)) + packer.flush()
    return b"".join(
        (
            b"\x89PNG\r\n\x1a\n",
            png_chunk(b"IHDR", header),
            extra,
            png_chunk(b"IDAT", pixels),
            png_chunk(b"IEND"),
        )
    )


def progressive_jpeg(width_px: int, height_px: int, extra_scans: int = 0) -> bytes:
    """Return a progressive JPEG of 10 scans whose last, a few bytes that cost a pass over all pixels, is repeated."""
    small = draw_picture(16, 16).resize((64, 64))
    plain = encode(small.resize((width_px, height_px), Image.Resampling.NEAREST), "JPEG", progressive=True, quality=20)
    last_scan, end = plain[plain.rindex(b"\xff\xda") : -2], plain[-2:]
    return plain[:-2] + last_scan * extra_scans + end


@cache
def mpo_bytes() -> bytes:
    """Return what phones write for a photo with a second picture (depth, a gain map) behind the first."""
    return encode(draw_picture(300, 432), "MPO", save_all=True, append_images=[draw_picture(100, 100, seed=1)])


def animated_png(frames: int) -> bytes:
    """Return an APNG whose frames are all 64 x 64 pixels."""
    pixels = zlib.compress(bytes(64 * (1 + 64 * 3)), 9)
    sequence = iter(range(2 * frames))

    def control() -> bytes:
        return png_chunk(b"fcTL", struct.pack(">IIIIIHHBB", next(sequence), 64, 64, 0, 0, 1, 30, 0, 0))

    first = png_chunk(b"acTL", struct.pack(">II", frames, 0)) + control()
    still = png_bytes(64, 64, extra=first, pixels=pixels)
    rest = [control() + png_chunk(b"fdAT", struct.pack(">I", next(sequence)) + pixels) for _ in range(frames - 1)]
    end = len(png_chunk(b"IEND"))
    return still[:-end] + b"".join(rest) + still[-end:]


def animated_webp(frames: int) -> bytes:
    """Return an animated WebP whose frames are all 16 x 16 pixels."""
    still = encode(draw_picture(16, 16), "WEBP", lossless=True)[12:]
    size = struct.pack("<I", 15)[:3] * 2
    frame_body = bytes(6) + size + struct.pack("<I", 33)[:3] + b"\0" + still
    frame = b"ANMF" + struct.pack("<I", len(frame_body)) + frame_body
    extended = b"VP8X" + struct.pack("<II", 10, 0x02) + size
    loop = b"ANIM" + struct.pack("<IIH", 6, 0xFFFFFFFF, 0)
    body = b"WEBP" + extended + loop + frame * frames
    return b"RIFF" + struct.pack("<I", len(body)) + body


@dataclass(frozen=True, slots=True)
class HostileImage:
    """One picture that the service must refuse with `slug`, or accept (None)."""

    row: str
    name: str
    make: Callable[[], bytes]
    slug: str | None

    def __str__(self) -> str:
        return f"{self.row}-{self.name}"


def _zip() -> bytes:
    output = io.BytesIO()
    with zipfile.ZipFile(output, "w") as archive:
        archive.writestr("photo.jpg", b"not a photo")
    return output.getvalue()


def _svg(body: str = "") -> bytes:
    return f'<svg xmlns="http://www.w3.org/2000/svg" width="64" height="64">{body}</svg>'.encode()


def _other_format(image_format: str) -> bytes:
    return encode(draw_picture(64, 64), image_format)


def _one_bit_bomb() -> bytes:
    """88 megapixels just under Pillow's own warning, in some 11 KB."""
    return png_bytes(9400, 9400, color_type=0, depth=1)


def _inflating_chunk(kind: bytes) -> bytes:
    bomb = zlib.compress(bytes(50_000_000), 9)
    body = {b"zTXt": b"k\0\0" + bomb, b"iTXt": b"k\0\1\0\0\0" + bomb, b"iCCP": b"k\0\0" + bomb}[kind]
    return png_bytes(64, 64, extra=png_chunk(kind, body))


def _bad_checksum() -> bytes:
    whole = bytearray(picture_bytes("PNG"))
    whole[29] ^= 0xFF  # the first byte of the checksum of IHDR
    return bytes(whole)


def _cut(image_format: Format, percent: int) -> bytes:
    whole = picture_bytes(image_format)
    return whole[: len(whole) * percent // 100]


def _mode(mode: str) -> bytes:
    picture = draw_picture(64, 64)
    if mode == "P+alpha":
        return encode(picture.quantize(16), "PNG", transparency=bytes(range(0, 256, 16)))
    if mode == "transparent":
        return encode(Image.new("RGBA", (64, 64), (200, 10, 10, 0)), "PNG")
    if mode == "I;16":
        return png_bytes(64, 64, color_type=0, depth=16)
    return encode(picture.convert(mode), "JPEG" if mode == "CMYK" else "PNG")


def _broken_exif(exif: bytes) -> bytes:
    return encode(draw_picture(64, 64), "JPEG", exif=exif)


_CUTS: tuple[HostileImage, ...] = tuple(
    HostileImage(
        "B42", f"{image_format.lower()}-cut-at-{percent}", partial(_cut, image_format, percent), "image-corrupt"
    )
    for image_format in ("JPEG", "PNG", "WEBP")
    for percent in (10, 50, 90, 99)
)
_OTHER_FORMATS: tuple[HostileImage, ...] = (
    *(
        HostileImage("B29", name.lower(), partial(_other_format, name), "format-not-allowed")
        for name in ("GIF", "TIFF", "BMP", "EPS", "ICO", "AVIF", "JPEG2000", "DDS")
    ),
    HostileImage("B29", "psd", lambda: b"8BPS\0\1" + bytes(200), "format-not-allowed"),
    HostileImage("B29", "fits", lambda: b"SIMPLE  =                    T".ljust(2880), "format-not-allowed"),
)
_BROKEN_EXIF: dict[str, bytes] = {
    "not-tiff": b"Exif\0\0garbage that is no TIFF header",
    "empty": b"Exif\0\0",
    "offset-outside": b"Exif\0\0II*\0\xff\xff\xff\x7f",
    "entries-missing": b"Exif\0\0II*\0\x08\0\0\0\xff\xff\x12\x01\x03\0",
    "orientation-as-text": b"Exif\0\0II*\0\x08\0\0\0\x01\0\x12\x01\x02\0\x03\0\0\0ab\0\0\0\0\0\0",
    "orientation-many": b"Exif\0\0II*\0\x08\0\0\0\x01\0\x12\x01\x03\0\x02\0\0\0\x06\0\x06\0\0\0\0\0",
}

HOSTILE_IMAGES: tuple[HostileImage, ...] = (
    HostileImage("B27", "html", lambda: b"<!doctype html><html><body><svg></svg></body></html>", "not-an-image"),
    HostileImage("B27", "pdf", lambda: b"%PDF-1.7\n1 0 obj\n<<>>\nendobj\n", "not-an-image"),
    HostileImage("B27", "zip", _zip, "not-an-image"),
    HostileImage("B27", "elf", lambda: b"\x7fELF\2\1\1" + bytes(57), "not-an-image"),
    HostileImage("B27", "text", lambda: b"This is not a photo.\n" * 50, "not-an-image"),
    HostileImage("B28", "svg", _svg, "format-not-allowed"),
    HostileImage("B28", "svg-script", lambda: _svg("<script>alert(1)</script>"), "format-not-allowed"),
    HostileImage(
        "B28",
        "svg-entity",
        lambda: b'<?xml version="1.0"?><!DOCTYPE svg [<!ENTITY x SYSTEM "file:///etc/passwd">]>' + _svg("&x;"),
        "format-not-allowed",
    ),
    *_OTHER_FORMATS,
    HostileImage(
        "B30", "eps-named-png", lambda: b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n", "format-not-allowed"
    ),
    HostileImage("B31", "png-0x0", lambda: png_bytes(0, 0, pixels=b""), "image-corrupt"),
    HostileImage("B32", "png-65535x65535", lambda: png_bytes(65_535, 65_535, pixels=b""), "image-too-large"),
    HostileImage("B33", "png-1x2147483647", lambda: png_bytes(1, 2**31 - 1, pixels=b""), "image-too-large"),
    HostileImage("B34", "png-88-megapixels", _one_bit_bomb, "image-too-large"),
    HostileImage("B35", "png-25-megapixels-and-one", lambda: png_bytes(25_000_001, 1, pixels=b""), "image-too-large"),
    HostileImage("B35", "png-25-megapixels", lambda: png_bytes(5000, 5000), None),
    HostileImage("B36", "jpeg-200-scans", lambda: progressive_jpeg(2000, 2000, 200), "image-too-complex"),
    HostileImage("B37", "jpeg-25-megapixels-100-scans", lambda: progressive_jpeg(5000, 5000, 100), "image-too-complex"),
    HostileImage("B38", "jpeg-progressive", lambda: progressive_jpeg(300, 432), None),
    HostileImage("B39", "png-ztxt-bomb", partial(_inflating_chunk, b"zTXt"), "image-corrupt"),
    HostileImage("B39", "png-itxt-bomb", partial(_inflating_chunk, b"iTXt"), "image-corrupt"),
    HostileImage("B39", "png-iccp-bomb", partial(_inflating_chunk, b"iCCP"), "image-corrupt"),
    HostileImage(
        "B40",
        "png-100000-chunks",
        lambda: png_bytes(64, 64, extra=png_chunk(b"tEXt", b"k\0v") * 100_000),
        "image-too-complex",
    ),
    HostileImage("B41", "png-bad-checksum", _bad_checksum, "image-corrupt"),
    *_CUTS,
    HostileImage("B43", "png-without-iend", lambda: picture_bytes("PNG")[:-12], None),
    HostileImage("B44", "jpeg-with-zip", lambda: picture_bytes("JPEG") + _zip() + bytes(4096), None),
    HostileImage("B45", "png-1x1", lambda: encode(draw_picture(1, 1), "PNG"), "image-too-small"),
    HostileImage("B45", "png-15x15", lambda: encode(draw_picture(15, 15), "PNG"), "image-too-small"),
    HostileImage("B45", "png-16x16", lambda: encode(draw_picture(16, 16), "PNG"), None),
    HostileImage("B46", "jpeg-32544x255", lambda: encode(Image.new("L", (32_544, 255)), "JPEG"), "aspect-not-allowed"),
    *(
        HostileImage("B47", mode.lower(), partial(_mode, mode), None)
        for mode in ("CMYK", "I;16", "P+alpha", "LA", "1", "transparent")
    ),
    HostileImage("B48", "mpo", mpo_bytes, None),
    *(HostileImage("B49", f"apng-{frames}-frames", partial(animated_png, frames), None) for frames in (60, 10_000)),
    *(HostileImage("B49", f"webp-{frames}-frames", partial(animated_webp, frames), None) for frames in (60, 10_000)),
    *(
        HostileImage("B50", f"orientation-{orientation}", partial(oriented_jpeg, orientation), None)
        for orientation in (*range(10), 255, 65_535)
    ),
    *(HostileImage("B50", f"exif-{name}", partial(_broken_exif, exif), None) for name, exif in _BROKEN_EXIF.items()),
    HostileImage("B51", "black", lambda: encode(Image.new("RGB", (64, 64), "black"), "PNG"), None),
    HostileImage("B51", "white", lambda: encode(Image.new("RGB", (64, 64), "white"), "JPEG"), None),
    HostileImage("B51", "transparent", partial(_mode, "transparent"), None),
)


@cache
def hostile_bytes(image: HostileImage) -> bytes:
    """Return the bytes of a row, made once in a test run."""
    return image.make()
