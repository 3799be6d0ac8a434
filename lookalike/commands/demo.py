"""`lookalike demo`: everything at once, on a drawn sample catalogue or on somebody's own photos."""

from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from app.core.errors import InvalidSetting
from app.core.settings import Settings
from lookalike.commands.index import print_index, run_index
from lookalike.commands.search import print_search
from lookalike.commands.serve import run_service
from lookalike.options import DataDir, Host, Port
from lookalike.progress import shown_progress

if TYPE_CHECKING:
    from lookalike.shop import Found


def demo(
    folder: Annotated[
        Path | None,
        typer.Argument(help="Folder of your own photos, a sub-folder a category. [default: a drawn sample]"),
    ] = None,
    *,
    host: Host = None,
    port: Port = None,
    data_dir: DataDir = None,
) -> None:
    """Index a sample catalogue (or FOLDER), show one search, and serve the page."""
    settings = Settings.load(host=host, port=port, data_dir=data_dir)
    source = folder or _sample(settings)
    _keep_other_catalogues(settings, source)
    print_index(run_index(settings, source))
    title, found = _search_once(settings, source, drawn=folder is None)
    typer.echo(f"\nOne search, with {title}:")
    print_search(found)
    typer.echo("")
    run_service(settings)


def _sample(settings: Settings) -> Path:
    """Return the folder of the drawn sample, drawing what is missing."""
    from indexer.sample_catalogue import draw_sample_catalogue  # noqa: PLC0415  # only the demo draws

    folder = settings.data_dir / "sample-catalogue"
    with shown_progress() as progress:
        drawn = 0

        def show(done: int, total: int) -> None:
            nonlocal drawn
            if not drawn:
                progress.phase("Drawing the sample catalogue", total)
            progress.advance(done - drawn)
            drawn = done

        draw_sample_catalogue(folder, on_progress=show)
    return folder


def _keep_other_catalogues(settings: Settings, source: Path) -> None:
    """Refuse to replace a catalogue that was made from another folder: a demo must not cost anybody theirs."""
    from app.db.database import Database  # noqa: PLC0415  # keeps `lookalike --help` quick

    with closing(Database(settings.resolved_database_url)) as database:
        database.upgrade()
        with database.reading() as catalogue:
            page = catalogue.list_products(limit=1)
    locations = [Path(image.location) for product in page.products for image in product.images]
    if any(not location.is_relative_to(source.absolute()) for location in locations):
        raise InvalidSetting(
            f"The data folder {settings.data_dir} holds a catalogue made from another folder. "
            "Give the demo a folder of its own with --data-dir, or use `lookalike index` to replace the catalogue."
        )


def _search_once(settings: Settings, source: Path, *, drawn: bool) -> tuple[str, "Found"]:
    from app.db.database import Database  # noqa: PLC0415
    from indexer.sample_catalogue import draw_query_photo  # noqa: PLC0415
    from lookalike.shop import Shop  # noqa: PLC0415

    with closing(Shop.open(settings)) as shop:
        if drawn:
            title, data = draw_query_photo()
            return f"a photo that is not in the catalogue: {title}", shop.search(data, 10)
        with closing(Database(settings.resolved_database_url)) as database, database.reading() as catalogue:
            image = catalogue.list_products(limit=1).products[0].images[0]
        return f"a picture of the catalogue: {Path(image.location).relative_to(source.absolute())}", shop.search(
            Path(image.location).read_bytes(), 10
        )
