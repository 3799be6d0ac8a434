"""`lookalike networks`: which networks there are, and their weights."""

from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer

from app.core.files import MIB
from app.core.settings import Settings
from lookalike.commands.optimise import optimise
from lookalike.options import DataDir, Json
from lookalike.output import print_json, print_table
from lookalike.progress import shown_progress

if TYPE_CHECKING:
    from app.core.network_commands import KnownNetwork

app = typer.Typer(help="List networks, download their weights and check them.", no_args_is_help=True)

app.command()(optimise)

Name = Annotated[str, typer.Argument(metavar="NETWORK", help="Such as vgg16, vgg19, timm:NAME, or a+b.")]


@app.command(name="list")
def list_networks(*, data_dir: DataDir = None, as_json: Json = False) -> None:
    """Show the networks, those trained here too, their dimensions and where their weights are."""
    from app.core.network_commands import known_networks  # noqa: PLC0415  # loads torch

    networks = known_networks(Settings.load(data_dir=data_dir))
    if as_json:
        print_json([asdict(network) for network in networks])
        return
    rows = [
        (network.name, network.dimension, network.weights_mib, network.licence, _state(network)) for network in networks
    ]
    print_table("", ("Network", "Values ", "MiB ", "Licence", "Weights"), rows)
    for network in networks:
        if network.problem:
            typer.echo(f"{network.name} cannot be used. {network.problem}")
        elif network.weights:
            made_of = f", made of {network.base}," if network.base else ""
            typer.echo(f"The weights of {network.name}{made_of} are in {network.weights}.")
    typer.echo("Also every architecture of timm as timm:NAME, and two networks side by side as a+b.")


def _state(network: "KnownNetwork") -> str:
    if network.problem:
        return "cannot be used"
    return "here" if network.weights else ""


@app.command()
def fetch(network: Name, *, data_dir: DataDir = None) -> None:
    """Download a network's weights into the weights folder; continues a download that broke off."""
    from app.core.network_commands import fetch_network  # noqa: PLC0415

    settings = Settings.load(data_dir=data_dir)
    with shown_progress() as progress:
        progress.phase(f"Downloading {network} (MiB)")
        paths = fetch_network(settings, network, progress.download)
    for path in paths:
        typer.echo(f"The weights are in {path}.")


@app.command()
def verify(network: Name, *, data_dir: DataDir = None, as_json: Json = False) -> None:
    """Check a network's weights by their hash and by embedding a few pictures."""
    from app.core.network_commands import verify_network  # noqa: PLC0415

    verified = verify_network(Settings.load(data_dir=data_dir), network)
    if as_json:
        print_json(asdict(verified))
        return
    origin = {True: "the published file", False: "not the published file", None: "hash not published"}
    for weights in verified.weights:
        typer.echo(f"{weights.network}: {origin[weights.is_original]}, {weights.size_bytes / MIB:,.0f} MiB.")
        typer.echo(f"  File     {weights.path}")
        typer.echo(f"  SHA-256  {weights.sha256}")
    typer.echo(f"{verified.name} works: {verified.dimension} values, on {verified.runtime}.")
