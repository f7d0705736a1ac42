"""Lay a commit out as the keys and arguments of `lua/commit.lua`, whose head describes the order."""

from collections.abc import Sequence
from functools import lru_cache
from typing import Final
from urllib.parse import quote, unquote

import msgspec
from msgspec import Struct

from agentwatch.audited import AuditEntry
from agentwatch.keys import GROUP, Keys
from agentwatch.records import Command, Commit, LedgerLine, Positions, Tick

__all__ = ["METRICS", "InputsRecord", "Limits", "line_name", "line_of", "pack"]

METRICS: Final = ("events", "input_tokens", "output_tokens", "cost_nusd", "unpriced", "looping_nusd")
_LARGEST: Final = 2**63 - 1
_OVERFLOW: Final = "(other)"
_NAMES: Final = 16_384  # lines of ledgers whose names are remembered
Argument = str | bytes | int | float


class Limits(Struct, frozen=True):
    """What the script keeps within bounds: numbers of entries and fields, and the ledger's expiry in seconds."""

    dead: int
    ledger_fields: int
    ledger_s: int
    inputs: int


class InputsRecord(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What is stored of a batch's inputs: the tick, and how far it came in each stream of inputs."""

    tick: Tick
    events: str
    controls: str
    acks: str
    index: int
    seq: int


def pack(
    commit: Commit,
    names: Keys,
    limits: Limits,
    lease: tuple[int, str, int],
    number: int,
    audit: Sequence[AuditEntry] = (),
) -> tuple[list[str], list[Argument]]:
    """Give the script's keys and arguments. lease: token, who holds it, its length in ms. number: of this commit.

    audit: the records that it adds to the audit log.
    """
    ledgers = list(dict.fromkeys(line.day for line in commit.ledger))
    keys = [
        names.token,
        names.owner,
        names.committed,
        names.events,
        names.decisions,
        names.incidents,
        names.dead,
        names.inputs,
        names.standing,
        *(names.ledger(day) for day in ledgers),
        *(names.control(command.subject) for command in commit.commands),
        *(names.control(subject) for subject in commit.cleared),
        names.audit,
    ]
    tick = commit.tick or Tick(commit.at)
    args: list[Argument] = [
        *_head(commit, tick, limits, lease, number),
        *_audit_head(audit),
        *_counts(commit, len(ledgers)),
    ]
    args += commit.entries
    encode = msgspec.json.encode
    for decision in commit.decisions:
        args += (decision.seq, encode(decision))
    args += map(encode, commit.incidents)
    for letter in commit.dead:
        args += (encode(letter), letter.field, letter.reason)
    for line in commit.ledger:
        args += _ledger(line, ledgers.index(line.day) + 1)
    for command in commit.commands:
        args += _command(command, names)
    for subject in commit.cleared:
        args += (subject, names.signal(subject))
    for entry in audit:
        args += (entry.seq, entry.data, entry.hash, entry.sig)
    return keys, args


def _audit_head(audit: Sequence[AuditEntry]) -> list[Argument]:
    return [len(audit), audit[0].seq, audit[-1].hash] if audit else [0, 0, ""]


def _head(commit: Commit, tick: Tick, limits: Limits, lease: tuple[int, str, int], number: int) -> list[Argument]:
    at: Positions = commit.positions
    record = InputsRecord(tick=tick, events=at.events, controls=at.controls, acks=at.acks, index=at.index, seq=at.seq)
    token, who, lease_ms = lease
    return [
        token,
        who,
        lease_ms,
        number,
        commit.at,
        at.events,
        at.controls,
        at.acks,
        at.index,
        at.seq,
        tick.gap,
        msgspec.json.encode(record),
        GROUP,
        limits.dead,
        limits.ledger_fields,
        limits.ledger_s,
        limits.inputs,
    ]


def _counts(commit: Commit, ledgers: int) -> list[Argument]:
    lists = (commit.entries, commit.decisions, commit.incidents, commit.dead)
    return [*map(len, lists), ledgers, len(commit.ledger), len(commit.commands), len(commit.cleared)]


def _command(command: Command, names: Keys) -> list[Argument]:
    expiry_ms = max(1, int(command.expires_at * 1000)) if command.expires_at > 0 else 0
    return [command.subject, names.signal(command.subject), msgspec.json.encode(command), expiry_ms, command.epoch]


def _ledger(line: LedgerLine, index: int) -> list[Argument]:
    other = _join(line.tenant, "", _OVERFLOW, "", "")
    return [index, line_name(line), other, *(min(getattr(line, metric), _LARGEST) for metric in METRICS)]


def line_name(line: LedgerLine) -> str:
    """Name a line inside its day's hash: the escaped parts, of which each metric has one field."""
    return _join(line.tenant, line.team, line.app, line.agent, line.model)


@lru_cache(maxsize=_NAMES)  # the same few agents come again and again, and escaping is dearer than all else here
def _join(*parts: str) -> str:
    return "|".join(quote(part, safe=" ()@:,+") for part in parts)


def line_of(day: str, name: str, sums: dict[str, int]) -> LedgerLine:
    """Read a line back from its name and its metrics."""
    tenant, team, app, agent, model = (unquote(part) for part in name.split("|"))
    return LedgerLine(day=day, tenant=tenant, team=team, app=app, agent=agent, model=model, **sums)
