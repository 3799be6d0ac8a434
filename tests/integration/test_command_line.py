import io
import json
import os
import pickle
import signal
import socket
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from contextlib import closing
from itertools import takewhile
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from app.core.snapshot_folder import SnapshotFolder
from tests.support.command_line import Run, built_shop, run, shop
from tests.support.shop import Shop, publish
from tests.support.snapshots import overwrite, reseal
from tests.support.sources import REPOSITORY

__all__ = ["built_shop", "run", "shop"]


@pytest.fixture
def photo(shop: Shop, tmp_path: Path) -> Path:
    """A photo of a product of the shop."""
    path = tmp_path / "photo.jpg"
    path.write_bytes(shop.photos["mugs-01"][0])
    return path


def test_search_prints_the_most_similar_products_as_a_table(run: Run, photo: Path) -> None:
    """The product in the photo comes first, with its score; classes and categories stand above."""
    outcome = run("search", photo, "-k", "3")

    first = next(line for line in outcome.out.splitlines() if "│    1 │" in line)
    assert outcome.code == 0
    assert "1.000" in first
    assert "mugs-01" in first
    assert "19.90 EUR" in first
    assert outcome.out.startswith("Classes: ")
    assert "Categories: mugs" in outcome.out


def test_search_prints_json_with_the_names_of_the_api(run: Run, photo: Path) -> None:
    """Scripts get one document on standard output, and nothing else there."""
    outcome = run("search", photo, "-k", "2", "--json")

    document = json.loads(outcome.out)
    assert [result["rank"] for result in document["results"]] == [1, 2]
    assert document["results"][0]["product"]["id"] == "mugs-01"
    assert document["results"][0]["product"]["price"] == 19.9
    of_the_photo = {"low_confidence", "match", "classes", "categories"}
    assert set(document) == {"snapshot", "degraded_reason", *of_the_photo, "results", "facets", "timings_ms"}
    assert document["degraded_reason"] is None


def test_classify_prints_classes_and_categories(run: Run, photo: Path) -> None:
    """What is in the photo, without any product."""
    outcome = run("classify", photo, "--json")

    document = json.loads(outcome.out)
    assert document["categories"][0]["label"] == "mugs"
    assert len(document["classes"]) == 5


def test_snapshots_are_listed_published_and_rolled_back(run: Run, photo: Path) -> None:
    """The commands switch between indexes, and the list shows which one is live."""
    folder = photo.parent / "more"
    (folder / "mugs").mkdir(parents=True)
    (folder / "mugs" / "one.jpg").write_bytes(photo.read_bytes())
    assert run("index", folder, "--allow-removals", "--json").code == 0
    new, old = json.loads(run("snapshots", "list", "--json").out)

    back = run("snapshots", "rollback")
    live_after_back = [entry["live"] for entry in json.loads(run("snapshots", "list", "--json").out)]
    forth = run("snapshots", "publish", new["id"])
    live_after_forth = [entry["live"] for entry in json.loads(run("snapshots", "list", "--json").out)]

    assert (new["live"], old["live"]) == (True, False)
    assert back.out == f"Snapshot {old['id']} is live again.\n"
    assert live_after_back == [False, True]
    assert forth.out == f"Snapshot {new['id']} is live.\n"
    assert live_after_forth == [True, False]
    assert "live" in run("snapshots", "list").out
    assert run("snapshots", "prune", "--keep", "2").out == "There was nothing to remove.\n"


def test_the_list_says_why_no_snapshot_is_live(run: Run, shop: Shop) -> None:
    """Whether the file that names it is damaged or the snapshot itself is gone; the list stays one for scripts."""
    folder = shop.settings.snapshots_dir
    (snapshot,) = json.loads(run("snapshots", "list", "--json").out)
    (folder / snapshot["id"]).rename(folder / "elsewhere")
    gone = run("snapshots", "list")
    (folder / "elsewhere").rename(folder / snapshot["id"])
    (folder / "CURRENT").write_bytes(b"{}")
    damaged = run("snapshots", "list", "--json")

    assert f"Snapshot {snapshot['id']} is live but not on the disk" in gone.error
    assert "CURRENT" in damaged.error
    assert [entry["id"] for entry in json.loads(damaged.out)] == [snapshot["id"]]


def test_networks_are_listed_and_verified(run: Run, tmp_path: Path) -> None:
    """The network whose weights are installed is verified by its hash and by embedding pictures."""
    listed = json.loads(run("networks", "list", "--json", "--data-dir", tmp_path).out)
    verified = json.loads(run("networks", "verify", "efficientnet_lite0", "--json", "--data-dir", tmp_path).out)

    assert {network["name"] for network in listed} >= {"vgg16", "vgg16:fc6", "vgg19", "efficientnet_lite0"}
    assert verified["weights"][0]["is_original"] is True
    assert verified["dimension"] == 1280


def test_wrong_usage_exits_with_2(run: Run) -> None:
    """A missing argument is told apart from a failure."""
    assert run("search").code == 2
    assert run("nonsense").code == 2
    assert run("search", "x.jpg", "-k", "0").code == 2


def _damage(shop: Shop) -> None:
    for index in shop.settings.snapshots_dir.glob("*/index.faiss"):
        overwrite(index, index.read_bytes()[:-1])


def _other_network(shop: Shop) -> None:
    (folder,) = shop.settings.snapshots_dir.glob("0*")

    def change(manifest: dict[str, Any]) -> None:
        manifest["fingerprint"]["weights_sha256"] = ["0" * 64]

    snapshot_id = reseal(shop.settings.snapshots_dir, folder.name, change)
    (shop.settings.snapshots_dir / "CURRENT").unlink()
    SnapshotFolder(shop.settings.snapshots_dir).publish(snapshot_id)


def _other_probes(shop: Shop) -> None:
    """A snapshot whose network sees the probe pictures otherwise than this machine's."""
    (folder,) = shop.settings.snapshots_dir.glob("0*")
    probes = np.roll(np.load(folder / "probes.npy"), 1, axis=0)
    out = io.BytesIO()
    np.save(out, probes)
    snapshot_id = reseal(shop.settings.snapshots_dir, folder.name, replace={"probes.npy": out.getvalue()})
    (shop.settings.snapshots_dir / "CURRENT").unlink()
    SnapshotFolder(shop.settings.snapshots_dir).publish(snapshot_id)


def _newer_database(shop: Shop) -> None:
    with closing(sqlite3.connect(shop.settings.data_dir / "catalogue.db")) as connection, connection:
        connection.execute("UPDATE alembic_version SET version_num = '9999'")


def _damaged_database(shop: Shop) -> None:
    path = shop.settings.data_dir / "catalogue.db"
    for extra in ("-wal", "-shm"):
        path.with_name(path.name + extra).unlink(missing_ok=True)
    path.write_bytes(b"not a database, but long enough to be read as one" * 100)


@pytest.mark.parametrize("command", ["serve", "search"])
@pytest.mark.parametrize(
    ("harm", "told"),
    [
        pytest.param(_damage, "index.faiss", id="truncated snapshot"),
        pytest.param(_other_network, "weights", id="snapshot of another network"),
        pytest.param(_other_probes, "cosine", id="snapshot of other probes"),
        pytest.param(_newer_database, "newer", id="database newer than the code"),
        pytest.param(_damaged_database, "database", id="damaged database"),
    ],
)
def test_what_cannot_be_served_ends_in_one_sentence(
    run: Run, shop: Shop, photo: Path, harm: Callable[[Shop], None], told: str, command: str
) -> None:
    """The command exits with 1 and says on one line what is wrong, before it listens or searches."""
    harm(shop)

    outcome = run("serve", "--port", "0") if command == "serve" else run("search", photo)

    assert outcome.code == 1
    assert outcome.out == ""
    assert outcome.error.splitlines()[-1].startswith("Error: ")
    assert told in outcome.error.splitlines()[-1]
    assert "Traceback" not in outcome.error


def test_a_damaged_database_is_named(run: Run, shop: Shop, photo: Path) -> None:
    """Whoever runs the shop has to know which file to restore."""
    _damaged_database(shop)

    outcome = run("search", photo)

    assert outcome.code == 1
    assert str(shop.settings.data_dir / "catalogue.db") in outcome.error


def test_a_search_in_an_older_snapshot_says_so(run: Run, shop: Shop, photo: Path) -> None:
    """The published one is damaged: the warning names what answers instead and why, and the JSON has the reason."""
    older = publish(shop, product_ids=["mugs-01", "mugs-02"])
    newer = publish(shop)
    index = shop.settings.snapshots_dir / newer / "index.faiss"
    overwrite(index, index.read_bytes()[:-1])

    outcome = run("search", photo, "--json")

    assert outcome.code == 0
    assert f"Warning: Snapshot {older} answers instead of the published one. Snapshot {newer}: index" in outcome.error
    assert "index.faiss" in json.loads(outcome.out)["degraded_reason"]
    listed = run("snapshots", "list")
    assert "live, damaged" in listed.out
    assert "index.faiss has" in listed.out


@pytest.mark.parametrize(
    "command",
    [
        ("search", "PHOTO"),
        ("classify", "PHOTO"),
        ("serve", "--port", "0"),
        ("snapshots", "list"),
        ("snapshots", "rollback"),
        ("snapshots", "publish", "000001-00000000"),
        ("snapshots", "prune"),
        ("networks", "list"),
        ("networks", "verify", "efficientnet_lite0"),
        ("jobs", "list"),
        ("reindex",),
    ],
    ids=" ".join,
)
def test_a_mistyped_data_folder_is_not_made(run: Run, photo: Path, tmp_path: Path, command: tuple[str, ...]) -> None:
    """What only reads, or changes what must be there, creates nothing."""
    run(*(photo if word == "PHOTO" else word for word in command), "--data-dir", tmp_path / "mistyped")

    assert not (tmp_path / "mistyped").exists()


@pytest.mark.parametrize("command", ["search", "index"])
def test_a_data_folder_that_is_a_file_is_called_one(run: Run, photo: Path, command: str) -> None:
    """As after two arguments in the wrong order."""
    outcome = run(command, photo, "--data-dir", photo)

    assert (outcome.code, outcome.out) == (1, "")
    assert outcome.error == f"Error: LOOKALIKE_DATA_DIR (--data-dir) is {photo}, which is a file and not a folder.\n"


def test_commands_that_take_long_step_back(tmp_path: Path) -> None:
    """Before they do anything, so that searches of a service on this machine go first."""
    script = (
        "import os, sys\n"
        "from lookalike.cli import main\n"
        f"sys.argv = ['lookalike', 'index', 'nowhere', '--data-dir', {str(tmp_path / 'data')!r}]\n"
        "try:\n"
        "    main()\n"
        "except SystemExit as end:\n"
        "    print(end.code, os.nice(0))\n"
    )
    done = subprocess.run([sys.executable, "-c", script], cwd=REPOSITORY, capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "1 19", done.stderr


def test_a_port_in_use_is_named(run: Run, shop: Shop) -> None:  # noqa: ARG001  # the shop is what would be served
    """The message says which port, and how to choose another."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]

        outcome = run("serve", "--port", port)

    assert outcome.code == 1
    assert outcome.error.splitlines()[-1].startswith(f"Error: Port {port} on 127.0.0.1 is in use")


def test_serving_without_an_index_says_how_to_make_one(run: Run, tmp_path: Path) -> None:
    """An empty data folder is not an error that needs a manual."""
    outcome = run("serve", "--data-dir", tmp_path / "nothing")

    assert outcome.code == 1
    assert "lookalike index FOLDER" in outcome.error


class _Payload:
    def __init__(self, marker: Path) -> None:
        self._marker = marker

    def __reduce__(self) -> tuple[Callable[..., Any], tuple[Any, ...]]:
        return os.mkdir, (str(self._marker),)


@pytest.mark.parametrize("harm", ["truncated", "malicious", "missing", "text"])
def test_bad_weights_end_in_one_sentence(
    run: Run, shop: Shop, photo: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, harm: str
) -> None:
    """Weights that are damaged or dangerous are refused, no code in them runs, and the live index is untouched."""
    weights, marker = tmp_path / "weights.pth", tmp_path / "marker"
    if harm == "malicious":
        weights.write_bytes(pickle.dumps({"features.0.weight": _Payload(marker)}))
    elif harm != "missing":
        weights.write_bytes(b"PK\x03\x04" + b"\0" * 5000 if harm == "truncated" else b"no weights")
    monkeypatch.setenv("LOOKALIKE_VGG16_WEIGHTS", str(weights))
    live = (shop.settings.snapshots_dir / "CURRENT").read_bytes()

    outcome = run("index", photo.parent, "--network", "vgg16")

    assert outcome.code == 1
    assert outcome.error.splitlines()[-1].startswith("Error: ")
    assert not marker.exists()
    assert (shop.settings.snapshots_dir / "CURRENT").read_bytes() == live


@pytest.mark.parametrize("data", [b"", b"plain text"], ids=["empty", "text"])
def test_a_file_that_is_no_photo_is_refused_in_words(run: Run, tmp_path: Path, data: bytes) -> None:
    """A search with it exits with 1 and one sentence, before anything is loaded: here there is nothing to load."""
    (tmp_path / "file.jpg").write_bytes(data)

    outcome = run("search", tmp_path / "file.jpg", "--data-dir", tmp_path / "nothing")

    assert outcome.code == 1
    assert outcome.error.startswith("Error: The image has no bytes" if not data else "Error: The file is not an image")


def test_a_setting_that_makes_no_sense_is_named(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """The message names the environment variable."""
    monkeypatch.setenv("LOOKALIKE_PORT", "high")

    outcome = run("serve")

    assert outcome.code == 1
    assert outcome.error == "Error: LOOKALIKE_PORT is 'high'; it must be a whole number from 0 to 65535.\n"


def test_the_demo_indexes_shows_a_search_and_serves(run: Run, shop: Shop, tmp_path: Path) -> None:
    """On a folder of one's own it ends with the table of a search and the address of the page; Ctrl-C ends it well."""
    folder = tmp_path / "own"
    for product_id, photos in list(shop.photos.items())[:4]:
        (folder / product_id.partition("-")[0]).mkdir(parents=True, exist_ok=True)
        (folder / product_id.partition("-")[0] / f"{product_id}.jpg").write_bytes(photos[0])
    command = [sys.executable, "-m", "lookalike", "demo", str(folder), "--port", "0", "--data-dir", str(tmp_path / "d")]
    environment = {**os.environ, "LOOKALIKE_NETWORK": "efficientnet_lite0"}

    with (
        (tmp_path / "errors").open("w") as errors,
        subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=errors, text=True) as demo,
    ):
        assert demo.stdout is not None
        lines = list(takewhile(lambda line: "The search page is at" not in line, demo.stdout))
        demo.send_signal(signal.SIGINT)
        code = demo.wait(60)

    assert any("4 products with 4 pictures" in line for line in lines)
    assert any("│    1 │ 1.000" in line for line in lines)
    (key,) = [line.split()[-1] for line in lines if line.startswith("The key for http://")]
    assert len(key) == 43
    assert code == 0
    assert key not in (tmp_path / "errors").read_text()
    assert json.loads(run("keys", "list", "--json", "--data-dir", tmp_path / "d").out) == [], "it is stored nowhere"
    assert "/search" not in (tmp_path / "errors").read_text(), "the demo shows no log line of a request"
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "own.jpg").touch()
    refused = run("demo", tmp_path / "other", "--data-dir", tmp_path / "d", "--port", "0")
    assert refused.error.startswith("Error: The data folder")


def test_the_demo_looks_at_the_folder_before_it_makes_anything(run: Run, tmp_path: Path) -> None:
    """A misspelt name leaves no database behind."""
    refused = run("demo", tmp_path / "misspelt", "--data-dir", tmp_path / "d", "--port", "0")

    assert refused.code == 1
    assert refused.error.startswith(f"Error: {tmp_path / 'misspelt'} does not exist")
    assert not (tmp_path / "d").exists()
