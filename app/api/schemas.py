"""The JSON of every answer, with examples. Names and order are a contract that others script against."""

from datetime import datetime
from decimal import Decimal
from typing import Annotated, Literal

from pydantic import AliasChoices, BaseModel, ConfigDict, Field, JsonValue, PlainSerializer

from app.db.checks import MAX_ID_CHARS

# Decimals leave as numbers that read as written (19.90, not 19.899999), which JSON numbers do for every price there is.
Number = Annotated[Decimal, PlainSerializer(float, return_type=float, when_used="json")]
Availability = Literal["in_stock", "out_of_stock", "preorder", "backorder"]
Probability = Annotated[float, Field(ge=0, le=1.000001)]


class Out(BaseModel):
    """What all answers have in common: fields in the order in which they are declared, and no others."""

    model_config = ConfigDict(frozen=True, from_attributes=True)


class Problem(Out):
    """An RFC 9457 problem document: what every answer is that did not succeed."""

    type: str = Field(examples=["/problems/image-too-large"], description="Stable name of the kind of problem.")
    title: str = Field(examples=["The image has too many pixels"])
    status: int = Field(examples=[422])
    detail: str = Field(examples=["The image has 88.0 megapixels; the limit is 25.0 (LOOKALIKE_MAX_IMAGE_PIXELS)."])
    instance: str = Field(examples=["urn:uuid:0b5fd94d-4cf9-4d6c-9a3e-0b3f31d0a2a7"], description="The request's id.")


class LabelProbability(Out):
    """A class or a category, with its probability among all of its kind."""

    label: str = Field(examples=["running shoe"])
    probability: Probability = Field(examples=[0.83])


class ImageLink(Out):
    """Where an image of the catalogue is served."""

    id: str = Field(examples=["9f2c51d0a3b84e76"])
    url: str = Field(examples=["/images/9f2c51d0a3b84e76"], description="Add ?size=thumb for a small one.")


class ProductSummary(Out):
    """A product of the catalogue."""

    id: str = Field(examples=["shoes-0042"])
    title: str = Field(examples=["Canvas shoe, blue"])
    category: str | None = Field(examples=["shoes"])
    brand: str | None = Field(examples=["Example"])
    price: Number | None = Field(examples=[19.9])
    currency: str | None = Field(examples=["EUR"])
    url: str | None = Field(examples=["https://shop.example/p/42"])
    availability: Availability | None = Field(examples=["in_stock"])
    attributes: dict[str, JsonValue] = Field(examples=[{"colour": "blue"}])
    updated_at: datetime | None = Field(
        validation_alias=AliasChoices("stated_at", "updated_at"),
        description="When the shop last changed it, as the shop says.",
    )


class Product(ProductSummary):
    """A product with its images, the one to show first."""

    images: list[ImageLink]


class ProductList(Out):
    """A page of products, in the order of their ids."""

    products: list[Product]
    next_cursor: str | None = Field(
        examples=["c2hvZXMtMDA0Mg"], description="Give it as cursor for the next page; null on the last one."
    )


Revision = Annotated[int, Field(examples=[1207], description="The catalogue's; it grows with every change.")]


class ProductPut(Out):
    """What putting a product did; “outdated”: nothing, because the shop stated something newer before."""

    id: str = Field(examples=["shoes-0042"])
    outcome: Literal["added", "changed", "unchanged", "outdated"]
    revision: Revision
    images: list[ImageLink] = Field(description="Those that the product has now.")


class ProductRemoved(Out):
    """What removing a product did; “outdated”: nothing, because the shop stated something newer before."""

    id: str = Field(examples=["shoes-0042"])
    outcome: Literal["removed", "not_found", "outdated"]
    revision: Revision


class ItemProblem(Out):
    """Why one of many changes was not made; as the problem document that it would get alone."""

    type: str = Field(examples=["/problems/url-not-allowed"])
    title: str = Field(examples=["The address is not allowed"])
    status: int = Field(examples=[422])
    detail: str = Field(examples=["The host 10.0.0.1 is not on the public internet."])


class ItemChanged(Out):
    """One of many changes."""

    id: str = Field(examples=["shoes-0042"])
    outcome: Literal["added", "changed", "unchanged", "outdated", "removed", "not_found"]


class ItemRefused(Out):
    """One of many changes that was not made."""

    id: str | None = Field(description="Null where it was none that a product could have.")
    problem: ItemProblem


class BatchResults(Out):
    """What came of each of the changes, in their order."""

    results: list[ItemChanged | ItemRefused]


class SnapshotUsed(Out):
    """The index that an answer comes from."""

    id: str = Field(examples=["000007-1c9f02ab"])
    network: str = Field(examples=["vgg16"])
    products: int = Field(examples=[3795])
    images: int = Field(examples=[3795])
    published_at: datetime


Share = Annotated[float, Field(ge=0, le=1)]


class RegionMap(Out):
    """Which places of a picture counted, as a coarse grid."""

    seen: tuple[Share, Share, Share, Share] = Field(
        examples=[[0.0625, 0.1667, 0.9375, 0.8333]],
        description="The part of the upright picture that the grid covers, as shares of its sides: left, top, right, "
        "bottom. The network sees no more of it.",
    )
    values: list[list[Share]] = Field(
        examples=[[[0.1, 0.4], [0.2, 1.0]]],
        description="Rows from the top, values from the left: 0 for a place that did not count, 1 for the one that "
        "counted most.",
    )


class Explanation(Out):
    """What made the query and a result similar."""

    query_image: ImageLink | None = Field(
        description="The image that was compared, of the product that was searched with; null for a photo."
    )
    query: RegionMap
    hit: RegionMap = Field(description="Of the result's image.")


class RuleApplied(Out):
    """The shop's rule that put a result where it is."""

    id: str = Field(examples=["6f1e09b2c4d7a853"])
    action: Literal["pin", "bury"]


class SearchResult(Out):
    """One product that looks like the query."""

    rank: int = Field(ge=1, examples=[1])
    score: float = Field(examples=[0.913], description="Cosine similarity of the best image; larger is more similar.")
    image: ImageLink = Field(description="The product's image that is most similar.")
    product: ProductSummary
    explanation: Explanation | None = Field(
        default=None,
        description="Only with explain. Null where the index keeps nothing to tell it from, or the network has no "
        "regions.",
    )
    rule: RuleApplied | None = Field(default=None, description="Only where a rule of the shop moved the result.")


class SearchTimings(Out):
    """Milliseconds that the stages took, waiting included, from when the whole request had arrived."""

    decode: float = Field(examples=[6.1])
    embed: float = Field(examples=[30.4])
    search: float = Field(examples=[2.2])
    total: float = Field(examples=[39.5])


class FacetValue(Out):
    """A value of a field, and how many of the products that may be found have it."""

    value: bool | int | Number | str = Field(examples=["shoes"])
    count: int = Field(ge=1, examples=[412])


class Match(Out):
    """The verdict on a photo, and how sure it is."""

    verdict: Literal["exact", "similar", "none"] = Field(
        description="exact: this very picture, which is the first result unless a filter leaves it out; similar: "
        "something alike; none: nothing of the kind."
    )
    confidence: float = Field(
        ge=0,
        le=1,
        examples=[0.94],
        description="exact: probability that it is the picture. similar: probability that the first result is of the "
        "right category. none: share of the catalogue's own pictures that have nearer neighbours.",
    )


class Refined(Out):
    """How a search departed from the plain one, what was not given included."""

    more_like: list[str] = Field(examples=[["shoes-0042"]])
    less_like: list[str] = Field(examples=[["shoes-0043"]])
    more_weight: Share = Field(examples=[0.75])
    less_weight: Share = Field(examples=[0.25])
    diversity: Share = Field(examples=[0.3])


class RegionFound(Out):
    """A thing in the photo, and the products that look like it."""

    region: tuple[Share, Share, Share, Share] = Field(
        examples=[[0.05, 0.1, 0.48, 0.92]],
        description="Where it is in the upright photo, as shares of its sides: left, top, right, bottom. The field "
        "region takes it.",
    )
    salience: Share = Field(examples=[0.87], description="How much it stands out, against the photo as a whole.")
    query_id: str = Field(
        examples=["0pG9sYb1Wc2uQn8kR5tXzA"], description="Search for this thing again with it, for a while."
    )
    categories: list[LabelProbability]
    results: list[SearchResult]


class SearchResponse(Out):
    """Answer to a search."""

    request_id: str = Field(examples=["0b5fd94d-4cf9-4d6c-9a3e-0b3f31d0a2a7"])
    query_id: str = Field(
        examples=["7cO3lQmH0v7mJzYw1q2b4A"], description="Search the same again with this, for a while."
    )
    snapshot: SnapshotUsed
    low_confidence: bool = Field(description="True for a photo of (nearly) one colour, of which little can be told.")
    match: Match | None = Field(
        description="Whether the catalogue has what the photo shows; null for a search with a product, and for an "
        "index that was built without a calibration."
    )
    classes: list[LabelProbability] = Field(
        description="ImageNet classes of the photo, top 5; none for a search without a photo."
    )
    categories: list[LabelProbability] = Field(
        description="The shop's own categories, told by the nearest products and, once there is one, a trained head."
    )
    results: list[SearchResult]
    facets: dict[str, list[FacetValue]] = Field(
        description="For each field that facets names, its most frequent values.",
        examples=[{"category": [{"value": "shoes", "count": 412}]}],
    )
    regions: list[RegionFound] | None = Field(
        default=None, description="Only with regions: the things that stand out in the photo, at most five, best first."
    )
    refined: Refined | None = Field(default=None, description="Only where the search was refined.")
    hidden_by_rules: int | None = Field(
        default=None,
        examples=[3],
        description="Only where rules of the shop act: how many products that could be found otherwise they hide.",
    )
    timings_ms: SearchTimings


class ClassifyResponse(Out):
    """Answer to a classification."""

    request_id: str = Field(examples=["0b5fd94d-4cf9-4d6c-9a3e-0b3f31d0a2a7"])
    low_confidence: bool = Field(description="True for a photo of (nearly) one colour, of which little can be told.")
    classes: list[LabelProbability]
    categories: list[LabelProbability]
    timings_ms: SearchTimings


class EventStated(BaseModel):
    """What a shopper did with a product that an answer showed."""

    model_config = ConfigDict(extra="forbid")

    type: Literal["select", "add_to_cart"] = Field(description="Opened the product, or put it into the cart.")
    request_id: str = Field(
        max_length=MAX_ID_CHARS,
        examples=["0b5fd94d-4cf9-4d6c-9a3e-0b3f31d0a2a7"],
        description="request_id of the answer that showed it; of the last hour.",
    )
    product_id: str = Field(max_length=MAX_ID_CHARS, examples=["shoes-0042"], description="One of its results.")


class EventTaken(Out):
    """What became of an event."""

    outcome: Literal["taken", "repeated"] = Field(description="repeated: it was taken before, and counts once.")


class SnapshotListed(Out):
    """A snapshot on the disk."""

    id: str = Field(examples=["000007-1c9f02ab"])
    live: bool
    network: str | None = Field(examples=["vgg16"])
    products: int | None = Field(examples=[3795])
    images: int | None = Field(examples=[3795])
    created_at: datetime | None
    published_at: datetime | None = Field(description="When it was last made live; null when it never was.")
    size_bytes: int = Field(examples=[93_266_432])
    metrics: dict[str, float] = Field(examples=[{"recall_at_10": 1.0}])
    problem: str | None = Field(description="Why the snapshot cannot be used; null when nothing is known against it.")


class SnapshotList(Out):
    """The snapshots on the disk, newest first."""

    snapshots: list[SnapshotListed]
    previous: str | None = Field(
        examples=["000006-7be04d1c"], description="Live before, and the first that a roll back tries; null: none was."
    )


class Liveness(Out):
    """The process answers."""

    status: Literal["alive"] = "alive"


class Readiness(Out):
    """The service can answer searches; degraded when not from the published snapshot with all that changed since."""

    status: Literal["ready", "degraded"]
    reason: str | None = Field(description="Why it is degraded.")
    snapshot: str = Field(examples=["000007-1c9f02ab"])
    network: str = Field(examples=["vgg16"])
    runtime: str = Field(examples=["openvino-bfloat16"])
    probe_cosine: float = Field(examples=[0.9998], description="A probe image's embedding now and in the snapshot.")


class ReindexRequest(BaseModel):
    """What a reindex shall do."""

    model_config = ConfigDict(extra="forbid")

    full: bool = Field(False, description="Look at every picture anew, and build although nothing seems changed.")


class JobError(Out):
    """Why a job failed."""

    slug: str = Field(examples=["disk-full"], description="Stable name of the kind of problem.")
    message: str = Field(examples=["The disk is full."])


class JobShown(Out):
    """A job: what was asked for, how far it is, and what came of it; not which machine works on it."""

    id: str = Field(examples=["01a203f1c2d80b7e5d2f9a4c61"])
    kind: str = Field(examples=["reindex"])
    params: dict[str, JsonValue] = Field(examples=[{"full": False}])
    state: Literal["queued", "running", "succeeded", "failed", "cancelled"]
    phase: str | None = Field(examples=["Indexing pictures"], description="What it does, or did last.")
    total: int | None = Field(examples=[5000], description="Steps of this phase, where that is known.")
    done: int = Field(examples=[1250])
    refused: dict[str, int] = Field(examples=[{"not-an-image": 2}], description="How many were refused, by reason.")
    rate: float | None = Field(examples=[61.5], description="Steps a second, of late.")
    seconds_left: float | None = Field(examples=[61.0], description="In this phase, at this rate.")
    attempt: int = Field(examples=[1], description="How often a worker has begun it.")
    max_attempts: int = Field(examples=[3])
    cancel_requested: bool
    created_at: datetime
    started_at: datetime | None
    heartbeat_at: datetime | None = Field(description="When its worker last said how far it is; at least every 5 s.")
    finished_at: datetime | None
    error: JobError | None = Field(description="Why it failed.")
    result: dict[str, JsonValue] | None = Field(examples=[None], description="What a job that succeeded did.")


class JobList(Out):
    """A page of jobs, newest first."""

    jobs: list[JobShown]
    next_cursor: str | None = Field(
        examples=["01a203f1c2d80b7e5d2f9a4c61"],
        description="Give it as cursor for the next page; null on the last one.",
    )
