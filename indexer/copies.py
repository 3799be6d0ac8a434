"""
Learning what copies of a picture look like, beside pictures that are only similar: from copies that are made here.

A copy is a shrunk one, encoded anew, or one with a little cut off. Each is looked for in the catalogue: its own picture
there is the very one, the others that look like it are not. What is learned depends on the network and hardly on the
catalogue, so that it is done once and not for each snapshot.
"""

import hashlib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

import numpy as np

from app.core.arrays import BoolArray, Float32Array, Float64Array
from app.core.errors import InvalidImage
from app.core.preprocessing import PreparedImage, Region
from app.core.products import ImageRecord
from app.core.signature import compare
from app.core.verdict import CANDIDATES, CopyDetector, copy_features
from indexer.evaluation.bootstrap import SEED
from indexer.evaluation.metrics import best_first
from indexer.evaluation.queries import sampled
from indexer.evaluation.ranking import Asked, Searched, picture_scores
from indexer.plain_files import Unusable, read_plain_file
from indexer.progress import Progress
from indexer.training.logistic import fit_logistic
from indexer.workplace import Tools

COPIED: Final = 96
"""Pictures of which copies are made: with VGG16 on two cores, twenty seconds in the first build."""
CROP: Final = 0.05
"""Share of its width and height that a cropped copy lacks."""

AS_IT_COMES: Final = CopyDetector(cosine=31.8, correlation=1.97, colour=-0.417, bias=-36.7, pictures=0)
"""
Learned from 200 photos of fashion with efficientnet_lite0 and VGG16, for catalogues of too few pictures to learn from.

It tells 0.98 of their copies, and takes 0.004 of the pictures that look like them for copies.
"""

_FEWEST: Final = 32
_COPIES: Final = 2  # of a picture
_SAME: Final = 0.995  # correlation from which two of the catalogue's pictures are one, whatever their products are
_SCORES_AT_ONCE: Final = 32 * 1024 * 1024


def learn_copies(tools: Tools, images: Sequence[ImageRecord], searched: Searched, progress: Progress) -> CopyDetector:
    """
    Learn to tell copies from similar pictures; too few pictures give a detector that was learned from others.

    Args:
        tools: The network, the decoders and the signatures.
        images: The image of each row of `searched`.
        searched: The catalogue.
        progress: Told of the copies.
    """
    drawn = sampled(range(len(images)), lambda row: images[row].id, COPIED, SEED)
    known, _ = tools.signatures.get([images[row].sha256 for row in drawn])
    if known.sum() < _FEWEST:
        return AS_IT_COMES
    copies = [(row, copy) for row in drawn for copy in _copies_of(images[row], tools)]
    told: list[tuple[Float64Array, BoolArray]] = []
    progress.phase("Learning what copies look like", len(copies))
    step = min(tools.embedder.best_batch_size, max(1, _SCORES_AT_ONCE // len(images)))
    for start in range(0, len(copies), step):
        part = copies[start : start + step]
        embedded, refusals = tools.embedder.embed_each([copy for _, copy in part])
        scores = _scores(embedded.embeddings, searched)
        for (row, copy), cosines, refusal in zip(part, scores, refusals, strict=True):
            if refusal is None:
                told.append(_told_apart(row, copy, cosines, images, searched, tools))
        progress.advance(len(part))
    return _learned(told)


def _learned(told: Sequence[tuple[Float64Array, BoolArray]]) -> CopyDetector:
    """Learn from the features of pictures and which are the copy's own; AS_IT_COMES where they are too few."""
    pictures = sum(bool(is_own.any()) for _, is_own in told) // _COPIES
    if pictures < _FEWEST or all(is_own.all() for _, is_own in told):
        return AS_IT_COMES
    features, is_own = (np.concatenate(parts) for parts in zip(*told, strict=True))
    (cosine, correlation, colour), bias = fit_logistic(features, is_own)
    return CopyDetector(
        cosine=float(cosine), correlation=float(correlation), colour=float(colour), bias=bias, pictures=pictures
    )


def _copies_of(image: ImageRecord, tools: Tools) -> Iterator[PreparedImage]:
    """Yield copies of a picture; none where its file is not what it was."""
    data = read_plain_file(Path(image.location))
    if isinstance(data, Unusable) or hashlib.sha256(data).hexdigest() != image.sha256:
        return
    pool, preprocessings = tools.pool, tools.embedder.preprocessings
    corner = CROP * int(image.sha256[:2], 16) / 255  # anywhere, and the same each time
    try:
        small = pool.thumbnail(data, max(image.width_px, image.height_px) // 2)
        cropped = pool.prepare(data, preprocessings, _without_edges(corner))
        yield pool.prepare(small, preprocessings)
        yield cropped
    except InvalidImage:  # too small to be made smaller
        return


def _without_edges(left: float) -> Region:
    """Return all of a picture but CROP of its width and height, `left` of them at the left and at the bottom."""
    return Region(left, CROP - left, min(left + 1 - CROP, 1), 1 - left)


def _scores(embeddings: Float32Array, searched: Searched) -> Float32Array:
    count = len(embeddings)
    nothing = [np.empty(0, np.int64)] * count
    return picture_scores(Asked(embeddings, np.zeros(count, np.int64), nothing, nothing), searched)


def _told_apart(
    row: int,
    copy: PreparedImage,
    cosines: Float32Array,
    images: Sequence[ImageRecord],
    searched: Searched,
    tools: Tools,
) -> tuple[Float64Array, BoolArray]:
    """Return the features of the nearest pictures of other products and of the copy's own one, and which that is."""
    nearest = best_first(cosines[np.newaxis])[0, : 2 * CANDIDATES]
    is_other = searched.row_products[nearest] != searched.row_products[row]
    rows = [row, *nearest[is_other][:CANDIDATES].tolist()]
    known, signatures = tools.signatures.get([images[candidate].sha256 for candidate in rows])
    own = signatures[0]
    is_same = compare(own, signatures).correlation >= _SAME
    is_same[0] = False
    wanted = known & ~is_same if known[0] else np.zeros(len(rows), np.bool_)
    features = copy_features(cosines[rows], compare(copy.signature, signatures))
    return features[wanted], np.array([candidate == row for candidate in rows])[wanted]
