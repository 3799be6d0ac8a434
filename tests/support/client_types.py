"""
Writes what the clients know of the service from its OpenAPI document: `make clients`.

`clients/openapi.json` is the document, for whoever generates a client of their own. From it the types of the Python
client are written here, and those of the TypeScript client by openapi-typescript. A test fails when they and the code
say different things.
"""

import json
import keyword
import subprocess
import sys
from collections.abc import Iterator
from typing import Any, Final

from app.core.settings import Settings
from app.main import create_app
from tests.support.sources import REPOSITORY

DOCUMENT: Final = "clients/openapi.json"
PYTHON_TYPES: Final = "clients/python/src/lookalike_client/answers.py"

_HEAD: Final = '''"""
The JSON of every answer, and of what the service is told, as types.

Written by `make clients` from the service's OpenAPI document; do not edit.
"""

from typing import Literal, NotRequired, TypeAlias, TypedDict

JSON: TypeAlias = "dict[str, JSON] | list[JSON] | str | int | float | bool | None"
'''
_ANY: Final = "JsonValue"
_PLAIN: Final = {"string": "str", "integer": "int", "number": "float", "boolean": "bool", "null": "None"}

Schema = dict[str, Any]


def openapi_document() -> str:
    """Return the OpenAPI document of a service with default settings, as `lookalike openapi` prints it."""
    return json.dumps(create_app(Settings()).openapi(), indent=2, ensure_ascii=False) + "\n"


def python_types(document: Schema) -> str:
    """Return the module of types: a `TypedDict` for each schema, those first that others are made of."""
    schemas = {**document["components"]["schemas"], **dict(_stated(document))}
    schemas.pop(_ANY)
    written = "\n\n".join([_HEAD, *("\n".join(_typed_dict(name, schemas[name])) for name in _in_order(schemas))])
    command = [sys.executable, "-m", "ruff", "format", "--config", str(REPOSITORY / "pyproject.toml"), "-"]
    return subprocess.run(command, input=written, capture_output=True, text=True, check=True).stdout


def _stated(document: Schema) -> Iterator[tuple[str, Schema]]:
    """Yield the schemas of what requests state as JSON, by their titles."""
    for operations in document["paths"].values():
        for operation in operations.values():
            for body in operation.get("requestBody", {}).get("content", {}).values():
                yield from _titled(body["schema"])


def _titled(schema: Any) -> Iterator[tuple[str, Schema]]:  # noqa: ANN401  # any part of a schema
    if isinstance(schema, dict):
        if schema.get("type") == "object" and "title" in schema and "properties" in schema:
            yield schema["title"], schema
        for part in schema.values():
            yield from _titled(part)
    elif isinstance(schema, list):
        for part in schema:
            yield from _titled(part)


def _in_order(schemas: dict[str, Schema]) -> list[str]:
    """Return the names of the schemas, each after those that it is made of, otherwise by name."""
    ordered: list[str] = []

    def put(name: str) -> None:
        if name not in ordered:
            for other in sorted(_named_in(schemas[name])):
                put(other)
            ordered.append(name)

    for name in sorted(schemas):
        put(name)
    return ordered


def _named_in(schema: Any) -> Iterator[str]:  # noqa: ANN401
    if isinstance(schema, dict):
        if "$ref" in schema and _name(schema) != _ANY:
            yield _name(schema)
        for part in schema.values():
            yield from _named_in(part)
    elif isinstance(schema, list):
        for part in schema:
            yield from _named_in(part)


def _typed_dict(name: str, schema: Schema) -> Iterator[str]:
    required = set(schema.get("required", ()))
    kinds = {field: _type(part) for field, part in schema.get("properties", {}).items()}
    fields = {field: kind if field in required else f"NotRequired[{kind}]" for field, kind in kinds.items()}
    sentence = f'"""{_sentence(schema, name)}"""'
    if any(map(keyword.iskeyword, fields)):  # such as "from", which no class can have
        yield f"{name} = TypedDict({_quoted(name)}, {{"
        yield from (f"    {_quoted(field)}: {kind}," for field, kind in fields.items())
        yield from ("})", sentence)
        return
    yield f"class {name}(TypedDict):"
    yield f"    {sentence}"
    yield ""
    yield from (f"    {field}: {kind}" for field, kind in fields.items())


def _sentence(schema: Schema, name: str) -> str:
    first = " ".join(schema.get("description", f"{name}.").split("\n\n")[0].split())
    return first.replace("\\", "\\\\")


def _name(schema: Schema) -> str:
    return str(schema["$ref"].rpartition("/")[2])


def _type(schema: Schema) -> str:
    """Return a schema as Python's type."""
    if "$ref" in schema:
        return "JSON" if _name(schema) == _ANY else _name(schema)
    if "anyOf" in schema:
        return " | ".join(dict.fromkeys(_type(option) for option in schema["anyOf"]))
    if "const" in schema or "enum" in schema:
        return f"Literal[{', '.join(_quoted(value) for value in schema.get('enum', [schema.get('const')]))}]"
    if schema.get("type") == "array":
        return _array(schema)
    return _object(schema) if schema.get("type") == "object" else _PLAIN.get(str(schema.get("type")), "JSON")


def _object(schema: Schema) -> str:
    if "title" in schema and "properties" in schema:
        return str(schema["title"])
    values = schema.get("additionalProperties")
    return f"dict[str, {_type(values)}]" if isinstance(values, dict) and values else "dict[str, JSON]"


def _array(schema: Schema) -> str:
    if "prefixItems" in schema:
        return f"tuple[{', '.join(_type(item) for item in schema['prefixItems'])}]"
    return f"list[{_type(schema.get('items', {}))}]"


def _quoted(value: object) -> str:
    return json.dumps(value) if isinstance(value, str) else repr(value)


def main() -> None:
    """Write both anew."""
    document = openapi_document()
    (REPOSITORY / DOCUMENT).write_text(document, encoding="utf-8")
    (REPOSITORY / PYTHON_TYPES).write_text(python_types(json.loads(document)), encoding="utf-8")


if __name__ == "__main__":
    main()
