"""Reports: one file that shows whatever it is given, and runs nothing of it."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from jinja2 import DictLoader, Environment, UndefinedError

from app.core.decode_pool import DecodePool
from app.core.errors import DataDirNotWritable
from app.core.images import ImageLimits
from indexer.reports import render, thumbnail_uri, thumbnail_uris, write_report
from indexer.reports.rendering import _environment
from tests.support.photos import drawn_photo

PARTS = "figures, advice, table, bars, heat_table, picture_card"
HOSTILE = "<script>alert(1)</script>\"'&"


@pytest.fixture
def pool() -> Iterator[DecodePool]:
    """A pool of one child."""
    with DecodePool(1, ImageLimits(max_pixels=10_000_000, max_jpeg_pixels=10_000_000), timeout_s=20) as pool:
        yield pool


def shown(body: str, **context: object) -> str:
    """Return what a template with this body makes, with every part imported."""
    environment: Environment = _environment().overlay()
    loader = environment.loader
    assert loader is not None
    source = f'{{% from "parts.html" import {PARTS} %}}{body}'
    return environment.from_string(source).render(**context)


def test_a_report_is_whole_and_runs_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """A report has its title, verdict and content, its styles inside, and forbids scripts and other servers."""
    child = (
        '{% extends "base.html" %}{% from "parts.html" import advice %}'
        "{% block title %}Pictures{% endblock %}{% block verdict %}{{ verdict }}{% endblock %}"
        '{% block advice %}{{ advice([{"text": "Look at it.", "href": "#a"}, "Then rest."]) }}{% endblock %}'
    )
    environment = _environment()
    files = environment.loader
    assert files is not None
    choices = DictLoader({"child.html": child})
    monkeypatch.setattr(environment, "loader", _Either(choices, files))

    html = render("child.html", verdict=HOSTILE)

    assert re.search(r"<title>Pictures . Lookalike</title>", html)
    assert "&lt;script&gt;" in html
    assert '<a href="#a">Look at it.</a>' in html
    assert "--paper" in html
    assert "default-src 'none'" in html
    assert not re.search(r"<script|\son\w+=|src=\"http|@import|url\(", html)


class _Either(DictLoader):
    """Looks for a template in one place and then in another."""

    def __init__(self, first: DictLoader, then: object) -> None:
        super().__init__(first.mapping)
        self._then = then

    def get_source(self, environment: Environment, template: str) -> tuple[str, str | None, object]:  # type: ignore[override]
        if template in self.mapping:
            return super().get_source(environment, template)
        return self._then.get_source(environment, template)  # type: ignore[attr-defined,no-any-return]


def test_what_a_template_uses_must_be_given() -> None:
    """A forgotten value is an error, not a gap in the report."""
    with pytest.raises(UndefinedError):
        shown("{{ never_given }}")


@pytest.mark.parametrize(
    "body",
    [
        '{{ figures([{"label": text, "value": text, "note": text}]) }}',
        "{{ advice([text]) }}",
        "{{ table(text, [text, text], [[text, text]]) }}",
        '{{ bars(text, [text, text], [{"label": text, "share": 0.5, "text": text, "low": 0.4, "high": 0.6}]) }}',
        "{{ heat_table(text, [text], [[3]], text, text) }}",
        '{{ picture_card("", text, text, text, 0.5, text, "javascript:alert(1)") }}',
    ],
)
def test_every_part_escapes_what_it_shows(body: str) -> None:
    """Titles and categories come from a feed: none of them becomes markup."""
    html = shown(body, text=HOSTILE)

    assert "<script" not in html
    assert "&lt;script&gt;" in html
    assert "javascript:" not in html


def test_a_product_links_to_its_own_page() -> None:
    """An address of the web becomes a link from the product's id."""
    html = shown('{{ picture_card("", "p1", href="https://shop.example/p1") }}')

    assert '<a href="https://shop.example/p1" rel="noreferrer noopener">p1</a>' in html


def test_a_picture_that_is_gone_says_so() -> None:
    """A card without a thumbnail has a sentence in its place."""
    assert "cannot be shown" in shown('{{ picture_card("", "p1") }}')
    assert 'alt="Red shoe"' in shown('{{ picture_card("data:image/jpeg;base64,", "p1", title="Red shoe") }}')


def test_a_heat_table_shows_every_count_twice() -> None:
    """Numbers that are not zero stand in the picture; all of them in the table for whoever does not see it."""
    html = shown('{{ heat_table("C", ["a", "b"], [[70, 30], [0, 5]], "stated", "seen") }}')

    assert re.findall(r'text-anchor="middle">(\d+)<', html) == ["70", "30", "5"]
    assert re.findall(r'class="number">(\d+)<', html) == ["70", "30", "0", "5"]


def test_a_thumbnail_is_part_of_the_page(tmp_path: Path, pool: DecodePool) -> None:
    """From bytes or from a file it is the same small JPEG."""
    path = tmp_path / "photo.jpg"
    path.write_bytes(drawn_photo())

    uri = thumbnail_uri(path, 64, pool)

    assert uri.startswith("data:image/jpeg;base64,/9j/")
    assert uri == thumbnail_uri(drawn_photo(), 64, pool)
    assert len(uri) < 6000


def test_what_cannot_be_shown_has_no_thumbnail(tmp_path: Path, pool: DecodePool) -> None:
    """A file that is gone, a folder and a broken picture are left empty, and the others are shown."""
    pictures: dict[str, Path | bytes] = {
        "gone": tmp_path / "gone.jpg",
        "folder": tmp_path,
        "broken": b"\xff\xd8\xff",
        "fine": drawn_photo(),
    }
    counted: list[None] = []

    uris = thumbnail_uris(pictures, 64, pool, lambda: counted.append(None))

    assert [name for name, uri in uris.items() if uri] == ["fine"]
    assert len(counted) == len(pictures)


def test_a_report_replaces_the_one_before(tmp_path: Path) -> None:
    """Folders are made, and nothing but the report is left in them."""
    path = tmp_path / "reports" / "doctor.html"

    write_report(path, "old")
    write_report(path, "néw")

    assert path.read_text(encoding="utf-8") == "néw"
    assert list(path.parent.iterdir()) == [path]


def test_a_report_that_cannot_be_written_says_where(tmp_path: Path) -> None:
    """The message names the file."""
    (tmp_path / "file").write_text("")

    with pytest.raises(DataDirNotWritable, match=r"report cannot be written to .*r\.html"):
        write_report(tmp_path / "file" / "r.html", "")
