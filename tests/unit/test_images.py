import io

import numpy as np
import pytest
from PIL import Image

from app.core.arrays import Float32Array, UInt8Array
from app.core.errors import (
    ImageTooSmall,
    InvalidParameter,
)
from app.core.images import ImageLimits, make_thumbnail, prepare_image
from app.core.networks.libraries import timm_package, torchvision_models
from app.core.preprocessing import PreparedImage, Preprocessing, Region
from tests.support.images import (
    animated_png,
    animated_webp,
    draw_picture,
    encode,
    oriented_jpeg,
    picture_bytes,
    png_bytes,
    png_chunk,
)

# Pillow warns about broken EXIF and the like; the decoding processes run with -W ignore.
pytestmark = pytest.mark.filterwarnings("ignore::UserWarning")

BILINEAR = Preprocessing(256, 224, "bilinear", (0.485, 0.456, 0.406), (0.229, 0.224, 0.225))
BICUBIC = Preprocessing(256, 224, "bicubic", (0.5, 0.5, 0.5), (0.5, 0.5, 0.5))
LIMITS = ImageLimits(max_pixels=25_000_000, max_jpeg_pixels=50_000_000)


def prepare(data: bytes, region: Region | None = None) -> PreparedImage:
    """Prepare as the service does, for one network."""
    return prepare_image(data, [BILINEAR], LIMITS, region)


def pixels(data: bytes, region: Region | None = None) -> UInt8Array:
    """Return the one array that `prepare` gives."""
    return prepare(data, region).arrays[0]


def reference(picture: Image.Image, preprocessing: Preprocessing) -> UInt8Array:
    """Return what torchvision's documented Resize and CenterCrop do, written out without them."""
    width_px, height_px = picture.size
    longer_px = int(preprocessing.resize_px * max(picture.size) / min(picture.size))
    size = (preprocessing.resize_px, longer_px) if width_px <= height_px else (longer_px, preprocessing.resize_px)
    sampling = {"bilinear": Image.Resampling.BILINEAR, "bicubic": Image.Resampling.BICUBIC}
    whole = np.asarray(picture.convert("RGB").resize(size, sampling[preprocessing.interpolation]))
    top, left = (round((side_px - preprocessing.crop_px) / 2.0) for side_px in whole.shape[:2])
    return whole[top : top + preprocessing.crop_px, left : left + preprocessing.crop_px]


def normalised(array: UInt8Array, preprocessing: Preprocessing) -> Float32Array:
    """Return what the runtime makes of an array: channels first, mean and std applied; a level is 0.008 or more."""
    mean, std = np.array(preprocessing.mean), np.array(preprocessing.std)
    return np.asarray((array / 255 - mean) / std, dtype=np.float32).transpose(2, 0, 1)


ODD_SIZES = [
    (16, 16),
    (17, 31),
    (31, 17),
    (255, 257),
    (257, 255),
    (300, 432),
    (432, 301),
    (256, 256),
    (640, 479),
    (999, 1023),
]


class TestPixels:
    """Which pixels come out."""

    @pytest.mark.parametrize("preprocessing", [BILINEAR, BICUBIC], ids=["bilinear", "bicubic"])
    @pytest.mark.parametrize("size_px", ODD_SIZES, ids=str)
    def test_pixels_are_those_of_the_reference(self, size_px: tuple[int, int], preprocessing: Preprocessing) -> None:
        """Pictures of odd sizes give exactly the pixels of the reference preprocessing."""
        for image_format in ("JPEG", "PNG"):
            data = encode(draw_picture(*size_px, seed=size_px[0]), image_format)

            (array,) = prepare_image(data, [preprocessing], LIMITS).arrays

            assert np.array_equal(array, reference(Image.open(io.BytesIO(data)), preprocessing))

    def test_pixels_are_those_of_torchvision_and_timm(self) -> None:
        """VGG16's pictures are those of torchvision's transforms, EfficientNet-Lite0's those of timm's."""
        vgg16 = torchvision_models().VGG16_Weights.IMAGENET1K_V1.transforms()
        timm = timm_package()
        lite0 = timm.create_model("tf_efficientnet_lite0", pretrained=False).pretrained_cfg
        lite0_transform = timm.data.create_transform(**timm.data.resolve_data_config({}, pretrained_cfg=lite0))
        for size_px in ODD_SIZES:
            data = encode(draw_picture(*size_px, seed=size_px[0]), "PNG")
            picture = Image.open(io.BytesIO(data))

            bilinear, bicubic = prepare_image(data, [BILINEAR, BICUBIC], LIMITS).arrays

            assert np.allclose(normalised(bilinear, BILINEAR), vgg16(picture).numpy(), atol=1e-5)
            assert np.allclose(normalised(bicubic, BICUBIC), lite0_transform(picture).numpy(), atol=1e-5)

    def test_every_preprocessing_gets_its_array(self) -> None:
        """Several preprocessings give as many arrays, in order, that a caller may write into."""
        small = Preprocessing(64, 60, "bicubic", (0, 0, 0), (1, 1, 1))

        prepared = prepare_image(picture_bytes("JPEG"), [small, BILINEAR], LIMITS)

        assert [array.shape for array in prepared.arrays] == [(60, 60, 3), (224, 224, 3)]
        assert all(array.dtype == np.uint8 for array in prepared.arrays)
        assert all(array.flags.c_contiguous and array.flags.writeable for array in prepared.arrays)

    @pytest.mark.parametrize("orientation", range(1, 9))
    def test_orientations_show_the_same_picture(self, orientation: int) -> None:
        """A picture stored in any of the eight orientations comes out upright, with the upright size."""
        upright = draw_picture(300, 432)
        undo = {
            2: Image.Transpose.FLIP_LEFT_RIGHT,
            3: Image.Transpose.ROTATE_180,
            4: Image.Transpose.FLIP_TOP_BOTTOM,
            5: Image.Transpose.TRANSPOSE,
            6: Image.Transpose.ROTATE_90,
            7: Image.Transpose.TRANSVERSE,
            8: Image.Transpose.ROTATE_270,
        }
        stored = upright.transpose(undo[orientation]) if orientation > 1 else upright

        prepared = prepare(oriented_jpeg(orientation, stored))

        assert (prepared.width_px, prepared.height_px) == (300, 432)
        difference = np.abs(prepared.arrays[0].astype(int) - pixels(encode(upright, "JPEG", quality=95)))
        assert difference.mean() < 2.0

    @pytest.mark.parametrize("image_format", ["PNG", "WEBP"])
    def test_other_formats_are_turned_upright_too(self, image_format: str) -> None:
        """EXIF orientation counts in PNG and WebP as in JPEG."""
        exif = Image.Exif()
        exif[0x0112] = 6
        data = encode(draw_picture(300, 200), image_format, lossless=True, exif=exif.tobytes())

        assert (prepare(data).width_px, prepare(data).height_px) == (200, 300)

    def test_what_is_transparent_is_white(self) -> None:
        """Transparency of every kind shows white, half transparency half of it."""
        clear = encode(Image.new("RGBA", (64, 64), (200, 10, 10, 0)), "PNG")
        half = encode(Image.new("RGBA", (64, 64), (0, 0, 0, 128)), "WEBP", lossless=True)
        palette = encode(Image.new("RGB", (64, 64), (9, 9, 9)).quantize(2), "PNG", transparency=0)
        keyed = encode(Image.new("RGB", (64, 64), (9, 9, 9)), "PNG", transparency=(9, 9, 9))

        assert [int(pixels(data).mean()) for data in (clear, half, palette, keyed)] == [255, 127, 255, 255]

    def test_sixteen_bit_grey_keeps_its_tones(self) -> None:
        """16-bit grey is scaled to 8 bits, not clipped."""
        grey = encode(Image.fromarray(np.full((64, 64), 0x8000, dtype=np.uint16)), "PNG")
        keyed = png_bytes(64, 64, color_type=0, depth=16, extra=png_chunk(b"tRNS", b"\x12\x34"))

        assert int(pixels(grey).mean()) == 0x80
        assert int(pixels(keyed).mean()) == 0

    def test_an_animation_counts_as_its_first_frame(self) -> None:
        """However many frames follow, the pixels are those of the first."""
        for animated in (animated_png, animated_webp):
            assert np.array_equal(pixels(animated(1)), pixels(animated(200)))

    def test_a_region_is_cut_from_the_upright_picture(self) -> None:
        """A region gives the pixels of that part, counted on the picture as it is seen."""
        upright = draw_picture(400, 400)
        stored = upright.transpose(Image.Transpose.ROTATE_90)
        exif = Image.Exif()
        exif[0x0112] = 6

        array = pixels(encode(stored, "PNG", exif=exif.tobytes()), Region(0.5, 0.25, 1.0, 0.75))

        assert np.array_equal(array, reference(upright.crop((200, 100, 400, 300)), BILINEAR))

    def test_a_region_of_a_few_pixels_is_too_small(self) -> None:
        """A region is held to the same least side as a picture."""
        with pytest.raises(ImageTooSmall, match="region"):
            prepare(picture_bytes(), Region(0.1, 0.1, 0.11, 0.9))

    @pytest.mark.parametrize(
        "box", [(0, 0, 0, 1), (0.5, 0, 0.4, 1), (-0.1, 0, 1, 1), (0, 0, 1, 1.1), (float("nan"), 0, 1, 1)]
    )
    def test_a_region_lies_within_the_picture(self, box: tuple[float, float, float, float]) -> None:
        """Coordinates outside 0..1, in the wrong order or not a number are refused."""
        with pytest.raises(InvalidParameter):
            Region(*box)

    @pytest.mark.parametrize("colour", ["white", "black", (12, 200, 99)])
    def test_one_colour_is_marked_uniform(self, colour: str) -> None:
        """A picture of one colour is marked, one with a subject is not."""
        assert prepare(encode(Image.new("RGB", (300, 300), colour), "JPEG")).is_uniform
        assert not prepare(picture_bytes()).is_uniform


class TestReducedDecoding:
    """JPEGs that are decoded at a reduced scale."""

    def test_a_large_photo_looks_the_same_reduced(self) -> None:
        """A 12-megapixel JPEG, which is decoded at 1/8, gives nearly the pixels of the whole decoding."""
        data = encode(draw_picture(500, 375).resize((4000, 3000), Image.Resampling.BICUBIC), "JPEG", quality=90)

        prepared = prepare(data)

        whole = reference(Image.open(io.BytesIO(data)), BILINEAR)
        assert (prepared.width_px, prepared.height_px) == (4000, 3000)
        assert 0 < np.abs(prepared.arrays[0].astype(int) - whole).mean() < 2.0

    def test_a_region_of_a_large_photo_keeps_its_detail(self) -> None:
        """A small region of a large JPEG is cut from the full resolution."""
        picture = draw_picture(2400, 2400)
        data = encode(picture, "JPEG", quality=95)
        region = Region(0.25, 0.25, 0.5, 0.5)

        expected = reference(Image.open(io.BytesIO(data)).crop((600, 600, 1200, 1200)), BILINEAR)
        assert np.array_equal(pixels(data, region), expected)

    def test_more_pixels_than_may_be_decoded_are_always_reduced(self) -> None:
        """A JPEG above the limit for decoded pixels is reduced even where a region asks for detail."""
        data = encode(draw_picture(800, 800), "JPEG")
        limits = ImageLimits(max_pixels=320_000, max_jpeg_pixels=1_000_000)
        region = Region(0, 0, 0.5, 0.5)

        (reduced,) = prepare_image(data, [BILINEAR], limits, region).arrays

        assert not np.array_equal(reduced, pixels(data, region))


class TestThumbnails:
    """Thumbnails of catalogue pictures."""

    def test_a_thumbnail_fits_and_is_upright(self) -> None:
        """A thumbnail is an upright JPEG whose longer side is the size that was asked for."""
        thumbnail = Image.open(io.BytesIO(make_thumbnail(oriented_jpeg(6), 100, LIMITS)))

        assert (thumbnail.format, thumbnail.size) == ("JPEG", (100, 69))

    @pytest.mark.parametrize("image_format", ["JPEG", "PNG", "WEBP"])
    def test_a_thumbnail_carries_no_metadata(self, image_format: str) -> None:
        """Place, camera, comment and colour profile of the original are not in its thumbnail."""
        exif = Image.Exif()
        exif[0x010E] = "SECRET-PLACE"
        data = encode(
            draw_picture(300, 200), image_format, exif=exif.tobytes(), icc_profile=b"SECRET-PROFILE", comment="SECRET"
        )
        assert b"SECRET" in data

        thumbnail = make_thumbnail(data, 100, LIMITS)

        assert b"SECRET" not in thumbnail
        assert not any(marker in thumbnail for marker in (b"\xff\xe1", b"\xff\xe2", b"\xff\xfe"))

    def test_a_small_picture_is_not_enlarged(self) -> None:
        """A picture smaller than the thumbnail size keeps its own."""
        assert Image.open(io.BytesIO(make_thumbnail(picture_bytes("PNG", 40, 30), 100, LIMITS))).size == (40, 30)
