"""The verdict on a photo: whether the hits are the very thing, something alike, or nothing that it shows."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from app.core.arrays import Float64Array
from app.core.signature import compare
from app.core.signature_store import SignatureStore
from app.core.verdict import CANDIDATES, Calibration, Match, nearness_of
from app.search.live_view import LiveView
from app.search.neighbours import Hit
from app.search.queries import Photo


@dataclass(frozen=True, slots=True)
class Judged:
    """
    A verdict, and the hit that is the very picture, if one is.

    `match` is None for snapshots that were built without a calibration, or of too few products to make one.
    """

    match: Match | None
    exact: Hit | None = None


def judge(view: LiveView, photo: Photo | None, hits: Sequence[Hit], signatures: SignatureStore) -> Judged:
    """
    Return the verdict on a photo; there is none on what is no photo.

    Args:
        view: What was searched.
        photo: What was searched with; None: a product.
        hits: The nearest products of all, best first.
        signatures: Of the catalogue's pictures.
    """
    calibration = view.snapshot.manifest.calibration
    if calibration is None or photo is None:
        return Judged(None)
    if not hits:
        return Judged(Match("none", 1.0))
    logits = _exact_logits(view, photo, hits[:CANDIDATES], calibration, signatures)
    best = int(np.argmax(logits))
    match = calibration.judge(nearness_of([hit.score for hit in hits]), float(logits[best]))
    return Judged(match, hits[best] if match.verdict == "exact" else None)


def exact_first(hits: Sequence[Hit], exact: Hit | None) -> list[Hit]:
    """Return the hits, the very picture before all others: a shrunk copy may have a better cosine with another one."""
    return sorted(hits, key=lambda hit: hit != exact)


def _exact_logits(
    view: LiveView, photo: Photo, hits: Sequence[Hit], calibration: Calibration, signatures: SignatureStore
) -> Float64Array:
    """
    Return the logit of the probability that each hit's picture is the photo, shape (hits,).

    That is infinite for the same file, and minus infinity without a signature. Logits rather than probabilities: those
    of two nearly equal pictures would both be 1, and the better one could not be told.
    """
    images = [view.image(hit.image_id) for hit in hits]
    sha256s = [image.sha256 if image else "" for image in images]
    known, found = signatures.get(sha256s)
    logits = calibration.copies.logits([hit.score for hit in hits], compare(photo.signature, found))
    is_same_file = np.array([photo.sha256 == sha256 for sha256 in sha256s])
    return np.where(is_same_file, np.inf, np.where(known, logits, -np.inf))
