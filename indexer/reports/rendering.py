"""From a template and values to the file of a report."""

from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Final

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from app import __version__
from app.core.errors import DataDirNotWritable
from app.core.files import make_folder, write_atomically

_TEMPLATES: Final = Path(__file__).parent / "templates"
_SCHEMES: Final = ("https://", "http://")


def render(template: str, **context: object) -> str:
    """
    Return a report; `template` is the name of a file in `templates/`, such as "doctor.html".

    All text is escaped. What the template uses and the context lacks is an error. Filters besides Jinja's own:
    `thousands` (12,345), `percent` (0.1234 is 12.3 %), `figure` (0.1234 is 0.123), `link` (an address of the web or
    nothing).
    """
    made_at = datetime.now(UTC).astimezone()
    return _environment().get_template(template).render(made_at=made_at, version=__version__, **context)


def write_report(path: Path, html: str) -> None:
    """
    Write a report, replacing one that is there; folders that are missing are made.

    Raises:
        DataDirNotWritable: It cannot be written there.
    """
    try:
        make_folder(path.absolute().parent)
        write_atomically(path, html.encode())
    except OSError as error:
        reason = error.strerror or type(error).__name__
        raise DataDirNotWritable(f"The report cannot be written to {path} ({reason}). Name another file.") from error


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=FileSystemLoader(_TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["thousands"] = _thousands
    environment.filters["percent"] = _percent
    environment.filters["figure"] = _figure
    environment.filters["link"] = _link
    return environment


def _thousands(count: int) -> str:
    return f"{count:,}"


def _percent(share: float, decimals: int = 1) -> str:
    return f"{share * 100:.{decimals}f}\N{NO-BREAK SPACE}%"


def _figure(value: float, decimals: int = 3) -> str:
    return f"{value:.{decimals}f}"


def _link(address: str | None) -> str:
    """Return the address if a click on it opens a page and runs nothing: it is from the shop's feed."""
    return address if address and address.lower().startswith(_SCHEMES) else ""
