from decimal import Decimal
from pathlib import Path

import pytest

from app.core.errors import InvalidParameter, SourceInvalid
from indexer.sources.columns import ALIASES, Columns
from tests.support.feeds import atom, delimited, json_lines, read_feed

IMAGE = "https://i.example/a.jpg"


@pytest.mark.parametrize(
    ("field", "alias"), [(field, alias) for field, aliases in ALIASES.items() for alias in aliases]
)
def test_a_column_is_known_by_any_of_its_names(field: str, alias: str) -> None:
    """However it is written: with spaces, hyphens, capitals, or Google's prefix."""
    for column in (alias, alias.upper(), alias.replace("_", " "), alias.replace("_", "-"), f"g:{alias}", f" {alias} "):
        plan = Columns({}).plan((column,))
        assert plan.images == (column,) if field == "image" else plan.fields == {field: column}


def test_no_name_means_two_fields() -> None:
    """Each name is in the table once."""
    names = [alias for aliases in ALIASES.values() for alias in aliases]
    assert len(names) == len(set(names))


def test_the_first_known_name_is_the_field_and_the_others_are_attributes() -> None:
    """A feed with an id and a SKU loses neither."""
    plan = Columns({}).plan(("SKU", "id", "google_product_category", "product_type"))

    assert plan.fields == {"id": "id", "category": "product_type"}
    assert plan.attributes == (("SKU", "SKU"), ("google_product_category", "google_product_category"))


def test_pictures_come_in_their_order_whatever_the_order_of_the_columns() -> None:
    """The main picture first, then the additional ones, then by number."""
    columns = ("image_10", "additional_image_link", "image_2", "image_link", "image")

    assert Columns({}).plan(columns).images == ("image", "image_2", "image_10", "image_link", "additional_image_link")


def test_columns_of_pictures_may_share_a_name(tmp_path: Path) -> None:
    """Google's text feeds repeat the column for each additional picture."""
    data = f"id,image_link,additional_image_link,additional_image_link\n1,{IMAGE},{IMAGE}2,{IMAGE}3\n"

    assert [image.place for image in read_feed(tmp_path, data)[0][0].images] == [IMAGE, f"{IMAGE}2", f"{IMAGE}3"]


def test_a_mapping_goes_before_the_names(tmp_path: Path) -> None:
    """What the operator says is the field; the column that would have been it becomes an attribute."""
    rows = [{"id": "1", "Artikel-Nr.": "A1", "Bild": IMAGE, "Preis (EUR)": "5", "Farbe": "rot", "html": "<p>"}]
    mapping = {
        "artikel nr": "id",
        "Bild": "image",
        "Preis (EUR)": "price",
        "Farbe": "attributes.colour",
        "html": "",
    }

    (product,), _ = read_feed(tmp_path, delimited(rows), mapping=mapping)

    assert (product.id, product.price) == ("A1", Decimal(5))
    assert product.attributes == {"colour": "rot", "id": "1"}


@pytest.mark.parametrize(
    ("mapping", "message"),
    [
        ({"Preis": "prize"}, "mapped to “prize”, which is no field; there are id, title, .*, attributes.NAME"),
        ({"Preis": "attributes."}, "which is no field"),
        ({"Pries": "price"}, "There is no column “Pries” to map; there are “id”, “image”, “Preis”"),
        ({"Preis": "price", "id": "price"}, "Two columns are mapped to “price”"),
        ({"Preis": "price", "preis": "title"}, "A column is mapped twice"),
    ],
)
def test_a_mapping_that_cannot_be_is_refused_before_any_row(
    tmp_path: Path, mapping: dict[str, str], message: str
) -> None:
    """A misspelt column or field is named, with those that there are."""
    with pytest.raises(InvalidParameter, match=message):
        read_feed(tmp_path, delimited([{"id": "1", "image": IMAGE, "Preis": "5"}]), mapping=mapping)


def test_a_mapping_decides_between_columns_that_claim_one_field(tmp_path: Path) -> None:
    """Of `Price` and `price` nobody knows which is right, unless the operator says it; `price` alone means both."""
    rows = [{"id": "1", "image": IMAGE, "price": "5", "Price": "6", "cost": "7"}]

    (product,), _ = read_feed(tmp_path, delimited(rows), mapping={"cost": "price"})

    assert (product.price, product.attributes) == (Decimal(7), {"price": "5", "Price": "6"})
    with pytest.raises(SourceInvalid, match="The columns “price” and “Price” are both the price"):
        read_feed(tmp_path, delimited(rows), mapping={"price": "price"})


def test_the_columns_of_a_feed_without_a_header_are_those_of_its_first_rows(tmp_path: Path) -> None:
    """A mapped column need not be in every row, but in one of the first hundred."""
    rows = [{"id": str(number), "image": IMAGE} for number in range(150)]
    mapping = {"label": "title"}
    rows[99]["label"] = "Mug"
    assert read_feed(tmp_path, json_lines(rows), "f.jsonl", mapping=mapping)[0][99].title == "Mug"
    rows[149]["label"] = rows[99].pop("label")

    with pytest.raises(
        InvalidParameter, match="no column “label” in the first 100 rows to map; there are “id”, “image”"
    ):
        read_feed(tmp_path, json_lines(rows), "f.jsonl", mapping=mapping)
    with pytest.raises(InvalidParameter, match="no column “label” in the first 100 rows"):
        read_feed(tmp_path, atom(rows), "f.xml", mapping=mapping)


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (
            f"number,image\n1,{IMAGE}\n",
            "no column that is known to be the id; there are “number”, “image”. .*--map COLUMN=id",
        ),
        ("id,title\n1,Mug\n", "no column that is known to be the image; there are “id”, “title”. .*--map COLUMN=image"),
        (f"id,image,price,Price\n1,{IMAGE},1,2\n", "The columns “Price” and “price” are both the price"),
        (f"id,image,colour,colour\n1,{IMAGE},1,2\n", "has 2 columns named “colour”"),
        (f"id,id,image\n1,1,{IMAGE}\n", "has 2 columns named “id”"),
    ],
)
def test_a_feed_whose_columns_say_too_little_or_too_much_is_refused(tmp_path: Path, data: str, message: str) -> None:
    """Without ids or pictures nothing can be indexed, and of two prices nobody knows which is right."""
    with pytest.raises(SourceInvalid, match=message):
        read_feed(tmp_path, data)


def test_columns_without_a_name_are_passed_over(tmp_path: Path) -> None:
    """Spreadsheets leave empty columns at the end."""
    assert read_feed(tmp_path, f"id,image,,\n1,{IMAGE},x,\n")[0][0].attributes == {}


def test_plans_of_ever_new_columns_are_not_kept_for_ever() -> None:
    """A feed in which every row has columns of its own does not fill the memory."""
    columns = Columns({})
    for number in range(100):
        columns.plan(("id", "x" * 20_000 + str(number)))

    assert len(columns._plans) <= 53
