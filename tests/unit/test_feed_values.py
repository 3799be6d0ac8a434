import os
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.core.products import AVAILABILITIES
from app.db.checks import is_address, is_product_id
from indexer.sources.pictures import PicturePlaces, stated_pictures
from indexer.sources.prices import currency_of, price_of
from indexer.sources.records import Refusal, Refused, SourceImage
from indexer.sources.values import STATED_AVAILABILITIES, availability_of, moment_of, product_id_of


@pytest.mark.parametrize(
    ("stated", "amount", "currency"),
    [
        ("15.00 USD", "15.00", "USD"),
        ("USD 15.00", "15.00", "USD"),
        ("15.00usd", "15.00", "USD"),
        ("15,00 €", "15.00", "EUR"),
        ("€15", "15", "EUR"),
        ("£1,234.50", "1234.50", "GBP"),
        ("1.234,50", "1234.50", None),
        ("1,234.50", "1234.50", None),
        ("1.234.567", "1234567", None),
        ("1.234.567,89 EUR", "1234567.89", "EUR"),
        ("1 234,50", "1234.50", None),
        ("1\N{NARROW NO-BREAK SPACE}234,50 €", "1234.50", "EUR"),
        ("CHF 1'234.50", "1234.50", "CHF"),
        ("1\N{RIGHT SINGLE QUOTATION MARK}234.5", "1234.5", None),
        ("0.125", "0.125", None),
        ("0,1", "0.1", None),
        ("1234.567", "1234.567", None),
        ("1.234 KWD", "1.234", "KWD"),
        ("0", "0", None),
        (15, "15", None),
        (15.1, "15.1", None),
        (Decimal("15.10"), "15.10", None),
    ],
)
def test_a_price_is_read_exactly(stated: object, amount: str, currency: str | None) -> None:
    """Dots, commas, spaces and apostrophes mean what they mean where the price was written."""
    found, found_currency = price_of(stated, None)

    assert (str(found), found_currency) == (amount, currency)


@pytest.mark.parametrize(
    ("stated", "currency", "reason", "message"),
    [
        ("1.234 EUR", None, "invalid-price", "may have thousands or three decimals"),
        ("1,234", None, "invalid-price", "may have thousands or three decimals"),
        ("1,234 KWD", None, "invalid-price", "may have thousands or three decimals"),
        ("-5", None, "invalid-price", "is negative"),
        ("EUR \N{MINUS SIGN}5.00", None, "invalid-price", "is negative"),
        ("(5.00)", None, "invalid-price", "is negative"),
        (-0.5, None, "invalid-price", "is negative"),
        ("12,34,567.00", None, "invalid-price", "cannot be read"),
        ("1.2.3", None, "invalid-price", "cannot be read"),
        ("1.23,456.78", None, "invalid-price", "cannot be read"),
        ("1.,5", None, "invalid-price", "cannot be read"),
        ("10 \N{EN DASH} 15 EUR", None, "invalid-price", "cannot be read"),
        (".50", None, "invalid-price", "cannot be read"),
        ("15,-", None, "invalid-price", "cannot be read"),
        ("1e3", None, "invalid-price", "cannot be read"),
        ("on request", None, "invalid-price", "cannot be read"),
        ("\N{ARABIC-INDIC DIGIT THREE}", None, "invalid-price", "cannot be read"),
        (True, None, "invalid-price", "is no number"),
        ([1], None, "invalid-price", "is no number"),
        ("from 15.00", None, "invalid-currency", "not a code of three letters"),
        ("15.00 euros", None, "invalid-currency", "not a code of three letters"),
        ("$15", None, "invalid-currency", "does not say which currency “\\$” stands for"),
        ("15.00 USD", "EUR", "invalid-currency", "is in USD, but its currency is said to be EUR"),
        ("USD 15 EUR", None, "invalid-currency", "is in EUR, but its currency is said to be USD"),
    ],
)  # fmt: skip
def test_a_price_that_may_mean_two_things_is_refused(
    stated: object, currency: str | None, reason: str, message: str
) -> None:
    """Nobody guesses: ambiguous, negative and unreadable prices are refused by what is wrong with them."""
    with pytest.raises(Refused, match=message) as caught:
        price_of(stated, currency)

    assert caught.value.reason == reason


def test_a_shared_sign_is_fine_where_the_currency_is_known() -> None:
    """A dollar sign stands for several currencies; another column says which one."""
    assert price_of("$15.00", "CAD") == (Decimal("15.00"), "CAD")


@given(st.decimals(0, 10**9, places=2), st.sampled_from(["{:.2f}", "{:,.2f}"]))
def test_every_price_with_two_decimals_is_read_back(amount: Decimal, form: str) -> None:
    """With two decimals there is never a doubt, with dots for decimals or with commas."""
    text = form.format(amount)

    assert price_of(text, None)[0] == amount
    assert price_of(text.translate(str.maketrans(".,", ",.")), None)[0] == amount


@pytest.mark.parametrize("stated", ["eur", "EUR", "€"])
def test_a_currency_becomes_its_code(stated: str) -> None:
    """Whether as a code or as a sign that only one currency has."""
    assert currency_of(stated) == "EUR"


@pytest.mark.parametrize("stated", ["Euro", "EU", "$", "€€", "eur1", "ΕUR"])  # noqa: RUF001  # a Greek letter
def test_what_is_no_currency_is_refused(stated: str) -> None:
    """Codes have three letters from A to Z."""
    with pytest.raises(Refused, match="not a code of three letters"):
        currency_of(stated)


@pytest.mark.parametrize(
    ("stated", "availability"),
    [
        ("in stock", "in_stock"),
        ("In Stock", "in_stock"),
        ("in_stock", "in_stock"),
        ("https://schema.org/InStock", "in_stock"),
        ("http://schema.org/LimitedAvailability", "in_stock"),
        ("out of stock", "out_of_stock"),
        ("SoldOut", "out_of_stock"),
        ("preorder", "preorder"),
        ("https://schema.org/PreSale", "preorder"),
        ("PRE-ORDER", "preorder"),
        ("back_order", "backorder"),
    ],
)
def test_availabilities_become_the_four_of_the_catalogue(stated: str, availability: str) -> None:
    """Feeds write them in many ways; only the letters count."""
    assert availability_of(stated) == availability


def test_the_table_of_availabilities_is_that_of_the_catalogue() -> None:
    """Nothing is normalised to what the catalogue would refuse, and each of its words means itself."""
    assert tuple(STATED_AVAILABILITIES) == AVAILABILITIES
    assert [availability_of(word) for word in AVAILABILITIES] == list(AVAILABILITIES)


@pytest.mark.parametrize("stated", ["yes", "3", "in", "nicht auf Lager", "stock"])
def test_an_unknown_availability_is_refused(stated: str) -> None:
    """It is named, with what there is."""
    with pytest.raises(Refused, match=f"“{stated}” is none of in_stock, out_of_stock, preorder, backorder"):
        availability_of(stated)


@pytest.mark.parametrize(
    ("stated", "moment"),
    [
        ("2025-11-22T08:30:00Z", datetime(2025, 11, 22, 8, 30, tzinfo=UTC)),
        ("2025-11-22 09:30:00+01:00", datetime(2025, 11, 22, 8, 30, tzinfo=UTC)),
        ("2025-11-22T08:30", datetime(2025, 11, 22, 8, 30, tzinfo=UTC)),
        ("2025-11-22", datetime(2025, 11, 22, tzinfo=UTC)),
        (datetime(2025, 11, 22, 8, 30), datetime(2025, 11, 22, 8, 30, tzinfo=UTC)),  # noqa: DTZ001  # that is the case
    ],
)
def test_a_moment_is_read_in_utc(stated: object, moment: datetime) -> None:
    """Without an offset it is in UTC."""
    assert moment_of(stated) == moment


@pytest.mark.parametrize("stated", ["yesterday", "22.11.2026", "1763800000", 1763800000, "0001-01-01T00:00:00+14:00"])
def test_what_is_no_moment_is_refused(stated: object) -> None:
    """Days and months could be the wrong way round, and a number could be seconds or milliseconds."""
    with pytest.raises(Refused, match="The moment") as caught:
        moment_of(stated)

    assert caught.value.reason == Refusal.INVALID_UPDATED_AT


def test_an_id_that_can_be_one_stays_as_it_is() -> None:
    """A shop finds its products again under its own ids."""
    assert product_id_of("Mug-1_b.c~2") == "Mug-1_b.c~2"


@given(
    st.lists(
        st.text(min_size=1, max_size=30) | st.sampled_from([".", "..", "x" * 201, "a b", "a_b", "a/b"]), unique=True
    )
)
def test_any_ids_become_usable_ones_that_stay_apart(exact: list[str]) -> None:
    """Whatever a shop calls its products, their ids are ones the catalogue takes, and no two are the same."""
    ids = [product_id_of(text) for text in exact]

    assert len(set(ids)) == len(ids)
    assert all(is_product_id(text) for text in ids)


def test_an_id_in_another_script_keeps_its_replacement() -> None:
    """It is written down here because products would be removed and added again if it changed."""
    assert product_id_of("赤い靴") == "_~2702169d1a0a9418"


A, B = "https://i.example/a.jpg", "https://i.example/b?x=1,2"


@pytest.mark.parametrize(
    ("stated", "pictures"),
    [
        (A, [A]),
        (f"{A},{B}", [A, B]),
        (f"{B}, {A}", [B, A]),
        (f"{A} | {B}", [A, B]),
        (f"{A}|{B}|", [A, B]),
        (f"{A}\n{B}", [A, B]),
        (f"{A};{B}", [A, B]),
        (f'["{A}", "{B}"]', [A, B]),
        ([A, None, " ", B], [A, B]),
        ("https://i.example/a,b.jpg", ["https://i.example/a,b.jpg"]),
        ("a.jpg", ["a.jpg"]),
        ("a.jpg, b.PNG", ["a.jpg", "b.PNG"]),
        ("a.jpg b.webp", ["a.jpg", "b.webp"]),
        ("a b.jpg|c d.jpg", ["a b.jpg", "c d.jpg"]),
        (f"a.jpg, {A}", ["a.jpg", A]),
        ("my photo.jpg", ["my photo.jpg"]),
        ("https://i.example/my photo.jpg", ["https://i.example/my photo.jpg"]),
        ("mug, blue.jpg", ["mug, blue.jpg"]),
        ("mug,blue.jpg", ["mug,blue.jpg"]),
        ("photo v1.0 end.jpg", ["photo v1.0 end.jpg"]),
        ("", []),
        (" , ", []),
        (None, []),
    ],
)
def test_pictures_in_one_cell_are_told_apart(stated: object, pictures: list[str]) -> None:
    """Only where every piece looks like a picture: spaces and commas are part of names and addresses too."""
    assert list(stated_pictures(stated)) == pictures


@pytest.mark.parametrize("stated", ["[", "[1]", '[["a"]]', [{"src": A}], 7, {"src": A}, "[" * 100_000])
def test_what_is_no_picture_is_refused(stated: object) -> None:
    """A list of anything but texts, or a list that is none."""
    with pytest.raises(Refused) as caught:
        list(stated_pictures(stated))

    assert caught.value.reason == Refusal.INVALID_VALUE


@pytest.fixture
def places(tmp_path: Path) -> PicturePlaces:
    """The pictures of a feed in a folder with links to the inside and to the outside."""
    (tmp_path / "feed" / "in").mkdir(parents=True)
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside" / "secret.jpg").touch()
    (tmp_path / "feed" / "in" / "a.jpg").touch()
    (tmp_path / "feed" / "out").symlink_to(tmp_path / "outside")
    (tmp_path / "feed" / "link.jpg").symlink_to(tmp_path / "outside" / "secret.jpg")
    (tmp_path / "feed" / "inner.jpg").symlink_to(tmp_path / "feed" / "in" / "a.jpg")
    return PicturePlaces(tmp_path / "feed")


@pytest.mark.parametrize("stated", ["in/a.jpg", "./in/a.jpg", "inner.jpg", "in/absent.jpg", "C:\\a.jpg", "a:b.jpg"])
def test_a_path_inside_the_folder_is_a_file(places: PicturePlaces, tmp_path: Path, stated: str) -> None:
    """Whether the file is there shows when it is read."""
    assert places.find(stated) == SourceImage(path=tmp_path / "feed" / stated)


def test_an_absolute_path_inside_the_folder_is_a_file(places: PicturePlaces, tmp_path: Path) -> None:
    """A feed written on this machine may name its pictures in full."""
    assert places.find(f"{tmp_path}/feed/in/a.jpg").path == tmp_path / "feed" / "in" / "a.jpg"


@pytest.mark.parametrize(
    "stated",
    [
        "../outside/secret.jpg",
        "in/../../outside/secret.jpg",
        "in/../in/a.jpg",
        "out/secret.jpg",
        "link.jpg",
        "/etc/passwd",
        "a\0.jpg",
        "\ud800.jpg",
        "x" * 5000,
    ],
)
def test_a_path_out_of_the_folder_is_refused(places: PicturePlaces, stated: str) -> None:
    """Neither steps upwards nor links nor absolute paths lead out: a feed may be somebody else's."""
    with pytest.raises(Refused) as caught:
        places.find(stated)

    assert caught.value.reason == Refusal.PATH_NOT_ALLOWED


def test_the_folder_itself_may_be_reached_in_any_way(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What the operator names may be a link or a relative path with steps upwards."""
    (tmp_path / "real" / "sub").mkdir(parents=True)
    (tmp_path / "linked").symlink_to(tmp_path / "real")
    monkeypatch.chdir(tmp_path / "real" / "sub")

    assert PicturePlaces(tmp_path / "linked").find("a.jpg").path == tmp_path / "linked" / "a.jpg"
    assert PicturePlaces(Path(os.pardir)).find("a.jpg").path == Path(os.pardir, "a.jpg")


@pytest.mark.parametrize("stated", ["http://i.example/a.jpg", "https://i.example/ä,b.jpg", "https://127.0.0.1/"])
def test_an_address_is_kept_as_it_is_stated(stated: str) -> None:
    """Whether it may be asked is decided where it is fetched, in one place for all."""
    assert PicturePlaces(None).find(stated) == SourceImage(address=stated)


@pytest.mark.parametrize(
    ("stated", "address"),
    [
        ("HTTPS://I.example/A.jpg", "https://I.example/A.jpg"),
        ("https://i.example/my photo.jpg?a= b", "https://i.example/my%20photo.jpg?a=%20b"),
        ("https://i.example/my\u00a0photo.jpg", "https://i.example/my%C2%A0photo.jpg"),
    ],
)
def test_an_address_is_one_that_the_catalogue_holds(stated: str, address: str) -> None:
    """With spaces encoded, as they are sent, and the scheme in small letters."""
    assert PicturePlaces(None).find(stated) == SourceImage(address=address)
    assert is_address(address)


@pytest.mark.parametrize("stated", [f"https://i.example/{'x' * 2_048}", "https://i.example/\ud800.jpg", "https://"])
def test_an_address_that_the_catalogue_cannot_hold_is_refused(stated: str) -> None:
    """With its row, and not when all pictures before it are fetched."""
    with pytest.raises(Refused) as caught:
        PicturePlaces(None).find(stated)

    assert caught.value.reason == Refusal.URL_NOT_ALLOWED
    assert len(caught.value.message) < 300


@pytest.mark.parametrize(
    "stated", ["file:///etc/passwd", "ftp://i.example/a.jpg", "data:image/png;base64,x", "//i.example/a.jpg"]
)
def test_other_addresses_are_refused(places: PicturePlaces, stated: str) -> None:
    """They are neither files of the shop's nor fetched."""
    with pytest.raises(Refused) as caught:
        places.find(stated)

    assert caught.value.reason == Refusal.URL_NOT_ALLOWED


def test_a_feed_from_afar_has_no_files() -> None:
    """Its paths would be files of this machine, which it knows nothing about."""
    with pytest.raises(Refused, match="a feed from an address has no files here"):
        PicturePlaces(None).find("a.jpg")
