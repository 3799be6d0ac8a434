"""`lookalike networks optimise`: a network in int8, if it stays near enough to float32."""

from typing import TYPE_CHECKING, Annotated

import typer

from app.core.settings import Settings
from lookalike.options import DataDir, Json
from lookalike.output import print_json, print_table
from lookalike.progress import shown_progress

if TYPE_CHECKING:
    from indexer.optimising.optimise import Attempt, Optimised

Name = Annotated[
    str | None,
    typer.Argument(metavar="[NETWORK]", help="Such as vgg16, or a+b. [default: that of the index]", show_default=False),
]


def optimise(network: Name = None, *, data_dir: DataDir = None, as_json: Json = False) -> None:
    """Quantise a network to int8 with pictures of the catalogue; kept only if it stays near enough to float32."""
    from app.core.decode_pool import DecodePool  # noqa: PLC0415  # keeps `lookalike --help` quick
    from indexer.optimising.optimise import optimise as run  # noqa: PLC0415
    from indexer.worker import step_back  # noqa: PLC0415

    step_back()  # searches of a service on this machine go first
    settings = Settings.load(data_dir=data_dir)
    with DecodePool.from_settings(settings) as pool, shown_progress() as progress:
        found = run(settings, network, pool, progress)
    if as_json:
        print_json([_document(each) for each in found])
    else:
        for each in found:
            _show(each)
    if any(each.stored is None for each in found):
        raise typer.Exit(1)


def _document(found: "Optimised") -> dict[str, object]:
    return {
        "network": found.network,
        "accepted": found.stored is not None,
        "folder": found.stored and str(found.stored.folder),
        "sha256": found.stored and found.stored.sha256,
        "looked_at": found.looked_at,
        "judged": found.judged,
        "float32_ms": found.float32_ms,
        "attempts": [_attempt(attempt) for attempt in found.attempts],
    }


def _attempt(attempt: "Attempt") -> dict[str, object]:
    return {
        "recipe": attempt.recipe,
        "accepted": attempt.is_accepted,
        "ms": attempt.ms,
        "figures": {figure.slug: figure.value for figure in attempt.figures},
        "wanted": {figure.slug: figure.least for figure in attempt.figures if figure.least is not None},
    }


def _show(found: "Optimised") -> None:
    rows = [
        (
            figures[0].what,
            *(f"{figure.value:.4f}" for figure in figures),
            "" if figures[0].least is None else f"{figures[0].least:g}",
        )
        for figures in zip(*(attempt.figures for attempt in found.attempts), strict=True)
    ]
    rates = [f"{found.float32_ms / attempt.ms:.2f}" for attempt in found.attempts]
    rows.append(("times as fast as float32, in batches", *rates, ""))
    recipes = [f"{attempt.recipe} " for attempt in found.attempts]
    print_table(
        f"{found.network} in int8: {found.looked_at:,} pictures looked at, {found.judged:,} others compared",
        ("What", *recipes, "Wanted "),
        rows,
    )
    if found.stored is None:
        typer.echo(f"{found.network} in int8 does not come near enough to float32; nothing was kept.")
        return
    typer.echo(f"{found.network} in int8 was accepted, and is in {found.stored.folder}.")
    typer.echo(
        "LOOKALIKE_RUNTIME=auto takes it where it is the fastest; =openvino-int8 asks for it. The index stays as it is."
    )
