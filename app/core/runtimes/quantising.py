"""
Making an int8 graph of a network with NNCF, which is an extra: nothing else of Lookalike needs it.

NNCF looks at what passes between the layers for some pictures, and chooses for each place the range that 256 steps are
spread over; then it corrects the mean of what rounding changed. Nothing is trained.
"""

import contextlib
import io
import logging
import tempfile
import warnings
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from app.core.arrays import UInt8Array
from app.core.errors import RuntimeNotAvailable
from app.core.networks.architectures import LoadedNetwork
from app.core.networks.quantised import QuantisedGraph
from app.core.runtimes.openvino_runtime import forbid_telemetry, graph_of, save_graph

BATCH_SIZE: Final = 10
_WITH_WEIGHTS: Final = frozenset({"Convolution", "GroupConvolution", "MatMul"})


@dataclass(frozen=True, slots=True)
class Recipe:
    """
    A way to quantise.

    Attributes:
        name: What people are told.
        float_layers: How many layers with weights, the first ones, stay in float32. What they lose, all others lose
            too; and in networks for phones, each of their few channels has a range of its own, and all share a scale.
        has_wide_ranges: Whether ranges reach to the greatest value that was seen. Otherwise they end at the mean of the
            pictures' greatest, which is finer, and cuts off what is strongest in half of them.
    """

    name: str
    float_layers: int
    has_wide_ranges: bool = False


RECIPES: Final = (
    # VGG16: 0.9992 of 200 photos, the worst 0.998. With finer ranges the worst has 0.96, and the drawn probes 0.98.
    Recipe("all but the first, wide", 1, has_wide_ranges=True),
    # EfficientNet-Lite0: 0.9986 of 800 photos, and 0.950 of the ten hits; with wider ranges 0.941.
    Recipe("all but 4", 4),
    Recipe("all but 10", 10),
)
"""Tried one after the other until one comes near enough; the fastest to run first. Cosines are with float32, means."""


def require_nncf() -> None:
    """
    Make sure of NNCF before anything that takes long.

    Raises:
        RuntimeNotAvailable: It is not installed.
    """
    with _quiet():
        _nncf()


def quantise(
    network: LoadedNetwork, pixels: UInt8Array, recipe: Recipe, *, advance: Callable[[int], None]
) -> QuantisedGraph:
    """
    Return an int8 graph of a network.

    Args:
        network: Left as it is.
        pixels: Pictures to choose ranges by, shape (n, side, side, 3).
        recipe: How to quantise.
        advance: Told of pictures that were looked at.

    Raises:
        RuntimeNotAvailable: NNCF is not installed.
    """
    graph = graph_of(network, is_for_bfloat16=False)
    batches = _Batches(pixels, advance)
    with _quiet():
        nncf = _nncf()
        quantised = nncf.quantize(
            graph,
            nncf.Dataset(batches),
            subset_size=len(batches),
            target_device=nncf.TargetDevice.CPU,
            ignored_scope=nncf.IgnoredScope(names=_layers(graph)[: recipe.float_layers]),
            advanced_parameters=_parameters(nncf, recipe),
        )
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "network.xml"
        save_graph(quantised, path)
        return QuantisedGraph(path.read_bytes(), path.with_suffix(".bin").read_bytes())


def _parameters(nncf: Any, recipe: Recipe) -> Any:  # noqa: ANN401  # as above
    """Return what is not as NNCF has it by default; where each channel has a range of its own, that is wide anyway."""
    ranges = nncf.quantization.range_estimator.RangeEstimatorParametersSet
    wide = {"activations_range_estimator_params": ranges.MINMAX} if recipe.has_wide_ranges else {}
    return nncf.AdvancedQuantizationParameters(
        **wide,
        # By default the first layer's weights get 7 bits, for CPUs whose sums of products overflow at 16 bits. Where
        # that happens, the graph fails its check against float32 when it is opened, and is not used.
        overflow_fix=nncf.OverflowFix.DISABLE,
    )


def _layers(graph: Any) -> list[str]:  # noqa: ANN401  # OpenVINO ships no types
    """Return the names of the layers with weights, in the order in which they are computed."""
    return [node.get_friendly_name() for node in graph.get_ordered_ops() if node.get_type_name() in _WITH_WEIGHTS]


class _Batches(Sequence[UInt8Array]):
    """What NNCF takes pictures from."""

    def __init__(self, pixels: UInt8Array, advance: Callable[[int], None]) -> None:
        self.batch_size = min(BATCH_SIZE, len(pixels))  # NNCF looks for this name
        self._pixels = pixels
        self._advance = advance

    def __len__(self) -> int:
        return len(range(0, len(self._pixels), self.batch_size))

    def __getitem__(self, number: Any) -> Any:  # noqa: ANN401  # only asked for single batches
        return self._pixels[number * self.batch_size : (number + 1) * self.batch_size]

    def __iter__(self) -> Iterator[UInt8Array]:
        for number in range(len(self)):
            batch = self[number]
            self._advance(len(batch))
            yield batch


def _nncf() -> Any:  # noqa: ANN401  # its functions are typed for a type checker that is configured otherwise
    forbid_telemetry()
    kind = logging.getLoggerClass()
    try:
        # Takes seconds, and is not installed by default.
        import nncf  # type: ignore[import-untyped]  # noqa: PLC0415
    except ImportError as error:
        raise RuntimeNotAvailable(
            "Quantising needs NNCF, which is not installed; run pip install '.[int8]' in the folder of Lookalike."
        ) from error
    finally:
        logging.setLoggerClass(kind)  # it wants every logger of the process to be of its own class
    nncf.set_log_level(logging.ERROR)
    return nncf


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Keep NNCF's bars and messages from standard output, which is for results."""
    with contextlib.redirect_stdout(io.StringIO()), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield
