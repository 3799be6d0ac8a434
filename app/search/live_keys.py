"""The keys as a server holds them in memory: it follows those in the database, and asks it nothing for a request."""

import hmac
import math
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from types import MappingProxyType
from typing import Final

import structlog

from app.core.keys import KeyRecord, Scope, digest_of, id_of
from app.db.database import Database
from app.db.keys import KeysMark
from app.search.following import CLOSE_S, POLL_S, Follower

REREAD_S: Final = 60.0
"""After so long all keys are read again, whatever their mark says: somebody may have restored a backup."""
NOTE_USES_S: Final = 2.0
NOTE_AGAIN_S: Final = 60.0
SETTING: Final = "LOOKALIKE_ADMIN_KEY"
"""The id under which the key of that setting is known; no key in the database can have it."""

_NO_DIGEST: Final = "0" * 64

log: structlog.stdlib.BoundLogger = structlog.get_logger("lookalike.keys")


@dataclass(frozen=True, slots=True)
class _Known:
    """The keys of one moment."""

    mark: KeysMark
    by_id: Mapping[str, KeyRecord]
    origins: Mapping[str, tuple[KeyRecord, ...]]
    """The keys that pages of an origin may use."""


class LiveKeys:
    """
    Recognises keys. A key that was created or revoked anywhere counts here within a second.

    While the database does not answer, the keys that were seen last count: searches go on, and nobody can be let in
    anew. What is revoked meanwhile counts when it answers again.

    Args:
        database: Where the keys are.
        admin_key: That of the setting, which is in no database; None: there is none.

    Raises:
        DatabaseError: The keys cannot be read.
    """

    def __init__(self, database: Database, admin_key: str | None, poll_s: float = POLL_S) -> None:
        self._database = database
        self._setting = None if admin_key is None else _key_of_setting(admin_key)
        self._reading = threading.Lock()
        self._read_at_s = -math.inf
        self._stopping = threading.Event()
        self._noting = threading.Lock()
        self._used: dict[str, date] = {}
        self._to_note: dict[str, date] = {}
        self._known = _Known(KeysMark(-1, -1, None), {}, {})
        self.look()
        self._follower = Follower("keys", self.look, poll_s)
        # Another one: on SQLite a write may wait for an import, and a revoked key must not wait with it.
        self._noting_thread = threading.Thread(target=self._note_uses, name="key-uses", daemon=True)

    def start(self) -> None:
        """Begin to follow, and to write down uses."""
        self._follower.start()
        self._noting_thread.start()

    def close(self) -> None:
        """Stop both. A database that hangs is not waited for."""
        self._follower.close()
        self._stopping.set()
        if self._noting_thread.is_alive():
            self._noting_thread.join(CLOSE_S)

    def look(self) -> None:
        """
        Take the keys if one was made, revoked or forgotten since the last look; also called after changing them here.

        Raises:
            DatabaseError: The keys cannot be read.
        """
        is_old = time.monotonic() - self._read_at_s >= REREAD_S
        with self._reading, self._database.reading_keys() as keys:
            mark = keys.mark()
            if is_old or mark != self._known.mark:
                self._known = _known(mark, keys.list())
                self._read_at_s = time.monotonic()

    def find(self, text: bytes) -> KeyRecord | None:
        """
        Return the key of which this is the text, whether it is active or not; None if it is of no key.

        Two comparisons in constant time, whatever the text is: how long they take tells nothing about any secret.
        """
        known_id = id_of(text)
        record = self._known.by_id.get(known_id) if known_id is not None else None
        digest, none = digest_of(text), _NO_DIGEST
        is_setting = hmac.compare_digest(digest, self._setting.digest if self._setting is not None else none)
        is_record = hmac.compare_digest(digest, record.digest if record is not None else none)
        if is_setting:
            return self._setting
        return record if is_record else None

    def may_come_from(self, origin: str) -> bool:
        """Whether pages of this origin may use any key that is active."""
        return any(record.state == "active" for record in self._known.origins.get(origin, ()))

    def any_for(self, scope: Scope) -> bool:
        """Whether there is an active key that reaches as far as this scope."""
        if self._setting is not None:
            return True
        return any(key.state == "active" and key.allows(scope) for key in self._known.by_id.values())

    def note_use(self, record: KeyRecord) -> None:
        """Remember that a key was used today; that is written down soon, once a day."""
        today = datetime.now(UTC).date()
        if record.id != SETTING and self._used.get(record.id, record.last_used_on) != today:
            with self._noting:
                self._used[record.id] = self._to_note[record.id] = today

    # -- in another one --------------------------------------------------------------------------------------------

    def _note_uses(self) -> None:
        wait_s = NOTE_USES_S
        while not self._stopping.wait(wait_s):
            wait_s = NOTE_USES_S
            with self._noting:
                noting, self._to_note = self._to_note, {}
            if not noting:
                continue
            try:
                with self._database.changing_keys() as keys:
                    keys.note_uses(noting)
            except Exception as error:  # the day of a use is worth no more than another try
                log.warning("keys.use_not_noted", exc_info=error)
                with self._noting:
                    self._to_note = {**noting, **self._to_note}
                wait_s = NOTE_AGAIN_S


def _known(mark: KeysMark, records: list[KeyRecord]) -> _Known:
    origins: dict[str, tuple[KeyRecord, ...]] = {}
    for record in records:
        if record.state == "active":
            for origin in record.origins:
                origins[origin] = (*origins.get(origin, ()), record)
    return _Known(mark, MappingProxyType({record.id: record for record in records}), MappingProxyType(origins))


def _key_of_setting(text: str) -> KeyRecord:
    return KeyRecord(
        id=SETTING,
        name=SETTING,
        scope="admin",
        origins=(),
        digest=digest_of(text.encode()),
        per_minute=0,
        created_at=datetime.now(UTC),
        expires_at=None,
        revoked_at=None,
        last_used_on=None,
    )
