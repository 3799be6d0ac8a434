"""The rules that searches apply, exchanged while the service runs: it follows the database's."""

import threading
from typing import Final

import structlog

from app.core.errors import LookalikeError
from app.db.database import Database
from app.search.rules import RuleSet

POLL_S: Final = 0.25
CLOSE_S: Final = 5.0

log: structlog.stdlib.BoundLogger = structlog.get_logger("lookalike.rules")


class LiveRules:
    """
    Holds one reference to the rules; what was made or removed anywhere counts here within a second.

    Take `rules` once a request. While the database does not answer, the rules that were seen last act on.

    Args:
        database: Where the rules are.
        poll_s: Seconds between two looks.

    Raises:
        DatabaseError: The rules cannot be read: what they hide would be shown.
    """

    def __init__(self, database: Database, poll_s: float = POLL_S) -> None:
        self._database = database
        self._poll_s = poll_s
        self._problem: str | None = None
        self._looking = threading.Lock()
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._follow, name="live-rules", daemon=True)
        self._rules = RuleSet()
        self.look()

    @property
    def rules(self) -> RuleSet:
        """What to apply."""
        return self._rules

    def start(self) -> None:
        """Begin to follow."""
        self._thread.start()

    def close(self) -> None:
        """Stop following; what is held stays usable. A database that hangs is not waited for."""
        self._stopping.set()
        if self._thread.is_alive():
            self._thread.join(CLOSE_S)

    def look(self) -> None:
        """Take the rules if one was made or removed since the last look; also called after changing them here."""
        with self._looking, self._database.reading_rules() as stored:
            if stored.ids() != tuple(rule.id for rule in self._rules.rules):
                self._rules = RuleSet(stored.list())
                log.info("rules.exchanged", rules=len(self._rules.rules))

    def _follow(self) -> None:
        while not self._stopping.wait(self._poll_s):
            try:
                self.look()
            except LookalikeError as error:
                self._report(error.message)
            except Exception as error:  # noqa: BLE001  # whatever it is, it is logged, and the next look may succeed
                self._report("The rules cannot be read; the log has the cause.", error)
            else:
                self._problem = None

    def _report(self, problem: str, cause: Exception | None = None) -> None:
        if problem != self._problem:
            log.warning("rules.unreachable", reason=problem, exc_info=cause)
        self._problem = problem
