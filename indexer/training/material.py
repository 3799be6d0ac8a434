"""
The embeddings that are learned from. Those of the live snapshot are here; `folder_material` embeds those of a folder.

Nothing here loads a network: training on an index takes less time than loading torch.
"""

from dataclasses import dataclass

import numpy as np

from app.core.arrays import Float32Array
from app.core.errors import SnapshotIncompatible
from app.core.networks.shares import canonical_name
from app.core.products import from_line
from app.core.settings import Settings
from app.core.snapshot import open_vectors
from app.core.snapshot_folder import SnapshotFolder
from indexer.training.examples import Examples, drawn, pictures_of


@dataclass(frozen=True, slots=True, eq=False)
class Material:
    """
    What is learned from.

    Attributes:
        examples: The pictures, n of them.
        embeddings: Theirs, shape (n, d), unit-norm.
        network: What made the embeddings.
        fingerprint_sha256: What they mean.
        origin: Where the pictures are from, in words.
    """

    examples: Examples
    embeddings: Float32Array
    network: str
    fingerprint_sha256: str
    origin: str


def material_of_index(settings: Settings, *, seed: int) -> Material:
    """
    Return the pictures of the live snapshot; nothing is embedded.

    Raises:
        SnapshotError: There is none, or it is damaged, or of another network than the settings ask for.
        TooFewExamples: Its products do not have two categories that can be learned.
    """
    snapshots = SnapshotFolder(settings.snapshots_dir)
    snapshot = snapshots.open_live_or_previous().snapshot
    manifest = snapshot.manifest
    if settings.network != "auto" and canonical_name(settings.network) != manifest.network:
        raise SnapshotIncompatible(
            f"The live index was made with {manifest.network}, and {settings.network} is asked for (--network, "
            f"LOOKALIKE_NETWORK). Index with it first, or learn from a folder with --source."
        )
    products = map(from_line, snapshot.products.splitlines())
    examples = drawn(Examples.of(pictures_of(products)), seed=seed)
    vectors = open_vectors(settings.snapshots_dir / snapshot.id)
    return Material(
        examples=examples,
        embeddings=vectors[examples.rows].astype(np.float32),
        network=manifest.network,
        fingerprint_sha256=manifest.fingerprint_sha256,
        origin=f"index {snapshot.id}",
    )
