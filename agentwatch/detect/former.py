"""Runs as checkpoints of former formats hold them, taken to today's form. Nothing that decides is lost on the way.

Format 1 (checkpoints of formats 1 and 2): the calls of a history in four rings, the latest distinct calls as a list of
objects, sketches as a list, eight bytes of the digest of an event's id and of a step's symbol, no record apart of what
most runs know nothing of.
"""

from struct import Struct as Layout

import msgspec
from msgspec import Struct, field

from agentwatch.detect.familiar import Familiar
from agentwatch.detect.growth import Growth
from agentwatch.detect.history import History, Laps, Phrased, Spoken, Streak
from agentwatch.detect.near import Near
from agentwatch.detect.shrinking import Shrinking
from agentwatch.detect.state import LastSignal, RootState, RunState, Seldom

__all__ = ["run_of_1"]

_ID, _ID_KEPT, _SECONDS, _SECONDS_KEPT = 8, 6, 4, 3
_SYMBOL, _SYMBOL_KEPT = 8, 6
_DISTINCT = Layout("<QQQQQB")  # tool, call, shape, result, shape of the result; what else there is
_CALL = Layout("<QQIB")
_FAILED, _ARGUMENTS, _ANSWER, _SKETCH = 1, 2, 4, 64


class _Near(Struct, array_like=True):
    packed: bytes
    same: int = 1
    moved: int = 0


class _Spoken(Struct, array_like=True):
    outputs: bytes = b""
    inputs: bytes = b""
    sketches: list[bytes] = []
    told: bytes = b""
    stale: float = 0.0
    hard: float = 0.0
    chain: float = 0.0
    at: float = 0.0
    acted: bool = False
    streak: Streak | None = None
    phrased: Phrased | None = None
    heard: int = 0
    size: int = 0


class _History(Struct, array_like=True):
    index: int = -1
    base: float = 0.0
    calls: bytes = b""
    results: bytes = b""
    times: bytes = b""
    marks: bytes = b""
    near: list[_Near] = []
    step: int = -1
    step_calls: int = 0
    hard: float = 0.0
    soft: float = 0.0
    fresh: int = 0
    stale: int = 0
    streaks: dict[str, Streak] | None = None
    spoken: _Spoken | None = None
    cycle: Laps | None = None
    familiar: Familiar | None = None
    lag: int = 0


class _Run(Struct, array_like=True):
    tenant: str
    app: str
    agent: str
    run: str
    root: str
    parent: str = ""
    task: str = ""
    team: str = ""
    users: tuple[str, ...] = ()
    model: str = ""
    started: float = 0.0
    last: float = 0.0
    first_index: int = 0
    last_index: int = 0
    events: int = 0
    chats: int = 0
    rounds: int = 0
    input_tokens: int = 0
    output_tokens: int = 0
    cost_nusd: int = 0
    unpriced: int = 0
    ended: bool = False
    human_at: float = 0.0
    last_step: int = -1
    epoch: int = -1
    epoch_at: float = 0.0
    handles: dict[str, str] | None = None
    recent: bytes = b""
    own: _History = field(default_factory=_History)
    others: dict[str, _History] | None = None
    tree: RootState | None = None
    signals: dict[str, LastSignal] | None = None
    depth: int = 0
    prompted: bool = False
    job: int = 0
    shrinking: Shrinking | None = None
    growth: Growth | None = None
    akin: int = 0
    interval_s: float = 0.0
    woken: int = 0
    asked_nusd: int = -1
    asked_at: float = 0.0
    news: int = 0


_runs = msgspec.msgpack.Decoder(tuple[tuple[str, str], _Run])
_SAME = frozenset(RunState.__struct_fields__) & frozenset(_Run.__struct_fields__) - {"recent", "own", "others"}
_SELDOM = Seldom.__struct_fields__


def run_of_1(raw: msgspec.Raw) -> tuple[tuple[str, str], RunState]:
    """Read a run of format 1, with the key of its app."""
    key, old = _runs.decode(raw)
    seldom = Seldom(*(getattr(old, name) for name in _SELDOM))
    run = RunState(**{name: getattr(old, name) for name in _SAME})
    run.tokens = old.input_tokens + old.output_tokens
    run.recent = _recent(old.recent)
    run.own = _history(old.own)
    run.others = None if old.others is None else {name: _history(one) for name, one in old.others.items()}
    run.seldom = seldom if seldom != Seldom() else None
    return key, run


def _recent(ring: bytes) -> bytes:
    kept = bytearray()
    for at in range(0, len(ring), _ID + _SECONDS):
        second = int.from_bytes(ring[at + _ID : at + _ID + _SECONDS], "little")
        kept += ring[at : at + _ID_KEPT]
        kept += min(second, (1 << 8 * _SECONDS_KEPT) - 1).to_bytes(_SECONDS_KEPT, "little")
    return bytes(kept)


def _history(old: _History) -> History:
    calls = b"".join(
        old.calls[at * 8 : at * 8 + 8] + old.results[at * 8 : at * 8 + 8] + old.times[at * 4 : at * 4 + 4]
        + old.marks[at : at + 1]
        for at in range(len(old.marks))
    )  # fmt: skip
    return History(
        index=old.index, base=old.base, calls=calls, near=b"".join(map(_near, old.near)), step=old.step,
        step_calls=old.step_calls, hard=old.hard, soft=old.soft, fresh=old.fresh, stale=old.stale,
        streaks=old.streaks, spoken=_spoken(old.spoken), cycle=_laps(old.cycle), familiar=old.familiar, lag=old.lag,
    )  # fmt: skip


def _near(old: _Near) -> bytes:
    packed = old.packed
    tool, call, shape, result, result_shape, marks = _DISTINCT.unpack_from(packed)
    rest = packed[_DISTINCT.size :]
    arguments = rest[:_SKETCH] if marks & _ARGUMENTS else b""
    answer = rest[len(arguments) : len(arguments) + _SKETCH] if marks & _ANSWER else b""
    numbers = rest[len(arguments) + len(answer) :]
    return Near.of(
        tool=tool, call=call, shape=shape, result=result, result_shape=result_shape, failed=bool(marks & _FAILED),
        arguments=arguments, answer=answer, numbers=Layout(f"<{len(numbers) // 8}d").unpack(numbers), same=old.same,
        moved=old.moved,
    ).packed  # fmt: skip


def _spoken(old: _Spoken | None) -> Spoken | None:
    if old is None:
        return None
    return Spoken(
        outputs=old.outputs, inputs=old.inputs, sketches=old.told + b"".join(old.sketches), prompted=bool(old.told),
        stale=old.stale, hard=old.hard, chain=old.chain, at=old.at, acted=old.acted, streak=old.streak,
        phrased=old.phrased, heard=old.heard, size=old.size,
    )  # fmt: skip


def _laps(laps: Laps | None) -> Laps | None:
    if laps is not None:
        laps.symbols, laps.aside = _symbols(laps.symbols), _symbols(laps.aside)
    return laps


def _symbols(ring: bytes) -> bytes:
    return b"".join(ring[at : at + _SYMBOL_KEPT] for at in range(0, len(ring), _SYMBOL))
