"""
Fine-tuning: the last convolutions learn as well, with pictures that are cropped, mirrored and lit a little differently.

It begins where training of the dense layers ended, in small steps, and what it ends with is kept only if it tells the
pictures that say when to stop better. On a GPU that takes minutes; on a CPU many minutes for a thousand
pictures with VGG16.
"""

import math
from collections.abc import Iterator
from typing import Final

import numpy as np
import torch
from torch import nn

from app.core.arrays import Float32Array, Int64Array, UInt8Array
from app.core.errors import EmbeddingNotFinite
from app.core.networks.architectures import LoadedNetwork
from app.core.networks.trained import TRUNK
from app.core.networks.weights import State
from indexer.progress import Progress
from indexer.training.augmentation import augmented
from indexer.training.dense import Division
from indexer.training.examples import Examples
from indexer.training.losses import Categories, loss_of

EPOCHS: Final = 4
BATCH: Final = 32
RATE: Final = 1e-5
"""For weights that were learned from a million pictures: a step of Adam changes each by about this much."""
LAST_LAYERS: Final = 3
"""Convolutions that learn: VGG16's fifth block."""
_AT_ONCE: Final = 32


class FineTuning:
    """A network with trained dense layers, while its last convolutions learn too."""

    def __init__(
        self, network: LoadedNetwork, categories: Categories, pixels: UInt8Array, examples: Examples, *, seed: int
    ) -> None:
        self._device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
        module = network.module(torch.float32, is_for_bfloat16=False)
        self._learning = _learning(module, network.state)
        self._state = network.state
        self._module = module.to(self._device)
        self._categories = categories.to(self._device)
        self._pixels, self._examples = pixels, examples
        self._order = np.random.default_rng([seed, 6])
        self._changes = torch.Generator().manual_seed(seed)

    def learn(self, division: Division, progress: Progress) -> tuple[float, ...]:
        """
        Change the network's state, and return the losses on the pictures that say when to stop, from before the first.

        Raises:
            EmbeddingNotFinite: What was learned gives no usable values.
        """
        learn, stop = np.flatnonzero(division.learn), np.flatnonzero(division.stop)
        weights = [*self._learning.values(), *self._categories.parameters()]
        optimiser = torch.optim.AdamW(weights, lr=RATE)
        batches = math.ceil(len(learn) / BATCH)
        losses = [self._stop_loss(stop)]
        best = self._copied()
        progress.phase("Fine-tuning", EPOCHS * batches)
        for _ in range(EPOCHS):
            for rows in self._shuffled(learn):
                optimiser.zero_grad()
                self._loss(rows).backward()  # type: ignore[no-untyped-call]
                optimiser.step()
                progress.advance()
            losses.append(self._stop_loss(stop))
            if not math.isfinite(losses[-1]):
                raise EmbeddingNotFinite("Fine-tuning led to values that are not finite; nothing was saved.")
            if losses[-1] > min(losses[:-1]):
                break
            best = self._copied()
        with torch.no_grad():
            for name, tensor in best.items():
                self._learning[name].copy_(tensor)
                self._state[name].copy_(tensor.cpu())
        return tuple(losses)

    @torch.inference_mode()
    def embeddings(self) -> Float32Array:
        """Return the embeddings of all pictures, shape (n, d), unit-norm."""
        starts = range(0, len(self._pixels), _AT_ONCE)
        return np.concatenate(
            [self._embed(np.arange(start, min(start + _AT_ONCE, len(self._pixels)))).cpu().numpy() for start in starts]
        )

    def _loss(self, rows: Int64Array) -> torch.Tensor:
        pixels = augmented(torch.from_numpy(self._pixels[rows]).to(self._device), self._changes)
        with torch.autocast(self._device.type, torch.bfloat16, enabled=self._device.type == "cuda"):
            activations = self._module(pixels)[0]
        embeddings = nn.functional.normalize(activations, dim=1)
        labels, groups = (
            torch.from_numpy(values[rows]).to(self._device) for values in (self._examples.labels, self._examples.groups)
        )
        return loss_of(embeddings, self._categories(embeddings), labels, groups)

    def _embed(self, rows: Int64Array) -> torch.Tensor:
        activations = self._module(torch.from_numpy(self._pixels[rows]).to(self._device))[0]
        return nn.functional.normalize(activations, dim=1)

    @torch.inference_mode()
    def _stop_loss(self, rows: Int64Array) -> float:
        total = 0.0
        for start in range(0, len(rows), _AT_ONCE):
            part = rows[start : start + _AT_ONCE]
            labels = torch.from_numpy(self._examples.labels[part]).to(self._device)
            total += float(nn.functional.cross_entropy(self._categories(self._embed(part)), labels, reduction="sum"))
        return total / max(len(rows), 1)

    def _shuffled(self, rows: Int64Array) -> Iterator[Int64Array]:
        order = self._order.permutation(rows)
        for start in range(0, len(order), BATCH):
            yield order[start : start + BATCH]

    def _copied(self) -> State:
        return {name: tensor.detach().clone() for name, tensor in self._learning.items()}


def _learning(module: nn.Module, state: State) -> dict[str, nn.Parameter]:
    """
    Let the last convolutions and what the dense layers learned be learned, and return them by their names in the state.

    In float32 a module shares its memory with the state, which is how they are known again.
    """
    names = {tensor.data_ptr(): name for name, tensor in state.items()}
    convolutions = [
        names[part.weight.data_ptr()]
        for part in module.modules()
        if isinstance(part, nn.Conv2d) and names.get(part.weight.data_ptr(), "").startswith(TRUNK)
    ][-LAST_LAYERS:]
    kept = {
        names[parameter.data_ptr()]: parameter
        for parameter in module.parameters()
        if names.get(parameter.data_ptr(), "").endswith((".down", ".up"))
        or names.get(parameter.data_ptr()) in convolutions
    }
    for parameter in kept.values():
        parameter.requires_grad_()
    return kept
