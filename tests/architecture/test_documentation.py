"""Settings, commands, targets, releases and decisions are documented, or the build fails."""

import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from app import __version__
from app.core.settings import Settings
from tests.support.reference_pages import PAGES, commands
from tests.support.sources import REPOSITORY

DECISIONS = sorted((REPOSITORY / "docs" / "decisions").glob("*.md"))
DECISION_SECTIONS = ["## Context", "## Decision", "## Consequences", "## Alternatives"]
TEXT_SUFFIXES = {
    "",
    ".css",
    ".html",
    ".js",
    ".json",
    ".lock",
    ".mako",
    ".md",
    ".mjs",
    ".py",
    ".svg",
    ".toml",
    ".ts",
    ".txt",
    ".yml",
}
# Folders of one person's machine; and a word that names nothing, because two things are called so.
NEVER_WRITTEN = re.compile(r"/(?:work|root|home/\w+|tmp/\w+)/|feature[ -]vector", re.IGNORECASE)
LINK = re.compile(r"\[[^\]]*\]\((?!https?:|#|mailto:)([^)#\s]+)")


def _tracked_files() -> list[Path]:
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=REPOSITORY,
        capture_output=True,
        check=True,
    )
    names = listed.stdout.decode().split("\0")
    return [path for name in names if name and (path := REPOSITORY / name).is_file() and path.suffix in TEXT_SUFFIXES]


@pytest.mark.parametrize("page", PAGES)
def test_a_page_that_is_written_from_the_code_is_current(page: str) -> None:
    """`make docs` would change nothing."""
    assert (REPOSITORY / page).read_text(encoding="utf-8") == PAGES[page](), "run `make docs`"


@pytest.mark.parametrize("name", Settings.model_fields)
def test_a_setting_says_what_it_is(name: str) -> None:
    """Every setting has one sentence of description."""
    description = Settings.model_fields[name].description or ""
    assert description.endswith(".")
    assert "\n" not in description


def test_a_command_says_what_it_does() -> None:
    """Every command, argument and option has a help text, and a command's first line is one sentence."""
    silent = []
    for words, command in commands():
        first_line = (command.help or "").split("\n\n")[0]
        if not first_line.endswith("."):
            silent.append(f"{words}: {first_line!r}")
        silent += [f"{words}: {parameter.name}" for parameter in command.params if not parameter.help]
    assert not silent, "\n".join(silent)


def _make_targets() -> dict[str, str]:
    makefile = (REPOSITORY / "Makefile").read_text(encoding="utf-8")
    return dict(re.findall(r"^([a-z-]+):[^=\n]*?(?: ## (.+))?$", makefile, flags=re.MULTILINE))


def test_make_help_lists_every_target() -> None:
    """`make help`, which is what `make` alone does, shows each target that a person would call, with its line."""
    internal = {"chromium", "node-packages"}
    shown = subprocess.run(["make", "--silent"], cwd=REPOSITORY, capture_output=True, text=True, check=True).stdout
    for target, text in _make_targets().items():
        if target in internal:
            continue
        assert re.search(rf"^  make {target} +\S", shown, flags=re.MULTILINE), target
        assert text in shown


def test_the_newest_release_in_the_changelog_is_this_version() -> None:
    """The changelog's first released heading names the version of the code."""
    changelog = (REPOSITORY / "CHANGELOG.md").read_text(encoding="utf-8")
    released = re.findall(r"^## \[(\d+\.\d+\.\d+)\]", changelog, flags=re.MULTILINE)
    assert released[0] == __version__


def test_the_readme_stays_short() -> None:
    """A stranger reads at most 150 lines before starting."""
    lines = (REPOSITORY / "README.md").read_text(encoding="utf-8").splitlines()
    assert 0 < len(lines) <= 150


def test_the_readme_names_only_targets_that_exist() -> None:
    """What README says to type works."""
    readme = (REPOSITORY / "README.md").read_text(encoding="utf-8")
    named = set(re.findall(r"(?:^|`)make ([a-z][a-z-]*)", readme, flags=re.MULTILINE))
    assert {"demo", "test"} <= named <= set(_make_targets())


def _broken_links() -> Iterator[str]:
    for path in _tracked_files():
        if path.suffix == ".md":
            for target in LINK.findall(path.read_text(encoding="utf-8")):
                if not (path.parent / target).exists():
                    yield f"{path.relative_to(REPOSITORY)} links to {target}"


def test_links_between_pages_lead_somewhere() -> None:
    """Every relative link in a Markdown page has its target in the repository."""
    assert not (broken := list(_broken_links())), "\n".join(broken)


def test_decisions_are_numbered_without_gaps() -> None:
    """0000 is the template; decisions count up from there."""
    numbers = [path.name.split("-")[0] for path in DECISIONS]
    assert numbers == [f"{number:04}" for number in range(len(numbers))]


@pytest.mark.parametrize("path", DECISIONS, ids=lambda path: path.stem)
def test_a_decision_has_its_four_sections(path: Path) -> None:
    """Context, decision, consequences and alternatives, in this order, on about one page."""
    text = path.read_text(encoding="utf-8")
    assert re.findall(r"^## \w+", text, flags=re.MULTILINE) == DECISION_SECTIONS
    assert text.startswith(f"# {path.name[:4]} ")
    assert len(text.splitlines()) <= 60


def test_no_file_names_somebodys_machine() -> None:
    """No absolute path of the machine that a file was written on, and no word that the glossary forbids."""
    found = [
        f"{path.relative_to(REPOSITORY)}:{number} {match.group()}"
        for path in _tracked_files()
        if path != Path(__file__)
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1)
        if (match := NEVER_WRITTEN.search(line))
    ]
    assert not found, "\n".join(found)
