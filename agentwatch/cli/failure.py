"""What went wrong, in words for a person, and the exit code that says so to a script."""

import errno
from typing import Final

from agentwatch.errors import AgentwatchError, BadInput, Unavailable

__all__ = ["BAD_INPUT", "FINE", "FOUND", "UNANSWERED", "NotFound", "explain_failure"]

FINE: Final = 0
FOUND: Final = 1  # found something, or did not find what was asked for
BAD_INPUT: Final = 2
UNANSWERED: Final = 3
_NO_ROOM: Final = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS, errno.EIO)  # of a disk: that may pass


class NotFound(AgentwatchError):
    """The daemon does not know what was asked for."""


def explain_failure(error: Exception) -> tuple[str, int] | None:
    """Translate an error into words and an exit code; None for one that is a defect and deserves its traceback."""
    if isinstance(error, BadInput):
        return str(error), BAD_INPUT
    if isinstance(error, NotFound):
        return str(error), FOUND
    if isinstance(error, Unavailable):
        return str(error), UNANSWERED
    if isinstance(error, AgentwatchError):
        return f"{type(error).__name__}: {error}", UNANSWERED
    if isinstance(error, ModuleNotFoundError) and not (error.name or "").startswith("agentwatch"):
        return f"{error.name} is not installed; this needs agentwatch[daemon]", BAD_INPUT
    if isinstance(error, FileNotFoundError | IsADirectoryError | NotADirectoryError | PermissionError):
        return f"{error.filename}: {error.strerror}", BAD_INPUT
    if isinstance(error, OSError) and error.errno in _NO_ROOM:
        return f"{error.filename or 'what is written'}: {error.strerror}", UNANSWERED
    return None
