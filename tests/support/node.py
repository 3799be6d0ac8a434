"""Node and what the TypeScript client needs, where they are installed."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.support.sources import REPOSITORY

TYPESCRIPT = REPOSITORY / "clients" / "typescript"


def npm(*arguments: str) -> str:
    """Run npm in the TypeScript client's folder, and return what it printed; skip the test where that cannot be."""
    _require()
    return _checked(["npm", *arguments], TYPESCRIPT)


def compiled_and_run(code: str, folder: Path, *arguments: str) -> str:
    """
    Compile a program that uses the client as a package, run it in a folder, and return what it printed.

    A mistake that the compiler finds fails the test as well as one that shows when the program runs.
    """
    _require()
    npm("run", "--silent", "build")
    modules = folder / "node_modules"
    modules.mkdir(exist_ok=True)
    for name, target in (("lookalike-client", TYPESCRIPT), ("@types", TYPESCRIPT / "node_modules" / "@types")):
        if not (modules / name).exists():
            (modules / name).symlink_to(target, target_is_directory=True)
    (folder / "program.mts").write_text(code, encoding="utf-8")
    options = ["--module", "NodeNext", "--target", "ES2022", "--strict", "--types", "node", "--skipLibCheck"]
    _checked([str(TYPESCRIPT / "node_modules/.bin/tsc"), *options, "program.mts"], folder)
    return _checked(["node", "program.mjs", *arguments], folder)


def _require() -> None:
    if shutil.which("npm") is None:
        pytest.skip("needs Node 20 or newer, with npm")
    if not (TYPESCRIPT / "node_modules" / "typescript").is_dir():
        pytest.skip("needs the packages of clients/typescript: run `make clients`")


def _checked(command: list[str], folder: Path) -> str:
    environment = {**os.environ, "NODE_OPTIONS": "", "npm_config_update_notifier": "false"}
    done = subprocess.run(
        command, cwd=folder, env=environment, capture_output=True, text=True, check=False, timeout=150
    )
    assert done.returncode == 0, f"{' '.join(command)}\n{done.stdout}\n{done.stderr}"
    return done.stdout
