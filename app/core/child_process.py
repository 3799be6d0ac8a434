"""Our own modules as processes of their own: how Python is called so that it finds them, wherever this one runs."""

import os
import sys
from pathlib import Path
from typing import Final

_ROOT: Final = Path(__file__).resolve().parents[2]
_KEPT: Final = ("LD_LIBRARY_PATH", "PYTHONHOME", "OMP_NUM_THREADS")


def module_command(module: str) -> list[str]:
    """
    Return the command that runs a module.

    With -P, as `-m` alone looks into the current folder first: a package `app` of somebody else's may lie there.
    """
    return [sys.executable, "-P", "-W", "ignore", "-m", module]


def child_environment() -> dict[str, str]:
    """Return what a child needs to run, and nothing else: no setting, no secret."""
    kept = {name: os.environ[name] for name in _KEPT if name in os.environ}
    search_path = [str(_ROOT), *filter(None, [os.environ.get("PYTHONPATH")])]
    return kept | {"PYTHONPATH": os.pathsep.join(search_path)}
