"""Codes of pictures' regions: what they keep, where they lie, and what damage and several processes do to them."""

import hashlib
import logging
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path

import numpy as np
import pytest

from app.core.arrays import Float32Array
from app.core.regions import CELLS, VALUES, RegionCodes, principal_directions

FINGERPRINT = "ab" * 32
CHANNELS = 48
KEYS = [hashlib.sha256(bytes([number])).hexdigest() for number in range(8)]


def _regions(seed: int, count: int = 8, cells: int = CELLS) -> Float32Array:
    """Return made-up maps, non-negative as after a ReLU, that differ mostly in a few directions."""
    random = np.random.default_rng(seed)
    directions = np.abs(np.random.default_rng(1).standard_normal((6, CHANNELS)))
    strengths = np.abs(random.standard_normal((count, cells, cells, 6)))
    noise = np.abs(random.standard_normal((count, cells, cells, CHANNELS)))
    return np.asarray(strengths @ directions + 0.1 * noise, np.float32)


Opener = Callable[[Path], RegionCodes]


def _of_length_1(maps: Float32Array) -> Float32Array:
    return np.asarray(maps / np.linalg.norm(maps, axis=(1, 2), keepdims=True), np.float32)


@pytest.fixture
def opened() -> Iterator[Opener]:
    """Return how to open a folder of codes, which is closed in the end."""
    with ExitStack() as stack:
        yield lambda folder: stack.enter_context(RegionCodes(folder, FINGERPRINT))


@pytest.fixture
def codes(tmp_path: Path, opened: Opener) -> RegionCodes:
    """Codes with a basis, and without pictures."""
    codes = opened(tmp_path)
    codes.learn(_regions(0))
    return codes


def test_a_code_keeps_what_two_pictures_have_in_common(codes: RegionCodes) -> None:
    """Inner products of places, but for the length of the whole, are nearly those of the maps less what all have."""
    regions = _regions(2)
    first, second = codes.encode(regions)[:2]
    assert first is not None
    assert second is not None
    assert first.values.shape == (CELLS, CELLS, VALUES)
    assert np.linalg.norm(first.values) == pytest.approx(1)
    kept = first.values.reshape(-1, VALUES) @ second.values.reshape(-1, VALUES).T
    sample, maps = (_of_length_1(found.reshape(len(found), -1, CHANNELS)) for found in (_regions(0), regions))
    own = maps - sample.mean(axis=(0, 1))
    assert np.corrcoef(kept.ravel(), (own[0] @ own[1].T).ravel())[0, 1] > 0.98


def test_what_was_appended_is_found_by_others(codes: RegionCodes, tmp_path: Path) -> None:
    """In a process that opens the folder later, with the rounding to float16."""
    encoded = codes.encode(_regions(2))
    codes.append(KEYS, encoded)
    with RegionCodes(tmp_path, FINGERPRINT) as other:
        found = other.get(KEYS[3])
        assert KEYS[3] in other
        assert "0" * 64 not in other
        assert other.get("0" * 64) is None
    assert found is not None
    assert encoded[3] is not None
    assert found.basis_sha256 == encoded[3].basis_sha256
    assert found.values == pytest.approx(encoded[3].values, abs=1e-3)


def test_a_fine_map_is_kept_in_coarse_cells(tmp_path: Path, opened: Opener) -> None:
    """And a coarse one in its own."""
    for cells, kept in ((14, CELLS), (5, 5)):
        codes = opened(tmp_path / str(cells))
        codes.learn(_regions(0, cells=cells))
        (code, *_) = codes.encode(_regions(2, cells=cells))
        assert code is not None
        assert code.values.shape[:2] == (kept, kept)


def test_nothing_is_made_before_something_is_learned(tmp_path: Path, opened: Opener) -> None:
    """Neither by looking nor by a network without maps."""
    codes = opened(tmp_path / "data")
    codes.learn(np.zeros((4, 0, 0, 0), np.float32))
    assert codes.basis is None
    assert codes.encode(_regions(0, count=2)) == [None, None]
    assert codes.get(KEYS[0]) is None
    codes.append(KEYS[:2], [None, None])
    assert not (tmp_path / "data").exists()


def test_a_map_of_zeros_has_no_code(codes: RegionCodes) -> None:
    """There is nothing to compare, and it spoils no other picture's."""
    regions = _regions(2, count=2)
    regions[0] = 0
    encoded = codes.encode(regions)
    assert encoded[0] is None
    codes.append(KEYS[:2], encoded)
    assert [key in codes for key in KEYS[:2]] == [False, True]


def test_a_basis_is_made_once(codes: RegionCodes, tmp_path: Path, opened: Opener) -> None:
    """Other pictures do not change it, in this process or in another one."""
    first = codes.basis
    codes.learn(_regions(7))
    other = opened(tmp_path)
    other.learn(_regions(8))
    assert first is not None
    assert codes.basis is first
    assert other.basis is not None
    assert other.basis.sha256 == first.sha256


def test_of_several_that_learn_at_once_one_makes_the_basis(tmp_path: Path, opened: Opener) -> None:
    """The others take it."""

    def learn(seed: int) -> str:
        codes = opened(tmp_path)
        codes.learn(_regions(seed))
        assert codes.basis is not None
        return codes.basis.sha256

    with ThreadPoolExecutor(6) as threads:
        assert len(set(threads.map(learn, range(6)))) == 1


def test_a_basis_that_is_made_later_is_noticed(tmp_path: Path, opened: Opener) -> None:
    """A service that was started before the first codes need not be started again."""
    service, indexer = opened(tmp_path), opened(tmp_path)
    assert service.basis is None
    indexer.learn(_regions(0))
    assert service.encode(_regions(2))[0] is not None


def test_a_damaged_basis_takes_its_codes_with_it(
    codes: RegionCodes, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """They mean nothing without it: a new one begins with none, and says once what happened."""
    codes.append(KEYS, codes.encode(_regions(2)))
    (path,) = tmp_path.rglob("basis.safetensors")
    document = bytearray(path.read_bytes())
    document[-5] ^= 1
    path.write_bytes(document)
    with RegionCodes(tmp_path, FINGERPRINT) as later, caplog.at_level(logging.WARNING):
        assert later.basis is None
        assert KEYS[0] not in later
        assert len(caplog.records) == 1
        assert "lookalike reindex --full" in caplog.text
        later.learn(_regions(5))
        assert later.basis is not None
        assert KEYS[0] not in later


def test_codes_on_another_basis_are_not_kept(codes: RegionCodes, tmp_path: Path, opened: Opener) -> None:
    """They came from before somebody removed the folder."""
    other = opened(tmp_path / "other")
    other.learn(_regions(5))
    codes.append(KEYS, other.encode(_regions(2)))
    assert KEYS[0] not in codes


def test_a_folder_that_is_removed_is_begun_anew(codes: RegionCodes, tmp_path: Path) -> None:
    """Also by whoever had it open."""
    codes.append(KEYS, codes.encode(_regions(2)))
    (tmp_path / FINGERPRINT).rename(tmp_path / "gone")
    assert codes.basis is None
    codes.learn(_regions(5))
    assert codes.basis is not None
    assert KEYS[0] not in codes


@pytest.mark.parametrize("call", range(1, 12))
def test_a_kill_while_learning_leaves_a_basis_or_none(tmp_path: Path, opened: Opener, call: int) -> None:
    """Whatever step it comes before; the next one that learns makes one if there is none."""
    script = (
        "import sys; from pathlib import Path; from tests.support.faults import die_at; "
        "from app.core.regions import RegionCodes; from tests.unit.test_regions import FINGERPRINT, _regions\n"
        "die_at(int(sys.argv[2]))\n"
        "RegionCodes(Path(sys.argv[1]), FINGERPRINT).learn(_regions(0))"
    )
    command = [sys.executable, "-c", script, str(tmp_path), str(call)]
    done = subprocess.run(
        command, check=False, cwd=Path(__file__).parents[2], env={**os.environ, "OMP_NUM_THREADS": "1"}
    )
    assert done.returncode in (0, -signal.SIGKILL)
    codes = opened(tmp_path)
    assert codes.basis is not None or done.returncode != 0
    codes.learn(_regions(3))
    assert codes.basis is not None
    assert codes.encode(_regions(2))[0] is not None


def test_directions_are_those_of_the_largest_singular_values() -> None:
    """As a whole decomposition gives them."""
    rows = _regions(0).reshape(-1, CHANNELS)
    found = principal_directions(rows, 6)
    expected = np.linalg.svd(rows, full_matrices=False)[2][:6].T
    assert found.T @ found == pytest.approx(np.eye(6), abs=1e-4)
    assert np.abs((found * expected).sum(axis=0))[:3] == pytest.approx(1, abs=1e-3)
    assert np.linalg.norm(rows @ found) == pytest.approx(np.linalg.norm(rows @ expected), rel=1e-3)
