"""The client's log: Python's own logging, under the name `agentwatch.client`, with an event's name and key-values.

An agent's standard output is the agent's (it may be a protocol), so nothing is ever printed: a process that has not
set logging up sees warnings on standard error, and no more. No structlog: it loads as much as all of the client.
"""

import logging
from typing import Any

__all__ = ["ClientLog", "log"]


class ClientLog:
    """Writes lines of the form `event='guard_path_up' guard='bot-1' path='redis'`."""

    def __init__(self, logger: logging.Logger) -> None:
        self._logger = logger

    def debug(self, event: str, **fields: Any) -> None:
        """Tell what helps only who looks for a fault."""
        self._tell(logging.DEBUG, event, fields)

    def info(self, event: str, **fields: Any) -> None:
        """Tell what is as it should be."""
        self._tell(logging.INFO, event, fields)

    def warning(self, event: str, **fields: Any) -> None:
        """Tell what does not work now, and is tried again."""
        self._tell(logging.WARNING, event, fields)

    def error(self, event: str, *, exc_info: BaseException | None = None, **fields: Any) -> None:
        """Tell what is wrong and stays so, with the traceback of an error that is given."""
        self._tell(logging.ERROR, event, fields, exc_info)

    def exception(self, event: str, **fields: Any) -> None:
        """Tell of the error that is being handled, with its traceback."""
        self._tell(logging.ERROR, event, fields, True)

    def _tell(self, level: int, event: str, fields: dict[str, Any], error: BaseException | bool | None = None) -> None:
        if self._logger.isEnabledFor(level):
            words = " ".join(f"{name}={value!r}" for name, value in {"event": event, **fields}.items())
            self._logger.log(level, "%s", words, exc_info=error, stacklevel=3)


log = ClientLog(logging.getLogger("agentwatch.client"))
