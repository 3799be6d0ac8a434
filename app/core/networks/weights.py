"""
Reading a weights file: its hash, its tensors, and what is wrong with it. Nothing in a weights file is ever executed.

Two formats: safetensors, and torch's own (zip, or the older one that torchvision's VGG files still have), loaded with
`weights_only=True`. Both must hold a plain dictionary from names to tensors.
"""

import pickle  # for the name of the error that torch's restricted unpickler raises
import warnings
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import safetensors
import safetensors.torch
import torch

from app.core.errors import WeightsCorrupt, WeightsMismatch, WeightsMissing, WeightsUnsafe
from app.core.files import sha256_of_file

State = dict[str, torch.Tensor]
_ZIP_MAGIC: Final = b"PK\x03\x04"
_PICKLE_MAGIC: Final = b"\x80"
_NAMES_SHOWN: Final = 3


@dataclass(frozen=True, slots=True)
class Weights:
    """The tensors of one file (floating-point ones in float32), the SHA-256 of the file, and what it says of itself."""

    state: State
    sha256: str
    path: Path
    metadata: Mapping[str, str] = field(default_factory=dict)


def read_weights(path: Path, *, expected_sha256: str | None = None) -> Weights:
    """
    Read the tensors of a weights file into memory.

    Args:
        path: A .pth or .safetensors file; what it is shows in its content, not in its name.
        expected_sha256: The hash that the file must have, where that is known.

    Raises:
        WeightsMissing: The file cannot be opened.
        WeightsCorrupt: The hash is another one, or the file is damaged.
        WeightsUnsafe: The file holds more than tensors, such as a call to a function.
        WeightsMismatch: The file holds no plain dictionary of tensors.
    """
    try:
        sha256 = sha256_of_file(path)
        with path.open("rb") as file:
            head = file.read(9)
    except OSError as error:
        raise WeightsMissing(f"The weights file {path} cannot be read ({error.strerror}).") from error
    if expected_sha256 is not None and sha256 != expected_sha256:
        raise WeightsCorrupt(
            f"The weights file {path} is not the one that was recorded: its SHA-256 is {sha256[:12]}…, expected was "
            f"{expected_sha256[:12]}…. Put the recorded file back, or rebuild the index with this one."
        )
    # torch's own reader ignores the check sums of its zip files; a known hash says the same and more.
    if expected_sha256 is None and head.startswith(_ZIP_MAGIC) and not _checksums_agree(path):
        raise _corrupt(path)
    if head[8:] == b"{":
        state, metadata = _read_safetensors(path)
        return Weights(_in_float32(state, path), sha256, path, metadata)
    return Weights(_in_float32(_read_torch(path, head), path), sha256, path)


def read_header(path: Path, tensor: str) -> tuple[dict[str, str], tuple[int, ...]]:
    """
    Return what a .safetensors file says of itself, and the shape of one of its tensors, without reading any.

    Raises:
        WeightsCorrupt: The file is damaged, is none, or has no such tensor.
    """
    try:
        with safetensors.safe_open(path, framework="pt") as file:
            return file.metadata() or {}, tuple(file.get_slice(tensor).get_shape())
    except Exception as error:  # as for torch's format
        raise _corrupt(path) from error


def _corrupt(path: Path) -> WeightsCorrupt:
    return WeightsCorrupt(f"The weights file {path} is truncated, damaged, or no weights file; get it again.")


def _read_safetensors(path: Path) -> tuple[object, dict[str, str]]:
    try:
        state = safetensors.torch.load_file(path)
        with safetensors.safe_open(path, framework="pt") as file:
            metadata = file.metadata() or {}
    except Exception as error:
        raise _corrupt(path) from error
    # The tensors are memory-mapped: one that is truncated in place later would end the process with SIGBUS.
    return {name: tensor.clone() for name, tensor in state.items()}, metadata


def _read_torch(path: Path, head: bytes) -> object:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # about pickle protocols; the answer below says all there is to say
            return torch.load(path, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        if head.startswith((_ZIP_MAGIC, _PICKLE_MAGIC)) or "GLOBAL" in str(error):
            raise WeightsUnsafe(
                f"The weights file {path} was not loaded: it holds more than tensors and could run code. "
                "Get the weights from a source that you trust, as .safetensors if possible."
            ) from error
        raise _corrupt(path) from error
    except Exception as error:  # damaged files make torch raise nearly anything: UnicodeDecodeError, IndexError, …
        raise _corrupt(path) from error


def _checksums_agree(path: Path) -> bool:
    """Compare the check sums inside a zip file."""
    try:
        with zipfile.ZipFile(path) as archive:
            return archive.testzip() is None
    except Exception:  # noqa: BLE001  # damaged files make zipfile raise nearly anything, EOFError among others
        return False


def _in_float32(state: object, path: Path) -> State:
    if not isinstance(state, dict) or not state or not all(isinstance(value, torch.Tensor) for value in state.values()):
        raise WeightsMismatch(
            f"The weights file {path} holds no plain dictionary of tensors (a state dict); save it with "
            "torch.save(network.state_dict(), …) or as .safetensors."
        )
    return {str(name): tensor.float() if tensor.is_floating_point() else tensor for name, tensor in state.items()}


def require_same_shapes(state: State, expected: Mapping[str, torch.Tensor], network: str, path: Path) -> None:
    """
    Check that a state has exactly the tensors that an architecture has.

    Raises:
        WeightsMismatch: Some are missing, too many, or of another shape; the message names a few.
    """
    missing = [name for name in expected if name not in state]
    surplus = [name for name in state if name not in expected]
    reshaped = [
        f"{name} {tuple(state[name].shape)} instead of {tuple(tensor.shape)}"
        for name, tensor in expected.items()
        if name in state and state[name].shape != tensor.shape
    ]
    differences = [
        f"{len(names)} {what} ({', '.join(names[:_NAMES_SHOWN])}{', …' if len(names) > _NAMES_SHOWN else ''})"
        for names, what in ((missing, "missing"), (surplus, "too many"), (reshaped, "of another shape"))
        if names
    ]
    if differences:
        raise WeightsMismatch(
            f"The weights file {path} belongs to another network than {network}; tensors: {'; '.join(differences)}."
        )
