"""What `lookalike networks list`, `fetch` and `verify` do, without the printing."""

from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np

from app.core.download import DownloadProgress
from app.core.embedder import open_embedder
from app.core.errors import NetworkError, WeightsCorrupt
from app.core.files import MIB
from app.core.images import ImageLimits, prepare_image
from app.core.networks.names import BUILT_IN_NAMES, TRAINED_PREFIX, parse_network
from app.core.networks.sources import fetch_weights, find_weights, is_original, networks_in, require_weights
from app.core.networks.trained import CHANNELS, glance_at
from app.core.probes import probe_images
from app.core.settings import Settings

_MOST_ALIKE: Final = 0.98  # two probe images have a cosine of at most 0.44 under good weights


@dataclass(frozen=True, slots=True)
class KnownNetwork:
    """
    A network that has a name of its own here.

    Attributes:
        name: As in the settings.
        dimension: Values in an embedding; None where the weights file cannot be used.
        weights_mib: Size of its weights.
        licence: Of the published weights that it is, or was made of; empty where that is not known.
        weights: Their file; None while it is still to be fetched.
        base: The network that a trained one was made of.
        problem: Why its weights file cannot be used.
    """

    name: str
    dimension: int | None
    weights_mib: int
    licence: str
    weights: Path | None
    base: str | None = None
    problem: str | None = None


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
    Return the networks that have names of their own, those trained here last; `timm:NAME` names over a thousand more.

    Raises:
        WeightsMissing: A setting names a weights file that does not exist.
    """
    networks = []
    for name in BUILT_IN_NAMES:
        (part,) = parse_network(name)
        dimension, size_mib, licence = _FACTS[part.weights_name]
        dimension = CHANNELS if name.endswith(":conv5") else dimension
        networks.append(KnownNetwork(name, dimension, size_mib, licence, find_weights(part, settings)))
    trained = [name for name in networks_in(settings.resolved_weights_dir) if name.startswith(TRAINED_PREFIX)]
    return networks + [_trained_network(name, settings) for name in trained]


def _trained_network(name: str, settings: Settings) -> KnownNetwork:
    (part,) = parse_network(name)
    path = require_weights(part, settings)
    size_mib = round(path.stat().st_size / MIB)
    try:
        card, dimension = glance_at(path)
        (base,) = parse_network(card.base)
    except NetworkError as error:
        return KnownNetwork(name, None, size_mib, "", path, problem=error.message)
    _, _, licence = _FACTS.get(base.weights_name, (0, 0, ""))
    return KnownNetwork(name, dimension, size_mib, licence, path, base=base.name)


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
