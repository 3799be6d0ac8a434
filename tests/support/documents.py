"""
The code in the documentation, and a small world in which it runs: photos, feeds, a web server, an index, a service.

Pages are written so that their code can be pasted as it is; what has to be another here is exchanged by `EXCHANGED`.
"""

import json
import re
import shutil
from collections.abc import Iterable, Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import date
from functools import partial
from pathlib import Path
from typing import Any, Final

from app.core.settings import Settings
from app.db.database import Database
from app.db.events import Event, EventQuery
from indexer.pipeline import SourceOptions, index_source
from indexer.progress import Silent
from tests.support.services import ADMIN_KEY
from tests.support.shop import COLOURS, draw_product
from tests.support.sources import REPOSITORY

RUNTIME: Final[dict[str, Any]] = {"runtime": "torch-float32", "threads": 1}
"""One thread: two of torch's wait for each other where others want the processor, five times as long."""

FENCE: Final = re.compile(r"^```(\S*)\n(.*?)^```$", re.DOTALL | re.MULTILINE)
LANGUAGES: Final = frozenset({"sh", "python", "ts", "js", "json", "css", "html", "liquid", "php", "text"})
TYPED: Final = ("sh", "python")

NOT_RUN: Final = {
    ("README.md", "make demo"): "it serves until it is stopped, and `make test` is what runs this",
    ("README.md", ". .venv/bin/activate"): "it ends with a service; docs/index.md has the same commands",
    ("README.md", "python -m indexer.sample_catalogue"): "tests/integration/test_readme.py types it",
    ("README.md", "export LOOKALIKE_DATA_DIR="): "tests/integration/test_readme.py types it",
    ("README.md", "sed -i -e"): "tests/integration/test_readme.py types it",
    ("README.md", "export LOOKALIKE_REINDEX_SCHEDULE="): "tests/integration/test_readme.py types it",
    ("README.md", "curl -X PUT"): "tests/integration/test_readme.py types it",
    (
        "README.md",
        "export LOOKALIKE_DB_PASSWORD=",
    ): "it needs Docker; `make docker-check` checks the file and the image",
    ("CONTRIBUTING.md", "LOOKALIKE_TEST_SEED="): "it runs a part of these tests",
    ("clients/python/README.md", "pip install"): "it installs a package; test_clients_current.py builds it",
    ("docs/index.md", "make demo"): "it serves until it is stopped",
    ("docs/benchmarks.md", "make bench"): "it measures for minutes or hours",
    ("docs/keys.md", "docker compose"): "it needs Docker; `make docker-check` checks file and image",
    ("docs/networks.md", "pip install"): "it installs NNCF; tests/integration/test_optimise.py quantises a network",
    (
        "docs/operations.md",
        "export LOOKALIKE_DB_PASSWORD=",
    ): "it needs Docker; `make docker-check` checks file and image",
}
"""Blocks that cannot be run here, by their page and how they begin, and why."""

EXCHANGED: Final = (
    ("--compare live vgg16", "--compare live efficientnet_lite0+efficientnet_lite0"),
    ("--networks efficientnet_lite0,vgg16", "--networks efficientnet_lite0"),
)


@dataclass(frozen=True, slots=True)
class Block:
    """One block of code: its page, the line that it begins in, its language, and what is in it."""

    page: str
    line: int
    language: str
    code: str

    @property
    def name(self) -> str:
        """How tests call it."""
        return f"{self.page}:{self.line}"

    @property
    def why_not_run(self) -> str | None:
        """Why it cannot be run here; None: it can."""
        found = [why for (page, start), why in NOT_RUN.items() if page == self.page and self.code.startswith(start)]
        return found[0] if found else None


def pages() -> list[str]:
    """Return every page with documentation that is written for readers."""
    named = ["README.md", "CONTRIBUTING.md", "clients/python/README.md", "clients/typescript/README.md"]
    found = sorted((REPOSITORY / "docs").glob("*.md"))
    return [*named, *(str(path.relative_to(REPOSITORY)) for path in found)]


def blocks(page: str) -> list[Block]:
    """Return the blocks of a page, in their order."""
    text = (REPOSITORY / page).read_text(encoding="utf-8")
    return [Block(page, text.count("\n", 0, m.start()) + 1, m[1], m[2]) for m in FENCE.finditer(text)]


def script(of: Iterable[Block], exchanged: Sequence[tuple[str, str]]) -> str:
    """Return blocks of shell and Python as one shell script that stops at the first failure."""
    parts = ["set -euo pipefail"]
    for block in of:
        parts.append(f"echo '== {block.name}' >&2")
        parts.append(block.code if block.language == "sh" else f"python - <<'END_OF_BLOCK'\n{block.code}END_OF_BLOCK")
    text = "\n".join(parts) + "\n"
    for old, new in exchanged:
        text = text.replace(old, new)
    return text


# -- the world -------------------------------------------------------------------------------------------------------

_SHAPES: Final = {"bags": "bags", "lamps": "lamps", "mugs": "mugs", "shoes": "bags"}


def build_world(root: Path) -> None:
    """Make what the pages speak of, below `root`, which is a home folder and the folder to type in."""
    for category, shape in _SHAPES.items():
        (root / "photos" / category).mkdir(parents=True)
        for number, colour in enumerate(COLOURS):
            view = 2 if category == "shoes" else 0
            path = root / "photos" / category / f"{40 + number:04}.jpg"
            path.write_bytes(draw_product(shape, colour, view=view))
    for name, place in (("photo", "mugs/0042"), ("front", "shoes/0043"), ("back", "shoes/0044")):
        shutil.copy(root / "photos" / f"{place}.jpg", root / f"{name}.jpg")
    shutil.copytree(root / "photos", root / "FOLDER")
    (root / "queries.jsonl").write_text('{"image": "photo.jpg", "products": ["mugs-0042", "mugs-0043"]}\n')
    (root / ".curlrc").write_text("silent\nshow-error\nfail-with-body\n")
    settings = Settings.load(data_dir=root / "lookalike-data", network="efficientnet_lite0", **RUNTIME)
    _rows(root, "", "products.csv", "id,title,category,price,image", "{id},Product {id},{category},19.90 EUR,{photo}")
    for source in ("photos", "products.csv"):  # two snapshots, so that there is one to go back to
        index_source(settings, str(root / source), SourceOptions(), Silent())
    query = EventQuery(id="any", day=date.today(), product_id="mugs-0042")  # noqa: DTZ011  # any day will do
    with closing(Database(settings.resolved_database_url)) as database, database.changing_events() as events:
        events.add([Event(query=query, type="select", product_id="mugs-0043", place=1)])


def write_feeds(root: Path, shop: str) -> None:
    """Write the other feeds that pages speak of: the products of the folder, their pictures on the shop's server."""
    rows = partial(_rows, root, shop)
    rows("artikel.csv", "Artikelnummer,Titel,Bild,Farbe,html,Kategorie", "{id},Artikel {id},{photo},rot,<p>,{category}")
    rows(
        "products_export.csv",
        "Handle,Title,Type,Image Src,Variant Price",
        "{id},Product {id},{category},{shop}/{photo},19.90",
    )
    rows(
        "wc-product-export.csv",
        "ID,SKU,Name,Categories,Regular price,Images",
        '{id},sku-{id},Product {id},{category},19.90,"{shop}/{photo}"',
    )
    (root / "feeds").mkdir()
    item = (
        "<item><g:id>{id}</g:id><g:title>Product {id}</g:title><g:product_type>{category}</g:product_type>"
        "<g:image_link>{shop}/{photo}</g:image_link></item>"
    )
    namespace = 'xmlns:g="http://base.google.com/ns/1.0"'
    rows("feeds/google.xml", f'<rss version="2.0" {namespace}><channel>', item, "</channel></rss>")
    (root / "p").mkdir()
    shutil.copy(root / "front.jpg", root / "p" / "42.jpg")
    shutil.copy(root / "back.jpg", root / "p" / "42-back.jpg")


def _rows(root: Path, shop: str, name: str, head: str, row: str, end: str = "") -> None:
    """Write a feed with a row for each product."""
    products = [
        {
            "id": f"{path.parent.name}-{path.stem}",
            "category": path.parent.name,
            "photo": f"photos/{path.parent.name}/{path.name}",
        }
        for path in sorted((root / "photos").glob("*/*.jpg"))
    ]
    lines = [head, *(row.format(**product, shop=shop) for product in products), *([end] if end else [])]
    (root / name).write_text("\n".join(lines) + "\n", encoding="utf-8")


def environment(root: Path, shop: str, *tools: Path) -> dict[str, str]:
    """Return the variables with which pages are typed in a copy of the world, with these folders of commands first."""
    return {
        "HOME": str(root),
        "PATH": ":".join([*map(str, tools), "/usr/local/bin", "/usr/bin", "/bin"]),
        "PYTHONPATH": f"{REPOSITORY}:{REPOSITORY / 'clients/python/src'}",
        "LOOKALIKE_ADMIN_KEY": ADMIN_KEY,
        **{f"LOOKALIKE_{name.upper()}": str(value) for name, value in RUNTIME.items()},
        "LOOKALIKE_FETCH_TRUSTED": shop,
        "LOOKALIKE_GATE_PRECISION": "0.05",
        "COLUMNS": "120",
    }


def is_json(text: str) -> bool:
    """Whether a text is one JSON document."""
    try:
        json.loads(text)
    except ValueError:
        return False
    return True
