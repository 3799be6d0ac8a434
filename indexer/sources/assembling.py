"""From the rows of a feed to products: fields by their columns, adjacent rows of one id together, values checked."""

from collections.abc import Iterable, Iterator

from pydantic import JsonValue

from app.core.errors import InvalidParameter
from app.db.checks import check_product
from indexer.sources.columns import Columns, Plan
from indexer.sources.pictures import PicturePlaces, stated_pictures
from indexer.sources.prices import currency_of, price_of
from indexer.sources.records import Refusal, Refused, RefusedRow, Row, SourceImage, SourceProduct, shown
from indexer.sources.values import attribute_of, availability_of, is_stated, moment_of, product_id_of, text_of

MAX_IMAGES = 1_000
"""Of one product."""


def assemble(rows: Iterable[Row], columns: Columns, places: PicturePlaces) -> Iterator[SourceProduct | RefusedRow]:
    """
    Yield the products that the rows state, and what of them is refused.

    Adjacent rows with one id are one product: their pictures add up, each field is what the first row says that says
    anything, and the attributes are those of the first row. One of them that is refused refuses the product.
    """
    product: _Product | None = None
    for row in rows:
        try:
            plan = columns.plan(tuple(row.values))
            exact_id = _id_of(row, plan)
        except Refused as error:
            error = row.refused or error
            yield RefusedRow(row.number, None, error.reason, error.message)
            continue
        if product is None or product.exact_id != exact_id:
            if product is not None:
                yield from product.finish()
            product = _Product(exact_id, row.number, places)
        product.add(row, plan)
    if product is not None:
        yield from product.finish()


def _id_of(row: Row, plan: Plan) -> str:
    value = row.values.get(plan.fields.get("id", ""))
    if not is_stated(value):
        raise Refused(Refusal.MISSING_ID, "The row has no id.")
    return text_of(value, "id")


class _Product:
    """A product while its rows come in."""

    def __init__(self, exact_id: str, row: int, places: PicturePlaces) -> None:
        self.exact_id = exact_id
        self._id = product_id_of(exact_id)
        self._row = row
        self._places = places
        self._fields: dict[str, object] = {}
        self._attributes: dict[str, JsonValue] | None = None
        self._images: dict[SourceImage, None] = {}
        self._refused_images: list[RefusedRow] = []
        self._refused: RefusedRow | None = None

    def add(self, row: Row, plan: Plan) -> None:
        """Take one more row with the product's id."""
        if self._refused is not None:
            return
        try:
            if row.refused is not None:
                raise row.refused
            for field, column in plan.fields.items():
                value = row.values[column]
                if field not in self._fields and is_stated(value):
                    self._fields[field] = value
            if self._attributes is None:
                self._attributes = _attributes(row, plan)
            self._add_images(row, plan)
        except Refused as error:
            self._refused = self._refusal(row.number, error)

    def finish(self) -> Iterator[SourceProduct | RefusedRow]:
        """Yield the pictures that are refused, and the product or why it is refused itself."""
        yield from self._refused_images
        if self._refused is not None:
            yield self._refused
            return
        try:
            yield self._product()
        except Refused as error:
            if not self._refused_images or error.reason != Refusal.MISSING_IMAGE:
                yield self._refusal(self._row, error)

    def _add_images(self, row: Row, plan: Plan) -> None:
        for column in plan.images:
            for stated in stated_pictures(row.values[column]):
                if len(self._images) + len(self._refused_images) >= MAX_IMAGES:
                    raise Refused(Refusal.TOO_MANY_IMAGES, f"The product has more than {MAX_IMAGES:,} pictures.")
                try:
                    self._images[self._places.find(stated)] = None
                except Refused as error:
                    self._refused_images.append(self._refusal(row.number, error))

    def _product(self) -> SourceProduct:
        if not self._images:
            raise Refused(Refusal.MISSING_IMAGE, "The product has no picture.")
        price, stated_currency = None, self._text("currency")
        currency = None if stated_currency is None else currency_of(stated_currency)
        if "price" in self._fields:
            price, currency = price_of(self._fields["price"], currency)
        availability = self._text("availability")
        stated_at = self._fields.get("updated_at")
        product = SourceProduct(
            id=self._id,
            title=self._text("title") or self.exact_id,
            category=self._text("category"),
            brand=self._text("brand"),
            price=price,
            currency=currency,
            url=self._text("url"),
            availability=availability and availability_of(availability),
            attributes=self._attributes or {},
            stated_at=None if stated_at is None else moment_of(stated_at),
            images=tuple(self._images),
        )
        _check(product)
        return product

    def _text(self, field: str) -> str | None:
        """Return a field as text; the first one where a feed states several."""
        value = self._fields.get(field)
        if isinstance(value, list):
            value = next(filter(is_stated, value), None)
        return None if value is None else text_of(value, field)

    def _refusal(self, row: int, error: Refused) -> RefusedRow:
        return RefusedRow(row, self._id, error.reason, error.message)


def _attributes(row: Row, plan: Plan) -> dict[str, JsonValue]:
    found: dict[str, JsonValue] = {}
    nested = row.values.get(plan.nested) if plan.nested else None
    if isinstance(nested, dict):
        found = {name: attribute_of(value, name) for name, value in nested.items() if is_stated(value)}
    elif plan.nested and is_stated(nested):
        found = {plan.nested: attribute_of(nested, plan.nested)}
    for column, name in plan.attributes:
        if is_stated(row.values[column]):
            if name in found:
                raise Refused(Refusal.AMBIGUOUS_COLUMNS, f"The attribute {shown(name)} is stated twice.")
            found[name] = attribute_of(row.values[column], name)
    return found


def _check(product: SourceProduct) -> None:
    """Refuse what the catalogue would refuse."""
    try:
        check_product(product.record())
    except InvalidParameter as error:
        raise Refused(Refusal.INVALID_VALUE, error.message) from error
