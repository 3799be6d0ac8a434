"""The JSON of what the catalogue holds, and of what was refused on the way into it. See `app.api.schemas`."""

from datetime import datetime
from typing import Literal

from pydantic import Field

from app.api.schemas import Out

Run = Literal["import", "reindex"]


class RefusedReason(Out):
    """Why rows and pictures were refused, and how many."""

    reason: str = Field(examples=["not-an-image"], description="Stable name of the reason.")
    title: str = Field(examples=["It is not a picture"])
    advice: str = Field(examples=["Put the picture there anew, as JPEG, PNG or WebP."], description="What to do.")
    count: int = Field(examples=[12])


class RunShown(Out):
    """The last run of its kind that looked at pictures."""

    run: Run
    finished_at: datetime = Field(description="When it had looked at all of them.")
    refused: int = Field(examples=[15])


class CatalogueSummary(Out):
    """What the catalogue holds, and what the last runs refused; searches show the same once that is published."""

    products: int = Field(examples=[3795])
    images: int = Field(examples=[3795])
    categories: int = Field(examples=[9])
    refused: int = Field(examples=[15], description="Rows and pictures, of which the first 10,000 of a run are listed.")
    reasons: list[RefusedReason] = Field(description="Most frequent first.")
    runs: list[RunShown] = Field(description="The last import, which looks at everything, and a reindex since.")


class RefusedItem(Out):
    """A row or a picture that is not used."""

    place: str = Field(
        examples=["mugs/blue.jpg"], description="End of the file's path, address, row of the feed, or product id."
    )
    product_id: str | None = Field(description="As the source states it; null where it states none.")
    product_title: str | None = Field(description="Null where the catalogue does not have the product.")
    reason: str = Field(examples=["not-an-image"])
    title: str = Field(examples=["It is not a picture"])
    message: str = Field(examples=["The file is not an image."], description="What was found.")
    advice: str = Field(examples=["Put the picture there anew, as JPEG, PNG or WebP."], description="What to do.")
    kept: bool = Field(description="Whether the picture that the catalogue had from this place stays.")
    run: Run


class RefusedList(Out):
    """A page of what was refused, in the order in which it was met."""

    refused: list[RefusedItem]
    next_cursor: str | None = Field(
        examples=["import.49"], description="Give it as cursor for the next page; null on the last one."
    )
