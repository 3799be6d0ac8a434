"""The pictures that a network is trained on, of the live index or of a folder, and the network to train on top of."""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from app.core.embedder import choose_network
from app.core.errors import InvalidParameter, SnapshotError
from app.core.products import from_line
from app.core.settings import Settings
from app.core.snapshot_folder import SnapshotFolder
from indexer.pictures import MAX_FILE_BYTES, UNREADABLE
from indexer.progress import Progress
from indexer.sources.folder import read_folder
from indexer.training.examples import LabelledPicture, pictures_of


@dataclass(frozen=True, slots=True)
class PicturesToLearn:
    """Pictures, where they are from in words, and the network that is trained on top of."""

    pictures: list[LabelledPicture]
    origin: str
    network: str


def pictures_to_learn(settings: Settings, source: Path | None, progress: Progress) -> PicturesToLearn:
    """
    Return the pictures of a folder, or without one those of the live index.

    Raises:
        SourceMissing, SourceEmpty: There is no such folder, or nothing in it.
        SnapshotError: Without a folder: there is no index.
        WeightsMissing: The network is not at hand.
    """
    if source is None:
        snapshot = SnapshotFolder(settings.snapshots_dir).open_live_or_previous().snapshot
        network = snapshot.manifest.network if settings.network == "auto" else settings.network
        return PicturesToLearn(
            pictures_of(map(from_line, snapshot.products.splitlines())), f"index {snapshot.id}", network
        )
    products = read_folder(source)
    network = settings.network if settings.network != "auto" else _usual_network(settings, progress)
    progress.phase("Reading the pictures", sum(len(product.images) for product in products))
    pictures = [
        LabelledPicture(product.id, product.title, product.category, sha256, Path(image.place))
        for product in products
        for image in product.images
        for sha256 in _hashes(Path(image.place), progress)
    ]
    return PicturesToLearn(pictures, f"folder {source}", network)


def _usual_network(settings: Settings, progress: Progress) -> str:
    """Return the network of the index, or the one that a first index would have."""
    try:
        return SnapshotFolder(settings.snapshots_dir).open_live_or_previous().snapshot.manifest.network
    except SnapshotError:
        return choose_network(settings, warn=progress.warn, progress=progress.download)


def _hashes(path: Path, progress: Progress) -> Iterator[str]:
    """Yield the file's SHA-256, or nothing where it cannot be read or is too large for a photo."""
    try:
        if path.is_file() and path.stat().st_size <= MAX_FILE_BYTES:
            sha256 = hashlib.sha256(path.read_bytes()).hexdigest()
            progress.advance()
            yield sha256
            return
    except OSError:
        pass
    progress.skip(UNREADABLE)


def free_name(weights_dir: Path, file_prefix: str, stem: str) -> str:
    """Return `stem` with the first number from 1 that no trained network has."""
    number = 1
    while (weights_dir / f"{file_prefix}{stem}-{number}.safetensors").exists():
        number += 1
    return f"{stem}-{number}"


def require_free_name(path: Path, name: str) -> None:
    """
    Refuse a name that is taken.

    Raises:
        InvalidParameter: A network of that name exists; an index may have been made with it.
    """
    if path.exists():
        raise InvalidParameter(
            f"There is a trained network “{name}” already, and indexes made with it need it as it is. Choose another "
            "name (--name), or remove its file first."
        )
