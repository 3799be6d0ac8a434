import random
import sys
from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from app.core.errors import (
    AspectNotAllowed,
    EmptyImage,
    FormatNotAllowed,
    ImageTooComplex,
    ImageTooLarge,
    ImageTooSmall,
    InvalidImage,
    LookalikeError,
)
from app.core.images import ImageLimits, make_thumbnail, prepare_image
from app.core.preprocessing import PreparedImage, Preprocessing
from app.core.settings import Settings
from tests.support.images import (
    HOSTILE_IMAGES,
    HostileImage,
    animated_png,
    draw_picture,
    encode,
    hostile_bytes,
    oriented_jpeg,
    picture_bytes,
    png_bytes,
    png_chunk,
    progressive_jpeg,
)

# Pillow warns about broken EXIF and the like; the decoding processes run with -W ignore.
pytestmark = pytest.mark.filterwarnings("ignore::UserWarning")

BILINEAR = Preprocessing(256, 224, "bilinear", (0.485, 0.456, 0.406), (0.229, 0.224, 0.225))
LIMITS = ImageLimits(max_pixels=25_000_000, max_jpeg_pixels=50_000_000)
SMALL_PICTURES = {
    "JPEG": picture_bytes("JPEG", 48, 64),
    "PNG": picture_bytes("PNG", 48, 64),
    "WEBP": picture_bytes("WEBP", 48, 64),
    "APNG": animated_png(3),
    "progressive": progressive_jpeg(48, 64),
    "EXIF": oriented_jpeg(6, draw_picture(48, 64)),
}


def prepare(data: bytes) -> PreparedImage:
    """Prepare as the service does, for one network."""
    return prepare_image(data, [BILINEAR], LIMITS)


def refusal(make: Callable[[], object]) -> str | None:
    """Return the slug of the refusal, or None where there is none."""
    try:
        make()
    except LookalikeError as error:
        return error.slug
    return None


class TestHostileBytes:
    """What is refused, and by which name."""

    @pytest.mark.parametrize("image", HOSTILE_IMAGES, ids=str)
    def test_every_row_is_refused_by_its_slug_or_accepted(self, image: HostileImage) -> None:
        """Every hostile file is refused with the listed slug, or gives an array of pixels."""
        data = hostile_bytes(image)

        assert refusal(lambda: prepare(data)) == image.slug

    @pytest.mark.parametrize("image", [image for image in HOSTILE_IMAGES if image.slug], ids=str)
    def test_a_refusal_names_no_path_and_no_content(self, image: HostileImage) -> None:
        """The message of a refusal is a sentence of ours: nothing of Pillow's, of the bytes or of the machine."""
        with pytest.raises(InvalidImage) as caught:
            prepare(hostile_bytes(image))

        assert caught.value.message.endswith(".")
        assert not any(word in caught.value.message for word in ("/", "\\", "<", "0x", "b'", "PIL"))

    @pytest.mark.parametrize(
        "image", [i for i in HOSTILE_IMAGES if i.row in {"B42", "B44", "B47", "B48", "B50"}], ids=str
    )
    def test_a_thumbnail_is_refused_or_made_alike(self, image: HostileImage) -> None:
        """A thumbnail is refused for the same bytes, with the same slug."""
        assert refusal(lambda: make_thumbnail(hostile_bytes(image), 64, LIMITS)) == image.slug

    def test_no_bytes_are_refused(self) -> None:
        """A file without bytes has a slug of its own."""
        with pytest.raises(EmptyImage):
            prepare(b"")

    def test_an_eps_starts_no_process(self) -> None:
        """EPS under another name never reaches Ghostscript: no process is started."""
        started: list[str] = []
        watching = True

        def watch(event: str, _: object) -> None:
            if watching and event in {"subprocess.Popen", "os.system", "os.fork", "os.exec", "os.posix_spawn"}:
                started.append(event)

        sys.addaudithook(watch)
        for data in [hostile_bytes(image) for image in HOSTILE_IMAGES if "eps" in image.name]:
            with pytest.raises(FormatNotAllowed):
                prepare(data)
        watching = False

        assert started == []

    @pytest.mark.parametrize(("extra_scans", "slug"), [(90, None), (91, "image-too-complex")])
    def test_a_hundred_scans_are_the_limit(self, extra_scans: int, slug: str | None) -> None:
        """A JPEG of exactly 100 scans is decoded; with one more it is not."""
        data = progressive_jpeg(64, 64, extra_scans)

        assert data.count(b"\xff\xda") == 10 + extra_scans
        assert refusal(lambda: prepare(data)) == slug

    def test_scans_of_an_embedded_preview_do_not_count(self) -> None:
        """What looks like a scan inside a segment, as a preview in EXIF does, is no scan of this picture."""
        data = picture_bytes("JPEG")
        comment = b"\xff\xda" * 500

        data = data[:2] + b"\xff\xfe" + (len(comment) + 2).to_bytes(2) + comment + data[2:]

        assert refusal(lambda: prepare(data)) is None

    @pytest.mark.parametrize(
        "data",
        [
            picture_bytes("JPEG")[:2] + b"\xff\xfe\0\2" * 2000 + picture_bytes("JPEG")[2:],
            png_bytes(64, 64)[:-12] + png_chunk(b"tEXt", b"k\0v") * 2000 + png_chunk(b"IEND"),
        ],
        ids=["jpeg-comments", "png-text-behind-the-pixels"],
    )
    def test_a_flood_of_segments_is_too_complex(self, data: bytes) -> None:
        """Thousands of empty segments are refused wherever they stand."""
        with pytest.raises(ImageTooComplex):
            prepare(data)

    def test_a_second_frame_header_does_not_get_past_the_limits(self) -> None:
        """A JPEG that names a small size first and a huge one later is refused, not decoded at the huge one."""
        small, large = picture_bytes("JPEG"), encode(Image.new("RGB", (9000, 9000)), "JPEG")
        frame_start, scan_start = large.index(b"\xff\xc0"), small.index(b"\xff\xda")
        frame = large[frame_start : frame_start + 19]

        assert refusal(lambda: prepare(small[:scan_start] + frame + small[scan_start:])) == "image-corrupt"

    @pytest.mark.parametrize(
        ("size_px", "error"),
        [
            ((17_000, 1000), ImageTooLarge),
            ((16, 801), AspectNotAllowed),
            ((15, 900), ImageTooSmall),
        ],
    )
    def test_sides_have_limits(self, size_px: tuple[int, int], error: type[InvalidImage]) -> None:
        """A side of more than 16,384 or less than 16 px, or 50 times the other, is refused by name."""
        with pytest.raises(error):
            prepare(encode(Image.new("L", size_px), "PNG"))

    def test_the_limits_are_the_operators(self) -> None:
        """The message of a refusal names the setting, and the setting moves the limit."""
        limits = ImageLimits.from_settings(Settings(max_image_pixels=1000, max_jpeg_pixels=2000))

        assert limits == ImageLimits(max_pixels=1000, max_jpeg_pixels=2000)
        with pytest.raises(ImageTooLarge, match=r"1,024 pixels .* 1,000 \(LOOKALIKE_MAX_IMAGE_PIXELS\)"):
            prepare_image(picture_bytes("PNG", 32, 32), [BILINEAR], limits)
        prepare_image(picture_bytes("JPEG", 32, 32), [BILINEAR], limits)
        with pytest.raises(ImageTooLarge, match=r"LOOKALIKE_MAX_JPEG_PIXELS"):
            prepare_image(picture_bytes("JPEG", 64, 64), [BILINEAR], limits)


class TestArbitraryBytes:
    """No bytes whatever raise anything but a refusal."""

    @given(
        st.binary(max_size=400),
        st.sampled_from([b"", b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n", b"RIFF\0\0\0\0WEBP", b"<svg"]),
    )
    @settings(max_examples=300, deadline=None)
    def test_random_bytes_only_raise_refusals(self, tail: bytes, magic: bytes) -> None:
        """Whatever follows a format's first bytes is refused as an invalid image, never with another error."""
        with pytest.raises(InvalidImage):
            prepare(magic + tail)

    @given(st.sampled_from(("JPEG", "PNG", "WEBP", "APNG", "progressive", "EXIF")), st.integers(0, 2**32))
    @settings(max_examples=400, deadline=None)
    def test_damaged_pictures_give_pixels_or_refusals(self, kind: str, seed: int) -> None:
        """A real picture with changed, missing or added bytes gives pixels or a refusal, never another error."""
        damage = random.Random(seed)
        data = bytearray(SMALL_PICTURES[kind])
        for _ in range(damage.randrange(1, 8)):
            place = damage.randrange(len(data))
            data[place : place + damage.randrange(3)] = damage.randbytes(damage.randrange(3))

        try:
            (array,) = prepare_image(bytes(data), [BILINEAR], ImageLimits(1_000_000, 1_000_000)).arrays
        except InvalidImage:
            return
        assert array.shape == (224, 224, 3)
