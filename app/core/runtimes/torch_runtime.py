"""torch as a runtime: float32 or bfloat16, channels-last, on the GPU where there is one."""

from typing import Final, Literal

import torch

from app.core.errors import RuntimeNotAvailable
from app.core.images import UInt8Array
from app.core.networks.architectures import LoadedNetwork
from app.core.runtimes.base import Output

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

    def run(self, pixels: UInt8Array) -> Output:
        """Return the network's answer for RGB pixels of shape (n, side, side, 3)."""
        with torch.inference_mode():
            outputs = self._module(torch.from_numpy(pixels).to(self._device))
            return Output.of([output.cpu().numpy() for output in outputs])


def _cpu_has_bfloat16() -> bool:
    """Say whether torch's kernels for bfloat16 run on this CPU (AVX-512 or AMX); others are 10 to 500 times slower."""
    return bool(torch.ops.mkldnn._is_mkldnn_bf16_supported())  # noqa: SLF001  # torch has no public name for it
