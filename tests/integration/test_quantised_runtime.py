"""`openvino-int8`: a graph that was accepted for a network is used, and nothing else ever is."""

import logging
from pathlib import Path
from typing import Final

import numpy as np
import pytest

from app.core.arrays import Float32Array
from app.core.embedder import fingerprint_of, open_embedder
from app.core.errors import DataDirNotWritable, ParityFailed, RuntimeNotAvailable, WeightsCorrupt
from app.core.images import ImageLimits, prepare_image
from app.core.networks import quantised
from app.core.networks.architectures import LoadedNetwork, load_network
from app.core.networks.names import parse_network
from app.core.networks.quantised import QuantisedGraph, StoredGraph, find_graph, store_graph
from app.core.networks.sources import open_weights
from app.core.probes import probe_images
from app.core.runtimes import choice
from app.core.runtimes.openvino_runtime import graph_of, save_graph
from app.core.settings import RuntimeChoice, Settings
from tests.support.runtimes import RUNTIMES, with_runtime, write_timm_weights

NETWORK = "timm:test_resnet"
OTHER_NETWORK = "timm:test_efficientnet"
INT8: Final = "openvino-int8"


@pytest.fixture
def settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    """An empty data folder, the weights of two small networks, and an idle machine."""
    write_timm_weights(tmp_path / "weights", [NETWORK, OTHER_NETWORK])
    monkeypatch.setattr("os.getloadavg", lambda: (0.0, 0.0, 0.0))
    monkeypatch.setattr(choice, "_CLEARLY_SLOWER", float("inf"))
    return Settings(data_dir=tmp_path, weights_dir=tmp_path / "weights", threads=2, runtime="auto")


@pytest.fixture
def stored(settings: Settings, tmp_path: Path) -> StoredGraph:
    """A graph that stands for an int8 one: what OpenVINO computes with it is the network's own answer."""
    return store_graph(
        settings.resolved_weights_dir, fingerprint_of(_loaded(settings)), _graph(settings, tmp_path), {"recipe": "none"}
    )


def test_the_graph_is_used_where_it_is_asked_for(settings: Settings, stored: StoredGraph) -> None:
    """Its embeddings are those of the network, and its name is told."""
    embedder = open_embedder(with_runtime(settings, INT8), NETWORK)
    assert embedder.runtime == INT8
    assert np.abs(_embeddings(settings, INT8) - _embeddings(settings, "openvino-float32")).max() < 1e-4
    assert stored.card.about == {"recipe": "none"}


def test_without_a_graph_it_is_said_how_to_make_one(settings: Settings) -> None:
    """`auto` does without a word."""
    with pytest.raises(RuntimeNotAvailable, match=rf"networks optimise {NETWORK}.*LOOKALIKE_RUNTIME"):
        open_embedder(with_runtime(settings, INT8), NETWORK)
    assert open_embedder(settings, NETWORK).runtime in RUNTIMES


def test_each_network_of_a_mixture_needs_its_own(settings: Settings, stored: StoredGraph) -> None:
    """The message names the one that lacks it."""
    assert stored.folder.exists()
    with pytest.raises(RuntimeNotAvailable, match=f"networks optimise {OTHER_NETWORK}"):
        open_embedder(with_runtime(settings, INT8), f"{NETWORK}+{OTHER_NETWORK}")


def test_auto_measures_anew_once_there_is_a_graph(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was remembered from before does not count; from then on the fastest is, whichever it is."""
    open_embedder(settings, NETWORK)
    graph = _graph(settings, tmp_path)
    store_graph(settings.resolved_weights_dir, fingerprint_of(_loaded(settings)), graph, {})
    monkeypatch.setattr(choice, "_run_s", lambda runtime, _probes: 1.0 if runtime.name == INT8 else 2.0)
    assert open_embedder(settings, NETWORK).runtime == INT8
    monkeypatch.setattr(choice, "_fastest", None)  # nothing is measured any more
    assert open_embedder(settings, NETWORK).runtime == INT8


@pytest.mark.parametrize("suffix", [".xml", ".bin"])
@pytest.mark.parametrize("is_gone", [False, True], ids=["changed", "gone"])
def test_files_that_are_not_those_accepted_are_never_read(
    settings: Settings, stored: StoredGraph, suffix: str, *, is_gone: bool
) -> None:
    """By name it is an error that says what to do; `auto`, even where it chose int8 before, takes another one."""
    by_name = with_runtime(settings, INT8)
    open_embedder(by_name, NETWORK)  # remembered
    (path,) = stored.folder.glob(f"*{suffix}")
    if is_gone:
        path.unlink()
    else:
        data = bytearray(path.read_bytes())
        data[len(data) // 2] ^= 1
        path.write_bytes(data)
    with pytest.raises(WeightsCorrupt, match=rf"networks optimise {NETWORK}.*LOOKALIKE_RUNTIME"):
        open_embedder(by_name, NETWORK)
    assert open_embedder(settings, NETWORK).runtime in RUNTIMES


@pytest.mark.parametrize("card", [b"", b"{}", b"[1]", b"\xff", b'{"format": 2}'])
def test_a_card_that_cannot_be_understood_is_none(
    settings: Settings, stored: StoredGraph, card: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    """A later version may write another one; it is said in the log."""
    (stored.folder / "card.json").write_bytes(card)
    with caplog.at_level(logging.WARNING), pytest.raises(RuntimeNotAvailable):
        open_embedder(with_runtime(settings, INT8), NETWORK)
    assert "card cannot be read" in caplog.text


def test_other_weights_do_not_get_the_graph(settings: Settings, stored: StoredGraph) -> None:
    """Not even when somebody copies its folder to where theirs would be."""
    write_timm_weights(settings.resolved_weights_dir, [OTHER_NETWORK, NETWORK])  # other random values
    fingerprint = fingerprint_of(_loaded(settings))
    assert find_graph(settings.resolved_weights_dir, fingerprint) is None
    stored.folder.rename(stored.folder.with_name(fingerprint.sha256))
    assert find_graph(settings.resolved_weights_dir, fingerprint) is None


def test_a_graph_that_computes_something_else_is_refused(settings: Settings, tmp_path: Path) -> None:
    """It may have been near enough on the machine that made it, and not be on this one."""
    graph = _graph(settings, tmp_path, OTHER_NETWORK)
    store_graph(settings.resolved_weights_dir, fingerprint_of(_loaded(settings)), graph, {})
    with pytest.raises((ParityFailed, RuntimeNotAvailable), match=r"openvino-int8.*LOOKALIKE_RUNTIME"):
        open_embedder(with_runtime(settings, INT8), NETWORK)
    assert open_embedder(settings, NETWORK).runtime in RUNTIMES


def test_a_new_graph_takes_the_place_of_the_old_one(settings: Settings, stored: StoredGraph) -> None:
    """Nothing of the old one is left."""
    graph = stored.read()
    again = QuantisedGraph(graph.graph + b"\n", graph.values)
    new = store_graph(settings.resolved_weights_dir, fingerprint_of(_loaded(settings)), again, {})
    assert (new.folder, len(list(new.folder.iterdir()))) == (stored.folder, 3)
    assert find_graph(settings.resolved_weights_dir, fingerprint_of(_loaded(settings))) == new
    assert new.read() == again


def test_a_kill_before_the_card_leaves_the_old_graph(
    settings: Settings, stored: StoredGraph, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The card is written last, and names its files by their content."""
    graph = stored.read()

    def killed(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(quantised, "write_atomically", killed)
    fingerprint = fingerprint_of(_loaded(settings))
    with pytest.raises(KeyboardInterrupt):
        store_graph(settings.resolved_weights_dir, fingerprint, QuantisedGraph(graph.graph + b"\n", b"half"), {})
    found = find_graph(settings.resolved_weights_dir, fingerprint)
    assert found == stored
    assert found.read() == graph


def test_a_weights_folder_that_cannot_be_written_is_told(settings: Settings, tmp_path: Path) -> None:
    """With the folder and what to do."""
    (tmp_path / "file").touch()
    with pytest.raises(DataDirNotWritable, match="file"):
        store_graph(tmp_path / "file", fingerprint_of(_loaded(settings)), QuantisedGraph(b"<net/>", b""), {})


def _loaded(settings: Settings, network: str = NETWORK) -> LoadedNetwork:
    (part,) = parse_network(network)
    return load_network(part, open_weights(part, settings, recorded_sha256=None))


def _graph(settings: Settings, folder: Path, network: str = NETWORK) -> QuantisedGraph:
    path = folder / "network.xml"
    save_graph(graph_of(_loaded(settings, network), is_for_bfloat16=False), path)
    return QuantisedGraph(path.read_bytes(), path.with_suffix(".bin").read_bytes())


def _embeddings(settings: Settings, runtime: RuntimeChoice) -> Float32Array:
    embedder = open_embedder(with_runtime(settings, runtime), NETWORK)
    limits = ImageLimits.from_settings(settings)
    return embedder.embed([prepare_image(data, embedder.preprocessings, limits) for data in probe_images()]).embeddings
