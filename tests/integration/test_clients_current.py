"""What the clients know of the API is what the service says of itself; and both can be published."""

import hashlib
import json
import os
import shutil
import subprocess
import sys
import tarfile
import tomllib
import zipfile
from pathlib import Path

import pytest

import lookalike_client
from tests.support.client_types import DOCUMENT, PYTHON_TYPES, openapi_document, python_types
from tests.support.command_line import Run, run
from tests.support.node import TYPESCRIPT, npm
from tests.support.sources import REPOSITORY

__all__ = ["run"]


@pytest.fixture(scope="module")
def document() -> str:
    """The OpenAPI document, as the service has it now."""
    return openapi_document()


def test_the_document_in_the_repository_is_current(document: str) -> None:
    """From it, everything else is generated."""
    assert (REPOSITORY / DOCUMENT).read_text(encoding="utf-8") == document, "run `make clients`"


def test_the_command_prints_the_same_document(run: Run, document: str) -> None:
    """For whoever generates a client of another language."""
    outcome = run("openapi")
    assert (outcome.code, outcome.out, outcome.error) == (0, document, "")


def test_the_types_of_the_python_client_are_current(document: str) -> None:
    """Each schema of the document, and nothing else."""
    written = (REPOSITORY / PYTHON_TYPES).read_text(encoding="utf-8")
    assert written == python_types(json.loads(document)), "run `make clients`"


def test_the_types_of_the_typescript_client_are_of_this_document(document: str) -> None:
    """They name what they were made from, so that this needs no Node."""
    head = (TYPESCRIPT / "src/schema.ts").read_text(encoding="utf-8").partition("\nexport")[0]
    assert hashlib.sha256(document.encode()).hexdigest() in head, "run `make clients`"


def test_the_types_of_the_typescript_client_are_what_the_generator_writes(tmp_path: Path) -> None:
    """Nobody edited them."""
    written = tmp_path / "schema.ts"
    npm("run", "--silent", "generate", "--", str(written))
    assert written.read_text() == (TYPESCRIPT / "src/schema.ts").read_text(), "run `make clients`"


def test_the_python_package_carries_its_types(tmp_path: Path) -> None:
    """Built as it would be published: the marker is in it, and the versions agree."""
    source = tmp_path / "source"
    shutil.copytree(REPOSITORY / "clients/python", source, ignore=shutil.ignore_patterns("__pycache__"))
    command = [sys.executable, "-m", "hatchling", "build", "--target", "wheel", "--directory", str(tmp_path)]
    subprocess.run(command, cwd=source, capture_output=True, check=True)
    (wheel,) = tmp_path.glob("*.whl")
    project = tomllib.loads((source / "pyproject.toml").read_text())["project"]
    assert wheel.name == f"lookalike_client-{project['version']}-py3-none-any.whl"
    assert lookalike_client.__version__ == project["version"]
    with zipfile.ZipFile(wheel) as archive:
        names = {Path(name).name for name in archive.namelist() if name.startswith("lookalike_client/")}
    assert names == {"__init__.py", "answers.py", "client.py", "problem.py", "py.typed"}


def test_the_npm_package_has_what_its_manifest_names(tmp_path: Path) -> None:
    """Packed as it would be published: built files with their types, and no sources or tests."""
    npm("pack", "--silent", "--pack-destination", str(tmp_path))
    (packed,) = tmp_path.glob("*.tgz")
    with tarfile.open(packed) as archive:
        names = {name.removeprefix("package/") for name in archive.getnames()}
    assert names == {"README.md", "package.json", *(f"dist/{name}" for name in BUILT)}
    manifest = json.loads((TYPESCRIPT / "package.json").read_text())
    assert manifest["files"] == ["dist", "README.md"]
    for kinds in manifest["exports"].values():
        for target in kinds.values() if isinstance(kinds, dict) else [kinds]:
            assert os.path.normpath(target) in names


BUILT = ("index.d.ts", "index.js", "schema.d.ts", "schema.js")


def test_the_lock_file_names_no_server() -> None:
    """Packages and their hashes; where they come from is for whoever installs them to say."""
    lock = json.loads((TYPESCRIPT / "package-lock.json").read_text())
    assert all("resolved" not in package for package in lock["packages"].values())
    assert all("integrity" in package for name, package in lock["packages"].items() if name)
