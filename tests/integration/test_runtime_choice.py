"""Which runtime `auto` takes, and what it remembers."""

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from app.core.embedder import open_embedder
from app.core.errors import ParityFailed, RuntimeNotAvailable
from app.core.runtimes import choice
from app.core.runtimes.choice import LOWEST_COSINES
from app.core.settings import Settings
from tests.support.runtimes import RUNTIMES, with_runtime, write_timm_weights

CLEARLY_SLOWER = choice._CLEARLY_SLOWER


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """An empty data folder, the weights of a small network, and `auto`."""
    write_timm_weights(tmp_path / "weights", ["timm:test_resnet"])
    return Settings(data_dir=tmp_path, weights_dir=tmp_path / "weights", threads=2, runtime="auto")


@pytest.fixture(autouse=True)
def _sure(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is remembered must not depend on what else runs on this machine; tests of their own are about that."""
    monkeypatch.setattr("os.getloadavg", lambda: (0.0, 0.0, 0.0))
    monkeypatch.setattr(choice, "_CLEARLY_SLOWER", float("inf"))


def test_the_choice_is_measured_once(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    """The next start takes the same runtime without trying others."""
    first = open_embedder(settings, "timm:test_resnet").runtime
    started = _watch_starts(monkeypatch)
    assert open_embedder(settings, "timm:test_resnet").runtime == first
    assert started == [first]


@pytest.mark.parametrize(
    ("runs_s", "chosen"),
    [
        pytest.param({"a": (4, 4, 4, 4), "b": (1, 1, 1, 1)}, ("b", True), id="one is faster"),
        pytest.param({"a": (1.0, 1.1, 1.0, 1.1), "b": (1.1, 1.0, 1.1, 1.0)}, ("a", True), id="both are as fast"),
        pytest.param({"a": (4, 4, 4, 4), "b": (9, 9, 1, 9)}, ("b", False), id="other work held one up"),
    ],
)
def test_what_the_rounds_do_not_agree_on_is_not_kept(
    monkeypatch: pytest.MonkeyPatch, runs_s: dict[str, tuple[float, ...]], chosen: tuple[str, bool]
) -> None:
    """Each runtime counts with its fastest run; where a round says otherwise, the next start measures again."""
    left = {name: iter(times_s) for name, times_s in runs_s.items()}
    monkeypatch.setattr(choice, "_CLEARLY_SLOWER", CLEARLY_SLOWER)
    monkeypatch.setattr(choice, "_run_s", lambda runtime, _probes: next(left[runtime.name]))
    runtimes: list[Any] = [SimpleNamespace(name=name) for name in runs_s]
    runtime, is_sure = choice._fastest(runtimes, np.zeros((1, 8, 8, 3), np.uint8))
    assert (runtime.name, is_sure) == chosen


def test_what_a_busy_machine_chose_is_measured_again(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    """Other work holds up one runtime more than another, whatever the rounds say."""
    monkeypatch.setattr("os.getloadavg", lambda: (1000.0, 0.0, 0.0))
    open_embedder(settings, "timm:test_resnet")
    started = _watch_starts(monkeypatch)
    open_embedder(settings, "timm:test_resnet")
    assert set(started) == set(RUNTIMES)


@pytest.mark.parametrize("content", ["", "{", "[]", '{"x": 1}', "\x00"])
def test_an_unreadable_memory_costs_only_time(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, content: str
) -> None:
    """It is measured again and written anew."""
    path = settings.data_dir / "runtimes.json"
    path.write_text(content)
    started = _watch_starts(monkeypatch)
    runtime = open_embedder(settings, "timm:test_resnet").runtime
    assert set(started) == set(RUNTIMES)
    assert runtime in json.loads(path.read_text()).values()


def test_another_number_of_threads_is_measured_anew(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    """So is another machine, another version, another network."""
    open_embedder(settings, "timm:test_resnet")
    started = _watch_starts(monkeypatch)
    open_embedder(settings.model_copy(update={"threads": 1}), "timm:test_resnet")
    assert set(started) == set(RUNTIMES)


def test_a_data_folder_that_cannot_be_written_costs_only_time(settings: Settings, tmp_path: Path) -> None:
    """Serving works from a read-only folder."""
    (tmp_path / "file").touch()
    embedder = open_embedder(settings.model_copy(update={"data_dir": tmp_path / "file"}), "timm:test_resnet")
    assert embedder.runtime in RUNTIMES


def test_a_runtime_that_fails_is_left_out(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    """One library that does not work here is no reason not to start."""
    _break(monkeypatch, "OpenVinoRuntime")
    assert open_embedder(settings, "timm:test_resnet").runtime.startswith("torch-")


def test_a_runtime_that_fails_is_told_when_it_was_asked_for(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With the setting that changes it."""
    _break(monkeypatch, "OpenVinoRuntime")
    with pytest.raises(RuntimeNotAvailable, match=r"openvino-float32.*LOOKALIKE_RUNTIME"):
        open_embedder(with_runtime(settings, "openvino-float32"), "timm:test_resnet")


def test_a_remembered_runtime_that_fails_now_is_replaced(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    """A library may have been uninstalled since."""
    open_embedder(settings, "timm:test_resnet")
    path = settings.data_dir / "runtimes.json"
    path.write_text(json.dumps(dict.fromkeys(json.loads(path.read_text()), "openvino-float32")))
    _break(monkeypatch, "OpenVinoRuntime")
    assert open_embedder(settings, "timm:test_resnet").runtime.startswith("torch-")


def test_a_runtime_that_computes_something_else_is_left_out(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However fast it is."""
    monkeypatch.setattr(choice, "LOWEST_COSINES", {**LOWEST_COSINES, "openvino-float32": 1.1})
    assert open_embedder(settings, "timm:test_resnet").runtime != "openvino-float32"
    with pytest.raises(ParityFailed, match="openvino-float32"):
        open_embedder(with_runtime(settings, "openvino-float32"), "timm:test_resnet")


def _watch_starts(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    started: list[str] = []
    start = choice._start

    def watched(network: object, name: str, threads: int) -> object:
        started.append(name)
        return start(network, name, threads)  # type: ignore[arg-type]

    monkeypatch.setattr(choice, "_start", watched)
    return started


def _break(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    def broken(*_: object) -> None:
        raise OSError("libfast.so.3: cannot open shared object file")

    monkeypatch.setattr(choice, name, broken)
