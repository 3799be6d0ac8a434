"""Searches that can be asked again by their id, without the photo: what the network said of it, for a short while."""

import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass

from app.core.arrays import Float32Array, UInt8Array
from app.core.errors import NotFound
from app.core.files import MIB
from app.core.preprocessing import Region
from app.core.regions import Code
from app.search.recent import Recent

MAX_BYTES = 64 * MIB  # 2,900 photos at 4096 values and with codes; a product has an embedding for each of its images
LIFETIME_S = 15 * 60.0


@dataclass(frozen=True, slots=True)
class ClassProbability:
    """One of ImageNet's classes, or one of the shop's categories, with its probability."""

    label: str
    probability: float


@dataclass(frozen=True, slots=True, eq=False)
class Photo:
    """
    What tells a photo from others that look like it: its signature, shape (1152,), and the SHA-256 of its bytes.

    The hash of a region of a photo is empty.
    """

    signature: UInt8Array
    sha256: str


@dataclass(frozen=True, slots=True, eq=False)
class QueryPicture:
    """
    One picture that is searched with, as far as hits are explained by it.

    Attributes:
        seen: The part of the upright picture that the network sees.
        code: Of its regions; None: it is looked up, if it is asked for.
        image_id: Of the catalogue; None: of a photo, which is in none.
        image_sha256: The same.
    """

    seen: Region
    code: Code | None = None
    image_id: str | None = None
    image_sha256: str = ""


@dataclass(frozen=True, slots=True, eq=False)
class Query:
    """
    What is searched with: embeddings of shape (m, d), the photo's classes, and the product to leave out.

    `m` is 1 for a photo and the number of its images for a product; a neighbour counts with its best score over them.
    `pictures` are as many, to explain hits with. `photo` is None for a product.
    """

    embeddings: Float32Array
    classes: tuple[ClassProbability, ...] = ()
    low_confidence: bool = False
    leave_out_product_id: str | None = None
    pictures: tuple[QueryPicture, ...] = ()
    photo: Photo | None = None

    @property
    def size_bytes(self) -> int:
        """What it takes in memory, nearly."""
        codes_bytes = sum(picture.code.values.nbytes for picture in self.pictures if picture.code)
        return self.embeddings.nbytes + codes_bytes + (self.photo.signature.nbytes if self.photo else 0)


class QueryStore:
    """The most recent queries by id, at most `max_bytes` in all, each for `lifetime_s`; for one thread."""

    def __init__(
        self,
        max_bytes: int = MAX_BYTES,
        lifetime_s: float = LIFETIME_S,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._recent: Recent[Query] = Recent(max_bytes, lifetime_s, clock)

    def __len__(self) -> int:
        return len(self._recent)

    def add(self, query: Query) -> str:
        """Keep a query and return its id: 128 random bits, so that nobody finds another's by guessing."""
        query_id = secrets.token_urlsafe(16)
        self._recent.add(query_id, query, query.size_bytes)
        return query_id

    def get(self, query_id: str) -> Query:
        """
        Return the query of an id, which counts as its use.

        Raises:
            NotFound: There is none, or its time is over.
        """
        query = self._recent.get(query_id)
        if query is None:
            raise NotFound("The query_id is not known, or no longer; send the photo again.")
        return query
