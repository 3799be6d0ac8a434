"""Parquet, read with pyarrow batch by batch; an optional part of the installation."""

import shutil
import tempfile
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from app.core.errors import SourceInvalid
from indexer.sources.feed_file import GZIP_MAGIC, FeedFile
from indexer.sources.records import Row, shown

_ROWS_AT_ONCE = 1_000
_BUFFER_BYTES = 1024 * 1024  # read a column in pieces: a whole row group may be as large as the file


def count_rows(feed: FeedFile) -> int:
    """Return the number of rows that the file says it has."""
    with _opened(feed) as parquet:
        return int(parquet.metadata.num_rows)


def read_parquet(feed: FeedFile) -> Iterator[Row]:
    """
    Yield the rows, from 1.

    Raises:
        SourceInvalid: The file is damaged, or pyarrow is not installed.
    """
    with _opened(feed) as parquet:
        number = 0
        for batch in parquet.iter_batches(_ROWS_AT_ONCE, use_threads=False):
            names = batch.schema.names
            columns = [_values(column) for column in batch.columns]
            for values in zip(*columns, strict=True):
                number += 1
                yield Row(number, dict(zip(names, values, strict=True)))


@contextmanager
def _opened(feed: FeedFile) -> Iterator[Any]:
    try:
        import pyarrow as pa  # noqa: PLC0415  # optional, and 170 MB
        import pyarrow.parquet as pq  # noqa: PLC0415
    except ModuleNotFoundError as error:
        raise SourceInvalid(
            f"{feed.name} is Parquet, which needs pyarrow; run pip install '.[parquet]' in the folder of Lookalike"
        ) from error
    try:
        with (
            _seekable(feed) as file,
            pq.ParquetFile(
                file, buffer_size=_BUFFER_BYTES, pre_buffer=False, page_checksum_verification=True
            ) as parquet,
        ):
            names = parquet.schema_arrow.names
            if len(set(names)) < len(names):
                twice = Counter(names).most_common(1)[0][0]
                raise feed.invalid(f"has several columns named {shown(twice)}.")
            yield parquet
    except (pa.ArrowException, OSError, ValueError, OverflowError) as error:  # the latter from values no Python has
        raise feed.invalid(f"is damaged or no Parquet: {error}") from error


@contextmanager
def _seekable(feed: FeedFile) -> Iterator[Any]:
    """Open the file where its end can be read first; one that is packed is unpacked aside."""
    with feed.open() as unpacked:
        with feed.path.open("rb") as file:
            if file.read(len(GZIP_MAGIC)) != GZIP_MAGIC:
                file.seek(0)
                yield file
                return
        with tempfile.TemporaryFile() as aside:
            shutil.copyfileobj(unpacked, aside)
            aside.seek(0)
            yield aside


def _values(column: Any) -> list[object]:  # noqa: ANN401  # pyarrow has no types
    import pyarrow as pa  # noqa: PLC0415

    kind = column.type
    if pa.types.is_float32(kind) or pa.types.is_float16(kind):
        # As text and back, 15.1 stays 15.1; as it is, it would be 15.100000381469727.
        column = column.cast(pa.float32()).cast(pa.string()).cast(pa.float64())
    elif pa.types.is_timestamp(kind):
        column = column.cast(pa.timestamp("us", kind.tz), safe=False)  # Python knows no nanoseconds
    values: list[Any] = column.to_pylist()
    if pa.types.is_map(kind):
        return [None if pairs is None else dict(pairs) for pairs in values]
    return values
