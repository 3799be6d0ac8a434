"""Pictures that cannot be had while a feed is imported: those from before stay, and each failure is told."""

from collections import Counter
from functools import partial

import pytest

from app.core.fetching.blocking import fetching
from app.core.fetching.limits import FetchLimits
from indexer.ingest import OBTAINED_AT_ONCE
from indexer.job_progress import Halted
from indexer.progress import Silent
from tests.support.bad_server import Answer, bad_server, cut_off, file, raw, silence, status
from tests.support.images import picture_bytes
from tests.support.indexing import catalogue_of
from tests.support.web_shop import HASTY, WebShop

pytestmark = pytest.mark.usefixtures("hasty")

JPEG = picture_bytes("JPEG", 100, 120, 4711)
NO_ANSWER: dict[str, tuple[Answer, str]] = {
    "/p00-1.jpg": (status(404), "upstream-status"),
    "/p01-0.jpg": (status(500), "upstream-status"),
    "/p02-0.jpg": (silence, "upstream-timeout"),
    "/p03-0.jpg": (cut_off(b"x" * 10, 1000), "upstream-broken"),
    "/p04-0.jpg": (raw(b"\0\1\2\3\r\n\r\n"), "upstream-broken"),
}
NO_PICTURE: dict[str, tuple[Answer, str]] = {
    "/p00-1.jpg": (file(b"<html>sold out</html>"), "not-an-image"),
    "/p01-0.jpg": (file(JPEG[: len(JPEG) // 2]), "image-corrupt"),
    "/p02-0.jpg": (file(b""), "empty-image"),
}


@pytest.mark.parametrize("failures", [NO_ANSWER, NO_PICTURE], ids=["no answer", "no picture"])
def test_a_picture_that_fails_now_stays_as_it_was(web_shop: WebShop, failures: dict[str, tuple[Answer, str]]) -> None:
    """Its product too, with what else the feed says of it; each time it is told and counted, and nothing embedded."""
    web_shop.allow_failures(0.4)
    web_shop.import_feed()
    before = catalogue_of(web_shop.settings)
    for path, (answer, _) in failures.items():
        web_shop.web.at(path, answer)
        web_shop.products[path[1:4]]["title"] = "new title"

    for is_new in (True, False):
        result = web_shop.import_feed()

        after = catalogue_of(web_shop.settings)
        failed = {skipped.place.removeprefix(web_shop.web.origin): skipped.reason for skipped in result.ingest.skipped}
        assert failed == {path: reason for path, (_, reason) in failures.items()}
        counts = (result.ingest.kept, result.ingest.not_fetched, result.ingest.embedded)
        assert counts == (len(failures), len(failures), 0)
        assert {after[path[1:4]].title for path in failures} == {"new title"}
        assert [product.images for product in after.values()] == [product.images for product in before.values()]
        assert result.published.is_new == is_new


def test_a_host_that_is_down_keeps_its_pictures(web_shop: WebShop) -> None:
    """Nobody listens at its address any more."""
    web_shop.allow_failures(1)
    with bad_server() as other:
        trusted = (*web_shop.settings.fetch_trusted, other.origin)
        web_shop.settings = web_shop.settings.model_copy(update={"fetch_trusted": trusted})
        address = other.at("/p01.jpg", file(picture_bytes("JPEG", 100, 120, 1)))
        web_shop.products["p01"]["images"] = [address]
        web_shop.import_feed()
        before = web_shop.state()

    result = web_shop.import_feed()

    assert result.ingest.skipped_by_reason == {"upstream-unreachable": 1}
    assert web_shop.state() == before


@pytest.mark.parametrize("answer", [status(404), file(b"<html>moving</html>")], ids=["nowhere", "page"])
def test_a_product_whose_new_pictures_cannot_be_had_yet_keeps_its_own(web_shop: WebShop, answer: Answer) -> None:
    """Its pictures have moved to where they are not; what else the feed says counts, and the next import finds them."""
    web_shop.allow_failures(0.2)
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
