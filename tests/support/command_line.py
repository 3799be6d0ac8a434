"""The `lookalike` command in the test's own process."""

import sys
from collections.abc import Callable
from dataclasses import dataclass

import pytest

from lookalike.cli import main


@dataclass(frozen=True)
class Outcome:
    """How a command ended."""

    code: int
    out: str
    error: str


Run = Callable[..., Outcome]


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> Run:
    """Run `lookalike` in this process, as its script does."""

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
