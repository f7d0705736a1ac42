"""One partition's pipeline under a hand-turned clock: what goes in is small batches, what comes out is kept."""

from collections.abc import Callable, Iterable, Sequence

import msgspec
import pytest

from agentwatch.config import Config
from agentwatch.pipeline import Answer, Pipeline
from agentwatch.records import (
    Ack,
    AllowEntry,
    Batch,
    Change,
    Command,
    Commit,
    Control,
    Decision,
    Entry,
    Event,
    Incident,
    Level,
    Tick,
)
from agentwatch.service.composing import make_pipeline, make_rulebook, shipped_policy

START = 1_700_000_000.0


class Line:
    """A pipeline with what it has committed so far. `now` is the source's clock."""

    def __init__(self, policy: str = "", **config: object) -> None:
        self.config = Config(**config)
        files = {"policy.toml": policy.encode()} if policy else shipped_policy()
        self.rulebook = make_rulebook(self.config, files)
        self.pipeline: Pipeline = make_pipeline(self.config, self.rulebook)
        self.now = START
        self.batches: list[Batch] = []
        self.commits: list[Commit] = []
        self.decisions: list[Decision] = []
        self.incidents: list[Incident] = []
        self.keys: dict[str, Command] = {}
        self.answers: list[tuple[str, Answer]] = []
        self._entry = 0

    def step(self, entries: Sequence[bytes] = (), controls: Iterable[Control] = (), acks: Iterable[Ack] = (), **tick):
        stored = []
        for data in entries:
            self._entry += 1
            stored.append(Entry(f"{int(self.now * 1000)}-{self._entry}", data))
        numbered = [
            (f"{int(self.now * 1000)}-{self._entry}-{n}"[:20], item) for n, item in enumerate((*controls, *acks))
        ]
        controls, acks = (tuple((p, i) for p, i in numbered if isinstance(i, kind)) for kind in (Control, Ack))
        self.batches.append(Batch(Tick(self.now, **tick), tuple(stored), controls, acks))
        commit = self.pipeline.step(self.batches[-1])
        self._take(commit)
        return commit

    def _take(self, commit: Commit) -> None:
        self.commits.append(commit)
        self.decisions += commit.decisions
        self.incidents += commit.incidents
        self.answers += self.pipeline.answers
        for command in commit.commands:
            self.keys[command.subject] = command
        for subject in commit.cleared:
            self.keys.pop(subject, None)

    def feed(self, events: Sequence[Event], batch: int = 4) -> list[Decision]:
        """Give events in small batches, each read when its last event has happened; returns what was decided."""
        before = len(self.decisions)
        for start in range(0, len(events), batch):
            part = events[start : start + batch]
            self.now = max(self.now, part[-1].ts)
            self.step([msgspec.json.encode(event) for event in part])
        return self.decisions[before:]

    def wait(self, seconds: float, step: float = 5.0) -> list[Decision]:
        """Let time pass with nothing to read."""
        before = len(self.decisions)
        end = self.now + seconds
        while self.now < end:
            self.now = min(end, self.now + step)
            self.step()
        return self.decisions[before:]

    def operate(self, kind: str, **fields: object) -> Answer:
        """Carry out one control and give its answer."""
        fields = {"author": "olivia", "reason": "because", **fields}
        self.step(controls=[Control(id=f"c{len(self.answers)}", kind=kind, at=self.now, **fields)])
        return self.answers[-1][1]

    def decide(self, subject: str, level: Level, **fields: object) -> Decision:
        answer = self.operate("decide", subject=subject, level=level, **fields)
        assert isinstance(answer, Decision), answer
        return answer

    def allow(self, pattern: str, seconds: float) -> Answer:
        entry = AllowEntry(pattern=pattern, author="olivia", created_at=self.now, expires_at=self.now + seconds)
        return self.operate("allow_add", entry=entry)

    def of(self, subject: str) -> list[Decision]:
        return [decision for decision in self.decisions if decision.subject == subject]

    def reached(self, subject: str) -> Level:
        ups = [d.level for d in self.of(subject) if d.change is Change.up]
        return max(ups, default=Level.observe)


@pytest.fixture
def line() -> Callable[..., Line]:
    """Make a pipeline: `line(policy_text, **configuration)`."""
    return Line
