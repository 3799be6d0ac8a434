"""Draw the sample catalogue into a folder, once: one sub-folder a category, one JPEG a product."""

import json
import shutil
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

from app.core.errors import DataDirNotWritable
from app.core.files import storage_errors
from indexer.sample_catalogue.design import Design, Kind
from indexer.sample_catalogue.kinds import KINDS
from indexer.sample_catalogue.photo import Shot, photograph

DRAWING_VERSION = 1  # raise it with every change to what is drawn: catalogues that lie on disks are then redrawn
MARKER = ".sample-catalogue.json"
# Every design is sold in this many colours, so that each product has obvious lookalikes. Palettes hold a multiple of
# it: a line of three never gets the same colour twice.
_COLOURWAYS = 3


def draw_sample_catalogue(
    folder: Path,
    *,
    seed: int = 2017,
    products: int = 480,
    on_progress: Callable[[int, int], None] | None = None,
) -> None:
    """
    Fill a folder with pictures of products that do not exist, the same for the same seed.

    Files are called <category>/<colour>-<pattern>-<cut>-<kind>-<number>.jpg. The folder appears when all of it is
    drawn, so that an interrupted run leaves nothing behind that looks finished. Nothing is done when the same
    catalogue is there already; one of another seed, size or drawing version is replaced.

    Raises DataDirNotWritable (also when the folder holds files that are not a sample catalogue) and DiskFull.
    """
    wanted = {"drawing_version": DRAWING_VERSION, "seed": seed, "products": products}
    with storage_errors(folder):
        if _is_complete(folder, wanted):
            return
        _refuse_foreign(folder)
        unfinished = folder.with_name(f".{folder.name}.unfinished")
        shutil.rmtree(unfinished, ignore_errors=True)
        unfinished.mkdir(parents=True)
        for number in range(products):
            category, title, jpeg = _product(seed, number)
            (unfinished / category).mkdir(exist_ok=True)
            (unfinished / category / f"{title}-{number + 1:03d}.jpg").write_bytes(jpeg)
            if on_progress:
                on_progress(number + 1, products)
        (unfinished / MARKER).write_text(json.dumps(wanted))
        if folder.exists():
            shutil.rmtree(folder)
        unfinished.rename(folder)


def draw_query_photo(seed: int = 7) -> tuple[str, bytes]:
    """Photograph a product that the catalogue does not have: its title in words, and a JPEG."""
    rng = np.random.default_rng([seed, 2017])
    kind = KINDS[int(rng.integers(len(KINDS)))]
    design, title = _design(kind, np.random.default_rng([seed, 31]), int(rng.integers(20)))
    return title.replace("-", " "), _photo(kind, design, rng)


def _product(seed: int, number: int) -> tuple[str, str, bytes]:
    """Draw one product: its category, its title and its picture."""
    place, within = number % len(KINDS), number // len(KINDS)
    kind = KINDS[place]
    design, title = _design(kind, np.random.default_rng([seed, place]), within)
    return kind.category, title, _photo(kind, design, np.random.default_rng([seed, place, within]))


def _design(kind: Kind, rng: np.random.Generator, within: int) -> tuple[Design, str]:
    """Decide on the n-th product of a kind: cuts, patterns and colours are dealt evenly, in an order of the seed's."""
    line = within // _COLOURWAYS
    cut, pattern = (_dealt(names, rng, line) for names in (kind.cuts, kind.patterns))
    colour = _dealt(kind.colours, rng, within)
    if cut in kind.plain_cuts:
        pattern = "plain"
    # The same for all colourways of a line: only the colour and the photo differ.
    line_rng = np.random.default_rng([*rng.bytes(8), line])
    return kind.design(cut, pattern, colour, line_rng), kind.title(cut, pattern, colour)


def _dealt(names: Sequence[str], rng: np.random.Generator, place: int) -> str:
    """The card at a place of a pile made of shuffled decks; every deck holds all the names once."""
    (pile_seed,) = rng.integers(2**32, size=1).tolist()
    deck, card = divmod(place, len(names))
    order = np.random.default_rng([pile_seed, deck]).permutation(len(names))
    return names[int(order[card])]


def _photo(kind: Kind, design: Design, rng: np.random.Generator) -> bytes:
    shot = Shot.taken(kind.pose, rng, may_mirror=kind.may_mirror)
    return photograph(lambda canvas: kind.draw(canvas, design), shot, rng)


def _is_complete(folder: Path, wanted: dict[str, int]) -> bool:
    try:
        found = json.loads((folder / MARKER).read_text())
    except (OSError, ValueError):
        return False
    return bool(found == wanted) and sum(1 for _ in folder.glob("*/*.jpg")) == wanted["products"]


def _refuse_foreign(folder: Path) -> None:
    """Never replace a folder that is somebody's own."""
    if folder.exists() and not (folder / MARKER).exists() and any(folder.iterdir()):
        raise DataDirNotWritable(
            f"The sample catalogue would replace {folder}, which holds other files. Move them, or choose another "
            "folder (of the demo: with LOOKALIKE_DATA_DIR)."
        )
