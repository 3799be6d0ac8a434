"""
What stands out in a photo: boxes around things, from how the last convolution answers to each place of it.

A photo is looked at in overlapping tiles, so that the map of it is finer than that of one look. A place stands out as
far as it looks like what the shop sells, and where the ground is plain, as far as its colour is another one. What is
connected above a threshold, at any of several, is a candidate, judged by how much more stands out inside than around.

Where an embedding is the mean of its map, as with EfficientNet, a place of the map is compared with the embeddings of
the shop's pictures. Of other networks only the length of a place's vector is used.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from app.core.arrays import BoolArray, Float32Array, Float64Array, Int64Array, UInt8Array
from app.core.images import MIN_SIDE_PX
from app.core.preprocessing import Region, View

MOST: Final = 5
"""Things of one photo."""
_TILE: Final = 0.45  # of each side of the photo
_STARTS: Final = (0.0, (1 - _TILE) / 2, 1 - _TILE)
_TILES: Final = tuple(Region(x, y, x + _TILE, y + _TILE) for y in _STARTS for x in _STARTS)
OVERVIEW: Final = tuple(View(tile, is_whole=True) for tile in _TILES)
"""What is looked at to find things."""

_PLACES: Final = 16  # a side of the joined map
_SIDE: Final = 48  # of the maps on which boxes are looked for
_THRESHOLDS: Final = (0.15, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8)
_COLOUR_THRESHOLDS: Final = (0.05, 0.1, 0.15, 0.25, 0.4, 0.6)
_GROUND: Final = 5  # per cent of the places stand out least
_LEAST_RANGE: Final = 1e-3  # of what stands out most: anything less is rounding
_PLAIN: Final = 12.0  # of 255: as far colours of one ground differ
_LEAST_SIDE: Final = 0.08
_LARGEST: Final = 0.9  # of the photo's area
_LARGEST_THING: Final = 0.25
"""What is within a larger box may be one of several things; what is within a smaller one is a part of the thing."""
_PART: Final = 0.8
_MOST_ALIKE: Final = 0.5
_LEAST_SALIENCE: Final = 0.3
_RING: Final = 0.25  # of a box's side
_SQUARE: Final = 0.7
"""The network sees the middle square of a region: of a slimmer one it would miss the ends of the thing."""

BoxArray = Int64Array | Float64Array
"""Left, top, right, bottom: shape (4,) or (n, 4)."""

_PROTOTYPES: Final = 64
_ROUNDS: Final = 12
_POOLED: Final = 0.99


@dataclass(frozen=True, slots=True)
class Proposal:
    """A part of a photo that stands out, and how much, 0 to 1."""

    region: Region
    salience: float


@dataclass(frozen=True, slots=True, eq=False)
class Tile:
    """A tile of the overview as it was seen: its pixels (s, s, 3), and its map (h, w, channels) if there is one."""

    pixels: UInt8Array
    regions: Float32Array | None


@dataclass(frozen=True, slots=True, eq=False)
class Prototypes:
    """
    What the shop's pictures look like, in few vectors of length 1.

    Attributes:
        typical: Centres of the embeddings, shape (k, d).
        special: Centres of what each has beyond the mean of all, shape (k, d).
    """

    typical: Float32Array
    special: Float32Array


def prototypes_of(embeddings: Float32Array) -> Prototypes:
    """Return the prototypes of embeddings, shape (n, d), unit-norm; some hundreds of a catalogue's tell enough."""
    return Prototypes(_centres(embeddings), _centres(_unit(embeddings - embeddings.mean(axis=0))))


def is_pooled(regions: Float32Array, embedding: Float32Array) -> bool:
    """Whether the embedding (d,) of a picture is the mean of its map (h, w, channels), but for its length."""
    if regions.shape[2] != len(embedding) or regions.size == 0:
        return False
    return float(_unit(regions.mean(axis=(0, 1))) @ embedding) > _POOLED


def propose(tiles: Sequence[Tile], prototypes: Prototypes | None, size_px: tuple[int, int]) -> list[Proposal]:
    """
    Return what stands out in a photo, best first, at most five things; none where the network has no map.

    Args:
        tiles: As many as `OVERVIEW` has.
        prototypes: Of the catalogue; None for a network whose embedding is not the mean of its map.
        size_px: Of the photo.
    """
    grid = _joined(tiles)
    if grid is None:
        return []
    colours, plainness = _colours(tiles)
    maps = [_stretched(_finer(strength)) for strength in _strengths(grid, prototypes)]
    boxes = [box for each in maps for box in _boxes(each, _THRESHOLDS)] + _boxes(colours, _COLOUR_THRESHOLDS)
    if not boxes:
        return []
    candidates = np.unique(np.array(boxes), axis=0)
    scores = sum(_scores(each, candidates) for each in maps) / len(maps) + plainness * _scores(colours, candidates)
    return _distinct(candidates, scores, size_px)


def _centres(rows: Float32Array) -> Float32Array:
    """Return the centres of up to _PROTOTYPES groups of rows of length 1, by their directions (spherical k-means)."""
    centres = rows[np.random.default_rng(0).permutation(len(rows))[:_PROTOTYPES]]
    for _ in range(_ROUNDS):
        nearest = np.argmax(rows @ centres.T, axis=1)
        sums = np.zeros_like(centres)
        np.add.at(sums, nearest, rows)
        centres = np.where(sums.any(axis=1, keepdims=True), _unit(sums), centres)
    return centres


def _unit(rows: Float32Array) -> Float32Array:
    lengths = np.linalg.norm(rows, axis=-1, keepdims=True)
    return np.asarray(rows / np.maximum(lengths, 1e-9), np.float32)


def _joined(tiles: Sequence[Tile]) -> Float32Array | None:
    """Return one map of the whole photo, (_PLACES, _PLACES, channels); each place from the tiles that see it best."""
    total, weight = None, np.zeros((_PLACES, _PLACES, 1))
    for region, tile in zip(_TILES, tiles, strict=True):
        if tile.regions is None or tile.regions.size == 0:
            continue
        height, width, _ = tile.regions.shape
        down, across = _shares(region.y0, region.y1, height), _shares(region.x0, region.x1, width)
        part = np.einsum("ia,jb,abc->ijc", down, across, tile.regions, optimize=True)
        total = part if total is None else total + part
        weight += np.outer(down.sum(axis=1), across.sum(axis=1))[..., np.newaxis]
    return None if total is None else np.asarray(total / np.maximum(weight, 1e-9), np.float32)


def _shares(start: float, end: float, cells: int) -> Float64Array:
    """Return how much each cell of a tile says of each place along a side, (_PLACES, cells): the middle ones more."""
    places = np.arange(_PLACES + 1) / _PLACES
    edges = start + (end - start) * np.arange(cells + 1) / cells
    shared = np.minimum(places[1:, np.newaxis], edges[1:]) - np.maximum(places[:-1, np.newaxis], edges[:-1])
    trust = np.minimum(np.arange(cells) + 1, cells - np.arange(cells))
    return np.asarray(np.clip(shared, 0, None) * trust, np.float64)


def _strengths(grid: Float32Array, prototypes: Prototypes | None) -> list[Float64Array]:
    """Return how much each place stands out, (_PLACES, _PLACES), in one way or two."""
    if prototypes is None:
        return [np.linalg.norm(grid, axis=2).astype(np.float64)]
    special = (grid @ prototypes.special.T).max(axis=2)
    typical = (_unit(grid) @ prototypes.typical.T).max(axis=2)
    return [special.astype(np.float64), typical.astype(np.float64)]


def _finer(strength: Float64Array) -> Float64Array:
    """Return a map with _SIDE places a side, interpolated."""
    at = np.clip((np.arange(_SIDE) + 0.5) * _PLACES / _SIDE - 0.5, 0, _PLACES - 1)
    places = np.arange(_PLACES)
    weights = np.clip(1 - np.abs(at[:, np.newaxis] - places), 0, None)  # (_SIDE, _PLACES), rows add up to 1
    return np.asarray(weights @ strength @ weights.T)


def _stretched(strength: Float64Array) -> Float64Array:
    """Return a map from 0, what stands out least, to 1."""
    ground, most = np.percentile(strength, _GROUND), strength.max()
    return np.asarray(np.clip((strength - ground) / max(most - ground, _LEAST_RANGE * abs(most), 1e-9), 0, None))


def _colours(tiles: Sequence[Tile]) -> tuple[Float64Array, float]:
    """
    Return how far each place's colour is from the photo's edges', 0 to 1, (_SIDE, _SIDE), and how plain those are.

    That is the share of the edges that has nearly one colour.
    """
    total, weight = np.zeros((_SIDE, _SIDE, 3)), np.zeros((_SIDE, _SIDE, 1))
    places = (np.arange(_SIDE) + 0.5) / _SIDE
    for region, tile in zip(_TILES, tiles, strict=True):
        rows, columns = (
            np.flatnonzero((places >= start) & (places < end))
            for start, end in ((region.y0, region.y1), (region.x0, region.x1))
        )
        total[np.ix_(rows, columns)] += _shrunk(tile.pixels, places[rows] - region.y0, places[columns] - region.x0)
        weight[np.ix_(rows, columns)] += 1
    picture = total / np.maximum(weight, 1)
    edges = np.concatenate([picture[0], picture[-1], picture[:, 0], picture[:, -1]])
    ground = np.median(edges, axis=0)
    plainness = float((np.abs(edges - ground).max(axis=1) < _PLAIN).mean())
    return np.abs(picture - ground).max(axis=2) / 255, plainness


def _shrunk(pixels: UInt8Array, down: Float64Array, across: Float64Array) -> Float64Array:
    """Return a tile's colours around places that are given in shares of the photo, by the mean of what is near."""
    size = len(pixels)
    reach = max(1, round(size / (_SIDE * _TILE)))
    blocks = pixels[: size // reach * reach, : size // reach * reach].astype(np.float64)
    means = blocks.reshape(size // reach, reach, size // reach, reach, 3).mean(axis=(1, 3))
    rows, columns = (
        np.clip((offsets / _TILE * size / reach).astype(int), 0, len(means) - 1) for offsets in (down, across)
    )
    return np.asarray(means[np.ix_(rows, columns)])


def _boxes(strength: Float64Array, thresholds: Sequence[float]) -> list[tuple[int, int, int, int]]:
    """Return the boxes around what is connected above each threshold: left, top, right, bottom, in places."""
    least, most = _LEAST_SIDE * _SIDE, _LARGEST * _SIDE**2
    return [
        (left, top, right, bottom)
        for threshold in thresholds
        for left, top, right, bottom in _connected(strength > threshold)
        if right - left >= least and bottom - top >= least and (right - left) * (bottom - top) <= most
    ]


def _connected(mask: BoolArray) -> list[tuple[int, int, int, int]]:
    """Return the box around each connected part of a mask, from the runs of its rows."""
    boxes: dict[int, tuple[int, int, int, int]] = {}
    names = 0
    above: list[tuple[int, int, int]] = []  # first, end and name of each run in the row before
    for y, row in enumerate(mask):
        edges = np.flatnonzero(np.diff(np.concatenate([[False], row, [False]]))).tolist()
        runs: list[tuple[int, int, int]] = []
        for first, end in zip(edges[::2], edges[1::2], strict=True):
            touched = {name for a, b, name in above if a < end and first < b}
            touched |= {name for a, b, name in runs if name in touched}
            parts = [boxes.pop(name) for name in touched] + [(first, y, end, y + 1)]
            boxes[names] = (
                min(part[0] for part in parts),
                min(part[1] for part in parts),
                max(part[2] for part in parts),
                max(part[3] for part in parts),
            )
            above = [(a, b, names if name in touched else name) for a, b, name in above]
            runs = [(a, b, names if name in touched else name) for a, b, name in runs] + [(first, end, names)]
            names += 1
        above = runs
    return list(boxes.values())


def _scores(strength: Float64Array, boxes: Int64Array) -> Float64Array:
    """Return how much more stands out in each box, shape (n, 4), than around it; larger boxes count a little more."""
    sums = np.pad(strength.cumsum(axis=0).cumsum(axis=1), ((1, 0), (1, 0)))
    ring = np.maximum(1, _RING * np.stack([boxes[:, 2] - boxes[:, 0], boxes[:, 3] - boxes[:, 1]], axis=1)).astype(int)
    wider = np.clip(boxes + np.concatenate([-ring, ring], axis=1), 0, _SIDE)
    inside, around = _sum_of(sums, boxes), _sum_of(sums, wider)
    area, wider_area = _area(boxes), _area(wider)
    outside = (around - inside) / np.maximum(wider_area - area, 1)
    return np.asarray((inside / area - outside) * (area / _SIDE**2) ** 0.25)


def _sum_of(sums: Float64Array, boxes: Int64Array) -> Float64Array:
    left, top, right, bottom = boxes.T
    return np.asarray(sums[bottom, right] - sums[top, right] - sums[bottom, left] + sums[top, left])


def _area(boxes: BoxArray) -> BoxArray:
    return np.asarray((boxes[:, 2] - boxes[:, 0]) * (boxes[:, 3] - boxes[:, 1]))


def _distinct(boxes: Int64Array, scores: Float64Array, size_px: tuple[int, int]) -> list[Proposal]:
    """Return the best boxes as regions, best first; none is the whole photo, nearly another one, or part of a thing."""
    chosen: list[int] = []
    regions: list[Region] = []
    for place in np.argsort(-scores, kind="stable").tolist():
        least = _LEAST_SALIENCE * scores[chosen[0]] if chosen else 0.0
        if len(chosen) == MOST or scores[place] <= least:
            break
        region = _squared(boxes[place], size_px)
        is_whole = (region.x1 - region.x0) * (region.y1 - region.y0) > _LARGEST
        if not (is_whole or _is_among(region, regions) or _is_part(boxes[place], boxes[chosen])):
            chosen.append(place)
            regions.append(region)
    return [
        Proposal(region, float(scores[place] / scores[chosen[0]]))
        for place, region in zip(chosen, regions, strict=True)
    ]


def _is_among(region: Region, others: Sequence[Region]) -> bool:
    """Whether a region is nearly one of the others."""
    one, rest = (np.array([[each.x0, each.y0, each.x1, each.y1] for each in some]) for some in ([region], others))
    if not others:
        return False
    shared = _shared(one[0], rest)
    return bool((shared >= _MOST_ALIKE * (_area(one) + _area(rest) - shared)).any())


def _is_part(box: Int64Array, others: Int64Array) -> bool:
    """Whether a box and another one that is no larger than a thing have nearly all of the smaller one in common."""
    areas, area = _area(others), _area(box[np.newaxis])
    is_within = _shared(box, others) >= _PART * np.minimum(areas, area)
    return bool((is_within & (np.maximum(areas, area) < _LARGEST_THING * _SIDE**2)).any())


def _shared(box: BoxArray, others: BoxArray) -> BoxArray:
    """Return the area that a box, shape (4,), shares with each of others, shape (n, 4)."""
    sides = np.minimum(others[:, 2:], box[2:]) - np.maximum(others[:, :2], box[:2])
    return np.asarray(np.clip(sides, 0, None).prod(axis=1))


def _squared(box: Int64Array, size_px: tuple[int, int]) -> Region:
    """Return the region around a box that shows all of it to the network, as far as the photo goes."""
    sides, starts = [], []
    lengths_px = [(box[axis + 2] - box[axis]) / _SIDE * size_px[axis] for axis in (0, 1)]
    for axis in (0, 1):
        side_px = min(max(lengths_px[axis], _SQUARE * max(lengths_px), MIN_SIDE_PX), size_px[axis])
        middle_px = (box[axis] + box[axis + 2]) / 2 / _SIDE * size_px[axis]
        sides.append(side_px / size_px[axis])
        starts.append(min(max(middle_px - side_px / 2, 0), size_px[axis] - side_px) / size_px[axis])
    ends = [min(1.0, start + side) for start, side in zip(starts, sides, strict=True)]
    left, top, right, bottom = (round(float(value), 4) for value in (*starts, *ends))
    return Region(left, top, right, bottom)
