"""Every block of code in the documentation: typed, compiled or parsed, by what it is written in."""

import re
import shutil
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import partial
from html.parser import HTMLParser
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Final

import pytest

from app.core.settings import Settings
from tests.support import documents
from tests.support.documents import Block
from tests.support.forked_commands import forked_commands
from tests.support.node import compiled_and_run
from tests.support.scripts import run_script
from tests.support.server import running_server
from tests.support.services import ADMIN_KEY
from tests.support.sources import REPOSITORY

ALL: Final = {page: documents.blocks(page) for page in documents.pages()}
RUN: Final = {page: [block for block in found if block.why_not_run is None] for page, found in ALL.items()}
TYPED: Final = [page for page, found in RUN.items() if any(block.language in documents.TYPED for block in found)]
VOID: Final = {"br", "img", "input", "link", "meta"}
ELEMENTS: Final = {
    "lookalike-search": {"endpoint", "key", "limit", "lang", "events", "layout", "facets", "heading"},
    "lookalike-similar": {"endpoint", "key", "limit", "lang", "events", "product-id"},
}
LONGEST_S: Final = 600


def of(*languages: str) -> list[Block]:
    """Return all blocks in these languages that can be run."""
    return [block for found in RUN.values() for block in found if block.language in languages]


@pytest.mark.parametrize("page", ALL)
def test_every_block_says_what_it_is_written_in(page: str) -> None:
    """So that something can be done with it; code that is only indented would escape this file."""
    text = (REPOSITORY / page).read_text(encoding="utf-8")
    assert {block.language for block in ALL[page]} <= documents.LANGUAGES
    assert text.count("\n```") == 2 * len(ALL[page]), "a fence is indented, or not closed"
    prose = documents.FENCE.sub("", text)
    assert not re.search(r"\n\n    (?![-*\d])\S", prose), "code is indented; put it between fences"


def test_what_is_not_run_is_there_and_says_why() -> None:
    """An exception that fits no block any more is to go."""
    begun = {
        (page, start) for (page, start) in documents.NOT_RUN for block in ALL[page] if block.code.startswith(start)
    }
    assert begun == set(documents.NOT_RUN)
    assert all(len(why.split()) >= 3 for why in documents.NOT_RUN.values())


# -- what is typed ---------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Photos, feeds and an index, to copy."""
    root = tmp_path_factory.mktemp("world") / "home"
    root.mkdir()
    documents.build_world(root)
    return root


@dataclass(frozen=True, slots=True)
class Place:
    """A copy of the world, with the shop's web server, which has the pictures and the feeds, and the service."""

    home: Path
    shop: str
    """The server's address."""
    service: str
    """The service's host and port; none listens there where it was not wanted."""


@contextmanager
def placed(world: Path, folder: Path, *, is_served: bool) -> Iterator[Place]:
    """Copy the world into a folder, and serve it."""
    home = Path(shutil.copytree(world, folder / "home"))
    handler = partial(_Quiet, directory=str(home))
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server, ExitStack() as stack:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        stack.callback(thread.join)
        stack.callback(server.shutdown)
        shop = f"http://127.0.0.1:{server.server_address[1]}"
        documents.write_feeds(home, shop)
        settings = Settings.load(
            data_dir=home / "lookalike-data",
            port=0,
            **documents.RUNTIME,
            admin_key=ADMIN_KEY,
            fetch_trusted=shop,
        )
        service = stack.enter_context(running_server(settings, folder)).url if is_served else "http://127.0.0.1:1"
        yield Place(home, shop, service.removeprefix("http://"))


@pytest.fixture(scope="module")
def commands(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A folder with the command, which starts at once: half of what this file takes would be its imports."""
    with forked_commands(tmp_path_factory.mktemp("commands")) as folder:
        yield folder


@pytest.fixture(scope="module")
def shared_place(world: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    """For the pages that only ask the service."""
    with placed(world, tmp_path_factory.mktemp("shared"), is_served=True) as place:
        yield place


@pytest.fixture
def place(request: pytest.FixtureRequest, world: Path, tmp_path: Path) -> Iterator[Place]:
    """Where a page is typed: a place of its own, unless it only asks the service."""
    page = request.node.callspec.params["page"]
    if only_asks(page):
        yield request.getfixturevalue("shared_place")
        return
    with placed(world, tmp_path, is_served=needs_service(page)) as place:
        yield place


class _Quiet(SimpleHTTPRequestHandler):
    def log_message(self, format: str, *args: object) -> None:  # noqa: A002  # its name there
        """Say nothing."""


def needs_service(page: str) -> bool:
    """Whether a page asks the service for something."""
    return any(":8000" in block.code for block in RUN[page] if block.language not in {"html", "liquid", "php", "json"})


def only_asks(page: str) -> bool:
    """Whether a page asks the service, removes no product, and types no command that changes an index."""
    typed = " ".join(block.code for block in RUN[page])
    removes = re.search(r"DELETE.*/products/|products:batch", typed) is not None
    return needs_service(page) and not removes and set(re.findall(r"\blookalike (\w+)", typed)) <= {"keys", "snapshots"}


@pytest.mark.timeout(LONGEST_S + 60)
@pytest.mark.parametrize("page", TYPED)
def test_what_a_page_says_to_type_works(page: str, place: Place, commands: Path) -> None:
    """All of it, one after the other, as somebody would who reads the page from the top."""
    exchanged = [(f"{name}:8000", place.service) for name in ("127.0.0.1", "localhost")]
    exchanged += [("https://shop.example", place.shop), *documents.EXCHANGED]
    typed = [block for block in RUN[page] if block.language in documents.TYPED]
    environment = documents.environment(place.home, place.shop, commands, Path(sys.executable).parent)
    run_script(documents.script(typed, exchanged), place.home, environment, longest_s=LONGEST_S)


@pytest.mark.parametrize("page", sorted({block.page for block in of("ts")}))
def test_what_a_page_has_in_typescript_compiles_and_runs(page: str, place: Place) -> None:
    """Each block as a program of its own."""
    for block in RUN[page]:
        if block.language == "ts":
            compiled_and_run(block.code.replace("127.0.0.1:8000", place.service), place.home)


# -- what is read ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("block", of("json"), ids=lambda block: block.name)
def test_json_is_json(block: Block) -> None:
    """Whole, so that it can be pasted."""
    assert documents.is_json(block.code)


class _Markup(HTMLParser):
    """Notes what is wrong with a piece of HTML."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.wrong: list[str] = []
        self.seen: set[str] = set()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.add(tag)
        names = [name for name, _ in attrs]
        if tag.startswith("lookalike-"):
            self.wrong += [f"<{tag} {name}>" for name in names if name not in ELEMENTS.get(tag, set())]
        self.wrong += [f"{name} is code in the page" for name in names if name.startswith("on")]
        if tag == "script" and not dict(attrs).get("src"):
            self.wrong.append("a script in the page, which a strict policy forbids")
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if not self.open or self.open.pop() != tag:
            self.wrong.append(f"</{tag}> closes nothing")


def _markup(block: Block) -> str:
    """Return the HTML that a block is, or becomes."""
    if block.language == "liquid":
        return re.sub(r"\{\{.*?\}\}", "x", re.sub(r"\{%.*?%\}", "", block.code))
    if block.language == "php":
        return "".join(re.findall(r"'(<[^']*>)'", block.code)).replace("%s", "x")
    return block.code


@pytest.mark.parametrize("block", of("html", "liquid", "php"), ids=lambda block: block.name)
def test_markup_is_well_formed_and_names_what_exists(block: Block) -> None:
    """Every element is closed, ours have the attributes that they know, and no code stands in the page."""
    markup = _Markup()
    markup.feed(_markup(block))
    markup.close()
    assert (markup.wrong, markup.open) == ([], [])
    assert markup.seen


@pytest.mark.parametrize("block", of("css"), ids=lambda block: block.name)
def test_css_is_closed_and_styles_our_elements(block: Block) -> None:
    """What it selects are the two elements; each rule is closed, and each declaration has a value."""
    rules = re.findall(r"([^{}]+)\{([^{}]*)\}", block.code)
    assert "".join(f"{selector}{{{body}}}" for selector, body in rules) == block.code.rstrip()
    for selector, body in rules:
        assert all(part.strip().startswith(tuple(ELEMENTS)) for part in selector.split(","))
        assert all(re.fullmatch(r"[a-z-]+: \S.*", line.strip()) for line in body.split(";") if line.strip())


@pytest.mark.parametrize("block", [*of("js"), *of("php")], ids=lambda block: block.name)
def test_a_program_is_one_to_its_language(block: Block, tmp_path: Path) -> None:
    """Node and PHP read it without an error."""
    name, *command = {"js": ["block.mjs", "node", "--check"], "php": ["block.php", "php", "-l"]}[block.language]
    if shutil.which(command[0]) is None:
        pytest.skip(f"needs {command[0]}")
    (tmp_path / name).write_text(block.code)
    done = subprocess.run([*command, name], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


# -- the site --------------------------------------------------------------------------------------------------------


def _site(folder: Path) -> subprocess.CompletedProcess[str]:
    """Build the site of a copy of the documentation."""
    command = [sys.executable, "-m", "zensical", "build", "--clean", "--strict"]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False, timeout=120)


def _copied(folder: Path) -> Path:
    shutil.copytree(REPOSITORY / "docs", folder / "docs")
    shutil.copy(REPOSITORY / "mkdocs.yml", folder)
    return folder


def test_the_site_is_built_without_a_warning(tmp_path: Path) -> None:
    """Every page is in it, and nothing is loaded from elsewhere."""
    done = _site(_copied(tmp_path))
    assert done.returncode == 0, done.stdout + done.stderr
    for page in (REPOSITORY / "docs").rglob("*.md"):
        built = (tmp_path / "site" / page.relative_to(REPOSITORY / "docs")).with_suffix(".html")
        html = built.read_text(encoding="utf-8")
        assert not re.findall(r'<(?:script|link|img)[^>]+(?:src|href)="https?://(?![^"]*zensical\.org)', html), built


def test_every_page_is_in_the_navigation() -> None:
    """Decisions have a list of their own."""
    named = set(re.findall(r": (\S+\.md)$", (REPOSITORY / "mkdocs.yml").read_text(encoding="utf-8"), re.MULTILINE))
    assert named == {page.name for page in (REPOSITORY / "docs").glob("*.md")}


@pytest.mark.parametrize("link", ["no-such-page.md", "filters.md#no-such-heading"])
def test_a_link_that_leads_nowhere_stops_the_site(tmp_path: Path, link: str) -> None:
    """To a page, and to a heading."""
    page = _copied(tmp_path) / "docs" / "index.md"
    page.write_text(page.read_text(encoding="utf-8") + f"\n[nowhere]({link})\n", encoding="utf-8")
    assert _site(tmp_path).returncode != 0
