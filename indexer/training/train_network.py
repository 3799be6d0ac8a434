"""`lookalike train --layers dense|all`: from pictures to a network of its own, its card and its report."""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Final, Literal

import numpy as np
import safetensors.torch
import torch
from pydantic import JsonValue

from app import __version__
from app.core.arrays import Float32Array
from app.core.decode_pool import DecodePool
from app.core.embedder import start_network
from app.core.files import make_folder, storage_errors, write_atomically
from app.core.networks.names import TRAINED_FILE, trained_part
from app.core.networks.sources import open_weights
from app.core.networks.trained import CARD_KEY, DENSE, TrainedCard, with_prefix
from app.core.networks.weights import State
from app.core.settings import Settings
from indexer.progress import Progress
from indexer.training.beginning import Start, base_part, begin
from indexer.training.dense import Division, LearnedDense, divide, embeddings_of, learn_dense
from indexer.training.examples import Examples, drawn
from indexer.training.figures import Figures, Share, measure
from indexer.training.finetune import FineTuning
from indexer.training.found import Mean, shares_found
from indexer.training.network_material import (
    PicturesToLearn,
    free_name,
    pictures_to_learn,
    require_free_name,
)
from indexer.training.report import TrainingReport
from indexer.training.split import HELD_OUT_SHARE
from indexer.training.views import Views, look

Layers = Literal["dense", "all"]
NOTE: Final = "The figures are of the very network that is saved, from held-out pictures of which it learned nothing."
_LARGE: Final = 2**20
"""Values of a matrix that is kept in float16; what that changes is far below what bfloat16 does when it runs."""


@dataclass(frozen=True, slots=True, eq=False)
class Judged:
    """
    How good the network is, on held-out pictures.

    Attributes:
        figures: Of the categories that the layer names which was learned with it.
        before: The share of the ten nearest that are of the right category, with the network that it began as.
        after: The same with the trained one.
        gain: By how much it grew, query by query.
    """

    figures: Figures
    before: Mean
    after: Mean
    gain: Mean


@dataclass(frozen=True, slots=True, eq=False)
class TrainedNetwork:
    """What a run made: the network's name, its files, its card, and how good it is."""

    network: str
    path: Path
    report_path: Path
    card: TrainedCard
    judged: Judged
    examples: Examples


def train_network(
    settings: Settings, source: Path | None, *, layers: Layers, name: str | None, seed: int, progress: Progress
) -> TrainedNetwork:
    """
    Train the dense layers of a network on categorised pictures, and save the result as a network of its own.

    With all layers its last convolutions learn too; what it said of ImageNet's classes is then lost.

    Raises:
        InvalidParameter: The name cannot be used, or the network cannot be trained on top of.
        TooFewExamples: There are not two categories to learn.
        LookalikeError: The pictures, the network or the data folder cannot be used; nothing was saved.
    """
    weights_dir = settings.resolved_weights_dir
    part = trained_part(name or free_name(weights_dir, TRAINED_FILE, layers))
    path = weights_dir / f"{part.weights_name}.safetensors"
    require_free_name(path, part.name)
    to_learn = pictures_to_learn(settings, source, progress)
    examples = drawn(Examples.of(to_learn.pictures), seed=seed)
    progress.phase("Loading the network")
    base = base_part(to_learn.network)
    is_deep = layers == "all"
    start = begin(base, open_weights(base, settings, recorded_sha256=None), seed=seed, keeps_classes=not is_deep)
    with _scratch(settings) as scratch, DecodePool.from_settings(settings) as pool:
        embedder = start_network(start.network(part), settings)
        views = look(
            examples.pictures, embedder, start.dense, pool, scratch=scratch, keeps_pixels=is_deep, progress=progress
        )
        examples, views = _readable(examples, views)
        division = divide(examples, seed=seed)
        before = embeddings_of(start.dense, views, is_start=True)
        learned = learn_dense(start.dense, views, examples, division, seed=seed, progress=progress)
        start.weights.state.update(with_prefix(start.dense.state_dict(), DENSE))  # a GPU had copies of its own
        after = embeddings_of(start.dense, views)
        if views.pixels is not None:
            tuning = FineTuning(start.network(part), learned.categories, views.pixels, examples, seed=seed)
            learned = replace(learned, losses=learned.losses + tuning.learn(division, progress))
            after = tuning.embeddings()
        judged = _judge(examples, division, before, after, learned)
        progress.phase("Saving the network")
        card = _card(start, to_learn, examples, judged, learned, layers=layers, seed=seed)
        html = _report(part.name, card, to_learn, examples, judged, seed).html(pool)
        _save(path, card, start.weights.state, html)
    return TrainedNetwork(part.name, path, path.with_suffix(".html"), card, judged, examples)


@contextmanager
def _scratch(settings: Settings) -> Iterator[Path]:
    """Give a folder beside the data that is gone afterwards."""
    folder = settings.data_dir.absolute()
    with storage_errors(folder):
        make_folder(folder)
        with tempfile.TemporaryDirectory(prefix="train-", dir=folder) as name:
            yield Path(name)


def _readable(examples: Examples, views: Views) -> tuple[Examples, Views]:
    """Return what is left without the pictures that could not be read."""
    if views.is_there.all():
        return examples, views
    left = np.flatnonzero(views.is_there)
    kept = Examples.of([examples.pictures[row] for row in left])
    rows = left[kept.rows]
    mirrored = views.mirrored and (views.mirrored[0][rows], views.mirrored[1][rows])
    return (
        replace(kept, left_out={**examples.left_out, **kept.left_out}, without_category=examples.without_category),
        Views(
            views.seen[rows],
            views.of_base[rows],
            mirrored,
            views.is_there[rows],
            None if views.pixels is None else views.pixels[rows],
        ),
    )


def _judge(
    examples: Examples, division: Division, before: Float32Array, after: Float32Array, learned: LearnedDense
) -> Judged:
    held_out, others = division.held_out, ~division.held_out
    with torch.inference_mode():
        probabilities = learned.categories(torch.from_numpy(after[held_out])).softmax(dim=1).numpy()
    shares = [shares_found(each, examples.labels, held_out, others) for each in (before, after)]
    return Judged(
        figures=measure(examples.labels[held_out], probabilities, examples.categories),
        before=Mean.of(shares[0]),
        after=Mean.of(shares[1]),
        gain=Mean.of(shares[1] - shares[0]),
    )


def _card(
    start: Start,
    to_learn: PicturesToLearn,
    examples: Examples,
    judged: Judged,
    learned: LearnedDense,
    *,
    layers: Layers,
    seed: int,
) -> TrainedCard:
    counts: dict[str, JsonValue] = {
        name: int((examples.labels == i).sum()) for i, name in enumerate(examples.categories)
    }
    accuracy = judged.figures.accuracy
    about: dict[str, JsonValue] = {
        "made_at": datetime.now(UTC).isoformat(timespec="seconds"),
        "lookalike": __version__,
        "layers": layers,
        "base_weights_sha256": start.weights.sha256,
        "trained_on": {
            "origin": to_learn.origin,
            "pictures": len(examples),
            "products": examples.products,
            "categories": counts,
        },
        "seed": seed,
        "epochs": learned.best_epoch,
        "losses": [round(loss, 4) for loss in learned.losses],
        "held_out": {"share_of_each_category": HELD_OUT_SHARE, "pictures": accuracy.of},
        "figures": {
            "note": NOTE,
            "accuracy": _share(accuracy),
            "top_ten_in_category_before": asdict(judged.before),
            "top_ten_in_category": asdict(judged.after),
            "gain": asdict(judged.gain),
        },
    }
    return start.card.model_copy(update={"about": about})


def _share(share: Share) -> dict[str, JsonValue]:
    low, high = share.interval
    return {"value": round(share.value, 4), "low": round(low, 4), "high": round(high, 4), "of": share.of}


def _save(path: Path, card: TrainedCard, state: State, html: str) -> None:
    small = {
        name: (tensor.half() if tensor.numel() >= _LARGE else tensor).detach().contiguous()
        for name, tensor in state.items()
    }
    data = safetensors.torch.save(small, {CARD_KEY: card.model_dump_json()})
    with storage_errors(path.parent):
        make_folder(path.parent.absolute())
        write_atomically(path.with_suffix(".html"), html.encode())
        write_atomically(path.with_suffix(".json"), card.model_dump_json(indent=2).encode())
        write_atomically(path, data)


def _report(
    network: str, card: TrainedCard, to_learn: PicturesToLearn, examples: Examples, judged: Judged, seed: int
) -> TrainingReport:
    return TrainingReport(
        subject=f"the network {network}",
        examples=examples,
        figures=judged.figures,
        method=(
            "A tenth of each category's pictures was held out, by product, and a tenth of the others said when to "
            f"stop. {NOTE}"
        ),
        first_cards=[
            (f"Of ten found, right with {card.base}", *_of_ten(judged.before)),
            (f"The same with {network}", *_of_ten(judged.after)),
            ("Gain, picture by picture", *_of_ten(judged.gain, sign="+")),
        ],
        used={
            "Network that it is made of": card.base,
            "Pictures from": to_learn.origin,
            "Seed": str(seed),
        },
        next_steps=[advice(network)],
    )


def advice(network: str) -> str:
    """Return in a sentence what to do with a trained network."""
    return (
        f"Index with it (lookalike index SOURCE --network {network}), then train a head for it (lookalike train) "
        "and compare (lookalike evaluate --compare)."
    )


def _of_ten(mean: Mean, sign: str = "") -> tuple[str, str]:
    value, low, high = (f"{share * 100:{sign}.1f}\N{NO-BREAK SPACE}%" for share in (mean.value, mean.low, mean.high))
    return value, f"between {low} and {high}"
