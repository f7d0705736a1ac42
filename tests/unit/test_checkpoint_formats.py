"""Checkpoints of every format that was ever written: taken over with all that stands, or refused by name."""

import gzip
from pathlib import Path

import msgspec
import pytest

from agentwatch import checkpointing
from agentwatch.config import Config
from agentwatch.errors import Incompatible, TooNew
from agentwatch.pipeline import Pipeline
from agentwatch.records import Batch, Change, Checkpoint, Decision, Level, Tick
from agentwatch.service.composing import make_pipeline, make_rulebook, shipped_policy
from scripts.make_golden import batches, events

GOLDEN = Path(__file__).resolve().parent.parent / "golden"
FORMATS = sorted(int(file.name.split("-")[2].split(".")[0]) for file in GOLDEN.glob("checkpoint-format-*"))


def golden(number: int) -> Checkpoint:
    data = (GOLDEN / f"checkpoint-format-{number}.msgpack.gz").read_bytes()
    return msgspec.msgpack.decode(gzip.decompress(data), type=Checkpoint)


def taken_over(number: int) -> Pipeline:
    path = make_pipeline(Config(), make_rulebook(Config(), shipped_policy()))
    checkpointing.load(path, golden(number))
    return path


def test_there_is_a_golden_file_of_every_format() -> None:
    assert list(range(1, checkpointing.FORMAT + 1)) == FORMATS


@pytest.mark.parametrize("number", FORMATS)
def test_everything_that_stands_is_taken_over(number: int) -> None:
    path, stored = taken_over(number), golden(number)
    ledgers = path.ledgers
    assert path.positions == stored.positions
    assert path.parts.bank.stats()["runs"] >= 14
    assert ledgers.standing.effective("default/by-hand").author == "olivia"
    killed = {decision.subject for decision in ledgers.standing if decision.level is Level.kill and not decision.gate}
    assert len(killed) >= 2
    assert killed == {stone.subject for stone in ledgers.tombstones.standing()}
    assert all(ledgers.ladder.level(subject) is Level.kill for subject in killed)
    assert [entry.pattern for entry in ledgers.gate.allow.entries(stored.at)] == ["default/pingpong"]
    assert {view.used for view in ledgers.gate.breakers(stored.at)} == {len(killed)}
    assert ledgers.incidents.open()
    assert checkpointing.dump(path, stored.at).format == checkpointing.FORMAT


@pytest.mark.parametrize("number", FORMATS)
def test_it_goes_on_and_decides_nothing_twice(number: int) -> None:
    path, stored = taken_over(number), golden(number)
    before = {decision.subject: decision for decision in path.ledgers.standing}
    rest = [batch for batch in batches(events()) if batch.tick.at > stored.at]
    decided: list[Decision] = []
    for batch in [*rest, Batch(Tick(rest[-1].tick.at + 30)), Batch(Tick(rest[-1].tick.at + 60))]:
        decided += path.step(batch).decisions
    assert [decision.seq for decision in decided] == [stored.positions.seq + 1 + at for at in range(len(decided))]
    assert decided
    again = [d for d in decided if d.change is Change.up and d.subject in before]
    assert all(d.level > before[d.subject].level or d.level is d.previous for d in again)
    verified = {d.subject for d in decided if d.change is Change.verified}
    assert verified >= {s for s, d in before.items() if d.level is Level.kill and not d.gate}


def test_a_newer_format_is_left_to_the_newer_version() -> None:
    path = make_pipeline(Config(), make_rulebook(Config(), shipped_policy()))
    newer = msgspec.structs.replace(golden(1), format=checkpointing.FORMAT + 1)
    with pytest.raises(TooNew, match=f"format {checkpointing.FORMAT + 1}, written by a newer version"):
        checkpointing.load(path, newer)


def test_a_format_that_never_was_is_refused_by_name() -> None:
    path = make_pipeline(Config(), make_rulebook(Config(), shipped_policy()))
    with pytest.raises(Incompatible, match="format 0, which this version does not migrate"):
        checkpointing.load(path, msgspec.structs.replace(golden(1), format=0))
