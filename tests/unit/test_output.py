import pytest

from lookalike.output import print_table

COLUMNS = ("Rank ", "Score ", "Title", "Category", "Product")
ROW = ("1", "0.918", "Tan chunky-soled boots", "Ankle boots")
SNAPSHOTS = ("State", "Snapshot", "Network", "Products ", "Pictures ", "Published")


def printed(capsys: pytest.CaptureFixture[str], product_id: str) -> str:
    """Return the table of one hit."""
    print_table("", COLUMNS, [(*ROW, product_id)], whole="Product", spare="Category")
    return capsys.readouterr().out


@pytest.mark.parametrize("id_chars", [10, 40, 55, 200])
def test_headings_scores_and_titles_can_be_read_at_80_columns(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, id_chars: int
) -> None:
    """However long the ids are: numbers and headings stay on one line, titles break between words only."""
    monkeypatch.setenv("COLUMNS", "80")
    out = printed(capsys, "x" * id_chars)
    lines = out.splitlines()
    assert {len(line) for line in lines} <= {len(lines[0])}
    assert len(lines[0]) <= 80
    assert all(word in out for word in ("Rank", "Score", "Title", "Product", "0.918", "chunky-soled", "boots"))


@pytest.mark.parametrize(("id_chars", "is_whole"), [(45, True), (55, False)])
def test_ids_stay_whole_where_there_is_room(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, id_chars: int, *, is_whole: bool
) -> None:
    """They are there to be copied; what else there is must stay readable."""
    monkeypatch.setenv("COLUMNS", "80")
    assert ("x" * id_chars in printed(capsys, "x" * id_chars)) is is_whole


@pytest.mark.parametrize(("columns", "is_shown"), [("80", False), ("120", True)])
def test_a_column_that_can_be_spared_is_shown_where_there_is_room(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, columns: str, *, is_shown: bool
) -> None:
    """The categories stand above the hits, and mostly in the ids."""
    monkeypatch.setenv("COLUMNS", columns)
    assert ("Category" in printed(capsys, "x" * 40)) is is_shown


def test_the_list_of_snapshots_fits_80_columns(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """With the longest name that a network has by itself."""
    monkeypatch.setenv("COLUMNS", "80")
    rows = [("live", "000001-d9a1c71f", "efficientnet_lite0", "100,000", "100,000", "2026-11-22 17:27")]
    print_table("", SNAPSHOTS, rows, whole="Snapshot")
    out = capsys.readouterr().out
    assert max(map(len, out.splitlines())) <= 80
    assert all(text in out for text in ("000001-d9a1c71f", "100,000", "Published", "2026-11-22", "17:27"))
