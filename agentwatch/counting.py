"""How many of something, in words."""

__all__ = ["counted"]


def counted(number: int, one: str, many: str = "") -> str:
    """Write a number with its thousands apart and with what it counts: "1 run", "2 runs", "1,204 entries".

    many: the words for any other number, where they are not `one` with an s.
    """
    return f"{number:,} {one if number == 1 else many or one + 's'}"
