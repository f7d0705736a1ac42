"""Every error that agentwatch raises on purpose, split by what the caller does about it.

AgentwatchError
├── BadInput                the sender must change what it sent; never retried
│   ├── BadEvent            a usage event that cannot be read: it becomes a dead letter
│   ├── BadConfig           a configuration or policy file that names a wrong value: exit code 2
│   ├── BadRequest          a control request that asks for something that does not exist
│   └── NotifyRefused       a receiver of alerts will never take this notification: count it and go on
├── Unavailable             another system did not answer: the same call may succeed later
│   ├── StoreUnavailable    Redis is down, slow or still loading
│   ├── SignalUnavailable   a signal path (MQTT, Pub/Sub) cannot deliver now
│   │   └── NotAdmitted     the control API refuses the token: somebody must change it, or what it may do
│   ├── NotifyUnavailable   a receiver of alerts did not take the notification
│   └── Elsewhere           another worker serves this partition: ask there
├── Fenced                  another worker owns the partition now: stop writing at once
├── Incompatible            state of a format that this version cannot read: refuse by name
│   └── TooNew              a newer version wrote it: leave the partition to that version's worker
└── AgentStopped            raised inside an agent's process by its guard
    └── AgentKilled         the agent was told to end, and must not be retried
"""

import msgspec

__all__ = [
    "UNREADABLE",
    "AgentKilled",
    "AgentStopped",
    "AgentwatchError",
    "BadConfig",
    "BadEvent",
    "BadInput",
    "BadRequest",
    "Elsewhere",
    "Fenced",
    "Incompatible",
    "NotAdmitted",
    "NotifyRefused",
    "NotifyUnavailable",
    "SignalUnavailable",
    "StoreUnavailable",
    "TooNew",
    "Unavailable",
]


UNREADABLE = (msgspec.MsgspecError, UnicodeDecodeError, RecursionError)
"""What decoding raises for bytes that somebody else wrote: no JSON, no such value, no UTF-8, nested without end."""


class AgentwatchError(Exception):
    """The root: catching it catches all that agentwatch raises on purpose."""


class BadInput(AgentwatchError):
    """What was sent is wrong and will stay wrong. `field` names the place, in dotted form ("" is the whole)."""

    def __init__(self, reason: str, field: str = "") -> None:
        super().__init__(f"{field}: {reason}" if field else reason)
        self.reason = reason
        self.field = field


class BadEvent(BadInput):
    """A usage event that cannot be read."""


class BadConfig(BadInput):
    """A configuration or policy value that cannot be used."""


class BadRequest(BadInput):
    """A control request that cannot be carried out as it stands."""


class NotifyRefused(BadInput):
    """A receiver of alerts refused a notification for good."""


class Unavailable(AgentwatchError):
    """Another system did not answer; the same call may succeed later."""


class StoreUnavailable(Unavailable):
    """Redis is down, slow or loading."""


class SignalUnavailable(Unavailable):
    """A signal path cannot deliver at the moment."""


class NotAdmitted(SignalUnavailable):
    """The control API refuses the token: the same call succeeds only once somebody has changed token or roles."""


class NotifyUnavailable(Unavailable):
    """A receiver of alerts did not take the notification. `retry_after_s` is what it asked for, where it did."""

    def __init__(self, reason: str, retry_after_s: float | None = None) -> None:
        super().__init__(reason)
        self.reason = reason
        self.retry_after_s = retry_after_s


class Elsewhere(Unavailable):
    """Another worker serves what was asked for; its control API is at `url`."""

    def __init__(self, reason: str, url: str) -> None:
        super().__init__(reason)
        self.url = url


class Fenced(AgentwatchError):
    """Another worker owns the partition; nothing that this one computed may be written."""


class Incompatible(AgentwatchError):
    """Stored state has a format that this version neither reads nor migrates."""


class TooNew(Incompatible):
    """A newer version wrote it: that version's worker serves the partition, this one stands by."""


class AgentStopped(AgentwatchError):
    """The signal path tells this agent not to go on."""


class AgentKilled(AgentStopped):
    """The agent was killed: end the run, do not retry it. `subject`, `reason` and `epoch` come from the command."""

    def __init__(self, subject: str, reason: str, epoch: int = 0) -> None:
        super().__init__(f"killed ({subject}): {reason}")
        self.subject = subject
        self.reason = reason
        self.epoch = epoch
