"""When a reindex is due: by a cron expression, in the machine's local time."""

from datetime import UTC, datetime, timedelta, tzinfo

from cronsim import CronSim, CronSimError

from app.core.errors import InvalidSetting
from app.db.database import Database
from app.db.jobs import REINDEX, Job

FIELDS = 5  # minute, hour, day of the month, month, day of the week


class Schedule:
    """
    A cron expression as Debian's cron reads it.

    Where the clocks are put forward over a time of day that it names, that time comes right after; where they are put
    back, it comes once.
    """

    def __init__(self, expression: str, zone: tzinfo | None = None) -> None:
        """
        Read an expression such as `0 3 * * *`; `zone` is the machine's own unless another is given.

        Raises:
            InvalidSetting: It is none, or names a time that never comes.
        """
        self._expression = expression
        self._zone = zone or _LocalTime()
        if len(expression.split()) != FIELDS:
            raise InvalidSetting(
                f"LOOKALIKE_REINDEX_SCHEDULE: “{expression}” must have five parts: minute, hour, day of the month, "
                "month and day of the week, such as “0 3 * * *” for three o'clock every night."
            )
        try:
            self.newest_due(datetime.now(UTC))
        except CronSimError as error:
            raise InvalidSetting(f"LOOKALIKE_REINDEX_SCHEDULE: “{expression}” has a {_what(error)}.") from error
        except StopIteration as error:
            raise InvalidSetting(
                f"LOOKALIKE_REINDEX_SCHEDULE: “{expression}” names a time that never comes."
            ) from error

    def newest_due(self, now: datetime) -> datetime:
        """Return the last moment, now included, that the expression names; in UTC."""
        # Given a fraction of a second, the library begins with the second that it belongs to, and not before it.
        local = now.astimezone(self._zone).replace(microsecond=1)
        return next(CronSim(self._expression, local, reverse=True)).astimezone(UTC)


class Scheduler:
    """
    Queues a reindex when one is due. Any number may run at the same time: a due job is queued once.

    What fell due while no worker ran is made up for by one job. For a catalogue that never had a job, time begins when
    the first worker does. Everything is told by the database's clock.
    """

    def __init__(self, schedule: Schedule, database: Database) -> None:
        self._schedule = schedule
        self._database = database
        self._began_at: datetime | None = None

    def queue_due(self) -> Job | None:
        """Queue the reindex that is due, if one is."""
        with self._database.reading_jobs() as jobs:
            now = jobs.now()
            newest = jobs.newest_created_at(REINDEX)
        self._began_at = self._began_at or now
        due = self._schedule.newest_due(now)
        if due <= (newest or self._began_at):
            return None
        with self._database.changing_jobs() as jobs:
            return jobs.create_due(REINDEX, {"full": False}, due)


class _LocalTime(tzinfo):
    """
    The machine's time zone, as the C library has it, TZ included.

    `datetime.astimezone()` alone gives a fixed offset, that of one moment, and so no clock that is put forward or back.
    """

    def utcoffset(self, moment: datetime | None) -> timedelta | None:
        return moment.replace(tzinfo=None).astimezone().utcoffset() if moment is not None else None

    def dst(self, moment: datetime | None) -> timedelta | None:  # noqa: ARG002  # the base class has it
        return None

    def tzname(self, moment: datetime | None) -> str | None:
        return moment.replace(tzinfo=None).astimezone().tzname() if moment is not None else None

    def fromutc(self, moment: datetime) -> datetime:
        local = datetime.fromtimestamp(moment.replace(tzinfo=UTC).timestamp())  # noqa: DTZ006  # local time is meant
        return local.replace(tzinfo=self)


def _what(error: CronSimError) -> str:
    """Return `wrong minute` for the library's `Bad minute`."""
    return str(error).replace("Bad", "wrong")
