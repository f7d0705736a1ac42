"""The OpenAPI document, with what Litestar cannot derive: bodies that are read as raw bytes."""

from typing import Any

import msgspec
from litestar import Request, Router
from litestar.openapi.config import OpenAPIConfig
from litestar.openapi.plugins import JsonRenderPlugin
from litestar.openapi.spec import Components, License, SecurityScheme, Tag

from agentwatch.records import Event

__all__ = ["openapi_config"]

_EXAMPLE = {
    "id": "01JZ5W0Q7M",
    "app": "crew",
    "agent": "researcher",
    "run": "run-17",
    "op": "execute_tool",
    "tool": "read_pdf",
    "arguments": '{"path": "report.pdf"}',
    "result": "…",
    "status": "ok",
}
_OPT = {"open_by": "schema_without_token", "roles": {"read", "guard", "producer"}}
_TAGS = {
    "health": "Whether it works.",
    "fleet": "What is known of agents and runs.",
    "decisions": "What was decided and what stands.",
    "guard": "What agents, guards and gateways ask.",
    "events": "The way in.",
    "controls": "What an operator may set.",
}


class _Plugin(JsonRenderPlugin):
    """Serves the document with the bodies of events added."""

    def render(self, request: Request[Any, Any, Any], openapi_schema: dict[str, Any]) -> bytes:
        """Give the document as JSON."""
        (_,), components = msgspec.json.schema_components((Event,), ref_template="#/components/schemas/{name}")
        schemas = openapi_schema["components"].setdefault("schemas", {})
        for name, schema in components.items():
            schemas.setdefault(name, schema)
        event = {"$ref": "#/components/schemas/Event"}
        lines = {
            "type": "string",
            "description": "One event a line.",
            "examples": [msgspec.json.encode(_EXAMPLE).decode()],
        }
        openapi_schema["paths"]["/v1/events"]["post"]["requestBody"] = {
            "required": True,
            "content": {
                "application/json": {
                    "schema": {"oneOf": [event, {"type": "array", "items": event}]},
                    "examples": {"one": {"value": _EXAMPLE}, "several": {"value": [_EXAMPLE]}},
                },
                "application/x-ndjson": {"schema": lines},
            },
        }
        return super().render(request, openapi_schema)


def openapi_config(version: str) -> OpenAPIConfig:
    """Describe the API; the document is at `/schema` and `/schema/openapi.json`."""
    return OpenAPIConfig(
        title="agentwatch control API",
        version=version,
        description="What agentwatch knows, what it decided, and what operators, agents and gateways may ask of it.",
        license=License(name="Apache-2.0", identifier="Apache-2.0"),
        components=Components(
            security_schemes={
                "bearer": SecurityScheme(
                    type="http", scheme="bearer", description="A token with the role of the route."
                )
            }
        ),
        security=[{"bearer": []}],
        tags=[Tag(name=name, description=text) for name, text in _TAGS.items()],
        use_handler_docstrings=True,
        render_plugins=[_Plugin()],
        openapi_router=Router("/schema", route_handlers=[], include_in_schema=False, opt=_OPT),
    )
