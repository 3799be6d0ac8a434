"""Boxes around things: what holds of any map, and what is found where it is plain what should be."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from app.core import proposals
from app.core.arrays import BoolArray, Float32Array
from app.core.images import MIN_SIDE_PX
from app.core.preprocessing import Region
from app.core.proposals import MOST, OVERVIEW, Tile, is_pooled, propose, prototypes_of
from tests.support.scenes import overlap
from tests.support.snapshots import random_embeddings

D = 16
GREY = 240


def _tiles(boxes: list[tuple[Region, int]], thing: Float32Array, ground: Float32Array) -> list[Tile]:
    """Return tiles of a photo whose boxes have a grey value and, in the map, what a thing looks like."""
    tiles = []
    for view in OVERVIEW:
        region = view.region
        assert region is not None
        pixels = np.full((56, 56, 3), GREY, np.uint8)
        regions = np.tile(0.1 * ground, (7, 7, 1)).astype(np.float32)
        for size, array in ((56, pixels), (7, regions)):
            x = region.x0 + (region.x1 - region.x0) * (np.arange(size) + 0.5) / size
            y = region.y0 + (region.y1 - region.y0) * (np.arange(size) + 0.5) / size
            for box, grey in boxes:
                inside = np.outer((y >= box.y0) & (y < box.y1), (x >= box.x0) & (x < box.x1))
                array[inside] = grey if size == 56 else thing
        tiles.append(Tile(pixels, regions))
    return tiles


@pytest.fixture(scope="module")
def looks() -> tuple[Float32Array, Float32Array]:
    """What a thing and a ground look like to the network."""
    thing, ground = random_embeddings(2, D, 1)
    return thing, ground


class TestFound:
    """Two things in one photo."""

    THINGS = (Region(0.1, 0.15, 0.4, 0.6), Region(0.6, 0.4, 0.9, 0.85))

    @pytest.mark.parametrize("with_prototypes", [True, False])
    @pytest.mark.parametrize("grey", [60, GREY], ids=["by colour", "by activations alone"])
    def test_there_is_a_region_around_each(
        self,
        looks: tuple[Float32Array, Float32Array],
        with_prototypes: bool,  # noqa: FBT001  # a case
        grey: int,
    ) -> None:
        """Whether or not the network's map can be compared with the catalogue."""
        near = looks[0] + 0.02 * random_embeddings(200, D, 2)
        prototypes = prototypes_of(np.asarray(near / np.linalg.norm(near, axis=1, keepdims=True), np.float32))
        tiles = _tiles([(thing, grey) for thing in self.THINGS], *looks)
        found = propose(tiles, prototypes if with_prototypes else None, (600, 600))
        for thing in self.THINGS:
            assert max(overlap(each.region, thing) for each in found) > 0.5

    def test_without_maps_nothing_is_proposed(self, looks: tuple[Float32Array, Float32Array]) -> None:
        """As of a transformer."""
        tiles = [Tile(tile.pixels, None) for tile in _tiles([(self.THINGS[0], 60)], *looks)]
        assert propose(tiles, None, (600, 600)) == []
        empty = [Tile(tile.pixels, np.zeros((0, 0, 0), np.float32)) for tile in tiles]
        assert propose(empty, None, (600, 600)) == []

    def test_what_is_the_same_everywhere_has_nothing_in_it(self, looks: tuple[Float32Array, Float32Array]) -> None:
        """Nothing stands out from itself."""
        assert propose(_tiles([], *looks), None, (600, 600)) == []


@settings(max_examples=40, deadline=None)
@given(
    maps=arrays.arrays(np.float32, (len(OVERVIEW), 7, 7, 4), elements=st.floats(0, 8, width=32)),
    seed=st.integers(0, 100),
    size_px=st.tuples(st.integers(16, 5_000), st.integers(16, 5_000)),
    with_prototypes=st.booleans(),
)
def test_whatever_the_map_is_regions_are_regions(
    maps: Float32Array,
    seed: int,
    size_px: tuple[int, int],
    with_prototypes: bool,  # noqa: FBT001  # drawn
) -> None:
    """A few, inside the photo, no slimmer or smaller than they must be, best first with a salience of 1."""
    pixels = np.random.default_rng(seed).integers(0, 255, (len(OVERVIEW), 56, 56, 3), np.uint8)
    tiles = [Tile(*each) for each in zip(pixels, maps, strict=True)]
    found = propose(tiles, prototypes_of(random_embeddings(50, 4, seed)) if with_prototypes else None, size_px)
    assert len(found) <= MOST
    saliences = [each.salience for each in found]
    assert saliences == sorted(saliences, reverse=True)
    assert not found or saliences[0] == 1
    for each in found:
        sides_px = (each.region.x1 - each.region.x0) * size_px[0], (each.region.y1 - each.region.y0) * size_px[1]
        assert min(sides_px) >= min(0.69 * max(sides_px) - 1, 0.99 * min(size_px))
        assert min(sides_px) >= MIN_SIDE_PX - 0.5  # and is grown to whole pixels


@settings(max_examples=100, deadline=None)
@given(mask=arrays.arrays(np.bool_, (12, 12)))
def test_boxes_are_those_of_connected_parts(mask: BoolArray) -> None:
    """As filling each part place by place tells."""
    expected = []
    left = {(int(y), int(x)) for y, x in zip(*np.nonzero(mask), strict=True)}
    while left:
        part, edge = set(), {next(iter(left))}
        while edge:
            part |= edge
            near = {(y + dy, x + dx) for y, x in edge for dy, dx in ((0, 1), (1, 0), (0, -1), (-1, 0))}
            edge = (near & left) - part
        left -= part
        ys, xs = [y for y, _ in part], [x for _, x in part]
        expected.append((min(xs), min(ys), max(xs) + 1, max(ys) + 1))
    assert sorted(proposals._connected(mask)) == sorted(expected)


def test_pooled_networks_are_told_from_others() -> None:
    """By whether an embedding is the mean of its map."""
    regions = np.abs(np.random.default_rng(0).standard_normal((7, 7, D))).astype(np.float32)
    mean = regions.mean(axis=(0, 1))
    assert is_pooled(regions, np.asarray(mean / np.linalg.norm(mean)))
    assert not is_pooled(regions, random_embeddings(1, D, 1)[0])
    assert not is_pooled(regions, random_embeddings(1, 2 * D, 1)[0])
    assert not is_pooled(np.zeros((0, 0, 0), np.float32), random_embeddings(1, D, 1)[0])


def test_prototypes_have_the_length_of_embeddings() -> None:
    """Also of fewer pictures than there could be prototypes, and of pictures that are all the same."""
    for rows in (random_embeddings(300, D, 1), random_embeddings(3, D, 1), np.tile(random_embeddings(1, D, 1), (5, 1))):
        found = prototypes_of(rows)
        assert np.linalg.norm(found.typical, axis=1) == pytest.approx(1, abs=1e-5)
        assert np.isfinite(found.special).all()
