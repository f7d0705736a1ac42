"""Gives memory back that was needed for a moment only.

The checkpoint of 100,000 runs is 125 MB that lie in the allocator's heap while it is read; glibc keeps such pages for
later, of which a daemon whose state is full has no use.
"""

import asyncio

__all__ = ["give_back"]

_MANY = 5_000  # runs whose checkpoint is worth it: about 6 MB


async def give_back(runs: int) -> bool:
    """Return what is free in the C library's heap to the system, after a state of so many runs was read.

    False where it is not worth it, and where the C library cannot (musl, macOS).
    """
    return runs >= _MANY and await asyncio.to_thread(_trim)


def _trim() -> bool:
    import ctypes  # a start with a small state does without it

    try:
        trim = ctypes.CDLL(None).malloc_trim
    except (AttributeError, OSError):
        return False
    trim.argtypes, trim.restype = (ctypes.c_size_t,), ctypes.c_int
    return bool(trim(0))
