"""Hostile photos over HTTP: each is refused by its reason or accepted, and the service is as well as before."""

from concurrent.futures import ThreadPoolExecutor

import pytest

from app.api.errors import STATUS_OF
from app.core.errors import InvalidImage
from tests.support.images import HOSTILE_IMAGES, HostileImage, draw_picture, encode, hostile_bytes, oriented_jpeg
from tests.support.server import Server

STATUS_OF_SLUG = {leaf.slug: STATUS_OF[leaf] for leaf in InvalidImage.__subclasses__()}


@pytest.mark.parametrize("image", HOSTILE_IMAGES, ids=str)
def test_a_hostile_photo_is_refused_by_its_reason_or_answered(server: Server, image: HostileImage) -> None:
    """While it is looked at, everybody else is answered; afterwards there is no new file, in the same process."""
    data = hostile_bytes(image)
    with server.client() as client, ThreadPoolExecutor(1) as thread:
        answering = thread.submit(client.post, "/search", files={"image": ("photo.jpg", data, "image/jpeg")})
        assert client.get("/livez").status_code == 200
        reply = answering.result()
    answer = reply.json()
    if image.slug is None:
        assert reply.status_code == 200
        assert len(answer["results"]) == 10
        assert all(-1.001 <= result["score"] <= 1.001 for result in answer["results"])
        assert answer["low_confidence"] == _is_of_one_colour(image)
    else:
        assert (reply.status_code, answer["type"]) == (STATUS_OF_SLUG[image.slug], f"/problems/{image.slug}")
        assert reply.headers["content-type"] == "application/problem+json"
        assert answer["status"] == reply.status_code
        assert not [text for text in ("Traceback", "/app/", "PIL", "photo.jpg") if text in reply.text]
    assert server.process.poll() is None
    assert not list(server.temporary_dir.iterdir())


def _is_of_one_colour(image: HostileImage) -> bool:
    """Whether the picture is uniform; those that are put together by hand are black all over."""
    return image.row == "B51" or image.name.startswith(("transparent", "i;16", "png-25-megapixels", "apng-"))


def test_a_photo_is_found_whichever_way_the_camera_was_held(server: Server) -> None:
    """B50: the eight orientations of one upright picture give the same first hit."""
    upright = draw_picture(300, 432)
    back = {1: None, 2: 0, 3: 3, 4: 1, 5: 5, 6: 2, 7: 6, 8: 4}  # Pillow's transpositions that undo each orientation
    with server.client() as client:
        firsts = set()
        for orientation, method in back.items():
            stored = upright if method is None else upright.transpose(method)  # type: ignore[arg-type]  # by number
            photo = oriented_jpeg(orientation, stored)
            answer = client.post("/search", files={"image": ("x", photo)}).json()
            firsts.add(answer["results"][0]["product"]["id"])
    assert len(firsts) == 1


def test_hostile_photos_among_good_ones_fail_alone(server: Server) -> None:
    """Sixteen photos at once, every other one broken: the good ones are all answered as if they were alone."""
    good = encode(draw_picture(300, 300), "JPEG")
    bad = good[: len(good) // 2]
    with server.client() as client, ThreadPoolExecutor(4) as threads:
        alone = client.post("/search", files={"image": ("x", good)}).json()
        replies = list(
            threads.map(lambda photo: client.post("/search", files={"image": ("x", photo)}), [good, bad] * 8)
        )
    for reply in replies[0::2]:
        assert [hit["product"]["id"] for hit in reply.json()["results"]] == [
            hit["product"]["id"] for hit in alone["results"]
        ]
    assert {reply.status_code for reply in replies[1::2]} == {422}
