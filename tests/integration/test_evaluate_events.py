"""`lookalike evaluate --from-events`: what shoppers chose, asked again of a small shop and the real network."""

import json
from collections.abc import Sequence
from contextlib import closing
from datetime import date
from typing import Any

import numpy as np
import pytest

from app.core.snapshot import open_vectors
from app.core.snapshot_folder import SnapshotFolder
from app.db.database import Database
from app.db.events import Event, EventQuery, EventType
from tests.support.command_line import Outcome, Run, built_shop, run, shop
from tests.support.shop import Shop, publish

__all__ = ["built_shop", "run", "shop"]

DAY = date(2026, 11, 20)
Choice = tuple[str, int, EventType]


def document(outcome: Outcome) -> dict[str, Any]:
    """Return what a command printed as JSON."""
    assert outcome.code == 0, outcome.error
    found: dict[str, Any] = json.loads(outcome.out)
    return found


def photo_of(shop: Shop, product_id: str, query_id: str, **fields: Any) -> EventQuery:  # noqa: ANN401  # of EventQuery
    """Return a search with a photo that looks exactly like a product's first picture."""
    folder = SnapshotFolder(shop.settings.snapshots_dir)
    current = folder.current()
    assert current is not None
    manifest = folder.live_manifest()
    assert manifest is not None
    rows = [name for name in sorted(shop.photos) for _ in shop.photos[name]]
    embedding = np.array(open_vectors(shop.settings.snapshots_dir / current.id))[rows.index(product_id)]
    values: dict[str, Any] = {
        "fingerprint": manifest.fingerprint_sha256,
        "embedding": embedding.astype("<f2").tobytes(),
    }
    return EventQuery(id=query_id, day=DAY, **{**values, **fields})


def keep(shop: Shop, query: EventQuery, *choices: Choice) -> None:
    """Have the catalogue know that these were chosen from the answer to a search."""
    events = [Event(query=query, product_id=name, place=place, type=kind) for name, place, kind in choices]
    with closing(Database(shop.settings.resolved_database_url)) as database, database.changing_events() as table:
        table.add(events)


def similar(run: Run, shop: Shop, product_id: str) -> Sequence[str]:
    """Return the products that a search with a product's first picture finds, in their order."""
    photo = shop.settings.data_dir / "photo.jpg"
    photo.write_bytes(shop.photos[product_id][0])
    found = document(run("search", photo, "-k", 24, "--json"))
    return [result["product"]["id"] for result in found["results"]]


def test_a_choice_stands_where_a_search_finds_it(run: Run, shop: Shop) -> None:
    """By a photo's embedding, and by a product, which does not find itself."""
    found = similar(run, shop, "mugs-03")
    keep(shop, photo_of(shop, "mugs-03", "a"), (found[0], 1, "select"), (found[3], 4, "select"))
    keep(shop, EventQuery(id="b", day=DAY, product_id="mugs-03"), (found[1], 2, "select"))

    told = document(run("evaluate", "--from-events", "--json", "-k", 3))

    figures = told["figures"]["any"]
    assert figures["now"]["mrr"]["value"] == 1  # the photo finds its own product, the product the next one
    assert figures["now"]["recall_at_3"]["value"] == 0.75  # half of the first search's choices, all of the other's
    assert figures["then"]["mrr"]["value"] == 0.75
    assert figures["difference"]["mrr"]["value"] == 0.25
    assert (told["events"], told["searches"], told["left_out"]) == (3, 2, {})
    assert "add_to_cart" not in told["figures"]


def test_what_was_put_into_the_cart_has_figures_of_its_own(run: Run, shop: Shop) -> None:
    """Opened and put into the cart, a product is one choice and not two."""
    found = similar(run, shop, "bags-02")
    query = photo_of(shop, "bags-02", "a")
    keep(shop, query, (found[0], 1, "select"), (found[4], 5, "select"), (found[4], 5, "add_to_cart"))

    figures = document(run("evaluate", "--from-events", "--json"))["figures"]

    assert figures["any"] == figures["select"]
    assert figures["any"]["now"]["mrr"]["value"] == 1
    assert figures["add_to_cart"]["now"]["mrr"]["value"] == 0.2
    assert figures["add_to_cart"]["searches"] == 1


def test_what_tells_nothing_is_left_out_and_counted(run: Run, shop: Shop) -> None:
    """A search with a filter, one of another network, a product that is gone, one that was searched with."""
    keep(shop, photo_of(shop, "mugs-01", "a", is_steered=True), ("mugs-02", 1, "select"))
    keep(shop, photo_of(shop, "mugs-01", "b", fingerprint="0" * 64), ("mugs-02", 1, "select"))
    keep(shop, photo_of(shop, "mugs-01", "c", embedding=b"short"), ("mugs-02", 1, "select"))
    keep(shop, EventQuery(id="d", day=DAY, product_id="gone"), ("mugs-02", 1, "select"), ("mugs-03", 2, "select"))
    keep(shop, photo_of(shop, "mugs-01", "e"), ("gone", 1, "select"), ("mugs-01", 2, "select"))

    told = document(run("evaluate", "--from-events", "--json"))

    assert told["left_out"] == {"steered": 1, "another_network": 2, "gone": 3}
    assert (told["events"], told["searches"]) == (7, 1)


def test_what_fell_is_shown_with_what_stands_first_now(run: Run, shop: Shop) -> None:
    """The one that fell furthest first; what stands where it stood is not among them."""
    found = similar(run, shop, "lamps-05")
    keep(shop, photo_of(shop, "lamps-05", "a"), (found[9], 1, "select"), (found[2], 3, "select"))
    keep(shop, EventQuery(id="b", day=DAY, product_id="lamps-05"), (found[3], 1, "add_to_cart"))

    outcome = run("evaluate", "--from-events")
    told = document(run("evaluate", "--from-events", "--json"))

    assert [(each["product"], each["then"], each["now"]) for each in told["fallen"]] == [
        (found[9], 1, 10),
        (found[3], 1, 3),
    ]
    assert told["fallen"][0]["searched_with"] is None
    assert told["fallen"][0]["first_now"] == list(found[:3])
    assert told["fallen"][1]["searched_with"] == "lamps-05"
    html = (shop.settings.data_dir / "reports" / "events.html").read_text()
    assert "from place 1 to 10" in html
    assert "which is not kept" in html
    assert html.count("data:image/jpeg") == 9  # three firsts, the choice, and the product that was searched with
    assert "<script" not in html
    assert outcome.code == 0
    assert outcome.out.startswith("Of what shoppers chose, ")
    assert "favour the ranking that was live" in " ".join(outcome.out.split())
    assert "fewer than 100 searches" in outcome.out


def test_another_snapshot_is_asked(run: Run, shop: Shop) -> None:
    """To see before it is published, or after, what shoppers would have missed in it."""
    keep(shop, EventQuery(id="a", day=DAY, product_id="mugs-01"), ("mugs-02", 1, "select"), ("bags-02", 9, "select"))
    current = SnapshotFolder(shop.settings.snapshots_dir).current()
    assert current is not None
    publish(shop, product_ids=[name for name in shop.photos if not name.startswith("bags")])

    now = document(run("evaluate", "--from-events", "--json"))
    before = document(run("evaluate", "--from-events", "--snapshot", current.id, "--json"))

    assert (now["left_out"], before["left_out"]) == ({"gone": 1}, {})
    assert before["snapshot"] == current.id


@pytest.mark.usefixtures("shop")
def test_without_events_it_says_how_to_get_some(run: Run) -> None:
    """And ends as any command does that has nothing to work on."""
    outcome = run("evaluate", "--from-events")
    assert outcome.code == 1
    assert "POST /events" in outcome.error


@pytest.mark.parametrize(
    "also", [("photos",), ("--compare", "a", "b"), ("--network", "vgg16"), ("--search-networks",), ("--queries", "5")]
)
@pytest.mark.usefixtures("shop")
def test_what_does_not_go_with_it_is_wrong_usage(run: Run, also: Sequence[str]) -> None:
    """Searches of shoppers are asked as they were, with the network that saw their photos."""
    outcome = run("evaluate", "--from-events", *also)
    assert outcome.code == 2
    assert "--snapshot" in outcome.error


def test_only_what_was_measured_is_told(run: Run, shop: Shop) -> None:
    """Events of which none can be asked again give no figures, and say so."""
    keep(shop, photo_of(shop, "mugs-01", "a", is_steered=True), ("mugs-02", 1, "select"))
    outcome = run("evaluate", "--from-events")
    told = document(run("evaluate", "--from-events", "--json"))
    assert outcome.out.startswith("Nothing could be measured")
    assert (told["figures"], told["fallen"], told["first_day"]) == ({}, [], None)
