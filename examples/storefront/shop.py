"""
The shop's own web server: a listing, a page for each product, a search, its pictures, and the feed of its products.

Of Lookalike it knows an address and a publishable key, which it puts into its pages; the rest happens in the browser.
"""

import csv
import io
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Final

from fastapi import FastAPI, HTTPException, Query, Request, Response
from fastapi.responses import HTMLResponse
from fastapi.staticfiles import StaticFiles
from fastapi.templating import Jinja2Templates

from indexer.sample_catalogue.feed import write_sample_feed

HERE: Final = Path(__file__).parent
NAME: Final = "Linden & Slate"
SHOWN_AT_ONCE: Final = 24
DEPARTMENTS: Final = {
    "Clothing": ("t-shirts", "shirts", "jumpers", "jackets", "dresses", "skirts", "trousers", "shorts"),
    "Shoes": ("sneakers", "boots", "heels"),
    "Bags and accessories": ("backpacks", "handbags", "hats", "sunglasses", "watches"),
    "Home": ("armchairs", "chairs", "table-lamps", "pendant-lamps", "vases", "plant-pots", "mugs", "teapots"),
}
FEED_COLUMNS: Final = (
    *("id", "title", "category", "brand", "price", "currency", "availability", "link", "image", "season"),
)


@dataclass(frozen=True, slots=True)
class Item:
    """A product as the shop shows it; `image` is the path of its picture here."""

    id: str
    title: str
    category: str
    brand: str
    price: str
    is_in_stock: bool
    image: str
    season: str

    @property
    def path(self) -> str:
        """Of its page."""
        return f"/products/{self.id}"


def read_items(pictures: Path) -> dict[str, Item]:
    """Return the products of a folder that `draw_sample_catalogue` drew, by their ids, in the shop's order."""
    with write_sample_feed(pictures, "/pictures").open(encoding="utf-8", newline="") as file:
        return {row["id"]: _item(row) for row in csv.DictReader(file)}


def _item(row: Mapping[str, str]) -> Item:
    kept = {name: row[name] for name in ("id", "title", "category", "brand", "price", "image", "season")}
    return Item(**kept, is_in_stock=row["availability"] == "in_stock")


def create_shop(pictures: Path, origin: str, endpoint: str) -> FastAPI:
    """
    Return the shop as a web application.

    Args:
        pictures: That `draw_sample_catalogue` drew.
        origin: Where the shop is served.
        endpoint: Where Lookalike is. Set `state.key` to the publishable key as soon as there is one.
    """
    items = read_items(pictures)
    templates = Jinja2Templates(HERE / "pages")
    shop = FastAPI(title=NAME, openapi_url=None)
    shop.state.key = ""
    shop.mount("/static", StaticFiles(directory=HERE / "static"))
    shop.mount("/pictures", StaticFiles(directory=pictures))
    shop.middleware("http")(_with_policy(endpoint))

    def page(request: Request, name: str, **values: Any) -> HTMLResponse:  # noqa: ANN401  # what a template takes
        search = {"endpoint": endpoint, "key": shop.state.key}
        shared = {"name": NAME, "departments": DEPARTMENTS, "search": search}
        return templates.TemplateResponse(request, name, {**shared, **values})

    @shop.get("/")
    def listing(request: Request, category: str | None = None, start: Annotated[int, Query(ge=0)] = 0) -> HTMLResponse:
        found = [item for item in items.values() if category in (None, item.category)]
        if not found:
            raise HTTPException(404, "No such category.")
        shown = found[start : start + SHOWN_AT_ONCE]
        more = start + SHOWN_AT_ONCE if start + SHOWN_AT_ONCE < len(found) else None
        return page(request, "listing.html", items=shown, category=category, more=more, count=len(found))

    @shop.get("/products/{product_id}")
    def product(request: Request, product_id: str) -> HTMLResponse:
        if product_id not in items:
            raise HTTPException(404, "No such product.")
        return page(request, "product.html", item=items[product_id])

    @shop.get("/search")
    def search_page(request: Request) -> HTMLResponse:
        return page(request, "search.html")

    @shop.get("/feed.csv")
    def feed() -> Response:
        return Response(feed_of(items, origin), media_type="text/csv")

    return shop


def feed_of(items: Mapping[str, Item], origin: str) -> str:
    """Return the feed that the shop gives to whoever lists its products: CSV with whole addresses."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(FEED_COLUMNS)
    for item in items.values():
        availability = "in_stock" if item.is_in_stock else "out_of_stock"
        addresses = (origin + item.path, origin + item.image)
        writer.writerow(
            (item.id, item.title, item.category, item.brand, item.price, "EUR", availability, *addresses, item.season)
        )
    return text.getvalue()


def _with_policy(service: str) -> Callable[[Request, Callable[[Request], Awaitable[Response]]], Awaitable[Response]]:
    """Return a middleware that sends the strict policy that docs/embed.md gives to shops."""
    policy = (
        f"default-src 'none'; script-src 'self' {service}; style-src 'self'; img-src 'self' {service}; "
        f"connect-src {service}; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; "
        "require-trusted-types-for 'script'"
    )

    async def send(request: Request, answer: Callable[[Request], Awaitable[Response]]) -> Response:
        response = await answer(request)
        response.headers["Content-Security-Policy"] = policy
        return response

    return send
