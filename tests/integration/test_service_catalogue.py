"""The catalogue over HTTP: products, pictures, snapshots, the page."""

import io
import re
import shutil
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from PIL import Image
from pydantic import SecretStr
from starlette.testclient import TestClient

from app.core.products import ProductRecord
from app.db.database import Database
from app.main import create_app
from app.search import pictures
from tests.support.services import ADMIN_KEY
from tests.support.shop import Shop, publish

AUTHORISED = {"Authorization": f"Bearer {ADMIN_KEY}"}


@pytest.fixture(scope="module")
def keyed_client(shop: Shop) -> Iterator[TestClient]:
    """A client of a service that has a key for changes."""
    settings = shop.settings.model_copy(update={"admin_key": SecretStr(ADMIN_KEY)})
    with TestClient(create_app(settings)) as client:
        yield client


def test_products_are_listed_page_by_page(client: TestClient, shop: Shop) -> None:
    """Every product once, in the order of the ids, and the last page says so."""
    seen: list[str] = []
    cursor: str | None = None
    while True:
        params: dict[str, str | int] = {"limit": 7} if cursor is None else {"limit": 7, "cursor": cursor}
        page = client.get("/products", params=params).json()
        seen += [product["id"] for product in page["products"]]
        cursor = page["next_cursor"]
        if cursor is None:
            break
    assert seen == sorted(shop.photos)


def test_products_of_a_category_are_listed(client: TestClient) -> None:
    """Exactly those."""
    products = client.get("/products", params={"category": "bags"}).json()["products"]
    assert [product["id"] for product in products] == [f"bags-{number:02d}" for number in range(8)]


def test_a_product_is_shown_with_its_images(client: TestClient) -> None:
    """In their order, with their addresses and nothing of where the files are."""
    product = client.get("/products/mugs-00").json()
    assert (product["title"], product["price"], len(product["images"])) == ("Mug 00", 19.9, 3)
    for image in product["images"]:
        assert re.fullmatch(r"/images/[0-9a-f]{16}", image["url"])
        assert set(image) == {"id", "url"}


def _image_url(client: TestClient, product_id: str) -> str:
    url: str = client.get(f"/products/{product_id}").json()["images"][0]["url"]
    return url


def test_an_image_is_served_as_it_was_indexed(client: TestClient, shop: Shop) -> None:
    """With headers that keep a browser from running anything in it (B54)."""
    reply = client.get(_image_url(client, "bags-04"))
    assert reply.content == shop.photos["bags-04"][0]
    assert reply.headers["content-type"] == "image/jpeg"
    assert reply.headers["x-content-type-options"] == "nosniff"
    assert reply.headers["content-security-policy"] == "default-src 'none'; sandbox"


def test_a_thumbnail_is_small_and_tells_nothing_of_the_camera(client: TestClient, shop: Shop) -> None:
    """The original's EXIF, with its camera and its place, stays behind."""
    assert b"PRIVATE-CAMERA" in shop.photos["bags-04"][0]
    reply = client.get(_image_url(client, "bags-04"), params={"size": "thumb"})
    assert reply.headers["content-type"] == "image/jpeg"
    assert b"PRIVATE-CAMERA" not in reply.content
    assert b"Exif" not in reply.content
    with Image.open(io.BytesIO(reply.content)) as thumbnail:
        assert max(thumbnail.size) == 320
        assert len(thumbnail.getexif()) == 0


@pytest.mark.parametrize("params", [{}, {"size": "thumb"}])
def test_an_image_that_a_browser_has_is_not_sent_again(client: TestClient, params: dict[str, str]) -> None:
    """304 for the ETag that it got."""
    url = _image_url(client, "lamps-01")
    etag = client.get(url, params=params).headers["etag"]
    again = client.get(url, params=params, headers={"If-None-Match": f'"other", {etag}'})
    assert (again.status_code, again.content, again.headers["etag"]) == (304, b"", etag)


@pytest.mark.parametrize(
    "path",
    [
        "/images/0123456789abcdef",
        "/images/../catalogue.db",
        "/images/%2e%2e%2fcatalogue.db",
        "/images/..%5ccatalogue.db",
        "/images//etc/passwd",
        "/images-secret",
        "/images/%00",
        "/images/CON",
        "/images/-1",
        "/images/" + "a" * 10_000,
        "/images/'%20OR%201=1--",
        "/static/..%2fmain.py",
        "/static/../main.py",
        "/static/page.css%00",
    ],
)
def test_what_is_not_there_looks_the_same_wherever_it_is_not(client: TestClient, path: str) -> None:
    """A path tells nobody whether it was close to a file (B52, B53)."""
    missing = client.get("/images/ffffffffffffffff").json()
    reply = client.get(path)
    assert reply.status_code == 404
    assert {**reply.json(), "instance": ""} == {**missing, "instance": ""}


def test_a_range_of_an_image_is_not_a_way_to_make_work(client: TestClient, shop: Shop) -> None:
    """B55: ten thousand ranges are answered with the whole picture, once."""
    reply = client.get(_image_url(client, "bags-04"), headers={"Range": "bytes=" + "0-0," * 10_000 + "1-1"})
    assert (reply.status_code, len(reply.content)) == (200, len(shop.photos["bags-04"][0]))


def _move_pictures(shop: Shop, folder: Path) -> ProductRecord:
    """Record one product's picture at a place of this test's own, and publish that."""
    database = Database(shop.settings.resolved_database_url)
    with database.writing() as catalogue:
        record = catalogue.get_product("mugs-05")
        assert record is not None
        path = shutil.copy(record.images[0].location, folder / "mug.jpg")
        moved = replace(record, images=(replace(record.images[0], location=str(path)),))
        catalogue.upsert_products([moved])
    database.close()
    publish(shop)
    return moved


def test_only_the_bytes_that_were_indexed_are_served(own_shop: Shop, tmp_path: Path) -> None:
    """A file that is gone, or is another one now, is not found; a link to a secret does not serve the secret."""
    image = _move_pictures(own_shop, tmp_path).images[0]
    path, data = Path(image.location), Path(image.location).read_bytes()
    changes: dict[str, Callable[[], object]] = {
        "gone": lambda: None,
        "another": lambda: path.write_bytes(data[:-1] + b"x"),
        "longer": lambda: path.write_bytes(data + b"x"),
        "shorter": lambda: path.write_bytes(data[:-1]),
        "a link": lambda: path.symlink_to("/etc/passwd"),
        "a folder": path.mkdir,
    }
    with TestClient(create_app(own_shop.settings)) as client:
        assert client.get(f"/images/{image.id}").status_code == 200
        for name, change in changes.items():
            path.unlink()
            change()
            for size in ("", "?size=thumb"):
                reply = client.get(f"/images/{image.id}{size}")
                assert (reply.status_code, reply.json()["type"]) == (404, "/problems/not-found"), name
            path.rmdir() if path.is_dir() else path.unlink(missing_ok=True)
            path.write_bytes(data)
        assert client.get(f"/images/{image.id}?size=thumb").status_code == 200


def test_the_page_and_its_files_are_served_under_a_strict_policy(client: TestClient) -> None:
    """Everything that the page and the documentation name is there, from here, and nothing runs inline."""
    for path in ("/", "/admin", "/docs"):
        page = client.get(path)
        assert page.headers["content-type"] == "text/html; charset=utf-8"
        assert page.headers["content-security-policy"].startswith(
            "default-src 'self'; object-src 'none'; base-uri 'none'"
        )
        files = re.findall(r'(?:href|src)="([^"#]+)"', page.text)
        assert files
        for file in files:
            assert file.startswith("/"), file
            assert client.get(file).status_code == 200, file
        assert not re.search(r"<script(?![^>]* src=)|<style|\son\w+=|\sstyle=", page.text)


def test_a_page_that_a_browser_has_is_not_sent_again(client: TestClient) -> None:
    """But it asks each time, so that a new version is seen at once."""
    first = client.get("/")
    assert first.headers["cache-control"] == "no-cache"
    assert client.get("/", headers={"If-None-Match": first.headers["etag"]}).status_code == 304


def test_thumbnails_are_kept_within_bounds(client: TestClient, monkeypatch: pytest.MonkeyPatch) -> None:
    """When there are too many, the one seen longest ago is made anew; what is served stays the same."""
    urls = [_image_url(client, product_id) + "?size=thumb" for product_id in ("mugs-01", "mugs-02", "mugs-03")]
    small = [client.get(url).content for url in urls]
    monkeypatch.setattr(pictures, "THUMBNAIL_CACHE_BYTES", len(small[0]))
    assert [client.get(url).content for url in urls * 2] == small * 2


def test_a_picture_that_can_no_longer_be_decoded_has_no_thumbnail(own_shop: Shop) -> None:
    """As when the limits were lowered after indexing; the picture itself is still served."""
    settings = own_shop.settings.model_copy(update={"max_jpeg_pixels": 1_000})
    with TestClient(create_app(settings)) as client:
        url = _image_url(client, "mugs-01")
        assert client.get(url).status_code == 200
        assert client.get(f"{url}?size=thumb").status_code == 404


def test_snapshots_are_listed_newest_first(own_shop: Shop) -> None:
    """With what they hold, and which one is live."""
    second = publish(own_shop, product_ids=["mugs-01", "mugs-02"])
    with TestClient(create_app(own_shop.settings)) as client:
        newest, oldest = client.get("/snapshots", headers=AUTHORISED).json()["snapshots"]
    assert (newest["id"], newest["live"], newest["products"], newest["images"]) == (second, True, 2, 2)
    assert (oldest["live"], oldest["products"], oldest["problem"]) == (False, 24, None)
    assert newest["network"] == "efficientnet_lite0"
    assert newest["size_bytes"] > 2 * 1280 * 4


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Authorization": "Bearer"},
        {"Authorization": f"Bearer {ADMIN_KEY[:-1]}X"},
        {"Authorization": f"Bearer {ADMIN_KEY} more"},
        {"Authorization": f"Basic {ADMIN_KEY}"},
        {"Authorization": ADMIN_KEY},
        {"Host": "127.0.0.1", "X-Forwarded-For": "127.0.0.1"},
    ],
)
def test_publishing_needs_the_key(keyed_client: TestClient, headers: dict[str, str]) -> None:
    """Missing, wrong in one character, or of another scheme: 401."""
    live = keyed_client.get("/snapshots", headers=AUTHORISED).json()["snapshots"][0]["id"]
    reply = keyed_client.post(f"/snapshots/{live}/publish", headers=headers)
    assert (reply.status_code, reply.json()["type"]) == (401, "/problems/invalid-key")
    assert reply.headers["www-authenticate"].startswith("Bearer")
    assert ADMIN_KEY not in reply.text


def test_without_a_key_nobody_publishes(client: TestClient) -> None:
    """A service that was given no key takes no changes, and says which setting would allow them."""
    reply = client.post("/snapshots/000001-00000000/publish", headers={"Authorization": "Bearer "})
    assert reply.status_code == 401
    assert "LOOKALIKE_ADMIN_KEY" in reply.json()["detail"]


def test_a_snapshot_is_published_with_the_key(own_shop: Shop) -> None:
    """The service then answers from it; one that is not there or damaged changes nothing."""
    first = publish(own_shop, product_ids=["bags-01", "bags-02"])
    publish(own_shop)
    index = own_shop.settings.snapshots_dir / first / "index.faiss"
    with TestClient(create_app(own_shop.settings)) as client:
        missing = client.post("/snapshots/000099-00000000/publish", headers=AUTHORISED)
        assert (missing.status_code, missing.json()["type"]) == (404, "/problems/snapshot-missing")
        published = client.post(f"/snapshots/{first}/publish", headers=AUTHORISED)
        assert (published.status_code, published.json()["live"]) == (200, True)
        while client.get("/readyz").json()["snapshot"] != first:
            pass
        answer: dict[str, Any] = client.get("/products/bags-01/similar").json()
        assert (answer["snapshot"]["id"], len(answer["results"])) == (first, 1)
        last = client.get("/snapshots", headers=AUTHORISED).json()["snapshots"][0]["id"]
        index = own_shop.settings.snapshots_dir / last / "index.faiss"
        index.chmod(0o644)
        index.write_bytes(index.read_bytes()[:-1])
        damaged = client.post(f"/snapshots/{last}/publish", headers=AUTHORISED)
        assert (damaged.status_code, damaged.json()["type"]) == (409, "/problems/snapshot-corrupt")
        assert client.get("/readyz").json()["status"] == "ready"
