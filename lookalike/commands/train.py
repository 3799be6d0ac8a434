"""`lookalike train`: learns the shop's own categories, and says how well."""

import time
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from app.core.settings import Settings
from lookalike.options import DataDir, Json
from lookalike.output import print_json, print_table, printable
from lookalike.progress import shown_progress

if TYPE_CHECKING:
    from indexer.progress import Progress
    from indexer.training.figures import Figures
    from indexer.training.head_files import TrainedHead
    from indexer.training.material import Material


class Layers(StrEnum):
    """What of the network is trained."""

    HEAD = "head"
    DENSE = "dense"
    ALL = "all"


Source = Annotated[
    Path | None,
    typer.Option("--source", help="Folder to learn from, a sub-folder a category. [default: the live index]"),
]


def train(
    *,
    source: Source = None,
    layers: Annotated[
        Layers,
        typer.Option(
            "--layers",
            help="What is trained: head, a new last layer, which takes seconds; dense, the dense layers too, which "
            "makes a network of its own, in minutes; all, the last convolutions too, which wants a GPU.",
        ),
    ] = Layers.HEAD,
    name: Annotated[
        str | None,
        typer.Option("--name", help="Name of the network that is made: --network trained:NAME. [default: dense-1, …]"),
    ] = None,
    network: Annotated[
        str | None, typer.Option("--network", help="Network to train on top of. [default: that of the index]")
    ] = None,
    seed: Annotated[
        int,
        typer.Option(
            "--seed", min=0, help="Decides which pictures are held out; the same gives the same. [default: 0]"
        ),
    ] = 0,
    data_dir: DataDir = None,
    as_json: Json = False,
) -> None:
    """Learn the shop's categories and report how well; a running service uses what was learned within a second."""
    from indexer.worker import step_back  # noqa: PLC0415  # keeps `lookalike --help` quick

    step_back()  # searches of a service on this machine go first
    settings = Settings.load(data_dir=data_dir, network=network)
    if layers is Layers.HEAD:
        if name is not None:
            raise typer.BadParameter("A head has no name; it belongs to its network.", param_hint="--name")
        _train_head(settings, source, seed, as_json=as_json)
    else:
        _train_network(settings, source, "all" if layers is Layers.ALL else "dense", name, seed, as_json=as_json)


def _train_network(
    settings: Settings,
    source: Path | None,
    layers: Literal["dense", "all"],
    name: str | None,
    seed: int,
    *,
    as_json: bool,
) -> None:
    from indexer.training.train_network import advice, train_network  # noqa: PLC0415  # loads torch, for this only

    began_s = time.perf_counter()
    with shown_progress() as progress:
        trained = train_network(settings, source, layers=layers, name=name, seed=seed, progress=progress)
    seconds = time.perf_counter() - began_s
    if as_json:
        document = {
            "network": trained.network,
            "weights": str(trained.path),
            "report": str(trained.report_path),
            "card": trained.card.model_dump(mode="json"),
            "seconds": round(seconds, 2),
        }
        print_json(document)
        return
    judged = trained.judged
    print_figures(judged.figures)
    typer.echo(
        f"Of the ten pictures found for one that it has not seen, {judged.after.value:.1%} are of its category; with "
        f"{trained.card.base} as it was, {judged.before.value:.1%}."
    )
    typer.echo(f"Report: {trained.report_path}")
    typer.echo(f"Made {trained.network} from {len(trained.examples):,} pictures in {seconds:.1f} s (seed {seed}).")
    typer.echo(advice(trained.network))


def _train_head(settings: Settings, source: Path | None, seed: int, *, as_json: bool) -> None:
    from indexer.training.head_files import train_and_save  # noqa: PLC0415  # keeps `lookalike --help` quick

    began_s = time.perf_counter()
    with shown_progress() as progress:
        material = _material(settings, source, seed, progress)
        trained = train_and_save(settings, material, seed=seed, progress=progress)
    seconds = time.perf_counter() - began_s
    if as_json:
        print_json(head_document(trained, seconds))
    else:
        print_head(trained, seconds)


def _material(settings: Settings, source: Path | None, seed: int, progress: "Progress") -> "Material":
    if source is None:
        from indexer.training.material import material_of_index  # noqa: PLC0415  # keeps `lookalike --help` quick

        progress.phase("Reading the index")
        return material_of_index(settings, seed=seed)
    from indexer.training.folder_material import material_of_folder  # noqa: PLC0415  # loads torch, for this only

    return material_of_folder(settings, source, progress, seed=seed)


def head_document(trained: "TrainedHead", seconds: float) -> dict[str, Any]:
    """Return what was trained as the JSON document of `lookalike train --json`."""
    pictures = trained.material.examples.pictures
    return {
        "head": str(trained.path),
        "used": trained.is_used,
        "report": str(trained.report_path),
        "card": trained.head.card,
        "suspects": [
            {
                "product_id": pictures[suspect.row].product_id,
                "picture": printable(str(pictures[suspect.row].path)),
                "category": suspect.stated,
                "looks_like": suspect.looks_like,
                "probability": round(suspect.probability, 4),
            }
            for suspect in trained.learned.suspects
        ],
        "seconds": round(seconds, 2),
    }


def print_head(trained: "TrainedHead", seconds: float) -> None:
    """Print how well the categories were learned, and where the report is."""
    from indexer.training.examples import MIN_PRODUCTS  # noqa: PLC0415  # keeps `lookalike --help` quick
    from indexer.training.head_files import next_step  # noqa: PLC0415
    from indexer.training.report import verdict  # noqa: PLC0415

    learned, examples = trained.learned, trained.material.examples
    print_figures(learned.combined)
    typer.echo(verdict(learned.combined))
    if examples.left_out:
        names = ", ".join(printable(name) for name in examples.left_out)
        typer.echo(f"Left out, for want of {MIN_PRODUCTS} products each: {names}.")
    if learned.suspects:
        typer.echo(f"{len(learned.suspects):,} pictures look mislabelled; the report shows the surest.")
    typer.echo(
        f"Learned from {len(examples):,} pictures with {trained.material.network} in {seconds:.1f} s, seed "
        f"{trained.head.card['seed']}."
    )
    typer.echo(next_step(trained.material, is_used=trained.is_used))
    typer.echo(f"Report: {trained.report_path}")


def print_figures(figures: "Figures") -> None:
    """Print a table of how well each category is told, measured on held-out pictures."""
    rows = [
        (
            printable(category.name),
            f"{category.recall.value:.1%}" if category.recall.of else "",
            f"{category.precision.value:.1%}" if category.precision.of else "",
            f"{category.recall.of:,}",
        )
        for category in figures.categories
    ]
    print_table("Held-out pictures", ("Category", "Found ", "Right ", "Tested with "), rows)
