"""The ledger: lines that add up, whatever the bound."""

from urllib.parse import quote

from agentwatch.cost.ledger import OTHER, Ledger, LedgerOptions
from agentwatch.records import Event, LedgerRow, Observation, Prints, line_name, line_of

DAY = 86400.0


def event(ts: float = 10.0, **more) -> Event:
    fields = {"agent": "a", "tenant": "t", "team": "m", "app": "x", "model": "gpt", "ts": ts}
    return Event(**fields | {"input_tokens": 10, "output_tokens": 5} | more)


def seen(one: Event, cost_nusd: int | None) -> Observation:
    return Observation(0, "0-0", one.ts, one, Prints(), cost_nusd)


def test_a_batch_is_one_line_for_each_day_team_app_agent_and_model():
    ledger = Ledger(LedgerOptions())
    ledger.add([seen(event(), 100)])
    ledger.add([seen(event(), None)])
    ledger.add([seen(event(DAY), 100)], looping=True)
    ledger.waste(event(DAY), 40)
    ledger.add([seen(event(op="invoke_agent"), 0)])
    first, second = ledger.drain().lines()
    assert (first.day, first.events, first.input_tokens, first.output_tokens) == ("1970-01-01", 3, 20, 10)
    assert (first.cost_nusd, first.unpriced, first.looping_nusd) == (100, 1, 0)
    assert (second.day, second.cost_nusd, second.looping_nusd) == ("1970-01-02", 100, 140)
    assert not ledger.drain()


def test_beyond_the_bound_only_names_are_lost():
    ledger = Ledger(LedgerOptions(max_lines=3))
    for number in range(10):
        ledger.add([seen(event(agent=f"a{number}"), 7)])
    lines = ledger.drain().lines()
    assert len(lines) == 4
    assert lines[-1].agent == OTHER
    assert sum(line.cost_nusd for line in lines) == 70
    assert ledger.merged == 7


def test_a_line_goes_on_in_the_next_batch_from_nought():
    ledger = Ledger(LedgerOptions(max_lines=2))
    for _ in range(3):
        ledger.add([seen(event(agent="a", model="one"), 1)])
        ledger.add([seen(event(agent="a", model="two"), 2)])
        ledger.add([seen(event(agent="a", model="one"), 4)])
        ledger.add([seen(event(agent="b"), 8)])
        row = ledger.drain()
        assert [(line.agent, line.model, line.cost_nusd) for line in row.lines()] == [
            ("a", "one", 5), ("a", "two", 2), (OTHER, OTHER, 8),
        ]  # fmt: skip
        assert row == LedgerRow.of(row.lines())


def test_lines_beyond_what_is_remembered_are_counted_as_well():
    ledger = Ledger(LedgerOptions(max_remembered=4))
    for number in range(50):
        ledger.add([seen(event(agent=f"a{number % 7}", ts=10.0 + DAY * (number % 3)), 1)])
        ledger.add([seen(event(agent="steady"), 1)])
        if number % 10 == 9:
            lines = ledger.drain().lines()
            assert sum(line.cost_nusd for line in lines) == 20
            assert len({(line.day, line.agent) for line in lines}) == len(lines)
    assert len(ledger) + ledger.forgotten > 4
    assert ledger.forgotten > 0


def test_names_are_escaped_as_they_were_always():
    for parts in (
        ("t|x", "", "a/b", "é", "m"),
        ("t", "a b", "(x)", "a,b:c@d+e", "gpt-4o~1_2.3"),
        ("", "", "", "", "\n"),
    ):
        name = line_name(*parts)
        assert name == "|".join(quote(part, safe=" ()@:,+") for part in parts)
        line = line_of("2026-01-01", name, {})
        assert (line.tenant, line.team, line.app, line.agent, line.model) == parts
