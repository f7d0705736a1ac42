"""Lay a commit out as the keys and arguments of `lua/commit.lua`, whose head describes the order."""

from collections.abc import Sequence

import msgspec
from msgspec import Struct

from agentwatch.audited import AuditEntry
from agentwatch.keys import GROUP, Keys
from agentwatch.records import Command, Commit, Positions, Tick
from agentwatch.store.ledger_lines import row_of

__all__ = ["InputsRecord", "Limits", "pack"]

Argument = str | bytes | int | float


class Limits(Struct, frozen=True):
    """What the script keeps within bounds: numbers of entries."""

    dead: int
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
    owed = row_of(commit.ledger) if commit.ledger else b""
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
        names.owed,
        *(names.control(command.subject) for command in commit.commands),
        *(names.control(subject) for subject in commit.cleared),
        names.audit,
    ]
    tick = commit.tick or Tick(commit.at)
    args: list[Argument] = [
        *_head(commit, tick, limits, lease, number),
        *_audit_head(audit),
        *_counts(commit),
        owed,
    ]
    args.append(msgspec.msgpack.encode(commit.entries))  # each argument is dear
    encode = msgspec.json.encode
    for decision in commit.decisions:
        args += (decision.seq, encode(decision))
    args += map(encode, commit.incidents)
    for letter in commit.dead:
        args += (encode(letter), letter.field, letter.reason)
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
        limits.inputs,
    ]


def _counts(commit: Commit) -> list[Argument]:
    lists = (commit.entries, commit.decisions, commit.incidents, commit.dead, commit.commands, commit.cleared)
    return [*map(len, lists)]


def _command(command: Command, names: Keys) -> list[Argument]:
    expiry_ms = max(1, int(command.expires_at * 1000)) if command.expires_at > 0 else 0
    return [command.subject, names.signal(command.subject), msgspec.json.encode(command), expiry_ms, command.epoch]
