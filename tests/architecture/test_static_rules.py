"""What the code never does, whoever writes it: unsafe loading, SQL made of strings, switched-off checks."""

import ast
import textwrap
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.support.sources import PACKAGES, Source, dotted, sources

Offence = tuple[ast.stmt | ast.expr | ast.arg, str]
SQL_CALLS = {"text", "execute", "executemany", "executescript", "exec_driver_sql", "scalar", "scalars"}
ENVIRONMENT = {"os.environ", "os.getenv", "os.environb", "environ", "getenv"}
READS_THE_ENVIRONMENT = {"app/core/child_process.py"}  # it hands children what Python needs to start, no setting
# What sets up a connection takes no bound values; the only values in it are numbers and words of our own.
CONNECTION_SET_UP = ("PRAGMA ", "SET LOCAL ", "SET SESSION ")


def _calls(tree: ast.AST) -> Iterator[tuple[ast.Call, str, dict[str, object]]]:
    """Yield each call with its dotted name and those keyword arguments that are literals."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            literals: dict[str, object] = {
                word.arg: word.value.value
                for word in node.keywords
                if word.arg is not None and isinstance(word.value, ast.Constant)
            }
            yield node, dotted(node.func), literals


def _unsafe_loading(source: Source) -> Iterator[Offence]:
    for call, name, literals in _calls(source.tree):
        if name in {"pickle.load", "pickle.loads", "pickle.Unpickler", "marshal.load", "marshal.loads", "shelve.open"}:
            yield call, f"{name} runs what the file says"
        if name == "torch.load" and literals.get("weights_only") is not True:
            yield call, "torch.load without weights_only=True runs what the file says"
        if literals.get("allow_pickle") is True:
            yield call, "allow_pickle=True runs what the file says"
        if name in {"yaml.load", "yaml.unsafe_load", "yaml.full_load"}:
            yield call, f"{name} makes objects of what the file says; yaml.safe_load does not"


def _switched_off_checks(source: Source) -> Iterator[Offence]:
    for call, name, literals in _calls(source.tree):
        if literals.get("follow_redirects") is True:
            yield call, f"{name}(follow_redirects=True) goes wherever a stranger's server says"
        if literals.get("verify") is False:
            yield call, f"{name}(verify=False) trusts any certificate"
        if literals.get("shell") is True:
            yield call, f"{name}(shell=True) hands text to a shell"
    for node in ast.walk(source.tree):
        if isinstance(node, ast.Assign) and isinstance(node.value, ast.Constant):
            assigned = {dotted(target).rpartition(".")[2] for target in node.targets}
            if "MAX_IMAGE_PIXELS" in assigned and node.value.value is None:
                yield node, "MAX_IMAGE_PIXELS = None lets any image through"
            if "LOAD_TRUNCATED_IMAGES" in assigned and node.value.value is True:
                yield node, "LOAD_TRUNCATED_IMAGES = True takes half an image for a whole one"


def _is_composed(node: ast.expr) -> bool:
    """Whether this expression is text put together from parts that a literal does not show."""
    if isinstance(node, ast.JoinedStr):
        first = node.values[0]
        if isinstance(first, ast.Constant) and str(first.value).startswith(CONNECTION_SET_UP):
            return False
        return any(isinstance(part, ast.FormattedValue) for part in node.values)
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add | ast.Mod):
        return any(
            _is_composed(side) or (isinstance(side, ast.Constant) and isinstance(side.value, str))
            for side in (node.left, node.right)
        )
    return (
        isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and node.func.attr in {"format", "join"}
        and isinstance(node.func.value, ast.Constant)
    )


def _composed_sql(source: Source) -> Iterator[Offence]:
    for call, name, _ in _calls(source.tree):
        if name.rpartition(".")[2] in SQL_CALLS and call.args and _is_composed(call.args[0]):
            yield call, f"{name}() of text put together: bind the values instead"


def _printing(source: Source) -> Iterator[Offence]:
    if source.name.startswith("lookalike/"):
        return
    answers = {
        call
        for node in ast.walk(source.tree)
        if isinstance(node, ast.FunctionDef) and node.name == "main"
        for call, _, _ in _calls(node)
    }
    for call, name, _ in _calls(source.tree):
        if name == "print" and call not in answers:
            yield call, "print() is for the command line and for a child's answer in main(); the rest logs or raises"


def _reading_the_environment(source: Source) -> Iterator[Offence]:
    if source.name in READS_THE_ENVIRONMENT:
        return
    for node in ast.walk(source.tree):
        if isinstance(node, ast.Attribute | ast.Name) and dotted(node) in ENVIRONMENT:
            yield node, "settings are read in app/core/settings.py and passed on"


def _the_bare_word(source: Source) -> Iterator[Offence]:
    for node in ast.walk(source.tree):
        name = node.id if isinstance(node, ast.Name) else node.arg if isinstance(node, ast.arg) else ""
        if name == "model" and isinstance(node, ast.Name | ast.arg):
            yield node, "say network, table or schema: the bare word names nothing"


RULES: dict[str, Callable[[Source], Iterator[Offence]]] = {
    "unsafe loading": _unsafe_loading,
    "switched-off checks": _switched_off_checks,
    "composed SQL": _composed_sql,
    "printing": _printing,
    "reading the environment": _reading_the_environment,
    "the bare word": _the_bare_word,
}


@pytest.mark.parametrize("rule", RULES)
def test_the_code_keeps_the_rule(rule: str) -> None:
    """No file of the four packages breaks it."""
    broken = [f"{source.at(node)} {why}" for source in sources(*PACKAGES) for node, why in RULES[rule](source)]
    assert not broken, "\n".join(broken)


@pytest.mark.parametrize(
    ("rule", "code"),
    [
        ("unsafe loading", "pickle.loads(data)"),
        ("unsafe loading", "torch.load(path)"),
        ("unsafe loading", "torch.load(path, weights_only=False)"),
        ("unsafe loading", "np.load(path, allow_pickle=True)"),
        ("unsafe loading", "yaml.load(text)"),
        ("switched-off checks", "client.get(url, follow_redirects=True)"),
        ("switched-off checks", "requests.get(url, verify=False)"),
        ("switched-off checks", "subprocess.run(line, shell=True)"),
        ("switched-off checks", "Image.MAX_IMAGE_PIXELS = None"),
        ("switched-off checks", "ImageFile.LOAD_TRUNCATED_IMAGES = True"),
        ("composed SQL", 'connection.execute(text(f"SELECT {column}"))'),
        ("composed SQL", 'connection.execute("SELECT * FROM t WHERE id = " + value)'),
        ("composed SQL", 'connection.execute("SELECT %s" % value)'),
        ("composed SQL", 'text("SELECT {}".format(value))'),
        ("printing", 'print("done")'),
        ("printing", 'def helper(): print("done")'),
        ("reading the environment", 'os.environ["LOOKALIKE_PORT"]'),
        ("reading the environment", 'os.getenv("LOOKALIKE_PORT")'),
        ("the bare word", "model = 1"),
        ("the bare word", "def load(model): ..."),
    ],
)
def test_a_broken_rule_is_noticed(tmp_path: Path, rule: str, code: str) -> None:
    """Each rule finds what it is there for, and tells the line."""
    (tmp_path / "app").mkdir()
    (tmp_path / "app" / "planted.py").write_text(f"import json\n{code}\n")

    found = [source.at(node) for source in sources("app", root=tmp_path) for node, _ in RULES[rule](source)]

    assert set(found) == {"app/planted.py:2"}


@pytest.mark.parametrize("rule", RULES)
def test_a_safe_form_is_let_through(tmp_path: Path, rule: str) -> None:
    """The rules do not stand in the way of the right way."""
    safe = """
        torch.load(path, weights_only=True, mmap=True)
        np.load(path, allow_pickle=False)
        yaml.safe_load(text)
        client.get(url, follow_redirects=False, verify=True)
        connection.execute(text("SELECT :value"), {"value": value})
        connection.execute(select(Product).where(Product.id == value))
        Image.MAX_IMAGE_PIXELS = 25_000_000
        model_config = SettingsConfigDict(frozen=True)
        environment = settings.environment
        cursor.execute(f"PRAGMA busy_timeout = {milliseconds}")

        def main():
            print("the answer to the parent process")
    """
    (tmp_path / "app").mkdir()
    (tmp_path / "app" / "planted.py").write_text(textwrap.dedent(safe))

    assert [why for source in sources("app", root=tmp_path) for _, why in RULES[rule](source)] == []
