"""The Lua scripts, loaded from their files when a store is made, and run by digest."""

from collections.abc import Sequence
from hashlib import sha1
from importlib.resources import files
from typing import Any

from redis.exceptions import NoScriptError

__all__ = ["Script"]


class Script:
    """One script; `name` is its file in `lua/` without the suffix."""

    def __init__(self, name: str) -> None:
        self.name = name
        self._text = files("agentwatch.store").joinpath(f"lua/{name}.lua").read_bytes()
        self._digest = sha1(self._text, usedforsecurity=False).hexdigest()

    async def run(self, client: Any, keys: Sequence[str], args: Sequence[str | bytes | int | float]) -> Any:
        """Run it and return its raw answer; a server that has forgotten the script is taught it first."""
        try:
            return await client.execute_command("EVALSHA", self._digest, len(keys), *keys, *args)
        except NoScriptError:
            await client.execute_command("SCRIPT LOAD", self._text)
            return await client.execute_command("EVALSHA", self._digest, len(keys), *keys, *args)
