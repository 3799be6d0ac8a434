"""OpenVINO as a runtime: float32 or bfloat16, on the CPU."""

import sys
import warnings
from typing import Any, Final, Literal

import torch

from app.core.errors import RuntimeNotAvailable
from app.core.images import UInt8Array
from app.core.networks.architectures import LoadedNetwork
from app.core.runtimes.base import Output

OpenVinoRuntimeName = Literal["openvino-float32", "openvino-bfloat16"]
_HINTS: Final = {"openvino-float32": "f32", "openvino-bfloat16": "bf16"}
_TELEMETRY: Final = "openvino_telemetry"


class OpenVinoRuntime:
    """Executes a network with OpenVINO."""

    def __init__(self, network: LoadedNetwork, name: OpenVinoRuntimeName, threads: int) -> None:
        self.name: str = name
        openvino = _openvino()
        core = openvino.Core()
        if name == "openvino-bfloat16" and "BF16" not in core.get_property("CPU", "OPTIMIZATION_CAPABILITIES"):
            raise RuntimeNotAvailable(
                "This CPU does not compute in bfloat16; choose another runtime (LOOKALIKE_RUNTIME)."
            )
        side_px = network.preprocessing.crop_px
        module = network.module(torch.float32, is_for_bfloat16=name == "openvino-bfloat16")
        with warnings.catch_warnings():
            # torch announces the end of TorchScript, on which OpenVINO's converter stands.
            warnings.simplefilter("ignore")
            # Traced here and not by the converter, which would run the network three more times to check the trace.
            traced = torch.jit.trace(  # type: ignore[no-untyped-call]
                module, torch.zeros(1, side_px, side_px, 3, dtype=torch.uint8), check_trace=False
            )
            graph = openvino.convert_model(traced)
        # Any batch size: measured as fast as a fixed one.
        graph.reshape([-1, side_px, side_px, 3])
        self._request = core.compile_model(
            graph,
            "CPU",
            {
                # Said explicitly: by default OpenVINO takes bfloat16 where the CPU has it, and embeddings would differ
                # from machine to machine.
                "INFERENCE_PRECISION_HINT": _HINTS[name],
                "NUM_STREAMS": "1",
                "PERFORMANCE_HINT": "LATENCY",
                "INFERENCE_NUM_THREADS": threads,
                # Service and indexer on one machine would both pin their threads to its first cores.
                "ENABLE_CPU_PINNING": False,
            },
        ).create_infer_request()

    def run(self, pixels: UInt8Array) -> Output:
        """Return the network's answer for RGB pixels of shape (n, side, side, 3)."""
        outputs = self._request.infer([pixels])  # new arrays each time, unless share_outputs is asked for
        return Output.of([outputs[port] for port in range(len(outputs))])


def _openvino() -> Any:  # noqa: ANN401  # ships no types
    """
    Import OpenVINO without its telemetry.

    Its import alone reports to a statistics service unless the user has opted out in a file in the home folder. Where
    that package cannot be imported, OpenVINO uses a stub that sends nothing.
    """
    if _TELEMETRY not in sys.modules:
        sys.modules[_TELEMETRY] = None  # type: ignore[assignment]  # this is how an import is forbidden
    # Only after telemetry is off, and only where this runtime is used.
    import openvino  # type: ignore[import-untyped]  # noqa: PLC0415

    return openvino
