import gzip
import sys
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import pyarrow as pa
import pytest

from app.core.errors import InvalidParameter, SourceInvalid, SourceMissing
from app.db.checks import check_product
from indexer.sources import SourceImage, SourceProduct, open_source
from tests.support.feeds import WRITERS, delimited, json_lines, outcomes, parquet, read_feed

RECORDS: list[dict[str, object]] = [
    {
        "id": "mug-1",
        "title": "Blue “mug”, tall & <new>",
        "category": "Kitchen > Mugs",
        "brand": "Töpferei",
        "price": "1.234,50 €",
        "link": "https://shop.example/p/1?a=1&b=2",
        "availability": "In Stock",
        "images": ["https://img.example/1.jpg", "https://img.example/1b.jpg?x=1,2"],
        "updated_at": "2025-11-22T09:30:00+01:00",
        "colour": "blue",
    },
    {
        "id": "cup 2",
        "title": "Cup",
        "price": "8 USD",
        "availability": "https://schema.org/OutOfStock",
        "images": ["pictures/a cup.jpg"],
        "size": "L",
    },
]


def _expected(folder: Path) -> list[SourceProduct]:
    return [
        SourceProduct(
            id="mug-1",
            title="Blue “mug”, tall & <new>",
            category="Kitchen > Mugs",
            brand="Töpferei",
            price=Decimal("1234.50"),
            currency="EUR",
            url="https://shop.example/p/1?a=1&b=2",
            availability="in_stock",
            attributes={"colour": "blue"},
            stated_at=datetime(2025, 11, 22, 8, 30, tzinfo=UTC),
            images=(
                SourceImage(address="https://img.example/1.jpg"),
                SourceImage(address="https://img.example/1b.jpg?x=1,2"),
            ),
        ),
        SourceProduct(
            id="cup_2~e5d5f10f17486887",
            title="Cup",
            price=Decimal(8),
            currency="USD",
            availability="out_of_stock",
            attributes={"size": "L"},
            images=(SourceImage(path=folder / "pictures/a cup.jpg"),),
        ),
    ]


@pytest.mark.parametrize("ending", ["", ".gz"], ids=["plain", "gzip"])
@pytest.mark.parametrize("name", WRITERS)
def test_every_format_states_the_same_products(tmp_path: Path, name: str, ending: str) -> None:
    """Whatever format a feed is in, packed or not, its products are the same, down to the last attribute."""
    data = WRITERS[name](RECORDS)

    products, refused = read_feed(tmp_path, gzip.compress(data) if ending else data, name + ending)

    assert (products, refused) == (_expected(tmp_path), [])


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("feed.csv", "csv"),
        ("feed.semicolons.csv", "csv"),
        ("feed.tsv", "tsv"),
        ("feed.jsonl", "jsonl"),
        ("feed.parquet", "parquet"),
        ("feed.atom.xml", "xml"),
    ],
)
def test_the_format_is_told_by_the_content(tmp_path: Path, name: str, kind: str) -> None:
    """A feed needs no ending to be recognised, and only Parquet knows beforehand how many rows it has."""
    path = tmp_path / "export"
    path.write_bytes(WRITERS[name](RECORDS))

    source = open_source(str(path))

    assert (source.kind, source.total, source.name) == (kind, 2 if kind == "parquet" else None, str(path))


def test_a_feed_can_be_read_again(tmp_path: Path) -> None:
    """A dry run and the run after it read the same source."""
    (tmp_path / "feed.csv").write_bytes(delimited(RECORDS))
    source = open_source(str(tmp_path / "feed.csv"))

    assert outcomes(source) == outcomes(source)


def test_a_format_can_be_forced(tmp_path: Path) -> None:
    """What would be taken for commas is read with tabs, when the operator says so."""
    data = "id\timage,main\ttitle, short, long\n1\thttps://img.example/1.jpg\tMug\n"

    assert read_feed(tmp_path, data, kind="tsv", mapping={"image,main": "image"})[0][0].id == "1"
    with pytest.raises(InvalidParameter, match="no format “xls”; there are folder, csv"):
        open_source(str(tmp_path / "feed.csv"), kind="xls")


def test_a_folder_is_a_source_too(tmp_path: Path) -> None:
    """A folder is opened as what `read_folder` reads, and its products can be counted beforehand."""
    (tmp_path / "mugs").mkdir()
    (tmp_path / "mugs" / "a.jpg").touch()

    source = open_source(str(tmp_path))

    assert (source.kind, source.total) == ("folder", 1)
    assert list(source.products()) == [
        SourceProduct(id="mugs-a", title="A", category="mugs", images=(SourceImage(tmp_path / "mugs" / "a.jpg"),))
    ]
    with pytest.raises(InvalidParameter, match="no columns"):
        open_source(str(tmp_path), mapping={"a": "id"})


@pytest.mark.parametrize("source", ["nowhere.csv", "x" * 5000, "a\0b"], ids=["absent", "too-long", "nul"])
def test_a_missing_source_is_named(tmp_path: Path, source: str) -> None:
    """A path that leads nowhere, whatever it looks like, is told as such."""
    with pytest.raises(SourceMissing):
        open_source(str(tmp_path / source))


def test_adjacent_rows_of_one_id_are_one_product(tmp_path: Path) -> None:
    """Their pictures add up in order, none twice; what the first row leaves out, a later one may say."""
    data = (
        "id,title,price,image,image_2,colour\n"
        "1,Mug,5 EUR,https://i.example/a.jpg,https://i.example/b.jpg,red\n"
        "1,Other,,https://i.example/c.jpg,https://i.example/a.jpg,blue\n"
        "2,Cup,,https://i.example/d.jpg,,\n"
        "1,Again,,https://i.example/e.jpg,,\n"
    )

    products, refused = read_feed(tmp_path, data)

    assert refused == []
    assert [(product.id, product.title, len(product.images)) for product in products] == [
        ("1", "Mug", 3),
        ("2", "Cup", 1),
        ("1", "Again", 1),  # whoever imports knows that there was one
    ]
    assert products[0].attributes == {"colour": "red"}
    assert [image.place[-5:] for image in products[0].images] == ["a.jpg", "b.jpg", "c.jpg"]


def test_empty_lines_and_rows_are_passed_over(tmp_path: Path) -> None:
    """Wherever they are; spreadsheets leave them, also as rows of nothing but commas."""
    data = "\n  \r\nid,image\r\n\r\n1,https://i.example/a.jpg\r\n,\r\n\r\n2,https://i.example/b.jpg"

    products, refused = read_feed(tmp_path, data)

    assert ([product.id for product in products], refused) == (["1", "2"], [])


def test_a_product_without_a_title_is_called_by_its_id(tmp_path: Path) -> None:
    """Ids and pictures are all that a feed must have."""
    products, _ = read_feed(tmp_path, "sku,photo\nA/1,https://i.example/a.jpg\n")

    assert products[0].title == "A/1"


def test_values_keep_the_types_that_the_format_has(tmp_path: Path) -> None:
    """Numbers, booleans, lists and objects stay such in JSONL; what is null or blank is not stated."""
    attributes = {"weight": 1.5, "stock": 3, "new": True, "sizes": ["S", "M"], "dimensions": {"depth": [1, None]}}
    record = {"id": 7, "image": "https://i.example/a.jpg", "price": 15.1, "brand": None, "x": "  ", **attributes}

    (product,), _ = read_feed(tmp_path, json_lines([record]), "feed.jsonl")

    assert (product.id, product.price, product.brand, product.attributes) == ("7", Decimal("15.1"), None, attributes)


def test_a_column_named_attributes_holds_attributes(tmp_path: Path) -> None:
    """What the service itself answers for a product can be read back."""
    record = {"id": "1", "image": "https://i.example/a.jpg", "attributes": {"colour": "red"}, "size": "L"}

    assert read_feed(tmp_path, json_lines([record]), "f.jsonl")[0][0].attributes == {"colour": "red", "size": "L"}
    _, refused = read_feed(tmp_path, json_lines([{**record, "colour": "blue"}] * 2), "f.jsonl")
    assert [(row.reason, row.message) for row in refused] == [
        ("ambiguous-columns", "The attribute “colour” is stated twice.")
    ]


def test_parquet_columns_of_any_type_are_read(tmp_path: Path) -> None:
    """Short floats stay what they are written as, moments become UTC, gaps and NaN are not stated."""
    moment = datetime(2025, 11, 22, 8, 30, tzinfo=UTC)
    table = pa.table(
        {
            "id": pa.array([1.0, 2.0]),  # what a table tool makes of whole numbers when one is missing
            "image": pa.array([["https://i.example/a.jpg", "https://i.example/b.jpg"], ["https://i.example/c.jpg"]]),
            "price": pa.array([15.1, None], pa.float32()),
            "updated_at": pa.array([moment, None], pa.timestamp("ns", "Europe/Berlin")),
            "weight": pa.array([0.1, float("nan")], pa.float32()),
            "cost": pa.array([Decimal("1.50"), None]),
            "day": pa.array([moment.date(), None]),
            "sizes": pa.array([[("EU", 1)], None], pa.map_(pa.string(), pa.int64())),
            "colour": pa.array(["blue", None]).dictionary_encode(),
        }
    )
    pa.parquet.write_table(table, tmp_path / "feed.parquet")

    products, refused = outcomes(open_source(str(tmp_path / "feed.parquet")))

    assert refused == []
    assert [(p.id, p.price, p.stated_at, len(p.images)) for p in products] == [
        ("1", Decimal("15.1"), moment, 2),
        ("2", None, None, 1),
    ]
    assert products[0].attributes == {
        "weight": 0.1,
        "cost": 1.5,
        "day": "2025-11-22",
        "sizes": {"EU": 1},
        "colour": "blue",
    }
    assert products[1].attributes == {}


def test_a_column_of_bytes_is_refused_until_it_is_left_out(tmp_path: Path) -> None:
    """A picture's bytes are no attribute; the message says how to read the rest."""
    data = parquet([{"id": "1", "image": "https://i.example/a.jpg", "bytes": b"\xff\xd8"}])

    _, (refused,) = read_feed(tmp_path, data, "feed.parquet")
    products, _ = read_feed(tmp_path, data, "feed.parquet", mapping={"bytes": ""})

    assert refused.message == (
        "The attribute “bytes” holds bytes, which is no JSON; map its column to nothing to leave it out."
    )
    assert len(products) == 1


def test_parquet_without_pyarrow_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The package is optional, and missing it is no traceback."""
    monkeypatch.setitem(sys.modules, "pyarrow", None)

    with pytest.raises(SourceInvalid, match=r"needs pyarrow; run pip install '.\[parquet\]'"):
        read_feed(tmp_path, b"PAR1....PAR1", "feed.parquet")


def test_elements_that_are_nested_or_repeated_are_objects_and_lists(tmp_path: Path) -> None:
    """Shipping is an object; of several product types the first is the category; other namespaces are not read."""
    data = (
        '<rss xmlns:g="http://base.google.com/ns/1.0" xmlns:c="http://base.google.com/cns/1.0" xmlns:media="urn:m">'
        "<channel><item><g:id>1</g:id><title>RSS</title><g:title>Google</g:title><c:season>autumn</c:season>"
        "<g:image_link><![CDATA[https://i.example/a.jpg?a=1&b=2]]></g:image_link><media:credit>x</media:credit>"
        "<g:product_type>Mugs</g:product_type><g:product_type>Gifts</g:product_type>"
        "<g:shipping><g:country>DE</g:country><g:price>4 EUR</g:price></g:shipping><g:size>S</g:size><g:size>M</g:size>"
        "</item></channel></rss>"
    )

    (product,), _ = read_feed(tmp_path, data, "feed.xml")

    assert (product.title, product.category) == ("Google", "Mugs")
    assert product.images[0].place == "https://i.example/a.jpg?a=1&b=2"
    assert product.attributes == {
        "season": "autumn",
        "shipping": {"country": "DE", "price": "4 EUR"},
        "size": ["S", "M"],
    }


@pytest.mark.parametrize(
    ("limit", "ids"), [(1, ["1"]), (2, ["1", "2"]), (9, ["1", "2", "3"])], ids=["one", "two", "more"]
)
def test_a_limit_counts_products(tmp_path: Path, limit: int, ids: list[str]) -> None:
    """Refused rows on the way do not count."""
    rows = [{"id": number, "image": "https://i.example/a.jpg", "price": price} for number, price in
            [(1, "5"), (0, "cheap"), (2, "5"), (3, "5")]]  # fmt: skip

    products, _ = read_feed(tmp_path, delimited(rows), limit=limit)

    assert [product.id for product in products] == ids


def test_a_limit_below_one_is_refused(tmp_path: Path) -> None:
    """Nothing is to be read of nothing."""
    with pytest.raises(InvalidParameter, match="at least 1"):
        open_source(str(tmp_path), limit=0)


def test_a_feed_from_an_address_is_brought_here_first(tmp_path: Path) -> None:
    """What brings it is asked once; passwords and keys of the address show nowhere; its pictures are no files here."""
    (tmp_path / "x").write_bytes(delimited(RECORDS))
    asked = []

    def download(address: str) -> Path:
        asked.append(address)
        return tmp_path / "x"

    source = open_source("https://me:secret@shop.example/feeds/all.csv?key=secret", download=download)
    products, refused = outcomes(source)

    assert asked == ["https://me:secret@shop.example/feeds/all.csv?key=secret"]
    assert source.name == "https://shop.example/feeds/all.csv"
    assert products == _expected(tmp_path)[:1]
    assert [(row.row, row.reason) for row in refused] == [(3, "path-not-allowed")]


def test_an_address_that_nobody_can_read_is_told(tmp_path: Path) -> None:
    """In one sentence, without what may be secret in it."""
    with pytest.raises(SourceMissing, match=r"^The address of the source cannot be read\.$"):
        open_source("https://[shop.example/feed.csv?key=secret", download=lambda _: tmp_path / "never")


def test_an_address_without_a_downloader_is_refused() -> None:
    """Nothing is taken for a file that is an address."""
    with pytest.raises(SourceMissing, match=r"^https://shop\.example/a is an address"):
        open_source("https://shop.example/a?key=secret")


def test_all_that_is_yielded_can_be_stored(tmp_path: Path) -> None:
    """What the catalogue would refuse is refused with its row; whatever is yielded, it takes."""
    rows = [{"id": str(n), "image": "https://i.example/a.jpg", **more} for n, more in enumerate(
        [{"title": "x" * 1001}, {"url": "/p/1"}, {"colour": "x" * 70_000}, {"price": "1.23456"}, {"title": "Mug"}]
    )]  # fmt: skip

    (product,), refused = read_feed(tmp_path, json_lines(rows), "feed.jsonl")

    assert [(row.row, row.reason) for row in refused] == [(n, "invalid-value") for n in (1, 2, 3, 4)]
    check_product(product.record())
    assert replace(product, images=()) == SourceProduct(id="4", title="Mug")
