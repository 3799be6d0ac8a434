"""What an address answered with is remembered, so that it can be asked whether its picture changed."""

from datetime import UTC, datetime, timedelta

from sqlalchemy import func, select, update

from app.db.database import Database
from app.db.records import FetchedPicture
from app.db.tables import fetched_pictures
from tests.support.catalogue import connection_of, make_image, make_product, revision, upsert

FRONT = FetchedPicture('W/"1"', "Sun, 01 Nov 2026 12:00:00 GMT", "a" * 64, 12_345)
BACK = FetchedPicture(None, None, "b" * 64, 1)


def address(name: str) -> str:
    """Return the address of a picture."""
    return f"https://shop.example/{name}.jpg"


def known(database: Database, *addresses: str) -> dict[str, FetchedPicture]:
    """Return what is remembered of these addresses."""
    with database.reading() as catalogue:
        return catalogue.validators(addresses)


def remember(database: Database, pictures: dict[str, FetchedPicture]) -> None:
    """Remember in a transaction of its own."""
    with database.writing() as catalogue:
        catalogue.remember_fetched(pictures)


def test_what_was_fetched_is_known_by_its_address(database: Database) -> None:
    """With validators or without; other addresses are left out, and the catalogue counts as unchanged."""
    remember(database, {address("front"): FRONT, address("back"): BACK})
    wanted = {address("front"): FRONT, address("back"): BACK}
    assert known(database, address("front"), address("back"), address("side")) == wanted
    assert revision(database) == 0


def test_the_last_answer_counts(database: Database) -> None:
    """A picture that changed takes the place of the one before."""
    remember(database, {address("front"): FRONT, address("back"): BACK})
    remember(database, {address("front"): BACK})
    assert known(database, address("front")) == {address("front"): BACK}


def test_thousands_of_addresses_are_remembered_at_once(database: Database) -> None:
    """More than one statement takes, new ones and known ones."""
    many = {address(str(number)): FRONT for number in range(2_345)}
    remember(database, dict(list(many.items())[:1_500]))
    remember(database, many)
    assert known(database, *many) == many


def test_what_no_database_could_keep_is_left_out(database: Database) -> None:
    """A server may send any bytes as an ETag, and a feed state any address; neither breaks an import."""
    strange = FetchedPicture("\udc80", "\0", "a" * 64, 1)
    longest = "https://shop.example/".ljust(2_048, "x")
    bad = [longest + "x", address("\ud800"), address("a b"), address("\0"), "ftp://shop.example/", ""]
    remember(database, {longest: FRONT, address("strange"): strange, **dict.fromkeys(bad, FRONT)})
    found = known(database, longest, address("strange"), *bad)
    assert found == {longest: FRONT, address("strange"): FetchedPicture(None, None, "a" * 64, 1)}
    with database.reading() as catalogue:
        assert connection_of(catalogue).execute(select(func.count()).select_from(fetched_pictures)).scalar_one() == 2


def test_what_no_picture_has_any_more_is_forgotten(database: Database) -> None:
    """Addresses that were fetched from long ago; those that a picture has stay, and those that are new."""
    now = datetime.now(UTC)
    remember(database, {address(name): FRONT for name in ("front", "back", "side", "new")})
    upsert(database, make_product("shirt", images=(make_image("shirt", address=address("front")),)))
    upsert(database, make_product("hat", "a file of the shop's"))
    with database.writing() as catalogue:
        old = update(fetched_pictures).where(fetched_pictures.c.address != address("new"))
        connection_of(catalogue).execute(old.values(fetched_at=now - timedelta(days=8)))
    with database.reading() as catalogue:
        unused = catalogue.unused_addresses(before=now - timedelta(days=7))
        assert sorted(unused) == [address("back"), address("side")]
        assert catalogue.unused_addresses(before=now - timedelta(days=9)) == []
    with database.writing() as catalogue:
        catalogue.forget_fetched(unused)
    assert known(database, *map(address, ("front", "back", "side", "new"))).keys() == {address("front"), address("new")}
