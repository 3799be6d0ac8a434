"""What quality is measured on."""

import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

HELD_OUT_EVERY: Final = 10


@dataclass(frozen=True, slots=True)
class Subject:
    """
    The photos, and where one part may write.

    Attributes:
        catalogue: Folder of photos, a sub-folder a category.
        folder: Of this part alone; does not exist yet.
        vgg16: File with VGG16 weights, if there is one.
        networks: To measure, where a part measures several.
        others: Folder of photos of what the catalogue does not have, if there is one.
    """

    catalogue: Path
    folder: Path
    vgg16: Path | None
    networks: Sequence[str]
    others: Path | None


def split(catalogue: Path, target: Path) -> tuple[Path, Path]:
    """Copy the catalogue into `target`, every tenth file of a category held out; return (indexed, held out)."""
    for category in sorted(path for path in catalogue.iterdir() if path.is_dir()):
        for number, file in enumerate(sorted(category.iterdir())):
            part = "held-out" if number % HELD_OUT_EVERY == 0 else "indexed"
            folder = target / part / category.name
            folder.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(file, folder / file.name)
    return target / "indexed", target / "held-out"
