"""How results are printed: tables for people, JSON for scripts."""

import json
import os
from collections.abc import Iterable, Sequence
from typing import Literal

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text


def print_json(value: object) -> None:
    """Print one JSON document on standard output."""
    typer.echo(json.dumps(value, indent=2, ensure_ascii=False, default=str))


def print_table(title: str, columns: Sequence[str], rows: Iterable[Sequence[object]], *, whole: str = "") -> None:
    """
    Print a table on standard output; columns whose name ends in a space are aligned to the right.

    The column `whole` is never broken into lines: its ids are there to be copied.
    """
    table = Table(title=title or None, title_justify="left", header_style="bold")
    for column in columns:
        justify: Literal["left", "right"] = "right" if column.endswith(" ") else "left"
        table.add_column(column.strip(), justify=justify, overflow="fold", no_wrap=column == whole)
    for row in rows:
        table.add_row(*(Text("" if cell is None else str(cell)) for cell in row))
    Console().print(table)


def printable(text: str) -> str:
    """Return a text that can be printed, whatever bytes the name of a file is made of."""
    return os.fsencode(text).decode("utf-8", "backslashreplace")
