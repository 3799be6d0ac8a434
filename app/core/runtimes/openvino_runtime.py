"""OpenVINO as a runtime, on the CPU: float32, bfloat16, or the int8 graph that was accepted for a network."""

import sys
import warnings
from pathlib import Path
from typing import Any, Final, Literal

import torch

from app.core.arrays import UInt8Array
from app.core.errors import RuntimeNotAvailable
from app.core.networks.architectures import LoadedNetwork
from app.core.networks.quantised import QuantisedGraph
from app.core.runtimes.base import CPU_BATCH_SIZE, Output

OpenVinoRuntimeName = Literal["openvino-float32", "openvino-bfloat16"]
INT8: Final = "openvino-int8"
_HINTS: Final = {"openvino-float32": "f32", "openvino-bfloat16": "bf16", INT8: "f32"}
_TELEMETRY: Final = "openvino_telemetry"


class OpenVinoRuntime:
    """Executes a network with OpenVINO."""

    batch_size = CPU_BATCH_SIZE

    def __init__(self, network: LoadedNetwork, name: OpenVinoRuntimeName, threads: int) -> None:
        self.name: str = name
        core = _openvino().Core()
        if name == "openvino-bfloat16" and "BF16" not in core.get_property("CPU", "OPTIMIZATION_CAPABILITIES"):
            raise RuntimeNotAvailable(
                "This CPU does not compute in bfloat16; choose another runtime (LOOKALIKE_RUNTIME)."
            )
        graph = graph_of(network, is_for_bfloat16=name == "openvino-bfloat16")
        self._request = _compiled(core, graph, name, threads)

    def run(self, pixels: UInt8Array) -> Output:
        """Return the network's answer for RGB pixels of shape (n, side, side, 3)."""
        return _output(self._request, pixels)


class QuantisedRuntime:
    """Executes a network's int8 graph with OpenVINO."""

    name = INT8
    batch_size = CPU_BATCH_SIZE

    def __init__(self, quantised: QuantisedGraph, threads: int) -> None:
        core = _openvino().Core()
        # Of the layers that the graph leaves in float32, bfloat16 would be faster where the CPU has it, but whoever
        # accepted the graph saw it with float32.
        self._request = _compiled(core, core.read_model(quantised.graph, quantised.values), INT8, threads)

    def run(self, pixels: UInt8Array) -> Output:
        """Return the network's answer for RGB pixels of shape (n, side, side, 3)."""
        return _output(self._request, pixels)


def graph_of(network: LoadedNetwork, *, is_for_bfloat16: bool) -> Any:  # noqa: ANN401  # OpenVINO ships no types
    """Return a network as OpenVINO's graph, from pixels (n, side, side, 3) uint8 for any n."""
    side_px = network.preprocessing.crop_px
    module = network.module(torch.float32, is_for_bfloat16=is_for_bfloat16)
    with warnings.catch_warnings():
        # torch announces the end of TorchScript, on which OpenVINO's converter stands.
        warnings.simplefilter("ignore")
        # Traced here and not by the converter, which would run the network three more times to check the trace.
        traced = torch.jit.trace(  # type: ignore[no-untyped-call]
            module, torch.zeros(1, side_px, side_px, 3, dtype=torch.uint8), check_trace=False
        )
        graph = _openvino().convert_model(traced)
    # Any batch size: measured as fast as a fixed one.
    graph.reshape([-1, side_px, side_px, 3])
    return graph


def save_graph(graph: Any, path: Path) -> None:  # noqa: ANN401  # OpenVINO ships no types
    """Write a graph as `path` (.xml) and its values beside it (.bin), as they are."""
    _openvino().save_model(graph, path, compress_to_fp16=False)


def _compiled(core: Any, graph: Any, name: str, threads: int) -> Any:  # noqa: ANN401  # OpenVINO ships no types
    """Return a request to infer."""
    properties = {
        # Said explicitly: by default OpenVINO takes bfloat16 where the CPU has it, and embeddings would differ
        # from machine to machine.
        "INFERENCE_PRECISION_HINT": _HINTS[name],
        "NUM_STREAMS": "1",
        "PERFORMANCE_HINT": "LATENCY",
        "INFERENCE_NUM_THREADS": threads,
        # Service and indexer on one machine would both pin their threads to its first cores.
        "ENABLE_CPU_PINNING": False,
    }
    return core.compile_model(graph, "CPU", properties).create_infer_request()


def _output(request: Any, pixels: UInt8Array) -> Output:  # noqa: ANN401  # OpenVINO ships no types
    outputs = request.infer([pixels])  # new arrays each time, unless share_outputs is asked for
    return Output.of([outputs[port] for port in range(len(outputs))])


def forbid_telemetry() -> None:
    """
    Keep OpenVINO, and NNCF, which belongs to it, from reporting to a statistics service.

    Their import alone does unless the user has opted out in a file in the home folder. Where the package that reports
    cannot be imported, they use a stub that sends nothing.
    """
    if _TELEMETRY not in sys.modules:
        sys.modules[_TELEMETRY] = None  # type: ignore[assignment]  # this is how an import is forbidden


def _openvino() -> Any:  # noqa: ANN401  # ships no types
    forbid_telemetry()
    # Only after telemetry is off, and only where this runtime is used.
    import openvino  # type: ignore[import-untyped]  # noqa: PLC0415

    return openvino
