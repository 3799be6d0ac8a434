"""
Fixtures that every test may use.

Real photos and real weights are not part of the project. They are looked for in the folder that LOOKALIKE_TEST_SHARED
names, or in a folder `shared` beside the checkout; a test that needs them skips, saying so, where they are absent.
"""

import fcntl
import os
import subprocess
import sys
from pathlib import Path

import pytest

# Before anything imports numpy or faiss: their threads, too, wait for each other.
os.environ["OMP_NUM_THREADS"] = os.environ["OPENBLAS_NUM_THREADS"] = "1"

REPOSITORY = Path(__file__).resolve().parents[1]
NICENESS = 18
SHARED = Path(os.environ.get("LOOKALIKE_TEST_SHARED", REPOSITORY.parent / "shared"))


def pytest_configure() -> None:
    """
    Give way nearly as far as the commands that step back.

    Those run at a niceness of 19; beside tests at 0 they would get a seventieth of a busy processor, and a test that
    waits for `lookalike index` would wait for minutes. From 18 they get four fifths of a share.
    """
    os.nice(max(0, NICENESS - os.nice(0)))


def _shared(name: str) -> Path:
    path = SHARED / name
    if not path.exists():
        pytest.skip(f"needs {name} in the folder of LOOKALIKE_TEST_SHARED")
    return path


@pytest.fixture(autouse=True)
def _clean_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """
    No setting of the machine's owner reaches a test, and networks have one thread.

    The threads of one network wait for each other; where other tests want the processor, that takes five times as long.
    """
    for name in [name for name in os.environ if name.startswith("LOOKALIKE_") and "TEST" not in name]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("LOOKALIKE_THREADS", "1")


@pytest.fixture(scope="session")
def catalogue_dir() -> Path:
    """Real product photos, one sub-folder a category."""
    return _shared("catalogue")


@pytest.fixture(scope="session")
def other_photos_dir() -> Path:
    """Real photos of things that a fashion shop does not sell."""
    return _shared("other-photos")


@pytest.fixture(scope="session")
def vgg16_checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A whole VGG16 checkpoint with trained weights, in torchvision's format (553 MB, written once a test run)."""
    script = _shared("weights") / "make_vgg16.py"
    root = tmp_path_factory.getbasetemp()
    if os.environ.get("PYTEST_XDIST_WORKER"):
        root = root.parent  # the workers share one file
    path = root / "vgg16.pth"
    with (root / "vgg16.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not path.exists():
            partial = root / "vgg16.partial"
            subprocess.run([sys.executable, str(script), str(partial)], check=True)
            partial.rename(path)
    return path
