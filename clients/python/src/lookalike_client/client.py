"""The client: a method for what a shop does every day, and `request` for everything else."""

import json
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Literal, Self, cast
from urllib.parse import quote

import httpx2

from lookalike_client import answers
from lookalike_client.problem import Problem

Picture = bytes | str | Path
"""The bytes of a photo, or the file that it is in."""

RETRIED = frozenset({429, 503})
LONGEST_WAIT_S = 60
SAFE = frozenset({"/search", "/classify", "/events"})


class Lookalike:
    """
    A service of Lookalike at an address; to be closed, or used in a `with` block. For one thread at a time.

    Every method raises `Problem` for what the service refuses, and `httpx2.HTTPError` where it cannot be reached.
    """

    def __init__(self, address: str, key: str | None = None, *, timeout_s: float = 30, retries: int = 2) -> None:
        """
        Prepare for a service, without connecting.

        Args:
            address: Such as `https://lookalike.shop.example`; it may have a path.
            key: Sent with every request; None: the service takes searches without one.
            timeout_s: That a request may take.
            retries: How often one is repeated that was answered 429 or 503, after the time that the answer asks for.
        """
        headers = {} if key is None else {"Authorization": f"Bearer {key}"}
        self._http = httpx2.Client(base_url=address, headers=headers, timeout=timeout_s)
        self._retries = retries

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the connections."""
        self._http.close()

    # -- searching -------------------------------------------------------------------------------------------------

    def search(  # noqa: PLR0913  # the fields of a form, by their names
        self,
        *,
        image: Picture | None = None,
        product_id: str | None = None,
        query_id: str | None = None,
        k: int | None = None,
        min_score: float | None = None,
        region: tuple[float, float, float, float] | None = None,
        filter: Mapping[str, Any] | None = None,  # noqa: A002  # as the service calls it
        facets: Sequence[str] = (),
        explain: bool = False,
        **more: str | float,
    ) -> answers.SearchResponse:
        """
        Find the products that look like a photo, a product, or an earlier search; exactly one of the three is given.

        `region` is the part of the upright photo to look at: left, top, right and bottom as shares of its sides. `more`
        are other fields of the form, as the service's documentation has them.
        """
        fields: dict[str, object] = {
            "product_id": product_id,
            "query_id": query_id,
            "k": k,
            "min_score": min_score,
            "region": region and ",".join(map(str, region)),
            "filter": filter and json.dumps(filter),
            "facets": ",".join(facets) or None,
            "explain": "true" if explain else None,
            **more,
        }
        found = self.request("POST", "/search", form=_form(fields, [] if image is None else [image]))
        return cast("answers.SearchResponse", found)

    def classify(self, image: Picture) -> answers.ClassifyResponse:
        """Tell what is in a photo."""
        return cast("answers.ClassifyResponse", self.request("POST", "/classify", form=_form({}, [image])))

    def similar(
        self,
        product_id: str,
        *,
        k: int | None = None,
        filter: Mapping[str, Any] | None = None,  # noqa: A002  # as the service calls it
        **more: str | float,
    ) -> answers.SearchResponse:
        """Find the products that look like one of the catalogue; `more` are other parameters of the address."""
        query = {"k": k, "filter": filter and json.dumps(filter), **more}
        found = self.request("GET", f"/products/{_place(product_id)}/similar", query=query)
        return cast("answers.SearchResponse", found)

    def event(
        self, kind: Literal["select", "add_to_cart"], request_id: str, product_id: str
    ) -> answers.EventTaken | None:
        """
        Say that a shopper opened a product of an answer, or put it into the cart.

        Returns:
            None where the service does not remember that answer any more, or keeps no events: that is no failure.
        """
        stated = {"type": kind, "request_id": request_id, "product_id": product_id}
        try:
            return cast("answers.EventTaken", self.request("POST", "/events", body=stated))
        except Problem as problem:
            if problem.slug == "not-found":
                return None
            raise

    # -- the catalogue ---------------------------------------------------------------------------------------------

    def product(self, product_id: str) -> answers.Product:
        """Return a product."""
        return cast("answers.Product", self.request("GET", f"/products/{_place(product_id)}"))

    def products(self, *, category: str | None = None) -> Iterator[answers.Product]:
        """Yield every product in the order of their ids, fetching page by page."""
        cursor: str | None = None
        while True:
            query = {"limit": 100, "category": category, "cursor": cursor}
            page = cast("answers.ProductList", self.request("GET", "/products", query=query))
            yield from page["products"]
            cursor = page["next_cursor"]
            if cursor is None:
                return

    def put_product(
        self, product_id: str, product: answers.ProductFields, images: Iterable[Picture] = ()
    ) -> answers.ProductPut:
        """Make a product what is stated here; without images it keeps those that it has. Durable when this returns."""
        pictures = list(images)
        path = f"/products/{_place(product_id)}"
        if not pictures:
            return cast("answers.ProductPut", self.request("PUT", path, body=product))
        form = _form({"product": json.dumps(product)}, pictures)
        return cast("answers.ProductPut", self.request("PUT", path, form=form))

    def delete_product(self, product_id: str) -> answers.ProductRemoved:
        """Remove a product, whether it is there or not."""
        return cast("answers.ProductRemoved", self.request("DELETE", f"/products/{_place(product_id)}"))

    def reindex(self, *, full: bool = False) -> answers.JobShown:
        """Have the index built anew; a worker does it."""
        return cast("answers.JobShown", self.request("POST", "/reindex", body={"full": full}))

    def job(self, job_id: str) -> answers.JobShown:
        """Tell how far a job is."""
        return cast("answers.JobShown", self.request("GET", f"/jobs/{_place(job_id)}"))

    # -- everything else -------------------------------------------------------------------------------------------

    def request(
        self,
        method: str,
        path: str,
        *,
        query: Mapping[str, object] | None = None,
        form: "Form | None" = None,
        body: object = None,
    ) -> Any:  # noqa: ANN401  # any JSON
        """Send any request and return the JSON of the answer; what is None in `query` is left out."""
        tries = self._retries if method != "POST" or path in SAFE else 0
        given = {name: str(value) for name, value in (query or {}).items() if value is not None}
        while True:
            answer = self._http.request(method, path, params=given, files=form, json=body)
            wait_s = _seconds(answer.headers.get("retry-after"))
            if tries == 0 or answer.status_code not in RETRIED or wait_s is None or wait_s > LONGEST_WAIT_S:
                return _json(answer, wait_s)
            tries -= 1
            time.sleep(wait_s)


Form = list[tuple[str, tuple[str | None, str | bytes]]]


def _form(fields: Mapping[str, object], images: Iterable[Picture]) -> Form:
    """Return the parts of a form: fields that are not None, and photos; without their files' names."""
    parts: Form = [(name, (None, str(value))) for name, value in fields.items() if value is not None]
    return parts + [
        ("image", ("photo", image if isinstance(image, bytes) else Path(image).read_bytes())) for image in images
    ]


def _place(name: str) -> str:
    return quote(name, safe="")


def _seconds(text: str | None) -> int | None:
    return int(text) if text is not None and text.isdecimal() else None


def _json(answer: httpx2.Response, retry_after_s: int | None) -> Any:  # noqa: ANN401  # any JSON
    try:
        document = answer.json()
    except ValueError:
        document = {}
    if not answer.is_success:
        raise Problem(answer.status_code, document if isinstance(document, dict) else {}, retry_after_s)
    return document
