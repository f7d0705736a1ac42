"""What an adapter of a library is: a module with `PACKAGE`, `ABOUT`, `COMPARES` and a class `Watcher`."""

import importlib
import importlib.metadata
from collections.abc import Callable
from typing import Any, Literal, Protocol

from msgspec import Struct

from bench.peers.step import Step

__all__ = ["Absent", "Compares", "Peer", "Watcher", "load"]

Compares = Literal["calls", "results", "similarity"]


class Watcher(Protocol):
    """A library's detector over one run."""

    def feed(self, ready: Any) -> bool:
        """Take the next step, as `prepare` made it; True when the library raises its alarm at it."""
        ...


class Peer(Struct, frozen=True, kw_only=True):
    """A library that is there. compares: calls by digest, results by digest too, or texts by their likeness.

    prepare: makes of a step what the library is fed with, as its own framework would have it anyway; not timed.
    """

    name: str
    package: str
    version: str
    about: str
    compares: Compares
    watch: Callable[[], Watcher]
    prepare: Callable[[Step], Any]


class Absent(Struct, frozen=True, kw_only=True):
    """A library that cannot be measured here, and why."""

    name: str
    reason: str


def _as_it_is(step: Step) -> Step:
    return step


def load(name: str, refused: dict[str, str] | None = None) -> Peer | Absent:
    """Import the adapter `bench.peers.NAME` and its library.

    Whatever goes wrong in an import stays with that library. refused: packages that could not be installed, and why.
    """
    try:
        module = importlib.import_module(f"bench.peers.{name}")
        peer = Peer(
            name=name,
            package=module.PACKAGE,
            version=importlib.metadata.version(module.PACKAGE),
            about=module.ABOUT,
            compares=module.COMPARES,
            watch=module.Watcher,
            prepare=getattr(module, "prepare", _as_it_is),
        )
        peer.watch()
    except Exception as broken:  # noqa: BLE001  # a foreign library may fail in any way; the others are still measured
        reason = f"{type(broken).__name__}: {broken}"
        known = (refused or {}).items()
        return Absent(name=name, reason=next((why for package, why in known if package in name), reason))
    return peer
