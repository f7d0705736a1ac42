"""The values that travel: frozen, slotted, keyword-only. Nothing here does anything but hold and name.

Money is integer nano-dollars (`*_nusd`), time is unix seconds as float, digests are unsigned 64-bit integers.
"""

from enum import Enum, StrEnum
from typing import Annotated, Literal

from msgspec import Meta, Struct, field

__all__ = [
    "CANARY_TENANT",
    "Ack",
    "AckState",
    "AllowEntry",
    "AuditLine",
    "Batch",
    "Change",
    "Checkpoint",
    "Command",
    "Commit",
    "Control",
    "ControlKind",
    "DeadLetter",
    "Decision",
    "Entry",
    "Event",
    "Evidence",
    "FieldPrint",
    "Fingerprint",
    "Incident",
    "LedgerLine",
    "Level",
    "Observation",
    "Op",
    "Origin",
    "Positions",
    "Prints",
    "PrivatePrints",
    "ResultClass",
    "Signal",
    "Status",
    "Tick",
    "Trigger",
    "Verdict",
]

CANARY_TENANT = "agentwatch-canary"  # of the synthetic agent that must be killed; nobody else may be of it
Name = Annotated[str, Meta(min_length=1, max_length=256)]
Label = Annotated[str, Meta(max_length=256)]
Count = Annotated[int, Meta(ge=0, le=10**12)]
Op = Literal["chat", "execute_tool", "invoke_agent", "message", "compact", "heartbeat", "run_start", "run_end"]
Status = Literal["ok", "empty", "error", "denied", "rate_limited", "held"]
Trigger = Literal["human", "schedule", "agent", "tool"]


class Level(Enum):
    """What the ladder reached: the higher, the harder. On the wire it is its name; it compares by its height."""

    observe = "observe"
    warn = "warn"
    throttle = "throttle"
    pause = "pause"
    kill = "kill"

    def __init__(self, _name: str) -> None:
        self.height = len(type(self).__members__)

    def __lt__(self, other: "Level") -> bool:
        return self.height < other.height

    def __le__(self, other: "Level") -> bool:
        return self.height <= other.height

    def __gt__(self, other: "Level") -> bool:
        return self.height > other.height

    def __ge__(self, other: "Level") -> bool:
        return self.height >= other.height

    def below(self) -> "Level":
        """Give the next softer level; `observe` is the softest."""
        return tuple(type(self))[max(0, self.height - 1)]


class Change(StrEnum):
    """Why a decision was written."""

    up = "up"
    down = "down"
    released = "released"  # the same level, held back before, now let through
    renewed = "renewed"  # the lease of a standing decision was extended
    verified = "verified"  # the spending stopped
    escalated = "escalated"  # still spending after the grace, or no answer
    expired = "expired"  # the lease of a kill has ended, or what was warned is tracked no longer; it starts anew
    failed = "failed"  # issued anew often enough, and still spending: somebody must be woken
    lapsed = "lapsed"  # the lease of a throttle or pause has ended; new evidence renews it
    unanswered = "unanswered"  # nobody approved it in time: what stood before stands on


class Origin(StrEnum):
    """Who decided."""

    policy = "policy"
    tombstone = "tombstone"
    verify = "verify"
    operator = "operator"


class ResultClass(StrEnum):
    """What kind of result a text is, as far as repetition is concerned."""

    content = "content"  # says something
    empty = "empty"  # nothing, or a wrapper round nothing
    ack = "ack"  # "ok", "file edited": neutral
    error = "error"  # reads as a failure whatever its status
    pending = "pending"  # not finished yet: a poll
    bare = "bare"  # only a type or a number of bytes: says nothing about content


class ChantPrint(Struct, frozen=True, kw_only=True):
    """How a text repeats one block: so many `blocks` of `length` characters, `covered` characters of `of` in all."""

    blocks: Count
    length: Count
    covered: Count
    of: Count


class FieldPrint(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One field's fingerprint as a producer sends it; digests and sketch are hexadecimal."""

    exact: Annotated[str, Meta(pattern="^[0-9a-f]{16}$")]
    masked: Annotated[str, Meta(pattern="^[0-9a-f]{16}$")] | None = None
    shape: Annotated[str, Meta(pattern="^[0-9a-f]{16}$")] | None = None
    sketch: Annotated[str, Meta(pattern="^([0-9a-f]{2}){64}$")] | None = None
    pieces: Annotated[str, Meta(pattern="^([0-9a-f]{4}){1,256}$")] | None = None
    size: Count = 0
    words: Count = 0
    klass: ResultClass | None = field(default=None, name="class")
    numbers: Annotated[list[float], Meta(max_length=16)] | None = None
    chant: ChantPrint | None = None


class PrivatePrints(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What a producer sends instead of text: the key's name and a fingerprint for each field that it had."""

    kid: Name
    input: FieldPrint | None = None
    output: FieldPrint | None = None
    arguments: FieldPrint | None = None
    result: FieldPrint | None = None


class Event(Struct, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True, gc=False):
    """One usage event, version 1. Only `agent` is required on the wire.

    After `ingest.decode` these are always set: `id`, `ts`, `app`, `run`, `root_run`, `tenant`, `op`.
    `root_run` of a child that named only its parent is resolved by the pipeline from the parent's.
    """

    agent: Name
    v: Annotated[int, Meta(ge=1, le=1)] = 1
    id: Label = ""
    ts: float = 0.0
    source: Label = ""
    app: Label = ""
    task: Label = ""
    run: Label = ""
    parent_run: Label = ""
    root_run: Label = ""
    tenant: Label = ""
    team: Label = ""
    user: Label = ""
    tags: Annotated[dict[Label, Label], Meta(max_length=16)] | None = None
    op: Op = "chat"
    step: Count | None = None
    trigger: Trigger | None = None
    interval_s: Annotated[float, Meta(gt=0)] | None = None
    provider: Label = ""
    model: Label = ""
    response_id: Label = ""
    input: str | None = None
    output: str | None = None
    tool: Label = ""
    tool_call_id: Label = ""
    arguments: str | None = None
    result: str | None = None
    status: Status | None = None
    error: str | None = None
    input_tokens: Count | None = None
    output_tokens: Count | None = None
    cache_read_tokens: Count | None = None
    cache_write_tokens: Count | None = None
    reasoning_tokens: Count | None = None
    cost_usd: float | str | None = None
    duration_ms: Annotated[float, Meta(ge=0)] | None = None
    to_agent: Label = ""
    documents: Annotated[list[Label], Meta(max_length=64)] | None = None
    fp: PrivatePrints | None = None
    epoch: Count | None = None
    handles: Annotated[dict[Label, Label], Meta(max_length=16)] | None = None


class Fingerprint(Struct, frozen=True, gc=False):
    """Digests and a similarity sketch of one piece of content; never the text itself.

    exact: 64-bit digest of the canonical form. masked: volatile tokens replaced. shape: every number masked too.
    sketch: 64 bins of 8 bits (b"" when not computed or when the text holds no words).
    size: bytes of the canonical form. words: number of words. numbers: the first numbers of a result, in order.
    kid: key under which a producer made the digests ("" = from text); digests of different keys never compare.
    pieces: two bytes for each passage, of a producer that sends no sketch.
    """

    exact: int
    masked: int
    shape: int
    size: int
    words: int
    klass: ResultClass = ResultClass.content
    sketch: bytes = b""
    numbers: tuple[float, ...] = ()
    kid: str = ""
    pieces: bytes = b""


class Prints(Struct, frozen=True, gc=False):
    """The fingerprints of one event's four texts; None where the event had no such text."""

    input: Fingerprint | None = None
    output: Fingerprint | None = None
    arguments: Fingerprint | None = None
    result: Fingerprint | None = None


class Observation(Struct, frozen=True, gc=False):
    """An event as the detectors see it.

    index: 0-based position in the partition's (or the replay's) input. now: the app's clock in seconds, never going
    back. cost_nusd: priced cost, None when unpriced. own_effect: it is a consequence of our own throttle or pause
    and is no evidence of anything.
    """

    index: int
    position: str
    now: float
    event: Event
    prints: Prints
    cost_nusd: int | None = None
    own_effect: bool = False


class Evidence(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What a verdict rests on: which events, how many repeats, since when, and what it burned."""

    count: int = 0
    period: int = 0
    onset_index: int = -1
    onset_id: str = ""
    since: float = 0.0
    last: float = 0.0
    event_ids: tuple[str, ...] = ()
    digests: tuple[str, ...] = ()
    samples: tuple[str, ...] = ()
    tool: str = ""
    model: str = ""
    tokens: int = 0
    cost_nusd: int = 0
    unpriced: int = 0


class Signal(Struct, frozen=True, kw_only=True):
    """What one detector says of one event.

    strength is in units of the detector's warning threshold: 1.0 warns, `kill_at` kills. ceiling is the level that
    this evidence may justify at most (soft evidence pauses at most). confidence is in 0..1.
    """

    kind: str
    subject: str
    strength: float
    kill_at: float
    ceiling: Level = Level.kill
    confidence: float = 0.5
    reason: str
    speaks_for: tuple[str, ...] = ()
    speaks_against: tuple[str, ...] = ()
    evidence: Evidence = Evidence()


class Verdict(Struct, frozen=True, kw_only=True):
    """All signals on a subject folded into one level, with the leading signal and what speaks for and against."""

    subject: str
    level: Level
    confidence: float
    lead: Signal
    speaks_for: tuple[str, ...] = ()
    speaks_against: tuple[str, ...] = ()


class Decision(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One line of the decision log: what was decided about a subject, by whom, why, and what held it back.

    seq grows by one for each decision of a partition and is the command's epoch. `level` is what was reached before
    the gate; `gate` is empty when nothing held it back, else the name of what did (`mode`, `allow`, `protected`,
    `staleness`, `own_effect`, `breaker`, `outage`, `silence`, `approval`, `permit`), with `gate_reason` in words.
    """

    id: str
    seq: int
    at: float
    tenant: str
    app: str
    agent: str
    run: str
    root_run: str
    task: str = ""
    team: str = ""
    subject: str
    kind: str
    level: Level
    previous: Level = Level.observe
    change: Change
    origin: Origin = Origin.policy
    confidence: float = 0.0
    reason: str = ""
    speaks_for: tuple[str, ...] = ()
    speaks_against: tuple[str, ...] = ()
    evidence: Evidence = Evidence()
    rule: str = ""
    rule_digest: str = ""
    mode: str = "enforce"
    gate: str = ""
    gate_reason: str = ""
    index: int = -1
    position: str = ""
    event_id: str = ""
    ts: float = 0.0
    expires_at: float = 0.0
    limit: float | None = None
    grace_ms: int = 0
    incident: str = ""
    author: str = ""
    comment: str = ""
    users: tuple[str, ...] = ()
    receivers: tuple[str, ...] = ()


class Command(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A decision as it travels to agents, and the JSON that a control key holds."""

    v: int = 1
    id: str
    cmd: Literal["throttle", "pause", "kill", "resume"]
    scope: Literal["tenant", "app", "agent", "root", "run", "task"]
    subject: str
    epoch: int
    reason: str = ""
    incident: str = ""
    issued_by: str = "agentwatch"
    issued_at: float
    expires_at: float
    grace_ms: int = 5000
    limit: float | None = None
    sig: str = ""


AckState = Literal["received", "accepted", "refused", "effective"]


class Ack(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What a guard or another enforcer answers to a command."""

    command: str
    subject: str
    epoch: int
    state: AckState
    at: float
    guard: str = ""
    agent: str = ""
    run: str = ""
    root_run: str = ""
    app: str = ""
    tenant: str = ""
    reason: str = ""


class Tick(Struct, frozen=True):
    """The time as the source saw it when it read a batch, with the source's backlog (events not yet read)."""

    at: float
    lag: int = 0
    gap: int = 0


ControlKind = Literal[
    "decide",
    "delete",
    "mode",
    "allow_add",
    "allow_remove",
    "breaker_reset",
    "policy",
    "note",
    "approve",
    "deny",
    "self",
]


class AllowEntry(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Subjects that must not be touched until `expires_at`: a subject or a glob over subjects."""

    pattern: str
    author: str
    comment: str = ""
    created_at: float
    expires_at: float


class Control(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """An operator's wish, as one ordered input of the partition.

    decide: put `subject` at `level` (observe = resume). delete: revoke decision `target`. mode: set the global mode, or
    that of rule `target`, to `value`. allow_*: the allow list. breaker_reset: close the breaker again.
    self: what the daemon found about itself: `value` is safe, safe_over, canary_lives or canary_killed.
    policy, note: nothing is done but to write it into the audit log.
    approve, deny: let pass, or drop, what waits for approval: decision `target`, or what stands for `subject`.
    """

    id: str
    kind: ControlKind
    at: float
    author: str = ""
    reason: str = ""
    subject: str = ""
    level: Level | None = None
    ttl_s: float | None = None
    limit: float | None = None
    target: str = ""
    value: str = ""
    entry: AllowEntry | None = None


class AuditLine(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Who did what, when and why, for the audit log.

    action: a control's kind, `command_kill` and the like for a decision that took effect, or what was noted. ref: id of
    the control or decision. target, value: what was set, to what. until: when it ends, in unix seconds.
    """

    at: float
    action: str
    who: str
    ref: str = ""
    subject: str = ""
    level: str = ""
    target: str = ""
    value: str = ""
    reason: str = ""
    until: float = 0.0


class Incident(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What on-call sees: one for each looping root run and cause, however many signals and decisions."""

    id: str
    seq: int
    state: Literal["opened", "updated", "resolved"]
    change: str = ""
    opened_at: float
    updated_at: float
    resolved_at: float = 0.0
    tenant: str
    app: str
    agent: str
    team: str = ""
    users: tuple[str, ...] = ()
    run: str
    root_run: str
    task: str = ""
    subject: str
    kind: str
    level: Level
    gate: str = ""
    reason: str = ""
    speaks_for: tuple[str, ...] = ()
    speaks_against: tuple[str, ...] = ()
    evidence: Evidence = Evidence()
    cost_nusd: int = 0
    cost_per_hour_nusd: int = 0
    verified: Literal["", "pending", "verified", "failed"] = ""
    decisions: tuple[str, ...] = ()
    rule: str = ""
    receivers: tuple[str, ...] = ()  # the only receivers that hear of it; none named: all


class DeadLetter(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """An entry that could not be read: why, which field, and the original, kept so that it can be put back.

    `field` is in dotted form, "data" is the entry as a whole. With encoding base64 the names are base64 too. An
    oversized original is `cut` and cannot be put back.
    """

    id: str
    entry: str
    at: float
    reason: str
    field: str = ""
    original: dict[str, str]
    encoding: Literal["utf-8", "base64"] = "utf-8"
    cut: bool = False


class LedgerLine(Struct, frozen=True, kw_only=True):
    """What one (day, team, app, agent, model) used in a batch: added up, never overwritten."""

    day: str
    tenant: str
    team: str
    app: str
    agent: str
    model: str
    events: int = 0
    input_tokens: int = 0
    output_tokens: int = 0
    cost_nusd: int = 0
    unpriced: int = 0
    looping_nusd: int = 0


class Positions(Struct, frozen=True, kw_only=True):
    """How far a partition has come: stream positions that were processed, events counted, decisions numbered."""

    events: str = "0-0"
    controls: str = "0-0"
    acks: str = "0-0"
    index: int = 0
    seq: int = 0


class Commit(Struct, frozen=True, kw_only=True):
    """All that one batch changes, written in one atomic step or not at all. `tick`: the batch's own, to be recorded."""

    positions: Positions
    at: float
    tick: Tick | None = None
    entries: tuple[str, ...] = ()  # ids of the events stream to acknowledge
    decisions: tuple[Decision, ...] = ()
    commands: tuple[Command, ...] = ()  # control keys to set, each until its expires_at
    cleared: tuple[str, ...] = ()  # subjects whose control key goes
    incidents: tuple[Incident, ...] = ()
    dead: tuple[DeadLetter, ...] = ()
    ledger: tuple[LedgerLine, ...] = ()
    audit: tuple[AuditLine, ...] = ()
    astray: tuple["Astray", ...] = ()  # to be passed on before this is written; the store does not hold it


class Astray(Struct, frozen=True, kw_only=True):
    """An input that lies in a partition not its own, since the number of partitions changed: it is passed on."""

    stream: Literal["events", "controls", "acks"]
    partition: int
    data: bytes


class Checkpoint(Struct, frozen=True, kw_only=True):
    """A partition's whole state at a commit boundary, in chunks of at most 1 MiB."""

    positions: Positions
    format: int
    policy_digest: str
    at: float
    chunks: tuple[bytes, ...]


class Entry(Struct, frozen=True, gc=False):
    """One raw stream entry: its id, and either the JSON of `data` or the flat fields."""

    id: str
    data: bytes | None
    fields: dict[bytes, bytes] | None = None


class Batch(Struct, frozen=True):
    """What the source supplied at once: entries, control inputs and acks in stream order, and the time of reading."""

    tick: Tick
    entries: tuple[Entry, ...] = ()
    controls: tuple[tuple[str, Control], ...] = ()
    acks: tuple[tuple[str, Ack], ...] = ()
