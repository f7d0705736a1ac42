"""What must hold of the tracked state whatever comes, in whatever order."""

from hypothesis import given, settings
from hypothesis import strategies as st

from agentwatch.detect.bank import Bank
from agentwatch.detect.ceiling import CeilingOptions
from agentwatch.detect.options import DetectOptions, StateOptions
from agentwatch.fingerprint import fingerprint_batch
from agentwatch.records import Event, Observation

OPTIONS = DetectOptions(ceiling=CeilingOptions(run_turns=8, root_usd=1e-6, app_day_turns=20))
TEXTS = ("", "no results", "error: refused", "ok", "41 % done", "42 % done", "the same old answer with a few words")


def some(*values):
    return st.sampled_from(values)


@st.composite
def streams(draw, apps=("a", "b", "bot")):
    events, now = [], 1000.0
    for at in range(draw(st.integers(1, 40))):
        now += draw(some(-3.0, 0.0, 0.5, 2.0, 400.0, 2000.0))
        agent = draw(some("bot", "clerk", "lead"))
        run = draw(some("r1", "r2", "r3", agent))
        op = draw(some("chat", "execute_tool", "execute_tool", "message", "run_start", "run_end", "compact"))
        events.append(
            Event(
                id=f"e{draw(some(at, max(0, at - 1)))}",
                ts=now,
                tenant="default",
                app=draw(st.sampled_from(apps)),
                agent=agent,
                run=run,
                root_run=draw(some(run, run, "r1")),
                parent_run=draw(some("", "", "r2")),
                op=op,
                step=draw(some(None, None, at // 2)),
                trigger=draw(some(None, None, None, "human")),
                status=draw(some(None, "ok", "error", "empty", "held")),
                tool=draw(some("search", "fetch")) if op == "execute_tool" else "",
                to_agent=draw(some("bot", "clerk")) if op == "message" else "",
                input=draw(some(None, *TEXTS)) if op == "chat" else None,
                output=draw(st.sampled_from(TEXTS)) if op in ("chat", "message") else None,
                arguments=draw(st.sampled_from(TEXTS)) if op == "execute_tool" else None,
                result=draw(some(None, *TEXTS)) if op == "execute_tool" else None,
                input_tokens=draw(some(None, 100)),
            )
        )
    return events


def play(bank, events, first=0):
    found = []
    for index, (event, prints) in enumerate(zip(events, fingerprint_batch(events), strict=True), first):
        scope = bank.admit(event, index)
        found.append(bank.observe(Observation(index, f"{index}-0", scope.app.clock, event, prints, 7), scope, OPTIONS))
    return found


@given(streams(), st.integers(0, 40))
@settings(max_examples=120, deadline=None)
def test_a_checkpoint_anywhere_changes_no_answer_and_no_state(events, at):
    whole, first, second = Bank(StateOptions()), Bank(StateOptions()), Bank(StateOptions())
    answers = play(whole, events)
    begun = play(first, events[:at])
    second.restore(list(first.snapshot()))
    assert begun + play(second, events[at:], len(events[:at])) == answers
    assert list(second.snapshot()) == list(whole.snapshot())


@given(streams(), st.integers(2, 6), st.integers(2, 4))
@settings(max_examples=80, deadline=None)
def test_counters_always_agree_with_what_is_held(events, runs, agents):
    bank = Bank(StateOptions(max_runs=runs, max_agents=agents, max_apps=2, max_parents=3, max_speakers=2))
    for index, event in enumerate(events):
        play(bank, [event], index)
        apps = bank.population.apps.values()
        stats = bank.stats()
        assert stats["runs"] == sum(len(app.runs) for app in apps) <= runs
        assert stats["agents"] == sum(len(app.agents) for app in apps) <= agents
        assert stats["roots"] == sum(len({run.root for run in app.runs.values()}) for app in apps)
        assert stats["apps"] <= 2
        assert len(bank.population.lineage) <= 3
        for app in apps:
            for name in {run.root for run in app.runs.values()} | set(app.roots):
                assert app.root(name).live == sum(1 for run in app.runs.values() if run.root == name) > 0
            assert all(
                run.tree is None or (run.root == run.run and run.root not in app.roots) for run in app.runs.values()
            )
            assert all(len(run.speakers) <= 2 for run in app.runs.values())


@given(streams(apps=("a",)), streams(apps=("b",)), st.randoms(use_true_random=False))
@settings(max_examples=60, deadline=None)
def test_an_app_is_judged_alike_whatever_other_apps_do(mine, others, draw):
    def essence(signals):
        return [(one.kind, one.subject, one.strength, one.ceiling, one.reason) for one in signals]

    alone = [essence(signals) for signals in play(Bank(StateOptions()), mine)]
    mixed = [(False, event) for event in others]
    place = 0
    for event in mine:
        place = draw.randint(place, len(mixed))
        mixed.insert(place, (True, event))
        place += 1
    bank = Bank(StateOptions())
    answers = play(bank, [event for _, event in mixed])
    assert [essence(signals) for (own, _), signals in zip(mixed, answers, strict=True) if own] == alone
