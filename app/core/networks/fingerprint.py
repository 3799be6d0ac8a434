"""The fingerprint: everything that decides what an embedding means. No torch here."""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Self

from pydantic import JsonValue, TypeAdapter, ValidationError

from app.core.errors import SnapshotIncompatible
from app.core.images import DECODE_POLICY
from app.core.preprocessing import Preprocessing


@dataclass(frozen=True, slots=True)
class Fingerprint:
    """
    What an embedding means: embeddings of equal fingerprints can be compared, others cannot.

    A concatenated network has one weights hash and one preprocessing for each of its parts, in their order. The runtime
    and its precision are not in it: every runtime gives the same embeddings, nearly.
    """

    network: str
    weights_sha256: tuple[str, ...]
    activation: str
    preprocessing: tuple[Preprocessing, ...]
    decode_policy: str = DECODE_POLICY

    @classmethod
    def joined(cls, network: str, parts: "Sequence[Fingerprint]") -> Self:
        """Return the fingerprint of a network that joins others; `network` is its canonical name."""
        return cls(
            network=network,
            weights_sha256=tuple(sha256 for part in parts for sha256 in part.weights_sha256),
            activation=" + ".join(part.activation for part in parts),
            preprocessing=tuple(each for part in parts for each in part.preprocessing),
        )

    @property
    def sha256(self) -> str:
        """64 hex digits of the canonical JSON."""
        canonical = json.dumps(self.to_json(), sort_keys=True, separators=(",", ":"))
        return hashlib.sha256(canonical.encode()).hexdigest()

    def to_json(self) -> dict[str, JsonValue]:
        """Return what `from_json` takes."""
        # Through JSON, so that the tuples are lists here as they are when read back.
        document: dict[str, JsonValue] = json.loads(json.dumps(asdict(self)))
        return document

    @classmethod
    def from_json(cls, document: JsonValue) -> Self:
        """
        Read a fingerprint that `to_json` gave.

        Raises:
            SnapshotIncompatible: A version that describes networks otherwise wrote it.
        """
        try:
            return TypeAdapter(cls).validate_python(document)
        except ValidationError as error:
            raise SnapshotIncompatible(
                "The index describes its network in a way that this version does not know; "
                "rebuild it with `lookalike index FOLDER --network NAME`."
            ) from error
