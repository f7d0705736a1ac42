"""The log: JSON lines to one stream, or console lines on a terminal, those of libraries included, and no secret in it.

What was read as a secret is hidden in every line, tracebacks too; the last lines are kept for a report of a fault.
"""

import logging
import sys
from collections import deque
from collections.abc import Sequence
from typing import Any, Literal, TextIO

import structlog
from msgspec import Struct
from structlog.tracebacks import ExceptionDictTransformer

from agentwatch.redaction import conceal, redacted, reveal

__all__ = ["LogOptions", "conceal", "configure_logging", "forget", "last_lines", "redacted"]

_lines: deque[str] = deque(maxlen=500)


class LogOptions(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How much is logged, and in which form: `auto` is console lines on a terminal and JSON lines elsewhere."""

    level: Literal["debug", "info", "warning", "error"] = "info"
    format: Literal["auto", "json", "console"] = "auto"


def last_lines() -> Sequence[str]:
    """List the last lines of the log, oldest first, as they were written: without secrets, at most 500."""
    return tuple(_lines)


def forget() -> None:
    """Forget lines and secrets, and put logging back as Python and structlog have it."""
    reveal()
    _lines.clear()
    structlog.reset_defaults()
    structlog.contextvars.clear_contextvars()
    root = logging.getLogger()
    for handler in [h for h in root.handlers if getattr(h, "agentwatch", False)]:
        root.removeHandler(handler)
    root.setLevel(logging.WARNING)


def configure_logging(options: LogOptions, stream: TextIO | None = None) -> None:
    """Send every log line, libraries' too, to `stream` (standard error) in the chosen form. Safe to call again."""
    out = stream if stream is not None else sys.stderr
    as_json = options.format == "json" or (options.format == "auto" and not out.isatty())
    shared: list[structlog.typing.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_logger_name,
        structlog.stdlib.add_log_level,
        structlog.stdlib.PositionalArgumentsFormatter(),
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.UnicodeDecoder(),
    ]
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            *shared,
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        wrapper_class=structlog.stdlib.BoundLogger,
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=False,  # a reload may change level and form of loggers that were used already
    )
    _attach(logging.StreamHandler(out), shared, as_json=as_json, level=options.level)


class _Formatter(structlog.stdlib.ProcessorFormatter):
    """Takes known secrets out of each line, tracebacks too, and keeps the last ones."""

    def format(self, record: logging.LogRecord) -> str:
        """Write one line."""
        line = redacted(super().format(record))
        _lines.append(line)
        return line


def _attach(
    handler: logging.StreamHandler[Any], shared: list[structlog.typing.Processor], *, as_json: bool, level: str
) -> None:
    handler.setFormatter(
        _Formatter(
            foreign_pre_chain=[*shared, structlog.stdlib.ExtraAdder()],
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *_rendering(as_json)],
        )
    )
    handler.agentwatch = True  # type: ignore[attr-defined]  # tells our handler from the host's when embedded
    root = logging.getLogger()
    for old in [h for h in root.handlers if getattr(h, "agentwatch", False)]:
        root.removeHandler(old)
    root.addHandler(handler)
    root.setLevel(level.upper())
    logging.getLogger("httpx").setLevel("WARNING")  # one line a webhook is the notifier's own business


def _rendering(as_json: bool) -> list[structlog.typing.Processor]:
    # Tracebacks never show local variables: they may hold tokens and prompts.
    if as_json:
        return [
            structlog.processors.ExceptionRenderer(ExceptionDictTransformer(show_locals=False)),
            structlog.processors.JSONRenderer(),
        ]
    return [structlog.dev.ConsoleRenderer(exception_formatter=structlog.dev.plain_traceback)]
