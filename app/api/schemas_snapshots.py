"""The JSON of rolling back, and of figures over time. See `app.api.schemas`."""

from datetime import datetime

from pydantic import BaseModel, ConfigDict, Field

from app.api.schemas import Out


class RollbackRequest(BaseModel):
    """What a roll back shall take back."""

    model_config = ConfigDict(extra="forbid")

    live: str | None = Field(
        None,
        max_length=100,
        examples=["000007-1c9f02ab"],
        description="The snapshot to take back, refused where another one is live by now. Null: whichever is live.",
    )


class FiguresShown(Out):
    """What was measured of a snapshot when it was made."""

    snapshot: str = Field(examples=["000007-1c9f02ab"])
    network: str = Field(examples=["vgg16"])
    measured_at: datetime
    live: bool
    on_disk: bool = Field(description="Whether it can be made live; older ones are removed.")
    metrics: dict[str, float] = Field(
        examples=[{"category_precision_at_10": 0.866, "recall_at_10": 1.0}], description="See docs/evaluation.md."
    )


class FiguresList(Out):
    """The figures of snapshots, oldest first."""

    figures: list[FiguresShown]
