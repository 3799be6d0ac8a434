"""Servers that fail while a feed is imported: what was there stays and is told, and too much of it stops the switch."""

import gzip
from collections import Counter
from collections.abc import Callable
from functools import partial

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
from app.core.fetching.blocking import fetching
from app.core.fetching.limits import FetchLimits
from app.core.snapshot_folder import SnapshotFolder
from indexer.ingest import OBTAINED_AT_ONCE
from indexer.job_progress import Halted
from indexer.pipeline import SourceOptions, index_source, reindex_catalogue
from indexer.progress import Silent
from tests.support.bad_server import Answer, bad_server, cut_off, file, raw, silence, status
from tests.support.feeds import Record, delimited, json_lines, parquet, rss
from tests.support.images import picture_bytes
from tests.support.indexing import catalogue_of, live_products
from tests.support.web_shop import WebShop

HASTY = FetchLimits(timeout_s=0.5, attempts=2, backoff_s=0.001, failures_to_give_up=5)


@pytest.fixture(autouse=True)
def _hasty(monkeypatch: pytest.MonkeyPatch) -> None:
    """Wait half a second for a picture, and not ten."""
    monkeypatch.setattr("indexer.workplace.fetching", partial(fetching, limits=HASTY))


def _allow_failures(web_shop: WebShop, share: float) -> None:
    web_shop.settings = web_shop.settings.model_copy(update={"max_unfetched_share": share})


def _state(web_shop: WebShop) -> tuple[object, ...]:
    """Everything that an import which fails must not change."""
    current = SnapshotFolder(web_shop.settings.snapshots_dir).current()
    return current, catalogue_of(web_shop.settings), live_products(web_shop.settings)


FAILURES: dict[str, tuple[Answer, str]] = {
    "/p00-1.jpg": (status(404), "upstream-status"),
    "/p01-0.jpg": (status(500), "upstream-status"),
    "/p02-0.jpg": (silence, "upstream-timeout"),
    "/p03-0.jpg": (cut_off(b"x" * 10, 1000), "upstream-broken"),
    "/p04-0.jpg": (raw(b"\0\1\2\3\r\n\r\n"), "upstream-broken"),
}


def test_a_picture_that_fails_now_stays_as_it_was(web_shop: WebShop) -> None:
    """Its product too, with what else the feed says of it; the report says so, and nothing is embedded."""
    _allow_failures(web_shop, 0.4)
    web_shop.import_feed()
    before = catalogue_of(web_shop.settings)
    for path, (answer, _) in FAILURES.items():
        web_shop.web.at(path, answer)
        web_shop.products[path[1:4]]["title"] = "new title"

    result = web_shop.import_feed()

    after = catalogue_of(web_shop.settings)
    failed = {skipped.place.removeprefix(web_shop.web.origin): skipped.reason for skipped in result.ingest.skipped}
    assert failed == {path: reason for path, (_, reason) in FAILURES.items()}
    assert (result.ingest.kept, result.ingest.not_fetched, result.ingest.embedded) == (5, 5, 0)
    assert {after[path[1:4]].title for path in FAILURES} == {"new title"}
    assert [product.images for product in after.values()] == [product.images for product in before.values()]
    assert result.published.is_new


def test_a_host_that_is_down_keeps_its_pictures(web_shop: WebShop) -> None:
    """Nobody listens at its address any more."""
    _allow_failures(web_shop, 1)
    with bad_server() as other:
        trusted = (*web_shop.settings.fetch_trusted, other.origin)
        web_shop.settings = web_shop.settings.model_copy(update={"fetch_trusted": trusted})
        address = other.at("/p01.jpg", file(picture_bytes("JPEG", 100, 120, 1)))
        web_shop.products["p01"]["images"] = [address]
        web_shop.import_feed()
        before = _state(web_shop)

    result = web_shop.import_feed()

    assert result.ingest.skipped_by_reason == {"upstream-unreachable": 1}
    assert _state(web_shop) == before


@pytest.mark.parametrize("answer", [status(404), file(b"<html>moving</html>")], ids=["nowhere", "page"])
def test_a_product_whose_new_pictures_cannot_be_had_yet_keeps_its_own(web_shop: WebShop, answer: Answer) -> None:
    """Its pictures have moved to where they are not; what else the feed says counts, and the next import finds them."""
    _allow_failures(web_shop, 0.2)
    web_shop.import_feed()
    before = catalogue_of(web_shop.settings)["p01"]
    web_shop.products["p01"] |= {"title": "moved", "images": [web_shop.web.at("/moved.jpg", answer)]}

    failed = web_shop.import_feed()
    between = catalogue_of(web_shop.settings)["p01"]
    address = web_shop.picture("/moved.jpg", 9001)
    web_shop.import_feed()

    assert (failed.ingest.removed, failed.ingest.skipped_by_reason.total()) == (0, 1)
    assert (between.title, between.images) == ("moved", before.images)
    assert [image.address for image in catalogue_of(web_shop.settings)["p01"].images] == [address]


JPEG = picture_bytes("JPEG", 100, 120, 4711)
NO_PICTURES: dict[str, tuple[bytes, str]] = {
    "/p00-1.jpg": (b"<html>sold out</html>", "not-an-image"),
    "/p01-0.jpg": (JPEG[: len(JPEG) // 2], "image-corrupt"),
    "/p02-0.jpg": (b"", "empty-image"),
}


def test_a_picture_that_is_none_any_more_stays_as_it_was(web_shop: WebShop) -> None:
    """A server that answers with a page, or with half a file, costs no picture; each time it is told and counted."""
    _allow_failures(web_shop, 0.2)
    web_shop.import_feed()
    before = catalogue_of(web_shop.settings)
    for path, (data, _) in NO_PICTURES.items():
        web_shop.web.at(path, file(data))
        web_shop.products[path[1:4]]["title"] = "new title"

    for is_new in (True, False):
        result = web_shop.import_feed()

        after = catalogue_of(web_shop.settings)
        failed = {skipped.place.removeprefix(web_shop.web.origin): skipped.reason for skipped in result.ingest.skipped}
        assert failed == {path: reason for path, (_, reason) in NO_PICTURES.items()}
        assert (result.ingest.kept, result.ingest.not_fetched, result.ingest.embedded) == (3, 3, 0)
        assert {after[path[1:4]].title for path in NO_PICTURES} == {"new title"}
        assert [product.images for product in after.values()] == [product.images for product in before.values()]
        assert result.published.is_new == is_new


def test_a_new_product_whose_picture_is_none_is_left_out(web_shop: WebShop) -> None:
    """That is what the shop states, and no failure of its server's that could stop an import."""
    web_shop.import_feed()
    web_shop.products["new"] = {"id": "new", "images": [web_shop.web.at("/new.gif", file(b"GIF89a"))]}

    result = web_shop.import_feed()

    assert (result.ingest.skipped_by_reason.total(), result.ingest.not_fetched, result.ingest.products) == (1, 0, 12)
    assert "new" not in catalogue_of(web_shop.settings)


def test_an_address_with_spaces_is_fetched_and_kept(web_shop: WebShop) -> None:
    """As it is sent, with the spaces encoded; the next time its picture is known."""
    web_shop.picture("/my%20photo.jpg", 4711)
    web_shop.products["new"] = {"id": "new", "images": [f"{web_shop.web.origin}/my photo.jpg".replace("http", "HTTP")]}

    first, second = web_shop.import_feed(), web_shop.import_feed()

    assert catalogue_of(web_shop.settings)["new"].images[0].address == f"{web_shop.web.origin}/my%20photo.jpg"
    assert (first.ingest.skipped, second.ingest.embedded, second.published.is_new) == ([], 0, False)
    assert "If-None-Match" in web_shop.web.headers["/my%20photo.jpg"]


def test_more_failures_than_allowed_do_not_replace_the_index(web_shop: WebShop) -> None:
    """Two of sixteen are an eighth; the old index stays live to the byte, and what was fetched is not fetched again."""
    web_shop.import_feed()
    live = _state(web_shop)[::2]
    web_shop.add("new", 4711)
    for path in ("/p00-1.jpg", "/p01-0.jpg"):
        web_shop.web.at(path, status(404))

    with pytest.raises(TooManyFailures, match=r"2 of 17 pictures .*LOOKALIKE_MAX_UNFETCHED_SHARE"):
        web_shop.import_feed()

    assert _state(web_shop)[::2] == live
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
    _allow_failures(web_shop, 0.2)
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
    _allow_failures(web_shop, 0.2)

    assert reindex_catalogue(web_shop.settings, Silent(), full=True).published.is_new
    assert not reindex_catalogue(web_shop.settings, Silent()).published.is_new


@pytest.mark.timeout(60)
def test_a_run_that_is_told_to_stop_does_not_wait_for_servers(
    web_shop: WebShop, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However long they would be waited for otherwise."""
    patient = FetchLimits(timeout_s=1000, connect_timeout_s=1000)
    monkeypatch.setattr("indexer.workplace.fetching", partial(fetching, limits=patient))
    web_shop.web.at("/p01-0.jpg", silence)

    class Stopping(Silent):
        def advance(self, steps: int = 1) -> None:  # noqa: ARG002  # the protocol's
            if web_shop.web.requests["/p01-0.jpg"]:
                raise Halted

    with pytest.raises(Halted):
        web_shop.import_feed(Stopping())


def test_as_many_failures_as_allowed_are_published(web_shop: WebShop) -> None:
    """The limit itself is no longer too many."""
    _allow_failures(web_shop, 2 / 17)
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


def test_a_shop_full_of_failures_is_imported_within_seconds_and_each_reason_is_counted(web_shop: WebShop) -> None:
    """One in ten pictures is gone, one in ten never comes, one in a hundred is none, and one host always fails."""
    web_shop.products.clear()
    expected: Counter[str] = Counter()
    for number in range(100):
        name = f"q{number:03d}"
        web_shop.add(name, number % 20)
        if number % 10 == 3:
            answer, reason = status(404), "upstream-status"
        elif number % 10 == 7:
            answer, reason = silence, "upstream-timeout"
        elif number == 50:
            answer, reason = file(b"no picture"), "not-an-image"
        else:
            continue
        web_shop.web.at(f"/{name}-0.jpg", answer)
        expected[reason] += 1
    other_host = web_shop.web.origin.replace("127.0.0.1", "localhost")
    for number in range(30):
        web_shop.web.at(f"/broken-{number}.jpg", status(500))
        web_shop.products[f"r{number:02d}"] = {"id": f"r{number:02d}", "images": [f"{other_host}/broken-{number}.jpg"]}

    report = web_shop.import_feed().ingest

    given_up = report.skipped_by_reason.pop("upstream-given-up")
    assert report.skipped_by_reason["upstream-status"] - expected["upstream-status"] + given_up == 30
    assert given_up >= 30 - HASTY.failures_to_give_up - 4  # those that were under way together
    assert report.skipped_by_reason - Counter({"upstream-status": 30}) <= expected
    assert (report.products, report.embedded, report.not_fetched) == (79, 16, 50)
    asked = sum(count for path, count in web_shop.web.requests.items() if path.startswith("/broken"))
    assert asked <= HASTY.attempts * (HASTY.failures_to_give_up + OBTAINED_AT_ONCE)


CUT: dict[str, Callable[[list[Record]], bytes]] = {
    "feed.jsonl": lambda records: json_lines(records)[:-20],
    "feed.csv": lambda records: gzip.compress(delimited(records))[:-30],
    "feed.xml": lambda records: rss(records)[: -len(rss(records)) // 3],
    "feed.parquet": lambda records: parquet(records)[:-100],
}


def test_a_feed_that_breaks_off_changes_nothing(web_shop: WebShop) -> None:
    """Neither what it has nor what it lacks counts, although it may remove as much as it likes."""
    web_shop.import_feed()
    before = _state(web_shop)
    web_shop.products["p00"]["title"] = "new title"
    web_shop.web.requests.clear()
    for name, write in CUT.items():
        data = write(list(web_shop.products.values()))
        path = web_shop.feed.with_name(name)
        path.write_bytes(data)
        for source in (str(path), web_shop.web.at(f"/{name}", file(data))):
            with pytest.raises(SourceInvalid):
                index_source(web_shop.settings, source, SourceOptions(allows_removals=True), Silent())

            assert _state(web_shop) == before, source
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
    before = _state(web_shop)

    with pytest.raises(error):
        index_source(web_shop.settings, web_shop.web.at("/feed.csv", answer), SourceOptions(), Silent())

    assert _state(web_shop) == before
    assert not list(web_shop.settings.data_dir.glob("*tmp*"))


def test_a_feed_that_lacks_much_is_refused_until_it_is_allowed(web_shop: WebShop) -> None:
    """Four of twelve products are more than 30 %; nothing is fetched or changed before that is known."""
    web_shop.import_feed()
    before = _state(web_shop)
    for number in range(4):
        del web_shop.products[f"p{number:02d}"]

    with pytest.raises(RemovalRefused, match=r"remove 4 of 12 products.*--allow-removals"):
        web_shop.import_feed()
    unchanged = _state(web_shop) == before and not web_shop.web.requests
    result = web_shop.import_feed(allows_removals=True)

    assert unchanged
    assert (result.ingest.removed, result.published.is_new) == (4, True)


def test_a_server_that_answers_everything_with_a_page_changes_nothing(web_shop: WebShop) -> None:
    """That is as good as no answer."""
    web_shop.import_feed()
    before = _state(web_shop)
    for number in range(1, 6):
        web_shop.web.at(f"/p{number:02d}-0.jpg", file(b"<html>we are moving</html>"))

    with pytest.raises(TooManyFailures, match="5 of 16"):
        web_shop.import_feed()

    assert _state(web_shop) == before
