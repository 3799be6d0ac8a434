"""What is asked: labelled folders, files of queries, and which of many are drawn."""

from pathlib import Path

import pytest

from app.core.errors import SourceEmpty, SourceMissing
from indexer.evaluation.queries import Query, read_queries, sampled

ALL = 1_000


def read(path: Path, count: int = ALL) -> tuple[Query, ...]:
    """Return the queries of a folder or a file."""
    return read_queries(path, count=count, seed=1).queries


def test_a_labelled_folder_names_the_categories(tmp_path: Path) -> None:
    """Each file is a query, of the category that its sub-folder is called; those directly in the folder have none."""
    for name in ("mugs/red.jpg", "mugs/red__side.jpg", "lamps/tall.jpg", "loose.jpg"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(b"")

    found = {query.name: query.category for query in read(tmp_path)}

    assert found == {"mugs/red.jpg": "mugs", "mugs/red__side.jpg": "mugs", "lamps/tall.jpg": "lamps", "loose.jpg": None}


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("queries.csv", "image,products\nphotos/1.jpg,mug-1|mug 7\nphotos/2.jpg,lamp-3\n"),
        ("queries.csv", "image;products;note\nphotos/1.jpg;mug-1;\nphotos/2.jpg;lamp-3;\nphotos/1.jpg;mug 7;late\n"),
        (
            "queries.jsonl",
            '{"image": "photos/1.jpg", "products": ["mug-1","mug 7"]}\n{"image": "photos/2.jpg", "products": "lamp-3"}',
        ),
    ],
    ids=["csv", "a row for each product", "jsonl"],
)
def test_a_file_names_pictures_and_the_products_that_they_should_find(tmp_path: Path, name: str, content: str) -> None:
    """The same queries, however they are written; paths are relative to the file."""
    path = tmp_path / name
    path.write_text(content)

    first, second = read(path)

    assert (first.picture, first.product_ids) == (tmp_path / "photos/1.jpg", ("mug-1", "mug 7"))
    assert (second.name, second.product_ids) == ("photos/2.jpg", ("lamp-3",))


def test_rows_that_cannot_be_used_are_told_by_their_numbers(tmp_path: Path) -> None:
    """The others are asked all the same."""
    path = tmp_path / "queries.jsonl"
    path.write_text('{"image": "1.jpg", "products": ["a"]}\n{"image": "2.jpg"}\nnonsense\n{"products": ["a"]}\n')

    found = read_queries(path, count=ALL, seed=1)

    assert [query.name for query in found.queries] == ["1.jpg"]
    assert [skipped.place for skipped in found.skipped] == [f"queries.jsonl, row {row}" for row in (2, 3, 4)]
    assert "`products`" in found.skipped[0].message
    assert "`image`" in found.skipped[2].message


def test_a_file_without_a_usable_row_is_refused_with_the_reason(tmp_path: Path) -> None:
    """As one with columns of other names."""
    path = tmp_path / "queries.csv"
    path.write_text("photo,ids\n1.jpg,a\n")

    with pytest.raises(SourceEmpty, match=r"no usable query.*`image`"):
        read(path)


def test_what_does_not_exist_is_refused(tmp_path: Path) -> None:
    """Neither a folder nor a file."""
    with pytest.raises(SourceMissing, match="does not exist"):
        read(tmp_path / "nothing")


def test_a_sample_is_the_same_again_and_changes_little_with_the_catalogue() -> None:
    """Of a thousand names a hundred are drawn; ten names more, or fewer, change a few of them."""
    names = [f"picture {i}" for i in range(1_000)]

    drawn = sampled(names, str, 100, seed=5)

    assert len(drawn) == 100
    assert drawn == sampled(names, str, 100, seed=5)
    assert drawn != sampled(names, str, 100, seed=6)
    assert drawn == sorted(drawn, key=names.index)
    assert len(set(drawn) & set(sampled(names[10:], str, 100, seed=5))) >= 90
    assert sampled(names, str, 1_000, seed=5) == names


def test_a_sample_draws_from_all_parts() -> None:
    """No part of the catalogue is drawn more often than by chance."""
    drawn = sampled(list(range(10_000)), str, 1_000, seed=20171)

    counts = [sum(start <= i < start + 1_000 for i in drawn) for start in range(0, 10_000, 1_000)]
    assert min(counts) > 60
    assert max(counts) < 140


def test_a_file_with_more_queries_than_are_wanted_is_sampled(tmp_path: Path) -> None:
    """The total is told beside those that are asked."""
    path = tmp_path / "queries.csv"
    path.write_text("image,products\n" + "".join(f"{i}.jpg,p{i}\n" for i in range(50)))

    found = read_queries(path, count=20, seed=1)

    assert (len(found.queries), found.total) == (20, 50)
