"""`lookalike evaluate`, on a small shop and the real network: what it prints, writes and compares."""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from app.core.snapshot_folder import SnapshotFolder
from tests.support.command_line import Outcome, Run, built_shop, run, shop
from tests.support.indexing import OTHER_NETWORK
from tests.support.shop import CATEGORIES, Shop, publish

__all__ = ["built_shop", "run", "shop"]

PICTURES = 30
"""Of 24 products, three of which have three pictures."""


@pytest.fixture
def labelled(shop: Shop, tmp_path: Path) -> Path:
    """A folder with two pictures of each category, some of which the catalogue has as well."""
    for product_id in ("mugs-00", "mugs-03", "bags-01", "bags-04", "lamps-02", "lamps-05"):
        path = tmp_path / "labelled" / product_id.split("-")[0] / f"{product_id}.jpg"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(shop.photos[product_id][0])
    return tmp_path / "labelled"


def document(outcome: Outcome) -> dict[str, Any]:
    """Return what a command printed as JSON."""
    assert outcome.code == 0, outcome.error
    found: dict[str, Any] = json.loads(outcome.out)
    return found


def live(shop: Shop) -> str:
    """Return the id of the live snapshot."""
    current = SnapshotFolder(shop.settings.snapshots_dir).current()
    assert current is not None
    return current.id


def test_the_catalogue_is_asked_with_its_own_pictures(run: Run, shop: Shop) -> None:
    """Figures by category and by product, with intervals, each category, and the index against exact search."""
    found = document(run("evaluate", "--json"))

    (evaluated,) = found["evaluated"]
    by_category, by_product = evaluated["figures"]["by_category"], evaluated["figures"]["by_product"]
    assert found["queries"]["asked"] == by_category["queries"] == PICTURES
    assert by_product["queries"] == 9  # a product with one picture cannot find itself by another
    for figures in (by_category, by_product):
        for name in ("precision_at_10", "recall_at_10", "map", "ndcg_at_10"):
            assert 0 <= figures[name]["low"] <= figures[name]["value"] <= figures[name]["high"] <= 1
    assert by_product["recall_at_10"]["value"] == 1
    assert evaluated["index_against_exact"] == {"queries": PICTURES, "recall_at_10": 1}
    assert {row["category"] for row in evaluated["categories"]} == set(CATEGORIES)
    assert evaluated["snapshot"] == live(shop)


def test_the_report_is_a_file_to_look_at(run: Run, shop: Shop) -> None:
    """Without --json: the verdict and tables on the terminal, the pictures in one file that needs no other."""
    outcome = run("evaluate")

    html = (shop.settings.data_dir / "reports" / "evaluation.html").read_text()
    assert outcome.code == 0
    assert outcome.out.startswith("Of the 10 products shown for a picture, ")
    assert "precision@10 by category" in outcome.out
    assert "evaluation.html" in outcome.out
    assert html.count("data:image/jpeg") > PICTURES
    assert "<script" not in html
    assert 'src="http' not in html


@pytest.mark.usefixtures("shop")
def test_the_worst_queries_come_first(run: Run) -> None:
    """Fifty at most, by falling nDCG, each with its hits, and whether each is right."""
    worst = document(run("evaluate", "--json"))["worst"]

    ndcg = [entry["answers"][0]["ndcg"] for entry in worst]
    assert ndcg == sorted(ndcg)
    assert len(worst) == PICTURES
    for entry in worst:
        for hit in entry["answers"][0]["hits"]:
            assert hit["right"] == (hit["category"] == entry["category"])
            assert hit["product"] != entry["query"]


def test_a_labelled_folder_is_asked_with(run: Run, labelled: Path) -> None:
    """The pictures that the catalogue has too are left out of the search; what cannot be used is counted."""
    (labelled / "mugs" / "broken.jpg").write_bytes(b"no picture")
    (labelled / "hats").mkdir()
    shutil.copy(labelled / "mugs" / "mugs-03.jpg", labelled / "hats" / "hat.jpg")

    found = document(run("evaluate", labelled, "--json"))

    assert found["queries"]["kind"] == "folder"
    assert (found["queries"]["asked"], found["queries"]["unreadable"]) == (7, 1)
    assert found["queries"]["unknown"] == ["hats"]
    assert found["evaluated"][0]["figures"]["by_category"]["queries"] == 6
    assert "by_product" not in found["evaluated"][0]["figures"]
    for entry in found["worst"]:
        own = Path(entry["query"]).stem
        assert own not in [hit["product"] for hit in entry["answers"][0]["hits"]]


def test_a_file_says_what_should_be_found(run: Run, labelled: Path) -> None:
    """Figures are by product; products that the catalogue does not have are named, and cannot be found."""
    path = labelled / "queries.jsonl"
    queries = [
        {"image": "mugs/mugs-00.jpg", "products": ["mugs-00", "mugs-01"]},
        {"image": "bags/bags-01.jpg", "products": ["bags-04", "gone"]},
    ]
    path.write_text("\n".join(map(json.dumps, queries)) + "\n")

    found = document(run("evaluate", path, "--json"))

    assert found["queries"]["unknown"] == ["gone"]
    assert found["evaluated"][0]["figures"]["by_product"]["queries"] == 2
    assert found["evaluated"][0]["figures"]["by_category"]["queries"] == 2  # what should be found has one category
    assert "should be found" in found["verdict"]


def test_two_snapshots_are_compared_on_the_same_queries(run: Run, shop: Shop) -> None:
    """One without a third of the products: asked with the pictures that both have, query by query."""
    whole = live(shop)
    smaller = publish(shop, product_ids=[name for name in shop.photos if not name.startswith("lamps")])

    found = document(run("evaluate", "--compare", whole, "live", "--json"))

    assert [each["snapshot"] for each in found["evaluated"]] == [whole, smaller]
    assert found["queries"]["asked"] == 20
    difference = found["difference"]["by_category"]["precision_at_10"]
    before, after = (each["figures"]["by_category"]["precision_at_10"]["value"] for each in found["evaluated"])
    assert difference["value"] == pytest.approx(after - before, abs=1e-5)
    assert difference["low"] <= difference["value"] <= difference["high"]
    assert {row["category"] for row in found["difference"]["categories"]} == {"mugs", "bags"}


@pytest.mark.usefixtures("shop")
def test_two_networks_are_compared_and_what_is_missing_is_embedded_once(run: Run) -> None:
    """The same network twice is as good as itself; the second time, every picture is known."""
    first = run("evaluate", "--compare", "live", OTHER_NETWORK, "--json")
    again = run("evaluate", "--network", OTHER_NETWORK)

    found = document(first)
    assert found["evaluated"][1]["network"] == OTHER_NETWORK
    assert found["difference"]["by_category"]["precision_at_10"]["value"] == 0
    assert "cannot be told" in found["verdict"]
    assert f"Embedding pictures with {OTHER_NETWORK}: {PICTURES}" in first.error
    assert f"Embedding pictures with {OTHER_NETWORK}: done" not in again.error
    assert again.code == 0


@pytest.mark.usefixtures("shop")
def test_the_gate_ends_with_exit_code_1(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where less is found than is asked for, a script sees it, and a person reads why."""
    monkeypatch.setenv("LOOKALIKE_GATE_PRODUCT_RECALL", "0.5")
    passed = run("evaluate", "--gate")
    monkeypatch.setenv("LOOKALIKE_GATE_PRECISION", "1")
    failed = run("evaluate", "--gate")
    as_json = run("evaluate", "--gate", "--json")

    assert (passed.code, failed.code, as_json.code) == (0, 1, 1)
    assert "The gate is passed." in passed.out
    assert "LOOKALIKE_GATE_PRECISION" in failed.out
    assert json.loads(as_json.out)["gate"]["passed"] is False


def test_the_gate_of_a_comparison_is_about_getting_worse(run: Run, shop: Shop) -> None:
    """A second one that is as good passes without any setting."""
    outcome = run("evaluate", "--compare", "live", live(shop), "--gate")

    assert outcome.code == 0
    assert "The gate is passed." in outcome.out


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (["--gate"], "LOOKALIKE_GATE_PRECISION"),
        (["--gate", "-k", "5"], "10 hits"),
        (["--compare", "live", "live", "--network", "vgg16"], "--compare A B"),
    ],
    ids=["a gate without a setting", "a gate of another k", "three at once"],
)
@pytest.mark.usefixtures("shop")
def test_options_that_do_not_fit_are_wrong_usage(run: Run, options: list[str], told: str) -> None:
    """Exit code 2, before anything is measured."""
    outcome = run("evaluate", *options)

    assert outcome.code == 2
    assert told in outcome.error


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (["--snapshot", "000099-00000000"], "no snapshot 000099-00000000"),
        (["--network", "nonsense"], "no network named"),
        (["nowhere"], "does not exist"),
    ],
)
@pytest.mark.usefixtures("shop")
def test_what_is_not_there_is_told(run: Run, options: list[str], told: str) -> None:
    """Exit code 1 and one sentence."""
    outcome = run("evaluate", *options)

    assert outcome.code == 1
    assert told in outcome.error
    assert "Traceback" not in outcome.error


def test_without_an_index_there_is_nothing_to_evaluate(run: Run, tmp_path: Path) -> None:
    """The message names the command that makes one."""
    outcome = run("evaluate", "--data-dir", tmp_path / "empty")

    assert outcome.code == 1
    assert "lookalike index" in outcome.error
    assert not (tmp_path / "empty").exists()


def test_networks_are_searched_and_the_best_is_kept(run: Run, shop: Shop) -> None:
    """The network in use, alone: its figures, what it costs, and that nothing is better."""
    found = document(run("evaluate", "--search-networks", "--networks", "efficientnet_lite0", "--json"))

    (network,) = found["networks"]
    assert found["in_use"] == found["best"] == network["network"] == "efficientnet_lite0"
    assert "none finds more" in found["verdict"]
    assert network["bytes_a_picture"] == 2 * 1280
    assert network["index_memory_bytes"] == PICTURES * 4 * 1280
    assert network["ms_a_picture"] > 0
    assert 0 <= network["category_accuracy"]["value"] <= 1
    assert (shop.settings.data_dir / "reports" / "networks.html").is_file()


@pytest.mark.parametrize("options", [["--networks", "vgg16"], ["--search-networks", "--gate"]])
@pytest.mark.usefixtures("shop")
def test_a_search_goes_alone(run: Run, options: list[str]) -> None:
    """Exit code 2, before anything is measured."""
    assert run("evaluate", *options).code == 2
