"""The path is a function of its inputs: not of batches, of other apps' events, or of restarts in between."""

import itertools
import random
from collections.abc import Sequence

import msgspec
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from agentwatch import checkpointing
from agentwatch.config import Config
from agentwatch.errors import Incompatible
from agentwatch.pipeline import Pipeline, PipelineOptions
from agentwatch.records import Ack, Batch, Change, Commit, Control, Decision, Entry, Event, Level, Origin, Tick
from agentwatch.rulebook import RuleBook
from agentwatch.service.composing import make_pipeline, make_rulebook, replay_gate, shipped_policy
from agentwatch.testing import LOOK_ALIKES, LOOPS, Trace
from agentwatch.weighing import Weigher

pytestmark = pytest.mark.slow

START = 1_700_000_000.0
PHASES = (Phase.explicit, Phase.generate)  # a case is small as it is, and each step of shrinking runs whole pipelines
SHAPES = {name: tuple(make()) for name, make in {**LOOPS, **LOOK_ALIKES}.items()}
POLICY = b"""
[defaults]
ttl_s.throttle = 60
ttl_s.pause = 60
ttl_s.kill = 200
[defaults.ladder]
calm_events = 3
calm_s = 5.0
[[rules]]
name = "watched"
match.app = ["cycle", "monologue"]
mode = "observe"
"""
CONFIG = Config(gate=replay_gate(Config().gate))
BOOK = make_rulebook(CONFIG, {"policy.toml": POLICY})
encode = msgspec.json.Encoder(order="deterministic").encode


def pipeline(config: Config = CONFIG, book: RuleBook = BOOK) -> Pipeline:
    return make_pipeline(config, book)


def family() -> list[Event]:
    """A parent that loops, its children before and after its kill, and the same task once more."""
    parent = Trace("boss", run="top", app="family")
    child = Trace("helper", run="kid", app="family")
    events: list[Event] = []
    for at in range(30):
        events += parent.call("read", {"p": 1}, "the same again", task="report").events[-1:]
        events += child.say(f"page {at} of {at * 7}", parent_run="top", root_run="top").events[-1:]
    late = Trace("helper", run="kid2", app="family")
    late.now = parent.now
    again = Trace("boss", run="top2", app="family")
    again.now = parent.now
    for at in range(10):
        events += late.say(f"chapter {at}", parent_run="kid").events[-1:]
        events += again.say(f"verse {at}", task="report").events[-1:]
    return events


APPS: dict[str, tuple[Event, ...]] = {
    **{
        name: tuple(msgspec.structs.replace(e, app=name, id=f"{name}/{at}") for at, e in enumerate(events))
        for name, events in SHAPES.items()
    },
    "family": tuple(family()),
}


def mixed(names: Sequence[str], seed: int) -> list[Event]:
    """Interleave the apps' events in some order that keeps each app's own."""
    rest = {name: list(APPS[name]) for name in names}
    found, chance = [], random.Random(seed)
    while rest:
        name = chance.choice(sorted(rest))
        found.append(rest[name].pop(0))
        if not rest[name]:
            del rest[name]
    return found


def batches(events: Sequence[Event], sizes: Sequence[int], inputs: bool = False, pace_s: float = 3.0) -> list[Batch]:
    """Read events in batches of these sizes in turn, `pace_s` apart; with what else comes in."""
    found, at, position = [], 0, 0
    for number, size in enumerate(itertools.cycle(sizes)):
        part = events[at : at + size]
        at += size
        now = START + 120 + number * pace_s
        entries = []
        for event in part:
            position += 1
            entries.append(Entry(f"{int(now * 1000)}-{position}", encode(event)))
        controls, acks = _inputs(number, now) if inputs else ((), ())
        found.append(Batch(Tick(now), tuple(entries), controls, acks))
        if at >= len(events):
            break
    return [*found, *(Batch(Tick(now + 5.0 * more)) for more in range(1, 20))]


def busy(given_: Sequence[Batch]) -> int:
    """Count the batches up to a little after the last event."""
    return 3 + max(at for at, batch in enumerate(given_) if batch.entries)


def _inputs(number: int, now: float) -> tuple[tuple, tuple]:
    place = f"{int(now * 1000)}-0"
    wishes = {
        2: Control(id="c2", kind="mode", at=now, value="observe", author="o"),
        4: Control(id="c4", kind="decide", at=now, subject="family/x", level=Level.kill, author="o"),
        5: Control(id="c5", kind="decide", at=now, subject="default/family/run/kid", level=Level.pause, author="o"),
        7: Control(id="c7", kind="mode", at=now, value="enforce", author="o"),
        9: Control(id="c9", kind="decide", at=now, subject="default/family/run/kid", level=Level.observe, author="o"),
    }
    acks = {6: Ack(command="d0-1", subject="default/family/run/kid", epoch=10**6, state="refused", at=now)}
    control, ack = wishes.get(number), acks.get(number)
    return ((place, control),) if control else (), ((place, ack),) if ack else ()


def commits(path: Pipeline, given_: Sequence[Batch]) -> list[Commit]:
    return [path.step(batch) for batch in given_]


def judged(found: Sequence[Commit]) -> list[tuple]:
    """What was decided before the gate, and by the policy alone."""
    return [verdict(d) for c in found for d in c.decisions if d.origin is Origin.policy and d.change in _MOVES]


_MOVES = (Change.up, Change.down)


def verdict(d: Decision) -> tuple:
    return (
        d.event_id, d.subject, d.kind, d.change, d.level, d.previous, d.reason, d.speaks_for, d.speaks_against,
        d.confidence, d.evidence,
    )  # fmt: skip


names = st.lists(st.sampled_from(sorted(APPS)), min_size=1, max_size=5, unique=True)
sizes = st.lists(st.integers(1, 9), min_size=1, max_size=6)


@given(names, st.integers(0, 2**32), sizes, sizes)
@settings(max_examples=12, deadline=None, phases=PHASES)
def test_batches_make_no_difference_to_verdicts(apps, seed, one, two):
    patient = msgspec.structs.replace(CONFIG)
    events = mixed(apps, seed)
    # the lease of a kill follows the ticks, which differ here
    book = make_rulebook(patient, shipped_policy())
    first = judged(commits(pipeline(patient, book), batches(events, one)))
    second = judged(commits(pipeline(patient, book), batches(events, two)))
    assert first == second
    assert first or not set(apps) & (set(LOOPS) | {"family"})


@given(names, st.integers(0, 2**32), st.integers(0, 2**32))
@settings(max_examples=10, deadline=None, phases=PHASES)
def test_other_apps_events_make_no_difference_to_an_apps_verdicts(apps, seed, other):
    book = make_rulebook(CONFIG, shipped_policy())

    def by_app(events: list[Event]) -> dict[str, list[tuple]]:
        found: dict[str, list[tuple]] = {name: [] for name in apps}
        for commit in commits(pipeline(CONFIG, book), batches(events, [7, 30])):
            for d in commit.decisions:
                if d.app in found and d.origin is Origin.policy and d.change in _MOVES:
                    evidence = msgspec.structs.replace(d.evidence, onset_index=0)
                    found[d.app].append(verdict(msgspec.structs.replace(d, evidence=evidence)))
        return found

    together = by_app(mixed(apps, seed))
    assert by_app(mixed(apps, other)) == together
    for name in apps:
        assert by_app(list(APPS[name]))[name] == together[name]


@given(names, st.integers(0, 2**32), sizes, st.data())
@settings(max_examples=12, deadline=None, phases=PHASES)
def test_a_checkpoint_at_any_boundary_continues_exactly(apps, seed, each, data):
    given_ = batches(mixed(apps, seed), each, inputs=True, pace_s=0.3)
    undisturbed = commits(pipeline(), given_)
    cut = data.draw(st.integers(0, busy(given_)))
    before = pipeline()
    commits(before, given_[:cut])
    stored = checkpointing.dump(before, START)
    assert all(len(chunk) < (1 << 20) + 100 for chunk in stored.chunks)
    after = pipeline()
    checkpointing.load(after, msgspec.msgpack.decode(msgspec.msgpack.encode(stored), type=type(stored)))
    assert [encode(c) for c in commits(after, given_[cut:])] == [encode(c) for c in undisturbed[cut:]]
    assert checkpointing.dump(after, START) == checkpointing.dump(_after(given_), START)


@pytest.mark.parametrize("ticks", ["live", "replay"])
@given(names, st.integers(0, 2**32), sizes)
@settings(max_examples=8, deadline=None, phases=PHASES, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_what_leads_to_sums_alone_is_counted_as_if_each_event_were_looked_at(ticks, monkeypatch, apps, seed, each):
    config = CONFIG if ticks == "live" else msgspec.structs.replace(CONFIG, pipeline=PipelineOptions(event_ticks=True))
    given_ = batches(mixed(apps, seed), each, inputs=True, pace_s=0.3)
    path = pipeline(config)
    together = commits(path, given_)
    with monkeypatch.context() as patched:
        patched.setattr(Weigher, "passes", lambda *_: False)
        other = pipeline(config)
        assert [encode(c) for c in commits(other, given_)] == [encode(c) for c in together]
    assert checkpointing.dump(path, START) == checkpointing.dump(other, START)


def _after(given_: Sequence[Batch]) -> Pipeline:
    path = pipeline()
    commits(path, given_)
    return path


@given(names, st.integers(0, 2**32), sizes, st.data())
@settings(max_examples=12, deadline=None, phases=PHASES)
def test_an_older_checkpoint_and_the_log_lead_to_the_same_later_decisions(apps, seed, each, data):
    given_ = batches(mixed(apps, seed), each, inputs=True)
    undisturbed = commits(pipeline(), given_)
    crash = data.draw(st.integers(1, busy(given_)))
    saved = data.draw(st.integers(0, crash))
    before = pipeline()
    commits(before, given_[:saved])
    after = pipeline()
    checkpointing.load(after, checkpointing.dump(before, START))
    recover(after, given_[saved:crash], undisturbed[saved:crash], data.draw(st.integers(1, 40)))
    assert after.positions == (undisturbed[crash - 1].positions if crash else after.positions)
    later = commits(after, given_[crash:])
    assert [told(c) for c in later] == [told(c) for c in undisturbed[crash:]]


def told(commit: Commit) -> list[tuple]:
    return [(d.seq, d.gate, d.origin, d.at, d.expires_at, *verdict(d)) for d in commit.decisions]


def recover(path: Pipeline, lost: Sequence[Batch], logged: Sequence[Commit], page: int) -> None:
    """Recover as the daemon does: entries page by page, each with the decisions up to its last."""
    entries = [entry for batch in lost for entry in batch.entries]
    rest = [decision for commit in logged for decision in commit.decisions]
    controls = [control for batch in lost for _, control in batch.controls]
    for start in range(0, len(entries), page):
        part = entries[start : start + page]
        due = [d for d in rest if _order(d.position) <= _order(part[-1].id)]
        rest = rest[len(due) :]
        path.recover(part, due, controls)
        controls = []
    path.recover((), rest, controls)
    if logged:
        path.positions = logged[-1].positions


def _order(position: str) -> tuple[int, ...]:
    return tuple(map(int, position.split("-")))


def test_recovery_under_another_policy_believes_the_log():
    """What was decided stands as it was decided; the new policy judges from the next event on."""
    given_ = batches(APPS["exact_repeat"], [4])
    strict, lax = (
        pipeline(),
        pipeline(CONFIG, make_rulebook(CONFIG, {"p": b"[defaults.detectors.repeat]\nwarn = 900\nkill = 999\n"})),
    )
    logged = commits(strict, given_)
    recover(lax, given_, logged, 5)
    for subject in ("default/exact_repeat/run/run-1",):
        assert lax.ledgers.standing.get(subject) == strict.ledgers.standing.get(subject)
        assert lax.ledgers.ladder.level(subject) is strict.ledgers.ladder.level(subject)
    quiet = pipeline()
    recover(quiet, given_, [msgspec.structs.replace(c, decisions=()) for c in logged], 5)
    assert quiet.ledgers.ladder.standing() == {}
    assert list(quiet.ledgers.standing) == []


@pytest.mark.parametrize(
    "name", ["bank", "ladder", "gate", "standing", "tombstones", "verifier", "incidents", "pipeline"]
)
def test_a_damaged_checkpoint_is_refused_by_name(name):
    stored = checkpointing.dump(_after(batches(APPS["cycle"], [9])), START)
    chunks = []
    for chunk in stored.chunks:
        part, piece = msgspec.msgpack.decode(chunk)
        chunks.append(msgspec.msgpack.encode((part, b"\x81\xa1x" if part == name else piece)))
    with pytest.raises(Incompatible):
        checkpointing.load(pipeline(), msgspec.structs.replace(stored, chunks=tuple(chunks)))
    with pytest.raises(Incompatible, match="format 99"):
        checkpointing.load(pipeline(), msgspec.structs.replace(stored, format=99))
