"""Through the whole path: no sequence of inputs makes agentwatch issue more kills in a window than the breaker allows.

The account is kept by a clock of its own, which no step of the source's clock touches.
"""

import msgspec
from hypothesis import Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from agentwatch import checkpointing
from agentwatch.config import Config
from agentwatch.deciding import harms_anew
from agentwatch.pipeline import Pipeline
from agentwatch.policy.breaker import BreakerOptions
from agentwatch.policy.gate import GateOptions
from agentwatch.policy.staleness import StalenessOptions
from agentwatch.records import Ack, AllowEntry, Batch, Change, Commit, Control, Decision, Entry, Level, Origin, Tick
from agentwatch.service.composing import make_pipeline, make_rulebook

START = 1_700_000_000.0
WINDOW_S = 120.0
ALLOWED = 3
# the guard against stale data lets go at once here: the breaker has to hold by itself
CONFIG = Config(
    gate=GateOptions(
        breaker=BreakerOptions(window_s=WINDOW_S, open_s=WINDOW_S, small_limit=ALLOWED, min_runs=1_000_000),
        staleness=StalenessOptions(settle_s=2.0, gap_hold_s=2.0),
    )
)
POLICY = b"""
[defaults]
grace_ms = 1000
[defaults.detectors.repeat]
warn = 2.0
kill = 3.0
[defaults.detectors.stakes]
enabled = false
[[rules]]
name = "short"
match.tenant = "b"
ttl_s.kill = 30
"""
BOOK = make_rulebook(CONFIG, {"policy.toml": POLICY})
tenants = st.sampled_from(["a", "b"])
numbers = st.integers(0, 11)


class Amok(RuleBasedStateMachine):
    """Everything that may happen to one partition, in any order."""

    @initialize()
    def begin(self) -> None:
        self.path = make_pipeline(CONFIG, BOOK)
        self.real, self.now = 0.0, START
        self.serial, self.killed, self.entry = 0, 0, (int(START * 1000), 0)
        self.issued: list[tuple[str, str, float]] = []
        self.batches: list[Batch] = []
        self.commits: list[Commit] = []
        self.saved, self.saved_at = checkpointing.dump(self.path, START), 0
        self.feed()

    def feed(self, *events: dict, **more: object) -> None:
        self.serial += 1
        entries = []
        for event in events:
            self.entry = max((int(self.now * 1000), 0), (self.entry[0], self.entry[1] + 1))
            data = {"ts": self.now, "id": f"e{self.serial}-{self.entry[0]}-{self.entry[1]}", **event}
            entries.append(Entry(f"{self.entry[0]}-{self.entry[1]}", msgspec.json.encode(data)))
        tick = Tick(self.now, int(more.pop("lag", 0)), int(more.pop("gap", 0)))
        batch = Batch(tick, tuple(entries), **more)
        commit = self.path.step(batch)
        self.batches.append(batch)
        self.commits.append(commit)
        for decision in commit.decisions:
            self.count(decision)

    def count(self, decision: Decision) -> None:
        """Keep account of each kill command that was not an operator's."""
        reissued = decision.change is Change.escalated
        if decision.level is not Level.kill or decision.gate or not (harms_anew(decision) or reissued):
            return
        if decision.origin is Origin.operator or decision.author:
            return
        self.killed += 1
        scopes = [f"tenant:{decision.tenant}", f"rule:{decision.rule}"]
        if decision.origin is Origin.tombstone:
            scopes = [f"tombstone:{decision.tenant}"]
        self.issued += [(scope, decision.subject, self.real) for scope in scopes]

    def call(self, tenant: str, run: str, **fields: object) -> dict:
        event = {
            "agent": f"agent-{run}", "app": "x", "tenant": tenant, "run": run, "op": "execute_tool", "tool": "read",
            "arguments": "{}", "result": "the same again", "cost_usd": 0.1,
        }  # fmt: skip
        return {**event, **fields}

    def wish(self, kind: str, **fields: object) -> None:
        control = Control(id=f"c{self.serial}", kind=kind, at=self.now, author="ada", **fields)
        self.feed(controls=((f"{self.serial}-0", control),))

    @rule(tenant=tenants, first=numbers, runs=st.integers(1, 6), task=st.sampled_from(["", "report"]))
    def loop(self, tenant: str, first: int, runs: int, task: str) -> None:
        """Some runs at once do the same again and again, also those that were killed: they are escalated."""
        for _ in range(7):
            self.wait(1.0)
            self.feed(*[self.call(tenant, f"r{first + n}", task=task, step=self.serial) for n in range(runs)])

    @rule(tenant=tenants, parent=numbers, children=st.integers(1, 6), first=st.booleans())
    def spawn(self, tenant: str, parent: int, children: int, first: bool) -> None:
        """New runs are started below a run, which loops before or afterwards."""
        if first:
            self.loop(tenant, parent, 1, "")
        below = {"parent_run": f"r{parent}", "root_run": f"r{parent}", "op": "chat", "output": "hello"}
        self.feed(*[self.call(tenant, f"k{self.serial}-{n}", **below) for n in range(children)])
        if not first:
            self.loop(tenant, parent, 1, "")

    @rule(tenant=tenants, of=numbers, runs=st.integers(1, 6))
    def again(self, tenant: str, of: int, runs: int) -> None:
        """A scheduler starts the task of an agent again and again."""
        anew = {"agent": f"agent-r{of}", "task": "report", "op": "chat", "output": "I begin"}
        self.feed(*[self.call(tenant, f"n{self.serial}-{n}", **anew) for n in range(runs)])

    @rule(seconds=st.sampled_from([0.5, 5.0, 20.0, 60.0]))
    def pause(self, seconds: float) -> None:
        """Time passes."""
        for _ in range(4):
            self.wait(seconds / 4)

    def wait(self, seconds: float) -> None:
        self.real += seconds
        self.now += seconds
        self.feed()

    @rule(seconds=st.sampled_from([-100_000.0, -300.0, -10.0, 61.0, 300.0, 100_000.0]))
    def set_clock(self, seconds: float) -> None:
        """Somebody sets the source's clock."""
        self.now += seconds
        self.feed()

    @rule(tenant=tenants, number=numbers, level=st.sampled_from([Level.observe, Level.kill, Level.pause]))
    def operate(self, tenant: str, number: int, level: Level) -> None:
        """An operator undoes, or stops somebody himself."""
        self.wish("decide", subject=f"{tenant}/x/run/r{number}", level=level)

    @rule(tenant=tenants, first=numbers, wait_s=st.sampled_from([1.0, 130.0]))
    def hold_back(self, tenant: str, first: int, wait_s: float) -> None:
        """What was held back by the mode comes all at once."""
        self.wish("mode", value="observe")
        self.loop(tenant, first, 6, "")
        self.pause(wait_s)
        self.wish("mode", value="enforce")
        self.wait(2.0)

    @rule(tenant=tenants, number=numbers)
    def allow(self, tenant: str, number: int) -> None:
        """Somebody is let alone for a moment."""
        pattern = f"{tenant}/x/run/r{number}"
        entry = AllowEntry(pattern=pattern, author="ada", created_at=self.now, expires_at=self.now + 20.0)
        self.wish("allow_add", entry=entry)

    @rule(lag=st.sampled_from([0, 200_000]), gap=st.sampled_from([0, 5]))
    def lose(self, lag: int, gap: int) -> None:
        """There is a backlog, or a loss."""
        self.feed(lag=lag, gap=gap)

    @rule()
    def outage(self) -> None:
        """The provider is down for a moment."""
        self.feed(*[self.call("a", f"r{n}", status="error", error="HTTP 503") for n in range(12)])

    @precondition(lambda self: self.path.ledgers.standing)
    @rule(state=st.sampled_from(["refused", "accepted"]))
    def answer(self, state: str) -> None:
        """Every guard refuses, or says that it obeys."""
        acks = [
            (f"{self.serial}-{n}", Ack(command=d.id, subject=d.subject, epoch=d.seq, state=state, at=self.now))
            for n, d in enumerate(list(self.path.ledgers.standing)[:8])
        ]
        self.feed(acks=tuple(acks))

    @rule()
    def save(self) -> None:
        """A checkpoint is written."""
        self.saved, self.saved_at = checkpointing.dump(self.path, self.now), len(self.batches)

    @rule()
    def crash(self) -> None:
        """The daemon dies and comes back from its checkpoint and the log."""
        lost, logged = self.batches[self.saved_at :], self.commits[self.saved_at :]
        path: Pipeline = make_pipeline(CONFIG, BOOK)
        checkpointing.load(path, self.saved)
        path.recover(
            [entry for batch in lost for entry in batch.entries],
            [decision for commit in logged for decision in commit.decisions],
            [control for batch in lost for _, control in batch.controls],
        )
        path.positions = self.path.positions
        self.path = path
        self.feed()

    @invariant()
    def never_more_than_allowed(self) -> None:
        by_scope: dict[str, set[str]] = {}
        for scope, subject, at in self.issued:
            if at > self.real - WINDOW_S:
                by_scope.setdefault(scope, set()).add(subject)
        for scope, subjects in by_scope.items():
            assert len(subjects) <= ALLOWED, (scope, subjects)


Amok.TestCase.settings = settings(
    max_examples=40, stateful_step_count=30, deadline=None, phases=(Phase.explicit, Phase.generate)
)
TestNeverAmok = Amok.TestCase
