"""The client's log: Python's own logging, under the name `agentwatch.client`.

An agent's standard output is the agent's (it may be a protocol), so nothing is ever printed: a process that has not
set logging up sees warnings on standard error, and no more.
"""

import logging

import structlog

__all__ = ["log"]

log: structlog.stdlib.BoundLogger = structlog.wrap_logger(
    logging.getLogger("agentwatch.client"),
    processors=[
        structlog.stdlib.filter_by_level,
        structlog.processors.format_exc_info,
        structlog.processors.KeyValueRenderer(key_order=["event"]),
    ],
    wrapper_class=structlog.stdlib.BoundLogger,
)
