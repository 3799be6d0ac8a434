"""The sample catalogue: enough to look at, varied, on light grounds, the same every time, and never half-drawn."""

import hashlib
import io
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from app.core.errors import DataDirNotWritable
from indexer.sample_catalogue import __main__ as program
from indexer.sample_catalogue import draw_query_photo, draw_sample_catalogue
from indexer.sample_catalogue.canvas import Canvas
from indexer.sample_catalogue.kinds import KINDS
from indexer.sample_catalogue.patterns import PATTERNS
from indexer.sample_catalogue.photo import Shot
from indexer.sources import open_source
from tests.support.feeds import outcomes


def pictures(folder: Path) -> dict[str, str]:
    """Each picture below the folder by its path, with the SHA-256 of its bytes."""
    return {
        path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.glob("*/*.jpg"))
    }


@pytest.fixture(scope="module")
def drawn(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A catalogue of two products of every kind."""
    folder = tmp_path_factory.mktemp("sample") / "catalogue"
    draw_sample_catalogue(folder, products=2 * len(KINDS))
    return folder


def test_every_kind_has_its_category_and_its_products(drawn: Path) -> None:
    """The sub-folders are the categories, far more than ten, and products are dealt evenly to them."""
    counts = {kind.category: len(list((drawn / kind.category).glob("*.jpg"))) for kind in KINDS}
    assert len(counts) >= 20
    assert set(counts.values()) == {2}


def test_file_names_say_what_is_on_the_picture(drawn: Path) -> None:
    """A product is called by its colour, its cut and its kind, and by a number that no other has."""
    stems = [path.stem for path in drawn.glob("t-shirts/*.jpg")]
    assert all(stem.rsplit("-", 1)[0].endswith("tee") for stem in stems)
    numbers = [int(path.stem.rsplit("-", 1)[1]) for path in drawn.glob("*/*.jpg")]
    assert sorted(numbers) == list(range(1, 2 * len(KINDS) + 1))


def test_no_two_pictures_are_alike(drawn: Path) -> None:
    """Each product has a picture of its own."""
    hashes = list(pictures(drawn).values())
    assert len(set(hashes)) == len(hashes)


def test_products_stand_out_from_light_backgrounds(drawn: Path) -> None:
    """The corners of every picture are light and nearly grey, and something else is in the middle."""
    for path in drawn.glob("*/*.jpg"):
        pixels = np.asarray(Image.open(path).convert("RGB"), dtype=np.int16)
        corners = np.stack([pixels[:12, :12], pixels[:12, -12:], pixels[-12:, :12], pixels[-12:, -12:]])
        assert corners.min() > 200, path
        assert (corners.max(axis=-1) - corners.min(axis=-1)).max() < 30, path
        assert pixels.std() > 8, path


def test_the_same_seed_draws_the_same_bytes(drawn: Path, tmp_path: Path) -> None:
    """Drawing again gives identical files, and another seed gives others."""
    draw_sample_catalogue(tmp_path / "again", products=len(KINDS))
    draw_sample_catalogue(tmp_path / "other", seed=5, products=len(KINDS))
    again, first = pictures(tmp_path / "again"), pictures(drawn)
    assert again.items() <= first.items()
    assert not set(pictures(tmp_path / "other").values()) & set(first.values())


def test_a_second_call_does_nothing(tmp_path: Path) -> None:
    """What is already drawn is neither redrawn nor touched."""
    folder = tmp_path / "catalogue"
    draw_sample_catalogue(folder, products=3)
    before = {path: path.stat().st_mtime_ns for path in folder.rglob("*")}
    draw_sample_catalogue(folder, products=3, on_progress=lambda _done, _total: pytest.fail("drew a picture again"))
    assert {path: path.stat().st_mtime_ns for path in folder.rglob("*")} == before


def test_an_interrupted_run_leaves_no_catalogue_and_the_next_one_completes_it(tmp_path: Path) -> None:
    """Stopping half-way never leaves a folder that looks finished."""
    folder = tmp_path / "catalogue"

    def stop_half_way(done: int, total: int) -> None:
        if done * 2 >= total:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        draw_sample_catalogue(folder, products=4, on_progress=stop_half_way)
    assert not folder.exists()
    draw_sample_catalogue(folder, products=4)
    assert len(pictures(folder)) == 4
    assert [path.name for path in tmp_path.iterdir()] == ["catalogue"]


def test_a_catalogue_that_lost_a_file_is_drawn_again(tmp_path: Path) -> None:
    """A picture that somebody removed comes back."""
    folder = tmp_path / "catalogue"
    draw_sample_catalogue(folder, products=3)
    whole = pictures(folder)
    (folder / next(iter(whole))).unlink()
    draw_sample_catalogue(folder, products=3)
    assert pictures(folder) == whole


def test_a_catalogue_of_another_size_is_replaced(tmp_path: Path) -> None:
    """Asking for fewer products leaves none of the others behind."""
    folder = tmp_path / "catalogue"
    draw_sample_catalogue(folder, products=5)
    draw_sample_catalogue(folder, products=2)
    assert len(pictures(folder)) == 2


def test_a_folder_of_somebodys_own_is_refused_and_kept(tmp_path: Path) -> None:
    """Files that are no sample catalogue are never replaced by one."""
    folder = tmp_path / "mine"
    folder.mkdir()
    (folder / "thesis.txt").write_text("important")
    with pytest.raises(DataDirNotWritable, match="LOOKALIKE_DATA_DIR"):
        draw_sample_catalogue(folder, products=1)
    assert (folder / "thesis.txt").read_text() == "important"


def test_progress_counts_every_product(tmp_path: Path) -> None:
    """Whoever shows progress hears of each product, up to the last."""
    heard: list[tuple[int, int]] = []
    draw_sample_catalogue(
        tmp_path / "catalogue", products=3, on_progress=lambda done, total: heard.append((done, total))
    )
    assert heard == [(1, 3), (2, 3), (3, 3)]


def test_the_query_photo_is_of_a_product_that_the_catalogue_lacks(drawn: Path) -> None:
    """The photo for the first search is a JPEG with a title in words, and no file of the catalogue."""
    title, jpeg = draw_query_photo(3)
    assert Image.open(io.BytesIO(jpeg)).format == "JPEG"
    assert any(title.endswith(kind.noun.replace("-", " ")) for kind in KINDS)
    assert hashlib.sha256(jpeg).hexdigest() not in pictures(drawn).values()
    assert draw_query_photo(3) == (title, jpeg)


def test_a_design_comes_in_several_colours(drawn: Path) -> None:
    """The first two mugs differ in nothing but their colour, by their names: each has an obvious lookalike."""
    first, second = (path.stem.rsplit("-", 1)[0] for path in drawn.glob("mugs/*.jpg"))
    different_letters = [a != b for a, b in zip(reversed(first), reversed(second), strict=False)]
    same_ending = first[-different_letters.index(True) :]
    assert same_ending.count("-") >= 2, (first, second)


def test_everything_that_the_tables_offer_can_be_drawn() -> None:
    """Every cut of every kind, and every pattern in at least one of them, leaves something on the canvas."""
    view = Shot("lying", 0, 1, (0, 0), (0, 0), mirrored=False, background=0, brightness=1).view()
    for kind in KINDS:
        for place in range(max(len(kind.cuts), len(kind.patterns))):
            canvas = Canvas(view)
            cut, pattern = kind.cuts[place % len(kind.cuts)], kind.patterns[place % len(kind.patterns)]
            kind.draw(canvas, kind.design(cut, pattern, kind.colours[0], np.random.default_rng(place)))
            assert 0.02 < canvas.coverage.mean() < 0.8, (kind.category, cut, pattern)
            assert np.isfinite(canvas.colours).all(), (kind.category, cut, pattern)


def test_every_pattern_that_is_sold_is_known() -> None:
    """A pattern without a drawing would come out plain while its title says otherwise."""
    sold = {pattern for kind in KINDS for pattern in kind.patterns}
    assert sold - set(PATTERNS) <= {"plain", "denim", "printed"}


@pytest.fixture
def draw(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Run `python -m indexer.sample_catalogue` in this process."""

    def run(*arguments: object) -> None:
        monkeypatch.setattr(sys, "argv", ["sample_catalogue", *map(str, arguments)])
        program.main()

    return run


def test_a_feed_states_what_was_drawn(draw: Callable[..., None], tmp_path: Path) -> None:
    """Every picture is a product with an address that leads to it; nothing is refused."""
    draw(tmp_path / "shop", "--products", len(KINDS), "--address", "http://shop.invalid:9000/")
    feed = tmp_path / "shop" / "feed.csv"

    products, refused = outcomes(open_source(str(feed)))

    assert refused == []
    addresses = {image.address for product in products for image in product.images}
    assert addresses == {f"http://shop.invalid:9000/{name}" for name in pictures(feed.parent)}
    assert {product.category for product in products} == {kind.category for kind in KINDS}
    assert all(product.price and product.currency == "EUR" and product.attributes["season"] for product in products)
    stated = feed.read_bytes()
    feed.write_text("edited")
    draw(feed.parent, "--products", len(KINDS), "--address", "http://shop.invalid:9000")
    assert feed.read_bytes() == stated


def test_the_program_refuses_a_folder_of_somebodys_own_in_a_sentence(
    draw: Callable[..., None], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """And ends with the code of a failure."""
    (tmp_path / "thesis.txt").write_text("important")
    with pytest.raises(SystemExit) as end:
        draw(tmp_path)
    assert end.value.code == 1
    assert capsys.readouterr().err.startswith("Error: The sample catalogue would replace")
