"""The custom elements as the service sends them: any page may load them, and a pinned version never changes."""

import base64
import hashlib
import json
import shutil
from pathlib import Path

import pytest
from starlette.testclient import TestClient

from app.api.routes_widget import WIDGET_FOLDER, read_widget

MANIFEST = json.loads((WIDGET_FOLDER / "manifest.json").read_text(encoding="utf-8"))
VERSION = MANIFEST["version"]


@pytest.mark.parametrize("name", ["lookalike.js", "lookalike.mjs"])
def test_a_pinned_version_is_kept_for_ever_and_the_moving_one_is_not(client: TestClient, name: str) -> None:
    """Both are the same file, with the hash that the manifest names, and no cookie or key decides on it."""
    pinned, moving = client.get(f"/widget/{VERSION}/{name}"), client.get(f"/widget/{name}")
    assert pinned.content == moving.content
    digest = base64.b64encode(hashlib.sha384(pinned.content).digest()).decode()
    assert MANIFEST["files"][name] == {"integrity": f"sha384-{digest}", "bytes": len(pinned.content)}
    assert "immutable" in pinned.headers["cache-control"]
    assert moving.headers["cache-control"] == "public, max-age=300"
    for reply in (pinned, moving):
        assert reply.status_code == 200
        assert reply.headers["content-type"] == "text/javascript; charset=utf-8"
        assert reply.headers["access-control-allow-origin"] == "*"
        assert reply.headers["cross-origin-resource-policy"] == "cross-origin"
        assert "set-cookie" not in reply.headers
    again = client.get(f"/widget/{name}", headers={"If-None-Match": moving.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")


def test_it_is_sent_packed_to_whoever_takes_that(client: TestClient) -> None:
    """What a shop's visitors load has the size that was promised."""
    packed = client.get("/widget/lookalike.js", headers={"Accept-Encoding": "br, gzip"})
    plain = client.get("/widget/lookalike.js", headers={"Accept-Encoding": "identity"})
    assert (packed.headers["content-encoding"], packed.headers["vary"]) == ("gzip", "Accept-Encoding")
    assert int(packed.headers["content-length"]) <= 16 * 1024
    assert "content-encoding" not in plain.headers
    assert packed.content == plain.content
    assert packed.headers["etag"] != plain.headers["etag"]


def test_the_manifest_is_served(client: TestClient) -> None:
    """Whoever deploys a shop can read the version and the hashes from the service."""
    assert client.get("/widget/manifest.json").json() == MANIFEST


@pytest.mark.parametrize(
    "path", ["/widget/", "/widget/other.js", "/widget/0.0.0/lookalike.js", "/widget/../index.html", "/widget/0.0.0"]
)
def test_nothing_else_is_there(client: TestClient, path: str) -> None:
    """Unknown names and versions are problems as anywhere."""
    reply = client.get(path)
    assert (reply.status_code, reply.headers["content-type"]) == (404, "application/problem+json")


def test_versions_before_are_served_as_well(tmp_path: Path) -> None:
    """A folder named after a version holds it; the moving address is the newest."""
    folder = tmp_path / "widget"
    shutil.copytree(WIDGET_FOLDER, folder)
    (folder / "0.0.9").mkdir()
    for name in ("lookalike.js", "lookalike.mjs", "manifest.json"):
        (folder / "0.0.9" / name).write_text(f"// {name} of old", encoding="utf-8")
    files = read_widget(folder)
    assert files["0.0.9", "lookalike.js"].data == b"// lookalike.js of old"
    assert files[None, "lookalike.js"] == files[VERSION, "lookalike.js"]
