"""The `lookalike` command in the test's own process, and a small shop for it."""

import shutil
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from app.core.settings import Settings
from lookalike.cli import main
from tests.support.shop import Shop, write_shop


@dataclass(frozen=True)
class Outcome:
    """How a command ended."""

    code: int
    out: str
    error: str


Run = Callable[..., Outcome]


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> Run:
    """Run `lookalike` in this process, as its script does, but for `step_back`: that could not be taken back."""
    monkeypatch.setattr("indexer.worker.step_back", lambda: None)

    def command(*arguments: object) -> Outcome:
        monkeypatch.setattr(sys, "argv", ["lookalike", *map(str, arguments)])
        monkeypatch.setenv("COLUMNS", "160")
        capfd.readouterr()
        code = 0
        try:
            main()
        except SystemExit as end:
            code = int(end.code or 0)
        out, error = capfd.readouterr()
        return Outcome(code, out, error)

    return command


@pytest.fixture(scope="module")
def built_shop(tmp_path_factory: pytest.TempPathFactory) -> Shop:
    """A small shop with a published index, to copy."""
    root = tmp_path_factory.mktemp("shop")
    return write_shop(root, Settings(data_dir=root / "data", runtime="openvino-float32"))


@pytest.fixture
def shop(built_shop: Shop, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Shop:
    """A small shop of this test's own, which the environment names."""
    shutil.copytree(built_shop.settings.data_dir, tmp_path / "data")
    monkeypatch.setenv("LOOKALIKE_DATA_DIR", str(tmp_path / "data"))
    monkeypatch.setenv("LOOKALIKE_RUNTIME", "openvino-float32")
    return Shop(Settings.load(), built_shop.photos)
