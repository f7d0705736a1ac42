"""Explanations out of the daemon's state and memory: level by event, steps side by side, words, and their bounds."""

from typing import Any

import msgspec
import pytest

from agentwatch.config import Config
from agentwatch.pipeline import Pipeline
from agentwatch.records import Batch, Change, Decision, Entry, Event, Level, Tick
from agentwatch.service.composing import make_pipeline, make_rulebook
from agentwatch.service.explaining import covers, explain
from agentwatch.service.memory import Memory, MemoryOptions, RememberingBank
from agentwatch.testing import Trace
from agentwatch.views import CrossingView, Explanation

START = 1_700_000_000.0
RUN = "default/app/run/run-1"
SAME = ("read_file", {"path": "a.txt"}, "the same thing again and again")


class Told:
    """A pipeline that remembers, with every decision that it made."""

    def __init__(self, policy: str = "", options: MemoryOptions = MemoryOptions()) -> None:  # noqa: B008  # frozen
        config = Config()
        self.book = make_rulebook(config, {"policy.toml": policy.encode()} if policy else {})
        self.memory = Memory(options, self.samples)
        bank = RememberingBank(config.state, self.memory)
        self.pipeline: Pipeline = make_pipeline(config, self.book, bank=bank)
        self.decisions: list[Decision] = []
        self.now = START
        self.fed = 0

    def samples(self, e: Event) -> bool:
        return self.book.policy.match(e.tenant, e.app, e.team, e.agent, e.tool, e.model).samples

    def feed(self, *traces: Trace) -> "Told":
        for event in (event for trace in traces for event in trace.events):
            self.now = max(self.now, event.ts)
            self.fed += 1
            entry = Entry(f"{int(event.ts * 1000)}-{self.fed}", msgspec.json.encode(event))
            self.decisions += self.pipeline.step(Batch(Tick(self.now), (entry,))).decisions
        return self

    def of(self, subject: str = RUN, **fields: Any) -> Explanation:
        found = explain(self.pipeline, subject, self.decisions, self.now, self.memory, **fields)
        assert found is not None
        return found


def stuck(count: int = 12, **fields: Any) -> Trace:
    trace = Trace(**fields)
    for _ in range(count):
        trace.call(*SAME)
    return trace


def by_level(found: Explanation, kind: str = "repeat") -> dict[Level, CrossingView]:
    return {one.level: one for one in found.crossings if one.kind == kind}


def test_each_level_names_the_event_that_had_enough_and_what_was_decided() -> None:
    told = Told().feed(stuck())
    found = told.of()
    assert found.level is Level.kill
    levels = by_level(found)
    for decision in told.decisions:
        crossing = levels[decision.level]
        assert (crossing.index, crossing.decision, crossing.decided) == (decision.index, decision.id, decision.level)
        assert crossing.event_id == decision.event_id
    needs = [levels[level].needs for level in (Level.warn, Level.throttle, Level.pause, Level.kill)]
    assert needs == sorted(needs)
    assert needs[0] == 1.0
    assert levels[Level.pause].decided is None
    assert "does not pause" in levels[Level.pause].bound


def test_a_level_that_was_never_had_says_how_far_it_got() -> None:
    found = Told().feed(stuck(5)).of()
    kill = by_level(found)[Level.kill]
    assert (kill.index, kill.at, kill.decided) == (-1, 0.0, None)
    assert 1.0 <= kill.reached < kill.needs


def test_what_the_gate_held_back_is_said_at_its_level_and_in_words() -> None:
    found = Told("[defaults]\nmode = 'observe'\n").feed(stuck()).of()
    kill = by_level(found)[Level.kill]
    assert (kill.decided, kill.gate) == (Level.kill, "mode")
    assert kill.gate_reason
    words = " ".join(found.words)
    assert "It would be at kill because of repeat" in words
    assert "held back by the gate (mode)" in words


def test_a_level_that_the_rule_does_not_allow_is_told_as_not_done() -> None:
    found = Told("[defaults]\nactions = ['warn']\n").feed(stuck()).of()
    kill = by_level(found)[Level.kill]
    assert kill.index >= 0
    assert (kill.decided, kill.bound) == (None, "the rule does not allow it")
    assert found.level is Level.warn


def test_steps_stand_beside_the_one_that_they_repeat() -> None:
    trace = Trace()
    for at in range(9):
        trace.call("search", {"q": f"page {at}"}, "no results were found for this query at all")
        trace.call(*SAME)
    found = Told().feed(trace).of()
    last, before = found.repeats[-1], found.repeats[-2]
    assert (last.tool, last.equal, last.differs) == ("read_file", ("arguments", "result"), ())
    assert found.repeats[last.beside].arguments == last.arguments
    assert found.repeats[last.beside].result == last.result
    assert before.tool == "search"
    assert before.equal == ("result",)
    assert before.differs == ("arguments only in numbers",)
    assert any("repeat" in step.said for step in found.repeats)


def test_what_differs_is_said_in_words() -> None:
    trace = stuck(5)
    trace.call("read_file", {"path": "b.txt"}, "something wholly new that nobody has ever seen before in this place")
    trace.call("read_file", {"path": "b.txt"}, "it was written at 2026-11-24T10:00:00Z by somebody")
    trace.call("read_file", {"path": "b.txt"}, "it was written at 2026-11-24T11:22:33Z by somebody")
    found = Told().feed(trace).of()
    assert found.repeats[-1].differs == ("result only in times, ids or addresses",)
    assert found.repeats[-3].beside == -1 or "wholly" in found.repeats[-3].differs[-1]


def test_the_calls_before_the_first_signal_are_there_as_digests() -> None:
    told = Told().feed(stuck(4))
    found = told.of()
    assert [step.index for step in found.repeats] == [-1, -1, -1, 3][-len(found.repeats) :]
    assert len({step.arguments for step in found.repeats}) == 1
    assert {step.tool for step in found.repeats} == {"read_file"}


def test_texts_are_kept_only_where_the_rule_allows_it() -> None:
    shut = Told().feed(stuck()).of()
    assert all(step.samples == () for step in shut.repeats)
    assert b"the same thing" not in msgspec.json.encode(shut)
    open_ = Told("[defaults]\nsamples = true\n").feed(stuck()).of()
    assert any("the same thing again and again" in text for text in open_.repeats[-1].samples)


def test_texts_are_shown_no_more_once_the_rules_forbid_it() -> None:
    told = Told("[defaults]\nsamples = true\n").feed(stuck())
    told.pipeline.adopt(make_rulebook(Config(), {}))
    assert all(step.samples == () for step in told.of().repeats)


def test_a_tree_and_an_agent_are_shown_by_the_run_that_went_furthest() -> None:
    told = Told().feed(stuck(5, run="mild"), stuck(12, run="bad"))
    for subject in ("default/app/agent/agent", "default/app"):
        found = told.of(subject)
        assert found.run == "default/app/run/bad"
        assert found.level is Level.kill
        assert {d.run for d in found.decisions} == {"mild", "bad"}
    tree = told.of("default/app/root/mild")
    assert (tree.run, tree.level) == ("default/app/run/mild", Level.warn)
    assert {d.run for d in tree.decisions} == {"mild"}
    assert {d.run for d in told.of("default/app/run/mild").decisions} == {"mild"}


def test_what_speaks_against_is_in_the_words() -> None:
    trace = Trace()
    for at in range(4):
        trace.call(f"tool{at}", {"page": at * 7}, f"chapter {at} holds {at * 13} things that are new")
    for _ in range(5):
        trace.call(*SAME)
    found = Told().feed(trace).of()
    assert found.speaks_against
    assert any(words.startswith("Against it: ") for words in found.words)


def test_who_is_innocent_is_not_remembered_and_who_is_unknown_not_explained() -> None:
    trace = Trace()
    for at in range(30):
        trace.call("read_file", {"path": f"chapter-{at}"}, f"chapter {at} tells of {at * 31} things, all of them new")
    told = Told().feed(trace)
    assert len(told.memory.runs) == 0
    found = told.of()
    assert (found.repeats, found.crossings) == ((), ())
    assert "No detector says anything of it." in found.words
    assert found.steps
    assert explain(told.pipeline, "default/app/run/other", told.decisions, told.now, told.memory) is None


def test_memory_is_bounded_and_counts_what_it_dropped() -> None:
    told = Told(options=MemoryOptions(runs=3, steps=4, marks=2))
    told.feed(*(stuck(8, run=f"run-{at}") for at in range(5)))
    assert list(told.memory.runs) == [("default", "app", f"run-{at}") for at in (2, 3, 4)]
    assert told.memory.dropped == told.pipeline.parts.bank.stats()["dropped_explained_runs"] == 2
    for run in told.memory.runs.values():
        assert len(run.steps) == 4
        assert all(len(marks) <= 2 for marks in run.marks.values())


def test_without_a_memory_there_is_still_an_explanation() -> None:
    told = Told().feed(stuck())
    found = explain(told.pipeline, RUN, told.decisions, told.now)
    assert found is not None
    assert found.level is Level.kill
    assert found.signals
    assert found.steps
    assert found.repeats == ()


@pytest.mark.parametrize(
    ("subject", "concerned"),
    [
        ("t/a/run/r", True),
        ("t/a/root/top", True),
        ("t/a/agent/x", True),
        ("t/a", True),
        ("t", True),
        ("t/a/run/other", False),
        ("t/b", False),
    ],
)
def test_a_decision_concerns_what_it_is_about_and_what_covers_that(subject: str, concerned: bool) -> None:
    decision = Decision(
        id="d0-1", seq=1, at=1.0, tenant="t", app="a", agent="x", run="r", root_run="top", subject="t/a/run/r",
        kind="repeat", level=Level.warn, change=Change.up,
    )  # fmt: skip
    assert covers(subject, decision) is concerned
