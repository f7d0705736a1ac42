"""Whatever happens, in whatever order: never more effective kills in a window than the breaker allows."""

from hypothesis import given, settings
from hypothesis import strategies as st

from agentwatch.policy.breaker import BreakerOptions
from agentwatch.policy.gate import Gate, GateOptions
from agentwatch.policy.rules import Rule
from agentwatch.records import Change, Decision, Event, Level, Origin, Tick

START = 1_000_000.0
LIMITS = BreakerOptions(window_s=60.0, open_s=60.0, min_runs=20, small_limit=3, share=0.2)

kills = st.tuples(
    st.just("kill"),
    st.integers(0, 60),
    st.sampled_from(["a", "b"]),
    st.sampled_from(["r", "s"]),
    st.sampled_from([Origin.policy, Origin.verify, Origin.tombstone]),
)
ends = st.tuples(st.sampled_from(["verified", "undone", "warn"]), st.integers(0, 60))
waits = st.tuples(st.just("wait"), st.floats(0, 60))
runs = st.tuples(st.just("runs"), st.integers(0, 80), st.sampled_from(["a", "b"]))
restarts = st.tuples(st.just("restart"))


class Count:
    """An independent account of effective kills: every one with its scope and time."""

    def __init__(self) -> None:
        self.kills: list[tuple[str, str, float]] = []

    def within(self, scope: str, now: float) -> int:
        return len({s for name, s, at in self.kills if name == scope and at > now - LIMITS.window_s})


def active(populations: dict[str, dict[str, float]], scope: str, now: float) -> int:
    """Every run of the generated population is under rule `r`."""
    kind, _, name = scope.partition(":")
    of = [seen for tenant, seen in populations.items() if tenant == name or (kind == "rule" and name == "r")]
    return sum(at >= now - 300.0 for seen in of for at in seen.values())


def of(number: int, tenant: str, rule: str, origin: Origin, now: float, **more) -> Decision:
    fields = {
        "id": f"d-{number}",
        "seq": number,
        "at": now,
        "ts": now,
        "tenant": tenant,
        "app": "x",
        "agent": "g",
        "run": f"r{number}",
        "root_run": f"r{number}",
        "subject": f"{tenant}/x/root/r{number}",
        "kind": "repeat",
        "level": Level.kill,
        "change": Change.up,
        "origin": origin,
        "rule": rule,
    }
    return Decision(**fields | more)


@settings(max_examples=150, deadline=None)
@given(st.lists(st.one_of(kills, kills, kills, ends, waits, runs, restarts), max_size=120))
def test_no_sequence_kills_more_than_is_allowed(steps):
    gate, now, count = Gate(GateOptions(breaker=LIMITS)), START, Count()
    populations: dict[str, dict[str, float]] = {"a": {}, "b": {}}
    gate.tick(Tick(now))
    for step in steps:
        if step[0] == "wait":
            now += step[1]
            gate.tick(Tick(now))
        elif step[0] == "runs":
            for number in range(step[1]):
                gate.note_event(Event(agent="g", tenant=step[2], app="x", run=f"n{number}"), "r", now)
                populations[step[2]][f"n{number}"] = now
        elif step[0] == "restart":
            state = gate.snapshot()
            gate = Gate(GateOptions(breaker=LIMITS))
            gate.restore(state)
        elif step[0] == "kill":
            _, number, tenant, rule, origin = step
            asked = of(number, tenant, rule, origin, now)
            answer = gate.ask(asked, Rule(name=rule), now)
            gate.note_decision(of(number, tenant, rule, origin, now, gate=answer.gate))
            if not answer.gate:
                scopes = [f"tombstone:{tenant}"] if origin is Origin.tombstone else [f"tenant:{tenant}", f"rule:{rule}"]
                count.kills += [(scope, asked.subject, now) for scope in scopes]
                for scope in scopes:
                    assert count.within(scope, now) <= LIMITS.allowed(active(populations, scope, now))
        else:
            change = Change.verified if step[0] == "verified" else Change.down
            level = Level.kill if step[0] == "verified" else Level.observe
            origin = Origin.operator if step[0] == "undone" else Origin.policy
            gate.note_decision(of(step[1], "a", "r", origin, now, level=level, change=change))


@settings(max_examples=60, deadline=None)
@given(st.lists(st.one_of(kills, waits, ends), max_size=60))
def test_folding_the_recorded_decisions_gives_the_same_state_as_making_them(steps):
    """A restart reads decisions from the log: breakers must come out as they were."""
    live, folded, now = Gate(GateOptions(breaker=LIMITS)), Gate(GateOptions(breaker=LIMITS)), START
    for gate in (live, folded):
        gate.tick(Tick(now))
    for step in steps:
        if step[0] == "wait":
            now += step[1]
            for gate in (live, folded):
                gate.tick(Tick(now))
            continue
        if step[0] == "kill":
            _, number, tenant, rule, origin = step
            asked = of(number, tenant, rule, origin, now)
            recorded = of(number, tenant, rule, origin, now, gate=live.ask(asked, Rule(name=rule), now).gate)
        else:
            recorded = of(step[1], "a", "r", Origin.verify, now, change=Change.verified)
        live.note_decision(recorded)
        folded.note_decision(recorded)
    assert live.breakers(now) == folded.breakers(now)
