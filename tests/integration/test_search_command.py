"""What `lookalike search` says of a photo in words, and what it draws."""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from app.core.settings import Settings
from lookalike.commands.search import in_words, price_of, print_search
from tests.support.command_line import Run, run
from tests.support.shop import Shop

__all__ = ["run"]


@pytest.fixture
def photo(shop: Shop, tmp_path: Path) -> Path:
    """A photo of a product of the shop."""
    path = tmp_path / "photo.jpg"
    path.write_bytes(shop.photos["mugs-01"][0])
    return path


@pytest.fixture
def data_dir(shop: Shop, tmp_path: Path) -> Path:
    """A copy of the shop's data."""
    copied = tmp_path / "data"
    shutil.copytree(shop.settings.data_dir, copied)
    return copied


def _document(verdict: str | None, confidence: float = 0.97) -> dict[str, Any]:
    match = verdict and {"verdict": verdict, "confidence": confidence}
    return {"match": match, "results": [{"product": {"title": "Mug 01"}}]}


@pytest.mark.parametrize(
    ("verdict", "said"),
    [
        ("exact", "This very picture is in the catalogue: Mug 01 (97% sure)."),
        ("similar", "Something alike is in the catalogue (97% sure)."),
        ("none", "Nothing quite like it is in this catalogue; these are the closest (97% sure)."),
        (None, ""),
    ],
)
def test_a_verdict_is_said_in_a_sentence(verdict: str | None, said: str) -> None:
    """And nothing where the index can give none."""
    assert in_words(_document(verdict)) == said


def test_a_filter_may_leave_out_the_very_picture() -> None:
    """So the first hit is not named as if it were that."""
    assert in_words(_document("exact"), is_filtered=True) == "This very picture is in the catalogue (97% sure)."


@pytest.mark.parametrize(
    ("price", "currency", "told"),
    [
        (19.9, "EUR", "19.90 EUR"),
        (2000, "JPY", "2,000.00 JPY"),
        (0.0125, "USD", "0.0125 USD"),
        (5, None, "5.00"),
        (None, "EUR", ""),
    ],
)
def test_a_price_is_told_with_its_currency(price: float | None, currency: str | None, told: str) -> None:
    """As a shop writes it; nothing where there is no price."""
    assert price_of({"price": price, "currency": currency}) == told


@pytest.mark.parametrize("prices", [(1219.9, None), (None, None)], ids=["one has a price", "none has one"])
def test_prices_are_shown_where_there_are_some(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, prices: tuple[float | None, ...]
) -> None:
    """Between 80 columns, without breaking a price or the id."""
    monkeypatch.setenv("COLUMNS", "80")
    product = {"title": "Tan chunky-soled boots", "category": "Ankle boots", "id": "ankle-boots-0123456789"}
    products = [{**product, "price": price, "currency": price and "EUR"} for price in prices]
    results = [{"rank": rank, "score": 0.9, "product": each} for rank, each in enumerate(products, start=1)]
    print_search({"match": None, "classes": [], "categories": [], "low_confidence": False, "results": results})
    out = capsys.readouterr().out
    assert max(map(len, out.splitlines())) <= 80
    assert ("Price" in out, "1,219.90 EUR" in out) == ((True, True) if prices[0] else (False, False))
    assert "ankle-boots-0123456789" in out
    assert "chunky-soled" in out


def test_an_explanation_is_drawn(run: Run, photo: Path, data_dir: Path, tmp_path: Path) -> None:
    """One row for each hit; the JSON has the maps too, and names the file."""
    drawn = tmp_path / "why.png"
    outcome = run("search", photo, "-k", "2", "--explain", drawn, "--data-dir", data_dir, "--json")
    assert outcome.code == 0, outcome.error
    document = json.loads(outcome.out)
    assert document["explanation_file"] == str(drawn)
    assert all(hit["explanation"]["query"]["values"] for hit in document["results"])
    with Image.open(drawn) as picture:
        assert picture.format == "PNG"
        assert picture.height > 2 * 320


def test_what_cannot_be_explained_is_not_drawn(run: Run, photo: Path, data_dir: Path, tmp_path: Path) -> None:
    """The hits are shown all the same, with a warning that says what helps."""
    shutil.rmtree(Settings.load(data_dir=data_dir).regions_dir)
    outcome = run("search", photo, "-k", "2", "--explain", tmp_path / "why.png", "--data-dir", data_dir)
    assert outcome.code == 0, outcome.error
    assert "mugs-01" in outcome.out
    assert "lookalike reindex --full" in outcome.error
    assert not (tmp_path / "why.png").exists()


def test_a_drawing_that_cannot_be_written_is_said_so(run: Run, photo: Path, data_dir: Path, tmp_path: Path) -> None:
    """In one sentence, with exit code 1."""
    outcome = run("search", photo, "-k", "1", "--explain", tmp_path / "gone" / "why.png", "--data-dir", data_dir)
    assert outcome.code == 1
    assert "Traceback" not in outcome.error
