"""How fast an agent usually goes, and whether it has left that for good: CUSUM on the logarithms of its rates."""

from msgspec import Struct

__all__ = ["Pace"]


class Pace(Struct, array_like=True):
    """What is known of one agent's rates of calls, tokens and dollars."""

    bucket: int = -1
