"""What a run did with the rows and pictures of its source, and what it could not use."""

from collections import Counter
from dataclasses import dataclass, field

from app.db.refusals import Refused

LISTED = 10_000
"""Rows and pictures that a report lists one by one; beyond that it only counts them."""


@dataclass(slots=True)
class IngestReport:
    """
    What became of a source.

    Attributes:
        products: That are in the catalogue as the source states them.
        images: Of these products.
        embedded: Images that went through the network.
        reused: Images whose embeddings were stored already.
        kept: Pictures that could not be had or used now; those that the catalogue has from the same places stay.
        not_fetched: Pictures on other servers that could not be had, or that are no pictures any more.
        outdated: Products that the shop changed later than the source states.
        removed: Products that the source does not state any more.
        skipped: Rows and pictures that are not used, at most `LISTED` of them.
        skipped_by_reason: How many there are, by slug.
    """

    products: int = 0
    images: int = 0
    embedded: int = 0
    reused: int = 0
    kept: int = 0
    not_fetched: int = 0
    outdated: int = 0
    removed: int = 0
    skipped: list[Refused] = field(default_factory=list)
    skipped_by_reason: Counter[str] = field(default_factory=Counter)

    def skip(self, refused: Refused) -> None:
        """Count a row or a picture as not used, and list it while there is room."""
        self.skipped_by_reason[refused.reason] += 1
        if len(self.skipped) < LISTED:
            self.skipped.append(refused)
