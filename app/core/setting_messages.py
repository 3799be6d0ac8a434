"""What is wrong with a setting, in words for whoever set it: the value, and what is wanted instead."""

from typing import Any, Final

from pydantic import BaseModel, ValidationError

_SHOWN: Final = 80  # characters of a value
_NOUNS: Final = {"integer": "a whole number", "number": "a number", "array": "a list"}


def explained(error: ValidationError, settings: type[BaseModel], prefix: str) -> str:
    """Return a sentence about the first thing that is wrong; `prefix` begins the names of the settings."""
    first = error.errors()[0]
    field = str(first["loc"][0])
    name = f"{prefix}{field}".upper()
    if "error" in first.get("ctx", {}):  # a check of our own, which has its own words
        return f"{name}: {first['ctx']['error']}."
    schema = settings.model_json_schema()["properties"][field]
    schema = next((kind for kind in schema.get("anyOf", ()) if kind["type"] != "null"), schema)
    if schema.get("writeOnly"):  # a secret
        return f"{name} must be {_wanted(schema)}."
    shown = repr(first["input"])
    shown = shown if len(shown) <= _SHOWN else f"{shown[:_SHOWN]}…"
    return f"{name} is {shown}; it must be {_wanted(schema)}."


def _wanted(schema: dict[str, Any]) -> str:
    """Put the JSON schema of a value into words."""
    if "enum" in schema:
        return f"one of {', '.join(schema['enum'])}"
    if "minLength" in schema:
        return f"a text of {schema['minLength']} characters or more"
    noun = _NOUNS.get(schema["type"], "a text")
    if "maximum" in schema:
        return f"{noun} from {schema['minimum']} to {schema['maximum']}"
    if "minimum" in schema:
        return f"{noun}, {schema['minimum']} or more"
    return f"{noun} above {schema['exclusiveMinimum']}" if "exclusiveMinimum" in schema else noun
