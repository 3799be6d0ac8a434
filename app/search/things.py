"""Which things stand out in a photo, told by what this catalogue's pictures look like."""

from dataclasses import dataclass
from typing import Final

import numpy as np

from app.core.proposals import Proposal, Prototypes, Tile, propose, prototypes_of
from app.search.live_view import LiveView

SAMPLE: Final = 1_000
"""Pictures that prototypes are made of."""


@dataclass(frozen=True, slots=True)
class Overview:
    """
    What was seen of a whole photo.

    Attributes:
        tiles: As many as `app.core.proposals.OVERVIEW` has.
        size_px: Of the photo.
        is_uniform: Whether it has (nearly) one colour, so that nothing stands out.
        is_pooled: Whether places of its maps can be compared with embeddings.
    """

    tiles: tuple[Tile, ...]
    size_px: tuple[int, int]
    is_uniform: bool
    is_pooled: bool


class Things:
    """Finds things in photos, in several threads; knows the prototypes of the snapshot it was last asked about."""

    def __init__(self) -> None:
        self._known: tuple[str, Prototypes] | None = None

    def find(self, view: LiveView, overview: Overview) -> list[Proposal]:
        """Return what stands out, best first."""
        if overview.is_uniform:
            return []
        return propose(overview.tiles, self._prototypes(view) if overview.is_pooled else None, overview.size_px)

    def _prototypes(self, view: LiveView) -> Prototypes | None:
        """Return the prototypes of a snapshot's pictures, made once for each snapshot; None of an empty one."""
        known, index = self._known, view.base.index
        if known is not None and known[0] == view.snapshot.id:
            return known[1]
        if len(index) == 0:
            return None
        rows = np.random.default_rng(0).permutation(len(index))[:SAMPLE].tolist()
        prototypes = prototypes_of(np.stack([index.embedding(row) for row in sorted(rows)]))
        self._known = (view.snapshot.id, prototypes)
        return prototypes
