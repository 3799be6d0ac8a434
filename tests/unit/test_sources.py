import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.core.errors import SourceEmpty, SourceMissing
from indexer.sources import read_folder


def _touch(folder: Path, *names: str) -> Path:
    for name in names:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    return folder


def test_sub_folders_are_categories_and_files_are_products(tmp_path: Path) -> None:
    """A file is a product, the sub-folder that it is in is its category, and its name is its title."""
    products = read_folder(_touch(tmp_path, "mugs/blue-mug_1.jpg", "lamps/tall/red.png", "loose.webp"))

    assert [(product.id, product.title, product.category) for product in products] == [
        ("lamps-tall-red", "Red", "lamps"),
        ("loose", "Loose", None),
        ("mugs-blue-mug_1", "Blue mug 1", "mugs"),
    ]


def test_files_that_share_their_name_before_two_underscores_are_one_product(tmp_path: Path) -> None:
    """Several pictures of a product come in the order of their names; the same name elsewhere is another product."""
    folder = _touch(tmp_path, "mugs/m__side.jpg", "mugs/m.jpg", "mugs/m__front.jpg", "lamps/m__front.jpg")

    products = {product.id: [Path(image.place).name for image in product.images] for product in read_folder(folder)}

    assert products == {"lamps-m": ["m__front.jpg"], "mugs-m": ["m.jpg", "m__front.jpg", "m__side.jpg"]}


def test_hidden_files_and_folders_are_passed_over(tmp_path: Path) -> None:
    """What an operating system leaves behind is no product."""
    products = read_folder(_touch(tmp_path, "mugs/a.jpg", "mugs/.DS_Store", ".thumbs/b.jpg"))

    assert [product.id for product in products] == ["mugs-a"]


def test_names_that_an_id_cannot_hold_stay_apart(tmp_path: Path) -> None:
    """Two products never share an id, whatever characters their files are named with."""
    products = read_folder(_touch(tmp_path, "tee shirts/a b.jpg", "tee shirts/a&b.jpg", "tee_shirts/a_b.jpg"))

    assert len({product.id for product in products}) == 3


def test_ids_of_names_in_any_script_do_not_depend_on_the_other_files(tmp_path: Path) -> None:
    """A product keeps its id when files are added before it, whatever alphabet its name is written in."""
    before = {product.title: product.id for product in read_folder(_touch(tmp_path, "靴/赤い靴.jpg", "靴/青い靴.jpg"))}

    after = {product.title: product.id for product in read_folder(_touch(tmp_path, "靴/あ.jpg", "a/x.jpg"))}

    assert len(set(after.values())) == 4
    assert before.items() <= after.items()


def test_linked_folders_are_categories_too_and_circles_end(tmp_path: Path) -> None:
    """A category may be a link to a folder elsewhere; a link back to the top is not followed for ever."""
    _touch(tmp_path / "elsewhere", "a.jpg")
    folder = _touch(tmp_path / "photos", "mugs/b.jpg")
    (folder / "lamps").symlink_to(tmp_path / "elsewhere")
    (folder / "mugs" / "again").symlink_to(folder)

    assert [product.id for product in read_folder(folder)] == ["lamps-a", "mugs-b"]


@given(st.lists(st.text(st.characters(codec="utf-8", exclude_characters="/\0"), min_size=1, max_size=20), max_size=8))
def test_every_file_is_in_exactly_one_product(tmp_path_factory: pytest.TempPathFactory, names: list[str]) -> None:
    """Whatever the files are called, ids are unique and plain, titles are not empty, and no file is lost or doubled."""
    folder = tmp_path_factory.mktemp("source")
    written = {name for name in names if name not in {".", ".."} and len(name.encode()) < 200}
    _touch(folder, "x.jpg", *(f"c/{name}" for name in written))

    products = read_folder(folder)

    files = [image for product in products for image in product.images]
    assert len(files) == len(set(files)) == 1 + sum(not name.startswith(".") for name in written)
    assert len({product.id for product in products}) == len(products)
    assert all(re.fullmatch(r"[A-Za-z0-9._~-]+", product.id) and product.title for product in products)


def test_a_missing_folder_is_named(tmp_path: Path) -> None:
    """The message says what does not exist and what to name instead."""
    with pytest.raises(SourceMissing, match="does not exist; name a folder"):
        read_folder(tmp_path / "nowhere")


def test_a_file_is_no_folder(tmp_path: Path) -> None:
    """A single picture is refused by what it is."""
    with pytest.raises(SourceMissing, match="is not a folder"):
        read_folder(_touch(tmp_path, "a.jpg") / "a.jpg")


def test_an_empty_folder_is_refused(tmp_path: Path) -> None:
    """A folder without files would empty the index; it is refused with advice."""
    (tmp_path / "mugs").mkdir()

    with pytest.raises(SourceEmpty, match="holds no files"):
        read_folder(tmp_path)
