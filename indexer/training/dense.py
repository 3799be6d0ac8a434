"""
Training the dense layers of a network, the convolutions as they are.

    all ─┬─ held out (a tenth of each category) ─────────────────────────────→ the figures
         └─ the rest ─┬─ a tenth ─→ when to stop ─┐
                      └─ learn ───────────────────┴─→ the layers that are kept

Nothing is learned from the held-out pictures afterwards either: the figures are of the very network that is saved.
"""

import copy
import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import numpy as np
import torch

from app.core.arrays import BoolArray, Float32Array, Int64Array
from app.core.errors import EmbeddingNotFinite
from app.core.networks.trained import Dense
from indexer.progress import Progress
from indexer.training.examples import Examples
from indexer.training.losses import Categories, loss_of
from indexer.training.split import hold_out
from indexer.training.views import Views

EPOCHS: Final = 12
PATIENCE: Final = 3
"""Epochs without a lower loss on the pictures that say when to stop."""
BATCH: Final = 128
RATE: Final = 2e-3
"""Of learning, for layers and activations scaled to about one."""
_WARM_UP: Final = 20
_DECAY: Final = 0.01
_DROPOUT: Final = 0.3
_SCALED_WITH: Final = 512
_AT_ONCE: Final = 512


@dataclass(frozen=True, slots=True, eq=False)
class Division:
    """Which pictures are for what, shape (n,) each; none is for two things."""

    learn: BoolArray
    stop: BoolArray
    held_out: BoolArray


@dataclass(frozen=True, slots=True, eq=False)
class LearnedDense:
    """
    How the training went; the layers that were given have been changed.

    Attributes:
        categories: The last layer that was learned with them.
        losses: On the pictures that say when to stop, before and after each epoch.
        best_epoch: From 0, which is before the first: after which one the layers are kept.
    """

    categories: Categories
    losses: tuple[float, ...]
    best_epoch: int


def divide(examples: Examples, *, seed: int) -> Division:
    """Divide the pictures: by product, each category alike."""
    held_out = hold_out(examples.labels, examples.groups, seed=seed)
    rest = np.flatnonzero(~held_out)
    stop = np.zeros(len(held_out), np.bool_)
    stop[rest] = hold_out(examples.labels[rest], examples.groups[rest], seed=seed + 1)
    return Division(~held_out & ~stop, stop, held_out)


def learn_dense(
    dense: Dense, views: Views, examples: Examples, division: Division, *, seed: int, progress: Progress
) -> LearnedDense:
    """
    Change the dense layers so that pictures of one category, and of one product, come together.

    Raises:
        EmbeddingNotFinite: The network's values are such that nothing can be learned.
    """
    torch.manual_seed(seed)
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    dense.to(device)
    categories = Categories(len(examples.categories), dense.dimension).to(device)
    batches = _Batches(views, examples, device, seed)
    learn, stop = np.flatnonzero(division.learn), np.flatnonzero(division.stop)
    optimiser = _optimiser(dense, categories, batches, learn)
    steps = EPOCHS * math.ceil(len(learn) / BATCH)
    schedule = torch.optim.lr_scheduler.LambdaLR(optimiser, lambda step: _pace(step, steps))
    losses = [_stop_loss(dense, categories, batches, stop)]
    best, best_epoch = _copied(dense, categories), 0
    progress.phase("Learning, in rounds over the pictures", EPOCHS)
    for epoch in range(1, EPOCHS + 1):
        for seen, of_base, labels, groups in batches.shuffled(learn):
            activations = dense(seen, of_base, _DROPOUT)
            embeddings = torch.nn.functional.normalize(activations, dim=1)
            loss = loss_of(embeddings, categories(embeddings), labels, groups)
            optimiser.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call]
            optimiser.step()
            schedule.step()
        losses.append(_stop_loss(dense, categories, batches, stop))
        progress.advance()
        if not math.isfinite(losses[-1]):
            raise EmbeddingNotFinite("Learning led to values that are not finite; the network's own are too large.")
        if losses[-1] < losses[best_epoch]:
            best, best_epoch = _copied(dense, categories), epoch
        elif epoch - best_epoch >= PATIENCE:
            break
    _put_back(dense, categories, best)
    return LearnedDense(categories.cpu(), tuple(losses), best_epoch)


@torch.inference_mode()
def embeddings_of(dense: Dense, views: Views, *, is_start: bool = False) -> Float32Array:
    """Return the embeddings of the pictures, shape (n, d); `is_start`: those before anything was learned."""
    parts = []
    for start in range(0, len(views.seen), _AT_ONCE):
        rows = slice(start, start + _AT_ONCE)
        of_base = _tensor(views.of_base[rows])
        values = dense.activation_of_base(of_base) if is_start else dense(_tensor(views.seen[rows]), of_base)
        parts.append(torch.nn.functional.normalize(values, dim=1).numpy())
    return np.concatenate(parts)


class _Batches:
    """Gives the views of some pictures as tensors."""

    def __init__(self, views: Views, examples: Examples, device: torch.device, seed: int) -> None:
        self._views = views
        self._labels, self._groups = examples.labels, examples.groups
        self._device = device
        self._generator = np.random.default_rng([seed, 5])

    def of(self, rows: Int64Array, *, is_mirrored: bool = False) -> tuple[torch.Tensor, ...]:
        """Return what is seen, what the base gives, labels and groups."""
        files = (self._views.seen, self._views.of_base)
        if is_mirrored and self._views.mirrored is not None:
            files = self._views.mirrored
        arrays = [_tensor(file[rows]) for file in files]
        arrays += [torch.from_numpy(values[rows]) for values in (self._labels, self._groups)]
        return tuple(array.to(self._device) for array in arrays)

    def shuffled(self, rows: Int64Array) -> Iterator[tuple[torch.Tensor, ...]]:
        """Yield all in batches, in a new order, each picture or its mirror image by lot."""
        order = self._generator.permutation(rows)
        is_mirrored = self._generator.random(len(order)) < 0.5
        for start in range(0, len(order), BATCH):
            part, mirror = order[start : start + BATCH], is_mirrored[start : start + BATCH]
            plain, other = self.of(part[~mirror]), self.of(part[mirror], is_mirrored=True)
            yield tuple(torch.cat(pair) for pair in zip(plain, other, strict=True))

    def plain(self, rows: Int64Array) -> Iterator[tuple[torch.Tensor, ...]]:
        """Yield all in their order."""
        for start in range(0, len(rows), _AT_ONCE):
            yield self.of(rows[start : start + _AT_ONCE])


def _optimiser(dense: Dense, categories: Categories, batches: _Batches, learn: Int64Array) -> torch.optim.Optimizer:
    """
    Return an optimiser whose rates fit the size of what flows through each layer.

    `down` is scaled so that it gives values around one, and `up` learns in steps of the layer's own values: activations
    of VGG are in the hundreds, those of others below one.
    """
    parameters: list[dict[str, object]] = [
        {"params": list(categories.parameters()), "lr": 10 * RATE, "weight_decay": 0.0}
    ]
    generator = np.random.default_rng(0)
    rows = np.sort(generator.permutation(learn)[:_SCALED_WITH])
    with torch.no_grad():
        seen, of_base, _, _ = batches.of(rows)
        flows = [(dense.first, seen, of_base)]
        if dense.second is not None:
            inner = of_base.relu()
            flows.append((dense.second, inner, dense.second.base(inner).relu()))
        for layer, incoming, outgoing in flows:
            length, given = (float(values.norm(dim=1).mean().clamp(min=1e-6)) for values in (incoming, outgoing))
            layer.down.div_(length)
            step = RATE * given / math.sqrt(dense.dimension)
            parameters.append({"params": [layer.down], "lr": RATE / length, "weight_decay": _DECAY * length})
            parameters.append({"params": [layer.up], "lr": step, "weight_decay": _DECAY})
    for parameter in dense.parameters():
        parameter.requires_grad = False
    for layer, _, _ in flows:
        layer.down.requires_grad_()
        layer.up.requires_grad_()
    return torch.optim.AdamW(parameters, lr=RATE)


def _pace(step: int, steps: int) -> float:
    return 0.5 * (1 + math.cos(math.pi * step / steps)) * min(1.0, (step + 1) / _WARM_UP)


@torch.inference_mode()
def _stop_loss(dense: Dense, categories: Categories, batches: _Batches, rows: Int64Array) -> float:
    """Return the mean negative log-likelihood of the categories."""
    total = 0.0
    for seen, of_base, labels, _ in batches.plain(rows):
        logits = categories(torch.nn.functional.normalize(dense(seen, of_base), dim=1))
        total += float(torch.nn.functional.cross_entropy(logits, labels, reduction="sum"))
    return total / max(len(rows), 1)


def _learned(dense: Dense, categories: Categories) -> list[torch.Tensor]:
    layers = [layer for layer in (dense.first, dense.second) if layer is not None]
    return [*(tensor for layer in layers for tensor in (layer.down, layer.up)), *categories.parameters()]


def _copied(dense: Dense, categories: Categories) -> list[torch.Tensor]:
    return [copy.deepcopy(tensor.detach()) for tensor in _learned(dense, categories)]


def _put_back(dense: Dense, categories: Categories, best: list[torch.Tensor]) -> None:
    with torch.no_grad():
        for tensor, kept in zip(_learned(dense, categories), best, strict=True):
            tensor.copy_(kept)
    dense.cpu()


def _tensor(values: np.ndarray) -> torch.Tensor:
    return torch.from_numpy(np.asarray(values, np.float32))
