"""Lays the `AGENTWATCH_…` variables of an environment over a configuration's tree; each that is wrong is named.

A key's variable is its path in capitals: `redis.url` is `AGENTWATCH_REDIS_URL`.
"""

import re
from collections.abc import Iterator, Mapping
from difflib import get_close_matches
from types import UnionType
from typing import Annotated, Any, Final, Literal, Union, get_args, get_origin, get_type_hints

import msgspec
from msgspec import Struct

from agentwatch.errors import BadConfig

__all__ = ["OTHERS", "lay_environment"]

_PREFIX: Final = "AGENTWATCH"
OTHERS: Final = {
    "CONFIG": "the configuration file",
    "URL": "the daemon that the command line talks to",
    "TOKEN": "its token",
    "TOKEN_FILE": "a file with it",
    "CA": "authorities that the command line trusts",
    "CERT": "the certificate that it shows",
    "CERT_KEY": "its key",
    "AUTHOR": "who acts, for what is done by hand",
    "COMPLETE": "completion in the shell",
    "HTTP_URL": "where a guard asks over HTTP",
    "AGENT": "of a guard: the agent",
    "APP": "of a guard: its app",
    "RUN": "of a guard: its run",
    "ROOT_RUN": "of a guard: the run at the top of the tree",
    "PARENT_RUN": "of a guard: the run that spawned it",
    "TASK": "of a guard: what the run is for",
    "TENANT": "of a guard: its tenant",
    "COMMAND_KEYS": "of a guard: whose commands it believes",
    "FAIL": "of a guard: open or closed",
    "FAIL_AFTER_S": "of a guard: after how much silence",
    "PURE": "keeps the compiled form of fingerprints out",
    "CI": "of the tests: what is promised must not skip",
}
"""Variables that belong to other parts than the configuration, without their prefix; and so does all of `TEST_…`."""

# What Kubernetes sets in each pod for a service that is called agentwatch or agentwatch-something.
_LINK_NAME: Final = re.compile(r"_SERVICE_(?:HOST|PORT(?:_\w+)?)$|_PORT_\d+_(?:TCP|UDP|SCTP)(?:_(?:PROTO|PORT|ADDR))?$")
_LINK_VALUE: Final = re.compile(r"^(?:tcp|udp|sctp)://")
_WORDS: Final = {int: "a whole number", float: "a number", bool: "true or false", tuple: "a JSON list"}
_AT: Final = re.compile(r" - at `\$([^`]*)`$")


def lay_environment(shape: type[Struct], tree: dict[str, Any], environment: Mapping[str, str]) -> None:
    """Lay the values over the tree, in place.

    Raises `BadConfig` that names the variable for a value of the wrong kind or out of its range, and for a variable
    that belongs to nothing, with the name that is nearest to it.
    """
    hints = dict(_keys(shape, ()))
    known = {"_".join((_PREFIX, *path)).upper(): path for path in hints}
    for variable, text in sorted(environment.items()):
        if variable in known:
            if not (variable.endswith("_PORT") and _LINK_VALUE.match(text)):
                _put(tree, known[variable], _value(text, hints[known[variable]], variable))
        elif variable.startswith(f"{_PREFIX}_") and not _foreign(variable, text):
            raise BadConfig(f"there is no such variable{_nearest(variable, known)}", variable)


def _keys(shape: type[Struct], under: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], Any]]:
    """List the keys that are no tables, with their types."""
    for name, hint in get_type_hints(shape, include_extras=True).items():
        if isinstance(hint, type) and issubclass(hint, Struct):
            yield from _keys(hint, (*under, name))
        else:
            yield (*under, name), hint


def _put(tree: dict[str, Any], path: tuple[str, ...], value: Any) -> None:
    for name in path[:-1]:
        tree = tree.setdefault(name, {})
        if not isinstance(tree, dict):
            return  # the file has something else where the table should be, and will be refused for it
    tree[path[-1]] = value


def _value(text: str, hint: Any, variable: str) -> Any:
    """Read one value and hold it against its type and range; text stays text where text is meant."""
    kinds = _kinds(hint)
    shown = "this" if kinds & {tuple, dict} else repr(text)  # a list of receivers holds secrets
    value: Any = text
    if kinds != {str}:
        try:
            value = msgspec.json.decode(text)
        except msgspec.DecodeError as error:
            if str not in kinds:
                wanted = " or ".join(_WORDS.get(kind, "JSON") for kind in sorted(kinds - {type(None)}, key=str))
                raise BadConfig(f"{shown} is not {wanted}", variable) from error
    try:
        msgspec.convert(value, hint)
    except msgspec.ValidationError as error:
        reason = _AT.sub(r" (at \1)", str(error))
        raise BadConfig(f"{shown}: {reason}", variable) from error
    return value


def _kinds(hint: Any) -> set[type]:
    origin = get_origin(hint)
    if origin is Annotated:
        return _kinds(get_args(hint)[0])
    if origin in (Union, UnionType):
        return {kind for part in get_args(hint) for kind in _kinds(part)}
    if origin is Literal:
        return {type(value) for value in get_args(hint)}
    return {origin or hint}


def _foreign(variable: str, text: str) -> bool:
    rest = variable.removeprefix(f"{_PREFIX}_")
    if rest in OTHERS or rest.startswith("TEST_") or _LINK_NAME.search(f"_{rest}"):
        return True
    return f"_{rest}".endswith("_PORT") and _LINK_VALUE.match(text) is not None


def _nearest(variable: str, known: Mapping[str, object]) -> str:
    names = [*(name.removeprefix(f"{_PREFIX}_") for name in known), *OTHERS]
    found = get_close_matches(variable.removeprefix(f"{_PREFIX}_"), names, n=1)
    return f"; did you mean {_PREFIX}_{found[0]}?" if found else "; docs/configuration.md has them all"
