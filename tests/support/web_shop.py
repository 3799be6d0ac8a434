"""A shop whose feed states pictures on a web server of this machine, and imports of that feed."""

from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from app.core.fetching.blocking import fetching
from app.core.fetching.limits import FetchLimits
from app.core.settings import Settings
from app.core.snapshot_folder import SnapshotFolder
from indexer.pipeline import IndexResult, SourceOptions, index_source
from indexer.progress import Progress, Silent
from tests.support.bad_server import BadServer, file
from tests.support.feeds import json_lines
from tests.support.images import picture_bytes
from tests.support.indexing import catalogue_of, live_products

HASTY = FetchLimits(timeout_s=0.5, attempts=2, backoff_s=0.001, failures_to_give_up=5)


@dataclass
class WebShop:
    """
    The products that the shop states, in a feed that is written anew for each import.

    Attributes:
        web: The server with their pictures.
        settings: With which that server may be asked.
        feed: The file.
        products: What the feed says of each, by id.
    """

    web: BadServer
    settings: Settings
    feed: Path
    products: dict[str, dict[str, object]] = field(default_factory=dict)

    def add(self, product_id: str, *seeds: int, **fields: object) -> None:
        """Sell a product with a picture for each of the seeds."""
        pictures = [self.picture(f"/{product_id}-{place}.jpg", seed) for place, seed in enumerate(seeds)]
        self.products[product_id] = {"id": product_id, "title": product_id, "images": pictures, **fields}

    def picture(self, path: str, seed: int) -> str:
        """Have a picture on the server from now on, and return its address."""
        return self.web.at(path, file(picture_bytes("JPEG", 100, 120, seed), ETag=f'"{seed}"'))

    def write(self) -> Path:
        """Write the feed."""
        self.feed.write_bytes(json_lines(list(self.products.values())))
        return self.feed

    def allow_failures(self, share: float) -> None:
        """Let this share of the pictures fail from now on."""
        self.settings = self.settings.model_copy(update={"max_unfetched_share": share})

    def state(self) -> tuple[object, ...]:
        """Return everything that an import which fails must not change."""
        current = SnapshotFolder(self.settings.snapshots_dir).current()
        return current, catalogue_of(self.settings), live_products(self.settings)

    def import_feed(self, progress: Progress | None = None, **options: Any) -> IndexResult:  # noqa: ANN401  # SourceOptions'
        """Import the feed; the server begins to count requests anew."""
        self.web.requests.clear()
        self.web.headers.clear()
        return index_source(self.settings, str(self.write()), SourceOptions(**options), progress or Silent())


@pytest.fixture
def web_shop(web: BadServer, settings: Settings, tmp_path: Path) -> WebShop:
    """Twelve products with a picture or two, and nothing imported yet."""
    names = (web.origin, web.origin.replace("127.0.0.1", "localhost"))
    web_shop = WebShop(web, settings.model_copy(update={"fetch_trusted": names}), tmp_path / "feed.jsonl")
    for number in range(12):
        web_shop.add(f"p{number:02d}", number, *([100 + number] if number % 3 == 0 else []), price=f"{number}.90 EUR")
    return web_shop


@pytest.fixture
def hasty(monkeypatch: pytest.MonkeyPatch) -> None:
    """Wait half a second for a picture, and not ten."""
    monkeypatch.setattr("indexer.workplace.fetching", partial(fetching, limits=HASTY))
