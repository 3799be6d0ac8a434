"""
A network's int8 graph on the disk, as `lookalike networks optimise` made and accepted it.

    <weights>/int8/<fingerprint>/card.json              what it was made from and how near it comes, and the files:
                                 network-<hash>.xml     OpenVINO's description of the graph
                                 network-<hash>.bin     its values

The fingerprint is that of the one network, so that other weights or another preprocessing never get its graph. Both
files are read once, and what was hashed is what OpenVINO gets. The card is written last and names the files by their
content: a kill leaves the old graph or the new one.
"""

import hashlib
import json
import logging
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

from pydantic import BaseModel, ConfigDict, Field, JsonValue, ValidationError

from app.core.errors import WeightsCorrupt
from app.core.files import HashedWriter, fsync_folder, make_folder, storage_errors, write_atomically
from app.core.networks.fingerprint import Fingerprint

_CARD: Final = "card.json"
_SHA256: Final = r"^[0-9a-f]{64}$"

_log = logging.getLogger(__name__)


class QuantisedCard(BaseModel):
    """
    What is known of an int8 graph.

    Attributes:
        fingerprint: Of the network that it stands for.
        graph_sha256: Of the graph's description.
        values_sha256: Of its values.
        about: How it was made, and how near it comes to float32: for people.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    format: Literal[1] = 1
    fingerprint: dict[str, JsonValue]
    graph_sha256: str = Field(pattern=_SHA256)
    values_sha256: str = Field(pattern=_SHA256)
    about: dict[str, JsonValue]


@dataclass(frozen=True, slots=True)
class QuantisedGraph:
    """A graph in memory: OpenVINO's description (XML) and values."""

    graph: bytes
    values: bytes


@dataclass(frozen=True, slots=True)
class StoredGraph:
    """A graph that was accepted; its files are still to be read."""

    folder: Path
    card: QuantisedCard

    @property
    def sha256(self) -> str:
        """What tells this graph from others: 64 hex digits."""
        return hashlib.sha256(f"{self.card.graph_sha256} {self.card.values_sha256}".encode()).hexdigest()

    def read(self) -> QuantisedGraph:
        """
        Return the graph, whose hashes were checked.

        Raises:
            WeightsCorrupt: A file is gone, or is not the one that was accepted.
        """
        return QuantisedGraph(
            self._read(_graph_file(self.card.graph_sha256), self.card.graph_sha256),
            self._read(_values_file(self.card.values_sha256), self.card.values_sha256),
        )

    def _read(self, name: str, sha256: str) -> bytes:
        try:
            data = (self.folder / name).read_bytes()
        except OSError as error:
            raise self._corrupt(name, f"cannot be read ({error.strerror})") from error
        if hashlib.sha256(data).hexdigest() != sha256:
            raise self._corrupt(name, "is not the one that was accepted (its SHA-256 is another)")
        return data

    def _corrupt(self, name: str, what: str) -> WeightsCorrupt:
        return WeightsCorrupt(
            f"The int8 file {self.folder / name} {what}. Make it again with `lookalike networks optimise "
            f"{self.card.fingerprint.get('network')}`, or choose another runtime (LOOKALIKE_RUNTIME)."
        )


def find_graph(weights_dir: Path, fingerprint: Fingerprint) -> StoredGraph | None:
    """Return the accepted int8 graph of a network; None where there is none, or its card cannot be understood."""
    folder = _folder(weights_dir, fingerprint)
    try:
        card = QuantisedCard.model_validate_json((folder / _CARD).read_bytes())
    except FileNotFoundError:
        return None
    except (OSError, ValidationError) as error:
        _log.warning("The int8 graph in %s is not used: its card cannot be read (%s).", folder, type(error).__name__)
        return None
    if card.fingerprint != fingerprint.to_json():
        _log.warning("The int8 graph in %s is not used: its card is of another network.", folder)
        return None
    return StoredGraph(folder, card)


def store_graph(
    weights_dir: Path, fingerprint: Fingerprint, graph: QuantisedGraph, about: dict[str, JsonValue]
) -> StoredGraph:
    """
    Keep an accepted graph, in place of the one before.

    Raises:
        StorageError: The weights folder cannot be written, or is full.
    """
    folder = _folder(weights_dir, fingerprint)
    card = QuantisedCard(
        fingerprint=fingerprint.to_json(),
        graph_sha256=hashlib.sha256(graph.graph).hexdigest(),
        values_sha256=hashlib.sha256(graph.values).hexdigest(),
        about=about,
    )
    kept = {_graph_file(card.graph_sha256): graph.graph, _values_file(card.values_sha256): graph.values}
    with storage_errors(weights_dir):
        make_folder(folder)
        for name, data in kept.items():
            with HashedWriter(folder / name) as file:
                file.write(data)
        fsync_folder(folder)
        write_atomically(folder / _CARD, json.dumps(card.model_dump(mode="json"), indent=2).encode() + b"\n")
        for path in folder.iterdir():
            if path.name not in kept and path.name != _CARD:
                path.unlink(missing_ok=True)
    return StoredGraph(folder, card)


def _folder(weights_dir: Path, fingerprint: Fingerprint) -> Path:
    return weights_dir / "int8" / fingerprint.sha256


def _graph_file(sha256: str) -> str:
    return f"network-{sha256[:16]}.xml"


def _values_file(sha256: str) -> str:
    return f"network-{sha256[:16]}.bin"
