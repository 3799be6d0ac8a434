"""How long a module, a function and an endpoint may become before it has to be divided."""

import ast
from collections.abc import Iterator

from tests.support.sources import PACKAGES, Source, sources

MODULE_LINES = 400  # without blank lines
FUNCTION_LINES = 40  # signature and body, without the docstring
ENDPOINT_LINES = 15  # the body alone, without the docstring
HTTP_METHODS = {"get", "post", "put", "patch", "delete", "head", "options"}

Function = ast.FunctionDef | ast.AsyncFunctionDef


def _functions(source: Source) -> Iterator[Function]:
    return (node for node in ast.walk(source.tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef))


def _docstring_lines(function: Function) -> int:
    if ast.get_docstring(function) is None:
        return 0
    first = function.body[0]
    return (first.end_lineno or first.lineno) - first.lineno + 1


def _lines(function: Function) -> int:
    return (function.end_lineno or function.lineno) - function.lineno + 1 - _docstring_lines(function)


def _body_lines(function: Function) -> int:
    return (function.end_lineno or function.lineno) - function.body[0].lineno + 1 - _docstring_lines(function)


def _is_endpoint(function: Function) -> bool:
    return any(
        isinstance(decorator, ast.Call)
        and isinstance(decorator.func, ast.Attribute)
        and decorator.func.attr in HTTP_METHODS
        for decorator in function.decorator_list
    )


def test_modules_stay_short() -> None:
    """A module is under 400 lines."""
    long = [
        f"{source.name}: {count} lines"
        for source in sources(*PACKAGES)
        if (count := sum(1 for line in source.path.read_text().splitlines() if line.strip())) >= MODULE_LINES
    ]
    assert not long, "\n".join(long)


def test_functions_stay_short() -> None:
    """A function is under 40 lines."""
    long = [
        f"{source.at(function)} {function.name}: {_lines(function)} lines"
        for source in sources(*PACKAGES)
        for function in _functions(source)
        if _lines(function) >= FUNCTION_LINES
    ]
    assert not long, "\n".join(long)


def test_endpoints_only_translate() -> None:
    """An endpoint takes its request apart, asks the search side, and is done within 15 lines."""
    endpoints = [
        (f"{source.at(function)} {function.name}", _body_lines(function))
        for source in sources("app/api")
        for function in _functions(source)
        if _is_endpoint(function)
    ]
    long = [f"{place}: {lines} lines" for place, lines in endpoints if lines > ENDPOINT_LINES]
    assert endpoints, "no endpoint was found, so that this test checks nothing"
    assert not long, "\n".join(long)
