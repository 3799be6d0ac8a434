"""The first reading of a source: what it states, what it would do, and that it does nothing yet."""

import gzip
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from app.core.errors import RemovalRefused, SourceEmpty, SourceInvalid
from app.core.fetching.guard import Guard
from app.db.catalogue import Catalogue
from app.db.database import Database
from app.db.records import Comparison
from indexer.progress import Silent
from indexer.report import IngestReport
from indexer.sources import open_source
from indexer.statement import Statement, compare, read_statement
from tests.support.catalogue import make_image, make_product, upsert
from tests.support.feeds import Record, delimited, json_lines, rss


@pytest.fixture
def catalogue_database(tmp_path: Path) -> Iterator[Database]:
    """An empty catalogue."""
    with closing(Database(f"sqlite:///{tmp_path}/catalogue.db")) as database:
        database.upgrade()
        yield database


def _record(name: str, **fields: object) -> dict[str, object]:
    return {"id": name, "title": f"Product {name}", "images": [f"https://i.example/{name}.jpg"], **fields}


@contextmanager
def _stated(
    folder: Path, *records: Record, is_full: bool = True, report: IngestReport | None = None, limit: int | None = None
) -> Iterator[Statement]:
    feed = folder / "feed.jsonl"
    feed.write_bytes(json_lines(records))
    source = open_source(str(feed), limit=limit)
    with read_statement(
        source, folder, is_full=is_full, report=report or IngestReport(), progress=Silent()
    ) as statement:
        yield statement


def _fill(database: Database, count: int) -> None:
    upsert(database, *(make_product(f"p{number:02d}", "1") for number in range(count)))


def _removals(statement: Statement, database: Database) -> list[str]:
    with database.reading() as catalogue:
        return list(statement.removals(catalogue))


def _check(statement: Statement, database: Database) -> None:
    with database.reading() as catalogue:
        statement.check_removals(catalogue)


def test_of_each_id_the_first_product_is_stated(tmp_path: Path) -> None:
    """The second is refused by name and yielded by no reading; the pictures are those of the first ones."""
    report = IngestReport()
    again = _record("a", title="again", images=["https://i.example/1.jpg", "https://i.example/2.jpg"])
    with _stated(tmp_path, _record("a"), _record("b"), again, report=report) as statement:
        products = list(statement.products())
    assert [product.title for product in products] == ["Product a", "Product b"]
    assert statement.images == 2
    assert [(skipped.place, skipped.reason) for skipped in report.skipped] == [("a", "duplicate-id")]


def test_refused_rows_are_reported_once_and_their_products_stay(tmp_path: Path, catalogue_database: Database) -> None:
    """A price that cannot be read is no reason to remove a product, nor is it one to show it."""
    _fill(catalogue_database, 3)
    report = IngestReport()
    rows = (_record("p00"), _record("p01", price="much"), {"title": "no id"})
    with _stated(tmp_path, *rows, report=report) as statement:
        assert [product.id for product in statement.products()] == ["p00"]
        assert _removals(statement, catalogue_database) == ["p02"]
    assert dict(report.skipped_by_reason) == {"invalid-price": 1, "missing-id": 1}
    assert {skipped.place for skipped in report.skipped} == {"row 2", "row 3"}


def test_refused_rows_count_in_the_progress(tmp_path: Path) -> None:
    """So the row of a job tells how many there were, by reason."""
    skipped: list[str] = []

    class Noting(Silent):
        def skip(self, reason: str) -> None:
            skipped.append(reason)

    feed = tmp_path / "feed.jsonl"
    feed.write_bytes(json_lines([_record("a"), _record("b", price="much"), _record("c"), _record("a")]))
    with read_statement(open_source(str(feed)), tmp_path, is_full=True, report=IngestReport(), progress=Noting()):
        pass
    assert skipped == ["invalid-price", "duplicate-id"]


def test_up_to_three_products_in_ten_are_removed_unasked(tmp_path: Path, catalogue_database: Database) -> None:
    """The limit itself is still allowed; one more is refused, and the message says how many and what to do."""
    _fill(catalogue_database, 10)
    with _stated(tmp_path, *(_record(f"p{number:02d}") for number in range(7))) as statement:
        _check(statement, catalogue_database)
        assert len(_removals(statement, catalogue_database)) == 3
    with (
        _stated(tmp_path, *(_record(f"p{number:02d}") for number in range(6))) as statement,
        pytest.raises(RemovalRefused, match=r"remove 4 of 10 products, more than 30%.*--partial"),
    ):
        _check(statement, catalogue_database)


def test_a_first_import_removes_nothing(tmp_path: Path, catalogue_database: Database) -> None:
    """There is nothing in the catalogue that a feed could lack."""
    with _stated(tmp_path, _record("a")) as statement, catalogue_database.reading() as catalogue:
        statement.check_removals(catalogue)
        assert list(statement.removals(catalogue)) == []
        assert _compared(statement, catalogue) == {"added": 1, "changed": 0, "unchanged": 0, "outdated": 0}


def test_a_statement_of_some_products_removes_none(tmp_path: Path, catalogue_database: Database) -> None:
    """Whatever else the catalogue has."""
    _fill(catalogue_database, 10)
    with _stated(tmp_path, _record("p00"), is_full=False) as statement:
        _check(statement, catalogue_database)
        assert _removals(statement, catalogue_database) == []


def test_both_readings_end_at_the_limit(tmp_path: Path) -> None:
    """With the same products."""
    rows = (_record("a"), _record("b", price="much"), _record("c"), _record("d"))
    with _stated(tmp_path, *rows, limit=2, is_full=False) as statement:
        assert [product.id for product in statement.products()] == ["a", "c"]
        assert statement.images == 2


def test_a_plan_tells_what_would_become_of_each_product(tmp_path: Path, catalogue_database: Database) -> None:
    """Judged by the places of the pictures, none of which is looked at."""
    for name in ("same", "changed", "moved", "gone"):
        image = make_image(name, address=f"https://i.example/{name}.jpg")
        upsert(catalogue_database, make_product(name, images=(image,)))
    rows = (_record("same"), _record("changed", title="x"), _record("moved", images=["https://i.example/x.jpg"]))
    with _stated(tmp_path, *rows, _record("new")) as statement, catalogue_database.reading() as catalogue:
        assert _compared(statement, catalogue) == {"added": 1, "changed": 2, "unchanged": 1, "outdated": 0}
        assert list(statement.removals(catalogue)) == ["gone"]


def test_a_plan_tells_which_addresses_would_not_be_asked(tmp_path: Path, catalogue_database: Database) -> None:
    """By what their text says. A product with nothing else is not added; one that is there keeps what it has."""
    for name in ("same", "moved", "renamed"):
        image = make_image(name, address=f"http://inside.lan/{name}.jpg")
        upsert(catalogue_database, make_product(name, images=(image,)))
    good, bad = "https://i.example/a.jpg", "https://10.0.0.5/a.jpg"
    rows = (
        _record("same", images=["http://inside.lan/same.jpg"]),
        _record("moved", images=[bad]),
        _record("renamed", images=[bad], title="Another"),
        _record("none", images=[bad, "http://i.example/a.jpg"]),
        _record("one", images=[bad, good]),
    )
    report = IngestReport()
    with _stated(tmp_path, *rows) as statement, catalogue_database.reading() as catalogue:
        compared = _compared(statement, catalogue, report)
    assert compared == {"added": 1, "changed": 1, "unchanged": 2, "outdated": 0}
    assert dict(report.skipped_by_reason) == {"url-not-allowed": 6}
    assert {skipped.place for skipped in report.skipped} == {
        bad,
        "http://i.example/a.jpg",
        "http://inside.lan/same.jpg",
    }


def _compared(statement: Statement, catalogue: Catalogue, report: IngestReport | None = None) -> dict[Comparison, int]:
    return compare(statement, catalogue, Guard(), report or IngestReport(), Silent())


def test_a_source_without_a_product_says_why(tmp_path: Path) -> None:
    """The first reason of all, in the error's message."""
    rows = (_record("a", price="much"), _record("b", price="little"))
    with pytest.raises(SourceEmpty, match=r"no product that can be used.*much"), _stated(tmp_path, *rows):
        pass
    assert [path.name for path in tmp_path.iterdir()] == ["feed.jsonl"]


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("feed.jsonl", json_lines([_record(f"p{number}") for number in range(500)])[:-20]),
        ("feed.csv.gz", gzip.compress(delimited([_record(f"p{number}") for number in range(20_000)]))[:-9]),
        ("feed.xml", rss([_record(f"p{number}") for number in range(500)])[:-30]),
    ],
)
def test_a_source_that_breaks_off_is_no_statement(tmp_path: Path, name: str, data: bytes) -> None:
    """However close to its end, and although all its first rows can be used."""
    feed = tmp_path / name
    feed.write_bytes(data)
    source = open_source(str(feed))
    with (
        pytest.raises(SourceInvalid),
        read_statement(source, tmp_path, is_full=True, report=IngestReport(), progress=Silent()),
    ):
        pytest.fail("it was taken for whole")
    assert [path.name for path in tmp_path.iterdir()] == [name]
