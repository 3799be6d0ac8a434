"""What `lookalike networks list`, `fetch` and `verify` do, without the printing."""

from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np

from app.core.download import DownloadProgress
from app.core.embedder import open_embedder
from app.core.errors import WeightsCorrupt
from app.core.images import ImageLimits, prepare_image
from app.core.networks.names import BUILT_IN_NAMES, parse_network
from app.core.networks.sources import fetch_weights, find_weights, is_original, require_weights
from app.core.probes import probe_images
from app.core.settings import Settings

_MOST_ALIKE: Final = 0.98  # two probe images have a cosine of at most 0.44 under good weights


@dataclass(frozen=True, slots=True)
class KnownNetwork:
    """A network that has a name of its own here; `weights` is None while they are still to be fetched."""

    name: str
    dimension: int
    weights_mib: int
    licence: str
    weights: Path | None


@dataclass(frozen=True, slots=True)
class VerifiedWeights:
    """One weights file; `is_original` says whether it is the published one, None where that is not known."""

    network: str
    path: Path
    sha256: str
    size_bytes: int
    is_original: bool | None


@dataclass(frozen=True, slots=True)
class VerifiedNetwork:
    """A network that was loaded and told the probe images apart."""

    name: str
    dimension: int
    runtime: str
    weights: tuple[VerifiedWeights, ...]


# Dimension, size and licence of the published weights; here because asking torchvision takes seconds.
_FACTS: Final = {
    "vgg16": (4096, 528, "BSD-3-Clause"),
    "vgg19": (4096, 548, "BSD-3-Clause"),
    "efficientnet_lite0": (1280, 18, "Apache-2.0"),
}


def known_networks(settings: Settings) -> list[KnownNetwork]:
    """
    Return the networks that have names of their own; `timm:NAME` names over a thousand more.

    Raises:
        WeightsMissing: A setting names a weights file that does not exist.
    """
    networks = []
    for name in BUILT_IN_NAMES:
        (part,) = parse_network(name)
        networks.append(KnownNetwork(name, *_FACTS[part.weights_name], find_weights(part, settings)))
    return networks


def fetch_network(settings: Settings, name: str, progress: DownloadProgress | None = None) -> list[Path]:
    """
    Download what a network lacks into the weights folder, and return its weights files.

    Raises:
        UnknownNetwork, WeightsMissing, DownloadFailed, StorageError: As `fetch_weights` says.
    """
    return [fetch_weights(part, settings, progress) for part in parse_network(name)]


def verify_network(settings: Settings, name: str) -> VerifiedNetwork:
    """
    Load a network, embed the probe images, and say which weights it has.

    Raises:
        NetworkError: As `open_embedder` says; also WeightsCorrupt when different pictures get the same embedding.
        EmbeddingRefused: The weights give no usable embeddings.
    """
    embedder = open_embedder(settings, name)
    limits = ImageLimits.from_settings(settings)
    images = [prepare_image(data, embedder.preprocessings, limits) for data in probe_images()]
    embeddings = embedder.embed(images).embeddings
    if np.triu(embeddings @ embeddings.T, 1).max() > _MOST_ALIKE:
        raise WeightsCorrupt(f"With these weights {name} does not tell pictures apart; get the weights again.")
    weights = []
    for part, sha256 in zip(parse_network(name), embedder.fingerprint.weights_sha256, strict=True):
        path = require_weights(part, settings)
        size_bytes = path.stat().st_size
        weights.append(VerifiedWeights(part.weights_name, path, sha256, size_bytes, is_original(part, sha256)))
    return VerifiedNetwork(name, embedder.dimension, embedder.runtime, tuple(weights))
