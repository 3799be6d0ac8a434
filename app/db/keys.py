"""
Every query about keys. A key never changes but for two things: it is revoked, and the day of its last use moves on.

So how many keys there are and how many of them were revoked tells a server whether it knows them all (`KeysMark`).
"""

from collections.abc import Mapping
from dataclasses import asdict
from datetime import UTC, date, datetime, timedelta
from typing import Final, NamedTuple

from sqlalchemy import Connection, RowMapping, and_, delete, func, insert, or_, select, update

from app.core.errors import NotFound, WrongState
from app.core.keys import KeyRecord, KeyWanted, checked, digest_of, is_id, new_key
from app.db.tables import api_keys

MAX_KEYS: Final = 1_000
"""Every server holds all of them in memory."""
KEPT_DAYS: Final = 90
"""For so long a key is listed after it was revoked or has expired."""


class KeysMark(NamedTuple):
    """What differs whenever a key was created, revoked or forgotten."""

    keys: int
    revoked: int
    newest: datetime | None


class Keys:
    """The keys as one transaction sees them; given by `Database.reading_keys` and `Database.changing_keys`."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def mark(self) -> KeysMark:
        """Return the mark of the keys as they are; cheap."""
        columns = (func.count(), func.count(api_keys.c.revoked_at), func.max(api_keys.c.created_at))
        return KeysMark(*self._connection.execute(select(*columns).select_from(api_keys)).one())

    def list(self) -> list[KeyRecord]:
        """Return all keys, newest first; also those that were revoked or have expired, for 90 days."""
        statement = select(api_keys).order_by(api_keys.c.created_at.desc(), api_keys.c.id)
        return [_record(row) for row in self._connection.execute(statement).mappings()]

    def create(self, wanted: KeyWanted) -> tuple[KeyRecord, str]:
        """
        Store a new key, and return it with its text, which is known to nobody after that.

        Raises:
            InvalidParameter: What is wanted contradicts itself, or is out of range.
            WrongState: There are 1,000 keys already.
        """
        wanted = checked(wanted)
        now = datetime.now(UTC)
        self._forget_old(now)
        if self.mark().keys >= MAX_KEYS:
            raise WrongState(f"There are {MAX_KEYS:,} keys already. Those that are revoked go after {KEPT_DAYS} days.")
        key_id, text = new_key(is_publishable=bool(wanted.origins))
        days = wanted.expires_in_days
        record = KeyRecord(
            id=key_id,
            name=wanted.name,
            scope=wanted.scope,
            origins=wanted.origins,
            digest=digest_of(text.encode()),
            per_minute=wanted.limit,
            created_at=now,
            expires_at=None if days is None else now + timedelta(days=days),
            revoked_at=None,
            last_used_on=None,
        )
        self._connection.execute(insert(api_keys).values({**asdict(record), "origins": list(record.origins)}))
        return record, text

    def revoke(self, key_id: str) -> KeyRecord:
        """
        Make a key useless for ever, and return it; one that was revoked before stays as it was.

        Raises:
            NotFound: There is no such key.
        """
        if not is_id(key_id):
            raise _no_such_key()
        is_key = api_keys.c.id == key_id
        values = {"revoked_at": datetime.now(UTC)}
        self._connection.execute(update(api_keys).where(is_key, api_keys.c.revoked_at.is_(None)).values(values))
        row = self._connection.execute(select(api_keys).where(is_key)).mappings().first()
        if row is None:
            raise _no_such_key()
        return _record(row)

    def note_uses(self, days: Mapping[str, date]) -> None:
        """Write down on which day keys were used, where that is later than what is known."""
        for key_id, day in days.items():
            is_news = or_(api_keys.c.last_used_on.is_(None), api_keys.c.last_used_on < day)
            statement = update(api_keys).where(and_(api_keys.c.id == key_id, is_news))
            self._connection.execute(statement.values(last_used_on=day))

    def _forget_old(self, now: datetime) -> None:
        old = now - timedelta(days=KEPT_DAYS)
        is_old = or_(api_keys.c.revoked_at < old, api_keys.c.expires_at < old)
        self._connection.execute(delete(api_keys).where(is_old))


def _no_such_key() -> NotFound:
    return NotFound("There is no key of this id.")


def _record(row: RowMapping) -> KeyRecord:
    return KeyRecord(**{**row, "origins": tuple(row["origins"])})
