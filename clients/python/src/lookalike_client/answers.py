"""
The JSON of every answer, and of what the service is told, as types.

Written by `make clients` from the service's OpenAPI document; do not edit.
"""

from typing import Literal, NotRequired, TypeAlias, TypedDict

JSON: TypeAlias = "dict[str, JSON] | list[JSON] | str | int | float | bool | None"


class ItemChanged(TypedDict):
    """One of many changes."""

    id: str
    outcome: Literal["added", "changed", "unchanged", "outdated", "removed", "not_found"]


class ItemProblem(TypedDict):
    """Why one of many changes was not made; as the problem document that it would get alone."""

    type: str
    title: str
    status: int
    detail: str


class ItemRefused(TypedDict):
    """One of many changes that was not made."""

    id: str | None
    problem: ItemProblem


class BatchResults(TypedDict):
    """What came of each of the changes, in their order."""

    results: list[ItemChanged | ItemRefused]


class RefusedReason(TypedDict):
    """Why rows and pictures were refused, and how many."""

    reason: str
    title: str
    advice: str
    count: int


class RunShown(TypedDict):
    """The last run of its kind that looked at pictures."""

    run: Literal["import", "reindex"]
    finished_at: str
    refused: int


class CatalogueSummary(TypedDict):
    """What the catalogue holds, and what the last runs refused; searches show the same once that is published."""

    products: int
    images: int
    categories: int
    refused: int
    reasons: list[RefusedReason]
    runs: list[RunShown]


class LabelProbability(TypedDict):
    """A class or a category, with its probability among all of its kind."""

    label: str
    probability: float


class SearchTimings(TypedDict):
    """Milliseconds that the stages took, waiting included, from when the whole request had arrived."""

    decode: float
    embed: float
    search: float
    total: float


class ClassifyResponse(TypedDict):
    """Answer to a classification."""

    request_id: str
    low_confidence: bool
    classes: list[LabelProbability]
    categories: list[LabelProbability]
    timings_ms: SearchTimings


class EventStated(TypedDict):
    """What a shopper did with a product that an answer showed."""

    type: Literal["select", "add_to_cart"]
    request_id: str
    product_id: str


class EventTaken(TypedDict):
    """What became of an event."""

    outcome: Literal["taken", "repeated"]


class ImageLink(TypedDict):
    """Where an image of the catalogue is served."""

    id: str
    url: str


class RegionMap(TypedDict):
    """Which places of a picture counted, as a coarse grid."""

    seen: tuple[float, float, float, float]
    values: list[list[float]]


class Explanation(TypedDict):
    """What made the query and a result similar."""

    query_image: ImageLink | None
    query: RegionMap
    hit: RegionMap


class FacetValue(TypedDict):
    """A value of a field, and how many of the products that may be found have it."""

    value: bool | int | float | str
    count: int


class FiguresShown(TypedDict):
    """What was measured of a snapshot when it was made."""

    snapshot: str
    network: str
    measured_at: str
    live: bool
    on_disk: bool
    metrics: dict[str, float]


class FiguresList(TypedDict):
    """The figures of snapshots, oldest first."""

    figures: list[FiguresShown]


class JobError(TypedDict):
    """Why a job failed."""

    slug: str
    message: str


class JobShown(TypedDict):
    """A job: what was asked for, how far it is, and what came of it; not which machine works on it."""

    id: str
    kind: str
    params: dict[str, JSON]
    state: Literal["queued", "running", "succeeded", "failed", "cancelled"]
    phase: str | None
    total: int | None
    done: int
    refused: dict[str, int]
    rate: float | None
    seconds_left: float | None
    attempt: int
    max_attempts: int
    cancel_requested: bool
    created_at: str
    started_at: str | None
    heartbeat_at: str | None
    finished_at: str | None
    error: JobError | None
    result: dict[str, JSON] | None


class JobList(TypedDict):
    """A page of jobs, newest first."""

    jobs: list[JobShown]
    next_cursor: str | None


class KeyCreated(TypedDict):
    """A key with its text, which is shown this once."""

    id: str
    name: str
    scope: Literal["search", "catalogue", "admin"]
    origins: list[str]
    per_minute: int
    state: Literal["active", "expired", "revoked"]
    created_at: str
    expires_at: str | None
    revoked_at: str | None
    last_used_on: str | None
    key: str


class KeyShown(TypedDict):
    """A key without its secret."""

    id: str
    name: str
    scope: Literal["search", "catalogue", "admin"]
    origins: list[str]
    per_minute: int
    state: Literal["active", "expired", "revoked"]
    created_at: str
    expires_at: str | None
    revoked_at: str | None
    last_used_on: str | None


class KeyList(TypedDict):
    """All keys, newest first; those that were revoked or have expired for 90 days more."""

    keys: list[KeyShown]


class KeyRequest(TypedDict):
    """A key to create."""

    scope: Literal["search", "catalogue", "admin"]
    origins: NotRequired[list[str]]
    name: NotRequired[str]
    expires_in_days: NotRequired[int | None]
    per_minute: NotRequired[int | None]


class Liveness(TypedDict):
    """The process answers."""

    status: NotRequired[Literal["alive"]]


class Match(TypedDict):
    """The verdict on a photo, and how sure it is."""

    verdict: Literal["exact", "similar", "none"]
    confidence: float


class Problem(TypedDict):
    """An RFC 9457 problem document: what every answer is that did not succeed."""

    type: str
    title: str
    status: int
    detail: str
    instance: str


class Product(TypedDict):
    """A product with its images, the one to show first."""

    id: str
    title: str
    category: str | None
    brand: str | None
    price: float | None
    currency: str | None
    url: str | None
    availability: Literal["in_stock", "out_of_stock", "preorder", "backorder"] | None
    attributes: dict[str, JSON]
    updated_at: str | None
    images: list[ImageLink]


class ProductFields(TypedDict):
    """A product without its pictures; what is not given is empty."""

    title: str
    category: NotRequired[str | None]
    brand: NotRequired[str | None]
    price: NotRequired[float | str | None]
    currency: NotRequired[str | None]
    url: NotRequired[str | None]
    availability: NotRequired[Literal["in_stock", "out_of_stock", "preorder", "backorder"] | None]
    attributes: NotRequired[dict[str, JSON]]
    updated_at: NotRequired[str | None]


class ProductItem(TypedDict):
    """A product to put, among others."""

    title: str
    category: NotRequired[str | None]
    brand: NotRequired[str | None]
    price: NotRequired[float | str | None]
    currency: NotRequired[str | None]
    url: NotRequired[str | None]
    availability: NotRequired[Literal["in_stock", "out_of_stock", "preorder", "backorder"] | None]
    attributes: NotRequired[dict[str, JSON]]
    updated_at: NotRequired[str | None]
    images: NotRequired[list[str] | None]
    id: str


class ProductList(TypedDict):
    """A page of products, in the order of their ids."""

    products: list[Product]
    next_cursor: str | None


class ProductPut(TypedDict):
    """What putting a product did; “outdated”: nothing, because the shop stated something newer before."""

    id: str
    outcome: Literal["added", "changed", "unchanged", "outdated"]
    revision: int
    images: list[ImageLink]


class ProductRemoved(TypedDict):
    """What removing a product did; “outdated”: nothing, because the shop stated something newer before."""

    id: str
    outcome: Literal["removed", "not_found", "outdated"]
    revision: int


class ProductStated(TypedDict):
    """A product whose pictures are fetched."""

    title: str
    category: NotRequired[str | None]
    brand: NotRequired[str | None]
    price: NotRequired[float | str | None]
    currency: NotRequired[str | None]
    url: NotRequired[str | None]
    availability: NotRequired[Literal["in_stock", "out_of_stock", "preorder", "backorder"] | None]
    attributes: NotRequired[dict[str, JSON]]
    updated_at: NotRequired[str | None]
    images: NotRequired[list[str] | None]


class ProductSummary(TypedDict):
    """A product of the catalogue."""

    id: str
    title: str
    category: str | None
    brand: str | None
    price: float | None
    currency: str | None
    url: str | None
    availability: Literal["in_stock", "out_of_stock", "preorder", "backorder"] | None
    attributes: dict[str, JSON]
    updated_at: str | None


class Readiness(TypedDict):
    """The service can answer searches; degraded when not from the published snapshot with all that changed since."""

    status: Literal["ready", "degraded"]
    reason: str | None
    snapshot: str
    network: str
    runtime: str
    probe_cosine: float


class Refined(TypedDict):
    """How a search departed from the plain one, what was not given included."""

    more_like: list[str]
    less_like: list[str]
    more_weight: float
    less_weight: float
    diversity: float


class RefusedItem(TypedDict):
    """A row or a picture that is not used."""

    place: str
    product_id: str | None
    product_title: str | None
    reason: str
    title: str
    message: str
    advice: str
    kept: bool
    run: Literal["import", "reindex"]


class RefusedList(TypedDict):
    """A page of what was refused, in the order in which it was met."""

    refused: list[RefusedItem]
    next_cursor: str | None


class RuleApplied(TypedDict):
    """The shop's rule that put a result where it is."""

    id: str
    action: Literal["pin", "bury"]


class SearchResult(TypedDict):
    """One product that looks like the query."""

    rank: int
    score: float
    image: ImageLink
    product: ProductSummary
    explanation: NotRequired[Explanation | None]
    rule: NotRequired[RuleApplied | None]


class RegionFound(TypedDict):
    """A thing in the photo, and the products that look like it."""

    region: tuple[float, float, float, float]
    salience: float
    query_id: str
    categories: list[LabelProbability]
    results: list[SearchResult]


class ReindexRequest(TypedDict):
    """What a reindex shall do."""

    full: NotRequired[bool]


class RemovalItem(TypedDict):
    """A product to remove, among others."""

    id: str
    delete: Literal[True]
    updated_at: NotRequired[str | None]


class RollbackRequest(TypedDict):
    """What a roll back shall take back."""

    live: NotRequired[str | None]


class RuleCondition(TypedDict):
    """When a rule acts."""

    category: str


RuleShown = TypedDict(
    "RuleShown",
    {
        "id": str,
        "action": Literal["pin", "bury", "hide"],
        "products": dict[str, JSON],
        "when": RuleCondition | None,
        "position": int | None,
        "from": str | None,
        "until": str | None,
        "note": str | None,
        "created_at": str,
    },
)
"""A rule."""


class RuleList(TypedDict):
    """All rules, oldest first."""

    rules: list[RuleShown]


RuleStated = TypedDict(
    "RuleStated",
    {
        "action": Literal["pin", "bury", "hide"],
        "products": dict[str, JSON],
        "when": NotRequired[RuleCondition | None],
        "position": NotRequired[int | None],
        "from": NotRequired[str | None],
        "until": NotRequired[str | None],
        "note": NotRequired[str | None],
    },
)
"""A rule to make: which products searches shall show at a place of their own, last, or not at all."""


class SnapshotUsed(TypedDict):
    """The index that an answer comes from."""

    id: str
    network: str
    products: int
    images: int
    published_at: str


class SearchResponse(TypedDict):
    """Answer to a search."""

    request_id: str
    query_id: str
    snapshot: SnapshotUsed
    low_confidence: bool
    match: Match | None
    classes: list[LabelProbability]
    categories: list[LabelProbability]
    results: list[SearchResult]
    facets: dict[str, list[FacetValue]]
    regions: NotRequired[list[RegionFound] | None]
    refined: NotRequired[Refined | None]
    hidden_by_rules: NotRequired[int | None]
    timings_ms: SearchTimings


class SnapshotListed(TypedDict):
    """A snapshot on the disk."""

    id: str
    live: bool
    network: str | None
    products: int | None
    images: int | None
    created_at: str | None
    published_at: str | None
    size_bytes: int
    metrics: dict[str, float]
    problem: str | None


class SnapshotList(TypedDict):
    """The snapshots on the disk, newest first."""

    snapshots: list[SnapshotListed]
    previous: str | None
