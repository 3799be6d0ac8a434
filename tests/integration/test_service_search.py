"""What a search answers."""

import hashlib
import io
from collections.abc import Mapping
from typing import Any

import pytest
from PIL import Image
from starlette.testclient import TestClient

from app.core.products import image_id
from app.db.database import Database
from app.main import create_app
from tests.support.shop import COLOURS, Shop, draw_product
from tests.support.waiting import wait_until

Fields = Mapping[str, str]


def search(client: TestClient, photo: bytes | None = None, /, **fields: object) -> Any:  # noqa: ANN401  # JSON
    """Search, expect an answer, and return it."""
    parts: dict[str, Any] = {name: (None, str(value)) for name, value in fields.items()}
    if photo is not None:
        parts["image"] = ("photo.jpg", photo, "image/jpeg")
    reply = client.post("/search", files=parts)
    assert reply.status_code == 200, reply.text
    return reply.json()


def product_ids(answer: Any) -> list[str]:  # noqa: ANN401  # JSON
    """Return the ids of the products found, in their order."""
    return [result["product"]["id"] for result in answer["results"]]


def test_a_catalogue_photo_finds_its_product_first(client: TestClient, shop: Shop) -> None:
    """With a score of 1, by the very image that was sent."""
    for product_id in ("mugs-03", "bags-05", "lamps-07"):
        photo = shop.photos[product_id][0]
        first = search(client, photo)["results"][0]
        assert first["product"]["id"] == product_id
        assert first["score"] == pytest.approx(1, abs=1e-3)
        assert first["image"]["id"] == image_id(product_id, hashlib.sha256(photo).hexdigest())


def test_the_answer_has_the_form_that_others_script_against(client: TestClient, shop: Shop) -> None:
    """Every field of the contract, and no other."""
    answer = search(client, shop.photos["mugs-03"][0])
    assert list(answer) == [
        "request_id",
        "query_id",
        "snapshot",
        "low_confidence",
        "match",
        "classes",
        "categories",
        "results",
        "facets",
        "timings_ms",
    ]
    assert list(answer["snapshot"]) == ["id", "network", "products", "images", "published_at"]
    assert (answer["snapshot"]["products"], answer["snapshot"]["images"]) == (24, 30)
    result = answer["results"][0]
    assert list(result) == ["rank", "score", "image", "product"]
    assert result["image"]["url"] == f"/images/{result['image']['id']}"
    assert result["product"] == {
        "id": "mugs-03",
        "title": "Mug 03",
        "category": "mugs",
        "brand": "Drawn",
        "price": 19.9,
        "currency": "EUR",
        "url": "https://shop.example/mugs-03",
        "availability": None,
        "attributes": {"colour": COLOURS[3]},
        "updated_at": None,
    }
    assert list(answer["timings_ms"]) == ["decode", "embed", "search", "total"]
    assert answer["timings_ms"]["total"] >= answer["timings_ms"]["embed"] > 0


def test_results_are_ranked_distinct_products(client: TestClient, shop: Shop) -> None:
    """A product with three similar pictures takes one place, with the best of them."""
    turned = draw_product("mugs", COLOURS[0], view=2)
    answer = search(client, turned, k=24)
    assert [result["rank"] for result in answer["results"]] == list(range(1, 25))
    assert sorted(product_ids(answer)) == sorted(shop.photos)
    scores = [result["score"] for result in answer["results"]]
    assert scores == sorted(scores, reverse=True)
    best = answer["results"][0]
    assert best["product"]["id"] == "mugs-00"
    assert best["image"]["id"] == image_id("mugs-00", hashlib.sha256(turned).hexdigest())


@pytest.mark.parametrize(("k", "found"), [(1, 1), (10, 10), (24, 24), (100, 24)])
def test_as_many_products_come_back_as_were_asked_for(client: TestClient, k: int, found: int) -> None:
    """Whenever the catalogue has so many."""
    assert len(search(client, draw_product("bags", "#a0a0a0"), k=k)["results"]) == found


def test_ten_products_come_back_by_default(client: TestClient) -> None:
    """K is optional."""
    assert len(search(client, draw_product("bags", "#a0a0a0"))["results"]) == 10


def test_a_lowest_score_leaves_out_what_is_below(client: TestClient, shop: Shop) -> None:
    """And nothing else."""
    photo = shop.photos["lamps-02"][0]
    everything = search(client, photo, k=24)
    limit = everything["results"][7]["score"] - 1e-6
    assert product_ids(search(client, photo, k=24, min_score=limit)) == product_ids(everything)[:8]
    assert search(client, photo, min_score=1.0, k=5)["categories"] == everything["categories"]


def test_a_search_is_asked_again_by_its_id(client: TestClient) -> None:
    """Without the photo, with another k: the same classes, the same products."""
    first = search(client, draw_product("mugs", "#808080"), k=3)
    again = search(client, query_id=first["query_id"], k=12)
    assert product_ids(again)[:3] == product_ids(first)
    assert len(again["results"]) == 12
    for same in ("query_id", "classes", "categories", "low_confidence", "snapshot"):
        assert again[same] == first[same]
    assert again["request_id"] != first["request_id"]
    assert again["timings_ms"]["embed"] == 0


def test_the_products_like_a_product_leave_it_out(client: TestClient, shop: Shop) -> None:
    """Both ways to ask give the same answer, and it can be asked again like any other."""
    answer = search(client, product_id="mugs-00", k=23)
    assert sorted(product_ids(answer)) == sorted(set(shop.photos) - {"mugs-00"})
    assert product_ids(answer)[0].startswith("mugs-")
    assert answer["classes"] == []
    similar = client.get("/products/mugs-00/similar", params={"k": 5}).json()
    assert product_ids(similar) == product_ids(answer)[:5]
    assert product_ids(search(client, query_id=answer["query_id"], k=5)) == product_ids(answer)[:5]


@pytest.mark.parametrize("fields", [{"product_id": "nothing"}, {"query_id": "nothing"}, {"product_id": "\0"}])
def test_an_unknown_product_or_query_is_not_found(client: TestClient, fields: Fields) -> None:
    """404, whatever the id looks like."""
    reply = client.post("/search", files={name: (None, value) for name, value in fields.items()})
    assert (reply.status_code, reply.json()["type"]) == (404, "/problems/not-found")


def test_a_region_is_searched_alone(client: TestClient, shop: Shop) -> None:
    """The left half of a picture that shows two products finds the left one, the right half the right one."""
    both = Image.new("RGB", (640, 320))
    for column, product_id in enumerate(("mugs-03", "bags-01")):
        both.paste(Image.open(io.BytesIO(shop.photos[product_id][0])), (320 * column, 0))
    out = io.BytesIO()
    both.save(out, "PNG")
    assert product_ids(search(client, out.getvalue(), region="0,0,0.5,1"))[0] == "mugs-03"
    assert product_ids(search(client, out.getvalue(), region="0.5,0,1,1"))[0] == "bags-01"


def test_classes_and_categories_are_probabilities(client: TestClient, shop: Shop) -> None:
    """The five most probable of ImageNet's classes; all of the shop's categories, which sum to one."""
    answer = search(client, shop.photos["bags-02"][0])
    probabilities = [label["probability"] for label in answer["classes"]]
    assert len(probabilities) == 5
    assert probabilities == sorted(probabilities, reverse=True)
    assert 0 < sum(probabilities) <= 1.000001
    assert answer["categories"][0]["label"] == "bags"
    assert sum(label["probability"] for label in answer["categories"]) == pytest.approx(1)
    classified = client.post("/classify", files={"image": ("x", shop.photos["bags-02"][0])}).json()
    assert list(classified) == ["request_id", "low_confidence", "classes", "categories", "timings_ms"]
    assert classified["classes"] == answer["classes"]
    assert classified["categories"] == answer["categories"]


def test_a_photo_of_one_colour_is_marked(client: TestClient) -> None:
    """There is an answer, and it says that it tells little."""
    out = io.BytesIO()
    Image.new("RGB", (200, 200), "#eeeeee").save(out, "PNG")
    assert search(client, out.getvalue())["low_confidence"] is True
    assert client.post("/classify", files={"image": ("x", out.getvalue())}).json()["low_confidence"] is True


def test_answers_to_searches_are_not_kept_by_anybody(client: TestClient, shop: Shop) -> None:
    """Neither by the browser nor by a proxy; and the request's id is in a header as well."""
    for path in ("/search", "/classify"):
        reply = client.post(path, files={"image": ("x", shop.photos["mugs-03"][0])})
        assert reply.headers["cache-control"] == "no-store"
        assert reply.headers["x-request-id"] == reply.json()["request_id"]
        assert reply.headers["x-content-type-options"] == "nosniff"


def test_a_snapshot_keeps_showing_what_the_next_one_will_not(own_shop: Shop) -> None:
    """Products that indexing removed stay hits, with page and picture, until the snapshot that shows them goes."""
    with TestClient(create_app(own_shop.settings)) as client:
        before = search(client, own_shop.photos["mugs-03"][0])
        database = Database(own_shop.settings.resolved_database_url)
        with database.writing() as catalogue:
            catalogue.delete_products(catalogue.iter_product_ids())
        database.close()
        after = search(client, own_shop.photos["mugs-03"][0])
        assert after["results"] == before["results"]
        assert client.get("/products/mugs-03").json()["title"] == before["results"][0]["product"]["title"]
        assert len(client.get("/products/mugs-03/similar").json()["results"]) == 10
        assert client.get(before["results"][0]["image"]["url"]).status_code == 200
        assert client.get("/products").json()["products"] == []


def test_a_product_that_was_removed_live_is_no_hit_and_its_place_is_filled(own_shop: Shop) -> None:
    """Within a moment of its removal, although the snapshot still has its images."""
    with TestClient(create_app(own_shop.settings)) as client:
        before = search(client, own_shop.photos["mugs-03"][0])
        assert product_ids(before)[0] == "mugs-03"
        gone = set(product_ids(before)[:6])
        database = Database(own_shop.settings.resolved_database_url)
        with database.writing() as catalogue:
            assert {catalogue.remove_live(product_id) for product_id in gone} == {"removed"}
        database.close()
        wait_until(lambda: client.get("/products/mugs-03/similar").status_code == 404)
        after = search(client, own_shop.photos["mugs-03"][0])
        assert len(after["results"]) == 10
        assert not gone & set(product_ids(after))
        assert product_ids(after)[:4] == product_ids(before)[6:]
        assert client.get("/products/mugs-03").status_code == 404


def test_the_rate_limit_counts_others_and_not_this_machine(own_shop: Shop) -> None:
    """The request after the limit is answered 429 with whole seconds to wait."""
    app = create_app(own_shop.settings.model_copy(update={"rate_per_minute": 2}))
    with TestClient(app, client=("203.0.113.9", 5000)) as stranger:
        replies = [stranger.post("/classify", files={"k": (None, "1")}) for _ in range(4)]
        assert [reply.status_code for reply in replies] == [422, 422, 429, 429]
        assert replies[-1].json()["type"] == "/problems/rate-limited"
        assert 1 <= int(replies[-1].headers["retry-after"]) <= 60
        assert stranger.get("/products").status_code == 200
        spoofed = stranger.post("/search", headers={"X-Forwarded-For": "198.51.100.1"})
        assert spoofed.status_code == 429
