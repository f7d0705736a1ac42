"""What may be chosen about fingerprints; the digests themselves leave no choice (docs/fingerprint.md)."""

from typing import Annotated, Literal

from msgspec import Meta, Struct

__all__ = ["FORMAT", "FingerprintOptions", "TextField"]

FORMAT = 1  # grows when a digest or sketch of any text changes
TextField = Literal["input", "output", "arguments", "result"]


class FingerprintOptions(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a daemon may set.

    sketch_fields: which texts get a similarity sketch. sketch_cap_bytes: longer texts are sketched from head and
    tail, half of it each; producers and daemon must agree on it. cache_entries: distinct texts of each role whose
    fingerprint is kept (about 400 bytes each). batch_bytes: how much text one numpy pass takes at most.
    """

    sketch_fields: tuple[TextField, ...] = ("input", "output", "arguments", "result")
    sketch_cap_bytes: Annotated[int, Meta(ge=64)] = 16_384
    cache_entries: Annotated[int, Meta(ge=1)] = 8_192
    batch_bytes: Annotated[int, Meta(ge=1024)] = 65_536
