import gzip
import json
import os
import random
import re
from pathlib import Path

import pytest

from app.core.errors import IndexingFailed, SourceEmpty, SourceInvalid, SourceMissing
from indexer.sources import Refusal, SourceProduct, open_source
from tests.support.feeds import WRITERS, delimited, json_lines, outcomes, parquet, read_feed, rss
from tests.support.sources import REPOSITORY

IMAGE = "https://i.example/a.jpg"
RECORDS = [
    {"id": f"p{number}", "title": f"Mug “{number}”", "image": IMAGE, "colour": "blue\nand white"}
    for number in range(40)
]
SOUND_ROWS = f"id,title,image\n1,Mug,{IMAGE}\n2,Cup,{IMAGE}\n"
RSS = '<rss xmlns:g="http://base.google.com/ns/1.0"><channel>'
ITEM = f"<item><g:id>1</g:id><g:image_link>{IMAGE}</g:image_link></item>"
BOMB = "".join(f'<!ENTITY a{n} "{f"&a{n - 1};" * 10}">' for n in range(1, 9))

UNUSABLE: dict[str, tuple[bytes | str, type[IndexingFailed], str]] = {
    "empty": (b"", SourceEmpty, "is empty"),
    "blank": (b"\xef\xbb\xbf \r\n\n", SourceEmpty, "is empty"),
    "header-only": (b"id,title,image\r\n", SourceEmpty, "holds no products"),
    "blank-rows-only": (b"id,title,image\n,,\n\n", SourceEmpty, "holds no products"),
    "xml-without-items": (f"{RSS}</channel></rss>", SourceEmpty, "holds no products"),
    "parquet-without-rows": (parquet([{"id": "1", "image": IMAGE}])[:-1], SourceInvalid, "damaged or no Parquet"),
    "packed-nothing": (gzip.compress(b""), SourceEmpty, "is empty"),
    "binary": (bytes(range(256)) * 10, SourceInvalid, "is no text: it begins with NUL bytes"),
    "utf-16-without-mark": (SOUND_ROWS.encode("utf-16-le"), SourceInvalid, "is no text: it begins with NUL bytes"),
    "zip": (b"PK\x03\x04rest", SourceInvalid, "is a ZIP archive or an Excel workbook"),
    "zstandard": (b"\x28\xb5\x2f\xfdrest", SourceInvalid, "packed with Zstandard"),
    "packed-twice": (gzip.compress(gzip.compress(SOUND_ROWS.encode())), SourceInvalid, "packed with gzip twice"),
    "picture": (b"\xff\xd8\xff\xe0rest", SourceInvalid, "is a picture; name the folder"),
    "web-page": (b"<!DOCTYPE html><html><body>404</body></html>", SourceInvalid, "is a web page"),
    "json-list": (json.dumps([RECORDS[0]]), SourceInvalid, "is one JSON list; write one object a line"),
    "json-over-lines": (json.dumps(RECORDS[0], indent=1), SourceInvalid, "The line is no JSON object"),
    "latin-1-header": ("id,image,größe\n1,x,y\n".encode("latin-1"), SourceInvalid, "is “ö” in Latin-1"),
    "latin-1-throughout": (
        f"id,image,size\n1,{IMAGE},größe\n".encode("latin-1"),
        SourceInvalid,
        "no usable row among its first 1. The row is not in UTF-8: it holds the byte 0xF6, which is “ö” in Latin-1",
    ),
    "nul-in-header": (b"id,im\0age\n1,2\n", SourceInvalid, "NUL"),
    "no-header": (f"1,Mug,{IMAGE}\n", SourceEmpty, "holds no products"),
    "quote-never-closed": (f'{SOUND_ROWS}3,"Pot,{IMAGE}\n4,Pan,{IMAGE}\n', SourceInvalid, "breaks off inside a quoted"),
    "quote-closed-elsewhere": (
        f'{SOUND_ROWS}3,"Pot,{IMAGE}\n4,"Pan",{IMAGE}\n',
        SourceInvalid,
        "cannot be divided into rows from line 4 on",
    ),
    "csv-that-breaks-off": (f"{SOUND_ROWS}3,Po", SourceInvalid, "breaks off inside row 4"),
    "csv-with-an-endless-line": (f"{SOUND_ROWS}3,{'x' * 1_100_000},{IMAGE}\n", SourceInvalid, "more than 1,048,576"),
    "csv-with-an-endless-header": ("id,image," + "x" * 1_100_000, SourceInvalid, "more than 1,048,576"),
    "json-that-breaks-off": (json_lines(RECORDS[:2])[:-20], SourceInvalid, "breaks off inside line 2"),
    "utf-16-that-breaks-off": (SOUND_ROWS.encode("utf-16")[:-1], SourceInvalid, "is damaged after line"),
    "gzip-that-breaks-off": (gzip.compress(delimited(RECORDS))[:-9], SourceInvalid, "breaks off"),
    "gzip-with-a-wrong-sum": (gzip.compress(SOUND_ROWS.encode())[:-8] + b"x" * 8, SourceInvalid, "is damaged"),
    "gzip-and-more": (gzip.compress(SOUND_ROWS.encode()) + b"more", SourceInvalid, "is damaged"),
    "xml-that-breaks-off": (f"{RSS}{ITEM}{ITEM}<item>", SourceInvalid, "not well-formed XML or breaks off"),
    "xml-without-its-end": (f"{RSS}{ITEM}</channel>", SourceInvalid, "not well-formed XML or breaks off"),
    "xml-and-more": (f"{RSS}{ITEM}</channel></rss><rss/>", SourceInvalid, "junk after document element"),
    "xml-of-another-kind": ("<products><product/></products>", SourceInvalid, "neither RSS nor Atom: .* “products”"),
    "xml-without-the-namespace": (f"<rss><channel>{ITEM}</channel></rss>", SourceInvalid, "declare xmlns:g="),
    "xml-in-an-unknown-encoding": (b'<?xml version="1.0" encoding="utf-9"?><rss/>', SourceInvalid, "not well-formed"),
    "xml-bomb": (f"<!DOCTYPE rss [<!ENTITY a0 'ha'>{BOMB}]>{RSS}&a8;</channel></rss>", SourceInvalid, "document type"),
    "xml-that-reads-files": (
        f'<!DOCTYPE rss [<!ENTITY a SYSTEM "file:///etc/passwd">]>{RSS}<item><g:id>&a;</g:id></item></channel></rss>',
        SourceInvalid,
        "declares a document type or entities",
    ),
    "xml-that-refers-elsewhere": (
        f'<!DOCTYPE rss SYSTEM "https://evil.example/a.dtd">{RSS}</channel></rss>',
        SourceInvalid,
        "declares a document type or entities",
    ),
    "xml-with-an-endless-item": (f"{RSS}<item>{'x' * 1_200_000}", SourceInvalid, "more than 1,048,576 bytes"),
    "xml-nested-for-ever": (f"{RSS}<item>{'<a>' * 400_000}", SourceInvalid, "more than 1,048,576 bytes"),
    "xml-with-endless-other-elements": (f"{RSS}{'<a/>' * 300_000}", SourceInvalid, "or no items"),
    "parquet-that-breaks-off": (parquet(RECORDS)[:-100], SourceInvalid, "damaged or no Parquet"),
    "parquet-of-zeros": (b"PAR1" + bytes(1000) + b"PAR1", SourceInvalid, "damaged or no Parquet"),
}


@pytest.mark.parametrize("name", UNUSABLE)
def test_a_feed_that_cannot_be_used_is_one_clear_error(tmp_path: Path, name: str) -> None:
    """The error names the feed and what is wrong with it, and no product is taken for the last one."""
    data, error, message = UNUSABLE[name]

    with pytest.raises(error, match=message) as caught:
        read_feed(tmp_path, data, "feed")

    assert caught.value.message.startswith(str(tmp_path / "feed"))
    assert len(caught.value.message) < len(str(tmp_path)) + 400


@pytest.mark.parametrize(("name", "kind"), [("f.parquet", "parquet"), ("f.xml.gz", "xml"), ("f.JSONL", "jsonl")])
def test_a_feed_that_is_not_what_it_is_named_is_refused(tmp_path: Path, name: str, kind: str) -> None:
    """A Parquet file that lost its beginning is not read as a table of one column."""
    with pytest.raises(SourceInvalid, match=f"is named like {kind}, but does not begin like it"):
        read_feed(tmp_path, SOUND_ROWS, name)


ROWS: dict[str, tuple[str, bytes, int, str | None, str, str]] = {
    "too-few-cells": ("csv", b"x,Mug", 4, "x", "wrong-columns", "The row has 2 cells and the header has 3."),
    "too-many-cells": ("csv", b"x,Mug, tall,%s", 4, "x", "wrong-columns", "has 4 cells and the header has 3"),
    "not-utf-8": ("csv", b"x,Caf\xe9,%s", 4, "x", "not-text", "the byte 0xE9, which is “é” in Latin-1"),
    "nul": ("csv", b"x,M\0g,%s", 4, "x", "not-text", "NUL byte"),
    "quotes": ("csv", b'x,"Mug" tall,%s', 4, None, "malformed-row", "quotation marks of the row do not fit"),
    "no-id": ("csv", b" ,Mug,%s", 4, None, "missing-id", "The row has no id."),
    "no-image": ("csv", b"x,Mug,", 4, "x", "missing-image", "The product has no picture."),
    "image-elsewhere": ("csv", b"x,Mug,ftp://i.example/a.jpg", 4, "x", "url-not-allowed", "is not an address with"),
    "image-outside": ("csv", b"x,Mug,/etc/passwd", 4, "x", "path-not-allowed", "is not inside"),
    "many-spaces": ("csv", b"x,Mug,a" + b" " * 900_000 + b"b", 4, "x", "path-not-allowed", "is no path"),
    "long-line": ("jsonl", b'{"id": "%s"}' % (b"x" * 1_100_000), 3, None, "too-long", "more than 1,048,576 characters"),
    "no-object": ("jsonl", b"[1]", 3, None, "malformed-row", "The line is “\\[1\\]”, which is no JSON object"),
    "no-json": ("jsonl", b'{"id": "x",}', 3, None, "malformed-row", "The line is no JSON object"),
    "two-objects": ("jsonl", b'{"id": "x"} {}', 3, None, "malformed-row", "Extra data"),
    "nan": ("jsonl", b'{"id": "x", "image": "%s", "weight": NaN}', 3, None, "malformed-row", "holds NaN"),
    "infinity": ("jsonl", b'{"id": "x", "image": "%s", "weight": 1e999}', 3, "x", "invalid-value", "finite"),
    "said-twice": ("jsonl", b'{"id": "x", "id": "y", "image": "%s"}', 3, None, "ambiguous-columns", "“id” twice"),
    "two-prices": (
        "jsonl",
        b'{"id": "x", "price": 1, "Price": 2}',
        3,
        None,
        "ambiguous-columns",
        "“Price” and “price” are both the price",
    ),
    "nested": ("jsonl", b'{"a": ' * 100_000, 3, None, "malformed-row", "nested too deeply|no JSON object"),
    "rather-nested": (
        "jsonl",
        b'{"id": "x", "image": "%s", "a": ' + b"[" * 90 + b"]" * 90 + b"}",
        3,
        "x",
        "invalid-value",
        "The attribute “a” holds too many levels",
    ),
    "endless-number": ("jsonl", b'{"id": "x", "image": "%s", "n": ' + b"9" * 5000 + b"}", 3, None, "malformed-row", ""),
    "large-number": ("jsonl", b'{"id": "x", "image": "%s", "n": 9007199254740993}', 3, "x", "invalid-value", "at most"),
    "half-a-character": ("jsonl", b'{"id": "x", "title": "\\ud800", "image": "%s"}', 3, "x", "invalid-value", "title"),
    "half-a-character-as-id": ("jsonl", b'{"id": "\\ud800"}', 3, "_~91a681b998555fb4", "missing-image", ""),
    "json-not-utf-8": ("jsonl", b'{"id": "x", "title": "Caf\xe9"}', 3, "x", "not-text", "“é” in Latin-1"),
    "title-of-numbers": ("jsonl", b'{"id": "x", "title": [], "image": {}}', 3, "x", "invalid-value", "picture"),
    "boolean-id": ("jsonl", b'{"id": true, "image": "%s"}', 3, None, "invalid-value", "The id is “True”"),
    "nested-item": ("xml", b"<g:a>" * 20 + b"</g:a>" * 20, 3, "x", "malformed-row", "more than 8 levels deep"),
    "price-twice": (
        "xml",
        b"<g:image_link>%s</g:image_link><g:price>1 EUR</g:price><g:price>2 EUR</g:price>",
        3,
        "x",
        "invalid-price",
        "is no number",
    ),
}
_AROUND = {
    "csv": (f"id,title,image\n1,Mug,{IMAGE}\n2,Cup,{IMAGE}\n", f"\n3,Pot,{IMAGE}\n"),
    "jsonl": (
        json_lines([{"id": "1", "image": IMAGE}, {"id": "2", "image": IMAGE}]).decode(),
        "\n" + json_lines([{"id": "3", "image": IMAGE}]).decode(),
    ),
    "xml": (
        f"{RSS}{ITEM}{ITEM.replace('>1<', '>2<')}<item><g:id>x</g:id>",
        f"</item>{ITEM.replace('>1<', '>3<')}</channel></rss>",
    ),
}


@pytest.mark.parametrize("name", ROWS)
def test_a_bad_row_is_refused_by_name_and_costs_no_other(tmp_path: Path, name: str) -> None:
    """It is told with its number, its product as far as that is known, and a reason; the rows around it are read."""
    kind, row, number, product_id, reason, message = ROWS[name]
    before, after = _AROUND[kind]

    products, refused = read_feed(
        tmp_path, before.encode() + row.replace(b"%s", IMAGE.encode()) + after.encode(), f"feed.{kind}"
    )

    assert [product.id for product in products] == ["1", "2", "3"]
    assert [(row.row, row.product_id, row.reason) for row in refused] == [(number, product_id, reason)]
    assert re.search(message, refused[0].message)
    assert len(refused[0].message) < 300


def test_a_bad_picture_costs_its_product_no_other_picture(tmp_path: Path) -> None:
    """It is told with its row and product, which comes with the pictures that are left."""
    data = f"id,image,image_2,image_3\n1,{IMAGE},../b.jpg,data:x\n1,{IMAGE}2,,\n"

    (product,), refused = read_feed(tmp_path, data)

    assert [image.place for image in product.images] == [IMAGE, f"{IMAGE}2"]
    assert [(row.row, row.product_id, row.reason) for row in refused] == [
        (2, "1", "path-not-allowed"),
        (2, "1", "url-not-allowed"),
    ]


def test_a_product_has_at_most_a_thousand_pictures(tmp_path: Path) -> None:
    """A feed that gives one id to all its rows is no product, and does not fill the memory."""
    rows = [{"id": "1", "image": f"{IMAGE}?{number}"} for number in range(3000)]

    products, refused = read_feed(tmp_path, delimited([*rows[:1000], {"id": "2", "image": IMAGE}]))
    assert ([len(product.images) for product in products], refused) == ([1000, 1], [])
    products, refused = read_feed(tmp_path, delimited([*rows, {"id": "2", "image": IMAGE}]))
    assert [product.id for product in products] == ["2"]
    assert [(row.row, row.product_id, row.reason) for row in refused] == [(1002, "1", "too-many-images")]


def test_one_damaged_row_refuses_all_that_its_product_states(tmp_path: Path) -> None:
    """Half of a product's rows are not the product."""
    data = f"id,title,image\n1,Mug,{IMAGE}\n1,,{IMAGE},\n1,x,{IMAGE},y\n2,Cup,{IMAGE}\n"

    products, refused = read_feed(tmp_path, data)

    assert [product.id for product in products] == ["2"]
    assert [(row.row, row.product_id, row.reason) for row in refused] == [(4, "1", "wrong-columns")]


def test_a_bomb_is_not_unpacked(tmp_path: Path) -> None:
    """Eighty megabytes of one letter pack to a thousandth; reading ends long before."""
    path = tmp_path / "feed.csv.gz"
    with gzip.open(path, "wb", 9) as file:
        file.write(SOUND_ROWS.encode())
        for _ in range(800):
            file.write(b"x" * 99_999 + b"\n")

    source = open_source(str(path))

    with pytest.raises(SourceInvalid, match="unpacks to more than 200 times its size"):
        list(source.products())


def test_what_is_no_plain_file_is_not_opened(tmp_path: Path) -> None:
    """Reading a pipe could wait for ever."""
    os.mkfifo(tmp_path / "feed.csv")

    with pytest.raises(SourceMissing, match="is no plain file"):
        open_source(str(tmp_path / "feed.csv"))


def test_a_feed_that_vanishes_after_it_was_opened_is_named(tmp_path: Path) -> None:
    """What was promised when it was opened may not hold when it is read."""
    path = tmp_path / "feed.csv"
    path.write_text(SOUND_ROWS)
    source = open_source(str(path))
    path.unlink()

    with pytest.raises(SourceMissing, match="does not exist"):
        list(source.products())


@pytest.mark.parametrize("name", ["feed.csv", "feed.jsonl", "feed.rss.xml", "feed.parquet"])
@pytest.mark.parametrize("ending", ["", ".gz"], ids=["plain", "gzip"])
def test_a_feed_that_breaks_off_is_no_full_statement(tmp_path: Path, name: str, ending: str) -> None:
    """Cut anywhere, a feed is an error, but for lines and cells of text that look whole; those come as they are."""
    data = WRITERS[name](RECORDS)
    data = gzip.compress(data) if ending else data
    path = tmp_path / (name + ending)
    path.write_bytes(data)
    whole, _ = outcomes(open_source(str(path)))

    for length in range(0, len(data) - 1, max(1, len(data) // 150)):
        path.write_bytes(data[:length])
        try:
            products, refused = outcomes(open_source(str(path)))
        except (SourceInvalid, SourceEmpty):
            continue
        assert not ending
        assert name in {"feed.csv", "feed.jsonl"}
        assert refused == []
        assert products[:-1] == whole[: len(products) - 1]


@pytest.mark.parametrize("name", WRITERS)
def test_damaged_bytes_never_end_in_anything_but_an_error_of_ours(tmp_path: Path, name: str) -> None:
    """Whatever is changed, inserted or cut: products, refused rows, or an error that says what is wrong."""
    seed = 20261122
    chance = random.Random(seed)
    sound = WRITERS[name](RECORDS[:5])
    path = tmp_path / name

    for attempt in range(150):
        data = bytearray(sound)
        for _ in range(chance.randint(1, 4)):
            place = chance.randrange(len(data))
            data[place : place + chance.choice([0, 1, 1, 5])] = chance.choice(
                [b"", b"\0", b'"', b"\n", b"\xff", b"<", b"{", b",", chance.randbytes(3)]
            )
        path.write_bytes(data)
        try:
            products = [outcome for outcome in open_source(str(path)).products() if isinstance(outcome, SourceProduct)]
        except IndexingFailed:
            continue
        assert len(products) <= 6, (seed, attempt)


@pytest.mark.parametrize("reason", Refusal)
def test_every_reason_is_written_down(reason: Refusal) -> None:
    """An operator who finds a reason in a report can look it up."""
    assert f"`{reason}`" in (REPOSITORY / "docs/sources.md").read_text(encoding="utf-8")


def test_the_sound_feed_of_these_tests_is_sound(tmp_path: Path) -> None:
    """What the tests above damage is read as it is."""
    assert len(read_feed(tmp_path, rss(RECORDS), "feed.xml")[0]) == 40
