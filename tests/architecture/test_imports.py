"""Who may import whom: api → search → core, db · indexer → core, db; `lookalike` alone sees both sides."""

import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from importlib.metadata import packages_distributions
from itertools import chain
from pathlib import Path

import pytest

from tests.support.sources import PACKAGES, REPOSITORY, Source, imported_names, sources

WEB = ("fastapi", "starlette", "uvicorn")
DATABASE = ("sqlalchemy", "alembic", "psycopg")
NETWORKS = ("torch", "torchvision", "timm", "openvino", "nncf", "safetensors")
TERMINAL = ("typer", "rich", "click")


@dataclass(frozen=True, slots=True)
class Rule:
    """What the files under one path, but for those under another, never import, and why."""

    within: str
    never: tuple[str, ...]
    because: str
    but: str = "\0"


RULES = (
    Rule("app", ("indexer", "lookalike", *TERMINAL), "the service never loads the bulk side or the command line"),
    Rule("app/core", ("app.db", "app.search", "app.api", "app.main"), "core is what everything else stands on"),
    Rule("app/core", (*WEB, *DATABASE), "core knows neither the web nor the database"),
    Rule("app/db", ("app.search", "app.api", "app.main"), "the database knows nothing of those who ask it"),
    Rule("app/db", (*WEB, *NETWORKS, "faiss", "PIL"), "the database knows neither the web nor images"),
    Rule("app/search", ("app.api", "app.main", *WEB), "search answers without knowing HTTP"),
    Rule("app/search", DATABASE, "every query lives in app/db"),
    Rule("app/search", (*NETWORKS, "faiss", "PIL"), "images, networks and indexes are handled in app/core"),
    Rule("app/api", ("app.main",), "main puts the parts together; no part knows it"),
    Rule("app/api", (*DATABASE, *NETWORKS, "faiss", "PIL"), "api is HTTP only"),
    Rule("indexer", ("lookalike", "app.search", "app.api", "app.main", *WEB), "the indexer stands on core and db"),
    Rule("indexer", DATABASE, "every query lives in app/db"),
    Rule("indexer", NETWORKS, "networks are run in app/core, and trained in indexer/training", but="indexer/training/"),
    Rule("indexer", ("faiss",), "indexes are handled in app/core"),
    Rule("migrations", ("indexer", "lookalike", "app.search", "app.api", "app.main"), "migrations stand on db alone"),
    Rule("migrations", (*WEB, *NETWORKS, "faiss"), "a migration starts fast and needs no network"),
    Rule("lookalike", (*DATABASE, *NETWORKS, "faiss"), "a command calls app and indexer; it does not do their work"),
)


def _reaches(name: str, prefixes: tuple[str, ...]) -> bool:
    return any(name == prefix or name.startswith(f"{prefix}.") for prefix in prefixes)


def violations(rule: Rule, root: Path = REPOSITORY) -> list[str]:
    """Return one line for each import that breaks the rule, with file and line."""
    return sorted(
        {
            f"{source.at(node)} imports {name}: {rule.because}"
            for source in sources(rule.within, root=root)
            for node, name in imported_names(source)
            if _reaches(name, rule.never) and not source.at(node).startswith(rule.but)
        }
    )


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: f"{rule.within}-{rule.never[0]}")
def test_imports_point_in_one_direction(rule: Rule) -> None:
    """No file imports what its layer must not know."""
    broken = violations(rule)
    assert not broken, "\n".join(broken)


@pytest.mark.parametrize(
    "line",
    [
        "import fastapi.responses",
        "from fastapi import FastAPI",
        "def later():\n    import fastapi",
        "from app import api",
        "from ..api import routes",
        "from .. import api",
        'import importlib\nimportlib.import_module("app.api.routes")',
    ],
)
def test_a_forbidden_import_is_named_with_file_and_line(tmp_path: Path, line: str) -> None:
    """However it is written, an import that breaks a rule is found and its place is told."""
    (tmp_path / "app" / "core").mkdir(parents=True)
    (tmp_path / "app" / "core" / "planted.py").write_text(f"import json\n{line}\n")

    found = violations(Rule("app/core", ("fastapi", "app.api"), "planted"), tmp_path)

    expected_line = 2 + line.count("\n")
    assert found
    assert all(place.startswith(f"app/core/planted.py:{expected_line} imports ") for place in found)


@pytest.mark.parametrize("line", ["import fastapi_like", "from app.core import errors", "from . import api"])
def test_a_name_that_only_looks_alike_is_allowed(tmp_path: Path, line: str) -> None:
    """A rule forbids a package and what is in it, not every name that begins like it."""
    (tmp_path / "app" / "core").mkdir(parents=True)
    (tmp_path / "app" / "core" / "planted.py").write_text(f"{line}\n")

    assert violations(Rule("app/core", ("fastapi", "app.api"), "planted"), tmp_path) == []


def test_torchvision_is_imported_in_one_place() -> None:
    """Its import needs operators declared first, so exactly one module does it."""
    importers = {
        source.name
        for source in sources(*PACKAGES, "tests")
        for _, name in imported_names(source)
        if _reaches(name, ("torchvision",))
    }
    assert len({name for name in importers if not name.startswith("tests/")}) == 1, importers


def _modules(folder: str) -> Iterator[str]:
    return (source.module for source in sources(folder) if "versions" not in source.path.parts)


@pytest.mark.parametrize(
    ("modules", "never"),
    [
        (["app.core.settings", "app.core.errors"], [*NETWORKS, "faiss", *WEB, "sqlalchemy", "PIL"]),
        (list(_modules("app/core")), [*WEB, "sqlalchemy"]),
        (list(_modules("app/db")), [*NETWORKS, "faiss", *WEB, "PIL"]),
        (["migrations"], [*NETWORKS, "faiss", *WEB]),
        (["app.core.decode_worker"], [*NETWORKS, "faiss", *WEB, "sqlalchemy"]),
        (["app.core.snapshot", "app.core.vector_index", "app.core.vector_store"], [*NETWORKS, *WEB, "sqlalchemy"]),
        (["lookalike.cli"], [*NETWORKS, *WEB]),
    ],
    ids=["settings", "core", "db", "migrations", "decode-worker", "snapshot", "command-line"],
)
def test_importing_a_part_loads_only_what_it_needs(modules: list[str], never: list[str]) -> None:
    """What a part must not import is not loaded behind its back either."""
    code = (
        "import importlib, sys\n"
        f"for name in {modules!r}: importlib.import_module(name)\n"
        f"print([name for name in {never!r} if name in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=REPOSITORY, capture_output=True, text=True, check=False, timeout=120
    )
    assert (done.stdout.strip(), done.stderr) == ("[]", "")


def _distribution(requirement: str) -> str:
    name = re.split(r"[^A-Za-z0-9._-]", requirement, maxsplit=1)[0]
    return re.sub(r"[-_.]+", "-", name).lower()


def _declared() -> dict[str, set[str]]:
    project = tomllib.loads((REPOSITORY / "pyproject.toml").read_text())["project"]
    extras = dict(project["optional-dependencies"])
    dev = extras.pop("dev")
    runtime = {_distribution(line) for line in [*project["dependencies"], *chain.from_iterable(extras.values())]}
    return {"runtime": runtime, "dev": runtime | {_distribution(line) for line in dev}}


def _undeclared(source: Source, declared: set[str], providers: Mapping[str, list[str]]) -> Iterator[str]:
    for node, name in imported_names(source):
        top = name.partition(".")[0]
        if top in sys.stdlib_module_names or top in {*PACKAGES, "lookalike_client", "tests"}:
            continue
        if not {_distribution(provider) for provider in providers.get(top, [])} & declared:
            yield f"{source.at(node)} imports {top}, which pyproject.toml does not declare"


@pytest.mark.parametrize(("folders", "kind"), [(PACKAGES, "runtime"), (("tests", "docker"), "dev")])
def test_every_imported_package_is_a_declared_dependency(folders: tuple[str, ...], kind: str) -> None:
    """Nothing works only because another package happens to bring a third one along."""
    declared = _declared()[kind]
    providers = packages_distributions()
    ours = [source for source in sources(*folders) if "peer_scripts" not in source.path.parts]  # in other environments
    found = sorted({line for source in ours for line in _undeclared(source, declared, providers)})
    assert not found, "\n".join(found)


def test_every_declared_dependency_is_used() -> None:
    """Whoever installs the service pays for no package that its code never loads."""
    loaded_by_name = {"psycopg"}  # SQLAlchemy loads it when the database address says so
    providers = packages_distributions()
    used = {
        _distribution(provider)
        for source in sources(*PACKAGES)
        for _, name in imported_names(source)
        for provider in providers.get(name.partition(".")[0], [])
    }
    assert _declared()["runtime"] - used == loaded_by_name
