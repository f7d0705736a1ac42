"""Writes docs/configuration.schema.json: the JSON Schema of the configuration, with the texts of the reference."""

from typing import Any, Final

import msgspec

from agentwatch.config import Config
from scripts.config_keys import Table, tables

__all__ = ["config_schema", "config_schema_text"]

_ABOUT: Final = (
    "The configuration of agentwatch, as TOML or as JSON: what can be set, of which type, in which range. Unknown keys "
    "are refused. docs/configuration.md has the same as a page."
)


def config_schema() -> dict[str, Any]:
    """Give what `agentwatch config schema` prints, with what each key does in the place of what the code says."""
    schema = msgspec.json.schema(Config)
    parts = {name: {k: v for k, v in part.items() if k not in ("title", "description")}
             for name, part in schema["$defs"].items()}  # fmt: skip
    said: dict[tuple[str, str], set[str]] = {}
    for table in tables():
        for key in table.keys:
            said.setdefault((_definition(parts, table), key.name), set()).add(key.text)
    for (definition, name), texts in said.items():
        if len(texts) == 1:  # a table that serves two places may say two things
            field = parts[definition]["properties"][name]
            parts[definition]["properties"][name] = {"description": next(iter(texts)), **field}
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "agentwatch configuration",
        "description": _ABOUT,
        "$ref": "#/$defs/Config",
        "$defs": parts,
    }


def config_schema_text() -> str:
    """Write docs/configuration.schema.json."""
    return msgspec.json.format(msgspec.json.encode(_whole(config_schema())), indent=2).decode() + "\n"


def _whole(value: Any) -> Any:
    """Write every bound and default without a needless fraction.

    `typing` takes annotations with 100 and with 100.0 for one, so which of them is seen depends on what was read first.
    """
    if isinstance(value, dict):
        return {name: _whole(part) for name, part in value.items()}
    if isinstance(value, (list, tuple)):
        return [_whole(part) for part in value]
    return int(value) if isinstance(value, float) and value.is_integer() else value


def _definition(parts: dict[str, Any], table: Table) -> str:
    """Find the definition of a table by walking its path; `[]` and `*` are entries of a list and of a map."""
    name = "Config"
    for step in table.path.split(".") if table.path else ():
        if step == "*":
            continue
        field = parts[name]["properties"][step.removesuffix("[]")]
        name = _reference(field)
    return name


def _reference(field: dict[str, Any]) -> str:
    for part in (field, field.get("items"), field.get("additionalProperties"), *field.get("anyOf", ())):
        if isinstance(part, dict) and "$ref" in part:
            return str(part["$ref"]).rpartition("/")[2]
    raise LookupError(f"no table in {field}")
