"""
Bytes of a photo → the RGB pixels that a network takes: limits, EXIF orientation, RGB on white, resize, centre crop.

Catalogue and query pictures both come through `prepare_image`, so that equal bytes give equal pixels. Pillow and numpy
only: the killable child processes of `app.core.decode_pool` import this and nothing heavier.
"""

import io
import math
import struct
import zlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from PIL import ExifTags, Image, ImageFile
from PIL.JpegImagePlugin import JpegImageFile
from PIL.PngImagePlugin import PngImageFile
from PIL.WebPImagePlugin import WebPImageFile

from app.core.arrays import UInt8Array
from app.core.errors import (
    AspectNotAllowed,
    DecodeTimedOut,
    ImageCorrupt,
    ImageTooLarge,
    ImageTooSmall,
)
from app.core.image_headers import ImageFormat, ImageHeader, first_webp_frame, read_header
from app.core.preprocessing import PreparedImage, Preprocessing, Region, View, resize_and_crop, squeeze
from app.core.signature import signature_of

if TYPE_CHECKING:  # pydantic would double the start-up time of the child processes
    from app.core.settings import Settings


DECODE_POLICY: Final = "jpeg-draft-1.4-from-1024"
"""Which JPEGs are decoded at a reduced scale. Part of every fingerprint: whoever changes the rule changes this name."""

# A drafted picture keeps at least 1.4 times the pixels that the network's resize asks for: a 12-megapixel photo is then
# decoded at 1/8, 4 ms faster than at 1/4. Cosine of EfficientNet-Lite0 embeddings, drafted against whole, of product
# photos enlarged to 12 megapixels: 0.999 at 1/8 and 0.9998 at 1/4, with noise added 0.998 and 0.9997; at 1.02 times the
# pixels it was 0.985. Below 1024 px, decoding the whole picture costs a few milliseconds and gives exactly the pixels
# of the weights' own transforms.
_DRAFT_MARGIN: Final = 1.4
_DRAFT_FROM_PX: Final = 1024

MIN_SIDE_PX: Final = 16
MAX_SIDE_PX: Final = 16_384
MAX_ASPECT: Final = 50

# The least of 475 product photos on white was 8, half of them were above 78.
_UNIFORM_BELOW_STD: Final = 2.0

_THUMBNAIL_QUALITY: Final = 85
_WHITE: Final = (255, 255, 255)

# The plugins' own classes rather than Image.open(): that one loads plugins for formats that we refuse, and follows the
# index of an MPO (a phone's JPEG with more pictures behind the first), which may be broken where the picture is fine.
_OPENERS: Final[dict[ImageFormat, Callable[[io.BytesIO], ImageFile.ImageFile]]] = {
    "JPEG": JpegImageFile,
    "PNG": PngImageFile,
    "WEBP": WebPImageFile,
}

_TRANSPOSITIONS: Final = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
_SIDEWAYS: Final = (5, 6, 7, 8)


@dataclass(frozen=True, slots=True)
class ImageLimits:
    """
    How many pixels a picture may have; sides and shape have fixed limits.

    `max_pixels` is what is ever decoded; a JPEG may have up to `max_jpeg_pixels`, as it is decoded reduced.
    """

    max_pixels: int
    max_jpeg_pixels: int

    @classmethod
    def from_settings(cls, settings: "Settings") -> "ImageLimits":
        """Return the limits that the operator set."""
        return cls(max_pixels=settings.max_image_pixels, max_jpeg_pixels=settings.max_jpeg_pixels)

    def check(self, header: ImageHeader) -> None:
        """
        Refuse a picture by its stored size.

        Raises:
            ImageTooLarge: Too many pixels, or a side longer than 16,384 px.
            ImageTooSmall: A side shorter than 16 px.
            AspectNotAllowed: One side more than 50 times the other.
        """
        is_jpeg = header.format == "JPEG"
        limit = self.max_jpeg_pixels if is_jpeg else self.max_pixels
        setting = "LOOKALIKE_MAX_JPEG_PIXELS" if is_jpeg else "LOOKALIKE_MAX_IMAGE_PIXELS"
        width_px, height_px = header.width_px, header.height_px
        if width_px * height_px > limit:
            raise ImageTooLarge(
                f"The image has {width_px * height_px:,} pixels ({width_px:,} x {height_px:,}); "
                f"the limit for {header.format} is {limit:,} ({setting})."
            )
        _check_shape(width_px, height_px, "image")


def prepare_image(
    data: bytes, preprocessings: Sequence[Preprocessing], limits: ImageLimits, region: Region | None = None
) -> PreparedImage:
    """
    Decode a photo and cut from it, or from a region of it, what each preprocessing asks for.

    JPEGs whose shorter side (of the region, if there is one) is under 1024 px give exactly the pixels of torchvision's
    transforms; larger ones are decoded at 1/2, 1/4 or 1/8. Only the first frame of an animation is read. A PNG that
    lacks nothing but its end marker is accepted, and so are bytes behind the end of a picture.

    Raises:
        InvalidImage: One of its leaves says what is wrong with the bytes.
    """
    (prepared,) = prepare_views(data, preprocessings, limits, [View(region)])
    return prepared


def prepare_views(
    data: bytes, preprocessings: Sequence[Preprocessing], limits: ImageLimits, views: Sequence[View]
) -> list[PreparedImage]:
    """
    Do what `prepare_image` does for several parts of one photo, to the same pixels.

    It is decoded once for all parts that are wanted at the same scale, and those that are whole take it as it comes.

    Raises:
        InvalidImage: As for `prepare_image`; a region that is too small is refused as a photo would be.
    """
    header = read_header(data)
    limits.check(header)
    needed_px = max(preprocessing.resize_px for preprocessing in preprocessings)
    prepared: dict[int, PreparedImage] = {}
    waiting = list(range(len(views)))
    while waiting:
        decoded = _decode_upright(data, header, needed_px, limits, views[waiting[0]].region)
        for place in waiting[:]:
            view = views[place]
            if view.is_whole or decoded.scale == decoded.scale_for(view.region, needed_px, limits):
                prepared[place] = _prepared(decoded, view, preprocessings)
                waiting.remove(place)
    return [prepared[place] for place in range(len(views))]


def _prepared(decoded: "_Decoded", view: View, preprocessings: Sequence[Preprocessing]) -> PreparedImage:
    picture = decoded.part(view.region)
    cut = squeeze if view.is_whole else resize_and_crop
    arrays = tuple(cut(picture, preprocessing) for preprocessing in preprocessings)
    return PreparedImage(
        arrays=arrays,
        width_px=decoded.size_px[0],
        height_px=decoded.size_px[1],
        format=decoded.format,
        is_uniform=all(_is_uniform(array) for array in arrays),
        signature=signature_of(picture),
    )


def make_thumbnail(data: bytes, size_px: int, limits: ImageLimits) -> bytes:
    """
    Return a JPEG of the picture on white, no side longer than `size_px`, without any of its metadata.

    Raises:
        InvalidImage: As for `prepare_image`.
    """
    header = read_header(data)
    limits.check(header)
    picture = _decode_upright(data, header, size_px, limits).picture
    picture.thumbnail((size_px, size_px), Image.Resampling.BICUBIC)
    picture.info = {}  # Pillow would write a comment that it finds there
    output = io.BytesIO()
    picture.save(output, "JPEG", quality=_THUMBNAIL_QUALITY, optimize=True)
    return output.getvalue()


@contextmanager
def _decode_errors_translated(header: ImageHeader) -> Iterator[None]:
    """Turn whatever Pillow raises for hostile bytes into a leaf of InvalidImage; its texts are not passed on."""
    try:
        yield
    except MemoryError as error:
        raise DecodeTimedOut("Decoding the image needs more memory than is allowed.") from error
    except (
        OSError,  # truncated data, an error of libjpeg or libwebp, and UnidentifiedImageError
        SyntaxError,  # a header that Pillow does not understand
        ValueError,  # text chunks that inflate without end
        OverflowError,
        EOFError,
        struct.error,
        zlib.error,
        LookupError,
        TypeError,
        AttributeError,
        AssertionError,
    ) as error:
        raise ImageCorrupt(f"The {header.format} cannot be decoded: it breaks off or contradicts itself.") from error


@dataclass(frozen=True, slots=True)
class _Decoded:
    """An upright RGB picture, decoded at 1/scale, and the upright size of the original."""

    picture: Image.Image
    size_px: tuple[int, int]
    scale: int
    format: ImageFormat

    def part(self, region: Region | None) -> Image.Image:
        """Return a region of the picture."""
        return self.picture.crop(_region_box(region, *self.picture.size)) if region else self.picture

    def scale_for(self, region: Region | None, needed_px: int, limits: ImageLimits) -> int:
        """Return at which scale the picture would have been decoded for a region."""
        return _scale(self.format, self.size_px, region, needed_px, limits)


def _decode_upright(
    data: bytes, header: ImageHeader, needed_px: int, limits: ImageLimits, region: Region | None = None
) -> _Decoded:
    """Return the upright RGB picture, perhaps drafted, as a region of it needs."""
    with _decode_errors_translated(header):
        image = _OPENERS[header.format](io.BytesIO(first_webp_frame(data) if header.format == "WEBP" else data))
        if image.size != (header.width_px, header.height_px):
            # Two frame headers: the limits were checked on one, Pillow would decode the other.
            raise ImageCorrupt(f"The {header.format} names two different sizes.")
        orientation = _orientation(image)
        width_px, height_px = image.size
        size_px = (height_px, width_px) if orientation in _SIDEWAYS else (width_px, height_px)
        scale = _scale(header.format, size_px, region, needed_px, limits)
        if scale > 1:
            image.draft(None, (width_px // scale, height_px // scale))
        image.load()
        picture = _to_rgb(image)
        del image  # a WebP's decoder holds two more copies of its pixels
        if orientation in _TRANSPOSITIONS:
            picture = picture.transpose(_TRANSPOSITIONS[orientation])
    return _Decoded(picture, size_px, scale, header.format)


def _orientation(image: ImageFile.ImageFile) -> int:
    """Return the EXIF orientation, 1 to 8; broken EXIF never spoils a good picture."""
    if "exif" not in image.info:
        return 1
    exif = Image.Exif()
    try:
        exif.load(image.info["exif"])
        orientation = exif.get(ExifTags.Base.Orientation)
    except Exception:  # noqa: BLE001  # hostile EXIF raises a dozen classes, and none of them matters
        return 1
    return orientation if isinstance(orientation, int) and orientation in _TRANSPOSITIONS else 1


def _scale(
    kind: ImageFormat, size_px: tuple[int, int], region: Region | None, needed_px: int, limits: ImageLimits
) -> int:
    """Return 2, 4 or 8 where libjpeg is to decode at 1/2, 1/4 or 1/8 and that leaves pixels enough; otherwise 1."""
    shorter_px = min(_region_size(region, *size_px)) if region else min(size_px)
    if kind != "JPEG":
        return 1
    width_px, height_px = size_px
    scale = 1
    if shorter_px >= _DRAFT_FROM_PX:
        scale = max((s for s in (2, 4, 8) if shorter_px >= s * _DRAFT_MARGIN * needed_px), default=1)
    while scale < 8 and width_px * height_px > limits.max_pixels * scale**2:
        scale *= 2  # a small region of a huge photo
    return scale


def _to_rgb(image: Image.Image) -> Image.Image:
    """Return the picture as RGB; what is transparent becomes white. Colour profiles are not applied."""
    if image.mode == "I;16":
        # Pillow's own conversion clips at 255 instead of scaling 65,535 down to it.
        image = image.point(lambda value: value * (1 / 256)).convert("L")
    # Neither branch copies what need not be: a copy of 25 megapixels takes 100 MB.
    if not image.has_transparency_data:
        return image if image.mode == "RGB" else image.convert("RGB")
    if image.mode != "RGBA":
        image = image.convert("RGBA")
    picture = Image.new("RGB", image.size, _WHITE)
    picture.paste(image, mask=image)
    return picture


def _is_uniform(pixels: UInt8Array) -> bool:
    """Tell whether every fourth pixel of every fourth row is (nearly) the same colour."""
    return bool(pixels[::4, ::4].std(axis=(0, 1)).max() < _UNIFORM_BELOW_STD)


def _region_size(region: Region, width_px: int, height_px: int) -> tuple[int, int]:
    """Return the region's size in px; a region is held to the same shapes as a picture."""
    left, top, right, bottom = _region_box(region, width_px, height_px)
    _check_shape(right - left, bottom - top, "region")
    return right - left, bottom - top


def _region_box(region: Region, width_px: int, height_px: int) -> tuple[int, int, int, int]:
    """Return the region in pixels, grown to whole ones."""
    return (
        math.floor(region.x0 * width_px),
        math.floor(region.y0 * height_px),
        math.ceil(region.x1 * width_px),
        math.ceil(region.y1 * height_px),
    )


def _check_shape(width_px: int, height_px: int, what: str) -> None:
    shorter_px, longer_px = sorted((width_px, height_px))
    size = f"The {what} is {width_px:,} x {height_px:,} pixels"
    if shorter_px < MIN_SIDE_PX:
        raise ImageTooSmall(f"{size}; each side must have at least {MIN_SIDE_PX}.")
    if longer_px > MAX_ASPECT * shorter_px:
        raise AspectNotAllowed(f"{size}; one side may be at most {MAX_ASPECT} times the other.")
    if longer_px > MAX_SIDE_PX:
        raise ImageTooLarge(f"{size}; each side may have at most {MAX_SIDE_PX:,}.")
