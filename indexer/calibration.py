"""
The calibration of a snapshot's verdicts, made from the catalogue's own pictures when it is built.

Nearness comes from the pictures that are held out to measure the snapshot anyway. What copies of a picture look like is
learned once for a network, and taken over from the live snapshot after that.
"""

from collections.abc import Sequence
from typing import Final

import numpy as np

from app.core.arrays import Float64Array
from app.core.product_file import ProductImages
from app.core.products import ProductRecord
from app.core.verdict import NEIGHBOURS, Calibration
from indexer.copies import COPIED, learn_copies
from indexer.evaluation.gate import HeldOutSample
from indexer.evaluation.ranking import NO_CATEGORY
from indexer.progress import Progress
from indexer.training.logistic import fit_logistic
from indexer.workplace import Tools

FEWEST_PRODUCTS: Final = 20
"""Below that, there is nothing to say about what is near."""
QUANTILES: Final = 101


def calibrate(
    tools: Tools,
    products: Sequence[ProductRecord],
    sample: HeldOutSample,
    live: Calibration | None,
    progress: Progress,
) -> Calibration | None:
    """
    Return the calibration of a snapshot; None where there are too few products to calibrate with.

    Args:
        tools: The network, to embed copies with; the signatures.
        products: Those of the snapshot.
        sample: Its own pictures, held out.
        live: The calibration of the live snapshot, if that is of the same network.
        progress: Told of the copies that are made.
    """
    if len(products) < FEWEST_PRODUCTS:
        return None
    nearness = _nearness(sample)
    slope, bias = _right_by_nearness(nearness, sample)
    images = ProductImages(products)
    if live is not None and live.copies.pictures >= min(COPIED, len(images)) // 2:
        copies = live.copies
    else:
        copies = learn_copies(tools, images, sample.searched, progress)
    return Calibration(
        nearness=tuple(np.quantile(nearness, np.linspace(0, 1, QUANTILES)).round(6).tolist()),
        right_slope=slope,
        right_bias=bias,
        copies=copies,
    )


def _nearness(sample: HeldOutSample) -> Float64Array:
    """Return the nearness of each picture that was held out, shape (q,)."""
    hits, scores = sample.evaluation.hits[:, :NEIGHBOURS], sample.evaluation.scores[:, :NEIGHBOURS]
    nearness: Float64Array = np.nanmean(np.where(hits >= 0, scores, np.nan), axis=1, dtype=np.float64)
    return nearness


def _right_by_nearness(nearness: Float64Array, sample: HeldOutSample) -> tuple[float | None, float | None]:
    """Return slope and bias of the logit that a first hit is of the right category; None with fewer than two."""
    categories = sample.searched.categories
    own = categories[sample.searched.row_products[sample.rows]]
    is_right = categories[sample.evaluation.hits[:, 0]] == own
    has_category = own != NO_CATEGORY
    if len(set(own[has_category].tolist())) < 2:
        return None, None
    near, right = nearness[has_category], is_right[has_category]
    if len(set(right.tolist())) < 2:  # all right (or all wrong): as if one were not, where that is likeliest
        near, right = np.append(near, [near.min(), near.max()]), np.append(right, [False, True])
    (slope,), bias = fit_logistic(near[:, np.newaxis], right)
    return float(slope), bias
