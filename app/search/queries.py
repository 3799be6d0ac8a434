"""Searches that can be asked again by their id, without the photo: what the network said of it, for a short while."""

import secrets
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass

from app.core.errors import NotFound
from app.core.vector_index import Float32Array

MAX_QUERIES = 2_000  # of at most some 20 kB each
LIFETIME_S = 15 * 60.0


@dataclass(frozen=True, slots=True)
class ClassProbability:
    """One of ImageNet's classes, or one of the shop's categories, with its probability."""

    label: str
    probability: float


@dataclass(frozen=True, slots=True, eq=False)
class Query:
    """
    What is searched with: embeddings of shape (m, d), the photo's classes, and the product to leave out.

    `m` is 1 for a photo and the number of its images for a product; a neighbour counts with its best score over them.
    """

    embeddings: Float32Array
    classes: tuple[ClassProbability, ...] = ()
    low_confidence: bool = False
    leave_out_product_id: str | None = None


class QueryStore:
    """The most recent queries by id, at most `capacity`, each for `lifetime_s`; used from one thread."""

    def __init__(
        self,
        capacity: int = MAX_QUERIES,
        lifetime_s: float = LIFETIME_S,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._capacity = capacity
        self._lifetime_s = lifetime_s
        self._clock = clock
        self._queries: OrderedDict[str, tuple[float, Query]] = OrderedDict()

    def __len__(self) -> int:
        return len(self._queries)

    def add(self, query: Query) -> str:
        """Keep a query and return its id: 128 random bits, so that nobody finds another's by guessing."""
        query_id = secrets.token_urlsafe(16)
        self._queries[query_id] = (self._clock() + self._lifetime_s, query)
        while len(self._queries) > self._capacity:
            self._queries.popitem(last=False)
        return query_id

    def get(self, query_id: str) -> Query:
        """
        Return the query of an id, which counts as its use.

        Raises:
            NotFound: There is none, or its time is over.
        """
        expires_at, query = self._queries.get(query_id, (0.0, None))
        if query is None or expires_at <= self._clock():
            self._queries.pop(query_id, None)
            raise NotFound("The query_id is not known, or no longer; send the photo again.")
        self._queries[query_id] = (self._clock() + self._lifetime_s, query)
        self._queries.move_to_end(query_id)
        return query
