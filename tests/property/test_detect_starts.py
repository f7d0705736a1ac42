"""Whatever starts, ends, compacts and beats in whatever order: bounded, repeatable, and untouched by other apps."""

from hypothesis import given, settings
from hypothesis import strategies as st

from agentwatch.detect.bank import Bank
from agentwatch.detect.options import DetectOptions, StateOptions
from agentwatch.fingerprint import fingerprint_batch
from agentwatch.records import Event, Observation

PROMPTS = ("Process the next item of the queue.", "Write the weekly report on costs.", "hi", None)
OPS = ("chat", "execute_tool", "invoke_agent", "compact", "heartbeat", "run_start", "run_end")

STEPS = st.lists(
    st.tuples(
        st.sampled_from(OPS),
        st.integers(0, 5),  # run
        st.integers(-1, 4),  # its parent
        st.sampled_from(PROMPTS),
        st.sampled_from(("human", "schedule", "agent", None)),
        st.sampled_from((None, 60.0, 3600.0)),
        st.sampled_from(("ok", "error", None)),
        st.floats(0, 4000),
        st.integers(0, 200_000),
    ),
    max_size=60,
)


def events(steps, app="app"):
    now, made = 1_700_000_000.0, []
    for at, (op, run, parent, prompt, trigger, interval_s, status, gap_s, tokens) in enumerate(steps):
        now += gap_s
        below = 0 <= parent < run
        made.append(
            Event(
                id=f"e{at}",
                ts=now,
                op=op,
                tenant="t",
                app=app,
                agent=f"a{run % 3}",
                run=f"r{run}",
                root_run=f"r{parent}" if below else f"r{run}",
                parent_run=f"r{parent}" if below else "",
                task="job" if run == 4 else "",
                trigger=trigger,
                interval_s=interval_s,
                status=status,
                input=prompt,
                tool="look" if op == "execute_tool" else "",
                arguments='{"at": "the same place as before"}' if op == "execute_tool" else None,
                result="nothing has changed since the last time" if op == "execute_tool" else None,
                input_tokens=tokens,
            )
        )
    return made


def play(stream, *, reload_at=-1):
    bank, options, said = Bank(StateOptions()), DetectOptions(), []
    for at, (event, prints) in enumerate(zip(stream, fingerprint_batch(stream), strict=True)):
        if at == reload_at:
            chunks = list(bank.snapshot())
            bank = Bank(StateOptions())
            bank.restore(chunks)
        scope = bank.admit(event)
        cost = (event.input_tokens or 0) * 2500
        said.append(
            (event.id, bank.observe(Observation(at, f"{at}-0", scope.app.clock, event, prints, cost), scope, options))
        )
    return said, bank


@settings(max_examples=60, deadline=None)
@given(STEPS, st.integers(0, 60))
def test_a_restart_changes_nothing(steps, reload_at):
    stream = events(steps)
    assert play(stream, reload_at=reload_at)[0] == play(stream)[0]


@settings(max_examples=30, deadline=None)
@given(STEPS, STEPS)
def test_other_apps_change_nothing(steps, others):
    alone = {name: _bare(signals) for name, signals in play(events(steps))[0]}
    mixed = sorted(events(steps) + events(others, "other"), key=lambda event: event.ts)
    for event, (name, signals) in zip(mixed, play(mixed)[0], strict=True):
        if event.app == "app":
            assert _bare(signals) == alone[name]


@settings(max_examples=20, deadline=None)
@given(STEPS)
def test_state_is_bounded_however_long_it_goes_on(steps):
    stream = events(steps)
    sizes = []
    for rounds in (4, 8):
        again = [
            Event(**{**{name: getattr(event, name) for name in event.__struct_fields__}, "id": f"{turn}-{event.id}"})
            for turn in range(rounds)
            for event in stream
        ]
        sizes.append(sum(map(len, play(again)[1].snapshot())))
    assert sizes[1] <= sizes[0] * 1.5 + 4096


def _bare(signals):
    """What a signal says, without the positions of its events in the whole input."""
    return [(one.kind, one.subject, one.strength, one.ceiling, one.reason) for one in signals]
