"""torch as a runtime: float32 or bfloat16, channels-last, on the GPU where there is one."""

from typing import Final, Literal

import torch

from app.core.arrays import UInt8Array
from app.core.errors import RuntimeNotAvailable
from app.core.networks.architectures import LoadedNetwork
from app.core.runtimes.base import CPU_BATCH_SIZE, Output

GPU_BATCH_SIZE: Final = 256
_PIECE: Final = 64
"""Images of a batch that are copied to a GPU while it computes those before them."""

TorchRuntimeName = Literal["torch-float32", "torch-bfloat16"]
_DTYPES: Final = {"torch-float32": torch.float32, "torch-bfloat16": torch.bfloat16}


class TorchRuntime:
    """Executes a network with torch."""

    def __init__(self, network: LoadedNetwork, name: TorchRuntimeName) -> None:
        self.name: str = name
        self._device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
        if name == "torch-bfloat16" and self._device.type == "cpu" and not _cpu_has_bfloat16():
            raise RuntimeNotAvailable(
                "This CPU does not compute in bfloat16, where torch would be far slower than in float32; "
                "choose another runtime (LOOKALIKE_RUNTIME)."
            )
        module = network.module(_DTYPES[name], is_for_bfloat16=name == "torch-bfloat16")
        self._module = module.to(self._device)
        # Worth a factor of two to three for bfloat16 convolutions on CPUs.
        self._module.to(memory_format=torch.channels_last)  # type: ignore[call-overload]  # missing in torch's stubs
        is_gpu = self._device.type == "cuda"
        self.batch_size = GPU_BATCH_SIZE if is_gpu else CPU_BATCH_SIZE
        self._copying = torch.cuda.Stream() if is_gpu else None  # type: ignore[no-untyped-call]

    def run(self, pixels: UInt8Array) -> Output:
        """Return the network's answer for RGB pixels of shape (n, side, side, 3)."""
        with torch.inference_mode():
            pieces = [
                # To a CPU without waiting, torch copies into pinned memory: nothing here waits for a GPU but the end.
                [output.to("cpu", non_blocking=True) for output in self._module(self._on_device(piece))]
                for piece in torch.split(torch.from_numpy(pixels), _PIECE)
            ]
            if self._copying is not None:
                torch.cuda.synchronize()
            return Output.of([torch.cat(outputs).numpy() for outputs in zip(*pieces, strict=True)])

    def _on_device(self, piece: torch.Tensor) -> torch.Tensor:
        """Bring pixels to where the network is; to a GPU while it computes the piece before, on a stream of its own."""
        if self._copying is None:
            return piece
        with torch.cuda.stream(self._copying):
            copied = piece.pin_memory().to(self._device, non_blocking=True)
        computing = torch.cuda.current_stream()
        computing.wait_stream(self._copying)
        copied.record_stream(computing)
        return copied


def _cpu_has_bfloat16() -> bool:
    """Say whether torch's kernels for bfloat16 run on this CPU (AVX-512 or AMX); others are 10 to 500 times slower."""
    return bool(torch.ops.mkldnn._is_mkldnn_bf16_supported())  # noqa: SLF001  # torch has no public name for it
