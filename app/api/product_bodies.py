"""What a shop states about its products over HTTP: the bodies of PUT /products/{id} and POST /products:batch."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Annotated, Any, Final, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, JsonValue, WithJsonSchema
from pydantic_core import PydanticCustomError
from starlette.requests import Request

from app.api.bodies import BodyReader
from app.api.forms import FormLimits, read_form
from app.api.json_bodies import JSON_MEDIA_TYPE, media_type, parse_json, read_json, validated
from app.api.parameters import Moment
from app.api.schemas import Availability
from app.core.errors import InvalidParameter, InvalidRequest, MissingImage, UnsupportedMediaType
from app.core.products import ProductRecord
from app.db.checks import MAX_ATTRIBUTES_DEPTH, MAX_NAME_CHARS, MAX_TITLE_CHARS, MAX_URL_CHARS, is_product_id
from app.search.changes import Change, Put, Removal

MAX_PICTURES: Final = 20
MAX_PRODUCT_BYTES: Final = 64 * 1024
MAX_BATCH: Final = 1_000
FORM_MEDIA_TYPE: Final = "multipart/form-data"

_PRODUCT_FORM: Final = FormLimits(
    files=MAX_PICTURES, fields=1, field_bytes=MAX_PRODUCT_BYTES, text_files=frozenset({"product"})
)
_AMOUNT: Final = re.compile(r"[0-9]{1,20}(\.[0-9]{1,20})?", re.ASCII)


def _price(value: object) -> object:
    if isinstance(value, str) and _AMOUNT.fullmatch(value):
        return Decimal(value)
    if isinstance(value, Decimal | None) or (isinstance(value, int) and not isinstance(value, bool)):
        return value if value is None else Decimal(value)
    raise PydanticCustomError("price", "it must be a number, or a text such as 19.90")


def _true(value: object) -> object:
    if value is not True:  # a Literal takes 1 as well
        raise PydanticCustomError("true", "it must be true")
    return value


def _attributes(value: object, depth_left: int = MAX_ATTRIBUTES_DEPTH) -> object:
    """Return a JSON value with numbers as the catalogue keeps them: only prices are exact."""
    if depth_left < 0:
        raise PydanticCustomError("depth", f"they are nested more than {MAX_ATTRIBUTES_DEPTH} levels deep")
    if isinstance(value, dict):
        return {name: _attributes(item, depth_left - 1) for name, item in value.items()}
    if isinstance(value, list):
        return [_attributes(item, depth_left - 1) for item in value]
    return float(value) if isinstance(value, Decimal) else value


_AMOUNT_SCHEMA: Final[dict[str, JsonValue]] = {
    "anyOf": [
        {"type": "number", "minimum": 0},
        {"type": "string", "pattern": r"^[0-9]{1,10}(\.[0-9]{1,4})?$"},
        {"type": "null"},
    ]
}
_Name = Annotated[str | None, Field(min_length=1, max_length=MAX_NAME_CHARS)]


class ProductFields(BaseModel):
    """A product without its pictures; what is not given is empty."""

    model_config = ConfigDict(extra="forbid")

    title: str = Field(min_length=1, max_length=MAX_TITLE_CHARS, examples=["Canvas shoe, blue"])
    category: _Name = Field(None, examples=["shoes"])
    brand: _Name = Field(None, examples=["Example"])
    price: Annotated[Decimal | None, BeforeValidator(_price), WithJsonSchema(_AMOUNT_SCHEMA)] = Field(
        None, examples=[19.9], description="Kept exactly, with up to four decimals."
    )
    currency: str | None = Field(None, pattern="^[A-Z]{3}$", examples=["EUR"])
    url: str | None = Field(None, max_length=MAX_URL_CHARS, examples=["https://shop.example/p/42"])
    availability: Availability | None = Field(None, examples=["in_stock"])
    attributes: Annotated[dict[str, JsonValue], BeforeValidator(_attributes), WithJsonSchema({"type": "object"})] = (
        Field({}, examples=[{"colour": "blue"}])
    )
    updated_at: Moment = Field(
        None,
        examples=["2026-11-22T08:30:00Z"],
        description="When the shop last changed the product; what it stated before that changes nothing.",
    )

    def record(self, product_id: str) -> ProductRecord:
        """Return the product, without images."""
        fields = {name: getattr(self, name) for name in ProductFields.model_fields if name != "updated_at"}
        return ProductRecord(id=product_id, stated_at=self.updated_at, **fields)


class ProductStated(ProductFields):
    """A product whose pictures are fetched."""

    images: list[str] | None = Field(
        None,
        min_length=1,
        max_length=MAX_PICTURES,
        examples=[["https://shop.example/p/42.jpg"]],
        description="https addresses of its pictures, the one to show first; without it, the product keeps its own.",
    )

    def put(self, product_id: str) -> Put:
        """Return the change that makes the product this."""
        return Put(self.record(product_id), None if self.images is None else tuple(self.images))


class ProductItem(ProductStated):
    """A product to put, among others."""

    id: str = Field(examples=["shoes-0042"])


class RemovalItem(BaseModel):
    """A product to remove, among others."""

    model_config = ConfigDict(extra="forbid")

    id: str = Field(examples=["shoes-0043"])
    delete: Annotated[Literal[True], BeforeValidator(_true)]
    updated_at: Moment = Field(None, examples=["2026-11-22T08:30:00Z"])


class Batch(BaseModel):
    """Products to put or to remove, one after the other."""

    model_config = ConfigDict(extra="forbid")

    products: list[Any] = Field(max_length=MAX_BATCH)


@dataclass(frozen=True, slots=True)
class BatchItem:
    """One of many changes, or why it is none; the id is None where it is not one that a product could have."""

    id: str | None
    change: Change | InvalidRequest


async def read_product(request: Request, bodies: BodyReader, product_id: str) -> Put:
    """
    Read the body of PUT /products/{id}: a product as JSON, or a form with it as `product` and its pictures as `image`.

    Raises:
        InvalidRequest, Overloaded: The leaf says what is wrong with it.
    """
    if media_type(request) != FORM_MEDIA_TYPE:
        if media_type(request) != JSON_MEDIA_TYPE:
            raise UnsupportedMediaType(f"The body must be {JSON_MEDIA_TYPE} or {FORM_MEDIA_TYPE}.")
        return (await read_json(request, bodies, ProductStated, max_bytes=MAX_PRODUCT_BYTES)).put(product_id)
    form = await read_form(request, bodies, _PRODUCT_FORM)
    if form.fields.keys() != {"product"}:
        raise InvalidParameter("The form must have the field product, with the product as JSON, and no other.")
    if not form.images:
        raise MissingImage("The form has no picture; send them as files with the name image, or send JSON alone.")
    fields = validated(parse_json(form.fields["product"], "product"), ProductFields, "product")
    return Put(fields.record(product_id), form.images)


def batch_items(body: bytes | bytearray) -> list[BatchItem]:
    """
    Return the changes that the body of POST /products:batch asks for, in its order.

    Raises:
        InvalidRequest: It is not a list of at most `MAX_BATCH` changes.
    """
    return [_item(stated) for stated in validated(parse_json(body or b"{}"), Batch).products]


def _item(stated: object) -> BatchItem:
    product_id = stated.get("id") if isinstance(stated, Mapping) else None
    known_id = product_id if isinstance(product_id, str) and is_product_id(product_id) else None
    try:
        return BatchItem(known_id, _change(stated))
    except InvalidRequest as error:
        return BatchItem(known_id, error)


def _change(stated: object) -> Change:
    if isinstance(stated, Mapping) and "delete" in stated:
        removal = validated(stated, RemovalItem, "The product")
        return Removal(removal.id, removal.updated_at)
    product = validated(stated, ProductItem, "The product")
    return product.put(product.id)
