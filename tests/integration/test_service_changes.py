"""Products put and removed over HTTP: what comes of it, in which order, and that searches show it."""

import hashlib
import json
from collections.abc import Iterator
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from app.core.products import image_id
from tests.support.bad_server import file
from tests.support.changes import ChangingShop, changing_shop
from tests.support.images import picture_bytes
from tests.support.services import slug
from tests.support.shop import Shop
from tests.support.waiting import wait_until

NINE, TEN, ELEVEN = (f"2026-11-01T{hour:02}:00:00Z" for hour in (9, 10, 11))
TEN_ELSEWHERE = "2026-11-01T12:00:00+02:00"

EVERYTHING: dict[str, Any] = {
    "title": "Canvas shoe, blue",
    "category": "shoes",
    "brand": "Example",
    "price": 19.9,
    "currency": "EUR",
    "url": "https://shop.example/p/42",
    "availability": "out_of_stock",
    "attributes": {"colour": "blue", "sizes": [41, 42.5], "vegan": True, "care": {"iron": None}},
    "updated_at": "2026-11-01T10:00:00.250000Z",
}


@pytest.fixture(scope="module")
def changing(shop: Shop, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ChangingShop]:
    """One running service for this module; every test has products of its own."""
    with changing_shop(shop, tmp_path_factory.mktemp("changes")) as changing:
        yield changing


def test_a_product_that_is_put_is_found_by_its_picture(changing: ChangingShop) -> None:
    """And shown with every field as it was stated; its picture is served from here."""
    reply = changing.put("whole-1", **EVERYTHING, images=[changing.picture(1)])
    assert reply.status_code == 201, reply.text
    answer = reply.json()
    photo = picture_bytes(seed=1)
    image = image_id("whole-1", hashlib.sha256(photo).hexdigest())
    links = [{"id": image, "url": f"/images/{image}"}]
    assert answer == {"id": "whole-1", "outcome": "added", "revision": changing.revision(), "images": links}
    changing.wait_for("whole-1", photo)
    assert changing.client.get("/products/whole-1").json() == {"id": "whole-1", **EVERYTHING, "images": links}
    assert changing.client.get(f"/images/{image}").content == photo


@pytest.mark.parametrize("as_file", [False, True])
def test_a_product_is_put_with_its_pictures_in_a_form(changing: ChangingShop, as_file: bool) -> None:  # noqa: FBT001
    """In their order; the product itself may come as a field or as a file, which browsers make of a blob."""
    product_id, photos = f"form-{as_file}", [picture_bytes(seed=10 + as_file), picture_bytes("PNG", seed=12 + as_file)]
    product = json.dumps({key: value for key, value in EVERYTHING.items() if key != "updated_at"})
    part = ("blob" if as_file else None, product, "application/json")
    reply = changing.client.put(
        f"/products/{product_id}", files=[("image", photos[0]), ("product", part), ("image", photos[1])]
    )
    assert (reply.status_code, reply.json()["outcome"]) == (201, "added"), reply.text
    hashes = [hashlib.sha256(photo).hexdigest() for photo in photos]
    assert [image["id"] for image in reply.json()["images"]] == [image_id(product_id, sha256) for sha256 in hashes]
    stored = changing.stored(product_id)
    assert stored is not None
    assert [(image.sha256, image.format, image.address) for image in stored.images] == [
        (hashes[0], "JPEG", None),
        (hashes[1], "PNG", None),
    ]
    changing.wait_for(product_id, photos[1])


@pytest.mark.parametrize(
    ("written", "kept"),
    [
        ("19.90", "19.90"),
        ('"19.90"', "19.90"),
        ("19.899999", None),
        ("1234567890.1234", "1234567890.1234"),
        ("9999999999.9999", "9999999999.9999"),
        ("1.99e1", "19.90"),
        ("0", "0.00"),
        ("20", "20.00"),
        ("-1", None),
        ('"-1"', None),
        ("10000000000", None),
        ('"1e3"', None),
        ('"\uff11"', None),
        ('""', None),
        ("true", None),
        ("[1]", None),
        ("1e400", None),
        ("1e-400", None),
        ("NaN", None),
    ],
)
def test_a_price_is_kept_exactly_or_refused(changing: ChangingShop, written: str, kept: str | None) -> None:
    """Number or text: never a float beside it."""
    product_id = f"price-{hashlib.sha256(written.encode()).hexdigest()[:8]}"
    changing.upload(product_id, picture_bytes(seed=20))
    content = f'{{"title": "A thing", "price": {written}}}'
    reply = changing.client.put(
        f"/products/{product_id}", content=content.encode(), headers={"Content-Type": "application/json"}
    )
    stored = changing.stored(product_id)
    assert stored is not None
    if kept is None:
        assert (reply.status_code in {400, 422}, stored.price) == (True, None), reply.text
    else:
        assert (reply.json()["outcome"], stored.price) == ("changed", Decimal(kept))


def test_a_product_is_stated_as_a_whole(changing: ChangingShop) -> None:
    """What is not named is empty; only the pictures stay where none are named."""
    changing.put("whole-2", **EVERYTHING, images=[changing.picture(30), changing.picture(31)])
    before = changing.stored("whole-2")
    reply = changing.put("whole-2", title="Bare")
    assert (reply.status_code, reply.json()["outcome"], len(reply.json()["images"])) == (200, "changed", 2)
    after = changing.stored("whole-2")
    assert before is not None
    assert after is not None
    assert replace(after, stated_at=None) == replace(
        before,
        title="Bare",
        category=None,
        brand=None,
        price=None,
        currency=None,
        url=None,
        availability=None,
        attributes={},
        stated_at=None,
    )
    changing.wait_for("whole-2", picture_bytes(seed=31))


def test_pictures_that_are_named_replace_the_others(changing: ChangingShop) -> None:
    """The product is no longer found by those that it had."""
    changing.put("swap", images=[changing.picture(40), changing.picture(41)])
    changing.wait_for("swap", picture_bytes(seed=40))
    reply = changing.put("swap", images=[changing.picture(42)])
    assert (reply.json()["outcome"], len(reply.json()["images"])) == ("changed", 1)
    changing.wait_for("swap", picture_bytes(seed=42))
    hit = changing.client.post("/search", data={"k": "1"}, files={"image": picture_bytes(seed=40)}).json()["results"][0]
    assert hit["product"]["id"] != "swap" or hit["score"] < 0.99


def test_a_product_of_the_snapshot_is_changed_and_removed(changing: ChangingShop, shop: Shop) -> None:
    """A change of its price needs no picture."""
    photo = shop.photos["lamps-03"][0]
    reply = changing.put("lamps-03", title="Lamp", price="5.00", availability="preorder")
    assert (reply.status_code, reply.json()["outcome"]) == (200, "changed")

    def shown() -> dict[str, Any]:
        answer = changing.client.post("/search", data={"k": "1"}, files={"image": photo}).json()
        product: dict[str, Any] = answer["results"][0]["product"]
        return product

    wait_until(lambda: shown()["price"] == 5.0)
    assert (shown()["id"], shown()["availability"]) == ("lamps-03", "preorder")
    assert changing.delete("lamps-03").json()["outcome"] == "removed"
    wait_until(lambda: "lamps-03" not in changing.found(photo, k=50))
    assert changing.client.get("/products/lamps-03").status_code == 404


Statement = tuple[str, str | None, str]
ORDERS: dict[str, tuple[list[Statement], str | None]] = {
    "newer after older": ([("put", NINE, "added"), ("put", TEN, "changed")], "1"),
    "older after newer": ([("put", TEN, "added"), ("put", NINE, "outdated")], "0"),
    "the same moment": ([("put", TEN, "added"), ("put", TEN, "changed")], "1"),
    "the same moment elsewhere": ([("put", TEN, "added"), ("put", TEN_ELSEWHERE, "changed")], "1"),
    "without moments": ([("put", None, "added"), ("put", None, "changed")], "1"),
    "a moment, then none": ([("put", TEN, "added"), ("put", None, "changed"), ("put", NINE, "outdated")], "1"),
    "none, then a moment": ([("put", None, "added"), ("put", NINE, "changed")], "1"),
    "removed": ([("put", TEN, "added"), ("delete", ELEVEN, "removed")], None),
    "removed twice": ([("put", TEN, "added"), ("delete", None, "removed"), ("delete", None, "not_found")], None),
    "removed before": ([("put", TEN, "added"), ("delete", NINE, "outdated")], "0"),
    "removed at the same moment": ([("put", TEN, "added"), ("delete", TEN, "removed"), ("put", TEN, "outdated")], None),
    "stated before it was removed": (
        [("put", NINE, "added"), ("delete", ELEVEN, "removed"), ("put", TEN, "outdated")],
        None,
    ),
    "stated after it was removed": (
        [("put", NINE, "added"), ("delete", TEN, "removed"), ("put", ELEVEN, "added")],
        "2",
    ),
    "removed before it came": (
        [("delete", TEN, "not_found"), ("put", NINE, "outdated"), ("put", ELEVEN, "added")],
        "2",
    ),
    "put without a moment after a removal": ([("delete", TEN, "not_found"), ("put", None, "added")], "1"),
}


@pytest.mark.parametrize("name", ORDERS)
@pytest.mark.parametrize("together", [False, True], ids=["one by one", "in a batch"])
def test_what_the_shop_stated_later_counts(changing: ChangingShop, name: str, together: bool) -> None:  # noqa: FBT001
    """Whatever arrives later, and in whichever way; the title says which statement is shown."""
    statements, expected = ORDERS[name]
    product_id = f"order-{together}-{list(ORDERS).index(name)}"
    images = [changing.picture(50)]
    items: list[dict[str, Any]] = [
        {"title": str(number), "images": images} if what == "put" else {"delete": True}
        for number, (what, _, _) in enumerate(statements)
    ]
    for item, (_, moment, _) in zip(items, statements, strict=True):
        item.update({"updated_at": moment} if moment else {})
    if together:
        outcomes = [result["outcome"] for result in changing.batch(*({"id": product_id, **item} for item in items))]
    else:
        replies = [
            changing.delete(product_id, **{key: value for key, value in item.items() if key != "delete"})
            if "delete" in item
            else changing.put(product_id, **item)
            for item in items
        ]
        assert all(reply.status_code in {200, 201} for reply in replies)
        outcomes = [reply.json()["outcome"] for reply in replies]
    assert outcomes == [outcome for _, _, outcome in statements]
    stored = changing.stored(product_id)
    assert (stored and stored.title) == expected


def test_the_same_again_changes_nothing(changing: ChangingShop) -> None:
    """Not even the revision; and so does a statement that is outdated."""
    images = [changing.picture(60)]
    changing.put("again", **EVERYTHING, images=images)
    revision = changing.revision()
    for fields, outcome in ((EVERYTHING, "unchanged"), ({**EVERYTHING, "updated_at": NINE, "price": 1}, "outdated")):
        reply = changing.put("again", **fields, images=images)
        assert (reply.status_code, reply.json()["outcome"], reply.json()["revision"]) == (200, outcome, revision)
        assert len(reply.json()["images"]) == 1
    assert changing.revision() == revision


def test_removing_what_is_not_there_again_changes_nothing(changing: ChangingShop) -> None:
    """Not even the revision, which would have every server lay the changes over its snapshot anew."""
    assert changing.delete("never-there").json()["outcome"] == "not_found"
    changing.put("lamps-01", title="Something else")
    revision = changing.revision()
    assert changing.delete("never-there").json() == {"id": "never-there", "outcome": "not_found", "revision": revision}
    assert changing.batch({"id": "never-there", "delete": True}) == [{"id": "never-there", "outcome": "not_found"}]
    assert changing.revision() == revision


def test_an_outdated_statement_needs_no_pictures(changing: ChangingShop) -> None:
    """They are not even fetched, and a product that is gone is not missed."""
    changing.delete("gone", updated_at=ELEVEN)
    address = changing.picture(61)
    assert changing.put("gone", updated_at=TEN, images=[address]).json()["outcome"] == "outdated"
    assert changing.put("gone", updated_at=TEN).json() == {
        "id": "gone",
        "outcome": "outdated",
        "revision": changing.revision(),
        "images": [],
    }
    assert changing.web.requests["/61.jpg"] == 0


def test_a_picture_that_did_not_change_is_neither_sent_nor_embedded_again(changing: ChangingShop) -> None:
    """Its server is asked whether it is still the same one; another product with it costs no embedding either."""
    address = changing.picture(62, ETag='"v1"')
    changing.put("etag", images=[address])
    embeddings = changing.embeddings()
    assert changing.put("etag", images=[address], price=2).json()["outcome"] == "changed"
    assert changing.web.requests["/62.jpg"] == 2
    assert changing.web.headers["/62.jpg"]["If-None-Match"] == '"v1"'
    assert changing.upload("etag-too", picture_bytes(seed=62)).json()["outcome"] == "added"
    assert changing.embeddings() == embeddings


def test_a_picture_whose_file_is_gone_is_fetched_as_a_whole(changing: ChangingShop) -> None:
    """“Not modified” would be no answer then."""
    address = changing.picture(63, ETag='"v1"')
    changing.put("lost", images=[address])
    stored = changing.stored("lost")
    assert stored is not None
    for damage in (Path.unlink, lambda path: path.write_bytes(b"another")):
        path = Path(stored.images[0].location)
        damage(path)
        assert changing.put("lost", images=[address]).json()["outcome"] == "unchanged"
        assert path.read_bytes() == picture_bytes(seed=63)
        assert "If-None-Match" not in changing.web.headers["/63.jpg"]


def test_a_picture_that_changed_is_taken_anew(changing: ChangingShop) -> None:
    """Under the same address."""
    address = changing.picture(64, ETag='"v1"')
    changing.put("fresh", images=[address])
    changing.web.at("/64.jpg", file(picture_bytes(seed=65), ETag='"v2"'))
    assert changing.put("fresh", images=[address]).json()["outcome"] == "changed"
    changing.wait_for("fresh", picture_bytes(seed=65))


def test_one_bad_picture_leaves_nothing_of_a_product(changing: ChangingShop) -> None:
    """The answer says which one it is."""
    revision = changing.revision()
    reply = changing.upload("half", picture_bytes(seed=66), picture_bytes(seed=67)[:2000])
    assert (reply.status_code, slug(reply)) == (422, "image-corrupt")
    assert reply.json()["detail"].startswith("Picture 2: ")
    assert changing.stored("half") is None
    assert changing.revision() == revision
