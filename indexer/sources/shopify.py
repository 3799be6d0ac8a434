"""Shopify's product export: rows of variants and of pictures, joined by their handle to one row a product."""

import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from itertools import groupby
from typing import Final

from indexer.sources.columns import ATTRIBUTES, squeezed
from indexer.sources.records import Refused, Row

# By what the column means: its names before and since 2024, squeezed.
_NAMES: Final = {
    "handle": ("handle", "urlhandle"),
    "title": ("title",),
    "vendor": ("vendor",),
    "type": ("type",),
    "category": ("productcategory",),
    "price": ("variantprice", "price"),
    "sku": ("variantsku", "sku"),
    "tags": ("tags",),
    "image": ("imagesrc", "productimageurl"),
    "image position": ("imageposition",),
    "variant image": ("variantimage", "variantimageurl"),
    "status": ("status",),
    "published": ("published", "publishedononlinestore"),
    "quantity": ("variantinventoryqty", "inventoryquantity"),
    "policy": ("variantinventorypolicy", "continuesellingwhenoutofstock"),
    "tracker": ("variantinventorytracker", "inventorytracker"),
    "option 1 name": ("option1name",),
    "option 1 value": ("option1value",),
    "option 2 name": ("option2name",),
    "option 2 value": ("option2value",),
    "option 3 name": ("option3name",),
    "option 3 value": ("option3value",),
}
_ONCE: Final = ("handle", "title", "vendor", "type", "category", "price")
_METAFIELD: Final = "(product.metafields."  # Color (product.metafields.shopify.color-pattern)
_WHOLE: Final = re.compile(r"-?[0-9]{1,9}")
_NO_OPTION: Final = "Default Title"  # what Shopify writes where a product has no options
_OPTIONS: Final = (1, 2, 3)
_LAST: Final = 1_000_000  # the position of a picture that states none
_BEST_FIRST: Final = ("in_stock", "backorder", "out_of_stock")
_GOES_ON: Final = ("continue", "true")  # selling, when there is none left
_MAX_VALUES: Final = 2_048  # of one option, of all pictures: Shopify's own limit on variants


def is_shopify(header: Collection[str]) -> bool:
    """Whether these are the columns of Shopify's export."""
    columns = _layout(tuple(header), frozenset()).columns
    return "handle" in columns and not columns.keys().isdisjoint({"image", "variant image", "option 1 name"})


def join_variants(rows: Iterable[Row], keep: Collection[str]) -> Iterator[Row]:
    """
    Yield one row for the adjacent rows of one handle; a row whose handle cannot be read stays alone.

    It has title, vendor, type, category, the first price, the pictures in the order of their positions, an
    availability, and as attributes the tags and option values as lists, the first SKU and the metafields. Shopify's
    other columns are left out, but for those in `keep`.
    """
    kept = frozenset(squeezed(column) for column in keep)
    for handle, group in groupby((_Cells(row, kept) for row in rows), key=lambda cells: cells["handle"]):
        if not handle:
            yield from (cells.row for cells in group)
            continue
        joined = _Joined()
        for cells in group:
            joined.add(cells)
        yield joined.finish()


@dataclass(frozen=True, slots=True)
class _Layout:
    """Which columns mean what."""

    columns: Mapping[str, str]
    kept: tuple[str, ...]
    metafields: tuple[tuple[str, str], ...]


@lru_cache(maxsize=16)  # a header is the same for all rows that can be read
def _layout(names: tuple[str, ...], kept: frozenset[str]) -> _Layout:
    by_name = {squeezed(name): name for name in names}
    columns = {meaning: by_name[name] for meaning, known in _NAMES.items() for name in known[::-1] if name in by_name}
    return _Layout(
        columns=columns,
        kept=tuple(name for name in names if squeezed(name) in kept),
        metafields=tuple((name, name.partition(_METAFIELD)[0].strip()) for name in names if _METAFIELD in name[1:]),
    )


class _Cells:
    """The texts of a row by their meaning; nothing where there is none."""

    def __init__(self, row: Row, kept: frozenset[str]) -> None:
        self.row = row
        self.layout = _layout(tuple(row.values), kept)

    def __getitem__(self, meaning: str) -> str:
        value = self.row.values.get(self.layout.columns.get(meaning, ""))
        return value.strip() if isinstance(value, str) else ""


class _Joined:
    """What the rows of one handle say together; what is kept of them does not grow with their number for ever."""

    def __init__(self) -> None:
        self._number = 0
        self._refused: Refused | None = None
        self._values: dict[str, object] = {}
        self._attributes: dict[str, object] = {}
        self._options: dict[int, str] = {}
        self._option_values: dict[str, list[str]] = {}
        self._pictures: dict[str, int] = {}
        self._picture_column = ""
        self._availabilities: set[str] = set()
        self._is_for_sale: bool | None = None

    def add(self, cells: _Cells) -> None:
        """Take one more row."""
        if self._refused is not None:
            return
        self._number = self._number or cells.row.number
        if cells.row.refused is not None:
            self._number, self._refused = cells.row.number, cells.row.refused
        for meaning in _ONCE:
            if cells[meaning]:
                self._values.setdefault(cells.layout.columns[meaning], cells[meaning])
        for column in cells.layout.kept:
            if cells.row.values[column]:
                self._values.setdefault(column, cells.row.values[column])
        self._add_attributes(cells)
        self._add_pictures(cells)
        self._add_availability(cells)

    def finish(self) -> Row:
        """Return the one row that they come to."""
        values = dict(self._values)
        attributes = {**self._attributes, **self._option_values}
        if attributes:
            values[ATTRIBUTES] = attributes
        if self._pictures:
            values[self._picture_column] = sorted(self._pictures, key=self._pictures.__getitem__)
        if self._is_for_sale is False:
            values["availability"] = "out_of_stock"
        elif self._availabilities:
            values["availability"] = next(known for known in _BEST_FIRST if known in self._availabilities)
        elif self._is_for_sale:
            values["availability"] = "in_stock"
        return Row(self._number, values, self._refused)

    def _add_attributes(self, cells: _Cells) -> None:
        if cells["sku"]:
            self._attributes.setdefault("sku", cells["sku"])
        if cells["tags"]:
            self._attributes.setdefault("tags", [tag.strip() for tag in cells["tags"].split(",") if tag.strip()])
        for column, name in cells.layout.metafields:
            if value := cells.row.values[column]:
                self._attributes.setdefault(name, value)
        for number in _OPTIONS:
            if name := cells[f"option {number} name"]:
                self._options.setdefault(number, name)
            value = cells[f"option {number} value"]
            if value and value != _NO_OPTION and number in self._options:
                values = self._option_values.setdefault(self._options[number], [])
                if value not in values and len(values) < _MAX_VALUES:
                    values.append(value)

    def _add_pictures(self, cells: _Cells) -> None:
        places = (("image", _whole(cells["image position"], _LAST)), ("variant image", _LAST))
        for meaning, place in places:
            picture = cells[meaning]
            if picture and len(self._pictures) < _MAX_VALUES:
                self._picture_column = self._picture_column or cells.layout.columns[meaning]
                self._pictures[picture] = min(place, self._pictures.get(picture, place))

    def _add_availability(self, cells: _Cells) -> None:
        if self._is_for_sale is None and (cells["status"] or cells["published"]):
            self._is_for_sale = cells["status"].lower() in {"", "active"} and cells["published"].lower() in {"", "true"}
        if "quantity" not in cells.layout.columns or not (cells["price"] or cells["sku"] or cells["quantity"]):
            return
        is_counted = cells["quantity"] and ("tracker" not in cells.layout.columns or cells["tracker"])
        if not is_counted or _whole(cells["quantity"], 0) > 0:
            self._availabilities.add("in_stock")
        elif cells["policy"].lower() in _GOES_ON:
            self._availabilities.add("backorder")
        else:
            self._availabilities.add("out_of_stock")


def _whole(text: str, otherwise: int) -> int:
    return int(text) if _WHOLE.fullmatch(text) else otherwise
