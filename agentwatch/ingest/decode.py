"""From one raw entry to a usage event, or to a dead letter that says which field is wrong and why.

Well-formed events take one strict decode. Everything else takes the slow path, which is lenient where leniency loses
nothing (unknown fields are left out, null is absent, structured content becomes canonical JSON text, halves of
surrogate pairs become U+FFFD) and refuses by name what it cannot read. No input makes it raise.
"""

import math
from collections.abc import Sequence
from functools import lru_cache
from typing import Any

import msgspec
from msgspec import Struct
from msgspec.structs import force_setattr

from agentwatch.errors import BadEvent
from agentwatch.ingest import flat
from agentwatch.ingest.json_text import decode_object
from agentwatch.ingest.letter import dead_letter
from agentwatch.records import DeadLetter, Entry, Event

__all__ = ["DecodeOptions", "DecodeStats", "complete", "decode", "decode_all", "entry_time", "parse"]

_CONTENT = ("input", "output", "arguments", "result", "error")
_FIELDS = frozenset(Event.__struct_fields__)
_MILLISECONDS = 1e11  # as seconds: the year 5138; as milliseconds: 1973
_DECODER = msgspec.json.Decoder(Event)
_UNREADABLE = (msgspec.MsgspecError, UnicodeDecodeError, RecursionError)


class DecodeOptions(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Limits of what an entry may be.

    max_entry_bytes: larger entries are refused and kept cut. max_depth: deepest nesting of JSON. max_ahead_s: how far
    `ts` may be ahead of the entry's own time before it is clamped to it. max_cost_usd: the highest cost of one event.
    """

    max_entry_bytes: int = 1 << 20
    max_depth: int = 128
    max_ahead_s: float = 60.0
    max_cost_usd: float = 1e6


class DecodeStats(Struct):
    """What the decoder counted since it was made."""

    events: int = 0
    dead: int = 0
    unknown_fields: int = 0
    clamped: int = 0
    slow: int = 0


def entry_time(entry_id: str) -> float:
    """Read the time of a stream entry out of its id, in unix seconds."""
    return _seconds(entry_id.partition("-")[0])


@lru_cache(maxsize=64)  # many entries are of one millisecond
def _seconds(milliseconds: str) -> float:
    return int(milliseconds) / 1000.0


def decode_all(
    entries: Sequence[Entry], tick: float, options: DecodeOptions, stats: DecodeStats, *, timed: bool
) -> tuple[list[Event | None], list[DeadLetter]]:
    """Read a batch's entries as `decode` reads each of them; None stands where a dead letter came of it.

    timed: their ids tell their times, which never go back; else `ts` is taken as it is.
    """
    found: list[Event | None] = []
    dead: list[DeadLetter] = []
    latest = _MILLISECONDS
    if timed and entries:
        latest = min(latest, entry_time(entries[0].id) + options.max_ahead_s)
    most, read, good, add = options.max_entry_bytes, _DECODER.decode, 0, found.append
    for entry in entries:
        data, event = entry.data, None
        if data is not None and len(data) <= most:
            try:
                event = read(data)
            except _UNREADABLE:
                pass
            else:
                if 0.0 < event.ts <= latest and event.cost_usd is None:
                    # nothing is left to be checked; what most producers leave out is filled in without a call
                    if not (event.id and event.app and event.run):
                        _fill_in(event, entry.id)
                    if not event.tenant:
                        force_setattr(event, "tenant", "default")
                    if not event.root_run:
                        force_setattr(event, "root_run", event.run)
                    good += 1
                    add(event)
                    continue
        got = _completed(event, entry, tick, entry_time(entry.id) if timed else None, options, stats)
        add(None if isinstance(got, DeadLetter) else got)
        if isinstance(got, DeadLetter):
            dead.append(got)
    stats.events += good
    return found, dead


def decode(
    entry: Entry, tick: float, entry_at: float | None, options: DecodeOptions, stats: DecodeStats
) -> Event | DeadLetter:
    """Read one entry; the result has every default filled in.

    tick: the time as the source saw it; it dates dead letters, and events without `ts` where there is no entry time.
    entry_at: the entry's own time in unix seconds; None in a replay of files, where `ts` is taken as it is.
    """
    return _completed(None, entry, tick, entry_at, options, stats)


def _completed(
    event: Event | None,
    entry: Entry,
    tick: float,
    entry_at: float | None,
    options: DecodeOptions,
    stats: DecodeStats,
) -> Event | DeadLetter:
    try:
        if event is None:
            event = parse(entry, options, stats)
        complete(event, entry.id, tick, entry_at, options, stats)
    except BadEvent as error:
        stats.dead += 1
        return dead_letter(entry, tick, error.field or "data", error.reason, options.max_entry_bytes)
    stats.events += 1
    return event


def parse(entry: Entry, options: DecodeOptions, stats: DecodeStats) -> Event:
    """Read what the producer wrote, without defaults; raises `BadEvent` with the field in dotted form."""
    data = entry.data
    if data is None:
        return _flat(entry.fields or {}, options, stats)
    if len(data) > options.max_entry_bytes:
        raise BadEvent(f"{len(data)} bytes are more than {options.max_entry_bytes}")
    try:
        return _DECODER.decode(data)
    except _UNREADABLE:
        stats.slow += 1
    return _convert(decode_object(data, options.max_depth), stats)


def _flat(fields: dict[bytes, bytes], options: DecodeOptions, stats: DecodeStats) -> Event:
    size = sum(len(key) + len(value) for key, value in fields.items())
    if size > options.max_entry_bytes:
        raise BadEvent(f"{size} bytes are more than {options.max_entry_bytes}")
    return _convert(flat.to_object(fields, _FIELDS, options.max_depth), stats)


def _convert(found: dict[str, Any], stats: DecodeStats) -> Event:
    known = {key: value for key, value in found.items() if value is not None and key in _FIELDS}
    stats.unknown_fields += sum(1 for key in found if key not in _FIELDS)
    for name in _CONTENT:
        value = known.get(name)
        if value is not None and type(value) is not str:
            known[name] = _canonical(name, value)
    try:
        return msgspec.convert(known, Event)
    except msgspec.ValidationError as error:
        raise _named(error, known) from None


def _canonical(name: str, value: Any) -> str:
    try:
        return msgspec.json.encode(value, order="sorted").decode()
    except (RecursionError, ValueError, OverflowError) as error:
        raise BadEvent(f"cannot be written as JSON text: {error}", name) from None


def _named(error: msgspec.ValidationError, found: dict[str, Any]) -> BadEvent:
    """Split a validation message into reason and place: "… - at `$.fp.input.size`" is at fp.input.size.

    What a record says of one of its fields begins with its name: "`exact` … - at `$.fp.input`".
    """
    reason, _, place = str(error).partition(" - at ")
    if not place:
        return BadEvent(reason, "agent" if "`agent`" in reason else "")
    field = place.removeprefix("`key` in ").strip("`").removeprefix("$").removeprefix(".").removesuffix("[...]")
    if reason.startswith("`"):
        name, _, reason = reason[1:].partition("` ")
        field = f"{field}.{name}"
    if field == "v" and type(found.get("v")) is int:
        reason = f"version {found['v']} is not known here; this reads version 1"
    return BadEvent(reason, field)


def complete(
    event: Event, entry_id: str, tick: float, entry_at: float | None, options: DecodeOptions, stats: DecodeStats
) -> None:
    """Check the values that a type cannot and fill in every default, in place: nobody has seen the event yet."""
    if event.cost_usd is not None:
        _check_cost(event.cost_usd, options)
    ts = event.ts
    if not 0.0 < ts <= _MILLISECONDS:
        ts = _absent_ts(ts, tick, entry_at)
        force_setattr(event, "ts", ts)
    if entry_at is not None and ts > entry_at + options.max_ahead_s:
        stats.clamped += 1
        force_setattr(event, "ts", entry_at)
    _fill_in(event, entry_id)


def _fill_in(event: Event, entry_id: str) -> None:
    if not event.id:
        force_setattr(event, "id", entry_id)
    if not event.tenant:
        force_setattr(event, "tenant", "default")
    if not event.app:
        force_setattr(event, "app", event.agent)
    if not event.run:
        force_setattr(event, "run", event.agent)
    if not event.root_run:
        force_setattr(event, "root_run", event.run)


def _absent_ts(ts: float, tick: float, entry_at: float | None) -> float:
    if ts == 0.0:
        return tick if entry_at is None else entry_at
    if not math.isfinite(ts):
        raise BadEvent("is not a finite number", "ts")
    if ts < 0.0:
        raise BadEvent(f"{ts} is before 1970; unix seconds are wanted", "ts")
    raise BadEvent(f"{ts:.0f} looks like milliseconds; unix seconds are wanted", "ts")


def _check_cost(cost: float | str, options: DecodeOptions) -> None:
    value = flat.to_float("cost_usd", cost) if isinstance(cost, str) else cost
    if not 0.0 <= value <= options.max_cost_usd:
        raise BadEvent(f"{cost!r:.40} is not between 0 and {options.max_cost_usd:g}", "cost_usd")
