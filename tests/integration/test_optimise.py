"""`lookalike networks optimise`: a network in int8, made and judged with the shop's own pictures."""

import json
import sys
from pathlib import Path

import pytest

from app.core.embedder import open_embedder
from app.core.runtimes.quantising import Recipe
from app.core.settings import Settings
from indexer.optimising import agreement, optimise, pictures
from tests.support.command_line import Run, built_shop, run, shop
from tests.support.shop import Shop

__all__ = ["built_shop", "run", "shop"]

NETWORK = "efficientnet_lite0"
needs_nncf = pytest.mark.usefixtures("_nncf")


@pytest.fixture
def _nncf() -> None:
    """Skip what needs NNCF where it is not installed: it is an extra."""
    pytest.importorskip("nncf", reason="needs the extra int8")


@pytest.fixture
def small_shop(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> Shop:
    """A shop whose few pictures are enough, and one way to quantise."""
    monkeypatch.setattr(pictures, "FEWEST", 20)
    monkeypatch.setattr(optimise, "RECIPES", (Recipe("all but 10", 10, has_wide_ranges=True),))
    return shop


@needs_nncf
def test_a_network_that_stays_near_is_kept_and_used(
    run: Run, small_shop: Shop, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Its figures are told; `openvino-int8` then searches the index that float32 built."""
    monkeypatch.setattr(agreement, "LEAST", {"cosine_mean": 0.95, "first_hit_kept": 0.8})
    outcome = run("networks", "optimise", "--json")
    assert outcome.code == 0, outcome.out + outcome.error
    (found,) = json.loads(outcome.out)
    assert (found["network"], found["accepted"], found["looked_at"], found["judged"]) == (NETWORK, True, 10, 20)
    (attempt,) = found["attempts"]
    assert 0.95 <= attempt["figures"]["cosine_mean"] < 1
    assert 0.5 < attempt["figures"]["overlap_at_10"] < 1
    assert Path(found["folder"]).is_relative_to(small_shop.settings.resolved_weights_dir)
    assert "Quantising" in outcome.error

    monkeypatch.setenv("LOOKALIKE_RUNTIME", "openvino-int8")
    (tmp_path / "mug.jpg").write_bytes(small_shop.photos["mugs-01"][0])
    searched = run("search", tmp_path / "mug.jpg", "--json")
    assert searched.code == 0, searched.error
    assert json.loads(searched.out)["results"][0]["product"]["id"] == "mugs-01"
    assert open_embedder(Settings.load(), NETWORK).runtime == "openvino-int8"


@needs_nncf
def test_a_network_that_does_not_is_refused_in_words(
    run: Run, small_shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing is kept, and the exit code says so."""
    monkeypatch.setattr(agreement, "LEAST", {"overlap_at_10": 1.01})
    outcome = run("networks", "optimise", NETWORK)
    assert outcome.code == 1
    assert "does not come near enough to float32; nothing was kept" in outcome.out
    assert "overlap of the ten hits" in outcome.out
    assert not (small_shop.settings.resolved_weights_dir / "int8").exists()


def test_without_nncf_it_is_said_how_to_install_it(run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """At once, and not after minutes."""
    monkeypatch.setitem(sys.modules, "nncf", None)
    outcome = run("networks", "optimise", "--data-dir", tmp_path / "none")
    assert outcome.code == 1
    assert "pip install '.[int8]'" in outcome.error


@needs_nncf
def test_too_few_pictures_are_told(run: Run, shop: Shop) -> None:
    """Ten hits would be most of them."""
    assert sum(map(len, shop.photos.values())) == 30
    outcome = run("networks", "optimise")
    assert outcome.code == 1
    assert "30 pictures of the catalogue can be read, and at least 60 are needed" in outcome.error


@needs_nncf
def test_without_an_index_it_is_told(run: Run, tmp_path: Path) -> None:
    """There are no pictures without one."""
    outcome = run("networks", "optimise", "--data-dir", tmp_path / "none")
    assert outcome.code == 1
    assert "lookalike index" in outcome.error
