"""What must not be shown of a configuration: passwords, keys, and the secret parts of addresses."""

import re
from typing import Any, Final

__all__ = ["masked"]

_SECRET_NAMES: Final = ("password", "secret", "private_key", "signing_key")
_REFERENCE: Final = ("file:", "credential:")
_USERINFO: Final = re.compile(r"^([a-z][a-z0-9+.-]*://)[^/@]*@")
_SCHEME: Final = re.compile(r"^([a-z][a-z0-9+.-]*://)?.*$", re.DOTALL)
_HIDDEN: Final = "•••"


def masked(tree: Any, name: str = "", inside: str = "") -> Any:
    """Copy a tree of values with its secrets hidden; references to files and credentials are no secrets.

    A receiver's address is its secret: only its scheme is left.
    """
    if isinstance(tree, dict):
        return {key: masked(value, str(key), name or inside) for key, value in tree.items()}
    if isinstance(tree, list | tuple):
        return [masked(value, name, inside) for value in tree]
    if not isinstance(tree, str) or not tree or tree.startswith(_REFERENCE):
        return tree
    if name == "sha256" or name.endswith(_SECRET_NAMES):
        return _HIDDEN
    if name == "url" and inside in ("receivers", "heartbeat"):
        return _SCHEME.sub(rf"\g<1>{_HIDDEN}", tree, count=1) if "://" in tree else _HIDDEN
    return _USERINFO.sub(rf"\g<1>{_HIDDEN}@", tree)
