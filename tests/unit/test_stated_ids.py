"""Which ids a source states, however many they are."""

import random
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from app.core.errors import DataDirNotWritable, DiskFull
from indexer.stated_ids import StatedIds
from tests.support.sources import REPOSITORY


@pytest.fixture
def ids(tmp_path: Path) -> Iterator[StatedIds]:
    """No ids yet."""
    with StatedIds.open(tmp_path) as ids:
        yield ids


def test_only_the_first_product_of_an_id_counts(ids: StatedIds) -> None:
    """In the first reading and in the second one, which begins anew."""
    assert [ids.state_product(name) for name in "abab"] == [True, True, False, False]
    assert [ids.take(name) for name in "baab"] == [True, True, False, False]


def test_a_refused_row_states_its_id_and_is_no_product(ids: StatedIds) -> None:
    """Whether it comes before a product of that id or after it, the product counts."""
    ids.state("refused")
    ids.state("before")
    assert ids.state_product("before")
    assert ids.state_product("after")
    ids.state("after")
    assert not ids.state_product("after")
    assert list(ids.unstated(["after", "before", "refused", "other"])) == ["other"]


def test_what_is_not_stated_comes_in_the_order_in_which_it_was_asked_for(ids: StatedIds) -> None:
    """Also over more ids than one statement takes, and with ids that no JSON could hold as they are."""
    names = [f"p{number}" for number in range(2_500)] + ['"', "\\", "é", "it's"]
    random.Random(3).shuffle(names)
    for name in names[::3]:
        ids.state_product(name)
    assert list(ids.unstated(names)) == [name for place, name in enumerate(names) if place % 3]
    assert list(ids.unstated([])) == []


def test_nothing_is_left_behind_and_what_a_crash_left_is_not_read(tmp_path: Path) -> None:
    """The scratch file goes with its block; one that is there is replaced, whatever is in it."""
    (tmp_path / "stated-ids.tmp").write_bytes(b"half a database")
    with StatedIds.open(tmp_path) as ids:
        ids.state("a")
        assert list(ids.unstated(["a", "b"])) == ["b"]
    assert list(tmp_path.iterdir()) == []


def test_a_disk_that_fills_up_is_told_by_its_name(tmp_path: Path) -> None:
    """Not as an error of the catalogue's database, nor as one that nobody foresaw."""

    def fill() -> None:
        with StatedIds.open(tmp_path) as ids:
            ids._connection.execute("PRAGMA max_page_count = 20")
            for number in range(100_000):
                ids.state(f"product-{number}")

    with pytest.raises(DiskFull):
        fill()
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_is_gone_is_told_by_its_name(tmp_path: Path) -> None:
    """As the data folder that it is."""
    with pytest.raises(DataDirNotWritable, match="LOOKALIKE_DATA_DIR") as raised, StatedIds.open(tmp_path / "gone"):
        pass
    assert isinstance(raised.value.__cause__, sqlite3.Error)


_STATE_MANY = """
import re, sys
from pathlib import Path
from indexer.stated_ids import StatedIds

def peak_kib():
    return int(re.search(r"VmHWM:\\s*([0-9]+)", Path("/proc/self/status").read_text())[1])

count = 300_000
with StatedIds.open(Path(sys.argv[1])) as ids:
    for number in range(10_000):
        ids.state_product(f"product-{number:07d}")
    assert sum(1 for _ in ids.unstated(f"product-{number:07d}" for number in range(20_000))) == 10_000
    before_kib = peak_kib()
    for number in range(count):
        ids.state_product(f"product-{number:07d}")
    for number in range(count):
        ids.take(f"product-{number:07d}")
    unstated = sum(1 for _ in ids.unstated(f"product-{number:07d}" for number in range(0, 2 * count, 2)))
print(unstated, peak_kib() - before_kib)
"""


def test_hundreds_of_thousands_of_ids_take_no_more_memory_than_ten_thousand(tmp_path: Path) -> None:
    """Measured in a process of its own, in which nothing else allocates."""
    done = subprocess.run(
        [sys.executable, "-c", _STATE_MANY, str(tmp_path)], cwd=REPOSITORY, capture_output=True, text=True, check=True
    )
    unstated, grown_kib = map(int, done.stdout.split())
    assert unstated == 150_000
    assert grown_kib < 4 * 1024  # as Python text, 300,000 ids take 20 MiB
