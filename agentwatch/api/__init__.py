"""The control API: built from ports alone, it knows no adapter and holds no state of the fleet."""

from agentwatch.api.app import ApiPorts, create_app
from agentwatch.api.auth import hash_token, new_token
from agentwatch.api.options import ApiOptions, TokenOptions

__all__ = ["ApiOptions", "ApiPorts", "TokenOptions", "create_app", "hash_token", "new_token"]
