"""Filters and facets over HTTP: they act inside the search, and are refused by name when wrong."""

import json
from typing import Any

import pytest
from starlette.testclient import TestClient

from tests.support.shop import CATEGORIES, COLOURS, Shop


def _search(client: TestClient, photo: bytes, **fields: str) -> Any:  # noqa: ANN401  # JSON
    reply = client.post("/search", files={"image": ("photo", photo)}, data=fields)
    return reply.status_code, reply.json()


@pytest.fixture
def photo(shop: Shop) -> bytes:
    """A photo of a mug."""
    return shop.photos["mugs-03"][0]


def test_k_products_come_back_whenever_so_many_match(client: TestClient, photo: bytes) -> None:
    """Even when none of the nearest is among them."""
    status, answer = _search(client, photo, k="8", filter='{"category": "lamps"}')
    assert status == 200
    assert [hit["product"]["category"] for hit in answer["results"]] == ["lamps"] * 8
    scores = [hit["score"] for hit in answer["results"]]
    assert scores == sorted(scores, reverse=True)


def test_what_is_in_the_photo_does_not_depend_on_the_filter(client: TestClient, photo: bytes) -> None:
    """Classes and categories are those of the search without it."""
    _, plain = _search(client, photo)
    _, filtered = _search(client, photo, filter='{"category": "lamps"}')
    assert filtered["classes"] == plain["classes"]
    assert filtered["categories"] == plain["categories"]
    assert plain["categories"][0]["label"] == "mugs"


def test_an_earlier_search_is_asked_again_with_another_filter(client: TestClient, photo: bytes) -> None:
    """Without the photo; a product's neighbours are filtered as well."""
    _, plain = _search(client, photo)
    again = client.post(
        "/search", files={"query_id": (None, plain["query_id"]), "filter": (None, json.dumps({"category": "bags"}))}
    )
    assert {hit["product"]["category"] for hit in again.json()["results"]} == {"bags"}
    colour = {"attributes.colour": {"in": list(COLOURS[:2])}, "price": {"lte": 19.9}}
    similar = client.get("/products/mugs-03/similar", params={"filter": json.dumps(colour), "k": 100})
    assert {hit["product"]["attributes"]["colour"] for hit in similar.json()["results"]} == set(COLOURS[:2])
    assert len(similar.json()["results"]) == 2 * len(CATEGORIES)


def test_facets_count_all_products_that_match(client: TestClient, photo: bytes) -> None:
    """Not only those on the page."""
    _, answer = _search(client, photo, k="1", facets="category,attributes.colour,brand")
    assert answer["facets"]["category"] == [{"value": name, "count": 8} for name in sorted(CATEGORIES)]
    assert answer["facets"]["brand"] == [{"value": "Drawn", "count": 24}]
    _, answer = _search(client, photo, filter='{"category": "mugs"}', facets="category")
    assert answer["facets"] == {"category": [{"value": "mugs", "count": 8}]}
    _, answer = _search(client, photo)
    assert answer["facets"] == {}


def test_a_filter_that_nothing_matches_finds_nothing(client: TestClient, photo: bytes) -> None:
    """Which is an answer, not an error."""
    status, answer = _search(client, photo, filter='{"brand": "nobody\'s"}', facets="category")
    assert (status, answer["results"], answer["facets"]) == (200, [], {"category": []})


@pytest.mark.parametrize(
    ("fields", "place"),
    [
        ({"filter": "{"}, "filter"),
        ({"filter": "[]"}, "filter"),
        ({"filter": '{"colour": "red"}'}, "filter.colour"),
        ({"filter": '{"price": {"gte": "ten"}}'}, "filter.price"),
        ({"filter": '{"and": [{"price": {"about": 3}}]}'}, "filter.and[0].price"),
        ({"filter": '{"category": "\\u0000"}'}, "filter.category"),
        ({"filter": '{"not":' * 9 + "{}" + "}" * 9}, "filter"),
        ({"filter": json.dumps({"brand": {"in": [str(number) for number in range(101)]}})}, "filter.brand"),
        ({"facets": "colour"}, "facets"),
        ({"facets": "category,category"}, "facets"),
    ],
)
def test_a_wrong_filter_or_facet_is_refused_by_its_place(
    client: TestClient, photo: bytes, fields: dict[str, str], place: str
) -> None:
    """422, and the message begins with where it is wrong."""
    for reply in (
        client.post("/search", files={"image": ("photo", photo)}, data=fields),
        client.get("/products/mugs-03/similar", params=fields),
    ):
        assert (reply.status_code, reply.json()["type"]) == (422, "/problems/invalid-parameter")
        assert reply.json()["detail"].startswith(place)
