"""Maps of several networks on one grid."""

import numpy as np
import pytest

from app.core.arrays import Float32Array
from app.core.joined_regions import joined_regions, resampled
from app.core.preprocessing import Preprocessing


def _seeing(resize_px: int, crop_px: int) -> Preprocessing:
    return Preprocessing(resize_px, crop_px, "bilinear", (0.5, 0.5, 0.5), (0.5, 0.5, 0.5))


def _map(*rows: list[float]) -> Float32Array:
    """Return one map of one channel."""
    return np.array(rows, np.float32)[np.newaxis, :, :, np.newaxis]


def test_a_finer_map_is_averaged_into_coarser_cells() -> None:
    """By the area that they share, also where borders of cells do not meet."""
    fine = _map([3.0, 3.0, 0.0], [3.0, 3.0, 0.0], [0.0, 0.0, 0.0])
    assert resampled(fine, 2)[0, :, :, 0] == pytest.approx(np.array([[3.0, 1.0], [1.0, 1 / 3]]))


def test_a_map_of_the_same_cells_is_left_alone() -> None:
    """It is not even copied."""
    regions = np.ones((1, 7, 7, 3), np.float32)
    assert resampled(regions, 7) is regions


def test_cells_that_a_network_does_not_see_are_zero() -> None:
    """The new square is twice as wide, about the same centre: half of each old cell's side."""
    wide = resampled(_map([1.0, 2.0], [3.0, 4.0]), 4, span=2.0)[0, :, :, 0]
    assert wide == pytest.approx(np.pad([[1.0, 2.0], [3.0, 4.0]], 1))


def test_each_network_has_the_length_of_its_share() -> None:
    """So that a cell's contribution adds up as the scores of the networks do."""
    first, second = np.full((1, 2, 2, 4), 7.0, np.float32), np.full((1, 4, 4, 9), 0.01, np.float32)
    joined = joined_regions([first, second], [_seeing(8, 7)] * 2, [0.7, 0.3])
    mean = joined.mean(axis=(1, 2))[0].astype(np.float64)
    assert joined.shape == (1, 2, 2, 13)
    assert np.square(mean[:4]).sum() == pytest.approx(0.7)
    assert np.square(mean[4:]).sum() == pytest.approx(0.3)


def test_networks_that_see_different_parts_are_laid_over_each_other() -> None:
    """The one that sees the inner half has nothing to say of the border."""
    inner, whole = np.ones((1, 4, 4, 1), np.float32), np.ones((1, 4, 4, 1), np.float32)
    joined = joined_regions([inner, whole], [_seeing(8, 4), _seeing(8, 8)])
    assert (joined[0, :, :, 0] > 0).tolist() == np.pad(np.ones((2, 2), np.bool_), 1).tolist()
    assert (joined[0, :, :, 1] > 0).all()


def test_a_network_without_a_map_is_left_out() -> None:
    """And where none has one there is none."""
    none, some = np.zeros((1, 0, 0, 0), np.float32), np.ones((1, 2, 2, 3), np.float32)
    assert joined_regions([none, some], [_seeing(8, 8)] * 2).shape == (1, 2, 2, 3)
    assert joined_regions([none, none], [_seeing(8, 8)] * 2).shape == (1, 0, 0, 0)


def test_a_map_of_zeros_stays_one() -> None:
    """It has no length to scale."""
    joined = joined_regions([np.zeros((1, 2, 2, 3), np.float32)] * 2, [_seeing(8, 8)] * 2)
    assert not joined.any()
