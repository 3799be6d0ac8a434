"""A feed of any length is read in the same memory, measured in a process of its own."""

import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tests.support.sources import REPOSITORY

FEW, MANY = 10_000, 100_000
VERY_MANY = 300_000
MAY_GROW_KIB = 6 * 1024  # 60 bytes a product that are not given back would be as much

_READ = """
import re, sys
from pathlib import Path
from app.core.errors import IndexingFailed
from indexer.sources import open_source
count, message = 0, ""
try:
    for _ in open_source(sys.argv[1]).products():
        count += 1
except IndexingFailed as error:
    message = error.slug
# Not ru_maxrss, which begins with what the process had that started this one.
peak_kib = re.search(r"VmHWM:\\s*([0-9]+)", Path("/proc/self/status").read_text())[1]
print(count, peak_kib, message)
"""


def _read(path: Path) -> tuple[int, int, str]:
    """Return how many products and refused rows a feed has, the peak of the memory in KiB, and the error's slug."""
    done = subprocess.run(
        [sys.executable, "-c", _READ, str(path)], cwd=REPOSITORY, capture_output=True, text=True, check=True
    )
    count, peak_kib, *slug = done.stdout.split()
    return int(count), int(peak_kib), " ".join(slug)


def _csv(count: int) -> Iterator[str]:
    yield "id,title,price,product_type,image_link,colour\n"
    for number in range(count):
        yield f"p{number},Mug {number},{number % 100}.50 EUR,Mugs,https://i.example/{number}.jpg,blue\n"


def _json_lines(count: int) -> Iterator[str]:
    for number in range(count):
        yield f'{{"id": "p{number}", "title": "Mug", "image": "https://i.example/{number}.jpg", "new": {{"a": 1}}}}\n'


def _rss(count: int) -> Iterator[str]:
    yield '<rss xmlns:g="http://base.google.com/ns/1.0"><channel>'
    for number in range(count):
        yield (
            f"<link/><item><g:id>p{number}</g:id><title>Mug</title>\n"
            f"<g:image_link>https://i.example/{number}.jpg</g:image_link></item>\n"
        )
    yield "</channel></rss>"


def _shopify(count: int) -> Iterator[str]:
    yield "Handle,Title,Option1 Name,Option1 Value,Variant Price,Image Src,Image Position\n"
    for number in range(count):
        yield f"p{number},Mug,Size,S,9.90,https://i.example/{number}.jpg,1\np{number},,,M,9.90,,\n"


def _one_product(count: int) -> Iterator[str]:
    yield "id,image,colour\n"
    for number in range(count):
        yield f"1,https://i.example/{number}.jpg,colour {number}\n"


@pytest.mark.parametrize(
    ("rows", "many", "products"),
    [
        (_csv, VERY_MANY, VERY_MANY),
        (_json_lines, MANY, MANY),
        (_rss, MANY, MANY),
        (_shopify, MANY // 2, MANY // 2),
        (_one_product, MANY, 1),
    ],
)
def test_memory_does_not_grow_with_a_feed(
    tmp_path: Path, rows: Callable[[int], Iterator[str]], many: int, products: int
) -> None:
    """Ten to thirty times as many rows take no more memory."""
    peaks_kib = []
    for count in (FEW, many):
        with (tmp_path / "feed").open("w") as file:
            file.writelines(rows(count))
        found, peak_kib, slug = _read(tmp_path / "feed")
        assert (found, slug) == (min(count, products), "")
        peaks_kib.append(peak_kib)

    assert peaks_kib[1] - peaks_kib[0] < MAY_GROW_KIB


def test_memory_does_not_grow_with_a_parquet_file(tmp_path: Path) -> None:
    """Of row groups of one size, it is no matter how many there are."""
    peaks_kib = []
    for count in (FEW, MANY):
        path = tmp_path / "feed.parquet"
        schema = pa.schema({"id": pa.string(), "title": pa.string(), "image": pa.string()})
        with pq.ParquetWriter(path, schema) as writer:
            for first in range(0, count, FEW):
                numbers = range(first, first + FEW)
                writer.write_table(
                    pa.table(
                        {
                            "id": [f"p{number}" for number in numbers],
                            "title": ["Mug"] * FEW,
                            "image": [f"https://i.example/{number}.jpg" for number in numbers],
                        }
                    )
                )
        found, peak_kib, slug = _read(path)
        assert (found, slug) == (count, "")
        peaks_kib.append(peak_kib)

    assert peaks_kib[1] - peaks_kib[0] < MAY_GROW_KIB


@pytest.mark.parametrize(
    ("before", "endless", "after", "found", "slug"),
    [
        ("id,image\n", "x", "\n2,https://i.example/a.jpg\n", 0, "source-invalid"),
        ("id,image\n1,https://i.example/a.jpg\n", '"x\n', "", 0, "source-invalid"),
        ('{"id": "1", "image": "https://i.example/a.jpg"}\n', "x", '\n{"id": "2", "image": "a.jpg"}\n', 3, ""),
        ('<rss><channel><item><title a="', "x", "", 0, "source-invalid"),
    ],
    ids=["csv-line", "csv-quotes", "json-line", "xml-text"],
)
def test_a_hundred_megabytes_without_an_end_are_not_held(
    tmp_path: Path, before: str, endless: str, after: str, found: int, slug: str
) -> None:
    """A line, a quoted cell or an element that goes on and on ends the reading, or is passed over."""
    (tmp_path / "small").write_text("id,image\n1,https://i.example/a.jpg\n")
    with (tmp_path / "feed").open("w") as file:
        file.write(before)
        for _ in range(100):
            file.write(endless * (1024 * 1024 // len(endless)))
        file.write(after)

    count, peak_kib, error = _read(tmp_path / "feed")

    assert (count, error) == (found, slug)
    assert peak_kib - _read(tmp_path / "small")[1] < 4 * MAY_GROW_KIB
