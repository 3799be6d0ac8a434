"""Changes that are wrong in some way: each is refused by name, and nothing of it is kept or shown."""

import json
from collections.abc import Iterator
from typing import Any

import pytest

from app.api.product_bodies import MAX_BATCH, MAX_PICTURES, MAX_PRODUCT_BYTES
from tests.support.bad_server import endless, file, redirect, status
from tests.support.changes import ChangingShop, changing_shop
from tests.support.images import HOSTILE_IMAGES, draw_picture, encode, hostile_bytes, picture_bytes
from tests.support.services import slug
from tests.support.shop import Shop
from tests.support.wire import BOUNDARY, MULTIPART, form, part

MARKER = "MARKER-77ad"  # text of the user's, which may show up in no answer
PHOTO = picture_bytes(seed=1)
PRODUCT = json.dumps({"title": MARKER}).encode()
IMAGE = part("image", PHOTO, filename=f"{MARKER}.jpg")
JSON = "application/json"
FUTURE = "2999-12-31T00:00:00+00:00"


@pytest.fixture(scope="module")
def changing(shop: Shop, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ChangingShop]:
    """One running service for this module; nothing in it may change."""
    with changing_shop(shop, tmp_path_factory.mktemp("refused"), max_upload_bytes=4 * 1024 * 1024) as changing:
        yield changing


def body(*parts: bytes) -> bytes:
    """Return a form of these parts."""
    return form(*parts, boundary=BOUNDARY)


def stated(**fields: object) -> bytes:
    """Return a product as JSON that is right but for these fields."""
    return json.dumps({"title": MARKER, "images": ["https://shop.invalid/x.jpg"], **fields}).encode()


BAD_BODIES: dict[str, tuple[bytes, str, int, str]] = {
    "no body": (b"", JSON, 422, "invalid-parameter"),
    "no JSON": (b"title=" + MARKER.encode(), JSON, 400, "malformed-request"),
    "broken JSON": (b'{"title": "MARKER-77ad"', JSON, 400, "malformed-request"),
    "no object": (b'["MARKER-77ad"]', JSON, 422, "invalid-parameter"),
    "too deep for anybody": (b'{"title":' + b"[" * 20_000, JSON, 400, "malformed-request"),
    "attributes too deep": (
        stated(attributes={"a": json.loads("[" * 40 + "]" * 40)}),
        JSON,
        422,
        "invalid-parameter",
    ),
    "too large": (stated(title="x" * MAX_PRODUCT_BYTES), JSON, 413, "body-too-large"),
    "a field twice": (b'{"title": "MARKER-77ad", "title": "x"}', JSON, 400, "malformed-request"),
    "an attribute twice": (b'{"title": "x", "attributes": {"a": 1, "a": 2}}', JSON, 400, "malformed-request"),
    "NaN": (b'{"title": "x", "attributes": {"a": NaN}}', JSON, 400, "malformed-request"),
    "infinite attribute": (b'{"title": "x", "attributes": {"a": 1e400}}', JSON, 422, "invalid-parameter"),
    "endless number": (b'{"title": "x", "price": ' + b"9" * 5000 + b"}", JSON, 400, "malformed-request"),
    "exponent beyond all": (b'{"title": "x", "price": 1e9999999999999999999}', JSON, 400, "malformed-request"),
    "not UTF-8": (b'{"title": "\xff"}', JSON, 400, "malformed-request"),
    "half a surrogate pair": (b'{"title": "\\ud800"}', JSON, 422, "invalid-parameter"),
    "NUL": (b'{"title": "a\\u0000"}', JSON, 422, "invalid-parameter"),
    "no title": (b"{}", JSON, 422, "invalid-parameter"),
    "empty title": (stated(title=""), JSON, 422, "invalid-parameter"),
    "title of spaces": (stated(title="  "), JSON, 422, "invalid-parameter"),
    "title that is a number": (stated(title=1), JSON, 422, "invalid-parameter"),
    "unknown field": (stated(MARKER="x"), JSON, 422, "invalid-parameter"),
    "the id again": (stated(id="refused"), JSON, 422, "invalid-parameter"),
    "unknown availability": (stated(availability=MARKER), JSON, 422, "invalid-parameter"),
    "currency in small letters": (stated(currency="eur"), JSON, 422, "invalid-parameter"),
    "url of a script": (stated(url="javascript:alert(1)"), JSON, 422, "invalid-parameter"),
    "attributes that are a list": (stated(attributes=[MARKER]), JSON, 422, "invalid-parameter"),
    "moment without a zone": (stated(updated_at="2026-11-01T10:00:00"), JSON, 422, "invalid-parameter"),
    "day instead of a moment": (stated(updated_at="2026-11-01"), JSON, 422, "invalid-parameter"),
    "moment as a number": (stated(updated_at=1_762_000_000), JSON, 422, "invalid-parameter"),
    "moment in the future": (stated(updated_at=FUTURE), JSON, 422, "invalid-parameter"),
    "moment at the end of time": (stated(updated_at="9999-12-31T23:59:59-23:59"), JSON, 422, "invalid-parameter"),
    "moment before 1970": (stated(updated_at="0001-01-01T00:00:00+14:00"), JSON, 422, "invalid-parameter"),
    "no pictures": (stated(images=[]), JSON, 422, "invalid-parameter"),
    "pictures that are null": (stated(images=None), JSON, 422, "missing-image"),
    "pictures that are text": (stated(images="https://shop.invalid/x.jpg"), JSON, 422, "invalid-parameter"),
    "too many pictures": (
        stated(images=["https://shop.invalid/x.jpg"] * (MAX_PICTURES + 1)),
        JSON,
        422,
        "invalid-parameter",
    ),
    "wrong content type": (PRODUCT, "text/plain", 415, "unsupported-media-type"),
    "form of fields": (b"title=x", "application/x-www-form-urlencoded", 415, "unsupported-media-type"),
    "form without boundary": (b"x", "multipart/form-data", 400, "malformed-multipart"),
    "form that breaks off": (body(part("product", PRODUCT), IMAGE)[:-50], MULTIPART, 400, "malformed-multipart"),
    "form without a product": (body(IMAGE), MULTIPART, 422, "invalid-parameter"),
    "form without a picture": (body(part("product", PRODUCT)), MULTIPART, 422, "missing-image"),
    "form with two products": (
        body(part("product", PRODUCT), part("product", PRODUCT), IMAGE),
        MULTIPART,
        400,
        "too-many-parts",
    ),
    "form with another field": (
        body(part("product", PRODUCT), part(MARKER, b"1"), IMAGE),
        MULTIPART,
        400,
        "too-many-parts",
    ),
    "form with another field alone": (body(part(MARKER, PRODUCT), IMAGE), MULTIPART, 422, "invalid-parameter"),
    "form with another file": (body(part("picture", PHOTO, filename="x")), MULTIPART, 422, "invalid-parameter"),
    "form with images in JSON": (body(part("product", stated()), IMAGE), MULTIPART, 422, "invalid-parameter"),
    "form without JSON": (body(part("product", MARKER.encode()), IMAGE), MULTIPART, 400, "malformed-request"),
    "form with a long product": (
        body(part("product", b" " * (MAX_PRODUCT_BYTES + 1)), IMAGE),
        MULTIPART,
        400,
        "field-too-large",
    ),
    "form with too many pictures": (
        body(part("product", PRODUCT), *[part("image", b"x", filename="x")] * (MAX_PICTURES + 1)),
        MULTIPART,
        400,
        "too-many-parts",
    ),
    "form that is too large": (
        body(part("product", PRODUCT), part("image", bytes(4 * 1024 * 1024), filename="x")),
        MULTIPART,
        413,
        "body-too-large",
    ),
    "empty picture": (body(part("product", PRODUCT), part("image", b"", filename="x")), MULTIPART, 422, "empty-image"),
    "picture that is text": (
        body(part("product", PRODUCT), part("image", MARKER.encode(), filename="x")),
        MULTIPART,
        415,
        "not-an-image",
    ),
    "second picture damaged": (
        body(part("product", PRODUCT), IMAGE, part("image", PHOTO[:3000], filename="x")),
        MULTIPART,
        422,
        "image-corrupt",
    ),
}


@pytest.mark.parametrize("name", BAD_BODIES)
def test_a_product_that_is_not_right_is_refused(changing: ChangingShop, name: str) -> None:
    """The refusal is named, and repeats nothing of what was sent."""
    content, content_type, expected_status, expected = BAD_BODIES[name]
    revision = changing.revision()
    reply = changing.client.put("/products/refused", content=content, headers={"Content-Type": content_type})
    assert (reply.status_code, slug(reply)) == (expected_status, expected), reply.text
    assert reply.headers["content-type"] == "application/problem+json"
    assert MARKER not in reply.text
    assert changing.revision() == revision
    assert changing.client.get("/products/refused").status_code == 404


@pytest.mark.parametrize("image", [image for image in HOSTILE_IMAGES if image.slug], ids=str)
def test_a_picture_that_searches_refuse_is_refused(changing: ChangingShop, image: Any) -> None:  # noqa: ANN401
    """With the same name, in bytes that are sent and in bytes that are fetched; no file of it is kept."""
    data = hostile_bytes(image)
    files = sorted(changing.settings.pictures_dir.rglob("*"))
    if len(data) < changing.settings.max_upload_bytes - 1000:
        reply = changing.upload("refused", data)
        assert (slug(reply), reply.status_code in {415, 422}) == (image.slug, True), reply.text
    reply = changing.put("refused", images=[changing.web.at("/hostile.jpg", file(data))])
    assert (slug(reply), reply.status_code in {415, 422}) == (image.slug, True), reply.text
    assert sorted(changing.settings.pictures_dir.rglob("*")) == files
    assert changing.stored("refused") is None


@pytest.mark.parametrize(
    "address",
    [
        "http://shop.invalid/x.jpg",
        "https://127.0.0.1/x.jpg",
        "https://10.0.0.1/x.jpg",
        "https://169.254.169.254/latest/meta-data",
        "https://[::1]/x.jpg",
        "https://localhost/x.jpg",
        "https://good.example/x.jpg",
        "https://shop.invalid:22/x.jpg",
        "https://user:password@shop.invalid/x.jpg",
        "https://shop.invalid/a b.jpg",
        "https://shop.invalid/" + "x" * 3000,
        "file:///etc/passwd",
        "data:image/png;base64,iVBORw0KGgo=",
        "/photos/x.jpg",
        "",
    ],
)
def test_only_public_https_addresses_are_asked(changing: ChangingShop, address: str) -> None:
    """All others are refused before anything is sent."""
    reply = changing.put("refused", images=[address])
    assert (reply.status_code, slug(reply)) == (422, "url-not-allowed"), reply.text
    assert changing.stored("refused") is None


def test_a_server_that_fails_is_named_as_the_cause(changing: ChangingShop) -> None:
    """So that the one who puts the product knows that it is not theirs, or ours, to mend."""
    web = changing.web
    answers = {
        "upstream-status": (status(404), 502),
        "url-not-allowed": (redirect("https://10.0.0.1/x.jpg"), 422),
        "upstream-too-large": (endless, 422),
    }
    for number, (expected, (answer, expected_status)) in enumerate(answers.items()):
        reply = changing.put("refused", images=[web.at(f"/fails-{number}.jpg", answer)])
        assert (reply.status_code, slug(reply)) == (expected_status, expected)
    assert changing.stored("refused") is None


@pytest.mark.parametrize(
    ("content", "expected_status", "expected"),
    [
        (b"", 422, "invalid-parameter"),
        (b"{", 400, "malformed-request"),
        (b"[]", 422, "invalid-parameter"),
        (b'{"products": {}}', 422, "invalid-parameter"),
        (b'{"products": [], "MARKER-77ad": 1}', 422, "invalid-parameter"),
        (b'{"products": [{"id": "a", "id": "b"}]}', 400, "malformed-request"),
        (b'{"products": [' + b",".join([b"1"] * (MAX_BATCH + 1)) + b"]}", 422, "invalid-parameter"),
        (b'{"products": [' + b"[" * 5000, 400, "malformed-request"),
        (b'{"products": [' + b" " * 4 * 1024 * 1024 + b"]}", 413, "body-too-large"),
    ],
    ids=["empty", "no JSON", "no object", "no list", "unknown field", "a field twice", "too many", "deep", "too large"],
)
def test_a_batch_that_is_not_right_is_refused_as_a_whole(
    changing: ChangingShop, content: bytes, expected_status: int, expected: str
) -> None:
    """Nothing of it is made."""
    revision = changing.revision()
    reply = changing.client.post("/products:batch", content=content, headers={"Content-Type": JSON})
    assert (reply.status_code, slug(reply)) == (expected_status, expected), reply.text
    assert MARKER not in reply.text
    assert changing.revision() == revision


@pytest.mark.parametrize(
    "item",
    [
        {"id": "x"},
        {"title": "x"},
        {"id": 1, "title": "x"},
        {"id": "..", "title": "x"},
        {"id": "a/b", "delete": True},
        {"id": "x", "delete": False},
        {"id": "x", "delete": 1},
        {"id": "x", "delete": True, "title": "x"},
        {"id": "x", "delete": True, "updated_at": "yesterday"},
        {"id": "x", "delete": True, "updated_at": FUTURE},
        {"id": "x", "title": "x", "updated_at": FUTURE},
        {"id": "x", "title": "x", MARKER: 1},
        [],
        None,
    ],
    ids=repr,
)
def test_an_item_that_is_not_right_is_refused_alone(changing: ChangingShop, item: object) -> None:
    """The one beside it is made; nothing of what was sent is repeated but the id."""
    good = {"id": "mugs-05", "title": "Mug", "category": "mugs"}
    results = changing.batch(item, good)
    assert results[0]["problem"]["type"] == "/problems/invalid-parameter"
    assert results[0]["problem"]["status"] == 422
    assert MARKER not in json.dumps(results)
    assert results[1]["outcome"] in {"changed", "unchanged"}


@pytest.mark.parametrize("product_id", ["a b", "a%2Fb", "%2e%2e", "%00", "é", "x" * 201, "a%0d%0ab"])
def test_an_id_that_no_product_could_have_is_refused(changing: ChangingShop, product_id: str) -> None:
    """By name, or because such an address is no product's."""
    for reply in (
        changing.client.put(f"/products/{product_id}", json={"title": "x"}),
        changing.client.delete(f"/products/{product_id}"),
    ):
        assert (reply.status_code, slug(reply)) in {
            (422, "invalid-parameter"),
            (404, "not-found"),
            (405, "method-not-allowed"),
        }


@pytest.mark.parametrize(
    "params",
    [
        {"updated_at": "2026-11-01T10:00:00"},
        {"updated_at": "1762000000"},
        {"updated_at": "2026-11-01T10:00:00 01:00"},
        {"updated_at": FUTURE},
        {"updated_at": ""},
        {"when": "2026-11-01T10:00:00Z"},
    ],
    ids=str,
)
def test_a_removal_with_a_wrong_moment_is_refused(changing: ChangingShop, params: dict[str, str]) -> None:
    """And removes nothing."""
    reply = changing.delete("bags-01", **params)
    assert (reply.status_code, slug(reply)) == (422, "invalid-parameter")
    assert changing.client.get("/products/bags-01").status_code == 200


@pytest.mark.parametrize("key", ["", "Bearer ", "Bearer wrong", "Basic YTpi"])
@pytest.mark.parametrize(
    ("method", "path"), [("PUT", "/products/x"), ("DELETE", "/products/x"), ("POST", "/products:batch")]
)
def test_changes_need_the_key(changing: ChangingShop, method: str, path: str, key: str) -> None:
    """It is asked for before a body is read."""
    reply = changing.client.request(method, path, headers={"Authorization": key}, content=b"x" * 100_000)
    assert (reply.status_code, slug(reply)) == (401, "invalid-key")


def test_a_uniform_picture_is_taken(changing: ChangingShop) -> None:
    """As searches take one."""
    assert changing.upload("white", encode(draw_picture(64, 64).point(lambda _: 255), "PNG")).status_code == 201
