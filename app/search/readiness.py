"""Whether searches can be answered: a probe image goes the way of every photo and must come out as at indexing."""

import asyncio
import time
from dataclasses import dataclass

from app.core.errors import IndexNotReady, LookalikeError, Overloaded, SnapshotIncompatible, Unavailable
from app.core.probes import LOWEST_COSINE, probe_images
from app.search.live_index import LiveIndex
from app.search.looking import Trace
from app.search.service import SearchService

FRESH_S = 3.0
BUSY_GRACE_S = 30.0


@dataclass(frozen=True, slots=True)
class Ready:
    """What the check found; `degraded_reason` is that of `LiveIndex`."""

    snapshot_id: str
    network: str
    probe_cosine: float
    degraded_reason: str | None


class ReadinessCheck:
    """
    Checks snapshot, decoding and network together; an answer is good for 3 s, so that it costs nothing.

    Searching needs no database: while that is away, the service is degraded, not out of order.
    """

    def __init__(self, live_index: LiveIndex, search: SearchService) -> None:
        self._live_index = live_index
        self._search = search
        self._probe = probe_images()[0]
        self._lock = asyncio.Lock()
        self._checked_at_s = float("-inf")
        self._succeeded_at_s = float("-inf")
        self._outcome: Ready | LookalikeError | None = None

    async def check(self) -> Ready:
        """
        Return what was found, now or less than 3 s ago.

        Raises:
            LookalikeError: Why the service cannot answer searches.
        """
        async with self._lock:
            now_s = time.monotonic()
            if self._outcome is None or now_s - self._checked_at_s >= FRESH_S:
                self._outcome = await self._outcome_at(now_s)
                self._checked_at_s = now_s
        if isinstance(self._outcome, LookalikeError):
            raise self._outcome
        return self._outcome

    async def _outcome_at(self, now_s: float) -> Ready | LookalikeError:
        try:
            found = await self._check()
        except Overloaded as error:
            # A service at its limit is at work; it is out of order only if no probe gets through for long.
            if isinstance(self._outcome, Ready) and now_s - self._succeeded_at_s < BUSY_GRACE_S:
                return self._outcome
            return error
        except Unavailable as error:
            return error
        except LookalikeError as error:
            return IndexNotReady(error.message)
        self._succeeded_at_s = now_s
        return found

    async def _check(self) -> Ready:
        snapshot = self._live_index.view.snapshot
        query = await self._search.look_at(self._probe, None, Trace())
        cosine = float(query.embeddings[0] @ snapshot.probes[0])
        if not cosine >= LOWEST_COSINE:
            raise SnapshotIncompatible(
                f"The network gives another embedding for a probe image than at indexing: cosine {cosine:.4f}, "
                f"at least {LOWEST_COSINE} is needed."
            )
        return Ready(snapshot.id, snapshot.manifest.network, cosine, self._live_index.degraded_reason)
