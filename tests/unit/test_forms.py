"""Reading multipart/form-data."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.api.forms import MAX_FIELD_BYTES, FormLimits, parse_form
from app.core.errors import FieldTooLarge, InvalidRequest, MalformedMultipart, TooManyParts
from tests.support.wire import BOUNDARY, form, part

NAMES = st.text(st.characters(min_codepoint=97, max_codepoint=122), min_size=1, max_size=20).filter("image".__ne__)
DELIMITER = BOUNDARY.encode()


@given(
    fields=st.dictionaries(NAMES, st.text(st.characters(codec="utf-8"), max_size=200), max_size=8),
    image=st.none() | st.binary(max_size=5_000).filter(lambda data: DELIMITER not in data),
)
def test_what_was_put_into_a_form_comes_out_of_it(fields: dict[str, str], image: bytes | None) -> None:
    """Fields keep their text and the photo its bytes, line ends and dashes included."""
    parts = [part(name, value.encode()) for name, value in fields.items()]
    if image is not None:
        parts.insert(len(parts) // 2, part("image", image, "Content-Type: image/jpeg", filename="photo.jpg"))
    parsed = parse_form(form(*parts), BOUNDARY.encode())
    assert dict(parsed.fields) == fields
    assert parsed.image == image


@pytest.mark.parametrize(
    "image", [b"\r\n", b"\r\n--", b"-" + DELIMITER, b"\r\n--" + DELIMITER[:-1], b"\n--" + DELIMITER]
)
def test_content_that_resembles_a_boundary_is_content(image: bytes) -> None:
    """Only a line that begins with the whole boundary ends a part."""
    assert parse_form(form(part("image", image, filename="x")), DELIMITER).image == image


@given(position=st.integers(0, 400), byte=st.integers(0, 255), kept=st.integers(0, 600))
def test_a_damaged_form_is_read_or_refused(position: int, byte: int, kept: int) -> None:
    """Whatever is changed or cut off, nothing but our own errors comes out."""
    body = bytearray(form(part("k", b"10"), part("image", bytes(range(256)), filename="x")))
    body[position % len(body)] = byte
    try:
        parse_form(bytes(body[:kept]), DELIMITER)
    except InvalidRequest:
        return


@pytest.mark.parametrize("kept", range(0, 300, 7))
def test_a_form_that_breaks_off_is_refused(kept: int) -> None:
    """A photo that did not arrive whole is never searched with."""
    body = form(part("image", bytes(400), filename="x"))
    with pytest.raises(MalformedMultipart):
        parse_form(body[:kept], DELIMITER)


def test_limits_are_inclusive() -> None:
    """Eight fields of 4 KiB and one file are accepted."""
    fields = [part(f"f{i}", b"x" * MAX_FIELD_BYTES) for i in range(8)]
    parsed = parse_form(form(*fields, part("image", b"photo", filename="x")), DELIMITER)
    assert len(parsed.fields) == 8


def test_a_field_that_is_not_text_is_refused() -> None:
    """Fields are UTF-8."""
    with pytest.raises(MalformedMultipart, match="UTF-8"):
        parse_form(form(part("k", b"\xff")), DELIMITER)


@pytest.mark.parametrize("disposition", ["", "attachment; name=image", "form-data", 'form-data; filename="x"', "image"])
def test_a_part_without_a_field_name_is_refused(disposition: str) -> None:
    """A part says which field it is."""
    body = form(f"Content-Disposition: {disposition}\r\n\r\nx".encode())
    with pytest.raises(MalformedMultipart):
        parse_form(body, DELIMITER)


def test_the_limits_are_those_of_the_form() -> None:
    """Where several files are allowed they keep their order, and a field may be longer or come as a file."""
    limits = FormLimits(files=2, fields=1, field_bytes=2 * MAX_FIELD_BYTES, text_files=frozenset({"product"}))
    long = "x" * 2 * MAX_FIELD_BYTES
    product = part("product", long.encode(), filename="blob")
    images = [part("image", b"1", filename="a"), part("image", b"2", filename="a")]
    parsed = parse_form(form(images[0], product, images[1]), DELIMITER, limits)
    assert (parsed.images, parsed.image, dict(parsed.fields)) == ((b"1", b"2"), b"1", {"product": long})
    for parts in ([*images, images[0]], [product, part("other", b"")], [product, part("other", b"", filename="x")] * 2):
        with pytest.raises(TooManyParts):
            parse_form(form(*parts), DELIMITER, limits)
    with pytest.raises(FieldTooLarge):
        parse_form(form(part("product", b"x" * (limits.field_bytes + 1))), DELIMITER, limits)
