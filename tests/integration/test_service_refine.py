"""More like this, less like that, and not all the same: refined searches over HTTP."""

from typing import Any

import pytest
from starlette.testclient import TestClient

from tests.support.shop import Shop

Json = Any


def _search(client: TestClient, photo: bytes | None = None, /, **fields: object) -> Json:
    parts: dict[str, Any] = {name: (None, str(value)) for name, value in fields.items()}
    if photo is not None:
        parts["image"] = ("photo.jpg", photo)
    reply = client.post("/search", files=parts)
    assert reply.status_code == 200, reply.text
    return reply.json()


def _ids(answer: Json) -> list[str]:
    return [result["product"]["id"] for result in answer["results"]]


def test_more_like_a_bag_finds_bags(client: TestClient, shop: Shop) -> None:
    """What was a mug's search has bags in it, and the answer says how it was refined."""
    photo = shop.photos["mugs-03"][0]
    plain = _search(client, photo, k=8)
    refined = _search(client, photo, k=8, more_like="bags-03,bags-04", more_weight=1)
    assert sum(name.startswith("bags") for name in _ids(refined)) > sum(name.startswith("bags") for name in _ids(plain))
    assert "refined" not in plain
    assert refined["refined"] == {
        "more_like": ["bags-03", "bags-04"],
        "less_like": [],
        "more_weight": 1.0,
        "less_weight": 0.25,
        "diversity": 0.0,
    }


def test_what_the_photo_shows_does_not_change(client: TestClient, shop: Shop) -> None:
    """The verdict and the categories are of the photo, not of what was added to it."""
    photo = shop.photos["mugs-03"][0]
    plain, refined = _search(client, photo), _search(client, photo, more_like="bags-03", more_weight=1)
    for same in ("classes", "categories", "match", "low_confidence"):
        assert refined[same] == plain[same]


def test_less_like_a_product_leaves_it_out_and_lowers_what_is_like_it(client: TestClient, shop: Shop) -> None:
    """The very first hit is disliked: it is gone, and the others are as many."""
    photo = shop.photos["mugs-03"][0]
    disliked = _ids(_search(client, photo, k=24))[1]
    refined = _search(client, photo, k=24, less_like=disliked)
    assert disliked not in _ids(refined)
    assert len(refined["results"]) == 23


def test_an_earlier_search_is_refined_again_and_again(client: TestClient, shop: Shop) -> None:
    """Each time from the photo, and not from what the time before made of it."""
    photo = shop.photos["mugs-03"][0]
    first = _search(client, photo)
    fields = {"more_like": "bags-01", "less_like": "lamps-01", "diversity": 0.2}
    by_photo = _search(client, photo, **fields)
    by_id = _search(client, query_id=first["query_id"], **fields)
    assert by_id["results"] == by_photo["results"]
    assert by_id["query_id"] == first["query_id"]
    assert _search(client, query_id=first["query_id"])["results"] == first["results"]


def test_a_product_is_refined_in_both_ways_to_ask(client: TestClient) -> None:
    """The form and the address say the same."""
    fields: dict[str, Any] = {
        "k": 6,
        "more_like": "lamps-02",
        "less_like": "mugs-01,mugs-02",
        "less_weight": 0.5,
        "diversity": 0.3,
    }
    posted = _search(client, product_id="mugs-00", **fields)
    similar = client.get("/products/mugs-00/similar", params=fields)
    assert similar.status_code == 200
    assert similar.json()["results"] == posted["results"]
    assert similar.json()["refined"] == posted["refined"]
    assert not {"mugs-00", "mugs-01", "mugs-02"} & set(_ids(posted))


def test_diversity_shows_other_kinds(client: TestClient, shop: Shop) -> None:
    """The best hit stays first, as many come back, and they are of more kinds."""
    photo = shop.photos["mugs-03"][0]
    plain, diverse = _search(client, photo, k=6), _search(client, photo, k=6, diversity=0.8)
    assert _ids(diverse)[0] == _ids(plain)[0]
    assert len(set(_ids(diverse))) == 6
    kinds = [{name.partition("-")[0] for name in _ids(answer)} for answer in (plain, diverse)]
    assert len(kinds[1]) > len(kinds[0])
    zero = _search(client, photo, k=6, diversity=0)
    assert zero["results"] == plain["results"]


def test_filters_and_least_scores_hold(client: TestClient, shop: Shop) -> None:
    """Whatever is asked for beside them."""
    photo = shop.photos["mugs-03"][0]
    fields = {"more_like": "bags-03", "diversity": 0.5}
    answer = _search(client, photo, k=24, filter='{"category": "lamps"}', **fields)
    assert sorted(_ids(answer)) == [f"lamps-{i:02d}" for i in range(8)]
    least = sorted(result["score"] for result in answer["results"])[3]
    above = _search(client, photo, k=24, filter='{"category": "lamps"}', min_score=least, **fields)
    assert all(result["score"] >= least for result in above["results"])
    assert len(above["results"]) in (4, 5)  # scores are rounded


BAD = [
    ("more_like", "", 422),
    ("more_like", "mugs-01,", 422),
    ("more_like", "mugs-01,mugs-01", 422),
    ("more_like", ",".join(f"mugs-{i}" for i in range(11)), 422),
    ("less_like", "mugs-01, mugs-02", 404),
    ("more_like", "nothing", 404),
    ("less_like", "../../etc", 404),
    ("less_like", "\0", 404),
    ("more_weight", "-0.1", 422),
    ("more_weight", "1.01", 422),
    ("less_weight", "nan", 422),
    ("less_weight", "", 422),
    ("diversity", "2", 422),
    ("diversity", "1e-1", 422),
    ("diversity", "much", 422),
]


@pytest.mark.parametrize(("field", "value", "status"), BAD)
def test_what_is_wrong_is_told_by_name(client: TestClient, shop: Shop, field: str, value: str, status: int) -> None:
    """Unknown products are not found; all else is not valid."""
    reply = client.post("/search", files={"image": ("x", shop.photos["mugs-03"][0]), field: (None, value)})
    kind = {404: "not-found", 422: "invalid-parameter"}[status]
    assert (reply.status_code, reply.json()["type"]) == (status, f"/problems/{kind}")
    assert field in reply.json()["detail"]


@pytest.mark.parametrize(("field", "value", "status"), [row for row in BAD if row[1] not in ("\0", "1e-1", "")])
def test_the_address_is_read_as_strictly(client: TestClient, field: str, value: str, status: int) -> None:
    """The same products and numbers are refused there."""
    reply = client.get("/products/mugs-00/similar", params={field: value})
    assert reply.status_code == status, reply.text
    assert field in reply.json()["detail"]


def test_one_product_is_not_liked_more_and_less(client: TestClient) -> None:
    """That contradicts itself; and what takes all away leaves nothing to search with."""
    both = client.get("/products/mugs-00/similar", params={"more_like": "mugs-01", "less_like": "mugs-01"})
    assert (both.status_code, both.json()["type"]) == (422, "/problems/invalid-parameter")
    nothing = client.get("/products/mugs-05/similar", params={"less_like": "mugs-05", "less_weight": 1})
    assert (nothing.status_code, nothing.json()["type"]) == (422, "/problems/invalid-parameter")


def test_a_list_is_sent_once(client: TestClient, shop: Shop) -> None:
    """Ids are separated by commas, not by fields."""
    files: Any = [("image", ("x", shop.photos["mugs-03"][0])), ("more_like", (None, "a")), ("more_like", (None, "b"))]
    reply = client.post("/search", files=files)
    assert (reply.status_code, reply.json()["type"]) == (400, "/problems/too-many-parts")
