"""
The embedder: prepared pictures → unit-norm embeddings and class probabilities. The only code that makes embeddings.

Catalogue and query come through the same `Embedder.embed_each`; what network, runtime and weights it has is settled by
`open_embedder`.
"""

import logging
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from app.core.arrays import Float32Array, Float64Array, FloatArray
from app.core.download import DownloadProgress
from app.core.errors import (
    DownloadFailed,
    EmbeddingNotFinite,
    EmbeddingRefused,
    EmbeddingZero,
    SnapshotIncompatible,
    StorageError,
    WeightsMissing,
)
from app.core.images import ImageLimits, prepare_image
from app.core.joined_regions import joined_regions
from app.core.networks.architectures import LoadedNetwork, load_network
from app.core.networks.fingerprint import Fingerprint
from app.core.networks.names import Part, parse_network
from app.core.networks.quantised import find_graph
from app.core.networks.shares import canonical_name, network_shares
from app.core.networks.sources import fetch_weights, open_weights
from app.core.preprocessing import PreparedImage, Preprocessing
from app.core.probes import probe_images
from app.core.runtimes.base import Output, Runtime, no_regions
from app.core.runtimes.choice import Executable, open_runtime
from app.core.runtimes.remembered import RememberedRuntimes
from app.core.runtimes.threads import use_threads
from app.core.settings import Settings

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Embedded:
    """
    What a network says about n images, in their order.

    Attributes:
        embeddings: Shape (n, d), unit-norm.
        probabilities: Shape (n, 1000), rows sum to 1; (n, 0) where the network has no classes of ImageNet.
        regions: What the last convolution gives for each place of the picture, shape (n, h, w, channels); for `a+b`
            the maps of both on one grid (`app.core.joined_regions`). (n, 0, 0, 0) where the network has no map.
    """

    embeddings: Float32Array
    probabilities: Float32Array
    regions: Float32Array


@dataclass(frozen=True, slots=True)
class EmbedderPart:
    """
    One network on its runtime.

    Attributes:
        runtime: What executes it.
        dimension: Values in its embedding.
        array_index: Which of a prepared image's arrays is for it.
        share: How much it counts in the score; those of all parts add up to 1.
    """

    runtime: Runtime
    dimension: int
    array_index: int
    share: float


class Embedder:
    """
    Makes the embeddings of one network, or of several whose unit-norm embeddings are concatenated.

    Attributes:
        network: Its name, as in the settings.
        dimension: Values in an embedding.
        preprocessings: What `prepare_image` needs; those that parts share are there once.
        fingerprint: What the embeddings mean.
        runtime: What executes it: `openvino-bfloat16`; joined with + where the parts differ.
        best_batch_size: The number of images at which `embed` is fastest per image.
        class_labels: Labels of the probabilities, in order; empty where there are none.
    """

    def __init__(
        self,
        parts: Sequence[EmbedderPart],
        preprocessings: tuple[Preprocessing, ...],
        fingerprint: Fingerprint,
        class_labels: tuple[str, ...],
    ) -> None:
        self._parts = tuple(parts)
        self._lock = threading.Lock()  # a runtime serves one call at a time
        self.network = fingerprint.network
        self.dimension = sum(part.dimension for part in parts)
        self.preprocessings = preprocessings
        self.fingerprint = fingerprint
        self.runtime = "+".join(dict.fromkeys(part.runtime.name for part in parts))
        self.best_batch_size = max(part.runtime.batch_size for part in parts)
        self.class_labels = class_labels

    def embed(self, images: Sequence[PreparedImage]) -> Embedded:
        """
        Return what the network says of each image; none gives shapes (0, d), (0, c) and (0, 0, 0, 0).

        Raises:
            EmbeddingNotFinite: The network produced NaN or infinity for one of them.
            EmbeddingZero: Every activation is zero for one of them.
        """
        embedded, refusals = self.embed_each(images)
        for refusal in refusals:
            if refusal is not None:
                raise refusal
        return embedded

    def embed_each(self, images: Sequence[PreparedImage]) -> tuple[Embedded, list[EmbeddingRefused | None]]:
        """
        Return what `embed` does, and for each image why it has no embedding, or None.

        The rows of an image without an embedding are zero.
        """
        size = self.best_batch_size
        starts = range(0, len(images), size)
        outputs = [self._embed_batch(images[start : start + size], start) for start in starts]
        batches = [batch for batch, _ in outputs] or [self._none()]
        embedded = Embedded(
            _concatenated([batch.embeddings for batch in batches]),
            _concatenated([batch.probabilities for batch in batches]),
            _concatenated([batch.regions for batch in batches]),
        )
        return embedded, [refusal for _, refusals in outputs for refusal in refusals]

    def _none(self) -> Embedded:
        embeddings, probabilities = (np.zeros((0, d), np.float32) for d in (self.dimension, len(self.class_labels)))
        return Embedded(embeddings, probabilities, no_regions(0))

    def _embed_batch(
        self, images: Sequence[PreparedImage], position: int
    ) -> tuple[Embedded, list[EmbeddingRefused | None]]:
        with self._lock:
            outputs = [
                part.runtime.run(np.stack([image.arrays[part.array_index] for image in images])) for part in self._parts
            ]
        logits = next((output.logits for output in outputs if output.logits.shape[1] > 0), outputs[0].logits)
        refusals = [
            _refusal([output.activation[row] for output in outputs], logits[row], position + row)
            for row in range(len(images))
        ]
        is_good = np.array([refusal is None for refusal in refusals])
        embeddings = np.zeros((len(images), self.dimension), np.float32)
        activations = [output.activation[is_good] for output in outputs]
        embeddings[is_good] = _unit_norm(activations, [part.share for part in self._parts])
        probabilities = np.zeros(logits.shape, np.float32)
        probabilities[is_good] = _softmax(logits[is_good])
        regions = self._regions(outputs)
        if not is_good.all():
            regions = np.where(is_good[:, np.newaxis, np.newaxis, np.newaxis], regions, np.float32(0))
        return Embedded(embeddings, probabilities, regions), refusals

    def _regions(self, outputs: Sequence[Output]) -> Float32Array:
        if len(outputs) == 1:
            return outputs[0].regions
        preprocessings = [self.preprocessings[part.array_index] for part in self._parts]
        # Relative to equal shares: the codes of regions that were stored before there were weights stay valid.
        shares = [part.share * len(self._parts) for part in self._parts]
        return joined_regions([output.regions for output in outputs], preprocessings, shares)


def _refusal(activations: Sequence[Float32Array], logits: Float32Array, position: int) -> EmbeddingRefused | None:
    """Say what is wrong with one image's activations (d,) and logits (c,); None: nothing."""
    if not all(np.isfinite(values).all() for values in (*activations, logits)):
        return EmbeddingNotFinite(f"The network's answer for image {position} holds NaN or infinity.")
    if not all(values.any() for values in activations):
        return EmbeddingZero(
            f"Every activation of the network is zero for image {position}: there is nothing to compare."
        )
    return None


def _concatenated(arrays: Sequence[Float32Array]) -> Float32Array:
    """Join arrays by their first axis; a single one, which is what nearly every call has, is not copied."""
    return arrays[0] if len(arrays) == 1 else np.concatenate(arrays)


def _unit_norm(activations: Sequence[Float32Array], shares: Sequence[float]) -> Float32Array:
    """Return unit-norm embeddings (n, d): those of the parts side by side, as long as their shares ask for."""
    wide = [values.astype(np.float64) for values in activations]  # squares of large activations overflow in float32
    units = [values / np.linalg.norm(values, axis=1, keepdims=True) for values in wide]
    return joined_embeddings(units, shares)


def joined_embeddings(parts: Sequence[FloatArray | Float64Array], shares: Sequence[float]) -> Float32Array:
    """
    Return the embeddings of `a+b` from those of `a` and `b`: shape (n, d), the sum of the dimensions.

    Args:
        parts: Of each network, shape (n, its dimension), unit-norm.
        shares: How much each counts; they add up to 1.
    """
    scaled = [values * np.sqrt(np.float64(share)) for values, share in zip(parts, shares, strict=True)]
    return np.concatenate(scaled, axis=1).astype(np.float32)


def _softmax(logits: Float32Array) -> Float32Array:
    if logits.shape[1] == 0:
        return logits
    powers = np.exp(logits.astype(np.float64) - logits.max(axis=1, keepdims=True))
    return np.asarray(powers / powers.sum(axis=1, keepdims=True), np.float32)


def choose_network(
    settings: Settings, *, warn: Callable[[str], None] = _log.warning, progress: DownloadProgress | None = None
) -> str:
    """
    Return the network for a first index, with its weights at hand: downloads them where they are missing.

    `auto` is vgg16 if its weights are there or can be downloaded, and efficientnet_lite0 otherwise. Without internet
    that is settled within seconds.

    Args:
        settings: Which network, and where its weights are.
        warn: Told in one sentence or two when `auto` falls back.
        progress: Told how a download goes.

    Raises:
        UnknownNetwork: There is no such network.
        WeightsMissing: A setting names a file that does not exist, or a network that was asked for cannot be had.
    """
    if settings.network != "auto":
        for part in parse_network(settings.network):
            _fetch(part, settings, progress)
        return canonical_name(settings.network)
    (vgg16,) = parse_network("vgg16")
    try:
        fetch_weights(vgg16, settings, progress)
    except (DownloadFailed, StorageError) as error:
        warn(
            f"VGG16's weights are not here and could not be downloaded: {error} This index uses efficientnet_lite0 "
            "instead, which came with Lookalike. To use VGG16, run `lookalike networks fetch vgg16` where there is "
            "internet, or name a weights file with LOOKALIKE_VGG16_WEIGHTS; then index again with "
            "LOOKALIKE_NETWORK=vgg16."
        )
        return "efficientnet_lite0"
    return "vgg16"


def _fetch(part: Part, settings: Settings, progress: DownloadProgress | None) -> None:
    try:
        fetch_weights(part, settings, progress)
    except DownloadFailed as error:
        raise WeightsMissing(
            f"The weights of {part.name} are not here and could not be downloaded: {error} Put them into "
            f"{settings.resolved_weights_dir} as {part.weights_name}.pth or .safetensors, or choose another network "
            "(LOOKALIKE_NETWORK)."
        ) from error


def open_embedder(settings: Settings, network: str, *, recorded: Fingerprint | None = None) -> Embedder:
    """
    Load a network's weights and start it on the runtime that the settings ask for. Never downloads anything.

    Args:
        settings: Where the weights are, which runtime, how many threads.
        network: Its name; `auto` must have been resolved by `choose_network`.
        recorded: The fingerprint of the index that is to be searched or extended, which this must equal.

    Raises:
        UnknownNetwork: There is no such network.
        WeightsMissing, WeightsCorrupt, WeightsUnsafe, WeightsMismatch: Something is wrong with a weights file; also
            corrupt when its SHA-256 is not the recorded one.
        SnapshotIncompatible: The recorded fingerprint differs in something else.
        RuntimeNotAvailable, ParityFailed: The runtime that was asked for cannot be used.
    """
    parts = parse_network(network)
    threads = use_threads(settings.threads)
    hashes = recorded.weights_sha256 if recorded and len(recorded.weights_sha256) == len(parts) else [None] * len(parts)
    networks = [
        load_network(part, open_weights(part, settings, recorded_sha256=sha256))
        for part, sha256 in zip(parts, hashes, strict=True)
    ]
    fingerprint = Fingerprint(
        network=canonical_name(network),
        weights_sha256=tuple(loaded.weights_sha256 for loaded in networks),
        activation=" + ".join(part.activation for part in parts),
        preprocessing=tuple(loaded.preprocessing for loaded in networks),
    )
    if recorded is not None and recorded != fingerprint:
        raise SnapshotIncompatible(
            f"The index was made with {recorded.network} ({recorded.activation}, fingerprint {recorded.sha256[:12]}…); "
            f"this installation has {network} ({fingerprint.activation}, fingerprint {fingerprint.sha256[:12]}…). "
            "Rebuild the index with `lookalike index FOLDER --network NAME`."
        )
    preprocessings = tuple(dict.fromkeys(fingerprint.preprocessing))
    labels = next((loaded.class_labels for loaded in networks if loaded.class_labels), ())
    embedder_parts = [
        EmbedderPart(
            runtime=_open_runtime(loaded, settings, threads),
            dimension=loaded.dimension,
            array_index=preprocessings.index(loaded.preprocessing),
            share=share,
        )
        for loaded, share in zip(networks, network_shares(network), strict=True)
    ]
    return Embedder(embedder_parts, preprocessings, fingerprint, labels)


def start_network(network: LoadedNetwork, settings: Settings) -> Embedder:
    """
    Return the embedder of a network that is in memory already, such as one that is to be trained.

    Raises:
        RuntimeNotAvailable, ParityFailed: The runtime that was asked for cannot be used.
    """
    runtime = _open_runtime(network, settings, use_threads(settings.threads))
    part = EmbedderPart(runtime=runtime, dimension=network.dimension, array_index=0, share=1.0)
    return Embedder([part], (network.preprocessing,), fingerprint_of(network), network.class_labels)


def fingerprint_of(network: LoadedNetwork) -> Fingerprint:
    """Return the fingerprint of one network by itself."""
    part = network.part
    return Fingerprint(part.name, (network.weights_sha256,), part.activation, (network.preprocessing,))


def _open_runtime(network: LoadedNetwork, settings: Settings, threads: int) -> Runtime:
    limits = ImageLimits.from_settings(settings)
    probes = [prepare_image(data, [network.preprocessing], limits).arrays[0] for data in probe_images()]
    remembered = RememberedRuntimes(settings.data_dir / "runtimes.json")
    executable = Executable(network, find_graph(settings.resolved_weights_dir, fingerprint_of(network)))
    return open_runtime(executable, settings.runtime, threads=threads, probes=np.stack(probes), remembered=remembered)
