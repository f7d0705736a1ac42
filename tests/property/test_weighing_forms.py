"""An event that leads to sums alone is counted alike by the compiled form, with others together, and by itself."""

from collections.abc import Sequence

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from agentwatch import checkpointing, weighing
from agentwatch.config import Config
from agentwatch.cost.ledger import LedgerOptions, Line
from agentwatch.detect.kernel import kernel_form
from agentwatch.detect.tally import LEFT, tally_of
from agentwatch.policy.activity import Active
from agentwatch.policy.gate_options import GateOptions
from agentwatch.policy.outage import OutageOptions, Outcome
from agentwatch.records import Batch, Commit, Entry, Event, Tick
from agentwatch.service.composing import make_pipeline, make_rulebook

START = 1_700_006_390.0  # ten seconds before a day ends
POLICY = b"""
[[rules]]
name = "other"
match.model = ["two"]
[[rules]]
name = "third"
match.agent = ["c"]
"""
CONFIG = Config(
    ledger=LedgerOptions(max_lines=3), gate=GateOptions(outage=OutageOptions(min_runs=2, recover_s=1.0, max_runs=4))
)
encode = msgspec.json.Encoder(order="deterministic").encode

moments = st.floats(0.0, 4.0)
events = st.builds(
    Event,
    agent=st.sampled_from("abc"),
    app=st.sampled_from(["", "x", "y"]),
    run=st.sampled_from(["", "r", "s", "a"]),
    tenant=st.sampled_from(["", "", "", "t", "agentwatch-canary"]),
    team=st.sampled_from(["", "", "red"]),
    task=st.sampled_from(["", "", "r"]),
    model=st.sampled_from(["gpt-4o", "gpt-4o", "two"]),
    op=st.sampled_from(
        ["chat", "chat", "execute_tool", "message", "heartbeat", "invoke_agent", "run_start", "run_end"]
    ),
    id=st.sampled_from(["", "", "", "twice"]),
    status=st.sampled_from([None, None, "ok", "error", "held", "rate_limited", "denied"]),
    error=st.sampled_from([None, None, None, "HTTP 503", "no such file"]),
    input_tokens=st.sampled_from([None, 0, 7, 1000]),
    output_tokens=st.sampled_from([None, 0, 5]),
    cost_usd=st.sampled_from([None, None, 0.0, 0.25]),
)
read = st.lists(st.tuples(moments, st.lists(st.tuples(moments, events), max_size=12)), min_size=1, max_size=6)


def batches(given_: Sequence[tuple[float, Sequence[tuple[float, Event]]]]) -> list[Batch]:
    found, now, number = [], START, 0
    for pause, some in given_:
        now += pause
        entries = []
        for back, event in some:
            number += 1
            data = encode(msgspec.structs.replace(event, ts=now + 2.0 - back))
            entries.append(Entry(f"{int(now * 1000)}-{number}", data))
        found.append(Batch(Tick(now), tuple(entries)))
    return found


def played(given_: Sequence[Batch]) -> tuple[list[bytes], object]:
    path = make_pipeline(CONFIG, make_rulebook(CONFIG, {"policy.toml": POLICY}))
    commits: list[Commit] = [path.step(batch) for batch in given_]
    counts = [path.rulebook.matched(rule.name) for rule in path.rulebook.policy.rules]
    ledger = path.parts.ledger
    return [encode(commit) for commit in commits], (checkpointing.dump(path, START), counts, ledger.merged, ledger.most)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(read)
def test_all_forms_count_alike(monkeypatch: pytest.MonkeyPatch, some: list) -> None:
    given_ = batches(some)
    as_it_comes = played(given_)
    with monkeypatch.context() as patched:
        patched.setattr(weighing, "tally_of", lambda *_: None)
        patched.setattr(weighing, "_STRETCH", 3)
        assert played(given_) == as_it_comes
        patched.setattr(weighing.Weigher, "passes", lambda *_: False)
        assert played(given_) == as_it_comes


@pytest.mark.skipif(not kernel_form(), reason="there is no compiled form here")
def test_an_ordinary_batch_is_counted_in_the_compiled_form(monkeypatch: pytest.MonkeyPatch) -> None:
    told: list[int] = []

    class Watched:
        def __init__(self, *given_: object) -> None:
            self._its = tally_of(*given_)
            self.open, self.close = self._its.open, self._its.close

        def take(self, *given_: object) -> int:
            told.append(self._its.take(*given_))
            return told[-1]

    monkeypatch.setattr(weighing, "tally_of", Watched)
    one = Event(agent="a", app="x", run="r", model="gpt-4o", op="message")
    played(batches([(1.0, [(1.0, msgspec.structs.replace(one, id=f"e{b}-{n}")) for n in range(40)]) for b in range(3)]))
    assert len(told) > 100
    assert told.count(LEFT) < 5


@pytest.mark.skipif(not kernel_form(), reason="there is no compiled form here")
def test_a_tally_takes_only_what_it_is_made_for() -> None:
    made = tally_of({}, Line, Active, Outcome)
    assert made is not None
    made.close()
    for wrong in ((), (None, None, "rule"), (Event(agent="a"), None, "rule")):
        with pytest.raises(TypeError):
            made.take(*wrong)
    with pytest.raises(TypeError):
        made.open({}, [], 0, 1, {}, 1.0, [], 1.0, 0.0)
    with pytest.raises(AttributeError):
        made.open({}, [], 0, 1, {}, 1.0, {}, 1.0, 0.0)  # no order is kept in those
    with pytest.raises(TypeError):
        type(made)({}, (Line, Active), (16,) * 12)
    with pytest.raises(ValueError, match="cannot lie"):
        type(made)({}, (Line, Active, Outcome), (3,) * 12)
