"""Keeps text inside the process: events leave with keyed fingerprints in its place."""

import msgspec
from msgspec import Struct

from agentwatch.errors import BadConfig
from agentwatch.records import Event

__all__ = ["Privacy", "with_prints"]

_MIN_KEY_BYTES, _MAX_KEY_BYTES = 16, 64


class Privacy(Struct, frozen=True, kw_only=True):
    """A fingerprint key of 16 to 64 bytes and its name; numbers of results travel only on request.

    sketches: let sketches travel, which tell how alike two texts are. Without them only digests leave: of whole texts,
    and of passages of results, which tell what was met before and nothing of single words. Some rewordings are not
    found then.
    `error`, `tool` and `tags` always travel in clear.
    """

    kid: str
    key: bytes
    with_numbers: bool = False
    sketches: bool = True

    def __post_init__(self) -> None:
        if not self.kid or not _MIN_KEY_BYTES <= len(self.key) <= _MAX_KEY_BYTES:
            raise BadConfig("a fingerprint key has a name and 16 to 64 bytes", "privacy")

    def __repr__(self) -> str:
        return f"Privacy(kid={self.kid!r})"


def with_prints(event: Event, privacy: Privacy) -> Event:
    """Replace an event's texts by their fingerprints under the key."""
    # Imported here: an emitter without a key starts faster and smaller without it.
    from agentwatch.fingerprint import private_prints

    if event.input is None and event.output is None and event.arguments is None and event.result is None:
        return event
    prints = private_prints(
        kid=privacy.kid,
        key=privacy.key,
        input=event.input,
        output=event.output,
        arguments=event.arguments,
        result=event.result,
        with_numbers=privacy.with_numbers,
        with_sketch=privacy.sketches,
    )
    return msgspec.structs.replace(event, input=None, output=None, arguments=None, result=None, fp=prints)
