"""What quality is measured on."""

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Subject:
    """
    The photos, and where one part may write.

    Attributes:
        catalogue: Folder of photos, a sub-folder a category.
        folder: Of this part alone; does not exist yet.
        vgg16: File with VGG16 weights, if there is one.
    """

    catalogue: Path
    folder: Path
    vgg16: Path | None
