"""The JSON of keys. See `app.api.schemas`."""

from datetime import date, datetime
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from app.api.schemas import Out
from app.core.keys import MAX_EXPIRY_DAYS, MAX_NAME_CHARS, MAX_ORIGINS, MAX_PER_MINUTE, KeyWanted

KeyScope = Literal["search", "catalogue", "admin"]
Origin = Annotated[str, Field(max_length=300, examples=["https://shop.example"])]


class KeyRequest(BaseModel):
    """A key to create."""

    model_config = ConfigDict(extra="forbid")

    scope: KeyScope = Field(description="catalogue allows what search allows, and admin everything.")
    origins: list[Origin] = Field(
        [],
        max_length=MAX_ORIGINS,
        description="Of a search key that may be published: the pages that can use it, such as https://shop.example.",
    )
    name: str = Field("", max_length=MAX_NAME_CHARS, examples=["the shop's pages"], description="For people.")
    expires_in_days: int | None = Field(None, ge=1, le=MAX_EXPIRY_DAYS, description="Null: it never expires.")
    per_minute: int | None = Field(
        None,
        ge=0,
        le=MAX_PER_MINUTE,
        description="Requests a minute, 0 for no limit. Null: 600 for a search key, no limit for the others.",
    )

    def wanted(self) -> KeyWanted:
        """Return this in the words of `app.core.keys`."""
        return KeyWanted(
            scope=self.scope,
            origins=tuple(self.origins),
            name=self.name,
            per_minute=self.per_minute,
            expires_in_days=self.expires_in_days,
        )


class KeyShown(Out):
    """A key without its secret."""

    id: str = Field(examples=["3f9a02c41b7e"])
    name: str = Field(examples=["the shop's pages"])
    scope: KeyScope
    origins: list[str] = Field(examples=[["https://shop.example"]])
    per_minute: int = Field(examples=[600], description="Requests a minute; 0: no limit.")
    state: Literal["active", "expired", "revoked"]
    created_at: datetime
    expires_at: datetime | None = Field(description="Null: never.")
    revoked_at: datetime | None
    last_used_on: date | None = Field(description="The day, in UTC; null: never used.")


class KeyCreated(KeyShown):
    """A key with its text, which is shown this once."""

    key: str = Field(
        examples=["lkp_3f9a02c41b7e_…"],
        description="Send it as “Authorization: Bearer …”. It begins with lkp if it may be published, with lks if not.",
    )


class KeyList(Out):
    """All keys, newest first; those that were revoked or have expired for 90 days more."""

    keys: list[KeyShown]
