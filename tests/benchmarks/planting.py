"""A catalogue with faults of known places: copies under other products, wrong categories, broken pictures."""

import io
import random
import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from PIL import Image, ImageFilter

SEED: Final = 7


@dataclass(frozen=True, slots=True)
class Planted:
    """
    What was planted, as paths below the catalogue.

    Attributes:
        copies: The file that each copy was made of, by the copy.
        moved: Where each file was that is in another category now.
        broken: What each broken file is: a key of `BREAKS`.
    """

    copies: Mapping[Path, Path]
    moved: Mapping[Path, Path]
    broken: Mapping[Path, str]


def plant(folder: Path, *, copies: int, moved: int, broken: int, movable: Callable[[Path], bool]) -> Planted:
    """
    Plant faults into a folder with a sub-folder for each category; `movable` chooses who may get a wrong category.

    No picture has two faults. `copies` and `broken` are divided equally among the kinds.
    """
    generator = random.Random(SEED)
    files = sorted(path for path in folder.rglob("*.jpg"))
    generator.shuffle(files)
    originals = [files.pop() for _ in range(copies)]
    spoilt = [files.pop() for _ in range(broken)]
    strays = [path for path in files if movable(path)][:moved]
    categories = sorted({path.parent.name for path in files})
    made_copies = {}
    for number, original in enumerate(originals):
        kind = list(COPIES)[number % len(COPIES)]
        copy = original.with_name(f"copy-{kind}-{original.name}")
        with Image.open(original) as image:
            copy.write_bytes(COPIES[kind](image.convert("RGB"), generator))
        made_copies[copy] = original
    made_broken = {}
    for number, path in enumerate(spoilt):
        kind = list(BREAKS)[number % len(BREAKS)]
        path.write_bytes(BREAKS[kind](path.read_bytes()))
        made_broken[path] = kind
    made_moves = {}
    for path in strays:
        other = generator.choice([name for name in categories if name != path.parent.name])
        target = folder / other / f"moved-{path.parent.name}-{path.name}"
        shutil.move(path, target)
        made_moves[target] = path
    return Planted(made_copies, made_moves, made_broken)


def _jpeg(image: Image.Image, quality: int) -> bytes:
    output = io.BytesIO()
    image.save(output, "JPEG", quality=quality)
    return output.getvalue()


def _cropped(image: Image.Image, generator: random.Random) -> bytes:
    """Five per cent of the width and of the height less, from any side."""
    width_px, height_px = image.size
    less_px, lower_px = round(width_px * 0.05), round(height_px * 0.05)
    left, top = generator.randint(0, less_px), generator.randint(0, lower_px)
    return _jpeg(image.crop((left, top, left + width_px - less_px, top + height_px - lower_px)), 90)


def _blurred(data: bytes) -> bytes:
    image = Image.open(io.BytesIO(data)).convert("RGB")
    return _jpeg(image.filter(ImageFilter.GaussianBlur(image.width / 75)), 85)


def _tiny(data: bytes) -> bytes:
    image = Image.open(io.BytesIO(data)).convert("RGB")
    return _jpeg(image.resize((40, 40 * image.height // image.width)), 90)


def _blank(data: bytes) -> bytes:
    return _jpeg(Image.new("RGB", Image.open(io.BytesIO(data)).size, "#f1f1ef"), 85)


COPIES: Final[Mapping[str, Callable[[Image.Image, random.Random], bytes]]] = {
    "encoded": lambda image, _: _jpeg(image, 75),
    "half": lambda image, _: _jpeg(image.resize((image.width // 2, image.height // 2), Image.Resampling.LANCZOS), 90),
    "cropped": _cropped,
}
BREAKS: Final[Mapping[str, Callable[[bytes], bytes]]] = {
    "truncated": lambda data: data[: len(data) // 2],
    "no picture": lambda _: b"<html>404</html>",
    "blurred": _blurred,
    "tiny": _tiny,
    "blank": _blank,
}
