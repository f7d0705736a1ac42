"""What one agent did lately within one run, as digests: the evidence of the content detectors."""

from msgspec import Struct

__all__ = ["History"]


class History(Struct, array_like=True):
    """The recent calls, results and outputs of one speaker in one run."""
