"""Servers that fail while a feed is imported: too much of it stops the switch, and half a feed counts for nothing."""

import gzip
from collections.abc import Callable

import pytest

from app.core.errors import (
    ImportUnfinished,
    LookalikeError,
    NoReadableImage,
    RemovalRefused,
    SourceEmpty,
    SourceInvalid,
    TooManyFailures,
    UpstreamBroken,
    UpstreamStatus,
    VerificationFailed,
)
from app.core.snapshot_folder import SnapshotFolder
from indexer.pipeline import SourceOptions, index_source, reindex_catalogue
from indexer.progress import Silent
from tests.support.bad_server import Answer, cut_off, file, status
from tests.support.feeds import Record, delimited, json_lines, parquet, rss
from tests.support.indexing import catalogue_of, live_products
from tests.support.web_shop import WebShop

pytestmark = pytest.mark.usefixtures("hasty")


def test_more_failures_than_allowed_do_not_replace_the_index(web_shop: WebShop) -> None:
    """Two of sixteen are an eighth; the old index stays live to the byte, and what was fetched is not fetched again."""
    web_shop.import_feed()
    live = web_shop.state()[::2]
    web_shop.add("new", 4711)
    for path in ("/p00-1.jpg", "/p01-0.jpg"):
        web_shop.web.at(path, status(404))

    with pytest.raises(TooManyFailures, match=r"2 of 17 pictures .*LOOKALIKE_MAX_UNFETCHED_SHARE"):
        web_shop.import_feed()

    assert web_shop.state()[::2] == live
    for path, seed in (("/p00-1.jpg", 100), ("/p01-0.jpg", 1)):
        web_shop.picture(path, seed)
    result = web_shop.import_feed()
    assert (result.ingest.embedded, result.published.is_new) == (0, True)
    assert "If-None-Match" in web_shop.web.headers["/new-0.jpg"]


def _fail_half_way(web_shop: WebShop) -> None:
    """Begin an import that renames a product, removes another and gives up for two of its pictures."""
    web_shop.products["p02"]["title"] = "renamed"
    del web_shop.products["p04"]
    for path in ("/p00-1.jpg", "/p01-0.jpg"):
        web_shop.web.at(path, status(404))
    with pytest.raises(TooManyFailures):
        web_shop.import_feed()


def test_half_an_import_is_published_by_no_other_run(web_shop: WebShop) -> None:
    """Neither by a reindex nor by an import of something else; the message names the source and both ways out."""
    web_shop.import_feed()
    live = live_products(web_shop.settings)
    _fail_half_way(web_shop)
    other = web_shop.feed.with_name("other.jsonl")
    other.write_bytes(json_lines([web_shop.products["p03"]]))

    told = r"feed\.jsonl did not finish.*lookalike index.*reindex --full"
    with pytest.raises(ImportUnfinished, match=told):
        reindex_catalogue(web_shop.settings, Silent())
    with pytest.raises(ImportUnfinished, match=told):
        index_source(web_shop.settings, str(other), SourceOptions(is_partial=True), Silent())

    assert live_products(web_shop.settings) == live
    assert "p04" in catalogue_of(web_shop.settings)  # nothing was removed for an import that gave up
    web_shop.allow_failures(0.2)
    assert web_shop.import_feed().published.is_new
    assert not reindex_catalogue(web_shop.settings, Silent()).published.is_new


def test_a_whole_import_is_published_by_the_next_run(web_shop: WebShop, monkeypatch: pytest.MonkeyPatch) -> None:
    """When it was stopped, or its index refused, after the catalogue had all of it."""
    web_shop.import_feed()
    web_shop.products["p02"]["title"] = "renamed"
    with monkeypatch.context() as stopped:
        stopped.setattr("indexer.pipeline.publish_snapshot", _refuse)
        with pytest.raises(VerificationFailed):
            web_shop.import_feed()

    assert reindex_catalogue(web_shop.settings, Silent()).published.is_new


def _refuse(*_arguments: object, **_options: object) -> None:
    raise VerificationFailed("It was not published.")


def test_half_an_import_can_be_published_on_purpose(web_shop: WebShop) -> None:
    """By a full reindex; then there is nothing left to remember."""
    web_shop.import_feed()
    _fail_half_way(web_shop)
    web_shop.allow_failures(0.2)

    assert reindex_catalogue(web_shop.settings, Silent(), full=True).published.is_new
    assert not reindex_catalogue(web_shop.settings, Silent()).published.is_new


def test_as_many_failures_as_allowed_are_published(web_shop: WebShop) -> None:
    """The limit itself is no longer too many."""
    web_shop.allow_failures(2 / 17)
    web_shop.import_feed()
    web_shop.add("new", 4711)
    for path in ("/p00-1.jpg", "/p01-0.jpg"):
        web_shop.web.at(path, status(404))

    assert web_shop.import_feed().published.is_new


def test_a_first_import_is_published_whatever_failed(web_shop: WebShop) -> None:
    """There is no index that would be better; the products without a picture come with the next one."""
    for number in range(2, 12):
        web_shop.web.at(f"/p{number:02d}-0.jpg", status(500))

    first = web_shop.import_feed()

    assert first.published.is_new
    # Those with a number that 3 divides have a second picture, and the host was not given up before it.
    assert {"p00", "p01"} <= catalogue_of(web_shop.settings).keys() < web_shop.products.keys()


def test_a_first_import_without_any_picture_fails(web_shop: WebShop) -> None:
    """There would be nothing to find; the message counts the reasons."""
    for path in list(web_shop.web.answers):
        web_shop.web.at(path, status(404))

    with pytest.raises(NoReadableImage, match="16 upstream-status"):
        web_shop.import_feed()

    assert SnapshotFolder(web_shop.settings.snapshots_dir).current() is None


CUT: dict[str, Callable[[list[Record]], bytes]] = {
    "feed.jsonl": lambda records: json_lines(records)[:-20],
    "feed.csv": lambda records: gzip.compress(delimited(records))[:-30],
    "feed.xml": lambda records: rss(records)[: -len(rss(records)) // 3],
    "feed.parquet": lambda records: parquet(records)[:-100],
}


def test_a_feed_that_breaks_off_changes_nothing(web_shop: WebShop) -> None:
    """Neither what it has nor what it lacks counts, although it may remove as much as it likes."""
    web_shop.import_feed()
    before = web_shop.state()
    web_shop.products["p00"]["title"] = "new title"
    web_shop.web.requests.clear()
    for name, write in CUT.items():
        data = write(list(web_shop.products.values()))
        path = web_shop.feed.with_name(name)
        path.write_bytes(data)
        for source in (str(path), web_shop.web.at(f"/{name}", file(data))):
            with pytest.raises(SourceInvalid):
                index_source(web_shop.settings, source, SourceOptions(allows_removals=True), Silent())

            assert web_shop.state() == before, source
    assert web_shop.web.requests.keys() == {f"/{name}" for name in CUT}


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        pytest.param(cut_off(b"id,image_link\np00,https://x.example/1.jpg\n", 1000), UpstreamBroken, id="cut off"),
        pytest.param(status(404), UpstreamStatus, id="gone"),
        pytest.param(file(b"id,image_link\n"), SourceEmpty, id="empty"),
    ],
)
def test_a_feed_that_cannot_be_fetched_changes_nothing(
    web_shop: WebShop, answer: Answer, error: type[LookalikeError]
) -> None:
    """The connection breaks off where a row ends, so that what arrived looks like a whole feed."""
    web_shop.import_feed()
    before = web_shop.state()

    with pytest.raises(error):
        index_source(web_shop.settings, web_shop.web.at("/feed.csv", answer), SourceOptions(), Silent())

    assert web_shop.state() == before
    assert not list(web_shop.settings.data_dir.glob("*tmp*"))


def test_a_feed_that_lacks_much_is_refused_until_it_is_allowed(web_shop: WebShop) -> None:
    """Four of twelve products are more than 30 %; nothing is fetched or changed before that is known."""
    web_shop.import_feed()
    before = web_shop.state()
    for number in range(4):
        del web_shop.products[f"p{number:02d}"]

    with pytest.raises(RemovalRefused, match=r"remove 4 of 12 products.*--allow-removals"):
        web_shop.import_feed()
    unchanged = web_shop.state() == before and not web_shop.web.requests
    result = web_shop.import_feed(allows_removals=True)

    assert unchanged
    assert (result.ingest.removed, result.published.is_new) == (4, True)


def test_a_server_that_answers_everything_with_a_page_changes_nothing(web_shop: WebShop) -> None:
    """That is as good as no answer."""
    web_shop.import_feed()
    before = web_shop.state()
    for number in range(1, 6):
        web_shop.web.at(f"/p{number:02d}-0.jpg", file(b"<html>we are moving</html>"))

    with pytest.raises(TooManyFailures, match="5 of 16"):
        web_shop.import_feed()

    assert web_shop.state() == before
