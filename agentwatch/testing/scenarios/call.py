"""One tool call and what came of it."""

import json
from typing import Any

from msgspec import Struct
from msgspec.structs import replace

from agentwatch.records import Status

__all__ = ["Call"]


class Call(Struct, frozen=True, kw_only=True):
    """A call as an agent makes it. result None: the log holds none."""

    tool: str
    arguments: dict[str, Any]
    result: str | None = ""
    status: Status = "ok"
    error: str | None = None

    def text(self) -> str:
        """Write the arguments as most frameworks do."""
        return json.dumps(self.arguments, ensure_ascii=False)

    def but(self, **arguments: Any) -> "Call":
        """Make the same call with some arguments changed or added."""
        return replace(self, arguments={**self.arguments, **arguments})

    def answering(self, result: str | None, status: Status = "ok", error: str | None = None) -> "Call":
        """Make the same call with another outcome."""
        return replace(self, result=result, status=status, error=error)
