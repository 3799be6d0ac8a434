"""Importing a module does nothing but define what is in it."""

import json
import os
import subprocess
import sys
from pathlib import Path

from tests.support.sources import PACKAGES, REPOSITORY, sources

RUN_BY_OTHERS = {"__main__", "env"}  # `python -m …` and Alembic run these files; nobody imports them

IMPORT_EVERYTHING = """
import importlib, json, os, sys, threading
import torch

events = []
WATCHED = {"subprocess.Popen", "os.fork", "os.posix_spawn", "socket.bind", "socket.connect", "os.mkdir", "os.rename"}

def watch(event, arguments):
    writes = event == "open" and isinstance(arguments[1], str) and set(arguments[1]) & set("wax+")
    if event in WATCHED or writes:
        frame, importers = sys._getframe(1), []
        while frame:
            importers.append(frame.f_globals.get("__name__", ""))
            frame = frame.f_back
        events.append([event, str(arguments[0]), [name for name in importers if name.split(".")[0] in PACKAGES][:1]])

before = (torch.get_num_threads(), dict(os.environ), threading.active_count())
sys.addaudithook(watch)
for name in MODULES:
    importlib.import_module(name)
after = (torch.get_num_threads(), dict(os.environ), threading.active_count())
print(json.dumps({"events": events, "unchanged": before == after}))
"""


def _modules() -> list[str]:
    return [
        source.module
        for source in sources(*PACKAGES)
        if source.path.stem not in RUN_BY_OTHERS and source.path.parent.name != "versions"
    ]


def test_importing_every_module_has_no_effect(tmp_path: Path) -> None:
    """No file, process, connection or thread, no setting read, no thread count set: all that waits for a call."""
    header = f"MODULES = {_modules()!r}\nPACKAGES = {PACKAGES!r}\n"
    environment = {**os.environ, "PYTHONPATH": str(REPOSITORY), "LOOKALIKE_PORT": "no number", "HOME": str(tmp_path)}

    done = subprocess.run(
        [sys.executable, "-B", "-c", header + IMPORT_EVERYTHING],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=150,
    )

    assert done.stderr == ""
    assert json.loads(done.stdout) == {"events": [], "unchanged": True}
    assert list(tmp_path.iterdir()) == []
