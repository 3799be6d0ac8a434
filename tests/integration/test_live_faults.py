"""
Live changes on a full disk: refused by name and not seen, or durable and found.

LOOKALIKE_TEST_SEED decides how much of each file fits; `make soak` tries more.
"""

import resource
from pathlib import Path

from tests.support.changes import AUTHORISED
from tests.support.images import picture_bytes
from tests.support.server import Server, running_server
from tests.support.shop import Shop
from tests.support.soak import sample, seeded, soaks


def limit_files(server: Server, size_bytes: int) -> None:
    """Let every file of a running service end there, as on a full disk."""
    resource.prlimit(server.process.pid, resource.RLIMIT_FSIZE, (size_bytes, resource.RLIM_INFINITY))


@soaks
def test_a_change_on_a_full_disk_is_refused_or_durable(own_shop: Shop, tmp_path: Path) -> None:
    """Whichever of the picture, its embedding and the catalogue does not fit; with space again, the change is made."""
    choose = seeded()
    limits = [0, 100, *(choose.randrange(200_000) for _ in range(sample(12, soak=1_000)))]
    outcomes = set()
    with running_server(own_shop.settings, tmp_path) as server, server.client() as client:
        client.headers.update(AUTHORISED)
        for number, limit in enumerate(limits):
            path = f"/products/late-{number}"
            product, files = {"product": '{"title": "Late"}'}, {"image": picture_bytes(seed=7_000 + number)}
            limit_files(server, limit)
            reply = client.put(path, data=product, files=files)
            outcomes.add(reply.status_code)
            if reply.status_code != 201:
                assert reply.json()["type"] == "/problems/disk-full", (limit, reply.text)
                assert client.get(path).status_code == 404
                found = client.post("/search", files={"image": ("x", own_shop.photos["mugs-00"][0])})
                assert (found.status_code, len(found.json()["results"])) == (200, 10)
            limit_files(server, resource.RLIM_INFINITY)
            reply = client.put(path, data=product, files=files)
            assert reply.status_code in {200, 201}, (limit, reply.text)
            assert client.get(path).status_code == 200
    assert len(outcomes) > 1
