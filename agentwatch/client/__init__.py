"""What runs beside an agent: the guard that obeys commands and the emitter of usage events.

Needs the base install only (redis, msgspec, xxhash, structlog); MQTT needs the extra `mqtt`.
"""

from agentwatch.client.emitter import Emitter, EmitterOptions
from agentwatch.client.guard import Guard
from agentwatch.client.options import GuardOptions
from agentwatch.client.private_prints import Privacy
from agentwatch.client.thread_guard import ThreadGuard
from agentwatch.errors import AgentKilled, AgentStopped
from agentwatch.records import Event

__all__ = [
    "AgentKilled",
    "AgentStopped",
    "Emitter",
    "EmitterOptions",
    "Event",
    "Guard",
    "GuardOptions",
    "Privacy",
    "ThreadGuard",
]
