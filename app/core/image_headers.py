"""
What a file's headers tell: whether it is a photo that we accept, how large, and whether decoding would cost too much.

Nothing here decodes a pixel or allocates memory to speak of; hostile files are meant to end here, within milliseconds.
Imports neither Pillow nor numpy.
"""

import re
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final, Literal

from app.core.errors import EmptyImage, FormatNotAllowed, ImageCorrupt, ImageTooComplex, NotAnImage

ImageFormat = Literal["JPEG", "PNG", "WEBP"]

MAX_JPEG_SCANS: Final = 100
"""Photos have 10 at most. Each further one costs a pass over all pixels: 20 ms at 25 megapixels, for 42 bytes."""

MAX_SEGMENTS: Final = 1000
"""JPEG segments, or PNG chunks that hold no pixels. Photos have tens; Pillow takes 2.5 µs for each."""

_ACCEPTED = "JPEG, PNG and WebP are"

_OTHER_FORMATS: Final = (
    b"GIF87a",
    b"GIF89a",
    b"II*\0",  # TIFF, and the raw formats of most cameras
    b"MM\0*",
    b"II+\0",  # BigTIFF
    b"MM\0+",
    b"BM",
    b"8BPS",  # Photoshop
    b"%!PS",  # EPS
    b"\xc5\xd0\xd3\xc6",  # EPS with a preview
    b"\0\0\1\0",  # ICO
    b"\0\0\2\0",  # CUR
    b"icns",
    b"\0\0\0\x0cjP  ",  # JPEG 2000
    b"\xff\x4f\xff\x51",  # JPEG 2000 code stream
    b"\0\0\0\x0cJXL ",
    b"\xff\x0a",  # JPEG XL code stream
    b"SIMPLE  =",  # FITS
    b"DDS ",
    b"qoif",
    b"\x76\x2f\x31\x01",  # OpenEXR
    b"#?RADIANCE",
)
_ISO_IMAGE_BRANDS: Final = frozenset(
    (b"avif", b"avis", b"heic", b"heix", b"hevc", b"hevx", b"heim", b"heis", b"mif1", b"msf1")
)
_XML_STARTS: Final = (b"<?xml", b"<!--", b"<!doctype svg", b"<svg")

_PNG_SIGNATURE: Final = b"\x89PNG\r\n\x1a\n"

_JPEG_START_OF_SCAN: Final = 0xDA
_JPEG_END: Final = 0xD9
_JPEG_FRAMES: Final = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
_JPEG_SEQUENTIAL_FRAMES: Final = frozenset((0xC0, 0xC1, 0xC9))
# As libjpeg looks for the next marker: FF 00 is a data byte, and of several FF the last counts. Markers that stand
# alone (TEM, RST0 to RST7, SOI) are passed over, as they carry no segment. (A pattern that begins with "FF+" would be
# 70 times slower: only a fixed first byte is looked for with memchr.)
_JPEG_MARKER: Final = re.compile(rb"\xff([^\x00\x01\xd0-\xd8\xff])", re.DOTALL)

_WEBP_BEFORE_FRAMES: Final = frozenset((b"VP8X", b"ICCP", b"ANIM"))


@dataclass(frozen=True, slots=True)
class ImageHeader:
    """What a file says of itself: its format, and its size as stored (before the EXIF orientation)."""

    format: ImageFormat
    width_px: int
    height_px: int


def read_header(data: bytes) -> ImageHeader:
    """
    Return format and size of an image file, from its header alone.

    Raises:
        EmptyImage: There are no bytes.
        NotAnImage: The bytes are of no image format.
        FormatNotAllowed: They are of one that is not accepted.
        ImageCorrupt: The header breaks off or contradicts itself.
        ImageTooComplex: More JPEG scans, JPEG segments or PNG chunks than any photo has.
    """
    if not data:
        raise EmptyImage("The image has no bytes.")
    if data.startswith(b"\xff\xd8\xff"):
        header = _read_jpeg_header(data)
    elif data.startswith(_PNG_SIGNATURE):
        header = _read_png_header(data)
    elif data.startswith(b"RIFF") and data[8:12] == b"WEBP":
        header = _read_webp_header(data)
    elif _is_other_image(data):
        raise FormatNotAllowed(f"The image is of a format that is not accepted; {_ACCEPTED}.")
    else:
        raise NotAnImage(f"The file is not an image; {_ACCEPTED} accepted.")
    if header.width_px == 0 or header.height_px == 0:
        raise ImageCorrupt(f"The {header.format} header says {header.width_px} x {header.height_px} pixels.")
    return header


def _is_other_image(data: bytes) -> bool:
    if data.startswith(_OTHER_FORMATS) or (data[4:8] == b"ftyp" and data[8:12] in _ISO_IMAGE_BRANDS):
        return True
    text = data[:4096].removeprefix(b"\xef\xbb\xbf").lstrip().lower()
    return text.startswith(_XML_STARTS) and b"<svg" in text and b"<html" not in text


def _read_jpeg_header(data: bytes) -> ImageHeader:
    width_px = height_px = components = scans = 0
    sequential = False
    for count, (marker, start) in enumerate(_jpeg_segments(data), start=1):
        if count > MAX_SEGMENTS:
            raise ImageTooComplex(f"The JPEG has more than {MAX_SEGMENTS:,} segments, the limit.")
        if marker in _JPEG_FRAMES and components == 0:
            height_px, width_px, components = _unpack(">HHB", data, start + 3)
            sequential = marker in _JPEG_SEQUENTIAL_FRAMES
        elif marker == _JPEG_START_OF_SCAN:
            scans += 1
            if scans > MAX_JPEG_SCANS:
                raise ImageTooComplex(f"The JPEG has more than {MAX_JPEG_SCANS} scans, the limit.")
            (components_in_scan,) = _unpack(">B", data, start + 2)
            if sequential and components_in_scan == components:
                break  # the usual JPEG: libjpeg decodes it in one pass, and takes a second scan for an error
    if components == 0 or scans == 0:
        raise ImageCorrupt("The JPEG breaks off in its header.")
    return ImageHeader("JPEG", width_px, height_px)


def _jpeg_segments(data: bytes) -> Iterator[tuple[int, int]]:
    """Yield marker and start (of its length field) of every segment up to the end of the image."""
    position = 2
    while (found := _JPEG_MARKER.search(data, position)) is not None:
        marker = found[1][0]
        if marker == _JPEG_END or found.end() + 2 > len(data):
            return
        yield marker, found.end()
        position = found.end() + int.from_bytes(data[found.end() : found.end() + 2])


def _read_png_header(data: bytes) -> ImageHeader:
    if data[8:16] != b"\0\0\0\x0dIHDR":
        raise ImageCorrupt("The PNG does not begin with its header.")
    width_px, height_px = _unpack(">II", data, 16)
    chunks = 0
    pixels_seen = False
    position = len(_PNG_SIGNATURE)
    while position + 8 <= len(data):
        length, kind = struct.unpack_from(">I4s", data, position)
        position += 12 + length
        if kind == b"IDAT":
            pixels_seen = True
            continue
        if kind == b"IEND" or (kind == b"fcTL" and pixels_seen):  # what follows is the animation's second frame
            break
        chunks += 1
        if chunks > MAX_SEGMENTS:
            raise ImageTooComplex(f"The PNG has more than {MAX_SEGMENTS:,} chunks beside its pixels, the limit.")
    return ImageHeader("PNG", width_px, height_px)


def _read_webp_header(data: bytes) -> ImageHeader:
    """Source: https://developers.google.com/speed/webp/docs/riff_container and RFC 6386, section 9.1."""
    kind = data[12:16]
    if kind == b"VP8X":
        flags_and_width, height_high = _unpack("<QH", data, 20)
        width_px = 1 + (flags_and_width >> 32 & 0xFFFFFF)
        height_px = 1 + (flags_and_width >> 56 | height_high << 8)
    elif kind == b"VP8L":
        (bits,) = _unpack("<I", data, 21)
        width_px, height_px = 1 + (bits & 0x3FFF), 1 + (bits >> 14 & 0x3FFF)
    elif kind == b"VP8 ":
        width, height = _unpack("<HH", data, 26)
        width_px, height_px = width & 0x3FFF, height & 0x3FFF
    else:
        raise ImageCorrupt("The WebP does not begin with a picture.")
    return ImageHeader("WEBP", width_px, height_px)


def first_webp_frame(data: bytes) -> bytes:
    """
    Return an animated WebP without its second and later frames, any other file as it is.

    libwebp reads the headers of all frames before it decodes the first, and there may be 100,000. What stands behind
    the frames, as EXIF does, goes with them.
    """
    position = 12
    while position + 8 <= len(data):
        kind, length = struct.unpack_from("<4sI", data, position)
        position += 8 + length + length % 2
        if kind == b"ANMF":
            return b"RIFF" + struct.pack("<I", min(position, len(data)) - 8) + data[8:position]
        if kind not in _WEBP_BEFORE_FRAMES:
            break
    return data


def _unpack(layout: str, data: bytes, offset: int) -> tuple[int, ...]:
    try:
        return struct.unpack_from(layout, data, offset)
    except struct.error as error:
        raise ImageCorrupt("The image breaks off in its header.") from error
