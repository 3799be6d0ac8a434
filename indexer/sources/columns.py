"""Which column is which field: by the names that feeds use, or as the operator says."""

import re
from collections import Counter
from collections.abc import Collection, Mapping
from dataclasses import dataclass

from app.core.errors import InvalidParameter
from indexer.sources.records import Refusal, Refused, shown

ALIASES: dict[str, tuple[str, ...]] = {
    "id": ("id", "product_id", "sku", "item_id", "offer_id", "article_number", "handle", "url_handle"),
    "title": ("title", "name", "product_title", "product_name"),
    "category": ("category", "product_type", "categories", "type", "product_category", "google_product_category"),
    "brand": ("brand", "brand_name", "manufacturer", "vendor"),
    "price": ("price", "product_price", "variant_price"),
    "currency": ("currency", "currency_code", "price_currency"),
    "url": ("url", "link", "product_url", "product_link", "permalink"),
    "availability": ("availability", "stock_status"),
    "image": (
        "image", "images", "image_link", "image_links", "image_url", "image_urls", "image_src", "image_path",
        "picture", "pictures", "photo", "photos", "product_image_url",
        "additional_image", "additional_images", "additional_image_link", "additional_image_links",
        "additional_image_url", "additional_image_urls", "variant_image", "variant_image_url",
    ),
    "updated_at": ("updated_at", "last_updated", "updated", "modified_at", "last_modified", "date_modified"),
}  # fmt: skip
"""
The names under which each field is looked for; where several are there, the first of these is the field.

Only letters and digits count: `Image Link`, `image_link`, `imageLink` and `g:image_link` are the same.
"""

ATTRIBUTES = "attributes"
"""The column whose object, where a format has objects, holds attributes by name."""

_IMAGE_NUMBER = re.compile(r"(.*?[a-z])([0-9]{1,4})")
_NOT_COUNTED = re.compile(r"[^\w]|_")
_MAX_KEPT_CHARS = 1024 * 1024  # of columns' names, whose plans are kept: a feed may name others in every row
_PREFIX = "attributes."
_FOR_MANY = ("", "image")  # what several columns may be mapped to


def squeezed(column: str) -> str:
    """Return what counts of a column's name: its letters and digits, without Google's prefix."""
    name = column.strip().casefold().removeprefix("g:")
    return _NOT_COUNTED.sub("", name) or name


_FIELD_OF = {
    squeezed(alias): (field, rank)
    for field, aliases in ALIASES.items()
    for rank, alias in enumerate(aliases)
}  # fmt: skip


def image_rank(column: str) -> tuple[int, int] | None:
    """Return the place of a column among a product's picture columns; None for a column of something else."""
    name = squeezed(column)
    parts = _IMAGE_NUMBER.fullmatch(name)
    stem, number = (parts[1], int(parts[2])) if parts else (name, 0)
    field, rank = _FIELD_OF.get(stem, ("", 0))
    return (rank, number) if field == "image" else None


@dataclass(frozen=True, slots=True)
class Plan:
    """What the columns of a row are."""

    fields: Mapping[str, str]
    """Column by field, but for pictures."""
    images: tuple[str, ...]
    """Columns of pictures, in the order in which they are shown."""
    attributes: tuple[tuple[str, str], ...]
    """Other columns, each with the name of its attribute."""
    nested: str | None
    """Column with an object of attributes."""


class Columns:
    """Plans for rows, by the names of their columns."""

    def __init__(self, mapping: Mapping[str, str]) -> None:
        """
        Take what the operator says: field by column; `attributes.NAME` names an attribute, nothing leaves it out.

        Raises:
            InvalidParameter: There is no such field, or one field is given to two columns.
        """
        self._mapping = {squeezed(column): field for column, field in mapping.items()}
        self.mapped = tuple(mapping)
        self._plans: dict[tuple[str, ...], Plan] = {}
        self._kept_chars = 0
        for column, field in mapping.items():
            if field and field not in ALIASES and not (field.startswith(_PREFIX) and len(field) > len(_PREFIX)):
                known = ", ".join([*ALIASES, "attributes.NAME"])
                raise InvalidParameter(
                    f"Column {shown(column)} is mapped to {shown(field)}, which is no field; there are {known}, and "
                    "nothing to leave the column out."
                )
        if len(self._mapping) < len(mapping):
            raise InvalidParameter("A column is mapped twice; its capital letters and spaces do not count.")
        for field, times in Counter(self._mapping.values()).items():
            if times > 1 and field not in _FOR_MANY:
                raise InvalidParameter(f"Two columns are mapped to {shown(field)}.")

    def check(self, known: Collection[str], rows_seen: int | None) -> None:
        """
        Refuse a mapping that names none of these columns; `rows_seen`: of so many rows, None: of the header.

        Raises:
            InvalidParameter: Names the column, and those that there are.
        """
        names = {squeezed(column) for column in known}
        for column in self.mapped:
            if squeezed(column) not in names:
                where = "" if rows_seen is None else f" in the first {rows_seen:,} rows"
                raise InvalidParameter(f"There is no column {shown(column)}{where} to map; there are {named(known)}.")

    def plan(self, names: tuple[str, ...]) -> Plan:
        """Return what these columns are; raises `Refused` when two of them claim to be the same field."""
        plan = self._plans.get(names)
        if plan is None:
            self._kept_chars += sum(map(len, names))
            if self._kept_chars > _MAX_KEPT_CHARS:
                self._plans.clear()
                self._kept_chars = 0
            plan = self._plans[names] = self._new_plan(names)
        return plan

    def _new_plan(self, names: tuple[str, ...]) -> Plan:
        mapped = {name: self._mapping[squeezed(name)] for name in names if squeezed(name) in self._mapping}
        unmapped = [name for name in names if name not in mapped and name.strip()]
        fields: dict[str, str] = {}
        for name, field in mapped.items():
            if field in ALIASES and field != "image":
                if field in fields:
                    raise _both(fields[field], name, field)
                fields[field] = name
        fields |= _by_alias(unmapped, without=tuple(fields))
        images = sorted((rank, name) for name in unmapped if (rank := image_rank(name)) is not None)
        nested = next((name for name in unmapped if squeezed(name) == ATTRIBUTES), None)
        taken = {*fields.values(), *(name for _, name in images), nested}
        attributes = {name: field[len(_PREFIX) :] for name, field in mapped.items() if field.startswith(_PREFIX)}
        attributes |= {name: attribute_name(name) for name in unmapped if name not in taken}
        return Plan(
            fields=fields,
            images=(*(name for name, field in mapped.items() if field == "image"), *(name for _, name in images)),
            attributes=tuple(attributes.items()),
            nested=nested,
        )


def _both(one: str, other: str, field: str) -> Refused:
    return Refused(Refusal.AMBIGUOUS_COLUMNS, f"The columns {shown(one)} and {shown(other)} are both the {field}.")


def _by_alias(names: Collection[str], without: Collection[str]) -> dict[str, str]:
    """Return the column of each further field that is there by one of its names, by that which comes first."""
    candidates: dict[str, list[tuple[int, str]]] = {}
    for name in names:
        field, rank = _FIELD_OF.get(squeezed(name), ("", 0))
        if field not in {"", "image", *without}:
            candidates.setdefault(field, []).append((rank, name))
    for field, found in candidates.items():
        found.sort()
        if len(found) > 1 and found[0][0] == found[1][0]:
            raise _both(found[0][1], found[1][1], field)
    return {field: found[0][1] for field, found in candidates.items()}


def attribute_name(column: str) -> str:
    """Return the name of the attribute that a column becomes: its own, without Google's prefix."""
    return column.strip().removeprefix("g:")


def named(columns: Collection[str]) -> str:
    """Return columns as they are listed in a message."""
    first = [shown(column) for column in list(columns)[:20]]
    return ", ".join(first) + (f" and {len(columns) - 20} more" if len(columns) > 20 else "")
