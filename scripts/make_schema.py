"""Writes the JSON Schema of the usage event, docs/usage-event.schema.json, from the Struct that reads it."""

from typing import Any, Final

import msgspec

from agentwatch.records import Event

__all__ = ["event_schema", "event_schema_text"]

_CONTENT: Final = ("input", "output", "arguments", "result", "error")
_TITLE: Final = "agentwatch usage event, version 1"
_ABOUT: Final = (
    "One thing that an agent did. Only `agent` is required, null is the same as absent, and a field that is not listed "
    "is left out and counted, never refused. docs/event.md says what each field means."
)


def event_schema() -> dict[str, Any]:
    """Give what the daemon reads, which is more than the Struct: structured content is taken, unknown fields too."""
    schema = msgspec.json.schema(Event)
    parts = {name: _plain(part) for name, part in schema["$defs"].items()}
    event = parts.pop("Event")
    del event["additionalProperties"]
    for name, part in event["properties"].items():
        if name in _CONTENT:
            event["properties"][name] = {"description": "Text; any other JSON is written as text, with sorted keys."}
        elif name != "agent":
            event["properties"][name] = _or_null(part)
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": _TITLE,
        "description": _ABOUT,
        **{key: value for key, value in event.items() if key not in ("title", "description")},
        "$defs": parts,
    }


def event_schema_text() -> str:
    """Write docs/usage-event.schema.json."""
    return msgspec.json.format(msgspec.json.encode(event_schema()), indent=2).decode() + "\n"


def _plain(part: dict[str, Any]) -> dict[str, Any]:
    """Leave out what speaks to who reads the code."""
    return {key: value for key, value in part.items() if key not in ("title", "description")}


def _or_null(part: dict[str, Any]) -> dict[str, Any]:
    """Take null too, which is the same as absent, and leave out a default that says nothing."""
    part = {key: value for key, value in part.items() if key != "default" or value}
    if "type" in part:
        return {**part, "type": [part["type"], "null"]}
    if "enum" in part:
        return {**part, "enum": [*part["enum"], None]}
    return part if {"type": "null"} in part["anyOf"] else {**part, "anyOf": [*part["anyOf"], {"type": "null"}]}
