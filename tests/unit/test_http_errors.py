"""How errors leave over HTTP."""

import json

import pytest

from app.api.errors import STATUS_OF, problem_headers, problem_json
from app.core.errors import (
    DatabaseUnavailable,
    InternalError,
    InvalidKey,
    LookalikeError,
    Overloaded,
    RateLimited,
    WeightsMissing,
)

REQUEST_ID = "0b5fd94d-4cf9-4d6c-9a3e-0b3f31d0a2a7"


def _leaves(kind: type[LookalikeError]) -> set[type[LookalikeError]]:
    children = kind.__subclasses__()
    return set().union(*map(_leaves, children)) if children else {kind}


def test_every_error_has_a_status() -> None:
    """A leaf that is added to the tree is given a status on purpose, not 500 by accident."""
    assert set(STATUS_OF) == {leaf for leaf in _leaves(LookalikeError) if leaf.__module__ == "app.core.errors"}


def test_a_slug_names_one_kind_of_error() -> None:
    """Scripts can tell errors apart by their type."""
    slugs = [leaf.slug for leaf in STATUS_OF]
    assert len(set(slugs)) == len(slugs)


@pytest.mark.parametrize("error", [InternalError("KeyError"), WeightsMissing("no /srv/weights/vgg16.pth")])
def test_what_went_wrong_inside_stays_inside(error: LookalikeError) -> None:
    """A failure on our side tells the request's id, and nothing of its cause."""
    problem = json.loads(problem_json(error, REQUEST_ID))
    assert problem["type"] == "/problems/internal-error"
    assert problem["instance"] == f"urn:uuid:{REQUEST_ID}"
    assert error.message not in json.dumps(problem)


@pytest.mark.parametrize(
    ("error", "name", "value"),
    [
        (Overloaded("full"), "retry-after", "1"),
        (RateLimited("too many", retry_after_s=17), "retry-after", "17"),
        (DatabaseUnavailable("down"), "retry-after", "5"),
        (InvalidKey("wrong"), "www-authenticate", 'Bearer realm="lookalike"'),
    ],
)
def test_an_error_tells_what_to_do_in_its_headers(error: LookalikeError, name: str, value: str) -> None:
    """When to come back, or how to identify oneself."""
    assert problem_headers(error)[name] == value
