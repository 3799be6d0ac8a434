"""The store of signatures."""

from pathlib import Path

import numpy as np

from app.core.signature import SIGNATURE_SIZE
from app.core.signature_store import SignatureStore

RED, BLUE, GREEN = ("1" * 64, "2" * 64, "3" * 64)


def test_signatures_come_back_as_they_were(tmp_path: Path) -> None:
    """Every value, dark pictures and bright ones, also in another process that opens the folder."""
    rng = np.random.default_rng(1)
    signatures = [
        rng.integers(0, 256, SIGNATURE_SIZE, np.uint8),
        np.zeros(SIGNATURE_SIZE, np.uint8),
        np.full(SIGNATURE_SIZE, 255, np.uint8),
    ]
    with SignatureStore(tmp_path) as store:
        store.append([RED, BLUE, GREEN], signatures)
    with SignatureStore(tmp_path) as store:
        known, found = store.get([GREEN, RED, BLUE])
    assert known.all()
    assert np.array_equal(found, [signatures[2], signatures[0], signatures[1]])


def test_an_image_without_a_signature_is_said_to_have_none(tmp_path: Path) -> None:
    """As one that an earlier version embedded; the others are found."""
    with SignatureStore(tmp_path) as store:
        store.append([], [])
        store.append([RED], [np.full(SIGNATURE_SIZE, 7, np.uint8)])
        known, found = store.get([BLUE, RED])
    assert known.tolist() == [False, True]
    assert found[1].tolist() == [7] * SIGNATURE_SIZE
