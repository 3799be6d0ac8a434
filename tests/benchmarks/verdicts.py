"""Verdicts of the running service: strangers, photos of the shop that are not indexed, and copies of those that are."""

import io
import random
import statistics
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, Final

import httpx2
from PIL import ExifTags, Image, ImageOps

from app.core.settings import Settings
from tests.benchmarks.embedding import photos_in
from tests.benchmarks.living import run_command
from tests.benchmarks.rows import Row
from tests.benchmarks.searching import client_of
from tests.benchmarks.subject import Subject, split

LEAST_STRANGERS = 0.90
MOST_LOST = 0.05
COPIED = 400
CROPPED_SHARE = 0.05
_QUALITY = 90


def measure_verdicts(subject: Subject) -> Iterator[Row]:
    """Yield, for each network, the share of right verdicts."""
    indexed, held_out = split(subject.catalogue, subject.folder / "split")
    for network in subject.networks:
        settings = Settings.load(data_dir=subject.folder / network, network=network, vgg16_weights=subject.vgg16)
        run_command(settings, "index", str(indexed))
        with client_of(settings) as client:
            if subject.others is not None:
                yield _none_of(
                    network,
                    client,
                    "photos of other things",
                    [path for path in photos_in(subject.others) if path.suffix == ".jpg"],
                    LEAST_STRANGERS,
                )
            yield from _held_out(network, client, photos_in(held_out))
            yield from _copies(network, client, photos_in(indexed))


def _none_of(network: str, client: httpx2.Client, what: str, photos: Sequence[Path], least: float) -> Row:
    verdicts = [_search(client, photo.read_bytes())["match"]["verdict"] for photo in photos]
    share = verdicts.count("none") / len(verdicts)
    return Row(network, f"{len(photos)} {what} answered “none”", f"{share:.3f}", f"at least {least}", share >= least)


def _held_out(network: str, client: httpx2.Client, photos: Sequence[Path]) -> Iterator[Row]:
    answers = [(photo, _search(client, photo.read_bytes())) for photo in photos]
    verdicts = Counter(answer["match"]["verdict"] for _, answer in answers)
    lost, exact = verdicts["none"] / len(photos), verdicts["exact"] / len(photos)
    what = f"{len(photos)} held-out photos answered"
    yield Row(network, f"{what} “none”", f"{lost:.3f}", f"at most {MOST_LOST}", lost <= MOST_LOST)
    yield Row(network, f"{what} “exact” (a shop sells some pictures under two names)", f"{exact:.3f}")
    similar = [
        (answer["match"]["confidence"], answer["results"][0]["product"]["category"] == photo.parent.name)
        for photo, answer in answers
        if answer["match"]["verdict"] == "similar"
    ]
    said, right = statistics.fmean(said for said, _ in similar), statistics.fmean(right for _, right in similar)
    yield Row(network, "confidence of “similar”, and share whose first hit is right", f"{said:.3f}, {right:.3f}")


def _copies(network: str, client: httpx2.Client, photos: Sequence[Path]) -> Iterator[Row]:
    drawn = random.Random(0).sample(list(photos), min(COPIED, len(photos)))
    for name, change, least in COPIES:
        found = [_is_found(client, photo, change(photo)) for photo in drawn]
        share = statistics.fmean(found)
        what = f"{len(drawn)} photos, {name}: “exact” and first"
        yield Row(network, what, f"{share:.4f}", f"at least {least}", share >= least)


def _is_found(client: httpx2.Client, photo: Path, copy: bytes) -> bool:
    """Say whether a copy is the very picture, and first; a product with the same file is as good."""
    answer = _search(client, copy)
    first = answer["results"][0]
    own = client.get(first["image"]["url"]).content
    return bool(answer["match"]["verdict"] == "exact" and own == photo.read_bytes())


def _search(client: httpx2.Client, data: bytes) -> dict[str, Any]:
    reply = client.post("/search", files={"image": ("photo", data), "k": (None, "5")})
    answer: dict[str, Any] = reply.raise_for_status().json()
    return answer


def _upright(photo: Path) -> Image.Image:
    return ImageOps.exif_transpose(Image.open(photo)).convert("RGB")


def _jpeg(picture: Image.Image, quality: int = _QUALITY, **options: Any) -> bytes:  # noqa: ANN401  # Pillow's own
    output = io.BytesIO()
    picture.save(output, "JPEG", quality=quality, **options)
    return output.getvalue()


def _encoded_anew(photo: Path) -> bytes:
    return _jpeg(_upright(photo), quality=75)


def _half_size(photo: Path) -> bytes:
    picture = _upright(photo)
    return _jpeg(picture.resize((picture.width // 2, picture.height // 2), Image.Resampling.LANCZOS))


def _cropped(photo: Path) -> bytes:
    """Return the picture without 5 % of its width and height, cut off somewhere."""
    picture = _upright(photo)
    chosen = random.Random(photo.name)
    width, height = (round(side * (1 - CROPPED_SHARE)) for side in picture.size)
    left, top = chosen.randint(0, picture.width - width), chosen.randint(0, picture.height - height)
    return _jpeg(picture.crop((left, top, left + width, top + height)))


def _rotated(photo: Path) -> bytes:
    """Return the picture as a camera stores it that was held upright."""
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = 6
    return _jpeg(_upright(photo).transpose(Image.Transpose.ROTATE_90), quality=95, exif=exif)


COPIES: Final[Sequence[tuple[str, Callable[[Path], bytes], float]]] = (
    ("encoded anew", _encoded_anew, 0.98),
    ("half the size", _half_size, 0.98),
    ("5 % cropped", _cropped, 0.95),
    ("rotated by EXIF", _rotated, 1.0),
)
