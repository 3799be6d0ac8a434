"""
Which runtime executes a network: the fastest of those that the machine has and that agree with float32.

Measuring takes some seconds, so the decision is remembered; but only one that a repetition would confirm. On a machine
that has other work, one runtime is held up more than another, and a slow one would be kept for good. Therefore the
runtimes take turns, so that a burst of other work hits all of them, each counts with its fastest run, and nothing is
remembered from a busy machine or when the rounds disagree: the next start measures again.
"""

import logging
import os
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final, cast

import numpy as np

from app.core.arrays import Float32Array, UInt8Array
from app.core.errors import NetworkError, ParityFailed, RuntimeNotAvailable, WeightsCorrupt
from app.core.networks.architectures import LoadedNetwork
from app.core.networks.quantised import StoredGraph
from app.core.runtimes.base import Runtime
from app.core.runtimes.openvino_runtime import INT8, OpenVinoRuntime, OpenVinoRuntimeName, QuantisedRuntime
from app.core.runtimes.remembered import RememberedRuntimes, circumstances
from app.core.runtimes.torch_runtime import TorchRuntime, TorchRuntimeName
from app.core.settings import RuntimeChoice

LOWEST_COSINES: Final = {
    INT8: 0.992,
    "openvino-bfloat16": 0.999,
    "torch-bfloat16": 0.999,
    "openvino-float32": 0.9999,
    "torch-float32": 0.9999,
}
"""
The runtimes, expected fastest first, and the cosine with torch in float32 that each must reach on every probe.

int8 was measured on many pictures before it was accepted; what is asked of it here leaves room for a snapshot that was
built in bfloat16 to be opened in int8, which takes 0.99 between the two.
"""

_REFERENCE: Final = "torch-float32"
_ROUNDS: Final = 4
_CLEARLY_SLOWER: Final = 1.25
"""Between runs of one runtime on an idle machine there are up to 10 %; the fastest is mostly far ahead of the next."""

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Executable:
    """A network, and its int8 graph where one was accepted."""

    network: LoadedNetwork
    quantised: StoredGraph | None = None


def open_runtime(
    network: Executable, choice: RuntimeChoice, *, threads: int, probes: UInt8Array, remembered: RememberedRuntimes
) -> Runtime:
    """
    Open the runtime that was asked for, or for `auto` the fastest that agrees with float32.

    Args:
        network: Its weights are shared or copied, as the runtime needs.
        choice: From the settings.
        threads: CPU threads, for OpenVINO.
        probes: Pixels to try runtimes with, shape (n, side, side, 3).
        remembered: Earlier decisions; a new one is added.

    Raises:
        RuntimeNotAvailable: The one that was asked for does not run on this machine.
        ParityFailed: The one that was asked for differs too much from float32.
        WeightsCorrupt: The int8 graph was asked for, and its files are not those that were accepted.
    """
    key = circumstances(network.network, network.quantised, choice, threads)
    name = remembered.get(key)
    if name in LOWEST_COSINES:
        try:
            return _start(network, name, threads)
        except (RuntimeNotAvailable, WeightsCorrupt) as error:
            _log.warning("%s It was chosen before; choosing anew.", error)
    if choice == "auto":
        runtime, is_sure = _fastest(_agreeing(network, threads, probes), probes)
    else:
        runtime, is_sure = _asked_for(network, choice, threads, probes), True
    if is_sure:
        remembered.put(key, runtime.name)
    return runtime


def _asked_for(network: Executable, name: str, threads: int, probes: UInt8Array) -> Runtime:
    runtime = _start(network, name, threads)
    if name != _REFERENCE:
        _require_parity(runtime, probes, _start(network, _REFERENCE, threads).run(probes).activation)
    return runtime


def _agreeing(network: Executable, threads: int, probes: UInt8Array) -> list[Runtime]:
    """Return the runtimes that this machine has and that agree with float32; each has run once, so it is warm."""
    reference = _start(network, _REFERENCE, threads)
    expected = reference.run(probes).activation
    agreeing = [reference]
    for name in LOWEST_COSINES:
        if name == _REFERENCE or (name == INT8 and network.quantised is None):
            continue
        try:
            runtime = _start(network, name, threads)
            _require_parity(runtime, probes, expected)
        except NetworkError as error:
            _log.info("The runtime %s is left out: %s", name, error)
        else:
            agreeing.append(runtime)
    return agreeing


def _fastest(runtimes: Sequence[Runtime], probes: UInt8Array) -> tuple[Runtime, bool]:
    """Return the runtime whose fastest run is the fastest of all, and whether a repetition would find the same."""
    is_busy = os.getloadavg()[0] > (os.cpu_count() or 1)  # both of the whole machine, not of this container
    times_s = np.array([[_run_s(runtime, probes) for runtime in runtimes] for _ in range(_ROUNDS)])
    fastest_s = times_s.min(axis=0)
    best = int(fastest_s.argmin())
    for runtime, run_s in zip(runtimes, fastest_s, strict=True):
        _log.info("The runtime %s takes %.3f s for %d images.", runtime.name, run_s, len(probes))
    agree = bool((times_s[:, best] <= _CLEARLY_SLOWER * times_s.min(axis=1)).all())
    return runtimes[best], agree and not is_busy


def _run_s(runtime: Runtime, probes: UInt8Array) -> float:
    started_s = time.perf_counter()
    runtime.run(probes)
    return time.perf_counter() - started_s


def _start(network: Executable, name: str, threads: int) -> Runtime:
    with _failures_translated(name):
        if name == INT8:
            return QuantisedRuntime(_required(network).read(), threads)
        if name.startswith("torch-"):
            return TorchRuntime(network.network, cast("TorchRuntimeName", name))
        return OpenVinoRuntime(network.network, cast("OpenVinoRuntimeName", name), threads)


def _required(network: Executable) -> StoredGraph:
    if network.quantised is None:
        name = network.network.part.name
        raise RuntimeNotAvailable(
            f"There is no int8 graph of {name} with these weights that was accepted. Make one with `lookalike networks "
            f"optimise {name}`, or choose another runtime (LOOKALIKE_RUNTIME)."
        )
    return network.quantised


@contextmanager
def _failures_translated(name: str) -> Iterator[None]:
    """Turn what torch and OpenVINO raise, which is nearly anything, into RuntimeNotAvailable."""
    try:
        yield
    except NetworkError:
        raise
    except Exception as error:
        raise RuntimeNotAvailable(
            f"The runtime {name} cannot execute this network here ({type(error).__name__}); "
            "choose another with LOOKALIKE_RUNTIME."
        ) from error


def _require_parity(runtime: Runtime, probes: UInt8Array, expected: Float32Array) -> None:
    with _failures_translated(runtime.name):
        lowest = lowest_cosine(runtime.run(probes).activation, expected)
    needed = LOWEST_COSINES[runtime.name]
    if not lowest >= needed:  # so that NaN fails too
        raise ParityFailed(
            f"The runtime {runtime.name} differs too much from {_REFERENCE} for this network: cosine {lowest:.5f} on a "
            f"probe image, at least {needed} is needed. Choose another with LOOKALIKE_RUNTIME."
        )


def lowest_cosine(left: Float32Array, right: Float32Array) -> float:
    """Return the lowest cosine between rows of the same position; NaN where one is zero or not finite."""
    wide_left, wide_right = left.astype(np.float64), right.astype(np.float64)
    norms = np.linalg.norm(wide_left, axis=1) * np.linalg.norm(wide_right, axis=1)
    with np.errstate(invalid="ignore", divide="ignore"):
        return float(((wide_left * wide_right).sum(axis=1) / norms).min())
