"""In whatever order live changes, imports and snapshots come, what the shop stated last is what is shown."""

from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import permutations
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from app.core.products import ProductRecord
from app.db.database import Database
from app.db.tables import metadata
from tests.support.catalogue import connection_of, make_product

FIRST_MOMENT = datetime(2026, 11, 1, tzinfo=UTC)
KEPT_SNAPSHOTS = 2

ids = st.sampled_from(["a", "b", "c"])
moments = st.integers(0, 5)


def stated(product_id: str, minute: int | None, title: str) -> ProductRecord:
    """Return a product that the shop stated at this minute, or at none."""
    moment = None if minute is None else FIRST_MOMENT + timedelta(minutes=minute)
    return make_product(product_id, title, title=title, stated_at=moment)


def clear(database: Database) -> None:
    """Empty the catalogue and all that it remembers."""
    with database.writing() as catalogue:
        for table in reversed(metadata.sorted_tables):
            if table.name != "catalogue_state":
                connection_of(catalogue).execute(table.delete())
        catalogue.forget_live(catalogue.revision())


def holds(database: Database) -> dict[str, ProductRecord]:
    """Return the products in the catalogue."""
    with database.reading() as catalogue:
        return {record.id: record for record in catalogue.iter_products()}


@dataclass(frozen=True)
class Statement:
    """One product as the shop stated it at a minute, or its removal, and the way on which it comes."""

    product_id: str
    minute: int
    is_removal: bool
    is_import: bool

    def apply(self, database: Database) -> None:
        """Tell the catalogue."""
        record = stated(self.product_id, self.minute, f"stated at {self.minute}")
        with database.writing() as catalogue:
            if self.is_removal:
                catalogue.remove_live(self.product_id, record.stated_at)
            elif self.is_import:
                catalogue.upsert_products([record])
            else:
                catalogue.put_live(record)


def last_of_each(statements: list[Statement]) -> dict[str, ProductRecord]:
    """Return the products that are there when every statement has arrived."""
    last: dict[str, Statement] = {}
    for statement in sorted(statements, key=lambda each: (each.minute, each.is_removal)):
        last[statement.product_id] = statement
    return {
        name: stated(name, each.minute, f"stated at {each.minute}")
        for name, each in last.items()
        if not each.is_removal
    }


statements = st.builds(Statement, ids, moments, is_removal=st.booleans(), is_import=st.booleans())


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(statements, max_size=10))
def test_any_order_of_statements_ends_the_same(database: Database, given_statements: list[Statement]) -> None:
    """With the newest of each product, on whichever way it came, and however often."""
    clear(database)
    for statement in [*given_statements, *reversed(given_statements)]:
        statement.apply(database)
    assert holds(database) == last_of_each(given_statements)


@pytest.mark.parametrize("is_import", [False, True], ids=["live", "import"])
def test_each_order_of_four_statements_ends_the_same(database: Database, *, is_import: bool) -> None:
    """Put, put again, remove, put again: every permutation, and removal and product of one moment among them."""
    four = [
        Statement("a", 1, is_removal=False, is_import=is_import),
        Statement("a", 2, is_removal=False, is_import=False),
        Statement("a", 2, is_removal=True, is_import=False),
        Statement("a", 3, is_removal=False, is_import=is_import),
    ]
    for count in (3, 4):
        for order in permutations(four[:count]):
            clear(database)
            for statement in order:
                statement.apply(database)
            assert holds(database) == last_of_each(list(order)), order


@dataclass(frozen=True)
class Snapshot:
    """What a published snapshot shows, and what live changes it must show since, by the answers they got."""

    watermark: int
    products: dict[str, ProductRecord]
    changed_since: dict[str, ProductRecord | None] = field(default_factory=dict)

    def shown(self, database: Database) -> dict[str, ProductRecord]:
        """Return what a server that has this snapshot shows: the live changes since are laid over it."""
        shown = dict(self.products)
        with database.reading() as catalogue:
            for change in catalogue.live_changes(self.watermark):
                shown.pop(change.product_id, None)
                if change.record is not None:
                    shown[change.product_id] = change.record
        return shown

    def wanted(self) -> dict[str, ProductRecord]:
        """Return what it must show: what was changed live after it was made, and itself for the rest."""
        wanted = {**self.products, **self.changed_since}
        return {name: record for name, record in wanted.items() if record is not None}


class Shop:
    """A catalogue with the snapshots that are kept of it, any of which may be served."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._snapshots: list[Snapshot] = []
        self._titles: Iterator[int] = iter(range(1_000_000))

    def put(self, product_id: str, minute: int | None, title: str | None) -> None:
        """Put a product live; every snapshot must show it as it is then stored."""
        record = stated(product_id, minute, title or f"title {next(self._titles)}")
        with self._database.writing() as catalogue:
            if catalogue.put_live(record) != "outdated":
                self._must_show(product_id, catalogue.get_product(product_id))

    def remove(self, product_id: str, minute: int | None) -> None:
        """Remove a product live; no snapshot may show it."""
        stated_at = stated(product_id, minute, "").stated_at
        newest = self._snapshots[-1].watermark
        with self._database.writing() as catalogue:
            if catalogue.remove_live(product_id, stated_at, newest_watermark=newest) != "outdated":
                self._must_show(product_id, None)

    def import_all(self, records: list[tuple[str, int | None, str | None]]) -> None:
        """Import a feed that is a full statement; no snapshot may show anything of it."""
        kept = [stated(name, minute, title or f"title {next(self._titles)}") for name, minute, title in records]
        with self._database.writing() as catalogue:
            catalogue.upsert_products(kept)
            others = set(catalogue.iter_product_ids()) - {record.id for record in kept}
            catalogue.delete_products(others)

    def publish(self) -> None:
        """Make a snapshot of the catalogue as it is now; the oldest one goes."""
        with self._database.reading() as catalogue:
            products = {record.id: record for record in catalogue.iter_products()}
            self._snapshots.append(Snapshot(catalogue.revision(), products))
        del self._snapshots[:-KEPT_SNAPSHOTS]
        with self._database.writing() as catalogue:
            catalogue.forget_live(min(snapshot.watermark for snapshot in self._snapshots))

    def check(self) -> None:
        """Whichever snapshot is served, before and after a rollback, it shows what it must."""
        for snapshot in self._snapshots:
            assert snapshot.shown(self._database) == snapshot.wanted()

    def _must_show(self, product_id: str, record: ProductRecord | None) -> None:
        for snapshot in self._snapshots:
            snapshot.changed_since[product_id] = record


any_moment = st.none() | moments
any_title = st.none() | st.sampled_from(["x", "y"])
steps = st.one_of(
    st.tuples(st.just("put"), ids, any_moment, any_title),
    st.tuples(st.just("remove"), ids, any_moment),
    st.tuples(st.just("import_all"), st.lists(st.tuples(ids, any_moment, any_title), max_size=3)),
    st.tuples(st.just("publish")),
)


@settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(steps, max_size=14))
def test_every_snapshot_shows_itself_and_the_live_changes_since(
    database: Database, given_steps: list[tuple[Any, ...]]
) -> None:
    """However imports, live changes, publishing and rolling back follow one another."""
    clear(database)
    shop = Shop(database)
    shop.publish()
    for name, *arguments in given_steps:
        getattr(shop, name)(*arguments)
        shop.check()


def test_an_import_after_a_live_change_is_what_the_next_snapshot_shows(database: Database) -> None:
    """And a rollback brings the live change back, not the import."""
    old, live, imported = (stated("a", None, title) for title in ("old", "live", "imported"))
    with database.writing() as catalogue:
        catalogue.upsert_products([old])
    before = Snapshot(1, {"a": old})
    with database.writing() as catalogue:
        catalogue.put_live(live)
    assert before.shown(database) == {"a": live}
    with database.writing() as catalogue:
        catalogue.upsert_products([imported])
    assert before.shown(database) == {"a": live}
    after = Snapshot(3, holds(database))
    assert after.shown(database) == {"a": imported}
    assert before.shown(database) == {"a": live}


def test_another_process_sees_a_live_change_when_it_is_durable(database_url: str) -> None:
    """Not before the transaction ends, and at once afterwards."""
    with closing(Database(database_url)) as one, closing(Database(database_url)) as other:
        with one.writing() as catalogue:
            catalogue.put_live(stated("a", None, "new"))
            with other.reading() as reader:
                assert reader.live_revision() == 0
        with other.reading() as reader:
            assert reader.live_revision() == 1
            assert [change.product_id for change in reader.live_changes(0)] == ["a"]
