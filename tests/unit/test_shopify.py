import csv
import io
from decimal import Decimal
from pathlib import Path

import pytest

from indexer.sources import RefusedRow, SourceImage, SourceProduct, open_source
from tests.support.feeds import read_feed

HEADER = [
    "Handle",
    "Title",
    "Body (HTML)",
    "Vendor",
    "Product Category",
    "Type",
    "Tags",
    "Published",
    "Option1 Name",
    "Option1 Value",
    "Option2 Name",
    "Option2 Value",
    "Variant SKU",
    "Variant Grams",
    "Variant Inventory Tracker",
    "Variant Inventory Qty",
    "Variant Inventory Policy",
    "Variant Price",
    "Image Src",
    "Image Position",
    "Variant Image",
    "SEO Title",
    "Color (product.metafields.shopify.color-pattern)",
    "Fabric (product.metafields.custom.fabric)",
    "Status",
]
NEW_NAMES = {
    "Handle": "URL handle",
    "Body (HTML)": "Description",
    "Product Category": "Product category",
    "Published": "Published on online store",
    "Option1 Name": "Option1 name",
    "Option1 Value": "Option1 value",
    "Variant SKU": "SKU",
    "Variant Inventory Tracker": "Inventory tracker",
    "Variant Inventory Qty": "Inventory quantity",
    "Variant Inventory Policy": "Continue selling when out of stock",
    "Variant Price": "Price",
    "Image Src": "Product image URL",
    "Image Position": "Image position",
    "Variant Image": "Variant image URL",
    "SEO Title": "SEO title",
}

SHIRT = [
    {
        "Handle": "shirt",
        "Title": "Shirt",
        "Body (HTML)": "<p>Long</p>",
        "Vendor": "ACME",
        "Product Category": "Apparel > Shirts",
        "Type": "Shirts",
        "Tags": "summer, linen",
        "Published": "true",
        "Option1 Name": "Size",
        "Option1 Value": "S",
        "Option2 Name": "Color",
        "Option2 Value": "White",
        "Variant SKU": "S-1",
        "Variant Grams": "100",
        "Variant Price": "29.90",
        "Image Src": "https://i.example/back.jpg",
        "Image Position": "2",
        "Variant Image": "https://i.example/white.jpg",
        "SEO Title": "Buy!",
        "Color (product.metafields.shopify.color-pattern)": "white",
        "Fabric (product.metafields.custom.fabric)": "linen",
        "Status": "active",
    },
    {
        "Handle": "shirt",
        "Option1 Value": "M",
        "Option2 Value": "White",
        "Variant Price": "31.90",
        "Image Src": "https://i.example/front.jpg",
        "Image Position": "1",
    },
    {"Handle": "shirt", "Image Src": "https://i.example/detail.jpg", "Image Position": "3"},
]
MUG = {
    "Handle": "mug",
    "Title": "Mug",
    "Product Category": "Home > Mugs",
    "Option1 Name": "Title",
    "Option1 Value": "Default Title",
    "Variant Price": "9",
    "Image Src": "https://i.example/mug.jpg",
}


def _export(rows: list[dict[str, str]], names: dict[str, str] | None = None) -> bytes:
    text = io.StringIO(newline="")
    writer = csv.DictWriter(text, HEADER)
    csv.writer(text).writerow([(names or {}).get(column, column) for column in HEADER])
    writer.writerows(rows)
    return text.getvalue().encode()


@pytest.mark.parametrize("names", [{}, NEW_NAMES], ids=["names-before-2024", "names-since-2024"])
def test_the_rows_of_a_handle_are_one_product(tmp_path: Path, names: dict[str, str]) -> None:
    """Pictures come by their positions, options and tags are lists, the first price counts, the rest is left out."""
    products, refused = read_feed(tmp_path, _export([*SHIRT, MUG], names))

    assert refused == []
    assert products == [
        SourceProduct(
            id="shirt",
            title="Shirt",
            category="Shirts",
            brand="ACME",
            price=Decimal("29.90"),
            availability="in_stock",
            attributes={
                "sku": "S-1",
                "tags": ["summer", "linen"],
                "Size": ["S", "M"],
                "Color": ["White"],
                "Fabric": "linen",
                names.get("Product Category", "Product Category"): "Apparel > Shirts",
            },
            images=tuple(
                SourceImage(address=f"https://i.example/{name}.jpg") for name in ("front", "back", "detail", "white")
            ),
        ),
        SourceProduct(
            id="mug",
            title="Mug",
            category="Home > Mugs",
            price=Decimal(9),
            availability="in_stock",
            images=(SourceImage(address="https://i.example/mug.jpg"),),
        ),
    ]


def test_the_export_is_recognised(tmp_path: Path) -> None:
    """By its columns, whatever the file is called."""
    (tmp_path / "export.txt").write_bytes(_export([MUG]))

    assert open_source(str(tmp_path / "export.txt")).kind == "shopify"


@pytest.mark.parametrize(
    ("rows", "availability"),
    [
        ([{"Status": "draft"}], "out_of_stock"),
        ([{"Status": "archived"}], "out_of_stock"),
        ([{"Published": "false", "Status": "active"}], "out_of_stock"),
        ([{"Status": "active"}], "in_stock"),
        ([{"Variant Inventory Tracker": "shopify", "Variant Inventory Qty": "3"}], "in_stock"),
        ([{"Variant Inventory Tracker": "shopify", "Variant Inventory Qty": "0"}], "out_of_stock"),
        ([{"Variant Inventory Tracker": "shopify", "Variant Inventory Qty": "-2"}], "out_of_stock"),
        (
            [
                {"Variant Inventory Tracker": "shopify", "Variant Inventory Qty": "0"},
                {"Variant Price": "9", "Variant Inventory Tracker": "shopify", "Variant Inventory Qty": "1"},
            ],
            "in_stock",
        ),
        (
            [
                {
                    "Variant Inventory Tracker": "shopify",
                    "Variant Inventory Qty": "0",
                    "Variant Inventory Policy": "continue",
                }
            ],
            "backorder",
        ),
        ([{"Variant Inventory Qty": "0"}], "in_stock"),
    ],
    ids=[
        "draft",
        "archived",
        "not-published",
        "nothing-counted",
        "some-left",
        "none-left",
        "fewer-than-none",
        "one-variant-left",
        "sold-on",
        "not-counted",
    ],
)
def test_availability_follows_from_status_and_stock(
    tmp_path: Path, rows: list[dict[str, str]], availability: str
) -> None:
    """What is not for sale is out of stock; otherwise the variant that is best off decides."""
    first, *others = rows

    products, _ = read_feed(tmp_path, _export([{**MUG, **first}, *({"Handle": "mug", **row} for row in others)]))

    assert [product.availability for product in products] == [availability]


def test_columns_that_are_mapped_are_not_left_out(tmp_path: Path) -> None:
    """An operator can keep what is dropped and call differently what is kept."""
    mapping = {"SEO Title": "attributes.seo", "Type": "attributes.kind", "Vendor": "category"}

    (product,), _ = read_feed(tmp_path, _export(SHIRT), mapping=mapping)

    assert (product.category, product.brand) == ("ACME", None)
    assert (product.attributes["seo"], product.attributes["kind"]) == ("Buy!", "Shirts")


def test_a_damaged_row_refuses_its_product_and_no_other(tmp_path: Path) -> None:
    """Half a product is not stated; those around it are."""
    lines = _export([MUG, *SHIRT, {**MUG, "Handle": "cup"}]).splitlines(keepends=True)
    lines[3] = lines[3].replace(b"31.90", b"31.90\xe9")

    products, refused = read_feed(tmp_path, b"".join(lines))

    assert [product.id for product in products] == ["mug", "cup"]
    assert [(row.row, row.product_id, row.reason) for row in refused] == [(4, "shirt", "not-text")]


def test_a_row_without_a_handle_is_refused_alone(tmp_path: Path) -> None:
    """It belongs to nobody, and parts nothing that belongs together."""
    products, refused = read_feed(tmp_path, _export([SHIRT[0], {"Title": "?"}, *SHIRT[1:]]))

    assert [(product.id, len(product.images)) for product in products] == [("shirt", 4)]
    assert refused == [RefusedRow(3, None, "missing-id", "The row has no id.")]
