"""Keys in the database, and as a server follows them."""

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from alembic import command
from sqlalchemy import inspect, text
from structlog.testing import capture_logs

from app.core.errors import DatabaseUnavailable, InternalError, InvalidParameter, NotFound, WrongState
from app.core.keys import KeyRecord, KeyWanted, Scope, digest_of
from app.db import keys as keys_module
from app.db import schema
from app.db.database import Database
from app.db.keys import Keys
from app.search import live_keys
from app.search.live_keys import SETTING, LiveKeys
from tests.support.waiting import wait_until

ORIGIN = "https://shop.example"


def create(database: Database, scope: Scope = "search", **fields: Any) -> tuple[KeyRecord, str]:  # noqa: ANN401  # fields of KeyWanted
    """Create a key, and return it with its text."""
    with database.changing_keys() as keys:
        return keys.create(KeyWanted(scope=scope, **fields))


def revoke(database: Database, key_id: str) -> KeyRecord:
    """Revoke a key."""
    with database.changing_keys() as keys:
        return keys.revoke(key_id)


def listed(database: Database) -> list[KeyRecord]:
    """Return all keys."""
    with database.reading_keys() as keys:
        return keys.list()


def set_row(database: Database, key_id: str, **values: str) -> None:
    """Make some of a row what only time makes it."""
    with database.migrating() as connection:
        for name, value in values.items():
            statement = f"UPDATE api_keys SET {name} = :value WHERE id = :id"  # noqa: S608  # own names
            connection.execute(text(statement), {"value": value, "id": key_id})


@contextmanager
def following(database: Database, admin_key: str | None = None) -> Iterator[LiveKeys]:
    """Follow the keys, looking often."""
    live = LiveKeys(database, admin_key, poll_s=0.01)
    live.start()
    try:
        yield live
    finally:
        live.close()


# -- stored ------------------------------------------------------------------------------------------------------------


def test_a_key_is_stored_without_its_secret(database: Database) -> None:
    """Whoever reads the database learns a hash, of which no key can be made."""
    record, key = create(database, name="the shop's pages", origins=(ORIGIN,), per_minute=7, expires_in_days=30)
    assert listed(database) == [record]
    assert (record.digest, record.origins, record.per_minute) == (digest_of(key.encode()), (ORIGIN,), 7)
    assert record.expires_at == record.created_at + timedelta(days=30)
    with database.migrating() as connection:
        row = connection.execute(text("SELECT * FROM api_keys")).mappings().one()
        assert key[17:] not in json.dumps(dict(row), default=str)


def test_keys_are_listed_newest_first(database: Database) -> None:
    """With what became of them."""
    ids = [create(database)[0].id for _ in range(3)]
    revoked = revoke(database, ids[1])
    assert [record.id for record in listed(database)] == ids[::-1]
    assert [record.state for record in listed(database)] == ["active", "revoked", "active"]
    assert revoke(database, ids[1]) == revoked, "revoking again changes nothing"


@pytest.mark.parametrize("key_id", ["0" * 12, "", "\x00", "'; DROP TABLE api_keys", "é" * 12, "a" * 10_000])
def test_an_id_that_no_key_has_is_not_found(database: Database, key_id: str) -> None:
    """Whatever it looks like."""
    create(database)
    with pytest.raises(NotFound):
        revoke(database, key_id)


def test_a_key_that_makes_no_sense_is_not_created(database: Database) -> None:
    """Whoever asks for it."""
    with pytest.raises(InvalidParameter):
        create(database, "admin", origins=(ORIGIN,))
    assert listed(database) == []


def test_there_are_so_many_keys_at_most(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every server holds all of them; what was revoked or expired long ago makes room."""
    monkeypatch.setattr(keys_module, "MAX_KEYS", 3)
    ids = [create(database)[0].id for _ in range(3)]
    revoke(database, ids[0])
    with pytest.raises(WrongState, match="There are 3 keys"):
        create(database)
    long_ago = str(datetime.now(UTC).replace(tzinfo=None) - timedelta(days=91))
    set_row(database, ids[0], revoked_at=long_ago)
    set_row(database, ids[1], expires_at=long_ago)
    newest = create(database)[0].id
    assert {record.id for record in listed(database)} == {ids[2], newest}


def test_the_day_of_a_use_moves_on_and_never_back(database: Database) -> None:
    """Several servers write it down, one after the other."""
    record, _ = create(database)
    days = [date(2026, 11, 2), date(2026, 11, 1), date(2026, 11, 3)]
    seen = []
    for day in days:
        with database.changing_keys() as keys:
            keys.note_uses({record.id: day, "0" * 12: day})
        seen.append(listed(database)[0].last_used_on)
    assert seen == [days[0], days[0], days[2]]


def test_what_changes_moves_the_mark_and_what_is_used_does_not(database: Database) -> None:
    """By it, servers notice that there is something to read."""

    def mark() -> object:
        with database.reading_keys() as keys:
            return keys.mark()

    marks = [mark()]
    record, _ = create(database)
    marks.append(mark())
    revoke(database, record.id)
    marks.append(mark())
    assert len(set(marks)) == 3
    with database.changing_keys() as keys:
        keys.note_uses({record.id: date(2026, 11, 2)})
    assert mark() == marks[-1]


def test_keys_come_and_go_with_their_migration(database: Database) -> None:
    """Down to the living catalogue, and up again, without a key."""
    create(database)
    with database.migrating() as connection:
        command.downgrade(schema.alembic_config(connection), "0002")
        assert "api_keys" not in inspect(connection).get_table_names()
    database.upgrade()
    assert listed(database) == []
    create(database)


def test_the_database_knows_three_scopes(database: Database) -> None:
    """Whatever the code that writes asks before."""
    record, _ = create(database)
    with pytest.raises(InternalError):
        set_row(database, record.id, scope="everything")


# -- followed ----------------------------------------------------------------------------------------------------------


def test_a_key_is_known_after_it_was_created_and_useless_after_it_was_revoked(database: Database) -> None:
    """Wherever that is done; its origin comes and goes with it."""
    with following(database) as live:
        record, key = create(database, origins=(ORIGIN,))
        wait_until(lambda: live.find(key.encode()) == record)
        assert live.may_come_from(ORIGIN)
        assert live.any_for("search")
        assert not live.any_for("catalogue")
        revoke(database, record.id)
        wait_until(lambda: not live.may_come_from(ORIGIN))
        found = live.find(key.encode())
        assert found is not None
        assert found.state == "revoked"
        assert not live.any_for("search")


def test_only_the_whole_key_is_found(database: Database) -> None:
    """Not one that differs in a letter, not its id alone, not one of another key's id."""
    _, one = create(database)
    _, other = create(database)
    live = LiveKeys(database, None)
    assert live.find(one.encode()) is not None
    mixed = other[:17] + one[17:]
    changed = one[:-1] + chr(ord(one[-1]) ^ 1)
    for text_ in (mixed, changed, one[:17], one.replace("lks", "lkp"), one + "x", one.upper(), "", "\x00" * 60, "ü"):
        assert live.find(text_.encode()) is None


def test_the_key_of_the_setting_counts_beside_those_in_the_database(database: Database) -> None:
    """Whatever it looks like, and however it is written; it is no row, so nothing can be noted of it."""
    _, key = create(database)
    for text_ in ("a-key-of-the-setting", "ein schlüssel für alles", key[:-1] + "_", "lks_0123456789ab_" + "a" * 43):
        live = LiveKeys(database, text_)
        found = live.find(text_.encode())
        assert found is not None
        assert (found.id, found.scope) == (SETTING, "admin")
        assert live.any_for("admin")
        assert live.find(text_.encode() + b"x") is None
        live.note_use(found)
    assert LiveKeys(database, None).find(b"a-key-of-the-setting") is None


def test_an_expired_key_is_told_from_an_unknown_one(database: Database) -> None:
    """To whoever has it; no page may use it, and it does not count as a key that there is."""
    record, key = create(database, origins=(ORIGIN,), expires_in_days=1)
    live = LiveKeys(database, None)
    assert live.may_come_from(ORIGIN)
    set_row(database, record.id, expires_at=str(datetime.now(UTC).replace(tzinfo=None) - timedelta(seconds=1)))
    live = LiveKeys(database, None)
    found = live.find(key.encode())
    assert found is not None
    assert found.state == "expired"
    assert not live.may_come_from(ORIGIN)
    assert not live.any_for("search")


def test_a_use_is_written_down_once_a_day(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    """Soon, by another thread than the one that looks for changes."""
    monkeypatch.setattr(live_keys, "NOTE_USES_S", 0.01)
    noted: list[object] = []
    note_uses = Keys.note_uses

    def counted(keys: Keys, days: Mapping[str, date]) -> None:
        noted.append(days)
        note_uses(keys, days)

    monkeypatch.setattr(Keys, "note_uses", counted)
    _, key = create(database)
    with following(database) as live:
        for _ in range(100):
            found = live.find(key.encode())
            assert found is not None
            live.note_use(found)
        wait_until(lambda: listed(database)[0].last_used_on is not None)
    assert listed(database)[0].last_used_on == datetime.now(UTC).date()
    assert len(noted) == 1


def test_keys_count_while_the_database_is_away(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    """Searches need no database; that it is away is logged once, and what it brings when it is back counts."""
    record, key = create(database)

    def fail() -> None:
        raise DatabaseUnavailable("The catalogue database does not answer.")

    with capture_logs() as lines, following(database) as live:
        with monkeypatch.context() as patch:
            patch.setattr(database, "reading_keys", fail)  # and not the class: other services here follow too
            wait_until(lambda: any(line["event"] == "keys.unreachable" for line in lines))
            assert live.find(key.encode()) == record
            revoke(database, record.id)
        wait_until(lambda: any(line["event"] == "keys.followed_again" for line in lines))
        wait_until(lambda: (found := live.find(key.encode())) is not None and found.state == "revoked")
    assert sum(line["event"] == "keys.unreachable" for line in lines) == 1


def test_a_restored_backup_is_noticed(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    """Although it may have as many keys as there were: everything is read again after a while."""
    monkeypatch.setattr(live_keys, "REREAD_S", 0.05)
    record, key = create(database)
    with following(database) as live:
        assert live.find(key.encode()) is not None
        set_row(database, record.id, digest="f" * 64)
        wait_until(lambda: live.find(key.encode()) is None)
