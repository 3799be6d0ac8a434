"""The rules that searches apply, exchanged while the service runs: it follows the database's."""

import threading

import structlog

from app.db.database import Database
from app.search.following import POLL_S, Follower
from app.search.rules import RuleSet

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
        self._looking = threading.Lock()
        self._rules = RuleSet()
        self._follower = Follower("rules", self.look, poll_s)
        self.look()

    @property
    def rules(self) -> RuleSet:
        """What to apply."""
        return self._rules

    def start(self) -> None:
        """Begin to follow."""
        self._follower.start()

    def close(self) -> None:
        """Stop following; what is held stays usable."""
        self._follower.close()

    def look(self) -> None:
        """Take the rules if one was made or removed since the last look; also called after changing them here."""
        with self._looking, self._database.reading_rules() as stored:
            if stored.ids() != tuple(rule.id for rule in self._rules.rules):
                self._rules = RuleSet(stored.list())
                log.info("rules.exchanged", rules=len(self._rules.rules))
