"""Things in a photo: `regions=auto` over HTTP, on drawn photos of several products."""

import io
from typing import Any
from unittest.mock import patch

import pytest
from PIL import Image
from starlette.testclient import TestClient

from app.core.decode_pool import DecodePool
from app.core.preprocessing import Region
from tests.support.alike import is_alike
from tests.support.scenes import area, compose, shared
from tests.support.shop import Shop

Json = Any


def _search(client: TestClient, photo: bytes, **fields: object) -> Json:
    parts: dict[str, Any] = {name: (None, str(value)) for name, value in fields.items()} | {"image": ("x.jpg", photo)}
    reply = client.post("/search", files=parts)
    assert reply.status_code == 200, reply.text
    return reply.json()


def _scene(shop: Shop, *names: str, seed: int = 0) -> Any:  # noqa: ANN401  # a scene
    return compose([(name, shop.photos[name][0]) for name in names], seed)


@pytest.mark.parametrize("seed", range(4))
def test_each_thing_in_a_photo_is_found(client: TestClient, shop: Shop, seed: int) -> None:
    """A region holds it, and its category is the first of that region's."""
    scene = _scene(shop, "mugs-03", "bags-01", seed=seed)
    found = _search(client, scene.photo, regions="auto")["regions"]
    assert 2 <= len(found) <= 5
    for placed in scene.placed:
        holding = [each for each in found if shared(Region(*each["region"]), placed.box) > 0.7 * area(placed.box)]
        kinds = {each["results"][0]["product"]["category"] for each in holding}
        assert placed.product.partition("-")[0] in kinds


def test_what_stands_out_most_comes_first(client: TestClient, shop: Shop) -> None:
    """With the salience 1, against which the others are told; no two regions are nearly the same."""
    found = _search(client, _scene(shop, "mugs-03", "bags-01", "lamps-02").photo, regions="auto")["regions"]
    saliences = [each["salience"] for each in found]
    assert saliences == sorted(saliences, reverse=True)
    assert saliences[0] == 1
    assert min(saliences) > 0
    assert len({tuple(each["region"]) for each in found}) == len(found)
    for each in found:
        left, top, right, bottom = each["region"]
        assert 0 <= left < right <= 1
        assert 0 <= top < bottom <= 1


def test_the_answer_for_a_region_is_that_of_a_search_with_it(client: TestClient, shop: Shop) -> None:
    """But for rounding, whatever else is asked for; and its query_id asks for it again."""
    photo = _scene(shop, "mugs-03", "bags-01").photo
    fields: dict[str, Any] = {"k": 4, "filter": '{"category": {"in": ["bags", "mugs"]}}', "explain": "true"}
    for each in _search(client, photo, regions="auto", **fields)["regions"]:
        assert list(each) == ["region", "salience", "query_id", "categories", "results"]
        alone = _search(client, photo, region=",".join(str(side) for side in each["region"]), **fields)
        assert is_alike(each["results"], alone["results"])
        assert is_alike(each["categories"], alone["categories"])
        asked = {name: (None, str(value)) for name, value in fields.items()} | {"query_id": (None, each["query_id"])}
        assert client.post("/search", files=asked).json()["results"] == each["results"]


def test_all_else_is_as_without_them(client: TestClient, shop: Shop) -> None:
    """The whole photo's results, or the region's that was asked for; and nothing of regions where they were not."""
    photo = _scene(shop, "mugs-03", "bags-01").photo
    for fields in ({}, {"region": "0,0,0.5,1"}):
        plain, auto = (
            _search(client, photo, facets="brand", **fields),
            _search(client, photo, facets="brand", regions="auto", **fields),
        )
        assert "regions" not in plain
        for same in ("match", "classes", "categories", "results", "facets", "low_confidence"):
            assert is_alike(auto[same], plain[same]), same


def test_a_photo_of_one_colour_has_nothing_in_it(client: TestClient) -> None:
    """An empty list, which is not the same as none."""
    out = io.BytesIO()
    Image.new("RGB", (200, 200), "#eeeeee").save(out, "PNG")
    assert _search(client, out.getvalue(), regions="auto")["regions"] == []


@pytest.mark.parametrize(("width_px", "height_px"), [(16, 16), (20, 900), (1200, 30)])
def test_photos_of_odd_shapes_are_answered(client: TestClient, width_px: int, height_px: int) -> None:
    """Their regions are no smaller than a photo may be."""
    out = io.BytesIO()
    picture = Image.radial_gradient("L").resize((width_px, height_px)).convert("RGB")
    picture.paste("red", (0, 0, max(1, width_px // 3), max(1, height_px // 3)))
    picture.save(out, "PNG")
    assert isinstance(_search(client, out.getvalue(), regions="auto")["regions"], list)


def test_the_photo_is_decoded_twice_however_many_things_it_shows(client: TestClient, shop: Shop) -> None:
    """Once for what is searched with and the overview, once for all regions."""
    photo = _scene(shop, "mugs-03", "bags-01").photo
    with patch.object(DecodePool, "prepare_views", autospec=True, side_effect=DecodePool.prepare_views) as prepare:
        _search(client, photo, regions="auto")
    assert prepare.call_count == 2


@pytest.mark.parametrize("value", ["", "true", "AUTO", "auto "])
def test_regions_can_only_be_auto(client: TestClient, shop: Shop, value: str) -> None:
    """Anything else is refused by name."""
    reply = client.post("/search", files={"image": ("x", shop.photos["mugs-03"][0]), "regions": (None, value)})
    assert (reply.status_code, reply.json()["type"]) == (422, "/problems/invalid-parameter")
    assert "regions" in reply.json()["detail"]


@pytest.mark.parametrize("field", ["product_id", "query_id"])
def test_things_are_looked_for_in_photos_only(client: TestClient, field: str) -> None:
    """A product or an earlier search has no photo to look at."""
    reply = client.post("/search", files={field: (None, "mugs-00"), "regions": (None, "auto")})
    assert (reply.status_code, reply.json()["type"]) == (422, "/problems/invalid-parameter")
