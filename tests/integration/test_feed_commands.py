"""`lookalike index` with a feed: its options, what it prints, and how it ends."""

import json
import re
from pathlib import Path
from typing import Any

import pytest

from app.core.snapshot_folder import SnapshotFolder
from tests.support.bad_server import file, status
from tests.support.command_line import Run, run
from tests.support.feeds import delimited
from tests.support.indexing import catalogue_of, live_products, write_picture
from tests.support.web_shop import WebShop

__all__ = ["run"]


@pytest.fixture(autouse=True)
def _environment(web_shop: WebShop, monkeypatch: pytest.MonkeyPatch) -> None:
    """What an operator would set for this shop."""
    monkeypatch.setenv("LOOKALIKE_DATA_DIR", str(web_shop.settings.data_dir))
    monkeypatch.setenv("LOOKALIKE_NETWORK", web_shop.settings.network)
    monkeypatch.setenv("LOOKALIKE_RUNTIME", "openvino-float32")
    monkeypatch.setenv("LOOKALIKE_FETCH_TRUSTED", ",".join(web_shop.settings.fetch_trusted))


def _files(web_shop: WebShop) -> dict[str, bytes]:
    """Return every file of the data folder, but for what only opening the database may touch."""
    root = web_shop.settings.data_dir
    return {
        str(path.relative_to(root)): path.read_bytes()
        for path in sorted(root.rglob("*"))
        if path.is_file() and not path.name.startswith("catalogue.db")
    }


def _change_shop(web_shop: WebShop) -> None:
    """One product new, one changed, one outdated, one gone, and one row that is refused."""
    web_shop.add("new", 4711)
    web_shop.products["p01"]["title"] = "renamed"
    web_shop.products["p02"]["updated_at"] = "2026-10-01T00:00:00Z"
    del web_shop.products["p04"]
    web_shop.products["bad"] = {**web_shop.products["p05"], "id": "bad", "price": "much"}


def test_a_dry_run_tells_and_changes_nothing(run: Run, web_shop: WebShop) -> None:
    """Neither catalogue nor index nor a picture; no server is asked. The import then does what was told."""
    web_shop.products["p02"]["updated_at"] = "2026-11-01T00:00:00Z"
    web_shop.import_feed()
    _change_shop(web_shop)
    before, catalogue = _files(web_shop), catalogue_of(web_shop.settings)
    web_shop.web.requests.clear()

    table = run("index", web_shop.write(), "--dry-run")
    document = json.loads(run("index", web_shop.feed, "--dry-run", "--json").out)

    assert (_files(web_shop), catalogue_of(web_shop.settings)) == (before, catalogue)
    assert not web_shop.web.requests
    assert document["products"] == {"added": 1, "changed": 1, "unchanged": 9, "outdated": 1, "removed": 1}
    assert document["refused"]["by_reason"] == {"invalid-price": 1}
    assert document["refused"]["listed"][0]["place"] == "row 13"
    for row in (r"added\W+1\b", r"changed\W+1\b", r"outdated\W+1\b", r"removed\W+1\b", r"pictures refused\W+1\b"):
        assert re.search(row, table.out), table.out
    assert table.out.endswith("Nothing was changed.\n")
    assert table.code == 0
    done = json.loads(run("index", web_shop.feed, "--json").out)
    assert (done["embedded"], done["outdated_products"], done["removed_products"]) == (1, 1, 1)


def test_a_dry_run_before_the_first_import_leaves_no_index(run: Run, web_shop: WebShop) -> None:
    """All would be added; a limit is one for the plan as well."""
    document = json.loads(run("index", web_shop.write(), "--dry-run", "--limit", 5, "--json").out)

    assert document["products"] == {"added": 5, "changed": 0, "unchanged": 0, "outdated": 0, "removed": 0}
    assert SnapshotFolder(web_shop.settings.snapshots_dir).current() is None
    assert not web_shop.settings.pictures_dir.exists()


def test_a_dry_run_tells_which_addresses_would_not_be_asked(
    run: Run, web_shop: WebShop, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each with the reason, without asking anybody; what would come of the products allows for it."""
    monkeypatch.setenv("LOOKALIKE_FETCH_TRUSTED", "https://elsewhere.example")
    web_shop.products["p00"]["images"] = ["https://shop.example/p00.jpg"]

    document = json.loads(run("index", web_shop.write(), "--dry-run", "--json").out)

    assert document["products"]["added"] == 1
    assert document["refused"]["by_reason"] == {"url-not-allowed": 14}
    assert all("LOOKALIKE_FETCH_TRUSTED" in refused["message"] for refused in document["refused"]["listed"])
    assert not web_shop.web.requests


def test_a_dry_run_shows_a_removal_that_the_import_would_refuse(run: Run, web_shop: WebShop) -> None:
    """So that one can decide; the import ends with 1 and says which option allows it."""
    web_shop.import_feed()
    for number in range(4):
        del web_shop.products[f"p{number:02d}"]

    dry = run("index", web_shop.write(), "--dry-run", "--json")
    dry_and_allowed = run("index", web_shop.feed, "--dry-run", "--allow-removals")
    plan = json.loads(dry.out)
    refused = run("index", web_shop.feed)
    allowed = run("index", web_shop.feed, "--allow-removals")

    assert plan["products"]["removed"] == 4
    assert "remove 4 of 12 products" in dry.error
    assert "Warning" not in dry_and_allowed.error
    assert (refused.code, allowed.code) == (1, 0)
    assert "--allow-removals" in refused.error.splitlines()[-1]
    assert "4 products that are no longer in the source were removed." in allowed.out
    assert len(catalogue_of(web_shop.settings)) == 8


def test_columns_formats_and_folders_of_pictures_can_be_named(run: Run, web_shop: WebShop, tmp_path: Path) -> None:
    """A file whose name and columns say nothing, with pictures in another folder."""
    write_picture(tmp_path / "shots" / "a.jpg", 1)
    write_picture(tmp_path / "shots" / "b.jpg", 2)
    export = tmp_path / "export.dat"
    note: dict[str, Any] = {"note": "soft"}
    rows = [{"item": name, "foto": f"{name}.jpg", **note} for name in ("a", "b")]
    export.write_bytes(delimited(rows, "\t"))

    outcome = run(
        "index", export, "--format", "tsv", "--map", "item=id", "--map", "foto=image", "--pictures", tmp_path / "shots"
    )

    products = catalogue_of(web_shop.settings)
    assert outcome.code == 0, outcome.error
    assert {name: product.attributes for name, product in products.items()} == {"a": note, "b": note}
    assert products["a"].images[0].location == str(tmp_path / "shots" / "a.jpg")


def test_a_column_can_be_left_out(run: Run, web_shop: WebShop) -> None:
    """By mapping it to nothing, whatever it would be otherwise."""
    assert run("index", web_shop.write(), "--map", "price=").code == 0
    assert {product.price for product in catalogue_of(web_shop.settings).values()} == {None}


@pytest.mark.parametrize(
    ("option", "code", "told"),
    [
        (("--map", "price"), 2, "COLUMN=FIELD"),
        (("--map", "title=id", "--map", "title=brand"), 2, "title is mapped twice"),
        (("--map", "nowhere=id"), 1, "nowhere"),
        (("--format", "doc"), 1, "doc"),
        (("--limit", "0"), 2, "limit"),
    ],
)
def test_an_option_that_does_not_fit_is_named(
    run: Run, web_shop: WebShop, option: tuple[str, ...], code: int, told: str
) -> None:
    """Before anything is fetched; wrong usage is told apart from what does not fit this feed."""
    outcome = run("index", web_shop.write(), *option)

    assert outcome.code == code
    assert told in outcome.error
    assert "Traceback" not in outcome.error
    assert not web_shop.web.requests


def test_a_feed_at_an_address_is_imported(run: Run, web_shop: WebShop) -> None:
    """Its address is one that may be asked, and what it keeps secret is not printed."""
    data = delimited(list(web_shop.products.values()))
    address = web_shop.web.at("/feed.csv?key=secret", file(data))

    outcome = run("index", address)

    assert outcome.code == 0, outcome.error
    assert len(catalogue_of(web_shop.settings)) == 12
    assert "secret" not in outcome.out + outcome.error


def test_a_server_that_may_not_be_asked_is_refused_by_name(
    run: Run, web_shop: WebShop, monkeypatch: pytest.MonkeyPatch
) -> None:
    """For a feed, and for its pictures; the message names the setting."""
    monkeypatch.delenv("LOOKALIKE_FETCH_TRUSTED")

    feed = run("index", web_shop.web.at("/feed.csv", file(b"")))
    pictures = run("index", web_shop.write())

    assert (feed.code, pictures.code) == (1, 1)
    assert "LOOKALIKE_FETCH_TRUSTED" in feed.error
    assert "16 url-not-allowed" in pictures.error
    assert not web_shop.web.requests


def test_too_many_failures_end_with_1_and_few_are_told(
    run: Run, web_shop: WebShop, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The table names each picture with the reason; what was kept is a sentence."""
    web_shop.import_feed()
    live = live_products(web_shop.settings)
    web_shop.web.at("/p01-0.jpg", status(404))
    web_shop.products["p02"]["title"] = "renamed"

    too_many = run("index", web_shop.write())
    between = live_products(web_shop.settings)
    monkeypatch.setenv("LOOKALIKE_MAX_UNFETCHED_SHARE", "0.1")
    few = run("index", web_shop.feed)

    assert (too_many.code, few.code) == (1, 0)
    assert too_many.error.splitlines()[-1].startswith("Error: 1 of 16 pictures (6.2%) could not be fetched")
    assert between == live != live_products(web_shop.settings)
    assert "upstream-status" in few.out
    assert "/p01-0.jpg" in few.out
    assert "1 pictures could not be had or used now; those from before stay." in few.out


def test_partial_feeds_add_to_the_catalogue(run: Run, web_shop: WebShop) -> None:
    """One product more, and the others stay."""
    web_shop.import_feed()
    web_shop.products = {}
    web_shop.add("new", 4711)

    outcome = run("index", web_shop.write(), "--partial")

    assert outcome.code == 0, outcome.error
    assert len(catalogue_of(web_shop.settings)) == 13
