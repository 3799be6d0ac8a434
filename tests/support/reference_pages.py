"""
Writes docs/settings.md and docs/commands.md from the code: `make docs`.

A test fails when a page and the code say different things.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import typer.main

from app.core.settings import Settings
from tests.support.sources import REPOSITORY

WRITTEN_BY = "<!-- Written by `make docs` from the code; do not edit. -->"


def settings_page() -> str:
    """Return the table of all settings as Markdown."""
    lines = [
        "# Settings",
        "",
        WRITTEN_BY,
        "",
        "Each setting is an environment variable. Where a command has an option for the same thing, such as",
        "`--data-dir`, the option wins.",
        "",
        "| variable | default | what it is |",
        "|---|---|---|",
    ]
    for name, field in Settings.model_fields.items():
        default = "" if field.default in (None, ()) else f"`{field.default}`"
        lines.append(f"| `LOOKALIKE_{name.upper()}` | {default} | {field.description} |")
    return "\n".join(lines) + "\n"


def commands(group: Any = None, prefix: str = "lookalike") -> Iterator[tuple[str, Any]]:  # noqa: ANN401  # Typer's own copy of Click is private
    """Yield every command with the words that call it; a group is yielded before what is in it."""
    if group is None:
        from lookalike.cli import app  # noqa: PLC0415  # the settings page needs no command line

        group = typer.main.get_command(app)
    for name, command in sorted(group.commands.items()):
        words = f"{prefix} {name}"
        yield words, command
        if hasattr(command, "commands"):
            yield from commands(command, words)


def _synopsis(words: str, command: Any) -> str:  # noqa: ANN401
    arguments = [
        name if parameter.required else f"[{name}]"
        for parameter in command.params
        if parameter.param_type_name == "argument"
        and (name := (parameter.metavar or parameter.name.upper()).strip("[]"))
    ]
    return " ".join([words, *arguments])


def _parameter_lines(command: Any) -> Iterator[str]:  # noqa: ANN401
    for parameter in command.params:
        if parameter.name == "help" or getattr(parameter, "hidden", False):
            continue
        is_argument = parameter.param_type_name == "argument"
        names = parameter.name.upper() if is_argument else ", ".join([*parameter.opts, *parameter.secondary_opts])
        what, _, written_default = (parameter.help or "").partition(" [default: ")
        default = written_default.removesuffix("]") or ("" if parameter.default in (None, False) else parameter.default)
        yield f"| `{names}` | {f'`{default}`' if default != '' else ''} | {what} |"


def commands_page() -> str:
    """Return all commands with their arguments and options as Markdown."""
    lines = [
        "# Commands",
        "",
        WRITTEN_BY,
        "",
        "Exit code 0: done. 1: failed, with one sentence on standard error. 2: wrong usage.",
    ]
    for words, command in commands():
        if hasattr(command, "commands"):
            continue
        lines += ["", f"## {_synopsis(words, command)}", "", " ".join((command.help or "").split())]
        if table := list(_parameter_lines(command)):
            lines += ["", "| argument or option | default | what it is |", "|---|---|---|", *table]
    return "\n".join(lines) + "\n"


PAGES = {"docs/settings.md": settings_page, "docs/commands.md": commands_page}


def main(root: Path = REPOSITORY) -> None:
    """Write every page anew."""
    for name, page in PAGES.items():
        (root / name).write_text(page(), encoding="utf-8")


if __name__ == "__main__":
    main()
