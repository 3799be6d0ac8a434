"""A service whose products are changed over HTTP, and a web server that has their pictures."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx2
from starlette.testclient import TestClient

from app.core.products import ProductRecord
from app.core.settings import Settings
from app.core.vector_store import VectorStore
from app.db.database import Database
from app.main import create_app
from tests.support.bad_server import BadServer, bad_server, file
from tests.support.images import picture_bytes
from tests.support.services import ADMIN_KEY, copied_settings
from tests.support.shop import Shop
from tests.support.waiting import wait_until

AUTHORISED = {"Authorization": f"Bearer {ADMIN_KEY}"}


@dataclass(frozen=True, slots=True)
class ChangingShop:
    """A running service on a copy of the shop's data, which takes pictures from `web` only; the client has the key."""

    settings: Settings
    web: BadServer
    client: TestClient

    def picture(self, seed: int, **headers: str) -> str:
        """Have the web server show a picture, a different one for each seed, and return its address."""
        return self.web.at(f"/{seed}.jpg", file(picture_bytes(seed=seed), **headers))

    def put(self, product_id: str, **fields: Any) -> httpx2.Response:  # noqa: ANN401  # JSON values
        """Put a product as JSON; a title is made up where there is none."""
        return self.client.put(f"/products/{product_id}", json={"title": "A thing", **fields})

    def upload(self, product_id: str, *pictures: bytes, **fields: Any) -> httpx2.Response:  # noqa: ANN401  # the same
        """Put a product as a form, with its pictures."""
        return self.client.put(
            f"/products/{product_id}",
            data={"product": json.dumps({"title": "A thing", **fields})},
            files=[("image", picture) for picture in pictures],
        )

    def delete(self, product_id: str, **params: str) -> httpx2.Response:
        """Remove a product."""
        return self.client.delete(f"/products/{product_id}", params=params)

    def batch(self, *items: object) -> list[dict[str, Any]]:
        """Send many changes and return their results."""
        reply = self.client.post("/products:batch", json={"products": items})
        assert reply.status_code == 200, reply.text
        results: list[dict[str, Any]] = reply.json()["results"]
        return results

    def found(self, photo: bytes, k: int = 5) -> list[str]:
        """Return the ids of the products that a search with this photo finds."""
        return found_at(self.client, photo, k)

    def wait_for(self, product_id: str, photo: bytes) -> None:
        """Return when the product is the first that a search with this photo finds."""
        wait_until(lambda: self.found(photo)[0] == product_id)

    def stored(self, product_id: str) -> ProductRecord | None:
        """Return what the catalogue holds."""
        with self._database() as database, database.reading() as catalogue:
            return catalogue.get_product(product_id)

    def revision(self) -> int:
        """Return the catalogue's revision, which every change raises."""
        with self._database() as database, database.reading() as catalogue:
            return catalogue.revision()

    def embeddings(self) -> int:
        """Return how many embeddings are stored."""
        if not self.settings.vectors_dir.exists():
            return 0
        (folder,) = self.settings.vectors_dir.iterdir()
        with VectorStore.open(self.settings.vectors_dir, folder.name, 1280) as store:
            return len(store)

    @contextmanager
    def _database(self) -> Iterator[Database]:
        database = Database(self.settings.resolved_database_url)
        yield database
        database.close()


def found_at(client: httpx2.Client, photo: bytes, k: int = 5) -> list[str]:
    """Return the ids of the products that a search with this photo finds."""
    reply = client.post("/search", data={"k": str(k)}, files={"image": photo})
    assert reply.status_code == 200, reply.text
    return [result["product"]["id"] for result in reply.json()["results"]]


@contextmanager
def changing_shop(shop: Shop, folder: Path, **overrides: object) -> Iterator[ChangingShop]:
    """Run the service, in this process, and the web server until the block ends."""
    with bad_server() as web:
        settings = copied_settings(shop, folder, fetch_trusted=web.origin, fetch_hosts="shop.invalid", **overrides)
        with TestClient(create_app(settings), headers=AUTHORISED) as client:
            yield ChangingShop(settings, web, client)
