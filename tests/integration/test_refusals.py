"""What was refused, on both databases: which run it is of, page by page, and in words."""

import pytest

from app.core import errors
from app.core.errors import InvalidParameter, LookalikeError
from app.db.database import Database
from app.db.refusals import Run
from app.search.refusals import WORDS, shown_place, words_of
from indexer.pictures import UNREADABLE
from indexer.sources.records import Refusal
from tests.support.catalogue import make_product, revision, upsert
from tests.support.refusals import note, refused


def places(database: Database) -> list[tuple[Run, str]]:
    """Return of which run each refusal is, and where it is."""
    with database.reading_refusals() as refusals:
        return [(each.run, shown_place(each.place)) for each in refusals.list().refused]


def test_an_import_replaces_both_lists_and_a_reindex_its_own(database: Database) -> None:
    """And none of them is a change of the catalogue."""
    before = revision(database)
    note(database, "import", refused(1), refused(2))
    note(database, "reindex", refused(3))
    note(database, "reindex", refused(4, "unreadable"))
    both = places(database)
    with database.reading_refusals() as refusals:
        counts = [(report.run, report.refused) for report in refusals.reports()]
    note(database, "import")

    assert both == [("import", "mugs/1.jpg"), ("import", "mugs/2.jpg"), ("reindex", "mugs/4.jpg")]
    assert counts == [("import", {"not-an-image": 2}), ("reindex", {"unreadable": 1})]
    assert places(database) == []
    assert revision(database) == before


def test_pages_follow_each_other(database: Database) -> None:
    """Of everything, or of one reason; across the two runs."""
    note(database, "import", *(refused(n, "not-an-image" if n % 2 else "image-corrupt") for n in range(7)))
    note(database, "reindex", refused(8, "image-corrupt"))
    for reason, expected in ((None, [0, 1, 2, 3, 4, 5, 6, 8]), ("image-corrupt", [0, 2, 4, 6, 8]), ("none", [])):
        found: list[str | None] = []
        cursor = None
        with database.reading_refusals() as refusals:
            while True:
                page = refusals.list(after=cursor, limit=2, reason=reason)
                found += [each.product_id for each in page.refused]
                cursor = page.next_cursor
                if cursor is None:
                    break
        assert found == [f"mug-{number}" for number in expected], reason


@pytest.mark.parametrize("cursor", ["", "import", "import.", "import.-1", "import.1.2", "else.1", "import.\u0661"])
def test_a_cursor_of_ones_own_is_refused(database: Database, cursor: str) -> None:
    """It is never guessed what was meant."""
    with database.reading_refusals() as refusals, pytest.raises(InvalidParameter, match="cursor"):
        refusals.list(after=cursor)


def test_what_no_database_holds_is_shown_as_it_can_be(database: Database) -> None:
    """Names of files that are no text, and NUL; the product's title is there where the catalogue has it."""
    upsert(database, make_product("mug-1", title="A mug"))
    note(database, "import", refused(1, message="a\0b \udce9."), refused(2, product_id="caf\udce9"))
    with database.reading_refusals() as refusals:
        first, second = refusals.list().refused
    assert (first.message, first.product_title) == ("a\ufffdb ?.", "A mug")
    assert (second.product_id, second.product_title) == ("caf?", None)


def leaves(kind: type[LookalikeError]) -> set[str]:
    """Return the slugs of the leaves below a class of errors."""
    below = kind.__subclasses__()
    return {kind.slug} if not below else set().union(*map(leaves, below))


def test_every_reason_has_words() -> None:
    """Whatever an import can refuse something for; and one of a newer version is shown all the same."""
    reasons: set[str] = {*Refusal, UNREADABLE, "copy-of-refused", "duplicate-id", InvalidParameter.slug}
    for kind in (errors.InvalidImage, errors.EmbeddingRefused, errors.FetchFailed):
        reasons |= leaves(kind)
    assert set(WORDS) == reasons
    assert all(words.advice.endswith(".") and not words.title.endswith(".") for words in WORDS.values())
    assert words_of("of-a-newer-version").title


@pytest.mark.parametrize(
    ("place", "shown"),
    [
        ("/srv/shop/photos/mugs/blue.jpg", "mugs/blue.jpg"),
        ("/blue.jpg", "/blue.jpg"),
        ("row 17", "row 17"),
        ("mug-1", "mug-1"),
        ("https://cdn.example/a.jpg?id=1", "https://cdn.example/a.jpg?id=1"),
        ("https://user:secret@cdn.example/a@b.jpg", "https://cdn.example/a@b.jpg"),
    ],
)
def test_a_place_is_shown_without_what_is_nobodys_business(place: str, shown: str) -> None:
    """Neither where the folder of photos is on the server, nor a password in an address."""
    assert shown_place(place) == shown
