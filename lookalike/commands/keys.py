"""`lookalike keys`: who may ask the service for what."""

import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from app.core.errors import InvalidParameter
from app.core.keys import MAX_EXPIRY_DAYS, MAX_PER_MINUTE, KeyWanted, Scope, checked
from app.core.settings import Settings
from lookalike.commands.jobs import opened_database
from lookalike.options import DataDir, Json
from lookalike.output import print_json, print_table

if TYPE_CHECKING:
    from app.core.keys import KeyRecord

KNOWN_AFTER_S: Final = 1.0
"""Seconds after which every running service knows a new key: a script may use it in its next line."""

app = typer.Typer(help="Create, list and revoke keys.", no_args_is_help=True)


ScopeOption = Annotated[
    Scope,
    typer.Option("--scope", help="What it allows: search; catalogue, which is also products and jobs; admin, all."),
]
Origins = Annotated[
    list[str] | None,
    typer.Option("--origin", help="A search key for the pages of this origin (https://shop.example); repeatable."),
]
Name = Annotated[str, typer.Option("--name", help="What it is for, in your own words.")]
Expires = Annotated[
    int | None,
    typer.Option("--expires", metavar="DAYS", min=1, max=MAX_EXPIRY_DAYS, help="Days it is good. [default: for ever]"),
]
PerMinute = Annotated[
    int | None,
    typer.Option(
        "--per-minute",
        min=0,
        max=MAX_PER_MINUTE,
        help="Requests a minute, 0 for no limit. [default: 600 for search, no limit for the others]",
    ),
]


@app.command()
def create(
    *,
    scope: ScopeOption,
    origin: Origins = None,
    name: Name = "",
    expires: Expires = None,
    per_minute: PerMinute = None,
    data_dir: DataDir = None,
    as_json: Json = False,
) -> None:
    """
    Create a key and print it: this once, because only a hash of it is kept.

    With --origin it may stand in a page that everybody reads: it works for pages of that origin only, and can do
    nothing but search. When this ends, running services know the key.
    """
    try:
        wanted = checked(
            KeyWanted(
                scope=scope, origins=tuple(origin or ()), name=name, per_minute=per_minute, expires_in_days=expires
            )
        )
    except InvalidParameter as error:
        raise typer.BadParameter(error.message) from error
    with opened_database(Settings.load(data_dir=data_dir)) as database, database.changing_keys() as keys:
        record, text = keys.create(wanted)
    if as_json:
        print_json({**key_document(record), "key": text})
    else:
        typer.echo(text)
        typer.echo(
            f"This is the only time that the key is shown. `lookalike keys revoke {record.id}` ends it.", err=True
        )
    time.sleep(KNOWN_AFTER_S)


@app.command(name="list")
def list_keys(*, data_dir: DataDir = None, as_json: Json = False) -> None:
    """Show all keys, newest first, without their secrets; not that of LOOKALIKE_ADMIN_KEY."""
    with opened_database(Settings.load(data_dir=data_dir)) as database, database.reading_keys() as keys:
        found = keys.list()
    if as_json:
        print_json([key_document(record) for record in found])
    elif found:
        columns = ("Key", "Scope", "State", "Name", "Origins", "A minute ", "Used")
        print_table("", columns, [_row(record) for record in found], whole="Key", spare="A minute ")
    else:
        typer.echo("There is no key yet; `lookalike keys create` makes one.")


@app.command()
def revoke(
    key_id: Annotated[str, typer.Argument(metavar="ID", help="Id of a key, as `lookalike keys list` shows.")],
    *,
    data_dir: DataDir = None,
    as_json: Json = False,
) -> None:
    """Make a key useless, for ever; running services know within a second."""
    with opened_database(Settings.load(data_dir=data_dir)) as database, database.changing_keys() as keys:
        record = keys.revoke(key_id)
    if as_json:
        print_json(key_document(record))
    else:
        typer.echo(f"Key {record.id} is revoked.")


def key_document(record: "KeyRecord") -> dict[str, Any]:
    """Return a key as the JSON document that the HTTP API gives of it."""
    from app.api.schemas_keys import KeyShown  # noqa: PLC0415  # keeps `lookalike --help` quick

    return KeyShown.model_validate(record).model_dump(mode="json")


def _row(record: "KeyRecord") -> tuple[object, ...]:
    state: str = record.state
    if state == "active" and record.expires_at is not None:
        state = f"{max(1, (record.expires_at - datetime.now(UTC)).days)} days left"
    used = str(record.last_used_on) if record.last_used_on else "never"
    return (
        record.id,
        record.scope,
        state,
        record.name,
        "\n".join(record.origins),
        f"{record.per_minute:,}" if record.per_minute else "any",
        used,
    )
