"""The OpenAPI document, and the service held against it by generated requests."""

from collections.abc import Iterator
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from schemathesis import Case
from schemathesis.specs.openapi.checks import positive_data_acceptance
from starlette.testclient import TestClient

from app.api.errors import PROBLEM_MEDIA_TYPE
from tests.support.server import Server, running_server
from tests.support.services import ADMIN_KEY, copied_settings
from tests.support.shop import Shop
from tests.support.soak import sample

ROUTES = {
    ("post", "/search"),
    ("post", "/classify"),
    ("get", "/products"),
    ("get", "/products/{product_id}"),
    ("put", "/products/{product_id}"),
    ("delete", "/products/{product_id}"),
    ("post", "/products:batch"),
    ("get", "/products/{product_id}/similar"),
    ("get", "/images/{image_id}"),
    ("get", "/rules"),
    ("post", "/rules"),
    ("delete", "/rules/{rule_id}"),
    ("post", "/events"),
    ("get", "/catalogue"),
    ("get", "/catalogue/refused"),
    ("get", "/snapshots"),
    ("get", "/snapshots/figures"),
    ("post", "/snapshots/rollback"),
    ("post", "/snapshots/{snapshot_id}/publish"),
    ("post", "/reindex"),
    ("get", "/jobs"),
    ("get", "/jobs/{job_id}"),
    ("post", "/jobs/{job_id}/cancel"),
    ("post", "/jobs/{job_id}/retry"),
    ("get", "/keys"),
    ("post", "/keys"),
    ("delete", "/keys/{key_id}"),
    ("get", "/livez"),
    ("get", "/readyz"),
}


@pytest.fixture(scope="session")
def document(client: TestClient) -> dict[str, Any]:
    """The OpenAPI document."""
    found: dict[str, Any] = client.get("/openapi.json").json()
    return found


def test_every_route_is_described(document: dict[str, Any]) -> None:
    """And none that is not there."""
    assert {(method, path) for path, methods in document["paths"].items() for method in methods} == ROUTES


def test_every_route_declares_its_errors_as_problem_documents(document: dict[str, Any]) -> None:
    """Each refusal has the one schema; those to try again later say when."""
    for methods in document["paths"].values():
        for operation in methods.values():
            for status, answer in operation["responses"].items():
                if status in {"200", "201", "202", "304"}:
                    continue
                assert answer["content"] == {PROBLEM_MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}}
                assert ("Retry-After" in answer.get("headers", {})) == (status in {"429", "503"})


def test_the_forms_are_described_with_examples(document: dict[str, Any]) -> None:
    """Whoever generates a client learns the fields of both."""
    search, classify = (
        document["paths"][path]["post"]["requestBody"]["content"]["multipart/form-data"]["schema"]["properties"]
        for path in ("/search", "/classify")
    )
    assert set(search) == {
        *("image", "product_id", "query_id", "k", "min_score", "region", "regions", "filter", "facets", "explain"),
        *("more_like", "less_like", "more_weight", "less_weight", "diversity"),
    }
    assert set(classify) == {"image", "region"}
    assert all(part.get("description") for part in search.values())


def test_every_answer_has_an_example_of_each_field(document: dict[str, Any]) -> None:
    """So that the documentation shows what to expect."""
    for name, schema in document["components"]["schemas"].items():
        for field, part in schema.get("properties", {}).items():
            kinds = {part.get("type"), *(option.get("type") for option in part.get("anyOf", []))}
            if kinds & {"string", "number", "integer"} and "format" not in part and "anyOf" not in part:
                assert "examples" in part or "enum" in part or "const" in part, f"{name}.{field}"


@pytest.fixture(scope="module")
def keyed_server(shop: Shop, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A service on a copy of the shop's data that takes changes, but pictures from nowhere."""
    folder = tmp_path_factory.mktemp("keyed")
    with running_server(copied_settings(shop, folder, fetch_hosts="shop.invalid"), folder) as server:
        yield server


@pytest.mark.parametrize("key", [None, ADMIN_KEY], ids=["without a key", "with the key"])
@pytest.mark.parametrize(("method", "path"), sorted(ROUTES), ids=lambda value: value)
def test_generated_requests_are_answered_as_the_document_says(
    keyed_server: Server, method: str, path: str, key: str | None
) -> None:
    """Whatever is sent: a declared status, a body of the declared schema, and never a failure on our side."""
    operation = schemathesis.openapi.from_url(f"{keyed_server.url}/openapi.json")[path][method]
    headers = {"Authorization": f"Bearer {key}"} if key else None

    @settings(
        max_examples=sample(12, soak=100),
        deadline=None,
        derandomize=True,
        database=None,
        suppress_health_check=list(HealthCheck),
    )
    @given(operation.as_strategy())
    def send(case: Case[Any]) -> None:
        # A document can neither say which bytes are a photo nor which text is a cursor that was given out.
        answer = case.call_and_validate(excluded_checks=[positive_data_acceptance], headers=headers)
        assert "cache-control" in answer.headers, "whether it may be kept is said of every answer"

    send()
