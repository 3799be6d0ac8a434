"""The built elements in the repository are what their sources make, and small."""

import gzip
import json
import shutil
import subprocess
from pathlib import Path

import pytest

from app.api.routes_widget import WIDGET_FOLDER
from tests.support.sources import REPOSITORY

SOURCES = REPOSITORY / "widget"
MOST_BYTES = 16 * 1024
NAMES = ["lookalike.js", "lookalike.mjs", "manifest.json"]


@pytest.mark.parametrize("name", ["lookalike.js", "lookalike.mjs"])
def test_an_element_stays_small(name: str) -> None:
    """With its styles and both languages, what a shop's visitors load is at most 16 KB gzipped."""
    assert len(gzip.compress((WIDGET_FOLDER / name).read_bytes(), 9)) <= MOST_BYTES


def test_the_built_files_are_those_of_the_sources(tmp_path: Path) -> None:
    """`make widget` would change nothing."""
    if shutil.which("node") is None:
        pytest.skip("Node is not installed; only whoever changes the elements needs it.")
    if not (SOURCES / "node_modules").is_dir():
        pytest.skip("The tools that build the elements are not installed; `make widget` does it.")
    subprocess.run(["node", "build.mjs", str(tmp_path)], cwd=SOURCES, check=True, capture_output=True, timeout=150)
    changed = [name for name in NAMES if (tmp_path / name).read_bytes() != (WIDGET_FOLDER / name).read_bytes()]
    assert not changed, f"{', '.join(changed)}: run `make widget`"


def test_the_lock_file_names_no_registry() -> None:
    """Versions and hashes are locked; where packages come from is the matter of whoever installs."""
    lock = (SOURCES / "package-lock.json").read_text(encoding="utf-8")
    assert '"resolved"' not in lock
    pinned = json.loads((SOURCES / "package.json").read_text(encoding="utf-8"))["devDependencies"]
    assert all(version[0].isdigit() for version in pinned.values())
