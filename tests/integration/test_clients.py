"""Both clients against the running service: what they return, what they refuse, what they repeat."""

import json
from collections.abc import Iterator
from pathlib import Path

import httpx2
import pytest

from lookalike_client import Lookalike, Problem
from tests.support.node import compiled_and_run
from tests.support.server import Server, running_server
from tests.support.services import ADMIN_KEY, copied_settings
from tests.support.shop import Shop


@pytest.fixture(scope="module")
def keyed_server(shop: Shop, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A service on a copy of the shop's data, which takes changes."""
    folder = tmp_path_factory.mktemp("clients")
    with running_server(copied_settings(shop, folder), folder) as server:
        yield server


@pytest.fixture
def lookalike(keyed_server: Server) -> Iterator[Lookalike]:
    """The Python client, with the key."""
    with Lookalike(keyed_server.url, ADMIN_KEY) as client:
        yield client


@pytest.fixture
def photo(shop: Shop, tmp_path: Path) -> Path:
    """The file of a shopper's photo."""
    path = tmp_path / "photo.jpg"
    path.write_bytes(shop.photos["mugs-02"][0])
    return path


def test_python_searches_with_a_photo(lookalike: Lookalike, photo: Path) -> None:
    """From a file or from bytes, with every field that the form has."""
    answer = lookalike.search(image=photo, k=3)
    assert answer["results"][0]["product"]["id"] == "mugs-02"
    assert len(answer["results"]) == 3
    narrower = lookalike.search(
        image=photo.read_bytes(),
        k=5,
        min_score=-1,
        region=(0.0, 0.0, 1.0, 0.9),
        filter={"category": "bags"},
        facets=["category", "brand"],
        explain=True,
    )
    assert {result["product"]["category"] for result in narrower["results"]} == {"bags"}
    assert set(narrower["facets"]) == {"category", "brand"}
    assert all(result["explanation"] for result in narrower["results"])


def test_python_searches_with_a_product_and_again(lookalike: Lookalike) -> None:
    """By its id, or by that of an earlier answer; fields of the form that it does not name itself are passed on."""
    answer = lookalike.search(product_id="bags-01", k=2)
    again = lookalike.search(query_id=answer["query_id"], k=2)
    similar = lookalike.similar("bags-01", k=2, filter={"category": "bags"}, min_score=0.1)
    ids = [[result["product"]["id"] for result in each["results"]] for each in (answer, again, similar)]
    assert ids[0] == ids[1] == ids[2]
    with pytest.raises(Problem, match="a field that is not known here"):
        lookalike.search(product_id="bags-01", unheard_of=1)


def test_python_classifies(lookalike: Lookalike, photo: Path) -> None:
    """What is in a photo."""
    assert lookalike.classify(photo)["categories"][0]["label"] == "mugs"


def test_python_says_what_was_chosen(lookalike: Lookalike, photo: Path) -> None:
    """Once; what the service does not remember is no failure."""
    answer = lookalike.search(image=photo)
    chosen = answer["results"][2]["product"]["id"]
    assert lookalike.event("select", answer["request_id"], chosen) == {"outcome": "taken"}
    assert lookalike.event("select", answer["request_id"], chosen) == {"outcome": "repeated"}
    assert lookalike.event("add_to_cart", "0b5fd94d-4cf9-4d6c-9a3e-0b3f31d0a2a7", chosen) is None
    with pytest.raises(Problem) as caught:
        lookalike.event("select", answer["request_id"], "not-shown")
    assert caught.value.slug == "invalid-parameter"


def test_python_lists_every_product_once(lookalike: Lookalike, shop: Shop) -> None:
    """Page by page."""
    assert {product["id"] for product in lookalike.products()} >= set(shop.photos)
    assert {product["category"] for product in lookalike.products(category="lamps")} == {"lamps"}


def test_python_changes_the_catalogue(lookalike: Lookalike, photo: Path) -> None:
    """Puts with and without pictures, shows, removes; an id may hold what addresses do not."""
    assert lookalike.put_product("a.b~c", {"title": "Mug"}, images=[photo])["outcome"] == "added"
    assert lookalike.put_product("a.b~c", {"title": "Mug", "price": "9.90", "currency": "EUR"})["outcome"] == "changed"
    assert lookalike.product("a.b~c")["price"] == 9.9
    assert lookalike.delete_product("a.b~c")["outcome"] == "removed"
    with pytest.raises(Problem) as caught:
        lookalike.product("a.b~c/../mugs-00")
    assert (caught.value.status, caught.value.slug) == (404, "not-found")


def test_python_queues_a_reindex(lookalike: Lookalike) -> None:
    """And tells how far it is."""
    job = lookalike.reindex(full=True)
    assert (job["state"], lookalike.job(job["id"])["params"]) == ("queued", {"full": True})
    lookalike.request("POST", f"/jobs/{job['id']}/cancel")


def test_python_tells_what_was_refused(keyed_server: Server, lookalike: Lookalike, photo: Path) -> None:
    """With the name to compare, the sentence for people, and the id that the log has."""
    with Lookalike(keyed_server.url) as stranger, pytest.raises(Problem) as caught:
        stranger.delete_product("mugs-00")
    assert (caught.value.status, caught.value.slug) == (401, "invalid-key")
    photo.write_bytes(b"no picture")
    with pytest.raises(Problem) as caught:
        lookalike.search(image=photo)
    assert (caught.value.status, caught.value.slug, caught.value.retry_after_s) == (415, "not-an-image", None)
    assert len(caught.value.request_id) == 36
    assert str(caught.value).startswith("415 not-an-image: ")


def test_python_does_not_hide_that_there_is_no_service() -> None:
    """What cannot be reached is the network's failure and not the service's."""
    with Lookalike("http://127.0.0.1:1") as client, pytest.raises(httpx2.ConnectError):
        client.product("mugs-00")


def answering(*statuses: int) -> tuple[Lookalike, list[httpx2.Request]]:
    """Return a client whose requests are answered with these statuses in turn, and the requests that it made."""
    asked: list[httpx2.Request] = []

    def answer(request: httpx2.Request) -> httpx2.Response:
        asked.append(request)
        status = statuses[min(len(asked), len(statuses)) - 1]
        headers = {"Retry-After": "7"} if status in {429, 503} else {}
        return httpx2.Response(status, headers=headers, json={"type": "/problems/overloaded"})

    client = Lookalike("http://service.invalid/path", "key")
    client._http = httpx2.Client(base_url="http://service.invalid/path", transport=httpx2.MockTransport(answer))
    return client, asked


def test_python_comes_back_when_the_service_says(monkeypatch: pytest.MonkeyPatch) -> None:
    """Twice, after the time that it asks for; below the path that the address has."""
    waited: list[float] = []
    monkeypatch.setattr("lookalike_client.client.time.sleep", waited.append)
    client, asked = answering(503, 429, 200)
    client.product("mug 1/2")
    assert waited == [7, 7]
    assert [request.url.raw_path for request in asked] == [b"/path/products/mug%201%2F2"] * 3
    client, asked = answering(503)
    with pytest.raises(Problem) as caught:
        client.search(image=b"photo")
    assert (caught.value.retry_after_s, len(asked)) == (7, 3)
    assert [request.content.count(b"photo\r\n") for request in asked] == [1, 1, 1]


def test_python_repeats_nothing_that_would_count_twice(monkeypatch: pytest.MonkeyPatch) -> None:
    """Another reindex, for one; nor what failed for another reason."""
    monkeypatch.setattr("lookalike_client.client.time.sleep", lambda _s: pytest.fail("it waited"))
    for statuses, send in (((503,), Lookalike.reindex), ((500,), lambda client: client.product("mugs-00"))):
        client, asked = answering(*statuses)
        with pytest.raises(Problem):
            send(client)
        assert len(asked) == 1


def test_python_makes_sense_of_answers_that_are_not_the_services() -> None:
    """As of a proxy between: the status, and no made-up name."""
    client, _ = answering()
    client._http = httpx2.Client(
        base_url="http://service.invalid",
        transport=httpx2.MockTransport(lambda _request: httpx2.Response(502, text="<html>Bad gateway</html>")),
    )
    with pytest.raises(Problem) as caught:
        client.product("mugs-00")
    assert (caught.value.status, caught.value.slug, caught.value.request_id) == (502, "error", "")


TYPESCRIPT = """
import { readFile } from "node:fs/promises";
import { lookalike, LookalikeProblem, type SearchResponse } from "lookalike-client";

const [address, key, photo] = process.argv.slice(2) as [string, string, string];
const ask = lookalike(address, key);
const image = new Blob([await readFile(photo)]);

const found: SearchResponse = await ask("post", "/search", { form: { image, k: 3, facets: "category" } });
const ids = found.results.map(({ product }) => product.id);
const event = { type: "select" as const, request_id: found.request_id, product_id: ids[1]! };
const taken = await ask("post", "/events", { json: event });
const repeated = await ask("post", "/events", { json: event });
const similar = await ask("get", "/products/{product_id}/similar", { path: { product_id: ids[0]! }, query: { k: 2 } });
const put = await ask("put", "/products/{product_id}", {
  path: { product_id: "typed" },
  form: { product: JSON.stringify({ title: "Typed" }), image: [image] },
});
const removed = await ask("delete", "/products/{product_id}", { path: { product_id: "typed" } });

const refused: unknown[] = [];
for (const attempt of [
  () => ask("get", "/products/{product_id}", { path: { product_id: "no such/product" } }),
  () => lookalike(`${address}/`)("get", "/jobs"),
  () => ask("post", "/classify", { form: { image: new Blob(["no picture"]) } }),
]) {
  try {
    await attempt();
  } catch (error) {
    if (!(error instanceof LookalikeProblem)) throw error;
    refused.push([error.problem.status, error.problem.type, error.retryAfterS ?? null]);
  }
}
const aborted = await ask("get", "/products", { signal: AbortSignal.abort() }).catch((error: Error) => error.name);

// @ts-expect-error  there is no such address
void (() => ask("get", "/unheard-of"));
// @ts-expect-error  there is no such parameter
void (() => ask("get", "/products", { query: { unheard_of: 1 } }));
// @ts-expect-error  nor such a kind of event
void (() => ask("post", "/events", { json: { ...event, type: "look" } }));

console.log(JSON.stringify({
  ids, facets: Object.keys(found.facets), outcomes: [taken.outcome, repeated.outcome, put.outcome, removed.outcome],
  similar: similar.results.length, refused, aborted,
}));
"""


def test_typescript_does_it_all(keyed_server: Server, photo: Path, tmp_path: Path) -> None:
    """Compiled against the types and run in Node: searches, events, changes, and what is refused."""
    printed = compiled_and_run(TYPESCRIPT, tmp_path, keyed_server.url, ADMIN_KEY, str(photo))
    assert json.loads(printed) == {
        "ids": ["mugs-02", *json.loads(printed)["ids"][1:]],
        "facets": ["category"],
        "outcomes": ["taken", "repeated", "added", "removed"],
        "similar": 2,
        "refused": [
            [404, "/problems/not-found", None],
            [401, "/problems/invalid-key", None],
            [415, "/problems/not-an-image", None],
        ],
        "aborted": "AbortError",
    }
