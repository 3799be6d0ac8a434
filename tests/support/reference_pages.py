"""
Writes docs/settings.md, docs/commands.md, docs/decisions.md and the tables of docs/sources.md: `make docs`.

A test fails when a page and the code say different things.
"""

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import typer.main

from app.core.settings import Settings
from indexer.sources.columns import ALIASES
from indexer.sources.values import STATED_AVAILABILITIES
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
        default = "" if field.default in (None, (), {}) else f"`{field.default}`"
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


def sources_page() -> str:
    """Return the page on sources with its tables written anew; the text around them is written by hand."""
    names = [f"| `{field}` | {_quoted(aliases)} |" for field, aliases in ALIASES.items()]
    words = [f"| `{availability}` | {', '.join(known)} |" for availability, known in STATED_AVAILABILITIES.items()]
    page = (REPOSITORY / "docs/sources.md").read_text(encoding="utf-8")
    page = _with_table(page, "columns", ["| field | columns |", "|---|---|", *names])
    return _with_table(page, "availabilities", ["| availability | in a feed |", "|---|---|", *words])


def _quoted(names: Iterable[str]) -> str:
    return ", ".join(f"`{name}`" for name in names)


def _with_table(page: str, name: str, lines: list[str]) -> str:
    """Return the page with these lines between the marks of a table."""
    before, begin, rest = page.partition(f"<!-- {name}: written by `make docs` from the code; do not edit -->\n")
    _, end, after = rest.partition(f"<!-- /{name} -->\n")
    return "".join([before, begin, "\n", *(f"{line}\n" for line in lines), "\n", end, after])


def decisions_page() -> str:
    """Return the list of all decisions as Markdown."""
    lines = [
        "# Decisions",
        "",
        WRITTEN_BY,
        "",
        "Why things are as they are: one page each, with what was decided against. A later one may supersede it.",
        "",
    ]
    for path in sorted((REPOSITORY / "docs/decisions").glob("[0-9]*.md"))[1:]:
        number, _, title = path.read_text(encoding="utf-8").partition("\n")[0].removeprefix("# ").partition(" ")
        lines.append(f"- {number} [{title}](decisions/{path.name})")
    return "\n".join(lines) + "\n"


PAGES = {
    "docs/settings.md": settings_page,
    "docs/commands.md": commands_page,
    "docs/decisions.md": decisions_page,
    "docs/sources.md": sources_page,
}


def main(root: Path = REPOSITORY) -> None:
    """Write every page anew."""
    for name, page in PAGES.items():
        (root / name).write_text(page(), encoding="utf-8")


if __name__ == "__main__":
    main()
