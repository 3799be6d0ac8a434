"""Reads the project's own Python files, for the tests of its architecture."""

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[2]
PACKAGES = ("app", "indexer", "lookalike", "migrations")


@dataclass(frozen=True)
class Source:
    """One Python file; `module` is its dotted name."""

    path: Path
    root: Path

    @cached_property
    def tree(self) -> ast.Module:
        """The parsed file."""
        return ast.parse(self.path.read_text(encoding="utf-8"), str(self.path))

    @property
    def name(self) -> str:
        """The path as it is shown: from the root, with slashes."""
        return self.path.relative_to(self.root).as_posix()

    @property
    def module(self) -> str:
        """The dotted name under which the file is imported."""
        parts = self.path.relative_to(self.root).with_suffix("").parts
        return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)

    def at(self, node: ast.stmt | ast.expr | ast.arg) -> str:
        """Return the place of a node, as `file:line`."""
        return f"{self.name}:{node.lineno}"


def sources(*folders: str, root: Path = REPOSITORY) -> Iterator[Source]:
    """Yield every Python file under these folders, in the order of their paths."""
    for folder in folders:
        for path in sorted((root / folder).rglob("*.py")):
            yield Source(path, root)


def imported_names(source: Source) -> Iterator[tuple[ast.stmt | ast.expr, str]]:
    """
    Yield each import of a file with the dotted name it reaches.

    `from a import b` yields both `a` and `a.b`, since `b` may be a module; relative imports are made absolute, and
    `import_module("a")` and `__import__("a")` count when the name is written out.
    """
    package = source.module if source.path.name == "__init__.py" else source.module.rpartition(".")[0]
    for node in ast.walk(source.tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield node, alias.name
        elif isinstance(node, ast.ImportFrom):
            above = package.split(".")[: len(package.split(".")) - node.level + 1] if node.level else []
            base = ".".join([*above, *([node.module] if node.module else [])])
            yield node, base
            for alias in node.names:
                yield node, f"{base}.{alias.name}"
        elif isinstance(node, ast.Call) and dotted(node.func).split(".")[-1] in {"import_module", "__import__"}:
            for argument in node.args[:1]:
                if isinstance(argument, ast.Constant) and isinstance(argument.value, str):
                    yield node, argument.value


def dotted(node: ast.expr) -> str:
    """Return `a.b.c` for a name or an attribute of one, otherwise the last attribute or nothing."""
    if isinstance(node, ast.Name):
        return node.id
    if isinstance(node, ast.Attribute):
        front = dotted(node.value)
        return f"{front}.{node.attr}" if front else node.attr
    return ""
