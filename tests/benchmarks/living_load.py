"""How long searches take while all pictures are embedded anew in another process, against before."""

import signal
import statistics
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from itertools import count
from typing import cast

import httpx2

from app.core.settings import Settings
from app.db.database import Database
from app.db.jobs import Job
from tests.benchmarks.living import Living, change_picture, command, index_photos, percentile, run_command
from tests.benchmarks.rows import Row
from tests.support.server import started_server

QUERIES = 40
WARM_UP = 20
START_S = 180.0  # most that a command may take until it embeds, on a machine that is busy
LOOK_S = 1.0  # between two looks at how far the job is
MOST = 1.5
EMBEDDING = "Looking at the pictures"  # as a reindex calls it
WORKER, COMMAND = "lookalike worker", "lookalike reindex"


def measure_load(living: Living) -> Iterator[Row]:
    """Yield p95 of searches during a reindex of nothing but changed pictures, against before, and failed requests."""
    settings, photos = living.settings("load"), living.photos("load")
    index_photos(settings, photos)
    queries = [photo.read_bytes() for photo in photos[:: max(1, len(photos) // QUERIES)]]
    with (
        started_server(settings, living.folder / "load") as server,
        server.client() as client,
        closing(Database(settings.resolved_database_url)) as database,
    ):
        asker = Asker(client, queries)
        asker.warm_up()
        for line in (WORKER, COMMAND):  # both step back (niceness 19)
            for photo in photos:
                change_picture(photo)
            before = asker.ask(living.load_s / 2, lambda: False)
            with _reindexing(settings, database, line) as job:
                starting = asker.ask(START_S, job.has_begun)
                during = asker.ask(living.load_s, job.is_over)
            yield from _rows(living, line, before, starting, during, job.embedded)


@dataclass(frozen=True, slots=True)
class Asked:
    """What became of some requests."""

    answered_ms: list[float] = field(default_factory=list)
    failed: list[str] = field(default_factory=list)


class Asker:
    """One client that pauses after each search as long as one takes: half of the requests that it could make."""

    def __init__(self, client: httpx2.Client, queries: list[bytes]) -> None:
        self._client = client
        self._queries = queries
        self._numbers = count()
        self._pause_s = 0.0

    def warm_up(self) -> None:
        """Ask a few times without a pause, and decide how long the pauses are."""
        asked = Asked()
        for _ in range(WARM_UP):
            self._ask_once(asked)
        self._pause_s = statistics.median(asked.answered_ms) / 1000

    def ask(self, most_s: float, is_over: Callable[[], bool]) -> Asked:
        """Search for so many seconds, or until it is over."""
        asked = Asked()
        began_s = looked_s = time.monotonic()
        while (now_s := time.monotonic()) - began_s < most_s:
            if now_s - looked_s >= LOOK_S:
                if is_over():
                    break
                looked_s = now_s
            self._ask_once(asked)
            time.sleep(self._pause_s)
        return asked

    def _ask_once(self, asked: Asked) -> None:
        query = self._queries[next(self._numbers) % len(self._queries)]
        began_s = time.perf_counter()
        try:
            self._client.post("/search", files={"image": ("photo", query)}).raise_for_status()
        except httpx2.HTTPError as error:
            asked.failed.append(repr(error))
        else:
            asked.answered_ms.append((time.perf_counter() - began_s) * 1000)


class NewJob:
    """The next reindex job that there will be."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._earlier_id: str | None = None
        self._earlier_id = job.id if (job := self._look()) else None
        self.embedded = 0
        """Pictures, when it was last looked at; all of them are new."""

    def has_begun(self) -> bool:
        """Look whether it has embedded anything."""
        return self.is_over() or self.embedded > 0

    def is_over(self) -> bool:
        """Look whether it has ended, and how far it is."""
        job = self._look()
        if job is None:
            return False
        if job.result:
            self.embedded = cast("int", job.result["embedded"])
        elif job.phase == EMBEDDING:  # `done` starts anew with each phase
            self.embedded = job.done
        return job.state not in ("queued", "running")

    def end(self) -> None:
        """Cancel it if it is not over: a worker that is stopped gives it back to the queue."""
        if (job := self._look()) and not self.is_over():
            with self._database.changing_jobs() as jobs:
                jobs.request_cancel(job.id)

    def _look(self) -> Job | None:
        with self._database.reading_jobs() as jobs:
            newest = next(iter(jobs.list(limit=1).jobs), None)
        return None if newest is None or newest.id == self._earlier_id else newest


@contextmanager
def _reindexing(settings: Settings, database: Database, line: str) -> Iterator[NewJob]:
    """Reindex by this command until the block ends, which may be too soon for it; give its job."""
    job = NewJob(database)
    if line == WORKER:
        run_command(settings, "reindex", "--detach")
    arguments, environment = command(settings, line.removeprefix("lookalike "))
    process = subprocess.Popen(arguments, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        yield job
    finally:
        job.is_over()
        process.send_signal(signal.SIGTERM)
        process.wait()
        job.end()


def _rows(living: Living, line: str, before: Asked, starting: Asked, during: Asked, embedded: int) -> Iterator[Row]:
    if not embedded:
        raise RuntimeError(f"{line} embedded nothing within {START_S:.0f} s")
    failed = [*starting.failed, *during.failed]
    asked = len(starting.answered_ms) + len(during.answered_ms) + len(failed)
    measured = f"{len(failed)} ({failed[0]})" if failed else "0"
    yield Row(living.network, f"failed of {asked:,} searches during `{line}`", measured, "0", not failed)
    before_ms, p95_ms = percentile(before.answered_ms, 95), percentile(during.answered_ms, 95)
    ratio = p95_ms / before_ms
    yield Row(
        living.network,
        f"search p95 while `{line}` embeds all pictures anew ({embedded:,} so far), against before; one client at half "
        "of what it could ask",
        f"{ratio:.2f} ({before_ms:.1f} ms, then {p95_ms:.1f} ms of {len(during.answered_ms):,})",
        f"at most {MOST}",
        ratio <= MOST,
    )
