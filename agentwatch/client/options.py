"""How a guard behaves; the defaults suit an agent that must go on when agentwatch is away."""

from typing import Literal

from msgspec import Struct, field

from agentwatch.backoff import BackoffOptions

__all__ = ["GuardOptions"]


class GuardOptions(Struct, frozen=True, kw_only=True):
    """How a guard acts while its signal path is down, and what it waits for and keeps meanwhile.

    fail: what `check` does once no signal path has worked for `fail_after_s`: `open` lets the agent go on, `closed`
    raises `AgentStopped`. poll_s: how often the control keys are read when nothing wakes the guard, so the most that
    a lost wake-up costs. start_timeout_s: how long the start waits for the first word of the signal path.
    settle_s: how long after subscribing a broker is given to deliver what it retains. default_limit: calls a minute
    of a throttle that names none. max_acks: acknowledgements kept while no path takes them; the oldest goes first.
    close_s: how long the end may take to hand over what is left. http_idle_s: the longest silence of the stream of
    commands before it is opened anew.
    """

    fail: Literal["open", "closed"] = "open"
    fail_after_s: float = 10.0
    poll_s: float = 1.0
    timeout_s: float = 1.0
    start_timeout_s: float = 2.0
    settle_s: float = 0.25
    default_limit: float = 6.0
    max_acks: int = 256
    close_s: float = 1.0
    http_idle_s: float = 45.0
    mqtt_keepalive_s: int = 15
    mqtt_protocol: Literal["3.1.1", "5"] = "3.1.1"
    reconnect: BackoffOptions = field(default_factory=lambda: BackoffOptions(min_s=0.05, max_s=0.8))
