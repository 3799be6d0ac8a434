"""Why a hit is one: `explain` on searches with a photo, a product, and an earlier search."""

import io
import shutil
from typing import Any

import pytest
from PIL import Image
from starlette.testclient import TestClient

from app.main import create_app
from tests.support.changes import AUTHORISED
from tests.support.shop import Shop, draw_product
from tests.support.waiting import wait_until

Json = Any


def _search(client: TestClient, photo: bytes | None = None, /, **fields: str) -> Json:
    parts: dict[str, Any] = {name: (None, value) for name, value in fields.items()}
    if photo is not None:
        parts["image"] = ("photo.jpg", photo)
    reply = client.post("/search", files=parts)
    assert reply.status_code == 200, reply.text
    return reply.json()


def _without_what_differs(answer: Json) -> Json:
    results = [{name: value for name, value in hit.items() if name != "explanation"} for hit in answer["results"]]
    return {name: value for name, value in answer.items() if name not in {"request_id", "timings_ms"}} | {
        "results": results
    }


def test_each_hit_is_explained_by_two_maps(client: TestClient, shop: Shop) -> None:
    """A coarse grid over the query and one over the hit, 1 at most, and the part of the picture that each covers."""
    answer = _search(client, shop.photos["mugs-03"][0], explain="true")
    assert len(answer["results"]) == 10
    for hit in answer["results"]:
        explanation = hit["explanation"]
        assert explanation["query_image"] is None
        for side in ("query", "hit"):
            rows = explanation[side]["values"]
            assert len(rows) == len(rows[0]) == 7
            assert max(max(row) for row in rows) in (0, 1)  # 0 all over: nothing in particular
            assert min(min(row) for row in rows) >= 0
            assert explanation[side]["seen"] == pytest.approx([0.0625, 0.0625, 0.9375, 0.9375], abs=0.07)
    same = answer["results"][0]["explanation"]
    assert same["query"]["values"] == [pytest.approx(row, abs=0.02) for row in same["hit"]["values"]], "one picture"


def test_what_was_not_asked_for_is_not_there(client: TestClient, shop: Shop) -> None:
    """The answer's form is that of always; and with maps, everything else is the same."""
    explained = _search(client, shop.photos["mugs-03"][0], explain="true")
    plain = _search(client, query_id=explained["query_id"], explain="false")
    assert all("explanation" not in hit for hit in plain["results"])
    assert _without_what_differs(plain) == _without_what_differs(explained)


def test_an_earlier_search_is_explained_without_its_photo(client: TestClient, shop: Shop) -> None:
    """What the network said of the photo's regions was kept with it."""
    first = _search(client, shop.photos["bags-02"][0], k="3")
    again = _search(client, query_id=first["query_id"], k="3", explain="true")
    at_once = _search(client, shop.photos["bags-02"][0], k="3", explain="true")
    assert [hit["explanation"] for hit in again["results"]] == [hit["explanation"] for hit in at_once["results"]]


def test_the_map_lies_where_the_product_is(client: TestClient, shop: Shop) -> None:
    """In a wide picture with the mug at its left, the left of the part that the network sees counts more."""
    wide = Image.new("RGB", (640, 320), "#f4f4f2")
    wide.paste(Image.open(io.BytesIO(shop.photos["mugs-03"][0])).resize((200, 200)), (150, 60))
    out = io.BytesIO()
    wide.save(out, "PNG")
    query = _search(client, out.getvalue(), k="1", explain="true")["results"][0]["explanation"]["query"]
    left, top, right, bottom = query["seen"]
    assert right - left == pytest.approx((bottom - top) / 2, abs=0.01)
    columns = [sum(row[x] for row in query["values"]) for x in range(7)]
    assert sum(columns[:3]) > sum(columns[4:])


def test_a_region_s_map_covers_a_part_of_the_region(client: TestClient, shop: Shop) -> None:
    """In shares of the whole picture."""
    answer = _search(client, shop.photos["mugs-03"][0], k="1", region="0,0,0.5,1", explain="true")
    left, top, right, bottom = answer["results"][0]["explanation"]["query"]["seen"]
    assert 0 <= left < right <= 0.5
    assert (top + bottom) / 2 == pytest.approx(0.5, abs=0.01)


def test_a_product_is_explained_by_its_own_image(client: TestClient) -> None:
    """By that of its images which is most similar to the hit; both ways to ask say the same."""
    similar = client.get("/products/mugs-00/similar", params={"k": 3, "explain": "true"}).json()
    ids = {image["id"] for image in client.get("/products/mugs-00").json()["images"]}
    assert {hit["explanation"]["query_image"]["id"] for hit in similar["results"]} <= ids
    posted = _search(client, product_id="mugs-00", k="3", explain="true")
    assert posted["results"] == similar["results"]
    again = _search(client, query_id=posted["query_id"], k="3", explain="true")
    assert again["results"] == similar["results"]
    plain = client.get("/products/mugs-00/similar", params={"k": 3}).json()
    assert all("explanation" not in hit for hit in plain["results"])


def test_a_hit_without_a_code_has_no_explanation(own_shop: Shop) -> None:
    """As in an index that was made before there were codes: null, and the search is answered all the same."""
    shutil.rmtree(own_shop.settings.regions_dir)
    with TestClient(create_app(own_shop.settings)) as client:
        answer = _search(client, own_shop.photos["mugs-03"][0], explain="true")
        assert [hit["explanation"] for hit in answer["results"]] == [None] * 10


def test_a_product_that_was_put_live_is_explained_too(own_shop: Shop) -> None:
    """Its code is kept when it is put."""
    photo = draw_product("bags", "#00a0a0", view=1)
    with TestClient(create_app(own_shop.settings)) as client:
        reply = client.put(
            "/products/new-bag",
            files={"product": (None, '{"title": "New bag"}'), "image": ("bag.jpg", photo)},
            headers=AUTHORISED,
        )
        assert reply.status_code < 300, reply.text
        wait_until(lambda: client.get("/products/new-bag/similar").status_code == 200)
        first = _search(client, photo, explain="true")["results"][0]
        assert first["product"]["id"] == "new-bag"
        assert first["explanation"] is not None


@pytest.mark.parametrize("value", ["yes", "1", "TRUE", "", "true "])
def test_explain_is_true_or_false(client: TestClient, shop: Shop, value: str) -> None:
    """Anything else is refused by name."""
    reply = client.post("/search", files={"image": ("x", shop.photos["mugs-03"][0]), "explain": (None, value)})
    assert (reply.status_code, reply.json()["type"]) == (422, "/problems/invalid-parameter")
    assert "explain" in reply.json()["detail"]
