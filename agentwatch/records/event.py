"""The usage event, as a producer sends it."""

from typing import Annotated, Literal

from msgspec import Meta, Struct, field

from agentwatch.records.prints import ResultClass

__all__ = [
    "CANARY_TENANT",
    "ChantPrint",
    "Count",
    "Event",
    "FieldPrint",
    "Label",
    "Name",
    "Op",
    "PrivatePrints",
    "Status",
    "Trigger",
]

CANARY_TENANT = "agentwatch-canary"  # of the synthetic agent that must be killed; nobody else may be of it
Name = Annotated[str, Meta(min_length=1, max_length=256)]
Label = Annotated[str, Meta(max_length=256)]
Count = Annotated[int, Meta(ge=0, le=10**12)]
Op = Literal["chat", "execute_tool", "invoke_agent", "message", "compact", "heartbeat", "run_start", "run_end"]
Status = Literal["ok", "empty", "error", "denied", "rate_limited", "held"]
Trigger = Literal["human", "schedule", "agent", "tool"]


class ChantPrint(Struct, frozen=True, kw_only=True):
    """How a text repeats one block: so many `blocks` of `length` characters, `covered` characters of `of` in all."""

    blocks: Count
    length: Count
    covered: Count
    of: Count


def _hexadecimal(pattern: str, least: int, most: int) -> Meta:
    """Bound the length; that all are digits is told of a print as a whole, since a pattern takes ten times as long."""
    return Meta(min_length=least, max_length=most, extra_json_schema={"pattern": pattern})


Digest = Annotated[str, _hexadecimal("^[0-9a-f]{16}$", 16, 16)]


class FieldPrint(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One field's fingerprint as a producer sends it; digests and sketch are hexadecimal."""

    exact: Digest
    masked: Digest | None = None
    shape: Digest | None = None
    sketch: Annotated[str, _hexadecimal("^([0-9a-f]{2}){64}$", 128, 128)] | None = None
    pieces: Annotated[str, _hexadecimal("^([0-9a-f]{4}){1,256}$", 4, 1024)] | None = None
    size: Count = 0
    words: Count = 0
    klass: ResultClass | None = field(default=None, name="class")
    numbers: Annotated[list[float], Meta(max_length=16)] | None = None
    chant: ChantPrint | None = None

    def __post_init__(self) -> None:
        """Refuse what is not hexadecimal; the reason begins with the field in backquotes."""
        digits = f"{self.exact}{self.masked or ''}{self.shape or ''}{self.sketch or ''}{self.pieces or ''}"
        if not _is_hexadecimal(digits) or (self.pieces and len(self.pieces) % 4):
            raise ValueError(self._wrong())

    def _wrong(self) -> str:
        for name in ("exact", "masked", "shape", "sketch"):
            if not _is_hexadecimal(getattr(self, name) or ""):
                return f"`{name}` is not hexadecimal in small letters"
        return "`pieces` is not hexadecimal in small letters, four digits for each piece"


def _is_hexadecimal(digits: str) -> bool:
    try:
        return bytes.fromhex(digits).hex() == digits
    except ValueError:
        return False


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
