"""Weights files: whole, damaged, of another network, and hostile."""

import hashlib
import io
import os
import pickle
from pathlib import Path

import pytest
import safetensors.torch
import torch

from app.core.errors import NetworkError, WeightsCorrupt, WeightsMismatch, WeightsMissing, WeightsUnsafe
from app.core.networks.architectures import load_network
from app.core.networks.names import parse_network
from app.core.networks.sources import find_weights, open_weights, require_weights
from app.core.networks.weights import read_weights
from app.core.settings import Settings

STATE = {"layer.weight": torch.arange(6.0).reshape(2, 3), "layer.bias": torch.ones(2), "steps": torch.tensor(5)}
(LITE0,) = parse_network("efficientnet_lite0")
(VGG16,) = parse_network("vgg16")


class Hostile:
    """Makes a folder when it is unpickled."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def __reduce__(self) -> tuple[object, tuple[str]]:
        return os.mkdir, (str(self._folder),)


def _saved(state: object, *, is_zip: bool = True) -> bytes:
    output = io.BytesIO()
    torch.save(state, output, _use_new_zipfile_serialization=is_zip)
    return output.getvalue()


FORMATS = {
    "zip": _saved(STATE),
    "older": _saved(STATE, is_zip=False),
    "safetensors": safetensors.torch.save(STATE),
}
formats = pytest.mark.parametrize("data", FORMATS.values(), ids=FORMATS.keys())


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Where a weights file is written; its name does not tell its format."""
    return tmp_path / "weights.bin"


@formats
def test_every_format_gives_its_tensors_and_hash(path: Path, data: bytes) -> None:
    """What a file is shows in its content."""
    path.write_bytes(data)
    weights = read_weights(path)
    assert weights.sha256 == hashlib.sha256(data).hexdigest()
    assert {name: tensor.tolist() for name, tensor in weights.state.items()} == {
        name: tensor.tolist() for name, tensor in STATE.items()
    }


def test_half_precision_becomes_float32(path: Path) -> None:
    """Whole numbers stay whole numbers."""
    path.write_bytes(safetensors.torch.save({"weight": torch.ones(2).half(), "steps": torch.tensor(5)}))
    state = read_weights(path).state
    assert (state["weight"].dtype, state["steps"].dtype) == (torch.float32, torch.int64)


def test_changing_the_file_later_does_not_reach_loaded_tensors(path: Path) -> None:
    """Memory-mapped tensors would change, or end the process when the file is truncated."""
    path.write_bytes(FORMATS["safetensors"])
    state = read_weights(path).state
    path.write_bytes(b"")
    assert state["layer.weight"].tolist() == STATE["layer.weight"].tolist()


@formats
@pytest.mark.parametrize("share", [0.0, 0.01, 0.5, 0.99])
def test_a_truncated_file_is_refused(path: Path, data: bytes, share: float) -> None:
    """Wherever it breaks off, the error is one of ours and says what to do."""
    path.write_bytes(data[: int(len(data) * share)])
    with pytest.raises((WeightsCorrupt, WeightsUnsafe), match="weights file"):
        read_weights(path)


def test_one_flipped_bit_is_noticed_without_a_known_hash(path: Path) -> None:
    """Torch's zip files carry check sums, which torch itself does not compare."""
    data = bytearray(_saved({"weight": torch.zeros(5000)}))
    data[data.index(bytes(1000)) + 500] ^= 1
    path.write_bytes(data)
    with pytest.raises(WeightsCorrupt):
        read_weights(path)


@formats
def test_every_damage_ends_in_an_error_of_ours_or_in_tensors(path: Path, data: bytes) -> None:
    """Flipped bits make torch raise nearly anything; none of that gets out."""
    for position in range(0, len(data), 7):
        damaged = bytearray(data)
        damaged[position] ^= 1 << position % 8
        path.write_bytes(damaged)
        try:
            read_weights(path)
        except NetworkError as error:
            assert str(path) in error.message  # noqa: PT017  # not every damage is an error


@formats
def test_another_file_than_the_recorded_one_is_refused(path: Path, data: bytes) -> None:
    """The hash decides before anything is read."""
    path.write_bytes(data)
    with pytest.raises(WeightsCorrupt, match="not the one that was recorded"):
        read_weights(path, expected_sha256="0" * 64)


@pytest.mark.parametrize("is_zip", [True, False], ids=["zip", "older"])
def test_a_hostile_checkpoint_is_not_executed(path: Path, tmp_path: Path, *, is_zip: bool) -> None:
    """A pickle that would run code is refused by name, and its code does not run."""
    path.write_bytes(_saved({**STATE, "extra": Hostile(tmp_path / "made")}, is_zip=is_zip))
    with pytest.raises(WeightsUnsafe, match="could run code"):
        read_weights(path)
    assert not (tmp_path / "made").exists()


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_a_hostile_pickle_is_not_executed(path: Path, tmp_path: Path, protocol: int) -> None:
    """The same for a bare pickle of any protocol."""
    path.write_bytes(pickle.dumps(Hostile(tmp_path / "made"), protocol=protocol))
    with pytest.raises(WeightsUnsafe):
        read_weights(path)
    assert not (tmp_path / "made").exists()


@pytest.mark.parametrize("content", [b"<html>Sign in to the network</html>", b"\x89PNG\r\n\x1a\n", b"x" * 100])
def test_something_else_is_refused(path: Path, content: bytes) -> None:
    """The sign-in page of a hotel is no weights file."""
    path.write_bytes(content)
    with pytest.raises(WeightsCorrupt):
        read_weights(path)


@pytest.mark.parametrize("state", [{}, [torch.ones(1)], {"state_dict": {"a": torch.ones(1)}}, {"epoch": 3}])
def test_a_checkpoint_of_another_kind_is_refused(path: Path, state: object) -> None:
    """A plain dictionary of tensors is asked for."""
    path.write_bytes(_saved(state))
    with pytest.raises(WeightsMismatch, match="state dict"):
        read_weights(path)


def test_weights_of_another_network_are_refused(path: Path) -> None:
    """The message names the network, and a few of the tensors that differ."""
    path.write_bytes(FORMATS["zip"])
    settings = Settings(vgg16_weights=path)
    with pytest.raises(WeightsMismatch, match=r"than vgg16; .*32 missing \(features\.0\.weight.*3 too many") as caught:
        load_network(VGG16, open_weights(VGG16, settings, recorded_sha256=None))
    assert len(caught.value.message) < 500


def test_weights_of_another_shape_are_refused(path: Path) -> None:
    """Equal names are not enough."""
    state = dict(read_weights(_lite0_path()).state)
    name = next(iter(state))
    state[name] = state[name][:1].contiguous()
    torch.save(state, path)
    with pytest.raises(WeightsMismatch, match="1 of another shape"):
        load_network(LITE0, read_weights(path))


@pytest.mark.parametrize("change", ["one-less", "one-more"])
def test_weights_that_are_matched_by_position_must_be_as_many(change: str, path: Path) -> None:
    """EfficientNet-Lite0's tensors have other names in its package than in timm."""
    state = dict(read_weights(_lite0_path()).state)
    if change == "one-less":
        state.popitem()
    else:
        state["surplus"] = torch.ones(1)
    torch.save(state, path)
    with pytest.raises(WeightsMismatch):
        load_network(LITE0, read_weights(path))


def test_the_weights_of_the_package_are_the_pinned_ones() -> None:
    """They are found without any folder, and their hash is checked."""
    weights = open_weights(LITE0, Settings(), recorded_sha256=None)
    assert weights.sha256 == "579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db"
    with pytest.raises(WeightsCorrupt, match="lookalike index"):
        open_weights(LITE0, Settings(), recorded_sha256="0" * 64)


@pytest.mark.parametrize("name", ["vgg16-397923af.pth", "vgg16.pth", "vgg16.safetensors"])
def test_weights_are_found_in_their_folder(tmp_path: Path, name: str) -> None:
    """Under torchvision's own name, or under the network's."""
    (tmp_path / name).touch()
    assert find_weights(VGG16, Settings(weights_dir=tmp_path)) == tmp_path / name


def test_the_setting_comes_before_the_folder(tmp_path: Path, path: Path) -> None:
    """A file that is named is the one that is used."""
    path.touch()
    (tmp_path / "vgg16.pth").touch()
    assert find_weights(VGG16, Settings(weights_dir=tmp_path, vgg16_weights=path)) == path


def test_missing_weights_are_told_with_the_ways_to_get_them(tmp_path: Path) -> None:
    """The command, the folder and the setting."""
    with pytest.raises(WeightsMissing, match=r"lookalike networks fetch vgg16.*vgg16\.pth.*LOOKALIKE_VGG16_WEIGHTS"):
        require_weights(VGG16, Settings(weights_dir=tmp_path))


def test_a_named_file_that_is_not_there_is_told(tmp_path: Path) -> None:
    """A misspelt path is no reason to use another network silently."""
    with pytest.raises(WeightsMissing, match=r"nowhere\.pth.*LOOKALIKE_VGG16_WEIGHTS"):
        find_weights(VGG16, Settings(weights_dir=tmp_path, vgg16_weights=tmp_path / "nowhere.pth"))


@pytest.mark.parametrize("name", ["vgg16_weights", "weights_dir"])
def test_a_place_that_cannot_be_looked_into_is_told(tmp_path: Path, name: str) -> None:
    """A name that no disk can hold stands for a folder without rights too, which nothing refuses to root."""
    place = tmp_path / ("x" * 300)
    with pytest.raises(WeightsMissing, match=r"x{300}"):
        require_weights(VGG16, Settings.model_validate({name: place}))


def _lite0_path() -> Path:
    return require_weights(LITE0, Settings())
