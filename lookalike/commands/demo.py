"""`lookalike demo`: everything at once, on a drawn sample catalogue or on somebody's own photos."""

import json
import logging
import secrets
import threading
import urllib.request
from contextlib import closing
from pathlib import Path
from typing import Annotated, Any

import typer
from pydantic import SecretStr

from app.core.errors import InvalidSetting
from app.core.keys import SECRET_BYTES
from app.core.settings import Settings
from lookalike.commands.index import print_index, run_index
from lookalike.commands.search import print_search
from lookalike.commands.serve import run_service, say_where
from lookalike.options import DataDir, Host, Port
from lookalike.progress import shown_progress


def demo(
    folder: Annotated[
        Path | None,
        typer.Argument(help="Folder of your own photos, a sub-folder a category. [default: a drawn sample]"),
    ] = None,
    *,
    host: Host = None,
    port: Port = None,
    data_dir: DataDir = None,
    verbose: Annotated[
        bool, typer.Option("--verbose", help="Print a line for each request, as `lookalike serve` does.")
    ] = False,
) -> None:
    """Index a sample catalogue (or FOLDER), show one search, and serve the page."""
    settings = Settings.load(host=host, port=port, data_dir=data_dir)
    said = "that of LOOKALIKE_ADMIN_KEY"
    if settings.admin_key is None:
        # Stored nowhere: it ends with the demo, and nobody has to remember to revoke it.
        said = secrets.token_urlsafe(SECRET_BYTES)
        settings = settings.model_copy(update={"admin_key": SecretStr(said)})
    _refuse_taken_port(settings)
    if folder is not None:
        _refuse_unusable(folder)
    source = (folder or _sample(settings)).resolve()
    _keep_other_catalogues(settings, source)
    print_index(run_index(settings, str(source)))
    title, photo = _example(source, settings, drawn=folder is None)

    def show(url: str) -> None:
        threading.Thread(target=_show, args=(settings, said, url, title, photo), daemon=True).start()

    run_service(settings, show, log_level=logging.INFO if verbose else logging.WARNING)


def _refuse_taken_port(settings: Settings) -> None:
    """Raise `PortInUse` now rather than after the catalogue was drawn and indexed."""
    from app.api.server import reserve_port  # noqa: PLC0415  # keeps `lookalike --help` quick

    reserve_port(settings).close()


def _refuse_unusable(folder: Path) -> None:
    """Raise `SourceMissing` or `SourceEmpty` now rather than after a database was made."""
    from indexer.sources import read_folder  # noqa: PLC0415  # keeps `lookalike --help` quick

    read_folder(folder)


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
    locations = [Path(image.location).resolve() for product in page.products for image in product.images]
    if any(not location.is_relative_to(source) for location in locations):
        raise InvalidSetting(
            f"The data folder {settings.data_dir} holds a catalogue made from another folder. "
            "Give the demo a folder of its own with --data-dir, or use `lookalike index` to replace the catalogue."
        )


def _example(source: Path, settings: Settings, *, drawn: bool) -> tuple[str, bytes]:
    """Return a photo to search with, and what it is in words."""
    from app.db.database import Database  # noqa: PLC0415
    from indexer.sample_catalogue import draw_query_photo  # noqa: PLC0415

    if drawn:
        title, photo = draw_query_photo()
        return f"a photo that is not in the catalogue: {title}", photo
    with closing(Database(settings.resolved_database_url)) as database, database.reading() as catalogue:
        location = Path(catalogue.list_products(limit=1).products[0].images[0].location).resolve()
    return f"a picture of the catalogue: {location.relative_to(source)}", location.read_bytes()


def _show(settings: Settings, said_of_key: str, url: str, title: str, photo: bytes) -> None:
    """Show one search, and say where the page is and which key lets products be changed."""
    _show_search(settings, url, title, photo)
    typer.echo(f"The key for {url}/admin and for all that changes something, until the demo stops: {said_of_key}")
    say_where(settings, url)


def _show_search(settings: Settings, url: str, title: str, photo: bytes) -> None:
    """Search once, as any program would, and print what came back."""
    try:
        document = _search(settings, url, photo)
    except (OSError, ValueError) as error:  # the service refused, or answered with something else
        typer.echo(f"The search that was to be shown here failed: {error}.", err=True)
    else:
        typer.echo(f"\nOne search, with {title}:")
        print_search(document)
        typer.echo("")


def _search(settings: Settings, url: str, photo: bytes) -> dict[str, Any]:
    boundary = secrets.token_hex(16)
    head = f'--{boundary}\r\nContent-Disposition: form-data; name="image"; filename="photo"\r\n\r\n'
    body = head.encode() + photo + f"\r\n--{boundary}--\r\n".encode()
    headers = {"Content-Type": f"multipart/form-data; boundary={boundary}"}
    if settings.admin_key is not None:  # searches without a key are for this machine only
        headers["Authorization"] = f"Bearer {settings.admin_key.get_secret_value()}"
    request = urllib.request.Request(f"{url}/search", data=body, headers=headers)  # noqa: S310  # our own service
    direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))  # a proxy would look for us elsewhere
    with direct.open(request, timeout=60) as answer:
        document: dict[str, Any] = json.load(answer)
    return document
