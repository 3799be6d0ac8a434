"""The filter grammar: what it matches, and how everything else is refused."""

import json
import re
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import JsonValue

from app.core.errors import InvalidParameter
from app.core.products import ProductRecord, to_line
from app.search.facets import MAX_FACET_VALUES, MAX_FACETS
from app.search.filters import MAX_CONDITIONS, MAX_DEPTH, MAX_FILTER_BYTES, MAX_VALUES, matching, parse_filter
from app.search.product_table import MAX_TEXT_CHARS, ProductTable
from tests.support.catalogue import make_product
from tests.support.plain_filters import holds, random_filters, random_products
from tests.support.sources import REPOSITORY

SHOES = make_product(
    "p1",
    category="shoes",
    brand="Example",
    price=Decimal("19.99"),
    availability="in_stock",
    attributes={"colour": ["red", "white"], "size": {"eu": 42}, "vegan": True, "stars": 1, "code": "1", "weight": 0.3},
)
BAG = make_product("p2", category="bags", price=Decimal("50.00"), currency="EUR", attributes={"colour": "Red"})
PAGE = (REPOSITORY / "docs" / "filters.md").read_text(encoding="utf-8")
BARE = make_product("p3")
TABLE = ProductTable(map(to_line, [SHOES, BAG, BARE]))


def _matched(text: str) -> list[str]:
    mask = matching(TABLE, parse_filter(text))
    return [product_id for product_id, is_in in zip(TABLE.ids, mask, strict=True) if is_in]


def _refusal(text: str) -> str:
    with pytest.raises(InvalidParameter) as refused:
        parse_filter(text)
    return refused.value.message


class TestMatching:
    """Which products a filter lets through."""

    @settings(max_examples=120, deadline=None)
    @given(records=random_products(), wanted=random_filters())
    def test_it_matches_what_a_look_at_each_product_would(
        self, records: list[ProductRecord], wanted: dict[str, JsonValue]
    ) -> None:
        """Whatever the products and the filter are."""
        mask = matching(ProductTable(map(to_line, records)), parse_filter(json.dumps(wanted)))
        assert mask.tolist() == [holds(record, wanted) for record in records]

    @pytest.mark.parametrize(
        ("text", "matched"),
        [
            ("{}", ["p1", "p2", "p3"]),
            ('{"category": "shoes"}', ["p1"]),
            ('{"category": "shoes", "brand": "Other"}', []),
            ('{"category": {"in": ["shoes", "bags", "hats"]}}', ["p1", "p2"]),
            ('{"category": {"not": "shoes"}}', ["p2", "p3"]),
            ('{"category": {"not": null}}', ["p1", "p2"]),
            ('{"category": {"not": {"in": ["bags", null]}}}', ["p1"]),
            ('{"brand": null}', ["p2", "p3"]),
            ('{"availability": "in_stock"}', ["p1"]),
            ('{"currency": {"in": ["EUR", null]}}', ["p1", "p2", "p3"]),
            ('{"price": 19.99}', ["p1"]),
            ('{"price": 50}', ["p2"]),
            ('{"price": {"gte": 19.99, "lt": 50}}', ["p1"]),
            ('{"price": {"gt": 19.99, "lte": 50.0}}', ["p2"]),
            ('{"price": {"gt": 19.98999999999999999999, "lt": 19.990000000000000000001}}', ["p1"]),
            ('{"price": {"gte": 60, "lte": 10}}', []),
            ('{"price": {"lt": 1e999999}}', ["p1", "p2"]),
            ('{"price": {"not": {"lt": 20}}}', ["p2", "p3"]),
            ('{"attributes.colour": "red"}', ["p1"]),
            ('{"attributes.colour": {"not": "white"}}', ["p2", "p3"]),
            ('{"attributes.size.eu": {"gte": 40}}', ["p1"]),
            ('{"attributes.weight": 0.3}', ["p1"]),
            ('{"attributes.vegan": true}', ["p1"]),
            ('{"attributes.nobody": "x"}', []),
            ('{"attributes.nobody": {"gte": 0}}', []),
            ('{"attributes.nobody": null}', ["p1", "p2", "p3"]),
            ('{"attributes.nobody": {"not": "x"}}', ["p1", "p2", "p3"]),
            ('{"or": [{"category": "bags"}, {"attributes.stars": 1}]}', ["p1", "p2"]),
            ('{"and": [{"category": {"not": null}}, {"not": {"category": "bags"}}]}', ["p1"]),
            ('{"not": {}}', []),
            ('{"not": {"category": "shoes", "price": 50}}', ["p1", "p2", "p3"]),
        ],
    )
    def test_the_grammar_says_what_it_means(self, text: str, matched: list[str]) -> None:
        """Several keys must all hold; not is everything else; null is having none."""
        assert _matched(text) == matched

    @pytest.mark.parametrize("value", ["true", "1", '"1"', '"true"', "1.0", '"1.0"'])
    def test_a_value_equals_only_its_own_type(self, value: str) -> None:
        """True is not 1, and 1 is not "1"; but 1.0 is 1."""
        found = {field for field in ("vegan", "stars", "code") if _matched(f'{{"attributes.{field}": {value}}}')}
        expected = {"true": {"vegan"}, "1": {"stars"}, "1.0": {"stars"}, '"1"': {"code"}}
        assert found == expected.get(value, set())

    def test_nothing_is_matched_where_there_are_no_products(self) -> None:
        """Also by not."""
        assert matching(ProductTable([]), parse_filter('{"not": {"category": "shoes"}}')).tolist() == []

    @pytest.mark.parametrize(
        "text", ["'; DROP TABLE products;--", "%", "_", "*", "sh.*", "shoes ", "SHOES", "sh\u043ees"]
    )
    def test_a_text_is_compared_character_by_character(self, text: str) -> None:
        """Nothing in it has a meaning."""
        assert _matched(json.dumps({"category": text})) == []


class TestRefusals:
    """Filters that are not answered, and what is said about them."""

    @pytest.mark.parametrize(
        ("text", "message"),
        [
            ('{"colour": "red"}', "filter.colour: there is no such field; there are category, brand, availability, "),
            ('{"or": [{"brand": "A"}, {"Price": 1}]}', "filter.or[1].Price: there is no such field"),
            ('{"all_of": [{}]}', "filter.all_of: there is no such field"),
            ('{"attributes.": 1}', "filter.attributes.: there is no such field"),
            ('{"or": [{}, {"price": "10"}]}', "filter.or[1].price: it is compared with numbers or null."),
            ('{"price": {"in": [1, true]}}', "filter.price: it is compared with numbers or null."),
            ('{"price": {"not": "a"}}', "filter.price: it is compared with numbers or null."),
            ('{"price": {"gte": "10"}}', "filter.price.gte: it must be a number."),
            ('{"price": {"gte": null}}', "filter.price.gte: it must be a number."),
            ('{"price": {"lt": true}}', "filter.price.lt: it must be a number."),
            (
                '{"price": {"in": [1], "gte": 1}}',
                "filter.price.gte: it cannot stand here; there are in, or not, or any of",
            ),
            ('{"price": {"between": [1, 2]}}', "filter.price.between: it cannot stand here"),
            ('{"price": {}}', "filter.price: the comparison is missing"),
            ('{"category": 5}', "filter.category: it is compared with text or null."),
            ('{"category": {"gte": 5}}', "filter.category: it is compared with text or null."),
            (
                '{"category": ["a", "b"]}',
                "filter.category: a value is text, a number, true, false or null; several are",
            ),
            ('{"category": {"in": "a"}}', "filter.category.in: it must be a list."),
            ('{"category": {"in": []}}', "filter.category.in: the list is empty."),
            ('{"category": {"in": ["a", {}]}}', "filter.category.in[1]: a value is text"),
            ('{"category": {"not": {"not": "a"}}}', "filter.category.not: a not cannot hold another one."),
            ('{"availability": "in stock"}', "filter.availability: it is one of in_stock, out_of_stock, "),
            ('{"and": []}', "filter.and: the list is empty."),
            ('{"and": {"brand": "A"}}', "filter.and: it must be a list."),
            ('{"not": null}', "filter.not: it must be an object, such as"),
            ('{"not": [{}]}', "filter.not: it must be an object, such as"),
            ("[]", "filter: it must be an object, such as"),
            ("null", "filter: it must be an object, such as"),
            ("1", "filter: it must be an object, such as"),
        ],
    )
    def test_a_mistake_is_named_with_its_place(self, text: str, message: str) -> None:
        """In words that say what would be right."""
        assert _refusal(text).startswith(message)

    @pytest.mark.parametrize(
        "text", ["", " ", "{", "{} {}", "{'a': 1}", "\ufeff{}", '{"a": 1,}', '{"a": "\0"}', "\ud800"]
    )
    def test_what_is_not_json_is_refused(self, text: str) -> None:
        """With the character from which on it is not."""
        assert _refusal(text).startswith("filter: from character ")

    @pytest.mark.parametrize("number", ["NaN", "Infinity", "-Infinity", "1e99999999999999999999"])
    def test_a_number_that_is_none_is_refused(self, number: str) -> None:
        """JSON has no such numbers, and Python reads them all the same."""
        assert _refusal(f'{{"attributes.x": {number}}}') == "filter.attributes.x: the number is out of range."
        assert _refusal(f'{{"price": {{"gte": {number}}}}}') == "filter.price.gte: the number is out of range."

    @pytest.mark.parametrize("number", ["1" * 4000, "0." + "1" * 4000, "-1e-999999999", "1e999999999"])
    def test_a_number_of_any_size_is_compared_at_once(self, number: str) -> None:
        """It is neither rounded nor written out."""
        assert _matched(f'{{"price": {number}}}') == []

    @pytest.mark.parametrize("text", [r"\u0000", r"\ud800", r"a\udfffb"])
    def test_a_text_that_no_product_can_have_is_refused(self, text: str) -> None:
        """NUL, and halves of surrogate pairs, in values and in names."""
        assert "not text" in _refusal(f'{{"category": "{text}"}}')
        assert "not text" in _refusal(f'{{"attributes.x": {{"in": ["{text}"]}}}}')
        assert "not text" in _refusal(f'{{"attributes.{text}": null}}')

    @pytest.mark.parametrize(
        ("text", "place"),
        [
            ('{"brand": "A", "brand": "B"}', "filter"),
            ('{"or": [{"brand": "A"}, {"not": {"price": 1, "price": 2}}]}', "filter.or[1].not"),
            ('{"price": {"gte": 1, "gte": 2}}', "filter.price"),
        ],
    )
    def test_a_name_that_is_there_twice_is_refused(self, text: str, place: str) -> None:
        """Python would take the last one, others the first."""
        assert _refusal(text) == f"{place}: the object has the same name twice."

    @pytest.mark.parametrize("name", ["<script>alert(1)</script>", "a" * 500, "x\u202ey", "a b", "größe\r\n"])
    def test_a_name_that_could_do_harm_is_not_repeated(self, name: str) -> None:
        """Neither that of a field nor that of an attribute or a comparison."""
        wrong: list[dict[str, JsonValue]] = [{name: 1}, {f"attributes.{name}": []}, {"price": {name: 1}}]
        for wanted in wrong:
            message = _refusal(json.dumps(wanted, ensure_ascii=False))
            assert name not in message
            assert "(a name)" in message

    def test_a_value_is_not_repeated(self) -> None:
        """It may be personal, or an attack."""
        for value in ("secret", ["secret"], {"in": "secret"}, {"gte": "secret"}, {"not": {"not": "secret"}}):
            assert "secret" not in _refusal(json.dumps({"price": value}))


class TestPage:
    """What docs/filters.md says."""

    def test_every_filter_on_the_page_is_one(self) -> None:
        """Those of the commands and those of the table."""
        written = re.findall(r"filter=(\{.*\})'$|`(\{[^`…]*\})`", PAGE, flags=re.MULTILINE)
        filters = [one or other for one, other in written if 'size": {' not in one + other]
        assert len(filters) > 10
        for text in filters:
            parse_filter(text)

    def test_the_limits_on_the_page_are_those_of_the_code(self) -> None:
        """And the message that it shows is what is answered."""
        limits = [
            int(digits.replace(",", ""))
            for digits in re.findall(r"^\|.*\| ([0-9,]+)(?: bytes)? \|$", PAGE, re.MULTILINE)
        ]
        assert limits == [MAX_FILTER_BYTES, MAX_DEPTH, MAX_CONDITIONS, MAX_VALUES, MAX_TEXT_CHARS, MAX_FACETS]
        assert f"the {MAX_FACET_VALUES} values" in PAGE
        message = _refusal('{"or": [{}, {"price": "10"}]}')
        assert f"`{message}`" in PAGE


class TestLimits:
    """How large a filter may be."""

    def test_a_text_that_is_too_long_is_refused_unread(self) -> None:
        """Bytes are counted, not characters."""
        padding = " " * (MAX_FILTER_BYTES - 2)
        assert _matched("{" + padding + "}") == ["p1", "p2", "p3"]
        assert _refusal("{" + padding + " }") == f"filter: it has {MAX_FILTER_BYTES + 1} bytes; the limit is 4096."
        assert "20016 bytes" in _refusal(json.dumps({"category": "ä" * 10_000}, ensure_ascii=False))

    def test_a_value_has_at_most_as_many_characters_as_are_compared(self) -> None:
        """Products keep no longer ones for comparison."""
        assert _matched(json.dumps({"category": "x" * MAX_TEXT_CHARS})) == []
        message = _refusal(json.dumps({"category": "x" * (MAX_TEXT_CHARS + 1)}))
        assert message == "filter.category: a text has at most 200 characters to be compared."

    def test_objects_are_nested_only_so_deep(self) -> None:
        """Lists between them do not count."""
        nested = '{"and": [' * (MAX_DEPTH - 1) + '{"category": "shoes"}' + "]}" * (MAX_DEPTH - 1)
        assert _matched(nested) == ["p1"]
        assert _refusal('{"not": ' + nested + "}") == "filter: it is nested more than 8 deep, the limit."

    @pytest.mark.parametrize(
        "bomb",
        ["[" * 4000, '{"not":' * 500, '{"not":' * 450 + "{}" + "}" * 450, '{"and":' + "[" * 2000 + "]" * 2000 + "}"],
    )
    def test_a_depth_bomb_is_refused(self, bomb: str) -> None:
        """Before anything follows it down."""
        assert _refusal(bomb).startswith("filter")

    def test_a_list_has_only_so_many_values(self) -> None:
        """One more is refused by name."""
        values = [f"{number}" for number in range(MAX_VALUES)]
        assert _matched(json.dumps({"category": {"in": [*values[1:], "shoes"]}})) == ["p1"]
        message = _refusal(json.dumps({"category": {"in": [*values, "shoes"]}}))
        assert message == "filter.category.in: the list has more than 100 entries, the limit."

    def test_there_are_only_so_many_conditions(self) -> None:
        """Wherever they are."""
        half = [{"attributes.x": 1}] * (MAX_CONDITIONS // 2)
        assert _matched(json.dumps({"or": half, "not": {"or": half}}, separators=(",", ":"))) == []
        message = _refusal(json.dumps({"or": half, "not": {"or": half}, "brand": "A"}, separators=(",", ":")))
        assert message == "filter: it has 101 conditions; the limit is 100."

    @settings(max_examples=120, deadline=None)
    @given(
        text=st.text(max_size=200)
        | st.recursive(
            st.none()
            | st.booleans()
            | st.integers()
            | st.floats()
            | st.text(max_size=5)
            | st.sampled_from(["price", "and", "in"]),
            lambda inner: (
                st.lists(inner, max_size=4)
                | st.dictionaries(
                    st.sampled_from(["and", "or", "not", "in", "gte", "price", "brand", "attributes.x", "?in", ""])
                    | st.text(max_size=4),
                    inner,
                    max_size=4,
                )
            ),
        ).map(json.dumps)
    )
    def test_any_text_is_a_filter_or_refused_by_name(self, text: str) -> None:
        """Nothing else is ever raised, and what is a filter can be asked."""
        try:
            wanted = parse_filter(text)
        except InvalidParameter:
            assert _refusal(text).startswith("filter")
        else:
            assert matching(TABLE, wanted).shape == (3,)
