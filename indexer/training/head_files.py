"""From what was learned to the files that the service and people read."""

import fcntl
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from pydantic import JsonValue

from app import __version__
from app.core.category_head import CategoryHead, card_of, head_path
from app.core.decode_pool import DecodePool
from app.core.files import make_folder, storage_errors, write_atomically
from app.core.settings import Settings
from app.core.snapshot_folder import SnapshotFolder
from indexer.progress import Progress
from indexer.training.figures import Figures, Share
from indexer.training.material import Material
from indexer.training.report import TrainingReport
from indexer.training.split import HELD_OUT_SHARE
from indexer.training.train_head import Learned, train_head

NOTE: Final = (
    "The figures are from held-out pictures, of which nothing was learned or chosen. The head that is saved was then "
    "trained on all pictures, these included."
)


@dataclass(frozen=True, slots=True, eq=False)
class TrainedHead:
    """
    What a run made: the head, what was learned, and where its file and its report are.

    `is_used` says whether the live index is of the head's network, so that a service answers with it.
    """

    head: CategoryHead
    is_used: bool
    learned: Learned
    material: Material
    path: Path
    report_path: Path


def train_and_save(settings: Settings, material: Material, *, seed: int, progress: Progress) -> TrainedHead:
    """
    Learn a head, write its report and its card, and then the head itself, which a running service takes at once.

    Raises:
        DiskFull, DataDirNotWritable: Something could not be written; the head that was there is still in use.
        EmbeddingNotFinite: There is nothing to learn from damaged embeddings.
    """
    with DecodePool.from_settings(settings) as pool:  # its children start while the head is trained
        learned = train_head(material.examples, material.embeddings, seed=seed, progress=progress)
        progress.phase("Writing the report")
        is_used = material.fingerprint_sha256 == _live_fingerprint(settings)
        html = _report(material, learned, seed, next_step(material, is_used=is_used)).html(pool)
    head = CategoryHead(
        labels=material.examples.categories,
        landmarks=learned.features.landmarks,
        sharpness=learned.features.sharpness,
        weight=learned.weight,
        bias=learned.bias,
        fingerprint_sha256=material.fingerprint_sha256,
        temperature=learned.join.temperature,
        head_share=learned.join.head_share,
        card=_card(material, learned, seed),
    )
    path = head_path(settings.heads_dir, material.fingerprint_sha256)
    with _only_writer(settings.heads_dir):
        with storage_errors(settings.heads_dir):
            write_atomically(path.with_suffix(".html"), html.encode())
            write_atomically(path.with_suffix(".json"), card_of(head).encode())
        head.save(path)
    return TrainedHead(head, is_used, learned, material, path, path.with_suffix(".html"))


def next_step(material: Material, *, is_used: bool) -> str:
    """Return what is to be done so that answers use the head."""
    if is_used:
        return "A running service answers with it already; nothing has to be restarted."
    return (
        f"It is used once the live index is of {material.network} as it is now: "
        f"`lookalike index SOURCE --network {material.network}`."
    )


def _live_fingerprint(settings: Settings) -> str | None:
    infos = SnapshotFolder(settings.snapshots_dir).list()
    return next((each.manifest.fingerprint_sha256 for each in infos if each.is_live and each.manifest), None)


@contextmanager
def _only_writer(folder: Path) -> Iterator[None]:
    """Be the only one that writes heads; waits for its turn."""
    with storage_errors(folder):
        make_folder(folder.absolute())
        file = (folder / ".lock").open("ab")
    with file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _card(material: Material, learned: Learned, seed: int) -> dict[str, JsonValue]:
    examples = material.examples
    counts: dict[str, JsonValue] = {
        name: int((examples.labels == i).sum()) for i, name in enumerate(examples.categories)
    }
    return {
        "made_at": datetime.now(UTC).isoformat(timespec="seconds"),
        "lookalike": __version__,
        "network": material.network,
        "fingerprint_sha256": material.fingerprint_sha256,
        "trained_on": {
            "origin": material.origin,
            "pictures": len(examples),
            "products": examples.products,
            "categories": counts,
            "left_out_for_too_few_products": dict(examples.left_out),
            "pictures_without_category": examples.without_category,
            "drawn_by_lot_from": examples.drawn_from or None,
        },
        "seed": seed,
        "regularisation": learned.strength,
        "head_share": round(learned.join.head_share, 4),
        "temperature": round(learned.join.temperature, 4),
        "held_out": {"share_of_each_category": HELD_OUT_SHARE, "pictures": learned.held_out},
        "figures": {
            "note": NOTE,
            "combined": _figures(learned.combined),
            "head_alone": _figures(learned.head),
            "neighbours_alone": _figures(learned.neighbours),
        },
    }


def _figures(figures: Figures) -> dict[str, JsonValue]:
    return {
        "accuracy": _share(figures.accuracy),
        "expected_calibration_error": round(figures.calibration_error, 4),
        "categories": {
            each.name: {"recall": _share(each.recall), "precision": _share(each.precision)}
            for each in figures.categories
        },
    }


def _share(share: Share) -> dict[str, JsonValue]:
    low, high = share.interval
    return {"value": round(share.value, 4), "low": round(low, 4), "high": round(high, 4), "of": share.of}


def _report(material: Material, learned: Learned, seed: int, step: str) -> TrainingReport:
    return TrainingReport(
        subject="the trained head",
        examples=material.examples,
        figures=learned.combined,
        others={"The new layer alone": learned.head, "The neighbours alone": learned.neighbours},
        suspects=learned.suspects,
        method=(
            f"A tenth of each category's pictures was held out, by product. On the rest, five-fold cross-validation "
            f"chose how strongly to regularise and how to join the new layer with the neighbours. {NOTE}"
        ),
        used=_used(material, learned, seed),
        next_steps=[step],
    )


def _used(material: Material, learned: Learned, seed: int) -> Mapping[str, str]:
    return {
        "Network": material.network,
        "Pictures from": material.origin,
        "Seed": str(seed),
        "Regularisation": f"{learned.strength:g}",
        "Weight of the new layer beside the neighbours": f"{learned.join.head_share:.2f}",
        "Temperature": f"{learned.join.temperature:.2f}",
        "Held out": f"{learned.held_out:,} pictures",
    }
