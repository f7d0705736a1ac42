"""Fingerprints: digests and a similarity sketch of a text; never the text itself (docs/fingerprint.md).

Importing this package needs no numpy; `Fingerprinter` and `fingerprint_batch` load it when they are first asked for.
"""

from typing import TYPE_CHECKING, Any

from agentwatch.fingerprint.likeness import nearest, similarity
from agentwatch.fingerprint.options import FORMAT, FingerprintOptions
from agentwatch.fingerprint.private import private_print, private_prints, received
from agentwatch.fingerprint.single import fingerprint_text

if TYPE_CHECKING:
    from agentwatch.fingerprint.batch import Fingerprinter, fingerprint_batch

__all__ = [
    "FORMAT",
    "FingerprintOptions",
    "Fingerprinter",
    "fingerprint_batch",
    "fingerprint_text",
    "nearest",
    "private_print",
    "private_prints",
    "received",
    "similarity",
]


def __getattr__(name: str) -> Any:
    if name in ("Fingerprinter", "fingerprint_batch"):
        from agentwatch.fingerprint import batch

        return getattr(batch, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
