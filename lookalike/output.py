"""How results are printed: tables for people, JSON for scripts."""

import json
import os
from collections.abc import Iterable, Sequence

import typer
from rich.cells import cell_len
from rich.console import Console
from rich.table import Table
from rich.text import Text

READABLE_CHARS = 12  # a column of text is not made narrower than that


def print_json(value: object) -> None:
    """Print one JSON document on standard output."""
    typer.echo(json.dumps(value, indent=2, ensure_ascii=False, default=str))


def print_table(
    title: str, columns: Sequence[str], rows: Iterable[Sequence[object]], *, whole: str = "", spare: str = ""
) -> None:
    """
    Print a table on standard output; columns whose name ends in a space are aligned to the right, and never broken.

    The column `whole` is not broken into lines either, its ids are there to be copied, unless that leaves no room to
    read the others. The column `spare` is left out where the table would be wider than the terminal.
    """
    console = Console()
    cells = [[str("" if cell is None else cell) for cell in row] for row in rows]
    widths = [
        max(cell_len(name.strip()), *(cell_len(line) for row in cells for line in row[i].splitlines()), 0)
        for i, name in enumerate(columns)
    ]
    shown = [i for i, name in enumerate(columns) if name != spare or _table_width(widths) <= console.width]
    needed = {i: widths[i] if _is_unbroken(columns[i]) else min(widths[i], READABLE_CHARS) for i in shown}
    others = [width for i, width in needed.items() if columns[i] != whole]
    table = Table(title=title or None, title_justify="left", header_style="bold")
    for i in shown:
        is_whole = columns[i] == whole and _table_width([*others, widths[i]]) <= console.width
        table.add_column(
            columns[i].strip(),
            justify="right" if _is_unbroken(columns[i]) else "left",
            overflow="fold",
            no_wrap=is_whole or _is_unbroken(columns[i]),
            min_width=needed[i],
        )
    for row in cells:
        table.add_row(*(Text(row[i]) for i in shown))
    console.print(table)


def _is_unbroken(column: str) -> bool:
    return column.endswith(" ")


def _table_width(widths: Sequence[int]) -> int:
    """Return the width of a table with columns of these widths: a line before each and behind the last, and spaces."""
    return sum(width + 3 for width in widths) + 1


def printable(text: str) -> str:
    """Return a text that can be printed, whatever bytes the name of a file is made of."""
    return os.fsencode(text).decode("utf-8", "backslashreplace")
