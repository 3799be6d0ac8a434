"""How long searches take while all pictures are embedded anew in another process, against before."""

import signal
import statistics
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from itertools import count

import httpx2

from app.core.settings import Settings
from app.db.database import Database
from app.db.jobs import Job
from tests.benchmarks.living import Living, change_picture, command, index_photos, percentile, run_command
from tests.benchmarks.rows import Row
from tests.support.server import running_server

QUERIES = 40
WARM_UP = 20
LOOK_S = 1.0  # between two looks at how far the job is
MOST = 1.5
WORKER, COMMAND = "lookalike worker", "lookalike reindex"


def measure_load(living: Living) -> Iterator[Row]:
    """Yield p95 of searches during a reindex of nothing but changed pictures, against before, and failed requests."""
    settings, photos = living.settings("load"), living.photos("load")
    index_photos(settings, photos)
    queries = [photo.read_bytes() for photo in photos[:: max(1, len(photos) // QUERIES)]]
    with (
        running_server(settings, living.folder / "load") as server,
        server.client() as client,
        closing(Database(settings.resolved_database_url)) as database,
    ):
        asker = Asker(client, queries)
        asker.warm_up()
        for line in (WORKER, COMMAND):  # the worker first: it steps back (niceness 19), the plain command does not
            for photo in photos:
                change_picture(photo)
            before = asker.ask(living.load_s / 2, lambda: False)
            with _reindexing(settings, database, line) as job:
                during = asker.ask(living.load_s, lambda: _is_over(job()))
                reached = job()
            yield from _rows(living, line, before, during, reached)


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


@contextmanager
def _reindexing(settings: Settings, database: Database, line: str) -> Iterator[Callable[[], Job | None]]:
    """Reindex by this command until the block ends, which may be too soon for it; give what tells of its job."""
    earlier = _newest(database)
    if line == WORKER:
        run_command(settings, "reindex", "--detach")
    arguments, environment = command(settings, line.removeprefix("lookalike "))
    process = subprocess.Popen(arguments, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    def job() -> Job | None:
        newest = _newest(database)
        return None if newest is None or (earlier and newest.id == earlier.id) else newest

    try:
        yield job
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait()
        left = job()
        if left is not None and not _is_over(left):  # a worker gives it back to the queue
            with database.changing_jobs() as jobs:
                jobs.request_cancel(left.id)


def _newest(database: Database) -> Job | None:
    with database.reading_jobs() as jobs:
        return next(iter(jobs.list(limit=1).jobs), None)


def _is_over(job: Job | None) -> bool:
    return job is not None and job.state not in ("queued", "running")


def _rows(living: Living, line: str, before: Asked, during: Asked, reached: Job | None) -> Iterator[Row]:
    if reached is None or not (reached.state == "succeeded" or reached.done):
        raise RuntimeError(f"{line} embedded nothing within {living.load_s:.0f} s; measure for longer")
    embedded = reached.result["embedded"] if reached.result else reached.done
    p95_ms, before_ms = percentile(during.answered_ms, 95), percentile(before.answered_ms, 95)
    ratio = p95_ms / before_ms
    yield Row(
        living.network,
        f"search p95 while `{line}` embeds all pictures anew ({embedded:,} so far), against before; one client at half "
        "of what it could ask",
        f"{ratio:.2f} ({before_ms:.1f} ms, then {p95_ms:.1f} ms)",
        f"at most {MOST}",
        ratio <= MOST,
    )
    asked = len(during.answered_ms) + len(during.failed)
    failed = len(during.failed)
    measured = f"{failed} ({during.failed[0]})" if failed else "0"
    yield Row(living.network, f"failed of {asked:,} requests meanwhile", measured, "0", failed == 0)
