"""
A head: the last layer that `lookalike train` puts in place of the network's own, for the shop's categories.

    <data>/heads/<fingerprint>.safetensors    weights, and a card that says what they were trained on

It belongs to the embeddings of one fingerprint. What it says of a photo is joined with the vote of the photo's
neighbours, so that a probability of 0.9 is right nine times in ten.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Final, Literal

import numpy as np
import numpy.typing as npt
from pydantic import BaseModel, ConfigDict, Field, JsonValue, ValidationError
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save as to_safetensors

from app.core.arrays import Float32Array, Float64Array
from app.core.errors import HeadUnusable
from app.core.files import make_folder, storage_errors, write_atomically
from app.core.neighbour_vote import neighbour_vote

FORMAT_VERSION: Final = 1
VOTE_FLOOR: Final = 0.01
"""Added to each category's share of the vote: that none of 20 neighbours is of a category does not rule it out."""

_METADATA_KEY: Final = "lookalike_head"
_TENSORS: Final = ("landmarks", "weight", "bias")
_ADVICE: Final = "Train again with `lookalike train`."


class _Header(BaseModel):
    """What the file says beside its tensors."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    format_version: Literal[1] = FORMAT_VERSION
    fingerprint_sha256: str = Field(pattern=r"^[0-9a-f]{64}$")
    labels: Annotated[tuple[str, ...], Field(min_length=2)]
    sharpness: float = Field(gt=0)
    temperature: float = Field(gt=0)
    head_share: float = Field(ge=0, le=1)
    card: dict[str, JsonValue]


@dataclass(frozen=True, eq=False, repr=False)
class CategoryHead:
    """
    A layer over embeddings of d values, and how much it counts beside the neighbours.

    It looks at how similar an embedding is to m landmarks, pictures of the catalogue, and weighs these similarities: a
    regression with a Gaussian kernel, which bends where a plain linear layer cannot. Measured with efficientnet_lite0
    on 3,795 fashion photos of nine categories, each told by what was learned from nine tenths of the others: 0.930 are
    right with 2,048 landmarks, 0.925 with a linear layer.

    Attributes:
        labels: The categories, c of them.
        landmarks: As `rooted` gives embeddings, shape (m, d).
        sharpness: How quickly a similarity falls with distance; above 0.
        weight: Shape (c, m).
        bias: Shape (c,).
        fingerprint_sha256: Of the embeddings that it is for.
        temperature: Divides the joined logarithms; above 1 makes them less sure.
        head_share: Weight of the head in the join, from 0 to 1; the rest is that of the neighbours.
        card: What it was trained on, and the figures that were measured; for people.
    """

    labels: tuple[str, ...]
    landmarks: Float32Array
    sharpness: float
    weight: Float32Array
    bias: Float32Array
    fingerprint_sha256: str
    temperature: float
    head_share: float
    card: dict[str, JsonValue]

    def probabilities(self, embeddings: Float32Array) -> Float32Array:
        """Return what the head alone says of embeddings of shape (n, d): shape (n, c), rows sum to 1."""
        return np.exp(self._log_probabilities(embeddings)).astype(np.float32)

    def combined(
        self, embeddings: Float32Array, neighbours: Sequence[tuple[str | None, float]]
    ) -> list[tuple[str, float]]:
        """
        Return what head and neighbours say together, most probable first; the probabilities sum to 1.

        What the neighbours say of a category that the head was not trained on stays as it is: it may be a new one.

        Args:
            embeddings: Of one photo, shape (d,) or (1, d); or of all photos of one product, shape (m, d).
            neighbours: Category and score of the nearest products, nearest first.
        """
        logs = self._log_probabilities(np.atleast_2d(embeddings)).mean(axis=0, keepdims=True)
        vote = neighbour_vote(neighbours)
        known = np.array([[vote.get(label, 0.0) for label in self.labels]])
        others = {label: share for label, share in vote.items() if label not in set(self.labels)}
        rest = 1.0 - sum(others.values())
        joined = joined_probabilities(logs, known, self.head_share, self.temperature)[0] * rest
        together = [*zip(self.labels, joined.tolist(), strict=True), *others.items()]
        return sorted(together, key=lambda item: (-item[1], item[0]))

    def _log_probabilities(self, embeddings: Float32Array) -> Float64Array:
        return log_softmax(similarities(embeddings, self.landmarks, self.sharpness) @ self.weight.T + self.bias)

    def save(self, path: Path) -> None:
        """
        Write the head; whoever reads sees the old one or the new one. For one writer at a time.

        Raises:
            DiskFull, DataDirNotWritable: It could not be written; the one that was there is intact.
        """
        header = _Header(
            fingerprint_sha256=self.fingerprint_sha256,
            labels=self.labels,
            sharpness=self.sharpness,
            temperature=self.temperature,
            head_share=self.head_share,
            card=self.card,
        )
        tensors = {"landmarks": self.landmarks, "weight": self.weight, "bias": self.bias}
        contiguous = {name: np.ascontiguousarray(tensor) for name, tensor in tensors.items()}
        data = to_safetensors(contiguous, {_METADATA_KEY: header.model_dump_json()})
        with storage_errors(path.parent):
            make_folder(path.absolute().parent)
            write_atomically(path, data)

    @classmethod
    def load(cls, path: Path, fingerprint_sha256: str) -> "CategoryHead":
        """
        Read a head that `save` wrote.

        Args:
            path: Its file.
            fingerprint_sha256: Of the embeddings that it is to be used with.

        Raises:
            FileNotFoundError: There is none.
            HeadUnusable: It is damaged, or for other embeddings.
        """
        try:
            with safe_open(path, framework="numpy") as file:
                header = _Header.model_validate_json((file.metadata() or {})[_METADATA_KEY])
                landmarks, weight, bias = (np.array(file.get_tensor(name)) for name in _TENSORS)
        except FileNotFoundError:
            raise
        except (SafetensorError, ValidationError, KeyError, OSError, TypeError, ValueError) as error:
            raise HeadUnusable(f"The file of learned categories {path.name} cannot be understood. {_ADVICE}") from error
        if header.fingerprint_sha256 != fingerprint_sha256:
            raise HeadUnusable(
                f"The learned categories are for embeddings of fingerprint {header.fingerprint_sha256[:12]}…, "
                f"and those in use have {fingerprint_sha256[:12]}…. {_ADVICE}"
            )
        _check(path.name, header, landmarks, weight, bias)
        return cls(
            labels=header.labels,
            landmarks=landmarks,
            sharpness=header.sharpness,
            weight=weight,
            bias=bias,
            fingerprint_sha256=header.fingerprint_sha256,
            temperature=header.temperature,
            head_share=header.head_share,
            card=header.card,
        )


def head_path(heads_dir: Path, fingerprint_sha256: str) -> Path:
    """Return the file of the head for embeddings of a fingerprint."""
    return heads_dir / f"{fingerprint_sha256}.safetensors"


def rooted(embeddings: Float32Array) -> Float32Array:
    """
    Return the square roots of the values with their signs, unit-norm, shape (n, d).

    A few large activations no longer drown the many small ones.
    Source: Perronnin, Sánchez and Mensink 2010, ECCV, section 3.2.
    """
    roots = np.sign(embeddings) * np.sqrt(np.abs(embeddings))
    unit: Float32Array = roots / np.maximum(np.linalg.norm(roots, axis=1, keepdims=True), np.float32(1e-12))
    return unit


def similarities(embeddings: Float32Array, landmarks: Float32Array, sharpness: float) -> Float32Array:
    """
    Return how similar embeddings, shape (n, d), are to landmarks, shape (m, d): shape (n, m), from 0 to 1.

    It is a Gaussian of the distance between the embedding, `rooted`, and the landmark, which is.
    """
    cosines = rooted(embeddings) @ landmarks.T
    similar: Float32Array = np.exp(np.float32(sharpness) * (cosines - 1))
    return similar


def joined_probabilities(
    head_logs: Float64Array, votes: Float64Array, head_share: float, temperature: float
) -> Float64Array:
    """
    Return the weighted geometric mean of head and neighbours, sharpened or softened: shape (n, c), rows sum to 1.

    Args:
        head_logs: Logarithms of the head's probabilities, shape (n, c).
        votes: Each category's share of the neighbours' vote, shape (n, c). A row without any vote counts for nothing:
            a row of equal shares moves no category before another.
        head_share: Weight of the head, from 0 to 1.
        temperature: Divides the logarithms; above 1 makes them less sure.

    Source: logarithmic opinion pools, Heskes 1998 (NIPS 10); temperature scaling, Guo and others 2017,
    arXiv:1706.04599.
    """
    pooled = head_share * head_logs + (1 - head_share) * np.log(votes + VOTE_FLOOR)
    joined: Float64Array = np.exp(log_softmax(pooled / temperature))
    return joined


def log_softmax(values: npt.NDArray[np.floating]) -> Float64Array:
    """Return the logarithms of the softmax along the last axis."""
    wide = values.astype(np.float64)
    wide -= wide.max(axis=-1, keepdims=True)
    logs: Float64Array = wide - np.log(np.exp(wide).sum(axis=-1, keepdims=True))
    return logs


def card_of(head: CategoryHead) -> str:
    """Return the card as JSON that people can read."""
    return json.dumps(head.card, indent=2, ensure_ascii=False) + "\n"


def _check(name: str, header: _Header, landmarks: Float32Array, weight: Float32Array, bias: Float32Array) -> None:
    """Refuse tensors that do not belong together."""
    count = len(header.labels)
    fits = (
        landmarks.ndim == 2
        and landmarks.size > 0
        and weight.shape == (count, len(landmarks))
        and bias.shape == (count,)
        and {tensor.dtype for tensor in (landmarks, weight, bias)} == {np.dtype(np.float32)}
    )
    if not fits or len(set(header.labels)) != count:
        raise HeadUnusable(f"The tensors in {name} do not fit its {count} categories. {_ADVICE}")
    if not all(np.isfinite(tensor).all() for tensor in (landmarks, weight, bias)):
        raise HeadUnusable(f"The file of learned categories {name} holds values that are not numbers. {_ADVICE}")
