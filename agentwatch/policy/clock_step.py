"""What a remembered moment becomes when the clock that it was taken from was set: its age is kept, or made younger."""

__all__ = ["moved"]


def moved(at: float, step: float, now: float) -> float:
    """Give a moment by the clock that was set by `step` seconds and says `now`; it is not moved beyond now.

    After a step back only what would lie ahead is moved: anything else may have been taken from the new clock already,
    as after a restart. In doubt a moment comes out too young, so what is counted within a window is never too little.
    """
    if step > 0:
        return max(at, min(at + step, now))
    return min(at + step, now) if at > now else at
