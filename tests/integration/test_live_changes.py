"""One product put or removed is written down in the same transaction, until every snapshot has folded it in."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from app.core.errors import InvalidParameter
from app.core.products import ProductRecord
from app.db.database import Database
from app.db.live_changes import TOMBSTONE_AGE, LiveChange, LiveOutcome
from tests.support.catalogue import SHIRT, delete, make_image, make_product, revision, stored, upsert

NOON = datetime(2026, 11, 1, 12, tzinfo=UTC)
MINUTE = timedelta(minutes=1)


def put(database: Database, record: ProductRecord) -> LiveOutcome:
    """Put one product in a transaction of its own."""
    with database.writing() as catalogue:
        return catalogue.put_live(record)


def remove(database: Database, product_id: str, stated_at: datetime | None = None) -> LiveOutcome:
    """Remove one product in a transaction of its own."""
    with database.writing() as catalogue:
        return catalogue.remove_live(product_id, stated_at)


def changes(database: Database, after: int = 0) -> list[LiveChange]:
    """Return the live changes since a revision."""
    with database.reading() as catalogue:
        return catalogue.live_changes(after)


def live_revision(database: Database) -> int:
    """Return the revision of the newest live change."""
    with database.reading() as catalogue:
        return catalogue.live_revision()


def forget(database: Database, watermark: int) -> None:
    """Forget what every snapshot has that has at least this watermark."""
    with database.writing() as catalogue:
        catalogue.forget_live(watermark)


def test_what_is_put_is_stored_and_written_down_as_it_is_stored(database: Database) -> None:
    """With every field, its images once each and in their order, at the revision of the transaction."""
    twin = make_image("shirt-1", "front", 2, location="/photos/twin.jpg")
    assert put(database, replace(SHIRT, images=(*SHIRT.images[::-1], twin))) == "added"
    assert stored(database, "shirt-1") == SHIRT
    assert changes(database) == [LiveChange("shirt-1", 1, SHIRT)]
    assert live_revision(database) == revision(database) == 1


def test_what_is_removed_is_gone_and_written_down(database: Database) -> None:
    """In the place of what was put before."""
    put(database, SHIRT)
    assert remove(database, "shirt-1") == "removed"
    assert stored(database, "shirt-1") is None
    assert changes(database) == [LiveChange("shirt-1", 2, None)]


def test_changes_come_in_the_order_they_were_made_in(database: Database) -> None:
    """A product changed twice comes once, with its last change; those up to a watermark are left out."""
    a, b = make_product("a", "1"), make_product("b", "1")
    put(database, b)
    put(database, a)
    put(database, replace(b, title="new"))
    assert changes(database) == [LiveChange("a", 2, a), LiveChange("b", 3, replace(b, title="new"))]
    assert changes(database, after=2) == [LiveChange("b", 3, replace(b, title="new"))]
    assert changes(database, after=3) == []


def test_without_live_changes_the_newest_revision_is_0(database: Database) -> None:
    """Imports do not count."""
    upsert(database, SHIRT)
    assert live_revision(database) == 0
    assert changes(database) == []


def test_a_transaction_is_all_or_nothing(database: Database) -> None:
    """What a broken transaction put is neither stored nor written down."""

    def put_and_break() -> None:
        with database.writing() as catalogue:
            catalogue.put_live(SHIRT)
            raise KeyError

    with pytest.raises(KeyError):
        put_and_break()
    assert stored(database, "shirt-1") is None
    assert (live_revision(database), revision(database)) == (0, 0)


def test_many_changes_in_one_transaction_have_one_revision(database: Database) -> None:
    """As a batch has them."""
    with database.writing() as catalogue:
        catalogue.put_live(make_product("a", "1"))
        catalogue.put_live(make_product("b", "1"))
        catalogue.remove_live("a")
    assert changes(database) == [LiveChange("a", 1, None), LiveChange("b", 1, make_product("b", "1"))]


@pytest.mark.parametrize("stated_at", [None, NOON], ids=["without a moment", "with a moment"])
def test_saying_the_same_again_changes_nothing(database: Database, stated_at: datetime | None) -> None:
    """A request that is repeated because its answer was lost does no harm."""
    record = make_product("a", "1", stated_at=stated_at)
    assert [put(database, record), put(database, record)] == ["added", "unchanged"]
    assert live_revision(database) == revision(database) == 1
    assert [remove(database, "a", stated_at), remove(database, "a", stated_at)] == ["removed", "not_found"]


def test_a_change_is_told_from_an_addition(database: Database) -> None:
    """However the product came into the catalogue; after a removal it is added again."""
    upsert(database, make_product("a", "1"))
    assert put(database, make_product("a", "1", "2")) == "changed"
    remove(database, "a")
    assert put(database, make_product("a", "1", "2")) == "added"
    assert changes(database) == [LiveChange("a", 4, make_product("a", "1", "2"))]


def test_what_an_import_already_stored_is_still_written_down(database: Database) -> None:
    """Until it is published no snapshot has it; afterwards nothing needs to be written."""
    record = make_product("a", "1")
    upsert(database, record)
    assert put(database, record) == "unchanged"
    assert changes(database) == [LiveChange("a", 2, record)]
    upsert(database, make_product("b", "1"))
    forget(database, revision(database))
    assert put(database, make_product("b", "1")) == put(database, record) == "unchanged"
    assert changes(database) == []


def test_what_an_import_changed_since_the_last_live_change_is_written_down_anew(database: Database) -> None:
    """The catalogue has it, but what is laid over the snapshots is still what was put before."""
    first, second = make_product("a", "1", title="first"), make_product("a", "1", title="second")
    put(database, first)
    upsert(database, second)
    assert changes(database) == [LiveChange("a", 1, first)]
    assert put(database, second) == "unchanged"
    assert changes(database) == [LiveChange("a", 3, second)]


def test_what_is_not_there_is_masked_all_the_same(database: Database) -> None:
    """A snapshot may show it still, after an import that removed it and is not published."""
    upsert(database, make_product("a", "1"))
    delete(database, "a")
    assert remove(database, "a") == "not_found"
    assert changes(database) == [LiveChange("a", 3, None)]


def test_a_removal_that_lies_over_every_snapshot_is_not_written_down_again(database: Database) -> None:
    """Unless it is stated at a later moment, or a snapshot was made since, which an import may have put it into."""

    def remove_again(newest_watermark: int | None, stated_at: datetime | None = None) -> int:
        with database.writing() as catalogue:
            outcome = catalogue.remove_live("a", stated_at, newest_watermark=newest_watermark)
        assert outcome == "not_found"
        return live_revision(database)

    assert remove_again(newest_watermark=0) == 1
    upsert(database, make_product("b", "1"))
    assert remove_again(newest_watermark=0) == 1
    assert revision(database) == 2
    assert remove_again(newest_watermark=1) == 3
    assert remove_again(newest_watermark=2) == 3
    assert remove_again(newest_watermark=2, stated_at=NOON) == 4
    assert remove_again(newest_watermark=2, stated_at=NOON) == 4
    assert remove_again(newest_watermark=2, stated_at=NOON + MINUTE) == 5
    assert remove_again(newest_watermark=None) == 6


def test_what_nothing_could_be_called_is_not_there(database: Database) -> None:
    """And is not written down."""
    for text in ["", "..", "a/b", "\0", "\ud800", "x" * 10_000]:
        assert remove(database, text) == "not_found"
    assert revision(database) == 0


def test_a_moment_that_nobody_could_state_is_refused(database: Database) -> None:
    """For a removal as for a product; nothing is changed."""
    put(database, SHIRT)
    for moment in [datetime(2026, 1, 1), datetime.now(UTC) + timedelta(days=2)]:  # noqa: DTZ001  # no zone: the mistake
        with pytest.raises(InvalidParameter, match="updated_at"):
            remove(database, "shirt-1", moment)
        with pytest.raises(InvalidParameter, match="updated_at"):
            put(database, replace(SHIRT, stated_at=moment))
    assert stored(database, "shirt-1") == SHIRT


def test_what_was_stated_earlier_is_outdated(database: Database) -> None:
    """Whether it is to be put or removed, and nothing is written."""
    put(database, make_product("a", "1", title="new", stated_at=NOON))
    assert put(database, make_product("a", "1", title="old", stated_at=NOON - MINUTE)) == "outdated"
    assert remove(database, "a", NOON - MINUTE) == "outdated"
    assert upsert(database, make_product("a", "1", title="old", stated_at=NOON - MINUTE)).outdated == 1
    assert stored(database, "a") == make_product("a", "1", title="new", stated_at=NOON)
    assert revision(database) == 1


def test_a_removed_product_stays_away_until_something_newer_is_stated(database: Database) -> None:
    """Neither a live change nor an import brings it back; at the same moment, too, the removal counts."""
    assert remove(database, "a", NOON) == "not_found"
    for moment in (NOON - MINUTE, NOON):
        assert put(database, make_product("a", "1", stated_at=moment)) == "outdated"
        assert upsert(database, make_product("a", "1", stated_at=moment)).outdated == 1
    assert put(database, make_product("a", "1", stated_at=NOON + MINUTE)) == "added"


def test_a_statement_without_a_moment_counts_as_new_and_moves_none(database: Database) -> None:
    """So what was stated before the last moment that is known stays outdated."""
    put(database, make_product("a", "1", stated_at=NOON))
    assert put(database, make_product("a", "1", title="now")) == "changed"
    assert stored(database, "a") == make_product("a", "1", title="now", stated_at=NOON)
    assert changes(database)[0].record == make_product("a", "1", title="now", stated_at=NOON)
    assert remove(database, "a") == "removed"
    assert put(database, make_product("a", "1", stated_at=NOON)) == "outdated"
    assert upsert(database, make_product("a", "1")).added == 1
    assert put(database, make_product("a", "1", stated_at=NOON - MINUTE)) == "outdated"
    assert put(database, make_product("a", "1", stated_at=NOON)) == "unchanged"


def test_repeated_ids_in_one_import_are_taken_one_after_the_other(database: Database) -> None:
    """As if they had come in transactions of their own."""
    counts = upsert(
        database,
        make_product("a", title="first", stated_at=NOON),
        make_product("a", title="older", stated_at=NOON - MINUTE),
        make_product("a", title="now"),
        make_product("a", title="older", stated_at=NOON - MINUTE),
    )
    assert (counts.added, counts.outdated) == (1, 2)
    assert stored(database, "a") == make_product("a", title="now", stated_at=NOON)


def test_live_changes_are_newer_than_a_source_that_was_read_before(database: Database) -> None:
    """While a long import runs, what is put and removed meanwhile is not undone by it; what it states later counts."""
    upsert(database, *(make_product(name, "1", stated_at=NOON) for name in ("put", "removed", "later", "untouched")))
    read_at = revision(database)
    for name in ("put", "new", "later"):
        put(database, make_product(name, "1", title="live", stated_at=NOON + MINUTE if name == "later" else None))
    remove(database, "removed")
    source = [make_product(name, "1", title="import") for name in ("put", "removed", "untouched")]
    source.append(make_product("later", "1", title="import", stated_at=NOON + 2 * MINUTE))
    with database.writing() as catalogue:
        counts = catalogue.upsert_products(source, read_at=read_at)
        assert catalogue.delete_products(["new", "untouched"], read_at=read_at) == 1
        titles = {record.id: record.title for record in catalogue.iter_products()}
    assert (counts.changed, counts.outdated) == (2, 2)
    assert titles == {"put": "live", "new": "live", "later": "import"}


def test_what_every_snapshot_has_is_forgotten(database: Database) -> None:
    """Not later changes, nor removals that were stated lately: they keep what is older from coming back."""
    now = datetime.now(UTC)
    put(database, make_product("put", "1", stated_at=now))
    remove(database, "lately", now - TOMBSTONE_AGE + MINUTE)
    remove(database, "long-ago", now - TOMBSTONE_AGE - MINUTE)
    remove(database, "unknown")
    watermark = revision(database)
    remove(database, "later")
    before = revision(database)
    forget(database, watermark)
    assert [change.product_id for change in changes(database)] == ["lately", "later"]
    assert revision(database) == before
    assert put(database, make_product("lately", "1", stated_at=now - TOMBSTONE_AGE)) == "outdated"


def test_a_new_database_does_not_number_its_changes_below_older_snapshots(database: Database) -> None:
    """Whose watermarks come from the database before it."""
    upsert(database, make_product("a", "1"))
    with database.writing() as catalogue:
        catalogue.raise_revision(500)
    with database.writing() as catalogue:
        catalogue.raise_revision(100)
    put(database, make_product("b", "1"))
    assert [change.product_id for change in changes(database, after=500)] == ["b"]
