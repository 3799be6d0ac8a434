"""The table finds for every key the rows of the records that were added, whatever was sorted in when."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.core import key_table
from app.core.key_table import RECORD_BYTES, KeyTable

# Few keys, so that they repeat; and such as differ only behind the part that the table keeps.
KEYS = [bytes([first] * 8 + [second] * 24) for first in (0, 1, 128, 255) for second in (0, 255)]


def records(keys: list[bytes]) -> bytes:
    """Return the records of some keys."""
    return b"".join(key + b"crc!" for key in keys)


@given(
    batches=st.lists(st.lists(st.sampled_from(KEYS), max_size=6), max_size=8),
    unsorted=st.integers(0, 8),
    torn_bytes=st.integers(0, RECORD_BYTES - 1),
)
def test_every_row_is_found_by_its_key(batches: list[list[bytes]], unsorted: int, torn_bytes: int) -> None:
    """The newest row of a key comes before its others, and rows of other keys may be among them."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(key_table, "UNSORTED_RECORDS", unsorted)
        table = KeyTable()
        for batch in batches:
            table.extend(records(batch) + bytes(torn_bytes))
    added = [key for batch in batches for key in batch]
    assert len(table) == len(added)
    for key in KEYS:
        found = [row for row in table.rows(key) if added[row] == key]
        newest = [row for row, other in enumerate(added) if other == key][::-1]
        assert found[:1] == newest[:1]
        assert set(found) <= set(newest)
        assert all(added[row][:8] == key[:8] for row in table.rows(key))


def test_all_rows_of_a_key_are_found_once_they_are_sorted(monkeypatch: pytest.MonkeyPatch) -> None:
    """Newest first, in case that one is damaged."""
    monkeypatch.setattr(key_table, "UNSORTED_RECORDS", 0)
    table = KeyTable()
    table.extend(records([KEYS[0], KEYS[3], KEYS[0]]))
    table.extend(records([KEYS[0]]))
    assert list(table.rows(KEYS[0])) == [3, 2, 0]
    assert list(table.rows(KEYS[3])) == [1]
    assert list(table.rows(KEYS[5])) == []
